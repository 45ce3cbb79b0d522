//! Deleting values.

use super::{JSON, PathText, locate, look, root_mut};
use crate::ds::json::Value;
use crate::ds::json::path::Match;
use crate::engine::events::MODULE;
use crate::engine::{Ctx, Outcome, Row, flag};
use std::collections::BTreeMap;

pub(super) const DEL: Row = Row {
    name: "JSON.DEL",
    since: "1.0.0",
    arity: -2,
    flags: flag::WRITE,
    summary: "Deletes the values at a path of a document, the document itself at the root. Returns how many it deleted.",
    complexity: "O(N) where N is the size of the document",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): number",
    example: r#"> JSON.SET doc $ '{"a":1,"nested":{"a":2,"b":3}}'
OK
> JSON.DEL doc $..a
(integer) 2
> JSON.GET doc $
"[{\"nested\":{\"b\":3}}]"
> JSON.DEL doc
(integer) 1
> EXISTS doc
(integer) 0"#,
    run: del,
    ..JSON
};

pub(super) const FORGET: Row = Row {
    name: "JSON.FORGET",
    summary: "Deletes the values at a path of a document: another name of JSON.DEL.",
    example: r#"> JSON.SET doc $ '{"a":1,"b":2}'
OK
> JSON.FORGET doc $.a
(integer) 1
> JSON.GET doc
"{\"b\":2}""#,
    ..DEL
};

fn del(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let Some(json) = look(c.ks, key)? else {
        c.out.int(0);
        return Ok(());
    };
    let path = path.parse()?;
    let mut places = locate(&path, json.root())?;
    let mut deleted = places.len().min(1);
    if path.is_root() {
        c.ks.delete(key);
    } else if !places.is_empty() {
        places.sort_unstable();
        deleted = delete(root_mut(c.ks, key)?, places);
    }
    if deleted > 0 {
        c.ks.changed(key, MODULE, "json.del");
    }
    c.out.len(deleted);
    Ok(())
}

/// Deletes what is at `places`, which rise. Returns how many: what is inside another of them goes with that.
pub(super) fn delete(root: &mut Value, mut places: Vec<Match>) -> usize {
    // What is inside comes right behind.
    places.dedup_by(|inside, around| inside.starts_with(around));
    let mut by_container: BTreeMap<Match, Vec<u32>> = BTreeMap::new();
    for mut place in places {
        if let Some(last) = place.pop() {
            by_container.entry(place).or_default().push(last);
        }
    }
    // The inner ones first, then those around; each at once, so that many deletions from one container take one pass.
    let containers = by_container.iter().rev();
    containers.filter_map(|(container, last)| Some(root.at_mut(container)?.remove_children(last))).sum()
}
