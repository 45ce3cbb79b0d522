//! Lists: taking from the ends, waiting for an element or not.

use super::{side, taken};
use crate::cmd::mpop::{self, MultiPop};
use crate::ds::list::{End, List};
use crate::engine::args::{int_within, timeout_ms};
use crate::engine::value::Type;
use crate::engine::{Ctx, Error, Group, KEY_ACCESS_DELETE, Outcome, Row, flag};

pub const LPOP: Row = Row {
    name: "LPOP",
    group: Group::List,
    since: "1.0.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_DELETE,
    summary: "Removes the first elements of a list and returns them.",
    complexity: "O(N) where N is the number of elements returned.",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): string | null | string[]",
    example: "> RPUSH k a b c d\n(integer) 4\n> LPOP k\n\"a\"\n> LPOP k 2\n1) \"b\"\n2) \"c\"\n> LPOP missing\n(nil)",
    run: |c| pop(c, End::Front),
    ..Row::NONE
};

pub const RPOP: Row = Row {
    name: "RPOP",
    group: Group::List,
    since: "1.0.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_DELETE,
    summary: "Removes the last elements of a list and returns them.",
    complexity: "O(N) where N is the number of elements returned.",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): string | null | string[]",
    example: "> RPUSH k a b c d\n(integer) 4\n> RPOP k\n\"d\"\n> RPOP k 2\n1) \"c\"\n2) \"b\"\n> RPOP missing\n(nil)",
    run: |c| pop(c, End::Back),
    ..Row::NONE
};

fn pop(c: &mut Ctx, end: End) -> Outcome {
    let key = c.argv[1];
    let count = match c.argv {
        [_, _] => None,
        [_, _, count] => Some(int_within(count, 0..=i64::MAX, Error::OutOfRangePositive)?),
        _ => return Err(Error::arity(c.name())),
    };
    let len = c.ks.look::<List>(key)?.map_or(0, List::len);
    match count {
        None if len == 0 => c.out.null(),
        Some(_) if len == 0 => c.out.null_array(),
        Some(0) => c.out.array(0),
        None => pop_one(c, key, end)?,
        Some(count) => {
            pop_many(c, key, end, count)?;
        }
    }
    Ok(())
}

/// Moves one element of the list at `key`, which is there, into the reply.
fn pop_one(c: &mut Ctx, key: &[u8], end: End) -> Outcome {
    let limit = c.ks.limits.list;
    let list = c.ks.get_mut::<List>(key)?.ok_or(Error::NoSuchKey)?;
    if let Some(elem) = list.peek(end) {
        c.out.elem(elem);
    }
    list.drop_end(end, limit);
    taken(c.ks, key, end, 1);
    Ok(())
}

/// Moves up to `count` elements of the list at `key`, which is there, into the reply as an array. Returns how many.
fn pop_many(c: &mut Ctx, key: &[u8], end: End, count: i64) -> Result<usize, Error> {
    let limit = c.ks.limits.list;
    let list = c.ks.get_mut::<List>(key)?.ok_or(Error::NoSuchKey)?;
    let n = usize::try_from(count).unwrap_or(usize::MAX).min(list.len());
    let left = list.len() - n;
    c.out.array(n);
    match end {
        End::Front => {
            list.range(0, n).for_each(|elem| c.out.elem(elem));
            list.trim(n, left, limit);
        }
        End::Back => {
            list.range_rev(0, n).for_each(|elem| c.out.elem(elem));
            list.trim(0, left, limit);
        }
    }
    taken(c.ks, key, end, n);
    Ok(n)
}

pub const BLPOP: Row = Row {
    name: "BLPOP",
    group: Group::List,
    since: "2.0.0",
    arity: -3,
    flags: flag::WRITE | flag::BLOCKING,
    keys: "idx:1/range:last=-2,step=1,limit=0[RW,ACCESS,DELETE]",
    summary: "Removes the first element of the first list that has one and returns it with the key. Waits if there is none.",
    complexity: "O(N) where N is the number of keys.",
    syntax: "key [key ...] timeout",
    ts: "(...keysAndTimeout: Arg[]): [string, string] | null",
    example: "> RPUSH b x y\n(integer) 2\n> BLPOP a b 0\n1) \"b\"\n2) \"x\"",
    differs: "A client woken by several keys at once gets the first in the order of its command, as since Redis 7.2; 7.0 took the one pushed to first.",
    run: |c| blocking_pop(c, End::Front),
    ..Row::NONE
};

pub const BRPOP: Row = Row {
    name: "BRPOP",
    group: Group::List,
    since: "2.0.0",
    arity: -3,
    flags: flag::WRITE | flag::BLOCKING,
    keys: "idx:1/range:last=-2,step=1,limit=0[RW,ACCESS,DELETE]",
    summary: "Removes the last element of the first list that has one and returns it with the key. Waits if there is none.",
    complexity: "O(N) where N is the number of keys.",
    syntax: "key [key ...] timeout",
    ts: "(...keysAndTimeout: Arg[]): [string, string] | null",
    example: "> RPUSH b x y\n(integer) 2\n> BRPOP a b 0\n1) \"b\"\n2) \"y\"",
    differs: "A client woken by several keys at once gets the first in the order of its command, as since Redis 7.2; 7.0 took the one pushed to first.",
    run: |c| blocking_pop(c, End::Back),
    ..Row::NONE
};

fn blocking_pop(c: &mut Ctx, end: End) -> Outcome {
    let argv = c.argv;
    let [_, keys @ .., timeout] = argv else { return Err(Error::Syntax) };
    let timeout = timeout_ms(timeout, c.ks.now)?;
    for key in keys {
        if c.ks.look::<List>(key)?.is_some() {
            c.out.array(2);
            c.out.bulk(key);
            pop_one(c, key, end)?;
            c.instead(&[pop_name(end), key]);
            return Ok(());
        }
    }
    c.wait_for(keys, Type::List, timeout);
    Ok(())
}

/// The command that takes from `end`, for effects.
fn pop_name(end: End) -> &'static [u8] {
    if end == End::Front { b"LPOP" } else { b"RPOP" }
}

pub const LMPOP: Row = Row {
    name: "LMPOP",
    group: Group::List,
    since: "7.0.0",
    arity: -4,
    flags: flag::WRITE,
    keys: "idx:1/keynum:numidx=0,first=1,step=1[RW,ACCESS,DELETE]",
    summary: "Removes elements from an end of the first list that has one and returns them with the key.",
    complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
    syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    ts: "(numkeys: number, ...args: Arg[]): [string, string[]] | null",
    example: "> RPUSH b x y z\n(integer) 3\n> LMPOP 2 a b LEFT COUNT 2\n1) \"b\"\n2) 1) \"x\"\n   2) \"y\"\n> LMPOP 1 a RIGHT\n(nil)",
    run: |c| mpop::now(c, side, multi_pop),
    ..Row::NONE
};

pub const BLMPOP: Row = Row {
    name: "BLMPOP",
    group: Group::List,
    since: "7.0.0",
    arity: -5,
    flags: flag::WRITE | flag::BLOCKING,
    keys: "idx:2/keynum:numidx=0,first=1,step=1[RW,ACCESS,DELETE]",
    summary: "Removes elements from an end of the first list that has one and returns them with the key. Waits if there is none.",
    complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
    syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    ts: "(timeout: number, numkeys: number, ...args: Arg[]): [string, string[]] | null",
    example: "> RPUSH b x y z\n(integer) 3\n> BLMPOP 0 2 a b RIGHT COUNT 2\n1) \"b\"\n2) 1) \"z\"\n   2) \"y\"",
    run: |c| mpop::or_wait(c, Type::List, side, multi_pop),
    ..Row::NONE
};

/// Replies with elements of the first list that has any. Returns whether there was one.
fn multi_pop(c: &mut Ctx, pop: &MultiPop<End>) -> Result<bool, Error> {
    for key in pop.keys {
        if c.ks.look::<List>(key)?.is_some() {
            c.out.array(2);
            c.out.bulk(key);
            let n = pop_many(c, key, pop.end, pop.count)?;
            c.instead(&[pop_name(pop.end), key, n.to_string().as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}
