//! One node: what it is just now, and what it does with what comes.

use super::backlog::Backlog;
use super::client::Client;
use super::follow::Follower;
use super::full::Full;
use super::gather::Gathering;
use super::lead::Leading;
use super::message::{self, ALL, Letter, Message, Odd, VERSION};
use super::terms::Terms;
use super::upstream::Upstream;
use crate::engine::Engine;
use crate::engine::forward::Leader;
use crate::persist::Mark;

/// How patient a node is, in ms, and how much it keeps.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A follower that wants something asks its leader whether it is there when it was silent for so long; one that does not, when it
    /// was silent for `idle`.
    pub ask_after: u64,
    pub idle: u64,
    /// A leader that was asked and stays silent for so long is not there.
    pub patience: u64,
    /// A leader waits for so long for the others to say how far they are, and at least so long for what the last one has said.
    pub gather: u64,
    pub drain: u64,
    /// Commands that no leader answers, because there is none, fail after so long.
    pub give_up: u64,
    /// Bytes of the feed that are kept for those who miss some.
    pub backlog: usize,
    /// Bytes of what may wait: of requests for a leader, and of the feed while everything is loaded anew.
    pub most_waiting: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ask_after: 200,
            idle: 1000,
            patience: 800,
            gather: 300,
            drain: 5,
            give_up: 10_000,
            backlog: 1 << 20,
            most_waiting: 64 << 20,
        }
    }
}

/// What only a host can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// There is no leader, or it does not answer: take the lock from whoever has it, and lead.
    Steal,
    /// What others have was taken over: store what is missing and [`Node::next_terms`], and when that is stored, call [`Node::lead`].
    Ready,
    /// A node speaks another version: the newer of the two cannot be understood by the other.
    Version(u64),
}

/// A message for a node, or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Out {
    /// The name of the node, `*` for all.
    pub to: String,
    pub bytes: Vec<u8>,
}

pub(super) enum Role {
    /// There is no leader that it has heard.
    Seeking {
        since: u64,
        asked: u64,
    },
    Following(Follower),
    /// It holds the lock, and finds out how far others are.
    Gathering(Gathering),
    Leading(Leading),
}

/// See the module.
pub struct Node {
    pub(super) name: String,
    pub(super) options: Options,
    pub(super) terms: Terms,
    /// Who speaks under an earlier term is not heard.
    pub(super) promised: u64,
    pub(super) backlog: Backlog,
    pub(super) mark: Mark,
    pub(super) role: Role,
    pub(super) client: Client,
    /// The leader that it has itself when it leads.
    pub(super) upstream: Option<Upstream>,
    /// Who led before, and is gone.
    pub(super) gone: Option<String>,
    /// Those who get everything anew from here.
    pub(super) full: Full,
    /// Somebody looks at it.
    pub(super) visible: bool,
    /// Answers wait until what they are about is stored, up to this offset.
    pub(super) stored: Option<u64>,
    pub(super) out: Vec<Out>,
    wants: Vec<Want>,
    /// The feed that the host has to store.
    log: Vec<u8>,
    /// When it was last called.
    pub(super) called: u64,
}

impl Node {
    /// Returns the node `name`, which no other one may have, of `engine`, which follows from here on and has what a storage with
    /// these `terms` has given it.
    pub fn new(name: &str, engine: &mut Engine, terms: Terms, options: Options, now: u64) -> Self {
        engine.follow();
        let offset = engine.ks.effects.offset();
        Node {
            name: name.to_string(),
            promised: terms.last(),
            terms,
            backlog: Backlog::new(offset, options.backlog),
            mark: Mark::default(),
            role: Role::Seeking { since: now, asked: 0 },
            client: Client::default(),
            upstream: None,
            gone: None,
            full: Full::default(),
            visible: true,
            stored: None,
            out: Vec::new(),
            wants: Vec::new(),
            log: Vec::new(),
            called: now,
            options,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it leads.
    pub fn is_leading(&self) -> bool {
        matches!(self.role, Role::Leading(_))
    }

    /// Whether it is about to lead.
    pub fn is_candidate(&self) -> bool {
        matches!(self.role, Role::Gathering(_))
    }

    /// Whether it has what its leader had when it was heard last.
    pub fn is_up(&self) -> bool {
        match &self.role {
            Role::Following(follower) => follower.is_up(),
            Role::Leading(_) => true,
            _ => false,
        }
    }

    /// Who leads, as far as it knows.
    pub fn leader(&self) -> Option<&str> {
        match &self.role {
            Role::Following(follower) => Some(&follower.leader),
            Role::Leading(_) => Some(&self.name),
            _ => None,
        }
    }

    /// Who led when.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Who led when, once this one leads under the highest term it has heard of.
    pub fn next_terms(&self) -> Terms {
        let mut terms = self.terms.clone();
        terms.begin(self.promised, self.backlog.end());
        terms
    }

    /// The highest term it has heard of.
    pub fn promised(&self) -> u64 {
        self.promised
    }

    /// A place in the log that was stored for certain.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The feed from `offset` on, if it is still here.
    pub fn since(&self, offset: u64) -> Option<Vec<u8>> {
        self.backlog.from(offset, usize::MAX)
    }

    /// How many requests wait for an answer.
    pub fn waiting(&self) -> usize {
        self.client.len()
    }

    /// Says whether somebody looks at it: such a node had better lead than another.
    pub fn set_visible(&mut self, visible: bool) {
        self.visible = visible;
    }

    /// Takes what it has to say.
    pub fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// Takes what its host has to do.
    pub fn take_wants(&mut self) -> Vec<Want> {
        std::mem::take(&mut self.wants)
    }

    /// Takes the feed that the host of a leader has to store: whole units.
    pub fn take_log(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.log)
    }

    /// Whether a host has something to take or to do.
    pub fn has_news(&self) -> bool {
        !(self.out.is_empty() && self.wants.is_empty() && self.log.is_empty())
    }

    pub(super) fn say(&mut self, to: &str, message: &Message) {
        match self.out.last_mut() {
            Some(out) if out.to == to => message::write(&mut out.bytes, &self.name, to, message),
            _ => {
                let mut bytes = Vec::new();
                message::write(&mut bytes, &self.name, to, message);
                self.out.push(Out { to: to.to_string(), bytes });
            }
        }
    }

    pub(super) fn want(&mut self, want: Want) {
        if !self.wants.contains(&want) {
            self.wants.push(want);
        }
    }

    /// Takes in messages: as they came, one after the other.
    pub fn receive(&mut self, engine: &mut Engine, bytes: &[u8], now: u64) {
        self.look(now);
        let mut letters = Vec::new();
        message::read_all(bytes, |letter| letters.push(letter));
        for letter in letters {
            match letter {
                Ok(letter) if letter.from == self.name => {}
                Ok(letter) if letter.to == ALL || letter.to == self.name => self.take_in(engine, letter, now),
                Ok(_) | Err(Odd::Nonsense) => {}
                Err(Odd::Version { from, version }) => {
                    self.say(&from, &Message::Version { version: VERSION });
                    self.want(Want::Version(version));
                }
            }
        }
        self.work(engine, now);
    }

    fn take_in(&mut self, engine: &mut Engine, letter: Letter, now: u64) {
        let from = &letter.from;
        match letter.message {
            // Who does not lead gives what it has to one that is about to, and asks for it by name: whoever asks all looks for the leader.
            Message::Sync { term, offset } if self.is_leading() || letter.to == self.name => {
                self.give(engine, from, term, offset, now);
            }
            Message::Sync { .. } => {}
            Message::Lead { term, offset, replid, mark } => {
                self.hear_leader(engine, from, term, now);
                self.note_lead(engine, from, term, offset, replid, mark, now);
            }
            Message::Continue { terms } => self.note_terms(from, terms),
            Message::Feed { term, offset, mark, bytes } => {
                self.hear_leader(engine, from, term, now);
                self.take_feed(engine, from, offset, mark, &bytes, now);
            }
            Message::Full { number, offset, terms } => self.begin_loading(engine, from, number, offset, terms, now),
            Message::Piece { number, n, last, bytes } => self.load(engine, from, number, n, last, &bytes, now),
            Message::Got { number, n } => self.full.got(from, number, n),
            Message::Ack { offset, visible } => self.note_ack(engine, from, offset, visible, now),
            Message::GetAck => self.acknowledge(engine, now),
            Message::Ping => self.note_ping(engine, from),
            Message::Gather { term } => self.note_gathering(engine, from, term, now),
            Message::Position { gather, term, offset } => self.note_position(from, gather, term, offset),
            Message::Busy { term } => self.note_busy(from, term, now),
            Message::Request { term, oldest, wait, forward } => {
                self.take_request(engine, from, term, oldest, wait, forward, now);
            }
            Message::Reply { serial, db, offset, bytes } => self.take_reply(engine, from, serial, db, offset, bytes),
            Message::Unstored { serial } => self.take_unstored(engine, from, serial),
            Message::Again { serial } => self.send_again(from, serial, now),
            Message::Cancel { serials, owners } => self.cancel(engine, from, &serials, &owners),
            Message::Take => self.want(Want::Steal),
            Message::Bye => self.note_gone(engine, from, now),
            Message::Version { version } => self.want(Want::Version(version)),
            // These are said on connections, not among tabs.
            Message::Hello { .. } | Message::Refused { .. } | Message::Batch { .. } => {}
        }
    }

    /// Does what follows from what the engine has done: called after every command, and by all that is done here.
    pub fn work(&mut self, engine: &mut Engine, now: u64) {
        self.look(now);
        if self.is_leading() {
            if self.upstream.is_some() {
                self.relay_fresh(engine, now);
            }
            self.feed(engine);
            self.answer_all(engine, now);
        } else {
            // Those for whom something was run before, when it led.
            engine.take_ready_proxies();
            engine.server.afar.wants_acks = false;
            self.send_requests(engine, now);
        }
    }

    /// Takes note of the time. Who was not called itself cannot say that others were silent: what they said may wait to be taken in.
    fn look(&mut self, now: u64) {
        let late = self.called > 0 && now.saturating_sub(self.called) > self.options.patience / 2;
        self.called = now;
        match &mut self.role {
            Role::Seeking { since, .. } if late => *since = now,
            Role::Following(follower) if late => follower.renew(now),
            _ => {}
        }
    }

    /// Puts what was put out since the last time into the feed.
    pub(super) fn feed(&mut self, engine: &mut Engine) {
        let bytes = std::mem::take(engine.effects());
        let end = engine.ks.effects.offset();
        if bytes.is_empty() {
            return;
        }
        let offset = end - bytes.len() as u64;
        self.backlog.push(&bytes);
        self.log.extend_from_slice(&bytes);
        let (term, mark) = (self.terms.last(), self.mark);
        self.say(ALL, &Message::Feed { term, offset, mark, bytes });
    }

    /// Does what time brings. Returns when it wants to be called next, ms since the epoch.
    pub fn tick(&mut self, engine: &mut Engine, now: u64) -> u64 {
        self.look(now);
        let next = match &self.role {
            Role::Seeking { .. } => self.seek(now),
            Role::Following(_) => self.watch_leader(engine, now),
            Role::Gathering(_) => self.gather_on(now),
            Role::Leading(_) => self.watch_followers(now),
        };
        let upstream = if self.is_leading() { self.watch_upstream(engine, now) } else { u64::MAX };
        let give = self.give_pieces(engine, now);
        let give_up = self.give_up(engine, now);
        self.work(engine, now);
        next.min(give).min(give_up).min(upstream)
    }

    /// Asks who leads, now and then. When nobody says so for long, it has to be this one.
    fn seek(&mut self, now: u64) -> u64 {
        let (term, offset) = (self.terms.at(self.backlog.end()), self.backlog.end());
        let patience = self.options.patience;
        let Role::Seeking { since, asked } = &mut self.role else { return u64::MAX };
        let (waited, due) = (now.saturating_sub(*since), now.saturating_sub(*asked) >= patience / 4);
        if waited >= 2 * patience {
            *since = now;
            self.want(Want::Steal);
        } else if due {
            *asked = now;
            self.say(ALL, &Message::Sync { term, offset });
        }
        now + patience / 4
    }

    /// Somebody is about to lead: it takes a while.
    fn note_busy(&mut self, _from: &str, term: u64, now: u64) {
        if term >= self.promised
            && let Role::Seeking { since, .. } = &mut self.role
        {
            *since = now;
        }
    }

    /// What others are to be told while the host is loading what it has stored, and this node cannot be asked.
    pub fn busy(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Whatever they have promised, they will wait.
        message::write(&mut bytes, &self.name, ALL, &Message::Busy { term: (1 << 62) - 1 });
        bytes
    }

    /// Has no leader any more.
    pub(super) fn lose_leader(&mut self, engine: &mut Engine, now: u64) {
        self.role = Role::Seeking { since: now, asked: 0 };
        engine.server.afar.leader = Leader { lost_ms: now, ..Leader::default() };
    }

    /// Somebody is gone.
    pub fn note_gone(&mut self, engine: &mut Engine, who: &str, now: u64) {
        self.full.forget(engine, who);
        match &mut self.role {
            Role::Following(follower) if follower.leader == who => {
                self.lose_leader(engine, now);
                self.gone = Some(who.to_string());
            }
            Role::Gathering(gathering) => gathering.forget(who),
            Role::Leading(leading) => leading.forget(engine, who),
            _ => {}
        }
    }

    /// Follows again: another one has the lock, or this one cannot keep it. What it fed and nobody has taken over is lost.
    pub fn step_down(&mut self, engine: &mut Engine, now: u64) {
        self.feed(engine);
        if let Role::Leading(leading) = &mut self.role {
            leading.close(engine);
            engine.forget_follower(None);
            self.say(ALL, &Message::Bye);
        }
        self.full.end(engine);
        self.log.clear();
        engine.follow();
        for forward in self.take_relayed() {
            self.client.keep(forward, now);
        }
        self.lose_leader(engine, now);
        self.work(engine, now);
    }

    /// Says that it is gone.
    pub fn leave(&mut self) {
        self.say(ALL, &Message::Bye);
    }

    /// The data is that of a storage with these `terms` now.
    pub fn replaced(&mut self, engine: &Engine, terms: Terms) {
        self.backlog = Backlog::new(engine.ks.effects.offset(), self.options.backlog);
        self.promised = self.promised.max(terms.last());
        self.terms = terms;
    }

    /// Takes in what a storage with these `terms` has from `offset` on, as far as it is missing here.
    pub fn take_stored(&mut self, engine: &mut Engine, offset: u64, bytes: &[u8], terms: Terms, now: u64) {
        let have = self.backlog.end().saturating_sub(offset).min(bytes.len() as u64) as usize;
        self.apply(engine, &bytes[have..], now);
        if terms.last() > self.terms.last() {
            self.terms = terms;
        }
    }
}
