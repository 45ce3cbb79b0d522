//! A snapshot of one instant, taken a slice at a time while commands go on.
//!
//! Every entry carries the epoch in which it was born or last visited. Beginning a snapshot moves the epoch on, so all entries
//! look unvisited; keys born later look visited. The walk goes downwards through each dict: a removal moves the last entry
//! into the hole, which is either visited already or goes where the walk still comes. A write to an unvisited entry writes the
//! old value first. So memory grows only by what changes meanwhile.
//!
//! A slice may end within an entry. A write to that one writes the rest of it first, as one to an unvisited entry writes all of
//! it: such a command takes as long as its key is large, once in a snapshot. All others go on.

use super::entry::Entry;
use super::keyspace::Data;

/// Where a snapshot writes entries: the RDB writer.
pub trait Sink {
    /// Writes an entry of database `db`, or the next piece of it, and takes what it did off `room`: bytes, more or less.
    /// Databases may come in turns. Returns whether the entry is written whole; if not, it comes again, unchanged, before any
    /// other.
    fn entry(&mut self, db: usize, entry: &Entry, room: &mut usize) -> bool;
    /// Writes an entry as a whole, behind the one of which only a part is written.
    fn whole(&mut self, db: usize, entry: &Entry);
    /// Writes what goes after the last entry.
    fn finish(&mut self) {}
    /// Takes the bytes written since the last call.
    fn take(&mut self) -> Vec<u8>;
}

/// What going over an entry takes off the room of a slice, besides what the sink takes.
const EACH: usize = 32;

/// A snapshot in progress.
pub(super) struct Snapshot {
    /// Which of all snapshots this is.
    pub(super) number: u64,
    epoch: u8,
    /// (serial, positions left) of the data still to walk; the walk is in the last one.
    todo: Vec<(u64, u64)>,
    /// The entry there of which only a part is written.
    half: Option<u32>,
    /// Data that was flushed away before the walk came to it.
    detached: Vec<Data>,
    sink: Box<dyn Sink>,
}

impl Snapshot {
    pub(super) fn new(number: u64, epoch: u8, mut todo: Vec<(u64, u64)>, sink: Box<dyn Sink>) -> Self {
        todo.reverse();
        Snapshot { number, epoch, todo, half: None, detached: Vec::new(), sink }
    }

    /// Writes entry `id` of `data`, or the rest of it, unless it is done already.
    #[inline]
    pub(super) fn keep(&mut self, data: &mut Data, id: u32) {
        let entry = data.dict.get_mut(id);
        if entry.epoch() != self.epoch {
            entry.set_epoch(self.epoch);
            self.sink.whole(data.label, entry);
        } else if self.is_half(data.serial, id) {
            self.half = None;
            self.sink.entry(data.label, entry, &mut { usize::MAX });
        }
    }

    fn is_half(&self, serial: u64, id: u32) -> bool {
        self.half == Some(id) && self.todo.last().is_some_and(|(walked, _)| *walked == serial)
    }

    /// Takes note that an entry has another id now.
    #[inline]
    pub(super) fn moved(&mut self, serial: u64, from: u32, to: u32) {
        if self.is_half(serial, from) {
            self.half = Some(to);
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

    /// Walks on until `room` is used up. Returns whether more is left, and flushed data that is of no more use.
    pub(super) fn step<'a>(&mut self, mut room: usize, live: impl Iterator<Item = &'a mut Data>) -> (bool, Vec<Data>) {
        let mut live: Vec<&mut Data> = live.collect();
        let mut detached = std::mem::take(&mut self.detached);
        room = room.max(1);
        while room > 0
            && let Some((serial, left)) = self.todo.last_mut()
        {
            let data = live.iter_mut().map(|d| &mut **d).chain(&mut detached).find(|d| d.serial == *serial);
            let Some(data) = data else {
                self.todo.pop();
                continue;
            };
            *left = (*left).min(data.dict.len() as u64);
            while room > 0 && (self.half.is_some() || *left > 0) {
                let id = self.half.unwrap_or_else(|| {
                    *left -= 1;
                    *left as u32
                });
                let entry = data.dict.get_mut(id);
                if self.half.is_some() || entry.epoch() != self.epoch {
                    entry.set_epoch(self.epoch);
                    let whole = self.sink.entry(data.label, entry, &mut room);
                    self.half = (!whole).then_some(id);
                }
                room = room.saturating_sub(EACH);
            }
            if self.half.is_none() && *left == 0 {
                self.todo.pop();
            }
        }
        let (keep, gone) = detached.into_iter().partition(|data| self.todo.iter().any(|(s, _)| *s == data.serial));
        self.detached = keep;
        (!self.is_complete(), gone)
    }

    /// Whether the walk has come to everything.
    pub(super) fn is_complete(&self) -> bool {
        self.todo.is_empty()
    }

    /// How many positions are left.
    pub(super) fn left(&self) -> u64 {
        self.todo.iter().map(|(_, left)| left).sum()
    }

    pub(super) fn sink(&mut self) -> &mut (dyn Sink + 'static) {
        &mut *self.sink
    }

    /// Returns the sink, and flushed data that is of no more use.
    pub(super) fn end(self) -> (Box<dyn Sink>, Vec<Data>) {
        (self.sink, self.detached)
    }
}
