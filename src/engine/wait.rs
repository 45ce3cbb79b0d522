//! Waiting: sessions blocked on keys, served in the order they came when a key is ready.

use super::acl::When;
use super::entry::Entry;
use super::error::Outcome;
use super::keyspace::Keyspace;
use super::pubsub::PubSub;
use super::session::{ReplyMode, Session, SessionId, Sessions, Wait, Watched};
use super::{Ctx, Engine, Server, tracking};

impl Engine {
    /// Puts `me` in the queue of every key it waits for.
    pub(super) fn start_waiting(&mut self, me: &mut Session, wait: Wait) {
        let place = me.place;
        self.ks.in_db(wait.db, |ks| {
            for key in &wait.keys {
                ks.here_mut().blocked.entry(key.clone()).or_default().sessions.push(place);
            }
        });
        self.server.blocked += 1;
        self.server.afar.wants_acks |= wait.acks.is_some();
        self.server.deadlines.extend(wait.alarms().map(|at| (at, place)));
        me.wait = Some(wait);
    }

    /// Ends the wait of session `id` with `reply`, for timeouts. Returns whether it waited.
    pub fn end_wait(&mut self, id: SessionId, reply: Outcome) -> bool {
        end_wait(&mut self.ks, &mut self.server, &mut self.sessions, id, reply)
    }

    /// Ends the waits whose time has come, the earliest first, and runs again the commands that asked for it.
    pub(super) fn end_overdue_waits(&mut self) {
        while let Some((at, id)) = self.server.deadlines.first().copied()
            && at <= self.ks.now
        {
            // Should the session be gone after all, it must not be met for ever.
            self.server.deadlines.remove(&(at, id));
            let wait = self.sessions.get(id).and_then(|session| session.wait.as_ref());
            match wait {
                Some(wait) if wait.deadline == 0 || wait.deadline > at => self.retry(id, |_, _| true),
                _ => _ = self.end_wait(id, Ok(())),
            }
        }
    }

    /// Runs the commands of waiting sessions whose keys are ready: keys in the order they became ready, sessions of a key in the
    /// order they came. What one session does can make further keys ready.
    pub(super) fn serve_waiting(&mut self) {
        while !self.ks.ready.is_empty() {
            for (db, key) in std::mem::take(&mut self.ks.ready) {
                let queue = self.ks.in_db(db, |ks| {
                    let queue = ks.here_mut().blocked.get_mut(&key)?;
                    queue.ready = false;
                    Some(queue.sessions.clone())
                });
                self.drop_if_due(db, &key);
                for id in queue.unwrap_or_default() {
                    self.retry(id, |ks, wait| {
                        let kind = ks.in_db(db, |ks| ks.see_entry(&key).map(Entry::kind));
                        kind == Some(wait.kind) || wait.on_missing
                    });
                }
            }
        }
    }

    /// Deletes `key` if it became due before anybody was served, in a unit of its own.
    fn drop_if_due(&mut self, db: usize, key: &[u8]) {
        self.ks.in_db(db, |ks| ks.exists(key));
        self.end_unit(&mut Session::nobody(self.ks.now));
    }

    /// Runs the command of a waiting session again if that is `wanted`.
    fn retry(&mut self, id: SessionId, wanted: impl FnOnce(&mut Keyspace, &Wait) -> bool) {
        let Some(mut me) = self.sessions.take(id) else { return };
        // One that is to be closed will read no reply: what it took would be lost.
        let wanted = !me.closing && me.wait.as_ref().is_some_and(|wait| wanted(&mut self.ks, wait));
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
            // What the user may do may have changed while it waited.
            match c.me.who.is_guarded().then(|| c.permit(When::Coming)) {
                Some(Err(error)) => {
                    c.server.calls[row_id as usize].rejected += 1;
                    c.server.count_error(&error);
                    c.out.error(&error);
                }
                _ => again = c.run().0,
            }
        });
        match (again, &mut me.wait) {
            (Some(again), Some(wait)) => {
                // It goes on waiting, but may have something else to wake for.
                let deadlines = &mut self.server.deadlines;
                wait.alarms().for_each(|at| _ = deadlines.remove(&(at, id)));
                wait.retry_at = again.retry_at;
                deadlines.extend(wait.alarms().map(|at| (at, id)));
            }
            _ => {
                stop_waiting(&mut self.ks, &mut self.server, &mut me);
                self.sessions.wake(id);
            }
        }
        self.sessions.put(me);
    }
}

impl Wait {
    /// When something is to happen, ms since the epoch.
    fn alarms(&self) -> impl Iterator<Item = u64> + use<> {
        [self.deadline, self.retry_at].into_iter().filter(|at| *at > 0)
    }
}

impl Ctx<'_> {
    /// Ends the wait of session `id` with `reply` (`CLIENT UNBLOCK`). Returns whether it waited.
    pub fn end_wait(&mut self, id: SessionId, reply: Outcome) -> bool {
        end_wait(self.ks, self.server, self.sessions, id, reply)
    }

    /// Cuts another session off: it gets nothing more, and the host is to close it (`CLIENT KILL`).
    pub fn kill(&mut self, id: SessionId) {
        let Some(mut session) = self.sessions.take(id) else { return };
        let_go(self.ks, self.server, self.pubsub, &mut session);
        (session.closing, session.cut) = (true, true);
        self.sessions.put(session);
        self.sessions.wake(id);
    }
}

/// Makes everybody forget `session`: who it waits for, watches, listens to, tracks and monitors.
pub(super) fn let_go(ks: &mut Keyspace, server: &mut Server, pubsub: &mut PubSub, session: &mut Session) {
    stop_waiting(ks, server, session);
    ks.unwatch(session);
    pubsub.unsubscribe_all(session);
    tracking::disable(server, ks, session);
    server.monitors.retain(|id| *id != session.place);
    session.multi = None;
}

/// Takes `session` out of every queue.
pub(super) fn stop_waiting(ks: &mut Keyspace, server: &mut Server, session: &mut Session) -> Option<Wait> {
    let wait = session.wait.take()?;
    if let Some(serial) = wait.afar {
        server.afar.abandon(serial);
        return Some(wait);
    }
    ks.in_db(wait.db, |ks| {
        for key in &wait.keys {
            let blocked = &mut ks.here_mut().blocked;
            if let Some(queue) = blocked.get_mut(key) {
                queue.sessions.retain(|id| *id != session.place);
                if queue.sessions.is_empty() {
                    blocked.remove(key);
                }
            }
        }
    });
    server.blocked -= 1;
    wait.alarms().for_each(|at| _ = server.deadlines.remove(&(at, session.place)));
    Some(wait)
}

fn end_wait(ks: &mut Keyspace, server: &mut Server, sessions: &mut Sessions, id: SessionId, reply: Outcome) -> bool {
    let Some(mut session) = sessions.take(id) else { return false };
    let wait = stop_waiting(ks, server, &mut session);
    let waited = wait.is_some();
    if let Some(wait) = wait {
        // While it waited the command was not counted.
        let row = session.last.expect("it waited because of a command");
        server.calls[row as usize].calls += 1;
        if let Err(error) = &reply {
            server.calls[row as usize].failed += 1;
            server.count_error(error);
        }
        match reply {
            _ if session.reply_mode == ReplyMode::Off => {}
            Ok(()) => match wait.acks {
                Some(acks) => answer_acks(&mut session, server, acks.offset),
                None => session.out.null_array(),
            },
            Err(error) => session.out.error(&error),
        }
        sessions.wake(id);
    }
    sessions.put(session);
    waited
}

/// Tells a session that waited who has everything up to `offset`: WAIT, how many followers; WAITAOF, whether the log here, and that
/// no follower says what it has on disk.
fn answer_acks(session: &mut Session, server: &Server, offset: u64) {
    let row = session.last.map(|row| server.table.slot(row).row.name);
    if row == Some("WAITAOF") {
        session.out.array(2);
        session.out.int(i64::from(server.aof.enabled && server.aof.synced >= offset));
        return session.out.int(0);
    }
    session.out.int(server.followers_at(offset) as i64);
}

/// WATCH.
impl Keyspace {
    /// Makes `session` watch `key` of the selected database.
    pub fn watch(&mut self, session: &mut Session, key: &[u8]) {
        let db = self.db();
        if session.watching.iter().any(|w| w.db == db && w.key == key) {
            return;
        }
        // A due key goes before it is watched, so that its going is no change; where due keys are only hidden, say so.
        let live = self.exists(key);
        let expired = !live && self.here().data.dict.contains(key);
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
        if std::mem::take(&mut session.watches_afar) {
            self.unwatched_afar.push(session.id);
        }
    }

    /// Whether a key that `session` watches has become due since.
    pub fn watched_expired(&mut self, session: &Session) -> bool {
        session.watching.iter().any(|w| {
            !w.expired && self.in_db(w.db, |ks| ks.here().data.dict.contains(&w.key) && ks.see_entry(&w.key).is_none())
        })
    }
}
