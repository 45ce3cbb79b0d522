//! What a document costs.

use super::{JSON, PathText, locate_first, read, select};
use crate::ds::json::Value;
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const DEBUG: Row = Row {
    name: "JSON.DEBUG",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    keys: "kw:MEMORY@1/range:last=0,step=1,limit=0[]",
    summary: "Tells the bytes that the values at a path take (MEMORY), or what it can tell (HELP).",
    complexity: "O(N) where N is the size of the values",
    syntax: "<MEMORY key [path] | HELP>",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: r#"> JSON.SET doc $ '{"a":1}'
OK
> JSON.DEBUG MEMORY missing $
(empty array)
> JSON.DEBUG MEMORY missing .
(integer) 0
> JSON.DEBUG HELP
1) "MEMORY <key> [path] - reports memory usage"
2) "HELP                - this message""#,
    run: debug,
    ..JSON
};

fn debug(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.word("HELP") {
        c.out.array(2);
        c.out.bulk(b"MEMORY <key> [path] - reports memory usage");
        c.out.bulk(b"HELP                - this message");
        return Ok(());
    }
    if !args.word("MEMORY") {
        return Err(Error::new("ERR unknown subcommand - try `JSON.DEBUG HELP`"));
    }
    let Ok(key) = args.next() else { return Err(Error::arity(c.name())) };
    let path = if args.more() { Some(args.next()?) } else { None };
    let path = PathText::of(c, path)?;
    let size = |value: &Value| size_of::<Value>() + value.heap_bytes();
    let json = read(c.ks, key)?;
    if path.is_legacy() {
        let value = json.and_then(|json| locate_first(path, json.root()));
        c.out.len(value.map_or(0, size));
        return Ok(());
    }
    let parsed = path.parse()?;
    let found = json.map_or(Ok(Vec::new()), |json| select(&parsed, json.root()))?;
    c.out.array(found.len());
    found.iter().for_each(|value| c.out.len(size(value)));
    Ok(())
}
