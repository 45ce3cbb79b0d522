//! Bits in a range: how many are set, and where the first is that is set or not.

use crate::ds::bits;
use crate::engine::{Args, Ctx, Error, Group, KEY_READ, Outcome, Row, args, flag};
use std::ops::Range;

pub(super) const BITCOUNT: Row = Row {
    name: "BITCOUNT",
    group: Group::Bitmap,
    since: "2.6.0",
    arity: -2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Counts the bits that are set in the string value of a key, or in a range of its bytes or bits, both ends included; negative positions count from the end.",
    complexity: "O(N)",
    syntax: "key [start end [BYTE | BIT]]",
    ts: "(key: Key, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): number",
    example: "> SET k foobar\nOK\n> BITCOUNT k\n(integer) 26\n> BITCOUNT k 0 0\n(integer) 4\n> BITCOUNT k 1 1 BYTE\n(integer) 6\n> BITCOUNT k 5 30 BIT\n(integer) 17",
    run: bitcount,
    ..Row::NONE
};

fn bitcount(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let (start, end, unit) = match args.left() {
        0 => (0, -1, 8),
        2 | 3 => (args.int()?, args.int()?, unit(&mut args)?),
        _ => return Err(Error::Syntax),
    };
    let mut buf = [0; 40];
    let count = c.ks.text(key)?.map_or(0, |text| {
        let bytes = text.text(&mut buf);
        // Both before the beginning is no range at all, the other way round, though cut to the string it would be one.
        let backwards = start < 0 && end < 0 && start > end;
        if backwards { 0 } else { bits::count_in(bytes, bit_range(bytes, start, end, unit)) }
    });
    c.out.int(count as i64);
    Ok(())
}

pub(super) const BITPOS: Row = Row {
    name: "BITPOS",
    group: Group::Bitmap,
    since: "2.8.7",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the position of the first bit that is 1, or 0, in the string value of a key or in a range of its bytes or bits; -1 for none. Without an end, zeros follow the string.",
    complexity: "O(N)",
    syntax: "key bit [start [end [BYTE | BIT]]]",
    ts: "(key: Key, bit: 0 | 1, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): number",
    example: "> SET k \"\\xff\\xf0\\x00\"\nOK\n> BITPOS k 0\n(integer) 12\n> BITPOS k 1 2\n(integer) -1\n> BITPOS k 1 7 15 BIT\n(integer) 7\n> BITPOS missing 0\n(integer) 0",
    run: bitpos,
    ..Row::NONE
};

fn bitpos(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let on = match args.int()? {
        0 => false,
        1 => true,
        _ => return Err(Error::BitArgument),
    };
    if args.left() > 3 {
        return Err(Error::Syntax);
    }
    let start = if args.more() { args.int()? } else { 0 };
    // The unit is looked at before the end is, which is a number.
    let end = if args.more() { Some(args.next()?) } else { None };
    let unit = unit(&mut args)?;
    let end = end.map(args::int).transpose()?;
    let mut buf = [0; 40];
    let position = match c.ks.text(key)? {
        None if on => None,
        None => Some(0),
        Some(text) => {
            let bytes = text.text(&mut buf);
            let range = bit_range(bytes, start, end.unwrap_or(-1), unit);
            // What comes after the string is zero, but only who set no end looks there, and not from beyond the end.
            let beyond = (end.is_none() && !on && !range.is_empty()).then_some(bytes.len() as u64 * 8);
            bits::first(bytes, range, on).or(beyond)
        }
    };
    c.out.int(position.map_or(-1, |at| at as i64));
    Ok(())
}

/// Takes the last argument: returns how many bits a position stands for. Fails if it is no unit, or not the last.
fn unit(args: &mut Args) -> Result<u64, Error> {
    let unit = if args.word("BIT") {
        1
    } else {
        args.word("BYTE");
        8
    };
    args.end().map(|()| unit)
}

/// Returns the bits from position `start` to `end`, both included and in units of so many bits; negative ones count from the
/// end.
fn bit_range(bytes: &[u8], start: i64, end: i64, unit: u64) -> Range<u64> {
    let len = (bytes.len() as u64 * 8 / unit) as i64;
    let from_front = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (from_front(start), from_front(end).min(len - 1));
    if start > end { 0..0 } else { start as u64 * unit..(end as u64 + 1) * unit }
}
