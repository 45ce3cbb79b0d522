//! A snapshot of one instant, taken a slice at a time while commands go on.
//!
//! Every entry carries the epoch in which it was born or last visited. Beginning a snapshot moves the epoch on, so all entries
//! look unvisited; keys born later look visited. The walk goes downwards through each dict: a removal moves the last entry
//! into the hole, which is either visited already or goes where the walk still comes. A write to an unvisited entry writes the
//! old value first. So memory grows only by what changes meanwhile.

use super::entry::Entry;
use super::keyspace::Data;

/// Where a snapshot writes entries: the RDB writer.
pub trait Sink {
    /// Writes one entry of database `db`. Databases may come in turns.
    fn entry(&mut self, db: usize, entry: &Entry);
    /// Writes what goes after the last entry.
    fn finish(&mut self) {}
    /// Takes the bytes written since the last call.
    fn take(&mut self) -> Vec<u8>;
}

/// A snapshot in progress.
pub(super) struct Snapshot {
    epoch: u8,
    /// (serial, positions left) of the data still to walk.
    todo: Vec<(u64, u64)>,
    /// Data that was flushed away before the walk came to it.
    detached: Vec<Data>,
    sink: Box<dyn Sink>,
}

impl Snapshot {
    pub(super) fn new(epoch: u8, mut todo: Vec<(u64, u64)>, sink: Box<dyn Sink>) -> Self {
        todo.reverse();
        Snapshot { epoch, todo, detached: Vec::new(), sink }
    }

    /// Writes `entry` unless it is done already.
    #[inline]
    pub(super) fn keep(&mut self, db: usize, entry: &mut Entry) {
        if entry.epoch() != self.epoch {
            entry.set_epoch(self.epoch);
            self.sink.entry(db, entry);
        }
    }

    /// Takes over data that is flushed, if it is still to be walked; gives it back if not.
    pub(super) fn detach(&mut self, data: Data) -> Option<Data> {
        if !self.todo.iter().any(|(serial, _)| *serial == data.serial) {
            return Some(data);
        }
        self.detached.push(data);
        None
    }

    /// Walks on by up to `count` positions. Returns whether more are left.
    pub(super) fn step<'a>(&mut self, count: usize, live: impl Iterator<Item = &'a mut Data>) -> bool {
        let mut live: Vec<&mut Data> = live.collect();
        let mut detached = std::mem::take(&mut self.detached);
        let mut budget = count;
        while budget > 0
            && let Some((serial, left)) = self.todo.pop()
        {
            let data = live.iter_mut().map(|d| &mut **d).chain(&mut detached).find(|d| d.serial == serial);
            let Some(data) = data else { continue };
            let mut at = left.min(data.dict.len() as u64);
            while at > 0 && budget > 0 {
                at -= 1;
                budget -= 1;
                self.keep(data.label, data.dict.get_mut(at as u32));
            }
            if at > 0 {
                self.todo.push((serial, at));
            }
        }
        detached.retain(|data| self.todo.iter().any(|(serial, _)| *serial == data.serial));
        self.detached = detached;
        !self.todo.is_empty()
    }

    /// How many positions are left.
    pub(super) fn left(&self) -> u64 {
        self.todo.iter().map(|(_, left)| left).sum()
    }

    pub(super) fn sink(&mut self) -> &mut (dyn Sink + 'static) {
        &mut *self.sink
    }

    pub(super) fn into_sink(self) -> Box<dyn Sink> {
        self.sink
    }
}
