//! A session: one client of the engine, whatever carries its bytes.

use super::acl::Identity;
use super::clients::OutputLimits;
use super::reply::{Proto, Reply};
use super::row::RowId;
use super::tracking::Mode;
use super::value::Type;
use std::collections::BTreeSet;

/// A session's place in its engine. Places are used again after [`super::Engine::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u32);

/// What a session waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The keys, all of [`Wait::db`], in the order the command names them.
    pub keys: Vec<Vec<u8>>,
    /// Their database.
    pub db: usize,
    /// The type that ends the wait.
    pub kind: Type,
    /// The wait also ends, with the command's own error, when the key goes or changes type (XREADGROUP).
    pub on_missing: bool,
    /// When it ends without a result, ms since the epoch; 0 for never.
    pub deadline: u64,
    /// When the command is to be run again though no key changed, ms since the epoch; 0 for never.
    pub retry_at: u64,
    /// The command, run again when a key is ready.
    pub argv: Vec<Vec<u8>>,
    /// It waits for nothing but the end of `CLIENT PAUSE`.
    pub postponed: bool,
    /// What others must have of the changes so far, if that is what it waits for (WAIT, WAITAOF).
    pub acks: Option<super::followers::Acks>,
    /// The number of what the leader is to answer, if that is what it waits for.
    pub afar: Option<u64>,
}

/// A transaction being queued.
#[derive(Debug, Default)]
pub struct Multi {
    /// The commands, in order.
    pub queue: Vec<(RowId, Vec<Vec<u8>>)>,
    /// A command could not be queued, so EXEC refuses.
    pub aborted: bool,
    /// All flags of the queued commands.
    pub flags: u32,
    /// The memory they take, bytes.
    pub memory: usize,
}

/// A key that must not change before EXEC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its database.
    pub db: usize,
    /// The key.
    pub key: Vec<u8>,
    /// It was due already, so its deletion is no change.
    pub expired: bool,
}

/// What `CLIENT REPLY` asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Every reply.
    #[default]
    On,
    /// None.
    Off,
    /// Not the one of the command that comes next.
    SkipNext,
    /// Not the one of this command.
    Skip,
}

impl ReplyMode {
    /// What it is for the command after this one.
    pub(super) fn after_command(self) -> Self {
        match self {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        }
    }
}

/// What a host keeps for a session outside of the engine, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buffers {
    /// Requests received and not run yet, and the room behind them.
    pub query: usize,
    pub query_free: usize,
    /// Output taken from the session and not sent yet.
    pub pending: usize,
    /// The size of the buffer it is in, and the most that was in it lately.
    pub reply: usize,
    pub reply_peak: usize,
}

/// One client.
#[derive(Debug)]
pub struct Session {
    /// The place in the engine.
    pub place: SessionId,
    /// `CLIENT ID`: never used twice.
    pub id: u64,
    /// `CLIENT SETNAME`.
    pub name: Vec<u8>,
    /// `CLIENT SETINFO lib-name`.
    pub lib_name: Vec<u8>,
    /// `CLIENT SETINFO lib-ver`.
    pub lib_ver: Vec<u8>,
    /// Where it comes from: an address, or the name of a channel.
    pub addr: String,
    /// The address it reached.
    pub laddr: String,
    /// The selected database.
    pub db: usize,
    /// Who it is.
    pub who: Identity,
    /// The transaction being queued.
    pub multi: Option<Multi>,
    /// Keys under WATCH.
    pub watching: Vec<Watched>,
    /// A watched key changed.
    pub dirty_cas: bool,
    /// Subscribed channels, patterns and shard channels.
    pub channels: BTreeSet<Vec<u8>>,
    pub patterns: BTreeSet<Vec<u8>>,
    pub shards: BTreeSet<Vec<u8>>,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// The offset of the feed behind the last change it made; 0 if it made none.
    pub write_offset: u64,
    /// `CLIENT REPLY`.
    pub reply_mode: ReplyMode,
    /// `CLIENT NO-EVICT`.
    pub no_evict: bool,
    /// `CLIENT NO-TOUCH`.
    pub no_touch: bool,
    /// It gets a line for every command (MONITOR).
    pub monitor: bool,
    /// To be closed by the host once its output is sent.
    pub closing: bool,
    /// An effect stream is replayed through it.
    pub replica: bool,
    /// It stands for somebody at the other end of a connection, wherever that is.
    pub is_far: bool,
    /// It gets every effect (SYNC).
    pub follower: bool,
    /// It stands for one of another engine, and runs this request.
    pub request: Option<Box<super::answered::Request>>,
    /// The client for which it runs one command, `CLIENT ID`; 0 if it is one itself.
    pub owner: u64,
    /// It watches keys where the leader is.
    pub watches_afar: bool,
    /// The port it says it listens on.
    pub follower_port: u16,
    /// When it was opened and last ran a command, ms since the epoch.
    pub created_ms: u64,
    pub active_ms: u64,
    /// The last command, for `CLIENT LIST`.
    pub last: Option<RowId>,
    /// How many commands it ran, bytes in, bytes out (counted by the host).
    pub calls: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// What only the host knows of the connection's buffers.
    pub buffers: Buffers,
    /// Which keys it may have cached, if it wants to be told when they change.
    pub tracking: Option<Box<Mode>>,
    /// Nothing more reaches it: the host closes it at once, whatever waits to be sent.
    pub cut: bool,
    /// Since when its output is over the soft limit, ms since the epoch; 0 when it is not.
    pub(super) over_since: u64,
    /// What [`Sessions::memory`] counts for it.
    pub(super) counted: usize,
    /// Its DEBUG SLEEP is over: how long that was, and its words.
    pub(super) slept: Option<(u64, Vec<Vec<u8>>)>,
    /// Replies and pushes the host has not taken yet, in order.
    pub out: Reply,
    /// Pushes to itself while its own command runs; they follow the reply.
    pub(super) later: Reply,
}

impl Session {
    pub(super) fn new(place: SessionId, id: u64, addr: String, proto: Proto, now: u64) -> Self {
        Session {
            place,
            id,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            addr,
            laddr: String::new(),
            db: 0,
            who: Identity::STRANGER,
            multi: None,
            watching: Vec::new(),
            dirty_cas: false,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            shards: BTreeSet::new(),
            wait: None,
            write_offset: 0,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            monitor: false,
            closing: false,
            replica: false,
            is_far: false,
            follower: false,
            request: None,
            owner: 0,
            watches_afar: false,
            follower_port: 0,
            created_ms: now,
            active_ms: now,
            last: None,
            calls: 0,
            bytes_in: 0,
            bytes_out: 0,
            buffers: Buffers::default(),
            tracking: None,
            cut: false,
            over_since: 0,
            counted: 0,
            slept: None,
            out: Reply::new(proto),
            later: Reply::new(proto),
        }
    }

    /// A session that is none, for what time does.
    pub(super) fn nobody(now: u64) -> Self {
        Session::new(SessionId(u32::MAX), 0, String::new(), Proto::Resp2, now)
    }

    /// How many channels, patterns and shard channels it is subscribed to.
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    /// Whether it comes from this machine: by its loopback address, or without an address by something that has none.
    pub fn is_local(&self) -> bool {
        !self.is_far
            && self.addr.parse::<std::net::SocketAddr>().map_or(true, |addr| addr.ip().to_canonical().is_loopback())
    }

    /// Whether the reply to the running command is thrown away (`CLIENT REPLY`).
    pub fn is_silent(&self) -> bool {
        matches!(self.reply_mode, ReplyMode::Off | ReplyMode::Skip)
    }

    /// Where a push to itself goes: it follows the reply, and is sent even if the reply is not.
    pub fn later(&mut self) -> &mut Reply {
        let proto = self.proto();
        self.later.set_proto(proto);
        &mut self.later
    }

    /// The format it speaks.
    #[inline]
    pub fn proto(&self) -> Proto {
        self.out.proto()
    }
}

/// All sessions. The one whose command runs is out of its place meanwhile.
#[derive(Default)]
pub struct Sessions {
    pub(super) places: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    next_id: u64,
    /// How much output may wait.
    pub limits: OutputLimits,
    /// `maxmemory-clients` in bytes; 0 for no limit. Only with one is [`Sessions::memory`] kept.
    pub(super) memory_limit: usize,
    pub(super) memory: usize,
    /// Sessions cut off because of the limits on output, and on input (counted by the host).
    pub output_cuts: u64,
    pub input_cuts: u64,
    /// Sessions with output or a state that the host should look at, and those that stand for others far away.
    pub(super) ready: Vec<SessionId>,
    pub(super) ready_proxies: Vec<SessionId>,
    /// The sessions that stand for others far away.
    pub(super) proxies: BTreeSet<SessionId>,
}

impl Sessions {
    pub(super) fn open(&mut self, addr: String, proto: Proto, now: u64) -> SessionId {
        self.next_id += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        let id = SessionId(place);
        self.places[place as usize] = Some(Box::new(Session::new(id, self.next_id, addr, proto, now)));
        id
    }

    /// The session at `id`, unless it is closed or running.
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.places.get(id.0 as usize)?.as_deref()
    }

    /// The session at `id`, unless it is closed or running.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.places.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// All but the running one, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.places.iter().filter_map(|s| s.as_deref())
    }

    /// All but the running one, by place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.places.iter_mut().filter_map(|s| s.as_deref_mut())
    }

    /// Tells the host to look at `id`.
    pub fn wake(&mut self, id: SessionId) {
        // It may be running just now, and not in its place.
        if self.proxies.contains(&id) {
            return self.ready_proxies.push(id);
        }
        if self.ready.last() != Some(&id) {
            self.ready.push(id);
        }
        self.check_output(id);
    }

    pub(super) fn take(&mut self, id: SessionId) -> Option<Box<Session>> {
        self.places.get_mut(id.0 as usize)?.take()
    }

    pub(super) fn put(&mut self, session: Box<Session>) {
        let place = session.place.0 as usize;
        self.places[place] = Some(session);
    }

    pub(super) fn close(&mut self, id: SessionId) {
        if let Some(session) = self.take(id) {
            self.proxies.remove(&id);
            self.memory -= session.counted;
            self.free.push(id.0);
        }
    }
}
