//! A histogram of durations: log-linear buckets of two significant digits, from a nanosecond to a second.

/// Values from 128 × 2ⁿ to 256 × 2ⁿ share buckets of 2ⁿ⁺¹⁻¹ nanoseconds: each power of two has 128 of them.
const HALF: u32 = 128;
/// Longer durations count as this.
const MAX_NS: u64 = 1_000_000_000;

/// Counts of durations. The buckets reach as far as the longest one that was counted, so a quick command costs little memory.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

/// How far values of the magnitude of `ns` are shifted to fall below 256.
fn shift(ns: u64) -> u32 {
    (64 - ns.leading_zeros()).saturating_sub(8)
}

/// The bucket of `ns`.
fn bucket(ns: u64) -> usize {
    let shift = shift(ns);
    (shift * HALF) as usize + (ns >> shift) as usize
}

/// The highest value in bucket `n`, ns.
fn highest(n: usize) -> u64 {
    let n = n as u32;
    let shift = (n / HALF).saturating_sub(1);
    ((u64::from(n - shift * HALF) + 1) << shift) - 1
}

impl Histogram {
    /// Counts a duration of `us` microseconds.
    pub fn record(&mut self, us: u64) {
        let at = bucket(us.saturating_mul(1000).min(MAX_NS));
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        // What has been counted four billion times is what it is.
        self.counts[at] = self.counts[at].saturating_add(1);
        self.total += 1;
    }

    /// How many durations were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns the duration, in microseconds, that `percent` of all do not exceed; 0 without any.
    pub fn percentile(&self, percent: f64) -> f64 {
        let wanted = ((percent / 100.0 * self.total as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (n, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return highest(n) as f64 / 1000.0;
            }
        }
        0.0
    }

    /// Returns (microseconds, how many took at most so long) at the powers of two, from 1.024 µs up to the first that holds all;
    /// those that hold no more than the one before are left out.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut levels = Vec::new();
        let (mut level, mut at, mut seen, mut last) = (1024, 0, 0, 0);
        while seen < self.total && at < self.counts.len() {
            let end = bucket(level);
            for count in self.counts.iter().take(end + 1).skip(at) {
                seen += u64::from(*count);
            }
            at = end + 1;
            if seen > last {
                levels.push((highest(end) / 1000, seen));
                last = seen;
            }
            level *= 2;
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_as_wide_as_two_digits_allow() {
        // Microseconds, and what Redis prints for them.
        for (us, shown) in [(1, 1.003), (2, 2.007), (5, 5.023), (182, 182.271), (407, 407.551), (301_000, 301_989.887)]
        {
            let mut h = Histogram::default();
            h.record(us);
            assert_eq!(h.percentile(50.0), shown, "{us}");
        }
        for ns in [0, 1, 127, 128, 255, 256, 257, 1000, 65_535, 65_536, MAX_NS] {
            let n = bucket(ns);
            assert!(highest(n) >= ns && (n == 0 || highest(n - 1) < ns), "{ns}");
        }
    }

    #[test]
    fn levels_are_powers_of_two() {
        let mut h = Histogram::default();
        [1, 2, 5, 33, 200_000, 300_000, u64::MAX].into_iter().for_each(|us| h.record(us));
        let want = [(1, 1), (2, 2), (8, 3), (33, 4), (270_532, 5), (541_065, 6), (1_082_130, 7)];
        assert_eq!(h.cumulative(), want);
        assert_eq!(h.percentile(0.0), 1.003);
        assert_eq!(h.percentile(100.0), 1_002_438.655);
        assert_eq!(Histogram::default().cumulative(), []);
    }
}
