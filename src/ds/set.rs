//! The set: an int set while all members are integers, a listpack while small, a dict after that.

use super::dict::{Dict, Keyed};
use super::intset::IntSet;
use super::listpack::{self, Elem, Listpack};
use super::short::Short;
use crate::base::heap::block;
use crate::base::rng::Rng;
use crate::base::{hash, num};

/// A set of byte strings. It goes from `intset` to `listpack` to `hashtable` as it must, and never back by itself.
#[derive(Clone)]
pub struct Set(Repr);

#[derive(Clone)]
enum Repr {
    Ints(IntSet),
    Pack(Listpack),
    Table(Box<Table>),
}

/// Up to where a set stays in a compact encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most members of an int set.
    pub intset: usize,
    /// Most members of a listpack.
    pub entries: usize,
    /// Most bytes of a member of a listpack.
    pub value: usize,
}

impl Default for Set {
    fn default() -> Self {
        Set::new()
    }
}

impl Set {
    /// Returns an empty set, an int set.
    pub fn new() -> Self {
        Set(Repr::Ints(IntSet::new()))
    }

    /// Returns an empty set in the encoding that suits `count` members, of which `first` is one.
    pub fn with_hint(first: &[u8], count: usize, limits: &Limits, seed: u64) -> Self {
        if num::parse_i64(first).is_some() && count <= limits.intset {
            return Set::new();
        }
        let mut set = Set(Repr::Pack(Listpack::new()));
        set.reserve(count, limits, seed);
        set
    }

    /// Returns the set of these integers; a `hashtable` when they are more than the limit.
    pub fn from_ints(ints: IntSet, limits: &Limits, seed: u64) -> Self {
        let mut set = Set(Repr::Ints(ints));
        set.reserve(set.len(), limits, seed);
        set
    }

    /// Returns the set of the elements of `pack`, or `None` if two are equal; a `hashtable` when they are more than the limit.
    pub fn from_listpack(pack: Listpack, limits: &Limits, seed: u64) -> Option<Self> {
        if !super::all_different(pack.iter().map(Elem::to_vec).collect()) {
            return None;
        }
        let mut set = Set(Repr::Pack(pack));
        set.reserve(set.len(), limits, seed);
        Some(set)
    }

    /// Returns the int set, if it is one.
    pub fn ints(&self) -> Option<&IntSet> {
        match &self.0 {
            Repr::Ints(ints) => Some(ints),
            _ => None,
        }
    }

    /// Returns the listpack, if it is one.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Repr::Pack(pack) => Some(pack),
            _ => None,
        }
    }

    /// Returns the number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.len(),
            Repr::Pack(pack) => pack.len(),
            Repr::Table(table) => table.members.len(),
        }
    }

    /// Returns whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what `OBJECT ENCODING` says.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Ints(_) => "intset",
            Repr::Pack(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// Returns whether `member` is in the set.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Repr::Ints(ints) => num::parse_i64(member).is_some_and(|n| ints.contains(n)),
            Repr::Pack(pack) => pack.find(member, 0, pack.first()).is_some(),
            Repr::Table(table) => table.members.contains(member),
        }
    }

    /// Returns whether a member of another set is in this one. Integers are not spelled out to look among integers.
    pub fn contains_elem(&self, member: Elem) -> bool {
        match (&self.0, member) {
            (Repr::Ints(ints), Elem::Int(n)) => ints.contains(n),
            _ => member.with(|text| self.contains(text)),
        }
    }

    /// Adds `member` and returns whether it was new. Changes to the next encoding that holds it if it does not fit `limits`; `seed` is
    /// that of the hashes.
    pub fn add(&mut self, member: &[u8], limits: &Limits, seed: u64) -> bool {
        if let Repr::Ints(ints) = &mut self.0 {
            if let Some(n) = num::parse_i64(member) {
                if !ints.add(n) {
                    return false;
                }
                // Redis goes from an int set that is too long to a hash table, even if a listpack would do.
                if ints.len() > limits.intset {
                    self.table(seed);
                }
                return true;
            }
            self.leave_ints(member, limits);
        }
        if let Repr::Pack(pack) = &mut self.0 {
            if pack.find(member, 0, pack.first()).is_some() {
                return false;
            }
            if pack.len() < limits.entries && member.len() <= limits.value && pack.can_add(member.len()) {
                pack.push_back(member);
                return true;
            }
        }
        self.table(seed).add(member)
    }

    /// Removes `member` and returns whether it was in the set.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Ints(ints) => num::parse_i64(member).is_some_and(|n| ints.remove(n)),
            Repr::Pack(pack) => match pack.find(member, 0, pack.first()) {
                Some(at) => {
                    pack.remove(at);
                    true
                }
                None => false,
            },
            Repr::Table(table) => {
                let hash = table.members.hash(member);
                let found = table.members.find_hashed(hash, member);
                found.inspect(|id| _ = table.take(hash, *id)).is_some()
            }
        }
    }

    /// Returns the members; integers in ascending order, those of a listpack as they came.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// Returns the members as [`Set::iter`] does, but for the first `n`. Takes no time for those, unless it is a listpack.
    pub fn iter_from(&self, n: usize) -> Iter<'_> {
        Iter(match &self.0 {
            Repr::Ints(ints) => Walk::Ints(ints, n),
            Repr::Pack(pack) => Walk::Pack(pack.iter_after(n)),
            Repr::Table(table) => Walk::Table(&table.members, n as u32),
        })
    }

    /// Returns a member, each being equally likely, or `None` when there is none.
    pub fn random(&self, rng: &mut Rng) -> Option<Elem<'_>> {
        match &self.0 {
            Repr::Ints(ints) => ints.get(rng.below(ints.len())).map(Elem::Int),
            Repr::Pack(pack) => pack.at(rng.below(pack.len()) as i64).map(|at| pack.get(at)),
            Repr::Table(table) => Some(Elem::Str(table.members.get(table.members.random(rng)?))),
        }
    }

    /// Removes and returns a member, each being equally likely, or `None` when there is none.
    pub fn pop_random(&mut self, rng: &mut Rng) -> Option<Vec<u8>> {
        match &mut self.0 {
            Repr::Ints(ints) => {
                let n = ints.get(rng.below(ints.len()))?;
                ints.remove(n);
                Some(Elem::Int(n).to_vec())
            }
            Repr::Pack(pack) => {
                let at = pack.at(rng.below(pack.len()) as i64)?;
                let member = pack.get(at).to_vec();
                pack.remove(at);
                Some(member)
            }
            Repr::Table(table) => {
                let id = table.members.random(rng)?;
                let hash = table.members.hash(table.members.get(id));
                Some(table.take(hash, id).to_vec())
            }
        }
    }

    /// Passes `count` different members to `f`, or all if there are no more; every choice of them is equally likely, their
    /// order is not chance.
    pub fn sample(&self, count: usize, rng: &mut Rng, mut f: impl FnMut(Elem)) {
        let len = self.len();
        if matches!(self.0, Repr::Pack(_)) || count.saturating_mul(3) >= len {
            let mut wanted = count.min(len);
            for (n, member) in self.iter().enumerate() {
                if rng.below(len - n) < wanted {
                    wanted -= 1;
                    f(member);
                }
            }
            return;
        }
        // Floyd's choice of `count` places: no more draws than members wanted.
        let mut chosen = hash::Set::with_hasher(hash::Seeded(rng.u64()));
        for last in len - count..len {
            let draw = rng.below(last + 1);
            let place = if chosen.insert(draw) { draw } else { last };
            chosen.insert(place);
            match &self.0 {
                Repr::Ints(ints) => ints.get(place).map(Elem::Int).into_iter().for_each(&mut f),
                Repr::Pack(pack) => pack.at(place as i64).map(|at| pack.get(at)).into_iter().for_each(&mut f),
                Repr::Table(table) => f(Elem::Str(table.members.get(place as u32))),
            }
        }
    }

    /// Removes and returns `count` members, or all if there are no more; every choice of them is equally likely. One pass
    /// over a compact encoding, one step per member of a `hashtable`.
    pub fn pop_sample(&mut self, count: usize, rng: &mut Rng) -> Vec<Vec<u8>> {
        if matches!(self.0, Repr::Table(_)) {
            return (0..count.min(self.len())).map_while(|_| self.pop_random(rng)).collect();
        }
        let (mut left, mut wanted) = (self.len(), count.min(self.len()));
        let mut popped = Vec::with_capacity(wanted);
        let (mut ints, mut pack) = (IntSet::new(), Listpack::new());
        for member in self.iter() {
            if rng.below(left) < wanted {
                wanted -= 1;
                popped.push(member.to_vec());
            } else {
                match (member, &self.0) {
                    (Elem::Int(n), Repr::Ints(_)) => _ = ints.add(n),
                    (member, _) => member.with(|text| pack.push_back(text)),
                }
            }
            left -= 1;
        }
        self.0 = if matches!(self.0, Repr::Ints(_)) { Repr::Ints(ints) } else { Repr::Pack(pack) };
        popped
    }

    /// Passes up to `count` members to `f` and returns the next cursor, with the promise of [`Dict::scan`]. Compact encodings
    /// pass all at once.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Elem)) -> u64 {
        match &self.0 {
            Repr::Table(table) => table.members.scan(cursor, count, |m| f(Elem::Str(m))),
            _ => {
                self.iter().for_each(f);
                0
            }
        }
    }

    /// Prepares for `n` members in all: a compact encoding that cannot hold so many becomes a `hashtable` now rather than on the way.
    pub fn reserve(&mut self, n: usize, limits: &Limits, seed: u64) {
        let most = match &self.0 {
            Repr::Ints(_) => limits.intset,
            Repr::Pack(_) => limits.entries,
            Repr::Table(_) => 0,
        };
        if n > most {
            self.table(seed).members.reserve(n);
        }
    }

    /// Turns into an int set if all members are integers and not too many, as Redis does with results that it stores.
    pub fn compact_ints(&mut self, limits: &Limits) {
        if self.ints().is_some() || self.len() > limits.intset {
            return;
        }
        let mut ints = IntSet::new();
        for member in self.iter() {
            let Some(n) = member.int() else { return };
            ints.add(n);
        }
        self.0 = Repr::Ints(ints);
    }

    /// Returns the bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.heap_bytes(),
            Repr::Pack(pack) => pack.heap_bytes(),
            Repr::Table(table) => block(size_of::<Table>()) + table.members.heap_bytes() + table.long_bytes,
        }
    }

    /// Frees about `count` elements of a set that nobody will look into any more. Returns whether some are left.
    pub fn wither(&mut self, count: usize) -> bool {
        let Repr::Table(table) = &mut self.0 else { return false };
        table.members.wither(count, drop)
    }

    /// Turns an int set into a listpack if that can take all its members and `next`, which is no integer.
    fn leave_ints(&mut self, next: &[u8], limits: &Limits) {
        let Repr::Ints(ints) = &self.0 else { return };
        let longest = [ints.min(), ints.max()].into_iter().flatten().map(|n| Elem::Int(n).len()).max().unwrap_or(0);
        if ints.len() < limits.entries && next.len().max(longest) <= limits.value {
            // An integer takes 11 bytes at most.
            if ints.len() < listpack::MAX_BYTES / 16 {
                let mut pack = Listpack::new();
                ints.iter().for_each(|n| pack.push_back_int(n));
                self.0 = Repr::Pack(pack);
            }
        }
    }

    /// Returns the table, which a compact encoding turns into.
    fn table(&mut self, seed: u64) -> &mut Table {
        if !matches!(self.0, Repr::Table(_)) {
            let mut table = Table { members: Dict::new(seed), long_bytes: 0 };
            table.members.reserve(self.len() + 1);
            for member in self.iter() {
                member.with(|m| table.add(m));
            }
            self.0 = Repr::Table(Box::new(table));
        }
        match &mut self.0 {
            Repr::Table(table) => table,
            _ => unreachable!("it has just been replaced"),
        }
    }
}

/// The members of a [`Set`].
#[derive(Clone)]
pub struct Iter<'a>(Walk<'a>);

#[derive(Clone)]
enum Walk<'a> {
    Ints(&'a IntSet, usize),
    Pack(listpack::Iter<'a>),
    Table(&'a Dict<Short>, u32),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Elem<'a>;

    #[inline]
    fn next(&mut self) -> Option<Elem<'a>> {
        match &mut self.0 {
            Walk::Ints(ints, next) => {
                *next += 1;
                ints.get(*next - 1).map(Elem::Int)
            }
            Walk::Pack(elems) => elems.next(),
            Walk::Table(members, next) => {
                let member = ((*next as usize) < members.len()).then(|| members.get(*next))?;
                *next += 1;
                Some(Elem::Str(member))
            }
        }
    }
}

#[derive(Clone)]
struct Table {
    members: Dict<Short>,
    /// Bytes of members too long to be kept in place.
    long_bytes: usize,
}

impl Keyed for Short {
    #[inline]
    fn key(&self) -> &[u8] {
        self
    }
}

impl Table {
    fn add(&mut self, member: &[u8]) -> bool {
        let hash = self.members.hash(member);
        if self.members.find_hashed(hash, member).is_some() {
            return false;
        }
        let member = Short::new(member);
        self.long_bytes += member.heap_bytes();
        self.members.insert_hashed(hash, member);
        true
    }

    fn take(&mut self, hash: u32, id: u32) -> Short {
        let member = self.members.remove_hashed(hash, id).entry;
        self.long_bytes -= member.heap_bytes();
        member
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const REDIS: Limits = Limits { intset: 512, entries: 128, value: 64 };

    fn members(set: &Set) -> BTreeSet<Vec<u8>> {
        set.iter().map(Elem::to_vec).collect()
    }

    #[test]
    fn does_what_a_set_does() {
        let mut rng = Rng::new(21);
        for (limits, kinds, words) in [
            (REDIS, 100, true),
            (REDIS, 900, false),
            (REDIS, 3_000, true),
            (Limits { intset: 4, entries: 8, value: 10 }, 40, true),
            (Limits { intset: 0, entries: 0, value: 0 }, 40, true),
        ] {
            for round in 0..4 {
                let (mut set, mut model) = (Set::new(), BTreeSet::new());
                for step in 0..4_000 {
                    let n = rng.below(kinds);
                    let member = match n % 3 {
                        0 if words && step > round * 20 => format!("a member {n}, rather long for its place"),
                        1 if words && step > round * 5 => format!("m{n}"),
                        _ => format!("{}", n as i64 * 77_777 - 1_000_000),
                    }
                    .into_bytes();
                    match rng.below(if step < 2_000 { 5 } else { 2 }) {
                        0 => assert_eq!(set.remove(&member), model.remove(&member)),
                        1 if rng.below(4) == 0 => {
                            let popped = set.pop_random(&mut rng);
                            assert_eq!(popped.is_none(), model.is_empty());
                            assert!(popped.is_none_or(|m| model.remove(&m)));
                        }
                        _ => assert_eq!(set.add(&member, &limits, 5), model.insert(member.clone())),
                    }
                    assert_eq!((set.len(), set.contains(&member)), (model.len(), model.contains(&member)));
                    assert_eq!(set.contains_elem(Elem::of(&member)), model.contains(&member));
                    if step % 200 == 0 {
                        assert_eq!(members(&set), model);
                        assert_eq!(set.random(&mut rng).is_none(), model.is_empty());
                        assert!(set.random(&mut rng).is_none_or(|m| model.contains(&m.to_vec())));
                        let (mut seen, mut cursor) = (BTreeSet::new(), 0);
                        loop {
                            cursor = set.scan(cursor, 7, |m| _ = seen.insert(m.to_vec()));
                            if cursor == 0 {
                                break;
                            }
                        }
                        assert_eq!(seen, model);
                        if let Repr::Table(table) = &set.0 {
                            let long = model.iter().map(|m| m.len()).filter(|n| *n > 15).map(block).sum::<usize>();
                            assert_eq!(table.long_bytes, long);
                        }
                    }
                }
                let all_ints = model.iter().all(|m| num::parse_i64(m).is_some());
                let before = set.encoding();
                set.compact_ints(&limits);
                let turned = all_ints && model.len() <= limits.intset;
                assert_eq!(set.encoding(), if turned { "intset" } else { before });
                assert_eq!(members(&set.clone()), model);
            }
        }
    }

    #[test]
    fn changes_its_encoding_as_redis_7_2_does() {
        let add = |limits: Limits, members: &[&str]| {
            let mut set = Set::new();
            members.iter().for_each(|m| _ = set.add(m.as_bytes(), &limits, 0));
            set.encoding()
        };
        let limits = Limits { intset: 2, entries: 3, value: 4 };
        for (members, want) in [
            (&["1", "2"][..], "intset"),
            (&["1", "2", "3"], "hashtable"),
            (&["1", "2", "a"], "listpack"),
            (&["a", "b", "c"], "listpack"),
            (&["a", "b", "c", "d"], "hashtable"),
            (&["a", "b", "c", "c"], "listpack"),
            (&["1", "abcde"], "hashtable"),
            (&["12345", "a"], "hashtable"),
            (&["a", "1", "2", "3"], "hashtable"),
        ] {
            assert_eq!(add(limits, members), want, "{members:?}");
        }
        for (first, count, want) in
            [("1", 2, "intset"), ("1", 3, "listpack"), ("a", 3, "listpack"), ("a", 4, "hashtable")]
        {
            assert_eq!(Set::with_hint(first.as_bytes(), count, &limits, 0).encoding(), want);
        }
    }

    #[test]
    fn samples_are_fair_and_without_repetition() {
        let mut rng = Rng::new(3);
        for (limits, len) in [(REDIS, 40), (Limits { intset: 0, ..REDIS }, 40), (Limits { entries: 0, ..REDIS }, 40)] {
            for word in ["", "m"] {
                let mut set = Set::new();
                (0..len).for_each(|n| _ = set.add(format!("{word}{n}").as_bytes(), &limits, 1));
                for count in [0, 1, 7, 20, 39, 40, 1000] {
                    let mut hits = std::collections::BTreeMap::<Vec<u8>, usize>::new();
                    for round in 0..400 {
                        let mut seen = BTreeSet::new();
                        set.sample(count, &mut rng, |m| assert!(seen.insert(m.to_vec())));
                        if round < 20 {
                            let mut rest = set.clone();
                            let popped: BTreeSet<_> = rest.pop_sample(count, &mut rng).into_iter().collect();
                            assert_eq!((popped.len(), rest.len()), (count.min(len), len - count.min(len)));
                            assert_eq!(rest.encoding(), set.encoding());
                            assert_eq!(&members(&rest) | &popped, members(&set));
                        }
                        assert_eq!(seen.len(), count.min(len));
                        seen.into_iter().for_each(|m| *hits.entry(m).or_default() += 1);
                    }
                    let expected = 400 * count.min(len) / len;
                    assert!(hits.values().all(|n| n.abs_diff(expected) < 60), "{count} {hits:?}");
                }
            }
        }
    }

    #[test]
    fn raw_forms_come_and_go() {
        let mut ints = IntSet::new();
        (0..5).for_each(|n| _ = ints.add(n));
        assert_eq!(Set::from_ints(ints.clone(), &REDIS, 0).ints().map(IntSet::len), Some(5));
        assert_eq!(Set::from_ints(ints, &Limits { intset: 4, ..REDIS }, 0).encoding(), "hashtable");
        let mut pack = Listpack::new();
        ["a", "1", "b"].iter().for_each(|m| pack.push_back(m.as_bytes()));
        let set = Set::from_listpack(pack.clone(), &REDIS, 0).expect("all differ");
        assert_eq!(set.listpack().map(Listpack::len), Some(3));
        let set = Set::from_listpack(pack.clone(), &Limits { entries: 2, ..REDIS }, 0).expect("all differ");
        assert_eq!((set.encoding(), set.len()), ("hashtable", 3));
        pack.push_back(b"1");
        assert!(Set::from_listpack(pack, &REDIS, 0).is_none());
    }
}
