//! Floor 3: the engine. One command in; reply, effects, pushes and requests out.
//!
//! [`Engine::call`] is the one door. It checks what the command's row says (arity, flags, authentication, transaction and
//! subscriber state), runs the row's function, and collects what came of it. [`Engine::replay`] applies an effect of another
//! engine. [`Engine::tick`] does what time brings. Time is an argument and stands still during a call; chance is seeded; there
//! is no I/O. A host owns one engine, opens a session per client, and after every call takes [`Engine::take_ready`],
//! [`Engine::effects`] and [`Engine::take_requests`].

pub mod acl;
pub mod answered;
pub mod aof;
pub mod args;
pub mod clients;
pub mod config;
mod effects;
pub mod entry;
pub mod error;
pub mod events;
pub mod evict;
pub mod followers;
pub mod forward;
pub mod functions;
pub mod histogram;
mod host;
pub mod keys;
pub mod keyspace;
pub mod lazy;
pub mod meter;
mod monitor;
mod pause;
pub mod pubsub;
pub mod queued;
pub mod redact;
pub mod reply;
pub mod row;
pub mod session;
pub mod snapshot;
mod take_over;
pub mod tracking;
pub mod value;
mod wait;

pub use args::Args;
pub use config::Config;
pub use error::{Error, Outcome};
pub use host::{Host, NoHost};
pub use keyspace::{Keyspace, Ttl};
pub use reply::{Proto, Reply};
pub use row::{
    Group, KEY_ACCESS_DELETE, KEY_ACCESS_UPDATE, KEY_DELETE, KEY_INSERT, KEY_META, KEY_OVERWRITE, KEY_READ, KEY_UPDATE,
    Row, RowId, Slot, Table, flag,
};
pub use session::{Session, SessionId, Sessions};

use crate::base::hash::{Map, Seeded};
use acl::When;
use pubsub::PubSub;
use session::{Multi, ReplyMode, Wait};

/// What only a host can do, asked for by a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Write a snapshot now (SAVE), or in slices (BGSAVE).
    Save { background: bool },
    /// Rewrite the log (BGREWRITEAOF).
    Rewrite,
    /// Replace all data by what the files of the log hold (DEBUG LOADAOF).
    LoadLog,
    /// Stop, after saving or not; even if saving fails with `force` (SHUTDOWN).
    Shutdown { save: Option<bool>, force: bool },
    /// Do not stop after all (SHUTDOWN ABORT).
    AbortShutdown,
}

/// Counters of one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallStats {
    /// Times run.
    pub calls: u64,
    /// Times refused before running.
    pub rejected: u64,
    /// Times answered with an error.
    pub failed: u64,
    /// How long it took altogether, µs.
    pub usec: u64,
}

/// Figures of snapshots, which the host keeps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saves {
    /// The last one in the background failed.
    pub failed: bool,
    /// How long that took, in seconds.
    pub seconds: Option<u64>,
    /// When the one in progress began, ms since the epoch.
    pub began_ms: Option<u64>,
    /// How many were written.
    pub count: u64,
    /// Keys loaded at the start, and those left out because they were due.
    pub loaded: u64,
    pub loaded_due: u64,
    /// How often something was begun in the background.
    pub jobs: u64,
    /// Keys there were when the one in progress began.
    pub keys: u64,
}

/// How far the host has come with loading data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loading {
    /// When it began, ms since the epoch.
    pub began_ms: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes loaded.
    pub loaded: u64,
}

/// What the engine keeps beside data, sessions and subscriptions.
pub struct Server {
    /// All commands.
    pub table: &'static Table,
    /// Settings.
    pub config: Config,
    /// Per row of the table.
    pub calls: Vec<CallStats>,
    /// Error replies by code.
    pub errors: std::collections::BTreeMap<String, u64>,
    /// 40 hex digits that name this run.
    pub run_id: String,
    /// 40 hex digits that name the feed.
    pub replid: String,
    /// Sessions that get the feed, and the offset up to which each has acknowledged it.
    followers: Vec<(SessionId, u64)>,
    /// Followers whom the host feeds, by name, and the same of them.
    peers: Vec<(String, u64)>,
    /// What a follower has to have done by its leader, and what a leader tells its followers beside the feed.
    pub afar: forward::Afar,
    /// When the engine was made, ms since the epoch.
    pub started_ms: u64,
    /// Sessions ever opened.
    pub connections: u64,
    /// Last completed save, ms since the epoch; the host sets it.
    pub last_save_ms: u64,
    /// Figures of snapshots.
    pub saves: Saves,
    /// How the log stands.
    pub aof: aof::Aof,
    /// A signal asked the host to stop, and it will.
    pub shutdown_asked: bool,
    /// Commands under other names, or under none (`rename-command`), by the name in lower case.
    renamed: Map<Vec<u8>, Option<RowId>>,
    /// Bytes in use; the host sets the probe.
    pub memory: fn() -> u64,
    /// What is measured.
    pub meter: meter::Meter,
    /// Who has cached what.
    pub tracking: tracking::Tracking,
    /// Who sees every command.
    pub monitors: Vec<SessionId>,
    /// How the host treats the buffers replies are in.
    pub reply_buffers: clients::ReplyBuffers,
    /// FLUSHALL ran: a host that saves gives up what it is writing, and writes that there is nothing.
    pub all_flushed: bool,
    /// The host was asked to rewrite the log and has not heard it yet.
    pub rewrite_asked: bool,
    /// A rewrite of the log, or a snapshot, is to begin when nothing else is in progress.
    pub rewrite_scheduled: bool,
    pub save_scheduled: bool,
    /// The host is loading data: only few commands are served.
    pub loading: Option<Loading>,
    /// The host does not call [`Engine::cron`] (`DEBUG PAUSE-CRON`).
    pub cron_paused: bool,
    /// Lets that many ms pass, for DEBUG SLEEP where the engine cannot wait, and returns how many did; the host sets it.
    pub nap: fn(u64) -> u64,
    /// Ms the host slept while the unit ran: its time stood still, and goes on by so much afterwards.
    napped: u64,
    /// Further `INFO` lines of the host, which change by themselves; the host sets it.
    pub figures: fn() -> Vec<(&'static str, String)>,
    /// Bytes the process or the instance takes from its surroundings; the host sets the probe.
    pub resident: fn() -> u64,
    /// Bytes in use when the host had started, and the most there ever were, with when that was (ms since the epoch).
    pub memory_at_start: u64,
    pub memory_peak: (u64, u64),
    /// Eviction: its settings and state.
    pub evict: evict::Evict,
    /// `INFO` lines the host adds, by section (`persistence`, `replication`).
    pub host_info: Vec<(&'static str, String)>,
    /// The users and what they may do.
    pub acl: acl::Acl,
    /// Sessions that wait.
    pub blocked: usize,
    /// (ms, session) of every wait that ends by itself, soonest first.
    deadlines: std::collections::BTreeSet<(u64, SessionId)>,
    pause: pause::Pause,
    /// The host is applying what it was told at its start, so parameters that are fixed afterwards can be set.
    pub starting: bool,
    /// What commands need of the host at once.
    pub host: Box<dyn Host>,
    requests: Vec<Request>,
}

/// A Redis without a network: see the module.
pub struct Engine {
    /// The data.
    pub ks: Keyspace,
    /// The clients.
    pub sessions: Sessions,
    /// The subscriptions.
    pub pubsub: PubSub,
    /// Everything else.
    pub server: Server,
    replayer: Option<SessionId>,
}

/// How an engine begins.
pub struct Options {
    /// How many databases: Redis has 16.
    pub databases: usize,
    /// The seed of all chance and all hash tables.
    pub seed: u64,
    /// Now, ms since the epoch.
    pub now: u64,
}

/// How a command that waits is run again: see [`Ctx::wait_as`].
#[derive(Default)]
pub struct Again {
    /// The wait also ends when a key goes or changes type.
    pub on_missing: bool,
    /// The words to run instead of the command's own: what `now` and `last` meant when it came.
    pub argv: Option<Vec<Vec<u8>>>,
    /// When to run again though no key changed, ms since the epoch; it must be later than now. 0 for never.
    pub retry_at: u64,
}

/// What a handler works with. The parts are separate borrows, so that a value can be read from `ks` while `out` is written.
pub struct Ctx<'a> {
    /// The command and its arguments.
    pub argv: &'a [&'a [u8]],
    /// The row of the command.
    pub row: &'static Row,
    /// The number of the row.
    pub row_id: RowId,
    /// Where the reply goes. On an error everything written is taken back.
    pub out: &'a mut Reply,
    /// The data.
    pub ks: &'a mut Keyspace,
    /// The session that sent the command.
    pub me: &'a mut Session,
    /// All other sessions.
    pub sessions: &'a mut Sessions,
    /// The subscriptions.
    pub pubsub: &'a mut PubSub,
    /// Everything else.
    pub server: &'a mut Server,
    /// The command runs inside EXEC or a script, so it must not wait.
    pub nested: bool,
    wait: Option<Wait>,
}

impl<'a> Ctx<'a> {
    /// A cursor over the arguments after the name (after both words of a sub-command).
    #[inline]
    pub fn args(&self) -> Args<'a> {
        let words = if self.server.table.slot(self.row_id).parent.is_some() { 2 } else { 1 };
        Args::from(self.argv, words)
    }

    /// The name as error texts and events have it: `set`, `client|kill`.
    #[inline]
    pub fn name(&self) -> &'static str {
        &self.server.table.slot(self.row_id).full_name
    }

    /// Logs `argv` instead of the command's own words. Further calls add further effects.
    pub fn instead(&mut self, argv: &[&[u8]]) {
        self.ks.effects.instead(self.ks.db(), argv);
    }

    /// Logs `argv` beside the command's own words, before them.
    pub fn also(&mut self, argv: &[&[u8]]) {
        self.ks.effects.also(self.ks.db(), argv);
    }

    /// Asks the host for something.
    pub fn request(&mut self, request: Request) {
        self.server.requests.push(request);
    }

    /// Makes the session wait until one of `keys` holds a `kind` (then the command runs again), or until `timeout_ms` have
    /// passed (0: for ever). A command inside a transaction does not wait: it answers null at once. Write no reply yourself.
    pub fn wait_for(&mut self, keys: &[&[u8]], kind: value::Type, timeout_ms: u64) {
        self.wait_with(keys, kind, timeout_ms, false);
    }

    /// Like [`Ctx::wait_for`]; with `on_missing` the wait also ends when a key goes or changes type.
    pub fn wait_with(&mut self, keys: &[&[u8]], kind: value::Type, timeout_ms: u64, on_missing: bool) {
        self.wait_as(keys, kind, timeout_ms, Again { on_missing, ..Again::default() });
    }

    /// Like [`Ctx::wait_for`], saying when and how the command runs again.
    pub fn wait_as(&mut self, keys: &[&[u8]], kind: value::Type, timeout_ms: u64, again: Again) {
        if self.nested {
            return self.out.null_array();
        }
        // Run again after a false alarm, the first deadline stands.
        let deadline = match &self.me.wait {
            Some(wait) => wait.deadline,
            None if timeout_ms == 0 => 0,
            None => self.ks.now.saturating_add(timeout_ms),
        };
        let mut unique: Vec<Vec<u8>> = Vec::with_capacity(keys.len());
        for key in keys {
            if !unique.iter().any(|k| k == key) {
                unique.push(key.to_vec());
            }
        }
        let Again { on_missing, argv, retry_at } = again;
        let argv = argv.unwrap_or_else(|| self.argv.iter().map(|arg| arg.to_vec()).collect());
        let (db, postponed) = (self.ks.db(), false);
        self.wait = Some(Wait {
            keys: unique,
            db,
            kind,
            on_missing,
            deadline,
            retry_at,
            argv,
            postponed,
            acks: None,
            afar: None,
        });
    }

    /// Runs another command in the same unit (EXEC, scripts): its reply goes to `out`, its effects join the unit's.
    pub fn run_nested(&mut self, row_id: RowId, argv: &[&[u8]]) -> Result<(), Error> {
        let outer = self.row.name;
        let mut c = Ctx {
            argv,
            row: self.server.table.slot(row_id).row,
            row_id,
            out: self.out,
            ks: self.ks,
            me: self.me,
            sessions: self.sessions,
            pubsub: self.pubsub,
            server: self.server,
            nested: true,
            wait: None,
        };
        if c.me.who.is_guarded() {
            let when = if outer == "EXEC" { When::Exec } else { When::Script };
            if let Err(error) = c.permit(when) {
                c.server.calls[row_id as usize].rejected += 1;
                c.server.count_error(&error);
                c.out.error(&error);
                return Err(error);
            }
        }
        c.run().1
    }

    /// Runs the row's function with everything that goes round it: counters, effects, taking back the reply of an error.
    fn run(&mut self) -> (Option<Wait>, Outcome) {
        let mark = self.out.mark();
        let began = self.server.meter.begin();
        let dirty = self.ks.dirty;
        self.ks.select(self.me.db);
        self.ks.no_touch = self.me.no_touch && self.row.name != "TOUCH";
        let outer = self.ks.effects.begin_command();
        if !self.nested {
            self.ks.effects.set_loose(self.row.has(flag::TOUCHES_ARBITRARY_KEYS));
        }
        let outcome = (self.row.run)(self);
        let changed = self.ks.dirty != dirty;
        let db = self.ks.db();
        self.ks.effects.end_command(outer, changed, db, self.argv);
        let stats = &mut self.server.calls[self.row_id as usize];
        // A command that waits is counted once, when its wait is over.
        stats.calls += u64::from(self.wait.is_none());
        if let Err(error) = &outcome {
            stats.failed += 1;
            self.server.count_error(error);
            self.out.rewind(mark);
            self.out.error(error);
            self.wait = None;
            if *error == Error::ReplyTooLong {
                self.sessions.cut_if_limited(self.me);
            }
        }
        self.after(began);
        (self.wait.take(), outcome)
    }
}

impl Ctx<'_> {
    /// What follows a command that ran: its duration, those who monitor, and what its session may have cached now.
    #[inline]
    fn after(&mut self, began: u64) {
        if self.server.meter.on && self.wait.is_none() {
            self.measure(began);
        }
        // One that waits is shown when it begins to.
        if !self.server.monitors.is_empty() && self.me.wait.is_none() && !self.row.has(flag::ADMIN) {
            self.show_to_monitors();
        }
        if self.me.tracking.is_some() && self.row.has(flag::READONLY) {
            if !self.ks.invalid.is_empty() {
                tracking::tell(self.ks, &mut self.server.tracking, self.sessions, self.me);
            }
            let name = &self.server.table.slot(self.row_id).full_name;
            tracking::remember(&mut self.server.tracking, self.me, self.row, name, self.argv);
        }
    }
}

impl Server {
    /// Sets the probes of memory, and takes what is in use now for the start.
    pub fn measure_memory(&mut self, memory: fn() -> u64, resident: fn() -> u64) {
        (self.memory, self.resident) = (memory, resident);
        self.memory_at_start = memory();
    }

    /// Looks whether more memory is in use than ever before. Returns what is.
    pub fn note_peak(&mut self, now: u64) -> u64 {
        let used = (self.memory)();
        if used > self.memory_peak.0 {
            self.memory_peak = (used, now);
        }
        used
    }

    /// Sets the counters of commands and of errors back.
    pub fn forget_calls(&mut self) {
        self.calls.fill(CallStats::default());
        self.errors.clear();
    }

    /// The command that is called `name` here.
    #[inline]
    fn find(&self, name: &[u8]) -> Option<RowId> {
        if self.renamed.is_empty() { self.table.find(name) } else { self.find_renamed(name) }
    }

    fn find_renamed(&self, name: &[u8]) -> Option<RowId> {
        self.renamed.get(&name.to_ascii_lowercase()).copied().unwrap_or_else(|| self.table.find(name))
    }

    fn count_error(&mut self, error: &Error) {
        // The codes are ours, but texts can come from scripts: keep the list short.
        if self.errors.len() < 128 || self.errors.contains_key(error.code()) {
            *self.errors.entry(error.code().to_string()).or_default() += 1;
        }
    }
}

impl Engine {
    /// Returns an empty engine that knows the commands of `table`.
    pub fn new(table: &'static Table, options: &Options) -> Self {
        let mut ks = Keyspace::new(options.databases, options.seed);
        ks.now = options.now;
        let run_id = hex_id(&mut ks.rng);
        let replid = hex_id(&mut ks.rng);
        Engine {
            sessions: Sessions::default(),
            pubsub: PubSub::new(options.seed),
            server: Server {
                table,
                config: Config::default(),
                calls: vec![CallStats::default(); table.slots().len()],
                errors: Default::default(),
                run_id,
                replid,
                followers: Vec::new(),
                peers: Vec::new(),
                afar: Default::default(),
                started_ms: options.now,
                connections: 0,
                last_save_ms: options.now,
                saves: Saves::default(),
                aof: aof::Aof::default(),
                shutdown_asked: false,
                renamed: Map::with_hasher(Seeded(0)),
                memory: || 0,
                meter: meter::Meter::new(table.slots().len()),
                tracking: tracking::Tracking::new(options.seed),
                monitors: Vec::new(),
                reply_buffers: Default::default(),
                all_flushed: false,
                rewrite_asked: false,
                rewrite_scheduled: false,
                save_scheduled: false,
                loading: None,
                cron_paused: false,
                nap: |_| 0,
                napped: 0,
                figures: Vec::new,
                resident: || 0,
                memory_at_start: 0,
                memory_peak: (0, options.now),
                evict: Default::default(),
                host_info: Vec::new(),
                acl: acl::Acl::new(table, options.seed),
                blocked: 0,
                deadlines: Default::default(),
                pause: Default::default(),
                starting: false,
                host: Box::new(NoHost),
                requests: Vec::new(),
            },
            replayer: None,
            ks,
        }
    }

    /// Opens a session. `addr` is what `CLIENT LIST` shows.
    pub fn open(&mut self, addr: impl Into<String>, proto: Proto, now: u64) -> SessionId {
        self.server.connections += 1;
        let id = self.sessions.open(addr.into(), proto, now);
        let session = self.sessions.get_mut(id).expect("opened just above");
        self.server.acl.welcome(session);
        id
    }

    /// Opens a session of the host itself, which may do everything.
    pub fn open_host(&mut self, addr: impl Into<String>, now: u64) -> SessionId {
        let id = self.sessions.open(addr.into(), Proto::Resp2, now);
        self.sessions.get_mut(id).expect("opened just above").who = acl::Identity::HOST;
        id
    }

    /// Closes a session and forgets what it watched, waited for and subscribed to.
    pub fn close(&mut self, id: SessionId) {
        let Some(mut session) = self.sessions.take(id) else { return };
        if session.follower {
            self.unfollow(id);
        }
        wait::let_go(&mut self.ks, &mut self.server, &mut self.pubsub, &mut session);
        self.sessions.put(session);
        self.sessions.close(id);
    }

    /// Lets a command be called `new` only, or not at all if that is empty. Fails if there is no such command, or one of that name.
    pub fn rename_command(&mut self, old: &[u8], new: &[u8]) -> Result<(), &'static str> {
        let row = self.server.find(old).ok_or("No such command in rename-command")?;
        if !new.is_empty() && self.server.find(new).is_some() {
            return Err("Target command name already exists");
        }
        self.server.renamed.insert(old.to_ascii_lowercase(), None);
        if !new.is_empty() {
            self.server.renamed.insert(new.to_ascii_lowercase(), Some(row));
        }
        Ok(())
    }

    /// Runs one command of session `id` at `now` (ms since the epoch). The reply is appended to the session's `out`, unless the
    /// session now waits. Returns false if there is no such session, or it waits or is to be closed: then nothing was done.
    pub fn call(&mut self, id: SessionId, argv: &[&[u8]], now: u64) -> bool {
        if argv.is_empty() {
            return true;
        }
        match self.server.find(argv[0]) {
            Some(row) if self.server.renamed.is_empty() => self.call_row(id, row, argv, now),
            Some(row) => {
                // What is logged has the name it has everywhere.
                let name = self.server.table.slot(row).row.name.as_bytes();
                let argv: Vec<&[u8]> = [name].into_iter().chain(argv[1..].iter().copied()).collect();
                self.call_row(id, row, &argv, now)
            }
            None => self.enter(id, now, |engine, me, out| {
                if is_from_a_page(argv[0]) && me.proto() != Proto::Native {
                    let from = me.addr.clone();
                    engine.server.host.log(&format!("{ATTACK} Connection from {from} aborted."));
                    (me.closing, me.cut) = (true, true);
                    return;
                }
                let error = Error::unknown_command(argv);
                engine.reject(me, None, out, &error);
            }),
        }
    }

    /// Like [`Engine::call`], when the number of the command is known already.
    pub fn call_row(&mut self, id: SessionId, row: RowId, argv: &[&[u8]], now: u64) -> bool {
        self.enter(id, now, |engine, me, out| engine.dispatch(row, argv, me, out))
    }

    /// Takes the session out of its place, runs `f`, ends the unit, and puts everything back.
    fn enter(&mut self, id: SessionId, now: u64, f: impl FnOnce(&mut Self, &mut Session, &mut Reply)) -> bool {
        let Some(mut me) = self.sessions.take(id) else { return false };
        if me.wait.is_some() || me.closing {
            self.sessions.put(me);
            return false;
        }
        self.ks.now = now;
        if self.server.pause.is_set() {
            self.end_overdue_pause();
        }
        me.active_ms = now;
        me.calls += 1;
        self.turn(&mut me, f);
        self.sessions.put(me);
        if self.sessions.is_crowded() {
            self.evict_sessions();
        }
        if self.server.pause.is_over() {
            self.resume_postponed();
        }
        if self.server.napped > 0 {
            self.ks.now += std::mem::take(&mut self.server.napped);
        }
        if !self.ks.ready.is_empty() {
            self.serve_waiting();
        }
        true
    }

    /// One unit of work for session `me`: its reply, then its own pushes; effects and events go out.
    fn turn(&mut self, me: &mut Session, f: impl FnOnce(&mut Self, &mut Session, &mut Reply)) {
        let mut out = std::mem::take(&mut me.out);
        // What is left in its place still says what the session speaks.
        me.out.set_proto(out.proto());
        let mark = out.mark();
        f(self, me, &mut out);
        if me.reply_mode != ReplyMode::On {
            if me.is_silent() {
                out.rewind(mark);
            }
            me.reply_mode = me.reply_mode.after_command();
        }
        let changes = self.ks.effects.unit_pending();
        self.end_unit(me);
        if changes && me.request.as_ref().is_some_and(|request| !request.many) {
            self.note_answer(me, &out.bytes()[mark..]);
        }
        if me.later.mark() > 0 {
            out.raw(me.later.bytes());
            me.later.rewind(0);
        }
        // What stood in its place owns no memory: on every call's path there is nothing to free.
        std::mem::forget(std::mem::replace(&mut me.out, out));
        self.sessions.check_own_output(me);
    }

    /// Sends the unit's effects and notifications on their way, and tells watchers. Most units are reads and have none.
    #[inline]
    fn end_unit(&mut self, me: &mut Session) {
        let ks = &self.ks;
        let quiet = ks.touched.is_empty() && ks.invalid.is_empty() && ks.events.is_empty();
        if ks.effects.unit_pending() || !quiet || self.server.tracking.has_news {
            self.end_busy_unit(me);
        }
    }

    /// Sends the effects so far on their way, as a unit of their own.
    fn end_effects(&mut self) {
        let before = self.ks.effects.out().len();
        self.ks.effects.end_unit();
        if !self.server.followers.is_empty() && self.ks.effects.out().len() > before {
            self.feed_followers(before);
        }
    }

    fn end_busy_unit(&mut self, me: &mut Session) {
        if self.ks.effects.unit_pending() {
            self.end_effects();
            me.write_offset = self.ks.effects.offset();
        }
        if !self.ks.touched.is_empty() {
            self.tell_watchers(me);
        }
        if !self.ks.invalid.is_empty() || self.server.tracking.has_news {
            self.tell_trackers(me);
        }
        if !self.ks.events.is_empty() {
            self.tell_listeners(me);
        }
    }

    /// Spoils the transactions of those who watch what the unit changed.
    fn tell_watchers(&mut self, me: &mut Session) {
        for id in std::mem::take(&mut self.ks.touched) {
            if id == me.place {
                me.dirty_cas = true;
            } else if let Some(session) = self.sessions.get_mut(id) {
                session.dirty_cas = true;
            }
        }
    }

    /// Publishes the unit's keyspace events.
    fn tell_listeners(&mut self, me: &mut Session) {
        for event in std::mem::take(&mut self.ks.events) {
            if self.ks.notify_flags & events::KEYSPACE != 0 {
                let channel = [format!("__keyspace@{}__:", event.db).as_bytes(), &event.key].concat();
                self.pubsub.publish(&mut self.sessions, me, false, &channel, event.name.as_bytes());
            }
            if self.ks.notify_flags & events::KEYEVENT != 0 {
                let channel = format!("__keyevent@{}__:{}", event.db, event.name);
                self.pubsub.publish(&mut self.sessions, me, false, channel.as_bytes(), &event.key);
            }
        }
    }

    /// Finds the sub-command, checks what the row demands, and queues or runs.
    fn dispatch(&mut self, row_id: RowId, argv: &[&[u8]], me: &mut Session, out: &mut Reply) {
        let row_id = match resolve(self.server.table, row_id, argv) {
            Ok(id) => id,
            Err(error) => return self.reject(me, Some(row_id), out, &error),
        };
        let row = self.server.table.slot(row_id).row;
        me.last = Some(row_id);
        if let Err(error) = self.admit(row_id, row, argv, me, out) {
            return self.reject(me, Some(row_id), out, &error);
        }
        let queues = me.multi.is_some() && !runs_while_queueing(&self.server.table.slot(row_id).full_name);
        if !queues && self.is_for_leader(row_id, me) {
            return self.forward(me, row_id, argv);
        }
        if self.server.config.maxmemory > 0 && self.is_short_of_memory(row_id, row, me) {
            return self.reject(me, Some(row_id), out, &Error::OutOfMemory);
        }
        if self.server.tracking.is_over() || me.later.mark() > 0 {
            self.tell_early(me, out);
        }
        if self.server.pause.is_set() && self.holds_back(row_id, me) {
            return self.postpone(me, argv);
        }
        if let Some(multi) = &mut me.multi
            && queues
        {
            queue(multi, row_id, row, argv);
            return out.simple("QUEUED");
        }
        if let (Some(wait), _) = self.ctx(row_id, argv, me, out).run() {
            self.start_waiting(me, wait);
        }
        if me.tracking.is_some() {
            self.forget_caching(row_id, me);
        }
    }

    /// What the function of row `row_id` works with.
    #[inline]
    fn ctx<'a>(&'a mut self, row_id: RowId, argv: &'a [&'a [u8]], me: &'a mut Session, out: &'a mut Reply) -> Ctx<'a> {
        Ctx {
            argv,
            row: self.server.table.slot(row_id).row,
            row_id,
            out,
            ks: &mut self.ks,
            me,
            sessions: &mut self.sessions,
            pubsub: &mut self.pubsub,
            server: &mut self.server,
            nested: false,
            wait: None,
        }
    }

    /// Tells `me` what happened before its command runs, so that it stands before the reply: keys deleted to make room, and tracked
    /// keys there is no room to remember.
    #[cold]
    fn tell_early(&mut self, me: &mut Session, out: &mut Reply) {
        self.trim_tracking(me);
        // A reply that is thrown away would take the news with it.
        if !me.is_silent() {
            out.raw(me.later.bytes());
            me.later.rewind(0);
        }
    }

    /// `CLIENT CACHING` is about the next command or transaction only.
    #[cold]
    fn forget_caching(&self, row_id: RowId, me: &mut Session) {
        let table = self.server.table;
        let parent = table.slot(row_id).parent.map(|id| table.slot(id).row.name);
        if me.multi.is_none()
            && parent != Some("CLIENT")
            && let Some(mode) = &mut me.tracking
        {
            mode.caching = false;
        }
    }

    /// Checks everything that does not need the command's own knowledge.
    fn admit(
        &mut self,
        row_id: RowId,
        row: &Row,
        argv: &[&[u8]],
        me: &mut Session,
        out: &mut Reply,
    ) -> Result<(), Error> {
        let argc = argv.len() as i64;
        let arity = i64::from(row.arity);
        let table: &'static Table = self.server.table;
        let name = &*table.slot(row_id).full_name;
        if (arity > 0 && argc != arity) || argc < -arity {
            return Err(Error::arity(name));
        }
        // MULTI and WATCH have words of their own for this.
        if row.has(flag::NO_MULTI) && me.multi.is_some() && !runs_while_queueing(name) {
            return Err(Error::NoMulti);
        }
        if self.server.loading.is_some() && !me.replica && !row.has(flag::LOADING) {
            return Err(Error::Loading);
        }
        let writes = || unit_flags(name, row, me) & flag::WRITE != 0 || name == "ping";
        if self.server.saves.failed && self.server.config.stops_writes() && !me.replica && writes() {
            return Err(Error::Misconf);
        }
        let aof = &self.server.aof;
        let full = aof.room.is_some_and(|room| self.ks.effects.waiting() >= room);
        if (aof.refuses_writes || full) && !me.replica && writes() {
            let reason = aof.write_failed.as_deref().unwrap_or_default();
            return Err(Error::log_failed(reason));
        }
        if me.who.is_guarded() {
            self.ctx(row_id, argv, me, out).permit(When::Coming)?;
        }
        if me.subscriptions() > 0 && me.proto() == Proto::Resp2 && !allowed_while_subscribed(name) {
            return Err(Error::new(format!(
                "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
            )));
        }
        Ok(())
    }

    /// Answers an error for a command that is not run; a transaction being queued is spoiled by it, and ended if it is EXEC.
    fn reject(&mut self, me: &mut Session, row: Option<RowId>, out: &mut Reply, error: &Error) {
        if let Some(multi) = &mut me.multi {
            multi.aborted = true;
        }
        let mut abort = None;
        if let Some(row) = row {
            self.server.calls[row as usize].rejected += 1;
            if self.server.table.slot(row).full_name == "exec" {
                me.multi = None;
                self.ks.unwatch(me);
                abort = Some(Error::exec_abort(error));
            }
        }
        let error = abort.as_ref().unwrap_or(error);
        self.server.count_error(error);
        out.error(error);
    }

    /// Applies one effect of another engine. Takes no clock, expires nothing, records nothing, and answers nobody. Fails with
    /// what the command answered if it was not applied.
    pub fn replay(&mut self, argv: &[&[u8]]) -> Result<(), Error> {
        // It goes with the unit before it, and is nobody's to hear.
        if let [b"PUBLISH", answered::CHANNEL, message] = argv {
            self.ks.answered.read(message);
            return Ok(());
        }
        if let [b"PUBLISH", queued::CHANNEL, message] = argv {
            self.ks.queue.read(message);
            return Ok(());
        }
        let id = match self.replayer {
            Some(id) => id,
            None => {
                let id = self.open_host("replay", self.ks.now);
                self.sessions.get_mut(id).expect("opened just above").replica = true;
                self.replayer = Some(id);
                id
            }
        };
        let expiry = std::mem::replace(&mut self.ks.expiry, keyspace::Expiry::Ignores);
        let mut wait = self.sessions.take(id).expect("the replay session is never closed");
        self.ks.effects.record(false);
        let mut result = Ok(());
        self.turn(&mut wait, |engine, me, out| {
            match argv.first().and_then(|name| engine.server.table.find(name)) {
                Some(row) => engine.dispatch(row, argv, me, out),
                None => out.error(&Error::new("ERR unknown effect")),
            }
            if let [b'-', text @ ..] = out.bytes() {
                result = Err(Error::new(String::from_utf8_lossy(text).trim_end()));
            }
            out.rewind(0);
        });
        // Nobody would end its wait.
        if wait::stop_waiting(&mut self.ks, &mut self.server, &mut wait).is_some() {
            result = Err(Error::new("ERR an effect does not wait"));
        }
        self.sessions.put(wait);
        self.ks.expiry = expiry;
        // While data is loaded it is not there yet for anybody.
        if !self.ks.ready.is_empty() && self.server.loading.is_none() {
            self.serve_waiting();
        }
        result
    }

    /// Does what time brings, at `now`: deletes due keys (a bounded number), ends waits that are over. Returns when it wants to
    /// be called next, ms since the epoch; that can be `now` when more is due.
    pub fn tick(&mut self, now: u64) -> Option<u64> {
        self.ks.now = now;
        if self.server.pause.is_set() {
            self.end_overdue_pause();
            self.resume_postponed();
        }
        if self.server.config.active_expire && self.ks.expiry == keyspace::Expiry::Deletes {
            self.expire_cycle(now);
        }
        self.server.note_peak(now);
        self.evict_on();
        self.ks.graves.free(lazy::SLICE);
        let ks = &self.ks;
        if ks.effects.unit_pending() || !(ks.touched.is_empty() && ks.invalid.is_empty() && ks.events.is_empty()) {
            let mut nobody = Session::nobody(now);
            self.end_unit(&mut nobody);
        }
        self.end_overdue_waits();
        self.serve_waiting();
        self.next_wake()
    }

    fn expire_cycle(&mut self, now: u64) {
        let most = 500 + 500 * self.server.config.active_expire_effort;
        if self.ks.next_due().is_none_or(|at| at >= now) {
            return;
        }
        let began = self.server.meter.begin();
        self.ks.effects.set_loose(true);
        self.ks.expire_due(most);
        self.end_effects();
        let us = self.server.meter.since(began);
        self.server.meter.expire_us += us;
        self.server.meter.latency("expire-cycle", us / 1000, now);
    }

    /// When [`Engine::tick`] has something to do next, ms since the epoch.
    pub fn next_wake(&self) -> Option<u64> {
        let due = if self.server.config.active_expire && self.ks.expiry == keyspace::Expiry::Deletes {
            // A key is due once its time is past, not at it.
            self.ks.next_due().map(|at| at.saturating_add(1))
        } else {
            None
        };
        let wait = self.server.deadlines.first().map(|(at, _)| *at);
        let work = self.has_work().then_some(self.ks.now);
        due.into_iter().chain(work).chain(wait).chain(self.server.pause.until()).min()
    }

    /// Whether something that was begun goes on in [`Engine::tick`]: evicting, or freeing what was deleted.
    #[inline]
    pub fn has_work(&self) -> bool {
        self.server.evict.pending || !self.ks.graves.is_empty()
    }

    /// Whether sessions got output, or are to be closed.
    pub fn has_ready(&self) -> bool {
        !self.sessions.ready.is_empty()
    }

    /// Sessions that got output, or are to be closed, since the last call; each at least once.
    pub fn take_ready(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.sessions.ready)
    }

    /// Sessions that stand for others far away and got an answer since the last call; each at least once.
    pub fn take_ready_proxies(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.sessions.ready_proxies)
    }

    /// Whether there is something for the host to tell other engines, besides effects.
    pub fn has_mail(&self) -> bool {
        let afar = &self.server.afar;
        !(self.sessions.ready_proxies.is_empty() && afar.fresh.is_empty() && afar.abandoned.is_empty())
            || afar.wants_acks
            || !self.ks.unwatched_afar.is_empty()
    }

    /// Whether the host was asked to do something.
    pub fn has_requests(&self) -> bool {
        !self.server.requests.is_empty()
    }

    /// What the host was asked to do since the last call.
    pub fn take_requests(&mut self) -> Vec<Request> {
        self.server.rewrite_asked = false;
        std::mem::take(&mut self.server.requests)
    }

    /// The effects not taken yet, as RESP commands.
    pub fn effects(&mut self) -> &mut Vec<u8> {
        self.ks.effects.out()
    }
}

/// Returns 40 hex digits by chance.
pub fn hex_id(rng: &mut crate::base::rng::Rng) -> String {
    (0..5).map(|_| format!("{:08x}", rng.u64() as u32)).collect()
}

/// The row that `argv` means: the sub-command's if `row_id` is a container. Fails if there is none.
pub fn resolve(table: &Table, row_id: RowId, argv: &[&[u8]]) -> Result<RowId, Error> {
    let row = table.slot(row_id).row;
    match argv.get(1) {
        Some(child) if !row.subs.is_empty() => {
            table.find_sub(row_id, child).ok_or_else(|| Error::unknown_subcommand(row.name, child))
        }
        _ => Ok(row_id),
    }
}

/// What Redis's log says of a page that sends its form to a server on the reader's machine.
const ATTACK: &str = "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is \
likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance.";

/// Whether a command is how a browser begins a request: what would come next was written by a page, not by a client.
fn is_from_a_page(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// What a queued command takes beside its arguments.
const QUEUED_SIZE: usize = size_of::<(RowId, Vec<Vec<u8>>)>();

/// Appends a command to a transaction.
fn queue(multi: &mut Multi, row_id: RowId, row: &Row, argv: &[&[u8]]) {
    multi.flags |= row.flags;
    multi.memory += argv.iter().map(|arg| arg.len() + size_of::<Vec<u8>>()).sum::<usize>() + QUEUED_SIZE;
    multi.queue.push((row_id, argv.iter().map(|arg| arg.to_vec()).collect()));
}

/// Whether a session that queues a transaction runs the command `full_name` at once.
fn runs_while_queueing(full_name: &str) -> bool {
    matches!(full_name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

/// The flags that count when `me` runs `row`: for EXEC those of everything it is about to run as well.
fn unit_flags(full_name: &str, row: &Row, me: &Session) -> u32 {
    match &me.multi {
        Some(multi) if full_name == "exec" => row.flags | multi.flags,
        _ => row.flags,
    }
}

fn allowed_while_subscribed(full_name: &str) -> bool {
    matches!(
        full_name,
        "ping"
            | "subscribe"
            | "ssubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "psubscribe"
            | "punsubscribe"
            | "reset"
            | "quit"
    )
}
