//! The side of a follower that has things done by the leader: what it has asked for, and what it was answered.

use super::message::Message;
use super::node::{Node, Role};
use crate::engine::forward::Forward;
use crate::engine::{Engine, Error};
use std::collections::BTreeMap;

/// How many requests are under way at once; more wait here.
const UNDER_WAY: usize = 1024;

/// What was asked for and not answered.
#[derive(Default)]
pub(super) struct Client {
    requests: BTreeMap<u64, Pending>,
    /// Bytes of them.
    bytes: usize,
    /// All up to this one were sent to the present leader.
    sent: u64,
    /// Answers that came before the changes they are about.
    early: Vec<(u64, u64, u64, Vec<u8>)>,
    /// Every answer is to wait until what it is about is stored.
    pub(super) wait: bool,
}

struct Pending {
    forward: Forward,
    since: u64,
    /// When it is sent again, should no answer have come, and how long it is waited then.
    again: u64,
    pause: u64,
}

impl Client {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The present leader knows of none of them.
    pub(super) fn begin_anew(&mut self) {
        self.sent = 0;
    }

    /// Keeps a request that is to be sent to whoever leads next.
    pub(super) fn keep(&mut self, forward: Forward, now: u64) {
        self.bytes += forward.size();
        let pending = Pending { since: now, again: now + AGAIN, pause: AGAIN, forward };
        self.requests.insert(pending.forward.serial, pending);
    }

    fn remove(&mut self, serial: u64) -> Option<Pending> {
        let pending = self.requests.remove(&serial)?;
        self.bytes -= pending.forward.size();
        Some(pending)
    }

    fn oldest(&self) -> u64 {
        self.requests.first_key_value().map_or(u64::MAX >> 3, |(serial, _)| *serial)
    }

    /// Takes all that is not answered.
    pub(super) fn take_all(&mut self) -> (u64, Vec<Forward>) {
        let oldest = self.oldest();
        self.bytes = 0;
        (oldest, std::mem::take(&mut self.requests).into_values().map(|pending| pending.forward).collect())
    }
}

/// How long a request waits before it is sent again to a leader that is there, ms.
const AGAIN: u64 = 2_000;
const AGAIN_AT_MOST: u64 = 4_000;

impl Node {
    /// Has answers wait until what they are about is stored.
    pub fn wait_until_stored(&mut self, wait: bool) {
        self.client.wait = wait;
    }

    /// Sends what sessions have asked for since the last time.
    pub(super) fn send_requests(&mut self, engine: &mut Engine, now: u64) {
        let afar = &mut engine.server.afar;
        let (fresh, abandoned) = (std::mem::take(&mut afar.fresh), std::mem::take(&mut afar.abandoned));
        let owners = std::mem::take(&mut engine.ks.unwatched_afar);
        for forward in fresh {
            // Whoever waited may have gone before it was ever sent.
            if abandoned.contains(&forward.serial) {
                continue;
            }
            if self.client.bytes + forward.size() > self.options.most_waiting {
                engine.refuse_answers(&[forward.serial], &Error::NoLeaderRoom);
                continue;
            }
            self.client.keep(forward, now);
        }
        let serials: Vec<u64> = abandoned.into_iter().filter(|serial| self.client.remove(*serial).is_some()).collect();
        let Role::Following(follower) = &self.role else { return };
        let (leader, term) = (follower.leader.clone(), self.promised);
        if !(serials.is_empty() && owners.is_empty()) {
            self.say(&leader, &Message::Cancel { serials, owners });
        }
        let (oldest, wait) = (self.client.oldest(), self.client.wait);
        let limit = self.client.requests.keys().nth(UNDER_WAY).copied().unwrap_or(u64::MAX);
        let due: Vec<Forward> = match self.client.requests.range(self.client.sent + 1..) {
            range if self.client.sent + 1 < limit => {
                range.take_while(|(serial, _)| **serial < limit).map(|(_, pending)| pending.forward.clone()).collect()
            }
            _ => Vec::new(),
        };
        for forward in due {
            self.client.sent = forward.serial;
            self.say(&leader, &Message::Request { term, oldest, wait, forward });
        }
    }

    /// Sends what the leader misses.
    pub(super) fn send_again(&mut self, from: &str, serial: u64, _now: u64) {
        if matches!(&self.role, Role::Following(follower) if follower.leader == from) {
            self.client.sent = self.client.sent.min(serial.saturating_sub(1));
        }
    }

    /// Sends again what was not answered for long, by a leader that is there.
    pub(super) fn send_old_again(&mut self, now: u64) {
        let mut first = u64::MAX;
        for (serial, pending) in self.client.requests.range_mut(..=self.client.sent) {
            if pending.again <= now {
                pending.pause = (pending.pause * 2).min(AGAIN_AT_MOST);
                pending.again = now + pending.pause;
                first = first.min(*serial);
            }
        }
        self.client.sent = self.client.sent.min(first.saturating_sub(1));
    }

    /// Takes in an answer; it is told when what it is about is here.
    pub(super) fn take_reply(
        &mut self,
        engine: &mut Engine,
        from: &str,
        serial: u64,
        db: u64,
        offset: u64,
        bytes: Vec<u8>,
    ) {
        if matches!(&self.role, Role::Following(follower) if follower.leader == from)
            && self.client.requests.contains_key(&serial)
        {
            self.client.early.push((serial, db, offset, bytes));
            self.tell_answers(engine);
        }
    }

    /// Takes in that something was done, but could not be stored.
    pub(super) fn take_unstored(&mut self, engine: &mut Engine, from: &str, serial: u64) {
        if matches!(&self.role, Role::Following(follower) if follower.leader == from)
            && self.client.remove(serial).is_some()
        {
            engine.refuse_answers(&[serial], &Error::NotStored);
        }
    }

    /// Tells the answers to which everything is here.
    pub(super) fn tell_answers(&mut self, engine: &mut Engine) {
        let here = self.backlog.end();
        if self.client.early.is_empty() || !self.is_up() {
            return;
        }
        for (serial, db, offset, bytes) in std::mem::take(&mut self.client.early) {
            if offset > here {
                self.client.early.push((serial, db, offset, bytes));
            } else if self.client.remove(serial).is_some() {
                engine.answer(serial, &bytes, db as usize, offset);
            }
        }
    }

    /// Answers of another leader are of another history.
    pub(super) fn forget_early_answers(&mut self) {
        self.client.early.clear();
    }

    /// Ends requests for which there is no leader for too long. Returns when to look again.
    pub(super) fn give_up(&mut self, engine: &mut Engine, now: u64) -> u64 {
        if self.client.requests.is_empty() || self.is_up() {
            return u64::MAX;
        }
        let give_up = self.options.give_up;
        let over = self.client.requests.iter().filter(|(_, pending)| pending.since + give_up <= now);
        let serials: Vec<u64> = over.map(|(serial, _)| *serial).collect();
        for serial in &serials {
            self.client.remove(*serial);
        }
        engine.refuse_answers(&serials, &Error::NoLeader);
        let next = self.client.requests.values().map(|pending| pending.since + give_up).min();
        next.unwrap_or(u64::MAX)
    }

    /// The time that requests without a leader have had begins anew: there is one now.
    pub(super) fn renew_requests(&mut self, now: u64) {
        for pending in self.client.requests.values_mut() {
            (pending.since, pending.again, pending.pause) = (now, now + AGAIN, AGAIN);
        }
    }

    /// Whether anything waits for the leader.
    pub(super) fn wants_something(&self) -> bool {
        !self.client.requests.is_empty()
    }
}
