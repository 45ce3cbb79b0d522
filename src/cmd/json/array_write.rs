//! Changing arrays.

use super::{JSON, PathText, check_depth, integer, reply_changes, update};
use crate::ds::json::{Format, Value};
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const ARRAPPEND: Row = Row {
    name: "JSON.ARRAPPEND",
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    summary: "Appends values to the arrays at a path. Returns their lengths, null for what is no array.",
    complexity: "O(1) for each value, times N for N arrays that the path meets",
    syntax: "key path value [value ...]",
    ts: "(key: Key, path: string, ...values: string[]): Reply",
    example: r#"> JSON.SET doc $ '{"a":[1],"b":{"a":2}}'
OK
> JSON.ARRAPPEND doc $..a '"x"' 3
1) (integer) 3
2) (nil)
> JSON.ARRAPPEND doc .a null
(integer) 4
> JSON.GET doc .a
"[1,\"x\",3,null]""#,
    run: arrappend,
    ..JSON
};

/// The array of a value, to change.
fn array(value: &mut Value) -> Option<&mut Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

/// Returns the values that the arguments spell, how deep they are, and their bytes.
fn values(args: &[&[u8]]) -> Result<(Vec<Value>, usize, usize), Error> {
    let values = args.iter().map(|json| super::value(json)).collect::<Result<Vec<_>, _>>()?;
    let depth = values.iter().map(Value::depth).max().unwrap_or(0);
    Ok((values, depth, args.iter().map(|json| json.len()).sum()))
}

fn arrappend(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    args.next()?;
    let path = PathText::of(c, Some(args.next()?))?;
    if !args.more() {
        return Err(Error::arity(c.name()));
    }
    let (values, depth, bytes) = values(args.rest())?;
    let plan = |value: &Value, outside| {
        let Value::Array(items) = value else { return Ok(None) };
        check_depth(outside + 1, depth)?;
        Ok(Some(items.len() + values.len()))
    };
    let results =
        update(c, path, bytes, plan, |value, _| array(value).map(|items| items.extend_from_slice(&values)).is_some())?;
    reply_changes(c, path, &results, path.missing_as_written(" or not an array"), |out, len| out.len(*len))
}

pub(super) const ARRINSERT: Row = Row {
    name: "JSON.ARRINSERT",
    since: "1.0.0",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM,
    summary: "Inserts values before an index into the arrays at a path. Returns their lengths, null for what is no array.",
    complexity: "O(N) where N is the length of the arrays",
    syntax: "key path index value [value ...]",
    ts: "(key: Key, path: string, index: number, ...values: string[]): Reply",
    example: r#"> JSON.SET doc $ '{"a":[3],"b":{"a":[3,4]}}'
OK
> JSON.ARRINSERT doc $..a 0 1 2
1) (integer) 3
2) (integer) 4
> JSON.ARRINSERT doc .a -1 '"x"'
(integer) 4
> JSON.GET doc $..a
"[[1,2,\"x\",3],[1,2,3,4]]"
> JSON.ARRINSERT doc $.a 9 0
(error) ERR index out of bounds"#,
    run: arrinsert,
    ..JSON
};

fn arrinsert(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    args.next()?;
    let path = PathText::of(c, Some(args.next()?))?;
    let index = integer(args.next()?)?;
    let (values, depth, bytes) = values(args.rest())?;
    let plan = |value: &Value, outside| {
        let Value::Array(items) = value else { return Ok(None) };
        let len = items.len();
        let at = if index < 0 { index.saturating_add(len as i64) } else { index };
        let at = usize::try_from(at).ok().filter(|at| *at <= len).ok_or(Error::JsonIndexOutOfBounds)?;
        check_depth(outside + 1, depth)?;
        Ok(Some((at, len + values.len())))
    };
    let results = update(c, path, bytes, plan, |value, (at, _)| {
        array(value).map(|items| items.splice(*at..*at, values.iter().cloned()).for_each(drop)).is_some()
    })?;
    reply_changes(c, path, &results, path.missing(" or not an array"), |out, (_, len)| out.len(*len))
}

pub(super) const ARRPOP: Row = Row {
    name: "JSON.ARRPOP",
    since: "1.0.0",
    arity: -2,
    flags: flag::WRITE,
    summary: "Removes an element, the last by default, from the arrays at a path, and returns it as JSON text; null if there is none.",
    complexity: "O(N) where N is the length of the arrays, O(1) for the last element",
    syntax: "key [path [index]]",
    ts: "(key: Key, path?: string, index?: number): Reply",
    example: r#"> JSON.SET doc $ '{"a":[3,"x"],"b":{"a":[]},"c":{"a":1}}'
OK
> JSON.ARRPOP doc $..a
1) "\"x\""
2) (nil)
3) (nil)
> JSON.ARRPOP doc .a 0
"3""#,
    run: arrpop,
    ..JSON
};

fn arrpop(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    args.next()?;
    let path = if args.more() { Some(args.next()?) } else { None };
    let path = PathText::of(c, path)?;
    // What is no index counts as none.
    let index = if args.more() { integer(args.next()?).unwrap_or(-1) } else { -1 };
    let plan = |value: &Value, _| Ok(matches!(value, Value::Array(_)).then_some(None));
    let results = update(c, path, 0, plan, |value, popped: &mut Option<Value>| {
        *popped = array(value).filter(|items| !items.is_empty()).map(|items| {
            let last = items.len() - 1;
            let at = if index < 0 { index.saturating_add(items.len() as i64).max(0) } else { index };
            items.remove(usize::try_from(at).map_or(last, |at| at.min(last)))
        });
        popped.is_some()
    })?;
    reply_changes(c, path, &results, path.missing(" or not an array"), |out, popped| match popped {
        Some(value) => {
            let mut text = Vec::new();
            value.print(&mut text, &Format::COMPACT);
            out.bulk(&text);
        }
        None => out.null(),
    })
}

pub(super) const ARRTRIM: Row = Row {
    name: "JSON.ARRTRIM",
    since: "1.0.0",
    arity: 5,
    flags: flag::WRITE,
    summary: "Keeps a range of the arrays at a path, both ends included. Returns their lengths, null for what is no array.",
    complexity: "O(N) where N is the length of the arrays",
    syntax: "key path start stop",
    ts: "(key: Key, path: string, start: number, stop: number): Reply",
    example: r#"> JSON.SET doc $ '{"a":[1,2,3,4],"b":{"a":7}}'
OK
> JSON.ARRTRIM doc $..a 1 -2
1) (integer) 2
2) (nil)
> JSON.GET doc .a
"[2,3]""#,
    run: arrtrim,
    ..JSON
};

fn arrtrim(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, Some(c.argv[2]))?;
    let (start, stop) = (integer(c.argv[3])?, integer(c.argv[4])?);
    let plan = |value: &Value, _| {
        let Value::Array(items) = value else { return Ok(None) };
        let len = items.len() as i64;
        let from_end = |n: i64| if n < 0 { n.saturating_add(len).max(0) } else { n };
        let (first, end) = (from_end(start), from_end(stop).min(len - 1) + 1);
        let kept = if first >= len || first >= end { 0..0 } else { first as usize..end as usize };
        Ok(Some(kept))
    };
    let results = update(c, path, 0, plan, |value, kept| {
        let Some(items) = array(value) else { return false };
        let before = items.len();
        items.truncate(kept.end);
        items.drain(..kept.start);
        items.len() != before
    })?;
    reply_changes(c, path, &results, path.missing(" or not an array"), |out, kept| out.len(kept.len()))
}
