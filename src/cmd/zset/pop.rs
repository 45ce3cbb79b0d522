//! Sorted sets: taking the members with the lowest or highest scores, waiting for one or not.

use super::{member, members_head};
use crate::cmd::mpop::{self, MultiPop};
use crate::ds::zset::Zset;
use crate::engine::args::{int_within, timeout_ms};
use crate::engine::events::ZSET;
use crate::engine::value::Type;
use crate::engine::{Ctx, Error, Group, KEY_ACCESS_DELETE, Outcome, Row, flag};

/// Which end of a sorted set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The command that takes from this end, for effects.
    fn command(self) -> &'static [u8] {
        if self == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }

    fn event(self) -> &'static str {
        if self == End::Min { "zpopmin" } else { "zpopmax" }
    }
}

/// How members and scores are laid out in a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Member, score, member, score … in the array that was begun.
    Flat,
    /// An array of pairs.
    Nested,
    /// Flat in RESP2, pairs in RESP3.
    Usual,
}

pub const ZPOPMIN: Row = Row {
    name: "ZPOPMIN",
    group: Group::SortedSet,
    since: "5.0.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_DELETE,
    summary: "Removes the members with the lowest scores and returns them with their scores.",
    complexity: "O(log(N)*M) where N is the number of members and M the number of those removed.",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): [string, number] | [] | [string, number][]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZPOPMIN z\n1) \"a\"\n2) \"1\"\n> ZPOPMIN z 5\n1) \"b\"\n2) \"2\"\n3) \"c\"\n4) \"3\"\n> ZPOPMIN z\n(empty array)",
    run: |c| pop(c, End::Min),
    ..Row::NONE
};

pub const ZPOPMAX: Row = Row {
    name: "ZPOPMAX",
    group: Group::SortedSet,
    since: "5.0.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_DELETE,
    summary: "Removes the members with the highest scores and returns them with their scores.",
    complexity: "O(log(N)*M) where N is the number of members and M the number of those removed.",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): [string, number] | [] | [string, number][]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZPOPMAX z\n1) \"c\"\n2) \"3\"\n> ZPOPMAX z 5\n1) \"b\"\n2) \"2\"\n3) \"a\"\n4) \"1\"",
    run: |c| pop(c, End::Max),
    ..Row::NONE
};

fn pop(c: &mut Ctx, end: End) -> Outcome {
    let key = c.argv[1];
    let count = match c.argv {
        [_, _] => None,
        [_, _, count] => Some(int_within(count, 0..=i64::MAX, Error::OutOfRangePositive)?),
        _ => return Err(Error::Syntax),
    };
    if c.ks.look::<Zset>(key)?.is_none() || count == Some(0) {
        c.out.array(0);
        return Ok(());
    }
    match count {
        Some(count) => take(c, key, end, count, Layout::Usual)?,
        None => {
            c.out.array(2);
            take(c, key, end, 1, Layout::Flat)?
        }
    };
    Ok(())
}

/// Moves up to `count` members of the set at `key`, which is there, into the reply. Returns how many.
fn take(c: &mut Ctx, key: &[u8], end: End, count: i64, layout: Layout) -> Result<usize, Error> {
    let set = c.ks.get_mut::<Zset>(key)?.ok_or(Error::NoSuchKey)?;
    let (len, out) = (set.len(), &mut *c.out);
    let n = usize::try_from(count).unwrap_or(usize::MAX).min(len);
    match layout {
        Layout::Flat => {}
        Layout::Nested => out.array(n),
        Layout::Usual => members_head(out, n, true),
    }
    let mut write = |(m, score)| match layout {
        Layout::Flat => {
            out.elem(m);
            out.double(score);
        }
        Layout::Nested => {
            out.array(2);
            out.elem(m);
            out.double(score);
        }
        Layout::Usual => member(out, m, score, true),
    };
    let ranks = if end == End::Min { 0..n } else { len - n..len };
    match end {
        End::Min => set.range(ranks.clone()).for_each(&mut write),
        End::Max => set.range_rev(ranks.clone()).for_each(&mut write),
    }
    set.remove_range(ranks, |_, _| ());
    c.ks.changed(key, ZSET, end.event());
    c.ks.dirty += n as u64 - 1;
    c.ks.delete_if_empty(key);
    Ok(n)
}

pub const BZPOPMIN: Row = Row {
    name: "BZPOPMIN",
    group: Group::SortedSet,
    since: "5.0.0",
    arity: -3,
    flags: flag::WRITE | flag::FAST | flag::BLOCKING,
    keys: "idx:1/range:last=-2,step=1,limit=0[RW,ACCESS,DELETE]",
    summary: "Removes the member with the lowest score from the first sorted set that has one and returns key, member and score. Waits if there is none.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key [key ...] timeout",
    ts: "(...keysAndTimeout: Arg[]): [string, string, number] | null",
    example: "> ZADD z 1 a 2 b\n(integer) 2\n> BZPOPMIN y z 0\n1) \"z\"\n2) \"a\"\n3) \"1\"",
    run: |c| blocking_pop(c, End::Min),
    ..Row::NONE
};

pub const BZPOPMAX: Row = Row {
    name: "BZPOPMAX",
    group: Group::SortedSet,
    since: "5.0.0",
    arity: -3,
    flags: flag::WRITE | flag::FAST | flag::BLOCKING,
    keys: "idx:1/range:last=-2,step=1,limit=0[RW,ACCESS,DELETE]",
    summary: "Removes the member with the highest score from the first sorted set that has one and returns key, member and score. Waits if there is none.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key [key ...] timeout",
    ts: "(...keysAndTimeout: Arg[]): [string, string, number] | null",
    example: "> ZADD z 1 a 2 b\n(integer) 2\n> BZPOPMAX y z 0\n1) \"z\"\n2) \"b\"\n3) \"2\"",
    run: |c| blocking_pop(c, End::Max),
    ..Row::NONE
};

fn blocking_pop(c: &mut Ctx, end: End) -> Outcome {
    let argv = c.argv;
    let [_, keys @ .., timeout] = argv else { return Err(Error::Syntax) };
    let timeout = timeout_ms(timeout, c.ks.now)?;
    for key in keys {
        if c.ks.look::<Zset>(key)?.is_some() {
            c.out.array(3);
            c.out.bulk(key);
            take(c, key, end, 1, Layout::Flat)?;
            c.instead(&[end.command(), key]);
            return Ok(());
        }
    }
    c.wait_for(keys, Type::Zset, timeout);
    Ok(())
}

pub const ZMPOP: Row = Row {
    name: "ZMPOP",
    group: Group::SortedSet,
    since: "7.0.0",
    arity: -4,
    flags: flag::WRITE,
    keys: "idx:1/keynum:numidx=0,first=1,step=1[RW,ACCESS,DELETE]",
    summary: "Removes members with the lowest or highest scores from the first sorted set that has one and returns them with the key.",
    complexity: "O(K) + O(M*log(N)) where K is the number of keys, N the number of members and M the number of those removed.",
    syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
    ts: "(numkeys: number, ...args: Arg[]): [string, [string, number][]] | null",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZMPOP 2 y z MIN COUNT 2\n1) \"z\"\n2) 1) 1) \"a\"\n      2) \"1\"\n   2) 1) \"b\"\n      2) \"2\"\n> ZMPOP 1 y MAX\n(nil)",
    run: |c| mpop::now(c, which, multi_pop),
    ..Row::NONE
};

pub const BZMPOP: Row = Row {
    name: "BZMPOP",
    group: Group::SortedSet,
    since: "7.0.0",
    arity: -5,
    flags: flag::WRITE | flag::BLOCKING,
    keys: "idx:2/keynum:numidx=0,first=1,step=1[RW,ACCESS,DELETE]",
    summary: "Removes members with the lowest or highest scores from the first sorted set that has one and returns them with the key. Waits if there is none.",
    complexity: "O(K) + O(M*log(N)) where K is the number of keys, N the number of members and M the number of those removed.",
    syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
    ts: "(timeout: number, numkeys: number, ...args: Arg[]): [string, [string, number][]] | null",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> BZMPOP 0 2 y z MAX\n1) \"z\"\n2) 1) 1) \"c\"\n      2) \"3\"",
    run: |c| mpop::or_wait(c, Type::Zset, which, multi_pop),
    ..Row::NONE
};

/// Reads `MIN` or `MAX`.
fn which(word: &[u8]) -> Result<End, Error> {
    match word.to_ascii_lowercase().as_slice() {
        b"min" => Ok(End::Min),
        b"max" => Ok(End::Max),
        _ => Err(Error::Syntax),
    }
}

/// Replies with members of the first set that has any. Returns whether there was one.
fn multi_pop(c: &mut Ctx, pop: &MultiPop<End>) -> Result<bool, Error> {
    for key in pop.keys {
        if c.ks.look::<Zset>(key)?.is_some() {
            c.out.array(2);
            c.out.bulk(key);
            let n = take(c, key, pop.end, pop.count, Layout::Nested)?;
            c.instead(&[pop.end.command(), key, n.to_string().as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}
