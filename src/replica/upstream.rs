//! A leader that has a leader itself, at the other end of a connection: the side of a page. The tab that leads holds the connection;
//! what the server sends becomes the feed of the tabs, and what any tab wants changed goes to the server under the name and number that
//! it has in that tab, so that whichever tab leads sends it again under the same.
//!
//! Without the connection commands are refused, or, if so wished, done here for now and kept in the [queue](crate::engine::queued)
//! until the server has done them. When it comes back, what they did is undone, what happened there meanwhile is applied, and what the
//! server has not done yet is done here again on top, until it has: a *rebase*.

use super::message::{self, ALL, Message, Odd};
use super::node::{Node, Role};
use super::sieve::elsewhere;
use super::state;
use crate::base::num::parse_i64;
use crate::engine::answered::Request;
use crate::engine::forward::{Forward, Leader};
use crate::engine::keys::{self, access};
use crate::engine::keyspace::Expiry;
use crate::engine::queued::{Change, Entry, Place};
use crate::engine::reply::first_error;
use crate::engine::row::flag;
use crate::engine::{Engine, Error, Keyspace, Reply, resolve};
use crate::rdb::{LoadOptions, Reader};
use crate::resp::parse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Requests from the queue that are under way at once.
const UNDER_WAY: usize = 1024;
/// Frames are not made longer when they are so long, and what makes one longer than a server takes is not asked of it.
const FRAME: usize = 256 << 10;
const LONGEST: usize = 7 << 20;
/// Refusals that are kept for a host that does not ask for them.
const REFUSALS: usize = 256;

/// The far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There is no connection.
    Down,
    /// It is open, and what is missing here is awaited.
    Syncing,
    /// Everything is here.
    Up,
}

/// A queued command that the server would not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub commands: Vec<Vec<Vec<u8>>>,
    /// What it said, as an error's text.
    pub error: String,
}

/// See the module.
pub struct Upstream {
    /// What it is called in INFO and ROLE.
    name: String,
    /// Without a connection, commands are queued, not refused.
    queues: bool,
    link: Link,
    /// Asked for and not answered: the client, the command, whether it was sent on this connection.
    requests: BTreeMap<u64, Asked>,
    /// Numbers them.
    count: u64,
    /// What of the queue was sent on this connection.
    sent: BTreeSet<(String, u64)>,
    loading: Option<Loading>,
    /// Answers that came before what they are about.
    early: Vec<Early>,
    refusals: Vec<Refusal>,
    /// Why the server does not serve this one.
    refused: Option<String>,
    /// When it was lost, or heard last.
    lost: u64,
    heard: u64,
    pinged: bool,
    /// What is to be sent, as frames.
    out: VecDeque<Vec<u8>>,
}

struct Asked {
    client: String,
    wait: bool,
    forward: Forward,
    since: u64,
    sent: bool,
}

struct Early {
    client: String,
    serial: u64,
    db: u64,
    n: u64,
    bytes: Vec<u8>,
}

/// A snapshot on its way in.
struct Loading {
    number: u64,
    next: u64,
    n: u64,
    ks: Keyspace,
    reader: Reader,
}

impl Upstream {
    fn new(name: &str, queues: bool, now: u64) -> Self {
        Upstream {
            name: name.to_string(),
            queues,
            link: Link::Down,
            requests: BTreeMap::new(),
            count: 0,
            sent: BTreeSet::new(),
            loading: None,
            early: Vec::new(),
            refusals: Vec::new(),
            refused: None,
            lost: now,
            heard: now,
            pinged: false,
            out: VecDeque::new(),
        }
    }

    /// How it is connected.
    pub fn link(&self) -> Link {
        self.link
    }

    /// How many commands wait for an answer of the server.
    pub fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// Takes why the server does not serve this one.
    pub fn take_refused(&mut self) -> Option<String> {
        self.refused.take()
    }

    /// Takes the queued commands that the server would not do.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    /// Takes the next frame that is to be sent.
    pub fn take_out(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn say(&mut self, from: &str, message: &Message) {
        match self.out.back_mut().filter(|frame| frame.len() < FRAME) {
            Some(frame) => message::write(frame, from, ALL, message),
            None => {
                let mut frame = Vec::new();
                message::write(&mut frame, from, ALL, message);
                self.out.push_back(frame);
            }
        }
    }

    /// The first number of a client's that has no answer, of those that it has asked for.
    fn oldest(&self, engine: &Engine, client: &str) -> u64 {
        let asked = self.requests.values().filter(|asked| asked.client == client).map(|asked| asked.forward.serial);
        let queued = engine.ks.queue.entries().filter(|entry| entry.client == client).map(|entry| entry.forward.serial);
        asked.chain(queued).min().unwrap_or(u64::MAX >> 3)
    }
}

impl Node {
    /// Gives it a leader elsewhere, called `name`; with `queues`, commands are queued while that cannot be reached.
    pub fn attach(&mut self, engine: &mut Engine, name: &str, queues: bool, now: u64) {
        self.upstream = Some(Upstream::new(name, queues, now));
        if self.is_leading() {
            engine.relay();
        }
    }

    /// The far end, if it has a leader elsewhere.
    pub fn upstream(&mut self) -> Option<&mut Upstream> {
        self.upstream.as_mut()
    }

    /// A connection is open.
    pub fn upstream_open(&mut self, engine: &mut Engine, token: &[u8], now: u64) {
        let name = self.name.clone();
        let Some(upstream) = &mut self.upstream else { return };
        (upstream.link, upstream.heard, upstream.pinged) = (Link::Syncing, now, false);
        upstream.out.clear();
        upstream.say(&name, &Message::Hello { token: token.to_vec() });
        self.note_upstream(engine);
    }

    /// The connection is gone.
    pub fn upstream_closed(&mut self, engine: &mut Engine, now: u64) {
        let Some(upstream) = &mut self.upstream else { return };
        if upstream.link != Link::Down {
            upstream.lost = now;
        }
        (upstream.link, upstream.loading) = (Link::Down, None);
        upstream.early.clear();
        upstream.sent.clear();
        upstream.out.clear();
        upstream.requests.values_mut().for_each(|asked| asked.sent = false);
        self.note_upstream(engine);
        self.work(engine, now);
    }

    /// What INFO and ROLE tell.
    fn note_upstream(&mut self, engine: &mut Engine) {
        let Some(upstream) = &self.upstream else { return };
        engine.server.afar.leader = Leader {
            name: upstream.name.clone(),
            is_up: upstream.link == Link::Up,
            is_syncing: upstream.loading.is_some(),
            heard_ms: upstream.heard,
            lost_ms: upstream.lost,
            ..Leader::default()
        };
    }

    /// Takes in a frame of the server.
    pub fn upstream_receive(&mut self, engine: &mut Engine, bytes: &[u8], now: u64) {
        let mut messages = Vec::new();
        message::read_all(bytes, |letter| {
            messages.push(match letter {
                Ok(letter) => (letter.to, letter.message),
                Err(Odd::Version { version, .. }) => (ALL.into(), Message::Version { version }),
                Err(Odd::Nonsense) => (ALL.into(), Message::Refused { text: "its messages are not understood".into() }),
            });
        });
        let Some(upstream) = &mut self.upstream else { return };
        if !matches!(self.role, Role::Leading(_)) || upstream.link == Link::Down {
            return;
        }
        (upstream.heard, upstream.pinged) = (now, false);
        // Which commands are done has to be known before what they did is applied.
        let mut batches = Vec::new();
        for (to, message) in messages {
            match message {
                Message::Lead { .. } if upstream.link == Link::Syncing => {
                    let Place { term, n } = engine.ks.queue.place();
                    let name = self.name.clone();
                    upstream.say(&name, &Message::Sync { term, offset: n });
                }
                Message::Reply { serial, db, offset, bytes } => {
                    upstream.early.push(Early { client: to, serial, db, n: offset, bytes });
                }
                Message::Refused { text } => upstream.refused = Some(text),
                Message::Version { version } => {
                    upstream.refused = Some(format!("it speaks version {version} of the messages"));
                }
                message => batches.push(message),
            }
        }
        for message in batches {
            self.take_in_upstream(engine, message, now);
        }
        self.settle_early(engine, now);
        self.note_upstream(engine);
        self.work(engine, now);
    }

    fn take_in_upstream(&mut self, engine: &mut Engine, message: Message, now: u64) {
        let name = self.name.clone();
        let Some(upstream) = &mut self.upstream else { return };
        match message {
            Message::Continue { .. } => (upstream.link, upstream.loading) = (Link::Up, None),
            Message::Batch { to, bytes } if upstream.link == Link::Up && to == engine.ks.queue.place().n + 1 => {
                upstream.say(&name, &Message::Ack { offset: to, visible: self.visible });
                let term = engine.ks.queue.place().term;
                self.apply_batch(engine, &bytes, Place { term, n: to });
            }
            // Something is missing: from where it is.
            Message::Batch { .. } if upstream.link == Link::Up => self.sync_upstream(engine),
            Message::Full { number, offset, terms } => {
                upstream.link = Link::Syncing;
                let reader = Reader::new(LoadOptions { now, keep_due: true, ..LoadOptions::default() });
                let mut ks = engine.ks.beside();
                ks.queue.apply(&Change::Place(Place { term: terms.last(), n: offset }));
                upstream.loading = Some(Loading { number, next: 0, n: offset, ks, reader });
            }
            Message::Piece { number, n, last, bytes } => self.load_upstream(engine, number, n, last, &bytes),
            _ => {}
        }
    }

    fn sync_upstream(&mut self, engine: &Engine) {
        let Place { term, n } = engine.ks.queue.place();
        let name = self.name.clone();
        let Some(upstream) = &mut self.upstream else { return };
        (upstream.link, upstream.loading) = (Link::Syncing, None);
        upstream.say(&name, &Message::Sync { term, offset: n });
    }

    /// Applies what happened at the server, beneath what waits here.
    fn apply_batch(&mut self, engine: &mut Engine, bytes: &[u8], place: Place) {
        let mut commands = undo(engine);
        let mut parser = parse::Parser::trusted();
        let (mut at, mut db) = (0, 0);
        while let Ok(Some(frame)) = parser.next(&bytes[at..]) {
            at += frame.consumed;
            match &frame.argv()[..] {
                [b"SELECT", number] => db = parse_i64(number).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
                argv if db < engine.ks.db_count() => {
                    commands.push((db, argv.iter().map(|arg| arg.to_vec()).collect()));
                }
                _ => {}
            }
        }
        engine.relay_effects(&commands, &[Change::Undone, Change::Place(place)]);
        self.feed(engine);
    }

    fn load_upstream(&mut self, engine: &mut Engine, number: u64, n: u64, last: bool, bytes: &[u8]) {
        let name = self.name.clone();
        let Some(upstream) = &mut self.upstream else { return };
        let Some(loading) = upstream.loading.as_mut().filter(|it| it.number == number && it.next == n) else { return };
        if loading.reader.push(&mut loading.ks, bytes).is_err() {
            return self.sync_upstream(engine);
        }
        loading.next += 1;
        let got = loading.next;
        if !last {
            return upstream.say(&name, &Message::Got { number, n: got });
        }
        let Some(Loading { n, mut ks, reader, .. }) = upstream.loading.take() else { return };
        if reader.finish().is_err() {
            return self.sync_upstream(engine);
        }
        upstream.link = Link::Up;
        upstream.say(&name, &Message::Ack { offset: n, visible: self.visible });
        let place = ks.queue.place();
        become_equal(engine, &mut ks, place);
        self.feed(engine);
    }

    /// Tells the answers to which everything is here, and does again what the server has not done yet.
    fn settle_early(&mut self, engine: &mut Engine, now: u64) {
        let here = engine.ks.queue.place().n;
        let Some(upstream) = &mut self.upstream else { return };
        if upstream.link != Link::Up {
            return;
        }
        let due: Vec<Early> = upstream.early.extract_if(.., |early| early.n <= here).collect();
        let mut done = Vec::new();
        let mut answers = Vec::new();
        for Early { client, serial, db, bytes, .. } in due {
            let asked = upstream.requests.iter().find(|(_, it)| it.client == client && it.forward.serial == serial);
            if let Some((count, wait)) = asked.map(|(count, asked)| (*count, asked.wait)) {
                upstream.requests.remove(&count);
                answers.push((client, serial, db, bytes, wait));
            } else if let Some(entry) =
                engine.ks.queue.entries().find(|entry| entry.client == client && entry.forward.serial == serial)
            {
                if let Some(error) = first_error(entry.forward.proto, &bytes)
                    && upstream.refusals.len() < REFUSALS
                {
                    upstream.refusals.push(Refusal { commands: entry.forward.commands.clone(), error });
                }
                upstream.sent.remove(&(client.clone(), serial));
                done.push(Change::Done { client, serial });
            }
        }
        if !done.is_empty() {
            // What a command did that is done there is in the feed, or it did nothing.
            let undo = undo(engine);
            done.push(Change::Undone);
            engine.relay_effects(&undo, &done);
        }
        self.rebase(engine, now);
        for (client, serial, db, bytes, wait) in answers {
            self.settle(engine, &client, serial, db, bytes, wait);
        }
    }

    /// Does again what waits, where it was undone.
    fn rebase(&mut self, engine: &mut Engine, now: u64) {
        if engine.ks.queue.is_empty() || !engine.ks.queue.is_clean() {
            return;
        }
        let entries: Vec<Entry> = engine.ks.queue.entries().cloned().collect();
        for Entry { forward, .. } in entries {
            let changes = before(engine, &forward);
            // Its answer was given when it was asked for.
            let request = Request { client: Vec::new(), seq: 0, oldest: 0, many: true };
            engine.serve_alone(&forward, request, &changes, now);
        }
    }

    /// Answers a client, here or in another tab.
    fn settle(&mut self, engine: &mut Engine, to: &str, serial: u64, db: u64, bytes: Vec<u8>, wait: bool) {
        if let Some(desk) = self.desk() {
            desk.reply(engine, to, serial, db, bytes, wait);
        }
    }

    /// Has the server do what a client asks for.
    pub(super) fn relay(
        &mut self,
        engine: &mut Engine,
        from: &str,
        oldest: u64,
        wait: bool,
        forward: Forward,
        now: u64,
    ) {
        if let Some(answer) = engine.ks.answered.get(from.as_bytes(), forward.serial) {
            let answer = answer.to_vec();
            return self.settle(engine, from, forward.serial, forward.db as u64, answer, wait);
        }
        let Some(upstream) = &mut self.upstream else { return };
        let same = |client: &str, serial: u64| client == from && serial == forward.serial;
        if upstream.requests.values().any(|asked| same(&asked.client, asked.forward.serial))
            || engine.ks.queue.entries().any(|entry| same(&entry.client, entry.forward.serial))
        {
            return;
        }
        let answer = match upstream.link {
            _ if forward.size() > LONGEST => {
                Some(Err(Error::new("ERR the command is too long to be sent to the leader")))
            }
            // What is queued is sent before it.
            Link::Up => None,
            _ if upstream.queues => Some(self.do_for_now(engine, from, oldest, &forward, now)),
            // It may be back in a moment.
            Link::Syncing => None,
            Link::Down if now.saturating_sub(upstream.lost) < self.options.patience => None,
            _ => Some(Err(Error::NoUpstream)),
        };
        match answer {
            None => {
                let Some(upstream) = &mut self.upstream else { return };
                upstream.count += 1;
                let asked = Asked { client: from.to_string(), wait, forward, since: now, sent: false };
                upstream.requests.insert(upstream.count, asked);
            }
            Some(answer) => {
                let bytes = answer.unwrap_or_else(|error| {
                    let mut reply = Reply::new(forward.proto);
                    reply.error(&error);
                    reply.bytes().to_vec()
                });
                self.settle(engine, from, forward.serial, forward.db as u64, bytes, wait);
            }
        }
    }

    /// Does what a client asks for without the server, for now, and queues it.
    fn do_for_now(
        &mut self,
        engine: &mut Engine,
        from: &str,
        oldest: u64,
        forward: &Forward,
        now: u64,
    ) -> Result<Vec<u8>, Error> {
        can_wait(engine, forward)?;
        if engine.ks.queue.is_full() {
            return Err(Error::QueueFull);
        }
        let mut changes = before(engine, forward);
        changes.push(Change::Add(Entry { client: from.to_string(), forward: forward.clone() }));
        let request = Request { client: from.as_bytes().to_vec(), seq: forward.serial, oldest, many: false };
        let (answer, changed) = engine.serve_alone(forward, request, &changes, now);
        if !changed && first_error(forward.proto, &answer).is_some() {
            // What is wrong here is wrong there; there is nothing to be done later.
            let done = Change::Done { client: from.to_string(), serial: forward.serial };
            engine.relay_effects(&[], &[done]);
        }
        Ok(answer)
    }

    /// Sends to the server what is to be done there, and takes note of what nobody waits for any more.
    pub(super) fn relay_fresh(&mut self, engine: &mut Engine, now: u64) {
        let afar = &mut engine.server.afar;
        let (fresh, abandoned) = (std::mem::take(&mut afar.fresh), std::mem::take(&mut afar.abandoned));
        let owners = std::mem::take(&mut engine.ks.unwatched_afar);
        let (name, wait) = (self.name.clone(), self.client.wait);
        let mut oldest = fresh.first().map_or(0, |forward| forward.serial);
        if let Some(upstream) = &self.upstream {
            oldest = oldest.min(upstream.oldest(engine, &name));
        }
        for forward in fresh {
            if !abandoned.contains(&forward.serial) {
                self.relay(engine, &name, oldest, wait, forward, now);
            }
        }
        self.relay_cancel(&name, &abandoned, &owners);
        self.send_upstream(engine);
    }

    /// Somebody waits no more for these answers, and watches nothing any more for these clients.
    pub(super) fn relay_cancel(&mut self, from: &str, serials: &[u64], owners: &[u64]) {
        let Some(upstream) = &mut self.upstream else { return };
        if serials.is_empty() && owners.is_empty() {
            return;
        }
        upstream.requests.retain(|_, asked| asked.client != from || !serials.contains(&asked.forward.serial));
        if upstream.link == Link::Up {
            upstream.say(from, &Message::Cancel { serials: serials.to_vec(), owners: owners.to_vec() });
        }
    }

    fn send_upstream(&mut self, engine: &Engine) {
        let Some(upstream) = &mut self.upstream else { return };
        if upstream.link != Link::Up {
            return;
        }
        let mut due: Vec<(String, Forward)> = Vec::new();
        for entry in engine.ks.queue.entries() {
            if upstream.sent.len() >= UNDER_WAY {
                break;
            }
            let (client, serial) = (&entry.client, entry.forward.serial);
            if upstream.sent.insert((client.clone(), serial)) {
                // A server takes what one client asks for in the order of its numbers.
                for asked in upstream.requests.values_mut() {
                    if !asked.sent && asked.client == *client && asked.forward.serial < serial {
                        asked.sent = true;
                        due.push((client.clone(), asked.forward.clone()));
                    }
                }
                due.push((client.clone(), entry.forward.clone()));
            }
        }
        // What is queued is done before what was asked for later.
        if upstream.sent.len() >= engine.ks.queue.len() {
            for asked in upstream.requests.values_mut().filter(|asked| !asked.sent) {
                asked.sent = true;
                due.push((asked.client.clone(), asked.forward.clone()));
            }
        }
        let mut oldest = BTreeMap::new();
        for (client, forward) in due {
            let oldest = *oldest.entry(client.clone()).or_insert_with(|| upstream.oldest(engine, &client));
            // How far it has written is told in numbers of this end.
            let forward = Forward { written: 0, ..forward };
            upstream.say(&client, &Message::Request { term: 0, oldest, wait: false, forward });
        }
    }

    /// Does what time brings for the connection. Returns when to look again.
    pub(super) fn watch_upstream(&mut self, engine: &mut Engine, now: u64) -> u64 {
        let (give_up, idle, name) = (self.options.give_up, 15 * self.options.idle, self.name.clone());
        let Some(upstream) = &mut self.upstream else { return u64::MAX };
        let mut next = u64::MAX;
        if upstream.link == Link::Down {
            let over: Vec<u64> = upstream
                .requests
                .iter()
                .filter(|(_, it)| it.since.max(upstream.lost) + give_up <= now)
                .map(|(n, _)| *n)
                .collect();
            next = upstream.requests.values().map(|it| it.since.max(upstream.lost) + give_up).min().unwrap_or(next);
            for count in over {
                let Some(asked) = self.upstream.as_mut().and_then(|it| it.requests.remove(&count)) else { continue };
                let mut reply = Reply::new(asked.forward.proto);
                reply.error(&Error::NoLeader);
                let (serial, db) = (asked.forward.serial, asked.forward.db as u64);
                self.settle(engine, &asked.client, serial, db, reply.bytes().to_vec(), false);
            }
            return next;
        }
        let silent = now.saturating_sub(upstream.heard);
        if silent >= idle && !upstream.pinged {
            upstream.pinged = true;
            upstream.say(&name, &Message::Ping);
        }
        if silent >= 2 * idle {
            upstream.refused.get_or_insert_with(|| "it does not answer".to_string());
            return now + idle;
        }
        upstream.heard + if upstream.pinged { 2 * idle } else { idle }
    }

    /// What it has asked the server for itself, when it does not lead any more.
    pub(super) fn take_relayed(&mut self) -> Vec<Forward> {
        let name = self.name.clone();
        let Some(upstream) = &mut self.upstream else { return Vec::new() };
        let requests = std::mem::take(&mut upstream.requests);
        (upstream.link, upstream.loading) = (Link::Down, None);
        upstream.early.clear();
        upstream.sent.clear();
        upstream.out.clear();
        requests.into_values().filter(|asked| asked.client == name).map(|asked| asked.forward).collect()
    }
}

/// What makes all keys what they were before anything was queued.
fn undo(engine: &Engine) -> Vec<(usize, Vec<Vec<u8>>)> {
    engine.ks.queue.undo().map(|(db, command)| (db, command.clone())).collect()
}

/// What the keys that commands name are before they are done, where that is not known yet.
fn before(engine: &mut Engine, forward: &Forward) -> Vec<Change> {
    let mut known = BTreeSet::new();
    let mut changes = Vec::new();
    for (db, key) in places(engine, forward) {
        if !engine.ks.queue.knows(db, &key) && known.insert((db, key.clone())) {
            let command = state::of(&mut engine.ks, db, &key);
            changes.push(Change::Before { db, command });
        }
    }
    changes
}

/// The keys that commands name, with their databases.
fn places(engine: &Engine, forward: &Forward) -> Vec<(usize, Vec<u8>)> {
    let table = engine.server.table;
    let mut db = forward.db;
    let mut places = Vec::new();
    for argv in &forward.commands {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let Some(row) = argv.first().and_then(|name| table.find(name)) else { continue };
        let Ok(row) = resolve(table, row, &argv) else { continue };
        let slot = table.slot(row);
        if slot.full_name == "select" {
            db = argv.get(1).and_then(|n| parse_i64(n)).and_then(|n| usize::try_from(n).ok()).unwrap_or(db);
        }
        let found = keys::find(slot.row, &slot.full_name, &argv).unwrap_or_default();
        let found = found.iter().filter(|key| key.flags & access::NOT_KEY == 0);
        places.extend(found.map(|key| (db, argv[key.at].to_vec())));
        places.extend(elsewhere(engine, slot.full_name.as_bytes(), &argv));
    }
    places.retain(|(db, _)| *db < engine.ks.db_count());
    places
}

/// Fails unless commands can be done later: they do not wait, watch nothing, and what they change has a name.
fn can_wait(engine: &Engine, forward: &Forward) -> Result<(), Error> {
    let table = engine.server.table;
    let refuse =
        |name: &str| Error::new(format!("MASTERDOWN Link with the leader is down, and '{name}' cannot be queued"));
    if forward.watches {
        return Err(refuse("exec"));
    }
    for argv in &forward.commands {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let Some(row) = argv.first().and_then(|name| table.find(name)) else { continue };
        let Ok(row) = resolve(table, row, &argv) else { continue };
        let slot = table.slot(row);
        let named = keys::find(slot.row, &slot.full_name, &argv).unwrap_or_default();
        let keys = named.iter().any(|key| key.flags & access::NOT_KEY == 0);
        let arity = i64::from(slot.row.arity);
        let wrong = (arity > 0 && argv.len() as i64 != arity) || (argv.len() as i64) < -arity;
        let changes = slot.row.flags & (flag::WRITE | flag::MAY_REPLICATE) != 0;
        let blocks = slot.row.flags & flag::BLOCKING != 0 || slot.full_name == "watch";
        let alone = matches!(&*slot.full_name, "wait" | "waitaof" | "save" | "bgsave" | "bgrewriteaof" | "lastsave");
        if !wrong && (blocks || alone || (changes && !keys)) {
            return Err(refuse(&slot.full_name));
        }
    }
    Ok(())
}

/// Makes the data what `ks` holds, key by key, so that nobody notices but by what differs.
fn become_equal(engine: &mut Engine, ks: &mut Keyspace, place: Place) {
    // Until all of it is done it is at no place.
    engine.relay_effects(&[], &[Change::Undone, Change::Place(Place::default())]);
    // Nothing is due while it is compared.
    let now = std::mem::replace(&mut engine.ks.now, 0);
    let expiry = std::mem::replace(&mut engine.ks.expiry, Expiry::Ignores);
    let mut commands = Vec::new();
    for db in 0..engine.ks.db_count() {
        let here: Vec<Vec<u8>> = engine.ks.in_db(db, |ks| ks.iter().map(key_of).collect());
        let there: Vec<Vec<u8>> = ks.in_db(db, |ks| ks.iter().map(key_of).collect());
        for key in here {
            if ks.in_db(db, |ks| ks.see_entry(&key).is_none()) {
                commands.push((db, vec![b"DEL".to_vec(), key]));
            }
        }
        for key in there {
            let command = state::of(ks, db, &key);
            if command != state::of(&mut engine.ks, db, &key) {
                commands.push((db, command));
            }
        }
    }
    (engine.ks.now, engine.ks.expiry) = (now, expiry);
    for part in commands.chunks(1000) {
        engine.relay_effects(part, &[]);
    }
    engine.relay_effects(&[], &[Change::Place(place)]);
}

fn key_of(entry: &crate::engine::entry::Entry) -> Vec<u8> {
    use crate::ds::dict::Keyed;
    entry.key().to_vec()
}
