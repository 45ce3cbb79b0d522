//! Reading objects.

use super::{JSON, PathText, locate_first, read, select, text::no_document, wrong_value};
use crate::ds::json::{Object, Value};
use crate::engine::{Ctx, Outcome, Reply, Row, flag};

pub(super) const OBJKEYS: Row = Row {
    name: "JSON.OBJKEYS",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns the keys of the objects at a path, null for what is no object.",
    complexity: "O(N) where N is the number of keys",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":[3],"b":{"a":{"x":1,"y":2}}}'
OK
> JSON.OBJKEYS doc $..a
1) (nil)
2) 1) "x"
   2) "y"
> JSON.OBJKEYS doc .
1) "a"
2) "b"
> JSON.OBJKEYS missing .
(nil)"#,
    run: objkeys,
    ..JSON
};

fn objkeys(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let Some(json) = read(c.ks, c.argv[1])? else {
        return no_document(c, path);
    };
    if path.is_legacy() {
        match locate_first(path, json.root()) {
            Some(Value::Object(object)) => reply_keys(c.out, object),
            Some(_) => return Err(path.missing(" or not an object")),
            None => c.out.null(),
        }
        return Ok(());
    }
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    c.out.array(found.len());
    for value in found {
        match value {
            Value::Object(object) => reply_keys(c.out, object),
            _ => c.out.null(),
        }
    }
    Ok(())
}

fn reply_keys(out: &mut Reply, object: &Object) {
    out.array(object.len());
    object.iter().for_each(|(key, _)| out.bulk(key.as_bytes()));
}

pub(super) const OBJLEN: Row = Row {
    name: "JSON.OBJLEN",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns how many keys the objects at a path have, null for what is no object.",
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":[3],"b":{"a":{"x":1,"y":2}}}'
OK
> JSON.OBJLEN doc $..a
1) (nil)
2) (integer) 2
> JSON.OBJLEN doc .b
(integer) 1
> JSON.OBJLEN doc .nowhere
(nil)"#,
    run: objlen,
    ..JSON
};

fn objlen(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let Some(json) = read(c.ks, c.argv[1])? else {
        if !path.is_legacy() {
            return Err(path.missing(" or not an object"));
        }
        c.out.null();
        return Ok(());
    };
    if path.is_legacy() {
        match locate_first(path, json.root()) {
            Some(Value::Object(object)) => c.out.len(object.len()),
            Some(other) => return Err(wrong_value("object", other)),
            None => c.out.null(),
        }
        return Ok(());
    }
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    c.out.array(found.len());
    for value in found {
        match value {
            Value::Object(object) => c.out.len(object.len()),
            _ => c.out.null(),
        }
    }
    Ok(())
}
