//! Data structures in Redis's shapes, with none of its errors.

use crate::base::order;

pub mod bits;
pub mod dict;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod intset;
#[cfg(feature = "json")]
pub mod json;
#[cfg(not(all(feature = "json", feature = "vector")))]
mod lean;
pub mod list;
pub mod listpack;
mod quicklist;
pub mod set;
pub mod short;
pub mod stream;
pub mod tree;
#[cfg(feature = "vector")]
pub mod vector;
pub mod zset;

/// Without the feature, no value is of the type.
#[cfg(not(feature = "json"))]
pub mod json {
    pub use super::lean::Absent as Json;
}

/// Without the feature, no value is of the type.
#[cfg(not(feature = "vector"))]
pub mod vector {
    pub use super::lean::Absent as VectorSet;
}

/// Up to where a value stays in its compact encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most members or fields.
    pub entries: usize,
    /// Most bytes of one of them.
    pub value: usize,
}

/// Returns whether no two of `items` are equal.
fn all_different(mut items: Vec<Vec<u8>>) -> bool {
    order::by_bytes(&mut items);
    items.windows(2).all(|pair| pair[0] != pair[1])
}
