//! Floor 0: what any program could use. Nothing here has heard of Redis.

pub mod glob;
pub mod hash;
pub mod heap;
pub mod ld80;
pub mod num;
pub mod order;
pub mod rng;
