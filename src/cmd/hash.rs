//! Hashes, with an expiry per field.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
