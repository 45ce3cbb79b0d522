//! What others have asked a leader for: requests are run in their order, once, and answered until the answer has come.

use crate::engine::answered::Request;
use crate::engine::forward::Forward;
use crate::engine::{Engine, SessionId};
use std::collections::BTreeMap;

/// See the module.
#[derive(Default)]
pub(super) struct Desk {
    clients: BTreeMap<String, Client>,
    /// Which request a session runs.
    running: BTreeMap<SessionId, (String, u64)>,
    replies: Vec<Reply>,
}

#[derive(Default)]
struct Client {
    /// The number of the request that comes next, and the first one whose answer it may not have.
    next: u64,
    oldest: u64,
    /// Answers to requests that changed nothing, until it says that it has them.
    answers: BTreeMap<u64, (u64, Vec<u8>)>,
    running: BTreeMap<u64, (SessionId, bool)>,
    /// Sessions that watch keys, by their owner.
    watching: BTreeMap<u64, SessionId>,
}

/// An answer on its way.
pub(super) struct Reply {
    pub(super) to: String,
    pub(super) serial: u64,
    pub(super) db: u64,
    /// All that it tells of is in the feed before this.
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// It goes out when that is stored.
    pub(super) wait: bool,
}

/// What came of a request.
pub(super) enum Taken {
    /// It is to be run.
    Run,
    /// It is being run, or was answered before.
    Known,
    /// Those from this number on are missing.
    Again(u64),
}

impl Desk {
    /// Closes all sessions.
    pub(super) fn close(&mut self, engine: &mut Engine) {
        for name in self.clients.keys().cloned().collect::<Vec<_>>() {
            self.forget(engine, &name);
        }
    }

    /// Forgets somebody who is gone.
    pub(super) fn forget(&mut self, engine: &mut Engine, who: &str) {
        let Some(client) = self.clients.remove(who) else { return };
        for id in client.watching.into_values().chain(client.running.into_values().map(|(id, _)| id)) {
            self.running.remove(&id);
            engine.close(id);
        }
        self.replies.retain(|reply| reply.to != who);
    }

    /// Takes note of the request `serial` of `from`, who has all answers before `oldest`.
    pub(super) fn take(&mut self, engine: &Engine, from: &str, serial: u64, oldest: u64, wait: bool) -> Taken {
        let client = self.clients.entry(from.to_string()).or_default();
        // What comes late or twice does not know what it has got since.
        client.oldest = client.oldest.max(oldest);
        let oldest = client.oldest;
        client.answers.retain(|answered, _| *answered >= oldest);
        client.next = client.next.max(oldest);
        if serial > client.next {
            return Taken::Again(client.next);
        }
        if serial < oldest || client.running.contains_key(&serial) {
            return Taken::Known;
        }
        if let Some((db, bytes)) = client.answers.get(&serial).cloned() {
            self.reply(engine, from, serial, db, bytes, wait);
            return Taken::Known;
        }
        client.next = client.next.max(serial + 1);
        Taken::Run
    }

    /// Runs a request, unless that was done already, in a session that `open` opens.
    pub(super) fn run(
        &mut self,
        engine: &mut Engine,
        from: &str,
        (oldest, wait): (u64, bool),
        forward: &Forward,
        now: u64,
        open: impl FnOnce(&mut Engine) -> SessionId,
    ) {
        let serial = forward.serial;
        if let Some(answer) = engine.ks.answered.get(from.as_bytes(), serial) {
            let answer = answer.to_vec();
            return self.reply(engine, from, serial, forward.db as u64, answer, wait);
        }
        if forward.db >= engine.ks.db_count() {
            return;
        }
        let client = self.clients.entry(from.to_string()).or_default();
        let watched = client.watching.get(&forward.owner).copied().filter(|_| forward.watches);
        let id = watched.unwrap_or_else(|| open(engine));
        let request = Request { client: from.as_bytes().to_vec(), seq: serial, oldest, many: false };
        let answer = engine.serve(id, forward, request, now);
        let client = self.clients.entry(from.to_string()).or_default();
        match answer {
            None if engine.sessions.get(id).is_some() => {
                client.running.insert(serial, (id, wait));
                self.running.insert(id, (from.to_string(), serial));
            }
            answer => {
                // It may have been ended by what it ran.
                let session = engine.sessions.get(id);
                let watches = session.is_some_and(|session| !session.watching.is_empty());
                let db = session.map_or(forward.db, |session| session.db) as u64;
                if watches {
                    client.watching.insert(forward.owner, id);
                } else {
                    client.watching.retain(|_, session| *session != id);
                    engine.close(id);
                }
                self.reply(engine, from, serial, db, answer.unwrap_or_default(), wait);
            }
        }
    }

    /// Answers a request.
    pub(super) fn reply(&mut self, engine: &Engine, to: &str, serial: u64, db: u64, bytes: Vec<u8>, wait: bool) {
        let offset = engine.ks.effects.offset();
        let client = self.clients.entry(to.to_string()).or_default();
        client.answers.insert(serial, (db, bytes.clone()));
        self.replies.push(Reply { to: to.to_string(), serial, db, offset, bytes, wait });
    }

    /// Forgets an answer that has come to where it was to go.
    pub(super) fn forget_answer(&mut self, to: &str, serial: u64) {
        if let Some(client) = self.clients.get_mut(to) {
            client.answers.remove(&serial);
        }
    }

    /// Takes the answers that can go out when all before `stored` is stored; where nothing is, all.
    pub(super) fn take_replies(&mut self, engine: &mut Engine, stored: Option<u64>) -> Vec<Reply> {
        for id in engine.take_ready_proxies() {
            let Some((client, serial)) = self.running.get(&id).cloned() else { continue };
            let Some(bytes) = engine.take_answer(id) else { continue };
            self.running.remove(&id);
            let running = self.clients.get_mut(&client).and_then(|client| client.running.remove(&serial));
            let db = engine.sessions.get(id).map_or(0, |session| session.db) as u64;
            engine.close(id);
            self.reply(engine, &client, serial, db, bytes, running.is_some_and(|(_, wait)| wait));
        }
        let ready = |reply: &mut Reply| !reply.wait || stored.is_none_or(|stored| stored >= reply.offset);
        self.replies.extract_if(.., ready).collect()
    }

    /// Takes the answers that wait until what is behind `stored` is stored.
    pub(super) fn take_unstored(&mut self, stored: Option<u64>) -> Vec<Reply> {
        self.replies.extract_if(.., |reply| reply.wait && stored.is_some_and(|stored| stored < reply.offset)).collect()
    }

    /// Somebody waits no more for these answers, and watches nothing any more for these clients.
    pub(super) fn cancel(&mut self, engine: &mut Engine, from: &str, serials: &[u64], owners: &[u64]) {
        let Some(client) = self.clients.get_mut(from) else { return };
        let running = serials.iter().filter_map(|serial| client.running.remove(serial)).map(|(id, _)| id);
        let running: Vec<SessionId> = running.collect();
        let watching = owners.iter().filter_map(|owner| client.watching.remove(owner));
        for id in running.into_iter().chain(watching) {
            self.running.remove(&id);
            engine.close(id);
        }
    }
}
