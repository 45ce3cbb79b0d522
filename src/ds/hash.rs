//! The hash: field–value pairs in a listpack while small, in a dict after that, and when fields expire beside them.

use super::dict::{Dict, Keyed};
use super::listpack::{self, Elem, Listpack};
use super::short::ShortPair;
use super::zset::{ScoreBound, Zset};
use crate::base::hash;
use crate::base::heap::block;
use crate::base::rng::Rng;

pub use super::Limits;

/// A map from fields to values, both byte strings. A field may have a time at which it expires.
#[derive(Clone)]
pub struct Hash {
    pairs: Repr,
    /// Times in milliseconds as scores of fields. `None` until the first field gets one. Like a zset of its own, it is a
    /// listpack while it is small.
    expires: Option<Box<Zset>>,
}

#[derive(Clone)]
enum Repr {
    /// Field, value, field, value …
    Pack(Listpack),
    Table(Box<Table>),
}

/// The latest time a field can be given, in milliseconds: times are kept as floats, which are exact up to here.
pub const EXPIRE_MAX_MS: u64 = 1 << 53;

impl Default for Hash {
    fn default() -> Self {
        Hash::new()
    }
}

impl Hash {
    /// Returns an empty hash, a listpack.
    pub fn new() -> Self {
        Hash { pairs: Repr::Pack(Listpack::new()), expires: None }
    }

    /// Returns the hash that `pack` spells, or `None` unless it is pairs of field and value, each field once. It becomes a
    /// `hashtable` at once when it has more than `limits.entries` fields.
    pub fn from_listpack(pack: Listpack, limits: &Limits, seed: u64) -> Option<Self> {
        let paired = pack.len().is_multiple_of(2);
        if !paired || !super::all_different(pack.iter().step_by(2).map(Elem::to_vec).collect()) {
            return None;
        }
        let mut hash = Hash { pairs: Repr::Pack(pack), expires: None };
        hash.reserve(hash.len(), limits, seed);
        Some(hash)
    }

    /// Returns the listpack, if it is one: fields and values in turn, without times of expiry.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.pairs {
            Repr::Pack(pack) => Some(pack),
            Repr::Table(_) => None,
        }
    }

    /// Returns the number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.pairs {
            Repr::Pack(pack) => pack.len() / 2,
            Repr::Table(table) => table.fields.len(),
        }
    }

    /// Returns whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what `OBJECT ENCODING` says. As in Redis, a listpack that had a time of expiry once stays `listpackex`.
    pub fn encoding(&self) -> &'static str {
        match (&self.pairs, &self.expires) {
            (Repr::Pack(_), None) => "listpack",
            (Repr::Pack(_), Some(_)) => "listpackex",
            (Repr::Table(_), _) => "hashtable",
        }
    }

    /// Returns the value of `field`.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Elem<'_>> {
        match &self.pairs {
            Repr::Pack(pack) => Some(pack.get(pack.next(pack.find(field, 1, pack.first())?)?)),
            Repr::Table(table) => Some(table.fields.lookup(field)?.elems().1),
        }
    }

    /// Returns whether there is such a field.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.pairs {
            Repr::Pack(pack) => pack.find(field, 1, pack.first()).is_some(),
            Repr::Table(table) => table.fields.contains(field),
        }
    }

    /// Gives `field` this value, and no time of expiry; returns whether it is new. Turns into a `hashtable` when the pair
    /// does not fit `limits`; `seed` is that of its hashes.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits, seed: u64) -> bool {
        self.forget_expire(field);
        self.set_keep_ttl(field, value, limits, seed)
    }

    /// Does what [`Hash::set`] does, but leaves the time of expiry as it is.
    pub fn set_keep_ttl(&mut self, field: &[u8], value: &[u8], limits: &Limits, seed: u64) -> bool {
        if let Repr::Pack(pack) = &mut self.pairs {
            let fits = field.len().max(value.len()) <= limits.value && pack.can_add(field.len() + value.len());
            let found = pack.find(field, 1, pack.first());
            match found.and_then(|at| pack.next(at)) {
                Some(at) if fits => {
                    pack.replace(at, value);
                    return false;
                }
                None if fits && pack.len() / 2 < limits.entries => {
                    pack.push_back(field);
                    pack.push_back(value);
                    return true;
                }
                _ => {}
            }
        }
        self.table(seed).set(field, value)
    }

    /// Removes `field` and returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.forget_expire(field);
        match &mut self.pairs {
            Repr::Pack(pack) => match pack.find(field, 1, pack.first()) {
                Some(at) => {
                    pack.remove_range(at, 2);
                    true
                }
                None => false,
            },
            Repr::Table(table) => table.remove(field),
        }
    }

    /// Returns the fields with their values; those of a listpack as they came.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// Returns the fields as [`Hash::iter`] does, but for the first `n`. Takes no time for those, unless it is a listpack.
    pub fn iter_from(&self, n: usize) -> Iter<'_> {
        Iter(match &self.pairs {
            Repr::Pack(pack) => Walk::Pack(pack.iter_after(n * 2)),
            Repr::Table(table) => Walk::Table(&table.fields, n as u32),
        })
    }

    /// Returns a field with its value, each being equally likely, or `None` when there is none.
    pub fn random(&self, rng: &mut Rng) -> Option<(Elem<'_>, Elem<'_>)> {
        match &self.pairs {
            Repr::Pack(pack) => {
                let at = pack.at(rng.below(pack.len() / 2) as i64 * 2)?;
                Some((pack.get(at), pack.get(pack.next(at)?)))
            }
            Repr::Table(table) => Some(table.fields.get(table.fields.random(rng)?).elems()),
        }
    }

    /// Passes `count` different fields with their values to `f`, or all if there are no more; every choice of them is equally
    /// likely, their order is not chance.
    pub fn sample(&self, count: usize, rng: &mut Rng, mut f: impl FnMut(Elem, Elem)) {
        let len = self.len();
        match &self.pairs {
            Repr::Table(table) if count.saturating_mul(3) < len => {
                // Floyd's choice of `count` places: no more draws than fields wanted.
                let mut chosen = hash::Set::with_hasher(hash::Seeded(rng.u64()));
                for last in len - count..len {
                    let draw = rng.below(last + 1);
                    let place = if chosen.insert(draw) { draw } else { last };
                    chosen.insert(place);
                    let (field, value) = table.fields.get(place as u32).elems();
                    f(field, value);
                }
            }
            _ => {
                let mut wanted = count.min(len);
                for (n, (field, value)) in self.iter().enumerate() {
                    if rng.below(len - n) < wanted {
                        wanted -= 1;
                        f(field, value);
                    }
                }
            }
        }
    }

    /// Passes up to `count` fields with their values to `f` and returns the next cursor, with the promise of [`Dict::scan`]. A listpack
    /// passes all at once.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Elem, Elem)) -> u64 {
        match &self.pairs {
            Repr::Pack(_) => {
                self.iter().for_each(|(field, value)| f(field, value));
                0
            }
            Repr::Table(table) => table.fields.scan(cursor, count, |pair| {
                let (field, value) = pair.elems();
                f(field, value)
            }),
        }
    }

    /// Prepares for `n` fields in all: a listpack that cannot hold so many becomes a `hashtable` now rather than on the way.
    pub fn reserve(&mut self, n: usize, limits: &Limits, seed: u64) {
        if n > limits.entries || matches!(self.pairs, Repr::Table(_)) {
            self.table(seed).fields.reserve(n);
        }
    }

    /// Returns when `field` expires, in milliseconds, if it has such a time.
    pub fn expire_at(&self, field: &[u8]) -> Option<u64> {
        self.expires.as_ref()?.score(field).map(|at| at as u64)
    }

    /// Gives `field` a time of expiry in milliseconds, or takes it away. Does nothing when there is no such field. Times above
    /// [`EXPIRE_MAX_MS`] become that.
    pub fn set_expire(&mut self, field: &[u8], at_ms: Option<u64>, seed: u64) {
        let Some(at_ms) = at_ms else { return self.forget_expire(field) };
        if self.contains(field) {
            let expires = self.expires.get_or_insert_default();
            expires.set(field, at_ms.min(EXPIRE_MAX_MS) as f64, &EXPIRES_LIMITS, seed);
        }
    }

    /// Returns when the next field expires, in milliseconds, if any does.
    pub fn next_expire(&self) -> Option<u64> {
        self.expires()?.next().map(|(_, at)| at)
    }

    /// Returns the fields that expire, with their times in milliseconds, the next one first. `None` if no field ever did.
    pub fn expires(&self) -> Option<impl Iterator<Item = (Elem<'_>, u64)>> {
        Some(self.expires.as_ref()?.iter().map(|(field, at)| (field, at as u64)))
    }

    /// Returns how many fields have a time of expiry.
    pub fn volatile_len(&self) -> usize {
        self.expires.as_ref().map_or(0, |expires| expires.len())
    }

    /// Returns whether `field` is past its time: as in Redis, the time itself is not past.
    #[inline]
    pub fn is_expired(&self, field: &[u8], now_ms: u64) -> bool {
        self.expire_at(field).is_some_and(|at| at < now_ms)
    }

    /// Returns how many fields are past their times.
    pub fn expired_len(&self, now_ms: u64) -> usize {
        self.expires.as_ref().map_or(0, |expires| expires.count_below(ScoreBound::Before(now_ms as f64)))
    }

    /// Removes up to `max` fields that are past their times and returns them, the longest expired first.
    pub fn pop_expired(&mut self, now_ms: u64, max: usize) -> Vec<Vec<u8>> {
        let count = self.expired_len(now_ms).min(max);
        let mut fields = Vec::with_capacity(count);
        if let Some(expires) = &mut self.expires {
            expires.remove_range(0..count, |field, _| fields.push(field.to_vec()));
        }
        fields.iter().for_each(|field| _ = self.remove(field));
        fields
    }

    /// Returns the bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let pairs = match &self.pairs {
            Repr::Pack(pack) => pack.heap_bytes(),
            Repr::Table(table) => block(size_of::<Table>()) + table.fields.heap_bytes() + table.long_bytes,
        };
        pairs + self.expires.as_ref().map_or(0, |expires| block(size_of::<Zset>()) + expires.heap_bytes())
    }

    /// Frees about `count` fields of a hash that nobody will look into any more. Returns whether some are left.
    pub fn wither(&mut self, count: usize) -> bool {
        let Repr::Table(table) = &mut self.pairs else { return false };
        table.fields.wither(count, drop)
    }

    #[inline]
    fn forget_expire(&mut self, field: &[u8]) {
        if let Some(expires) = &mut self.expires {
            expires.remove(field);
        }
    }

    /// Returns the table, which a listpack turns into.
    fn table(&mut self, seed: u64) -> &mut Table {
        if let Repr::Pack(_) = &self.pairs {
            let mut table = Table { fields: Dict::new(seed), long_bytes: 0 };
            table.fields.reserve(self.len() + 1);
            for (field, value) in self.iter() {
                field.with(|field| value.with(|value| table.set(field, value)));
            }
            self.pairs = Repr::Table(Box::new(table));
        }
        match &mut self.pairs {
            Repr::Table(table) => table,
            Repr::Pack(_) => unreachable!("it has just been replaced"),
        }
    }
}

/// Up to where the times of expiry are a listpack.
const EXPIRES_LIMITS: Limits = Limits { entries: 32, value: 64 };

/// The fields of a [`Hash`] with their values.
#[derive(Clone)]
pub struct Iter<'a>(Walk<'a>);

#[derive(Clone)]
enum Walk<'a> {
    Pack(listpack::Iter<'a>),
    Table(&'a Dict<Pair>, u32),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Elem<'a>, Elem<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Pack(elems) => Some((elems.next()?, elems.next()?)),
            Walk::Table(fields, next) => {
                let pair = ((*next as usize) < fields.len()).then(|| fields.get(*next))?;
                *next += 1;
                Some(pair.elems())
            }
        }
    }
}

#[derive(Clone)]
struct Table {
    fields: Dict<Pair>,
    /// Bytes of pairs too long to be kept in place.
    long_bytes: usize,
}

/// A field and its value.
#[derive(Clone)]
struct Pair(ShortPair);

impl Keyed for Pair {
    #[inline]
    fn key(&self) -> &[u8] {
        self.0.first()
    }
}

impl Pair {
    #[inline]
    fn elems(&self) -> (Elem<'_>, Elem<'_>) {
        let (field, value) = self.0.both();
        (Elem::Str(field), Elem::Str(value))
    }
}

impl Table {
    fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = self.fields.hash(field);
        let pair = Pair(ShortPair::new(field, value));
        self.long_bytes += pair.0.heap_bytes();
        match self.fields.find_hashed(hash, field) {
            Some(id) => {
                self.long_bytes -= self.fields.replace(id, pair).0.heap_bytes();
                false
            }
            None => {
                self.fields.insert_hashed(hash, pair);
                true
            }
        }
    }

    fn remove(&mut self, field: &[u8]) -> bool {
        let hash = self.fields.hash(field);
        let Some(id) = self.fields.find_hashed(hash, field) else { return false };
        self.long_bytes -= self.fields.remove_hashed(hash, id).entry.0.heap_bytes();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const REDIS: Limits = Limits { entries: 128, value: 64 };

    type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

    fn check(hash: &Hash, model: &Model) {
        let pairs: BTreeMap<_, _> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
        assert!(pairs.iter().eq(model.iter().map(|(f, (v, _))| (f, v))));
        assert_eq!(hash.iter().count(), model.len());
        for (field, (value, at)) in model {
            assert_eq!(hash.get(field).map(Elem::to_vec).as_ref(), Some(value));
            assert_eq!(hash.expire_at(field), *at);
        }
        assert_eq!(hash.volatile_len(), model.values().filter(|v| v.1.is_some()).count());
        assert_eq!(hash.next_expire(), model.values().filter_map(|v| v.1).min());
        if let Repr::Table(table) = &hash.pairs {
            let long = model.iter().map(|(f, (v, _))| f.len() + v.len()).filter(|n| *n > 30).map(block).sum::<usize>();
            assert_eq!(table.long_bytes, long);
        }
        let (mut seen, mut cursor) = (BTreeMap::new(), 0);
        loop {
            cursor = hash.scan(cursor, 9, |f, v| _ = seen.insert(f.to_vec(), v.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, pairs);
    }

    #[test]
    fn does_what_a_map_does() {
        let mut rng = Rng::new(31);
        for (limits, kinds, ttls) in [
            (REDIS, 90, false),
            (REDIS, 90, true),
            (REDIS, 2_000, true),
            (Limits { entries: 10, value: 20 }, 60, false),
            (Limits { entries: 0, value: 0 }, 20, true),
        ] {
            let (mut hash, mut model, mut now) = (Hash::new(), Model::new(), 1_000);
            for step in 0..12_000 {
                let n = rng.below(kinds);
                let field = if n.is_multiple_of(3) { format!("{n}") } else { format!("field with the number {n}") }
                    .into_bytes();
                let longest = if rng.below(50) == 0 { 60 } else { 18 };
                let value = vec![b'0' + (step % 10) as u8; rng.below(longest)];
                match rng.below(10) {
                    0..=2 => {
                        let new = hash.set(&field, &value, &limits, 6);
                        assert_eq!(new, model.insert(field.clone(), (value, None)).is_none());
                    }
                    3 => {
                        let at = model.get(&field).and_then(|v| v.1);
                        let new = hash.set_keep_ttl(&field, &value, &limits, 6);
                        assert_eq!(new, model.insert(field.clone(), (value, at)).is_none());
                    }
                    4..=5 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                    6..=7 if ttls => {
                        let at = (rng.below(4) > 0).then(|| now + rng.below(400) as u64);
                        hash.set_expire(&field, at, 6);
                        model.entry(field.clone()).and_modify(|v| v.1 = at);
                    }
                    _ => {
                        now += 1;
                        let max = rng.below(5);
                        let mut due: Vec<_> = model.iter().filter_map(|(f, v)| Some((v.1?, f.clone()))).collect();
                        due.retain(|d| d.0 < now);
                        due.sort();
                        assert_eq!(hash.expired_len(now), due.len());
                        assert!(due.iter().all(|d| hash.is_expired(&d.1, now)));
                        let popped = hash.pop_expired(now, max);
                        assert!(popped.iter().eq(due.iter().map(|d| &d.1).take(max)));
                        popped.iter().for_each(|f| _ = model.remove(f));
                    }
                }
                assert_eq!((hash.len(), hash.contains(&field)), (model.len(), model.contains_key(&field)));
                if step % 300 == 0 {
                    check(&hash, &model);
                    assert_eq!(hash.random(&mut rng).is_none(), model.is_empty());
                    if let Some((field, value)) = hash.random(&mut rng) {
                        assert_eq!(model[&field.to_vec()].0, value.to_vec());
                    }
                }
            }
            check(&hash.clone(), &model);
            assert_eq!(hash.expires.is_some(), ttls);
        }
    }

    #[test]
    fn changes_its_encoding_as_redis_does() {
        let limits = Limits { entries: 2, value: 4 };
        let mut hash = Hash::new();
        hash.set(b"a", b"1", &limits, 0);
        hash.set(b"b", b"1", &limits, 0);
        hash.set(b"b", b"2", &limits, 0);
        assert_eq!(hash.encoding(), "listpack");
        hash.set_expire(b"x", Some(5), 0);
        assert_eq!(hash.encoding(), "listpack");
        hash.set_expire(b"a", Some(5), 0);
        assert_eq!(hash.encoding(), "listpackex");
        hash.set_expire(b"a", None, 0);
        assert_eq!((hash.encoding(), hash.volatile_len(), hash.next_expire()), ("listpackex", 0, None));
        let mut long = hash.clone();
        long.set(b"a", b"12345", &limits, 0);
        assert_eq!(long.encoding(), "hashtable");
        hash.set(b"c", b"1", &limits, 0);
        assert_eq!(hash.encoding(), "hashtable");
    }

    #[test]
    fn a_listpack_from_outside_is_checked() {
        let parse = |elements: &[&str]| {
            let mut pack = Listpack::new();
            elements.iter().for_each(|e| pack.push_back(e.as_bytes()));
            Hash::from_listpack(pack, &Limits { entries: 2, value: 64 }, 0).map(|h| (h.len(), h.encoding()))
        };
        assert_eq!(parse(&["a", "1", "b", "a"]), Some((2, "listpack")));
        assert_eq!(parse(&["a", "1", "b", "1", "c", "1"]), Some((3, "hashtable")));
        assert_eq!(parse(&["a", "1", "b"]), None);
        assert_eq!(parse(&["a", "1", "a", "2"]), None);
    }
}
