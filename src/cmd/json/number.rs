//! Arithmetic on numbers.

use super::{JSON, PathText, at, locate, look, path_to, update};
use crate::ds::json::{Format, Value, parse_number};
use crate::engine::{Ctx, Error, Outcome, Reply, Row, flag};

/// What the rows have in common.
const ARITHMETIC: Row = Row {
    since: "1.0.0",
    arity: 4,
    flags: flag::WRITE,
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key path value",
    ts: "(key: Key, path: string, value: number | string): Reply",
    ..JSON
};

pub(super) const NUMINCRBY: Row = Row {
    name: "JSON.NUMINCRBY",
    summary: "Adds to the numbers at a path. Returns the sums, null for what is no number.",
    example: r#"> JSON.SET doc $ '{"a":"b","b":[{"a":2},{"a":5.0}]}'
OK
> JSON.NUMINCRBY doc $..a 2
"[null,4,7.0]"
> JSON.NUMINCRBY doc .b[0].a 0.5
"4.5""#,
    run: |c| arithmetic(c, |a, b| a.checked_add(b), |a, b| a + b),
    ..ARITHMETIC
};

pub(super) const NUMMULTBY: Row = Row {
    name: "JSON.NUMMULTBY",
    summary: "Multiplies the numbers at a path. Returns the products, null for what is no number.",
    example: r#"> JSON.SET doc $ '{"a":"b","b":[{"a":2},{"a":5.0}]}'
OK
> JSON.NUMMULTBY doc $..a 2.5
"[null,5.0,12.5]"
> JSON.NUMMULTBY doc $.nowhere 2
"[]""#,
    run: |c| arithmetic(c, |a, b| a.checked_mul(b), |a, b| a * b),
    ..ARITHMETIC
};

pub(super) const NUMPOWBY: Row = Row {
    name: "JSON.NUMPOWBY",
    summary: "Raises the numbers at a path to a power. Returns the results, null for what is no number.",
    example: r#"> JSON.SET doc $ '{"a":4,"b":5.0}'
OK
> JSON.NUMPOWBY doc $.* 2
"[16,25.0]""#,
    run: |c| {
        arithmetic(c, |a, b| a.checked_pow(u32::try_from(b).ok()?), f64::powf)?;
        log_results(c)
    },
    ..ARITHMETIC
};

/// Integers stay integers where the result is one that fits.
fn arithmetic(c: &mut Ctx, ints: fn(i64, i64) -> Option<i64>, floats: fn(f64, f64) -> f64) -> Outcome {
    let path = PathText::of(c, Some(c.argv[2]))?;
    let operand = parse_number(c.argv[3]).map_err(|error| Error::new(format!("ERR {error}")))?;
    let plan = |value: &Value, _| {
        let (Some(a), Some(b)) = (value.number(), operand.number()) else { return Ok(None) };
        if let (Value::Int(a), Value::Int(b)) = (value, &operand)
            && let Some(result) = ints(*a, *b)
        {
            return Ok(Some(Value::Int(result)));
        }
        let result = floats(a, b);
        if result.is_finite() { Ok(Some(Value::Float(result))) } else { Err(Error::JsonNotFinite) }
    };
    let results = update(c, path, 0, plan, |value, new| {
        *value = new.clone();
        true
    })?;
    if c.out.is_resp3() {
        c.out.array(results.len());
        for result in &results {
            match result {
                Some(number) => reply_number(c.out, number),
                None => c.out.null(),
            }
        }
        return Ok(());
    }
    let mut text = Vec::new();
    if path.is_legacy() {
        let last = results.iter().rev().flatten().next();
        let last = last.ok_or_else(|| path.missing(" or does not contains a number"))?;
        last.print(&mut text, &Format::COMPACT);
    } else {
        let all = results.into_iter().map(Option::unwrap_or_default).collect();
        Value::Array(all).print(&mut text, &Format::COMPACT);
    }
    c.out.bulk(&text);
    Ok(())
}

/// Logs what the numbers are now instead of the power they were raised to: machines differ in the last digit of powers.
fn log_results(c: &mut Ctx) -> Outcome {
    let (key, path) = (c.argv[1], PathText::of(c, Some(c.argv[2]))?.parse()?);
    let root = look(c.ks, key)?.ok_or(Error::JsonNoKey)?.root();
    let mut effects = Vec::new();
    for place in locate(&path, root)? {
        if let Some(number) = at(root, &place).filter(|value| value.number().is_some()) {
            let mut text = Vec::new();
            number.print(&mut text, &Format::COMPACT);
            effects.push((path_to(root, &place), text));
        }
    }
    for (path, number) in &effects {
        c.instead(&[b"JSON.MERGE", key, path, number]);
    }
    Ok(())
}

/// Replies with a number as the protocol has it.
pub(super) fn reply_number(out: &mut Reply, number: &Value) {
    match number {
        Value::Int(n) => out.int(*n),
        Value::Big(n) => out.big_number(&n.to_string()),
        number => out.double(number.number().unwrap_or_default()),
    }
}
