//! Waiting: sessions blocked on keys, served in the order they came when a key is ready.

use super::error::Outcome;
use super::keyspace::Keyspace;
use super::session::{Session, SessionId, Wait, Watched};
use super::{Ctx, Engine};

impl Engine {
    /// Puts `me` in the queue of every key it waits for.
    pub(super) fn start_waiting(&mut self, me: &mut Session, wait: Wait) {
        let place = me.place;
        self.ks.in_db(wait.db, |ks| {
            for key in &wait.keys {
                ks.here_mut().blocked.entry(key.clone()).or_default().push(place);
            }
        });
        self.server.blocked += 1;
        me.wait = Some(wait);
    }

    /// Takes `me` out of every queue.
    pub(super) fn stop_waiting(&mut self, me: &mut Session) -> Option<Wait> {
        let wait = me.wait.take()?;
        self.ks.in_db(wait.db, |ks| {
            for key in &wait.keys {
                let blocked = &mut ks.here_mut().blocked;
                if let Some(queue) = blocked.get_mut(key) {
                    queue.retain(|id| *id != me.place);
                    if queue.is_empty() {
                        blocked.remove(key);
                    }
                }
            }
        });
        self.server.blocked -= 1;
        Some(wait)
    }

    /// Ends the wait of session `id` with `reply`, for timeouts and `CLIENT UNBLOCK`. Returns whether it waited.
    pub fn end_wait(&mut self, id: SessionId, reply: Outcome) -> bool {
        let Some(mut session) = self.sessions.take(id) else { return false };
        let waited = self.stop_waiting(&mut session).is_some();
        if waited {
            match reply {
                Ok(()) => session.out.null_array(),
                Err(error) => session.out.error(&error),
            }
            self.sessions.wake(id);
        }
        self.sessions.put(session);
        waited
    }

    pub(super) fn end_overdue_waits(&mut self) {
        let now = self.ks.now;
        let mut over: Vec<(u64, SessionId)> = self
            .sessions
            .iter()
            .filter_map(|s| s.wait.as_ref().map(|wait| (wait.deadline, s.place)))
            .filter(|(deadline, _)| *deadline > 0 && *deadline <= now)
            .collect();
        over.sort_unstable();
        for (_, id) in over {
            self.end_wait(id, Ok(()));
        }
    }

    /// Runs the commands of waiting sessions whose keys are ready: keys in the order they became ready, sessions of a key in the
    /// order they came. What one session does can make further keys ready.
    pub(super) fn serve_waiting(&mut self) {
        while !self.ks.ready.is_empty() {
            let mut seen: Vec<(usize, Vec<u8>)> = Vec::new();
            for ready in std::mem::take(&mut self.ks.ready) {
                if !seen.contains(&ready) {
                    seen.push(ready);
                }
            }
            for (db, key) in seen {
                let queue = self.ks.in_db(db, |ks| ks.here().blocked.get(&key).cloned().unwrap_or_default());
                for id in queue {
                    self.retry(id, db, &key);
                }
            }
        }
    }

    /// Runs the command of a waiting session again if `key` is what it waits for.
    fn retry(&mut self, id: SessionId, db: usize, key: &[u8]) {
        let Some(mut me) = self.sessions.take(id) else { return };
        let wanted = me.wait.as_ref().is_some_and(|wait| {
            let kind = self.ks.in_db(db, |ks| ks.kind(key));
            kind == Some(wait.kind) || wait.on_missing
        });
        if !wanted {
            return self.sessions.put(me);
        }
        let wait = me.wait.clone().expect("it is wanted, so it waits");
        let argv: Vec<&[u8]> = wait.argv.iter().map(Vec::as_slice).collect();
        let mut again = None;
        self.turn(&mut me, |engine, me, out| {
            let row_id = me.last.expect("it waits because of a command");
            let mut c = Ctx {
                argv: &argv,
                row: engine.server.table.slot(row_id).row,
                row_id,
                out,
                ks: &mut engine.ks,
                me,
                sessions: &mut engine.sessions,
                pubsub: &mut engine.pubsub,
                server: &mut engine.server,
                nested: false,
                wait: None,
            };
            again = c.run().0;
        });
        if again.is_none() {
            self.stop_waiting(&mut me);
            self.sessions.wake(id);
        }
        self.sessions.put(me);
    }
}

/// WATCH.
impl Keyspace {
    /// Makes `session` watch `key` of the selected database.
    pub fn watch(&mut self, session: &mut Session, key: &[u8]) {
        let db = self.db();
        if session.watching.iter().any(|w| w.db == db && w.key == key) {
            return;
        }
        let there = self.here().data.dict.contains(key);
        let expired = there && self.see_entry(key).is_none();
        self.here_mut().watched.entry(key.to_vec()).or_default().push(session.place);
        session.watching.push(Watched { db, key: key.to_vec(), expired });
    }

    /// Makes `session` watch nothing.
    pub fn unwatch(&mut self, session: &mut Session) {
        for watched in std::mem::take(&mut session.watching) {
            self.in_db(watched.db, |ks| {
                let map = &mut ks.here_mut().watched;
                if let Some(list) = map.get_mut(&watched.key) {
                    list.retain(|id| *id != session.place);
                    if list.is_empty() {
                        map.remove(&watched.key);
                    }
                }
            });
        }
        session.dirty_cas = false;
    }

    /// Whether a key that `session` watches has become due since.
    pub fn watched_expired(&mut self, session: &Session) -> bool {
        session.watching.iter().any(|w| {
            !w.expired && self.in_db(w.db, |ks| ks.here().data.dict.contains(&w.key) && ks.see_entry(&w.key).is_none())
        })
    }
}
