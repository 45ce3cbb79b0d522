//! An engine under random load: clients, transactions, waits, short lives, and a clock that goes on. Who follows it gets effects.

use super::engine::EnginePeer;
use super::peer::Peer;
use super::words::{self, Times, Vocabulary};
use tabdis::base::rng::Rng;
use tabdis::engine::row::Slot;

const CLIENTS: usize = 6;

/// The engine and its clients.
pub struct Leader {
    /// The engine; take what followers need from its `effects`.
    pub peer: EnginePeer,
    /// How many commands it was sent.
    pub commands: u64,
    /// Only commands whose effects 7.0 understands too.
    pub known_to_all: bool,
    rng: Rng,
    vocabulary: Vocabulary,
    queueing: [bool; CLIENTS],
}

impl Leader {
    /// Returns a leader at `now`, ms since the epoch, whose clients send commands that `wanted` allows.
    pub fn new(seed: u64, now: u64, wanted: impl Fn(&Slot) -> bool) -> Self {
        let mut peer = EnginePeer::at(seed, now);
        peer.record();
        let mut vocabulary = Vocabulary::new(|slot| Vocabulary::is_data(slot) && wanted(slot));
        vocabulary.times = Times::Near(now);
        Leader { peer, commands: 0, known_to_all: false, rng: Rng::new(seed), vocabulary, queueing: [false; CLIENTS] }
    }

    /// Some clients send some commands, and some time passes.
    pub fn work(&mut self, commands: u64) {
        for _ in 0..commands {
            let client = self.rng.below(CLIENTS);
            if self.peer.waits(client) {
                if self.rng.below(30) == 0 {
                    self.peer.close(client);
                }
                continue;
            }
            let argv = self.command(client);
            self.peer.send(client, &argv);
            self.peer.arrived(client);
            let id = self.peer.session(client);
            self.queueing[client] = self.peer.engine.sessions.get(id).is_some_and(|session| session.multi.is_some());
            self.commands += 1;
            if self.rng.below(8) == 0 {
                let later = self.peer.now + self.rng.below(120) as u64;
                // A host is late at times: then what is due is met by commands.
                if self.rng.below(4) == 0 {
                    self.peer.now = later
                } else {
                    self.peer.advance(later)
                }
                self.vocabulary.times = Times::Near(self.peer.now);
            }
        }
        // Replies of those who waited are not looked at.
        (0..CLIENTS).for_each(|client| drop(self.peer.arrived(client)));
    }

    fn command(&mut self, client: usize) -> Vec<Vec<u8>> {
        let queueing = self.queueing[client];
        let session = words::of_a_session(&mut self.rng, queueing);
        let mut argv = session.unwrap_or_else(|| self.vocabulary.command(&mut self.rng));
        while self.known_to_all && words::is_newer(&argv) {
            argv = self.vocabulary.command(&mut self.rng);
        }
        // Waits that end by themselves, which only one clock can compare.
        let is_wait = argv.len() > 2 && argv[0].first().is_some_and(|first| first.eq_ignore_ascii_case(&b'b'));
        let is_wait = is_wait && !argv[0].get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"bit"));
        if is_wait && self.rng.below(2) == 0 {
            let at = if words::is_one_of(&argv, &["BLMPOP", "BZMPOP"]) { 1 } else { argv.len() - 1 };
            argv[at] = format!("0.{}", 1 + self.rng.below(300)).into_bytes();
        }
        argv
    }
}
