//! When the server saves: on command, at save points, and before it stops; and what INFO says about it.

use super::dump::{self, Background};
use super::{Server, log, stopping};
use crate::rdb::Options;
use std::io;
use std::path::PathBuf;

/// After a failed save, save points try again no sooner.
const RETRY_MS: u64 = 5_000;

impl Server {
    pub(super) fn dump_path(&self) -> PathBuf {
        // The process works in the configured directory.
        PathBuf::from(self.setting("dbfilename"))
    }

    /// Whether save points are configured: then the data is saved at the end.
    pub(super) fn saves_by_itself(&self) -> bool {
        !self.setting("save").is_empty()
    }

    fn options(&self) -> Options {
        Options {
            now: log::now_ms(),
            compress: self.setting("rdbcompression") == "yes",
            checksum: self.setting("rdbchecksum") == "yes",
            used_memory: (self.engine.server.memory)(),
            ..Options::default()
        }
    }

    fn begin(&mut self) -> io::Result<Background> {
        let (path, options) = (self.dump_path(), self.options());
        Background::begin(&mut self.engine.ks, &path, options)
    }

    /// How long to wait for each key, µs: for tests.
    pub(super) fn save_delay_us(&self) -> u64 {
        self.log.borrow().policy.key_delay_us
    }

    /// Saves before anything else is done. Returns whether it did.
    pub(super) fn save_now(&mut self) -> bool {
        let (path, options, delay) = (self.dump_path(), self.options(), self.save_delay_us());
        let (signals, stopping, mut insisted) = (&mut self.signals, self.stopping, false);
        let dirty = self.engine.ks.dirty;
        let outcome = dump::save(&mut self.engine.ks, &path, options, delay, || {
            insisted = stopping && stopping::is_insisted(signals);
            insisted
        });
        if insisted {
            self.insist();
        }
        self.saved(outcome.map(|()| dirty))
    }

    /// Begins a save that goes on beside commands.
    pub(super) fn begin_saving(&mut self) {
        self.tried_ms = log::now_ms();
        self.engine.server.save_scheduled = false;
        match self.begin() {
            Ok(saving) => {
                log::notice("Background saving started");
                let saves = &mut self.engine.server.saves;
                saves.jobs += 1;
                (saves.began_ms, saves.keys) = (Some(saving.began_ms), self.engine.ks.snapshot_left());
                self.saving = Some(saving);
            }
            Err(error) => self.saved_in_background(0, Err(error)),
        }
    }

    /// Goes on with it.
    pub(super) fn save_on(&mut self) {
        let Some(mut saving) = self.saving.take() else { return };
        let delay = self.save_delay_us();
        let (dirty, began) = (saving.dirty, saving.began_ms);
        match saving.step(&mut self.engine.ks, delay) {
            Ok(true) => self.saving = Some(saving),
            Ok(false) => self.saved_in_background(began, saving.finish().map(|()| dirty)),
            Err(error) => self.saved_in_background(began, Err(error)),
        }
    }

    /// Gives up a background save: its file is removed.
    pub(super) fn stop_saving(&mut self) {
        if self.saving.take().is_some() {
            log::warning("There is a child saving an .rdb. Killing it!");
            self.engine.ks.snapshot_end();
            self.engine.server.saves.began_ms = None;
        }
    }

    /// Gives up what is being saved, and saves that there is nothing now: what FLUSHALL means to a server with save points.
    pub(super) fn forget_saved(&mut self) {
        self.stop_saving();
        if self.saves_by_itself() {
            self.save_now();
        }
    }

    fn saved_in_background(&mut self, began_ms: u64, outcome: io::Result<u64>) {
        let now = log::now_ms();
        let done = self.saved(outcome);
        let saves = &mut self.engine.server.saves;
        saves.began_ms = None;
        saves.failed = !done;
        if began_ms > 0 {
            saves.seconds = Some(now.saturating_sub(began_ms) / 1000);
        }
        log::notice(if done { "Background saving terminated with success" } else { "Background saving error" });
    }

    /// Notes that a save of the changes up to `dirty` ended. Returns whether it succeeded.
    fn saved(&mut self, outcome: io::Result<u64>) -> bool {
        match outcome {
            Ok(dirty) => {
                let server = &mut self.engine.server;
                server.last_save_ms = log::now_ms();
                server.saves.count += 1;
                server.saves.failed = false;
                self.engine.ks.dirty = self.engine.ks.dirty.saturating_sub(dirty);
                log::notice("DB saved on disk");
                true
            }
            Err(error) => {
                log::warning(&format!("Failed saving {}: {error}", self.dump_path().display()));
                false
            }
        }
    }

    /// Begins a save if a save point is reached, or one was put off.
    pub(super) fn look_at_save_points(&mut self, now: u64) {
        if self.is_busy() {
            return;
        }
        let (saves, dirty) = (&self.engine.server.saves, self.engine.ks.dirty);
        let since = now.saturating_sub(self.engine.server.last_save_ms) / 1000;
        let may = !saves.failed || now.saturating_sub(self.tried_ms) > RETRY_MS;
        let points: Vec<u64> = self.setting("save").split(' ').filter_map(|word| word.parse().ok()).collect();
        for point in points.chunks_exact(2).filter(|_| may) {
            let (seconds, changes) = (point[0], point[1]);
            if dirty >= changes && since > seconds {
                log::notice(&format!("{changes} changes in {seconds} seconds. Saving..."));
                return self.begin_saving();
            }
        }
        if self.engine.server.save_scheduled && may {
            self.begin_saving();
        }
    }
}
