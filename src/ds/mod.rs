//! Data structures in Redis's shapes, with none of its errors.

pub mod dict;
pub mod intset;
pub mod list;
pub mod listpack;
mod quicklist;
pub mod tree;
