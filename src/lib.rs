//! tabdis: a Redis-compatible engine. This page is the map.
//!
//! A module uses lower floors only; `tests/tidy.rs` checks it.
//!
//! | floor | module | what it is |
//! |--:|---|---|
//! | 0 | [`base`] | glob, number formatting, seeded generator, hashing: never heard of Redis |
//! | 1 | [`ds`] | data structures in Redis's shapes, with none of its errors |
//! | 2 | [`resp`] | the wire format, both ways; also how effects are written |
//! | 3 | [`engine`] | keyspace, expiry, sessions, blocking, pub/sub, transactions: one command in; reply, effects, pushes out |
//! | 4 | [`rdb`] | the state format, both ways: snapshots, files, DUMP |
//! | 5 | [`cmd`] | what each command means, one file per family: row above function |
//! | 5 | [`persist`] | snapshot and log in any storage with transactions: what to write next, and reading it back |
//! | 6 | [`replica`] | leader and followers as one state machine: bytes in, bytes and wishes out; no sockets |
//! | 7 | `server` | the native host: sockets and files (feature `server`) |
//! | 7 | `wasm` | the browser host: the bindings, and all that names JavaScript |
//!
//! What never happens here: the engine reads no clock, owns no thread, does no I/O, keeps no global, and does not panic on
//! any input.

// In tests, and in `tests/`, a value that is not there is to stop the test.
#![warn(clippy::unwrap_used)]

pub mod base;
pub mod cmd;
pub mod ds;
pub mod engine;
pub mod persist;
pub mod rdb;
pub mod replica;
pub mod resp;
#[cfg(all(feature = "server", not(target_family = "wasm")))]
pub mod server;
#[cfg(target_family = "wasm")]
pub mod wasm;
