//! Browsers that attach as followers: a port for WebSockets, and the connections between it and the [`Hub`].
//!
//! - Who connects has a few seconds to get through TLS and the upgrade, past the [`Gate`], and to say in its first message who it is.
//!   The [`Checker`] takes its token for an ACL user, and the hub lets it in. From then on its messages are the hub's.
//! - What somebody sends in a turn of the loop is read up to a limit, and not at all when it has sent too much lately: then its system
//!   has to wait, and nothing piles up here.
//! - Nothing goes out before what it tells of is in the log: frames are taken from the hub at the end of a turn.

mod connection;
mod gate;
pub(super) mod settings;
mod signature;
mod tls;
mod token;
mod wire;

use super::network::{BACKLOG, FIRST_PEER, PEER_LISTENER, tcp};
use super::settings::reason;
use super::{Server, StartError, log};
use crate::replica::VERSION;
use crate::replica::hub::{Hub, read_hello};
use connection::{Got, Peer};
use gate::Gate;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustls::ServerConfig;
use settings::PeerSettings;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use token::Checker;
use wire::{REST_MS, Wire};

/// So many connections from one address may not have said who they are.
const STRANGERS_OF_ONE: usize = 64;
/// So many messages of one connection are taken before others have their turn.
const MESSAGES_AT_ONCE: usize = 1000;
/// How often clocks are looked at, ms.
const LOOK_MS: u64 = 50;
/// How often the hub may change something that the log has to have before anything is sent. It goes on in the next turn.
const ROUNDS: usize = 8;
/// How long connections may take to hear that the server stops, ms.
const GOODBYE_MS: u64 = 200;

/// The port for browsers, and who is connected to it.
pub(super) struct Peers {
    settings: PeerSettings,
    checker: Checker,
    gate: Gate,
    tls: Option<Arc<ServerConfig>>,
    listener: TcpListener,
    /// By number; numbers are never used again.
    connections: BTreeMap<usize, Peer>,
    next: usize,
    /// Those with something to write or to tell, looked at before the loop sleeps.
    touched: BTreeSet<usize>,
    /// Those with something to read of which no event tells.
    unread: BTreeSet<usize>,
    /// There is more to do at once: to read, or what follows from who has left or has room again.
    hurry: bool,
    /// When clocks are looked at next, and when the hub wants to be called, ms since the epoch.
    look_ms: u64,
    hub_ms: u64,
}

impl Peers {
    /// Opens the port, if there is to be one; nobody is let in before [`Peers::begin`]. Fails if the settings or what they name do not
    /// make sense.
    pub(super) fn open(settings: &PeerSettings) -> Result<Option<Self>, StartError> {
        if settings.port == 0 {
            return Ok(None);
        }
        let address = settings.check().map_err(StartError::Settings)?;
        let checker = Checker::new(settings).map_err(StartError::Run)?;
        let tls = tls::config(settings).map_err(StartError::Run)?;
        if tls.is_none() && !address.ip().is_loopback() {
            log::warning(
                "Warning: tokens and data of browsers are not encrypted unless something in front of ws-port does it",
            );
        }
        let listener = tcp(address, BACKLOG).map_err(|error| {
            StartError::Run(format!("Failed listening on {address} (WebSocket), aborting: {}", reason(&error)))
        })?;
        Ok(Some(Peers {
            gate: Gate(settings.origins.clone().into()),
            settings: settings.clone(),
            checker,
            tls,
            listener,
            connections: BTreeMap::new(),
            next: 0,
            touched: BTreeSet::new(),
            unread: BTreeSet::new(),
            hurry: false,
            look_ms: 0,
            hub_ms: u64::MAX,
        }))
    }

    /// How many connections there may be.
    pub(super) fn most(&self) -> usize {
        self.settings.max_peers
    }

    /// From now on who connects is heard of.
    fn begin(&mut self, registry: &Registry) -> io::Result<()> {
        registry.register(&mut self.listener, Token(PEER_LISTENER), Interest::READABLE)
    }

    fn welcome(&mut self, mut stream: TcpStream, address: SocketAddr, registry: &Registry, now: u64) {
        let strangers = self.connections.values().filter(|peer| !peer.joined && peer.ip() == address.ip()).count();
        if self.connections.len() >= self.settings.max_peers || strangers >= STRANGERS_OF_ONE {
            return log::verbose(&format!("Peer at {address}: there are too many"));
        }
        let id = self.next;
        // Feeds are written in pieces that are meant to go out.
        let _ = stream.set_nodelay(true);
        let token = Token(FIRST_PEER + id);
        if registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).is_err() {
            return;
        }
        match Wire::new(stream, self.tls.as_ref()) {
            Ok(wire) => {
                let due_ms = now + self.settings.handshake_ms;
                self.connections.insert(id, Peer::new(wire, address, self.gate.clone(), now, due_ms));
                self.next += 1;
            }
            Err(error) => log::warning(&format!("Peer at {address}: no TLS: {error}")),
        }
    }
}

/// What a line of the log may hold of what somebody sent.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

impl Server {
    /// Begins to let browsers in, now that all data is there. Fails with what is to be logged before the server gives up.
    pub(super) fn begin_peers(&mut self) -> Result<(), String> {
        if self.peers.is_none() {
            return Ok(());
        }
        // What was changed so far is before the feed.
        self.keep_log()?;
        self.engine.ks.effects.listen(true);
        self.engine.ks.effects.restart();
        self.hub = Some(Hub::new(&self.engine, self.began_ms));
        self.fed = self.engine.ks.effects.offset();
        let Some(peers) = &mut self.peers else { return Ok(()) };
        peers.begin(self.poll.registry()).map_err(|error| format!("Failed to listen for browsers: {error}"))?;
        log::notice("Ready to accept connections websocket");
        Ok(())
    }

    pub(super) fn accept_peers(&mut self) {
        let now = log::now_ms();
        let Some(peers) = &mut self.peers else { return };
        loop {
            match peers.listener.accept() {
                Ok((stream, address)) => peers.welcome(stream, address, self.poll.registry(), now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return log::warning(&format!("Accepting a browser's connection: {error}")),
            }
        }
    }

    /// Reads those who were cut short in the last turn.
    pub(super) fn read_on(&mut self) {
        let Some(peers) = &mut self.peers else { return };
        let unread = std::mem::take(&mut peers.unread);
        peers.hurry = false;
        unread.into_iter().for_each(|id| self.read_peer(id));
    }

    /// Takes what a connection has sent.
    pub(super) fn read_peer(&mut self, id: usize) {
        let now = log::now_ms();
        let Some(peer) = self.peer(id) else { return };
        peer.begin_turn(now);
        let mut messages = 0;
        let outcome = loop {
            let Some(peer) = self.peer(id) else { return };
            if messages == MESSAGES_AT_ONCE {
                break Got::Nothing;
            }
            match peer.read(now) {
                Got::Message(bytes) => {
                    messages += 1;
                    if let Err(why) = self.take_message(id, &bytes, now) {
                        break Got::Fault(why);
                    }
                }
                other => break other,
            }
        };
        let Some(peers) = &mut self.peers else { return };
        let Some(peer) = peers.connections.get_mut(&id) else { return };
        peers.touched.insert(id);
        if peer.end_turn(now) || messages == MESSAGES_AT_ONCE {
            peers.unread.insert(id);
            peers.hurry |= peer.is_rested(now);
        }
        self.settle(id, outcome, now);
    }

    fn peer(&mut self, id: usize) -> Option<&mut Peer> {
        self.peers.as_mut()?.connections.get_mut(&id)
    }

    /// Takes one message. Fails with what its sender is to be told before it is ended.
    fn take_message(&mut self, id: usize, bytes: &[u8], now: u64) -> Result<(), String> {
        let (Some(peers), Some(hub)) = (&mut self.peers, &mut self.hub) else { return Ok(()) };
        let Some(peer) = peers.connections.get_mut(&id) else { return Ok(()) };
        if peer.joined {
            return hub.receive(&mut self.engine, id, bytes, now);
        }
        let hello = read_hello(bytes).ok_or("the first message has to be a HELLO")?;
        if hello.version != VERSION {
            return Err(format!("version {} is not understood, but {VERSION}", hello.version));
        }
        let pass = peers.checker.check(&hello.token, now)?;
        hub.join(&mut self.engine, id, &pass.user, &hello.name, now)?;
        peer.join(pass.expires_ms, peers.settings.max_message, now);
        let user = String::from_utf8_lossy(&pass.user);
        log::verbose(&format!(
            "Peer {id} at {}: joined as {}, user {}",
            peer.address(),
            shown(&hello.name),
            shown(&user)
        ));
        Ok(())
    }

    /// Acts on what became of a connection.
    fn settle(&mut self, id: usize, outcome: Got, now: u64) {
        match outcome {
            Got::Message(_) | Got::Nothing => self.leave_hub(id),
            Got::Fault(why) => self.end_peer(id, &why, now),
            Got::Over(why) => self.forget_peer(id, &why),
        }
    }

    /// Tells a connection why it is ended, and hears it no more.
    fn end_peer(&mut self, id: usize, why: &str, now: u64) {
        let Some(peers) = &mut self.peers else { return };
        let Some(peer) = peers.connections.get_mut(&id) else { return };
        log::verbose(&format!("Peer {id} at {}: refused: {}", peer.address(), shown(why)));
        peer.end(Some(why), now);
        peers.touched.insert(id);
        self.leave_hub(id);
    }

    /// Takes a connection that ends from the hub, though its other end may still have to read why: the same browser may come again
    /// before that.
    fn leave_hub(&mut self, id: usize) {
        let (Some(peers), Some(hub)) = (&mut self.peers, &mut self.hub) else { return };
        let Some(peer) = peers.connections.get_mut(&id).filter(|peer| peer.joined && !peer.is_open()) else { return };
        peer.joined = false;
        hub.leave(&mut self.engine, id);
        peers.hurry = true;
    }

    fn forget_peer(&mut self, id: usize, why: &str) {
        let (Some(peers), Some(hub)) = (&mut self.peers, &mut self.hub) else { return };
        let Some(peer) = peers.connections.remove(&id) else { return };
        peers.unread.remove(&id);
        log::verbose(&format!("Peer {id} at {}: gone: {}", peer.address(), shown(why)));
        // Its socket is closed with it.
        if peer.joined {
            hub.leave(&mut self.engine, id);
            peers.hurry = true;
        }
    }

    /// Hands the hub what was changed since the last time. To be called before the log takes it.
    pub(super) fn feed_hub(&mut self) {
        let Some(hub) = &mut self.hub else { return };
        let effects = &mut self.engine.ks.effects;
        let (offset, out) = (effects.offset(), effects.out());
        let fresh = offset.saturating_sub(self.fed) as usize;
        if fresh > 0 {
            hub.push(&out[out.len().saturating_sub(fresh)..]);
            self.fed = offset;
        }
    }

    /// Lets the hub do what follows from what was done, and brings what that changed into the log. Fails with what is to be logged
    /// before the server gives up.
    pub(super) fn work_for_peers(&mut self) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let (Some(peers), Some(hub)) = (&mut self.peers, &mut self.hub) else { return Ok(()) };
            peers.hub_ms = hub.work(&mut self.engine, log::now_ms());
            self.serve_requests(None);
            if !self.engine.ks.effects.pending() {
                return Ok(());
            }
            self.keep_log()?;
        }
        if let Some(peers) = &mut self.peers {
            peers.hurry = true;
        }
        Ok(())
    }

    /// Sends what the hub has for connections. To be called when everything that was changed is in the log.
    pub(super) fn send_to_peers(&mut self) {
        let now = log::now_ms();
        let (Some(peers), Some(hub)) = (&mut self.peers, &mut self.hub) else { return };
        for (id, frame) in hub.take_out() {
            if let Some(peer) = peers.connections.get_mut(&id) {
                peer.send(frame);
                peers.touched.insert(id);
            }
        }
        for (id, why) in hub.take_ended() {
            self.end_peer(id, &why, now);
        }
        self.look_at_peers(now);
        let touched = self.peers.as_mut().map(|peers| std::mem::take(&mut peers.touched));
        for id in touched.into_iter().flatten() {
            self.flush_peer(id);
        }
    }

    fn look_at_peers(&mut self, now: u64) {
        let Some(peers) = self.peers.as_mut().filter(|peers| now >= peers.look_ms) else { return };
        peers.look_ms = now + LOOK_MS;
        let mut found = Vec::new();
        for (id, peer) in &mut peers.connections {
            if let Err(outcome) = peer.look(now) {
                found.push((*id, outcome));
            }
        }
        // Pings are to be written, and what waits longer than it should is to be tried again.
        peers.touched.extend(peers.connections.keys());
        found.into_iter().for_each(|(id, outcome)| self.settle(id, outcome, now));
    }

    fn flush_peer(&mut self, id: usize) {
        let (Some(peers), Some(hub)) = (&mut self.peers, &mut self.hub) else { return };
        let Some(peer) = peers.connections.get_mut(&id) else { return };
        if let Err(why) = peer.flush() {
            return self.forget_peer(id, &why);
        }
        let waiting = peer.waiting();
        if peer.joined && waiting != peer.told {
            peer.told = waiting;
            hub.set_waiting(id, waiting);
            // It may have more for who has room again.
            peers.hurry = true;
        }
    }

    /// How long there is nothing to do for connections, ms.
    pub(super) fn peers_wait_ms(&self, now: u64) -> u64 {
        match &self.peers {
            Some(peers) if peers.hurry => 0,
            Some(peers) if peers.unread.is_empty() => peers.hub_ms.saturating_sub(now),
            Some(peers) => peers.hub_ms.saturating_sub(now).min(REST_MS),
            None => u64::MAX,
        }
    }

    /// Tells everybody that the server stops, and gives them a moment to hear it.
    pub(super) fn end_peers(&mut self) {
        let now = log::now_ms();
        let Some(mut peers) = self.peers.take() else { return };
        peers.connections.values_mut().for_each(|peer| peer.end(None, now));
        while !peers.connections.is_empty() && log::now_ms() < now + GOODBYE_MS {
            peers.connections.retain(|_, peer| {
                peer.begin_turn(log::now_ms());
                let is_over = peer.flush().is_err() || matches!(peer.read(now), Got::Over(_));
                let _ = peer.end_turn(now);
                !is_over
            });
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
