//! Parts of a string: its length, a range of its bytes, its end.

use crate::engine::{
    Ctx, Error, Group, KEY_INSERT, KEY_META, KEY_READ, KEY_UPDATE, Outcome, Row, Ttl, args, events::STRING, flag,
};
use std::ops::Range;

pub(super) const APPEND: Row = Row {
    name: "APPEND",
    group: Group::String,
    since: "2.0.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Appends to the string value of a key, and returns its length; a missing key counts as an empty string.",
    complexity: "O(1) on average",
    syntax: "key value",
    ts: "(key: Key, value: Value): number",
    example: "> APPEND k Hello\n(integer) 5\n> APPEND k \" World\"\n(integer) 11\n> GET k\n\"Hello World\"",
    run: append,
    ..Row::NONE
};

fn append(c: &mut Ctx) -> Outcome {
    let (key, tail) = (c.argv[1], c.argv[2]);
    let len = match c.ks.look_text(key)?.map(|text| text.len()) {
        None => {
            c.ks.set_text(key, tail, Ttl::Clear);
            tail.len()
        }
        Some(len) => {
            check_len(c, len, tail.len())?;
            if let Some(text) = c.ks.raw_text(key)? {
                text.extend_from_slice(tail);
            }
            len + tail.len()
        }
    };
    c.ks.changed(key, STRING, "append");
    c.out.len(len);
    Ok(())
}

/// Fails if a string of `len` bytes and `more` would be longer than `proto-max-bulk-len`.
fn check_len(c: &Ctx, len: usize, more: usize) -> Outcome {
    let fits = len.checked_add(more).is_some_and(|sum| sum <= c.server.config.proto_max_bulk_len);
    if fits { Ok(()) } else { Err(Error::StringTooLong) }
}

pub(super) const SETRANGE: Row = Row {
    name: "SETRANGE",
    group: Group::String,
    since: "2.2.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_UPDATE,
    summary: "Overwrites a part of the string value of a key from an offset on, and returns its length. Zero bytes fill a gap.",
    complexity: "O(1) for short values, else O(N) where N is the length of the value",
    syntax: "key offset value",
    ts: "(key: Key, offset: number, value: Value): number",
    example: "> SET k \"Hello World\"\nOK\n> SETRANGE k 6 Redis\n(integer) 11\n> GET k\n\"Hello Redis\"\n> SETRANGE gap 2 x\n(integer) 3\n> GET gap\n\"\\x00\\x00x\"",
    run: setrange,
    ..Row::NONE
};

fn setrange(c: &mut Ctx) -> Outcome {
    let (key, part) = (c.argv[1], c.argv[3]);
    let offset = args::int(c.argv[2])?;
    if offset < 0 {
        return Err(Error::OffsetOutOfRange);
    }
    let old = c.ks.look_text(key)?.map(|text| text.len());
    if part.is_empty() {
        c.out.len(old.unwrap_or(0));
        return Ok(());
    }
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    check_len(c, offset, part.len())?;
    if old.is_none() {
        c.ks.set_text(key, b"", Ttl::Clear);
    }
    let mut len = 0;
    if let Some(text) = c.ks.raw_text(key)? {
        // One small request can ask for a lot of memory: say no rather than die.
        let more = (offset + part.len()).saturating_sub(text.len());
        if text.try_reserve_exact(more).is_err() {
            return Err(Error::StringTooLong);
        }
        text.resize(text.len() + more, 0);
        text[offset..offset + part.len()].copy_from_slice(part);
        len = text.len();
    }
    c.ks.changed(key, STRING, "setrange");
    c.out.len(len);
    Ok(())
}

pub(super) const STRLEN: Row = Row {
    name: "STRLEN",
    group: Group::String,
    since: "2.2.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the length of the string value of a key in bytes, 0 for a missing key.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> SET k \"Hello World\"\nOK\n> STRLEN k\n(integer) 11\n> STRLEN missing\n(integer) 0",
    run: strlen,
    ..Row::NONE
};

fn strlen(c: &mut Ctx) -> Outcome {
    let len = c.ks.text(c.argv[1])?.map_or(0, |text| text.len());
    c.out.len(len);
    Ok(())
}

pub(super) const GETRANGE: Row = Row {
    name: "GETRANGE",
    group: Group::String,
    since: "2.4.0",
    arity: 4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the bytes of the string value of a key between two positions, both included; negative ones count from the end.",
    complexity: "O(N) where N is the number of bytes returned",
    syntax: "key start end",
    ts: "(key: Key, start: number, end: number): string",
    example: "> SET k \"This is a string\"\nOK\n> GETRANGE k 0 3\n\"This\"\n> GETRANGE k -6 -1\n\"string\"\n> GETRANGE k 10 100\n\"string\"\n> GETRANGE missing 0 -1\n\"\"",
    run: getrange,
    ..Row::NONE
};

pub(super) const SUBSTR: Row = Row {
    name: "SUBSTR",
    summary: "Returns a range of the bytes of the string value of a key. GETRANGE is its newer name.",
    since: "1.0.0",
    example: "> SET k \"This is a string\"\nOK\n> SUBSTR k 5 6\n\"is\"",
    ..GETRANGE
};

fn getrange(c: &mut Ctx) -> Outcome {
    let (start, end) = (args::int(c.argv[2])?, args::int(c.argv[3])?);
    let mut buf = [0; 40];
    let text = c.ks.text(c.argv[1])?.map_or(&b""[..], |text| text.text(&mut buf));
    c.out.bulk(&text[byte_range(text.len(), start, end)]);
    Ok(())
}

/// Returns the positions from `start` to `end`, both included, of a string of `len` bytes; negative ones count from its end.
fn byte_range(len: usize, start: i64, end: i64) -> Range<usize> {
    let len = len as i64;
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_front = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (from_front(start), from_front(end).min(len - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::byte_range;

    #[test]
    fn ranges_are_cut_to_the_string() {
        for (len, start, end, want) in [
            (5, 0, -1, 0..5),
            (5, -3, -2, 2..4),
            (5, -100, 100, 0..5),
            (5, 3, 1, 0..0),
            (5, -1, -2, 0..0),
            (5, 7, 9, 0..0),
            (0, 0, -1, 0..0),
            (5, i64::MIN, i64::MAX, 0..5),
            (5, -100, -50, 0..1),
        ] {
            assert_eq!(byte_range(len, start, end), want, "{len} {start} {end}");
        }
    }
}
