//! Leading: feeding the others, and doing what they ask for.

use super::desk::{Desk, Reply, Taken};
use super::message::{ALL, Message};
use super::node::{Node, Role};
use crate::engine::forward::Forward;
use crate::engine::{Engine, Error};
use std::collections::BTreeMap;

/// How long a leader that nobody looks at keeps leading while somebody looks at another node, ms.
const UNSEEN: u64 = 5_000;

/// What a leader knows of the others.
#[derive(Default)]
pub(super) struct Leading {
    desk: Desk,
    /// Others at whom somebody looks.
    visible: BTreeMap<String, bool>,
    /// Since when nobody looks at this one.
    unseen: Option<u64>,
}

impl Leading {
    /// Closes all sessions.
    pub(super) fn close(&mut self, engine: &mut Engine) {
        self.desk.close(engine);
    }

    /// Forgets somebody who is gone.
    pub(super) fn forget(&mut self, engine: &mut Engine, who: &str) {
        engine.forget_follower(Some(who));
        self.visible.remove(who);
        self.desk.forget(engine, who);
    }
}

impl Node {
    /// Begins to lead under `term`, when what others had is taken over. Its own requests that nobody has answered are done first.
    pub fn lead(&mut self, engine: &mut Engine, term: u64, now: u64) {
        self.promised = self.promised.max(term);
        engine.lead();
        if self.upstream.is_some() {
            engine.relay();
        }
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

    pub(super) fn desk(&mut self) -> Option<&mut Desk> {
        self.leading().map(|leading| &mut leading.desk)
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
        match leading.desk.take(engine, from, forward.serial, oldest, wait) {
            Taken::Run => self.run(engine, from, oldest, wait, forward, now),
            Taken::Known => {}
            Taken::Again(serial) => self.say(from, &Message::Again { serial }),
        }
    }

    /// Runs a request, unless that was done already.
    fn run(&mut self, engine: &mut Engine, from: &str, oldest: u64, wait: bool, forward: Forward, now: u64) {
        if self.upstream.is_some() {
            return self.relay(engine, from, oldest, wait, forward, now);
        }
        let Some(leading) = self.leading() else { return };
        leading.desk.run(engine, from, (oldest, wait), &forward, now, |engine| engine.open_proxy(from, now));
    }

    /// Sends the answers that can be sent: behind the feed, and when what is to be stored is.
    pub(super) fn answer_all(&mut self, engine: &mut Engine, _now: u64) {
        let (stored, name) = (self.stored, self.name.clone());
        let Some(leading) = self.leading() else { return };
        let replies = leading.desk.take_replies(engine, stored);
        self.feed(engine);
        if std::mem::take(&mut engine.server.afar.wants_acks) {
            self.say(ALL, &Message::GetAck);
        }
        for Reply { to, serial, db, offset, bytes, .. } in replies {
            if to == name {
                if let Some(desk) = self.desk() {
                    desk.forget_answer(&to, serial);
                }
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

    /// What is to be stored cannot be, for now: whoever waits for that is told.
    pub fn note_unstored(&mut self, engine: &mut Engine, now: u64) {
        let (name, stored) = (self.name.clone(), self.stored);
        let Some(desk) = self.desk() else { return };
        for Reply { to, serial, .. } in desk.take_unstored(stored) {
            if to == name {
                engine.refuse_answers(&[serial], &Error::NotStored);
            } else {
                self.say(&to, &Message::Unstored { serial });
            }
        }
        self.work(engine, now);
    }

    /// Somebody waits no more for these answers, and watches nothing any more for these clients.
    pub(super) fn cancel(&mut self, engine: &mut Engine, from: &str, serials: &[u64], owners: &[u64]) {
        if let Some(desk) = self.desk() {
            desk.cancel(engine, from, serials, owners);
            self.relay_cancel(from, serials, owners);
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
