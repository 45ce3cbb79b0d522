//! Floor 0: what any program could use. Nothing here has heard of Redis.

pub mod bytes;
pub mod glob;
pub mod hash;
pub mod num;
pub mod rng;
