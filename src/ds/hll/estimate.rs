//! From registers to a number: the improved raw estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
//! sketches" (arXiv:1702.01284), algorithm 6.

use super::{COUNT_BITS, REGISTERS};

/// 1 / (2 ln 2).
const ALPHA_INF: f64 = 0.721_347_520_444_481_7;

/// Estimates the number of different elements from how many registers have each value.
pub(super) fn cardinality(histogram: &[u32; 64]) -> i64 {
    let m = REGISTERS as f64;
    let longest = COUNT_BITS as usize;
    let mut z = m * tau((m - f64::from(histogram[longest + 1])) / m);
    for n in histogram[1..=longest].iter().rev() {
        z = 0.5 * (z + f64::from(*n));
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    let estimate = (ALPHA_INF * m * m / z).round();
    // Only registers that no hash can fill make it infinite.
    if estimate.is_finite() { estimate as i64 } else { i64::MIN }
}

/// x + the sum of x^(2^k) × 2^(k-1), as far as doubles tell it apart.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// A third of 1 - x - the sum of (1 - x^(2^-k))² × 2^-k, as far as doubles tell it apart.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
