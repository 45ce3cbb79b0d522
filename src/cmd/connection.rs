//! The connection: greeting, authentication, clients.

use crate::engine::Row;

/// The family.
pub const ROWS: &[Row] = &[];
