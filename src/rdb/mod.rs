//! Floor 4: RDB, the state format, both ways: snapshots, full resyncs, files, DUMP payloads.
//!
//! Files of Redis 2.6 to 8.0 (versions 1 to 12) and of Valkey load here; what is written here loads in Redis 7.2 and later
//! (version 11; 12 where hash fields expire; 10 on request, for Redis 7.0). Length, string and value encodings are those of
//! the public format description; checked against redis-server both ways in `tests/rdb.rs`.
//!
//! A file: `REDIS` and four digits; auxiliary fields; function libraries; for each database its number and sizes, then keys, each
//! with what is known about it, its type, its name and its value; an end mark and the CRC-64 of everything before.

pub mod crc64;
mod cursor;
pub mod lzf;
mod module;
mod old;
mod pen;
mod put;
mod read;
mod stream;
mod value;
mod write;

use crate::engine::functions::LibraryError;

pub use read::{LoadOptions, Reader, Report, Restored, clock, load, restore};
pub use write::{Options, Writer, dump, save};

/// Why bytes are not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RdbError {
    /// They do not begin as an RDB file does.
    NotRdb,
    /// The file is of a version that is not known.
    Version(u32),
    /// They end in the middle.
    Truncated,
    /// They are not what was written.
    Checksum,
    /// A mark that is not known stands where a key is due.
    Opcode(u8),
    /// The value's type is not known.
    Type(u8),
    /// Data of the module of this name, in this version of its encoding.
    Module(String, u64),
    /// This, in a form that only releases before the first stable one wrote.
    PreRelease(&'static str),
    /// A slot that a cluster of Valkey was moving: its keys would be half of what there is.
    SlotImport,
    /// A function library is not kept.
    Library(LibraryError),
    /// There is no database of this number.
    Database(u64),
    /// A key comes twice.
    Duplicate(Vec<u8>),
    /// A value is not what its type says.
    Corrupt(&'static str),
}

impl std::fmt::Display for RdbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRdb => f.write_str("not an RDB file: wrong signature"),
            Self::Version(version) => write!(f, "can't handle RDB format version {version}"),
            Self::Truncated => f.write_str("the RDB file ends too early"),
            Self::Checksum => f.write_str("wrong RDB checksum"),
            Self::Opcode(code) => write!(f, "unknown RDB opcode {code}"),
            Self::Type(code) => write!(f, "unknown RDB value type {code}"),
            Self::Module(name, version) => {
                write!(f, "the RDB file holds data of the module '{name}' ({version}), which cannot be loaded here")
            }
            Self::PreRelease(what) => write!(f, "the RDB file holds {what} in the form of a pre-release of Redis"),
            Self::SlotImport => f.write_str("the RDB file holds a slot whose import by a Valkey cluster had not ended"),
            Self::Library(why) => write!(f, "a function library in the RDB file is not loaded: {why}"),
            Self::Database(n) => write!(f, "the RDB file holds database {n}, but there are fewer databases"),
            Self::Duplicate(key) => write!(f, "the key '{}' is in the RDB file twice", String::from_utf8_lossy(key)),
            Self::Corrupt(what) => write!(f, "the RDB file is corrupt: {what}"),
        }
    }
}

impl std::error::Error for RdbError {}

/// The highest version that is read.
const MAX_VERSION: u32 = 12;
/// The one version of Valkey's own that is read.
const VALKEY_VERSION: u32 = 80;

/// Marks between keys.
mod op {
    /// Valkey's only.
    pub const SLOT_IMPORT: u8 = 0xF3;
    pub const SLOT_INFO: u8 = 0xF4;
    pub const FUNCTION: u8 = 0xF5;
    pub const FUNCTION_PRE_GA: u8 = 0xF6;
    pub const MODULE_AUX: u8 = 0xF7;
    pub const IDLE: u8 = 0xF8;
    pub const FREQ: u8 = 0xF9;
    pub const AUX: u8 = 0xFA;
    pub const RESIZE_DB: u8 = 0xFB;
    pub const EXPIRE_MS: u8 = 0xFC;
    pub const EXPIRE_S: u8 = 0xFD;
    pub const SELECT_DB: u8 = 0xFE;
    pub const END: u8 = 0xFF;
}

/// Types of values.
mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    /// Scores as text.
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    /// Scores as binary doubles.
    pub const ZSET_2: u8 = 5;
    pub const MODULE_PRE_GA: u8 = 6;
    pub const MODULE: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    /// A row of ziplists.
    pub const QUICKLIST: u8 = 14;
    /// Nodes, length, last id, groups.
    pub const STREAM: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    /// A row of listpacks and of single elements.
    pub const QUICKLIST_2: u8 = 18;
    /// With the first id, the largest deleted, how many were added, and what groups have read.
    pub const STREAM_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    /// With the time at which consumers were active.
    pub const STREAM_3: u8 = 21;
    /// Valkey's hash with times of expiry: field, value, milliseconds or -1. The last of Valkey's types.
    pub const VALKEY_HASH_2: u8 = 22;
    /// Fields with times of expiry, as candidates for Redis 7.4 wrote them.
    pub const HASH_TTL_PRE_GA: u8 = 22;
    pub const HASH_LISTPACK_TTL_PRE_GA: u8 = 23;
    /// Fields with times of expiry: the soonest; then for each field its distance from that plus 1 or 0, itself, its value.
    pub const HASH_TTL: u8 = 24;
    /// The soonest time of expiry, then a listpack of field, value and time or 0, those without a time at the end.
    pub const HASH_LISTPACK_TTL: u8 = 25;
}

/// What a node of a [`kind::QUICKLIST_2`] is.
const NODE_PLAIN: u64 = 1;
const NODE_PACKED: u64 = 2;
