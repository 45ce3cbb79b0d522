//! How fast a snapshot is written in the background, a slice between two looks at the sockets, and how fast data is loaded; for tests
//! a key now and then.
//!
//! `rdb-key-save-delay` says how many µs to wait for each key, and may change meanwhile.

use super::log;
use crate::engine::Keyspace;
use std::io;

/// How long a slice is, µs.
const SLICE_US: u64 = 3_000;
/// How much is done between two looks at the clock: bytes gone over, 32 more for an entry.
const PIECE: usize = 64 << 10;

/// The same when tests want a load to be slow: bytes of a file.
const SLOW_PIECE: usize = 4 << 10;

/// The pace of a load: as fast as it goes, or, for tests, so many µs for each key or command (`key-load-delay`).
#[derive(Default)]
pub(super) struct LoadPace {
    /// How many µs; 0 for none.
    pub(super) each_us: u64,
    /// When the next piece may be loaded, µs since the epoch.
    due_us: u64,
}

impl LoadPace {
    /// How much of a file is loaded at once, where `most` is as much as there is time for.
    pub(super) fn piece(&self, most: usize) -> usize {
        if self.each_us > 0 { SLOW_PIECE } else { most }
    }

    /// Notes that `count` keys or commands were loaded.
    pub(super) fn pass(&mut self, count: u64) {
        if self.each_us > 0 {
            self.due_us = log::now_us() + self.each_us.saturating_mul(count);
        }
    }

    /// How long until the next piece, ms.
    pub(super) fn wait_ms(&self) -> u64 {
        if self.each_us == 0 { 0 } else { self.due_us.saturating_sub(log::now_us()).div_ceil(1000) }
    }
}

/// The pace of one snapshot.
#[derive(Default)]
pub(super) struct Pace {
    /// When the last slice was begun, µs since the epoch.
    last_us: u64,
}

impl Pace {
    /// Goes on with the running snapshot for a slice, and has `write` take what comes of it. Does nothing if it is not time yet.
    /// Returns whether more is left. An error of `write` ends the snapshot.
    pub(super) fn step(
        &mut self,
        ks: &mut Keyspace,
        delay_us: u64,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        if self.wait_ms(delay_us) > 0 {
            return Ok(true);
        }
        let slow = delay_us > 0;
        self.last_us = log::now_us();
        loop {
            let more = if slow { one_key(ks) } else { ks.snapshot_step(PIECE) };
            write(&ks.snapshot_take()).inspect_err(|_| _ = ks.snapshot_end())?;
            if !more || slow || log::now_us().saturating_sub(self.last_us) >= SLICE_US {
                return Ok(more);
            }
        }
    }

    /// How long until the next slice, ms.
    pub(super) fn wait_ms(&self, delay_us: u64) -> u64 {
        let wait_us = self.last_us.saturating_add(delay_us).saturating_sub(log::now_us());
        if delay_us == 0 { 0 } else { wait_us.div_ceil(1000) }
    }
}

/// Writes one key of the running snapshot. Returns whether more are left.
fn one_key(ks: &mut Keyspace) -> bool {
    let left = ks.snapshot_left();
    while ks.snapshot_step(1) {
        if ks.snapshot_left() < left {
            return true;
        }
    }
    false
}
