//! How the server stops: SHUTDOWN, signals, and what is left tidy behind it.

use super::{Server, log};
use signal_hook::consts::SIGINT;
use signal_hook_mio::v1_0::Signals;

/// In what way it is to stop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    /// Whether to save; by default if save points are configured.
    pub(super) save: Option<bool>,
    /// Stop even if saving fails.
    pub(super) force: bool,
}

impl How {
    /// What `shutdown-on-sigterm` and `shutdown-on-sigint` say.
    fn of(words: &str) -> Self {
        let has = |word: &str| words.split(' ').any(|other| other == word);
        let save = if has("save") { Some(true) } else { has("nosave").then_some(false) };
        How { save, force: has("force") }
    }
}

/// Whether SIGINT came again while the server is busy stopping.
pub(super) fn is_insisted(signals: &mut Signals) -> bool {
    signals.pending().any(|signal| signal == SIGINT)
}

impl Server {
    pub(super) fn on_signal(&mut self) {
        let signals: Vec<_> = self.signals.pending().collect();
        for signal in signals {
            if signal == SIGINT && self.asked.is_some() {
                self.insist();
            }
            let (name, parameter) = match signal {
                SIGINT => ("SIGINT", "shutdown-on-sigint"),
                _ => ("SIGTERM", "shutdown-on-sigterm"),
            };
            log::warning(&format!("Received {name} scheduling shutdown..."));
            self.asked = Some(How::of(self.setting(parameter)));
            self.engine.server.shutdown_asked = true;
            // Not later than it must.
            self.cron_ms = 0;
        }
    }

    /// Ends the process as it is, but for files that would be in the way.
    pub(super) fn insist(&mut self) -> ! {
        log::warning("You insist... exiting now.");
        self.saving = None;
        self.say_goodbye();
        std::process::exit(1);
    }

    /// Stops the loop, after saving if that is wanted. Returns whether it does; it does not if saving fails, unless forced.
    pub(super) fn stop_if_possible(&mut self, how: How) -> bool {
        self.engine.server.shutdown_asked = false;
        self.asked = None;
        log::warning("User requested shutdown...");
        self.stop_saving();
        if self.loading.is_none() && !self.finish_log(how.force) {
            log::warning("Errors trying to shut down the server. Check the logs for more information.");
            return false;
        }
        // What is not loaded yet must not be overwritten.
        if self.loading.is_none() && how.save.unwrap_or_else(|| self.saves_by_itself()) {
            log::notice("Saving the final RDB snapshot before exiting.");
            self.stopping = true;
            let saved = self.save_now();
            self.stopping = false;
            if !saved && !how.force {
                log::warning("Error trying to save the DB, can't exit.");
                log::warning("Errors trying to shut down the server. Check the logs for more information.");
                return false;
            }
        }
        self.stop = true;
        true
    }

    /// Forgets that a signal asked to stop.
    pub(super) fn abort_stopping(&mut self) {
        self.asked = None;
        log::notice("Shutdown manually aborted.");
    }

    /// Notes the process's number in a file, if there is to be one.
    pub(super) fn write_pidfile(&mut self) {
        let daemonized = self.setting("daemonize") == "yes";
        let path = match self.setting("pidfile") {
            "" if daemonized => "/var/run/redis.pid",
            path => path,
        };
        let path = path.to_string();
        if path.is_empty() {
            return;
        }
        match std::fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => self.pidfile = Some(path),
            Err(error) => log::notice(&format!("Failed to write PID file: {error}")),
        }
    }

    /// Removes what only a running server has.
    pub(super) fn say_goodbye(&mut self) {
        if let Some(path) = self.pidfile.take() {
            log::notice("Removing the pid file.");
            let _ = std::fs::remove_file(path);
        }
        log::warning("tabdis is now ready to exit, bye bye...");
    }
}
