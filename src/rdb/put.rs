//! Writing values, a piece at a time: an element, a node, a stretch of text, from where the last piece ended.

use super::pen::Pen;
use super::{NODE_PACKED, NODE_PLAIN, kind, module, stream};
use crate::ds::hash::Hash;
use crate::ds::list::List;
use crate::ds::listpack::{Elem, Listpack};
use crate::ds::set::Set;
use crate::ds::zset::Zset;
use crate::engine::entry::{Entry, Value};
use crate::engine::value::Object;

/// Where writing a key with its value stopped.
#[derive(Default)]
pub(super) struct Place {
    /// The key, and what stands before the first element, is written.
    keyed: bool,
    begun: bool,
    /// Elements or nodes that are written; of a hash fields and values.
    at: usize,
    /// What else there is to know of the larger types.
    more: Option<Box<More>>,
}

/// Where writing a value of one of the larger types stopped.
#[derive(Default)]
struct More {
    stream: stream::Place,
    module: module::Place,
}

impl Place {
    /// Whether what stands before the first element is due.
    fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }
}

/// Writes the key and the value of an entry as type `code` from `place` on. Returns whether that was all.
#[inline]
pub(super) fn put(pen: &mut Pen, code: u8, entry: &Entry, key: &[u8], place: &mut Place) -> bool {
    if !place.keyed {
        if !pen.string(key) {
            return false;
        }
        place.keyed = true;
    }
    value(pen, code, entry, place)
}

/// Writes a value as type `code` from `place` on. Returns whether that was all.
#[inline]
pub(super) fn value(pen: &mut Pen, code: u8, entry: &Entry, place: &mut Place) -> bool {
    match entry.value() {
        Value::Text(text) => pen.elem(text),
        Value::Object(object) => self::object(pen, code, object, place),
    }
}

fn object(pen: &mut Pen, code: u8, object: &Object, place: &mut Place) -> bool {
    match object {
        Object::List(list) => self::list(pen, list, place),
        Object::Set(set) => self::set(pen, code, set, place),
        Object::Zset(zset) => self::zset(pen, zset, place),
        Object::Hash(hash) => self::hash(pen, code, hash, place),
        Object::Stream(stream) => stream::write(pen, code, stream, &mut place.more.get_or_insert_default().stream),
        Object::VectorSet(_) | Object::Json(_) => {
            module::write(pen, object, &mut place.more.get_or_insert_default().module)
        }
    }
}

/// The type an entry is written as.
pub(super) fn kind_of(entry: &Entry, version: u8) -> u8 {
    match entry.value() {
        Value::Text(_) => kind::STRING,
        Value::Object(Object::List(_)) => kind::QUICKLIST_2,
        Value::Object(Object::Set(set)) if set.ints().is_some() => kind::SET_INTSET,
        Value::Object(Object::Set(set)) if set.listpack().is_some() && version >= 11 => kind::SET_LISTPACK,
        Value::Object(Object::Set(_)) => kind::SET,
        Value::Object(Object::Zset(zset)) if zset.listpack().is_some() => kind::ZSET_LISTPACK,
        Value::Object(Object::Zset(_)) => kind::ZSET_2,
        Value::Object(Object::Hash(hash)) => match (hash.volatile_len() > 0 && version >= 12, hash.listpack()) {
            (false, Some(_)) => kind::HASH_LISTPACK,
            (false, None) => kind::HASH,
            (true, Some(_)) => kind::HASH_LISTPACK_TTL,
            (true, None) => kind::HASH_TTL,
        },
        Value::Object(Object::Stream(_)) if version >= 11 => kind::STREAM_3,
        Value::Object(Object::Stream(_)) => kind::STREAM_2,
        Value::Object(Object::VectorSet(_) | Object::Json(_)) => kind::MODULE,
    }
}

fn list(pen: &mut Pen, list: &List, place: &mut Place) -> bool {
    if place.begins() {
        pen.len(list.node_count() as u64);
    }
    for (plain, bytes) in list.nodes_from(place.at) {
        if pen.offset == 0 {
            if pen.is_full() {
                return false;
            }
            pen.len(if plain { NODE_PLAIN } else { NODE_PACKED });
        }
        if !pen.raw(bytes) {
            return false;
        }
        place.at += 1;
    }
    true
}

fn set(pen: &mut Pen, code: u8, set: &Set, place: &mut Place) -> bool {
    match (set.ints(), set.listpack()) {
        (Some(ints), _) => return pen.raw(ints.as_bytes()),
        (None, Some(pack)) if code == kind::SET_LISTPACK => return pen.raw(pack.as_bytes()),
        _ => {}
    }
    if place.begins() {
        pen.len(set.len() as u64);
    }
    for member in set.iter_from(place.at) {
        if pen.is_full() || !pen.elem(member) {
            return false;
        }
        place.at += 1;
    }
    true
}

fn zset(pen: &mut Pen, zset: &Zset, place: &mut Place) -> bool {
    if let Some(pack) = zset.listpack() {
        return pen.raw(pack.as_bytes());
    }
    if place.begins() {
        pen.len(zset.len() as u64);
    }
    // The greatest first: a reader that adds them one by one then always adds at the front.
    for (member, score) in zset.range_rev(0..zset.len() - place.at) {
        if pen.is_full() || !pen.elem(member) {
            return false;
        }
        pen.u64(score.to_bits());
        place.at += 1;
    }
    true
}

fn hash(pen: &mut Pen, code: u8, hash: &Hash, place: &mut Place) -> bool {
    let soonest = hash.next_expire().unwrap_or(0);
    match (code, hash.listpack()) {
        (kind::HASH_LISTPACK_TTL, _) => {
            if place.begins() {
                pen.u64(soonest);
            }
            return pen.raw(triples(hash).as_bytes());
        }
        (kind::HASH_LISTPACK, Some(pack)) => return pen.raw(pack.as_bytes()),
        _ => {}
    }
    let times = code == kind::HASH_TTL;
    if place.begins() {
        if times {
            pen.u64(soonest);
        }
        pen.len(hash.len() as u64);
    }
    for (field, value) in hash.iter_from(place.at / 2) {
        if place.at.is_multiple_of(2) {
            if pen.is_full() {
                return false;
            }
            if times && pen.offset == 0 {
                let at = field.with(|field| hash.expire_at(field));
                pen.len(at.map_or(0, |at| at - soonest + 1));
            }
            if !pen.elem(field) {
                return false;
            }
            place.at += 1;
        }
        if !pen.elem(value) {
            return false;
        }
        place.at += 1;
    }
    true
}

/// Returns a listpack of the fields that expire with their values and times, the soonest first, then of the others with 0.
fn triples(hash: &Hash) -> Listpack {
    let mut pack = Listpack::new();
    let mut put = |field: Elem, value: Elem, at: u64| {
        field.with(|field| pack.push_back(field));
        value.with(|value| pack.push_back(value));
        pack.push_back_int(at as i64);
    };
    for (field, at) in hash.expires().into_iter().flatten() {
        let value = field.with(|field| hash.get(field));
        put(field, value.expect("only fields of the hash have times"), at);
    }
    for (field, value) in hash.iter() {
        if field.with(|field| hash.expire_at(field)).is_none() {
            put(field, value, 0);
        }
    }
    pack
}
