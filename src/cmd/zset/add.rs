//! Sorted sets: adding members and changing scores.

use crate::base::num::parse_f64;
use crate::ds::zset::{Change, Limits, Zset};
use crate::engine::events::ZSET;
use crate::engine::{Args, Ctx, Error, Group, KEY_ACCESS_UPDATE, KEY_UPDATE, Outcome, Row, flag};

pub const ZADD: Row = Row {
    name: "ZADD",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Adds members with scores to a sorted set, or changes the scores of those that are there.",
    complexity: "O(log(N)) for each member added, where N is the number of members.",
    syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
    ts: "(key: Key, ...args: Arg[]): number | null",
    example: "> ZADD z 1 a 2 b\n(integer) 2\n> ZADD z GT CH 5 a 1 b\n(integer) 1\n> ZADD z NX 9 a 3 c\n(integer) 1\n> ZADD z INCR 2.5 c\n\"5.5\"\n> ZRANGE z 0 -1 WITHSCORES\n1) \"b\"\n2) \"2\"\n3) \"a\"\n4) \"5\"\n5) \"c\"\n6) \"5.5\"",
    run: |c| {
        let (mode, at) = parse_mode(c);
        add(c, &mode, &c.argv[at..])
    },
    ..Row::NONE
};

pub const ZINCRBY: Row = Row {
    name: "ZINCRBY",
    group: Group::SortedSet,
    since: "1.2.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Adds to the score of a member, which is added with the increment as its score if it is new.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key increment member",
    ts: "(key: Key, increment: number, member: Value): number",
    example: "> ZINCRBY z 2 a\n\"2\"\n> ZINCRBY z -0.5 a\n\"1.5\"",
    run: zincrby,
    ..Row::NONE
};

fn zincrby(c: &mut Ctx) -> Outcome {
    // Redis reads the options of ZADD here too, and then misses the increment.
    if option(&mut Mode::default(), &mut Args::from(c.argv, 2)).is_some() {
        return Err(Error::Syntax);
    }
    add(c, &Mode { incr: true, ..Mode::default() }, &c.argv[2..])
}

/// The options of ZADD.
#[derive(Default)]
pub(in crate::cmd) struct Mode {
    pub nx: bool,
    pub xx: bool,
    gt: bool,
    lt: bool,
    pub ch: bool,
    incr: bool,
}

/// Reads the options. Returns them and the position of the first score: the first argument that is no option.
fn parse_mode(c: &Ctx) -> (Mode, usize) {
    let mut args = Args::from(c.argv, 2);
    let mut mode = Mode::default();
    while let Some(flag) = option(&mut mode, &mut args) {
        *flag = true;
    }
    (mode, c.argv.len() - args.left())
}

/// Takes the next argument if it is an option, and returns its flag.
fn option<'m>(mode: &'m mut Mode, args: &mut Args) -> Option<&'m mut bool> {
    let options = [
        ("NX", &mut mode.nx),
        ("XX", &mut mode.xx),
        ("CH", &mut mode.ch),
        ("INCR", &mut mode.incr),
        ("GT", &mut mode.gt),
        ("LT", &mut mode.lt),
    ];
    options.into_iter().find(|(word, _)| args.word(word)).map(|(_, flag)| flag)
}

/// Gives members their scores: `pairs` are scores and members in turn. Fails if they are not, or do not go with `mode`.
pub(in crate::cmd) fn add(c: &mut Ctx, mode: &Mode, pairs: &[&[u8]]) -> Outcome {
    let key = c.argv[1];
    let scores = parse_scores(mode, pairs)?;
    let (limits, seed) = (c.ks.limits.zset, c.ks.seed);
    if mode.xx && c.ks.look::<Zset>(key)?.is_none() {
        if mode.incr {
            c.out.null()
        } else {
            c.out.int(0)
        }
        return Ok(());
    }
    let set = c.ks.get_or_new::<Zset>(key)?;
    // So many at once decide the encoding, even if some are there already, as since Redis 7.2.
    set.reserve(scores.len(), &limits, seed);
    let (mut added, mut updated, mut result) = (0, 0, None);
    for (pair, score) in pairs.chunks_exact(2).zip(&scores) {
        match set_one(set, pair[1], *score, mode, &limits, seed) {
            Ok(None) => {}
            Ok(Some((change, score))) => {
                added += usize::from(change == Change::Added);
                updated += usize::from(change == Change::Updated);
                result = Some(score);
            }
            Err(error) => return Err(error), // only with INCR, so nothing was changed before
        }
    }
    if added + updated > 0 {
        c.ks.changed(key, ZSET, if mode.incr { "zincr" } else { "zadd" });
        c.ks.dirty += (added + updated) as u64 - 1;
    }
    match (mode.incr, result) {
        (true, Some(score)) => c.out.double(score),
        (true, None) => c.out.null(),
        (false, _) => c.out.len(if mode.ch { added + updated } else { added }),
    }
    Ok(())
}

/// Checks that pairs and options go together, and returns the scores.
fn parse_scores(mode: &Mode, pairs: &[&[u8]]) -> Result<Vec<f64>, Error> {
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    if mode.nx && mode.xx {
        return Err(Error::XxAndNx);
    }
    if [mode.nx, mode.gt, mode.lt].into_iter().filter(|set| *set).count() > 1 {
        return Err(Error::GtLtNx);
    }
    if mode.incr && pairs.len() > 2 {
        return Err(Error::IncrSingle);
    }
    pairs.iter().step_by(2).map(|score| parse_f64(score).ok_or(Error::NotFloat)).collect()
}

/// Gives one member its score as far as `mode` allows. Returns what that was and the score it has now, or `None` if it was not
/// allowed. Fails if an increment makes the score NaN.
fn set_one(
    set: &mut Zset,
    member: &[u8],
    score: f64,
    mode: &Mode,
    limits: &Limits,
    seed: u64,
) -> Result<Option<(Change, f64)>, Error> {
    let conditional = mode.nx || mode.xx || mode.gt || mode.lt || mode.incr;
    let old = if conditional { set.score(member) } else { None };
    if (mode.nx && old.is_some()) || (mode.xx && old.is_none()) {
        return Ok(None);
    }
    let score = match old {
        Some(old) if mode.incr => old + score,
        _ => score,
    };
    if score.is_nan() {
        return Err(Error::ScoreNan);
    }
    if old.is_some_and(|old| (mode.gt && score <= old) || (mode.lt && score >= old)) {
        return Ok(None);
    }
    Ok(Some((set.set(member, score, limits, seed), score)))
}
