//! Floor 5: what each command means. One file per family: a row, and right below it its function.
//!
//! To add a command, write its row and function in its family's file and name the row in the family's `ROWS`. Everything else is
//! derived: `COMMAND`, help, types, the reference page, the test of its example, the vocabulary of the random tests.

pub mod acl;
pub mod bitmap;
pub mod client;
pub mod cluster;
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
pub mod docs;
pub mod expiry;
pub mod export;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod info;
#[cfg(feature = "json")]
pub mod json;
pub mod latency;
pub mod list;
pub mod memory;
mod mpop;
pub mod params;
pub mod pubsub;
pub mod replication;
pub mod rewrite;
pub mod scan;
pub mod server;
pub mod set;
pub mod slowlog;
pub mod stream;
pub mod string;
pub mod tx;
#[cfg(feature = "vector")]
pub mod vector;
pub mod zset;

use crate::engine::Table;
use crate::engine::row::{self, Row};
use std::sync::LazyLock;

/// The families of this build. One that is not in the lean core is here by its feature, and only here: its module is always
/// compiled, and the linker drops what no row leads to.
const FAMILIES: &[&[Row]] = &[
    #[cfg(feature = "acl")]
    acl::ROWS,
    #[cfg(feature = "bitmap")]
    bitmap::ROWS,
    #[cfg(feature = "admin")]
    cluster::ROWS,
    command::ROWS,
    config::ROWS,
    connection::ROWS,
    generic::ROWS,
    #[cfg(feature = "geo")]
    geo::ROWS,
    hash::ROWS,
    #[cfg(feature = "hyperloglog")]
    hll::ROWS,
    #[cfg(feature = "json")]
    json::ROWS,
    #[cfg(feature = "admin")]
    latency::ROWS,
    list::ROWS,
    pubsub::ROWS,
    #[cfg(feature = "admin")]
    replication::ROWS,
    server::ROWS,
    #[cfg(feature = "admin")]
    server::ADMIN,
    set::ROWS,
    #[cfg(feature = "admin")]
    slowlog::ROWS,
    #[cfg(feature = "stream")]
    stream::ROWS,
    string::ROWS,
    tx::ROWS,
    #[cfg(feature = "vector")]
    vector::ROWS,
    zset::ROWS,
];

/// Every row of them, commands followed by their sub-commands.
static ALL: [Row; row::count(FAMILIES)] = row::in_a_row(FAMILIES, &ALL);

/// All commands of this build.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(&ALL).with_client_line(client::line));
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RowId;

    #[test]
    fn every_command_is_found_in_any_case_and_nothing_else_is() {
        let table = table();
        for (id, slot) in table.slots().iter().enumerate().filter(|(_, slot)| slot.parent.is_none()) {
            let id = Some(id as RowId);
            let mixed: Vec<u8> = slot.full_name.bytes().enumerate().map(|(n, b)| b ^ (n as u8 & 1) << 5).collect();
            // Only letters have a case.
            let mixed: Vec<u8> = mixed
                .iter()
                .zip(slot.full_name.bytes())
                .map(|(m, b)| if b.is_ascii_alphabetic() { *m } else { b })
                .collect();
            assert_eq!(table.find(slot.full_name.as_bytes()), id, "{}", slot.full_name);
            assert_eq!(table.find(slot.row.name.to_ascii_uppercase().as_bytes()), id);
            assert_eq!(table.find(&mixed), id);
            for n in 0..slot.full_name.len() {
                for bit in [1, 0x40, 0x80] {
                    let mut wrong = slot.full_name.clone().into_bytes();
                    wrong[n] ^= bit;
                    let want = table.slots().iter().position(|s| s.full_name.as_bytes() == wrong.to_ascii_lowercase());
                    assert_eq!(table.find(&wrong), want.map(|id| id as RowId), "{}", wrong.escape_ascii());
                }
            }
        }
        for name in [&b""[..], b"g", b"pingping", b"client|list", b"pingping\x04\0\0\0\0\0\0\0", &[b'x'; 100]] {
            assert_eq!(table.find(name), None);
        }
    }
}
