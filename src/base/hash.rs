//! Seeded hashing of byte strings, and the map types that use it where a `Dict` would be too much.

use std::hash::{BuildHasher, Hasher};

/// Returns a 64-bit hash of `bytes`. The seed is per engine, so that nobody can prepare colliding keys.
///
/// Sixteen bytes at a time are mixed by a multiplication whose two halves are folded together, as wyhash and foldhash do. Both factors
/// depend on the seed: with a factor that is known, a key can be made that turns it to zero, and then all others collide.
#[inline]
pub fn hash(bytes: &[u8], seed: u64) -> u64 {
    // Where 128 bits are no machine product, as in wasm, the other way takes a fraction of the time.
    if cfg!(target_family = "wasm") { hash_by(bytes, seed, fold_halves) } else { hash_by(bytes, seed, fold_product) }
}

#[inline]
fn hash_by(bytes: &[u8], seed: u64, fold: fn(u64, u64) -> u64) -> u64 {
    let other = seed.rotate_left(32) ^ PI[0];
    let state = seed ^ (bytes.len() as u64).wrapping_mul(PI[1]);
    let (state, a, b) = match bytes.len() {
        17.. => hash_long(bytes, state, other, fold),
        8.. => (state, word(bytes, 0), word(bytes, bytes.len() - 8)),
        4.. => (state, half(bytes, 0), half(bytes, bytes.len() - 4)),
        1.. => (state, bytes[0].into(), u64::from(bytes[bytes.len() / 2]) << 8 | u64::from(bytes[bytes.len() - 1])),
        _ => (state, 0, 0),
    };
    fold(fold(a ^ state, b ^ other) ^ other, PI[2] ^ state)
}

/// Mixes all but the last bytes in. Returns the state and the last two words, which overlap with what is mixed in already.
#[inline]
fn hash_long(bytes: &[u8], mut state: u64, other: u64, fold: fn(u64, u64) -> u64) -> (u64, u64, u64) {
    let last = bytes.len() - 16;
    for at in (0..last).step_by(16) {
        state = fold(word(bytes, at) ^ state, word(bytes, at + 8) ^ other).rotate_left(23) ^ other;
    }
    (state, word(bytes, last), word(bytes, last + 8))
}

/// The first digits of pi behind the point: numbers without a pattern.
const PI: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1];

/// Multiplies and folds the halves of the product.
#[inline]
fn fold_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The two crossed products of 32-bit halves, folded.
#[inline]
fn fold_halves(a: u64, b: u64) -> u64 {
    let (low, high) = (|x: u64| x & 0xffff_ffff, |x: u64| x >> 32);
    (low(a) * high(b)) ^ (high(a) * low(b)).rotate_right(32)
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were cut out"))
}

#[inline]
fn half(bytes: &[u8], at: usize) -> u64 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were cut out")).into()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const FOLDS: [fn(u64, u64) -> u64; 2] = [fold_product, fold_halves];

    #[test]
    fn similar_keys_spread_over_all_bits() {
        // Keys as people name them, of every length up to 40.
        let key = |len: usize, n: usize| format!("{n:0len$}").into_bytes();
        let keys: BTreeSet<_> = (1..=40).flat_map(|len| (0..4096).map(move |n| key(len, n))).collect();
        for (fold, seed) in FOLDS.iter().flat_map(|fold| [0, 1, 0x1234_5678_9abc_def0].map(|seed| (*fold, seed))) {
            let hashes: Vec<u64> = keys.iter().map(|key| hash_by(key, seed, fold)).collect();
            let half = hashes.len() as u32 / 2;
            for bit in 0..64 {
                let count: u32 = hashes.iter().map(|hash| (hash >> bit) as u32 & 1).sum();
                assert!(count.abs_diff(half) < half / 50, "bit {bit} is set in {count} of {}", hashes.len());
            }
            // By chance n² / 2³³: three.
            let tops: BTreeSet<u32> = hashes.iter().map(|hash| (hash >> 32) as u32).collect();
            let equal = hashes.len() - tops.len();
            assert!(equal < 16, "{equal} of {} hashes collide in their upper half", hashes.len());
        }
    }

    #[test]
    fn every_bit_of_a_key_and_of_the_seed_changes_half_of_the_hash() {
        for (fold, len) in
            FOLDS.iter().flat_map(|fold| [1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 100].map(|len| (*fold, len)))
        {
            let key = vec![b'k'; len];
            let base = hash_by(&key, 42, fold);
            let changed = |key: &[u8], seed| (hash_by(key, seed, fold) ^ base).count_ones();
            let flip = |bit: usize| {
                let mut other = key.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                other
            };
            let flips: Vec<u32> = (0..len * 8).map(|bit| changed(&flip(bit), 42)).collect();
            assert!(flips.iter().all(|n| *n > 8), "{flips:?} bits change with {len} bytes");
            let mean = f64::from(flips.iter().sum::<u32>()) / flips.len() as f64;
            assert!((26.0..38.0).contains(&mean), "{mean} bits change on average with {len} bytes");
            assert!((0..64).all(|bit| changed(&key, 42 ^ (1 << bit)) > 8));
        }
    }
}
