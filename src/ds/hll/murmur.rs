//! MurmurHash64A, whose bits choose the registers: Austin Appleby's function with the seed that Redis gives it.

const SEED: u64 = 0xadc8_3b19;
const M: u64 = 0xc6a4_a793_5bd1_e995;

/// Returns the hash of `bytes`.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mix = |h: u64| (h ^ h >> 47).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut h = SEED ^ (bytes.len() as u64).wrapping_mul(M);
    for word in words {
        h = (h ^ mix(u64::from_le_bytes(*word).wrapping_mul(M))).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        h = (h ^ last).wrapping_mul(M);
    }
    let h = mix(h);
    h ^ h >> 47
}
