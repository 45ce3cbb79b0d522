//! Sorted sets: removing members by name and by range.

use super::bounds::{Bounds, By};
use crate::ds::zset::Zset;
use crate::engine::events::ZSET;
use crate::engine::{Ctx, Group, KEY_DELETE, Outcome, Row, flag};

pub const ZREM: Row = Row {
    name: "ZREM",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: -3,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_DELETE,
    summary: "Removes members from a sorted set and returns how many there were.",
    complexity: "O(M*log(N)) where N is the number of members and M the number of those removed.",
    syntax: "key member [member ...]",
    ts: "(key: Key, ...members: Value[]): number",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZREM z a x b\n(integer) 2\n> ZRANGE z 0 -1\n1) \"c\"",
    run: zrem,
    ..Row::NONE
};

fn zrem(c: &mut Ctx) -> Outcome {
    let (key, members) = (c.argv[1], &c.argv[2..]);
    let Some(set) = c.ks.get_mut::<Zset>(key)? else {
        c.out.int(0);
        return Ok(());
    };
    let removed = members.iter().filter(|member| set.remove(member).is_some()).count();
    finish(c, key, removed, "zrem");
    Ok(())
}

/// Says that `removed` members are gone from `key`, and replies with the number.
fn finish(c: &mut Ctx, key: &[u8], removed: usize, event: &'static str) {
    if removed > 0 {
        c.ks.changed(key, ZSET, event);
        c.ks.dirty += removed as u64 - 1;
        c.ks.delete_if_empty(key);
    }
    c.out.len(removed);
}

pub const ZREMRANGEBYRANK: Row = Row {
    name: "ZREMRANGEBYRANK",
    group: Group::SortedSet,
    since: "2.0.0",
    arity: 4,
    flags: flag::WRITE,
    keys: KEY_DELETE,
    summary: "Removes the members from one rank to another, both included; negative ranks count from the highest score.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
    syntax: "key start stop",
    ts: "(key: Key, start: number, stop: number): number",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZREMRANGEBYRANK z 0 -2\n(integer) 2\n> ZRANGE z 0 -1\n1) \"c\"",
    run: |c| remove_range(c, By::Rank, "zremrangebyrank"),
    ..Row::NONE
};

pub const ZREMRANGEBYSCORE: Row = Row {
    name: "ZREMRANGEBYSCORE",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: 4,
    flags: flag::WRITE,
    keys: KEY_DELETE,
    summary: "Removes the members with a score from one to another; `(` excludes an end.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
    syntax: "key min max",
    ts: "(key: Key, min: Arg, max: Arg): number",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZREMRANGEBYSCORE z -inf (3\n(integer) 2\n> ZRANGE z 0 -1\n1) \"c\"",
    run: |c| remove_range(c, By::Score, "zremrangebyscore"),
    ..Row::NONE
};

pub const ZREMRANGEBYLEX: Row = Row {
    name: "ZREMRANGEBYLEX",
    group: Group::SortedSet,
    since: "2.8.9",
    arity: 4,
    flags: flag::WRITE,
    keys: KEY_DELETE,
    summary: "Removes the members from one text to another, where all scores are equal.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
    syntax: "key min max",
    ts: "(key: Key, min: Arg, max: Arg): number",
    example: "> ZADD z 0 a 0 b 0 c\n(integer) 3\n> ZREMRANGEBYLEX z - [b\n(integer) 2\n> ZRANGE z 0 -1\n1) \"c\"",
    run: |c| remove_range(c, By::Lex, "zremrangebylex"),
    ..Row::NONE
};

fn remove_range(c: &mut Ctx, by: By, event: &'static str) -> Outcome {
    let key = c.argv[1];
    let bounds = Bounds::parse(by, c.argv[2], c.argv[3])?;
    let Some(set) = c.ks.get_mut::<Zset>(key)? else {
        c.out.int(0);
        return Ok(());
    };
    let ranks = bounds.ranks(set, false);
    let removed = ranks.len();
    set.remove_range(ranks, |_, _| ());
    finish(c, key, removed, event);
    Ok(())
}
