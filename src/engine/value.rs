//! What a key can hold, and the thresholds of the compact encodings.

use crate::ds::json::Json;
use crate::ds::stream::{self, Stream};
use crate::ds::vector::VectorSet;
use crate::ds::{hash, hash::Hash, list::List, set, set::Set, zset, zset::Zset};

/// The types of `TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    String = 0,
    List = 1,
    Set = 2,
    Zset = 3,
    Hash = 4,
    Stream = 5,
    VectorSet = 6,
    Json = 7,
}

impl Type {
    /// The name `TYPE` answers.
    pub fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::List => "list",
            Type::Set => "set",
            Type::Zset => "zset",
            Type::Hash => "hash",
            Type::Stream => "stream",
            Type::VectorSet => "vectorset",
            Type::Json => "ReJSON-RL",
        }
    }
}

/// A value that is not a string. Strings live inside their entry.
#[derive(Clone)]
pub enum Object {
    List(List),
    Set(Set),
    Zset(Zset),
    Hash(Hash),
    Stream(Stream),
    VectorSet(VectorSet),
    Json(Json),
}

impl Object {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Object::List(_) => Type::List,
            Object::Set(_) => Type::Set,
            Object::Zset(_) => Type::Zset,
            Object::Hash(_) => Type::Hash,
            Object::Stream(_) => Type::Stream,
            Object::VectorSet(_) => Type::VectorSet,
            Object::Json(_) => Type::Json,
        }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        match self {
            Object::List(v) => v.len(),
            Object::Set(v) => v.len(),
            Object::Zset(v) => v.len(),
            Object::Hash(v) => v.len(),
            Object::Stream(v) => v.len(),
            Object::VectorSet(v) => v.len(),
            Object::Json(v) => v.len(),
        }
    }

    /// Whether nothing is left, so that the key is deleted. A stream stays when its last entry goes, and a document is never
    /// empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !matches!(self, Object::Stream(_) | Object::Json(_)) && self.len() == 0
    }

    /// The word `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Object::List(v) => v.encoding(),
            Object::Set(v) => v.encoding(),
            Object::Zset(v) => v.encoding(),
            Object::Hash(v) => v.encoding(),
            Object::Stream(v) => v.encoding(),
            Object::VectorSet(v) => v.encoding(),
            Object::Json(v) => v.encoding(),
        }
    }

    /// Bytes on the heap, without the object's own box.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Object::List(v) => v.heap_bytes(),
            Object::Set(v) => v.heap_bytes(),
            Object::Zset(v) => v.heap_bytes(),
            Object::Hash(v) => v.heap_bytes(),
            Object::Stream(v) => v.heap_bytes(),
            Object::VectorSet(v) => v.heap_bytes(),
            Object::Json(v) => v.heap_bytes(),
        }
    }

    /// How many allocations it is made of, about: what freeing it costs.
    pub fn parts(&self) -> usize {
        match self {
            Object::List(v) => v.node_count(),
            Object::Set(v) if v.encoding() != "hashtable" => 1,
            Object::Zset(v) if v.encoding() != "skiplist" => 1,
            Object::Hash(v) if v.encoding() != "hashtable" => 1,
            _ => self.len(),
        }
    }

    /// Frees about `count` parts of a value that nobody will look at any more. Returns whether some are left; the rest of a
    /// type without slices goes at once when it is dropped.
    pub fn wither(&mut self, count: usize) -> bool {
        match self {
            Object::List(v) => v.wither(count),
            Object::Set(v) => v.wither(count),
            Object::Zset(v) => v.wither(count),
            Object::Hash(v) => v.wither(count),
            Object::Stream(_) | Object::VectorSet(_) | Object::Json(_) => false,
        }
    }
}

/// Which family of structure is meant by a type: lets one generic accessor serve all of them.
pub trait Structure: Sized {
    /// A value of this structure with no elements.
    fn empty(seed: u64) -> Self;
    /// The structure inside `object`, if it is of this type.
    fn of(object: &Object) -> Option<&Self>;
    /// The structure inside `object`, if it is of this type.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// The structure as an object.
    fn into_object(self) -> Object;
}

macro_rules! structure {
    ($type:ident, $empty:expr) => {
        impl Structure for $type {
            fn empty(seed: u64) -> Self {
                let empty: fn(u64) -> $type = $empty;
                empty(seed)
            }
            fn of(object: &Object) -> Option<&Self> {
                if let Object::$type(v) = object { Some(v) } else { None }
            }
            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$type(v) = object { Some(v) } else { None }
            }
            fn into_object(self) -> Object {
                Object::$type(self)
            }
        }
    };
}
structure!(List, |_| List::new());
structure!(Set, |_| Set::new());
structure!(Zset, |_| Zset::new());
structure!(Hash, |_| Hash::new());
structure!(Stream, |_| Stream::new());
#[cfg(feature = "vector")]
structure!(VectorSet, |_| VectorSet::default());
#[cfg(feature = "json")]
structure!(Json, |_| Json::default());

/// The thresholds of the compact encodings, set by `CONFIG`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `list-max-listpack-size`: entries if positive, -1…-5 for 4…64 KB.
    pub list: i32,
    /// `set-max-*`.
    pub set: set::Limits,
    /// `zset-max-listpack-*`.
    pub zset: zset::Limits,
    /// `hash-max-listpack-*`.
    pub hash: hash::Limits,
    /// `stream-node-max-*`.
    pub stream: stream::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            list: -2,
            set: set::Limits { intset: 512, entries: 128, value: 64 },
            zset: zset::Limits { entries: 128, value: 64 },
            hash: hash::Limits { entries: 512, value: 64 },
            stream: stream::Limits::default(),
        }
    }
}
