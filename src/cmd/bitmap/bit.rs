//! One bit: GETBIT and SETBIT.

use super::{grow, offset};
use crate::ds::bits;
use crate::engine::events::STRING;
use crate::engine::{Ctx, Error, Group, KEY_ACCESS_UPDATE, KEY_READ, Outcome, Row, flag};

pub(super) const GETBIT: Row = Row {
    name: "GETBIT",
    group: Group::Bitmap,
    since: "2.2.0",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns a bit of the string value of a key; 0 beyond its end and without the key.",
    complexity: "O(1)",
    syntax: "key offset",
    ts: "(key: Key, offset: number): number",
    example: "> SETBIT k 7 1\n(integer) 0\n> GETBIT k 7\n(integer) 1\n> GETBIT k 100\n(integer) 0",
    run: getbit,
    ..Row::NONE
};

fn getbit(c: &mut Ctx) -> Outcome {
    let at = offset(c, c.argv[2])?;
    let mut buf = [0; 40];
    let on = c.ks.text(c.argv[1])?.is_some_and(|text| bits::get(text.text(&mut buf), at));
    c.out.int(i64::from(on));
    Ok(())
}

pub(super) const SETBIT: Row = Row {
    name: "SETBIT",
    group: Group::Bitmap,
    since: "2.2.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_ACCESS_UPDATE,
    summary: "Sets or clears a bit of the string value of a key, which grows to hold it, and returns what the bit was.",
    complexity: "O(1)",
    syntax: "key offset value",
    ts: "(key: Key, offset: number, value: 0 | 1): number",
    example: "> SETBIT k 7 1\n(integer) 0\n> SETBIT k 7 0\n(integer) 1\n> GET k\n\"\\x00\"\n> SETBIT k 4294967296 1\n(error) ERR bit offset is not an integer or out of range\n> SETBIT k 0 2\n(error) ERR bit is not an integer or out of range",
    run: setbit,
    ..Row::NONE
};

fn setbit(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let at = offset(c, c.argv[2])?;
    let on = match c.argv[3] {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::BitNotInteger),
    };
    let len = usize::try_from(at / 8 + 1).map_err(|_| Error::BitOffset)?;
    let grown = grow(c, key, len)?;
    let old = c.ks.raw_text(key)?.is_some_and(|text| bits::set(text, at, on));
    // A bit that was so already is no change, but a longer string is one.
    if grown || old != on {
        c.ks.changed(key, STRING, "setbit");
    }
    c.out.int(i64::from(old));
    Ok(())
}
