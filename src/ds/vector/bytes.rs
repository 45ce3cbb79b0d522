//! A set as bytes and back: everything, links included, so that what is loaded is the same graph.
//!
//! All numbers are LEB128 but floats, which are four bytes, the low one first: version, form, M, numbers of a vector, of a vector
//! before projection (0: none), nodes ever made, slots; for each slot its levels (0: free), then name, attribute behind its length
//! plus 1 (0: none), length, range, the numbers, and the links of each level behind their count; then the free slots, the live
//! ones, and the entry plus 1.

use super::graph::MAX_LEVEL;
use super::quant::{Packed, Quant};
use super::{MAX_DIM, Node, VectorSet};
use std::sync::Arc;

const VERSION: u64 = 1;

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Puts part `n` of a list: its length, then its numbers.
fn put_item(out: &mut Vec<u8>, numbers: &[u32], n: usize) {
    put(out, n.checked_sub(1).map_or(numbers.len() as u64, |n| u64::from(numbers[n])));
}

impl VectorSet {
    /// Returns the set as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.print_on(&mut out, &mut Vec::new(), usize::MAX);
        out
    }

    /// Appends the set as bytes from where `trail` leads on (nowhere to begin), until `out` has about `most` bytes. Returns
    /// whether that was all; if not, `trail` says how to go on.
    pub fn print_on(&self, out: &mut Vec<u8>, trail: &mut Vec<usize>, most: usize) -> bool {
        // The head; the slots; the free and the live ones, each list behind its length; the end.
        let free = 1 + self.slots.len();
        let live = free + 1 + self.free.len();
        let end = live + 1 + self.live.len();
        for at in trail.pop().unwrap_or(0)..=end {
            if out.len() >= most {
                trail.push(at);
                return false;
            }
            match at {
                0 => self.put_head(out),
                n if n < free => self.put_slot(out, n - 1),
                n if n < live => put_item(out, &self.free, n - free),
                n if n < end => put_item(out, &self.live, n - live),
                _ => put(out, self.entry.map_or(0, |slot| u64::from(slot) + 1)),
            }
        }
        true
    }

    fn put_head(&self, out: &mut Vec<u8>) {
        for n in [VERSION, u64::from(self.quant().code()), self.m as u64, self.dim as u64] {
            put(out, n);
        }
        put(out, self.input_dim.unwrap_or(0) as u64);
        put(out, self.uids);
        put(out, self.slots.len() as u64);
    }

    fn put_slot(&self, out: &mut Vec<u8>, slot: usize) {
        let Some(node) = &self.slots[slot] else { return put(out, 0) };
        put(out, node.links.len() as u64);
        put(out, node.name.len() as u64);
        out.extend_from_slice(&node.name);
        put(out, node.attribute.as_ref().map_or(0, |text| text.len() as u64 + 1));
        out.extend_from_slice(node.attribute.as_deref().unwrap_or_default());
        out.extend_from_slice(&node.l2.to_le_bytes());
        out.extend_from_slice(&node.range.to_le_bytes());
        out.extend_from_slice(&self.view(slot as u32).bytes());
        for links in &node.links {
            (0..=links.len()).for_each(|n| put_item(out, links, n));
        }
    }

    /// Returns the set of `bytes`, or `None` if they are not a whole one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Bytes(bytes);
        if from.number()? != VERSION {
            return None;
        }
        let quant = Quant::from_code(u8::try_from(from.number()?).ok()?)?;
        let (m, dim, input) = (from.size()?, from.size()?, from.size()?);
        let right =
            (2..=4096).contains(&m) && (1..=MAX_DIM).contains(&dim) && (input == 0 || (dim..=MAX_DIM).contains(&input));
        right.then_some(())?;
        let mut set = VectorSet::shaped(dim, (input > 0).then_some(input), m, quant);
        set.uids = from.number()?;
        // Nothing is reserved: a slot is there when its bytes are.
        for slot in 0..from.number()? {
            let node = from.node(&mut set, u32::try_from(slot).ok()?)?;
            set.slots.push(node);
        }
        (set.free, set.live) = (from.numbers()?, from.numbers()?);
        set.entry = from.number()?.checked_sub(1).map(u32::try_from).transpose().ok()?;
        (from.0.is_empty() && set.put_in_place() && set.is_whole()).then_some(set)
    }

    /// Makes what follows from the nodes. Returns whether the slots in use and the free ones are those that are listed.
    fn put_in_place(&mut self) -> bool {
        for (position, slot) in self.live.iter().enumerate() {
            let Some(Some(node)) = self.slots.get_mut(*slot as usize) else { return false };
            node.position = position as u32;
            self.attributes += usize::from(node.attribute.is_some());
            if self.names.insert(node.name.clone(), *slot).is_some() {
                return false;
            }
        }
        let mut free = self.free.clone();
        free.sort_unstable();
        free.dedup();
        let empty = |slot: &u32| matches!(self.slots.get(*slot as usize), Some(None));
        free.len() == self.free.len() && free.iter().all(empty) && free.len() + self.live.len() == self.slots.len()
    }

    /// Whether all links lead both ways between different nodes of the level, none twice, and the entry is one of the highest.
    fn is_whole(&self) -> bool {
        let height = |slot: u32| self.node(slot).map_or(0, |node| node.links.len());
        let highest = self.live.iter().map(|slot| height(*slot)).max();
        if self.entry.map(height) != highest {
            return false;
        }
        let mut pairs = Vec::new();
        for from in &self.live {
            let Some(node) = self.node(*from) else { return false };
            for (level, links) in node.links.iter().enumerate() {
                if links.len() > self.most_links(level) || links.iter().any(|to| to == from || height(*to) <= level) {
                    return false;
                }
                pairs.extend(links.iter().map(|to| (level as u8, *from, *to)));
            }
        }
        pairs.sort_unstable();
        let back = |(level, from, to): &(u8, u32, u32)| pairs.binary_search(&(*level, *to, *from)).is_ok();
        pairs.windows(2).all(|two| two[0] != two[1]) && pairs.iter().all(back)
    }
}

/// What is still to be read.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            n |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A length or range: finite, and not negative.
    fn float(&mut self) -> Option<f32> {
        let (four, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f32::from_le_bytes(*four)).filter(|x| x.is_finite() && *x >= 0.0)
    }

    fn numbers(&mut self) -> Option<Vec<u32>> {
        let mut numbers = Vec::new();
        for _ in 0..self.number()? {
            numbers.push(u32::try_from(self.number()?).ok()?);
        }
        Some(numbers)
    }

    /// The node of a slot, or that it is free.
    fn node(&mut self, set: &mut VectorSet, slot: u32) -> Option<Option<Node>> {
        let levels = self.size()?;
        if levels == 0 {
            return Some(None);
        }
        if levels > MAX_LEVEL {
            return None;
        }
        let len = self.size()?;
        let name: Arc<[u8]> = self.take(len)?.into();
        let attribute = match self.size()? {
            0 => None,
            len => Some(self.take(len - 1)?.into()),
        };
        let (l2, range) = (self.float()?, self.float()?);
        let numbers = set.store.read(self.take(set.store.vector_bytes(set.dim))?);
        let packed = Packed { numbers, range, l2 };
        (0..set.dim).all(|n| packed.view().get(n).is_finite()).then_some(())?;
        set.store.set(slot, set.dim, &packed);
        let links = (0..levels).map(|_| self.numbers()).collect::<Option<Vec<_>>>()?;
        Some(Some(Node { name, attribute, links, range, l2, position: 0 }))
    }
}
