//! Publish/subscribe: who listens to what, and how a message reaches them.

use super::reply::Reply;
use super::session::{Session, SessionId, Sessions};
use crate::base::glob;
use crate::base::hash::{Map, Seeded};

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SUBSCRIBE: a channel by its name.
    Channel,
    /// PSUBSCRIBE: all channels that match a pattern.
    Pattern,
    /// SSUBSCRIBE: a shard channel by its name.
    Shard,
}

/// Who listens to what. Listeners of a name are in the order they came.
pub struct PubSub {
    channels: Map<Vec<u8>, Vec<SessionId>>,
    patterns: Map<Vec<u8>, Vec<SessionId>>,
    shards: Map<Vec<u8>, Vec<SessionId>>,
}

impl PubSub {
    pub(super) fn new(seed: u64) -> Self {
        let map = || Map::with_hasher(Seeded(seed));
        PubSub { channels: map(), patterns: map(), shards: map() }
    }

    /// The registry of `kind`.
    pub fn registry(&self, kind: Kind) -> &Map<Vec<u8>, Vec<SessionId>> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn registry_mut(&mut self, kind: Kind) -> &mut Map<Vec<u8>, Vec<SessionId>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    /// Adds `session` to the listeners of `name`. Returns whether it was not one.
    pub fn subscribe(&mut self, session: &mut Session, kind: Kind, name: &[u8]) -> bool {
        let new = names_of(session, kind).insert(name.to_vec());
        if new {
            self.registry_mut(kind).entry(name.to_vec()).or_default().push(session.place);
        }
        new
    }

    /// Removes `session` from the listeners of `name`. Returns whether it was one.
    pub fn unsubscribe(&mut self, session: &mut Session, kind: Kind, name: &[u8]) -> bool {
        if !names_of(session, kind).remove(name) {
            return false;
        }
        let registry = self.registry_mut(kind);
        if let Some(listeners) = registry.get_mut(name) {
            listeners.retain(|id| *id != session.place);
            if listeners.is_empty() {
                registry.remove(name);
            }
        }
        true
    }

    /// Removes `session` from everything.
    pub fn unsubscribe_all(&mut self, session: &mut Session) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for name in names_of(session, kind).clone() {
                self.unsubscribe(session, kind, &name);
            }
        }
    }

    /// Sends `message` to all listeners of `channel` (of the shard channel if `shard`). `me` is the running session, which is
    /// out of `sessions`. Returns how many times it was delivered.
    pub fn publish(
        &self,
        sessions: &mut Sessions,
        me: &mut Session,
        shard: bool,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let mut count = 0;
        let (registry, word) = if shard { (&self.shards, "smessage") } else { (&self.channels, "message") };
        for id in registry.get(channel).into_iter().flatten() {
            deliver(sessions, me, *id, &[word.as_bytes(), channel, message]);
            count += 1;
        }
        if shard {
            return count;
        }
        for (pattern, listeners) in &self.patterns {
            if glob::matches(pattern, channel) {
                for id in listeners {
                    deliver(sessions, me, *id, &[b"pmessage", pattern, channel, message]);
                    count += 1;
                }
            }
        }
        count
    }
}

/// The names `session` listens to.
pub fn names_of(session: &mut Session, kind: Kind) -> &mut std::collections::BTreeSet<Vec<u8>> {
    match kind {
        Kind::Channel => &mut session.channels,
        Kind::Pattern => &mut session.patterns,
        Kind::Shard => &mut session.shards,
    }
}

/// Writes a push of `parts` to session `to`. A push to the running session itself follows its reply (Redis 7.2).
pub(super) fn deliver(sessions: &mut Sessions, me: &mut Session, to: SessionId, parts: &[&[u8]]) {
    let write = |out: &mut Reply| {
        out.push(parts.len());
        parts.iter().for_each(|part| out.bulk(part));
    };
    if to == me.place {
        write(me.later());
    } else if let Some(session) = sessions.get_mut(to)
        && !session.cut
    {
        write(&mut session.out);
        sessions.wake(to);
    }
}
