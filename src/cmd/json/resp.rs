//! Documents in the forms of the protocol.

use super::{JSON, PathText, number::reply_number, read, select};
use crate::ds::json::{Value, fmt_f64};
use crate::engine::{Ctx, Outcome, Reply, Row, flag};

pub(super) const RESP: Row = Row {
    name: "JSON.RESP",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns the values at a path in the forms of the protocol: arrays behind \"[\", objects as \"{\" with keys and values in turn.",
    complexity: "O(N) where N is the size of the values",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":[1,true,"x"]}'
OK
> JSON.RESP doc .
1) {
2) "a"
3) 1) [
   2) (integer) 1
   3) true
   4) "x"
> JSON.RESP doc $.a[0]
1) (integer) 1"#,
    run: resp,
    ..JSON
};

fn resp(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let most = c.server.config.proto_max_bulk_len;
    let Some(json) = read(c.ks, c.argv[1])? else {
        c.out.null();
        return Ok(());
    };
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    if path.is_legacy() {
        let first = found.first().ok_or_else(|| path.missing(""))?;
        reply_value(c.out, first);
        return Ok(());
    }
    let start = c.out.mark();
    c.out.array(found.len());
    for value in found {
        reply_value(c.out, value);
        if c.out.mark() - start > most {
            return Err(crate::engine::Error::StringTooLong);
        }
    }
    Ok(())
}

fn reply_value(out: &mut Reply, value: &Value) {
    match value {
        Value::Null => out.null(),
        Value::Bool(true) => out.simple("true"),
        Value::Bool(false) => out.simple("false"),
        Value::Int(_) | Value::Big(_) => reply_number(out, value),
        Value::Float(f) if out.is_resp3() => out.double(*f),
        Value::Float(f) => out.bulk(fmt_f64(*f).as_bytes()),
        Value::Text(text) => out.bulk(text.as_bytes()),
        Value::Array(items) => {
            out.array(1 + items.len());
            out.simple("[");
            items.iter().for_each(|item| reply_value(out, item));
        }
        Value::Object(object) => {
            out.array(1 + 2 * object.len());
            out.simple("{");
            for (key, value) in object.iter() {
                out.bulk(key.as_bytes());
                reply_value(out, value);
            }
        }
    }
}
