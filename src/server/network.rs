//! Where the server listens: TCP ports on addresses, and a unix socket. `CONFIG SET port` and `bind` move it while it runs.

use super::connection::Stream;
use super::log;
use super::settings::reason;
use crate::engine::Config;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Listeners take the tokens from this one on, connections those after them.
pub(super) const FIRST_LISTENER: usize = 2;
/// The first token of a connection.
pub(super) const FIRST_CONNECTION: usize = 64;
/// Connections of browsers take the tokens from this one on, far above the others; before it is the token of their listener.
pub(super) const FIRST_PEER: usize = usize::MAX / 2;
pub(super) const PEER_LISTENER: usize = FIRST_PEER - 1;
/// How many connections may wait to be accepted, unless `tcp-backlog` says otherwise.
pub(super) const BACKLOG: i32 = 511;
/// Addresses that can be bound at once, as in Redis.
const MAX_ADDRESSES: usize = 16;

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// All listeners.
pub(super) struct Network {
    registry: Registry,
    /// By token; a hole where one was closed.
    listeners: Vec<Option<Listener>>,
    /// What the TCP listeners were opened for.
    port: u16,
    bind: String,
    backlog: i32,
    /// The path of the unix socket.
    unix: Option<String>,
}

impl Network {
    pub(super) fn new(registry: Registry) -> Self {
        Network { registry, listeners: Vec::new(), port: 0, bind: String::new(), backlog: BACKLOG, unix: None }
    }

    /// Opens what the parameters say. Fails with what is to be logged.
    pub(super) fn open(&mut self, config: &Config) -> Result<(), String> {
        let text = |name: &str| config.other.get(name).cloned().unwrap_or_default();
        self.backlog = text("tcp-backlog").parse().unwrap_or(BACKLOG);
        let port = text("port").parse().unwrap_or(6379);
        self.listen(port, &text("bind")).map_err(|()| format!("Failed listening on port {port} (TCP), aborting."))?;
        let path = text("unixsocket");
        if !path.is_empty() {
            self.open_unix(&path, &text("unixsocketperm"))?;
        }
        if self.listeners.iter().flatten().next().is_none() {
            return Err("Configured to not listen anywhere, exiting.".to_string());
        }
        Ok(())
    }

    fn open_unix(&mut self, path: &str, mode: &str) -> Result<(), String> {
        // A socket file left by an earlier run would refuse the bind.
        let _ = std::fs::remove_file(path);
        let listener =
            UnixListener::bind(path).map_err(|e| format!("Failed opening Unix socket: bind: {}", reason(&e)))?;
        if let Some(mode) = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode != 0) {
            use std::os::unix::fs::PermissionsExt;
            let set = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
            set.map_err(|e| format!("Failed to set the Unix socket's permissions: {}", reason(&e)))?;
        }
        self.unix = Some(path.to_string());
        self.add(Listener::Unix(listener)).map_err(|e| format!("Failed to listen: {e}"))
    }

    /// Moves to another port, and stays where it is if that fails.
    pub(super) fn set_port(&mut self, config: &Config) -> Result<(), String> {
        self.move_to(config, "Unable to listen on this port. Check server logs.")
    }

    /// Moves to other addresses, and stays where it is if that fails.
    pub(super) fn set_bind(&mut self, config: &Config) -> Result<(), String> {
        self.move_to(config, "Failed to bind to specified addresses.")
    }

    fn move_to(&mut self, config: &Config, failure: &str) -> Result<(), String> {
        let text = |name: &str| config.other.get(name).cloned().unwrap_or_default();
        let (port, bind) = (text("port").parse().unwrap_or(self.port), text("bind"));
        let (old_port, old_bind) = (self.port, self.bind.clone());
        if (port, &bind) == (old_port, &old_bind) {
            return Ok(());
        }
        // The new addresses may overlap the old ones.
        self.close_tcp();
        if self.listen(port, &bind).is_ok() {
            return Ok(());
        }
        self.close_tcp();
        if self.listen(old_port, &old_bind).is_err() {
            log::warning("Failed to listen again where it was before");
        }
        Err(failure.to_string())
    }

    fn close_tcp(&mut self) {
        for place in &mut self.listeners {
            if let Some(Listener::Tcp(listener)) = place {
                // It is closed right after; a failure here changes nothing.
                let _ = self.registry.deregister(listener);
                *place = None;
            }
        }
    }

    /// Listens on all addresses of `bind`; those with a dash before them may fail. What goes wrong is logged.
    fn listen(&mut self, port: u16, bind: &str) -> Result<(), ()> {
        (self.port, self.bind) = (port, bind.to_string());
        let addresses: Vec<&str> = bind.split(' ').filter(|address| !address.is_empty()).collect();
        if port == 0 {
            return Ok(());
        }
        if addresses.len() > MAX_ADDRESSES {
            log::warning("Too many bind addresses specified.");
            return Err(());
        }
        for address in addresses {
            let optional = address.strip_prefix('-');
            let outcome = resolve(optional.unwrap_or(address), port)
                .and_then(|address| tcp(address, self.backlog))
                .and_then(|listener| self.add(Listener::Tcp(listener)));
            if let Err(error) = outcome
                && (optional.is_none() || error.kind() == io::ErrorKind::AddrInUse)
            {
                let why = reason(&error);
                log::warning(&format!(
                    "Warning: Could not create server TCP listening socket {address}:{port}: bind: {why}"
                ));
                return Err(());
            }
        }
        Ok(())
    }

    fn add(&mut self, mut listener: Listener) -> io::Result<()> {
        let place = self.listeners.iter().position(Option::is_none).unwrap_or(self.listeners.len());
        let token = Token(FIRST_LISTENER + place);
        match &mut listener {
            Listener::Tcp(l) => self.registry.register(l, token, Interest::READABLE)?,
            Listener::Unix(l) => self.registry.register(l, token, Interest::READABLE)?,
        }
        if place == self.listeners.len() {
            self.listeners.push(None);
        }
        self.listeners[place] = Some(listener);
        Ok(())
    }

    /// Takes the next connection of a listener: the stream, and how CLIENT LIST names its other end. Nothing if none waits.
    pub(super) fn accept(&self, token: Token) -> io::Result<Option<(Stream, String)>> {
        // An event can come late, for a listener that was closed.
        let place = token.0 - FIRST_LISTENER;
        let accepted = match self.listeners.get(place).and_then(Option::as_ref) {
            Some(Listener::Tcp(l)) => l.accept().map(|(s, peer)| (Stream::tcp(s), peer.to_string())),
            Some(Listener::Unix(l)) => l.accept().map(|(s, _)| (Stream::Unix(s), self.unix_name())),
            None => return Ok(None),
        };
        match accepted {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How CLIENT LIST names the unix socket's end.
    pub(super) fn unix_name(&self) -> String {
        format!("{}:0", self.unix.as_deref().unwrap_or_default())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(path) = &self.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn resolve(address: &str, port: u16) -> io::Result<SocketAddr> {
    let host = match address {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other.trim_matches(['[', ']']),
    };
    (host, port).to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// Listens on `address`.
pub(super) fn tcp(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Else it would take the IPv4 port with it.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(TcpListener::from_std(socket.into()))
}
