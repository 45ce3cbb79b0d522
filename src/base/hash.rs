//! Seeded hashing of byte strings, and the map types that use it where a `Dict` would be too much.

use std::hash::{BuildHasher, Hasher};

/// Returns a 64-bit hash of `bytes`. The seed is per engine, so that nobody can prepare colliding keys.
#[inline]
pub fn hash(bytes: &[u8], seed: u64) -> u64 {
    rapidhash::v3::rapidhash_v3_seeded(bytes, &rapidhash::v3::RapidSecrets::seed_cpp(seed))
}

/// A `BuildHasher` around a seed, for [`Map`] and [`Set`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Seeded(pub u64);

impl BuildHasher for Seeded {
    type Hasher = SeededHasher;
    fn build_hasher(&self) -> SeededHasher {
        SeededHasher(self.0)
    }
}

/// The hasher of [`Seeded`]: each write folds its bytes into the running state.
pub struct SeededHasher(u64);

impl Hasher for SeededHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes, self.0);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A std map with an explicit seed: for small registries (channels, watched keys), never for the data set.
#[expect(clippy::disallowed_types, reason = "this is the one place that gives it a seed")]
pub type Map<K, V> = std::collections::HashMap<K, V, Seeded>;

/// A std set with an explicit seed; see [`Map`].
#[expect(clippy::disallowed_types, reason = "this is the one place that gives it a seed")]
pub type Set<K> = std::collections::HashSet<K, Seeded>;
