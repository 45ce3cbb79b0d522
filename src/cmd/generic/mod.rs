//! Keys of any type: whether they are there, and what is left of them. Expiry, copying, scanning, sorting have files of their own.

mod copy;
mod dump;
mod expire;
mod object;
mod scan;
mod sort;

use crate::engine::entry::Entry;
use crate::engine::events::GENERIC;
use crate::engine::{Ctx, Group, KEY_META, Outcome, Row, flag};

/// The family.
pub const ROWS: &[Row] = &[
    copy::COPY,
    DEL,
    dump::DUMP,
    EXISTS,
    expire::EXPIRE,
    expire::EXPIREAT,
    expire::EXPIRETIME,
    scan::KEYS,
    copy::MOVE,
    object::OBJECT,
    expire::PERSIST,
    expire::PEXPIRE,
    expire::PEXPIREAT,
    expire::PEXPIRETIME,
    expire::PTTL,
    RANDOMKEY,
    copy::RENAME,
    copy::RENAMENX,
    dump::RESTORE,
    dump::RESTORE_ASKING,
    scan::SCAN,
    sort::SORT,
    sort::SORT_RO,
    TOUCH,
    expire::TTL,
    TYPE,
    UNLINK,
];

/// Returns the entry of `key` as a read that is counted but not remembered as an access: for commands about the key only.
fn look<'k>(c: &'k mut Ctx, key: &[u8]) -> Option<&'k Entry> {
    c.ks.no_touch = true;
    c.ks.read(key)
}

const ALL_DELETED: &str = "idx:1/range:last=-1,step=1,limit=0[RM,DELETE]";
const ALL_META: &str = "idx:1/range:last=-1,step=1,limit=0[RO]";

const DEL: Row = Row {
    name: "DEL",
    group: Group::Generic,
    since: "1.0.0",
    arity: -2,
    flags: flag::WRITE,
    keys: ALL_DELETED,
    summary: "Deletes keys. Returns how many were there.",
    complexity: "O(N) for N keys",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): number",
    example: "> SET a 1\nOK\n> SET b 2\nOK\n> DEL a b missing\n(integer) 2\n> EXISTS a b\n(integer) 0",
    run: del,
    ..Row::NONE
};

const UNLINK: Row = Row {
    name: "UNLINK",
    group: Group::Generic,
    since: "4.0.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: ALL_DELETED,
    summary: "Deletes keys at once, and frees large values a slice at a time afterwards. Returns how many were there.",
    complexity: "O(1) for each key removed regardless of its size, and O(N) work afterwards, where N is the number of allocations of the values",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): number",
    example: "> SET a 1\nOK\n> UNLINK a missing\n(integer) 1\n> EXISTS a\n(integer) 0",
    run: unlink,
    ..Row::NONE
};

/// `lazyfree-lazy-user-del` makes it UNLINK.
fn del(c: &mut Ctx) -> Outcome {
    let lazily = c.ks.lazily.user_del;
    delete(c, lazily)
}

fn unlink(c: &mut Ctx) -> Outcome {
    delete(c, true)
}

fn delete(c: &mut Ctx, lazily: bool) -> Outcome {
    let mut deleted = 0;
    for key in &c.argv[1..] {
        if if lazily { c.ks.unlink(key) } else { c.ks.delete(key) } {
            c.ks.changed(key, GENERIC, "del");
            deleted += 1;
        }
    }
    c.out.int(deleted);
    Ok(())
}

const EXISTS: Row = Row {
    name: "EXISTS",
    group: Group::Generic,
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY | flag::FAST,
    keys: ALL_META,
    summary: "Returns how many of the keys are there; one named twice counts twice.",
    complexity: "O(N) for N keys",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): number",
    example: "> SET a 1\nOK\n> EXISTS a\n(integer) 1\n> EXISTS a missing a\n(integer) 2",
    run: exists,
    ..Row::NONE
};

fn exists(c: &mut Ctx) -> Outcome {
    let there = c.argv[1..].iter().filter(|key| look(c, key).is_some()).count();
    c.out.len(there);
    Ok(())
}

const TOUCH: Row = Row {
    name: "TOUCH",
    group: Group::Generic,
    since: "3.2.1",
    arity: -2,
    flags: flag::READONLY | flag::FAST,
    keys: ALL_META,
    summary: "Remembers that keys were accessed now. Returns how many are there.",
    complexity: "O(N) for N keys",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): number",
    example: "> SET a 1\nOK\n> TOUCH a missing\n(integer) 1\n> OBJECT IDLETIME a\n(integer) 0",
    run: touch,
    ..Row::NONE
};

fn touch(c: &mut Ctx) -> Outcome {
    let there = c.argv[1..].iter().filter(|key| c.ks.read(key).is_some()).count();
    c.out.len(there);
    Ok(())
}

const TYPE: Row = Row {
    name: "TYPE",
    group: Group::Generic,
    since: "1.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the type of the value at a key: string, list, set, zset, hash; none without the key.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): string",
    example: "> SADD s 1\n(integer) 1\n> TYPE s\nset\n> TYPE missing\nnone",
    run: kind,
    ..Row::NONE
};

fn kind(c: &mut Ctx) -> Outcome {
    let name = look(c, c.argv[1]).map_or("none", |entry| entry.kind().name());
    c.out.simple(name);
    Ok(())
}

const RANDOMKEY: Row = Row {
    name: "RANDOMKEY",
    group: Group::Generic,
    since: "1.0.0",
    arity: 1,
    flags: flag::READONLY | flag::TOUCHES_ARBITRARY_KEYS,
    summary: "Returns a random key of the database, or null when there is none.",
    complexity: "O(1)",
    ts: "(): string | null",
    example: "> RANDOMKEY\n(nil)\n> SET only 1\nOK\n> RANDOMKEY\n\"only\"",
    run: randomkey,
    ..Row::NONE
};

fn randomkey(c: &mut Ctx) -> Outcome {
    let key = c.ks.random_key();
    c.out.bulk_or_null(key.as_deref());
    Ok(())
}
