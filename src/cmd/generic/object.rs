//! OBJECT: how a value is kept.

use super::look;
use crate::cmd::command::help_row;
use crate::ds::listpack::Elem;
use crate::engine::entry::Entry;
use crate::engine::keyspace::Clock;
use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};

pub(super) const OBJECT: Row = Row {
    name: "OBJECT",
    group: Group::Generic,
    since: "2.2.3",
    arity: -2,
    summary: "How the value at a key is kept.",
    complexity: "Depends on the sub-command",
    subs: &[ENCODING, FREQ, help_row(Group::Generic, "6.2.0", flag::LOADING | flag::STALE), IDLETIME, REFCOUNT],
    ..Row::NONE
};

/// The part that all sub-commands but HELP have in common.
const ABOUT_KEY: Row = Row {
    group: Group::Generic,
    since: "2.2.3",
    arity: 3,
    flags: flag::READONLY,
    keys: "idx:2/range:last=0,step=1,limit=0[RO]",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number | null",
    ..Row::NONE
};

const ENCODING: Row = Row {
    name: "ENCODING",
    summary: "Returns the word for how the value is kept: int, embstr, raw, listpack, intset, hashtable, skiplist and so on.",
    ts: "(key: Key): string | null",
    example: "> SET n 12\nOK\n> OBJECT ENCODING n\n\"int\"\n> SADD s 1 2\n(integer) 2\n> OBJECT ENCODING s\n\"intset\"\n> OBJECT ENCODING missing\n(nil)",
    run: encoding,
    ..ABOUT_KEY
};

fn encoding(c: &mut Ctx) -> Outcome {
    let word = about(c).map(Entry::encoding);
    c.out.bulk_or_null(word.map(str::as_bytes));
    Ok(())
}

const FREQ: Row = Row {
    name: "FREQ",
    since: "4.0.0",
    summary: "Returns the logarithmic access counter of a key, which an LFU eviction policy keeps.",
    example: "> SET k v\nOK\n> OBJECT FREQ missing\n(nil)\n> OBJECT FREQ k\n(error) ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    run: freq,
    ..ABOUT_KEY
};

fn freq(c: &mut Ctx) -> Outcome {
    let clock = about(c).map(Entry::clock);
    match (clock, c.ks.clock) {
        (None, _) => c.out.null(),
        (Some(_), Clock::Lru) => return Err(Error::LfuNotSelected),
        (Some(clock), Clock::Lfu) => c.out.int(i64::from(c.ks.lfu_count(clock))),
    }
    Ok(())
}

const IDLETIME: Row = Row {
    name: "IDLETIME",
    summary: "Returns how many seconds ago a key was last accessed. Not kept with an LFU eviction policy.",
    example: "> SET k v\nOK\n> OBJECT IDLETIME k\n(integer) 0",
    run: idletime,
    ..ABOUT_KEY
};

fn idletime(c: &mut Ctx) -> Outcome {
    let clock = about(c).map(Entry::clock);
    match (clock, c.ks.clock) {
        (None, _) => c.out.null(),
        (Some(_), Clock::Lfu) => return Err(Error::LfuSelected),
        // The clock has 24 bits and comes round.
        (Some(clock), Clock::Lru) => c.out.int(i64::from(c.ks.lru_clock().wrapping_sub(clock) & 0xff_ffff)),
    }
    Ok(())
}

const REFCOUNT: Row = Row {
    name: "REFCOUNT",
    summary: "Returns how many references to the value there are: 1, but for small integers, which Redis shares.",
    example: "> SET k v\nOK\n> OBJECT REFCOUNT k\n(integer) 1\n> OBJECT REFCOUNT missing\n(nil)",
    run: refcount,
    ..ABOUT_KEY
};

/// The integers below this are objects that all keys of a Redis share.
const SHARED_INTEGERS: i64 = 10_000;

fn refcount(c: &mut Ctx) -> Outcome {
    // A shared object has no access clock of its own, so Redis shares none where a policy needs the clock.
    let shares = c.server.config.maxmemory == 0 || !c.server.evict.policy.uses_clock();
    match about(c).map(Entry::text) {
        None => c.out.null(),
        Some(Some(Elem::Int(0..SHARED_INTEGERS))) if shares => c.out.int(i64::from(i32::MAX)),
        Some(_) => c.out.int(1),
    }
    Ok(())
}

/// Returns the entry of the key that is asked about. The lookup is counted, but neither remembered nor announced.
fn about<'k>(c: &'k mut Ctx) -> Option<&'k Entry> {
    let key = c.argv[2];
    if c.ks.exists(key) {
        return look(c, key);
    }
    c.ks.stats.misses += 1;
    None
}
