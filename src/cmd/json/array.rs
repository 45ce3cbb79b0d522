//! Reading arrays.

use super::{JSON, PathText, integer, read, select, text::no_document, wrong_value};
use crate::ds::json::Value;
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const ARRLEN: Row = Row {
    name: "JSON.ARRLEN",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns the lengths of the arrays at a path, null for what is no array.",
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":[3],"b":{"a":4}}'
OK
> JSON.ARRLEN doc $..a
1) (integer) 1
2) (nil)
> JSON.ARRLEN doc .a
(integer) 1
> JSON.ARRLEN missing .
(nil)"#,
    run: arrlen,
    ..JSON
};

fn arrlen(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let Some(json) = read(c.ks, c.argv[1])? else {
        return no_document(c, path);
    };
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    if path.is_legacy() {
        let Some(Value::Array(items)) = found.first() else {
            return Err(path.missing_as_written(" or not an array"));
        };
        c.out.len(items.len());
        return Ok(());
    }
    c.out.array(found.len());
    for value in found {
        match value {
            Value::Array(items) => c.out.len(items.len()),
            _ => c.out.null(),
        }
    }
    Ok(())
}

pub(super) const ARRINDEX: Row = Row {
    name: "JSON.ARRINDEX",
    since: "1.0.0",
    arity: -4,
    flags: flag::READONLY,
    summary: "Returns the first place of a value in the arrays at a path, -1 where it is not, null for what is no array.",
    complexity: "O(N) where N is the length of the arrays",
    syntax: "key path value [start [stop]]",
    ts: "(key: Key, path: string, value: string | number, start?: number, stop?: number): Reply",
    example: r#"> JSON.SET doc $ '{"a":[1,2,3,2],"b":{"a":[3,4]},"c":{"a":false}}'
OK
> JSON.ARRINDEX doc $..a 2
1) (integer) 1
2) (integer) -1
3) (nil)
> JSON.ARRINDEX doc .a 2 2
(integer) 3"#,
    run: arrindex,
    ..JSON
};

fn arrindex(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (key, path, json) = (args.next()?, args.next()?, args.next()?);
    let path = PathText::of(c, Some(path))?;
    let wanted = super::value(json).map_err(|error| Error::new(format!("ERR {error}")))?;
    let start = if args.more() { integer(args.next()?)? } else { 0 };
    let stop = if args.more() { integer(args.next()?)? } else { 0 };
    args.end()?;
    let json = read(c.ks, key)?.ok_or_else(|| path.missing(""))?;
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    if path.is_legacy() {
        let first = found.first().ok_or_else(|| path.missing(""))?;
        let index = index_of(first, &wanted, start, stop).ok_or_else(|| wrong_value("array", first))?;
        c.out.int(index);
        return Ok(());
    }
    c.out.array(found.len());
    for value in found {
        match index_of(value, &wanted, start, stop) {
            Some(index) => c.out.int(index),
            None => c.out.null(),
        }
    }
    Ok(())
}

/// Returns the first place of `wanted` from `start` to before `stop`, or -1; nothing of what is no array. Both ends count from the
/// end if negative and are rounded into the array, and a `stop` of 0 is its end.
fn index_of(value: &Value, wanted: &Value, start: i64, stop: i64) -> Option<i64> {
    let Value::Array(items) = value else { return None };
    let len = items.len() as i64;
    let from_end = |n: i64| if n < 0 { n.saturating_add(len).max(0) } else { n };
    let start = from_end(start).min((len - 1).max(0));
    let stop = if stop == 0 { len } else { from_end(stop).min(len) };
    let range = items.get(start as usize..stop.max(start) as usize).unwrap_or_default();
    Some(range.iter().position(|item| item == wanted).map_or(-1, |at| start + at as i64))
}
