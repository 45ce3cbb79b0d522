//! The server's snapshot file: loaded at the start, written by SAVE, BGSAVE and SHUTDOWN.
//!
//! A file is written under a temporary name, synced, and renamed over the old one, so that there is a whole one at any time.

use super::log;
use super::pace::{LoadPace, Pace};
use crate::engine::Engine;
use crate::engine::keyspace::Keyspace;
use crate::engine::snapshot::Sink;
use crate::rdb::{LoadOptions, Options, RdbError, Reader, Report, Writer};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Read at once while loading, and written at once while everybody waits.
const PIECE: usize = 1 << 20;

/// A file that is being loaded, while those who ask are told so.
pub struct Load {
    file: File,
    path: PathBuf,
    reader: Reader,
    piece: Vec<u8>,
    pub(super) pace: LoadPace,
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
        Ok(Some(Load { file, path, reader, piece: vec![0; PIECE], pace: LoadPace::default(), size, loaded: 0 }))
    }

    /// Loads the next piece. Returns whether more is left. Fails with a sentence, and leaves the file alone.
    pub fn step(&mut self, engine: &mut Engine) -> Result<bool, String> {
        if self.pace.wait_ms() > 0 {
            return Ok(true);
        }
        let keys = self.reader.keys();
        let piece = self.pace.piece(PIECE);
        let n = self.file.read(&mut self.piece[..piece]).map_err(|e| describe(&self.path, &e))?;
        let outcome = self.reader.push(&mut engine.ks, &self.piece[..n]);
        outcome.map_err(|error| refuse(&self.path, error))?;
        self.loaded += n as u64;
        self.pace.pass(self.reader.keys() - keys);
        Ok(n > 0)
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
    /// Everything is written, and on its way to the disk: that takes its time, and commands need not wait for it.
    syncing: Option<JoinHandle<io::Result<()>>>,
    /// What `dirty` was when it began.
    pub dirty: u64,
    /// When it began, ms since the epoch.
    pub began_ms: u64,
    pace: Pace,
}

impl Background {
    /// Begins a snapshot into a temporary file beside `path`.
    pub fn begin(ks: &mut Keyspace, path: &Path, options: Options) -> io::Result<Self> {
        let target = Target::create(path)?;
        let began_ms = options.now;
        let writer = Writer::new(ks, options);
        ks.snapshot_begin(Box::new(writer));
        Ok(Background { target, syncing: None, dirty: ks.dirty, began_ms, pace: Pace::default() })
    }

    /// Writes the next slice, `delay_us` after the last one for each key if that is not 0. Returns whether more is left; an error
    /// ends the save and removes the file.
    pub fn step(&mut self, ks: &mut Keyspace, delay_us: u64) -> io::Result<bool> {
        if let Some(syncing) = &self.syncing {
            return Ok(!syncing.is_finished());
        }
        let file = &mut self.target.file;
        if !self.pace.step(ks, delay_us, |bytes| file.write_all(bytes))? {
            let file = self.target.file.try_clone()?;
            self.syncing = Some(std::thread::spawn(move || file.sync_all()));
        }
        Ok(true)
    }

    /// How long until the next slice, ms.
    pub fn wait_ms(&self, delay_us: u64) -> u64 {
        if self.syncing.is_some() { 1 } else { self.pace.wait_ms(delay_us) }
    }

    /// Puts the file in its place, when [`Background::step`] has said that nothing is left.
    pub fn finish(self) -> io::Result<()> {
        if let Some(syncing) = self.syncing {
            syncing.join().map_err(|_| io::Error::other("the file was not synced"))??;
        }
        self.target.replace()
    }
}

/// Saves to `path` before anything else is done; waits `delay_us` for each key, and then asks `stop` whether to give up. Leaves a
/// snapshot that is running alone.
pub fn save(
    ks: &mut Keyspace,
    path: &Path,
    options: Options,
    delay_us: u64,
    mut stop: impl FnMut() -> bool,
) -> io::Result<()> {
    let mut target = Target::create(path)?;
    let mut writer = Writer::new(ks, options);
    let mut room = PIECE;
    for db in 0..ks.db_count() {
        ks.in_db(db, |ks| -> io::Result<()> {
            for entry in ks.iter() {
                if delay_us > 0 {
                    std::thread::sleep(std::time::Duration::from_micros(delay_us));
                    if stop() {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                }
                let mut whole = false;
                while !whole {
                    whole = writer.entry(db, entry, &mut room);
                    if room == 0 {
                        target.file.write_all(&writer.take())?;
                        room = PIECE;
                    }
                }
            }
            Ok(())
        })?;
    }
    writer.finish();
    target.file.write_all(&writer.take())?;
    target.file.sync_all()?;
    target.replace()
}

/// Writes `bytes` to `path` as a whole.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut target = Target::create(path)?;
    target.file.write_all(bytes)?;
    target.file.sync_all()?;
    target.replace()
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

    /// Takes the other's place.
    fn replace(self) -> io::Result<()> {
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
