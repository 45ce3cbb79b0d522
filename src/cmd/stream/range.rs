//! Streams: reading entries between two ids.

use super::ids;
use super::put_entries;
use crate::ds::stream::Stream;
use crate::engine::{Args, Ctx, Error, Group, KEY_META, KEY_READ, Outcome, Row, flag};

pub const XLEN: Row = Row {
    name: "XLEN",
    group: Group::Stream,
    since: "5.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the number of entries of a stream.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XLEN s\n(integer) 2\n> XLEN missing\n(integer) 0",
    run: xlen,
    ..Row::NONE
};

fn xlen(c: &mut Ctx) -> Outcome {
    let len = c.ks.get::<Stream>(c.argv[1])?.map_or(0, |stream| stream.len());
    c.out.len(len);
    Ok(())
}

pub const XRANGE: Row = Row {
    name: "XRANGE",
    group: Group::Stream,
    since: "5.0.0",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the entries of a stream from one id to another, `-` and `+` for the first and the last.",
    complexity: "O(log(N)+M) where N is the number of entries and M the number of those returned.",
    syntax: "key start end [COUNT count]",
    ts: "(key: Key, start: string, end: string, ...count: Arg[]): [string, string[]][]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2 b 3\n\"2-0\"\n> XADD s 3-0 a 4\n\"3-0\"\n> XRANGE s - + COUNT 1\n1) 1) \"1-0\"\n   2) 1) \"a\"\n      2) \"1\"\n> XRANGE s (1-0 2\n1) 1) \"2-0\"\n   2) 1) \"a\"\n      2) \"2\"\n      3) \"b\"\n      4) \"3\"\n> XRANGE missing - +\n(empty array)",
    run: |c| range(c, false),
    ..Row::NONE
};

pub const XREVRANGE: Row = Row {
    name: "XREVRANGE",
    group: Group::Stream,
    since: "5.0.0",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the entries of a stream from one id back to another.",
    complexity: "O(log(N)+M) where N is the number of entries and M the number of those returned.",
    syntax: "key end start [COUNT count]",
    ts: "(key: Key, end: string, start: string, ...count: Arg[]): [string, string[]][]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XREVRANGE s + - COUNT 1\n1) 1) \"2-0\"\n   2) 1) \"a\"\n      2) \"2\"\n> XREVRANGE s (2-0 -\n1) 1) \"1-0\"\n   2) 1) \"a\"\n      2) \"1\"",
    run: |c| range(c, true),
    ..Row::NONE
};

fn range(c: &mut Ctx, rev: bool) -> Outcome {
    let (key, first, second) = (c.argv[1], c.argv[2], c.argv[3]);
    let (start, end) = if rev { (second, first) } else { (first, second) };
    let (start, end) = (ids::start(start)?, ids::end(end)?);
    let mut args = Args::from(c.argv, 4);
    let mut count = None;
    while args.more() {
        if args.left() < 2 || !args.word("COUNT") {
            return Err(Error::Syntax);
        }
        count = Some(args.int()?.max(0));
    }
    let stream = c.ks.get::<Stream>(key)?;
    if stream.is_some() && count == Some(0) {
        c.out.null_array();
        return Ok(());
    }
    let count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    match stream {
        None => c.out.array(0),
        Some(stream) if rev => _ = put_entries(c.out, stream.range_rev(start, end), count),
        Some(stream) => _ = put_entries(c.out, stream.range(start, end), count),
    }
    Ok(())
}
