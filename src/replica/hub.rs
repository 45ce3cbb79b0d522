//! A stub of what followers at the other ends of connections are served by: it lets everybody in and has nothing to say to them.

use crate::engine::Engine;
use crate::resp::encode::command;
use crate::resp::parse::Parser;
use std::collections::BTreeSet;

/// The word every message begins with.
const WORD: &[u8] = b"tabdis";

/// Those who have joined.
pub struct Hub {
    joined: BTreeSet<usize>,
    ended: Vec<(usize, String)>,
}

impl Hub {
    /// The hub of a server that began `term`.
    pub fn new(_engine: &Engine, _term: u64) -> Hub {
        Hub { joined: BTreeSet::new(), ended: Vec::new() }
    }

    /// A connection, which the host calls `id`, has shown that it is of the ACL user `user`, and its node is called `name`. Fails with
    /// what it is to be told.
    pub fn join(&mut self, engine: &mut Engine, id: usize, user: &[u8], _name: &str, _now: u64) -> Result<(), String> {
        let Some(who) = engine.server.acl.find(user) else { return Err("there is no such user".to_string()) };
        if !engine.server.acl.user(who).enabled {
            return Err("the user is disabled".to_string());
        }
        self.joined.insert(id);
        Ok(())
    }

    /// Takes in one frame of a connection that has joined. Fails with why the connection has to end.
    pub fn receive(&mut self, _engine: &mut Engine, _id: usize, bytes: &[u8], _now: u64) -> Result<(), String> {
        if bytes.starts_with(b"*") { Ok(()) } else { Err("this is no message".to_string()) }
    }

    /// A connection is gone.
    pub fn leave(&mut self, _engine: &mut Engine, id: usize) {
        self.joined.remove(&id);
    }

    /// Says how many bytes wait to be written on a connection: one that does not read gets nothing more until it does.
    pub fn set_waiting(&mut self, _id: usize, _bytes: usize) {}

    /// What was changed: the next bytes of the feed of effects.
    pub fn push(&mut self, _bytes: &[u8]) {}

    /// Does what follows from what was done since the last time. To be called in every turn of the loop. Returns when it wants to be
    /// called again, ms since the epoch (`u64::MAX`: when something comes).
    pub fn work(&mut self, _engine: &mut Engine, _now: u64) -> u64 {
        u64::MAX
    }

    /// Takes what is to be sent: frames for connections, each one binary message.
    pub fn take_out(&mut self) -> Vec<(usize, Vec<u8>)> {
        Vec::new()
    }

    /// Takes the connections that have to end, with why (their user was changed or deleted…).
    pub fn take_ended(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.ended)
    }
}

/// The first frame of a connection: who it is.
pub struct Hello {
    pub version: u64,
    pub name: String,
    pub token: Vec<u8>,
}

/// Returns the first frame of a connection, or nothing if it is none.
pub fn read_hello(bytes: &[u8]) -> Option<Hello> {
    let mut parser = Parser::trusted();
    let frame = parser.next(bytes).ok()??;
    let whole = frame.consumed == bytes.len();
    let [word, version, b"HELLO", name, b"*", token] = frame.argv()[..] else { return None };
    if !whole || word != WORD {
        return None;
    }
    let version = std::str::from_utf8(version).ok()?.parse().ok()?;
    Some(Hello { version, name: std::str::from_utf8(name).ok()?.to_string(), token: token.to_vec() })
}

/// Returns what a connection is told before it is ended.
pub fn refusal(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    command(&mut out, &[WORD, b"1", b"REFUSED", b"server", b"*", text.as_bytes()]);
    out
}
