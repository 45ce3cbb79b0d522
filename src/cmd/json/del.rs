//! Deleting values.

use super::{JSON, PathText, locate, look, root_mut};
use crate::engine::events::MODULE;
use crate::engine::{Ctx, Outcome, Row, flag};

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
        // What is inside another match goes with it; those come right behind it.
        places.dedup_by(|inside, around| inside.starts_with(around));
        let root = root_mut(c.ks, key)?;
        // From the end on: what a deletion moves stands behind it.
        let removed = places.iter().rev().filter(|place| {
            let Some((last, before)) = place.split_last() else { return false };
            root.at_mut(before).and_then(|around| around.remove_child(*last as usize)).is_some()
        });
        deleted = removed.count();
    }
    if deleted > 0 {
        c.ks.changed(key, MODULE, "json.del");
    }
    c.out.len(deleted);
    Ok(())
}
