//! A leader whose followers are at the other end of connections and each know only what their user may: a server's side.
//!
//! Every follower has a stream of its own: batches of what the [`Sieve`] lets through, under numbers that say nothing about what others
//! do. A batch is made when it can be sent, from the [`Backlog`]; so one that reads slowly gets fewer and larger ones, and nothing
//! piles up for it here. Who has missed more than the backlog holds gets everything anew.

use super::backlog::Backlog;
use super::desk::{Desk, Reply, Taken};
use super::full::Full;
use super::message::{self, Letter, Message, Odd, VERSION};
use super::sieve::Sieve;
use super::terms::Terms;
use crate::engine::acl::UserId;
use crate::engine::forward::Forward;
use crate::engine::keys::{self, access};
use crate::engine::row::flag;
use crate::engine::{Engine, Error, resolve};
use crate::rdb::{self, Writer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bytes of the feed that are kept for those who miss some.
const BACKLOG: usize = 16 << 20;
/// A connection on which so many bytes wait gets nothing more for now.
const HIGH: usize = 1 << 20;
/// Streams of followers that are remembered, those that are gone included.
const STREAMS: usize = 4096;
/// Batches of a stream that are remembered for one that has not said that they came.
const SENT: usize = 1024;
/// Nodes for which one connection may ask.
const CLIENTS: usize = 256;
/// Answers that may wait on one connection until it has read what they are about, and bytes of them.
const HELD: usize = 65_536;
const HELD_BYTES: usize = 64 << 20;
/// The name of this end.
const NAME: &str = "server";

/// See the module.
pub struct Hub {
    term: u64,
    backlog: Backlog,
    desk: Desk,
    full: Full,
    links: BTreeMap<usize, Link>,
    streams: BTreeMap<String, Stream>,
    out: Vec<(usize, Vec<u8>)>,
    ended: Vec<(usize, String)>,
    /// Counts those who came, to tell who came last.
    clock: u64,
    /// How often all data was replaced when it was looked last.
    replaced: u64,
}

/// A connection.
struct Link {
    user: UserId,
    /// What the names of its nodes begin with here: nobody else's do.
    prefix: String,
    /// Its own node, and all nodes for which it has asked.
    name: String,
    clients: BTreeSet<String>,
    /// Bytes that wait to be written.
    waiting: usize,
    /// Answers to what it has not been told of.
    held: VecDeque<Reply>,
}

/// What a follower has.
struct Stream {
    sieve: Sieve,
    /// The last batches: their numbers, up to where in the feed they go, and which database is selected there. The first has come.
    sent: VecDeque<At>,
    /// It gets batches.
    active: bool,
    used: u64,
}

#[derive(Clone, Copy)]
struct At {
    n: u64,
    offset: u64,
    db: usize,
}

/// The first word on a connection.
pub struct Hello {
    pub version: u64,
    /// The node that has come.
    pub name: String,
    pub token: Vec<u8>,
}

/// Reads the first word on a connection, of whatever version; nothing if it is another one.
pub fn read_hello(bytes: &[u8]) -> Option<Hello> {
    let mut hello = None;
    message::read_all(bytes, |letter| match letter {
        Ok(Letter { from, message: Message::Hello { token }, .. }) if hello.is_none() => {
            hello = Some(Hello { version: VERSION, name: from, token });
        }
        Err(Odd::Version { from, version }) if hello.is_none() => {
            hello = Some(Hello { version, name: from, token: Vec::new() });
        }
        _ => {}
    });
    hello
}

/// What a connection is told before it is ended.
pub fn refusal(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    message::write(&mut out, NAME, message::ALL, &Message::Refused { text: text.to_string() });
    out
}

impl Hub {
    /// The hub of a server that began `term`, a number that is higher than all before.
    pub fn new(engine: &Engine, term: u64) -> Self {
        Hub {
            term,
            backlog: Backlog::new(engine.ks.effects.offset(), BACKLOG),
            desk: Desk::default(),
            full: Full::default(),
            links: BTreeMap::new(),
            streams: BTreeMap::new(),
            out: Vec::new(),
            ended: Vec::new(),
            clock: 0,
            replaced: engine.ks.replaced,
        }
    }

    /// A connection, which the host calls `id`, has shown that it is of the ACL user `user`, and its node is called `name`. Fails with
    /// what it is to be told.
    pub fn join(&mut self, engine: &mut Engine, id: usize, user: &[u8], name: &str, _now: u64) -> Result<(), String> {
        let acl = &engine.server.acl;
        let place = acl.find(user).filter(|place| acl.user(*place).enabled);
        let place = place.ok_or("there is no such user, or it is off")?;
        let sieve = Sieve::new(engine, place).ok_or("this server has no means to tell who may read what")?;
        let prefix = format!("{}/", String::from_utf8_lossy(user));
        let name = format!("{prefix}{name}");
        // The same node has come again before the end of its old connection was noticed.
        let old: Vec<usize> = self.links.iter().filter(|(_, link)| link.name == name).map(|(id, _)| *id).collect();
        for old in old {
            self.end(engine, old, "it has come again on another connection");
        }
        self.clock += 1;
        let used = self.clock;
        match self.streams.get_mut(&name).filter(|stream| stream.sieve.is_current(engine)) {
            Some(stream) => (stream.active, stream.used) = (false, used),
            None => {
                let stream = Stream { sieve, sent: VecDeque::new(), active: false, used };
                self.streams.insert(name.clone(), stream);
            }
        }
        self.forget_streams();
        let clients = BTreeSet::from([name.clone()]);
        self.links.insert(id, Link { user: place, prefix, name, clients, waiting: 0, held: VecDeque::new() });
        self.announce(id);
        Ok(())
    }

    /// Forgets what those had who are gone for longest, if there are too many.
    fn forget_streams(&mut self) {
        while self.streams.len() > STREAMS {
            let here: BTreeSet<&String> = self.links.values().map(|link| &link.name).collect();
            let gone = self.streams.iter().filter(|(name, _)| !here.contains(name));
            let Some(name) = gone.min_by_key(|(_, stream)| stream.used).map(|(name, _)| name.clone()) else { return };
            self.streams.remove(&name);
        }
    }

    fn announce(&mut self, id: usize) {
        let lead = Message::Lead { term: self.term, offset: 0, replid: "0".into(), mark: Default::default() };
        self.say(id, &lead);
    }

    /// Takes in one frame of a connection that has joined. Fails with why the connection has to end.
    pub fn receive(&mut self, engine: &mut Engine, id: usize, bytes: &[u8], now: u64) -> Result<(), String> {
        let mut letters = Vec::new();
        message::read_all(bytes, |letter| letters.push(letter));
        for letter in letters {
            let letter = letter.map_err(|odd| match odd {
                Odd::Nonsense => "that was no message".to_string(),
                Odd::Version { version, .. } => {
                    format!("version {version} of the messages is not spoken here, but {VERSION}")
                }
            })?;
            self.take_in(engine, id, letter, now)?;
        }
        Ok(())
    }

    fn take_in(&mut self, engine: &mut Engine, id: usize, letter: Letter, now: u64) -> Result<(), String> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let name = link.name.clone();
        match letter.message {
            Message::Sync { term, offset } => self.give(engine, id, term, offset),
            Message::Got { number, n } => self.full.got(&name, number, n),
            Message::Ack { offset, .. } => self.note_ack(engine, &name, offset),
            Message::Ping => self.announce(id),
            Message::Request { oldest, wait, forward, .. } => {
                let from = format!("{}{}", link.prefix, letter.from);
                link.clients.insert(from.clone());
                if link.clients.len() > CLIENTS {
                    return Err("it speaks for too many nodes".into());
                }
                self.take_request(engine, id, &from, (oldest, wait), &forward, now);
            }
            Message::Cancel { serials, owners } => {
                let from = format!("{}{}", link.prefix, letter.from);
                self.desk.cancel(engine, &from, &serials, &owners);
            }
            Message::Bye => self.leave(engine, id),
            _ => return Err("that message is not for a server".into()),
        }
        Ok(())
    }

    fn take_request(
        &mut self,
        engine: &mut Engine,
        id: usize,
        from: &str,
        (oldest, wait): (u64, bool),
        forward: &Forward,
        now: u64,
    ) {
        match self.desk.take(engine, from, forward.serial, oldest, wait) {
            Taken::Known => return,
            Taken::Again(_) => {
                // On a connection nothing is lost: who begins with a later one has been answered before.
                let _ = self.desk.take(engine, from, forward.serial, forward.serial, wait);
            }
            Taken::Run => {}
        }
        let Some(link) = self.links.get(&id) else { return };
        let Some(stream) = self.streams.get(&link.name) else { return };
        if let Err(error) = admit(engine, &stream.sieve, forward) {
            let mut refusal = crate::engine::Reply::new(forward.proto);
            refusal.error(&error);
            let bytes = refusal.bytes().to_vec();
            return self.desk.reply(engine, from, forward.serial, forward.db as u64, bytes, wait);
        }
        let user = link.user;
        self.desk.run(engine, from, (oldest, wait), forward, now, |engine| {
            let session = engine.open_proxy(from, now);
            engine.act_as(session, user);
            session
        });
    }

    /// Goes on with a stream from where the follower is, or gives it everything.
    fn give(&mut self, engine: &mut Engine, id: usize, term: u64, n: u64) {
        let Some(name) = self.links.get(&id).map(|link| link.name.clone()) else { return };
        let begin = self.backlog.begin();
        let Some(stream) = self.streams.get_mut(&name) else { return };
        let at = stream.sent.iter().copied().find(|at| at.n == n && at.offset >= begin && term == self.term);
        match at {
            Some(at) => {
                stream.sent = VecDeque::from([at]);
                stream.active = true;
                self.full.forget(engine, &name);
                let terms = self.terms();
                self.say(id, &Message::Continue { terms });
            }
            None => {
                stream.active = false;
                self.full.ask(engine, &name);
            }
        }
    }

    fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        terms.begin(self.term, 0);
        terms
    }

    fn note_ack(&mut self, engine: &mut Engine, name: &str, n: u64) {
        let Some(stream) = self.streams.get_mut(name) else { return };
        let Some(at) = stream.sent.iter().copied().find(|at| at.n == n) else { return };
        while stream.sent.len() > 1 && stream.sent[0].n < n {
            stream.sent.pop_front();
        }
        engine.acknowledge(name, at.offset);
    }

    /// A connection is gone.
    pub fn leave(&mut self, engine: &mut Engine, id: usize) {
        let Some(link) = self.links.remove(&id) else { return };
        for client in &link.clients {
            self.desk.forget(engine, client);
        }
        self.full.forget(engine, &link.name);
        engine.forget_follower(Some(&link.name));
        if let Some(stream) = self.streams.get_mut(&link.name) {
            stream.active = false;
        }
    }

    fn end(&mut self, engine: &mut Engine, id: usize, why: &str) {
        self.leave(engine, id);
        self.ended.push((id, why.to_string()));
    }

    /// Says how many bytes wait to be written on a connection: one that does not read gets nothing more until it does.
    pub fn set_waiting(&mut self, id: usize, bytes: usize) {
        if let Some(link) = self.links.get_mut(&id) {
            link.waiting = bytes;
        }
    }

    /// What was changed: the next bytes of the feed of effects.
    pub fn push(&mut self, bytes: &[u8]) {
        self.backlog.push(bytes);
    }

    /// Does what follows from what was done since the last time. Returns when it wants to be called again, ms since the epoch.
    pub fn work(&mut self, engine: &mut Engine, now: u64) -> u64 {
        self.look_at_users(engine);
        self.look_at_history(engine);
        let next = self.give_all(engine, now);
        for reply in self.desk.take_replies(engine, None) {
            let Some((_, link)) = self.links.iter_mut().find(|(_, link)| link.clients.contains(&reply.to)) else {
                continue;
            };
            link.held.push_back(reply);
        }
        for id in self.links.keys().copied().collect::<Vec<_>>() {
            self.pump(engine, id);
        }
        next
    }

    /// Ends the connections of users that are not what they were: what they may read is another thing now.
    fn look_at_users(&mut self, engine: &mut Engine) {
        let changed = |link: &Link| self.streams.get(&link.name).is_none_or(|stream| !stream.sieve.is_current(engine));
        let changed: Vec<usize> = self.links.iter().filter(|(_, link)| changed(link)).map(|(id, _)| *id).collect();
        for id in changed {
            if let Some(link) = self.links.get(&id) {
                self.streams.remove(&link.name.clone());
            }
            self.end(engine, id, "the rules for this user have changed");
        }
    }

    /// Gives everybody everything anew when the feed does not tell how the data came to be what it is: it was loaded as a whole.
    fn look_at_history(&mut self, engine: &mut Engine) {
        let (end, replaced) = (engine.ks.effects.offset(), engine.ks.replaced);
        if self.backlog.end() == end && self.replaced == replaced {
            return;
        }
        (self.replaced, self.backlog) = (replaced, Backlog::new(end, BACKLOG));
        for stream in self.streams.values_mut() {
            // The number goes on, so that no place of the old history is taken for one of this.
            let n = stream.sent.back().map_or(0, |at| at.n);
            (stream.active, stream.sent) = (false, VecDeque::from([At { n: n + 1, offset: 0, db: 0 }]));
        }
        let names: Vec<String> = self.links.values().map(|link| link.name.clone()).collect();
        names.iter().for_each(|name| self.full.ask(engine, name));
    }

    /// Sends what is new to a connection, and the answers that tell of nothing newer.
    fn pump(&mut self, engine: &mut Engine, id: usize) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.held.len() > HELD || link.held.iter().map(|reply| reply.bytes.len()).sum::<usize>() > HELD_BYTES {
            return self.end(engine, id, "it does not read its answers");
        }
        if link.waiting >= HIGH {
            return;
        }
        let Some(stream) = self.streams.get_mut(&link.name).filter(|stream| stream.active) else { return };
        let Some(last) = stream.sent.back().copied() else { return };
        let mut offset = last.offset;
        if offset < self.backlog.end() {
            let Some(fresh) = self.backlog.from(offset, usize::MAX) else {
                stream.active = false;
                return self.full.ask(engine, &link.name);
            };
            let mut db = last.db;
            let bytes = stream.sieve.sift(engine, &fresh, &mut db);
            offset = self.backlog.end();
            if bytes.is_empty() {
                // Nothing of it is for this one: where it is means this place, too.
                if let Some(last) = stream.sent.back_mut() {
                    (last.offset, last.db) = (offset, db);
                }
            } else {
                let n = last.n + 1;
                stream.sent.push_back(At { n, offset, db });
                if stream.sent.len() > SENT {
                    stream.sent.pop_front();
                }
                let batch = Message::Batch { to: n, bytes };
                let name = self.links.get(&id).map(|link| link.name.clone()).unwrap_or_default();
                write_to(&mut self.out, id, &name, &batch);
            }
        }
        let n = self.links.get(&id).and_then(|link| self.streams.get(&link.name)?.sent.back()).map_or(0, |at| at.n);
        let Some(link) = self.links.get_mut(&id) else { return };
        while let Some(Reply { to, serial, db, bytes, .. }) = link.held.pop_front_if(|reply| reply.offset <= offset) {
            // On a connection nothing is lost: it need not be kept for one who asks again.
            self.desk.forget_answer(&to, serial);
            let to = to.strip_prefix(&link.prefix).unwrap_or_default().to_string();
            write_to(&mut self.out, id, &to, &Message::Reply { serial, db, offset: n, bytes });
        }
    }

    /// Goes on with giving everything to those who need it.
    fn give_all(&mut self, engine: &mut Engine, now: u64) -> u64 {
        if let Some(name) = self.full.next(engine) {
            let (Some(id), Some(stream)) = (self.link_of(&name), self.streams.get_mut(&name)) else { return now };
            let some = !stream.sieve.is_open();
            let options = rdb::Options { version: 12, now, of_others: true, of_some: some, ..rdb::Options::default() };
            let writer = Writer::new(&mut engine.ks, options);
            // What was put out and not taken yet belongs to what is before it, and whoever reads on has selected no database.
            let offset = engine.ks.effects.offset();
            engine.ks.effects.restart();
            let n = stream.sent.back().map_or(1, |at| at.n + 1);
            stream.sent = VecDeque::from([At { n, offset, db: 0 }]);
            let sink = stream.sieve.over(writer);
            let number = self.full.begin(engine, &name, sink, now);
            let terms = self.terms();
            self.say(id, &Message::Full { number, offset: n, terms });
        }
        let (to, pieces, next) = self.full.pieces(engine, now);
        let Some(id) = self.link_of(&to) else { return next };
        for piece in pieces {
            let last = matches!(piece, Message::Piece { last: true, .. });
            self.say(id, &piece);
            if let Some(stream) = self.streams.get_mut(&to).filter(|_| last) {
                stream.active = true;
            }
        }
        next
    }

    fn link_of(&self, name: &str) -> Option<usize> {
        self.links.iter().find(|(_, link)| link.name == name).map(|(id, _)| *id)
    }

    fn say(&mut self, id: usize, message: &Message) {
        let Some(link) = self.links.get(&id) else { return };
        let to = link.name.strip_prefix(&link.prefix).unwrap_or_default();
        write_to(&mut self.out, id, to, message);
    }

    /// Takes what is to be sent: frames for connections.
    pub fn take_out(&mut self) -> Vec<(usize, Vec<u8>)> {
        std::mem::take(&mut self.out)
    }

    /// Takes the connections that have to end, with why.
    pub fn take_ended(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.ended)
    }
}

fn write_to(out: &mut Vec<(usize, Vec<u8>)>, id: usize, to: &str, message: &Message) {
    let mut bytes = Vec::new();
    message::write(&mut bytes, NAME, to, message);
    out.push((id, bytes));
}

/// Fails unless a user whom `sieve` is about may have the commands run from afar. Who may not do everything sends only what names keys
/// or channels: the ACL looks at these, while what has none tells of everybody's.
fn admit(engine: &Engine, sieve: &Sieve, forward: &Forward) -> Result<(), Error> {
    if sieve.is_open() {
        return Ok(());
    }
    let table = engine.server.table;
    for argv in &forward.commands {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let Some(row) = argv.first().and_then(|name| table.find(name)) else { continue };
        // What cannot be resolved is refused by the engine, with the right words.
        let Ok(row) = resolve(table, row, &argv) else { continue };
        let slot = table.slot(row);
        let channels = matches!(&*slot.full_name, "publish" | "spublish");
        let named = keys::find(slot.row, &slot.full_name, &argv).unwrap_or_default();
        let keys = named.iter().any(|key| key.flags & access::NOT_KEY == 0);
        let arity = i64::from(slot.row.arity);
        let wrong = (arity > 0 && argv.len() as i64 != arity) || (argv.len() as i64) < -arity;
        let admin = slot.row.flags & flag::ADMIN != 0;
        if admin || !(keys || channels || wrong) {
            return Err(Error::new(format!(
                "NOPERM '{}' is about all data, which this user may not reach",
                slot.full_name
            )));
        }
    }
    Ok(())
}
