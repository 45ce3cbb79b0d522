//! Reading values as text, and their types.

use super::{JSON, PathText, locate_first, read, select};
use crate::ds::json::{Format, Json, Value};
use crate::engine::{Args, Ctx, Error, Outcome, Row, flag};

pub(super) const GET: Row = Row {
    name: "JSON.GET",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns the values at one or more paths of a document as JSON text.",
    complexity: "O(N) where N is the size of the values",
    syntax: "key [INDENT indent] [NEWLINE newline] [SPACE space] [path [path ...]]",
    ts: "(key: Key, ...args: Arg[]): string | null",
    example: r#"> JSON.SET doc $ '{"a":2,"b":{"a":"x"}}'
OK
> JSON.GET doc $..a
"[2,\"x\"]"
> JSON.GET doc .b
"{\"a\":\"x\"}"
> JSON.GET doc $.a $.b
"{\"$.a\":[2],\"$.b\":[{\"a\":\"x\"}]}"
> JSON.GET missing
(nil)"#,
    run: get,
    ..JSON
};

fn get(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let format = formatting(&mut args)?;
    let paths = match args.rest() {
        [] => vec![PathText::of(c, None)?],
        paths => paths.iter().map(|path| PathText::of(c, Some(path))).collect::<Result<_, _>>()?,
    };
    let most = c.server.config.proto_max_bulk_len;
    let Some(json) = read(c.ks, key)? else {
        c.out.null();
        return Ok(());
    };
    if !format.fits(json.root(), most) {
        return Err(Error::StringTooLong);
    }
    let mut out = Vec::new();
    match paths[..] {
        [path] => one_path(json, path, &format, &mut out, most)?,
        _ => many_paths(json, &paths, &format, &mut out, most)?,
    }
    c.out.bulk(&out);
    Ok(())
}

/// Takes the words that say how the text looks.
fn formatting<'a>(args: &mut Args<'a>) -> Result<Format<'a>, Error> {
    let mut format = Format::COMPACT;
    while args.left() > 0 {
        if args.word("INDENT") {
            format.indent = args.next()?;
        } else if args.word("NEWLINE") {
            format.newline = args.next()?;
        } else if args.word("SPACE") {
            format.space = args.next()?;
        } else if !args.word("NOESCAPE") {
            break;
        }
    }
    Ok(format)
}

fn one_path(json: &Json, path: PathText, format: &Format, out: &mut Vec<u8>, most: usize) -> Outcome {
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    if path.is_legacy() {
        found.first().ok_or_else(|| path.missing(""))?.print(out, format);
        return Ok(());
    }
    print_all(&found, out, format, 0, most)
}

/// Appends the values as an array that stands inside `level` containers. Fails when the text grows beyond `most` bytes.
fn print_all(values: &[&Value], out: &mut Vec<u8>, format: &Format, level: usize, most: usize) -> Outcome {
    if values.is_empty() {
        out.extend_from_slice(b"[]");
        return Ok(());
    }
    out.push(b'[');
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        format.line(out, level + 1);
        value.print_at(out, format, level + 1);
        if out.len() > most {
            return Err(Error::StringTooLong);
        }
    }
    format.line(out, level);
    out.push(b']');
    Ok(())
}

/// Appends an object with the values of each path. If all are of the first version, each has one value.
fn many_paths(json: &Json, paths: &[PathText], format: &Format, out: &mut Vec<u8>, most: usize) -> Outcome {
    let legacy = paths.iter().all(|path| path.is_legacy());
    let mut done = std::collections::BTreeSet::new();
    out.push(b'{');
    for path in paths {
        if !done.insert(path.0) {
            continue;
        }
        if done.len() > 1 {
            out.push(b',');
        }
        let parsed = path.parse()?;
        let found = select(&parsed, json.root())?;
        format.line(out, 1);
        Value::Text(path.0.into()).print(out, format);
        out.push(b':');
        out.extend_from_slice(format.space);
        if legacy {
            found.first().ok_or_else(|| path.missing_as_written(""))?.print_at(out, format, 1);
        } else {
            print_all(&found, out, format, 1, most)?;
        }
        if out.len() > most {
            return Err(Error::StringTooLong);
        }
    }
    format.line(out, 0);
    out.push(b'}');
    Ok(())
}

pub(super) const MGET: Row = Row {
    name: "JSON.MGET",
    since: "1.0.0",
    arity: -3,
    flags: flag::READONLY,
    summary: "Returns the values at a path of several documents as JSON text, null for what is no document.",
    complexity: "O(N) where N is the size of the values",
    syntax: "key [key ...] path",
    ts: "(...args: Arg[]): (string | null)[]",
    example: r#"> JSON.SET a $ '{"n":1}'
OK
> JSON.SET b $ '{"n":2}'
OK
> JSON.MGET a b missing $.n
1) "[1]"
2) "[2]"
3) (nil)"#,
    run: mget,
    ..JSON
};

fn mget(c: &mut Ctx) -> Outcome {
    let Some((path, keys)) = c.argv[1..].split_last() else { return Err(Error::Syntax) };
    let path = PathText::of(c, Some(path))?;
    let most = c.server.config.proto_max_bulk_len;
    let mut out = Vec::new();
    let (start, open) = (c.out.mark(), c.out.open_array());
    for key in keys {
        out.clear();
        let found = match read(c.ks, key) {
            Ok(Some(json)) => one_path(json, path, &Format::COMPACT, &mut out, most).is_ok(),
            _ => false,
        };
        c.out.bulk_or_null(found.then_some(&out));
        if c.out.mark() - start > most {
            return Err(Error::StringTooLong);
        }
    }
    c.out.close(open, keys.len());
    Ok(())
}

pub(super) const TYPE: Row = Row {
    name: "JSON.TYPE",
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    summary: "Returns the types of the values at a path: null, boolean, integer, number, string, array or object.",
    complexity: "O(1), or O(N) for N values that the path meets",
    syntax: "key [path]",
    ts: "(key: Key, path?: string): Reply",
    example: r#"> JSON.SET doc $ '{"a":2,"b":{"a":true}}'
OK
> JSON.TYPE doc $..a
1) "integer"
2) "boolean"
> JSON.TYPE doc .b
"object"
> JSON.TYPE doc .nowhere
(nil)"#,
    run: json_type,
    ..JSON
};

fn json_type(c: &mut Ctx) -> Outcome {
    let path = PathText::of(c, c.argv.get(2).copied())?;
    let json = read(c.ks, c.argv[1])?;
    // The answers of newer protocols are arrays in any case.
    if c.out.is_resp3() {
        c.out.array(1);
    }
    let Some(json) = json else {
        c.out.null();
        return Ok(());
    };
    if path.is_legacy() {
        match locate_first(path, json.root()) {
            Some(value) => c.out.bulk(value.type_name().as_bytes()),
            None => c.out.null(),
        }
        return Ok(());
    }
    let parsed = path.parse()?;
    let found = select(&parsed, json.root())?;
    c.out.array(found.len());
    found.iter().for_each(|value| c.out.bulk(value.type_name().as_bytes()));
    Ok(())
}
