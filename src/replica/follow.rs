//! Following: the leader's feed, and whether it is still there.

use super::message::Message;
use super::node::{Node, Role, Want};
use super::terms::Terms;
use crate::engine::Engine;
use crate::engine::Keyspace;
use crate::engine::forward::Leader;
use crate::persist::Mark;
use crate::rdb::Reader;
use crate::resp::parse;

/// What a follower knows of its leader.
pub(super) struct Follower {
    pub(super) leader: String,
    /// It has said that the feed goes on from here.
    pub(super) continues: bool,
    /// When it was heard last; when it was asked, and has not answered since.
    heard: u64,
    asked: Option<u64>,
    pinged: u64,
    /// When it was asked for the feed.
    synced: u64,
    /// Everything is loaded anew.
    pub(super) loading: Option<Loading>,
    /// What it was told that is here, and when.
    acked: u64,
    told: u64,
}

/// How often a leader is told how far a follower is, unless it asks, ms: in tabs all others hear it too.
const ACK_EVERY: u64 = 200;

/// A snapshot on its way in.
pub(super) struct Loading {
    pub(super) number: u64,
    pub(super) next: u64,
    pub(super) offset: u64,
    pub(super) terms: Terms,
    pub(super) ks: Keyspace,
    pub(super) reader: Reader,
    /// The feed behind it.
    pub(super) behind: Vec<u8>,
    pub(super) heard: u64,
}

impl Follower {
    fn new(leader: &str, now: u64) -> Self {
        Follower {
            leader: leader.to_string(),
            continues: false,
            heard: now,
            asked: None,
            pinged: 0,
            synced: 0,
            loading: None,
            acked: 0,
            told: 0,
        }
    }

    /// The time it has for an answer begins anew.
    pub(super) fn renew(&mut self, now: u64) {
        self.asked = self.asked.map(|_| now);
    }

    pub(super) fn is_up(&self) -> bool {
        self.continues && self.loading.is_none()
    }
}

impl Node {
    pub(super) fn follower(&mut self, leader: &str) -> Option<&mut Follower> {
        match &mut self.role {
            Role::Following(follower) if follower.leader == leader => Some(follower),
            _ => None,
        }
    }

    /// Takes note that `from` leads under `term`, if no later one is known.
    pub(super) fn hear_leader(&mut self, engine: &mut Engine, from: &str, term: u64, now: u64) {
        if self.gone.as_deref() == Some(from) && term <= self.promised {
            return;
        }
        if term < self.promised || (term == self.promised && self.is_leading()) {
            return;
        }
        let promised = self.promised;
        if let Some(follower) = self.follower(from).filter(|_| term == promised) {
            follower.heard = now;
            follower.asked = None;
            engine.server.afar.leader.heard_ms = now;
            return;
        }
        if self.is_gathering_from(from) {
            return;
        }
        if self.is_leading() {
            self.step_down(engine, now);
        }
        let same = matches!(&self.role, Role::Following(follower) if follower.leader == from);
        self.promised = term;
        if !same {
            engine.lose_watches();
        }
        self.gone = None;
        self.role = Role::Following(Follower::new(from, now));
        self.client.begin_anew();
        self.forget_early_answers();
        self.renew_requests(now);
        engine.server.afar.leader = Leader { name: from.to_string(), heard_ms: now, ..Leader::default() };
        self.sync(now);
    }

    /// Asks for the feed from here on.
    pub(super) fn sync(&mut self, now: u64) {
        let offset = self.backlog.end();
        let term = self.terms.at(offset).max(self.terms.last());
        let Role::Following(follower) = &mut self.role else { return };
        follower.synced = now;
        let leader = follower.leader.clone();
        self.say(&leader, &Message::Sync { term, offset });
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a message")]
    pub(super) fn note_lead(
        &mut self,
        engine: &mut Engine,
        from: &str,
        term: u64,
        offset: u64,
        replid: String,
        mark: Mark,
        now: u64,
    ) {
        let here = self.backlog.end();
        let promised = self.promised;
        let Some(follower) = self.follower(from).filter(|_| term == promised) else { return };
        let (behind, again) = (follower.is_up() && offset > here, now.saturating_sub(follower.synced) > 200);
        engine.server.replid = replid;
        self.mark = mark;
        if behind && again {
            // What came in between was lost.
            self.sync(now);
        }
    }

    /// The feed goes on from here.
    pub(super) fn note_terms(&mut self, from: &str, terms: Terms) {
        if self.is_gathering_from(from) || self.follower(from).is_some() {
            if let Some(follower) = self.follower(from) {
                follower.continues = true;
                follower.loading = None;
            }
            self.terms = terms;
        }
    }

    pub(super) fn take_feed(
        &mut self,
        engine: &mut Engine,
        from: &str,
        offset: u64,
        mark: Mark,
        bytes: &[u8],
        now: u64,
    ) {
        let here = self.backlog.end();
        let most = self.options.most_waiting;
        let gathering = self.is_gathering_from(from) || self.was_led_by(from);
        if let Some(follower) = self.follower(from) {
            if let Some(loading) = &mut follower.loading {
                let end = loading.offset + loading.behind.len() as u64;
                if offset <= end && offset + bytes.len() as u64 > end && loading.behind.len() < most {
                    loading.behind.extend_from_slice(&bytes[(end - offset) as usize..]);
                }
                return;
            }
            if !follower.continues {
                return;
            }
            if offset > here {
                if now.saturating_sub(follower.synced) > 50 {
                    self.sync(now);
                }
                return;
            }
            self.mark = mark;
        } else if !gathering || offset > here {
            return;
        }
        let skip = (here - offset).min(bytes.len() as u64) as usize;
        self.apply(engine, &bytes[skip..], now);
        self.tell_answers(engine);
    }

    /// Applies a part of the feed: whole units.
    pub(super) fn apply(&mut self, engine: &mut Engine, bytes: &[u8], now: u64) {
        if bytes.is_empty() {
            return;
        }
        let mut parser = parse::Parser::trusted();
        let mut at = 0;
        engine.ks.now = engine.ks.now.max(now);
        while let Ok(Some(frame)) = parser.next(&bytes[at..]) {
            at += frame.consumed;
            // An effect that is refused here was refused nowhere else, or everywhere.
            let _ = engine.replay(&frame.argv());
        }
        self.backlog.push(bytes);
        engine.ks.effects.set_offset(self.backlog.end());
        engine.server.afar.leader.is_up = true;
        if at < bytes.len() {
            self.distrust(now);
        }
    }

    /// What was fed was not whole units: nobody can say what is here now. It is of no history, and has to be had anew.
    fn distrust(&mut self, now: u64) {
        self.terms = Terms::default();
        if let Role::Following(follower) = &mut self.role {
            (follower.continues, follower.loading) = (false, None);
            self.sync(now);
        }
    }

    /// Tells the leader how far it is.
    pub(super) fn acknowledge(&mut self, engine: &mut Engine, now: u64) {
        let (offset, visible) = (engine.ks.effects.offset(), self.visible);
        let Role::Following(follower) = &mut self.role else { return };
        if follower.is_up() {
            (follower.acked, follower.told) = (offset, now);
            let leader = follower.leader.clone();
            self.say(&leader, &Message::Ack { offset, visible });
        }
    }

    /// Looks whether the leader is there. Returns when to look again.
    pub(super) fn watch_leader(&mut self, engine: &mut Engine, now: u64) -> u64 {
        let eager = self.wants_something();
        let options = self.options;
        let (up, here) = (self.is_up(), self.backlog.end());
        let Role::Following(follower) = &mut self.role else { return u64::MAX };
        engine.server.afar.leader.is_up = up;
        engine.server.afar.leader.is_syncing = follower.loading.is_some();
        if follower.asked.is_some_and(|asked| now.saturating_sub(asked) >= options.patience) {
            follower.asked = None;
            self.want(Want::Steal);
            return now + options.patience;
        }
        let silent = now.saturating_sub(follower.heard);
        let after = if eager || !up { options.ask_after } else { options.idle };
        let ping = silent >= after && now.saturating_sub(follower.pinged) >= after / 2;
        let acks = follower.acked != here && now.saturating_sub(follower.told) >= ACK_EVERY;
        let stuck = match &follower.loading {
            Some(loading) => now.saturating_sub(loading.heard) > 4 * options.patience,
            None => !follower.continues && now.saturating_sub(follower.synced) > options.patience / 2,
        };
        if ping {
            follower.pinged = now;
            follower.asked.get_or_insert(now);
            let leader = follower.leader.clone();
            self.say(&leader, &Message::Ping);
        }
        if stuck {
            if let Role::Following(follower) = &mut self.role {
                follower.loading = None;
            }
            self.sync(now);
        }
        if acks || ping {
            self.acknowledge(engine, now);
        }
        if eager && silent < after {
            self.send_old_again(now);
        }
        now + if eager || !up { options.ask_after } else { options.idle / 2 }
    }
}
