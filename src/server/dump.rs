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
/// Entries a background save writes between two looks at the sockets.
const SLICE: usize = 2_000;

/// Loads `path` into the engine. Returns `None` if there is no such file. Fails with a sentence, and leaves the file alone.
pub fn load(engine: &mut Engine, path: &Path, now: u64) -> Result<Option<Report>, String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(format!("Fatal error: can't open the RDB file {} for reading: {error}", path.display()));
        }
    };
    let describe = |why: &dyn std::fmt::Display| {
        format!("Fatal error loading the DB, check server logs. Exiting. ({}: {why})", path.display())
    };
    let refuse = |error: RdbError| match error {
        RdbError::Truncated => "Short read or OOM loading DB. Unrecoverable error, aborting now.".to_string(),
        error => describe(&error),
    };
    let size = file.metadata().map_or(0, |meta| meta.len());
    let mut reader = Reader::new(LoadOptions { now, size, ..LoadOptions::default() });
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(|e| describe(&e))? {
            0 => break,
            n => reader.push(&mut engine.ks, &piece[..n]).map_err(refuse)?,
        };
    }
    reader.finish().map(Some).map_err(refuse)
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
        let mut slice = SLICE;
        if self.delay_us > 0 {
            let now = log::now_us();
            if now < self.due_us {
                return Ok(true);
            }
            self.due_us = now + self.delay_us;
            slice = 1;
        }
        let more = ks.snapshot_step(slice);
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
        Ok(more)
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
