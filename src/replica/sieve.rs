//! What of the feed concerns one user: the keys it may read, and the channels it may listen to.
//!
//! An effect goes out as it is when the user may read every key it names: then it means the same there. One that names others too (a
//! key renamed from elsewhere, a union stored) would not, and would tell of them; instead, the keys it wrote go out as they are now,
//! and with them every effect on these keys, and what hangs together with them by further effects.

use super::state;
use crate::base::num::{fmt_i64, parse_i64};
use crate::ds::dict::Keyed;
use crate::engine::acl::{User, UserId};
use crate::engine::answered;
use crate::engine::entry::Entry;
use crate::engine::keys::{self, access};
use crate::engine::queued;
use crate::engine::snapshot::Sink;
use crate::engine::{Engine, RowId, Table, resolve};
use crate::resp::{encode, parse};
use std::collections::BTreeSet;

/// A key with its database.
type Place = (usize, Vec<u8>);

/// See the module.
#[derive(Clone)]
pub(super) struct Sieve {
    user: User,
    table: &'static Table,
    dump: RowId,
    subscribe: RowId,
    /// The user may do everything.
    open: bool,
}

/// An effect of which it is not decided yet how it goes out.
struct Effect<'a> {
    bytes: &'a [u8],
    db: usize,
    /// The keys it names; those it may write.
    keys: Vec<Place>,
    written: Vec<Place>,
    out: bool,
}

impl Sieve {
    /// What `user` may know. Nothing if this build cannot tell.
    pub(super) fn new(engine: &Engine, user: UserId) -> Option<Self> {
        let table = engine.server.table;
        let user = engine.server.acl.user(user).clone();
        let open = user.is_unrestricted();
        Some(Sieve { user, table, dump: table.find(b"dump")?, subscribe: table.find(b"subscribe")?, open })
    }

    /// Whether it may do everything.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the user's rules are still what they were.
    pub(super) fn is_current(&self, engine: &Engine) -> bool {
        let acl = &engine.server.acl;
        let now = acl.find(&self.user.name).map(|id| acl.user(id));
        now.is_some_and(|user| user.enabled && user.describe() == self.user.describe())
    }

    /// Whether it may read `key`, whatever its type.
    pub(super) fn may_read(&self, key: &[u8]) -> bool {
        self.open || self.user.may_run(self.table, self.dump, &[b"DUMP", key])
    }

    fn may_hear(&self, channel: &[u8]) -> bool {
        self.open || self.user.may_run(self.table, self.subscribe, &[b"SUBSCRIBE", channel])
    }

    /// What of the feed `bytes`, whole units up to the present, is for the user: one batch that is to be applied as one. `db` is the
    /// database that is selected at its beginning, and at its end.
    pub(super) fn sift(&self, engine: &mut Engine, bytes: &[u8], db: &mut usize) -> Vec<u8> {
        let mut effects = Vec::new();
        let mut by_state = BTreeSet::new();
        let mut swapped = BTreeSet::new();
        let mut parser = parse::Parser::trusted();
        let mut at = 0;
        while let Ok(Some(frame)) = parser.next(&bytes[at..]) {
            let whole = &bytes[at..at + frame.consumed];
            at += frame.consumed;
            let argv = frame.argv();
            match argv[0].to_ascii_lowercase().as_slice() {
                b"select" => *db = number(&argv, 1),
                // All of it is applied as one anyway.
                b"multi" | b"exec" => {}
                b"swapdb" => {
                    swapped.extend([number(&argv, 1), number(&argv, 2)]);
                    effects.push(Effect::of_no_key(whole, *db));
                }
                b"flushall" | b"flushdb" => effects.push(Effect::of_no_key(whole, *db)),
                b"publish" | b"spublish" => {
                    let own = argv.get(1).is_none_or(|channel| [answered::CHANNEL, queued::CHANNEL].contains(channel));
                    if !own && self.may_hear(argv[1]) {
                        effects.push(Effect::of_no_key(whole, *db));
                    }
                }
                name => effects.extend(self.look_at(engine, whole, name, &argv, *db, &mut by_state)),
            }
        }
        spread(&mut effects, &mut by_state);
        let databases: Vec<usize> = swapped.into_iter().collect();
        let moved: Vec<Place> =
            by_state.iter().flat_map(|(_, key)| databases.iter().map(|db| (*db, key.clone()))).collect();
        by_state.extend(moved);
        let mut out = Out::default();
        for effect in effects.iter().filter(|effect| effect.out) {
            out.select(effect.db);
            out.bytes.extend_from_slice(effect.bytes);
        }
        let count = engine.ks.db_count();
        for (db, key) in by_state.iter().filter(|(db, _)| *db < count) {
            out.select(*db);
            let argv = state::of(&mut engine.ks, *db, key);
            encode::command(&mut out.bytes, &argv.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        out.bytes
    }

    /// Sees what keys an effect names. Those it may have written go to `by_state` if it cannot go out itself.
    fn look_at<'a>(
        &self,
        engine: &Engine,
        bytes: &'a [u8],
        name: &[u8],
        argv: &[&[u8]],
        db: usize,
        by_state: &mut BTreeSet<Place>,
    ) -> Option<Effect<'a>> {
        let row = resolve(self.table, self.table.find(name)?, argv).ok()?;
        let slot = self.table.slot(row);
        let mut found = keys::find(slot.row, &slot.full_name, argv)?;
        found.retain(|key| key.flags & access::NOT_KEY == 0);
        let place = |key: &keys::Found| (db, argv[key.at].to_vec());
        let mut all: Vec<Place> = found.iter().map(place).collect();
        let writes = |key: &&keys::Found| key.flags & (access::RW | access::OW | access::RM) != 0;
        let mut written: Vec<Place> = found.iter().filter(writes).map(place).collect();
        if let Some((other, key)) = elsewhere(engine, name, argv) {
            all.push((other, key.clone()));
            written.push((other, key));
        }
        // SORT reads keys that it does not name.
        let complete = name != b"sort" || self.open;
        let readable = all.iter().filter(|(_, key)| self.may_read(key)).count();
        if readable == all.len() && complete {
            return (!all.is_empty()).then_some(Effect { bytes, db, keys: all, written, out: true });
        }
        by_state.extend(written.into_iter().filter(|(_, key)| self.may_read(key)));
        None
    }

    /// Has only what the user may read go to `sink`.
    pub(super) fn over(&self, sink: impl Sink + 'static) -> Box<dyn Sink> {
        Box::new(Sifted { sieve: self.clone(), sink })
    }
}

impl<'a> Effect<'a> {
    fn of_no_key(bytes: &'a [u8], db: usize) -> Self {
        Effect { bytes, db, keys: Vec::new(), written: Vec::new(), out: true }
    }
}

/// Takes out the effects on keys that go out as they are now, and has the other keys of these effects go out so too.
fn spread(effects: &mut [Effect], by_state: &mut BTreeSet<Place>) {
    loop {
        let before = by_state.len();
        for effect in effects.iter_mut().filter(|effect| effect.out) {
            if effect.keys.iter().any(|key| by_state.contains(key)) {
                effect.out = false;
                by_state.extend(effect.written.iter().cloned());
            }
        }
        if by_state.len() == before {
            return;
        }
    }
}

/// The key in another database that MOVE and COPY write.
pub(super) fn elsewhere(engine: &Engine, name: &[u8], argv: &[&[u8]]) -> Option<Place> {
    let (db, key) = match name {
        b"move" => (argv.get(2)?, argv.get(1)?),
        b"copy" => {
            let at = argv.iter().skip(3).position(|word| word.eq_ignore_ascii_case(b"DB"))? + 3;
            (argv.get(at + 1)?, argv.get(2)?)
        }
        _ => return None,
    };
    let db = usize::try_from(parse_i64(db)?).ok()?;
    (db < engine.ks.db_count()).then(|| (db, key.to_vec()))
}

fn number(argv: &[&[u8]], at: usize) -> usize {
    argv.get(at).and_then(|arg| parse_i64(arg)).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}

/// A batch that is being written.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    db: Option<usize>,
}

impl Out {
    fn select(&mut self, db: usize) {
        if self.db != Some(db) {
            encode::command(&mut self.bytes, &[b"SELECT", fmt_i64(db as i64, &mut [0; 40])]);
            self.db = Some(db);
        }
    }
}

/// A sink that gets some of the keys.
struct Sifted<S> {
    sieve: Sieve,
    sink: S,
}

impl<S: Sink> Sink for Sifted<S> {
    fn entry(&mut self, db: usize, entry: &Entry, room: &mut usize) -> bool {
        !self.sieve.may_read(entry.key()) || self.sink.entry(db, entry, room)
    }

    fn whole(&mut self, db: usize, entry: &Entry) {
        if self.sieve.may_read(entry.key()) {
            self.sink.whole(db, entry);
        }
    }

    fn finish(&mut self) {
        self.sink.finish();
    }

    fn take(&mut self) -> Vec<u8> {
        self.sink.take()
    }
}
