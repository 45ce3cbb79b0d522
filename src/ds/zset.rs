//! The sorted set: a listpack while small; then a dict by member and a counted B+tree by score, under the name `skiplist`.

use super::dict::{Dict, Keyed};
use super::listpack::{self, Elem, Listpack};
use super::short::Short;
use super::tree::{self, Tree};
use crate::base::heap::block;
use crate::base::num::{self, NumBuf};
use crate::base::rng::Rng;
use std::cmp::Ordering;
use std::ops::Range;

pub use super::Limits;

/// A set of members, each with a score that is not NaN, sorted by score and then by the member's bytes.
#[derive(Clone)]
pub struct Zset(Repr);

#[derive(Clone)]
enum Repr {
    /// Member, score, member, score … in order.
    Pack(Listpack),
    Table(Box<Table>),
}

/// What [`Zset::set`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Added,
    Updated,
    Same,
}

/// A point between scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreBound {
    /// Before all members of this score: the start of an inclusive range, the end of an exclusive one.
    Before(f64),
    /// Behind all members of this score.
    After(f64),
}

/// A point between members of one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LexBound<'a> {
    /// Before all members (`-`).
    Min,
    /// Behind all members (`+`).
    Max,
    /// Before this member: the start of an inclusive range, the end of an exclusive one.
    Before(&'a [u8]),
    /// Behind this member.
    After(&'a [u8]),
}

impl Default for Zset {
    fn default() -> Self {
        Zset::new()
    }
}

impl Zset {
    /// Returns an empty set, a listpack.
    pub fn new() -> Self {
        Zset(Repr::Pack(Listpack::new()))
    }

    /// Returns the set that `pack` spells, or `None` unless it is pairs of member and score, in order, each member once. It
    /// becomes a `skiplist` at once when it has more than `limits.entries` members.
    pub fn from_listpack(pack: Listpack, limits: &Limits, seed: u64) -> Option<Self> {
        if !pack_is_sound(&pack) {
            return None;
        }
        let mut set = Zset(Repr::Pack(pack));
        if set.len() > limits.entries {
            set.table(seed);
        }
        Some(set)
    }

    /// Returns the listpack, if it is one: members and scores in turn, as RDB carries them.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Repr::Pack(pack) => Some(pack),
            Repr::Table(_) => None,
        }
    }

    /// Returns the number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Pack(pack) => pack.len() / 2,
            Repr::Table(table) => table.members.len(),
        }
    }

    /// Returns whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what `OBJECT ENCODING` says.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Pack(_) => "listpack",
            Repr::Table(_) => "skiplist",
        }
    }

    /// Returns the score of `member`.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Repr::Pack(pack) => {
                let at = pack.next(pack.find(member, 1, pack.first())?)?;
                Some(score_of(pack.get(at)))
            }
            Repr::Table(table) => table.members.lookup(member).map(|m| m.score),
        }
    }

    /// Gives `member` this score, which must not be NaN, and adds it if it is new. Turns into a `skiplist` when a new member does
    /// not fit `limits`; `seed` is that of its hashes.
    pub fn set(&mut self, member: &[u8], score: f64, limits: &Limits, seed: u64) -> Change {
        debug_assert!(!score.is_nan());
        if let Repr::Pack(pack) = &mut self.0 {
            if let Some(at) = pack.find(member, 1, pack.first()) {
                if pack.next(at).is_some_and(|at| score_of(pack.get(at)) == score) {
                    return Change::Same;
                }
                pack.remove_range(at, 2);
                pack_insert(pack, member, score);
                return Change::Updated;
            }
            if pack.len() / 2 < limits.entries && member.len() <= limits.value && pack.can_add(member.len()) {
                pack_insert(pack, member, score);
                return Change::Added;
            }
        }
        self.table(seed).set(member, score)
    }

    /// Removes `member` and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Repr::Pack(pack) => {
                let at = pack.find(member, 1, pack.first())?;
                let score = score_of(pack.get(pack.next(at)?));
                pack.remove_range(at, 2);
                Some(score)
            }
            Repr::Table(table) => table.remove(member),
        }
    }

    /// Returns how many members are before `member`, or `None` if it is not one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match &self.0 {
            Repr::Pack(pack) => pack.iter().step_by(2).position(|m| m.is(member)),
            Repr::Table(table) => {
                let id = table.members.find(member)?;
                let order = by_entry(&table.members, id);
                Some(table.order.rank_of(|e| order(e) == Ordering::Less))
            }
        }
    }

    /// Returns how many members are before `bound`: the rank at which a range that starts or ends there does so.
    pub fn count_below(&self, bound: ScoreBound) -> usize {
        let below = |score: f64| match bound {
            ScoreBound::Before(at) => score < at,
            ScoreBound::After(at) => score <= at,
        };
        match &self.0 {
            Repr::Pack(_) => self.iter().take_while(|(_, score)| below(*score)).count(),
            Repr::Table(table) => table.order.rank_of(|e| below(e.score)),
        }
    }

    /// Returns how many members are before `bound` by their bytes. Means something only while all scores are equal.
    pub fn count_lex_below(&self, bound: &LexBound) -> usize {
        let below = |member: &[u8]| match bound {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Before(at) => member < *at,
            LexBound::After(at) => member <= *at,
        };
        match &self.0 {
            Repr::Pack(_) => self.iter().take_while(|(member, _)| member.with(below)).count(),
            Repr::Table(table) => table.order.rank_of(|e| below(&table.members.get(e.id).bytes)),
        }
    }

    /// Returns the members of these ranks in order, from either end. Ranks that do not exist are left out.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        let start = ranks.start.min(end);
        match &self.0 {
            Repr::Pack(pack) => Iter(Walk::Pack {
                front: pack.at(start as i64 * 2).map_or(pack.iter(), |at| pack.iter_from(at)),
                back: pack.at((end as i64 * 2 - 1).max(0)).map_or(pack.iter(), |at| pack.iter_through(at)),
                left: end - start,
            }),
            Repr::Table(table) => Iter(Walk::Table { members: &table.members, order: table.order.range(start..end) }),
        }
    }

    /// Returns the members of these ranks (counted from the lowest, as in [`Zset::range`]), the highest first.
    pub fn range_rev(&self, ranks: Range<usize>) -> std::iter::Rev<Iter<'_>> {
        self.range(ranks).rev()
    }

    /// Returns all members in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..usize::MAX)
    }

    /// Removes the members of these ranks and passes each to `f`, in order. Ranks that do not exist are left out.
    pub fn remove_range(&mut self, ranks: Range<usize>, mut f: impl FnMut(Elem, f64)) {
        let end = ranks.end.min(self.len());
        if ranks.start >= end {
            return;
        }
        self.range(ranks.start..end).for_each(|(member, score)| f(member, score));
        match &mut self.0 {
            Repr::Pack(pack) => {
                if let Some(at) = pack.at(ranks.start as i64 * 2) {
                    pack.remove_range(at, (end - ranks.start) * 2);
                }
            }
            Repr::Table(table) => table.remove_range(ranks.start..end),
        }
    }

    /// Returns a member, each being equally likely, or `None` when there is none.
    pub fn random(&self, rng: &mut Rng) -> Option<(Elem<'_>, f64)> {
        match &self.0 {
            Repr::Pack(pack) => {
                let at = pack.at(rng.below(pack.len() / 2) as i64 * 2)?;
                Some((pack.get(at), score_of(pack.get(pack.next(at)?))))
            }
            Repr::Table(table) => {
                let member = table.members.get(table.members.random(rng)?);
                Some((Elem::Str(&member.bytes), member.score))
            }
        }
    }

    /// Passes up to `count` members to `f` and returns the next cursor, with the promise of [`Dict::scan`]. A listpack passes all at once.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Elem, f64)) -> u64 {
        match &self.0 {
            Repr::Pack(_) => {
                self.iter().for_each(|(member, score)| f(member, score));
                0
            }
            Repr::Table(table) => table.members.scan(cursor, count, |m| f(Elem::Str(&m.bytes), m.score)),
        }
    }

    /// Makes room for `n` members in all; more than `limits.entries` turn the set into a `skiplist` now rather than on the way.
    pub fn reserve(&mut self, n: usize, limits: &Limits, seed: u64) {
        if n > limits.entries {
            self.table(seed).members.reserve(n);
        }
    }

    /// Turns into a listpack if the set fits `limits`, as Redis does with results that it stores. Never happens by itself.
    pub fn compact(&mut self, limits: &Limits) {
        let Repr::Table(table) = &self.0 else { return };
        let fits = |m: &Member| m.bytes.len() <= limits.value;
        let bytes: usize = table.members.iter().map(|m| m.bytes.len()).sum();
        if self.len() > limits.entries || !table.members.iter().all(fits) || bytes > listpack::MAX_BYTES / 2 {
            return;
        }
        let mut pack = Listpack::with_capacity(bytes + 8 * self.len() + listpack::EMPTY_BYTES);
        for (member, score) in self.iter() {
            member.with(|m| pack.push_back(m));
            pack.push_back(score_text(score, &mut [0; 40]));
        }
        pack.shrink_to_fit();
        self.0 = Repr::Pack(pack);
    }

    /// Returns the bytes on the heap. Takes a step per hundred members.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Pack(pack) => pack.heap_bytes(),
            Repr::Table(table) => {
                block(size_of::<Table>()) + table.members.heap_bytes() + table.order.heap_bytes() + table.long_bytes
            }
        }
    }

    /// Frees about `count` elements of a sorted set that nobody will look into any more. Returns whether some are left.
    pub fn wither(&mut self, count: usize) -> bool {
        let Repr::Table(table) = &mut self.0 else { return false };
        table.members.wither(count, drop)
    }

    /// Returns the table, which a listpack turns into.
    fn table(&mut self, seed: u64) -> &mut Table {
        if let Repr::Pack(_) = &self.0 {
            let mut table = Table { members: Dict::new(seed), order: Tree::new(), long_bytes: 0 };
            let (mut ranked, len) = (Vec::with_capacity(self.len()), self.len());
            table.members.reserve(len + 1);
            for (member, score) in self.iter() {
                let id = member.with(|m| table.add_member(m, score));
                ranked.push(Ranked { score, id });
            }
            table.order = Tree::from_sorted(ranked);
            self.0 = Repr::Table(Box::new(table));
        }
        match &mut self.0 {
            Repr::Table(table) => table,
            Repr::Pack(_) => unreachable!("it has just been replaced"),
        }
    }
}

/// The members of a [`Zset`] with their scores; from either end.
#[derive(Clone)]
pub struct Iter<'a>(Walk<'a>);

#[derive(Clone)]
enum Walk<'a> {
    Pack { front: listpack::Iter<'a>, back: listpack::Iter<'a>, left: usize },
    Table { members: &'a Dict<Member>, order: tree::Iter<'a, Ranked> },
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Elem<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Pack { front, left, .. } => {
                *left = left.checked_sub(1)?;
                Some((front.next()?, score_of(front.next()?)))
            }
            Walk::Table { members, order } => order.next().map(|e| (Elem::Str(&members.get(e.id).bytes), e.score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Walk::Pack { left, .. } => *left,
            Walk::Table { order, .. } => order.len(),
        };
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Pack { back, left, .. } => {
                *left = left.checked_sub(1)?;
                let score = score_of(back.next_back()?);
                Some((back.next_back()?, score))
            }
            Walk::Table { members, order } => order.next_back().map(|e| (Elem::Str(&members.get(e.id).bytes), e.score)),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Members by name, and the order of their ids. A removal gives the last member the removed one's id, so its place in the
/// order is looked up and corrected: in return an entry of the order takes 12 bytes, and a short member needs no allocation.
#[derive(Clone)]
struct Table {
    members: Dict<Member>,
    order: Tree<Ranked>,
    /// Bytes of members too long to be kept in place.
    long_bytes: usize,
}

#[derive(Clone)]
struct Member {
    bytes: Short,
    score: f64,
}

/// Packed to 12 bytes: alignment would add a third to the order's memory.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
struct Ranked {
    score: f64,
    id: u32,
}

impl Keyed for Member {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.bytes
    }
}

impl Table {
    fn set(&mut self, member: &[u8], score: f64) -> Change {
        let Some(id) = self.members.find(member) else {
            let id = self.add_member(member, score);
            self.order_insert(id, member, score);
            return Change::Added;
        };
        if self.members.get(id).score == score {
            return Change::Same;
        }
        self.order.remove(by_entry(&self.members, id)).expect("each member has its place in the order");
        self.members.get_mut(id).score = score;
        self.order_insert(id, member, score);
        Change::Updated
    }

    fn add_member(&mut self, member: &[u8], score: f64) -> u32 {
        let bytes = Short::new(member);
        self.long_bytes += bytes.heap_bytes();
        self.members.insert(Member { bytes, score })
    }

    fn order_insert(&mut self, id: u32, member: &[u8], score: f64) {
        let members = &self.members;
        self.order.insert(Ranked { score, id }, |e| {
            compare(e.score, score).then_with(|| members.get(e.id).bytes.cmp(member))
        });
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.members.hash(member);
        let id = self.members.find_hashed(hash, member)?;
        self.order.remove(by_entry(&self.members, id)).expect("each member has its place in the order");
        Some(self.remove_member(id))
    }

    /// Removes the member, which has left the order already, and tells the order about the one that takes its id.
    fn remove_member(&mut self, id: u32) -> f64 {
        let last = (self.members.len() - 1) as u32;
        if id != last {
            let moved = Ranked { score: self.members.get(last).score, id };
            self.order.replace(moved, by_entry(&self.members, last)).expect("each member has its place in the order");
        }
        let member = self.members.remove(id).entry;
        self.long_bytes -= member.bytes.heap_bytes();
        member.score
    }

    fn remove_range(&mut self, ranks: Range<usize>) {
        let mut ids = Vec::with_capacity(ranks.len());
        self.order.remove_range(ranks, |e| ids.push(e.id));
        // From the highest id on, so that the last member, which moves, is never one that is still to be removed.
        ids.sort_unstable_by(|a, b| b.cmp(a));
        let before = self.members.len();
        if ids.len() < before / 16 {
            ids.into_iter().for_each(|id| _ = self.remove_member(id));
            return;
        }
        // So many that one walk over the whole order is cheaper than a correction for each.
        let mut origin: Vec<u32> = (0..before as u32).collect();
        for id in ids {
            let removed = self.members.remove(id);
            self.long_bytes -= removed.entry.bytes.heap_bytes();
            if let Some(from) = removed.moved_from {
                origin[id as usize] = origin[from as usize];
            }
        }
        let mut now = vec![0; before];
        for id in 0..self.members.len() as u32 {
            now[origin[id as usize] as usize] = id;
        }
        self.order.update_all(|e| e.id = now[e.id as usize]);
    }
}

/// Returns the comparison of entries of the order with that of member `id`.
#[inline]
fn by_entry(members: &Dict<Member>, id: u32) -> impl Fn(&Ranked) -> Ordering {
    let sought = members.get(id);
    move |e| {
        compare(e.score, sought.score)
            .then_with(|| if e.id == id { Ordering::Equal } else { members.get(e.id).bytes.cmp(&sought.bytes) })
    }
}

/// Compares scores, of which none is NaN. The two zeros are equal.
#[inline]
fn compare(a: f64, b: f64) -> Ordering {
    if a < b {
        Ordering::Less
    } else if a > b {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

/// Returns the score that a listpack element spells. Only sound listpacks get this far.
#[inline]
fn score_of(elem: Elem) -> f64 {
    match elem {
        Elem::Int(n) => n as f64,
        Elem::Str(text) => num::parse_f64(text).unwrap_or(0.0),
    }
}

/// Returns the text of a score in a listpack: an integer where it is one (so -0 becomes 0, as in Redis), else the shortest decimal.
fn score_text(score: f64, buf: &mut NumBuf) -> &[u8] {
    num::fmt_f64(if score == 0.0 { 0.0 } else { score }, buf)
}

/// Inserts a pair in its place.
fn pack_insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let mut buf = [0; 40];
    let text = score_text(score, &mut buf);
    let mut next = pack.first();
    while let Some(at) = next {
        let Some(score_at) = pack.next(at) else { break };
        let order = compare(score_of(pack.get(score_at)), score).then_with(|| pack.get(at).cmp_bytes(member));
        if order == Ordering::Greater {
            let at = pack.insert_before(at, member);
            pack.insert_after(at, text);
            return;
        }
        next = pack.next(score_at);
    }
    pack.push_back(member);
    pack.push_back(text);
}

/// Returns whether a listpack from outside is pairs of member and score, sorted, each member once.
fn pack_is_sound(pack: &Listpack) -> bool {
    if !pack.len().is_multiple_of(2) {
        return false;
    }
    let scores = pack.iter().skip(1).step_by(2);
    if !scores.clone().all(|e| matches!(e, Elem::Int(_)) || e.with(|text| num::parse_f64(text).is_some())) {
        return false;
    }
    let members: Vec<Vec<u8>> = pack.iter().step_by(2).map(Elem::to_vec).collect();
    let scores: Vec<f64> = scores.map(score_of).collect();
    let sorted = (1..members.len())
        .all(|i| compare(scores[i - 1], scores[i]).then_with(|| members[i - 1].cmp(&members[i])) == Ordering::Less);
    sorted && super::all_different(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const SMALL: Limits = Limits { entries: 8, value: 12 };

    /// Returns members and scores in order.
    fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> = model.iter().map(|(m, s)| (m.clone(), *s)).collect();
        all.sort_by(|a, b| compare(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
        all
    }

    fn owned(item: (Elem, f64)) -> (Vec<u8>, f64) {
        (item.0.to_vec(), item.1)
    }

    fn check(set: &Zset, model: &BTreeMap<Vec<u8>, f64>, rng: &mut Rng) {
        let want = sorted(model);
        assert_eq!(set.len(), want.len());
        assert_eq!(set.iter().map(owned).collect::<Vec<_>>(), want);
        assert!(set.iter().rev().map(owned).eq(want.iter().rev().cloned()));
        for (rank, (member, score)) in want.iter().enumerate() {
            assert_eq!((set.rank(member), set.score(member)), (Some(rank), Some(*score)));
        }
        let start = rng.below(want.len() + 2);
        let end = start + rng.below(want.len() + 2);
        let part = &want[start.min(want.len())..end.min(want.len())];
        assert!(set.range(start..end).map(owned).eq(part.iter().cloned()));
        assert!(set.range_rev(start..end).map(owned).eq(part.iter().rev().cloned()));
        let bound = want.get(start).map_or(0.5, |w| w.1);
        assert_eq!(set.count_below(ScoreBound::Before(bound)), want.iter().filter(|w| w.1 < bound).count());
        assert_eq!(set.count_below(ScoreBound::After(bound)), want.iter().filter(|w| w.1 <= bound).count());
        if let Repr::Table(table) = &set.0 {
            assert_eq!(table.long_bytes, want.iter().map(|w| w.0.len()).filter(|n| *n > 15).map(block).sum::<usize>());
        }
    }

    fn random_score(rng: &mut Rng) -> f64 {
        match rng.below(10) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2 => -0.0,
            3 => rng.f64() * 1e300,
            4..=6 => rng.below(5) as f64,
            _ => rng.f64() - 0.5,
        }
    }

    fn random_member(rng: &mut Rng, kinds: usize) -> Vec<u8> {
        let n = rng.below(kinds);
        match n % 4 {
            0 => n.to_string().into_bytes(),
            1 => format!("member {n} that is too long to be kept in place").into_bytes(),
            _ => format!("m{n}").into_bytes(),
        }
    }

    #[test]
    fn does_what_a_sorted_map_does() {
        let mut rng = Rng::new(11);
        for (kinds, operations, limits) in [
            (12, 1_500, Limits { entries: 128, value: 64 }),
            (12, 1_500, SMALL),
            (600, 6_000, Limits { entries: 20, value: 64 }),
            (4_000, 20_000, Limits { entries: 0, value: 64 }),
        ] {
            let (mut set, mut model) = (Zset::new(), BTreeMap::new());
            for step in 0..operations {
                let member = random_member(&mut rng, kinds);
                let growing = step * 4 / operations % 2 == 0;
                if rng.below(10) < if growing { 8 } else { 3 } {
                    let score = random_score(&mut rng);
                    let change = set.set(&member, score, &limits, 3);
                    assert_eq!(
                        change,
                        match model.insert(member, score) {
                            None => Change::Added,
                            Some(old) if old == score => Change::Same,
                            Some(_) => Change::Updated,
                        }
                    );
                } else {
                    assert_eq!(set.remove(&member), model.remove(&member));
                }
                if step % (operations / 40) == 0 {
                    check(&set, &model, &mut rng);
                    let start = rng.below(model.len() + 1);
                    let end = start + if rng.below(3) == 0 { rng.below(model.len() + 1) } else { rng.below(4) };
                    let mut removed = Vec::new();
                    set.remove_range(start..end, |m, s| removed.push((m.to_vec(), s)));
                    for (member, score) in sorted(&model).drain(start..end.min(model.len())) {
                        assert_eq!(removed.remove(0), (member.clone(), score));
                        model.remove(&member);
                    }
                    assert!(removed.is_empty());
                    check(&set, &model, &mut rng);
                }
            }
            set.compact(&Limits { entries: usize::MAX, value: 1_000 });
            assert_eq!(set.encoding(), "listpack");
            check(&set, &model, &mut rng);
            let pack = set.listpack().cloned().unwrap_or_default();
            let copy = Zset::from_listpack(pack, &limits, 8).expect("its own listpack is sound");
            check(&copy, &model, &mut rng);
            check(&copy.clone(), &model, &mut rng);
        }
    }

    #[test]
    fn turns_into_a_skiplist_by_number_and_by_length_and_never_back() {
        let (mut set, limits) = (Zset::new(), Limits { entries: 2, value: 5 });
        set.set(b"a", 1.0, &limits, 0);
        set.set(b"b", 2.0, &limits, 0);
        set.set(b"b", 3.0, &limits, 0);
        assert_eq!(set.encoding(), "listpack");
        set.set(b"c", 3.0, &limits, 0);
        assert_eq!(set.encoding(), "skiplist");
        set.remove(b"c");
        assert_eq!(set.encoding(), "skiplist");
        set.compact(&Limits { entries: 2, value: 0 });
        assert_eq!(set.encoding(), "skiplist");
        set.compact(&limits);
        assert_eq!(set.encoding(), "listpack");
        set.set(b"longer", 0.0, &Limits { entries: 9, value: 5 }, 0);
        assert_eq!(set.encoding(), "skiplist");
    }

    #[test]
    fn cuts_by_bytes() {
        for entries in [0, 100] {
            let mut set = Zset::new();
            for member in ["a", "b", "10", "c", "cc"] {
                set.set(member.as_bytes(), 7.0, &Limits { entries, value: 64 }, 0);
            }
            for (bound, want) in [
                (LexBound::Min, 0),
                (LexBound::Max, 5),
                (LexBound::Before(b"b"), 2),
                (LexBound::After(b"b"), 3),
                (LexBound::Before(b"1"), 0),
                (LexBound::After(b"cb"), 4),
            ] {
                assert_eq!(set.count_lex_below(&bound), want, "{bound:?}");
            }
        }
    }

    #[test]
    fn a_listpack_from_outside_is_checked() {
        let parse = |elements: &[&str]| {
            let mut pack = Listpack::new();
            elements.iter().for_each(|e| pack.push_back(e.as_bytes()));
            Zset::from_listpack(pack, &SMALL, 0).is_some()
        };
        assert!(parse(&[]) && parse(&["a", "1", "b", "1", "a2", "0.5e1"]) && parse(&["a", "-inf", "b", "inf"]));
        for bad in [
            &["a"][..],
            &["a", "x"],
            &["a", "nan"],
            &["b", "1", "a", "1"],
            &["a", "2", "b", "1"],
            &["a", "1", "a", "2"],
            &["a", "1", "a", "1"],
        ] {
            assert!(!parse(bad), "{bad:?}");
        }
    }

    #[test]
    fn scans_and_draws_every_member() {
        let mut rng = Rng::new(2);
        for count in [0, 5, 700] {
            let mut set = Zset::new();
            for n in 0..count {
                set.set(n.to_string().as_bytes(), n as f64, &SMALL, 0);
            }
            let (mut seen, mut drawn, mut cursor) = (BTreeMap::new(), BTreeMap::new(), 0);
            loop {
                cursor = set.scan(cursor, 10, |m, s| _ = seen.insert(m.to_vec(), s));
                if cursor == 0 {
                    break;
                }
            }
            for _ in 0..count * 15 {
                let (member, score) = set.random(&mut rng).expect("it is not empty");
                assert_eq!(set.score(&member.to_vec()), Some(score));
                drawn.insert(member.to_vec(), score);
            }
            assert_eq!((seen.len(), &seen), (count, &drawn));
            assert_eq!(set.random(&mut rng).is_none(), count == 0);
        }
    }
}
