//! Sets.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
