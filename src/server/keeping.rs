//! The server and its log: loading it or the snapshot file at the start, writing it before replies go out, and when it is rewritten.

use super::aof::{self, AppendLog, Files, Names, Policy};
use super::{Server, dump, figures, log};
use crate::cmd::params;
use crate::engine::{Config, Loading};
use mio::Waker;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What is being loaded.
pub(super) enum Load {
    Snapshot(dump::Load),
    Log(aof::Load),
}

impl Load {
    /// How long until the next piece, ms.
    pub(super) fn wait_ms(&self) -> u64 {
        match self {
            Load::Snapshot(load) => load.pace.wait_ms(),
            Load::Log(load) => load.pace.wait_ms(),
        }
    }
}

/// Returns the keeper of the log that `config` names, which is not there yet.
pub(super) fn log_of(config: &Config, waker: Waker) -> Rc<RefCell<AppendLog>> {
    let text = |name: &str| params::text(config, name).to_string();
    let names = Names { folder: text("appenddirname"), file: text("appendfilename") };
    // A loop that cannot be woken looks again by itself soon.
    let wake = Arc::new(move || drop(waker.wake()));
    // The process works in the configured directory.
    let files = Rc::new(Files(PathBuf::new()));
    Rc::new(RefCell::new(AppendLog::new(files, names, Policy::of(config), wake)))
}

/// Loading.
impl Server {
    /// Begins to load the log, if there is to be one, or the snapshot file. Fails with what is to be logged.
    pub(super) fn begin_loading(&mut self, now: u64) -> Result<(), String> {
        let delay: i64 = self.setting("key-load-delay").parse().unwrap_or_default();
        let each_us = delay.max(0).unsigned_abs();
        let keeps = self.setting("appendonly") == "yes";
        self.log.borrow_mut().find(keeps)?;
        let (load, total) = if keeps {
            self.engine.server.aof.enabled = true;
            let Some(mut load) = self.log.borrow().load(now)? else { return self.open_log(now) };
            load.pace.each_us = each_us;
            let size = load.size;
            (Load::Log(load), size)
        } else {
            let Some(mut load) = dump::Load::begin(&self.dump_path(), now)? else { return Ok(()) };
            load.pace.each_us = each_us;
            let size = load.size;
            (Load::Snapshot(load), size)
        };
        self.engine.server.loading = Some(Loading { began_ms: now, total, loaded: 0 });
        self.loading = Some(load);
        Ok(())
    }

    /// Goes on with it. Fails with what is to be logged before the server gives up.
    pub(super) fn load_on(&mut self) -> Result<(), String> {
        let Some(mut load) = self.loading.take() else { return Ok(()) };
        let (more, loaded) = match &mut load {
            Load::Snapshot(load) => (load.step(&mut self.engine)?, load.loaded),
            Load::Log(load) => (load.step(&mut self.engine)?, load.loaded),
        };
        if more {
            if let Some(loading) = &mut self.engine.server.loading {
                loading.loaded = loaded;
            }
            self.loading = Some(load);
            return Ok(());
        }
        self.engine.server.loading = None;
        match load {
            Load::Snapshot(load) => {
                let report = load.finish()?;
                dump::report(&report);
                let saves = &mut self.engine.server.saves;
                (saves.loaded, saves.loaded_due) = (report.keys, report.due);
            }
            Load::Log(load) => {
                self.engine.server.saves.loaded = load.keys;
                self.engine.server.forget_calls();
                self.open_log(log::now_ms())?;
            }
        }
        self.engine.ks.dirty = 0;
        self.say_ready();
        self.begin_peers()
    }

    fn open_log(&mut self, now: u64) -> Result<(), String> {
        let mut log = self.log.borrow_mut();
        log.open(&mut self.engine, now)?;
        log.tell(&mut self.engine);
        Ok(())
    }

    /// Replaces all data by what the files of the log hold (`DEBUG LOADAOF`). Fails with what is to be logged before the server gives
    /// up, as its data is gone then.
    pub(super) fn load_log_again(&mut self) -> Result<(), String> {
        let (now, busy) = (log::now_ms(), self.is_busy());
        self.feed_hub();
        let keeper = self.log.clone();
        let mut keeper = keeper.borrow_mut();
        let offset = self.engine.ks.effects.offset();
        keeper.take(self.engine.ks.effects.out(), offset, now);
        keeper.flush(true, busy, now)?;
        keeper.find(true)?;
        // What is loaded is what followers have already.
        self.engine.ks.effects.listen(false);
        self.engine.ks.clear();
        if let Some(mut load) = keeper.load(now)? {
            self.engine.server.loading = Some(Loading { began_ms: now, total: load.size, loaded: 0 });
            while load.step(&mut self.engine)? {}
            self.engine.server.loading = None;
        }
        keeper.measure_again();
        self.engine.ks.effects.record(keeper.wants_effects());
        self.engine.ks.effects.listen(self.hub.is_some());
        self.engine.ks.effects.restart();
        log::warning("Append Only File loaded by DEBUG LOADAOF");
        Ok(())
    }
}

/// Writing.
impl Server {
    /// Whether a snapshot is being written in the background, for itself or for the log.
    pub(super) fn is_busy(&self) -> bool {
        self.saving.is_some() || self.log.borrow().is_rewriting()
    }

    /// Writes what was changed to the log, and makes sure of it if that is due; to be called before replies are sent. Fails with what
    /// is to be logged before the server gives up.
    pub(super) fn keep_log(&mut self) -> Result<(), String> {
        self.feed_hub();
        let keeper = self.log.clone();
        let mut keeper = keeper.borrow_mut();
        if !keeper.is_on() {
            // Nobody reads it; what is recorded must not pile up.
            self.engine.effects().clear();
            return Ok(());
        }
        if self.loading.is_some() {
            return Ok(());
        }
        let (now, busy) = (log::now_ms(), self.saving.is_some() || keeper.is_rewriting());
        if keeper.is_to_end {
            keeper.end(&mut self.engine, now)?;
        } else if std::mem::take(&mut keeper.is_asked_for) {
            self.begin_log(&mut keeper, now);
        }
        let began = figures::clock_us();
        let offset = self.engine.ks.effects.offset();
        let changed = self.engine.ks.effects.pending();
        keeper.take(self.engine.ks.effects.out(), offset, now);
        if changed && self.engine.server.aof.flush_sleep_us > 0 {
            std::thread::sleep(Duration::from_micros(self.engine.server.aof.flush_sleep_us));
        }
        keeper.flush(false, busy, now)?;
        if changed {
            let us = figures::clock_us().saturating_sub(began);
            self.engine.server.meter.turns.log_us += us;
            self.engine.server.meter.latency("aof-write", us / 1000, now);
        }
        keeper.tell(&mut self.engine);
        Ok(())
    }

    /// Begins the first rewrite of a log that was asked for while the server runs, or puts it off until nothing else is written.
    fn begin_log(&mut self, keeper: &mut AppendLog, now: u64) {
        if self.saving.is_some() {
            self.engine.server.rewrite_scheduled = true;
            return log::warning(
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when \
                 possible.",
            );
        }
        if keeper.is_rewriting() {
            log::warning(
                "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and starting a \
                 rewrite now.",
            );
            keeper.stop_rewrite(&mut self.engine);
        }
        keeper.begin_rewrite(&mut self.engine, now);
    }

    /// Goes on with the rewrite in progress.
    pub(super) fn rewrite_on(&mut self) {
        let keeper = self.log.clone();
        let mut keeper = keeper.borrow_mut();
        if keeper.is_rewriting() {
            keeper.rewrite_on(&mut self.engine, log::now_ms());
            keeper.tell(&mut self.engine);
        }
    }

    /// Begins a rewrite that was put off, or that the log has grown to need.
    pub(super) fn look_at_log(&mut self, now: u64) {
        if self.is_busy() {
            return;
        }
        self.feed_hub();
        let keeper = self.log.clone();
        let mut keeper = keeper.borrow_mut();
        let failures = self.engine.server.aof.rewrite_failures;
        if self.engine.server.rewrite_scheduled {
            if !keeper.is_limited(failures, now) {
                keeper.begin_rewrite(&mut self.engine, now);
            }
        } else if let Some(growth) = keeper.overgrown_percent()
            && !keeper.is_limited(failures, now)
        {
            log::notice(&format!("Starting automatic rewriting of AOF on {growth}% growth"));
            keeper.begin_rewrite(&mut self.engine, now);
        }
    }

    /// Makes sure of the log before the server stops. Returns whether it may: not while the first base is being written, unless by
    /// `force`.
    pub(super) fn finish_log(&mut self, force: bool) -> bool {
        self.feed_hub();
        let keeper = self.log.clone();
        let mut keeper = keeper.borrow_mut();
        if keeper.is_rewriting() {
            if keeper.is_beginning() {
                let end = if force { "Exit anyway." } else { "can't exit." };
                log::warning(&format!("Writing initial AOF{} {end}", if force { "." } else { "," }));
                if !force {
                    return false;
                }
            }
            log::warning("There is a child rewriting the AOF. Killing it!");
            keeper.stop_rewrite(&mut self.engine);
        }
        if keeper.is_on() {
            log::notice("Calling fsync() on the AOF file.");
            if let Err(why) = keeper.finish(&mut self.engine, log::now_ms()) {
                log::warning(&why);
            }
        }
        true
    }
}
