//! Floor 5: what each command means. One file per family: a row, and right below it its function.
//!
//! To add a command, write its row and function in its family's file and name the row in the family's `ROWS`. Everything else is
//! derived: `COMMAND`, help, types, the reference page, the test of its example, the vocabulary of the random tests.

pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
pub mod docs;
pub mod expiry;
pub mod export;
pub mod generic;
pub mod hash;
pub mod info;
pub mod list;
pub mod memory;
pub mod params;
pub mod pubsub;
pub mod scan;
pub mod server;
pub mod set;
pub mod string;
pub mod tx;
pub mod zset;

use crate::engine::Table;
use std::sync::LazyLock;

/// All commands.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        Table::new(&[
            command::ROWS,
            config::ROWS,
            connection::ROWS,
            generic::ROWS,
            hash::ROWS,
            list::ROWS,
            pubsub::ROWS,
            server::ROWS,
            set::ROWS,
            string::ROWS,
            tx::ROWS,
            zset::ROWS,
        ])
    });
    &TABLE
}
