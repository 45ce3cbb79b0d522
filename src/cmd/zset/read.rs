//! Sorted sets: commands that look at members by name, at random, or at all of them.

use super::{member, members_head};
use crate::base::rng::Rng;
use crate::cmd::scan::{self, ScanOptions, Scanned};
use crate::ds::listpack::Elem;
use crate::ds::zset::Zset;
use crate::engine::args::int_within;
use crate::engine::{Args, Ctx, Error, Group, KEY_META, KEY_READ, Outcome, Reply, Row, flag};
use std::collections::BTreeSet;

pub const ZCARD: Row = Row {
    name: "ZCARD",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the number of members of a sorted set.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> ZADD z 1 a 2 b\n(integer) 2\n> ZCARD z\n(integer) 2\n> ZCARD missing\n(integer) 0",
    run: zcard,
    ..Row::NONE
};

fn zcard(c: &mut Ctx) -> Outcome {
    let len = c.ks.get::<Zset>(c.argv[1])?.map_or(0, Zset::len);
    c.out.len(len);
    Ok(())
}

pub const ZSCORE: Row = Row {
    name: "ZSCORE",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns the score of a member.",
    complexity: "O(1)",
    syntax: "key member",
    ts: "(key: Key, member: Value): number | null",
    example: "> ZADD z 1.5 a\n(integer) 1\n> ZSCORE z a\n\"1.5\"\n> ZSCORE z b\n(nil)",
    run: zscore,
    ..Row::NONE
};

fn zscore(c: &mut Ctx) -> Outcome {
    match c.ks.get::<Zset>(c.argv[1])?.and_then(|set| set.score(c.argv[2])) {
        Some(score) => c.out.double(score),
        None => c.out.null(),
    }
    Ok(())
}

pub const ZMSCORE: Row = Row {
    name: "ZMSCORE",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns the scores of several members.",
    complexity: "O(N) where N is the number of members asked for.",
    syntax: "key member [member ...]",
    ts: "(key: Key, ...members: Value[]): (number | null)[]",
    example: "> ZADD z 1 a 2 b\n(integer) 2\n> ZMSCORE z a x b\n1) \"1\"\n2) (nil)\n3) \"2\"",
    run: zmscore,
    ..Row::NONE
};

fn zmscore(c: &mut Ctx) -> Outcome {
    let members = &c.argv[2..];
    let set = c.ks.get::<Zset>(c.argv[1])?;
    c.out.array(members.len());
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => c.out.double(score),
            None => c.out.null(),
        }
    }
    Ok(())
}

pub const ZRANK: Row = Row {
    name: "ZRANK",
    group: Group::SortedSet,
    since: "2.0.0",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns how many members are before a member, and on request its score.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key member [WITHSCORE]",
    ts: "(key: Key, member: Value, withScore?: 'WITHSCORE'): number | null | [number, number]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZRANK z c\n(integer) 2\n> ZRANK z b WITHSCORE\n1) (integer) 1\n2) \"2\"\n> ZRANK z x\n(nil)",
    differs: "WITHSCORE is of Redis 7.2.",
    run: |c| rank(c, false),
    ..Row::NONE
};

pub const ZREVRANK: Row = Row {
    name: "ZREVRANK",
    group: Group::SortedSet,
    since: "2.0.0",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns how many members are behind a member, and on request its score.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key member [WITHSCORE]",
    ts: "(key: Key, member: Value, withScore?: 'WITHSCORE'): number | null | [number, number]",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZREVRANK z c\n(integer) 0\n> ZREVRANK z a WITHSCORE\n1) (integer) 2\n2) \"1\"",
    differs: "WITHSCORE is of Redis 7.2.",
    run: |c| rank(c, true),
    ..Row::NONE
};

fn rank(c: &mut Ctx, reverse: bool) -> Outcome {
    let mut args = Args::from(c.argv, 3);
    if args.left() > 1 {
        return Err(Error::arity(c.name()));
    }
    let with_score = args.word("WITHSCORE");
    args.end()?;
    let member = c.argv[2];
    let set = c.ks.get::<Zset>(c.argv[1])?;
    let found = set.and_then(|set| Some((set.rank(member)?, set)));
    let Some((rank, set)) = found else {
        if with_score {
            c.out.null_array()
        } else {
            c.out.null()
        }
        return Ok(());
    };
    if with_score {
        c.out.array(2);
    }
    c.out.len(if reverse { set.len() - 1 - rank } else { rank });
    if with_score && let Some(score) = set.score(member) {
        c.out.double(score);
    }
    Ok(())
}

pub const ZSCAN: Row = Row {
    name: "ZSCAN",
    group: Group::SortedSet,
    since: "2.8.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Visits the members of a sorted set and their scores in portions.",
    complexity: "O(1) for every call, O(N) for a complete visit, where N is the number of members.",
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOSCORES]",
    ts: "(key: Key, cursor: Arg, ...options: Arg[]): [string, string[]]",
    example: "> ZADD z 1 a 2 b\n(integer) 2\n> ZSCAN z 0 MATCH b\n1) \"0\"\n2) 1) \"b\"\n   2) \"2\"\n> ZSCAN z 0 NOSCORES\n1) \"0\"\n2) 1) \"a\"\n   2) \"b\"",
    differs: "NOSCORES is Valkey's, from 8.1 on (the page of ZSCAN in its documentation).",
    run: zscan,
    ..Row::NONE
};

fn zscan(c: &mut Ctx) -> Outcome {
    let cursor = scan::cursor(c.argv[2])?;
    let mut args = Args::from(c.argv, 3);
    let Some(set) = c.ks.get::<Zset>(c.argv[1])? else {
        scan::reply_empty(c.out);
        return Ok(());
    };
    let options = ScanOptions::parse(&mut args, Scanned::Scores)?;
    scan::reply(c.out, |out| {
        let mut count = 0;
        let next = set.scan(cursor, options.count, |member, score| {
            if member.with(|text| options.matches(text)) {
                out.elem(member);
                count += 1;
                if !options.no_values {
                    score_text(out, score);
                    count += 1;
                }
            }
        });
        (next, count)
    });
    Ok(())
}

/// Writes a score as a string, in RESP3 too: ZSCAN is one of a family whose replies are all strings.
fn score_text(out: &mut Reply, score: f64) {
    let mut buf = [0; 40];
    out.bulk(crate::base::num::fmt_f64(score, &mut buf));
}

pub const ZRANDMEMBER: Row = Row {
    name: "ZRANDMEMBER",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns random members: so many different ones, or with repetitions when the count is negative.",
    complexity: "O(N) where N is the number of members returned.",
    syntax: "key [count [WITHSCORES]]",
    ts: "(key: Key, count?: number, withScores?: 'WITHSCORES'): string | null | string[] | [string, number][]",
    example: "> ZADD z 1 a\n(integer) 1\n> ZRANDMEMBER z\n\"a\"\n> ZRANDMEMBER z 5 WITHSCORES\n1) \"a\"\n2) \"1\"\n> ZRANDMEMBER z -2\n1) \"a\"\n2) \"a\"",
    run: zrandmember,
    ..Row::NONE
};

fn zrandmember(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let Some((count, scores)) = parse_random(c)? else {
        c.ks.get::<Zset>(key)?;
        let mut rng = c.ks.rng.clone();
        match c.ks.see::<Zset>(key)?.and_then(|set| set.random(&mut rng)) {
            Some((member, _)) => c.out.elem(member),
            None => c.out.null(),
        }
        c.ks.rng = rng;
        return Ok(());
    };
    c.ks.get::<Zset>(key)?;
    let mut rng = c.ks.rng.clone();
    match c.ks.see::<Zset>(key)? {
        None => c.out.array(0),
        Some(set) if count < 0 => {
            let most = c.server.config.proto_max_bulk_len;
            repeated(c.out, set, count.unsigned_abs(), scores, &mut rng, most)?
        }
        Some(set) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(set.len());
            members_head(c.out, count, scores);
            distinct(set, count, &mut rng, |m, score| member(c.out, m, score, scores));
        }
    }
    c.ks.rng = rng;
    Ok(())
}

/// Returns the count and whether scores are wanted, or `None` if no count is given.
fn parse_random(c: &Ctx) -> Result<Option<(i64, bool)>, Error> {
    let Some(count) = c.argv.get(2) else { return Ok(None) };
    let count = crate::engine::args::int(count)?;
    int_within(c.argv[2], -i64::MAX..=i64::MAX, Error::RangeOfLong)?;
    let mut args = Args::from(c.argv, 3);
    let scores = args.word("WITHSCORES");
    args.end()?;
    if scores && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err(Error::OutOfRange);
    }
    Ok(Some((count, scores)))
}

/// Writes `count` members, each chosen anew. Fails when the reply is longer than `most` bytes: a count costs its sender nothing.
fn repeated(out: &mut Reply, set: &Zset, count: u64, scores: bool, rng: &mut Rng, most: usize) -> Outcome {
    let start = out.mark();
    let n = usize::try_from(count).map_err(|_| Error::ReplyTooLong)?;
    members_head(out, n, scores);
    for _ in 0..n {
        if let Some((m, score)) = set.random(rng) {
            member(out, m, score, scores);
        }
        if out.mark() - start > most {
            return Err(Error::ReplyTooLong);
        }
    }
    Ok(())
}

/// Passes `count` different members, at most all, to `f`.
fn distinct(set: &Zset, count: usize, rng: &mut Rng, mut f: impl FnMut(Elem, f64)) {
    let len = set.len();
    if count == len {
        // From the highest, as Redis does.
        return set.iter().rev().for_each(|(m, score)| f(m, score));
    }
    if count >= len / 3 {
        // Many: walk over all and take each with the chance that makes the number come out right (Knuth's algorithm S).
        let (mut left, mut wanted) = (len, count);
        for (m, score) in set.iter() {
            if wanted > 0 && rng.below(left) < wanted {
                f(m, score);
                wanted -= 1;
            }
            left -= 1;
        }
        return;
    }
    let mut chosen = BTreeSet::new();
    while chosen.len() < count {
        let rank = rng.below(len);
        if chosen.insert(rank) {
            set.range(rank..rank + 1).for_each(|(m, score)| f(m, score));
        }
    }
}
