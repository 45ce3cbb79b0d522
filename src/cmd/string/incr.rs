//! Counting: strings that hold a number.

use crate::base::ld80::Ld80;
use crate::base::num;
use crate::ds::listpack::Elem;
use crate::engine::events::STRING;
use crate::engine::{Ctx, Error, Group, KEY_ACCESS_UPDATE, Outcome, Row, Ttl, args, flag};

pub(super) const INCR: Row = Row {
    name: "INCR",
    group: Group::String,
    since: "1.0.0",
    arity: 2,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Adds one to the integer value of a key; a missing key counts as 0.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> INCR k\n(integer) 1\n> INCR k\n(integer) 2\n> SET k abc\nOK\n> INCR k\n(error) ERR value is not an integer or out of range",
    run: incr,
    ..Row::NONE
};

fn incr(c: &mut Ctx) -> Outcome {
    add(c, 1)
}

pub(super) const DECR: Row = Row {
    name: "DECR",
    group: Group::String,
    since: "1.0.0",
    arity: 2,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Takes one from the integer value of a key; a missing key counts as 0.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> SET k 10\nOK\n> DECR k\n(integer) 9",
    run: decr,
    ..Row::NONE
};

fn decr(c: &mut Ctx) -> Outcome {
    add(c, -1)
}

pub(super) const INCRBY: Row = Row {
    name: "INCRBY",
    group: Group::String,
    since: "1.0.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Adds an integer to the integer value of a key; a missing key counts as 0.",
    complexity: "O(1)",
    syntax: "key increment",
    ts: "(key: Key, increment: number | bigint): number",
    example: "> INCRBY k 9223372036854775806\n(integer) 9223372036854775806\n> INCRBY k 2\n(error) ERR increment or decrement would overflow\n> INCRBY k -6\n(integer) 9223372036854775800",
    run: incrby,
    ..Row::NONE
};

fn incrby(c: &mut Ctx) -> Outcome {
    let by = args::int(c.argv[2])?;
    add(c, by)
}

pub(super) const DECRBY: Row = Row {
    name: "DECRBY",
    group: Group::String,
    since: "1.0.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Takes an integer from the integer value of a key; a missing key counts as 0.",
    complexity: "O(1)",
    syntax: "key decrement",
    ts: "(key: Key, decrement: number | bigint): number",
    example: "> SET k 10\nOK\n> DECRBY k 3\n(integer) 7",
    run: decrby,
    ..Row::NONE
};

fn decrby(c: &mut Ctx) -> Outcome {
    let by = args::int(c.argv[2])?.checked_neg().ok_or(Error::DecrOverflow)?;
    add(c, by)
}

fn add(c: &mut Ctx, by: i64) -> Outcome {
    let key = c.argv[1];
    let new = c.ks.update_int(key, |old| {
        let old = match old {
            None => 0,
            Some(Elem::Int(n)) => n,
            Some(Elem::Str(text)) => args::int(text)?,
        };
        old.checked_add(by).ok_or(Error::IncrOverflow)
    })?;
    c.ks.changed(key, STRING, "incrby");
    c.out.int(new);
    Ok(())
}

pub(super) const INCRBYFLOAT: Row = Row {
    name: "INCRBYFLOAT",
    group: Group::String,
    since: "2.6.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Adds a float to the number at a key, with 17 digits after the point; a missing key counts as 0.",
    complexity: "O(1)",
    syntax: "key increment",
    ts: "(key: Key, increment: number | string): string",
    example: "> SET k 10.50\nOK\n> INCRBYFLOAT k 0.1\n\"10.6\"\n> INCRBYFLOAT k -1.0e1\n\"0.6\"\n> INCRBYFLOAT k inf\n(error) ERR increment would produce NaN or Infinity",
    differs: "A sum that is an integer is kept as one: OBJECT ENCODING says int.",
    run: incrbyfloat,
    ..Row::NONE
};

fn incrbyfloat(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let old = c.ks.look_text(key)?.map_or(Some(Ld80::from_i64(0)), long_double).ok_or(Error::NotFloat)?;
    let by = Ld80::parse(c.argv[2]).ok_or(Error::NotFloat)?;
    let new = old.plus(by);
    if !new.is_finite() {
        return Err(Error::IncrNanOrInf);
    }
    let text = new.to_text();
    c.ks.set_text(key, text.as_bytes(), Ttl::Keep);
    c.ks.changed(key, STRING, "incrbyfloat");
    // The sum, not the increment: a follower's arithmetic need not agree.
    c.instead(&[b"SET", key, text.as_bytes(), b"KEEPTTL"]);
    c.out.bulk(text.as_bytes());
    Ok(())
}

/// Returns the number a stored string spells.
pub(in crate::cmd) fn long_double(text: Elem<'_>) -> Option<Ld80> {
    match text {
        Elem::Int(n) => Some(Ld80::from_i64(n)),
        Elem::Str(text) => num::parse_i64(text).map(Ld80::from_i64).or_else(|| Ld80::parse(text)),
    }
}
