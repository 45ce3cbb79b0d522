//! Client-side caching: who may have cached which key, and who hears of every change under a prefix.
//!
//! A session that tracks is remembered for each key it reads, and told once when the key changes; in broadcasting mode nothing is
//! remembered, and it is told of all changes under its prefixes. Keys are known by their names alone, whatever database they are in.
//! What changes is collected by the keyspace, and looked up before the next read of the unit is remembered, or when the unit ends; the
//! news never stands inside a reply.

use super::keys::{self, access};
use super::keyspace::Keyspace;
use super::reply::Reply;
use super::row::Row;
use super::session::{Session, SessionId, Sessions};
use super::{Engine, Server};
use crate::ds::dict::{Dict, Keyed};
use std::collections::{BTreeMap, BTreeSet};

/// How a session tracks.
#[derive(Clone, Debug, Default)]
pub struct Mode {
    /// It hears of all changes under its prefixes.
    pub bcast: bool,
    /// It is remembered only after `CLIENT CACHING YES`.
    pub optin: bool,
    /// It is remembered unless after `CLIENT CACHING NO`.
    pub optout: bool,
    /// It does not hear of its own changes.
    pub noloop: bool,
    /// The `CLIENT ID` of the session that hears in its place; 0 for none.
    pub redirect: u64,
    /// That session is gone.
    pub broken: bool,
    /// `CLIENT CACHING` was said about the next command.
    pub caching: bool,
    /// What it listens to in broadcasting mode.
    pub prefixes: Vec<Vec<u8>>,
    /// It is told nothing, but what it would be told is noted here, for the host to take.
    pub notes: Option<Notes>,
}

/// What a session that is told nothing would have been told.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Everything may have changed, or more than is noted.
    pub all: bool,
    /// The keys that changed.
    pub keys: BTreeSet<Vec<u8>>,
}

impl Notes {
    /// More keys than that are as good as all.
    const MOST: usize = 4096;

    fn add(&mut self, keys: Option<&[&[u8]]>) {
        let keys = keys.unwrap_or_default();
        self.all |= keys.is_empty() || self.keys.len() + keys.len() > Self::MOST;
        if self.all {
            self.keys.clear();
        } else {
            self.keys.extend(keys.iter().map(|key| key.to_vec()));
        }
    }
}

/// A session that cannot be mistaken for a later one in the same place.
type Holder = (SessionId, u64);

/// A key, and who may have cached it.
#[derive(Debug)]
struct Known {
    key: Box<[u8]>,
    holders: Vec<Holder>,
}

impl Keyed for Known {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// Who listens to a prefix, and what changed under it in the running unit.
#[derive(Debug, Default)]
struct Prefix {
    listeners: Vec<Holder>,
    /// Whether the running session changed it.
    changed: BTreeMap<Vec<u8>, bool>,
}

/// What changed, as the keyspace collects it.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// A key; `own`: the session that runs changed it, rather than time or want of memory.
    Key { key: Vec<u8>, own: bool },
    /// Whole databases were emptied.
    All,
}

/// What sessions are remembered for.
pub struct Tracking {
    table: Dict<Known>,
    /// Holders of all keys.
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// Something changed under a prefix and is not told yet.
    pub(super) has_news: bool,
    /// How many sessions track.
    pub sessions: usize,
    /// `tracking-table-max-keys`; 0 for no limit.
    pub max_keys: usize,
}

impl Tracking {
    pub(super) fn new(seed: u64) -> Self {
        Tracking {
            table: Dict::new(seed),
            items: 0,
            prefixes: BTreeMap::new(),
            has_news: false,
            sessions: 0,
            max_keys: 1_000_000,
        }
    }

    /// How many keys are remembered, for how many sessions together, and how many prefixes are listened to.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.table.len(), self.items, self.prefixes.len())
    }

    /// Whether more is remembered than allowed.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.max_keys > 0 && self.table.len() > self.max_keys
    }

    fn remember(&mut self, key: &[u8], holder: Holder) {
        let id = match self.table.find(key) {
            Some(id) => id,
            None => self.table.insert(Known { key: key.into(), holders: Vec::new() }),
        };
        let holders = &mut self.table.get_mut(id).holders;
        if !holders.contains(&holder) {
            holders.push(holder);
            self.items += 1;
        }
    }

    fn forget(&mut self, id: u32) -> Known {
        let known = self.table.remove(id).entry;
        self.items -= known.holders.len();
        known
    }

    fn forget_all(&mut self) {
        self.table.clear();
        self.items = 0;
    }
}

/// Makes `session` track as `mode` says; prefixes are added to those it has.
pub fn enable(server: &mut Server, ks: &mut Keyspace, session: &mut Session, mut mode: Mode) {
    let holder = (session.place, session.id);
    match session.tracking.take() {
        Some(old) => {
            mode.caching = old.caching;
            let new = std::mem::replace(&mut mode.prefixes, old.prefixes);
            listen(&mut server.tracking, holder, &mut mode, new);
        }
        None => {
            server.tracking.sessions += 1;
            let new = std::mem::take(&mut mode.prefixes);
            listen(&mut server.tracking, holder, &mut mode, new);
        }
    }
    ks.tracked = true;
    session.tracking = Some(Box::new(mode));
}

fn listen(tracking: &mut Tracking, holder: Holder, mode: &mut Mode, new: Vec<Vec<u8>>) {
    if !mode.bcast {
        return;
    }
    let new = if new.is_empty() { vec![Vec::new()] } else { new };
    for prefix in new {
        if !mode.prefixes.contains(&prefix) {
            tracking.prefixes.entry(prefix.clone()).or_default().listeners.push(holder);
            mode.prefixes.push(prefix);
        }
    }
    mode.prefixes.sort_unstable();
}

/// Ends the tracking of `session`. What it is remembered for is forgotten when it changes, or when nobody tracks any more.
pub fn disable(server: &mut Server, ks: &mut Keyspace, session: &mut Session) {
    let Some(mode) = session.tracking.take() else { return };
    let tracking = &mut server.tracking;
    for prefix in &mode.prefixes {
        if let Some(entry) = tracking.prefixes.get_mut(prefix) {
            entry.listeners.retain(|holder| *holder != (session.place, session.id));
            if entry.listeners.is_empty() {
                tracking.prefixes.remove(prefix);
            }
        }
    }
    tracking.sessions -= 1;
    if tracking.sessions == 0 {
        tracking.forget_all();
        ks.tracked = false;
    }
}

/// Remembers that `session`, which tracks, read the keys of `argv`.
#[cold]
pub(super) fn remember(tracking: &mut Tracking, session: &Session, row: &Row, name: &str, argv: &[&[u8]]) {
    let Some(mode) = &session.tracking else { return };
    if mode.bcast || (mode.optin && !mode.caching) || (mode.optout && mode.caching) {
        return;
    }
    for key in keys::find(row, name, argv).unwrap_or_default() {
        if key.flags & access::NOT_KEY == 0 {
            tracking.remember(argv[key.at], (session.place, session.id));
        }
    }
}

/// So many keys are given up at once when too many are remembered.
const TRIM: usize = 1000;

/// Takes what changed since the last time out of the table, and tells those who had cached it. What `me` is told follows its reply.
#[cold]
pub(super) fn tell(ks: &mut Keyspace, tracking: &mut Tracking, sessions: &mut Sessions, me: &mut Session) {
    for change in std::mem::take(&mut ks.invalid) {
        match change {
            Change::Key { key, own } => invalidate(tracking, sessions, me, &key, own),
            Change::All => invalidate_all(tracking, sessions, me),
        }
    }
}

fn invalidate(tracking: &mut Tracking, sessions: &mut Sessions, me: &mut Session, key: &[u8], own: bool) {
    for (prefix, entry) in &mut tracking.prefixes {
        if key.starts_with(prefix) {
            entry.changed.insert(key.to_vec(), own);
            tracking.has_news = true;
        }
    }
    let Some(id) = tracking.table.find(key) else { return };
    for holder in tracking.forget(id).holders {
        let mine = own && holder.0 == me.place;
        if mode_of(sessions, me, holder).is_some_and(|mode| !(mode.bcast || mine && mode.noloop)) {
            send(sessions, me, holder, Some(&[key]));
        }
    }
}

fn invalidate_all(tracking: &mut Tracking, sessions: &mut Sessions, me: &mut Session) {
    let all: Vec<Holder> = sessions.iter().chain([&*me]).map(|s| (s.place, s.id)).collect();
    for holder in all {
        if mode_of(sessions, me, holder).is_some() {
            send(sessions, me, holder, None);
        }
    }
    tracking.forget_all();
}

impl Engine {
    /// Tells those who track what the unit changed.
    #[cold]
    pub(super) fn tell_trackers(&mut self, me: &mut Session) {
        tell(&mut self.ks, &mut self.server.tracking, &mut self.sessions, me);
        self.broadcast(me);
    }

    fn broadcast(&mut self, me: &mut Session) {
        if !std::mem::take(&mut self.server.tracking.has_news) {
            return;
        }
        for entry in self.server.tracking.prefixes.values_mut() {
            if entry.changed.is_empty() {
                continue;
            }
            let changed = std::mem::take(&mut entry.changed);
            let all: Vec<&[u8]> = changed.keys().map(Vec::as_slice).collect();
            for holder in &entry.listeners {
                let mine =
                    holder.0 == me.place && mode_of(&mut self.sessions, me, *holder).is_some_and(|mode| mode.noloop);
                if !mine {
                    send(&mut self.sessions, me, *holder, Some(&all));
                    continue;
                }
                let others: Vec<&[u8]> =
                    changed.iter().filter(|(_, own)| !**own).map(|(key, _)| key.as_slice()).collect();
                if !others.is_empty() {
                    send(&mut self.sessions, me, *holder, Some(&others));
                }
            }
        }
    }

    /// Gives up keys chosen by chance while more are remembered than allowed, some at a time: their holders are told as if they had
    /// changed.
    #[cold]
    pub(super) fn trim_tracking(&mut self, me: &mut Session) {
        for _ in 0..TRIM {
            if !self.server.tracking.is_over() {
                break;
            }
            let Some(id) = self.server.tracking.table.random(&mut self.ks.rng) else { break };
            let known = self.server.tracking.forget(id);
            for holder in known.holders {
                if mode_of(&mut self.sessions, me, holder).is_some_and(|mode| !mode.bcast) {
                    send(&mut self.sessions, me, holder, Some(&[&known.key]));
                }
            }
        }
    }
}

/// The session in `place`, be it the running one or another.
fn session_at<'a>(sessions: &'a mut Sessions, me: &'a mut Session, place: SessionId) -> Option<&'a mut Session> {
    if place == me.place { Some(me) } else { sessions.get_mut(place) }
}

fn mode_of<'a>(sessions: &'a mut Sessions, me: &'a mut Session, (place, id): Holder) -> Option<&'a mut Mode> {
    session_at(sessions, me, place).filter(|session| session.id == id)?.tracking.as_deref_mut()
}

/// Where the session with this `CLIENT ID` is, unless it is about to be closed.
fn place_of(sessions: &Sessions, me: &Session, id: u64) -> Option<SessionId> {
    sessions.iter().chain([me]).find(|s| s.id == id && !s.closing).map(|s| s.place)
}

/// Tells `to`, or the one it redirects to, that `keys` (`None`: all) are not what they were. In RESP2 only a session that listens can
/// be told.
fn send(sessions: &mut Sessions, me: &mut Session, to: Holder, keys: Option<&[&[u8]]>) {
    if let Some(notes) = mode_of(sessions, me, to).and_then(|mode| mode.notes.as_mut()) {
        notes.add(keys);
        return sessions.wake(to.0);
    }
    let redirect = mode_of(sessions, me, to).map_or(0, |mode| mode.redirect);
    let mut place = to.0;
    if redirect != 0 {
        let found = place_of(sessions, me, redirect);
        if let Some(mode) = mode_of(sessions, me, to) {
            mode.broken = found.is_none();
        }
        let Some(found) = found else { return tell_broken(sessions, me, to.0, redirect) };
        place = found;
    }
    let own = place == me.place;
    let Some(session) = session_at(sessions, me, place) else { return };
    let listens = session.subscriptions() > 0;
    let resp3 = session.out.is_resp3();
    if session.closing || !(resp3 || (redirect != 0 && listens)) {
        return;
    }
    let out = if own { session.later() } else { &mut session.out };
    if resp3 {
        out.push(2);
        out.bulk(b"invalidate");
    } else {
        out.push(3);
        out.bulk(b"message");
        out.bulk(b"__redis__:invalidate");
    }
    write_keys(out, keys);
    if !own {
        sessions.wake(place);
    }
}

fn write_keys(out: &mut Reply, keys: Option<&[&[u8]]>) {
    match keys {
        None => out.null(),
        Some(keys) => {
            out.array(keys.len());
            keys.iter().for_each(|key| out.bulk(key));
        }
    }
}

/// Tells the session in `place` that the one it redirects to is gone; in RESP2 there is no way to.
fn tell_broken(sessions: &mut Sessions, me: &mut Session, place: SessionId, redirect: u64) {
    let own = place == me.place;
    let Some(session) = session_at(sessions, me, place) else { return };
    if !session.out.is_resp3() {
        return;
    }
    let out = if own { session.later() } else { &mut session.out };
    out.push(2);
    out.bulk(b"tracking-redir-broken");
    out.int(redirect as i64);
    if !own {
        sessions.wake(place);
    }
}
