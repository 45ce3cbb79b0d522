//! Finding what is similar.

use super::{VECTOR, add::within, check_input, vector};
use crate::ds::vector::filter::Filter;
use crate::ds::vector::{Search, VectorSet};
use crate::engine::{Args, Ctx, Error, Outcome, Reply, Row, flag};

pub(super) const VSIM: Row = Row {
    name: "VSIM",
    arity: -4,
    flags: flag::READONLY,
    summary: "Returns the elements of a vector set that are most similar to an element or a vector: 1 in the same direction, 0 in the opposite.",
    complexity: "O(log(N)) where N is the number of elements, O(N) with TRUTH",
    syntax: "key <ELE element | FP32 vector | VALUES num value [value ...]> [WITHSCORES] [WITHATTRIBS] [COUNT num] [EPSILON delta] [EF search-exploration-factor] [FILTER expression] [FILTER-EF max-filtering-effort] [TRUTH] [NOTHREAD]",
    ts: "(key: Key, ...args: Arg[]): Reply",
    example: r#"> VADD points VALUES 2 1 0 a SETATTR '{"year":1950}' NOQUANT
(integer) 1
> VADD points VALUES 2 0 1 b SETATTR '{"year":1951}' NOQUANT
(integer) 1
> VADD points VALUES 2 -1 0 c NOQUANT
(integer) 1
> VSIM points ELE a WITHSCORES
1) "a"
2) "1"
3) "b"
4) "0.5"
5) "c"
6) "0"
> VSIM points VALUES 2 1 0 FILTER '.year > 1950'
1) "b"
> VSIM points ELE missing
(error) ERR element not found in set"#,
    differs: "NOTHREAD changes nothing: there are no threads.",
    run: vsim,
    ..VECTOR
};

/// What is searched.
enum Query<'a> {
    Element(&'a [u8]),
    Vector(Vec<f32>),
}

/// What is returned and how it is found.
struct Options {
    scores: bool,
    attributes: bool,
    count: usize,
    ef: Option<usize>,
    effort: Option<usize>,
    least: f64,
    filter: Option<Filter>,
    exact: bool,
}

fn vsim(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let query = if args.word("ELE") {
        Query::Element(args.next()?)
    } else {
        Query::Vector(vector(&mut args)?.ok_or(Error::VectorQuery)?)
    };
    let options = options(&mut args)?;
    let Some(set) = c.ks.get::<VectorSet>(key)? else {
        head(c.out, &options, 0);
        return Ok(());
    };
    let packed = match &query {
        Query::Element(name) => set.packed(name).ok_or(Error::VectorNoElement)?,
        Query::Vector(numbers) => {
            check_input(set, numbers.len())?;
            set.pack(numbers)
        }
    };
    let effort = match options.effort {
        Some(0) => usize::MAX,
        Some(effort) => effort,
        None => options.count.saturating_mul(100),
    };
    let how = Search {
        count: options.count,
        ef: options.ef.unwrap_or(100),
        least: options.least,
        filter: options.filter.as_ref(),
        effort,
        exact: options.exact,
    };
    let found = set.search(&packed, &how);
    head(c.out, &options, found.len());
    for found in found {
        c.out.bulk(found.name);
        if options.scores && options.attributes && c.out.is_resp3() {
            c.out.array(2);
        }
        if options.scores {
            c.out.double(found.score);
        }
        if options.attributes {
            c.out.bulk_or_null(found.attribute);
        }
    }
    Ok(())
}

/// Begins the reply: names alone are an array; with more they are a map, or in the older protocol an array of all.
fn head(out: &mut Reply, options: &Options, count: usize) {
    let more = usize::from(options.scores) + usize::from(options.attributes);
    match (more, out.is_resp3()) {
        (1 | 2, true) => out.map(count),
        (more, _) => out.array(count * (1 + more)),
    }
}

fn options(args: &mut Args) -> Result<Options, Error> {
    let mut options = Options {
        scores: false,
        attributes: false,
        count: 10,
        ef: None,
        effort: None,
        least: 0.0,
        filter: None,
        exact: false,
    };
    while args.more() {
        if args.word("WITHSCORES") {
            options.scores = true;
        } else if args.word("WITHATTRIBS") {
            options.attributes = true;
        } else if args.word("TRUTH") {
            options.exact = true;
        } else if args.word("NOTHREAD") {
        } else if args.left() < 2 {
            return Err(Error::Syntax);
        } else if args.word("COUNT") {
            options.count = within(args, 1..=i64::from(u32::MAX), Error::VectorCount)?;
        } else if args.word("EF") {
            options.ef = Some(within(args, 1..=1_000_000, Error::VectorEf)?);
        } else if args.word("FILTER-EF") {
            options.effort = Some(within(args, 0..=i64::from(u32::MAX), Error::VectorFilterEf)?);
        } else if args.word("EPSILON") {
            let epsilon = args.float().ok().filter(|epsilon| *epsilon > 0.0).ok_or(Error::VectorEpsilon)?;
            options.least = 1.0 - epsilon;
        } else if args.word("FILTER") {
            options.filter = Some(filter(args.next()?)?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(options)
}

fn filter(text: &[u8]) -> Result<Filter, Error> {
    Filter::parse(text).map_err(|at| {
        let rest = &text[at.min(text.len())..];
        let near = String::from_utf8_lossy(&rest[..rest.len().min(64)]).into_owned();
        Error::new(format!("ERR syntax error in FILTER expression near: {near}"))
    })
}
