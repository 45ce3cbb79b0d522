//! Upkeep: when the log is rewritten by itself, and removing the files that are no longer needed.

use super::syncer::Job;
use super::{AppendLog, State};
use crate::server::log;

/// So many failures in a row put off the next attempt, by minutes that double each time up to this many.
const FAILURES: u64 = 3;
const MOST_MINUTES: u64 = 60;

impl AppendLog {
    /// Whether rewrites failed so often that the next one has to wait.
    pub fn is_limited(&mut self, failures: u64, now: u64) -> bool {
        if failures < FAILURES {
            (self.limited_until_ms, self.limit_minutes) = (None, 0);
            return false;
        }
        if let Some(until) = self.limited_until_ms {
            if now >= until {
                self.limited_until_ms = None;
            }
            return now < until;
        }
        self.limit_minutes = (self.limit_minutes * 2).clamp(1, MOST_MINUTES);
        self.limited_until_ms = Some(now + self.limit_minutes * 60_000);
        log::warning(&format!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {} minutes",
            self.limit_minutes
        ));
        true
    }

    /// By how many percent the log has grown, if that asks for a rewrite.
    pub fn overgrown_percent(&self) -> Option<u64> {
        let size = self.size();
        if self.state != State::On || self.policy.growth_percent == 0 || size <= self.policy.min_size {
            return None;
        }
        let growth = (u128::from(size) * 100 / u128::from(self.base_size.max(1))).saturating_sub(100);
        let growth = u64::try_from(growth).unwrap_or(u64::MAX);
        (growth >= self.policy.growth_percent).then_some(growth)
    }

    /// Removes the files that are no longer needed, unless they are to stay. What cannot be removed does no harm.
    pub fn remove_history(&mut self) {
        if self.policy.keep_history || self.manifest.history.is_empty() {
            return;
        }
        for part in std::mem::take(&mut self.manifest.history) {
            log::notice(&format!("Removing the history file {} in the background", part.name));
            self.remove(&self.names.path(&part.name));
        }
        if let Err(why) = self.manifest.store(&*self.disk, &self.names) {
            log::warning(&why);
        }
    }

    /// Removes a file; its bytes are freed in the thread, where nobody waits for it.
    pub(super) fn remove(&mut self, path: &str) {
        if let Ok(file) = self.disk.remove(path) {
            // Without a thread it is closed here.
            let _ = self.syncer.give(Job::Close(false, file));
        }
    }
}
