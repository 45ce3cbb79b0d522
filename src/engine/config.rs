//! What `CONFIG` can change and the engine reads. The parameters' names, forms and checks are rows in `cmd/config.rs`.

use crate::base::hash::{Map, Seeded};

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
    /// Whether DEBUG is allowed.
    pub enable_debug_command: bool,
    /// Whether due keys are deleted without being met (`DEBUG SET-ACTIVE-EXPIRE`).
    pub active_expire: bool,
    /// `client-query-buffer-limit`, bytes.
    pub query_buffer_limit: usize,
    /// Parameters that are only stored and read back, by name.
    pub other: Map<&'static str, String>,
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
            enable_debug_command: false,
            active_expire: true,
            query_buffer_limit: 1 << 30,
            other: Map::with_hasher(Seeded(0)),
        }
    }
}
