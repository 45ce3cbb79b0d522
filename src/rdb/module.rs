//! Values of Redis's modules: documents and vector sets.
//!
//! Such a value begins with a number that says whose it is (nine characters of six bits each, and ten bits for the version of
//! its encoding), then come atoms, each behind a mark for its kind, and a mark for the end. RedisJSON writes a document as one
//! string, its text. The encoding of Redis's own vector sets is not documented: ours has a version of its own, far from Redis's
//! small numbers, so neither takes the other's for its own.

use super::RdbError;
use super::cursor::{Cursor, Stop, corrupt};
use crate::engine::value::Object;

/// The mark of a string, and that of the end.
pub(super) const STRING: u64 = 5;
pub(super) const END: u64 = 0;

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

/// Returns whose value `object` is, and its bytes.
pub(super) fn write(object: &Object) -> Option<(u64, Vec<u8>)> {
    match object {
        #[cfg(feature = "json")]
        Object::Json(json) => Some((JSON, json.to_text())),
        #[cfg(feature = "vector")]
        Object::VectorSet(set) => Some((VECTOR_SET, set.to_bytes())),
        _ => None,
    }
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
