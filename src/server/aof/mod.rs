//! The append-only log in files, as Redis 7 keeps it: a base, the changes after it, and a manifest that names them.
//!
//! - [`Load`] brings an engine to the state that the files hold.
//! - [`AppendLog`] takes an engine's effects, writes them at the end of the last file, and makes sure of them as `appendfsync`
//!   says.
//! - A rewrite begins a new file for changes and takes a snapshot of that instant beside commands. When the snapshot is whole, a
//!   manifest that names it and the new file replaces the old one; until then the old files count. So every crash leaves a
//!   complete log.
//! - All file operations go through [`Disk`], the clock is an argument, and the one thread there is only syncs and closes.

mod commands;
mod disk;
mod load;
mod manifest;
mod rewrite;
mod syncer;
mod upkeep;
mod write;

pub use commands::Commands;
pub use disk::{Disk, DiskFile, Files};
pub use load::Load;
pub use manifest::{Manifest, Names, Part};
pub use syncer::Syncer;

use super::log;
use super::settings::reason;
use crate::cmd::params;
use crate::engine::{Config, Engine};
use rewrite::Rewrite;
use std::rc::Rc;
use std::sync::Arc;
use write::Tail;

/// When what was written is made sure of: `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    Always,
    EverySecond,
    No,
}

/// What the parameters say.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub sync: Sync,
    /// `no-appendfsync-on-rewrite`
    pub no_sync_on_rewrite: bool,
    /// `aof-use-rdb-preamble`: the base is a snapshot, else commands.
    pub rdb_base: bool,
    /// `aof-timestamp-enabled`
    pub stamps: bool,
    /// `aof-disable-auto-gc`: files that are no longer needed stay.
    pub keep_history: bool,
    /// `aof-rewrite-incremental-fsync`
    pub sync_in_steps: bool,
    /// `aof-load-truncated`
    pub load_truncated: bool,
    /// `auto-aof-rewrite-percentage` and `auto-aof-rewrite-min-size`
    pub growth_percent: u64,
    pub min_size: u64,
    /// `rdbcompression` and `rdbchecksum`, for the base.
    pub compress: bool,
    pub checksum: bool,
    /// `rdb-key-save-delay`: µs to wait for each key, for tests.
    pub key_delay_us: u64,
}

impl Policy {
    /// Whether the parameter `name` is one of those that are looked at here.
    pub fn of_log(name: &str) -> bool {
        ["aof-", "auto-aof-", "rdb"].iter().any(|theme| name.starts_with(theme))
            || name.ends_with("on-rewrite")
            || name == "appendfsync"
    }

    /// Returns what `config` says.
    pub fn of(config: &Config) -> Self {
        let text = |name: &str| params::text(config, name);
        let yes = |name: &str| text(name) == "yes";
        let number = |name: &str| text(name).parse::<u64>().unwrap_or_default();
        Policy {
            sync: match text("appendfsync") {
                "always" => Sync::Always,
                "no" => Sync::No,
                _ => Sync::EverySecond,
            },
            no_sync_on_rewrite: yes("no-appendfsync-on-rewrite"),
            rdb_base: yes("aof-use-rdb-preamble"),
            stamps: yes("aof-timestamp-enabled"),
            keep_history: yes("aof-disable-auto-gc"),
            sync_in_steps: yes("aof-rewrite-incremental-fsync"),
            load_truncated: yes("aof-load-truncated"),
            growth_percent: number("auto-aof-rewrite-percentage"),
            min_size: number("auto-aof-rewrite-min-size"),
            compress: yes("rdbcompression"),
            checksum: yes("rdbchecksum"),
            key_delay_us: number("rdb-key-save-delay"),
        }
    }
}

/// Whether there is a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Off,
    /// There will be one when the first rewrite is done.
    Begins,
    On,
}

/// The keeper of the log.
pub struct AppendLog {
    disk: Rc<dyn Disk>,
    names: Names,
    pub policy: Policy,
    manifest: Manifest,
    state: State,
    /// It was asked for while the server ran, and a rewrite has to begin.
    pub(super) is_asked_for: bool,
    /// It was asked to end.
    pub(super) is_to_end: bool,
    /// The file that is being written.
    tail: Option<Tail>,
    /// Effects that are not written yet.
    buffer: Vec<u8>,
    /// Offsets of the effects: behind those in the buffer, behind those in files, behind those that are safe.
    taken: u64,
    written: u64,
    safe: u64,
    syncer: Syncer,
    /// The last number that was given to a file of the thread's.
    numbers: u64,
    /// When a sync was last begun, and since when writing is put off because of one that lasts, ms since the epoch.
    synced_ms: u64,
    put_off_since_ms: Option<u64>,
    /// When the last second was written down in the log, s since the epoch.
    stamped_s: u64,
    /// Why writing failed last, or syncing, and when that was last said, ms since the epoch.
    write_trouble: Option<String>,
    sync_trouble: Option<String>,
    complained_ms: Option<u64>,
    rewrite: Option<Rewrite>,
    /// No rewrite begins by itself before then, ms since the epoch, after so many minutes.
    limited_until_ms: Option<u64>,
    limit_minutes: u64,
    /// Bytes of the files before the tail, and of all when the last rewrite was done.
    before_tail: u64,
    base_size: u64,
    /// Bytes taken, and bytes written, rewrites included; syncs that came late and were not told of.
    changed_bytes: u64,
    written_bytes: u64,
    delayed_syncs: u64,
}

impl AppendLog {
    /// Returns the keeper of a log that is not there. `wake` is called from another thread when something was made sure of.
    pub fn new(
        disk: Rc<dyn Disk>,
        names: Names,
        policy: Policy,
        wake: Arc<dyn Fn() + Send + std::marker::Sync>,
    ) -> Self {
        AppendLog {
            disk,
            names,
            policy,
            manifest: Manifest::default(),
            state: State::Off,
            is_asked_for: false,
            is_to_end: false,
            tail: None,
            buffer: Vec::new(),
            taken: 0,
            written: 0,
            safe: 0,
            syncer: Syncer::new(wake),
            numbers: 0,
            synced_ms: 0,
            put_off_since_ms: None,
            stamped_s: 0,
            write_trouble: None,
            sync_trouble: None,
            complained_ms: None,
            rewrite: None,
            limited_until_ms: None,
            limit_minutes: 0,
            before_tail: 0,
            base_size: 0,
            changed_bytes: 0,
            written_bytes: 0,
            delayed_syncs: 0,
        }
    }

    /// Reads what is there. With `loads` it is to be loaded: the one file of an older Redis is moved to where it belongs now. Fails
    /// with what is to be logged.
    pub fn find(&mut self, loads: bool) -> Result<(), String> {
        self.manifest = Manifest::load(&*self.disk, &self.names)?;
        if loads { self.upgrade() } else { Ok(()) }
    }

    /// Moves the one file of Redis before 7.0 into the folder, as its base. The manifest is written first, so that a server that dies
    /// in between goes on with it.
    fn upgrade(&mut self) -> Result<(), String> {
        let (file, folder) = (&self.names.file, &self.names.folder);
        let old = |path: &str| self.disk.size(path).is_ok();
        let begun = self.manifest.incrs.is_empty()
            && self.manifest.base.as_ref().is_some_and(|base| base.name == *file)
            && !old(&self.names.path(file));
        if !old(file) || !(self.manifest.is_empty() || begun) {
            return Ok(());
        }
        self.make_folder()?;
        let mut manifest = self.manifest.clone();
        manifest.set_old_file(file);
        manifest.store(&*self.disk, &self.names)?;
        self.manifest = manifest;
        let moved = self.disk.rename(file, &self.names.path(file)).and_then(|()| self.disk.sync_folder(folder));
        moved.map_err(|error| {
            format!("Error trying to move the old AOF file {file} into dir {folder}: {}", reason(&error))
        })?;
        log::notice(&format!(
            "Successfully migrated an old-style AOF file ({file}) into the AOF directory ({folder})."
        ));
        Ok(())
    }

    fn make_folder(&self) -> Result<(), String> {
        let folder = &self.names.folder;
        let made = self.disk.make_folder(folder);
        made.map_err(|error| format!("Can't open or create append-only dir {folder}: {}", reason(&error)))
    }

    /// Returns what loads the files. Nothing if there are none. Fails with what is to be logged.
    pub fn load(&self, now: u64) -> Result<Option<Load>, String> {
        Load::begin(self.disk.clone(), &self.names, &self.manifest, self.policy.load_truncated, now)
    }

    /// Begins to keep the log of what `engine` holds now, all of which was loaded from its files: makes a base if there is nothing,
    /// and opens the last file. Fails with what is to be logged.
    pub fn open(&mut self, engine: &mut Engine, now: u64) -> Result<(), String> {
        self.make_folder()?;
        if self.manifest.is_empty() {
            self.write_base(&mut engine.ks, now)?;
        }
        let last = self.manifest.incrs.last().map(|part| part.name.clone());
        let is_new = last.is_none();
        let name = last.unwrap_or_else(|| self.manifest.new_incr(&self.names));
        self.open_tail(&name, false)?;
        if is_new {
            self.manifest.store(&*self.disk, &self.names)?;
        }
        log::notice(&format!("{} AOF incr file {name} on server start", if is_new { "Creating" } else { "Opening" }));
        self.state = State::On;
        self.measure();
        let offset = engine.ks.effects.offset();
        (self.taken, self.written, self.safe, self.synced_ms) = (offset, offset, offset, now);
        engine.ks.effects.record(true);
        engine.ks.effects.restart();
        self.remove_history();
        Ok(())
    }

    /// Learns how large the files are.
    fn measure(&mut self) {
        let size = |name: &str| self.disk.size(&self.names.path(name)).unwrap_or_default();
        self.base_size = self.manifest.base.as_ref().map_or(0, |base| size(&base.name));
        let kept = self.manifest.incrs.len().saturating_sub(1);
        self.before_tail =
            self.base_size + self.manifest.incrs[..kept].iter().map(|part| size(&part.name)).sum::<u64>();
    }

    /// Learns how large the files are after they were loaded once more, which may have cut the last one.
    pub fn measure_again(&mut self) {
        if self.state != State::On {
            return;
        }
        self.measure();
        if let (Some(tail), Some(part)) = (&mut self.tail, self.manifest.incrs.last()) {
            tail.size = self.disk.size(&self.names.path(&part.name)).unwrap_or(tail.size);
        }
    }

    /// Whether there is a log, or will be.
    pub fn is_on(&self) -> bool {
        self.state != State::Off
    }

    /// Whether it is still to get its first base.
    pub fn is_beginning(&self) -> bool {
        self.state == State::Begins
    }

    /// Whether there are files that can be loaded.
    pub fn has_files(&self) -> bool {
        self.is_on() || Manifest::load(&*self.disk, &self.names).is_ok_and(|manifest| !manifest.is_empty())
    }

    /// Whether an engine's effects are wanted.
    pub fn wants_effects(&self) -> bool {
        self.state == State::On || (self.state == State::Begins && self.rewrite.is_some())
    }

    /// Turns the log on or off (`CONFIG SET appendonly`); the server does what that takes at the end of its turn. Fails if a log
    /// cannot be begun, having said why.
    pub fn switch(&mut self, on: bool) -> Result<(), String> {
        self.is_to_end = !on && self.is_on();
        if !on || self.is_on() {
            return Ok(());
        }
        if let Err(why) = self.make_folder().and_then(|()| self.open_first_tail()) {
            log::warning(&why);
            log::warning(
                "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the above logs for more \
                 info about the error.",
            );
            return Err("Unable to turn on AOF. Check server logs.".to_string());
        }
        if self.write_trouble.take().or(self.sync_trouble.take()).is_some() {
            log::warning("AOF reopen, just ignore the last error.");
        }
        (self.state, self.is_asked_for) = (State::Begins, true);
        Ok(())
    }

    /// Ends the log: what was taken is written and made sure of.
    pub fn end(&mut self, engine: &mut Engine, now: u64) -> Result<(), String> {
        self.finish(engine, now)?;
        self.stop_rewrite(engine);
        if self.state == State::Begins {
            self.remove_first_tail();
        }
        (self.state, self.tail, self.is_asked_for, self.is_to_end) = (State::Off, None, false, false);
        self.buffer = Vec::new();
        (self.before_tail, self.base_size) = (0, 0);
        engine.server.rewrite_scheduled = false;
        engine.ks.effects.record(false);
        engine.log_ended();
        Ok(())
    }

    /// Writes and makes sure of all there is, before the log or the server ends. Fails with what is to be logged if the server must
    /// not go on.
    pub fn finish(&mut self, engine: &mut Engine, now: u64) -> Result<(), String> {
        let offset = engine.ks.effects.offset();
        self.take(engine.ks.effects.out(), offset, now);
        self.flush(true, false, now)?;
        let Some(tail) = &mut self.tail else { return Ok(()) };
        match tail.file.sync() {
            Ok(()) => tail.asked = tail.size,
            Err(error) => log::warning(&format!("Fail to fsync the AOF file: {}", reason(&error))),
        }
        Ok(())
    }

    /// Says how the log stands to who asks the engine.
    pub fn tell(&mut self, engine: &mut Engine) {
        let aof = &mut engine.server.aof;
        aof.enabled = self.is_on();
        aof.size = if self.is_on() { self.size() } else { 0 };
        aof.base_size = self.base_size;
        aof.buffered = self.buffer.len() as u64;
        aof.pending_syncs = self.syncer.syncs() as u64;
        aof.delayed_syncs += std::mem::take(&mut self.delayed_syncs);
        (aof.changed_bytes, aof.written_bytes) = (self.changed_bytes, self.written_bytes);
        let trouble = self.write_trouble.as_ref().or(self.sync_trouble.as_ref());
        if aof.write_failed.as_ref() != trouble {
            aof.write_failed = trouble.cloned();
        }
        aof.refuses_writes = self.is_on() && trouble.is_some();
        if self.state == State::On {
            engine.log_synced(self.safe);
        }
    }

    /// Bytes of base and changes.
    fn size(&self) -> u64 {
        self.before_tail + self.tail.as_ref().map_or(0, |tail| tail.size)
    }
}
