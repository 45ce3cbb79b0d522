//! What `CONFIG` can change and the engine reads. The parameters' names, forms and checks are rows in `cmd/config.rs`.

use crate::base::hash::{Map, Seeded};

/// To whom something dangerous is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nobody.
    #[default]
    No,
    /// Everybody.
    Yes,
    /// Who comes from this machine.
    Local,
}

impl Permission {
    /// The one that `word` names.
    pub fn of(word: &[u8]) -> Self {
        match word {
            b"yes" => Permission::Yes,
            b"local" => Permission::Local,
            _ => Permission::No,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Permission::No => "no",
            Permission::Yes => "yes",
            Permission::Local => "local",
        }
    }

    /// Whether it is open to a session that comes from this machine or not.
    pub fn allows(self, local: bool) -> bool {
        self == Permission::Yes || (self == Permission::Local && local)
    }
}

/// Settings the engine itself acts on. Those of the keyspace live there ([`super::value::Limits`], notification flags).
#[derive(Debug)]
pub struct Config {
    /// The default user's password; empty for none.
    pub requirepass: Vec<u8>,
    /// `proto-max-bulk-len`, bytes.
    pub proto_max_bulk_len: usize,
    /// `hll-sparse-max-bytes`: longer HyperLogLogs become dense.
    pub hll_sparse_max_bytes: usize,
    /// `maxmemory`, bytes; 0 for no limit.
    pub maxmemory: u64,
    /// `maxclients`.
    pub maxclients: usize,
    /// `timeout`, seconds; 0 for none.
    pub timeout: u64,
    /// Who may use DEBUG.
    pub enable_debug_command: Permission,
    /// Who may set protected parameters.
    pub enable_protected_configs: Permission,
    /// `active-expire-effort`: 1 to 10.
    pub active_expire_effort: usize,
    /// Whether due keys are deleted without being met (`DEBUG SET-ACTIVE-EXPIRE`).
    pub active_expire: bool,
    /// Payloads of RESTORE are taken with any checksum (`DEBUG SET-SKIP-CHECKSUM-VALIDATION`).
    pub skip_checksum: bool,
    /// `client-query-buffer-limit`, bytes.
    pub query_buffer_limit: usize,
    /// Parameters that are only stored and read back, by name.
    pub other: Map<&'static str, String>,
}

impl Config {
    /// Whether writes are refused after a snapshot could not be saved in the background.
    pub(super) fn stops_writes(&self) -> bool {
        let text = |name: &str| self.other.get(name).map(String::as_str);
        text("stop-writes-on-bgsave-error") != Some("no") && text("save").is_some_and(|points| !points.is_empty())
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            requirepass: Vec::new(),
            proto_max_bulk_len: 512 << 20,
            hll_sparse_max_bytes: 3000,
            maxmemory: 0,
            maxclients: 10_000,
            timeout: 0,
            enable_debug_command: Permission::No,
            enable_protected_configs: Permission::No,
            active_expire_effort: 1,
            active_expire: true,
            query_buffer_limit: 1 << 30,
            skip_checksum: false,
            other: Map::with_hasher(Seeded(0)),
        }
    }
}
