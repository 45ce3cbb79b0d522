//! Values of Redis's modules: documents and vector sets.
//!
//! Such a value begins with a number that says whose it is (nine characters of six bits each, and ten bits for the version of
//! its encoding), then come atoms, each behind a mark for its kind, and a mark for the end. RedisJSON writes a document as one
//! string, its text. The encoding of Redis's own vector sets is not documented: ours has a version of its own, far from Redis's
//! small numbers, so neither takes the other's for its own.

use super::RdbError;
use super::cursor::{Cursor, Stop, corrupt};
use super::pen::Pen;
use crate::engine::value::Object;
use std::collections::VecDeque;

/// The mark of a string, and that of the end.
const STRING: u64 = 5;
const END: u64 = 0;

/// How large a block of a value is that is not written yet.
const LEAST: usize = 1 << 10;
const MOST: usize = 64 << 10;

/// The name and the version of documents, and of vector sets.
const JSON: u64 = id(b"ReJSON-RL", 3);
const VECTOR_SET: u64 = id(b"vectorset", 1000);

/// What names are made of, in the order of their numbers.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns the number that stands for a module's type.
const fn id(name: &[u8; 9], version: u64) -> u64 {
    let (mut id, mut n) = (0, 0);
    while n < name.len() {
        let mut six = 0;
        while LETTERS[six] != name[n] {
            six += 1;
        }
        id = id << 6 | six as u64;
        n += 1;
    }
    id << 10 | version
}

/// Where writing a value stopped.
#[derive(Default)]
pub(super) struct Place {
    /// Its bytes, in blocks: their number goes before them.
    blocks: VecDeque<Vec<u8>>,
    /// How far it is printed.
    trail: Vec<usize>,
    /// All of its bytes are there.
    printed: bool,
    /// The length is written.
    begun: bool,
}

/// Writes a value from `place` on: whose it is, and all of it as one string. Returns whether that was all.
pub(super) fn write(pen: &mut Pen, object: &Object, place: &mut Place) -> bool {
    let Some(id) = id_of(object) else { return true };
    while !place.printed {
        if pen.is_full() {
            return false;
        }
        print(pen, object, place);
    }
    if !place.begun {
        place.begun = true;
        pen.len(id);
        pen.len(STRING);
        if pen.begin(place.blocks.iter().map(Vec::len).sum()) {
            pen.raw(&std::mem::take(&mut place.blocks).make_contiguous().concat());
        }
    }
    while let Some(block) = place.blocks.front() {
        if pen.is_full() {
            return false;
        }
        pen.plain(block);
        place.blocks.pop_front();
    }
    pen.len(END);
    true
}

fn id_of(object: &Object) -> Option<u64> {
    match object {
        Object::Json(_) => Some(JSON),
        Object::VectorSet(_) => Some(VECTOR_SET),
        _ => None,
    }
}

/// Prints the next block of a value.
fn print(pen: &mut Pen, object: &Object, place: &mut Place) {
    let most = pen.room.clamp(LEAST, MOST);
    let mut block = Vec::with_capacity(most + most / 8);
    place.printed = match object {
        Object::Json(json) => json.print_on(&mut block, &mut place.trail, most),
        Object::VectorSet(set) => set.print_on(&mut block, &mut place.trail, most),
        _ => true,
    };
    pen.room = pen.room.saturating_sub(block.len());
    place.blocks.push_back(block);
}

/// Fails with the name and the version of the module whose number follows.
pub(super) fn refuse<T>(cur: &mut Cursor) -> Result<T, Stop> {
    let id = cur.len()?;
    let letters = (1..=9).rev().map(|n| char::from(LETTERS[(id >> (4 + 6 * n)) as usize & 63]));
    Err(RdbError::Module(letters.collect(), id & 1023).into())
}

/// Reads a value after its type. Fails if it is of no type that is known.
pub(super) fn read(cur: &mut Cursor) -> Result<Object, Stop> {
    let start = cur.at;
    let id = cur.len()?;
    if !(cfg!(feature = "json") && id == JSON || cfg!(feature = "vector") && id == VECTOR_SET) {
        cur.at = start;
        return refuse(cur);
    }
    if cur.len()? != STRING {
        return corrupt("a value of a module is not a string");
    }
    let bytes = cur.string()?;
    if cur.len()? != END {
        return corrupt("a value of a module does not end");
    }
    match make(id, &bytes) {
        Some(object) => Ok(object),
        None => corrupt("a value of a module is not well formed"),
    }
}

fn make(id: u64, bytes: &[u8]) -> Option<Object> {
    match (id, bytes) {
        #[cfg(feature = "json")]
        (JSON, text) => {
            let root = crate::ds::json::parse(text).ok()?;
            Some(Object::Json(crate::ds::json::Json::new(root)))
        }
        #[cfg(feature = "vector")]
        (VECTOR_SET, bytes) => crate::ds::vector::VectorSet::from_bytes(bytes).map(Object::VectorSet),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_packed_as_redis_packs_them() {
        // The first bytes of a published DUMP payload of a vector set in Redis's own encoding.
        assert_eq!(id(b"vectorset", 0), 0xbde7_2da2_bb1e_b400);
        assert_eq!(id(b"ReJSON-RL", 3) & 1023, 3);
    }
}
