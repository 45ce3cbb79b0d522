//! Floor 6, native host: sockets and files around one engine, in one thread. Only with the feature `server`.

mod acl;
pub mod aof;
mod connection;
mod dump;
pub mod figures;
mod host;
mod keeping;
pub mod log;
pub mod memory;
mod network;
mod pace;
mod peers;
mod requests;
mod saving;
pub mod settings;
mod stopping;

use crate::cmd;
use crate::cmd::params;
use crate::engine::acl::DEFAULT;
use crate::engine::{Engine, Options, Proto, SessionId};
use crate::replica::hub::Hub;
use aof::AppendLog;
use connection::{Connection, Stream};
use host::NativeHost;
use keeping::Load;
use mio::event::Event;
use mio::{Events, Interest, Poll, Token, Waker};
use network::{FIRST_CONNECTION, FIRST_LISTENER, FIRST_PEER, Network, PEER_LISTENER};
use peers::Peers;
use settings::Settings;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

const SIGNALS: Token = Token(0);
/// The log's thread is done with something.
const SYNCED: Token = Token(1);
/// The loop looks at the clock at least this often: `hz 10`.
const MAX_SLEEP_MS: u64 = 100;
/// What a client from elsewhere is told while nobody has chosen a password.
const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for \
the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external \
computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE \
Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively \
you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', \
and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' \
option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order \
for the server to start accepting connections from the outside.\r\n";

/// A running server: the engine and everything that is connected to it.
pub struct Server {
    engine: Engine,
    network: Rc<RefCell<Network>>,
    poll: Poll,
    signals: Signals,
    connections: Slab<Connection>,
    /// Which connection a session belongs to, by the session's place.
    by_session: Vec<Option<usize>>,
    /// Connections with something to write or to close, looked at before the loop sleeps.
    pending: Vec<usize>,
    /// The log, if there is one.
    log: Rc<RefCell<AppendLog>>,
    /// The port for browsers, if there is one.
    peers: Option<Peers>,
    /// What serves those who follow over it, once all data is there.
    hub: Option<Hub>,
    /// So far it has the feed: an offset of the effects.
    fed: u64,
    /// When the server began, ms since the epoch: its term.
    began_ms: u64,
    /// What is being loaded.
    loading: Option<Load>,
    /// A background save in progress.
    saving: Option<dump::Background>,
    /// When the last one was begun, ms since the epoch.
    tried_ms: u64,
    /// A signal asked the server to stop; it does at the next turn of its clock.
    asked: Option<stopping::How>,
    /// It is about to stop.
    stopping: bool,
    /// When the clock turns next, ms since the epoch.
    cron_ms: u64,
    /// The file with the process's number, to be removed.
    pidfile: Option<String>,
    /// Why it cannot go on.
    fatal: Option<String>,
    stop: bool,
}

impl Server {
    /// Applies the settings, opens the listeners, and loads the snapshot file. Fails with what is to be logged or printed.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let now = log::now_ms();
        let options = Options { databases: settings.databases(), seed: log::seed(), now };
        let mut engine = Engine::new(cmd::table(), &options);
        engine.server.meter.clock_us = figures::clock_us;
        engine.server.nap = figures::nap;
        engine.server.figures = figures::lines;
        settings.apply(&mut engine, now).map_err(StartError::Settings)?;
        acl::start(&mut engine).map_err(StartError::Run)?;
        engine.server.measure_memory(memory::used, memory::resident);
        let peers = Peers::open(&settings.peers)?;
        let server = Self::open(engine, settings, peers, now);
        let mut server = server.map_err(StartError::Run)?;
        server.say_hello();
        server.begin_loading(now).map_err(StartError::Run)?;
        Ok(server)
    }

    fn open(engine: Engine, settings: &Settings, peers: Option<Peers>, now: u64) -> Result<Self, String> {
        let poll = Poll::new().map_err(|e| format!("Failed to make an event queue: {e}"))?;
        let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|e| format!("Failed to listen for signals: {e}"))?;
        let registered = poll.registry().register(&mut signals, SIGNALS, Interest::READABLE);
        registered.map_err(|e| format!("Failed to listen for signals: {e}"))?;
        let registry = poll.registry().try_clone().map_err(|e| format!("Failed to make an event queue: {e}"))?;
        let network = Rc::new(RefCell::new(Network::new(registry)));
        let waker = Waker::new(poll.registry(), SYNCED).map_err(|e| format!("Failed to make an event queue: {e}"))?;
        let log = keeping::log_of(&engine.server.config, waker);
        let mut server = Server {
            engine,
            network: network.clone(),
            poll,
            signals,
            connections: Slab::new(),
            by_session: Vec::new(),
            pending: Vec::new(),
            log: log.clone(),
            peers,
            hub: None,
            fed: 0,
            began_ms: now,
            loading: None,
            saving: None,
            tried_ms: 0,
            asked: None,
            stopping: false,
            cron_ms: 0,
            pidfile: None,
            fatal: None,
            stop: false,
        };
        let peers = server.peers.as_ref().map_or(0, Peers::most);
        if let Err(why) = host::room_for_clients((server.engine.server.config.maxclients + peers) as u64) {
            log::warning(&why);
        }
        network.borrow_mut().open(&server.engine.server.config)?;
        let (config_file, snapshot) = (settings.file.clone(), server.dump_path());
        let mut host = NativeHost { network, log, config_file, oom_base: None, snapshot };
        // Without the right to do so the server runs all the same.
        let _ = host.set_oom_score(&server.engine.server.config);
        server.engine.server.host = Box::new(host);
        server.write_pidfile();
        server.describe_process(settings);
        Ok(server)
    }

    /// What harnesses wait for in the log.
    fn say_hello(&self) {
        let (version, pid) = (cmd::connection::REDIS_VERSION, std::process::id());
        let own = env!("CARGO_PKG_VERSION");
        log::notice(&format!(
            "Redis version={version}, tabdis version={own}, bits={}, pid={pid}, just started",
            usize::BITS
        ));
        log::notice("Configuration loaded");
        log::notice(&format!("Running mode=standalone, port={}, PID: {pid}", self.setting("port")));
        log::notice("Server initialized");
    }

    /// What INFO tells of the process.
    fn describe_process(&mut self, settings: &Settings) {
        let file = settings.file.clone().unwrap_or_default();
        self.engine.server.host_info.extend([
            ("server", format!("os:{} {}", std::env::consts::OS, std::env::consts::ARCH)),
            ("server", format!("config_file:{}", file.display())),
        ]);
    }

    /// A parameter that the host acts on.
    fn setting(&self, name: &str) -> &str {
        params::text(&self.engine.server.config, name)
    }

    /// What harnesses wait for before they send commands.
    fn say_ready(&self) {
        if self.setting("port") != "0" {
            log::notice("Ready to accept connections tcp");
        }
        if !self.setting("unixsocket").is_empty() {
            log::notice("Ready to accept connections unix");
        }
    }

    /// Serves until a signal or SHUTDOWN. Fails if the snapshot file turns out to be none.
    pub fn run(mut self) -> io::Result<()> {
        if self.loading.is_none() {
            self.say_ready();
            self.begin_peers().map_err(io::Error::other)?;
        }
        let mut events = Events::with_capacity(1024);
        let mut wake = self.engine.tick(log::now_ms());
        while !self.stop {
            let now = log::now_ms();
            match self.poll.poll(&mut events, Some(Duration::from_millis(self.sleep_ms(wake, now)))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            let began = figures::clock_us();
            let commands = self.commands();
            for event in &events {
                match event.token() {
                    SIGNALS => self.on_signal(),
                    // It is heard when the log is written.
                    SYNCED => {}
                    Token(PEER_LISTENER) => self.accept_peers(),
                    Token(n) if n >= FIRST_PEER => self.read_peer(n - FIRST_PEER),
                    token @ Token(n) if n < FIRST_CONNECTION => self.accept(token),
                    Token(n) => self.on_connection(n - FIRST_CONNECTION, event),
                }
            }
            self.read_on();
            let now = log::now_ms();
            wake = self.engine.tick(now);
            self.after_calls().map_err(io::Error::other)?;
            self.save_on();
            self.rewrite_on();
            self.load_on().map_err(io::Error::other)?;
            if now >= self.cron_ms && !self.engine.server.cron_paused {
                self.cron_ms = now + MAX_SLEEP_MS;
                self.cron(now);
            }
            self.count_turn(began, commands);
        }
        self.end_peers();
        self.say_goodbye();
        Ok(())
    }

    /// How long there is nothing to do, ms. A snapshot or a load goes on whenever the sockets are quiet, and a slice at a time when
    /// they are not.
    fn sleep_ms(&self, wake: Option<u64>, now: u64) -> u64 {
        let ms = match (&self.loading, &self.saving, self.log.borrow().rewrite_wait_ms()) {
            (Some(loading), ..) => loading.wait_ms(),
            (None, Some(saving), _) => saving.wait_ms(self.save_delay_us()),
            (None, None, Some(rewrite)) => rewrite,
            (None, None, None) => MAX_SLEEP_MS,
        };
        let ms = ms.min(self.peers_wait_ms(now));
        wake.map_or(ms, |at| at.saturating_sub(now).min(ms)).min(MAX_SLEEP_MS)
    }

    /// How many commands were sent by those who are connected.
    fn commands(&self) -> u64 {
        self.engine.server.meter.commands
    }

    fn count_turn(&mut self, began: u64, commands: u64) {
        let us = figures::clock_us() - began;
        let commands = self.commands() - commands;
        let turns = &mut self.engine.server.meter.turns;
        turns.count += 1;
        turns.us += us;
        turns.max_us = turns.max_us.max(us);
        turns.max_commands = turns.max_commands.max(commands);
    }

    /// What is looked at ten times a second.
    fn cron(&mut self, now: u64) {
        if let Some(how) = self.asked.take() {
            self.stop_if_possible(how);
        }
        let began = figures::clock_us();
        for (_, connection) in &mut self.connections {
            connection.cron(&mut self.engine, now);
        }
        self.engine.cron(now);
        self.engine.server.meter.turns.cron_us += (figures::clock_us() - began).max(1);
        if self.loading.is_none() {
            self.look_at_log(now);
            self.look_at_save_points(now);
        }
    }

    fn accept(&mut self, listener: Token) {
        debug_assert!(listener.0 >= FIRST_LISTENER);
        loop {
            let accepted = self.network.borrow().accept(listener);
            match accepted {
                Ok(Some((stream, peer))) => self.welcome(stream, peer),
                Ok(None) => return,
                Err(error) => return log::warning(&format!("Accepting client connection: {error}")),
            }
        }
    }

    fn welcome(&mut self, mut stream: Stream, peer: String) {
        if self.connections.len() >= self.engine.server.config.maxclients {
            self.engine.server.meter.rejected_connections += 1;
            stream.refuse(b"-ERR max number of clients reached\r\n");
            return;
        }
        let unix_name = || self.network.borrow().unix_name();
        let laddr = stream.local_address().unwrap_or_else(unix_name);
        stream.keep_alive(self.setting("tcp-keepalive").parse().unwrap_or_default());
        let acl = &self.engine.server.acl;
        let protected = acl.user(DEFAULT).no_password && self.setting("protected-mode") == "yes";
        let now = log::now_ms();
        let session = self.engine.open(peer, Proto::Resp2, now);
        let Some(s) = self.engine.sessions.get_mut(session) else { return };
        s.laddr = laddr;
        if protected && !s.is_local() {
            stream.refuse(PROTECTED);
            self.engine.close(session);
            return;
        }
        let place = self.connections.vacant_key();
        if stream.register(self.poll.registry(), Token(FIRST_CONNECTION + place)).is_err() {
            self.engine.close(session);
            return;
        }
        self.connections.insert(Connection::new(stream, session));
        let index = session.0 as usize;
        if self.by_session.len() <= index {
            self.by_session.resize(index + 1, None);
        }
        self.by_session[index] = Some(place);
    }

    fn on_connection(&mut self, place: usize, event: &Event) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        if event.is_writable() {
            connection.writable = true;
        }
        if event.is_readable() || event.is_read_closed() {
            // What is read is run before more is: a long row of commands needs no long buffer.
            while let Some(connection) = self.connections.get_mut(place) {
                if connection.read(&mut self.engine, event.is_read_closed()) {
                    self.serve(place);
                }
                if !self.connections.get(place).is_some_and(|connection| connection.more) {
                    break;
                }
            }
        }
        self.pending.push(place);
    }

    /// Runs the commands that a connection's buffer holds.
    fn serve(&mut self, place: usize) {
        let Some(mut connection) = self.connections.get_mut(place) else { return };
        let session = connection.session;
        // A command may ask something of the host; that is done before the next one runs.
        while connection.serve(&mut self.engine, log::now_ms()) {
            self.serve_requests(Some(session));
            let Some(next) = self.connections.get_mut(place) else { return };
            connection = next;
        }
    }

    /// Sends what the calls produced: requests to the host, changes to the log, output to sessions, connections to close. Fails with
    /// what is to be logged before the server gives up.
    fn after_calls(&mut self) -> Result<(), String> {
        self.serve_requests(None);
        if std::mem::take(&mut self.engine.server.all_flushed) {
            self.forget_saved();
        }
        if let Some(why) = self.fatal.take() {
            return Err(why);
        }
        // Due keys go without anybody asking for it.
        self.keep_log()?;
        loop {
            self.work_for_peers()?;
            for SessionId(index) in self.engine.take_ready() {
                if let Some(place) = self.by_session.get(index as usize).copied().flatten() {
                    self.pending.push(place);
                }
            }
            if self.pending.is_empty() {
                self.send_to_peers();
                return Ok(());
            }
            // The list is given back emptied, so that it need not grow again in every turn of the loop.
            let mut pending = std::mem::take(&mut self.pending);
            // A session that waited and got its answer goes on with what it sent meanwhile.
            for &place in &pending {
                if self.connections.get(place).is_some_and(|c| c.has_input() && !c.broken) {
                    self.serve(place);
                }
            }
            // No reply goes out before what it tells of is in the log.
            self.keep_log()?;
            pending.drain(..).for_each(|place| self.flush(place));
            pending.append(&mut self.pending);
            self.pending = pending;
        }
    }

    fn flush(&mut self, place: usize) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        if connection.write(&mut self.engine) {
            return;
        }
        let mut connection = self.connections.remove(place);
        connection.stream.deregister(self.poll.registry());
        self.by_session[connection.session.0 as usize] = None;
        self.engine.close(connection.session);
    }
}

/// Why a server does not start.
pub enum StartError {
    /// What it was told makes no sense: for the standard error.
    Settings(String),
    /// The machine does not allow it: for the log.
    Run(String),
}
