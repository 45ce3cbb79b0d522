//! Counting in the fields of a hash.

use super::{edit_or_new, with_fields};
use crate::base::ld80::Ld80;
use crate::base::num::fmt_i64;
use crate::cmd::string::long_double;
use crate::ds::hash::Hash;
use crate::ds::listpack::Elem;
use crate::engine::events::HASH;
use crate::engine::{Ctx, Error, Group, KEY_ACCESS_UPDATE, Outcome, Row, args, flag};

pub(super) const HINCRBY: Row = Row {
    name: "HINCRBY",
    group: Group::Hash,
    since: "2.0.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Adds an integer to the integer value of a field; a missing field counts as 0.",
    complexity: "O(1)",
    syntax: "key field increment",
    ts: "(key: Key, field: Value, increment: number | bigint): number",
    example: "> HINCRBY h f 5\n(integer) 5\n> HINCRBY h f -7\n(integer) -2\n> HSET h g abc\n(integer) 1\n> HINCRBY h g 1\n(error) ERR hash value is not an integer",
    run: hincrby,
    ..Row::NONE
};

fn hincrby(c: &mut Ctx) -> Outcome {
    let (key, field) = (c.argv[1], c.argv[2]);
    let by = args::int(c.argv[3])?;
    let old = match c.ks.look::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        None => 0,
        Some(Elem::Int(n)) => n,
        Some(Elem::Str(text)) => args::int(text).map_err(|_| Error::HashNotInteger)?,
    };
    let new = old.checked_add(by).ok_or(Error::IncrOverflow)?;
    let (limits, seed) = (c.ks.limits.hash, c.ks.seed);
    edit_or_new(c.ks, key, |hash| hash.set_keep_ttl(field, fmt_i64(new, &mut [0; 40]), &limits, seed))?;
    c.ks.changed(key, HASH, "hincrby");
    c.out.int(new);
    Ok(())
}

pub(super) const HINCRBYFLOAT: Row = Row {
    name: "HINCRBYFLOAT",
    group: Group::Hash,
    since: "2.6.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Adds a float to the number in a field, with 17 digits after the point; a missing field counts as 0.",
    complexity: "O(1)",
    syntax: "key field increment",
    ts: "(key: Key, field: Value, increment: number | string): string",
    example: "> HSET h f 10.50\n(integer) 1\n> HINCRBYFLOAT h f 0.1\n\"10.6\"\n> HINCRBYFLOAT h f -1.0e1\n\"0.6\"",
    run: hincrbyfloat,
    ..Row::NONE
};

fn hincrbyfloat(c: &mut Ctx) -> Outcome {
    let (key, field) = (c.argv[1], c.argv[2]);
    let by = Ld80::parse(c.argv[3]).ok_or(Error::NotFloat)?;
    if !by.is_finite() {
        return Err(Error::NanOrInf);
    }
    let hash = c.ks.look::<Hash>(key)?;
    let keeps_ttl = hash.is_some_and(|hash| hash.expire_at(field).is_some());
    let old = hash.and_then(|hash| hash.get(field)).map_or(Some(Ld80::from_i64(0)), long_double);
    let new = old.ok_or(Error::HashNotFloat)?.plus(by);
    if !new.is_finite() {
        return Err(Error::IncrNanOrInf);
    }
    let text = new.to_text();
    let (limits, seed) = (c.ks.limits.hash, c.ks.seed);
    edit_or_new(c.ks, key, |hash| hash.set_keep_ttl(field, text.as_bytes(), &limits, seed))?;
    c.ks.changed(key, HASH, "hincrbyfloat");
    // The sum, not the increment: a follower's arithmetic need not agree. HSET would take the field's expiry away.
    if keeps_ttl {
        c.instead(&with_fields(&[b"HSETEX", key, b"KEEPTTL"], "1", &[field, text.as_bytes()]));
    } else {
        c.instead(&[b"HSET", key, field, text.as_bytes()]);
    }
    c.out.bulk(text.as_bytes());
    Ok(())
}
