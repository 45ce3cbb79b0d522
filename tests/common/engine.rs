//! The engine as a [`Peer`]: its clock stands still but for [`Peer::sleep`].

use super::peer::Peer;
use super::{Content, typed, wall_clock_ms};
use std::collections::BTreeMap;
use tabdis::cmd;
use tabdis::engine::acl;
use tabdis::engine::{Engine, Options, Proto, SessionId};
use tabdis::resp::parse::commands;
use tabdis::resp::reply::{Decoder, Value};

/// An engine with numbered clients.
pub struct EnginePeer {
    /// The engine.
    pub engine: Engine,
    /// Its time, ms since the epoch.
    pub now: u64,
    /// Takes every effect as it happens; see [`EnginePeer::record`].
    pub effects: Vec<u8>,
    seed: u64,
    clients: BTreeMap<usize, Client>,
}

struct Client {
    session: SessionId,
    decoder: Decoder,
    bytes: Vec<u8>,
    closed: bool,
}

impl EnginePeer {
    /// Returns an empty engine at the time of the wall clock, so that absolute times mean the same to it and a real server.
    pub fn new(seed: u64) -> Self {
        Self::at(seed, wall_clock_ms())
    }

    /// Returns an empty engine at `now`, ms since the epoch.
    pub fn at(seed: u64, now: u64) -> Self {
        Self::of(Engine::new(cmd::table(), &Options { databases: 16, seed, now }), seed, now)
    }

    /// Returns clients for an engine that is there.
    pub fn of(mut engine: Engine, seed: u64, now: u64) -> Self {
        engine.server.config.enable_debug_command = tabdis::engine::config::Permission::Yes;
        EnginePeer { engine, now, effects: Vec::new(), seed, clients: BTreeMap::new() }
    }

    /// Records effects from here on, in [`EnginePeer::effects`].
    pub fn record(&mut self) {
        self.engine.ks.effects.record(true);
    }

    /// Lets everybody in again who may have been shut out.
    pub fn open_door(&mut self) {
        let user = self.engine.server.acl.user(acl::DEFAULT);
        if !user.is_open() || !user.is_unrestricted() {
            let host = self.engine.open_host("door", self.now);
            let rules = ["ACL", "SETUSER", "default", "reset", "on", "nopass", "+@all", "allkeys", "allchannels"];
            self.engine.call(host, &rules.map(str::as_bytes), self.now);
            self.engine.close(host);
        }
    }

    /// The session of `client`.
    pub fn session(&mut self, client: usize) -> SessionId {
        self.client(client).session
    }

    /// Whether the client's command waits.
    pub fn waits(&mut self, client: usize) -> bool {
        let id = self.session(client);
        self.engine.sessions.get(id).is_some_and(|session| session.wait.is_some())
    }

    /// Closes the client's session; the next use opens another.
    pub fn close(&mut self, client: usize) {
        if let Some(client) = self.clients.remove(&client) {
            self.engine.close(client.session);
        }
    }

    /// Lets the clock go on to `now`, doing what is due on the way at its time.
    pub fn advance(&mut self, now: u64) {
        while let Some(wake) = self.engine.next_wake().filter(|wake| *wake <= now) {
            self.now = self.now.max(wake);
            self.engine.tick(self.now);
            self.collect();
        }
        self.now = self.now.max(now);
    }

    /// Applies effects of another engine. Fails with the first one that was refused.
    pub fn replay(&mut self, effects: &[u8]) -> Result<(), String> {
        let all = commands::<Box<dyn std::error::Error>>(effects, |argv| {
            let said =
                |error| format!("{} was refused: {error}", typed(&argv.iter().map(|a| a.to_vec()).collect::<Vec<_>>()));
            Ok(self.engine.replay(argv).map_err(said)?)
        });
        match all {
            Ok(used) if used == effects.len() => Ok(()),
            Ok(_) => Err("the last effect is cut off".to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// All data.
    pub fn content(&mut self) -> Content {
        super::content(&mut self.engine.ks)
    }

    fn client(&mut self, client: usize) -> &mut Client {
        let (engine, now) = (&mut self.engine, self.now);
        self.clients.entry(client).or_insert_with(|| Client {
            session: engine.open(format!("127.0.0.1:{}", 50_000 + client), Proto::Resp2, now),
            decoder: Decoder::default(),
            bytes: Vec::new(),
            closed: false,
        })
    }

    /// Takes what the engine put out, as a host does after every call.
    fn collect(&mut self) {
        self.effects.append(self.engine.effects());
        self.engine.take_requests();
        self.engine.take_ready();
        for client in self.clients.values_mut() {
            let Some(session) = self.engine.sessions.get_mut(client.session).filter(|_| !client.closed) else {
                continue;
            };
            client.bytes.append(session.out.bytes_mut());
            if session.closing {
                client.closed = true;
                self.engine.close(client.session);
            }
        }
    }
}

impl Peer for EnginePeer {
    fn send(&mut self, client: usize, argv: &[Vec<u8>]) {
        if self.client(client).closed {
            return;
        }
        let session = self.session(client);
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        self.engine.call(session, &argv, self.now);
        self.collect();
    }

    fn arrived(&mut self, client: usize) -> Vec<Value> {
        self.collect();
        let client = self.client(client);
        let mut values = Vec::new();
        while let Some((value, used)) = client.decoder.next(&client.bytes).expect("the engine writes RESP") {
            client.bytes.drain(..used);
            values.push(value);
        }
        assert!(client.bytes.is_empty(), "the engine left half a reply: {:?}", String::from_utf8_lossy(&client.bytes));
        values
    }

    fn is_closed(&mut self, client: usize) -> bool {
        self.client(client).closed
    }

    fn sleep(&mut self, ms: u64) {
        self.advance(self.now + ms);
    }

    fn reset(&mut self) {
        *self = EnginePeer::new(self.seed);
    }
}
