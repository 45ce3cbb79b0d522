//! The int set: sorted integers in one allocation, byte for byte as Redis keeps it and RDB carries it.

use super::listpack::roomy;
use crate::base::heap::of_vec;

/// A set of integers, sorted, each in the width that the widest needs.
///
/// The format: width in bytes (u32: 2, 4 or 8), count (u32), the members, all little endian. A set that has grown wide
/// stays wide, as in Redis.
#[derive(Clone, PartialEq, Eq)]
pub struct IntSet(Vec<u8>);

const HEAD: usize = 8;

impl IntSet {
    /// Returns an empty set.
    pub fn new() -> Self {
        IntSet(vec![2, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Returns `raw` as a set, or `None` unless its width and size are right and its members sorted and all different.
    pub fn from_bytes(raw: Vec<u8>) -> Option<Self> {
        let (head, body) = raw.split_first_chunk::<HEAD>()?;
        let width = head[0] as usize;
        let count = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let sizes_fit = matches!(head[..4], [2 | 4 | 8, 0, 0, 0]) && count.checked_mul(width) == Some(body.len());
        let set = IntSet(raw);
        (sizes_fit && set.iter().is_sorted_by(|a, b| a < b)).then_some(set)
    }

    /// Returns the bytes as RDB carries them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        (self.0.len() - HEAD) / self.width()
    }

    /// Returns whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEAD
    }

    /// Returns the bytes taken on the heap, slack included.
    pub fn heap_bytes(&self) -> usize {
        of_vec(&self.0)
    }

    /// Returns whether `n` is a member.
    pub fn contains(&self, n: i64) -> bool {
        self.search(n).is_ok()
    }

    /// Adds `n`. Returns whether it was new.
    pub fn add(&mut self, n: i64) -> bool {
        let Err(index) = self.search(n) else { return false };
        let need = width_of(n);
        if need > self.width() {
            self.widen(need);
        }
        let (width, len, raw) = (self.width(), self.0.len(), &mut self.0);
        if len + width > raw.capacity() {
            raw.reserve_exact(roomy(len + width) - len);
        }
        let at = HEAD + index * width;
        raw.resize(len + width, 0);
        raw.copy_within(at..len, at + width);
        raw[at..at + width].copy_from_slice(&n.to_le_bytes()[..width]);
        self.write_count();
        true
    }

    /// Removes `n`. Returns whether it was a member.
    pub fn remove(&mut self, n: i64) -> bool {
        let Ok(index) = self.search(n) else { return false };
        let width = self.width();
        let at = HEAD + index * width;
        self.0.drain(at..at + width);
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 2 {
            self.0.shrink_to(roomy(self.0.len()));
        }
        self.write_count();
        true
    }

    /// Returns the member at `index` in ascending order, or `None` past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        let width = self.width();
        let at = HEAD + index.checked_mul(width)?;
        let member = self.0.get(at..)?;
        Some(match width {
            2 => i16::from_le_bytes(*member.first_chunk()?).into(),
            4 => i32::from_le_bytes(*member.first_chunk()?).into(),
            _ => i64::from_le_bytes(*member.first_chunk()?),
        })
    }

    /// Returns the smallest member.
    pub fn min(&self) -> Option<i64> {
        self.get(0)
    }

    /// Returns the largest member.
    pub fn max(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Iterates over the members in ascending order, from either end.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        (0..self.len()).map(|index| self.get(index).expect("the index is below the length"))
    }

    /// Returns the index of `n`, or as an error the one it would have.
    fn search(&self, n: i64) -> Result<usize, usize> {
        // Ascending inserts are common, and a value too wide for the set can only go at an end.
        match self.max() {
            None => return Err(0),
            Some(max) if n > max => return Err(self.len()),
            _ => {}
        }
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = low + (high - low) / 2;
            match self.get(mid) {
                Some(member) if member == n => return Ok(mid),
                Some(member) if member < n => low = mid + 1,
                _ => high = mid,
            }
        }
        Err(low)
    }

    /// Writes all members anew in `width` bytes each, with room for one more.
    fn widen(&mut self, width: usize) {
        let mut raw = Vec::with_capacity(roomy(HEAD + (self.len() + 1) * width));
        raw.extend_from_slice(&[width as u8, 0, 0, 0, 0, 0, 0, 0]);
        for n in self.iter() {
            raw.extend_from_slice(&n.to_le_bytes()[..width]);
        }
        self.0 = raw;
    }

    fn width(&self) -> usize {
        self.0[0] as usize
    }

    fn write_count(&mut self) {
        let count = self.len() as u32; // callers convert to a hash table at 512 members or at most a million
        self.0[4..HEAD].copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for IntSet {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for IntSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Returns the bytes that `n` needs.
fn width_of(n: i64) -> usize {
    match n {
        -0x8000..=0x7FFF => 2,
        -0x8000_0000..=0x7FFF_FFFF => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::BTreeSet;

    fn check(set: &IntSet, model: &BTreeSet<i64>) {
        assert!(set.iter().eq(model.iter().copied()));
        assert!(set.iter().rev().eq(model.iter().rev().copied()));
        assert_eq!((set.min(), set.max()), (model.first().copied(), model.last().copied()));
        assert_eq!((set.len(), set.is_empty(), set.get(model.len())), (model.len(), model.is_empty(), None));
        assert_eq!(IntSet::from_bytes(set.as_bytes().to_vec()).as_ref(), Some(set));
        assert!(set.heap_bytes() <= 2 * set.as_bytes().len() + 64);
    }

    #[test]
    fn an_int_set_is_a_sorted_set_of_integers() {
        for seed in 0..60 {
            let mut rng = Rng::new(seed);
            let (mut set, mut model) = (IntSet::new(), BTreeSet::new());
            for round in 0..300 {
                // The widths come one after another, so that sets of each live for a while.
                let bits = [63, 56, 40, 33, 32, 20][rng.below(6)].max(63 - round / 5);
                let n = if rng.below(2) == 0 { rng.u64() as i64 >> bits } else { rng.below(40) as i64 - 20 };
                assert_eq!(set.contains(n), model.contains(&n));
                if rng.below(3) == 0 {
                    assert_eq!(set.remove(n), model.remove(&n));
                } else {
                    assert_eq!(set.add(n), model.insert(n));
                }
                check(&set, &model);
            }
            for n in std::mem::take(&mut model) {
                assert!(set.remove(n));
            }
            check(&set, &model);
        }
    }

    #[test]
    fn the_width_follows_the_widest_member() {
        let mut set = IntSet::new();
        for (n, width) in [
            (0, 2),
            (0x7FFF, 2),
            (-0x8000, 2),
            (0x8000, 4),
            (-0x8001, 4),
            (0x7FFF_FFFF, 4),
            (-0x8000_0001, 8),
            (i64::MIN, 8),
            (i64::MAX, 8),
        ] {
            assert!(set.add(n) && set.contains(n) && !set.add(n));
            assert_eq!(set.width(), width, "{n}");
        }
    }

    #[test]
    fn members_have_the_bytes_of_redis_7() {
        // From `DUMP` in redis-server 7.0.15 after `SADD s 1 -2 30000`, `SADD s 100000`, and `SADD s -9000000000`, `SREM s 1`.
        let hex = |set: &IntSet| set.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut set = IntSet::new();
        assert!(set.add(1) && set.add(-2) && set.add(30_000));
        assert_eq!(hex(&set), "0200000003000000feff01003075");
        assert!(set.add(100_000));
        assert_eq!(hex(&set), "0400000004000000feffffff0100000030750000a0860100");
        assert!(set.add(-9_000_000_000) && set.remove(1));
        let wide = "080000000400000000e68ee7fdfffffffeffffffffffffff3075000000000000a086010000000000";
        assert_eq!(hex(&set), wide);
    }

    #[test]
    fn hostile_bytes_are_refused_or_read_whole() {
        let mut rng = Rng::new(2);
        for _ in 0..20_000 {
            let mut set = IntSet::new();
            for _ in 0..rng.below(6) {
                set.add(rng.u64() as i64 >> [62, 50, 40, 0][rng.below(4)]);
            }
            let mut raw = set.as_bytes().to_vec();
            let at = rng.below(raw.len());
            match rng.below(3) {
                0 => raw[at] = rng.u64() as u8,
                1 => raw.truncate(at),
                _ => raw.insert(at, rng.u64() as u8),
            }
            let Some(mut set) = IntSet::from_bytes(raw) else { continue };
            let members: BTreeSet<_> = set.iter().collect();
            check(&set, &members);
            assert!(members.iter().all(|n| set.remove(*n)) && set.is_empty());
        }
        for raw in [&[][..], &[2, 0, 0, 0, 255, 255, 255, 255], &[0; 8], &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]] {
            assert_eq!(IntSet::from_bytes(raw.to_vec()), None);
        }
    }
}
