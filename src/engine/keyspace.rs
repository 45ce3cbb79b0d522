//! The data: databases of entries, their expiry, and what every change to them must trigger.
//!
//! Handlers reach data only through [`Keyspace`], which acts on the database the running command selected. Three things are
//! automatic: a key that is due is gone before a handler sees it; a running snapshot keeps the old value before a handler
//! gets a mutable one; a deletion keeps every index right. One thing is not: after a change a handler says so with
//! [`Keyspace::changed`].

use super::answered::Answered;
use super::effects::Effects;
use super::entry::{Entry, Payload};
use super::error::Error;
use super::events::{self, Event};
use super::functions::Libraries;
use super::lazy::{Graveyard, Lazily};
use super::queued::Queued;
use super::session::SessionId;
use super::snapshot::{Sink, Snapshot};
use super::tracking::Change;
use super::value::{Limits, Object, Structure, Type};
use crate::base::hash::{Map, Seeded};
use crate::base::rng::Rng;
use crate::ds::dict::{Dict, Keyed};
use crate::ds::listpack::Elem;
use crate::ds::tree::Tree;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// What a write does to the key's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// Leaves it.
    Keep,
    /// Removes it.
    Clear,
    /// Sets it to this many ms since the epoch.
    At(u64),
}

impl Ttl {
    /// The expiry of a key that was not there.
    fn of_new(self) -> Option<u64> {
        match self {
            Ttl::At(at) => Some(at),
            Ttl::Keep | Ttl::Clear => None,
        }
    }
}

/// Counters of the data, as INFO prints them.
#[derive(Clone, Debug, Default)]
pub struct KeyStats {
    /// Reads of a key that was there.
    pub hits: u64,
    /// Reads of a key that was not.
    pub misses: u64,
    /// Keys deleted because they were due.
    pub expired: u64,
    /// Hash fields deleted because they were due.
    pub expired_fields: u64,
    /// Keys deleted to make room.
    pub evicted: u64,
}

/// How the access clock of an entry is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Seconds of the last access.
    #[default]
    Lru,
    /// Minutes of the last decrement and a logarithmic counter.
    Lfu,
}

/// Who decides that a key is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// This engine: due keys are deleted when met, and by `tick`.
    #[default]
    Deletes,
    /// Another engine, whose DEL will come: due keys are hidden until then.
    Hides,
    /// Nobody just now: an effect is being replayed, which saw the key.
    Ignores,
}

/// The data of one database; `SWAPDB` exchanges two of these.
pub(super) struct Data {
    pub(super) dict: Dict<Entry>,
    /// (ms, id) of every key with an expiry, soonest first.
    pub(super) expires: Tree<(u64, u32)>,
    /// (ms, key) at which a hash has a field due. A hint: it may be late news, never missing news.
    fields: BTreeSet<(u64, Vec<u8>)>,
    /// Which data this is, whatever database it is under: a running snapshot follows it.
    pub(super) serial: u64,
    /// The number of the database it was when the snapshot began.
    pub(super) label: usize,
}

/// One of the numbered databases.
pub struct Db {
    pub(super) data: Data,
    /// Sessions that watch a key.
    pub(super) watched: Map<Vec<u8>, Vec<SessionId>>,
    /// Who waits for which key.
    pub(super) blocked: Map<Vec<u8>, Queue>,
}

/// The sessions that wait for a key.
#[derive(Default)]
pub(super) struct Queue {
    /// First come first.
    pub(super) sessions: Vec<SessionId>,
    /// A change has put the key among the ready ones, so another need not.
    pub(super) ready: bool,
}

/// All databases, and everything that goes with changing them.
pub struct Keyspace {
    dbs: Vec<Db>,
    /// The database the running command works on.
    db: usize,
    /// Now, ms since the epoch; it stands still while a command runs.
    pub now: u64,
    /// Thresholds of the compact encodings.
    pub limits: Limits,
    /// The seed of every hash table.
    pub seed: u64,
    /// All chance there is.
    pub rng: Rng,
    /// What reproduces the changes.
    pub effects: Effects,
    /// Function libraries: of no database, but kept with the keys.
    pub functions: Libraries,
    /// What requests of other engines were answered: part of what is kept and followed.
    pub answered: Answered,
    /// What a leader elsewhere has yet to do, and how far it was heard: part of what is kept and followed, too.
    pub queue: Queued,
    /// How often all data was exchanged for other data that no effects tell of.
    pub replaced: u64,
    /// Counts changes since the last save.
    pub dirty: u64,
    /// Which notifications are wanted: bits of [`events`].
    pub notify_flags: u32,
    /// Notifications of the running unit, not delivered yet.
    pub events: Vec<Event>,
    /// Sessions whose watched keys changed in the running unit.
    pub(super) touched: Vec<SessionId>,
    /// Somebody has cached keys, so changes are collected in `invalid`.
    pub(super) tracked: bool,
    /// What changed in the running unit.
    pub(super) invalid: Vec<Change>,
    /// Clients that watch nothing any more where the leader is.
    pub unwatched_afar: Vec<u64>,
    /// Keys that changed while somebody waited for them.
    pub(super) ready: Vec<(usize, Vec<u8>)>,
    /// Counters.
    pub stats: KeyStats,
    /// Who decides that a key is due.
    pub expiry: Expiry,
    /// How access is remembered.
    pub clock: Clock,
    /// `lfu-log-factor` and `lfu-decay-time` (minutes).
    pub lfu: (u32, u32),
    /// The running command leaves access clocks alone (`CLIENT NO-TOUCH`).
    pub no_touch: bool,
    /// Which deletions free their values later.
    pub lazily: Lazily,
    /// What was deleted and is not freed yet.
    pub graves: Graveyard,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) epoch: u8,
    /// The epoch of the last snapshot that came to all entries: none has an older one.
    epoch_of_all: u8,
    serials: u64,
}

fn by_time(at: u64, id: u32) -> impl Fn(&(u64, u32)) -> Ordering {
    move |e| e.cmp(&(at, id))
}

impl Data {
    fn new(seed: u64, serial: u64) -> Self {
        Data { dict: Dict::new(seed), expires: Tree::new(), fields: BTreeSet::new(), serial, label: 0 }
    }

    fn schedule(&mut self, id: u32, at: Option<u64>) {
        if let Some(at) = at {
            self.expires.insert((at, id), by_time(at, id));
        }
    }

    fn unschedule(&mut self, id: u32, at: Option<u64>) {
        if let Some(at) = at {
            let removed = self.expires.remove(by_time(at, id));
            debug_assert!(removed.is_some(), "every expiry is in the tree");
        }
    }

    #[inline]
    fn insert(&mut self, entry: Entry) -> u32 {
        let at = entry.expire();
        self.hint_fields(&entry);
        let id = self.dict.insert(entry);
        self.schedule(id, at);
        id
    }

    fn replace(&mut self, id: u32, entry: Entry) -> Entry {
        let new = entry.expire();
        self.hint_fields(&entry);
        let old = self.dict.replace(id, entry);
        if old.expire() != new {
            self.unschedule(id, old.expire());
            self.schedule(id, new);
        }
        old
    }

    fn hint_fields(&mut self, entry: &Entry) {
        if let Some(Object::Hash(hash)) = entry.object()
            && let Some(at) = hash.next_expire()
        {
            self.fields.insert((at, entry.key().to_vec()));
        }
    }

    fn remove(&mut self, id: u32) -> Entry {
        let removed = self.dict.remove(id);
        self.unschedule(id, removed.entry.expire());
        if let Some(from) = removed.moved_from {
            let at = self.dict.get(id).expire();
            self.unschedule(from, at);
            self.schedule(id, at);
        }
        removed.entry
    }
}

/// Looking.
impl Keyspace {
    /// Returns `count` empty databases.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut serials = 0;
        let dbs = (0..count)
            .map(|_| {
                serials += 1;
                let (watched, blocked) = (Map::with_hasher(Seeded(seed)), Map::with_hasher(Seeded(seed)));
                Db { data: Data::new(seed, serials), watched, blocked }
            })
            .collect();
        Keyspace {
            dbs,
            db: 0,
            now: 0,
            limits: Limits::default(),
            seed,
            rng: Rng::new(seed),
            effects: Effects::default(),
            functions: Libraries::default(),
            answered: Answered::default(),
            queue: Queued::default(),
            replaced: 0,
            dirty: 0,
            notify_flags: 0,
            events: Vec::new(),
            touched: Vec::new(),
            tracked: false,
            invalid: Vec::new(),
            unwatched_afar: Vec::new(),
            ready: Vec::new(),
            stats: KeyStats::default(),
            expiry: Expiry::Deletes,
            clock: Clock::Lru,
            lfu: (10, 1),
            no_touch: false,
            lazily: Lazily::default(),
            graves: Graveyard::default(),
            snapshot: None,
            epoch: 0,
            epoch_of_all: 0,
            serials,
        }
    }

    /// How many databases there are.
    pub fn db_count(&self) -> usize {
        self.dbs.len()
    }

    /// The number of the database the running command works on.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Works on database `db` from here on; the engine does this before every command.
    pub fn select(&mut self, db: usize) {
        debug_assert!(db < self.dbs.len());
        self.db = db;
    }

    /// Runs `f` on database `db`, for the few commands that reach across.
    pub fn in_db<R>(&mut self, db: usize, f: impl FnOnce(&mut Self) -> R) -> R {
        let home = std::mem::replace(&mut self.db, db);
        let result = f(self);
        self.db = home;
        result
    }

    pub(super) fn here(&self) -> &Db {
        &self.dbs[self.db]
    }

    pub(super) fn data_of(&self, db: usize) -> &Data {
        &self.dbs[db].data
    }

    pub(super) fn here_mut(&mut self) -> &mut Db {
        &mut self.dbs[self.db]
    }

    /// How many keys the database has, due ones not yet met included.
    pub fn len(&self) -> usize {
        self.here().data.dict.len()
    }

    /// Whether the database has no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys of the database have an expiry, and the mean ms left.
    pub fn volatile(&self) -> (usize, u64) {
        let expires = &self.here().data.expires;
        let sample = expires.len().min(64);
        let sum: u64 = (0..sample)
            .filter_map(|n| expires.get(n * expires.len() / sample))
            .map(|(at, _)| at.saturating_sub(self.now))
            .sum();
        (expires.len(), if sample == 0 { 0 } else { sum / sample as u64 })
    }

    /// The bytes of the database's index and slab, heads of entries included, and of its expiry tree.
    pub fn overhead(&self) -> (usize, usize) {
        let data = &self.here().data;
        (data.dict.heap_bytes() + 8 * data.dict.len(), data.expires.heap_bytes())
    }

    /// Whether fields of a hash in the database may expire.
    pub fn has_volatile_fields(&self) -> bool {
        !self.here().data.fields.is_empty()
    }

    /// Returns the id of `key` if it is there and not due. A due key is deleted first, and so are due hash fields.
    #[inline]
    fn find(&mut self, key: &[u8]) -> Option<u32> {
        let dict = &self.dbs[self.db].data.dict;
        let id = dict.find(key)?;
        let entry = dict.get(id);
        let due = entry.expire().is_some_and(|at| self.now > at);
        if !due && entry.kind() != Type::Hash {
            return Some(id);
        }
        self.find_slowly(key, id, due)
    }

    #[cold]
    #[inline(never)]
    fn expire_key(&mut self, id: u32) {
        let entry = self.remove_id(id);
        self.stats.expired += 1;
        let word: &[u8] = if self.lazily.expire { b"UNLINK" } else { b"DEL" };
        self.effects.also(self.db, &[word, entry.key()]);
        self.touch_watchers(entry.key());
        self.disown();
        self.notify(events::EXPIRED, "expired", entry.key());
        self.dispose(entry, self.lazily.expire);
    }

    fn find_slowly(&mut self, key: &[u8], id: u32, due: bool) -> Option<u32> {
        if due {
            match self.expiry {
                Expiry::Ignores => return Some(id),
                Expiry::Hides => return None,
                Expiry::Deletes => {
                    self.expire_key(id);
                    return None;
                }
            }
        }
        let Some(Object::Hash(hash)) = self.here().data.dict.get(id).object() else { return Some(id) };
        if hash.next_expire().is_none_or(|at| self.now <= at) || self.expiry != Expiry::Deletes {
            return Some(id);
        }
        self.expire_fields(key, usize::MAX);
        self.here().data.dict.find(key)
    }

    /// Returns the entry of `key` as a read: counts a hit or a miss and remembers the access.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<&Entry> {
        let Some(id) = self.find(key) else {
            self.stats.misses += 1;
            self.notify(events::KEY_MISS, "keymiss", key);
            return None;
        };
        self.stats.hits += 1;
        self.touch(id);
        Some(self.dbs[self.db].data.dict.get(id))
    }

    /// Returns the entry of `key` without counting or remembering the access.
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        let id = self.find(key)?;
        Some(self.here().data.dict.get(id))
    }

    /// Returns the string at `key`. Fails if it holds another type.
    #[inline]
    pub fn text(&mut self, key: &[u8]) -> Result<Option<Elem<'_>>, Error> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.text().map(Some).ok_or(Error::WrongType),
        }
    }

    /// Returns the structure at `key`. Fails if it holds another type.
    pub fn get<T: Structure>(&mut self, key: &[u8]) -> Result<Option<&T>, Error> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.object().and_then(T::of).map(Some).ok_or(Error::WrongType),
        }
    }

    /// Returns the structure at `key` as a command that writes looks at it: without counting a hit or a miss. Fails if it
    /// holds another type.
    pub fn look<T: Structure>(&mut self, key: &[u8]) -> Result<Option<&T>, Error> {
        match self.peek(key) {
            None => Ok(None),
            Some(entry) => entry.object().and_then(T::of).map(Some).ok_or(Error::WrongType),
        }
    }

    /// Returns the string at `key` as a command that writes looks at it: without counting a hit or a miss. Fails if it holds
    /// another type.
    pub fn look_text(&mut self, key: &[u8]) -> Result<Option<Elem<'_>>, Error> {
        match self.peek(key) {
            None => Ok(None),
            Some(entry) => entry.text().map(Some).ok_or(Error::WrongType),
        }
    }

    /// Returns the structure at `key` through a shared borrow, so that several keys can be held at once. Counts, expires and
    /// remembers nothing: [`Keyspace::read`] each key first.
    #[inline]
    pub fn see<T: Structure>(&self, key: &[u8]) -> Result<Option<&T>, Error> {
        match self.see_entry(key) {
            None => Ok(None),
            Some(entry) => entry.object().and_then(T::of).map(Some).ok_or(Error::WrongType),
        }
    }

    /// Like [`Keyspace::see`], whatever the type.
    pub fn see_entry(&self, key: &[u8]) -> Option<&Entry> {
        let entry = self.here().data.dict.lookup(key)?;
        let due = self.expiry != Expiry::Ignores && entry.expire().is_some_and(|at| self.now > at);
        (!due).then_some(entry)
    }

    /// Returns whether `key` is there, without counting or remembering.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Returns the type at `key`.
    pub fn kind(&mut self, key: &[u8]) -> Option<Type> {
        self.peek(key).map(Entry::kind)
    }

    /// Returns when `key` expires: `None` without the key, `Some(None)` without an expiry, ms since the epoch otherwise.
    pub fn expire_at(&mut self, key: &[u8]) -> Option<Option<u64>> {
        self.peek(key).map(Entry::expire)
    }

    /// Visits about `count` entries from `cursor` (0 to begin); returns the next cursor, 0 at the end. Every key that is
    /// there from beginning to end is visited at least once. Due keys are not shown, but deleted when `f` has seen the others.
    pub fn scan(&mut self, cursor: u64, count: usize, mut f: impl FnMut(&Entry)) -> u64 {
        let now = self.now;
        let mut due = Vec::new();
        let next = self.here().data.dict.scan(cursor, count, |entry| {
            if entry.expire().is_none_or(|at| now <= at) {
                f(entry);
            } else {
                due.push(entry.key().to_vec());
            }
        });
        // A deletion moves an entry only downwards, where the walk still comes or has been: see `Dict::scan`.
        due.iter().for_each(|key| _ = self.find(key));
        next
    }

    /// All entries of the database that are not due.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.here().data.dict.iter().filter(|entry| entry.expire().is_none_or(|at| self.now <= at))
    }

    /// Returns a key chosen with equal chance, or `None` from an empty database. Due keys it meets are deleted.
    pub fn random_key(&mut self) -> Option<Vec<u8>> {
        // Where due keys are hidden, not deleted, all could be due: then one of them is the answer, as in Redis.
        let mut tries = 100;
        loop {
            let id = self.dbs[self.db].data.dict.random(&mut self.rng)?;
            let key = self.here().data.dict.get(id).key().to_vec();
            tries -= 1;
            if self.find(&key).is_some() || (tries < 0 && self.expiry == Expiry::Hides) {
                return Some(key);
            }
        }
    }

    fn touch(&mut self, id: u32) {
        if self.no_touch {
            return;
        }
        let clock = match self.clock {
            Clock::Lru => self.lru_clock(),
            Clock::Lfu => {
                let old = self.here().data.dict.get(id).clock();
                self.lfu_touch(old)
            }
        };
        self.here_mut().data.dict.get_mut(id).set_clock(clock);
    }

    /// The clock of an entry that is made now.
    pub fn birth_clock(&self) -> u32 {
        match self.clock {
            Clock::Lru => self.lru_clock(),
            // A new key starts at 5, so that it is not the first to go.
            Clock::Lfu => (self.minutes() << 8) | 5,
        }
    }

    /// Seconds, as far as 24 bits go.
    pub fn lru_clock(&self) -> u32 {
        (self.now / 1000) as u32 & 0xff_ffff
    }

    fn minutes(&self) -> u32 {
        (self.now / 60_000) as u32 & 0xffff
    }

    /// The access frequency of a clock value: its counter less one for every decay time that passed.
    pub fn lfu_count(&self, clock: u32) -> u32 {
        let (then, count) = (clock >> 8, clock & 0xff);
        let passed = self.minutes().wrapping_sub(then) & 0xffff;
        match self.lfu.1 {
            0 => count,
            decay => count.saturating_sub(passed / decay),
        }
    }

    /// Counts an access logarithmically: the higher the counter, the less likely it grows.
    fn lfu_touch(&mut self, clock: u32) -> u32 {
        let mut count = self.lfu_count(clock);
        let base = f64::from(count.saturating_sub(5));
        if count < 255 && self.rng.f64() < 1.0 / (base * f64::from(self.lfu.0) + 1.0) {
            count += 1;
        }
        (self.minutes() << 8) | count
    }
}

/// Changing.
impl Keyspace {
    /// Says that `key` changed: counts it, wakes who watches or waits for it, and notifies. Every handler that changes a key
    /// calls this once for each event Redis sends (or [`Keyspace::notify`] for the further ones).
    pub fn changed(&mut self, key: &[u8], class: u32, event: &'static str) {
        self.dirty += 1;
        self.touch_watchers(key);
        self.notify(class, event, key);
    }

    /// Records a notification without saying that the key changed.
    #[inline]
    pub fn notify(&mut self, class: u32, event: &'static str, key: &[u8]) {
        if self.notify_flags & class != 0 && self.notify_flags & (events::KEYSPACE | events::KEYEVENT) != 0 {
            self.events.push(Event { db: self.db, name: event, key: key.to_vec() });
        }
    }

    /// Tells who watches `key` that it changed, and marks it ready for who waits for it.
    #[inline]
    pub fn touch_watchers(&mut self, key: &[u8]) {
        let db = &mut self.dbs[self.db];
        if !db.watched.is_empty()
            && let Some(sessions) = db.watched.get(key)
        {
            self.touched.extend(sessions);
        }
        if self.tracked {
            self.invalid.push(Change::Key { key: key.to_vec(), own: true });
        }
        if !db.blocked.is_empty()
            && let Some(queue) = db.blocked.get_mut(key)
            && !std::mem::replace(&mut queue.ready, true)
        {
            self.ready.push((self.db, key.to_vec()));
        }
    }

    /// Says that the change told last was not the running session's: time or want of memory made it.
    #[inline]
    pub(super) fn disown(&mut self) {
        if let Some(Change::Key { own, .. }) = self.invalid.last_mut() {
            *own = false;
        }
    }

    /// Returns the entry of `key` to change, its old value safe in a running snapshot.
    fn entry_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let id = self.find(key)?;
        self.touch(id);
        self.preserve(id);
        Some(self.here_mut().data.dict.get_mut(id))
    }

    /// Returns the structure at `key` to change. Fails if it holds another type. If you empty it, call
    /// [`Keyspace::delete_if_empty`].
    pub fn get_mut<T: Structure>(&mut self, key: &[u8]) -> Result<Option<&mut T>, Error> {
        match self.entry_mut(key) {
            None => Ok(None),
            Some(entry) => entry.object_mut().and_then(T::of_mut).map(Some).ok_or(Error::WrongType),
        }
    }

    /// Returns the structure at `key` to change, made if it was not there; then you must put something in. Fails if the key
    /// holds another type.
    pub fn get_or_new<T: Structure>(&mut self, key: &[u8]) -> Result<&mut T, Error> {
        let id = match self.find(key) {
            Some(id) => {
                self.touch(id);
                self.preserve(id);
                id
            }
            None => {
                let object = T::empty(self.seed).into_object();
                self.insert(key, Payload::Object(object), None)
            }
        };
        let entry = self.here_mut().data.dict.get_mut(id);
        entry.object_mut().and_then(T::of_mut).ok_or(Error::WrongType)
    }

    /// Returns the bytes of the string at `key` to change in place; its encoding becomes `raw`. Fails if it holds another type.
    pub fn raw_text(&mut self, key: &[u8]) -> Result<Option<&mut Vec<u8>>, Error> {
        let Some(id) = self.find(key) else { return Ok(None) };
        self.touch(id);
        self.preserve(id);
        let epoch = self.epoch;
        let clock = self.birth_clock();
        let data = &mut self.dbs[self.db].data;
        let entry = data.dict.get(id);
        let text = entry.text().ok_or(Error::WrongType)?;
        if !entry.is_heap_text() {
            let new = Entry::new(key, Payload::Raw(text.to_vec()), entry.expire(), clock, epoch);
            data.replace(id, new);
        }
        Ok(data.dict.get_mut(id).raw_mut())
    }

    /// Stores the string `text` at `key`, whatever was there.
    #[inline]
    pub fn set_text(&mut self, key: &[u8], text: &[u8], ttl: Ttl) {
        if let Some(id) = self.find(key) {
            self.preserve(id);
            let clock = self.birth_clock();
            let entry = self.dbs[self.db].data.dict.get_mut(id);
            let same_expiry = match ttl {
                Ttl::Keep => true,
                Ttl::Clear => entry.expire().is_none(),
                Ttl::At(at) => entry.expire() == Some(at),
            };
            if same_expiry && entry.overwrite(text) {
                entry.set_clock(clock);
                return;
            }
            return self.put_at(id, key, Payload::Text(text), ttl);
        }
        self.insert(key, Payload::Text(text), ttl.of_new());
    }

    /// Stores what `change` makes of the string at `key`, which is `None` without the key; the expiry stays. Returns the new
    /// integer. Fails, and changes nothing, if the key holds another type or `change` fails.
    pub fn update_int(
        &mut self,
        key: &[u8],
        change: impl FnOnce(Option<Elem<'_>>) -> Result<i64, Error>,
    ) -> Result<i64, Error> {
        let Some(id) = self.find(key) else {
            let new = change(None)?;
            self.insert(key, Payload::Int(new), None);
            return Ok(new);
        };
        let new = change(Some(self.here().data.dict.get(id).text().ok_or(Error::WrongType)?))?;
        self.touch(id);
        self.preserve(id);
        if !self.here_mut().data.dict.get_mut(id).set_int(new) {
            self.put_at(id, key, Payload::Int(new), Ttl::Keep);
        }
        Ok(new)
    }

    /// Stores `object` at `key`, whatever was there. An empty one deletes the key.
    pub fn set_object(&mut self, key: &[u8], object: Object, ttl: Ttl) {
        if object.is_empty() {
            self.delete(key);
        } else {
            self.put(key, Payload::Object(object), ttl);
        }
    }

    /// Stores a value at `key`, whatever was there.
    #[inline]
    pub fn put(&mut self, key: &[u8], value: Payload<'_>, ttl: Ttl) {
        match self.find(key) {
            Some(id) => self.put_at(id, key, value, ttl),
            None => _ = self.insert(key, value, ttl.of_new()),
        }
    }

    /// Stores a value in the place of entry `id`, whose key is `key`.
    fn put_at(&mut self, id: u32, key: &[u8], value: Payload<'_>, ttl: Ttl) {
        self.preserve(id);
        let (clock, epoch) = (self.birth_clock(), self.epoch);
        let data = &mut self.dbs[self.db].data;
        let expire = match ttl {
            Ttl::Keep => data.dict.get(id).expire(),
            Ttl::Clear => None,
            Ttl::At(at) => Some(at),
        };
        let old = data.replace(id, Entry::new(key, value, expire, clock, epoch));
        self.dispose(old, self.lazily.server_del);
    }

    #[inline]
    fn insert(&mut self, key: &[u8], value: Payload<'_>, expire: Option<u64>) -> u32 {
        let entry = Entry::new(key, value, expire, self.birth_clock(), self.epoch);
        self.insert_entry(entry)
    }

    /// Adds an entry under a key that is not there. Returns its id.
    fn insert_entry(&mut self, entry: Entry) -> u32 {
        let key = (self.notify_flags & events::NEW != 0).then(|| entry.key().to_vec());
        let id = self.here_mut().data.insert(entry);
        if let Some(key) = key {
            self.notify(events::NEW, "new", &key);
        }
        id
    }

    /// Deletes `key`. Returns whether it was there. Says nothing to anyone: see [`Keyspace::changed`].
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let Some(id) = self.find(key) else { return false };
        self.remove_id(id);
        true
    }

    /// Deletes `key` if its structure has become empty, with the `del` event. Returns whether it did.
    pub fn delete_if_empty(&mut self, key: &[u8]) -> bool {
        let dict = &self.here().data.dict;
        let Some(id) = dict.find(key) else { return false };
        let empty = dict.get(id).object().is_some_and(Object::is_empty);
        if empty {
            self.remove_id(id);
            self.notify(events::GENERIC, "del", key);
        }
        empty
    }

    pub(super) fn remove_id(&mut self, id: u32) -> Entry {
        self.preserve(id);
        let data = &mut self.dbs[self.db].data;
        // The last one fills the hole.
        let last = data.dict.len() as u32 - 1;
        let entry = data.remove(id);
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.moved(data.serial, last, id);
        }
        entry
    }

    /// Takes `key` out with its value and expiry, to put it elsewhere with [`Keyspace::adopt`].
    pub fn take(&mut self, key: &[u8]) -> Option<Entry> {
        let id = self.find(key)?;
        Some(self.remove_id(id))
    }

    /// Puts an entry under `key` of this database, whatever was there, with the value, expiry and access clock it has.
    pub fn adopt(&mut self, key: &[u8], entry: Entry) {
        if let Some(old) = self.take(key) {
            self.dispose(old, self.lazily.server_del);
        }
        let mut entry = entry.with_key(key);
        entry.set_epoch(self.epoch);
        self.insert_entry(entry);
    }

    /// Sets or removes the expiry of `key`. Returns whether the key is there.
    pub fn set_expire(&mut self, key: &[u8], at: Option<u64>) -> bool {
        let Some(id) = self.find(key) else { return false };
        self.preserve(id);
        let data = &mut self.here_mut().data;
        let old = data.dict.get(id).expire();
        if old != at {
            data.unschedule(id, old);
            data.dict.get_mut(id).set_expire(at);
            data.schedule(id, at);
        }
        true
    }

    /// Sets the access clock of `key`, for RESTORE and COPY.
    pub fn set_clock(&mut self, key: &[u8], clock: u32) {
        if let Some(id) = self.find(key) {
            self.here_mut().data.dict.get_mut(id).set_clock(clock);
        }
    }

    /// Empties the database. Returns how many keys it had. Tells watchers. Frees all memory, or so many parts `at_once` and the
    /// rest later.
    pub fn flush(&mut self, at_once: Option<usize>) -> usize {
        let count = self.len();
        if self.tracked && self.invalid.last() != Some(&Change::All) {
            self.invalid.push(Change::All);
        }
        self.announce_all(self.db);
        self.serials += 1;
        let fresh = Data::new(self.seed, self.serials);
        let old = std::mem::replace(&mut self.here_mut().data, fresh);
        let old = match &mut self.snapshot {
            Some(snapshot) => snapshot.detach(old),
            None => Some(old),
        };
        if let Some(old) = old {
            self.dispose_data(old, at_once);
        }
        count
    }

    /// Tells who watches or waits for a key that is in database `db`.
    fn announce_all(&mut self, db: usize) {
        let Db { data, watched, blocked } = &self.dbs[db];
        let there = |key: &[u8]| data.dict.contains(key);
        self.touched.extend(watchers_of(watched, there));
        self.ready.extend(blocked.keys().filter(|key| there(key)).map(|key| (db, key.clone())));
    }

    /// Forgets all there is: the keys of every database, and the function libraries, which no flush takes.
    pub fn clear(&mut self) {
        for db in 0..self.db_count() {
            self.in_db(db, |ks| ks.flush(None));
        }
        self.functions = Libraries::default();
        self.answered = Answered::default();
        self.queue = Queued::default();
        self.replaced += 1;
    }

    /// Returns an empty keyspace with the same settings, to load data into that may take the place of this.
    pub fn beside(&self) -> Self {
        let Keyspace { limits, clock, lfu, .. } = *self;
        Keyspace { limits, clock, lfu, ..Keyspace::new(self.db_count(), self.seed) }
    }

    /// Exchanges all data and libraries for those of `other`. Tells watchers, and frees the old later. A running snapshot is
    /// dropped.
    pub(super) fn take_over(&mut self, mut other: Keyspace) {
        self.snapshot_end();
        for db in 0..self.db_count() {
            self.dirty += self.in_db(db, |ks| ks.flush(Some(0))) as u64;
            std::mem::swap(&mut self.dbs[db].data, &mut other.dbs[db].data);
            self.dirty += self.dbs[db].data.dict.len() as u64;
            self.announce_all(db);
        }
        self.functions = std::mem::take(&mut other.functions);
        self.answered = std::mem::take(&mut other.answered);
        self.queue = std::mem::take(&mut other.queue);
        self.replaced += 1;
        // No entry is left that is of another epoch.
        (self.epoch, self.epoch_of_all) = (other.epoch, other.epoch_of_all);
        self.serials = self.serials.max(other.serials);
    }

    /// Exchanges the data of two databases. Who watches or waits stays with the number. Tells watchers.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        self.expire_watched(a, b);
        let (low, high) = self.dbs.split_at_mut(a.max(b));
        let (low, high) = (&mut low[a.min(b)], &mut high[0]);
        let there = |key: &[u8]| low.data.dict.contains(key) || high.data.dict.contains(key);
        for db in [&*low, &*high] {
            self.touched.extend(watchers_of(&db.watched, there));
        }
        for (n, db) in [(a.min(b), &*low), (a.max(b), &*high)] {
            let waited = db.blocked.keys().filter(|key| there(key));
            self.ready.extend(waited.map(|key| (n, key.clone())));
        }
        std::mem::swap(&mut low.data, &mut high.data);
    }

    /// Deletes, in both databases, the due ones of the keys that are watched in one of them: to a watcher a due key that is
    /// swapped in is no change.
    fn expire_watched(&mut self, a: usize, b: usize) {
        let keys: Vec<Vec<u8>> = [a, b].iter().flat_map(|db| self.dbs[*db].watched.keys().cloned()).collect();
        for db in [a, b] {
            self.in_db(db, |ks| keys.iter().for_each(|key| _ = ks.find(key)));
        }
    }

    /// Makes room for `n` keys at once.
    pub fn reserve(&mut self, n: usize) {
        self.here_mut().data.dict.reserve(n);
    }
}

/// Expiry.
impl Keyspace {
    /// Says that the fields of the hash at `key` were given other expiries: `before` is what `next_expire` said before.
    pub fn fields_rescheduled(&mut self, key: &[u8], before: Option<u64>) {
        let after = match self.see_entry(key).and_then(Entry::object) {
            Some(Object::Hash(hash)) => hash.next_expire(),
            _ => None,
        };
        if before == after {
            return;
        }
        let fields = &mut self.here_mut().data.fields;
        if let Some(at) = before {
            fields.remove(&(at, key.to_vec()));
        }
        if let Some(at) = after {
            fields.insert((at, key.to_vec()));
        }
    }

    /// Deletes up to `max` due fields of the hash at `key`, and the key when none is left. Returns how many.
    fn expire_fields(&mut self, key: &[u8], max: usize) -> usize {
        let Some(id) = self.here().data.dict.find(key) else { return 0 };
        self.preserve(id);
        let now = self.now;
        let Some(Object::Hash(hash)) = self.here_mut().data.dict.get_mut(id).object_mut() else { return 0 };
        let gone = hash.pop_expired(now, max);
        let next = hash.next_expire();
        if let Some(at) = next {
            self.here_mut().data.fields.insert((at, key.to_vec()));
        }
        if gone.is_empty() {
            return 0;
        }
        self.stats.expired_fields += gone.len() as u64;
        let argv: Vec<&[u8]> = [&b"HDEL"[..], key].into_iter().chain(gone.iter().map(Vec::as_slice)).collect();
        self.effects.also(self.db, &argv);
        self.touch_watchers(key);
        self.disown();
        self.notify(events::HASH, "hexpired", key);
        self.delete_if_empty(key);
        gone.len()
    }

    /// Deletes up to `max` due keys and fields of all databases, soonest first. Returns how many.
    pub(super) fn expire_due(&mut self, max: usize) -> usize {
        let home = self.db;
        let mut left = max;
        for db in 0..self.dbs.len() {
            self.db = db;
            while left > 0
                && let Some((at, id)) = self.here().data.expires.get(0).filter(|(at, _)| self.now > *at)
            {
                debug_assert_eq!(self.here().data.dict.get(id).expire(), Some(at));
                self.expire_key(id);
                left -= 1;
            }
            while left > 0 && self.here().data.fields.first().is_some_and(|(at, _)| self.now > *at) {
                let (_, key) = self.here_mut().data.fields.pop_first().expect("there is a first one");
                left -= self.expire_fields(&key, left).clamp(1, left);
            }
        }
        self.db = home;
        max - left
    }

    /// When the next key of the selected database is due, ms since the epoch. Cheaper than asking about all databases.
    #[inline]
    pub fn next_due_here(&self) -> Option<u64> {
        self.here().data.expires.get(0).map(|(at, _)| at)
    }

    /// When the next key or field is due, ms since the epoch.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.dbs
            .iter()
            .flat_map(|db| {
                let field = db.data.fields.first().map(|(at, _)| *at);
                [db.data.expires.get(0).map(|(at, _)| at), field]
            })
            .flatten()
            .min()
    }
}

/// Point-in-time snapshots.
impl Keyspace {
    /// Begins a snapshot of all databases as they are now, into `sink`. One runs at a time: an earlier one is dropped. Returns its
    /// number.
    pub fn snapshot_begin(&mut self, sink: Box<dyn Sink>) -> u64 {
        self.snapshot_end();
        if self.epoch.wrapping_add(1) == self.epoch_of_all {
            // So many snapshots in a row were dropped that numbers come back which entries still have.
            for db in &mut self.dbs {
                for id in 0..db.data.dict.len() as u32 {
                    db.data.dict.get_mut(id).set_epoch(self.epoch);
                }
            }
            self.epoch_of_all = self.epoch;
        }
        self.epoch = self.epoch.wrapping_add(1);
        let mut todo = Vec::new();
        for (n, db) in self.dbs.iter_mut().enumerate() {
            db.data.label = n;
            todo.push((db.data.serial, db.data.dict.len() as u64));
        }
        self.serials += 1;
        self.snapshot = Some(Snapshot::new(self.serials, self.epoch, todo, sink));
        self.serials
    }

    /// Whether the snapshot that was given this number is running.
    pub fn is_taking(&self, number: u64) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.number == number)
    }

    /// Whether a snapshot is running.
    pub fn snapshot_running(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Goes on with the running snapshot by `room`: about so many bytes are gone over, an entry counting 32 besides. Returns
    /// whether more are left.
    pub fn snapshot_step(&mut self, room: usize) -> bool {
        let Some(mut snapshot) = self.snapshot.take() else { return false };
        let (more, gone) = snapshot.step(room, self.dbs.iter_mut().map(|db| &mut db.data));
        self.snapshot = Some(snapshot);
        if !more {
            self.epoch_of_all = self.epoch;
        }
        gone.into_iter().for_each(|data| self.dispose_data(data, Some(0)));
        more
    }

    /// How many keys the running snapshot has still to come to.
    pub fn snapshot_left(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, Snapshot::left)
    }

    /// Takes what the running snapshot has written so far. When it has come to all keys, that is the end of it, and the snapshot has
    /// ended.
    pub fn snapshot_take(&mut self) -> Vec<u8> {
        match &mut self.snapshot {
            Some(snapshot) if snapshot.is_complete() => self.snapshot_end().map_or_else(Vec::new, |mut sink| {
                sink.finish();
                sink.take()
            }),
            Some(snapshot) => snapshot.sink().take(),
            None => Vec::new(),
        }
    }

    /// Ends the snapshot, finished or not, and returns its sink.
    pub fn snapshot_end(&mut self) -> Option<Box<dyn Sink>> {
        let (sink, gone) = self.snapshot.take()?.end();
        gone.into_iter().for_each(|data| self.dispose_data(data, Some(0)));
        Some(sink)
    }

    /// Keeps the value of entry `id` for a running snapshot that has not come to it yet.
    #[inline]
    fn preserve(&mut self, id: u32) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.keep(&mut self.dbs[self.db].data, id);
        }
    }
}

/// The sessions in `watched` that watch a key which is `there`.
fn watchers_of(
    watched: &Map<Vec<u8>, Vec<SessionId>>,
    there: impl Fn(&[u8]) -> bool,
) -> impl Iterator<Item = SessionId> {
    watched.iter().filter(move |(key, _)| there(key)).flat_map(|(_, sessions)| sessions.iter().copied())
}
