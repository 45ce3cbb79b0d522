//! One connection of a browser: the upgrade to a WebSocket, messages in, frames out, and an orderly end.

use super::gate::Gate;
use super::token::EXPIRED;
use super::wire::{Bucket, Wire};
use crate::replica::hub;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use tungstenite::error::ProtocolError;
use tungstenite::handshake::server::ServerHandshake;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, WebSocket};

/// The longest message of who has not said who it is.
const STRANGERS_MESSAGE: usize = 64 << 10;
/// How fast a connection is read: bytes and messages for each ms, and for how many seconds that can be saved up.
const BYTES_PER_MS: usize = (8 << 20) / 1000;
const MESSAGES_PER_MS: usize = 20;
const SAVED_S: usize = 4;
/// How much is read before others have their turn, bytes.
const TURN: usize = 1 << 20;
/// Buffers of a WebSocket: what it reads at once, and what it puts together before it writes.
const BUFFER: usize = 16 << 10;
/// So much is handed to the WebSocket before it has to be written.
const BATCH: usize = 64 << 10;
/// More must not wait for who does not read.
const MOST_WAITING: usize = 64 << 20;
/// So many pings are answered while nothing can be written.
const MOST_PONGS: usize = 100;
/// How often is asked whether the other end is there, and after how long a silence it is not, ms.
const PING_MS: u64 = 30_000;
const SILENCE_MS: u64 = 90_000;
/// How long the other end has to read why it is ended, ms.
const LINGER_MS: u64 = 2_000;
/// The longest reason in a close frame, bytes.
const LONGEST_REASON: usize = 123;

type Upgrade = MidHandshake<ServerHandshake<Wire, Gate>>;

enum State {
    /// TLS, then HTTP.
    Upgrading(Upgrade),
    Open(WebSocket<Wire>),
    /// The last words are said, but not written.
    Closing(WebSocket<Wire>),
    /// They are; the other end is to close.
    Draining(Wire),
    Gone,
}

/// What reading a connection came to.
pub(super) enum Got {
    Message(Bytes),
    /// There is nothing more for now.
    Nothing,
    /// It broke a rule, and is to be told.
    Fault(String),
    /// It is over.
    Over(String),
}

/// A connection.
pub(super) struct Peer {
    state: Box<State>,
    address: SocketAddr,
    /// It has said who it is.
    pub(super) joined: bool,
    /// Until when it has to, or, at its end, to close; ms since the epoch.
    due_ms: u64,
    /// When its token expires, ms since the epoch.
    expires_ms: u64,
    /// When something was heard last, and when it was asked whether it is there, ms since the epoch.
    heard_ms: u64,
    pinged_ms: u64,
    bytes: Bucket,
    messages: Bucket,
    /// Messages for this turn, and whether there may be more.
    allowance: usize,
    is_cut: bool,
    /// Pings that were answered since everything was written.
    pongs: usize,
    /// Frames that the WebSocket has not got yet, and their bytes.
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    /// Bytes that it has got since it had written everything.
    in_flight: usize,
    /// How many bytes waited when that was last told.
    pub(super) told: usize,
}

impl Peer {
    /// Returns what was accepted just now, and has until `due_ms` to say who it is.
    pub(super) fn new(wire: Wire, address: SocketAddr, gate: Gate, now: u64, due_ms: u64) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(STRANGERS_MESSAGE))
            .max_frame_size(Some(STRANGERS_MESSAGE));
        let saved = SAVED_S * 1000;
        Peer {
            state: Box::new(State::Upgrading(ServerHandshake::start(wire, gate, Some(config)))),
            address,
            joined: false,
            due_ms,
            expires_ms: u64::MAX,
            heard_ms: now,
            pinged_ms: now,
            bytes: Bucket::new(BYTES_PER_MS, BYTES_PER_MS * saved, now),
            messages: Bucket::new(MESSAGES_PER_MS, MESSAGES_PER_MS * saved, now),
            allowance: 0,
            is_cut: false,
            pongs: 0,
            queue: VecDeque::new(),
            queued: 0,
            in_flight: 0,
            told: 0,
        }
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// The other end, for the log.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether messages are taken from it.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.state, State::Open(_))
    }

    /// Lets it in until `expires_ms`, with messages as long as `max_message`.
    pub(super) fn join(&mut self, expires_ms: u64, max_message: usize, now: u64) {
        (self.joined, self.expires_ms, self.pinged_ms) = (true, expires_ms, now);
        if let State::Open(socket) = &mut *self.state {
            socket.set_config(|config| {
                (config.max_message_size, config.max_frame_size) = (Some(max_message), Some(max_message));
            });
        }
    }

    /// Begins a turn: so much may be read in it.
    pub(super) fn begin_turn(&mut self, now: u64) {
        let bytes = self.bytes.level(now).min(TURN);
        (self.allowance, self.is_cut) = (self.messages.level(now), false);
        if let Some(wire) = self.wire() {
            let metered = wire.metered();
            (metered.allowance, metered.taken, metered.is_cut) = (bytes, 0, false);
        }
    }

    /// Ends the turn. Returns whether there may be more to read that no event will tell of.
    pub(super) fn end_turn(&mut self, now: u64) -> bool {
        let Some(metered) = self.wire().map(Wire::metered) else { return false };
        let (taken, is_cut) = (metered.taken, metered.is_cut);
        self.bytes.spend(taken);
        if taken > 0 {
            self.heard_ms = now;
        }
        is_cut || self.is_cut
    }

    /// Whether it may be read at once.
    pub(super) fn is_rested(&mut self, now: u64) -> bool {
        self.bytes.level(now) > 0 && self.messages.level(now) > 0
    }

    fn wire(&mut self) -> Option<&mut Wire> {
        match &mut *self.state {
            State::Upgrading(upgrade) => Some(upgrade.get_mut().get_mut()),
            State::Open(socket) | State::Closing(socket) => Some(socket.get_mut()),
            State::Draining(wire) => Some(wire),
            State::Gone => None,
        }
    }

    /// Reads on, up to the next message.
    pub(super) fn read(&mut self, now: u64) -> Got {
        loop {
            match &mut *self.state {
                State::Upgrading(_) => {
                    if let Some(got) = self.upgrade() {
                        return got;
                    }
                }
                State::Open(socket) => {
                    if self.allowance == 0 {
                        self.is_cut = true;
                        return Got::Nothing;
                    }
                    let message = socket.read();
                    if message.is_ok() {
                        self.allowance -= 1;
                        self.messages.spend(1);
                    }
                    match message {
                        Ok(Message::Ping(_)) if self.pongs < MOST_PONGS => self.pongs += 1,
                        Ok(Message::Ping(_)) => match socket.flush() {
                            Ok(()) => self.pongs = 0,
                            Err(_) => return Got::Over("it reads no answers to its pings".to_string()),
                        },
                        Ok(Message::Close(_)) => {
                            self.begin_closing(now);
                            return Got::Nothing;
                        }
                        Ok(Message::Binary(bytes)) => return Got::Message(bytes),
                        Ok(Message::Text(_)) => return Got::Fault("text messages are not understood".to_string()),
                        Ok(_) => {}
                        Err(error) => return fault(&error),
                    }
                }
                State::Closing(_) => return Got::Nothing,
                State::Draining(wire) => match wire.read(&mut [0; 4096]) {
                    Ok(0) => return Got::Over("closed".to_string()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Got::Nothing,
                    Err(_) => return Got::Over("closed".to_string()),
                },
                State::Gone => return Got::Over("closed".to_string()),
            }
        }
    }

    /// Goes on with the upgrade. Returns nothing when it is done.
    fn upgrade(&mut self) -> Option<Got> {
        let State::Upgrading(upgrade) = std::mem::replace(&mut *self.state, State::Gone) else { return None };
        match upgrade.handshake() {
            Ok(socket) => {
                *self.state = State::Open(socket);
                None
            }
            Err(HandshakeError::Interrupted(upgrade)) => {
                *self.state = State::Upgrading(upgrade);
                Some(Got::Nothing)
            }
            Err(HandshakeError::Failure(error)) => Some(Got::Over(format!("no WebSocket: {error}"))),
        }
    }

    /// Puts a frame behind those that wait.
    pub(super) fn send(&mut self, frame: Vec<u8>) {
        if self.is_open() {
            self.queued += frame.len();
            self.queue.push_back(frame);
        }
    }

    /// How many bytes wait.
    pub(super) fn waiting(&self) -> usize {
        self.queued + self.in_flight
    }

    /// Writes what there is, as far as the stream takes it. Fails with why it is over.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        let is_closing = match &mut *self.state {
            State::Open(_) => false,
            State::Closing(_) => true,
            _ => return Ok(()),
        };
        let written = self.write();
        if self.waiting() > MOST_WAITING {
            return Err("it does not read what it gets".to_string());
        }
        match written {
            Ok(()) => self.pongs = 0,
            Err(error) if would_block(&error) => return Ok(()),
            // The other end closed first, and has its answer.
            Err(Error::ConnectionClosed) if is_closing => {}
            Err(error) => return Err(error.to_string()),
        }
        if is_closing && let State::Closing(socket) = std::mem::replace(&mut *self.state, State::Gone) {
            let mut wire = socket.into_inner();
            wire.finish();
            *self.state = State::Draining(wire);
        }
        Ok(())
    }

    /// Fails if not everything is written.
    fn write(&mut self) -> Result<(), Error> {
        let (State::Open(socket) | State::Closing(socket)) = &mut *self.state else { return Ok(()) };
        loop {
            while self.in_flight < BATCH
                && let Some(frame) = self.queue.pop_front()
            {
                self.queued -= frame.len();
                self.in_flight += frame.len();
                // It has it, even if it could not write it.
                socket
                    .write(Message::binary(frame))
                    .or_else(|error| if would_block(&error) { Ok(()) } else { Err(error) })?;
            }
            socket.flush()?;
            self.in_flight = 0;
            if self.queue.is_empty() {
                return Ok(());
            }
        }
    }

    /// Ends it, and says why if it is to be told. Nothing more is taken from it.
    pub(super) fn end(&mut self, refusal: Option<&str>, now: u64) {
        let State::Open(socket) = &mut *self.state else {
            // Who does not speak the language yet cannot be told; who is told already need not be again.
            if matches!(*self.state, State::Upgrading(_)) {
                *self.state = State::Gone;
            }
            return;
        };
        let (code, reason) = match refusal {
            Some(text) => (CloseCode::Policy, shortened(text)),
            None => (CloseCode::Away, "the server stops"),
        };
        // What cannot be written now is when it is flushed; what never can is found out then.
        if let Some(text) = refusal {
            let _ = socket.write(Message::binary(hub::refusal(text)));
        }
        let _ = socket.close(Some(CloseFrame { code, reason: reason.into() }));
        self.begin_closing(now);
    }

    /// Has it end when what it was sent so far is written, or after a while.
    fn begin_closing(&mut self, now: u64) {
        self.due_ms = now + LINGER_MS;
        self.queue.clear();
        self.queued = 0;
        if let State::Open(socket) = std::mem::replace(&mut *self.state, State::Gone) {
            *self.state = State::Closing(socket);
        }
    }

    /// Does what time brings. Fails with what it is to be told, or why it is over.
    pub(super) fn look(&mut self, now: u64) -> Result<(), Got> {
        match &mut *self.state {
            State::Open(_) if self.joined && now >= self.expires_ms => Err(Got::Fault(EXPIRED.to_string())),
            State::Open(_) if self.joined && now.saturating_sub(self.heard_ms) >= SILENCE_MS => {
                Err(Got::Over("nothing was heard of it".to_string()))
            }
            State::Open(socket) if self.joined => {
                if now.saturating_sub(self.pinged_ms) >= PING_MS {
                    self.pinged_ms = now;
                    // What goes wrong shows when it is flushed.
                    let _ = socket.write(Message::Ping(Bytes::new()));
                }
                Ok(())
            }
            State::Open(_) if now >= self.due_ms => Err(Got::Fault("no HELLO came in time".to_string())),
            State::Open(_) => Ok(()),
            State::Upgrading(_) if now >= self.due_ms => Err(Got::Over("no WebSocket in time".to_string())),
            State::Closing(_) | State::Draining(_) if now >= self.due_ms => Err(Got::Over("closed".to_string())),
            State::Gone => Err(Got::Over("closed".to_string())),
            _ => Ok(()),
        }
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

/// What an error of reading means.
fn fault(error: &Error) -> Got {
    match error {
        error if would_block(error) => Got::Nothing,
        Error::Capacity(_) => Got::Fault("the message is too long".to_string()),
        Error::Utf8(_) => Got::Fault("text messages are not understood".to_string()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Got::Over("gone without a word".to_string()),
        Error::Protocol(error) => Got::Fault(error.to_string()),
        error => Got::Over(error.to_string()),
    }
}

/// As much of `text` as fits into a close frame.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_REASON)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::net::TcpStream;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
    use rustls_pki_types::PrivateKeyDer;
    use std::io::Write;
    use std::sync::Arc;
    use std::time::Duration;
    use tungstenite::handshake::client::generate_key;

    /// A page's end that goes through the upgrade while the other end does.
    type Page = std::thread::JoinHandle<WebSocket<Box<dyn ReadWrite>>>;
    trait ReadWrite: Read + Write + Send {}
    impl<S: Read + Write + Send> ReadWrite for S {}

    /// Both ends of TLS.
    fn tls() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(ring.clone()).with_safe_default_protocol_versions().unwrap();
        let server = server.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        (Arc::new(server), Arc::new(client.with_root_certificates(roots).with_no_client_auth()))
    }

    /// A connection, and the page at its other end, which is let in.
    fn pair(encrypts: bool) -> (Peer, WebSocket<Box<dyn ReadWrite>>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, address) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let configs = encrypts.then(tls);
        let wire = Wire::new(TcpStream::from_std(server), configs.as_ref().map(|(server, _)| server)).unwrap();
        let page: Page = std::thread::spawn(move || {
            let stream: Box<dyn ReadWrite> = match configs {
                None => Box::new(client),
                Some((_, config)) => {
                    let tls = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
                    Box::new(StreamOwned::new(tls, client))
                }
            };
            let request = tungstenite::http::Request::builder()
                .uri("ws://localhost/")
                .header("Host", "localhost")
                .header("Connection", "Upgrade")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", generate_key())
                .body(())
                .unwrap();
            tungstenite::client(request, stream).unwrap().0
        });
        let mut peer = Peer::new(wire, address, Gate([].into()), 0, u64::MAX);
        while !peer.is_open() {
            assert!(matches!(turn(&mut peer, 0), Got::Nothing));
            std::thread::sleep(Duration::from_millis(1));
        }
        peer.join(u64::MAX, 1 << 20, 0);
        (peer, page.join().unwrap())
    }

    /// One turn of the loop at `now`.
    fn turn(peer: &mut Peer, now: u64) -> Got {
        peer.begin_turn(now);
        let got = peer.read(now);
        peer.end_turn(now);
        got
    }

    fn frame(n: usize) -> Vec<u8> {
        vec![n as u8; 1 + n * 7919 % 300_000]
    }

    #[test]
    fn frames_arrive_whole_and_in_order_however_slowly_they_are_read() {
        for encrypts in [false, true] {
            let (mut peer, mut page) = pair(encrypts);
            (0..200).for_each(|n| peer.send(frame(n)));
            let all: usize = (0..200).map(|n| frame(n).len()).sum();
            assert_eq!(peer.waiting(), all);
            peer.flush().unwrap();
            // The system does not take that much from who does not read.
            assert!(peer.waiting() > 0 && peer.waiting() < all, "{}", peer.waiting());
            let reader = std::thread::spawn(move || {
                (0..200).for_each(|n| assert_eq!(page.read().unwrap(), Message::binary(frame(n))));
                page
            });
            while peer.waiting() > 0 {
                peer.flush().unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
            let mut page = reader.join().unwrap();
            peer.end(Some("enough"), 0);
            peer.flush().unwrap();
            assert_eq!(page.read().unwrap(), Message::binary(hub::refusal("enough")));
            assert!(matches!(page.read().unwrap(), Message::Close(Some(frame)) if frame.reason == "enough"));
        }
    }

    #[test]
    fn who_does_not_read_is_ended_before_it_fills_the_memory() {
        let (mut peer, _page) = pair(false);
        let mut sent = 0;
        let why = loop {
            peer.send(vec![0; 1 << 20]);
            sent += 1;
            assert!(sent < 100);
            if let Err(why) = peer.flush() {
                break why;
            }
        };
        assert_eq!(why, "it does not read what it gets");
        assert!(sent > 64);
    }

    #[test]
    fn who_sends_too_much_is_not_read_until_it_has_waited() {
        for encrypts in [false, true] {
            let (mut peer, mut page) = pair(encrypts);
            let message = vec![7; 1 << 20];
            let sender = std::thread::spawn(move || {
                (0..40).for_each(|_| page.send(Message::binary(message.clone())).unwrap());
                page
            });
            let (mut now, mut got, mut stood) = (0, 0, 0);
            while got < 40 {
                match turn(&mut peer, now) {
                    Got::Message(bytes) => (got, stood) = (got + usize::from(bytes.len() == 1 << 20), 0),
                    Got::Nothing => stood += 1,
                    _ => panic!("it is still there"),
                }
                // Time stands still until nothing more is read.
                if stood == 200 {
                    assert!(now > 0 || (28..33).contains(&got), "{got}");
                    (now, stood) = (now + 100, 0);
                }
                std::thread::sleep(Duration::from_millis(u64::from(stood > 0)));
            }
            // Eight of forty did not fit into what is saved up, at eight a second.
            assert!(now >= 800, "{now}");
            sender.join().unwrap();
        }
    }

    #[test]
    fn silence_is_asked_about_and_then_taken_for_an_end() {
        let (mut peer, mut page) = pair(false);
        assert!(peer.look(PING_MS - 1).is_ok());
        assert!(peer.look(PING_MS).is_ok());
        peer.flush().unwrap();
        assert!(matches!(page.read().unwrap(), Message::Ping(_)));
        page.flush().unwrap();
        while peer.heard_ms < PING_MS + 5 {
            assert!(matches!(turn(&mut peer, PING_MS + 5), Got::Nothing));
        }
        assert!(peer.look(PING_MS + SILENCE_MS).is_ok());
        assert!(matches!(peer.look(PING_MS + 5 + SILENCE_MS), Err(Got::Over(_))));
    }

    #[test]
    fn reasons_fit_into_a_close_frame() {
        assert_eq!(shortened("short"), "short");
        let long = "ä".repeat(100);
        assert_eq!(shortened(&long), "ä".repeat(61));
    }
}
