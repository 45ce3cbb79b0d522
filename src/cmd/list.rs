//! Lists, and waiting for them.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
