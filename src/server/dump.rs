//! The server's snapshot file: loaded at the start, written by SAVE, BGSAVE and SHUTDOWN.
//!
//! A file is written under a temporary name, synced, and renamed over the old one, so that there is a whole one at any time.

use super::log;
use crate::engine::Engine;
use crate::engine::keyspace::Keyspace;
use crate::rdb::{LoadOptions, Options, RdbError, Reader, Report, Writer};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Read at once while loading.
const PIECE: usize = 1 << 20;
/// The same when tests want it slow.
const SLOW_PIECE: usize = 4 << 10;
/// How long a background save goes on between two looks at the sockets, µs.
const SLICE_US: u64 = 3_000;
/// How much it does between two looks at the clock: bytes gone over, 32 more for an entry.
const SAVE_PIECE: usize = 64 << 10;

/// A file that is being loaded, while those who ask are told so.
pub struct Load {
    file: File,
    path: PathBuf,
    reader: Reader,
    piece: Vec<u8>,
    /// `key-load-delay`: µs to wait for each key, for tests.
    pub delay_us: u64,
    /// When the next piece may be loaded, µs since the epoch.
    due_us: u64,
    /// Bytes in all.
    pub size: u64,
    /// Bytes loaded.
    pub loaded: u64,
}

impl Load {
    /// Opens `path`. Returns `None` if there is no such file. Fails with a sentence.
    pub fn begin(path: &Path, now: u64) -> Result<Option<Self>, String> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(format!("Fatal error: can't open the RDB file {} for reading: {error}", path.display()));
            }
        };
        let size = file.metadata().map_or(0, |meta| meta.len());
        let reader = Reader::new(LoadOptions { now, size, ..LoadOptions::default() });
        let path = path.to_path_buf();
        Ok(Some(Load { file, path, reader, piece: vec![0; PIECE], delay_us: 0, due_us: 0, size, loaded: 0 }))
    }

    /// Loads the next piece. Returns whether more is left. Fails with a sentence, and leaves the file alone.
    pub fn step(&mut self, engine: &mut Engine) -> Result<bool, String> {
        if self.wait_ms() > 0 {
            return Ok(true);
        }
        let keys = self.reader.keys();
        let piece = if self.delay_us > 0 { SLOW_PIECE } else { PIECE };
        let n = self.file.read(&mut self.piece[..piece]).map_err(|e| describe(&self.path, &e))?;
        let outcome = self.reader.push(&mut engine.ks, &self.piece[..n]);
        outcome.map_err(|error| refuse(&self.path, error))?;
        self.loaded += n as u64;
        if self.delay_us > 0 {
            self.due_us = log::now_us() + self.delay_us.saturating_mul(self.reader.keys() - keys);
        }
        Ok(n > 0)
    }

    /// How long until the next piece, ms.
    pub fn wait_ms(&self) -> u64 {
        if self.delay_us == 0 { 0 } else { self.due_us.saturating_sub(log::now_us()).div_ceil(1000) }
    }

    /// Returns what was loaded. Fails with a sentence if the file ended too early.
    pub fn finish(self) -> Result<Report, String> {
        let path = self.path;
        self.reader.finish().map_err(|error| refuse(&path, error))
    }
}

fn describe(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("Fatal error loading the DB, check server logs. Exiting. ({}: {why})", path.display())
}

fn refuse(path: &Path, error: RdbError) -> String {
    match error {
        RdbError::Truncated => "Short read or OOM loading DB. Unrecoverable error, aborting now.".to_string(),
        RdbError::Checksum => "Wrong RDB checksum, RDB CRC error. Aborting now.".to_string(),
        error => describe(path, &error),
    }
}

/// A save in slices: the data of the moment it began, written while commands go on.
pub struct Background {
    target: Target,
    /// What `dirty` was when it began.
    pub dirty: u64,
    /// When it began, ms since the epoch.
    pub began_ms: u64,
    /// `rdb-key-save-delay`: µs to wait for each key, for tests.
    pub delay_us: u64,
    /// When the next slice may be written, µs since the epoch.
    due_us: u64,
}

impl Background {
    /// Begins a snapshot into a temporary file beside `path`.
    pub fn begin(ks: &mut Keyspace, path: &Path, options: Options) -> io::Result<Self> {
        let target = Target::create(path)?;
        let began_ms = options.now;
        let writer = Writer::new(ks, options);
        ks.snapshot_begin(Box::new(writer));
        Ok(Background { target, dirty: ks.dirty, began_ms, delay_us: 0, due_us: 0 })
    }

    /// Writes the next slice. Returns whether more is left; an error ends the save and removes the file.
    pub fn step(&mut self, ks: &mut Keyspace) -> io::Result<bool> {
        let began = log::now_us();
        let slow = self.delay_us > 0;
        if slow {
            if began < self.due_us {
                return Ok(true);
            }
            self.due_us = began + self.delay_us;
        }
        loop {
            let more = ks.snapshot_step(if slow { 1 } else { SAVE_PIECE });
            let bytes = match ks.snapshot_sink() {
                Some(sink) if more => sink.take(),
                _ => ks.snapshot_end().map_or_else(Vec::new, |mut sink| {
                    sink.finish();
                    sink.take()
                }),
            };
            if let Err(error) = self.target.file.write_all(&bytes) {
                ks.snapshot_end();
                return Err(error);
            }
            if !more || slow || log::now_us().saturating_sub(began) >= SLICE_US {
                return Ok(more);
            }
        }
    }

    /// How long until the next slice, ms.
    pub fn wait_ms(&self) -> u64 {
        if self.delay_us == 0 { 0 } else { self.due_us.saturating_sub(log::now_us()).div_ceil(1000) }
    }

    /// Puts the file in its place.
    pub fn finish(self) -> io::Result<()> {
        self.target.finish()
    }
}

/// Writes `bytes` to `path` as a whole.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut target = Target::create(path)?;
    target.file.write_all(bytes)?;
    target.finish()
}

/// A file that becomes another one when it is whole.
struct Target {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Target {
    fn create(path: &Path) -> io::Result<Self> {
        let temporary = path.with_file_name(format!("temp-{}.rdb", std::process::id()));
        Ok(Target { file: File::create(&temporary)?, temporary, path: path.to_path_buf() })
    }

    fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.path)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// Says in the log what was loaded.
pub fn report(report: &Report) {
    log::notice(&format!("Done loading RDB, keys loaded: {}, keys expired: {}.", report.keys, report.due));
}
