//! JSON documents. What replies and errors look like follows RedisJSON: its command pages, and where they are silent its published
//! tests.
//!
//! A path of the first version (`.a.b`) stands for one value: a reader takes the first match, a writer changes all of them and
//! answers for the last, and an error says that nothing fits. A path that begins with `$` answers an array with one reply for
//! each match, null where the match is of another type.

mod array;
mod array_write;
mod clear;
mod debug;
mod del;
mod get;
mod merge;
mod number;
mod object;
mod resp;
mod set;
mod text;

use crate::ds::json::{Format, Json, Legacy, MAX_DEPTH, Path, Value, path::Match};
use crate::engine::events::MODULE;
use crate::engine::{Ctx, Error, Group, Keyspace, Row};

/// The family.
pub const ROWS: &[Row] = &[
    array_write::ARRAPPEND,
    array::ARRINDEX,
    array_write::ARRINSERT,
    array::ARRLEN,
    array_write::ARRPOP,
    array_write::ARRTRIM,
    clear::CLEAR,
    debug::DEBUG,
    del::DEL,
    del::FORGET,
    get::GET,
    merge::MERGE,
    get::MGET,
    set::MSET,
    number::NUMINCRBY,
    number::NUMMULTBY,
    number::NUMPOWBY,
    object::OBJKEYS,
    object::OBJLEN,
    resp::RESP,
    set::SET,
    text::STRAPPEND,
    text::STRLEN,
    clear::TOGGLE,
    get::TYPE,
];

/// The key at position 1, as module commands declare it.
const KEY: &str = "idx:1/range:last=0,step=1,limit=0[]";

/// What all rows have in common.
const JSON: Row = Row { group: Group::Json, keys: KEY, ..Row::NONE };

/// The longest path, in bytes.
const PATH_MAX: usize = 1 << 20;

/// A path as it was written.
#[derive(Clone, Copy)]
struct PathText<'a>(&'a str);

impl<'a> PathText<'a> {
    /// Returns the path that `arg` is; without one it is the root, in the form that suits the protocol.
    fn of(c: &Ctx, arg: Option<&'a [u8]>) -> Result<Self, Error> {
        match arg {
            Some(arg) if arg.len() > PATH_MAX => Err(Error::JsonPathTooLong),
            Some(arg) => Ok(PathText(utf8(arg)?)),
            None => Ok(PathText(if c.out.is_resp3() { "$" } else { "." })),
        }
    }

    fn is_legacy(self) -> bool {
        Path::kind(self.0) == Legacy::Yes
    }

    /// Reads it. Fails in RedisJSON's form, with what could stand there.
    fn parse(self) -> Result<Path, Error> {
        Path::parse(self.0).map_err(|error| {
            let text = Path::fixed(self.0);
            let (before, after) = text.split_at(text.floor_char_boundary(error.at.min(text.len())));
            let (at, expected) = (error.at, error.expected);
            let marked = format!("{} ---->>>> {}", tail(before), head(after));
            Error::new(format!(
                "Error occurred on position {at}, \"{marked}\", expected one of the following: {expected}."
            ))
        })
    }

    /// `ERR Path '<path>' does not exist<more>`, with the path as JSONPath.
    fn missing(self, more: &str) -> Error {
        Error::new(format!("ERR Path '{}' does not exist{more}", head(&Path::fixed(self.0))))
    }

    /// The same with the path as it was written.
    fn missing_as_written(self, more: &str) -> Error {
        Error::new(format!("ERR Path '{}' does not exist{more}", head(self.0)))
    }
}

/// The beginning of a text, for an error.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(256)]
}

/// The end of a text, for an error.
fn tail(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(256))..]
}

/// Returns `arg` as text.
fn utf8(arg: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(arg).map_err(|_| Error::JsonNotUtf8)
}

/// Returns the value that `arg` spells. Fails in the parser's words, without a code as in RedisJSON.
fn value(arg: &[u8]) -> Result<Value, Error> {
    utf8(arg)?;
    crate::ds::json::parse(arg).map_err(Error::new)
}

/// Returns the integer that `arg` spells.
fn integer(arg: &[u8]) -> Result<i64, Error> {
    crate::base::num::parse_i64(arg).ok_or(Error::JsonNotInteger)
}

/// Returns the document at `key` as a read.
fn read<'k>(ks: &'k mut Keyspace, key: &[u8]) -> Result<Option<&'k Json>, Error> {
    ks.get::<Json>(key).map_err(|_| Error::JsonWrongType)
}

/// Returns the document at `key` for a command that writes.
fn look<'k>(ks: &'k mut Keyspace, key: &[u8]) -> Result<Option<&'k Json>, Error> {
    ks.look::<Json>(key).map_err(|_| Error::JsonWrongType)
}

/// Returns the outermost value at `key` to change.
fn root_mut<'k>(ks: &'k mut Keyspace, key: &[u8]) -> Result<&'k mut Value, Error> {
    let json = ks.get_mut::<Json>(key).map_err(|_| Error::JsonWrongType)?;
    json.map(Json::root_mut).ok_or(Error::JsonNoKey)
}

/// Returns the values that `path` leads to.
fn select<'v>(path: &'v Path, root: &'v Value) -> Result<Vec<&'v Value>, Error> {
    path.select(root).map_err(|_| Error::JsonPathTooMuch)
}

/// Returns where `path` leads.
fn locate(path: &Path, root: &Value) -> Result<Vec<Match>, Error> {
    path.locate(root).map_err(|_| Error::JsonPathTooMuch)
}

/// The value where `places` lead.
fn at<'v>(root: &'v Value, places: &[u32]) -> Option<&'v Value> {
    places.iter().try_fold(root, |value, place| value.child(*place as usize))
}

/// The path that leads to `places` and nowhere else.
fn path_to(root: &Value, places: &[u32]) -> Vec<u8> {
    let (mut path, mut value) = (b"$".to_vec(), Some(root));
    for place in places {
        let at = *place as usize;
        path.push(b'[');
        match value {
            Some(Value::Object(object)) => {
                let key = object.get_at(at).map_or("", |(key, _)| key);
                Value::Text(key.into()).print(&mut path, &Format::COMPACT);
            }
            _ => path.extend_from_slice(place.to_string().as_bytes()),
        }
        path.push(b']');
        value = value.and_then(|value| value.child(at));
    }
    path
}

/// Fails if a value of `depth` containers cannot stand inside `outside` others.
fn check_depth(outside: usize, depth: usize) -> Result<(), Error> {
    if outside + depth > MAX_DEPTH { Err(Error::JsonTooDeep) } else { Ok(()) }
}

/// Fails if `bytes` written in `times` places would be more than one string may have.
fn check_growth(c: &Ctx, times: usize, bytes: usize) -> Result<(), Error> {
    let most = c.server.config.proto_max_bulk_len as u64;
    if times > 1 && times as u64 * bytes as u64 > most { Err(Error::StringTooLong) } else { Ok(()) }
}

/// Changes every value of the document at `argv[1]` where `path` leads and `plan`, which is given the value and how many
/// containers are around it, returns something: `change` then makes it so, and says whether it did anything. Returns what was
/// planned, in the order of the path. Fails, and changes nothing, if there is no document or `plan` fails once.
fn update<R>(
    c: &mut Ctx,
    path: PathText,
    bytes: usize,
    plan: impl Fn(&Value, usize) -> Result<Option<R>, Error>,
    mut change: impl FnMut(&mut Value, &mut R) -> bool,
) -> Result<Vec<Option<R>>, Error> {
    let (key, event) = (c.argv[1], c.name());
    let root = look(c.ks, key)?.ok_or(Error::JsonNoKey)?.root();
    let places = locate(&path.parse()?, root)?;
    let planned = places.iter().map(|place| match at(root, place) {
        Some(value) => plan(value, place.len()),
        None => Ok(None),
    });
    let mut planned = planned.collect::<Result<Vec<_>, Error>>()?;
    check_growth(c, places.len(), bytes)?;
    // From the end on: what a change moves stands behind it, and what is inside goes before what is around.
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by(|a, b| places[*b].cmp(&places[*a]));
    let root = root_mut(c.ks, key)?;
    let mut changed = false;
    for n in order {
        if let (Some(value), Some(planned)) = (root.at_mut(&places[n]), &mut planned[n]) {
            changed |= change(value, planned);
        }
    }
    if changed {
        c.ks.changed(key, MODULE, event);
    }
    Ok(planned)
}

/// Answers for the matches of a writer: all of them, or the last that was changed. Fails with `error` if there is none.
fn reply_changes<R>(
    c: &mut Ctx,
    path: PathText,
    results: &[Option<R>],
    error: Error,
    reply: impl Fn(&mut crate::engine::Reply, &R),
) -> Result<(), Error> {
    if path.is_legacy() {
        let last = results.iter().rev().flatten().next().ok_or(error)?;
        reply(c.out, last);
        return Ok(());
    }
    c.out.array(results.len());
    for result in results {
        match result {
            Some(result) => reply(c.out, result),
            None => c.out.null(),
        }
    }
    Ok(())
}

/// `WRONGTYPE wrong type of path value - expected <wanted> but found <type>`.
fn wrong_value(wanted: &str, found: &Value) -> Error {
    Error::new(format!("WRONGTYPE wrong type of path value - expected {wanted} but found {}", found.type_name()))
}

/// The first value that a path leads to, if it is one that can be read.
fn locate_first<'v>(path: PathText, root: &'v Value) -> Option<&'v Value> {
    let places = locate(&path.parse().ok()?, root).ok()?;
    at(root, places.first()?)
}
