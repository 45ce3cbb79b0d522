//! Sorted sets: union, intersection and difference of sorted sets and sets.

use super::range::store_result;
use super::{member, members_head};
use crate::base::num::parse_f64;
use crate::base::order;
use crate::ds::listpack::Elem;
use crate::ds::set::Set;
use crate::ds::zset::{Limits, Zset};
use crate::engine::args::int_within;
use crate::engine::value::{Object, Type};
use crate::engine::{Args, Ctx, Error, Group, Keyspace, Outcome, Row, flag};

/// The keys of a command that returns.
const KEYS: &str = "idx:1/keynum:numidx=0,first=1,step=1[RO,ACCESS]";
/// The keys of a command that stores.
const STORE_KEYS: &str =
    "idx:1/range:last=0,step=1,limit=0[OW,UPDATE]; idx:2/keynum:numidx=0,first=1,step=1[RO,ACCESS]";

pub const ZUNION: Row = Row {
    name: "ZUNION",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEYS,
    summary: "Returns the members of all sorted sets given; scores of the same member are added, or the smallest or largest is taken.",
    complexity: "O(N)+O(M*log(M)) where N is the number of members given and M the number of those returned.",
    syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
    ts: "(numkeys: number, ...args: Arg[]): string[] | [string, number][]",
    example: "> ZADD a 1 x 2 y\n(integer) 2\n> ZADD b 3 y\n(integer) 1\n> ZUNION 2 a b WITHSCORES\n1) \"x\"\n2) \"1\"\n3) \"y\"\n4) \"5\"\n> ZUNION 2 a b WEIGHTS 10 1 AGGREGATE MAX WITHSCORES\n1) \"x\"\n2) \"10\"\n3) \"y\"\n4) \"20\"",
    run: |c| combine(c, Operation::Union, None),
    ..Row::NONE
};

pub const ZUNIONSTORE: Row = Row {
    name: "ZUNIONSTORE",
    group: Group::SortedSet,
    since: "2.0.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: STORE_KEYS,
    summary: "Stores the members of all sorted sets given, and returns how many there are.",
    complexity: "O(N)+O(M*log(M)) where N is the number of members given and M the number of those stored.",
    syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
    ts: "(destination: Key, numkeys: number, ...args: Arg[]): number",
    example: "> ZADD a 1 x 2 y\n(integer) 2\n> SADD s y z\n(integer) 2\n> ZUNIONSTORE d 2 a s WEIGHTS 1 2\n(integer) 3\n> ZRANGE d 0 -1 WITHSCORES\n1) \"x\"\n2) \"1\"\n3) \"z\"\n4) \"2\"\n5) \"y\"\n6) \"4\"",
    run: |c| combine(c, Operation::Union, Some("zunionstore")),
    ..Row::NONE
};

pub const ZINTER: Row = Row {
    name: "ZINTER",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEYS,
    summary: "Returns the members that all sorted sets given have; their scores are added, or the smallest or largest is taken.",
    complexity: "O(N*K)+O(M*log(M)) where N is the size of the smallest set, K the number of sets and M the number of members returned.",
    syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
    ts: "(numkeys: number, ...args: Arg[]): string[] | [string, number][]",
    example: "> ZADD a 1 x 2 y\n(integer) 2\n> ZADD b 3 y 4 z\n(integer) 2\n> ZINTER 2 a b WITHSCORES\n1) \"y\"\n2) \"5\"\n> ZINTER 2 a b AGGREGATE MIN WITHSCORES\n1) \"y\"\n2) \"2\"",
    run: |c| combine(c, Operation::Inter, None),
    ..Row::NONE
};

pub const ZINTERSTORE: Row = Row {
    name: "ZINTERSTORE",
    group: Group::SortedSet,
    since: "2.0.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: STORE_KEYS,
    summary: "Stores the members that all sorted sets given have, and returns how many there are.",
    complexity: "O(N*K)+O(M*log(M)) where N is the size of the smallest set, K the number of sets and M the number of members stored.",
    syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
    ts: "(destination: Key, numkeys: number, ...args: Arg[]): number",
    example: "> ZADD a 1 x 2 y\n(integer) 2\n> ZADD b 3 y 4 z\n(integer) 2\n> ZINTERSTORE d 2 a b WEIGHTS 2 3\n(integer) 1\n> ZRANGE d 0 -1 WITHSCORES\n1) \"y\"\n2) \"13\"",
    run: |c| combine(c, Operation::Inter, Some("zinterstore")),
    ..Row::NONE
};

pub const ZDIFF: Row = Row {
    name: "ZDIFF",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEYS,
    summary: "Returns the members of the first sorted set that no other has.",
    complexity: "O(L+(N-K)*log(N)) where L is the number of members given, N the size of the first set and K that of the result.",
    syntax: "numkeys key [key ...] [WITHSCORES]",
    ts: "(numkeys: number, ...args: Arg[]): string[] | [string, number][]",
    example: "> ZADD a 1 x 2 y\n(integer) 2\n> ZADD b 3 y\n(integer) 1\n> ZDIFF 2 a b WITHSCORES\n1) \"x\"\n2) \"1\"",
    run: |c| combine(c, Operation::Diff, None),
    ..Row::NONE
};

pub const ZDIFFSTORE: Row = Row {
    name: "ZDIFFSTORE",
    group: Group::SortedSet,
    since: "6.2.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: STORE_KEYS,
    summary: "Stores the members of the first sorted set that no other has, and returns how many there are.",
    complexity: "O(L+(N-K)*log(N)) where L is the number of members given, N the size of the first set and K that of the result.",
    syntax: "destination numkeys key [key ...]",
    ts: "(destination: Key, numkeys: number, ...keys: Key[]): number",
    example: "> ZADD a 1 x 2 y\n(integer) 2\n> ZADD b 3 y\n(integer) 1\n> ZDIFFSTORE d 2 a b\n(integer) 1\n> ZRANGE d 0 -1\n1) \"x\"",
    run: |c| combine(c, Operation::Diff, Some("zdiffstore")),
    ..Row::NONE
};

pub const ZINTERCARD: Row = Row {
    name: "ZINTERCARD",
    group: Group::SortedSet,
    since: "7.0.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEYS,
    summary: "Returns how many members all sorted sets given have, and stops counting at a limit.",
    complexity: "O(N*K) where N is the size of the smallest set and K the number of sets.",
    syntax: "numkeys key [key ...] [LIMIT limit]",
    ts: "(numkeys: number, ...args: Arg[]): number",
    example: "> ZADD a 1 x 2 y 3 z\n(integer) 3\n> ZADD b 1 y 2 z\n(integer) 2\n> ZINTERCARD 2 a b\n(integer) 2\n> ZINTERCARD 2 a b LIMIT 1\n(integer) 1",
    run: zintercard,
    ..Row::NONE
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// Puts two scores of a member together. What would be NaN (inf - inf) is 0.
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum if (a + b).is_nan() => 0.0,
            Aggregate::Sum => a + b,
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

/// An operand: a sorted set, or a set whose members all have the score 1, or nothing.
#[derive(Clone, Copy)]
enum Source<'a> {
    Zset(&'a Zset),
    Set(&'a Set),
    Missing,
}

impl<'a> Source<'a> {
    fn of(ks: &'a Keyspace, key: &[u8]) -> Source<'a> {
        match ks.see_entry(key).and_then(|entry| entry.object()) {
            Some(Object::Zset(set)) => Source::Zset(set),
            Some(Object::Set(set)) => Source::Set(set),
            _ => Source::Missing,
        }
    }

    fn len(self) -> usize {
        match self {
            Source::Zset(set) => set.len(),
            Source::Set(set) => set.len(),
            Source::Missing => 0,
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Zset(set) => set.score(member),
            Source::Set(set) => set.contains(member).then_some(1.0),
            Source::Missing => None,
        }
    }

    fn iter(self) -> impl Iterator<Item = (Elem<'a>, f64)> {
        let (zset, set) = match self {
            Source::Zset(zset) => (Some(zset), None),
            Source::Set(set) => (None, Some(set)),
            Source::Missing => (None, None),
        };
        let ones = set.into_iter().flat_map(|set| set.iter()).map(|member| (member, 1.0));
        zset.into_iter().flat_map(|zset| zset.iter()).chain(ones)
    }
}

/// The keys of a command. Fails if there is none, or fewer than announced, or one holds another type.
fn parse_keys<'a>(c: &mut Ctx<'a>, at: usize) -> Result<(&'a [&'a [u8]], Args<'a>), Error> {
    let mut args = Args::from(c.argv, at);
    let numkeys = args.int()?;
    if numkeys < 1 {
        return Err(Error::new(format!("ERR at least 1 input key is needed for '{}' command", c.name())));
    }
    let keys = args.take(usize::try_from(numkeys).unwrap_or(usize::MAX))?;
    for key in keys {
        let kind = c.ks.read(key).map(|entry| entry.kind());
        if !matches!(kind, None | Some(Type::Zset | Type::Set)) {
            return Err(Error::WrongType);
        }
    }
    Ok((keys, args))
}

struct Options {
    /// One a key.
    weights: Option<Vec<f64>>,
    aggregate: Aggregate,
    scores: bool,
}

fn parse_options(args: &mut Args, operation: Operation, keys: usize, store: bool) -> Result<Options, Error> {
    let mut options = Options { weights: None, aggregate: Aggregate::Sum, scores: false };
    let weighted = operation != Operation::Diff;
    while args.more() {
        if weighted && args.left() > keys && args.word("WEIGHTS") {
            let weights = args.take(keys)?.iter().map(|w| parse_f64(w).ok_or(Error::WeightNotFloat));
            options.weights = Some(weights.collect::<Result<_, _>>()?);
        } else if weighted && args.left() >= 2 && args.word("AGGREGATE") {
            options.aggregate = if args.word("SUM") {
                Aggregate::Sum
            } else if args.word("MIN") {
                Aggregate::Min
            } else if args.word("MAX") {
                Aggregate::Max
            } else {
                return Err(Error::Syntax);
            };
        } else if !store && args.word("WITHSCORES") {
            options.scores = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(options)
}

/// The seven commands but the one that only counts. With `store`, the name of the event, argument 1 is the destination.
fn combine(c: &mut Ctx, operation: Operation, store: Option<&'static str>) -> Outcome {
    let (keys, mut args) = parse_keys(c, if store.is_some() { 2 } else { 1 })?;
    let options = parse_options(&mut args, operation, keys.len(), store.is_some())?;
    let mut sources: Vec<(Source, f64)> = Vec::with_capacity(keys.len());
    for (n, key) in keys.iter().enumerate() {
        sources.push((Source::of(c.ks, key), options.weights.as_ref().map_or(1.0, |weights| weights[n])));
    }
    let making = Making { limits: c.ks.limits.zset, seed: c.ks.seed, aggregate: options.aggregate };
    let result = match operation {
        Operation::Union => making.union(sources),
        Operation::Inter => making.inter(sources),
        Operation::Diff => making.diff(&sources),
    };
    match store {
        Some(event) => store_result(c, c.argv[1], result, event),
        None => {
            members_head(c.out, result.len(), options.scores);
            result.iter().for_each(|(m, score)| member(c.out, m, score, options.scores));
        }
    }
    Ok(())
}

/// What it takes to make a result.
struct Making {
    limits: Limits,
    seed: u64,
    aggregate: Aggregate,
}

impl Making {
    /// From the smallest to the largest, as in Redis: sums of floats depend on the order.
    fn union(&self, mut sources: Vec<(Source, f64)>) -> Zset {
        order::by_key(&mut sources, |(source, _)| source.len() as u64);
        let mut result = Zset::new();
        let largest = sources.last().map_or(0, |(source, _)| source.len());
        result.reserve(largest, &self.limits, self.seed);
        for (source, weight) in sources {
            for (m, score) in source.iter() {
                let score = weighted(score, weight);
                m.with(|m| {
                    let score = result.score(m).map_or(score, |old| self.aggregate.of(old, score));
                    result.set(m, score, &self.limits, self.seed);
                });
            }
        }
        result
    }

    fn inter(&self, mut sources: Vec<(Source, f64)>) -> Zset {
        order::by_key(&mut sources, |(source, _)| source.len() as u64);
        let mut result = Zset::new();
        let Some(((smallest, weight), others)) = sources.split_first() else { return result };
        for (m, score) in smallest.iter() {
            m.with(|m| {
                let first = weighted(score, *weight);
                let score = others
                    .iter()
                    .try_fold(first, |sum, (source, weight)| Some(self.aggregate.of(sum, source.score(m)? * weight)));
                if let Some(score) = score {
                    result.set(m, score, &self.limits, self.seed);
                }
            });
        }
        result
    }

    /// Redis's two ways: look every member of the first up in the others, or remove all members of the others from a copy of
    /// the first, whichever is less work.
    fn diff(&self, sources: &[(Source, f64)]) -> Zset {
        let mut result = Zset::new();
        let Some(((first, _), others)) = sources.split_first() else { return result };
        let total: usize = others.iter().map(|(source, _)| source.len()).sum();
        let look_up = first.len().saturating_mul(others.len()) / 2 <= total.saturating_add(first.len());
        for (m, score) in first.iter() {
            m.with(|m| {
                if !look_up || others.iter().all(|(source, _)| source.score(m).is_none()) {
                    result.set(m, score, &self.limits, self.seed);
                }
            });
        }
        if !look_up {
            for (m, _) in others.iter().flat_map(|(source, _)| source.iter()) {
                m.with(|m| result.remove(m));
                if result.is_empty() {
                    break;
                }
            }
        }
        result
    }
}

/// A score times its weight. What would be NaN (inf × 0) is 0.
fn weighted(score: f64, weight: f64) -> f64 {
    let score = score * weight;
    if score.is_nan() { 0.0 } else { score }
}

fn zintercard(c: &mut Ctx) -> Outcome {
    let (keys, mut args) = parse_keys(c, 1)?;
    let mut limit = 0;
    while args.more() {
        if args.left() < 2 || !args.word("LIMIT") {
            return Err(Error::Syntax);
        }
        limit = int_within(args.next()?, 0..=i64::MAX, Error::NegativeLimit)?;
    }
    let mut sources: Vec<Source> = keys.iter().map(|key| Source::of(c.ks, key)).collect();
    order::by_key(&mut sources, |source| source.len() as u64);
    let most = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    let count = sources.split_first().map_or(0, |(smallest, others)| {
        let in_all = |m: &Elem| m.with(|m| others.iter().all(|source| source.score(m).is_some()));
        smallest.iter().filter(|(m, _)| in_all(m)).take(most).count()
    });
    c.out.len(count);
    Ok(())
}
