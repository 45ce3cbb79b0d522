//! The one hash table of the house: dense entries, a seeded index beside them, and no insert that costs more than one small split.
//!
//! Entries lie in a slab of chunks, at positions (*ids*) `0..len`; removal moves the last entry into the hole. The index is an
//! extendible hash (Fagin et al. 1979): a directory, indexed by the top bits of a 32-bit hash, of segments of up to 2,048
//! slots in buckets of a cache line each. A slot holds the hash beside the id, so growing an index never touches an entry. A full
//! segment of the largest ordinary size splits in two; the directory doubles by copying its 4-byte entries. So there is no table that
//! must be re-hashed as a whole, and growth has no cliff.

use crate::base::heap::{block, of_vec};
use crate::base::{hash, rng::Rng};

/// An entry of a [`Dict`].
pub trait Keyed {
    /// Returns the bytes it is found by. They must not change while the entry is in a dict.
    fn key(&self) -> &[u8];
}

/// A hash table of entries with dense `u32` ids; see the module's head.
#[derive(Clone)]
pub struct Dict<E> {
    seed: u64,
    len: usize,
    /// All but the last one in use hold exactly [`CHUNK`] entries. One empty chunk may follow, so that a dict that swings around
    /// a chunk's border does not allocate each time.
    chunks: Vec<Vec<E>>,
    /// `1 << depth` indices into `segments`, or empty while nothing was ever inserted.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
}

/// What [`Dict::remove`] took out.
pub struct Removed<E> {
    /// The entry.
    pub entry: E,
    /// The former id of the entry that now has the removed id; `None` when the removed one was the last.
    pub moved_from: Option<u32>,
}

const CHUNK_BITS: u32 = 10;
/// Entries per chunk.
const CHUNK: usize = 1 << CHUNK_BITS;

impl<E: Keyed> Dict<E> {
    /// Returns an empty dict whose hashes depend on `seed`. Allocates nothing.
    pub const fn new(seed: u64) -> Self {
        Dict { seed, len: 0, chunks: Vec::new(), directory: Vec::new(), depth: 0, segments: Vec::new() }
    }

    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the seed given to [`Dict::new`].
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the hash under which this dict knows `key`, for the `_hashed` methods.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u32 {
        (hash::hash(key, self.seed) >> 32) as u32
    }

    /// Returns the id of the entry with this key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        if self.len == 0 { None } else { self.find_hashed(self.hash(key), key) }
    }

    /// Returns the id of the entry with this key, whose [`Dict::hash`] is `hash`.
    #[inline]
    pub fn find_hashed(&self, hash: u32, key: &[u8]) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let segment = &self.segments[self.segment_of(hash)];
        let mut at = segment.home(hash);
        loop {
            let bucket = &segment.buckets[at];
            let mut matches = bucket.matches(hash);
            while matches != 0 {
                let slot = bucket.ids[matches.trailing_zeros() as usize % SLOTS];
                // An empty slot looks like one of hash 0.
                if slot != EMPTY && self.get(slot - 1).key() == key {
                    return Some(slot - 1);
                }
                matches &= matches - 1;
            }
            if !bucket.is_full() {
                return None;
            }
            at = segment.next(at);
        }
    }

    /// Returns whether an entry has this key.
    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Returns the entry with id `id`, which must be below [`Dict::len`].
    #[inline]
    pub fn get(&self, id: u32) -> &E {
        &self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK - 1)]
    }

    /// Returns the entry with id `id`, which must be below [`Dict::len`]. Its key must stay as it is.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> &mut E {
        &mut self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK - 1)]
    }

    /// Returns the entry with this key.
    #[inline]
    pub fn lookup(&self, key: &[u8]) -> Option<&E> {
        self.find(key).map(|id| self.get(id))
    }

    /// Adds an entry whose key no other entry has, and returns its id, which is the former [`Dict::len`].
    #[inline]
    pub fn insert(&mut self, entry: E) -> u32 {
        self.insert_hashed(self.hash(entry.key()), entry)
    }

    /// Adds an entry whose key no other entry has and whose [`Dict::hash`] is `hash`; returns its id.
    pub fn insert_hashed(&mut self, hash: u32, entry: E) -> u32 {
        debug_assert_eq!(hash, self.hash(entry.key()));
        let id = u32::try_from(self.len).ok().filter(|id| *id < u32::MAX).expect("memory ends before 2^32 entries do");
        if self.segments.is_empty() {
            self.start_index();
        }
        let mut at = self.segment_of(hash);
        while self.segments[at].is_full() {
            self.make_room(at);
            at = self.segment_of(hash);
        }
        self.segments[at].insert(hash, id);
        self.push(entry);
        id
    }

    /// Removes the entry with id `id`, which must be below [`Dict::len`]. The last entry takes its id.
    #[inline]
    pub fn remove(&mut self, id: u32) -> Removed<E> {
        self.remove_hashed(self.hash(self.get(id).key()), id)
    }

    /// Removes the entry with id `id`, whose key's [`Dict::hash`] is `hash`. The last entry takes its id.
    pub fn remove_hashed(&mut self, hash: u32, id: u32) -> Removed<E> {
        let last = (self.len - 1) as u32;
        let at = self.segment_of(hash);
        self.segments[at].remove(hash, id);
        if last != id {
            let hash = self.hash(self.get(last).key());
            let at = self.segment_of(hash);
            let segment = &mut self.segments[at];
            let (bucket, slot) = segment.position(hash, last);
            segment.buckets[bucket].ids[slot] = id + 1;
        }
        let mut entry = self.pop();
        if last != id {
            std::mem::swap(&mut entry, self.get_mut(id));
        }
        if self.len == 0 {
            self.clear();
        } else {
            self.segments[at].shrink();
        }
        Removed { entry, moved_from: (last != id).then_some(last) }
    }

    /// Puts `entry`, whose key must be equal, in the place of the entry with id `id`, and returns the old one.
    #[inline]
    pub fn replace(&mut self, id: u32, entry: E) -> E {
        debug_assert!(self.get(id).key() == entry.key());
        std::mem::replace(self.get_mut(id), entry)
    }

    /// Returns the entries in the order of their ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &E> + Clone {
        self.chunks.iter().flatten()
    }

    /// Returns the id of an entry, each being equally likely, or `None` when there is none.
    #[inline]
    pub fn random(&self, rng: &mut Rng) -> Option<u32> {
        (self.len > 0).then(|| rng.below(self.len) as u32)
    }

    /// Passes up to `count` entries to `f` and returns the cursor of the next call: 0 when all were passed. Start with cursor 0.
    ///
    /// The cursor is the number of positions still to visit; they are visited from the last to the first. Every entry that is
    /// in the dict from the first call to the last is passed at least once, whatever is inserted and removed between the calls:
    /// with cursor `c`, an entry not passed yet is always at a position below `c`. This holds at the start (`c = len`) and
    /// after each visit of position `c - 1`. An insert moves nothing. A removal moves one entry, and only downwards: one that
    /// was below `c` stays below `c`. A cursor above `len` may be lowered to `len`, since positions from there on are empty.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(&E)) -> u64 {
        let end = if cursor == 0 { self.len } else { self.len.min(usize::try_from(cursor).unwrap_or(usize::MAX)) };
        let start = end.saturating_sub(count.max(1));
        for id in (start..end).rev() {
            f(self.get(id as u32));
        }
        start as u64
    }

    /// Drops up to `count` of the last entries, and the index at once, of a dict that nobody will look into any more: freeing
    /// it in slices. Returns whether entries are left.
    pub fn wither(&mut self, count: usize, mut f: impl FnMut(E)) -> bool {
        self.segments = Vec::new();
        self.directory = Vec::new();
        for _ in 0..count.min(self.len) {
            f(self.pop());
        }
        if self.len == 0 {
            self.clear();
        }
        self.len > 0
    }

    /// Removes all entries and frees all memory.
    pub fn clear(&mut self) {
        *self = Dict::new(self.seed);
    }

    /// Makes room for `n` entries in all. Does nothing for the index when it is in use already: it grows without a cliff anyway.
    pub fn reserve(&mut self, n: usize) {
        self.chunks.reserve_exact(n.div_ceil(CHUNK).saturating_sub(self.chunks.len()));
        if n > self.len {
            let first = self.chunks.first_mut();
            match first {
                Some(chunk) => chunk.reserve_exact(n.min(CHUNK).saturating_sub(chunk.len())),
                None => self.chunks.push(Vec::with_capacity(n.min(CHUNK))),
            }
        }
        if self.segments.is_empty() && n > 0 {
            self.depth = n.div_ceil(SEGMENT_MAX * SLOTS * 3 / 4).next_power_of_two().trailing_zeros().min(DEPTH_MAX);
            let size = buckets_for(n.div_ceil(1 << self.depth));
            self.directory = (0..1 << self.depth).collect();
            self.segments = self.directory.iter().map(|_| Segment::new(size, self.depth)).collect();
        }
    }

    /// Returns the bytes of the slab and the index; what entries own elsewhere is not in it. Takes a step per 1,000 entries.
    pub fn heap_bytes(&self) -> usize {
        of_vec(&self.chunks)
            + self.chunks.iter().map(of_vec).sum::<usize>()
            + of_vec(&self.directory)
            + of_vec(&self.segments)
            + self.segments.iter().map(|s| block(size_of_val(&*s.buckets))).sum::<usize>()
    }

    /// Returns the index of the segment in charge of `hash`.
    #[inline]
    fn segment_of(&self, hash: u32) -> usize {
        // In 64 bits, because at depth 0 all 32 bits are shifted out.
        self.directory[(u64::from(hash) >> (32 - self.depth)) as usize] as usize
    }

    fn push(&mut self, entry: E) {
        let chunk = self.len >> CHUNK_BITS;
        if chunk == self.chunks.len() {
            // The first chunk grows from small, so that a small dict is small.
            self.chunks.push(if chunk == 0 { Vec::new() } else { Vec::with_capacity(CHUNK) });
        }
        self.chunks[chunk].push(entry);
        self.len += 1;
    }

    fn pop(&mut self) -> E {
        self.len -= 1;
        let chunk = self.len >> CHUNK_BITS;
        self.chunks.truncate(chunk + 2);
        let entries = &mut self.chunks[chunk];
        let entry = entries.pop().expect("the last id is below len, and its chunk holds it");
        if chunk == 0 && entries.len() >= 4 && entries.len() < entries.capacity() / 4 {
            entries.shrink_to(entries.len() * 2);
        }
        entry
    }

    #[cold]
    fn start_index(&mut self) {
        self.depth = 0;
        self.directory = vec![0];
        self.segments = Vec::with_capacity(1);
        self.segments.push(Segment::new(1, 0));
    }

    /// Gives the full segment `at` room: more slots while it is small, else half of its entries go to a new segment.
    #[cold]
    fn make_room(&mut self, at: usize) {
        let segment = &self.segments[at];
        // Hashes that agree in more bits than chance explains would double the directory for nothing; such a segment grows instead.
        let may_split = segment.depth < DEPTH_MAX
            && (segment.depth < self.depth || self.directory.len() <= 8 * self.segments.len());
        let size = segment.buckets.len();
        if size < SEGMENT_MAX || !may_split {
            let grown = if size < 8 { size * 2 } else { size + size / 4 };
            self.segments[at].resize(if size < SEGMENT_MAX { grown.min(SEGMENT_MAX) } else { grown });
            return;
        }
        if segment.depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&s| [s, s]).collect();
            self.depth += 1;
        }
        let prefix = self.segments[at].prefix();
        let (left, right) = self.segments[at].split();
        let (depth, new) = (left.depth, self.segments.len() as u32);
        self.segments[at] = left;
        self.segments.push(right);
        // A segment owns one aligned run of the directory; the upper half goes to the new one.
        let run = 1usize << (self.depth - depth);
        let first = (prefix as usize) << (self.depth - depth + 1);
        self.directory[first + run..first + 2 * run].fill(new);
    }
}

/// A part of the index, for all hashes that begin with the same `depth` bits: buckets, of which a full one overflows into the next.
#[derive(Clone)]
struct Segment {
    buckets: Box<[Bucket]>,
    used: u32,
    depth: u32,
}

/// Slots that share a cache line, in use from the first on. All hashes are compared at once, without a branch that depends on
/// memory: a chain of slots looked at one by one is mispredicted at every other lookup.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    hashes: [u32; SLOTS],
    /// Ids plus one; [`EMPTY`] in slots not in use, whose hashes are 0.
    ids: [u32; SLOTS],
}

const SLOTS: usize = 8;
const EMPTY: u32 = 0;
/// A segment of so many buckets splits instead of growing: 16 KiB, some microseconds.
const SEGMENT_MAX: usize = 256;
/// Bits the directory may use. Far more segments than 2^32 entries need.
const DEPTH_MAX: u32 = 24;

impl Bucket {
    /// Returns a bit for each slot with this hash.
    #[inline]
    fn matches(&self, hash: u32) -> u32 {
        self.hashes.iter().enumerate().fold(0, |bits, (slot, h)| bits | u32::from(*h == hash) << slot)
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.ids[SLOTS - 1] != EMPTY
    }

    /// Returns the number of slots in use.
    #[inline]
    fn used(&self) -> usize {
        self.ids.iter().map(|id| usize::from(*id != EMPTY)).sum()
    }

    /// Empties `slot`; the last one in use takes its place.
    fn take(&mut self, slot: usize) {
        let last = self.used() - 1;
        (self.hashes[slot], self.ids[slot]) = (self.hashes[last], self.ids[last]);
        (self.hashes[last], self.ids[last]) = (0, EMPTY);
    }
}

impl Segment {
    fn new(buckets: usize, depth: u32) -> Self {
        let empty = Bucket { hashes: [0; SLOTS], ids: [EMPTY; SLOTS] };
        Segment { buckets: vec![empty; buckets].into_boxed_slice(), used: 0, depth }
    }

    /// Returns the bucket where the search for `hash` starts: the bits below the common ones, scaled to the number of buckets,
    /// which need not be a power of two.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash << self.depth) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.used as usize * 6 >= self.buckets.len() * SLOTS * 5
    }

    #[inline]
    fn insert(&mut self, hash: u32, id: u32) {
        let mut at = self.home(hash);
        while self.buckets[at].is_full() {
            at = self.next(at);
        }
        let bucket = &mut self.buckets[at];
        let slot = bucket.used();
        (bucket.hashes[slot], bucket.ids[slot]) = (hash, id + 1);
        self.used += 1;
    }

    /// Returns the bucket and slot of entry `id`, which must be here.
    fn position(&self, hash: u32, id: u32) -> (usize, usize) {
        let mut at = self.home(hash);
        loop {
            if let Some(slot) = self.buckets[at].ids.iter().position(|i| *i == id + 1) {
                return (at, slot);
            }
            assert!(self.buckets[at].is_full(), "every entry of the slab has its slot");
            at = self.next(at);
        }
    }

    /// Empties the slot of entry `id`. What overflowed past it moves back, so that no tombstones are needed.
    fn remove(&mut self, hash: u32, id: u32) {
        let (mut hole, slot) = self.position(hash, id);
        let mut overflowed = self.buckets[hole].is_full();
        self.buckets[hole].take(slot);
        self.used -= 1;
        let mut at = self.next(hole);
        // Only behind an unbroken row of full buckets can there be an entry that the hole kept out.
        while overflowed && at != hole {
            overflowed = self.buckets[at].is_full();
            if let Some(slot) = self.movable(at, hole) {
                let from = self.buckets[at];
                let free = self.buckets[hole].used();
                self.buckets[hole].hashes[free] = from.hashes[slot];
                self.buckets[hole].ids[free] = from.ids[slot];
                self.buckets[at].take(slot);
                hole = at;
            }
            at = self.next(at);
        }
    }

    /// Returns a slot of bucket `at` whose entry may as well be in bucket `hole`, which is before it.
    fn movable(&self, at: usize, hole: usize) -> Option<usize> {
        let distance = |from: usize| if at >= from { at - from } else { at + self.buckets.len() - from };
        let bucket = &self.buckets[at];
        (0..bucket.used()).find(|slot| distance(self.home(bucket.hashes[*slot])) >= distance(hole))
    }

    /// Gives memory back when hardly any slot is used.
    #[inline]
    fn shrink(&mut self) {
        if self.buckets.len() > 1 && (self.used as usize) < self.buckets.len() * SLOTS / 4 {
            self.resize(buckets_for(self.used as usize));
        }
    }

    fn resize(&mut self, buckets: usize) {
        let mut new = Segment::new(buckets, self.depth);
        self.iter().for_each(|(hash, id)| new.insert(hash, id));
        *self = new;
    }

    /// Returns the hashes and ids.
    fn iter(&self) -> impl Iterator<Item = (u32, u32)> + Clone {
        let slots = self.buckets.iter().flat_map(|b| b.hashes.iter().zip(&b.ids));
        slots.filter(|(_, id)| **id != EMPTY).map(|(hash, id)| (*hash, *id - 1))
    }

    /// Returns the bits that all hashes here have in common. There must be a hash.
    fn prefix(&self) -> u32 {
        let (hash, _) = self.iter().next().expect("a full segment has slots in use");
        (u64::from(hash) >> (32 - self.depth)) as u32
    }

    /// Returns the slots as two segments, told apart by the first bit that is not common to all.
    fn split(&self) -> (Segment, Segment) {
        let goes_right = |hash: u32| (hash << self.depth) >> 31 == 1;
        let right = self.iter().filter(|(hash, _)| goes_right(*hash)).count();
        let mut halves = (
            Segment::new(buckets_for(self.used as usize - right), self.depth + 1),
            Segment::new(buckets_for(right), self.depth + 1),
        );
        for (hash, id) in self.iter() {
            if goes_right(hash) { halves.1.insert(hash, id) } else { halves.0.insert(hash, id) }
        }
        halves
    }
}

/// Returns a number of buckets with room to grow for `used` slots in use.
fn buckets_for(used: usize) -> usize {
    (used + used / 3).div_ceil(SLOTS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Debug, PartialEq)]
    struct Pair(Vec<u8>, u32);

    impl Keyed for Pair {
        fn key(&self) -> &[u8] {
            &self.0
        }
    }

    fn key(n: usize) -> Vec<u8> {
        format!("key:{n}").into_bytes()
    }

    fn check(dict: &Dict<Pair>, model: &BTreeMap<Vec<u8>, u32>) {
        assert_eq!(dict.len(), model.len());
        let mut seen = BTreeMap::new();
        for (id, pair) in dict.iter().enumerate() {
            assert_eq!(dict.find(&pair.0), Some(id as u32));
            seen.insert(pair.0.clone(), pair.1);
        }
        assert_eq!(&seen, model);
        assert_eq!(dict.segments.iter().map(|s| s.used as usize).sum::<usize>(), dict.len());
        assert!(dict.directory.is_empty() || dict.directory.len() == 1 << dict.depth);
    }

    #[test]
    fn does_what_a_map_does() {
        let mut rng = Rng::new(1);
        for (keys, operations, reserve) in
            [(10, 2_000, 0), (5_000, 30_000, 0), (30_000, 150_000, 3_000), (3, 100, 100_000)]
        {
            let (mut dict, mut model) = (Dict::<Pair>::new(9), BTreeMap::new());
            dict.reserve(reserve);
            // Phases of mostly growing and mostly shrinking reach every size of segment in both directions.
            for step in 0..operations {
                let growing = (step * 4 / operations) % 2 == 0;
                let key = key(rng.below(keys));
                let value = step as u32;
                match dict.find(&key) {
                    Some(id) if rng.below(10) < if growing { 2 } else { 9 } => {
                        let last = dict.len() as u32 - 1;
                        let removed = dict.remove(id);
                        assert_eq!(removed.moved_from, (id != last).then_some(last));
                        assert_eq!(model.remove(&key), Some(removed.entry.1));
                    }
                    Some(id) => {
                        let old = dict.replace(id, Pair(key.clone(), value));
                        assert_eq!(model.insert(key, value), Some(old.1));
                    }
                    None if growing || rng.below(10) == 0 => {
                        assert_eq!(dict.insert(Pair(key.clone(), value)) as usize, model.len());
                        assert_eq!(model.insert(key, value), None);
                    }
                    None => assert!(!model.contains_key(&key)),
                }
                if step % (operations / 7) == 0 {
                    check(&dict, &model);
                }
            }
            check(&dict, &model);
            while let Some(id) = dict.random(&mut rng) {
                assert_eq!(model.remove(&dict.get(id).0), Some(dict.get(id).1));
                dict.remove(id);
            }
            assert!(model.is_empty() && dict.heap_bytes() == 0);
        }
    }

    #[test]
    fn stays_right_when_hashes_agree() {
        // `insert_hashed` checks the hash in debug builds, so the clash is made of segments directly and of chosen keys below.
        let (mut segment, hash) = (Segment::new(1, 3), |id: u32| 77 + id % 2);
        for id in 0..500 {
            if segment.is_full() {
                segment.resize(segment.buckets.len() * 2);
            }
            segment.insert(hash(id), id);
        }
        for id in (0..500).step_by(3) {
            segment.remove(hash(id), id);
        }
        for id in (0..500).filter(|id| id % 3 != 0) {
            let (bucket, slot) = segment.position(hash(id), id);
            assert_eq!(segment.buckets[bucket].hashes[slot], hash(id));
        }

        // 4,000 keys whose hashes agree in their first 8 bits: the directory must not double without end.
        let (mut dict, mut kept) = (Dict::new(5), 0);
        for n in 0.. {
            let key = key(n);
            if dict.hash(&key) >> 24 == 0xA5 {
                dict.insert(Pair(key, n as u32));
                kept += 1;
                if kept == 4_000 {
                    break;
                }
            }
        }
        assert!(dict.directory.len() <= 16 * dict.segments.len());
        for (id, pair) in dict.iter().enumerate() {
            assert_eq!(dict.find(&pair.0), Some(id as u32));
        }
    }

    #[test]
    fn a_scan_returns_what_stays_throughout() {
        let mut rng = Rng::new(3);
        for round in 0..200 {
            let mut dict = Dict::<Pair>::new(round);
            for n in 0..rng.below(3_000) {
                dict.insert(Pair(key(n), 0));
            }
            let mut throughout: BTreeSet<Vec<u8>> = dict.iter().map(|p| p.0.clone()).collect();
            let (mut seen, mut cursor, mut fresh) = (BTreeSet::new(), 0, 1_000_000);
            loop {
                cursor = dict.scan(cursor, 1 + rng.below(40), |p| {
                    seen.insert(p.0.clone());
                });
                if cursor == 0 {
                    break;
                }
                for _ in 0..rng.below(30) {
                    if rng.below(3) == 0 {
                        fresh += 1;
                        dict.insert(Pair(key(fresh), 0));
                    } else if let Some(id) = dict.random(&mut rng) {
                        throughout.remove(&dict.remove(id).entry.0);
                    }
                }
            }
            assert!(throughout.is_subset(&seen));
        }
    }

    #[test]
    fn a_foreign_cursor_is_harmless() {
        let mut dict = Dict::new(0);
        assert_eq!(dict.scan(u64::MAX, 10, |_: &Pair| unreachable!()), 0);
        (0..25).for_each(|n| {
            dict.insert(Pair(key(n), 0));
        });
        let mut passed = 0;
        assert_eq!(dict.scan(u64::MAX, 10, |_| passed += 1), 15);
        assert_eq!(dict.scan(3, 0, |_| passed += 1), 2);
        assert_eq!(dict.scan(3, usize::MAX, |_| passed += 1), 0);
        assert_eq!(passed, 14);
    }
}
