//! Reading one element.

use super::VECTOR;
use crate::ds::vector::VectorSet;
use crate::engine::{Ctx, Outcome, Row, flag};

pub(super) const VEMB: Row = Row {
    name: "VEMB",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    summary: "Returns the vector of an element, or how it is kept: form, bytes, length, and for bytes their range.",
    complexity: "O(D) where D is the number of dimensions",
    syntax: "key element [RAW]",
    ts: "(key: Key, element: Value, raw?: 'RAW'): Reply",
    example: "> VADD points VALUES 2 3 4 a NOQUANT\n(integer) 1\n> VEMB points a\n1) \"3\"\n2) \"4\"\n> VEMB points missing\n(nil)",
    run: vemb,
    ..VECTOR
};

fn vemb(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (key, element) = (args.next()?, args.next()?);
    let raw = args.word("RAW");
    args.end()?;
    let set = c.ks.get::<VectorSet>(key)?;
    if raw {
        let Some((bytes, l2, range)) = set.and_then(|set| set.raw(element)) else {
            c.out.null_array();
            return Ok(());
        };
        c.out.array(3 + usize::from(range.is_some()));
        c.out.simple(set.map_or("", |set| set.quant().name()));
        c.out.bulk(&bytes);
        c.out.double(f64::from(l2));
        range.into_iter().for_each(|range| c.out.double(f64::from(range)));
        return Ok(());
    }
    match set.and_then(|set| set.vector(element)) {
        Some(vector) => {
            c.out.array(vector.len());
            vector.iter().for_each(|x| c.out.double(f64::from(*x)));
        }
        None => c.out.null_array(),
    }
    Ok(())
}

pub(super) const VGETATTR: Row = Row {
    name: "VGETATTR",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    summary: "Returns the attributes of an element.",
    complexity: "O(1)",
    syntax: "key element",
    ts: "(key: Key, element: Value): string | null",
    example: "> VADD points VALUES 2 1 1 a SETATTR '{\"year\":1950}'\n(integer) 1\n> VGETATTR points a\n\"{\\\"year\\\":1950}\"\n> VGETATTR points missing\n(nil)",
    run: vgetattr,
    ..VECTOR
};

fn vgetattr(c: &mut Ctx) -> Outcome {
    let (key, element) = (c.argv[1], c.argv[2]);
    let text = c.ks.get::<VectorSet>(key)?.and_then(|set| set.attribute(element));
    c.out.bulk_or_null(text);
    Ok(())
}

pub(super) const VISMEMBER: Row = Row {
    name: "VISMEMBER",
    since: "8.2.0",
    arity: 3,
    flags: flag::READONLY,
    summary: "Tells whether a vector set has an element.",
    complexity: "O(1)",
    syntax: "key element",
    ts: "(key: Key, element: Value): number",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VISMEMBER points a\n(integer) 1\n> VISMEMBER points b\n(integer) 0",
    run: vismember,
    ..VECTOR
};

fn vismember(c: &mut Ctx) -> Outcome {
    let (key, element) = (c.argv[1], c.argv[2]);
    let there = c.ks.get::<VectorSet>(key)?.is_some_and(|set| set.contains(element));
    c.out.bool(there);
    Ok(())
}
