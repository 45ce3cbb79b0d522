//! Walking a stream's entries from one id to another, in either direction.

use super::Log;
use super::id::Id;
use super::node::{Entry, Node, Walk};
use std::collections::btree_map;

/// The entries between two ids: see [`Log::range`].
#[derive(Clone)]
pub struct Range<'a> {
    from: Id,
    to: Id,
    rev: bool,
    sealed: btree_map::Range<'a, Id, Node>,
    tail: Option<(Id, &'a Node)>,
    walk: Option<Walk<'a>>,
}

impl<'a> Range<'a> {
    pub(super) fn new(log: &'a Log, from: Id, to: Id, rev: bool) -> Self {
        // The tree refuses a range that ends before it begins.
        let to_or_none = if from <= to { to } else { from };
        let first = log.sealed.range(..=from).next_back().map_or(from, |(master, _)| *master);
        let mut range = Range {
            from,
            to,
            rev,
            sealed: log.sealed.range(first..=to_or_none),
            tail: log.tail.as_ref().filter(|(master, _)| *master <= to).map(|(master, node)| (*master, node)),
            walk: None,
        };
        if from > to {
            (range.sealed, range.tail) = (Default::default(), None);
        } else if range.tail.is_some_and(|(master, _)| master <= from) {
            range.sealed = Default::default();
        }
        range
    }

    fn next_node(&mut self) -> Option<Walk<'a>> {
        let sealed = |(master, node): (&Id, &'a Node)| (*master, node);
        let (master, node) = if self.rev {
            self.tail.take().or_else(|| self.sealed.next_back().map(sealed))?
        } else {
            self.sealed.next().map(sealed).or_else(|| self.tail.take())?
        };
        let walk = node.walk(master)?;
        Some(if !self.rev && master < self.from { walk.seek(self.from) } else { walk })
    }

    fn finish(&mut self) {
        (self.sealed, self.tail, self.walk) = (Default::default(), None, None);
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let entry = match &mut self.walk {
                Some(walk) if self.rev => walk.next_back(),
                Some(walk) => walk.next(),
                None => None,
            };
            let Some(entry) = entry else {
                self.walk = Some(self.next_node()?);
                continue;
            };
            if entry.is_deleted() {
                continue;
            }
            let (before, behind) = (entry.id < self.from, entry.id > self.to);
            if (before && self.rev) || (behind && !self.rev) {
                self.finish();
                return None;
            }
            if !before && !behind {
                return Some(entry);
            }
        }
    }
}
