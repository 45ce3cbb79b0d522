//! Emptying containers, zeroing numbers, turning booleans.

use super::{JSON, PathText, locate, look, reply_changes, root_mut, update};
use crate::ds::json::Value;
use crate::engine::events::MODULE;
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const CLEAR: Row = Row {
    name: "JSON.CLEAR",
    since: "2.0.0",
    arity: -2,
    flags: flag::WRITE,
    summary: "Empties the arrays and objects at a path and sets its numbers to 0. Returns how many values it changed.",
    complexity: "O(N) where N is the size of the values",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): number",
    example: r#"> JSON.SET doc $ '{"o":{"a":1},"l":[1,2],"s":"x","n":42}'
OK
> JSON.CLEAR doc $.*
(integer) 3
> JSON.GET doc
"{\"o\":{},\"l\":[],\"s\":\"x\",\"n\":0}""#,
    run: clear,
    ..JSON
};

fn clear(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let root = look(c.ks, key)?.ok_or(Error::JsonNoKey)?.root();
    let mut places = locate(&path.parse()?, root)?;
    places.sort_unstable();
    let root = root_mut(c.ks, key)?;
    // The outer ones first: what was inside is gone then, and counts no more.
    let cleared = places.iter().filter(|place| root.at_mut(place).is_some_and(clear_value)).count();
    if cleared > 0 {
        c.ks.changed(key, MODULE, "json.clear");
    }
    c.out.len(cleared);
    Ok(())
}

/// Returns whether there was anything to clear.
fn clear_value(value: &mut Value) -> bool {
    match value {
        Value::Array(items) if !items.is_empty() => *items = Vec::new(),
        Value::Object(object) if !object.is_empty() => *object = Default::default(),
        Value::Int(0) => return false,
        Value::Float(f) if *f == 0.0 => return false,
        Value::Int(_) | Value::Big(_) | Value::Float(_) => *value = Value::Int(0),
        _ => return false,
    }
    true
}

pub(super) const TOGGLE: Row = Row {
    name: "JSON.TOGGLE",
    since: "2.0.0",
    arity: 3,
    flags: flag::WRITE,
    summary: "Turns the booleans at a path. Returns what they are then: 1 or 0, null for what is none.",
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key path",
    ts: "(key: Key, path: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":true,"b":{"a":7}}'
OK
> JSON.TOGGLE doc $..a
1) (integer) 0
2) (nil)
> JSON.TOGGLE doc .a
"true""#,
    run: toggle,
    ..JSON
};

fn toggle(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let plan = |value: &Value, _| Ok(if let Value::Bool(old) = value { Some(!old) } else { None });
    let results = update(c, path, 0, plan, |value, new| {
        *value = Value::Bool(*new);
        true
    })?;
    reply_changes(c, path, &results, path.missing(" or not a bool"), |out, new| match (path.is_legacy(), new) {
        (false, new) => out.int(i64::from(*new)),
        (true, true) => out.bulk(b"true"),
        (true, false) => out.bulk(b"false"),
    })
}
