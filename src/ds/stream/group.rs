//! A consumer group: how far it has read, and what was delivered and not acknowledged.

use super::id::Id;
use crate::ds::tree::Tree;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A consumer within its group. It is good until the consumer is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(u32);

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The entry; it may be deleted meanwhile.
    pub id: Id,
    /// When it was delivered last, ms since the epoch.
    pub delivered_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// Whom to.
    pub consumer: ConsumerId,
}

/// One who reads for the group.
#[derive(Clone)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last tried to read or claim, ms since the epoch.
    pub seen_ms: u64,
    /// When it last got something, ms since the epoch.
    pub active_ms: Option<u64>,
    /// The ids of what it was delivered.
    pending: Tree<Id>,
}

/// A consumer group.
#[derive(Clone, Default)]
pub struct Group {
    /// The last entry delivered.
    pub last_id: Id,
    /// How many entries were ever added up to the last one delivered, if that is known.
    pub entries_read: Option<u64>,
    /// By id.
    pending: Tree<Pending>,
    /// The same by time of delivery; kept once somebody asked for it.
    by_time: Option<Tree<(u64, Id)>>,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    consumers: Vec<Option<Consumer>>,
    free: Vec<u32>,
}

fn by_id(id: Id) -> impl Fn(&Pending) -> Ordering {
    move |pending| pending.id.cmp(&id)
}

impl Group {
    /// Returns a group that has read up to `last_id`.
    pub fn new(last_id: Id, entries_read: Option<u64>) -> Self {
        Group { last_id, entries_read, ..Default::default() }
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// Returns what is known of pending entry `id`.
    pub fn pending(&self, id: Id) -> Option<Pending> {
        self.pending.find(by_id(id))
    }

    /// Iterates over the pending entries from `from` on, by id.
    pub fn pending_from(&self, from: Id) -> impl Iterator<Item = Pending> {
        self.pending.iter_from(self.pending.rank_of(|pending| pending.id < from))
    }

    /// The first and the last pending id.
    pub fn pending_ends(&self) -> Option<(Id, Id)> {
        Some((self.pending.get(0)?.id, self.pending.get(self.pending.len() - 1)?.id))
    }

    /// Iterates over the ids pending for `consumer` from `from` on.
    pub fn pending_of(&self, consumer: ConsumerId, from: Id) -> impl Iterator<Item = Id> {
        let ids = self.consumer(consumer).map(|consumer| &consumer.pending);
        ids.into_iter().flat_map(move |ids| ids.iter_from(ids.rank_of(|id| *id < from)))
    }

    /// Iterates over the pending entries by the time of their last delivery, the longest ago first.
    pub fn pending_by_time(&mut self) -> impl Iterator<Item = (u64, Id)> {
        let pending = &self.pending;
        let index = self.by_time.get_or_insert_with(|| {
            let mut all: Vec<(u64, Id)> = pending.iter().map(|p| (p.delivered_ms, p.id)).collect();
            all.sort_unstable();
            Tree::from_sorted(all)
        });
        index.iter()
    }

    /// Makes `id` pending for `consumer`, whoever had it before.
    pub fn assign(&mut self, pending: Pending) {
        let (id, consumer) = (pending.id, pending.consumer);
        // New entries go behind all others; so look first whether this is one.
        let newest = self.pending.len().checked_sub(1).and_then(|last| self.pending.get(last));
        let old =
            if newest.is_none_or(|newest| newest.id < id) { None } else { self.pending.replace(pending, by_id(id)) };
        if let Some(index) = &mut self.by_time {
            if let Some(old) = old {
                index.remove(|e| e.cmp(&(old.delivered_ms, id)));
            }
            index.insert((pending.delivered_ms, id), |e| e.cmp(&(pending.delivered_ms, id)));
        }
        if old.is_none() {
            self.pending.insert(pending, by_id(id));
        }
        if old.is_some_and(|old| old.consumer == consumer) {
            return;
        }
        if let Some(old) = old.and_then(|old| self.consumer_mut(old.consumer)) {
            old.pending.remove(|e| e.cmp(&id));
        }
        if let Some(new) = self.consumer_mut(consumer) {
            new.pending.insert(id, |e| e.cmp(&id));
        }
    }

    /// Makes `id` not pending. Returns whether it was.
    pub fn acknowledge(&mut self, id: Id) -> bool {
        let Some(old) = self.pending.remove(by_id(id)) else { return false };
        if let Some(consumer) = self.consumer_mut(old.consumer) {
            consumer.pending.remove(|e| e.cmp(&id));
        }
        if let Some(index) = &mut self.by_time {
            index.remove(|e| e.cmp(&(old.delivered_ms, id)));
        }
        true
    }

    /// Returns whether `id` was delivered and acknowledged.
    pub fn is_done_with(&self, id: Id) -> bool {
        id <= self.last_id && self.pending(id).is_none()
    }

    /// How many consumers there are.
    pub fn consumers_len(&self) -> usize {
        self.names.len()
    }

    /// Iterates over the consumers by name.
    pub fn consumers(&self) -> impl Iterator<Item = (ConsumerId, &Consumer)> {
        self.names.values().filter_map(|id| Some((*id, self.consumer(*id)?)))
    }

    /// Returns the consumer of this name.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// Returns what is known of a consumer.
    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(id.0 as usize)?.as_ref()
    }

    /// Returns what is known of a consumer, to change it.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> Option<&mut Consumer> {
        self.consumers.get_mut(id.0 as usize)?.as_mut()
    }

    /// Adds a consumer seen at `now`, whose name must be new. Returns it.
    pub fn add(&mut self, name: &[u8], now: u64) -> ConsumerId {
        let id = ConsumerId(self.free.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() as u32 - 1
        }));
        let consumer = Consumer { name: name.into(), seen_ms: now, active_ms: None, pending: Tree::new() };
        self.consumers[id.0 as usize] = Some(consumer);
        self.names.insert(name.into(), id);
        id
    }

    /// Removes a consumer and what is pending for it. Returns how many entries that were; `None` if there is none of this name.
    pub fn remove(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.names.remove(name)?;
        let consumer = self.consumers[id.0 as usize].take()?;
        self.free.push(id.0);
        for id in consumer.pending.iter() {
            self.acknowledge(id);
        }
        Some(consumer.pending.len())
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let consumers = self.consumers.iter().flatten().map(|c| 2 * c.name.len() + 24 + c.pending.heap_bytes());
        self.pending.heap_bytes()
            + self.by_time.as_ref().map_or(0, Tree::heap_bytes)
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.free.capacity() * size_of::<u32>()
            + super::map_bytes::<Box<[u8]>, ConsumerId>(self.names.len())
            + consumers.sum::<usize>()
    }
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries are pending for it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

/// For making a group from what was saved.
impl Group {
    /// Adds an entry that nobody has yet. Returns false if it is there already.
    pub fn load_pending(&mut self, id: Id, delivered_ms: u64, deliveries: u64) -> bool {
        let new = self.pending(id).is_none();
        if new {
            self.pending.insert(Pending { id, delivered_ms, deliveries, consumer: NOBODY }, by_id(id));
        }
        new
    }

    /// Gives an entry that nobody has to `consumer`. Returns false if there is none.
    pub fn load_owner(&mut self, consumer: ConsumerId, id: Id) -> bool {
        let Some(pending) = self.pending(id).filter(|pending| pending.consumer == NOBODY) else { return false };
        self.pending.replace(Pending { consumer, ..pending }, by_id(id));
        if let Some(consumer) = self.consumer_mut(consumer) {
            consumer.pending.insert(id, |e| e.cmp(&id));
        }
        true
    }

    /// Whether every pending entry is somebody's.
    pub fn is_whole(&self) -> bool {
        self.pending.len() == self.consumers.iter().flatten().map(Consumer::pending_len).sum::<usize>()
    }
}

/// While a group is loaded: the consumer of entries whose consumer comes later.
const NOBODY: ConsumerId = ConsumerId(u32::MAX);
