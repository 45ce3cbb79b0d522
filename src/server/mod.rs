//! Floor 6, native host: sockets and files around one engine, in one thread. Only with the feature `server`.

mod connection;
pub mod log;
pub mod memory;
pub mod settings;

use crate::cmd;
use crate::engine::{Engine, Options, Proto, Request, SessionId};
use connection::{Connection, Stream};
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
    stop: bool,
}

impl Server {
    /// Opens the listeners and applies the settings. Fails with a sentence that says which one could not be.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let now = log::now_ms();
        let mut engine = Engine::new(cmd::table(), &Options { databases: settings.databases, seed: log::seed(), now });
        engine.server.memory = memory::used;
        let poll = Poll::new().map_err(|e| format!("Failed to make an event queue: {e}"))?;
        let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|e| format!("Failed to listen for signals: {e}"))?;
        let registered = poll.registry().register(&mut signals, SIGNALS, Interest::READABLE);
        registered.map_err(|e| format!("Failed to listen for signals: {e}"))?;
        settings.apply(&mut engine, now)?;
        let mut server = Server {
            engine,
            settings,
            poll,
            signals,
            listeners: Vec::new(),
            connections: Slab::new(),
            by_session: Vec::new(),
            pending: Vec::new(),
            stop: false,
        };
        server.listen()?;
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
            let sleep = wake.map_or(MAX_SLEEP_MS, |at| at.saturating_sub(now).min(MAX_SLEEP_MS));
            match self.poll.poll(&mut events, Some(Duration::from_millis(sleep))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token() {
                    SIGNALS => self.on_signal(),
                    Token(n) if n < FIRST_CONNECTION => self.accept(n - FIRST_LISTENER),
                    Token(n) => self.on_connection(
                        n - FIRST_CONNECTION,
                        event.is_readable() || event.is_read_closed(),
                        event.is_writable(),
                    ),
                }
            }
            wake = self.engine.tick(log::now_ms());
            self.after_calls();
        }
        if let Some(path) = &self.settings.unixsocket {
            let _ = std::fs::remove_file(path);
        }
        log::notice("tabdis is now ready to exit, bye bye...");
        Ok(())
    }

    fn on_signal(&mut self) {
        for signal in self.signals.pending() {
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

    fn on_connection(&mut self, place: usize, readable: bool, writable: bool) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        if writable {
            connection.writable = true;
        }
        if readable {
            let limit = self.engine.server.config.query_buffer_limit;
            if connection.read(limit) {
                self.serve(place);
            }
        }
        self.pending.push(place);
    }

    /// Runs the commands that a connection's buffer holds.
    fn serve(&mut self, place: usize) {
        if let Some(connection) = self.connections.get_mut(place) {
            connection.serve(&mut self.engine, log::now_ms());
        }
    }

    /// Sends what the calls produced: requests to the host, output to sessions, connections to close.
    fn after_calls(&mut self) {
        // Nobody reads the feed yet; what is recorded must not pile up.
        self.engine.effects().clear();
        for request in self.engine.take_requests() {
            match request {
                Request::Shutdown { .. } => self.stop = true,
                Request::Save { .. } | Request::Rewrite => {}
            }
        }
        loop {
            for SessionId(index) in self.engine.take_ready() {
                if let Some(place) = self.by_session.get(index as usize).copied().flatten() {
                    self.pending.push(place);
                }
            }
            if self.pending.is_empty() {
                return;
            }
            for place in std::mem::take(&mut self.pending) {
                self.flush(place);
            }
        }
    }

    fn flush(&mut self, place: usize) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        // A session that waited and got its answer goes on with what it sent meanwhile.
        if connection.has_input() && !connection.broken {
            connection.serve(&mut self.engine, log::now_ms());
        }
        if connection.write(&mut self.engine) {
            return;
        }
        let mut connection = self.connections.remove(place);
        connection.stream.deregister(self.poll.registry());
        self.by_session[connection.session.0 as usize] = None;
        self.engine.close(connection.session);
    }
}
