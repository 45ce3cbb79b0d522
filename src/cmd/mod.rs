//! Floor 4: what each command means. One file per family: a row, and right below it its function.
//!
//! To add a command, write its row and function in its family's file and name the row in the family's `ROWS`. Everything else is
//! derived: `COMMAND`, help, types, the reference page, the test of its example, the vocabulary of the random tests.

pub mod string;

use crate::engine::Table;
use std::sync::LazyLock;

/// All commands.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(&[string::ROWS]));
    &TABLE
}
