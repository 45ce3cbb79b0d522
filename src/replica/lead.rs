//! Leading: feeding the others, and doing what they ask for.

use super::message::{ALL, Message};
use super::node::{Node, Role};
use crate::engine::answered::Request;
use crate::engine::forward::Forward;
use crate::engine::{Engine, SessionId};
use std::collections::BTreeMap;

/// How long a leader that nobody looks at keeps leading while somebody looks at another node, ms.
const UNSEEN: u64 = 5_000;

/// What a leader knows of the others.
#[derive(Default)]
pub(super) struct Leading {
    clients: BTreeMap<String, Client>,
    /// Which request a session runs.
    running: BTreeMap<SessionId, (String, u64)>,
    replies: Vec<Reply>,
    /// Others at whom somebody looks.
    visible: BTreeMap<String, bool>,
    /// Since when nobody looks at this one.
    unseen: Option<u64>,
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

struct Reply {
    to: String,
    serial: u64,
    db: u64,
    offset: u64,
    bytes: Vec<u8>,
    wait: bool,
}

impl Leading {
    /// Closes all sessions.
    pub(super) fn close(&mut self, engine: &mut Engine) {
        for (id, _) in std::mem::take(&mut self.running) {
            engine.close(id);
        }
        for id in std::mem::take(&mut self.clients).into_values().flat_map(|client| client.watching.into_values()) {
            engine.close(id);
        }
    }

    /// Forgets somebody who is gone.
    pub(super) fn forget(&mut self, engine: &mut Engine, who: &str) {
        engine.forget_follower(Some(who));
        self.visible.remove(who);
        let Some(client) = self.clients.remove(who) else { return };
        for id in client.watching.into_values().chain(client.running.into_values().map(|(id, _)| id)) {
            self.running.remove(&id);
            engine.close(id);
        }
    }
}

impl Node {
    /// Begins to lead under `term`, when what others had is taken over. Its own requests that nobody has answered are done first.
    pub fn lead(&mut self, engine: &mut Engine, term: u64, now: u64) {
        self.promised = self.promised.max(term);
        engine.lead();
        let offset = engine.ks.effects.offset();
        self.terms.begin(term, offset);
        engine.server.replid = crate::engine::hex_id(&mut engine.ks.rng);
        self.role = Role::Leading(Leading::default());
        self.announce(engine, ALL);
        let (oldest, own) = self.client.take_all();
        self.forget_early_answers();
        let (name, wait) = (self.name.clone(), self.client.wait);
        for forward in own {
            self.run(engine, &name, oldest, wait, forward, now);
        }
        self.work(engine, now);
    }

    fn leading(&mut self) -> Option<&mut Leading> {
        match &mut self.role {
            Role::Leading(leading) => Some(leading),
            _ => None,
        }
    }

    fn announce(&mut self, engine: &Engine, to: &str) {
        let (term, offset) = (self.terms.last(), engine.ks.effects.offset());
        let message = Message::Lead { term, offset, replid: engine.server.replid.clone(), mark: self.mark };
        self.say(to, &message);
    }

    pub(super) fn note_ping(&mut self, engine: &Engine, from: &str) {
        if self.is_leading() {
            self.announce(engine, from);
        }
    }

    pub(super) fn note_ack(&mut self, engine: &mut Engine, from: &str, offset: u64, visible: bool, _now: u64) {
        let Some(leading) = self.leading() else { return };
        leading.visible.insert(from.to_string(), visible);
        engine.acknowledge(from, offset);
    }

    /// Gives what follows a place in the feed, or everything. Who does not lead gives it to one that is about to.
    pub(super) fn give(&mut self, engine: &mut Engine, to: &str, term: u64, offset: u64, now: u64) {
        if self.is_leading() {
            self.feed(engine);
            self.announce(engine, to);
        } else if !matches!(self.role, Role::Seeking { .. }) {
            return;
        }
        let whole = self.terms.go_through(term, offset).then(|| self.backlog.from(offset, usize::MAX)).flatten();
        match whole {
            Some(bytes) => {
                self.full.forget(engine, to);
                self.say(to, &Message::Continue { terms: self.terms.clone() });
                let (term, mark) = (self.terms.last(), self.mark);
                self.say(to, &Message::Feed { term, offset, mark, bytes });
            }
            None => {
                self.full.ask(engine, to);
                self.give_pieces(engine, now);
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a message")]
    pub(super) fn take_request(
        &mut self,
        engine: &mut Engine,
        from: &str,
        term: u64,
        oldest: u64,
        wait: bool,
        forward: Forward,
        now: u64,
    ) {
        if term != self.terms.last() {
            return;
        }
        let Some(leading) = self.leading() else { return };
        let client = leading.clients.entry(from.to_string()).or_default();
        let serial = forward.serial;
        // What comes late or twice does not know what it has got since.
        client.oldest = client.oldest.max(oldest);
        let oldest = client.oldest;
        client.answers.retain(|answered, _| *answered >= oldest);
        client.next = client.next.max(oldest);
        if serial > client.next {
            let serial = client.next;
            return self.say(from, &Message::Again { serial });
        }
        if serial < oldest || client.running.contains_key(&serial) {
            return;
        }
        if let Some((db, bytes)) = client.answers.get(&serial).cloned() {
            return self.reply(engine, from, serial, db, bytes, wait);
        }
        client.next = client.next.max(serial + 1);
        self.run(engine, from, oldest, wait, forward, now);
    }

    /// Runs a request, unless that was done already.
    fn run(&mut self, engine: &mut Engine, from: &str, oldest: u64, wait: bool, forward: Forward, now: u64) {
        let serial = forward.serial;
        if let Some(answer) = engine.ks.answered.get(from.as_bytes(), serial) {
            let answer = answer.to_vec();
            return self.reply(engine, from, serial, forward.db as u64, answer, wait);
        }
        if forward.db >= engine.ks.db_count() {
            return;
        }
        let Some(leading) = self.leading() else { return };
        let client = leading.clients.entry(from.to_string()).or_default();
        let watched = client.watching.get(&forward.owner).copied().filter(|_| forward.watches);
        let id = watched.unwrap_or_else(|| engine.open_proxy(from, now));
        let request = Request { client: from.as_bytes().to_vec(), seq: serial, oldest, many: false };
        let answer = engine.serve(id, &forward, request, now);
        // It was ended by what it ran.
        let watches = engine.sessions.get(id).is_some_and(|session| !session.watching.is_empty());
        let Some(leading) = self.leading() else { return };
        let client = leading.clients.entry(from.to_string()).or_default();
        match answer {
            None if engine.sessions.get(id).is_some() => {
                client.running.insert(serial, (id, wait));
                leading.running.insert(id, (from.to_string(), serial));
            }
            answer => {
                let db = engine.sessions.get(id).map_or(forward.db, |session| session.db) as u64;
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

    fn reply(&mut self, engine: &Engine, to: &str, serial: u64, db: u64, bytes: Vec<u8>, wait: bool) {
        let offset = engine.ks.effects.offset();
        let Some(leading) = self.leading() else { return };
        let client = leading.clients.entry(to.to_string()).or_default();
        client.answers.insert(serial, (db, bytes.clone()));
        leading.replies.push(Reply { to: to.to_string(), serial, db, offset, bytes, wait });
    }

    /// Sends the answers that can be sent: behind the feed, and when what is to be stored is.
    pub(super) fn answer_all(&mut self, engine: &mut Engine, _now: u64) {
        for id in engine.take_ready_proxies() {
            let Some(leading) = self.leading() else { return };
            let Some((client, serial)) = leading.running.get(&id).cloned() else { continue };
            let Some(bytes) = engine.take_answer(id) else { continue };
            leading.running.remove(&id);
            let running = leading.clients.get_mut(&client).and_then(|client| client.running.remove(&serial));
            let db = engine.sessions.get(id).map_or(0, |session| session.db) as u64;
            engine.close(id);
            self.reply(engine, &client, serial, db, bytes, running.is_some_and(|(_, wait)| wait));
        }
        self.feed(engine);
        if std::mem::take(&mut engine.server.afar.wants_acks) {
            self.say(ALL, &Message::GetAck);
        }
        let stored = self.stored;
        let name = self.name.clone();
        let Some(leading) = self.leading() else { return };
        let ready = |reply: &mut Reply| !reply.wait || stored.is_none_or(|stored| stored >= reply.offset);
        let replies: Vec<Reply> = leading.replies.extract_if(.., ready).collect();
        for Reply { to, serial, db, offset, bytes, .. } in replies {
            if to == name {
                engine.answer(serial, &bytes, db as usize, offset);
            } else {
                self.say(&to, &Message::Reply { serial, db, offset, bytes });
            }
        }
    }

    /// Takes note how far the feed is stored, and where in the log that is.
    pub fn note_stored(&mut self, engine: &mut Engine, mark: crate::persist::Mark, now: u64) {
        (self.stored, self.mark) = (Some(mark.offset), mark);
        self.work(engine, now);
    }

    /// Somebody waits no more for these answers, and watches nothing any more for these clients.
    pub(super) fn cancel(&mut self, engine: &mut Engine, from: &str, serials: &[u64], owners: &[u64]) {
        let Some(leading) = self.leading() else { return };
        let Some(client) = leading.clients.get_mut(from) else { return };
        let running = serials.iter().filter_map(|serial| client.running.remove(serial)).map(|(id, _)| id);
        let running: Vec<SessionId> = running.collect();
        let watching = owners.iter().filter_map(|owner| client.watching.remove(owner));
        for id in running.into_iter().chain(watching) {
            leading.running.remove(&id);
            engine.close(id);
        }
    }

    /// Lets another one lead when somebody looks at that one, and at this one nobody. Returns when to look again.
    pub(super) fn watch_followers(&mut self, now: u64) -> u64 {
        let visible = self.visible;
        let Some(leading) = self.leading() else { return u64::MAX };
        if visible {
            leading.unseen = None;
            return u64::MAX;
        }
        let since = *leading.unseen.get_or_insert(now);
        let seen = leading.visible.iter().find(|(_, visible)| **visible).map(|(name, _)| name.clone());
        if now.saturating_sub(since) >= UNSEEN
            && let Some(to) = seen
        {
            leading.unseen = Some(now);
            self.say(&to, &Message::Take);
        }
        now + UNSEEN
    }
}
