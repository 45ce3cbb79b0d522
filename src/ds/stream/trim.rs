//! Removing entries from a stream: one by id, or from the beginning on.

use super::id::Id;
use super::{Body, Log, Node, Stream};

/// How far a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Until it has no more than so many entries.
    MaxLen(u64),
    /// Until it has no entry before this.
    MinId(Id),
}

/// What becomes of what groups remember about an entry that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// It stays.
    #[default]
    Keep,
    /// It goes too.
    Delete,
    /// Only entries go that every group has acknowledged.
    Acknowledged,
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// How far.
    pub bound: Bound,
    /// Only whole nodes, so that a few more entries may stay.
    pub whole_nodes: bool,
    /// Looks at no more than so many entries; 0 for any number.
    pub limit: u64,
    /// What becomes of references.
    pub references: References,
}

impl Stream {
    /// Deletes entry `id` and remembers that it was not trimmed. Returns whether it was there.
    pub fn delete(&mut self, id: Id) -> bool {
        let log = &mut self.0.log;
        if !log.remove(id) {
            return false;
        }
        log.max_deleted_id = log.max_deleted_id.max(id);
        log.first_removed(id);
        true
    }

    /// Makes `id` not pending in any group. Returns whether it was in one.
    pub fn drop_references(&mut self, id: Id) -> bool {
        let mut any = false;
        self.0.groups.values_mut().for_each(|group| any |= group.acknowledge(id));
        any
    }

    /// Whether every group has read and acknowledged entry `id`.
    pub fn is_acknowledged(&self, id: Id) -> bool {
        self.0.groups.values().all(|group| group.is_done_with(id))
    }

    /// Removes entries from the beginning on. Returns how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let removed = match trim.references {
            References::Acknowledged if self.groups_len() > 0 => self.trim_acknowledged(trim),
            _ => self.trim_all(trim),
        };
        if removed > 0 {
            self.0.log.find_first();
        }
        removed
    }

    fn trim_all(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0;
        while let Some((master, node)) = self.0.log.first_node() {
            let (count, _) = node.counts();
            let len = self.0.log.len;
            let (needed, whole) = match trim.bound {
                Bound::MaxLen(max) => (len > max, len.saturating_sub(count) >= max),
                Bound::MinId(min) => (true, node.last_id(master).is_some_and(|last| last < min)),
            };
            if !needed || (trim.limit > 0 && removed + count > trim.limit) {
                break;
            }
            if whole {
                if trim.references == References::Delete {
                    let ids: Vec<Id> = node.walk(master).into_iter().flatten().map(|entry| entry.id).collect();
                    ids.into_iter().for_each(|id| _ = self.drop_references(id));
                }
                self.0.log.remove_first_node();
                self.0.log.len -= count;
                removed += count;
                continue;
            }
            if !trim.whole_nodes {
                removed += self.trim_first_node(trim);
            }
            break;
        }
        removed
    }

    /// Marks entries of the first node as deleted, as far as the bound says, which is within it.
    fn trim_first_node(&mut self, trim: &Trim) -> u64 {
        let Body { log, groups } = &mut *self.0;
        let len = log.len;
        let Some((master, node)) = log.first_node_mut() else { return 0 };
        let mut marked = 0;
        let count = node.delete_while(master, |id| {
            let goes = match trim.bound {
                Bound::MaxLen(max) => len - marked > max,
                Bound::MinId(min) => id < min,
            };
            if !goes {
                return None;
            }
            if trim.references == References::Delete {
                groups.values_mut().for_each(|group| _ = group.acknowledge(id));
            }
            marked += 1;
            Some(true)
        });
        log.len -= count;
        count
    }

    /// Removes entries that every group has acknowledged, one by one.
    fn trim_acknowledged(&mut self, trim: &Trim) -> u64 {
        let Body { log, groups } = &*self.0;
        let (max, to) = match trim.bound {
            Bound::MaxLen(max) => (max, Some(Id::MAX)),
            Bound::MinId(min) => (0, min.prev()),
        };
        let Some(to) = to else { return 0 };
        let mut most = log.len.saturating_sub(max);
        if trim.limit > 0 {
            most = most.min(trim.limit);
        }
        let ids = log.range(Id::MIN, to).map(|entry| entry.id);
        let done: Vec<Id> = ids
            .filter(|id| groups.values().all(|group| group.is_done_with(*id)))
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect();
        done.iter().for_each(|id| _ = self.0.log.remove(*id));
        done.len() as u64
    }
}

impl Log {
    fn first_node(&self) -> Option<(Id, &Node)> {
        let sealed = self.sealed.first_key_value().map(|(master, node)| (*master, node));
        sealed.or(self.tail.as_ref().map(|(master, node)| (*master, node)))
    }

    fn first_node_mut(&mut self) -> Option<(Id, &mut Node)> {
        match self.sealed.first_entry() {
            Some(entry) => Some((*entry.key(), entry.into_mut())),
            None => self.tail.as_mut().map(|(master, node)| (*master, node)),
        }
    }

    fn remove_first_node(&mut self) {
        if self.sealed.pop_first().is_none() {
            self.tail = None;
        }
    }

    /// Removes entry `id`, and its node if it was the last one in it. Returns whether it was there.
    fn remove(&mut self, id: Id) -> bool {
        let in_tail = self.tail.as_ref().is_some_and(|(master, _)| *master <= id);
        let node = match &mut self.tail {
            Some((master, node)) if in_tail => Some((*master, node)),
            _ => self.sealed.range_mut(..=id).next_back().map(|(master, node)| (*master, node)),
        };
        let Some((master, node)) = node else { return false };
        let Some(at) = node.find(master, id).map(|entry| entry.place()) else { return false };
        self.len -= 1;
        if node.counts().0 > 1 {
            node.delete(at);
        } else if in_tail {
            // The node before is the one that entries are added to again, if it has room.
            self.tail = self.sealed.pop_last();
        } else {
            self.sealed.remove(&master);
        }
        true
    }

    /// Entry `id` has gone: there may be another first one.
    fn first_removed(&mut self, id: Id) {
        if id == self.first_id || self.len == 0 {
            self.find_first();
        }
    }

    pub(super) fn find_first(&mut self) {
        self.first_id = self.range(Id::MIN, Id::MAX).next().map_or(Id::MIN, |entry| entry.id);
    }
}
