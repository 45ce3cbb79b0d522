//! Some of a hash's fields: at random, or step by step.

use super::View;
use crate::base::rng::Rng;
use crate::cmd::scan::{self, ScanOptions, Scanned};
use crate::ds::hash::Hash;
use crate::ds::listpack::Elem;
use crate::engine::{Ctx, Error, Group, KEY_READ, Outcome, Reply, Row, args, flag};

/// The longest reply with repetitions, in bytes: one small request could ask for all memory there is.
const REPLY_MAX: usize = 1 << 30;

pub(super) const HRANDFIELD: Row = Row {
    name: "HRANDFIELD",
    group: Group::Hash,
    since: "6.2.0",
    arity: -2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns a random field of a hash; with a count, so many different ones; with a negative count, so many with repetitions.",
    complexity: "O(N) where N is the number of fields returned",
    syntax: "key [count [WITHVALUES]]",
    ts: "(key: Key, count?: number, withValues?: 'WITHVALUES'): string | string[] | [string, string][] | null",
    example: "> HSET h f v\n(integer) 1\n> HRANDFIELD h\n\"f\"\n> HRANDFIELD h 5 WITHVALUES\n1) \"f\"\n2) \"v\"\n> HRANDFIELD h -2\n1) \"f\"\n2) \"f\"\n> HRANDFIELD missing\n(nil)",
    differs: "A reply with repetitions that would exceed 1 GiB is refused instead of taking all memory.",
    run: hrandfield,
    ..Row::NONE
};

fn hrandfield(c: &mut Ctx) -> Outcome {
    let Some(count) = c.argv.get(2) else { return one_field(c) };
    let count = match args::int(count)? {
        i64::MIN => return Err(Error::out_of_range(-i64::MAX, i64::MAX)),
        count => count,
    };
    let mut rest = c.args();
    rest.take(2)?;
    let values = rest.word("WITHVALUES");
    rest.end()?;
    // Twice as many elements must be a number too.
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::OutOfRange);
    }
    let (view, mut rng) = (View::of(c.ks), Rng::new(c.ks.rng.u64()));
    let Some(hash) = c.ks.get::<Hash>(c.argv[1])? else {
        c.out.array(0);
        return Ok(());
    };
    // A follower with due fields chooses from a copy of the others: rare, and no reason to make the rest slower.
    let copy = (view.hidden(hash) > 0).then(|| visible_copy(hash, view));
    let hash = copy.as_ref().unwrap_or(hash);
    let mut pairs = Pairs { out: c.out, values };
    if count >= 0 {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        pairs.head(count.min(hash.len()));
        hash.sample(count, &mut rng, |field, value| pairs.write(field, value));
        return Ok(());
    }
    with_repetitions(&mut pairs, hash, count.unsigned_abs(), &mut rng)
}

fn one_field(c: &mut Ctx) -> Outcome {
    let (view, mut rng) = (View::of(c.ks), Rng::new(c.ks.rng.u64()));
    let hash = c.ks.get::<Hash>(c.argv[1])?;
    let copy = hash.filter(|hash| view.hidden(hash) > 0).map(|hash| visible_copy(hash, view));
    match copy.as_ref().or(hash).and_then(|hash| hash.random(&mut rng)) {
        Some((field, _)) => c.out.elem(field),
        None => c.out.null(),
    }
    Ok(())
}

fn visible_copy(hash: &Hash, view: View) -> Hash {
    let mut copy = hash.clone();
    copy.pop_expired(view.hidden_before, usize::MAX);
    copy
}

/// Writes fields, with values or without, as a list; RESP3 pairs them.
struct Pairs<'a> {
    out: &'a mut Reply,
    values: bool,
}

impl Pairs<'_> {
    fn head(&mut self, count: usize) {
        let flat = self.values && !self.out.is_resp3();
        self.out.array(if flat { count * 2 } else { count });
    }

    fn write(&mut self, field: Elem, value: Elem) {
        if self.values && self.out.is_resp3() {
            self.out.array(2);
        }
        self.out.elem(field);
        if self.values {
            self.out.elem(value);
        }
    }
}

fn with_repetitions(pairs: &mut Pairs, hash: &Hash, count: u64, rng: &mut Rng) -> Outcome {
    if hash.is_empty() {
        pairs.head(0);
        return Ok(());
    }
    // Six bytes are the shortest field's share of the reply.
    let count = usize::try_from(count).ok().filter(|n| *n <= REPLY_MAX / 6).ok_or(Error::ReplyTooLong)?;
    let end = pairs.out.mark() + REPLY_MAX;
    pairs.head(count);
    for _ in 0..count {
        if let Some((field, value)) = hash.random(rng) {
            pairs.write(field, value);
        }
        if pairs.out.mark() > end {
            return Err(Error::ReplyTooLong);
        }
    }
    Ok(())
}

pub(super) const HSCAN: Row = Row {
    name: "HSCAN",
    group: Group::Hash,
    since: "2.8.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Goes through the fields of a hash step by step, with their values.",
    complexity: "O(1) a step, O(N) for all N fields",
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
    ts: "(key: Key, cursor: number | string, ...options: Arg[]): [cursor: string, elements: string[]]",
    example: "> HSET h one 1 two 2\n(integer) 2\n> HSCAN h 0 MATCH o* COUNT 100\n1) \"0\"\n2) 1) \"one\"\n   2) \"1\"\n> HSCAN h 0 NOVALUES\n1) \"0\"\n2) 1) \"one\"\n   2) \"two\"",
    differs: "NOVALUES came with 7.4.",
    run: hscan,
    ..Row::NONE
};

fn hscan(c: &mut Ctx) -> Outcome {
    let cursor = scan::cursor(c.argv[2])?;
    let view = View::of(c.ks);
    let mut args = c.args();
    args.take(2)?;
    let Some(hash) = c.ks.get::<Hash>(c.argv[1])? else {
        scan::reply_empty(c.out);
        return Ok(());
    };
    let options = ScanOptions::parse(&mut args, Scanned::Hash)?;
    scan::reply(c.out, |out| {
        let mut count = 0;
        let next = hash.scan(cursor, options.count, |field, value| {
            if field.with(|field| options.matches(field) && !view.hides(hash, field)) {
                out.elem(field);
                count += 1;
                if !options.no_values {
                    out.elem(value);
                    count += 1;
                }
            }
        });
        (next, count)
    });
    Ok(())
}
