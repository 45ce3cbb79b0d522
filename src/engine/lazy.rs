//! Freeing in slices: what UNLINK, FLUSHALL and the `lazyfree-*` parameters take out of the keyspace, given back by `tick`.
//!
//! Redis hands such values to another thread. Here they lie in a queue, out of everybody's sight, and every tick frees a bounded
//! number of their parts, so that no call has to free a million elements.

use super::entry::Entry;
use super::keyspace::{Data, Keyspace};
use std::collections::VecDeque;

/// A value of at most so many parts is freed at once: that is cheaper than remembering it.
pub(super) const WORTH_IT: usize = 64;
/// Entries or elements freed per tick: about a millisecond.
pub const SLICE: usize = 8192;

/// Which deletions are lazy: the `lazyfree-lazy-*` parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lazily {
    /// Of keys that are evicted.
    pub eviction: bool,
    /// Of keys that are due.
    pub expire: bool,
    /// Of values that a command replaces.
    pub server_del: bool,
    /// By DEL, as if it were UNLINK.
    pub user_del: bool,
    /// By FLUSHALL and FLUSHDB without a word for it.
    pub user_flush: bool,
}

/// What still has to be freed.
#[derive(Default)]
pub struct Graveyard {
    graves: VecDeque<Grave>,
    /// Keys not freed yet.
    pub pending: usize,
    /// Keys freed in this way since the start or CONFIG RESETSTAT.
    pub freed: u64,
}

enum Grave {
    Entry(Entry),
    Data(Box<Data>),
}

impl Graveyard {
    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.graves.is_empty()
    }

    /// Takes `entry`: freed later if it has many parts, now if not.
    fn bury(&mut self, entry: Entry) {
        if entry.parts() > WORTH_IT {
            self.pending += 1;
            self.graves.push_back(Grave::Entry(entry));
        }
    }

    /// Takes a whole database.
    fn bury_data(&mut self, data: Data) {
        if !data.dict.is_empty() {
            self.pending += data.dict.len();
            self.graves.push_back(Grave::Data(Box::new(data)));
        }
    }

    /// Frees about `parts` parts. Returns whether more wait.
    pub fn free(&mut self, parts: usize) -> bool {
        let mut left = parts as i64;
        while left > 0
            && let Some(grave) = self.graves.front_mut()
        {
            let done = match grave {
                Grave::Entry(entry) => {
                    let more = entry.wither(left as usize);
                    // What has no slices goes as a whole with the entry.
                    left -= if more { left } else { entry.parts().max(1) as i64 };
                    self.pending -= usize::from(!more);
                    self.freed += u64::from(!more);
                    !more
                }
                Grave::Data(data) => {
                    let before = data.dict.len();
                    let mut large = Vec::new();
                    let more = data.dict.wither((left as usize).min(1024), |entry| {
                        if entry.parts() > WORTH_IT {
                            large.push(entry);
                        }
                    });
                    let gone = before - data.dict.len();
                    left -= gone as i64;
                    self.pending -= gone - large.len();
                    self.freed += (gone - large.len()) as u64;
                    if !more {
                        self.graves.pop_front();
                    }
                    large.into_iter().for_each(|entry| self.graves.push_front(Grave::Entry(entry)));
                    false
                }
            };
            if done {
                self.graves.pop_front();
            }
        }
        !self.graves.is_empty()
    }
}

impl Keyspace {
    /// Frees an entry that was taken out: later if that is wanted and worth it.
    #[inline]
    pub(super) fn dispose(&mut self, entry: Entry, lazily: bool) {
        if lazily {
            self.graves.bury(entry);
        }
    }

    /// Frees a database that was taken out: all of it, or so much now and the rest later.
    pub(super) fn dispose_data(&mut self, data: Data, at_once: Option<usize>) {
        if let Some(parts) = at_once {
            self.graves.bury_data(data);
            self.graves.free(parts);
        }
    }

    /// Deletes `key` like [`Keyspace::delete`], and frees a large value later.
    pub fn unlink(&mut self, key: &[u8]) -> bool {
        match self.take(key) {
            Some(entry) => {
                self.dispose(entry, true);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::list::List;
    use crate::ds::set::Set;
    use crate::engine::entry::Payload;
    use crate::engine::keyspace::Ttl;
    use crate::engine::value::Object;

    fn large_set(members: usize) -> Object {
        let limits = crate::engine::value::Limits::default();
        let mut set = Set::new();
        for n in 0..members {
            set.add(format!("member:{n}").as_bytes(), &limits.set, 1);
        }
        Object::Set(set)
    }

    #[test]
    fn a_large_value_goes_in_slices_and_a_small_one_at_once() {
        let mut ks = Keyspace::new(1, 1);
        ks.put(b"small", Payload::Object(large_set(60)), Ttl::Clear);
        ks.put(b"large", Payload::Object(large_set(10_000)), Ttl::Clear);
        let mut list = List::new();
        (0..300_000).for_each(|n: u32| list.push_back(n.to_string().as_bytes(), -2));
        ks.put(b"list", Payload::Object(Object::List(list)), Ttl::Clear);
        assert!(ks.unlink(b"small") && ks.graves.is_empty());
        assert!(ks.unlink(b"large") && ks.unlink(b"list") && !ks.unlink(b"large"));
        assert_eq!((ks.graves.pending, ks.graves.freed), (2, 0));
        let mut slices = 0;
        while ks.graves.free(1000) {
            slices += 1;
        }
        assert!(slices >= 9);
        assert_eq!((ks.graves.pending, ks.graves.freed), (0, 2));
    }

    #[test]
    fn a_database_goes_in_slices_with_what_is_large_in_it() {
        let mut ks = Keyspace::new(1, 1);
        for n in 0..5000 {
            ks.put(format!("key:{n}").as_bytes(), Payload::Text(b"value"), Ttl::At(10 + n));
        }
        ks.put(b"large", Payload::Object(large_set(10_000)), Ttl::Clear);
        assert_eq!(ks.flush(Some(100)), 5001);
        assert!(ks.is_empty());
        assert_eq!(ks.graves.pending as u64 + ks.graves.freed, 5001);
        while ks.graves.free(100) {}
        assert_eq!((ks.graves.pending, ks.graves.freed), (0, 5001));
        ks.put(b"k", Payload::Text(b"v"), Ttl::Clear);
        assert_eq!(ks.flush(None), 1);
        assert_eq!(ks.graves.freed, 5001);
    }
}
