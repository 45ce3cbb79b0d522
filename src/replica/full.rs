//! Giving a node everything anew: a snapshot of one instant, in pieces, while commands go on; what is changed meanwhile follows in the
//! feed. And taking it in.

use super::follow::Loading;
use super::message::Message;
use super::node::{Node, Role};
use super::terms::Terms;
use crate::engine::Engine;
use crate::engine::snapshot::Sink;
use crate::rdb::{self, LoadOptions, Reader, Writer};
use std::collections::VecDeque;

/// Bytes of a piece, and how many may be on their way.
const PIECE: usize = 64 << 10;
const WINDOW: u64 = 8;
/// How much is done at once, in what [`Keyspace::snapshot_step`](crate::engine::Keyspace::snapshot_step) counts.
const SLICE: usize = 256 << 10;
/// A node that takes no piece for so long is gone, ms.
const GONE: u64 = 10_000;

/// Those who wait for everything, and the one who gets it.
#[derive(Default)]
pub(super) struct Full {
    waiting: VecDeque<String>,
    giving: Option<Giving>,
}

struct Giving {
    to: String,
    number: u64,
    /// Bytes in no piece yet.
    bytes: Vec<u8>,
    complete: bool,
    /// Pieces sent, and those that have come.
    sent: u64,
    got: u64,
    heard: u64,
}

impl Giving {
    /// Ends its snapshot, so that others can be taken.
    fn end(self, engine: &mut Engine) {
        if engine.ks.is_taking(self.number) {
            engine.ks.snapshot_end();
        }
    }
}

impl Full {
    /// Puts `who` in the queue. Whoever gets everything already and asks again has not got it.
    pub(super) fn ask(&mut self, engine: &mut Engine, who: &str) {
        self.forget(engine, who);
        self.waiting.push_back(who.to_string());
    }

    /// Gives nobody anything any more.
    pub(super) fn end(&mut self, engine: &mut Engine) {
        self.waiting.clear();
        if let Some(giving) = self.giving.take() {
            giving.end(engine);
        }
    }

    pub(super) fn got(&mut self, from: &str, number: u64, n: u64) {
        if let Some(giving) = self.giving.as_mut().filter(|giving| giving.to == from && giving.number == number) {
            giving.got = n.clamp(giving.got, giving.sent);
            giving.heard = 0;
        }
    }

    /// Forgets somebody who is gone.
    pub(super) fn forget(&mut self, engine: &mut Engine, who: &str) {
        self.waiting.retain(|name| name != who);
        if let Some(giving) = self.giving.take_if(|giving| giving.to == who) {
            giving.end(engine);
        }
    }

    /// The first who waits, when nobody is being given anything and a snapshot can be begun: one is taken at a time, also for a file
    /// or the store.
    pub(super) fn next(&mut self, engine: &Engine) -> Option<String> {
        if self.giving.is_some() || engine.ks.snapshot_running() {
            return None;
        }
        self.waiting.pop_front()
    }

    /// Begins to give `to` what `sink` writes. Returns its number.
    pub(super) fn begin(&mut self, engine: &mut Engine, to: &str, sink: Box<dyn Sink>, now: u64) -> u64 {
        let number = engine.ks.snapshot_begin(sink);
        let (to, bytes, complete) = (to.to_string(), Vec::new(), false);
        self.giving = Some(Giving { to, number, bytes, complete, sent: 0, got: 0, heard: now });
        number
    }

    /// The next pieces, for whom they are, and when to be called again.
    pub(super) fn pieces(&mut self, engine: &mut Engine, now: u64) -> (String, Vec<Message>, u64) {
        let nothing = |next| (String::new(), Vec::new(), next);
        let Some(giving) = &mut self.giving else {
            return nothing(if self.waiting.is_empty() { u64::MAX } else { now + 20 });
        };
        let to = giving.to.clone();
        if !giving.complete && !engine.ks.is_taking(giving.number) && engine.ks.snapshot_left() == 0 {
            // Another snapshot has taken its place, or all data was replaced: from the beginning.
            self.ask(engine, &to);
            return nothing(now);
        }
        if giving.heard == 0 {
            giving.heard = now;
        } else if now.saturating_sub(giving.heard) > GONE {
            self.forget(engine, &to);
            return nothing(now);
        }
        let mut pieces = Vec::new();
        while giving.sent < giving.got + WINDOW {
            if giving.bytes.len() < PIECE && !giving.complete {
                giving.complete = !engine.ks.snapshot_step(SLICE);
                giving.bytes.extend_from_slice(&engine.ks.snapshot_take());
                if !giving.complete && giving.bytes.len() < PIECE {
                    break;
                }
            }
            let rest = giving.bytes.split_off(giving.bytes.len().min(PIECE));
            let bytes = std::mem::replace(&mut giving.bytes, rest);
            let last = giving.complete && giving.bytes.is_empty();
            pieces.push(Message::Piece { number: giving.number, n: giving.sent, last, bytes });
            giving.sent += 1;
            if last {
                break;
            }
        }
        let all_sent = giving.complete && giving.bytes.is_empty();
        let waits = giving.sent >= giving.got + WINDOW;
        if all_sent {
            self.giving = None;
        }
        (to, pieces, if waits || (all_sent && self.waiting.is_empty()) { now + 200 } else { now })
    }
}

impl Node {
    /// Goes on with giving. Returns when to be called again.
    pub(super) fn give_pieces(&mut self, engine: &mut Engine, now: u64) -> u64 {
        if let Some(to) = self.full.next(engine) {
            if self.is_leading() {
                self.feed(engine);
                // Whoever reads the feed from here on has selected no database.
                engine.ks.effects.restart();
            }
            let writer = Writer::new(&mut engine.ks, rdb::Options { now, ..rdb::Options::default() });
            let number = self.full.begin(engine, &to, Box::new(writer), now);
            let (offset, terms) = (engine.ks.effects.offset(), self.terms.clone());
            self.say(&to, &Message::Full { number, offset, terms });
        }
        let (to, pieces, next) = self.full.pieces(engine, now);
        for piece in pieces {
            self.say(&to, &piece);
        }
        next
    }

    fn loading(&mut self, from: &str) -> Option<&mut Option<Loading>> {
        if self.is_gathering_from(from) {
            return self.gathering().map(|gathering| &mut gathering.loading);
        }
        self.follower(from).map(|follower| &mut follower.loading)
    }

    pub(super) fn begin_loading(
        &mut self,
        engine: &mut Engine,
        from: &str,
        number: u64,
        offset: u64,
        terms: Terms,
        now: u64,
    ) {
        let Some(loading) = self.loading(from) else { return };
        let reader = Reader::new(LoadOptions { now, keep_due: true, ..LoadOptions::default() });
        let ks = engine.ks.beside();
        *loading = Some(Loading { number, next: 0, offset, terms, ks, reader, behind: Vec::new(), heard: now });
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a message")]
    pub(super) fn load(
        &mut self,
        engine: &mut Engine,
        from: &str,
        number: u64,
        n: u64,
        last: bool,
        bytes: &[u8],
        now: u64,
    ) {
        let Some(slot) = self.loading(from) else { return };
        let Some(loading) = slot.as_mut().filter(|loading| loading.number == number && loading.next == n) else {
            return;
        };
        loading.heard = now;
        if loading.reader.push(&mut loading.ks, bytes).is_err() {
            *slot = None;
            return self.sync(now);
        }
        loading.next += 1;
        let got = loading.next;
        if !last {
            return self.say(from, &Message::Got { number, n: got });
        }
        let Some(loading) = slot.take() else { return };
        let Loading { offset, terms, ks, reader, behind, .. } = loading;
        if reader.finish().is_err() {
            return self.sync(now);
        }
        engine.take_over(ks, now);
        engine.effects().clear();
        engine.ks.effects.set_offset(offset);
        self.replaced(engine, terms);
        if let Some(follower) = self.follower(from) {
            follower.continues = true;
        }
        self.apply(engine, &behind, now);
        self.tell_answers(engine);
        if matches!(self.role, Role::Following(_)) {
            self.acknowledge(engine, now);
        }
    }
}
