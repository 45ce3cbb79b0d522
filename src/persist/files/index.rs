//! Where every value is, and how much of each segment is still of use.

use super::super::{Batch, Key};
use super::frame::{Change, Frame};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes that a value takes besides itself: its line of the directory.
const LINE: u64 = 48;

/// A value in a file. Segments are far smaller than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) at: u32,
    pub(super) len: u32,
}

/// Bytes of a segment, and those of values that count.
#[derive(Default)]
struct Segment {
    bytes: u64,
    live: u64,
}

/// All values and segments that count.
#[derive(Default)]
pub(super) struct Index {
    places: BTreeMap<Key, Place>,
    segments: BTreeMap<u32, Segment>,
}

impl Index {
    /// Takes note of a segment that is `bytes` long.
    pub(super) fn extend(&mut self, segment: u32, bytes: u64) {
        self.segments.entry(segment).or_default().bytes = bytes;
    }

    /// Takes note of what a frame of `segment` does.
    pub(super) fn apply(&mut self, segment: u32, frame: &Frame) {
        let mut at = frame.values.start;
        for change in &frame.changes {
            match change {
                Change::Delete(range) => self.delete(range.clone()),
                Change::Put(key, len) => {
                    // Segments are shorter than 4 GiB: a frame that is longer is never written.
                    self.put(*key, Place { segment, at: at as u32, len: *len as u32 });
                    at += len;
                }
            }
        }
    }

    /// The same, of a batch whose values are from `at` on.
    pub(super) fn apply_batch(&mut self, segment: u32, mut at: u64, batch: &Batch) {
        batch.deletes.iter().for_each(|range| self.delete(range.clone()));
        for (key, value) in &batch.puts {
            self.put(*key, Place { segment, at: at as u32, len: value.len() as u32 });
            at += value.len() as u64;
        }
    }

    fn delete(&mut self, range: Range<Key>) {
        if range.start < range.end {
            for (_, place) in self.places.extract_if(range, |_, _| true) {
                let segment = self.segments.entry(place.segment).or_default();
                segment.live = segment.live.saturating_sub(place.cost());
            }
        }
    }

    fn put(&mut self, key: Key, place: Place) {
        if let Some(old) = self.places.insert(key, place) {
            let segment = self.segments.entry(old.segment).or_default();
            segment.live = segment.live.saturating_sub(old.cost());
        }
        self.segments.entry(place.segment).or_default().live += place.cost();
    }

    /// Where the value of `key` is.
    pub(super) fn place(&self, key: Key) -> Option<Place> {
        self.places.get(&key).copied()
    }

    /// Where the first `most` values of `range` are.
    pub(super) fn places(&self, range: Range<Key>, most: usize) -> Vec<(Key, Place)> {
        if range.start >= range.end {
            return Vec::new();
        }
        self.places.range(range).take(most).map(|(key, place)| (*key, *place)).collect()
    }

    /// The keys whose values are in `segment`.
    pub(super) fn keys_in(&self, segment: u32) -> Vec<Key> {
        self.places.iter().filter(|(_, place)| place.segment == segment).map(|(key, _)| *key).collect()
    }

    /// The oldest segment with a value that counts; the newest of all if there is none.
    pub(super) fn first(&self) -> u32 {
        self.used_after(0).or(self.segments.keys().next_back().copied()).unwrap_or(0)
    }

    /// The oldest segment behind `segment` with a value that counts.
    pub(super) fn used_after(&self, segment: u32) -> Option<u32> {
        let mut behind = self.segments.range(segment.saturating_add(1)..);
        behind.find(|(_, segment)| segment.live > 0).map(|(number, _)| *number)
    }

    /// Forgets the segments before `first`, and returns them.
    pub(super) fn forget(&mut self, first: u32) -> Vec<u32> {
        let kept = self.segments.split_off(&first);
        std::mem::replace(&mut self.segments, kept).into_keys().collect()
    }

    /// Whether the segments from [`Index::first`] on are too many, or have too many bytes, for what they hold. Segments hold
    /// about `size` bytes.
    pub(super) fn is_crowded(&self, size: u64) -> bool {
        let (mut count, mut bytes, mut live) = (0, 0, 0);
        for segment in self.segments.range(self.first()..).map(|(_, segment)| segment) {
            (count, bytes, live) = (count + 1, bytes + segment.bytes, live + segment.live);
        }
        bytes > 2 * live + 2 * size || count > 8 + 2 * live / size.max(1)
    }
}

impl Place {
    /// Bytes it takes in its file.
    fn cost(self) -> u64 {
        u64::from(self.len) + LINE
    }
}
