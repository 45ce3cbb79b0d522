//! How fast a snapshot is written in the background: a slice between two looks at the sockets, or, for tests, a key now and then.

use super::log;

/// Entries between two looks at the sockets.
const SLICE: usize = 2_000;

/// The pace of one snapshot.
pub(super) struct Pace {
    /// `rdb-key-save-delay`: µs to wait for each key, for tests.
    delay_us: u64,
    /// When the next slice may be written, µs since the epoch.
    due_us: u64,
}

impl Pace {
    /// Returns one that waits `delay_us` for each key.
    pub(super) fn new(delay_us: u64) -> Self {
        Pace { delay_us, due_us: 0 }
    }

    /// How many entries to write now; nothing if it is not time yet.
    pub(super) fn slice(&mut self) -> Option<usize> {
        if self.delay_us == 0 {
            return Some(SLICE);
        }
        let now = log::now_us();
        if now < self.due_us {
            return None;
        }
        self.due_us = now + self.delay_us;
        Some(1)
    }

    /// Whether there is a wait for each key.
    pub(super) fn is_slow(&self) -> bool {
        self.delay_us > 0
    }

    /// Waits as long as one key takes, with everybody else.
    pub(super) fn rest(&self) {
        std::thread::sleep(std::time::Duration::from_micros(self.delay_us));
    }

    /// How long until the next slice, ms.
    pub(super) fn wait_ms(&self) -> u64 {
        if self.delay_us == 0 { 0 } else { self.due_us.saturating_sub(log::now_us()).div_ceil(1000) }
    }
}
