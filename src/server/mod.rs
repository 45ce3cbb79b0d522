//! Floor 6, native host: sockets and files around one engine, in one thread. Only with the feature `server`.

mod acl;
mod connection;
mod dump;
pub mod figures;
pub mod log;
pub mod memory;
pub mod settings;

use crate::cmd;
use crate::engine::{Engine, Error, Options, Proto, Request, SessionId};
use connection::{Connection, Stream};
use mio::event::Event;
use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token};
use settings::Settings;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;
use std::io;
use std::time::Duration;

/// Listeners take the first tokens, connections the rest.
const SIGNALS: Token = Token(0);
const FIRST_LISTENER: usize = 1;
const FIRST_CONNECTION: usize = 64;
/// The loop looks at the clock at least this often: `hz 10`.
const MAX_SLEEP_MS: u64 = 100;
/// What SAVE answers before the host has saved.
const OK: &[u8] = b"+OK\r\n";

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A running server: the engine and everything that is connected to it.
pub struct Server {
    engine: Engine,
    settings: Settings,
    poll: Poll,
    signals: Signals,
    listeners: Vec<Listener>,
    connections: Slab<Connection>,
    /// Which connection a session belongs to, by the session's place.
    by_session: Vec<Option<usize>>,
    /// Connections with something to write or to close, looked at before the loop sleeps.
    pending: Vec<usize>,
    /// A background save in progress.
    saving: Option<dump::Background>,
    /// When [`Server::cron`] is due, ms since the epoch.
    next_cron: u64,
    stop: bool,
}

impl Server {
    /// Opens the listeners and applies the settings. Fails with a sentence that says which one could not be.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let now = log::now_ms();
        let mut engine = Engine::new(cmd::table(), &Options { databases: settings.databases, seed: log::seed(), now });
        engine.server.meter.clock_us = figures::clock_us;
        engine.server.nap = figures::nap;
        engine.server.figures = figures::lines;
        let poll = Poll::new().map_err(|e| format!("Failed to make an event queue: {e}"))?;
        let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|e| format!("Failed to listen for signals: {e}"))?;
        let registered = poll.registry().register(&mut signals, SIGNALS, Interest::READABLE);
        registered.map_err(|e| format!("Failed to listen for signals: {e}"))?;
        settings.apply(&mut engine, now)?;
        acl::start(&mut engine)?;
        engine.server.measure_memory(memory::used, memory::resident);
        let mut server = Server {
            engine,
            settings,
            poll,
            signals,
            listeners: Vec::new(),
            connections: Slab::new(),
            by_session: Vec::new(),
            pending: Vec::new(),
            saving: None,
            next_cron: 0,
            stop: false,
        };
        server.listen()?;
        server.load(now)?;
        Ok(server)
    }

    fn listen(&mut self) -> Result<(), String> {
        let port = self.settings.port;
        if port != 0 {
            for address in self.settings.bind.clone() {
                let (address, optional) = match address.strip_prefix('-') {
                    Some(rest) => (rest.to_string(), true),
                    None => (address, false),
                };
                let ip = match address.as_str() {
                    "*" => "0.0.0.0".to_string(),
                    "localhost" => "127.0.0.1".to_string(),
                    other => other.trim_matches(['[', ']']).to_string(),
                };
                let parsed = ip.parse::<std::net::IpAddr>().map_err(|e| e.to_string());
                let opened = parsed.and_then(|ip| TcpListener::bind((ip, port).into()).map_err(|e| e.to_string()));
                match opened {
                    Ok(listener) => self.listeners.push(Listener::Tcp(listener)),
                    Err(_) if optional => {}
                    Err(error) => {
                        log::warning(&format!(
                            "Warning: Could not create server TCP listening socket {address}:{port}: {error}"
                        ));
                        return Err(format!("Failed listening on port {port} (TCP), aborting."));
                    }
                }
            }
        }
        if let Some(path) = &self.settings.unixsocket {
            // A socket file left by an earlier run would refuse the bind.
            let _ = std::fs::remove_file(path);
            let listener = UnixListener::bind(path).map_err(|e| format!("Failed opening Unix socket: bind: {e}"))?;
            if let Some(mode) = self.settings.unixsocketperm {
                use std::os::unix::fs::PermissionsExt;
                let set = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
                set.map_err(|e| format!("Failed to set the Unix socket's permissions: {e}"))?;
            }
            self.listeners.push(Listener::Unix(listener));
        }
        if self.listeners.is_empty() {
            return Err("Configured to not listen anywhere, exiting.".to_string());
        }
        for (n, listener) in self.listeners.iter_mut().enumerate() {
            let token = Token(FIRST_LISTENER + n);
            let registry = self.poll.registry();
            let done = match listener {
                Listener::Tcp(l) => registry.register(l, token, Interest::READABLE),
                Listener::Unix(l) => registry.register(l, token, Interest::READABLE),
            };
            done.map_err(|e| format!("Failed to listen: {e}"))?;
        }
        Ok(())
    }

    /// Serves until a signal or SHUTDOWN.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut wake = self.engine.tick(log::now_ms());
        while !self.stop {
            let now = log::now_ms();
            // A background save goes on whenever the sockets are quiet, and a slice at a time when they are not.
            let sleep = if self.saving.is_some() {
                0
            } else {
                wake.map_or(MAX_SLEEP_MS, |at| at.saturating_sub(now).min(MAX_SLEEP_MS))
            };
            match self.poll.poll(&mut events, Some(Duration::from_millis(sleep))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            let began = figures::clock_us();
            let commands = self.commands();
            for event in &events {
                match event.token() {
                    SIGNALS => self.on_signal(),
                    Token(n) if n < FIRST_CONNECTION => self.accept(n - FIRST_LISTENER),
                    Token(n) => self.on_connection(n - FIRST_CONNECTION, event),
                }
            }
            let now = log::now_ms();
            wake = self.engine.tick(now);
            if now >= self.next_cron {
                self.next_cron = now + MAX_SLEEP_MS;
                self.cron(now);
            }
            self.after_calls();
            self.save_on();
            self.count_turn(began, commands);
        }
        if let Some(path) = &self.settings.unixsocket {
            let _ = std::fs::remove_file(path);
        }
        log::notice("tabdis is now ready to exit, bye bye...");
        Ok(())
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

    /// What is done ten times a second.
    fn cron(&mut self, now: u64) {
        if self.engine.server.cron_paused {
            return;
        }
        let began = figures::clock_us();
        for (_, connection) in &mut self.connections {
            connection.cron(&mut self.engine, now);
        }
        self.engine.cron(now);
        self.engine.server.meter.turns.cron_us += (figures::clock_us() - began).max(1);
    }

    fn on_signal(&mut self) {
        let signals: Vec<_> = self.signals.pending().collect();
        for signal in signals {
            log::notice(&format!(
                "Received {} scheduling shutdown...",
                if signal == SIGINT { "SIGINT" } else { "SIGTERM" }
            ));
            self.stop = true;
        }
    }

    fn accept(&mut self, listener: usize) {
        loop {
            let accepted = match &self.listeners[listener] {
                Listener::Tcp(l) => l.accept().map(|(s, peer)| (Stream::tcp(s), peer.to_string())),
                Listener::Unix(l) => l.accept().map(|(s, _)| (Stream::Unix(s), self.settings.unix_name())),
            };
            match accepted {
                Ok((stream, peer)) => self.welcome(stream, peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
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
        let now = log::now_ms();
        let session = self.engine.open(peer, Proto::Resp2, now);
        if let Some(s) = self.engine.sessions.get_mut(session) {
            s.laddr = stream.local_address().unwrap_or_else(|| self.settings.unix_name());
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

    /// Sends what the calls produced: requests to the host, output to sessions, connections to close.
    fn after_calls(&mut self) {
        // Nobody reads the feed yet; what is recorded must not pile up.
        self.engine.effects().clear();
        self.serve_requests(None);
        loop {
            for SessionId(index) in self.engine.take_ready() {
                if let Some(place) = self.by_session.get(index as usize).copied().flatten() {
                    self.pending.push(place);
                }
            }
            if self.pending.is_empty() {
                return;
            }
            // The list is given back emptied, so that it need not grow again in every turn of the loop.
            let mut pending = std::mem::take(&mut self.pending);
            pending.drain(..).for_each(|place| self.flush(place));
            pending.append(&mut self.pending);
            self.pending = pending;
        }
    }

    /// Does what commands asked the host for.
    fn serve_requests(&mut self, from: Option<SessionId>) {
        if !self.engine.has_requests() {
            return;
        }
        let path = self.dump_path();
        for request in self.engine.take_requests() {
            match request {
                Request::Shutdown { save } => {
                    let save = save.unwrap_or_else(|| self.saves_by_itself());
                    if save && !self.save_now() {
                        log::warning("Errors trying to shut down the server. Check the logs for more information.");
                        continue;
                    }
                    self.stop = true;
                }
                Request::Save { background: false } => {
                    if !self.save_now()
                        && let Some(session) = from.and_then(|id| self.engine.sessions.get_mut(id))
                        && session.out.bytes().ends_with(OK)
                    {
                        // The command said OK a moment ago, and nothing else was run since.
                        session.out.rewind(session.out.mark() - OK.len());
                        session.out.error(&Error::new("ERR"));
                    }
                }
                Request::Save { background: true } => match dump::Background::begin(&mut self.engine.ks, &path) {
                    Ok(saving) => self.saving = Some(saving),
                    Err(error) => self.saved(Err(error)),
                },
                // There is no log to rewrite yet.
                Request::Rewrite => {}
            }
        }
    }

    /// Loads the snapshot file, if there is one.
    fn load(&mut self, now: u64) -> Result<(), String> {
        let path = self.dump_path();
        if let Some(report) = dump::load(&mut self.engine, &path, now)? {
            dump::report(&report);
        }
        Ok(())
    }

    fn dump_path(&self) -> std::path::PathBuf {
        let name = self.engine.server.config.other.get("dbfilename").map_or("dump.rdb", String::as_str);
        // The process works in the configured directory.
        std::path::PathBuf::from(name)
    }

    /// Whether save points are configured, as they are by default: then the data is saved at the end.
    fn saves_by_itself(&self) -> bool {
        self.engine.server.config.other.get("save").is_none_or(|points| !points.is_empty())
    }

    fn save_now(&mut self) -> bool {
        let path = self.dump_path();
        let result = dump::save_now(&mut self.engine.ks, &path);
        let done = result.is_ok();
        self.saved(result);
        done
    }

    /// Goes on with a background save.
    fn save_on(&mut self) {
        let Some(mut saving) = self.saving.take() else { return };
        match saving.step(&mut self.engine.ks) {
            Ok(true) => self.saving = Some(saving),
            Ok(false) => self.saved(saving.finish()),
            Err(error) => self.saved(Err(error)),
        }
    }

    fn saved(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => {
                self.engine.server.last_save_ms = log::now_ms();
                self.engine.ks.dirty = 0;
                log::notice("DB saved on disk");
            }
            Err(error) => log::warning(&format!("Failed saving {}: {error}", self.dump_path().display())),
        }
    }

    fn flush(&mut self, place: usize) {
        // A session that waited and got its answer goes on with what it sent meanwhile.
        if self.connections.get(place).is_some_and(|c| c.has_input() && !c.broken) {
            self.serve(place);
        }
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
