//! Keys of any type: expiry, renaming, scanning, sorting.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
