//! Strings inside documents.

use super::{JSON, PathText, read, reply_changes, select, update, wrong_value};
use crate::ds::json::{Format, Value};
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const STRAPPEND: Row = Row {
    name: "JSON.STRAPPEND",
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    summary: "Appends to the strings at a path. Returns their lengths in bytes, null for what is no string.",
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key [path] value",
    ts: "(key: Key, ...args: Arg[]): Reply",
    example: r#"> JSON.SET doc $ '{"a":"foo","b":{"a":31}}'
OK
> JSON.STRAPPEND doc $..a '"bar"'
1) (integer) 6
2) (nil)
> JSON.STRAPPEND doc .a '"!"'
(integer) 7
> JSON.GET doc .a
"\"foobar!\"""#,
    run: strappend,
    ..JSON
};

fn strappend(c: &mut Ctx) -> Outcome {
    let (path, json) = match c.argv[2..] {
        [json] => (None, json),
        [path, json] => (Some(path), json),
        _ => return Err(Error::arity(c.name())),
    };
    let path = PathText::of(c, path)?;
    // The value is read when a string is met; before that, nothing is wrong with it.
    let tail = super::value(json).map_err(|error| Error::new(format!("ERR {error}")));
    let plan = |value: &Value, _| {
        let Value::Text(old) = value else { return Ok(None) };
        match &tail {
            Ok(Value::Text(tail)) => Ok(Some((old.len() + tail.len(), tail.clone()))),
            Ok(other) => {
                let mut text = Vec::new();
                other.print(&mut text, &Format::COMPACT);
                let text = String::from_utf8_lossy(&text[..text.len().min(128)]).into_owned();
                Err(Error::new(format!("WRONGTYPE wrong type of path value - expected string but found {text}")))
            }
            Err(error) => Err(error.clone()),
        }
    };
    let results = update(c, path, json.len(), plan, |value, (_, tail)| {
        if let Value::Text(old) = value {
            *old = [&**old, &**tail].concat().into();
        }
        true
    })?;
    reply_changes(c, path, &results, path.missing(" or not a string"), |out, (len, _)| out.len(*len))
}

pub(super) const STRLEN: Row = Row {
    name: "JSON.STRLEN",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns the lengths of the strings at a path in bytes, null for what is no string.",
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":"foo","b":{"a":31}}'
OK
> JSON.STRLEN doc $..a
1) (integer) 3
2) (nil)
> JSON.STRLEN doc .a
(integer) 3
> JSON.STRLEN missing .
(nil)"#,
    run: strlen,
    ..JSON
};

fn strlen(c: &mut Ctx) -> Outcome {
    // Unlike that of the other commands, this path's default is of the first version in every protocol: clients' tests say so.
    let path = PathText::of(c, Some(c.argv.get(2).unwrap_or(&&b"."[..])))?;
    let Some(json) = read(c.ks, c.argv[1])? else {
        return no_document(c, path);
    };
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    if path.is_legacy() {
        let first = found.first().ok_or_else(|| path.missing(""))?;
        let text = first.text().ok_or_else(|| wrong_value("string", first))?;
        c.out.len(text.len());
        return Ok(());
    }
    c.out.array(found.len());
    for value in found {
        match value.text() {
            Some(text) => c.out.len(text.len()),
            None => c.out.null(),
        }
    }
    Ok(())
}

/// What a reader of lengths answers without a document: null for a path of the first version, else an error.
pub(super) fn no_document(c: &mut Ctx, path: PathText) -> Outcome {
    if !path.is_legacy() {
        return Err(Error::JsonNoKey);
    }
    c.out.null();
    Ok(())
}
