//! Eviction: making room, by one of eight policies, when memory in use is above `maxmemory`.
//!
//! LRU and LFU are approximated as Redis does it: a few random keys are looked at, and the best candidates of all looks are kept in
//! a pool between calls. Work per call is bounded; what is left goes on in `tick`.

use super::entry::Entry;
use super::events;
use super::keyspace::{Expiry, Keyspace};
use super::session::{Session, SessionId};
use super::{Engine, Row, RowId, flag, lazy, unit_flags};
use crate::ds::dict::Keyed;

macro_rules! policies {
    ($($name:ident $text:literal,)*) => {
        /// Which key goes when memory is short: `maxmemory-policy`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum Policy {
            $(#[doc = $text] $name,)*
            /// None does, and commands that use memory are refused.
            #[default]
            NoEviction,
        }
        impl Policy {
            /// All words, in the order Redis lists them.
            pub const WORDS: &[&str] = &[$($text,)* "noeviction"];

            /// Its word in the configuration.
            pub fn word(self) -> &'static str {
                match self {
                    $(Policy::$name => $text,)*
                    Policy::NoEviction => "noeviction",
                }
            }

            /// Returns the policy that `word` names.
            pub fn parse(word: &[u8]) -> Option<Policy> {
                [$(Policy::$name,)* Policy::NoEviction].into_iter().find(|policy| policy.word().as_bytes() == word)
            }
        }
    };
}

policies! {
    VolatileLru "volatile-lru",
    VolatileLfu "volatile-lfu",
    VolatileRandom "volatile-random",
    VolatileTtl "volatile-ttl",
    AllkeysLru "allkeys-lru",
    AllkeysLfu "allkeys-lfu",
    AllkeysRandom "allkeys-random",
}

impl Policy {
    /// Whether only keys with an expiry may go.
    pub fn is_volatile(self) -> bool {
        matches!(self, Policy::VolatileLru | Policy::VolatileLfu | Policy::VolatileRandom | Policy::VolatileTtl)
    }

    /// Whether the access clock counts frequency.
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::VolatileLfu | Policy::AllkeysLfu)
    }

    /// Whether the access clock is what decides.
    pub fn uses_clock(self) -> bool {
        self.is_lfu() || matches!(self, Policy::VolatileLru | Policy::AllkeysLru)
    }

    fn is_random(self) -> bool {
        matches!(self, Policy::VolatileRandom | Policy::AllkeysRandom)
    }
}

/// How many candidates the pool keeps.
const POOL: usize = 16;
/// Keys evicted per call at the default tenacity of 10.
const KEYS_PER_CALL: f64 = 320.0;

/// A key that may go: the higher the score, the sooner.
struct Candidate {
    score: u64,
    db: usize,
    key: Vec<u8>,
}

/// The settings of eviction, and what it keeps between calls.
pub struct Evict {
    /// `maxmemory-policy`; set it with [`Engine`]'s parameter, because the clocks of the keys depend on it.
    pub policy: Policy,
    /// `maxmemory-samples`.
    pub samples: usize,
    /// `maxmemory-eviction-tenacity`: 0 to 100, where 100 is without bound.
    pub tenacity: u32,
    /// `replica-ignore-maxmemory`.
    pub replica_ignores: bool,
    /// Ordered by score, the best last.
    pool: Vec<Candidate>,
    /// Where a random policy looks next.
    next_db: usize,
    /// Work was left, or the limit was changed: `tick` goes on.
    pub pending: bool,
    /// Since when memory is over the limit, ms since the epoch.
    over_since: Option<u64>,
    /// Ms that memory was over the limit before that.
    over_total: u64,
}

impl Default for Evict {
    fn default() -> Self {
        Evict {
            policy: Policy::default(),
            samples: 5,
            tenacity: 10,
            replica_ignores: true,
            pool: Vec::new(),
            next_db: 0,
            pending: false,
            over_since: None,
            over_total: 0,
        }
    }
}

impl Evict {
    /// Changes the policy. Scores of another policy mean nothing, so the pool is emptied.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.pool.clear();
    }

    /// Ms that memory was ever over the limit, and has been this time.
    pub fn exceeded(&self, now: u64) -> (u64, u64) {
        let current = self.over_since.map_or(0, |since| now.saturating_sub(since));
        (self.over_total + current, current)
    }

    /// Forgets how long memory was over the limit (CONFIG RESETSTAT).
    pub fn reset_stats(&mut self, now: u64) {
        self.over_total = 0;
        self.over_since = self.over_since.map(|_| now);
    }

    fn budget(&self) -> usize {
        match self.tenacity {
            100.. => usize::MAX,
            ..=10 => ((KEYS_PER_CALL / 10.0 * f64::from(self.tenacity)) as usize).max(1),
            // As Redis's time limit: each step is 15 % more.
            _ => (KEYS_PER_CALL * 1.15_f64.powi(self.tenacity as i32 - 10)) as usize,
        }
    }

    fn within_limit(&mut self, now: u64) {
        self.pending = false;
        if let Some(since) = self.over_since.take() {
            self.over_total += now.saturating_sub(since);
        }
    }

    /// Keeps a candidate if it is among the best.
    fn offer(&mut self, score: u64, db: usize, key: &[u8]) {
        if self.pool.len() == POOL && self.pool[0].score >= score {
            return;
        }
        if let Some(known) = self.pool.iter().position(|c| c.db == db && c.key == key) {
            if self.pool[known].score == score {
                return;
            }
            self.pool.remove(known);
        } else if self.pool.len() == POOL {
            self.pool.remove(0);
        }
        let at = self.pool.partition_point(|c| c.score < score);
        self.pool.insert(at, Candidate { score, db, key: key.to_vec() });
    }
}

/// What came of making room.
#[derive(PartialEq, Eq)]
enum Room {
    /// There is enough, or nothing is to be evicted here.
    Enough,
    /// Not yet, but the work goes on.
    Working,
    /// There is nothing that may go.
    Never,
}

impl Engine {
    /// Bytes that count against `maxmemory` and are above it: not what waits for the host to store or send, or for followers to
    /// read, because evicting adds to it.
    #[inline]
    fn memory_over_limit(&self) -> u64 {
        let over = (self.server.memory)().saturating_sub(self.server.config.maxmemory);
        if over == 0 { 0 } else { over.saturating_sub(self.uncounted_memory()) }
    }

    /// Bytes of the feed that are on their way.
    #[cold]
    pub fn uncounted_memory(&self) -> u64 {
        let unread = |(id, _): &(SessionId, u64)| self.sessions.get(*id).map_or(0, |session| session.out.capacity());
        (self.ks.effects.waiting() + self.server.followers.iter().map(unread).sum::<usize>()) as u64
    }

    /// Makes room for a command if memory is short. Returns whether the command must be refused. There must be a limit.
    pub(super) fn is_short_of_memory(&mut self, row_id: RowId, row: &Row, me: &mut Session) -> bool {
        if self.memory_over_limit() == 0 {
            if self.server.evict.over_since.is_some() {
                self.server.evict.within_limit(self.ks.now);
            }
            return false;
        }
        if me.replica || self.make_room(me) != Room::Never {
            return false;
        }
        let name = &*self.server.table.slot(row_id).full_name;
        // Queueing takes memory too, whatever is queued.
        let queues = me.multi.is_some() && !matches!(name, "exec" | "discard" | "quit" | "reset");
        queues || unit_flags(name, row, me) & flag::DENYOOM != 0
    }

    /// Goes on with evicting outside of a command.
    pub(super) fn evict_on(&mut self) {
        if !std::mem::take(&mut self.server.evict.pending) {
            return;
        }
        let mut nobody = Session::nobody(self.ks.now);
        if self.server.config.maxmemory > 0 {
            self.make_room(&mut nobody);
        }
    }

    #[cold]
    fn make_room(&mut self, me: &mut Session) -> Room {
        let now = self.ks.now;
        // In a pause nothing may change; a follower is told what to delete.
        let told = self.ks.expiry != Expiry::Deletes;
        if self.server.pause.is_set() || (told && self.server.evict.replica_ignores) {
            return Room::Enough;
        }
        let memory = self.server.memory;
        let mut over = self.memory_over_limit();
        if over > 0 {
            self.server.evict.over_since.get_or_insert(now);
        }
        let mut left = self.server.evict.budget();
        let began = self.server.meter.begin();
        let room = loop {
            if over == 0 {
                self.server.evict.within_limit(now);
                break Room::Enough;
            }
            if left == 0 {
                self.server.evict.pending = true;
                break Room::Working;
            }
            // What is out of sight already is the first to go.
            let before = memory();
            if self.ks.graves.is_empty() {
                let Some((db, id)) = self.ks.pick(&mut self.server.evict) else { break Room::Never };
                let (freed, parts) = self.ks.in_db(db, |ks| ks.evict(id, memory));
                // Only what the key took counts: those who are told of it may take as much, and more keys would not help that.
                over = over.saturating_sub(freed);
                // Each goes out on its own: a follower need not apply them as one.
                self.end_effects();
                left = left.saturating_sub(1 + parts / lazy::WORTH_IT);
            } else {
                self.ks.graves.free(lazy::SLICE);
                over = over.saturating_sub(before.saturating_sub(memory()));
                left = left.saturating_sub(KEYS_PER_CALL as usize / 4);
            }
        };
        let us = self.server.meter.since(began);
        self.server.meter.latency("eviction-cycle", us / 1000, now);
        self.end_unit(me);
        room
    }
}

impl Keyspace {
    /// Deletes entry `id` to make room. Returns how many bytes that freed, and of how many parts the value was.
    fn evict(&mut self, id: u32, memory: fn() -> u64) -> (u64, usize) {
        let key = self.here().data.dict.get(id).key().to_vec();
        let before = memory();
        let entry = self.remove_id(id);
        let parts = entry.parts();
        self.dispose(entry, self.lazily.eviction);
        let freed = before.saturating_sub(memory());
        self.stats.evicted += 1;
        let word: &[u8] = if self.lazily.eviction { b"UNLINK" } else { b"DEL" };
        self.effects.also(self.db(), &[word, &key]);
        self.touch_watchers(&key);
        self.notify(events::EVICTED, "evicted", &key);
        (freed, parts)
    }

    /// Returns the database and id of the key that goes next, `None` if none may.
    fn pick(&mut self, evict: &mut Evict) -> Option<(usize, u32)> {
        match evict.policy {
            Policy::NoEviction => None,
            policy if policy.is_random() => self.pick_random(evict),
            _ => self.pick_best(evict),
        }
    }

    /// The databases take turns.
    fn pick_random(&mut self, evict: &mut Evict) -> Option<(usize, u32)> {
        for _ in 0..self.db_count() {
            let db = evict.next_db % self.db_count();
            evict.next_db = db + 1;
            if let Some(id) = self.sample(db, evict.policy) {
                return Some((db, id));
            }
        }
        None
    }

    fn pick_best(&mut self, evict: &mut Evict) -> Option<(usize, u32)> {
        loop {
            let mut any = false;
            for db in 0..self.db_count() {
                for _ in 0..evict.samples.min(self.evictable(db, evict.policy)) {
                    let Some(id) = self.sample(db, evict.policy) else { break };
                    any = true;
                    let entry = self.data_of(db).dict.get(id);
                    evict.offer(self.eviction_score(entry, evict.policy), db, entry.key());
                }
            }
            if !any {
                return None;
            }
            // What was just sampled is there, so that this ends.
            while let Some(best) = evict.pool.pop() {
                let dict = &self.data_of(best.db).dict;
                let Some(id) = dict.find(&best.key) else { continue };
                let entry = dict.get(id);
                if evict.policy.is_volatile() && entry.expire().is_none() {
                    continue;
                }
                // Used since it was looked at: it may not be the best any more.
                let score = self.eviction_score(entry, evict.policy);
                if score < best.score && evict.pool.last().is_some_and(|next| next.score > score) {
                    evict.offer(score, best.db, &best.key);
                    continue;
                }
                return Some((best.db, id));
            }
        }
    }

    /// The longer idle, the rarer used or the sooner due, the higher.
    fn eviction_score(&self, entry: &Entry, policy: Policy) -> u64 {
        match policy {
            Policy::VolatileTtl => u64::MAX - entry.expire().unwrap_or(u64::MAX),
            _ if policy.is_lfu() => 255 - u64::from(self.lfu_count(entry.clock())),
            _ => u64::from(self.lru_clock().wrapping_sub(entry.clock()) & 0xff_ffff),
        }
    }

    /// How many keys of the database may go.
    fn evictable(&self, db: usize, policy: Policy) -> usize {
        let data = self.data_of(db);
        if policy.is_volatile() { data.expires.len() } else { data.dict.len() }
    }

    /// A random one of the keys that may go.
    fn sample(&mut self, db: usize, policy: Policy) -> Option<u32> {
        let count = self.evictable(db, policy);
        if count == 0 {
            return None;
        }
        let at = self.rng.below(count);
        if policy.is_volatile() { self.data_of(db).expires.get(at).map(|(_, id)| id) } else { Some(at as u32) }
    }
}
