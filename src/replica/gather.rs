//! Coming to lead: asking all others how far they are, and taking over what the furthest one has.

use super::follow::Loading;
use super::message::{ALL, Message};
use super::node::{Node, Role, Want};
use crate::engine::Engine;
use std::collections::BTreeSet;

/// A node that holds the lock and does not lead yet.
pub(super) struct Gathering {
    term: u64,
    /// Who has not answered.
    missing: BTreeSet<String>,
    /// Until when it waits for them, and until when at least: what its last leader has said may still wait to be taken in.
    until: u64,
    since: u64,
    /// The furthest one.
    best: Option<(u64, u64, String)>,
    /// It is being asked for what it has.
    fetching: bool,
    pub(super) loading: Option<Loading>,
    ready: bool,
}

impl Gathering {
    pub(super) fn forget(&mut self, who: &str) {
        self.missing.remove(who);
        if self.best.as_ref().is_some_and(|(_, _, best)| best == who) {
            self.best = None;
        }
    }
}

impl Node {
    /// Begins to lead under `term`, a number that is higher than all before: the host has the lock, and others that are alive are `others`,
    /// those that cannot answer among them. [`Want::Ready`] follows.
    pub fn candidate(&mut self, engine: &mut Engine, term: u64, others: &[String], now: u64) {
        if self.is_leading() {
            self.step_down(engine, now);
        }
        engine.lose_watches();
        self.gone = self.leader().map(str::to_string).or(self.gone.take());
        self.promised = self.promised.max(term);
        let missing = others.iter().filter(|name| **name != self.name).cloned().collect();
        let until = now + self.options.gather;
        let (best, fetching, loading, ready) = (None, false, None, false);
        // Who followed nobody misses nothing that was said.
        let since = now + if self.gone.is_some() { self.options.drain } else { 0 };
        let gathering = Gathering { term, missing, until, since, best, fetching, loading, ready };
        self.role = Role::Gathering(gathering);
        self.say(ALL, &Message::Gather { term });
        self.gather_on(now);
    }

    /// Whether `from` is being asked for what it has.
    pub(super) fn is_gathering_from(&self, from: &str) -> bool {
        matches!(&self.role, Role::Gathering(gathering)
            if gathering.fetching && gathering.best.as_ref().is_some_and(|(_, _, best)| best == from))
    }

    /// Whether `from` led before and is gone, and what it has said then may still come.
    pub(super) fn was_led_by(&self, from: &str) -> bool {
        let open = match &self.role {
            Role::Gathering(gathering) => !gathering.fetching && !gathering.ready,
            Role::Seeking { .. } => true,
            _ => false,
        };
        open && self.gone.as_deref() == Some(from)
    }

    pub(super) fn gathering(&mut self) -> Option<&mut Gathering> {
        match &mut self.role {
            Role::Gathering(gathering) => Some(gathering),
            _ => None,
        }
    }

    /// Somebody wants to lead: says how far this one is, and hears no earlier leader any more.
    pub(super) fn note_gathering(&mut self, engine: &mut Engine, from: &str, term: u64, now: u64) {
        let known = matches!(&self.role, Role::Seeking { .. }) && term == self.promised;
        if term <= self.promised && !known {
            return;
        }
        self.promised = term;
        if self.is_leading() {
            self.step_down(engine, now);
        }
        self.lose_leader(engine, now);
        self.gone = None;
        let offset = self.backlog.end();
        let answer = Message::Position { gather: term, term: self.terms.at(offset), offset };
        self.say(from, &answer);
    }

    pub(super) fn note_position(&mut self, from: &str, gather: u64, term: u64, offset: u64) {
        let now = self.called;
        let Some(gathering) = self.gathering() else { return };
        if gathering.term != gather || gathering.fetching {
            return;
        }
        gathering.missing.remove(from);
        let better = gathering.best.as_ref().is_none_or(|(t, o, _)| (term, offset) > (*t, *o));
        if better {
            gathering.best = Some((term, offset, from.to_string()));
        }
        self.gather_on(now);
    }

    /// Goes on when all have answered, or do not. Returns when to look again.
    pub(super) fn gather_on(&mut self, now: u64) -> u64 {
        let offset = self.backlog.end();
        let term = self.terms.at(offset);
        let gather = self.options.gather;
        let Some(gathering) = self.gathering() else { return u64::MAX };
        if gathering.ready {
            return u64::MAX;
        }
        let over = now >= gathering.until;
        if now < gathering.since {
            return gathering.since;
        }
        if !gathering.fetching && (gathering.missing.is_empty() || over) {
            gathering.best.take_if(|(t, o, _)| (*t, *o) <= (term, offset));
            match &gathering.best {
                None => {
                    gathering.ready = true;
                    self.want(Want::Ready);
                    return u64::MAX;
                }
                Some((_, _, who)) => {
                    let who = who.clone();
                    gathering.fetching = true;
                    gathering.until = now + 10 * gather;
                    self.say(&who, &Message::Sync { term, offset });
                }
            }
        } else if gathering.fetching && gathering.loading.is_none() {
            let done = gathering.best.as_ref().is_none_or(|(_, end, _)| *end <= offset);
            if done || over {
                gathering.ready = true;
                self.want(Want::Ready);
                return u64::MAX;
            }
        } else if over {
            // It goes on without what that one had: it is gone.
            (gathering.loading, gathering.ready) = (None, true);
            self.want(Want::Ready);
        }
        now + gather / 4
    }
}
