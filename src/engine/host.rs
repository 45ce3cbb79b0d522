//! What a command needs of its host before it can answer. What can be done after the answer is a [`Request`](super::Request).

use super::config::Config;

/// The host's side. Every method has an answer of a host that has no such thing: a page, a test.
pub trait Host {
    /// Puts the value that the parameter `name` has in `config` now into effect. Fails with the reason, having changed nothing.
    fn configure(&mut self, _name: &str, _config: &mut Config) -> Result<(), String> {
        Ok(())
    }

    /// The text of the configuration file the server was started with. Nothing without one; fails with the reason.
    fn config_file(&mut self) -> Option<Result<String, String>> {
        None
    }

    /// Replaces the configuration file as a whole. Fails with the reason.
    fn replace_config_file(&mut self, _text: &str) -> Result<(), String> {
        Ok(())
    }

    /// What the ACL file at `path` holds. Nothing without files; fails with the reason.
    fn acl_file(&mut self, _path: &str) -> Option<Result<Vec<u8>, String>> {
        None
    }

    /// Replaces the ACL file at `path` as a whole. Nothing without files; fails with the reason.
    fn replace_acl_file(&mut self, _path: &str, _text: &[u8]) -> Option<Result<(), String>> {
        None
    }

    /// Now, in microseconds since the epoch.
    fn micros(&mut self) -> Option<u64> {
        None
    }

    /// Writes a line to the log.
    fn log(&mut self, _text: &str) {}

    /// Stores a snapshot where it is loaded from at the start. Nothing if there is no such place; fails with the reason.
    fn store_snapshot(&mut self, _bytes: &[u8]) -> Option<Result<(), String>> {
        None
    }

    /// Whether the log is in files, which can be loaded again.
    fn keeps_log_files(&self) -> bool {
        false
    }

    /// The stored snapshot. Nothing if there is none.
    fn stored_snapshot(&mut self) -> Option<Result<Vec<u8>, String>> {
        None
    }
}

/// A host without a file system, a network or a log.
pub struct NoHost;

impl Host for NoHost {}
