//! The graph: hierarchical navigable small worlds (Malkov and Yashunin 2018, arXiv 1603.09320).
//!
//! Every node is on the bottom level and, M times more seldom for each, on those above. A search goes down from the one entry:
//! greedily through the upper levels, and on the bottom with a beam of `ef` candidates. A new node is linked to neighbours that
//! lie in different directions (the paper's algorithm 4). Links go both ways, so that a node that is deleted knows who knows it, and
//! those are linked with each other in its place.
//!
//! Ties are broken by slot, and levels are a function of the node's number, so that the same commands make the same graph.

use super::quant::View;
use super::{Node, VectorSet};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// More levels than any set needs.
pub(super) const MAX_LEVEL: usize = 16;

/// A node and how far it is from what is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    pub(super) distance: f32,
    pub(super) slot: u32,
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.slot.cmp(&other.slot))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Near {}

/// Which nodes a search has met.
struct Visited(Vec<u64>);

impl Visited {
    fn new(slots: usize) -> Self {
        Visited(vec![0; slots.div_ceil(64)])
    }

    /// Returns whether it is met for the first time.
    fn insert(&mut self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1u64 << (slot % 64));
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

/// The level of the node with number `uid`: each is M times more seldom than the one below.
pub(super) fn level_of(uid: u64, m: usize) -> usize {
    let mut level = 0;
    let mut chance = crate::base::rng::Rng::new(uid);
    while level < MAX_LEVEL - 1 && chance.below(m) == 0 {
        level += 1;
    }
    level
}

impl VectorSet {
    pub(super) fn node(&self, slot: u32) -> Option<&Node> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn links(&self, slot: u32, level: usize) -> &[u32] {
        self.node(slot).and_then(|node| node.links.get(level)).map_or(&[], Vec::as_slice)
    }

    fn links_mut(&mut self, slot: u32, level: usize) -> Option<&mut Vec<u32>> {
        self.slots.get_mut(slot as usize)?.as_mut()?.links.get_mut(level)
    }

    pub(super) fn view(&self, slot: u32) -> View<'_> {
        self.store.get(slot, self.dim, self.node(slot).map_or(0.0, |node| node.range))
    }

    fn between(&self, a: u32, b: u32) -> f32 {
        self.view(a).distance(self.view(b), self.dim)
    }

    /// How many links a node may have on a level.
    pub(super) fn most_links(&self, level: usize) -> usize {
        if level == 0 { 2 * self.m } else { self.m }
    }

    /// The nodes nearest to `query` that a beam of `ef` finds, the nearest first. Those that `wanted` refuses are passed through
    /// but not returned, and when `effort` nodes have been asked about, the search ends.
    pub(super) fn beam(
        &self,
        query: View,
        ef: usize,
        effort: usize,
        wanted: Option<&mut dyn FnMut(u32) -> bool>,
    ) -> Vec<Near> {
        let Some(mut entry) = self.entry_near(query) else { return Vec::new() };
        for level in (1..=self.top_level()).rev() {
            entry = self.greedy(query, entry, level);
        }
        self.search_level(query, entry, ef, 0, effort, wanted)
    }

    fn entry_near(&self, query: View) -> Option<Near> {
        let slot = self.entry?;
        Some(Near { distance: query.distance(self.view(slot), self.dim), slot })
    }

    /// The highest level there is.
    pub fn top_level(&self) -> usize {
        self.entry.and_then(|slot| self.node(slot)).map_or(0, |node| node.links.len() - 1)
    }

    /// Goes to nearer neighbours as long as there are some.
    fn greedy(&self, query: View, mut here: Near, level: usize) -> Near {
        loop {
            let near = |slot: &u32| Near { distance: query.distance(self.view(*slot), self.dim), slot: *slot };
            match self.links(here.slot, level).iter().map(near).min() {
                Some(next) if next.distance < here.distance => here = next,
                _ => return here,
            }
        }
    }

    /// The paper's algorithm 2.
    fn search_level(
        &self,
        query: View,
        entry: Near,
        ef: usize,
        level: usize,
        effort: usize,
        mut wanted: Option<&mut dyn FnMut(u32) -> bool>,
    ) -> Vec<Near> {
        let mut visited = Visited::new(self.slots.len());
        let mut candidates = BinaryHeap::from([Reverse(entry)]);
        let mut found: BinaryHeap<Near> = BinaryHeap::new();
        let mut asked = 0;
        let mut wants = |slot: u32| {
            asked += 1;
            (wanted.as_mut().is_none_or(|wanted| wanted(slot)), asked >= effort)
        };
        visited.insert(entry.slot);
        let (is_wanted, mut over) = wants(entry.slot);
        if is_wanted {
            found.push(entry);
        }
        while let Some(Reverse(here)) = candidates.pop() {
            let full = found.len() >= ef;
            if over || (full && found.peek().is_some_and(|worst| here.distance > worst.distance)) {
                break;
            }
            for slot in self.links(here.slot, level) {
                if over || !visited.insert(*slot) {
                    continue;
                }
                let near = Near { distance: query.distance(self.view(*slot), self.dim), slot: *slot };
                if found.len() >= ef && found.peek().is_some_and(|worst| near > *worst) {
                    continue;
                }
                candidates.push(Reverse(near));
                let (is_wanted, is_over) = wants(*slot);
                over = is_over;
                if is_wanted {
                    found.push(near);
                    if found.len() > ef {
                        found.pop();
                    }
                }
            }
        }
        found.into_sorted_vec()
    }

    /// Links the node in `slot`, whose vector is in place, on all its levels.
    pub(super) fn link(&mut self, slot: u32, ef: usize) {
        let level = self.node(slot).map_or(0, |node| node.links.len() - 1);
        let Some(mut entry) = self.entry_near(self.view(slot)) else {
            self.entry = Some(slot);
            return;
        };
        let top = self.top_level();
        for above in (level + 1..=top).rev() {
            entry = self.greedy(self.view(slot), entry, above);
        }
        for level in (0..=level.min(top)).rev() {
            let found = self.search_level(self.view(slot), entry, ef.max(self.m), level, usize::MAX, None);
            let chosen = self.choose(&found, self.m);
            for near in &chosen {
                self.connect(slot, near.slot, level);
            }
            if self.links(slot, level).is_empty() {
                self.connect_anyway(slot, &found, level);
            }
            entry = found.first().copied().unwrap_or(entry);
        }
        if level > top {
            self.entry = Some(slot);
        }
    }

    /// The paper's algorithm 4: of `candidates` (the nearest first), those that are nearer to the node than to each other, so
    /// that links lead in different directions; then the nearest of the rest, until there are `most`.
    fn choose(&self, candidates: &[Near], most: usize) -> Vec<Near> {
        let mut chosen: Vec<Near> = Vec::with_capacity(most);
        let mut others = Vec::new();
        for candidate in candidates {
            if chosen.len() == most {
                break;
            }
            if chosen.iter().all(|other| self.between(candidate.slot, other.slot) > candidate.distance) {
                chosen.push(*candidate);
            } else {
                others.push(*candidate);
            }
        }
        let room = most - chosen.len();
        chosen.extend(others.into_iter().take(room));
        chosen
    }

    fn add_link(&mut self, a: u32, b: u32, level: usize) {
        for (from, to) in [(a, b), (b, a)] {
            if let Some(links) = self.links_mut(from, level) {
                links.push(to);
            }
        }
    }

    fn remove_link(&mut self, a: u32, b: u32, level: usize) {
        for (from, to) in [(a, b), (b, a)] {
            if let Some(links) = self.links_mut(from, level) {
                links.retain(|link| *link != to);
            }
        }
    }

    /// Links `new` and `old` both ways, unless `old` has all its links and better ones.
    fn connect(&mut self, new: u32, old: u32, level: usize) {
        if new == old || self.links(new, level).contains(&old) {
            return;
        }
        let most = self.most_links(level);
        if self.links(new, level).len() >= most {
            return;
        }
        if self.links(old, level).len() < most {
            return self.add_link(new, old, level);
        }
        let near = |slot: u32| Near { distance: self.between(old, slot), slot };
        let mut all: Vec<Near> = self.links(old, level).iter().map(|slot| near(*slot)).chain([near(new)]).collect();
        all.sort_unstable();
        let kept = self.choose(&all, most);
        let dropped = all.iter().find(|near| !kept.contains(near)).copied();
        // Nobody is left without links for the sake of a better one.
        if let Some(dropped) = dropped
            && dropped.slot != new
            && self.links(dropped.slot, level).len() > 1
        {
            self.remove_link(old, dropped.slot, level);
            self.add_link(new, old, level);
        }
    }

    /// Links `slot`, which no one wanted, to the nearest of `found` that can give up a link to one with others.
    fn connect_anyway(&mut self, slot: u32, found: &[Near], level: usize) {
        for near in found.iter().filter(|near| near.slot != slot) {
            let given = self.links(near.slot, level).iter().rev().find(|link| self.links(**link, level).len() > 1);
            if let Some(given) = given.copied() {
                self.remove_link(near.slot, given, level);
                return self.add_link(slot, near.slot, level);
            }
        }
    }

    /// Takes the node in `slot` out of the graph, and links those that knew it with each other.
    pub(super) fn unlink(&mut self, slot: u32) {
        let levels = self.node(slot).map_or(0, |node| node.links.len());
        if self.entry == Some(slot) {
            self.entry = self.next_entry(slot);
        }
        for level in (0..levels).rev() {
            let around = self.links(slot, level).to_vec();
            for other in &around {
                self.remove_link(slot, *other, level);
            }
            self.mend(&around, level);
        }
    }

    /// The entry when that in `slot` goes: one of its neighbours on the highest level that has some, or the highest node of all.
    fn next_entry(&self, slot: u32) -> Option<u32> {
        let top = self.top_level();
        if let Some(next) = self.links(slot, top).first() {
            return Some(*next);
        }
        let height = |other: &&u32| self.node(**other).map_or(0, |node| node.links.len());
        self.live.iter().filter(|other| **other != slot).max_by_key(height).copied()
    }

    /// Gives each of `around`, who have lost a link, another among themselves if there is room: the nearest pairs first.
    fn mend(&mut self, around: &[u32], level: usize) {
        let most = self.most_links(level);
        let mut pairs = Vec::new();
        for (n, a) in around.iter().enumerate() {
            for b in &around[n + 1..] {
                if !self.links(*a, level).contains(b) {
                    pairs.push((Near { distance: self.between(*a, *b), slot: *a }, *b));
                }
            }
        }
        pairs.sort_unstable();
        let mut mended = Vec::new();
        for (near, b) in pairs {
            let a = near.slot;
            let has_room = |set: &Self, slot: u32| set.links(slot, level).len() < most;
            if !mended.contains(&a) && !mended.contains(&b) && has_room(self, a) && has_room(self, b) {
                self.add_link(a, b, level);
                mended.extend([a, b]);
            }
        }
        // One that knows nobody now is linked as if it were new.
        for alone in around.iter().filter(|slot| self.links(**slot, level).is_empty()).copied().collect::<Vec<_>>() {
            self.link_alone(alone, level);
        }
    }

    fn link_alone(&mut self, slot: u32, level: usize) {
        let Some(mut entry) = self.entry_near(self.view(slot)) else { return };
        for above in (level + 1..=self.top_level()).rev() {
            entry = self.greedy(self.view(slot), entry, above);
        }
        if level > self.top_level() || entry.slot == slot {
            return;
        }
        let found = self.search_level(self.view(slot), entry, 4 * self.m, level, usize::MAX, None);
        let found: Vec<Near> = found.into_iter().filter(|near| near.slot != slot).collect();
        for near in self.choose(&found, self.m) {
            self.connect(slot, near.slot, level);
        }
        if self.links(slot, level).is_empty() {
            self.connect_anyway(slot, &found, level);
        }
    }
}
