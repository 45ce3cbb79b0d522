//! How fast a snapshot is written in the background: a slice between two looks at the sockets, or, for tests, a key now and then.
//!
//! `rdb-key-save-delay` says how many µs to wait for each key, and may change meanwhile.

use super::log;
use crate::engine::Keyspace;
use std::io;

/// How long a slice is, µs.
const SLICE_US: u64 = 3_000;
/// How much is done between two looks at the clock: bytes gone over, 32 more for an entry.
const PIECE: usize = 64 << 10;

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
            let bytes = match ks.snapshot_sink() {
                Some(sink) if more => sink.take(),
                _ => ks.snapshot_end().map_or_else(Vec::new, |mut sink| {
                    sink.finish();
                    sink.take()
                }),
            };
            write(&bytes).inspect_err(|_| _ = ks.snapshot_end())?;
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
