//! A vector set: names with vectors, found by nearness.

mod attribute;
mod bytes;
pub mod filter;
mod graph;
mod project;
mod quant;

pub use filter::Filter;
pub use quant::{Packed, Quant};

use crate::base::rng::Rng;
use graph::{Near, level_of};
use project::project;
use quant::{Store, View};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// The most numbers a vector may have.
pub const MAX_DIM: usize = 65_536;
/// The most products a projection may take for one vector: some tenths of a second.
pub const MAX_PROJECTION: usize = 1 << 26;

/// A name with what belongs to it.
#[derive(Clone, Debug)]
struct Node {
    name: Arc<[u8]>,
    attribute: Option<Box<[u8]>>,
    /// The neighbours on each of its levels.
    links: Vec<Vec<u32>>,
    range: f32,
    l2: f32,
    /// Where it is among the live ones.
    position: u32,
}

/// Names with vectors and a graph that leads to the nearest.
#[derive(Clone, Debug)]
pub struct VectorSet {
    /// Numbers of a vector as they are kept.
    dim: usize,
    /// Numbers of a vector as clients give them, if they are projected.
    input_dim: Option<usize>,
    m: usize,
    store: Store,
    slots: Vec<Option<Node>>,
    /// Slots to use again, the last first.
    free: Vec<u32>,
    /// The slots in use, in no order, to choose from by chance.
    live: Vec<u32>,
    names: BTreeMap<Arc<[u8]>, u32>,
    /// Where every search begins: a node of the highest level.
    entry: Option<u32>,
    /// Nodes ever made; the level of the next depends on it.
    uids: u64,
    attributes: usize,
}

/// An element that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'s> {
    pub name: &'s [u8],
    /// 1 for the same direction, 0 for the opposite.
    pub score: f64,
    pub attribute: Option<&'s [u8]>,
}

/// How a search goes.
pub struct Search<'f> {
    /// How many to return at most.
    pub count: usize,
    /// How wide the beam is.
    pub ef: usize,
    /// The least score.
    pub least: f64,
    /// What the attribute must fulfil.
    pub filter: Option<&'f Filter>,
    /// How many elements the filter may be tried on.
    pub effort: usize,
    /// All elements are compared.
    pub exact: bool,
}

impl Default for VectorSet {
    /// Returns an empty set for vectors of one number.
    fn default() -> Self {
        VectorSet::shaped(1, None, 16, Quant::Q8)
    }
}

impl VectorSet {
    /// Returns an empty set of vectors with `dim` numbers, made of `input_dim` by projection if given.
    pub fn shaped(dim: usize, input_dim: Option<usize>, m: usize, quant: Quant) -> Self {
        VectorSet {
            dim,
            input_dim,
            m,
            store: Store::new(quant),
            slots: Vec::new(),
            free: Vec::new(),
            live: Vec::new(),
            names: BTreeMap::new(),
            entry: None,
            uids: 0,
            attributes: 0,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The word `OBJECT ENCODING` answers, for all values of modules.
    pub fn encoding(&self) -> &'static str {
        "raw"
    }

    /// Numbers of a vector as they are kept.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Numbers of a vector as clients give them, if they are projected.
    pub fn input_dim(&self) -> Option<usize> {
        self.input_dim
    }

    /// Links of a node above the bottom level.
    pub fn m(&self) -> usize {
        self.m
    }

    /// How numbers are kept.
    pub fn quant(&self) -> Quant {
        self.store.quant()
    }

    /// Nodes ever made.
    pub fn uids(&self) -> u64 {
        self.uids
    }

    /// How many elements have attributes.
    pub fn attributes(&self) -> usize {
        self.attributes
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let node = |node: &Node| {
            let links: usize = node.links.iter().map(|links| size_of::<Vec<u32>>() + links.capacity() * 4).sum();
            // The name's counters, and its place in the index.
            links + node.name.len() + 16 + 28 + node.attribute.as_ref().map_or(0, |text| text.len())
        };
        self.store.heap_bytes()
            + self.slots.capacity() * size_of::<Option<Node>>()
            + (self.free.capacity() + self.live.capacity()) * 4
            + self.slots.iter().flatten().map(node).sum::<usize>()
    }

    /// Whether there is an element `name`.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.names.contains_key(name)
    }

    fn find(&self, name: &[u8]) -> Option<(u32, &Node)> {
        let slot = *self.names.get(name)?;
        Some((slot, self.node(slot)?))
    }

    /// Returns `vector`, as a client gave it, in the form of this set.
    pub fn pack(&self, vector: &[f32]) -> Packed {
        match self.input_dim {
            Some(_) => Packed::new(&project(vector, self.dim), self.quant()),
            None => Packed::new(vector, self.quant()),
        }
    }

    /// Returns the vector of `name` in the form of this set.
    pub fn packed(&self, name: &[u8]) -> Option<Packed> {
        let (slot, node) = self.find(name)?;
        let view = self.view(slot);
        Some(Packed { numbers: self.store.read(&view.bytes()), range: node.range, l2: node.l2 })
    }

    /// Gives `name` a vector, with a beam of `ef` to find its neighbours. Returns whether it is new.
    pub fn set(&mut self, name: &[u8], vector: &Packed, ef: usize) -> bool {
        let old = self.names.get(name).copied();
        if let Some(slot) = old {
            if self.packed(name).as_ref() == Some(vector) {
                return false;
            }
            self.unlink(slot);
        }
        let slot = old.or_else(|| self.free.pop()).unwrap_or(self.slots.len() as u32);
        self.uids += 1;
        let links = vec![Vec::new(); level_of(self.uids, self.m) + 1];
        self.store.set(slot, self.dim, vector);
        let (range, l2) = (vector.range, vector.l2);
        if let Some(Some(node)) = self.slots.get_mut(slot as usize) {
            (node.links, node.range, node.l2) = (links, range, l2);
        } else {
            let name: Arc<[u8]> = name.into();
            let position = self.live.len() as u32;
            let node = Node { name: name.clone(), attribute: None, links, range, l2, position };
            match self.slots.get_mut(slot as usize) {
                Some(place) => *place = Some(node),
                None => self.slots.push(Some(node)),
            }
            self.names.insert(name, slot);
            self.live.push(slot);
        }
        self.link(slot, ef);
        old.is_none()
    }

    /// Removes `name`. Returns whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(slot) = self.names.remove(name) else { return false };
        self.unlink(slot);
        let Some(node) = self.slots[slot as usize].take() else { return false };
        self.attributes -= usize::from(node.attribute.is_some());
        self.live.swap_remove(node.position as usize);
        if let Some(moved) = self.live.get(node.position as usize)
            && let Some(moved) = &mut self.slots[*moved as usize]
        {
            moved.position = node.position;
        }
        self.free.push(slot);
        true
    }

    /// The attribute of `name`.
    pub fn attribute(&self, name: &[u8]) -> Option<&[u8]> {
        self.find(name)?.1.attribute.as_deref()
    }

    /// Gives `name` an attribute, or takes it if `text` is empty. Returns whether there is such an element.
    pub fn set_attribute(&mut self, name: &[u8], text: &[u8]) -> bool {
        let Some(slot) = self.names.get(name) else { return false };
        let Some(Some(node)) = self.slots.get_mut(*slot as usize) else { return false };
        self.attributes -= usize::from(node.attribute.is_some());
        node.attribute = (!text.is_empty()).then(|| text.into());
        self.attributes += usize::from(node.attribute.is_some());
        true
    }

    /// The numbers of the vector of `name`, in its old length; bits are 1 and -1.
    pub fn vector(&self, name: &[u8]) -> Option<Vec<f32>> {
        let (slot, node) = self.find(name)?;
        let (view, scale) = (self.view(slot), if self.quant() == Quant::Bin { 1.0 } else { node.l2 });
        Some((0..self.dim).map(|n| view.get(n) * scale).collect())
    }

    /// How the vector of `name` is kept: its bytes, the length it had, and the greatest number if it is kept as bytes.
    pub fn raw(&self, name: &[u8]) -> Option<(Vec<u8>, f32, Option<f32>)> {
        let (slot, node) = self.find(name)?;
        Some((self.view(slot).bytes(), node.l2, (self.quant() == Quant::Q8).then_some(node.range)))
    }

    /// The neighbours of `name` on each of its levels, the highest first.
    pub fn neighbours(&self, name: &[u8]) -> Option<Vec<Vec<Found<'_>>>> {
        let (slot, node) = self.find(name)?;
        let found = |other: &u32| {
            let distance = self.view(slot).distance(self.view(*other), self.dim);
            self.found(Near { distance, slot: *other })
        };
        Some(node.links.iter().rev().map(|links| links.iter().filter_map(found).collect()).collect())
    }

    fn found(&self, near: Near) -> Option<Found<'_>> {
        let node = self.node(near.slot)?;
        let score = (1.0 - f64::from(near.distance) / 2.0).clamp(0.0, 1.0);
        Some(Found { name: &node.name, score, attribute: node.attribute.as_deref() })
    }

    /// The elements nearest to `query`, the nearest first.
    pub fn search(&self, query: &Packed, how: &Search) -> Vec<Found<'_>> {
        let query = query.view();
        let mut wanted = |slot: u32| {
            let attribute = self.node(slot).and_then(|node| node.attribute.as_deref());
            how.filter.is_none_or(|filter| attribute.is_some_and(|text| filter.holds(text)))
        };
        let near = if how.exact {
            self.all_near(query, &mut wanted)
        } else {
            let ef = how.ef.max(how.count).min(self.len()).max(1);
            let filter = how.filter.map(|_| &mut wanted as &mut dyn FnMut(u32) -> bool);
            self.beam(query, ef, if filter.is_some() { how.effort } else { usize::MAX }, filter)
        };
        let found = near.into_iter().filter_map(|near| self.found(near));
        found.take(how.count).filter(|found| found.score >= how.least).collect()
    }

    fn all_near(&self, query: View, wanted: &mut dyn FnMut(u32) -> bool) -> Vec<Near> {
        let slots = self.live.iter().filter(|slot| wanted(**slot));
        let near = slots.map(|slot| Near { distance: query.distance(self.view(*slot), self.dim), slot: *slot });
        let mut near: Vec<Near> = near.collect();
        near.sort_unstable();
        near
    }

    /// An element by chance.
    pub fn random(&self, rng: &mut Rng) -> Option<&[u8]> {
        let slot = self.live.get(rng.below(self.live.len()))?;
        self.node(*slot).map(|node| &*node.name)
    }

    /// `count` different elements by chance, or all.
    pub fn sample(&self, count: usize, rng: &mut Rng) -> Vec<&[u8]> {
        let count = count.min(self.len());
        let name = |place: usize| self.live.get(place).and_then(|slot| self.node(*slot)).map(|node| &*node.name);
        // Floyd's way: each place as likely, and as many draws as elements.
        let mut chosen = std::collections::BTreeSet::new();
        for last in self.len() - count..self.len() {
            let place = rng.below(last + 1);
            if !chosen.insert(place) {
                chosen.insert(last);
            }
        }
        chosen.into_iter().filter_map(name).collect()
    }

    /// Up to `count` elements within bounds, in the order of their names.
    pub fn range(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, count: usize) -> Vec<&[u8]> {
        let nothing = match (from, to) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
            _ => false,
        };
        if nothing {
            return Vec::new();
        }
        self.names.range::<[u8], _>((from, to)).take(count).map(|(name, _)| &**name).collect()
    }
}

#[cfg(test)]
mod tests;
