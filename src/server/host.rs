//! What commands need of the process at once: parameters that concern it, the configuration file, the clock, the log, files.

use super::aof::{AppendLog, Policy};
use super::network::Network;
use super::settings::{current_dir, reason};
use super::{dump, log};
use crate::engine::{Config, Host};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Descriptors that are not clients': files, listeners, the event queue.
const OWN_DESCRIPTORS: u64 = 32;

/// The native host, as the engine sees it.
pub(super) struct NativeHost {
    pub(super) network: Rc<RefCell<Network>>,
    pub(super) log: Rc<RefCell<AppendLog>>,
    /// The configuration file, absolute.
    pub(super) config_file: Option<PathBuf>,
    /// `oom_score_adj` as it was before this server changed it.
    pub(super) oom_base: Option<i64>,
    /// Where snapshots are, as last set.
    pub(super) snapshot: PathBuf,
}

impl Host for NativeHost {
    fn configure(&mut self, name: &str, config: &mut Config) -> Result<(), String> {
        let text = |name: &str| config.other.get(name).cloned().unwrap_or_default();
        match name {
            "port" => self.network.borrow_mut().set_port(config),
            "bind" => self.network.borrow_mut().set_bind(config),
            "maxclients" => room_for_clients(config.maxclients as u64),
            "loglevel" => {
                log::set_level(&text("loglevel"));
                Ok(())
            }
            "dir" => {
                std::env::set_current_dir(text("dir")).map_err(|e| reason(&e))?;
                config.other.insert("dir", current_dir());
                Ok(())
            }
            "dbfilename" => {
                self.snapshot = PathBuf::from(text("dbfilename"));
                Ok(())
            }
            "oom-score-adj" | "oom-score-adj-values" => self.set_oom_score(config),
            "appendonly" => self.log.borrow_mut().switch(text("appendonly") == "yes"),
            _ if Policy::of_log(name) => {
                let mut log = self.log.borrow_mut();
                log.policy = Policy::of(config);
                // It may be that they may go now.
                log.remove_history();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn config_file(&mut self) -> Option<Result<String, String>> {
        let read = std::fs::read(self.config_file.as_ref()?);
        Some(match read {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            // A file that went away is written anew.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(reason(&error)),
        })
    }

    fn replace_config_file(&mut self, text: &str) -> Result<(), String> {
        let Some(path) = &self.config_file else { return Ok(()) };
        dump::replace(path, text.as_bytes()).map_err(|error| {
            log::warning(&format!("CONFIG REWRITE failed: {error}"));
            reason(&error)
        })?;
        log::notice("CONFIG REWRITE executed with success.");
        Ok(())
    }

    fn acl_file(&mut self, path: &str) -> Option<Result<Vec<u8>, String>> {
        Some(std::fs::read(path).map_err(|error| reason(&error)))
    }

    fn replace_acl_file(&mut self, path: &str, text: &[u8]) -> Option<Result<(), String>> {
        Some(dump::replace(Path::new(path), text).map_err(|error| {
            log::warning(&format!("Saving the ACL file {path} failed: {error}"));
            reason(&error)
        }))
    }

    fn micros(&mut self) -> Option<u64> {
        Some(log::now_us())
    }

    fn log(&mut self, text: &str) {
        log::warning(text);
    }

    fn store_snapshot(&mut self, bytes: &[u8]) -> Option<Result<(), String>> {
        Some(dump::replace(&self.snapshot, bytes).map_err(|error| {
            log::warning(&format!("Failed saving {}: {error}", self.snapshot.display()));
            reason(&error)
        }))
    }

    fn keeps_log_files(&self) -> bool {
        self.log.borrow().has_files()
    }

    fn stored_snapshot(&mut self) -> Option<Result<Vec<u8>, String>> {
        Some(std::fs::read(&self.snapshot).map_err(|error| reason(&error)))
    }
}

impl NativeHost {
    /// Says to the kernel how readily it may end the process: the first of the values, or what it was.
    pub(super) fn set_oom_score(&mut self, config: &Config) -> Result<(), String> {
        let text = |name: &str, default: &str| config.other.get(name).cloned().unwrap_or(default.to_string());
        let values = text("oom-score-adj-values", "0 200 800");
        let own: i64 = values.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
        let mode = text("oom-score-adj", "no");
        let base = match (mode.as_str(), self.oom_base) {
            // What is not ours is left alone.
            ("no", None) => return Ok(()),
            (_, known) => known.unwrap_or_else(oom_score),
        };
        self.oom_base = Some(base).filter(|_| mode != "no");
        let score = match mode.as_str() {
            "no" => base,
            "absolute" => own,
            _ => base + own,
        };
        let path = Path::new(OOM_SCORE);
        // Elsewhere than on Linux there is no such thing.
        if !path.exists() {
            return Ok(());
        }
        std::fs::write(path, score.clamp(-1000, 1000).to_string()).map_err(|error| {
            log::warning(&format!("Unable to write {OOM_SCORE}: {error}"));
            "Failed to apply new oom_score_adj configuration, check server logs.".to_string()
        })
    }
}

const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// How readily the kernel may end the process now.
fn oom_score() -> i64 {
    std::fs::read_to_string(OOM_SCORE).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default()
}

/// Has the operating system allow as many open files as that many clients need. Fails with how many it does allow.
pub(super) fn room_for_clients(clients: u64) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = clients.saturating_add(OWN_DESCRIPTORS);
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: &Rlimit| limit.current.is_none_or(|current| current >= wanted);
    if enough(&limit) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted))), ..limit };
    let _ = setrlimit(Resource::Nofile, raised);
    let now = getrlimit(Resource::Nofile);
    if enough(&now) {
        return Ok(());
    }
    let possible = now.current.unwrap_or(u64::MAX).saturating_sub(OWN_DESCRIPTORS);
    Err(format!("The operating system is not able to handle the specified number of clients, try with {possible}"))
}
