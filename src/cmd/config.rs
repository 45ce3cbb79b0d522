//! CONFIG: every parameter is a row.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
