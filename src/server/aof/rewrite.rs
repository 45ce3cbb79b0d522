//! Rewriting: a snapshot of one instant becomes the new base while commands go on, and the files before it are removed.

use super::disk::{DiskFile, write_all};
use super::syncer::Job;
use super::{AppendLog, Commands, Manifest, State};
use crate::engine::{Engine, Keyspace};
use crate::rdb;
use crate::server::log;
use crate::server::pace::Pace;
use crate::server::settings::reason;
use std::io;

/// After so many bytes the file is made sure of, so that there is little to do at the end.
const SYNC_STEP: u64 = 4 << 20;

/// A rewrite in progress.
pub(super) struct Rewrite {
    file: Box<dyn DiskFile>,
    /// Its path until it is whole.
    path: String,
    is_rdb: bool,
    size: u64,
    /// Bytes behind which the file was last made sure of, and how often that is under way.
    synced: u64,
    syncs: usize,
    /// What comes back from the thread says so.
    number: u64,
    stage: Stage,
    pace: Pace,
    began_ms: u64,
    /// The effects before the snapshot.
    offset: u64,
}

enum Stage {
    Writing,
    Syncing,
    Synced(io::Result<()>),
}

impl AppendLog {
    /// Whether a rewrite is in progress.
    pub fn is_rewriting(&self) -> bool {
        self.rewrite.is_some()
    }

    /// How long the rewrite in progress has nothing to do, ms.
    pub fn rewrite_wait_ms(&self) -> Option<u64> {
        let rewrite = self.rewrite.as_ref()?;
        Some(match rewrite.stage {
            Stage::Writing => rewrite.pace.wait_ms(self.policy.key_delay_us),
            Stage::Syncing => u64::MAX,
            Stage::Synced(_) => 0,
        })
    }

    /// The rewrite's file, until it is whole.
    fn temporary_base(&self) -> String {
        self.names.path(&format!("temp-rewriteaof-bg-{}.aof", std::process::id()))
    }

    /// Begins a rewrite of what `engine` holds now; no snapshot may be running. Returns whether it did; if not, it said why.
    pub fn begin_rewrite(&mut self, engine: &mut Engine, now: u64) -> bool {
        engine.server.rewrite_scheduled = false;
        match self.try_rewrite(engine, now) {
            Ok(()) => {
                log::notice("Background append only file rewriting started");
                let aof = &mut engine.server.aof;
                aof.rewrites += 1;
                aof.rewriting_since_ms = Some(now);
                engine.server.saves.jobs += 1;
                engine.server.saves.keys = engine.ks.snapshot_left();
                true
            }
            Err(why) => {
                log::warning(&why);
                self.note_failure(engine);
                false
            }
        }
    }

    fn try_rewrite(&mut self, engine: &mut Engine, now: u64) -> Result<(), String> {
        self.make_folder()?;
        // What was changed before the snapshot belongs into the files before it.
        let offset = engine.ks.effects.offset();
        self.take(engine.ks.effects.out(), offset, now);
        self.flush(true, true, now)?;
        if !self.is_written() {
            return Err("Changes wait that cannot be written to the AOF, so it cannot be rewritten".to_string());
        }
        let path = self.temporary_base();
        let file = self.disk.create(&path).map_err(|error| {
            format!("Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): {}", reason(&error))
        })?;
        if let Err(why) = self.open_next_tail() {
            self.remove(&path);
            return Err(why);
        }
        let is_rdb = self.policy.rdb_base;
        let sink = self.sink(&mut engine.ks, now);
        engine.ks.snapshot_begin(sink);
        engine.ks.effects.record(self.is_on());
        engine.ks.effects.restart();
        self.numbers += 1;
        self.rewrite = Some(Rewrite {
            file,
            path,
            is_rdb,
            size: 0,
            synced: 0,
            syncs: 0,
            number: self.numbers,
            stage: Stage::Writing,
            pace: Pace::default(),
            began_ms: now,
            offset,
        });
        Ok(())
    }

    /// Opens the file for the changes behind the snapshot.
    fn open_next_tail(&mut self) -> Result<(), String> {
        match self.state {
            State::Off => return Ok(()),
            State::Begins => self.open_first_tail()?,
            State::On => {
                let mut manifest = self.manifest.clone();
                let name = manifest.new_incr(&self.names);
                let old = self.tail.take();
                if let Err(why) = self.open_tail(&name, true).and_then(|()| self.adopt(manifest)) {
                    self.tail = old;
                    return Err(why);
                }
                log::notice(&format!("Creating AOF incr file {name} on background rewrite"));
                if let Some(old) = old {
                    self.before_tail += old.size;
                    self.leave_tail(old);
                }
            }
        }
        Ok(())
    }

    /// Opens the file that changes go to while the first base is written. No manifest names it before that is whole.
    pub(super) fn open_first_tail(&mut self) -> Result<(), String> {
        self.open_tail(&self.first_tail(), true)
    }

    fn first_tail(&self) -> String {
        format!("temp-{}.incr", self.names.file)
    }

    pub(super) fn remove_first_tail(&mut self) {
        let name = self.first_tail();
        log::notice(&format!("Removing the temp incr aof file {name} in the background"));
        self.remove(&self.names.path(&name));
    }

    /// What writes the base.
    fn sink(&self, ks: &mut Keyspace, now: u64) -> Box<dyn crate::engine::snapshot::Sink> {
        if !self.policy.rdb_base {
            return Box::new(Commands::new(ks, self.policy.stamps.then_some(now / 1000)));
        }
        // The lowest version that holds everything, so that a Redis of that version can take over.
        let volatile = (0..ks.db_count()).any(|db| ks.in_db(db, |ks| ks.has_volatile_fields()));
        let options = rdb::Options {
            version: if volatile { 12 } else { 10 },
            compress: self.policy.compress,
            checksum: self.policy.checksum,
            now,
            log_base: true,
            ..rdb::Options::default()
        };
        Box::new(rdb::Writer::new(ks, options))
    }

    /// Goes on with the rewrite.
    pub fn rewrite_on(&mut self, engine: &mut Engine, now: u64) {
        self.hear(false);
        let Some(mut rewrite) = self.rewrite.take() else { return };
        let stepped = match &mut rewrite.stage {
            Stage::Writing => self.write_slice(&mut rewrite, &mut engine.ks),
            Stage::Syncing => Ok(false),
            Stage::Synced(outcome) => std::mem::replace(outcome, Ok(())).map(|()| true),
        };
        match stepped {
            Ok(false) => self.rewrite = Some(rewrite),
            Ok(true) => {
                log::notice("Background AOF rewrite terminated with success");
                let outcome = self.replace_base(&rewrite);
                self.rewritten(engine, &rewrite, outcome, now);
            }
            Err(error) => {
                engine.ks.snapshot_end();
                log::warning(&format!("Write error writing append only file on disk: {}", reason(&error)));
                self.rewritten(engine, &rewrite, Err("Background AOF rewrite terminated with error".to_string()), now);
            }
        }
    }

    /// Writes the next slice of the base. Returns whether it is whole and safe.
    fn write_slice(&mut self, rewrite: &mut Rewrite, ks: &mut Keyspace) -> io::Result<bool> {
        let Rewrite { pace, file, size, .. } = rewrite;
        let written = &mut self.written_bytes;
        let more = pace.step(ks, self.policy.key_delay_us, |bytes| {
            *size += bytes.len() as u64;
            *written += bytes.len() as u64;
            write_all(&mut **file, bytes).map_err(|(_, error)| error)
        })?;
        let step = self.policy.sync_in_steps && rewrite.size - rewrite.synced >= SYNC_STEP;
        if more && !step {
            return Ok(false);
        }
        rewrite.synced = rewrite.size;
        rewrite.stage = if more { Stage::Writing } else { Stage::Syncing };
        match self.syncer.give(Job::Sync(rewrite.number, rewrite.file.again()?)) {
            Ok(()) => {
                rewrite.syncs += 1;
                Ok(false)
            }
            // There can be no thread: everybody waits.
            Err(mut file) => file.sync().map(|()| !more),
        }
    }

    /// Notes that the base was made sure of, up to where it was when that was asked for.
    pub(super) fn base_was_synced(&mut self, number: u64, outcome: io::Result<()>) {
        // One that was given up has no file any more.
        let Some(rewrite) = self.rewrite.as_mut().filter(|rewrite| rewrite.number == number) else { return };
        rewrite.syncs -= 1;
        if outcome.is_err() || (rewrite.syncs == 0 && matches!(rewrite.stage, Stage::Syncing)) {
            rewrite.stage = Stage::Synced(outcome);
        }
    }

    /// Puts the new base in its place. Fails with what is to be logged; then everything is as before.
    fn replace_base(&mut self, rewrite: &Rewrite) -> Result<(), String> {
        let mut manifest = self.manifest.clone();
        let name = manifest.new_base(&self.names, rewrite.is_rdb);
        let base = self.names.path(&name);
        self.disk.rename(&rewrite.path, &base).map_err(|error| {
            let path = &rewrite.path;
            format!("Error trying to rename the temporary AOF base file {path} into {base}: {}", reason(&error))
        })?;
        log::notice(&format!("Successfully renamed the temporary AOF base file {} into {name}", rewrite.path));
        if self.state == State::Begins {
            let (from, name) = (self.first_tail(), manifest.new_incr(&self.names));
            let path = self.names.path(&name);
            self.disk.rename(&self.names.path(&from), &path).map_err(|error| {
                let why = reason(&error);
                format!("Error trying to rename the temporary AOF incr file {from} into {path}: {why}")
            })?;
            log::notice(&format!("Successfully renamed the temporary AOF incr file {from} into {name}"));
        }
        manifest.retire_incrs(usize::from(self.tail.is_some()));
        // If that fails, the new files stay: the next attempt writes over them.
        self.adopt(manifest)
    }

    /// Puts `manifest` in the place of the one that was. Fails with what is to be logged; then that one is still there.
    fn adopt(&mut self, manifest: Manifest) -> Result<(), String> {
        if let Err(why) = manifest.store(&*self.disk, &self.names) {
            // If only making sure of it failed, it is what the next start finds, and its files must stay.
            let found = Manifest::load(&*self.disk, &self.names);
            if !found.is_ok_and(|found| found.to_string() == manifest.to_string()) {
                return Err(why);
            }
            log::warning(&why);
        }
        self.manifest = manifest;
        Ok(())
    }

    /// Notes how a rewrite ended, and tidies up.
    fn rewritten(&mut self, engine: &mut Engine, rewrite: &Rewrite, outcome: Result<(), String>, now: u64) {
        let aof = &mut engine.server.aof;
        aof.rewriting_since_ms = None;
        aof.rewrite_seconds = Some(now.saturating_sub(rewrite.began_ms) / 1000);
        match outcome {
            Ok(()) => {
                (aof.rewrite_failed, aof.rewrite_failures) = (false, 0);
                (self.limited_until_ms, self.limit_minutes) = (None, 0);
                if self.is_on() {
                    self.before_tail = rewrite.size;
                    self.base_size = self.size();
                }
                if self.state == State::Begins {
                    self.state = State::On;
                    // The base holds what was changed before it.
                    self.safe = self.safe.max(rewrite.offset);
                }
                self.remove_history();
                log::notice("Background AOF rewrite finished successfully");
            }
            Err(why) => {
                log::warning(&why);
                self.remove(&rewrite.path);
                self.note_failure(engine);
                self.begin_anew(engine);
            }
        }
    }

    /// While there is no log yet, a rewrite that did not end well leaves nothing behind, and another one is to begin.
    fn begin_anew(&mut self, engine: &mut Engine) {
        if self.state == State::Begins {
            self.buffer.clear();
            self.tail = None;
            self.remove_first_tail();
            engine.server.rewrite_scheduled = true;
        }
        engine.ks.effects.record(self.wants_effects());
    }

    fn note_failure(&mut self, engine: &mut Engine) {
        let aof = &mut engine.server.aof;
        aof.rewrite_failed = true;
        aof.rewrite_failures += 1;
        if self.state == State::Begins {
            engine.server.rewrite_scheduled = true;
        }
    }

    /// Gives up the rewrite in progress, if there is one.
    pub fn stop_rewrite(&mut self, engine: &mut Engine) {
        let Some(rewrite) = self.rewrite.take() else { return };
        log::notice("Killing running AOF rewrite child");
        engine.ks.snapshot_end();
        self.remove(&rewrite.path);
        engine.server.aof.rewriting_since_ms = None;
    }

    /// Writes the base of a log that begins with what there is, before anything else is done. Fails with what is to be logged.
    pub(super) fn write_base(&mut self, ks: &mut Keyspace, now: u64) -> Result<(), String> {
        let failed = |error: io::Error| format!("Write error writing append only file on disk: {}", reason(&error));
        let path = self.temporary_base();
        let mut file = self.disk.create(&path).map_err(failed)?;
        let mut sink = self.sink(ks, now);
        for db in 0..ks.db_count() {
            ks.in_db(db, |ks| ks.iter().for_each(|entry| sink.whole(db, entry)));
        }
        sink.finish();
        let bytes = sink.take();
        write_all(&mut *file, &bytes).map_err(|(_, error)| failed(error))?;
        file.sync().map_err(failed)?;
        let name = self.manifest.new_base(&self.names, self.policy.rdb_base);
        self.disk.rename(&path, &self.names.path(&name)).map_err(failed)?;
        log::notice(&format!("Creating AOF base file {name} on server start"));
        Ok(())
    }
}
