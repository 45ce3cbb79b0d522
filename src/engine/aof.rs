//! The log of changes as commands see it: how it stands, and waiting until changes are safe in it. Its keeper is the host, which
//! says so here; commands ask for what they want with a [`Request`](super::Request).

use super::error::{Error, Outcome};
use super::followers::Acks;
use super::session::SessionId;
use super::{Ctx, Engine, Server};

/// How the log stands.
#[derive(Clone, Debug, Default)]
pub struct Aof {
    /// There is a log (`aof_enabled`).
    pub enabled: bool,
    /// Changes up to this offset of [`Effects`](super::effects::Effects) are as safe as they will ever be.
    pub synced: u64,
    /// When the rewrite in progress began, ms since the epoch.
    pub rewriting_since_ms: Option<u64>,
    /// How long the last one took, in seconds; whether it failed; how many were begun; and how many failed in a row.
    pub rewrite_seconds: Option<u64>,
    pub rewrite_failed: bool,
    pub rewrites: u64,
    pub rewrite_failures: u64,
    /// The last write to the log failed, with this reason.
    pub write_failed: Option<String>,
    /// Commands that write are refused for that reason: what they change would not be kept.
    pub refuses_writes: bool,
    /// How many bytes of effects may wait for the host while it cannot write. Where more do, commands that write are refused.
    pub room: Option<usize>,
    /// Bytes of snapshot and log, and what they were after the last rewrite.
    pub size: u64,
    pub base_size: u64,
    /// Bytes that wait to be written.
    pub buffered: u64,
    /// Writes that are under way, and syncs that came late.
    pub pending_syncs: u64,
    pub delayed_syncs: u64,
    /// Bytes of changes since the host started, and bytes written for them, snapshots included.
    pub changed_bytes: u64,
    pub written_bytes: u64,
    /// `DEBUG AOF-FLUSH-SLEEP`: µs to wait before each write, for tests.
    pub flush_sleep_us: u64,
}

impl Engine {
    /// Notes that changes up to `offset` are safe in the log, and ends the waits that are over by that.
    pub fn log_synced(&mut self, offset: u64) {
        if offset <= self.server.aof.synced {
            return;
        }
        self.server.aof.synced = offset;
        let over = self.sessions.waiting_for(&self.server, |acks| self.server.is_acknowledged(acks));
        self.end_all(over, || Ok(()));
    }

    /// Notes that there is no log any more: who waits for it is told so.
    pub fn log_ended(&mut self) {
        self.server.aof.enabled = false;
        let over = self.sessions.waiting_for(&self.server, |acks| acks.local);
        self.end_all(over, || Err(Error::WaitaofWithoutLog));
    }

    pub(super) fn end_all(&mut self, sessions: Vec<SessionId>, reply: impl Fn() -> Outcome) {
        for id in sessions {
            self.end_wait(id, reply());
        }
    }
}

impl Ctx<'_> {
    /// Whether a snapshot is being saved in the background, and not for the log.
    pub fn is_saving(&self) -> bool {
        // It may be complete and still on its way to the disk.
        self.server.saves.began_ms.is_some()
            || (self.ks.snapshot_running() && self.server.aof.rewriting_since_ms.is_none())
    }
}

impl Server {
    /// Whether what is waited for has happened.
    pub(super) fn is_acknowledged(&self, acks: &Acks) -> bool {
        (!acks.local || self.aof.synced >= acks.offset) && self.followers_at(acks.offset) >= acks.followers
    }
}
