//! A stream: entries in the order of their ids, and consumer groups.

mod group;
mod id;
mod load;
mod node;
mod range;
mod trim;

#[cfg(test)]
mod tests;

pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::{Id, IdBuf};
pub use load::Summary;
pub use node::{Entry, Pairs};
pub use range::Range;
pub use trim::{Bound, References, Trim};

use node::Node;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// A stream: a log of entries, each an id and fields with values, and the groups that read it. What is about the entries alone
/// is in [`Log`], which a stream gives access to as if it was one.
#[derive(Clone, Default)]
pub struct Stream(Box<Body>);

/// What a stream is made of; apart, so that other values are not larger than they must be.
#[derive(Clone, Default)]
struct Body {
    log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// The entries of a stream.
///
/// They are in nodes of some dozen, a listpack each. All nodes but the last are in an ordered index by their first id; the last
/// one is at hand, because that is where entries are added. Reading from an id finds its node in O(log n).
#[derive(Clone, Default)]
pub struct Log {
    sealed: BTreeMap<Id, Node>,
    tail: Option<(Id, Node)>,
    len: u64,
    last_id: Id,
    first_id: Id,
    max_deleted_id: Id,
    added: u64,
}

/// How large a node grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `stream-node-max-entries`: most entries, deleted ones included; 0 for any number.
    pub entries: usize,
    /// `stream-node-max-bytes`: most bytes; 0 for as many as there may be.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { entries: 100, bytes: 4096 }
    }
}

/// No entry has more bytes of text than this: 1 GiB.
pub const MAX_ENTRY_BYTES: usize = 1 << 30;
/// A node that is larger than this gets no more entries.
const MAX_NODE_BYTES: usize = 1 << 30;
/// For how many bytes there is room in a new node that is not the first.
const ROOM: usize = 4096;

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its id is not behind the last one.
    Order,
    /// It is larger than 1 GiB.
    Size,
}

impl Deref for Stream {
    type Target = Log;
    fn deref(&self) -> &Log {
        &self.0.log
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut Log {
        &mut self.0.log
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.range(Id::MIN, Id::MAX).map(|entry| entry.id)).finish()
    }
}

impl Stream {
    /// Returns an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The word `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Bytes on the heap. Takes a step per node.
    pub fn heap_bytes(&self) -> usize {
        let Body { log, groups } = &*self.0;
        let nodes = log.sealed.values().chain(log.tail.as_ref().map(|(_, node)| node));
        let in_groups = groups.iter().map(|(name, group)| name.len() + group.heap_bytes());
        size_of::<Body>()
            + map_bytes::<Id, Node>(log.sealed.len())
            + nodes.map(Node::heap_bytes).sum::<usize>()
            + map_bytes::<Box<[u8]>, Group>(groups.len())
            + in_groups.sum::<usize>()
    }

    /// How many groups there are.
    pub fn groups_len(&self) -> usize {
        self.0.groups.len()
    }

    /// The groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.0.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// Returns the group of this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name)
    }

    /// Returns the group of this name to change it, beside the entries.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        let Body { log, groups } = &mut *self.0;
        Some((log, groups.get_mut(name)?))
    }

    /// Adds a group. Returns false if the name is taken.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let new = !self.0.groups.contains_key(name);
        if new {
            self.0.groups.insert(name.into(), group);
        }
        new
    }

    /// Removes a group. Returns whether it was there.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.0.groups.remove(name).is_some()
    }
}

impl Log {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id of the last entry ever added, or what [`Log::set_last_id`] made of it.
    pub fn last_id(&self) -> Id {
        self.last_id
    }

    /// The id of the first entry that is there; 0-0 in an empty stream.
    pub fn first_id(&self) -> Id {
        self.first_id
    }

    /// The largest id that was deleted, other than by trimming.
    pub fn max_deleted_id(&self) -> Id {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Sets the last id, which must not be smaller than that of any entry.
    pub fn set_last_id(&mut self, id: Id) {
        self.last_id = id;
    }

    /// Sets how many entries were ever added.
    pub fn set_added(&mut self, added: u64) {
        self.added = added;
    }

    /// Sets the largest id that was deleted.
    pub fn set_max_deleted_id(&mut self, id: Id) {
        self.max_deleted_id = id;
    }

    /// Adds an entry; `pairs` are its fields and values in turn. Fails if `id` is not behind the last one.
    pub fn append(&mut self, id: Id, pairs: &[&[u8]], limits: &Limits) -> Result<(), Refused> {
        // The first id there may be is 0-1.
        if id <= self.last_id {
            return Err(Refused::Order);
        }
        let bytes: usize = pairs.iter().map(|text| text.len()).sum();
        if bytes > MAX_ENTRY_BYTES {
            return Err(Refused::Size);
        }
        // After XSETID a node can begin behind the id; then nothing is left in it.
        while self.tail.as_ref().is_some_and(|(master, _)| *master >= id) {
            self.tail = self.sealed.pop_last();
        }
        let (master, node) = match &mut self.tail {
            Some((master, node)) if has_room(node, bytes, limits) => (master, node),
            tail => {
                let room = if tail.is_some() { limits.bytes.clamp(bytes.min(ROOM), ROOM) } else { 0 };
                if let Some((master, mut full)) = tail.take() {
                    full.seal();
                    self.sealed.insert(master, full);
                }
                let (master, node) = tail.insert((id, Node::new(pairs, room)));
                (master, node)
            }
        };
        node.append(*master, id, pairs);
        self.last_id = id;
        self.added = self.added.saturating_add(1);
        self.len += 1;
        if self.len == 1 {
            self.first_id = id;
        }
        Ok(())
    }

    /// Iterates over the entries from `from` to `to`, both included.
    pub fn range(&self, from: Id, to: Id) -> Range<'_> {
        Range::new(self, from, to, false)
    }

    /// Iterates over the entries from `to` back to `from`, both included.
    pub fn range_rev(&self, from: Id, to: Id) -> Range<'_> {
        Range::new(self, from, to, true)
    }

    /// Returns entry `id`.
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        let (master, node) = self.node_of(id)?;
        node.find(master, id)
    }

    /// Returns the id of the last entry that is there.
    pub fn last_entry_id(&self) -> Option<Id> {
        self.range_rev(Id::MIN, Id::MAX).next().map(|entry| entry.id)
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.sealed.len() + usize::from(self.tail.is_some())
    }

    /// How many nodes a radix tree of the first ids of all nodes has, as Redis keeps them.
    pub fn radix_nodes(&self) -> u64 {
        let keys: Vec<[u8; 16]> = self.nodes().map(|(master, _)| master.to_bytes()).collect();
        if keys.is_empty() { 1 } else { radix_nodes(&keys, 0) }
    }

    /// The nodes: the first id and the listpack of each.
    pub fn nodes(&self) -> impl Iterator<Item = (Id, &[u8])> {
        self.nodes_from(Id::MIN)
    }

    /// The nodes that begin at `from` or behind it.
    pub fn nodes_from(&self, from: Id) -> impl Iterator<Item = (Id, &[u8])> {
        let tail = self.tail.iter().filter(move |(master, _)| *master >= from).map(|(master, node)| (master, node));
        self.sealed.range(from..).chain(tail).map(|(master, node)| (*master, node.as_bytes()))
    }

    /// Returns the node that has entry `id`, if there is such an entry.
    fn node_of(&self, id: Id) -> Option<(Id, &Node)> {
        match &self.tail {
            Some((master, node)) if *master <= id => Some((*master, node)),
            _ => self.sealed.range(..=id).next_back().map(|(master, node)| (*master, node)),
        }
    }

    /// How many entries had ever been added when `id` was the last one, if that can be told.
    pub fn count_up_to(&self, id: Id) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id {
            return Some(self.added);
        }
        match id.cmp(&self.last_id) {
            std::cmp::Ordering::Equal => return Some(self.added),
            std::cmp::Ordering::Greater => return None,
            std::cmp::Ordering::Less => {}
        }
        // With nothing deleted behind the first entry, all before it are gone and all from it on are there.
        if self.max_deleted_id == Id::MIN || self.max_deleted_id < self.first_id {
            match id.cmp(&self.first_id) {
                std::cmp::Ordering::Less => return Some(self.added.saturating_sub(self.len)),
                std::cmp::Ordering::Equal => return Some(self.added.saturating_sub(self.len) + 1),
                std::cmp::Ordering::Greater => {}
            }
        }
        None
    }

    /// Whether entries behind `from` may have been deleted, other than by trimming.
    fn has_gaps_from(&self, from: Id) -> bool {
        self.len > 0 && self.max_deleted_id >= self.first_id && self.max_deleted_id >= from
    }

    /// How many entries the group has still to read, if that can be told.
    pub fn lag(&self, group: &Group) -> Option<u64> {
        if self.added == 0 || self.len == 0 {
            return Some(0);
        }
        if group.last_id < self.first_id && self.max_deleted_id < self.first_id {
            return Some(self.len);
        }
        let read = match group.entries_read {
            Some(read) if group.last_id >= self.first_id && !self.has_gaps_from(group.last_id) => Some(read),
            _ => self.count_up_to(group.last_id),
        };
        // What a client says about counts need not be true.
        read.map(|read| self.added.wrapping_sub(read))
    }

    /// What the group's number of entries read becomes when it goes on to the next entry, `id`.
    pub fn read_on(&self, group: &Group, id: Id) -> Option<u64> {
        match group.entries_read {
            Some(read) if group.last_id >= self.first_id && !self.has_gaps_from(group.last_id) => {
                Some(read.wrapping_add(1))
            }
            read if self.added == 0 => read,
            _ => self.count_up_to(id),
        }
    }
}

/// Returns whether an entry with so many bytes of text still goes into the node.
fn has_room(node: &Node, bytes: usize, limits: &Limits) -> bool {
    let most = if limits.bytes == 0 { MAX_NODE_BYTES } else { limits.bytes.min(MAX_NODE_BYTES) };
    let (count, deleted) = node.counts();
    node.byte_len() + bytes < most && (limits.entries == 0 || count + deleted < limits.entries as u64)
}

/// About how many bytes an ordered map of so many takes.
fn map_bytes<K, V>(len: usize) -> usize {
    // Its leaves have room for eleven and are at least half full; there is one inner node for about seven of them.
    const ROOM: usize = 11;
    if len == 0 { 0 } else { len.div_ceil(7) * (ROOM * size_of::<(K, V)>() + 16) * 8 / 7 }
}

/// The nodes of a radix tree for what is behind the first `depth` bytes, which all `keys` (in order) have in common: one for
/// bytes that they all have, one where they part, one for each end.
fn radix_nodes(keys: &[[u8; 16]], depth: usize) -> u64 {
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    let common = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let below: u64 = match common {
        16 => 0,
        _ => keys.chunk_by(|a, b| a[common] == b[common]).map(|part| radix_nodes(part, common + 1)).sum(),
    };
    u64::from(common > depth) + 1 + below
}
