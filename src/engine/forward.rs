//! A follower whose clients may write: what only the leader can do is handed to the host, which sends it there, and the session waits
//! for the answer. Reads are answered here. The other half is the leader's: it runs what it was sent in a session that stands for the
//! one far away.

use super::answered::{Answered, CHANNEL, Request};
use super::error::Error;
use super::queued::{self, Change};
use super::reply::Proto;
use super::row::{RowId, flag};
use super::session::{Session, SessionId, Wait};
use super::value::Type;
use super::{Engine, keyspace::Expiry, unit_flags, wait};
use crate::base::num::parse_u64;

/// What an engine does about commands that change data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It runs them: nobody else decides.
    #[default]
    Leads,
    /// It follows, and has them run by the leader.
    Forwards,
}

/// How commands that go together are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// There is one.
    One,
    /// One after the other; none of them waits.
    Many,
    /// As one transaction; the answer is EXEC's, behind it, if there was one, the error that kept a command from being queued.
    Atomic,
}

/// What the leader is to run for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Its number: every later one has a larger one.
    pub serial: u64,
    /// The client that waits for it: `CLIENT ID`.
    pub owner: u64,
    /// It watches keys there.
    pub watches: bool,
    /// The database it has selected, the format it reads, and the offset behind its last change.
    pub db: usize,
    pub proto: Proto,
    pub written: u64,
    pub manner: Manner,
    pub commands: Vec<Vec<Vec<u8>>>,
}

/// The most commands of one request, and arguments of one command.
const MOST: u64 = 1 << 20;

impl Forward {
    /// Bytes it takes, more or less.
    pub fn size(&self) -> usize {
        let commands: usize = self.commands.iter().flatten().map(|arg| arg.len() + size_of::<Vec<u8>>()).sum();
        commands + size_of::<Forward>()
    }

    /// It as words of a message.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let proto: &[u8] = match self.proto {
            Proto::Resp2 => b"2",
            Proto::Resp3 => b"3",
            Proto::Native => b"0",
        };
        let manner: &[u8] = match self.manner {
            Manner::One => b"one",
            Manner::Many => b"many",
            Manner::Atomic => b"atomic",
        };
        let number = |n: u64| n.to_string().into_bytes();
        let head = [self.serial, self.owner, u64::from(self.watches), self.db as u64].map(number);
        let mut words = head.to_vec();
        words.extend([proto.to_vec(), number(self.written), manner.to_vec()]);
        for argv in &self.commands {
            words.push(number(argv.len() as u64));
            words.extend(argv.iter().cloned());
        }
        words
    }

    /// Reads all words that are left. Nothing if they are not one of these.
    pub fn read<'a>(words: &mut std::slice::Iter<'a, &'a [u8]>) -> Option<Self> {
        // Below 2^62, so that sums of two do not overflow.
        let number = |word: &&[u8]| parse_u64(word).filter(|n| *n < 1 << 62);
        let (serial, owner) = (number(words.next()?)?, number(words.next()?)?);
        let watches = match *words.next()? {
            b"0" => false,
            b"1" => true,
            _ => return None,
        };
        let db = number(words.next()?)? as usize;
        let proto = match *words.next()? {
            b"0" => Proto::Native,
            b"2" => Proto::Resp2,
            b"3" => Proto::Resp3,
            _ => return None,
        };
        let written = number(words.next()?)?;
        let manner = match *words.next()? {
            b"one" => Manner::One,
            b"many" => Manner::Many,
            b"atomic" => Manner::Atomic,
            _ => return None,
        };
        let mut commands = Vec::new();
        while words.len() > 0 {
            let count = number(words.next()?).filter(|count| (1..=MOST).contains(count))?;
            let argv: Vec<Vec<u8>> = words.by_ref().take(count as usize).map(|arg| arg.to_vec()).collect();
            if argv.len() != count as usize {
                return None;
            }
            commands.push(argv);
        }
        let fits = manner != Manner::One || commands.len() == 1;
        fits.then_some(Forward { serial, owner, watches, db, proto, written, manner, commands })
    }
}

/// What a follower's host has to send, and whom it waits for.
#[derive(Debug, Default)]
pub struct Afar {
    pub part: Part,
    /// The last number.
    serial: u64,
    /// Who waits for which answer.
    waiting: std::collections::BTreeMap<u64, SessionId>,
    /// What was not sent yet.
    pub fresh: Vec<Forward>,
    /// Whose answers nobody waits for any more.
    pub abandoned: Vec<u64>,
    /// Somebody waits for acknowledgements: followers should say how far they are.
    pub wants_acks: bool,
    /// Whom a follower follows.
    pub leader: Leader,
}

/// What INFO and ROLE tell of the leader.
#[derive(Clone, Debug, Default)]
pub struct Leader {
    /// Where it is: an address, the name of a tab. Empty as long as there is none.
    pub name: String,
    pub port: u16,
    /// It was heard, and the feed goes on from what is here.
    pub is_up: bool,
    /// Its data is being loaded as a whole.
    pub is_syncing: bool,
    /// When it was heard last, and when it was lost, ms since the epoch.
    pub heard_ms: u64,
    pub lost_ms: u64,
}

impl Afar {
    /// Nobody waits for the answer `serial` any more.
    pub(super) fn abandon(&mut self, serial: u64) {
        self.waiting.remove(&serial);
        self.abandoned.push(serial);
    }
}

impl Engine {
    /// Follows a leader from here on: what changes comes by [`Engine::replay`], and what clients want changed goes to the host.
    pub fn follow(&mut self) {
        self.server.afar.part = Part::Forwards;
        self.ks.expiry = Expiry::Hides;
        self.ks.effects.record(false);
        self.ks.effects.out().clear();
        let waiting: Vec<SessionId> = self.sessions.iter().map(|me| me.place).collect();
        for id in waiting {
            if !self.sessions.proxies.contains(&id) {
                self.hand_over(id);
            }
        }
    }

    /// Session `id` of a leader that becomes a follower: what it waits for to change something is the new leader's to do, and what it
    /// watches may be another history.
    fn hand_over(&mut self, id: SessionId) {
        let Some(mut me) = self.sessions.take(id) else { return };
        me.dirty_cas |= !me.watching.is_empty();
        let waits = me.wait.as_ref().is_some_and(|wait| wait.afar.is_none() && !wait.postponed);
        let for_leader = me.last.is_some_and(|row| self.needs_leader(row, &me));
        if waits
            && for_leader
            && let Some(wait) = wait::stop_waiting(&mut self.ks, &mut self.server, &mut me)
        {
            self.put_forward(&mut me, Manner::One, vec![wait.argv]);
        }
        self.sessions.put(me);
    }

    /// Decides by itself again.
    pub fn lead(&mut self) {
        self.server.afar.part = Part::Leads;
        self.ks.expiry = Expiry::Deletes;
        self.ks.effects.record(true);
        self.ks.effects.restart();
    }

    /// Has another leader decide, as a follower does, but puts out what comes of it for those who follow this engine.
    pub fn relay(&mut self) {
        self.server.afar.part = Part::Forwards;
        self.ks.expiry = Expiry::Hides;
    }

    /// Applies effects of that leader, with their databases, and puts them out as one unit with what changes beside them.
    pub fn relay_effects(&mut self, effects: &[(usize, Vec<Vec<u8>>)], changes: &[Change]) {
        let mut selected = None;
        for (db, argv) in effects {
            if selected != Some(*db) {
                selected = Some(*db);
                let _ = self.replay(&[b"SELECT", db.to_string().as_bytes()]);
            }
            // An effect that is refused here was refused nowhere else, or everywhere.
            let _ = self.replay(&argv.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        self.ks.effects.record(true);
        for (db, argv) in effects {
            self.ks.effects.also(*db, &argv.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        self.note_changes(changes);
        self.end_effects();
    }

    fn note_changes(&mut self, changes: &[Change]) {
        for change in changes {
            self.ks.queue.apply(change);
            self.ks.effects.also(self.ks.db(), &[b"PUBLISH", queued::CHANNEL, &change.message()]);
        }
    }

    /// Runs what a client asked for without the leader, for now: what comes of it and the `changes` are put out as one unit. Returns
    /// the answer, and whether anything was changed. Nothing waits.
    pub fn serve_alone(
        &mut self,
        forward: &Forward,
        request: Request,
        changes: &[Change],
        now: u64,
    ) -> (Vec<u8>, bool) {
        let before = (self.server.afar.part, self.ks.expiry, self.server.config.maxmemory);
        // What is evicted could not be undone.
        (self.server.afar.part, self.ks.expiry, self.server.config.maxmemory) = (Part::Leads, Expiry::Deletes, 0);
        self.ks.effects.hold();
        let id = self.open_proxy("alone", now);
        let mut answer = self.serve(id, forward, request, now);
        if answer.is_none() {
            self.end_wait(id, Ok(()));
            answer = self.take_answer(id);
        }
        self.close(id);
        let changed = self.ks.effects.unit_pending();
        self.note_changes(changes);
        self.ks.effects.let_go();
        self.end_effects();
        (self.server.afar.part, self.ks.expiry, self.server.config.maxmemory) = before;
        (answer.unwrap_or_default(), changed)
    }

    /// Whether it is a follower.
    pub fn is_following(&self) -> bool {
        self.server.afar.part == Part::Forwards
    }

    /// Whether the session `me` has to have `row_id` run by the leader.
    #[inline]
    pub(super) fn is_for_leader(&self, row_id: RowId, me: &Session) -> bool {
        self.is_following() && !me.replica && self.needs_leader(row_id, me)
    }

    #[cold]
    fn needs_leader(&self, row_id: RowId, me: &Session) -> bool {
        let slot = self.server.table.slot(row_id);
        match &*slot.full_name {
            "exec" => match &me.multi {
                Some(multi) if !multi.aborted && !me.dirty_cas => {
                    me.watches_afar || unit_flags("exec", slot.row, me) & CHANGES != 0
                }
                _ => false,
            },
            "watch" => me.multi.is_none(),
            "save" | "bgsave" | "bgrewriteaof" | "lastsave" | "wait" | "waitaof" => true,
            _ => slot.row.flags & CHANGES != 0,
        }
    }

    /// Whether session `id` would have to have a command run by the leader: then it waits, and does nothing else meanwhile.
    pub fn forwards(&self, id: SessionId, row_id: RowId) -> bool {
        self.is_following()
            && self.sessions.get(id).is_some_and(|me| me.multi.is_none() && self.needs_leader(row_id, me))
    }

    /// Makes `me` wait for what the leader answers to the command.
    #[cold]
    pub(super) fn forward(&mut self, me: &mut Session, row_id: RowId, argv: &[&[u8]]) {
        let name = &*self.server.table.slot(row_id).full_name;
        let (manner, commands) = match me.multi.take_if(|_| name == "exec") {
            Some(multi) => (Manner::Atomic, multi.queue.into_iter().map(|(_, argv)| argv).collect()),
            None => (Manner::One, vec![argv.iter().map(|arg| arg.to_vec()).collect()]),
        };
        let watches = name == "watch";
        self.put_forward(me, manner, commands);
        me.watches_afar = watches || (me.watches_afar && name != "exec");
    }

    /// Makes session `id` wait for what the leader answers to several commands. Returns whether it does; it must be free for that.
    pub fn forward_many(&mut self, id: SessionId, atomic: bool, commands: Vec<Vec<Vec<u8>>>) -> bool {
        let Some(mut me) = self.sessions.take(id) else { return false };
        let free = me.wait.is_none() && !me.closing;
        if free {
            self.put_forward(&mut me, if atomic { Manner::Atomic } else { Manner::Many }, commands);
        }
        self.sessions.put(me);
        free
    }

    fn put_forward(&mut self, me: &mut Session, manner: Manner, commands: Vec<Vec<Vec<u8>>>) {
        let afar = &mut self.server.afar;
        afar.serial += 1;
        let serial = afar.serial;
        afar.waiting.insert(serial, me.place);
        let last = commands.first().cloned().unwrap_or_default();
        afar.fresh.push(Forward {
            serial,
            owner: if me.owner == 0 { me.id } else { me.owner },
            watches: me.watches_afar,
            db: me.db,
            proto: me.proto(),
            written: me.write_offset,
            manner,
            commands,
        });
        me.wait = Some(Wait {
            keys: Vec::new(),
            db: me.db,
            kind: Type::String,
            on_missing: false,
            deadline: 0,
            retry_at: 0,
            argv: last,
            postponed: false,
            acks: None,
            afar: Some(serial),
        });
    }

    /// Ends the wait for an answer of the leader, which has the data up to `offset` and selected `db`. Returns whether anybody waited.
    pub fn answer(&mut self, serial: u64, answer: &[u8], db: usize, offset: u64) -> bool {
        let Some(id) = self.server.afar.waiting.remove(&serial) else { return false };
        let Some(session) = self.sessions.get_mut(id) else { return false };
        session.wait = None;
        session.out.raw(answer);
        session.write_offset = session.write_offset.max(offset);
        if db < self.ks.db_count() {
            session.db = db;
        }
        self.sessions.wake(id);
        true
    }

    /// Ends all waits for answers of the leader that are numbered `serials` with an error.
    pub fn refuse_answers(&mut self, serials: &[u64], error: &Error) {
        for serial in serials {
            if let Some(id) = self.server.afar.waiting.get(serial) {
                self.end_wait(*id, Err(error.clone()));
            }
        }
        self.server.afar.abandoned.clear();
    }

    /// The leader is another one, which knows nothing of watched keys: the transactions of those who watch will do nothing.
    pub fn lose_watches(&mut self) {
        for session in self.sessions.iter_mut().filter(|session| session.watches_afar) {
            (session.watches_afar, session.dirty_cas) = (false, true);
        }
        self.ks.unwatched_afar.clear();
    }

    /// Opens a session that stands for one far away.
    pub fn open_proxy(&mut self, addr: &str, now: u64) -> SessionId {
        let id = self.open_host(addr, now);
        self.sessions.proxies.insert(id);
        id
    }

    /// Has a session that stands for one at the other end of a connection act as that user.
    pub fn act_as(&mut self, id: SessionId, user: super::acl::UserId) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.is_far = true;
            self.server.acl.turn_into(session, user);
        }
    }

    /// Runs what a follower has sent in session `id`. Returns the answer, nothing if there is none yet.
    pub fn serve(&mut self, id: SessionId, forward: &Forward, request: Request, now: u64) -> Option<Vec<u8>> {
        let before = self.ks.effects.offset();
        let session = self.sessions.get_mut(id)?;
        session.db = forward.db;
        // Who waits for more than there is waits for all.
        session.write_offset = forward.written.min(before);
        session.out.set_proto(forward.proto);
        session.request = Some(Box::new(Request { many: forward.manner != Manner::One, ..request }));
        match forward.manner {
            Manner::One => {
                self.serve_one(id, forward.commands.first()?, now);
                if self.sessions.get(id)?.wait.is_some() {
                    return None;
                }
            }
            Manner::Many => {
                for argv in &forward.commands {
                    self.serve_one(id, argv, now);
                    self.end_wait(id, Ok(()));
                }
            }
            Manner::Atomic => self.serve_atomic(id, &forward.commands, now)?,
        }
        let answer = self.take_answer(id)?;
        let changed = self.ks.effects.offset() != before || self.ks.effects.unit_pending();
        if forward.manner != Manner::One && changed {
            let mut me = self.sessions.take(id)?;
            self.note_answer(&mut me, &answer);
            self.sessions.put(me);
        }
        Some(answer)
    }

    fn serve_one(&mut self, id: SessionId, argv: &[Vec<u8>], now: u64) {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let name = argv.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
        let sub = |word: &[u8]| argv.get(1).is_some_and(|sub| sub.eq_ignore_ascii_case(word));
        if NEVER.contains(&&name[..]) || (name == b"client" && (sub(b"reply") || sub(b"tracking"))) {
            if let Some(session) = self.sessions.get_mut(id) {
                let name = String::from_utf8_lossy(&name);
                session.out.error(&Error::new(format!("ERR '{name}' is about a connection and cannot be sent on")));
            }
            return;
        }
        self.call(id, &argv, now);
    }

    fn serve_atomic(&mut self, id: SessionId, commands: &[Vec<Vec<u8>>], now: u64) -> Option<()> {
        self.call(id, &[b"MULTI"], now);
        let mut spoiled = Vec::new();
        for argv in commands {
            self.sessions.get_mut(id)?.out.rewind(0);
            self.serve_one(id, argv, now);
            let out = self.sessions.get(id)?.out.bytes();
            if spoiled.is_empty() && out.first() == Some(&b'-') {
                spoiled = out.to_vec();
            }
        }
        self.sessions.get_mut(id)?.out.rewind(0);
        self.call(id, &[b"EXEC"], now);
        self.sessions.get_mut(id)?.out.raw(&spoiled);
        Some(())
    }

    /// Takes what a session that stands for one far away has to say, if it does not wait.
    pub fn take_answer(&mut self, id: SessionId) -> Option<Vec<u8>> {
        let session = self.sessions.get_mut(id)?;
        session.wait.is_none().then(|| std::mem::take(session.out.bytes_mut()))
    }

    /// Notes as an effect what a request was answered that has changed something.
    pub(super) fn note_answer(&mut self, me: &mut Session, answer: &[u8]) {
        // Who has no name asks for nothing again.
        let Some(request) = me.request.as_ref().filter(|request| !request.client.is_empty()) else { return };
        self.ks.answered.note(request, answer);
        let message = Answered::message(request, answer);
        self.ks.effects.also(self.ks.db(), &[b"PUBLISH", CHANNEL, &message]);
        self.end_effects();
        me.write_offset = self.ks.effects.offset();
    }
}

/// Flags of commands that can change what all engines have.
const CHANGES: u32 = flag::WRITE | flag::MAY_REPLICATE;

/// Commands about the connection they come on, which is not there.
const NEVER: &[&[u8]] = &[
    b"auth",
    b"failover",
    b"hello",
    b"monitor",
    b"psubscribe",
    b"psync",
    b"quit",
    b"replicaof",
    b"reset",
    b"shutdown",
    b"slaveof",
    b"ssubscribe",
    b"subscribe",
    b"sync",
];
