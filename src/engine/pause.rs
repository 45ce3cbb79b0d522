//! CLIENT PAUSE: commands are held back, and run in the order they came when it is over.

use super::keyspace::{Expiry, Keyspace};
use super::row::{RowId, flag};
use super::session::{Session, SessionId, Wait};
use super::value::Type;
use super::{Ctx, Engine, Server, unit_flags, wait};

/// The pause, if there is one, and who was held back by it.
#[derive(Default)]
pub(super) struct Pause {
    /// When it ends (ms since the epoch), and whether it holds back reads too.
    set: Option<(u64, bool)>,
    /// Due keys were deleted before; while it lasts they are only hidden, so that nothing changes.
    expiry: Option<Expiry>,
    postponed: Vec<SessionId>,
}

impl Pause {
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.set.is_some()
    }

    /// Whether it ended and sessions still wait to be resumed.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        !self.postponed.is_empty() && self.set.is_none()
    }

    /// When it ends.
    pub(super) fn until(&self) -> Option<u64> {
        self.set.map(|(until, _)| until)
    }
}

impl Ctx<'_> {
    /// Holds back commands until `until` (ms since the epoch): all, or only those that may write. An earlier pause that ends later
    /// or is stricter keeps being so.
    pub fn pause(&mut self, until: u64, all: bool) {
        let pause = &mut self.server.pause;
        let (old_until, old_all) = pause.set.unwrap_or_default();
        pause.set = Some((until.max(old_until), all || old_all));
        if self.ks.expiry == Expiry::Deletes {
            pause.expiry = Some(std::mem::replace(&mut self.ks.expiry, Expiry::Hides));
        }
    }

    /// Stops everything for `ms`, as DEBUG SLEEP does, and runs `then` for this session when it is over: nobody is served
    /// meanwhile, this session included. Inside a transaction the host itself sleeps, if it can, and `false` is returned.
    pub fn sleep(&mut self, ms: u64, then: &[&[u8]]) -> bool {
        if self.nested {
            self.server.napped += (self.server.nap)(ms);
            return false;
        }
        self.me.slept = Some((ms, self.argv.iter().map(|arg| arg.to_vec()).collect()));
        self.pause(self.ks.now.saturating_add(ms), true);
        self.wait = Some(held(then, self.me.db));
        self.server.pause.postponed.push(self.me.place);
        true
    }

    /// Ends the pause; who was held back goes on after this command.
    pub fn unpause(&mut self) {
        end(self.server, self.ks);
    }
}

/// What a session that is held back with `argv` waits for: nothing but the end of the pause.
fn held(argv: &[&[u8]], db: usize) -> Wait {
    let argv = argv.iter().map(|arg| arg.to_vec()).collect();
    Wait {
        keys: Vec::new(),
        db,
        kind: Type::String,
        on_missing: false,
        deadline: 0,
        retry_at: 0,
        argv,
        postponed: true,
        acks: None,
        afar: None,
    }
}

fn end(server: &mut Server, ks: &mut Keyspace) {
    server.pause.set = None;
    if let Some(expiry) = server.pause.expiry.take() {
        ks.expiry = expiry;
    }
}

impl Engine {
    /// Whether the pause keeps `me` from running the command now.
    pub(super) fn holds_back(&self, row_id: RowId, me: &Session) -> bool {
        let slot = self.server.table.slot(row_id);
        let writes = unit_flags(&slot.full_name, slot.row, me) & (flag::WRITE | flag::MAY_REPLICATE) != 0;
        !me.replica && self.server.pause.set.is_some_and(|(_, all)| all || writes)
    }

    /// Makes `me` wait with its command for the end of the pause.
    pub(super) fn postpone(&mut self, me: &mut Session, argv: &[&[u8]]) {
        me.wait = Some(held(argv, me.db));
        self.server.blocked += 1;
        self.server.pause.postponed.push(me.place);
    }

    pub(super) fn end_overdue_pause(&mut self) {
        if self.server.pause.until().is_some_and(|until| until <= self.ks.now) {
            end(&mut self.server, &mut self.ks);
        }
    }

    /// Runs what was held back, if the pause is over.
    pub(super) fn resume_postponed(&mut self) {
        while self.server.pause.is_over() {
            for id in std::mem::take(&mut self.server.pause.postponed) {
                self.resume(id);
            }
        }
    }

    fn resume(&mut self, id: SessionId) {
        let Some(mut me) = self.sessions.take(id) else { return };
        // The place may belong to another session by now.
        if !me.wait.as_ref().is_some_and(|wait| wait.postponed) {
            return self.sessions.put(me);
        }
        let held = wait::stop_waiting(&mut self.ks, &mut self.server, &mut me).expect("it waits, checked above");
        let argv: Vec<&[u8]> = held.argv.iter().map(Vec::as_slice).collect();
        self.turn(&mut me, |engine, me, out| {
            if let Some(row) = engine.server.table.find(argv[0]) {
                engine.dispatch(row, &argv, me, out);
            }
        });
        self.sessions.wake(id);
        self.sessions.put(me);
    }
}
