//! Setting and deleting fields.

use super::{edit, edit_or_new};
use crate::engine::events::HASH;
use crate::engine::{Ctx, Error, Group, KEY_DELETE, KEY_INSERT, KEY_UPDATE, Outcome, Row, flag};

pub(super) const HSET: Row = Row {
    name: "HSET",
    group: Group::Hash,
    since: "2.0.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Sets fields of a hash, removes their expiry, and returns how many are new.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key field value [field value ...]",
    ts: "(key: Key, ...pairs: [Value, Value, ...Value[]] | [Record<string, Value>]): number",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HSET h b 3 c 4\n(integer) 1\n> HGETALL h\n1) \"a\"\n2) \"1\"\n3) \"b\"\n4) \"3\"\n5) \"c\"\n6) \"4\"",
    run: hset,
    ..Row::NONE
};

fn hset(c: &mut Ctx) -> Outcome {
    let new = set_pairs(c)?;
    c.out.int(new);
    Ok(())
}

pub(super) const HMSET: Row = Row {
    name: "HMSET",
    group: Group::Hash,
    since: "2.0.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Sets fields of a hash. HSET does the same.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key field value [field value ...]",
    ts: "(key: Key, ...pairs: [Value, Value, ...Value[]] | [Record<string, Value>]): 'OK'",
    example: "> HMSET h a 1 b 2\nOK\n> HMGET h a b\n1) \"1\"\n2) \"2\"",
    run: hmset,
    ..Row::NONE
};

fn hmset(c: &mut Ctx) -> Outcome {
    set_pairs(c)?;
    c.out.ok();
    Ok(())
}

/// Sets the fields the command names. Returns how many are new.
fn set_pairs(c: &mut Ctx) -> Result<i64, Error> {
    let (key, pairs) = (c.argv[1], &c.argv[2..]);
    if !pairs.len().is_multiple_of(2) {
        return Err(Error::arity(c.name()));
    }
    let (limits, seed) = (c.ks.limits.hash, c.ks.seed);
    let new = edit_or_new(c.ks, key, |hash| {
        pairs.chunks_exact(2).map(|pair| i64::from(hash.set(pair[0], pair[1], &limits, seed))).sum()
    })?;
    c.ks.changed(key, HASH, "hset");
    c.ks.dirty += pairs.len() as u64 / 2 - 1;
    Ok(new)
}

pub(super) const HSETNX: Row = Row {
    name: "HSETNX",
    group: Group::Hash,
    since: "2.0.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Sets a field of a hash only if the hash does not have it.",
    complexity: "O(1)",
    syntax: "key field value",
    ts: "(key: Key, field: Value, value: Value): number",
    example: "> HSETNX h f v\n(integer) 1\n> HSETNX h f w\n(integer) 0\n> HGET h f\n\"v\"",
    run: hsetnx,
    ..Row::NONE
};

fn hsetnx(c: &mut Ctx) -> Outcome {
    let (key, field, value) = (c.argv[1], c.argv[2], c.argv[3]);
    let (limits, seed) = (c.ks.limits.hash, c.ks.seed);
    let new = edit_or_new(c.ks, key, |hash| !hash.contains(field) && hash.set(field, value, &limits, seed))?;
    if new {
        c.ks.changed(key, HASH, "hset");
    }
    c.out.int(i64::from(new));
    Ok(())
}

pub(super) const HDEL: Row = Row {
    name: "HDEL",
    group: Group::Hash,
    since: "2.0.0",
    arity: -3,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_DELETE,
    summary: "Deletes fields of a hash, and returns how many there were. The last field takes the key along.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key field [field ...]",
    ts: "(key: Key, ...fields: Value[]): number",
    example: "> HSET h a 1 b 2 c 3\n(integer) 3\n> HDEL h a b missing\n(integer) 2\n> HKEYS h\n1) \"c\"",
    run: hdel,
    ..Row::NONE
};

fn hdel(c: &mut Ctx) -> Outcome {
    let (key, fields) = (c.argv[1], &c.argv[2..]);
    let count = edit(c.ks, key, |hash| fields.iter().filter(|field| hash.remove(field)).count())?.unwrap_or(0);
    if count > 0 {
        c.ks.changed(key, HASH, "hdel");
        c.ks.dirty += count as u64 - 1;
        c.ks.delete_if_empty(key);
    }
    c.out.len(count);
    Ok(())
}
