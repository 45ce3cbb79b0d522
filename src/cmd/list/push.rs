//! Lists: adding at the ends.

use crate::ds::list::{End, List};
use crate::engine::events::LIST;
use crate::engine::{Ctx, Group, KEY_INSERT, Outcome, Row, flag};

pub const LPUSH: Row = Row {
    name: "LPUSH",
    group: Group::List,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Adds elements before the first one of a list, one after another, and returns the length.",
    complexity: "O(N) where N is the number of elements added.",
    syntax: "key element [element ...]",
    ts: "(key: Key, ...elements: Value[]): number",
    example: "> LPUSH k a b c\n(integer) 3\n> LRANGE k 0 -1\n1) \"c\"\n2) \"b\"\n3) \"a\"",
    run: |c| push(c, End::Front, false),
    ..Row::NONE
};

pub const RPUSH: Row = Row {
    name: "RPUSH",
    group: Group::List,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Adds elements after the last one of a list, one after another, and returns the length.",
    complexity: "O(N) where N is the number of elements added.",
    syntax: "key element [element ...]",
    ts: "(key: Key, ...elements: Value[]): number",
    example: "> RPUSH k a b\n(integer) 2\n> RPUSH k c\n(integer) 3\n> LRANGE k 0 -1\n1) \"a\"\n2) \"b\"\n3) \"c\"",
    run: |c| push(c, End::Back, false),
    ..Row::NONE
};

pub const LPUSHX: Row = Row {
    name: "LPUSHX",
    group: Group::List,
    since: "2.2.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Adds elements before the first one of a list. Does nothing if the key is missing.",
    complexity: "O(N) where N is the number of elements added.",
    syntax: "key element [element ...]",
    ts: "(key: Key, ...elements: Value[]): number",
    example: "> LPUSHX k a\n(integer) 0\n> LPUSH k b\n(integer) 1\n> LPUSHX k a\n(integer) 2",
    run: |c| push(c, End::Front, true),
    ..Row::NONE
};

pub const RPUSHX: Row = Row {
    name: "RPUSHX",
    group: Group::List,
    since: "2.2.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Adds elements after the last one of a list. Does nothing if the key is missing.",
    complexity: "O(N) where N is the number of elements added.",
    syntax: "key element [element ...]",
    ts: "(key: Key, ...elements: Value[]): number",
    example: "> RPUSHX k a\n(integer) 0\n> RPUSH k a\n(integer) 1\n> RPUSHX k b c\n(integer) 3",
    run: |c| push(c, End::Back, true),
    ..Row::NONE
};

fn push(c: &mut Ctx, end: End, only_existing: bool) -> Outcome {
    let (key, elements) = (c.argv[1], &c.argv[2..]);
    let limit = c.ks.limits.list;
    let list = if only_existing {
        let Some(list) = c.ks.get_mut::<List>(key)? else {
            c.out.int(0);
            return Ok(());
        };
        list
    } else {
        c.ks.get_or_new::<List>(key)?
    };
    list.push_all(end, elements.iter().copied(), limit);
    c.out.len(list.len());
    c.ks.changed(key, LIST, pushed(end));
    c.ks.dirty += elements.len() as u64 - 1;
    Ok(())
}

/// The event of a push.
pub fn pushed(end: End) -> &'static str {
    if end == End::Front { "lpush" } else { "rpush" }
}
