//! The server: sizes, flushing, INFO, time.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
