//! Elements by chance, and in the order of their names.

use super::VECTOR;
use crate::base::rng::Rng;
use crate::ds::vector::VectorSet;
use crate::engine::{Ctx, Error, Outcome, Row, args, flag};
use std::ops::Bound;

/// The longest reply with repetitions, in bytes: one small request could ask for all memory there is.
const REPLY_MAX: usize = 1 << 30;

pub(super) const VRANDMEMBER: Row = Row {
    name: "VRANDMEMBER",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns a random element of a vector set; with a count, so many different ones; with a negative count, so many with repetitions.",
    complexity: "O(N) where N is the number of elements returned",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): string | string[] | null",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VRANDMEMBER points\n\"a\"\n> VRANDMEMBER points -2\n1) \"a\"\n2) \"a\"\n> VRANDMEMBER points 5\n1) \"a\"\n> VRANDMEMBER missing\n(nil)",
    differs: "A reply with repetitions that would exceed 1 GiB is refused instead of taking all memory.",
    run: vrandmember,
    ..VECTOR
};

fn vrandmember(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let count = if args.more() { Some(args.next().and_then(args::int).map_err(|_| Error::VectorCount)?) } else { None };
    args.end()?;
    let mut rng = Rng::new(c.ks.rng.u64());
    let set = c.ks.get::<VectorSet>(key)?;
    match (set, count) {
        (None, None) => c.out.null(),
        (None, Some(_)) => c.out.array(0),
        (Some(set), None) => c.out.bulk_or_null(set.random(&mut rng)),
        (Some(set), Some(count @ 0..)) => {
            let names = set.sample(usize::try_from(count).unwrap_or(usize::MAX), &mut rng);
            c.out.array(names.len());
            names.iter().for_each(|name| c.out.bulk(name));
        }
        (Some(set), Some(count)) => {
            let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            if count > REPLY_MAX / 16 {
                return Err(Error::OutOfRange);
            }
            let start = c.out.mark();
            c.out.array(count);
            for _ in 0..count {
                c.out.bulk_or_null(set.random(&mut rng));
                if c.out.mark() - start > REPLY_MAX {
                    return Err(Error::OutOfRange);
                }
            }
        }
    }
    Ok(())
}

pub(super) const VRANGE: Row = Row {
    name: "VRANGE",
    since: "8.4.0",
    arity: -4,
    flags: flag::READONLY,
    summary: "Returns the elements of a vector set between two names, in order; at most so many if a count is given.",
    complexity: "O(log(K)+M) where K is the number of elements and M the number of those returned",
    syntax: "key start end [count]",
    ts: "(key: Key, start: string, end: string, count?: number): string[]",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VADD points VALUES 2 2 1 b\n(integer) 1\n> VADD points VALUES 2 1 2 c\n(integer) 1\n> VRANGE points - + 2\n1) \"a\"\n2) \"b\"\n> VRANGE points (a [c\n1) \"b\"\n2) \"c\"",
    run: vrange,
    ..VECTOR
};

fn vrange(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (key, from, to) = (args.next()?, args.next()?, args.next()?);
    let count = if args.more() { args.next().and_then(args::int).map_err(|_| Error::VectorCount)? } else { -1 };
    args.end()?;
    if from == b"+" || to == b"-" {
        return Err(Error::VectorRangeEnds);
    }
    let (from, to) = (bound(from)?, bound(to)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let names = c.ks.get::<VectorSet>(key)?.map(|set| set.range(from, to, count)).unwrap_or_default();
    c.out.array(names.len());
    names.iter().for_each(|name| c.out.bulk(name));
    Ok(())
}

fn bound(arg: &[u8]) -> Result<Bound<&[u8]>, Error> {
    match arg {
        b"-" | b"+" => Ok(Bound::Unbounded),
        [b'[', name @ ..] => Ok(Bound::Included(name)),
        [b'(', name @ ..] => Ok(Bound::Excluded(name)),
        _ => Err(Error::MinMaxNotLex),
    }
}
