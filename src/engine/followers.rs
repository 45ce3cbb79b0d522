//! Followers: sessions that get every effect, say how far they have come, and are waited for.

use super::session::{Session, SessionId, Sessions, Wait};
use super::value::Type;
use super::{Ctx, Engine, Server};

/// What ROLE and INFO tell of a follower.
pub struct Follower {
    /// Its address.
    pub ip: String,
    /// The port it said it listens on.
    pub port: u16,
    /// The offset it has acknowledged.
    pub acknowledged: u64,
}

/// What a session waits for that has changed something.
#[derive(Clone, Copy, Debug)]
pub struct Acks {
    /// The offset behind its changes.
    pub offset: u64,
    /// So many followers have to have them,
    pub followers: usize,
    /// and the log here.
    pub local: bool,
}

impl Ctx<'_> {
    /// Makes this session a follower: it gets every effect from here on.
    pub fn follow(&mut self) {
        self.me.follower = true;
        self.server.followers.push((self.me.place, 0));
        self.ks.effects.restart();
        self.ks.effects.follow(true);
    }

    /// The followers.
    pub fn followers(&self) -> Vec<Follower> {
        let peers = self.server.peers.iter().map(Follower::peer);
        let session = |id: SessionId| if id == self.me.place { Some(&*self.me) } else { self.sessions.get(id) };
        let known = self.server.followers.iter().filter_map(|(id, offset)| Some((session(*id)?, *offset)));
        known.map(|(session, acknowledged)| Follower::of(session, acknowledged)).chain(peers).collect()
    }

    /// How many followers have all that this session changed.
    pub fn followers_with_all(&self) -> usize {
        self.server.followers_at(self.me.write_offset)
    }

    /// Makes the session wait until so many followers, and with `local` the log here, have all that it changed, or until
    /// `timeout_ms` have passed (0: for ever); then it is told who has it.
    pub fn wait_for_acks(&mut self, followers: usize, local: bool, timeout_ms: u64) {
        let deadline = if timeout_ms == 0 { 0 } else { self.ks.now.saturating_add(timeout_ms) };
        self.wait = Some(Wait {
            keys: Vec::new(),
            db: self.ks.db(),
            kind: Type::String,
            on_missing: false,
            deadline,
            retry_at: 0,
            argv: self.argv.iter().map(|arg| arg.to_vec()).collect(),
            postponed: false,
            acks: Some(Acks { offset: self.me.write_offset, followers, local }),
            afar: None,
        });
    }

    /// Notes that this follower has everything up to `offset`, and ends the waits that are over by that. Does nothing if it is
    /// none.
    pub fn acknowledge(&mut self, offset: u64) {
        let place = self.me.place;
        let Some(follower) = self.server.followers.iter_mut().find(|(id, _)| *id == place) else { return };
        follower.1 = follower.1.max(offset);
        let over = self.sessions.waiting_for(self.server, |acks| self.server.is_acknowledged(acks));
        for id in over {
            self.end_wait(id, Ok(()));
        }
    }
}

impl Sessions {
    /// The sessions that wait for acknowledgements of which `which` is true.
    pub(super) fn waiting_for(&self, server: &Server, which: impl Fn(&Acks) -> bool) -> Vec<SessionId> {
        // Asked after every write of the log, and nearly always nobody waits for anything.
        if server.blocked == 0 {
            return Vec::new();
        }
        let waits = |session: &Session| which(&session.wait.as_ref()?.acks?).then_some(session.place);
        self.iter().filter_map(waits).collect()
    }
}

impl Server {
    /// How many followers have everything up to `offset`.
    pub(super) fn followers_at(&self, offset: u64) -> usize {
        let sessions = self.followers.iter().map(|(_, acknowledged)| *acknowledged);
        sessions.chain(self.peers.iter().map(|peer| peer.1)).filter(|acknowledged| *acknowledged >= offset).count()
    }
}

impl Follower {
    fn of(session: &Session, acknowledged: u64) -> Self {
        let ip = session.addr.rsplit_once(':').map_or("", |(ip, _)| ip).to_string();
        Follower { ip, port: session.follower_port, acknowledged }
    }

    fn peer((name, acknowledged): &(String, u64)) -> Self {
        Follower { ip: name.clone(), port: 0, acknowledged: *acknowledged }
    }
}

impl Engine {
    /// Notes that the follower `name`, whom the host feeds, has everything up to `offset`, and ends the waits that are over by that.
    pub fn acknowledge(&mut self, name: &str, offset: u64) {
        match self.server.peers.iter_mut().find(|(peer, _)| peer == name) {
            Some((_, acknowledged)) => *acknowledged = offset.max(*acknowledged),
            None => self.server.peers.push((name.to_string(), offset)),
        }
        let over = self.sessions.waiting_for(&self.server, |acks| self.server.is_acknowledged(acks));
        self.end_all(over, || Ok(()));
    }

    /// Forgets a follower whom the host has fed; all, without a name.
    pub fn forget_follower(&mut self, name: Option<&str>) {
        self.server.peers.retain(|(peer, _)| name.is_some_and(|name| name != peer));
    }

    /// Sends what was put out since `from` to all followers.
    pub(super) fn feed_followers(&mut self, from: usize) {
        let fresh = self.ks.effects.out().split_off(from);
        for (id, _) in &self.server.followers {
            if let Some(session) = self.sessions.get_mut(*id).filter(|session| !session.closing) {
                session.out.raw(&fresh);
                self.sessions.wake(*id);
            }
        }
        if self.ks.effects.is_taken() {
            self.ks.effects.out().extend_from_slice(&fresh);
        }
    }

    /// Forgets a follower that is gone.
    pub(super) fn unfollow(&mut self, id: SessionId) {
        self.server.followers.retain(|(follower, _)| *follower != id);
        if self.server.followers.is_empty() {
            self.ks.effects.follow(false);
        }
    }
}
