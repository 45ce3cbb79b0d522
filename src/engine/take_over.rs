//! Exchanging all data in one step for other data that was loaded aside: what FLUSHALL and loading a file mean to everybody.

use super::session::Session;
use super::{Engine, Keyspace, Options};

impl Engine {
    /// Returns an engine without data and sessions that has the same commands and settings of data, to load something into whose
    /// keyspace may take the place of this one's.
    pub fn beside(&self, now: u64) -> Engine {
        let options = Options { databases: self.ks.db_count(), seed: self.ks.seed, now };
        let mut engine = Engine::new(self.server.table, &options);
        engine.ks = self.ks.beside();
        engine
    }

    /// Exchanges all data and libraries for those of `other`, a keyspace made by [`Keyspace::beside`]. Watchers, trackers and
    /// those who wait are told as if FLUSHALL had run and the keys had come. No effects reproduce it: followers are cut off and
    /// have to begin anew, and a host that keeps a log has to be told ([`Persist::replaced`](crate::persist::Persist::replaced)).
    pub fn take_over(&mut self, other: Keyspace, now: u64) {
        self.ks.now = now;
        self.ks.take_over(other);
        for (id, _) in std::mem::take(&mut self.server.followers) {
            if let Some(session) = self.sessions.get_mut(id) {
                (session.closing, session.cut) = (true, true);
                self.sessions.wake(id);
            }
            self.unfollow(id);
        }
        self.end_unit(&mut Session::nobody(now));
        self.serve_waiting();
    }
}
