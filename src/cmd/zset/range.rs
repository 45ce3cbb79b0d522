//! Sorted sets: members of a range, returned or stored.

use super::bounds::{Bounds, By};
use super::{member, members_head};
use crate::ds::zset::Zset;
use crate::engine::events::{GENERIC, ZSET};
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Group, KEY_READ, Outcome, Row, Ttl, flag};
use std::ops::Range;

pub const ZRANGE: Row = Row {
    name: "ZRANGE",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members of a range of ranks, of scores or of texts.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
    syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
    ts: "(key: Key, start: Arg, stop: Arg, ...options: Arg[]): string[] | [string, number][]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZRANGE z 0 1 WITHSCORES\n1) \"a\"\n2) \"1\"\n3) \"b\"\n4) \"2\"\n> ZRANGE z +inf (1 BYSCORE REV LIMIT 0 1\n1) \"c\"\n> ZADD names 0 ann 0 bob 0 cid\n(integer) 3\n> ZRANGE names [b + BYLEX\n1) \"bob\"\n2) \"cid\"",
    run: |c| range(c, &Form { by: None, reverse: None, store: false }),
    ..Row::NONE
};

pub const ZREVRANGE: Row = Row {
    name: "ZREVRANGE",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members of a range of ranks, the highest score first. ZRANGE with REV does the same.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
    syntax: "key start stop [WITHSCORES]",
    ts: "(key: Key, start: number, stop: number, withScores?: 'WITHSCORES'): string[] | [string, number][]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZREVRANGE z 0 1\n1) \"c\"\n2) \"b\"",
    run: |c| range(c, &Form { by: Some(By::Rank), reverse: Some(true), store: false }),
    ..Row::NONE
};

pub const ZRANGEBYSCORE: Row = Row {
    name: "ZRANGEBYSCORE",
    group: Group::SortedSet,
    since: "1.0.5",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members with a score from one to another. ZRANGE with BYSCORE does the same.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
    syntax: "key min max [WITHSCORES] [LIMIT offset count]",
    ts: "(key: Key, min: Arg, max: Arg, ...options: Arg[]): string[] | [string, number][]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZRANGEBYSCORE z (1 +inf\n1) \"b\"\n2) \"c\"\n> ZRANGEBYSCORE z -inf 3 LIMIT 1 1\n1) \"b\"",
    run: |c| range(c, &Form { by: Some(By::Score), reverse: Some(false), store: false }),
    ..Row::NONE
};

pub const ZREVRANGEBYSCORE: Row = Row {
    name: "ZREVRANGEBYSCORE",
    group: Group::SortedSet,
    since: "2.2.0",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members with a score from a higher to a lower one. ZRANGE with BYSCORE and REV does the same.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
    syntax: "key max min [WITHSCORES] [LIMIT offset count]",
    ts: "(key: Key, max: Arg, min: Arg, ...options: Arg[]): string[] | [string, number][]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZREVRANGEBYSCORE z 3 (1\n1) \"c\"\n2) \"b\"",
    run: |c| range(c, &Form { by: Some(By::Score), reverse: Some(true), store: false }),
    ..Row::NONE
};

pub const ZRANGEBYLEX: Row = Row {
    name: "ZRANGEBYLEX",
    group: Group::SortedSet,
    since: "2.8.9",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members from one text to another, where all scores are equal. ZRANGE with BYLEX does the same.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
    syntax: "key min max [LIMIT offset count]",
    ts: "(key: Key, min: Arg, max: Arg, ...options: Arg[]): string[]",
    example: "> ZADD z 0 a 0 b 0 c\n(integer) 3\n> ZRANGEBYLEX z (a +\n1) \"b\"\n2) \"c\"",
    run: |c| range(c, &Form { by: Some(By::Lex), reverse: Some(false), store: false }),
    ..Row::NONE
};

pub const ZREVRANGEBYLEX: Row = Row {
    name: "ZREVRANGEBYLEX",
    group: Group::SortedSet,
    since: "2.8.9",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members from a higher text to a lower one, where all scores are equal. ZRANGE with BYLEX and REV does the same.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
    syntax: "key max min [LIMIT offset count]",
    ts: "(key: Key, max: Arg, min: Arg, ...options: Arg[]): string[]",
    example: "> ZADD z 0 a 0 b 0 c\n(integer) 3\n> ZREVRANGEBYLEX z [b -\n1) \"b\"\n2) \"a\"",
    run: |c| range(c, &Form { by: Some(By::Lex), reverse: Some(true), store: false }),
    ..Row::NONE
};

pub const ZRANGESTORE: Row = Row {
    name: "ZRANGESTORE",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[OW,UPDATE]; idx:2/range:last=0,step=1,limit=0[RO,ACCESS]",
    summary: "Stores the members of a range of ranks, of scores or of texts, and returns how many there are.",
    complexity: "O(log(N)+M) where N is the number of members and M the number of those stored.",
    syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
    ts: "(dst: Key, src: Key, min: Arg, max: Arg, ...options: Arg[]): number",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZRANGESTORE top z 0 1 REV\n(integer) 2\n> ZRANGE top 0 -1 WITHSCORES\n1) \"b\"\n2) \"2\"\n3) \"c\"\n4) \"3\"",
    run: |c| range(c, &Form { by: None, reverse: None, store: true }),
    ..Row::NONE
};

/// What a command's name says already; `None` leaves it to an option.
struct Form {
    by: Option<By>,
    reverse: Option<bool>,
    store: bool,
}

struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    scores: bool,
    /// `LIMIT`: how many to skip, and how many to return at most; a negative number returns all.
    limit: Option<(i64, i64)>,
}

fn range(c: &mut Ctx, form: &Form) -> Outcome {
    let query = parse(c, form)?;
    if form.store {
        return store(c, &query);
    }
    let Some(set) = c.ks.get::<Zset>(c.argv[1])? else {
        c.out.array(0);
        return Ok(());
    };
    let ranks = query.ranks(set);
    members_head(c.out, ranks.len(), query.scores);
    let write = |(m, score)| member(c.out, m, score, query.scores);
    if query.reverse {
        set.range_rev(ranks).for_each(write)
    } else {
        set.range(ranks).for_each(write)
    }
    Ok(())
}

fn store(c: &mut Ctx, query: &Query) -> Outcome {
    let (destination, source) = (c.argv[1], c.argv[2]);
    let (limits, seed) = (c.ks.limits.zset, c.ks.seed);
    let mut result = Zset::new();
    if let Some(set) = c.ks.get::<Zset>(source)? {
        let ranks = query.ranks(set);
        result.reserve(ranks.len(), &limits, seed);
        for (member, score) in set.range(ranks) {
            member.with(|m| result.set(m, score, &limits, seed));
        }
    }
    store_result(c, destination, result, "zrangestore");
    Ok(())
}

/// Stores `result` at `key`, whatever was there, or deletes the key if it is empty. Replies with the number of members.
pub fn store_result(c: &mut Ctx, key: &[u8], mut result: Zset, event: &'static str) {
    let len = result.len();
    if len > 0 {
        result.compact(&c.ks.limits.zset);
        c.ks.set_object(key, Object::Zset(result), Ttl::Clear);
        c.ks.changed(key, ZSET, event);
    } else if c.ks.delete(key) {
        c.ks.changed(key, GENERIC, "del");
    }
    c.out.len(len);
}

impl Query<'_> {
    /// Returns the ranks that are meant, counted from the lowest score; the caller reads them backwards when reversed.
    fn ranks(&self, set: &Zset) -> Range<usize> {
        let all = self.bounds.ranks(set, self.reverse);
        let Some((offset, count)) = self.limit else { return all };
        if matches!(self.bounds, Bounds::Rank(..)) {
            return all;
        }
        // A negative offset skips everything, as in Redis.
        let skip = usize::try_from(offset).unwrap_or(usize::MAX).min(all.len());
        let most = usize::try_from(count).unwrap_or(usize::MAX).min(all.len() - skip);
        if self.reverse {
            let end = all.end - skip;
            end - most..end
        } else {
            let start = all.start + skip;
            start..start + most
        }
    }
}

fn parse<'a>(c: &Ctx<'a>, form: &Form) -> Result<Query<'a>, Error> {
    let at = if form.store { 3 } else { 2 };
    let mut args = Args::from(c.argv, at + 2);
    let (mut by, mut reverse) = (form.by, form.reverse);
    let (mut scores, mut limit) = (false, None);
    while args.more() {
        if !form.store && args.word("WITHSCORES") {
            scores = true;
        } else if args.left() >= 3 && args.word("LIMIT") {
            limit = Some((args.int()?, args.int()?));
        } else if reverse.is_none() && args.word("REV") {
            reverse = Some(true);
        } else if by.is_none() && args.word("BYLEX") {
            by = Some(By::Lex);
        } else if by.is_none() && args.word("BYSCORE") {
            by = Some(By::Score);
        } else {
            return Err(Error::Syntax);
        }
    }
    let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
    // A count of -1 is what Redis takes for no limit at all.
    if by == By::Rank && limit.is_some_and(|(_, count)| count != -1) {
        return Err(Error::LimitNeedsRange);
    }
    if scores && by == By::Lex {
        return Err(Error::WithscoresByLex);
    }
    let (first, second) = (c.argv[at], c.argv[at + 1]);
    let (min, max) = if reverse && by != By::Rank { (second, first) } else { (first, second) };
    Ok(Query { bounds: Bounds::parse(by, min, max)?, reverse, scores, limit })
}
