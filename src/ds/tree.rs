//! A counted B+tree: a sorted sequence with rank, insert and remove in O(log n), for small entries that the caller knows how to compare.
//!
//! Leaves hold up to [`LEAF`] entries; inner nodes hold, for each child, its smallest entry and how many entries it has. All
//! methods take closures for the order, so an entry may be a mere reference to what is compared. Entries kept in inner nodes
//! are copies of entries that are in the tree at that time, so such a reference never dangles.

use crate::base::heap::{block, of_vec};
use std::cmp::Ordering;

/// A sorted sequence of `E`; see the module's head. Entries that compare equal may only exist if the caller never looks for them by order.
#[derive(Clone)]
pub struct Tree<E> {
    root: Node<E>,
}

#[derive(Clone)]
enum Node<E> {
    Leaf(Vec<E>),
    Inner(Box<Inner<E>>),
}

/// `first[i]` is the smallest entry of `kids[i]`, `counts[i]` the number of entries in it. All kids have the same height.
#[derive(Clone)]
struct Inner<E> {
    first: Vec<E>,
    counts: Vec<u32>,
    kids: Vec<Node<E>>,
}

/// Most entries of a leaf.
const LEAF: usize = 128;
/// Most children of an inner node.
const FANOUT: usize = 64;

impl<E: Copy> Default for Tree<E> {
    fn default() -> Self {
        Tree::new()
    }
}

impl<E: Copy> Tree<E> {
    /// Returns an empty tree. Allocates nothing.
    pub const fn new() -> Self {
        Tree { root: Node::Leaf(Vec::new()) }
    }

    /// Returns a tree of entries that come in order. Its leaves are nearly full.
    pub fn from_sorted(entries: impl IntoIterator<Item = E>) -> Self {
        // Room for some inserts before the first splits; the same share for inner nodes.
        let mut entries = entries.into_iter().peekable();
        let mut level = Vec::new();
        while entries.peek().is_some() {
            let mut leaf = Vec::with_capacity(entries.size_hint().0.clamp(4, LEAF * 15 / 16));
            leaf.extend(entries.by_ref().take(LEAF * 15 / 16));
            level.push(Node::Leaf(leaf));
        }
        while level.len() > 1 {
            let mut kids = level.into_iter().peekable();
            level = Vec::new();
            while kids.peek().is_some() {
                level.push(Node::Inner(Box::new(Inner::over(kids.by_ref().take(FANOUT * 15 / 16)))));
            }
        }
        Tree { root: level.pop().unwrap_or(Node::Leaf(Vec::new())) }
    }

    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.root.count()
    }

    /// Returns whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Inserts `entry` and returns its rank. `order` compares a given entry of the tree with it. The order among equals is open.
    pub fn insert(&mut self, entry: E, order: impl Fn(&E) -> Ordering) -> usize {
        let (rank, right) = self.root.insert(entry, &|e| order(e) == Ordering::Less, true, true);
        if let Some(right) = right {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner(Box::new(Inner::over([left, right])));
        }
        rank
    }

    /// Removes the entry for which `order` returns `Equal`, and returns it, or `None` when there is none.
    pub fn remove(&mut self, order: impl Fn(&E) -> Ordering) -> Option<E> {
        let removed = self.root.remove(&order)?;
        self.lower_root();
        Some(removed)
    }

    /// Returns the entry for which `order` returns `Equal`.
    pub fn find(&self, order: impl Fn(&E) -> Ordering) -> Option<E> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(entries) => return entries.binary_search_by(&order).ok().map(|at| entries[at]),
                Node::Inner(inner) => node = &inner.kids[inner.kid_of(&order)?],
            }
        }
    }

    /// Puts `entry` in the place of the one for which `order` returns `Equal`, and returns the old one. The new one must belong there.
    pub fn replace(&mut self, entry: E, order: impl Fn(&E) -> Ordering) -> Option<E> {
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by(&order).ok()?;
                    return Some(std::mem::replace(&mut entries[at], entry));
                }
                Node::Inner(inner) => {
                    let kid = inner.kid_of(&order)?;
                    if order(&inner.first[kid]) == Ordering::Equal {
                        inner.first[kid] = entry;
                    }
                    node = &mut inner.kids[kid];
                }
            }
        }
    }

    /// Returns how many entries satisfy `pred`, which must hold for all entries up to some point and for none after it.
    pub fn rank_of(&self, pred: impl Fn(&E) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(entries) => return rank + entries.partition_point(&pred),
                Node::Inner(inner) => {
                    let Some(kid) = inner.first.partition_point(&pred).checked_sub(1) else { return rank };
                    rank += inner.counts[..kid].iter().map(|n| *n as usize).sum::<usize>();
                    node = &inner.kids[kid];
                }
            }
        }
    }

    /// Returns the entry with `rank` smaller ones before it.
    #[inline]
    pub fn get(&self, rank: usize) -> Option<E> {
        let (leaf, at) = self.leaf_at(rank);
        leaf.get(at).copied()
    }

    /// Returns the entries of the given ranks in order, from either end. Ranks that do not exist are left out.
    pub fn range(&self, ranks: std::ops::Range<usize>) -> Iter<'_, E> {
        let end = ranks.end.min(self.len());
        Iter { tree: self, start: ranks.start.min(end), end, front: &[], back: &[] }
    }

    /// Returns the entries from the given rank on.
    pub fn iter_from(&self, rank: usize) -> Iter<'_, E> {
        self.range(rank..usize::MAX)
    }

    /// Returns all entries.
    pub fn iter(&self) -> Iter<'_, E> {
        self.iter_from(0)
    }

    /// Removes the entries of the given ranks, passing each to `f` in order. Takes whole leaves and subtrees at once.
    pub fn remove_range(&mut self, ranks: std::ops::Range<usize>, mut f: impl FnMut(E)) {
        let end = ranks.end.min(self.len());
        if ranks.start < end {
            self.root.remove_range(ranks.start, end, &mut f);
            self.lower_root();
        }
    }

    /// Passes every entry to `f`, in no particular order and possibly several times by way of copies, to be changed in place. A change
    /// must be the same for equal entries and keep the order.
    pub fn update_all(&mut self, mut f: impl FnMut(&mut E)) {
        self.root.update_all(&mut f);
    }

    /// Removes all entries and frees all memory.
    pub fn clear(&mut self) {
        *self = Tree::new();
    }

    /// Returns the bytes of all nodes. Takes a step per leaf.
    pub fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }

    /// Returns the leaf that holds `rank`, and its place there. For ranks that do not exist the place is behind the leaf's end.
    #[inline]
    fn leaf_at(&self, mut rank: usize) -> (&[E], usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(entries) => return (entries, rank),
                Node::Inner(inner) => {
                    let (kid, before) = inner.kid_at(rank);
                    rank -= before;
                    node = &inner.kids[kid];
                }
            }
        }
    }

    /// Removes levels that removals left without a choice.
    fn lower_root(&mut self) {
        while let Node::Inner(inner) = &mut self.root {
            match inner.kids.len() {
                0 => self.root = Node::Leaf(Vec::new()),
                1 => {
                    let only = inner.kids.pop().expect("there is one");
                    self.root = only;
                }
                _ => break,
            }
        }
    }
}

/// The entries of a range of ranks. Finds the next leaf by its rank, a short descent per few hundred entries, so leaves need no links.
#[derive(Clone)]
pub struct Iter<'a, E> {
    tree: &'a Tree<E>,
    start: usize,
    end: usize,
    /// What is left of the leaf that holds `start`, and of the one that holds `end - 1`.
    front: &'a [E],
    back: &'a [E],
}

impl<E: Copy> Iterator for Iter<'_, E> {
    type Item = E;

    #[inline]
    fn next(&mut self) -> Option<E> {
        if self.start >= self.end {
            return None;
        }
        if self.front.is_empty() {
            let (leaf, at) = self.tree.leaf_at(self.start);
            self.front = &leaf[at..];
        }
        let (first, rest) = self.front.split_first()?;
        self.front = rest;
        self.start += 1;
        Some(*first)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.start, Some(self.end - self.start))
    }

    /// Skips in O(log n).
    fn nth(&mut self, n: usize) -> Option<E> {
        self.start = self.start.saturating_add(n).min(self.end);
        self.front = self.front.get(n..).unwrap_or(&[]);
        self.next()
    }
}

impl<E: Copy> DoubleEndedIterator for Iter<'_, E> {
    #[inline]
    fn next_back(&mut self) -> Option<E> {
        if self.start >= self.end {
            return None;
        }
        if self.back.is_empty() {
            let (leaf, at) = self.tree.leaf_at(self.end - 1);
            self.back = &leaf[..=at];
        }
        let (last, rest) = self.back.split_last()?;
        self.back = rest;
        self.end -= 1;
        Some(*last)
    }
}

impl<E: Copy> ExactSizeIterator for Iter<'_, E> {}

impl<E: Copy> Node<E> {
    fn count(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Inner(inner) => inner.counts.iter().map(|n| *n as usize).sum(),
        }
    }

    /// Returns the number of entries or kids, and how many there may be.
    fn fill(&self) -> (usize, usize) {
        match self {
            Node::Leaf(entries) => (entries.len(), LEAF),
            Node::Inner(inner) => (inner.kids.len(), FANOUT),
        }
    }

    /// Returns the smallest entry. The node must not be empty.
    #[inline]
    fn min(&self) -> E {
        match self {
            Node::Leaf(entries) => entries[0],
            Node::Inner(inner) => inner.first[0],
        }
    }

    /// Inserts `entry` behind all for which `less` holds. Returns its rank and, if the node had to split, the new right half.
    /// `leftmost` and `rightmost` say whether nothing is before or behind this node: ascending and descending inserts leave full leaves.
    fn insert(
        &mut self,
        entry: E,
        less: &impl Fn(&E) -> bool,
        leftmost: bool,
        rightmost: bool,
    ) -> (usize, Option<Node<E>>) {
        match self {
            Node::Leaf(entries) => {
                let at = entries.partition_point(less);
                (at, insert_into_leaf(entries, at, entry, leftmost, rightmost).map(Node::Leaf))
            }
            Node::Inner(inner) => {
                let below = inner.first.partition_point(less);
                let kid = below.saturating_sub(1);
                let last = kid + 1 == inner.kids.len();
                let (rank, right) = inner.kids[kid].insert(entry, less, leftmost && kid == 0, rightmost && last);
                let rank = rank + inner.counts[..kid].iter().map(|n| *n as usize).sum::<usize>();
                if below == 0 {
                    inner.first[0] = entry;
                }
                inner.counts[kid] += 1;
                let right = right.and_then(|right| {
                    inner.counts[kid] = inner.kids[kid].count() as u32;
                    inner.add(kid + 1, right, rightmost)
                });
                (rank, right.map(|r| Node::Inner(Box::new(r))))
            }
        }
    }

    fn remove(&mut self, order: &impl Fn(&E) -> Ordering) -> Option<E> {
        match self {
            Node::Leaf(entries) => {
                let at = entries.binary_search_by(order).ok()?;
                let removed = entries.remove(at);
                give_back(entries);
                Some(removed)
            }
            Node::Inner(inner) => {
                let kid = inner.kid_of(order)?;
                let removed = inner.kids[kid].remove(order)?;
                inner.counts[kid] -= 1;
                inner.settle(kid);
                Some(removed)
            }
        }
    }

    /// Removes ranks `start..end`, which exist.
    fn remove_range(&mut self, start: usize, end: usize, f: &mut impl FnMut(E)) {
        match self {
            Node::Leaf(entries) => {
                entries.drain(start..end).for_each(f);
                give_back(entries);
            }
            Node::Inner(inner) => {
                let (mut before, mut touched) = (0, None);
                for (at, kid) in inner.kids.iter_mut().enumerate() {
                    let count = inner.counts[at] as usize;
                    let (from, to) = (start.max(before), end.min(before + count));
                    if from < to {
                        kid.remove_range(from - before, to - before, f);
                        inner.counts[at] -= (to - from) as u32;
                        touched = touched.or(Some(at));
                    }
                    before += count;
                }
                inner.drop_empty();
                // At most two kids lost a part of their entries, and they are neighbours now.
                let touched = touched.expect("a rank that exists is in some kid");
                inner.settle(touched + 1);
                inner.settle(touched);
            }
        }
    }

    fn update_all(&mut self, f: &mut impl FnMut(&mut E)) {
        match self {
            Node::Leaf(entries) => entries.iter_mut().for_each(f),
            Node::Inner(inner) => {
                inner.first.iter_mut().for_each(&mut *f);
                inner.kids.iter_mut().for_each(|kid| kid.update_all(f));
            }
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Node::Leaf(entries) => of_vec(entries),
            Node::Inner(inner) => {
                block(size_of::<Inner<E>>())
                    + of_vec(&inner.first)
                    + of_vec(&inner.counts)
                    + of_vec(&inner.kids)
                    + inner.kids.iter().map(Node::heap_bytes).sum::<usize>()
            }
        }
    }
}

impl<E: Copy> Inner<E> {
    fn over(kids: impl IntoIterator<Item = Node<E>>) -> Self {
        let kids: Vec<_> = kids.into_iter().collect();
        let first = kids.iter().map(Node::min).collect();
        Inner { first, counts: kids.iter().map(|k| k.count() as u32).collect(), kids }
    }

    /// Returns the kid that has the entry sought by `order`, if any has.
    fn kid_of(&self, order: &impl Fn(&E) -> Ordering) -> Option<usize> {
        self.first.partition_point(|e| order(e) != Ordering::Greater).checked_sub(1)
    }

    /// Returns the kid that holds `rank`, and how many entries are before it. The last kid holds the ranks that do not exist.
    fn kid_at(&self, rank: usize) -> (usize, usize) {
        let mut before = 0;
        for (kid, count) in self.counts.iter().enumerate() {
            if rank < before + *count as usize {
                return (kid, before);
            }
            before += *count as usize;
        }
        let last = self.counts.len() - 1;
        (last, before - self.counts[last] as usize)
    }

    /// Adds `kid` at place `at`; returns the right half of this node if it had to split.
    fn add(&mut self, at: usize, kid: Node<E>, rightmost: bool) -> Option<Inner<E>> {
        let mut right = None;
        if self.kids.len() == FANOUT {
            let cut = if rightmost && at == FANOUT { FANOUT } else { FANOUT / 2 };
            right = Some(Inner {
                first: self.first.split_off(cut),
                counts: self.counts.split_off(cut),
                kids: self.kids.split_off(cut),
            });
        }
        let (node, at) = match &mut right {
            Some(right) if at > self.kids.len() || right.kids.is_empty() => (right, at - self.kids.len()),
            _ => (self, at),
        };
        node.first.insert(at, kid.min());
        node.counts.insert(at, kid.count() as u32);
        node.kids.insert(at, kid);
        right
    }

    fn take(&mut self, kid: usize) -> Node<E> {
        self.first.remove(kid);
        self.counts.remove(kid);
        self.kids.remove(kid)
    }

    fn drop_empty(&mut self) {
        let mut at = 0;
        self.kids.retain(|_| {
            at += 1;
            self.counts[at - 1] > 0
        });
        at = 0;
        self.first.retain(|_| {
            at += 1;
            self.counts[at - 1] > 0
        });
        self.counts.retain(|n| *n > 0);
    }

    /// Makes `kid`, if it exists, proper again after it lost entries: drops it when empty, merges it with a neighbour when it is nearly so.
    fn settle(&mut self, kid: usize) {
        if kid >= self.kids.len() {
            return;
        }
        if self.counts[kid] == 0 {
            self.take(kid);
            return;
        }
        self.first[kid] = self.kids[kid].min();
        let (fill, most) = self.kids[kid].fill();
        if fill >= most / 4 {
            return;
        }
        // The sum stays below the most, so that the next insert does not split it again.
        let fits = |other: usize| self.kids.get(other).is_some_and(|k| k.fill().0 + fill <= most * 3 / 4);
        if fits(kid + 1) {
            self.merge(kid);
        } else if kid > 0 && fits(kid - 1) {
            self.merge(kid - 1);
        }
    }

    /// Moves all of the kid behind `left` into it.
    fn merge(&mut self, left: usize) {
        let count = self.counts[left + 1];
        match (self.take(left + 1), &mut self.kids[left]) {
            (Node::Leaf(mut right), Node::Leaf(left)) => {
                left.reserve_exact(right.len());
                left.append(&mut right);
            }
            (Node::Inner(mut right), Node::Inner(left)) => {
                left.first.append(&mut right.first);
                left.counts.append(&mut right.counts);
                left.kids.append(&mut right.kids);
            }
            _ => unreachable!("all kids have the same height"),
        }
        self.counts[left] += count;
    }
}

/// Inserts at `at`, and returns the right half if the leaf had to split.
fn insert_into_leaf<E: Copy>(
    entries: &mut Vec<E>,
    at: usize,
    entry: E,
    leftmost: bool,
    rightmost: bool,
) -> Option<Vec<E>> {
    if entries.len() < LEAF {
        make_room(entries);
        entries.insert(at, entry);
        return None;
    }
    if rightmost && at == LEAF {
        return Some(vec![entry]);
    }
    if leftmost && at == 0 {
        return Some(std::mem::replace(entries, vec![entry]));
    }
    let mut right = Vec::with_capacity(LEAF / 2 + LEAF / 8);
    right.extend_from_slice(&entries[LEAF / 2..]);
    entries.truncate(LEAF / 2);
    entries.shrink_to(LEAF / 2 + LEAF / 8);
    if at <= LEAF / 2 {
        entries.insert(at, entry)
    } else {
        right.insert(at - LEAF / 2, entry)
    }
    Some(right)
}

/// Grows a full leaf by a quarter, at most 16 entries: doubling would leave a third of all leaf memory unused.
#[inline]
fn make_room<E>(entries: &mut Vec<E>) {
    if entries.len() == entries.capacity() {
        entries.reserve_exact((entries.len() / 4).clamp(4, LEAF / 8).min(LEAF - entries.len()));
    }
}

/// Frees memory that a leaf no longer needs.
#[inline]
fn give_back<E>(entries: &mut Vec<E>) {
    if entries.capacity() - entries.len() > LEAF / 4 + 8 || entries.is_empty() {
        entries.shrink_to(entries.len() + if entries.is_empty() { 0 } else { LEAF / 8 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn insert(tree: &mut Tree<u64>, n: u64) -> usize {
        tree.insert(n, |e| e.cmp(&n))
    }

    /// Checks every promise of the structure, then its contents.
    fn check(tree: &Tree<u64>, model: &[u64]) {
        fn walk(node: &Node<u64>, root: bool) -> (usize, usize) {
            match node {
                Node::Leaf(entries) => {
                    assert!(entries.len() <= LEAF && (root || !entries.is_empty()));
                    (0, entries.len())
                }
                Node::Inner(inner) => {
                    assert!(inner.kids.len() <= FANOUT && inner.kids.len() > usize::from(root));
                    assert!(inner.kids.len() == inner.first.len() && inner.kids.len() == inner.counts.len());
                    let kids: Vec<_> = inner.kids.iter().map(|k| walk(k, false)).collect();
                    assert!(kids.iter().all(|k| k.0 == kids[0].0), "one height");
                    assert!(kids.iter().zip(&inner.counts).all(|(k, n)| k.1 == *n as usize), "counts");
                    assert!(inner.kids.iter().zip(&inner.first).all(|(k, e)| k.min() == *e), "smallest");
                    (kids[0].0 + 1, kids.iter().map(|k| k.1).sum())
                }
            }
        }
        assert_eq!(walk(&tree.root, true).1, model.len());
        assert!(tree.iter().eq(model.iter().copied()));
        assert!(tree.iter().rev().eq(model.iter().rev().copied()));
    }

    #[test]
    fn does_what_a_sorted_vec_does() {
        let mut rng = Rng::new(4);
        for (range, operations) in [(60u64, 600), (2_000, 8_000), (1 << 40, 40_000)] {
            let (mut tree, mut model) = (Tree::<u64>::new(), Vec::new());
            for step in 0..operations {
                let n = rng.u64() % range;
                let growing = step * 4 / operations % 2 == 0;
                let n = if !growing && !model.is_empty() { model[rng.below(model.len())] } else { n };
                match model.binary_search(&n) {
                    Ok(at) if !growing || rng.below(3) == 0 => {
                        assert_eq!(tree.remove(|e| e.cmp(&n)), Some(n));
                        model.remove(at);
                    }
                    Ok(at) => assert_eq!(tree.rank_of(|e| *e < n), at),
                    Err(at) => {
                        assert_eq!(tree.remove(|e| e.cmp(&n)), None);
                        assert_eq!(insert(&mut tree, n), at);
                        model.insert(at, n);
                    }
                }
                if rng.below(500) == 0 && !model.is_empty() {
                    let start = rng.below(model.len());
                    let end = start + rng.below(if growing { 40 } else { model.len() - start + 1 });
                    let mut removed = Vec::new();
                    tree.remove_range(start..end, |e| removed.push(e));
                    assert!(removed.into_iter().eq(model.drain(start..end.min(model.len()))));
                    check(&tree, &model);
                }
                let at = rng.below(model.len() + 2);
                assert_eq!(tree.get(at), model.get(at).copied());
                assert_eq!(tree.find(|e| e.cmp(&n)), model.binary_search(&n).ok().map(|_| n));
            }
            check(&tree, &model);
            for n in model {
                assert_eq!(tree.remove(|e| e.cmp(&n)), Some(n));
            }
            assert_eq!((tree.len(), tree.heap_bytes()), (0, 0));
        }
    }

    #[test]
    fn is_built_and_cut_in_bulk() {
        let mut rng = Rng::new(5);
        for len in [0, 1, 240, 241, 5_000, 100_000] {
            let mut model: Vec<u64> = (0..len).map(|n| n * 2).collect();
            let mut tree = Tree::from_sorted(model.iter().copied());
            check(&tree, &model);
            for _ in 0..50 {
                let n = (rng.u64() % (len * 2 + 1)) | 1;
                if let Err(at) = model.binary_search(&n) {
                    assert_eq!(insert(&mut tree, n), at);
                    model.insert(at, n);
                }
            }
            check(&tree, &model);
            while !model.is_empty() {
                let start = rng.below(model.len());
                let end = start + 1 + rng.below(model.len() - start);
                let mut removed = Vec::new();
                tree.remove_range(start..end, |e| removed.push(e));
                assert!(removed.into_iter().eq(model.drain(start..end)));
                check(&tree, &model);
            }
        }
    }

    #[test]
    fn iterates_ranges_from_both_ends() {
        let mut rng = Rng::new(6);
        let model: Vec<u64> = (0..3_000).collect();
        let tree = Tree::from_sorted(model.iter().copied());
        for _ in 0..300 {
            let start = rng.below(3_100);
            let end = start + rng.below(3_100);
            let want = &model[start.min(3_000)..end.min(3_000)];
            let (mut got, mut want) = (tree.range(start..end), want.iter().copied());
            loop {
                assert_eq!(got.len(), want.len());
                let (a, b) = match rng.below(5) {
                    0 => (got.next_back(), want.next_back()),
                    1 => {
                        let skip = rng.below(400);
                        (got.nth(skip), want.nth(skip))
                    }
                    _ => (got.next(), want.next()),
                };
                assert_eq!(a, b);
                if a.is_none() {
                    break;
                }
            }
        }
    }

    #[test]
    fn inserts_in_order_leave_full_leaves() {
        let (mut up, mut down) = (Tree::new(), Tree::new());
        for n in 0..100_000u64 {
            assert_eq!(insert(&mut up, n), n as usize);
            assert_eq!(insert(&mut down, 100_000 - n), 0);
        }
        assert!(up.heap_bytes() < 100_000 * 93 / 10 && down.heap_bytes() < 100_000 * 93 / 10);
        check(&up, &(0..100_000).collect::<Vec<_>>());
        let mut small = Tree::new();
        (0..3).for_each(|n| _ = insert(&mut small, n));
        assert!(small.heap_bytes() <= block(4 * 8));
    }

    #[test]
    fn replaces_and_updates_in_place() {
        // The order looks at the upper half only.
        let mut tree = Tree::from_sorted((0..5_000u64).map(|n| n << 32));
        for n in (0..5_000u64).step_by(7) {
            assert_eq!(tree.replace(n << 32 | 1, |e| (e >> 32).cmp(&n)), Some(n << 32));
        }
        assert_eq!(tree.replace(0, |e| (e >> 32).cmp(&5_000)), None);
        let mut model: Vec<u64> = (0..5_000).map(|n| n << 32 | u64::from(n % 7 == 0)).collect();
        check(&tree, &model);
        tree.update_all(|e| *e |= 8);
        model.iter_mut().for_each(|e| *e |= 8);
        check(&tree, &model);
    }
}
