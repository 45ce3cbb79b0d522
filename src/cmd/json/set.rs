//! Setting values, in one document or in several at once.

use super::{JSON, PathText, at, check_depth, check_growth, locate, look, root_mut, value};
use crate::ds::json::{Json, Path, Value, path::Last};
use crate::engine::events::MODULE;
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Outcome, Row, Ttl, flag};

pub(super) const SET: Row = Row {
    name: "JSON.SET",
    since: "1.0.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    summary: "Sets the values at a path of a document, or adds a key to an object. A new document begins at the root.",
    complexity: "O(M+N) where M is the size of the old values and N that of the new",
    syntax: "key path value [NX | XX]",
    ts: "(key: Key, path: string, value: string, condition?: 'NX' | 'XX'): 'OK' | null",
    example: r#"> JSON.SET doc $ '{"a":2}'
OK
> JSON.SET doc $.a 3
OK
> JSON.SET doc $.b '[8]' NX
OK
> JSON.SET doc $.b 9 NX
(nil)
> JSON.GET doc
"{\"a\":3,\"b\":[8]}"
> JSON.SET new $.a 1
(error) ERR new objects must be created at the root"#,
    run: set,
    ..JSON
};

/// When a value is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum When {
    #[default]
    Always,
    IfNew,
    IfThere,
}

fn set(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (key, path, json) = (args.next()?, args.next()?, args.next()?);
    let when = condition(&mut args)?;
    let path = PathText::of(c, Some(path))?;
    let there = look(c.ks, key)?.is_some();
    let value = value(json)?;
    let done = if there {
        put(c, key, &path.parse()?, &value, json.len(), when)?
    } else if when == When::IfThere {
        false
    } else {
        create(c, key, &path.parse()?, value)?;
        true
    };
    if !done {
        c.out.null();
        return Ok(());
    }
    c.ks.changed(key, MODULE, "json.set");
    c.out.ok();
    Ok(())
}

fn condition(args: &mut Args) -> Result<When, Error> {
    let mut when = When::Always;
    while args.more() {
        when = match (args.word("NX"), when) {
            (true, When::Always) => When::IfNew,
            (false, When::Always) if args.word("XX") => When::IfThere,
            _ => return Err(Error::Syntax),
        };
    }
    Ok(when)
}

/// Makes a document. Fails unless the path is the root.
pub(super) fn create(c: &mut Ctx, key: &[u8], path: &Path, value: Value) -> Outcome {
    if !path.is_root() {
        return Err(Error::JsonNewAtRoot);
    }
    // As with SET, what is written over takes its time of expiry with it.
    c.ks.set_object(key, Object::Json(Json::new(value)), Ttl::Clear);
    Ok(())
}

/// Sets the values at `path` of the document at `key`, or adds a key where the path ends in a new one. Returns whether it did.
/// Fails if the path leads nowhere and says not exactly where something new would go.
fn put(c: &mut Ctx, key: &[u8], path: &Path, value: &Value, bytes: usize, when: When) -> Result<bool, Error> {
    if path.is_root() {
        if when != When::IfNew {
            create(c, key, path, value.clone())?;
        }
        return Ok(when != When::IfNew);
    }
    if when != When::IfNew {
        let root = look(c.ks, key)?.ok_or(Error::JsonNoKey)?.root();
        let places = locate(path, root)?;
        if !places.is_empty() {
            let deepest = places.iter().map(Vec::len).max().unwrap_or(0);
            check_depth(deepest, value.depth())?;
            check_growth(c, places.len(), bytes)?;
            let root = root_mut(c.ks, key)?;
            // From the end on: what is inside another match goes before it is replaced.
            let mut places = places;
            places.sort_unstable();
            for place in places.iter().rev() {
                if let Some(old) = root.at_mut(place) {
                    *old = value.clone();
                }
            }
            return Ok(true);
        }
    }
    if when == When::IfThere {
        return Ok(false);
    }
    add(c, key, path, value)
}

/// Adds the last key of `path` to the object where the rest leads. Returns whether it did: not if that is no object, or has the key.
/// Fails if there can be several, or if the last part is an index of no element.
pub(super) fn add(c: &mut Ctx, key: &[u8], path: &Path, value: &Value) -> Result<bool, Error> {
    let (before, last) = path.parent().ok_or(Error::JsonStaticPath)?;
    let root = look(c.ks, key)?.ok_or(Error::JsonNoKey)?.root();
    let Some(place) = before.locate(root).map_err(|_| Error::JsonPathTooMuch)? else { return Ok(false) };
    let name = match (last, at(root, &place)) {
        (Last::Index(_), Some(Value::Array(_))) if !locate(path, root)?.is_empty() => return Ok(false),
        (Last::Index(_), _) => return Err(Error::JsonIndexOutOfRange),
        (Last::Key(name), Some(Value::Object(object))) if object.place(name).is_none() => name,
        (Last::Key(_), _) => return Ok(false),
    };
    check_depth(place.len() + 1, value.depth())?;
    if let Some(Value::Object(object)) = root_mut(c.ks, key)?.at_mut(&place) {
        object.set(name, value.clone());
    }
    Ok(true)
}

pub(super) const MSET: Row = Row {
    name: "JSON.MSET",
    since: "2.6.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=-1,step=3,limit=0[]",
    summary: "Sets values at paths of several documents, all or none.",
    complexity: "O(K*(M+N)) where K is the number of documents",
    syntax: "key path value [key path value ...]",
    ts: "(...args: Arg[]): 'OK'",
    example: r#"> JSON.MSET a $ '{"n":1}' b $ [2]
OK
> JSON.MGET a b $
1) "[{\"n\":1}]"
2) "[[2]]"
> JSON.MSET a $.n 3 new $.n 4
(error) ERR new objects must be created at the root
> JSON.GET a $.n
"[1]""#,
    run: mset,
    ..JSON
};

fn mset(c: &mut Ctx) -> Outcome {
    let triples = &c.argv[1..];
    if !triples.len().is_multiple_of(3) {
        return Err(Error::arity(c.name()));
    }
    let mut parsed = Vec::with_capacity(triples.len() / 3);
    for triple in triples.chunks_exact(3) {
        let path = PathText::of(c, Some(triple[1]))?;
        let json = look(c.ks, triple[0])?;
        let path = path.parse()?;
        let value = check(json, &path).and_then(|()| value(triple[2]))?;
        parsed.push((triple[0], path, value, triple[2].len()));
    }
    for (key, path, value, bytes) in parsed {
        let done = match look(c.ks, key)? {
            Some(_) => put(c, key, &path, &value, bytes, When::Always).unwrap_or(false),
            None => create(c, key, &path, value).is_ok(),
        };
        if done {
            c.ks.changed(key, MODULE, "json.mset");
        }
    }
    c.out.ok();
    Ok(())
}

/// Fails if nothing can be set at `path`, so that none is when one cannot.
fn check(json: Option<&Json>, path: &Path) -> Outcome {
    let Some(json) = json else {
        return if path.is_root() { Ok(()) } else { Err(Error::JsonNewAtRoot) };
    };
    if path.is_root() || !locate(path, json.root())?.is_empty() {
        return Ok(());
    }
    match path.parent() {
        None => Err(Error::JsonStaticPath),
        Some((_, Last::Index(_))) => Err(Error::JsonIndexOutOfRange),
        Some((_, Last::Key(_))) => Ok(()),
    }
}
