//! How fast a snapshot is written in the background: a slice between two looks at the sockets, or, for tests, a key now and then.
//!
//! `rdb-key-save-delay` says how many µs to wait for each key, and may change meanwhile.

use super::log;

/// Entries between two looks at the sockets.
const SLICE: usize = 2_000;

/// The pace of one snapshot.
#[derive(Default)]
pub(super) struct Pace {
    /// When the last slice was written, µs since the epoch.
    last_us: u64,
}

impl Pace {
    /// How many entries to write now; nothing if it is not time yet.
    pub(super) fn slice(&mut self, delay_us: u64) -> Option<usize> {
        if delay_us == 0 {
            return Some(SLICE);
        }
        if self.wait_us(delay_us) > 0 {
            return None;
        }
        self.last_us = log::now_us();
        Some(1)
    }

    /// How long until the next slice, ms.
    pub(super) fn wait_ms(&self, delay_us: u64) -> u64 {
        if delay_us == 0 { 0 } else { self.wait_us(delay_us).div_ceil(1000) }
    }

    fn wait_us(&self, delay_us: u64) -> u64 {
        self.last_us.saturating_add(delay_us).saturating_sub(log::now_us())
    }
}
