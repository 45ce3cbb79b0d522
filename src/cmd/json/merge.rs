//! Merging a patch into documents (RFC 7396).

use super::{JSON, PathText, check_depth, check_growth, locate, look, root_mut, set, value};
use crate::ds::json::Value;
use crate::engine::events::MODULE;
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const MERGE: Row = Row {
    name: "JSON.MERGE",
    since: "2.6.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    summary: "Merges a value into those at a path: keys of objects are added, changed, and deleted by null.",
    complexity: "O(M+N) where M is the size of the old values and N that of the new",
    syntax: "key path value",
    ts: "(key: Key, path: string, value: string): 'OK' | null",
    example: r#"> JSON.SET doc $ '{"f1":{"a":1},"f2":{"a":2}}'
OK
> JSON.MERGE doc $ '{"f1":null,"f2":{"a":3,"b":4},"f3":[2,4,6]}'
OK
> JSON.GET doc
"{\"f2\":{\"a\":3,\"b\":4},\"f3\":[2,4,6]}"
> JSON.MERGE doc $.f2.a null
OK
> JSON.GET doc .f2
"{\"b\":4}""#,
    run: merge,
    ..JSON
};

fn merge(c: &mut Ctx) -> Outcome {
    let [key, path, json] = c.argv[1..] else { return Err(Error::arity(c.name())) };
    let path = PathText::of(c, Some(path))?;
    let there = look(c.ks, key)?.is_some();
    let patch = value(json)?;
    let path = path.parse()?;
    if !there {
        set::create(c, key, &path, patch)?;
    } else {
        let root = look(c.ks, key)?.ok_or(Error::JsonNoKey)?.root();
        let mut places = locate(&path, root)?;
        check_depth(places.iter().map(Vec::len).max().unwrap_or(0), patch.depth())?;
        check_growth(c, places.len(), json.len())?;
        let done = match (places.is_empty(), &patch) {
            (true, Value::Null) => false,
            (true, _) => set::add(c, key, &path, &patch)?,
            (false, _) => {
                places.sort_unstable();
                if matches!(patch, Value::Null) && !path.is_root() {
                    super::del::delete(root_mut(c.ks, key)?, places);
                } else {
                    let root = root_mut(c.ks, key)?;
                    places.iter().rev().filter_map(|place| root.at_mut(place).map(|v| v.merge(&patch))).for_each(drop);
                }
                true
            }
        };
        if !done {
            c.out.null();
            return Ok(());
        }
    }
    c.ks.changed(key, MODULE, "json.merge");
    c.out.ok();
    Ok(())
}
