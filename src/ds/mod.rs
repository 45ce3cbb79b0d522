//! Data structures in Redis's shapes, with none of its errors.

pub mod bits;
pub mod dict;
pub mod hash;
pub mod hll;
pub mod intset;
pub mod json;
pub mod list;
pub mod listpack;
mod quicklist;
pub mod set;
pub mod short;
pub mod stream;
pub mod tree;
pub mod vector;
pub mod zset;

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
    items.sort_unstable();
    items.windows(2).all(|pair| pair[0] != pair[1])
}
