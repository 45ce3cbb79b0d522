//! Intersection, union and difference of sets, answered or stored.

use super::reply_members;
use crate::base::order;
use crate::ds::listpack::Elem;
use crate::ds::set::{Limits, Set};
use crate::engine::events::{GENERIC, SET};
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Group, Keyspace, Outcome, Row, Ttl, args, flag};

const ALL_KEYS: &str = "idx:1/range:last=-1,step=1,limit=0[RO,ACCESS]";
const TARGET_AND_KEYS: &str =
    "idx:1/range:last=0,step=1,limit=0[OW,UPDATE]; idx:2/range:last=-1,step=1,limit=0[RO,ACCESS]";

/// Returns the sets at `keys`, `None` for a missing one. Fails if any key holds another type.
fn sources<'k>(ks: &'k mut Keyspace, keys: &[&[u8]]) -> Result<Vec<Option<&'k Set>>, Error> {
    keys.iter().for_each(|key| _ = ks.read(key));
    let ks = &*ks;
    keys.iter().map(|key| ks.see(key)).collect()
}

/// Stores a result, or deletes the key for an empty one, and answers how many members it has.
fn store(c: &mut Ctx, key: &[u8], set: Set, event: &'static str) -> Outcome {
    c.out.len(set.len());
    if !set.is_empty() {
        c.ks.set_object(key, Object::Set(set), Ttl::Clear);
        c.ks.changed(key, SET, event);
    } else if c.ks.delete(key) {
        c.ks.changed(key, GENERIC, "del");
    }
    Ok(())
}

pub(super) const SINTER: Row = Row {
    name: "SINTER",
    group: Group::Set,
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    keys: ALL_KEYS,
    summary: "Returns the members that all sets have.",
    complexity: "O(N*M) worst case, for N members of the smallest of M sets",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): string[]",
    example: "> SADD a 1 2 3\n(integer) 3\n> SADD b 2 3 4\n(integer) 3\n> SINTER a b\n1) \"2\"\n2) \"3\"\n> SINTER a missing\n(empty array)",
    run: sinter,
    ..Row::NONE
};

fn sinter(c: &mut Ctx) -> Outcome {
    let sets = sources(c.ks, &c.argv[1..])?;
    let open = c.out.open_set();
    let mut count = 0;
    intersect(sets, |member| {
        c.out.elem(member);
        count += 1;
        true
    });
    c.out.close(open, count);
    Ok(())
}

pub(super) const SINTERSTORE: Row = Row {
    name: "SINTERSTORE",
    group: Group::Set,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: TARGET_AND_KEYS,
    summary: "Stores the members that all sets have as a set. Returns how many they are.",
    complexity: "O(N*M) worst case, for N members of the smallest of M sets",
    syntax: "destination key [key ...]",
    ts: "(destination: Key, key: Key, ...keys: Key[]): number",
    example: "> SADD a 1 2 3\n(integer) 3\n> SADD b 2 3 4\n(integer) 3\n> SINTERSTORE both a b\n(integer) 2\n> SMEMBERS both\n1) \"2\"\n2) \"3\"",
    run: sinterstore,
    ..Row::NONE
};

fn sinterstore(c: &mut Ctx) -> Outcome {
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    let mut result = Set::new();
    intersect(sources(c.ks, &c.argv[2..])?, |member| {
        member.with(|text| result.add(text, &limits, seed));
        true
    });
    store(c, c.argv[1], result, "sinterstore")
}

pub(super) const SINTERCARD: Row = Row {
    name: "SINTERCARD",
    group: Group::Set,
    since: "7.0.0",
    arity: -3,
    flags: flag::READONLY,
    keys: "idx:1/keynum:numidx=0,first=1,step=1[RO,ACCESS]",
    summary: "Returns how many members all sets have in common, counting no further than a limit.",
    complexity: "O(N*M) worst case, for N members of the smallest of M sets",
    syntax: "numkeys key [key ...] [LIMIT limit]",
    ts: "(numkeys: number, ...args: Arg[]): number",
    example: "> SADD a 1 2 3\n(integer) 3\n> SADD b 1 2 3 4\n(integer) 4\n> SINTERCARD 2 a b\n(integer) 3\n> SINTERCARD 2 a b LIMIT 2\n(integer) 2",
    run: sintercard,
    ..Row::NONE
};

fn sintercard(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let keys = numbered_keys(&mut args)?;
    let mut limit = 0;
    while args.more() {
        if args.left() < 2 || !args.word("LIMIT") {
            return Err(Error::Syntax);
        }
        limit = args::int(args.next()?).ok().filter(|n| *n >= 0).ok_or(Error::NegativeLimit)?;
    }
    let limit = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    let mut count = 0;
    intersect(sources(c.ks, keys)?, |_| {
        count += 1;
        count < limit
    });
    c.out.len(count);
    Ok(())
}

/// Takes the number of keys and so many keys.
fn numbered_keys<'a>(args: &mut Args<'a>) -> Result<&'a [&'a [u8]], Error> {
    let count = args::int(args.next()?).ok().filter(|n| *n > 0).ok_or(Error::NumkeysNotPositive)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    args.take(count).map_err(|_| Error::NumkeysTooMany)
}

/// The key that puts the largest set first.
fn largest_first(set: &&Set) -> u64 {
    u64::MAX - set.len() as u64
}

/// Passes each member that all sets have to `f`, until it returns false. The smallest set is walked, the others are asked in
/// ascending order of size, so that the first to say no is likely a cheap one.
fn intersect(sets: Vec<Option<&Set>>, mut f: impl FnMut(Elem) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() else { return };
    order::by_key(&mut sets, |set| set.len() as u64);
    let Some((smallest, others)) = sets.split_first() else { return };
    let others: Vec<&Set> = others.iter().filter(|set| !std::ptr::eq(**set, *smallest)).copied().collect();
    for member in smallest.iter() {
        if others.iter().all(|set| set.contains_elem(member)) && !f(member) {
            return;
        }
    }
}

pub(super) const SUNION: Row = Row {
    name: "SUNION",
    group: Group::Set,
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    keys: ALL_KEYS,
    summary: "Returns the members that any of the sets has.",
    complexity: "O(N) for N members of all sets",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): string[]",
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SUNION a b missing\n1) \"1\"\n2) \"2\"\n3) \"3\"",
    run: sunion,
    ..Row::NONE
};

fn sunion(c: &mut Ctx) -> Outcome {
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    let mut sets: Vec<&Set> = sources(c.ks, &c.argv[1..])?.into_iter().flatten().collect();
    order::by_key(&mut sets, largest_first);
    // Asking up to three large sets is cheaper than copying every member into a new one. A listpack is slow to ask.
    let asked = &sets[..sets.len().saturating_sub(1)];
    let ints = sets.iter().all(|set| set.ints().is_some());
    if ints || asked.len() > 3 || asked.iter().any(|set| set.listpack().is_some()) {
        let total = sets.iter().map(|set| set.len()).sum();
        let mut all = if ints { Set::new() } else { Set::with_hint(b"", total, &limits, seed) };
        add_members(&mut all, &sets, &limits, seed);
        reply_members(c.out, &all);
        return Ok(());
    }
    let open = c.out.open_set();
    let mut count = 0;
    for (n, set) in sets.iter().enumerate() {
        for member in set.iter().filter(|member| !sets[..n].iter().any(|set| set.contains_elem(*member))) {
            c.out.elem(member);
            count += 1;
        }
    }
    c.out.close(open, count);
    Ok(())
}

fn add_members(to: &mut Set, sets: &[&Set], limits: &Limits, seed: u64) {
    for member in sets.iter().flat_map(|set| set.iter()) {
        member.with(|text| to.add(text, limits, seed));
    }
}

pub(super) const SUNIONSTORE: Row = Row {
    name: "SUNIONSTORE",
    group: Group::Set,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: TARGET_AND_KEYS,
    summary: "Stores the members that any of the sets has as a set. Returns how many they are.",
    complexity: "O(N) for N members of all sets",
    syntax: "destination key [key ...]",
    ts: "(destination: Key, key: Key, ...keys: Key[]): number",
    example: "> SADD a 1 2\n(integer) 2\n> SADD b 2 3\n(integer) 2\n> SUNIONSTORE any a b\n(integer) 3\n> SMEMBERS any\n1) \"1\"\n2) \"2\"\n3) \"3\"",
    run: sunionstore,
    ..Row::NONE
};

fn sunionstore(c: &mut Ctx) -> Outcome {
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    let mut sets: Vec<&Set> = sources(c.ks, &c.argv[2..])?.into_iter().flatten().collect();
    order::by_key(&mut sets, largest_first);
    let mut result = Set::new();
    let mut rest = &sets[..];
    if let Some((largest, others)) = sets.split_first() {
        (result, rest) = (copy_to_grow(largest, &limits, seed), others);
    }
    add_members(&mut result, rest, &limits, seed);
    store(c, c.argv[1], result, "sunionstore")
}

/// Returns a set with the members of `set` in the encoding they have when they are added one by one.
fn copy_to_grow(set: &Set, limits: &Limits, seed: u64) -> Set {
    if set.len() > limits.intset.max(limits.entries) {
        // A hash table in any case: copying one is faster than filling one.
        let mut copy = set.clone();
        copy.reserve(set.len(), limits, seed);
        return copy;
    }
    let mut copy = Set::new();
    add_members(&mut copy, &[set], limits, seed);
    copy
}

pub(super) const SDIFF: Row = Row {
    name: "SDIFF",
    group: Group::Set,
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    keys: ALL_KEYS,
    summary: "Returns the members of the first set that none of the others has.",
    complexity: "O(N) for N members of all sets",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): string[]",
    example: "> SADD a 1 2 3\n(integer) 3\n> SADD b 2\n(integer) 1\n> SDIFF a b missing\n1) \"1\"\n2) \"3\"",
    run: sdiff,
    ..Row::NONE
};

fn sdiff(c: &mut Ctx) -> Outcome {
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    match Difference::of(sources(c.ks, &c.argv[1..])?) {
        Difference::Empty => c.out.set(0),
        Difference::Ask(first, others) => {
            let open = c.out.open_set();
            let mut count = 0;
            for member in survivors(first, &others) {
                c.out.elem(member);
                count += 1;
            }
            c.out.close(open, count);
        }
        Difference::Remove(first, others) => {
            reply_members(c.out, &remainder(copy_to_grow(first, &limits, seed), &others));
        }
    }
    Ok(())
}

pub(super) const SDIFFSTORE: Row = Row {
    name: "SDIFFSTORE",
    group: Group::Set,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: TARGET_AND_KEYS,
    summary: "Stores the members of the first set that none of the others has as a set. Returns how many they are.",
    complexity: "O(N) for N members of all sets",
    syntax: "destination key [key ...]",
    ts: "(destination: Key, key: Key, ...keys: Key[]): number",
    example: "> SADD a 1 2 3\n(integer) 3\n> SADD b 2\n(integer) 1\n> SDIFFSTORE rest a b\n(integer) 2\n> SMEMBERS rest\n1) \"1\"\n2) \"3\"",
    run: sdiffstore,
    ..Row::NONE
};

fn sdiffstore(c: &mut Ctx) -> Outcome {
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    let mut result = Set::new();
    match Difference::of(sources(c.ks, &c.argv[2..])?) {
        Difference::Empty => {}
        Difference::Ask(first, others) => {
            for member in survivors(first, &others) {
                member.with(|text| result.add(text, &limits, seed));
            }
        }
        Difference::Remove(first, others) => result = remainder(copy_to_grow(first, &limits, seed), &others),
    }
    store(c, c.argv[1], result, "sdiffstore")
}

/// How to subtract: Redis's choice of two ways by the work they take.
enum Difference<'k> {
    /// There is nothing to subtract from, or the first set is subtracted from itself.
    Empty,
    /// Ask the others, the largest first, for each member of the first: O(members of the first × sets).
    Ask(&'k Set, Vec<&'k Set>),
    /// Remove the members of the others from a copy of the first: O(members of all sets).
    Remove(&'k Set, Vec<&'k Set>),
}

impl<'k> Difference<'k> {
    fn of(sets: Vec<Option<&'k Set>>) -> Self {
        let Some(first) = sets[0] else { return Difference::Empty };
        let mut others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
        if others.iter().any(|set| std::ptr::eq(*set, first)) {
            return Difference::Empty;
        }
        let total: usize = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
        // Asking has the better constant and can stop early: it counts half.
        if first.len() * (others.len() + 1) / 2 <= total {
            order::by_key(&mut others, largest_first);
            Difference::Ask(first, others)
        } else {
            Difference::Remove(first, others)
        }
    }
}

fn survivors<'k>(first: &'k Set, others: &[&Set]) -> impl Iterator<Item = Elem<'k>> {
    first.iter().filter(|member| !others.iter().any(|set| set.contains_elem(*member)))
}

fn remainder(mut set: Set, others: &[&Set]) -> Set {
    for member in others.iter().flat_map(|other| other.iter()) {
        member.with(|text| set.remove(text));
        if set.is_empty() {
            break;
        }
    }
    set
}
