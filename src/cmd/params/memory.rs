//! Parameters of memory: its limit, what goes when it is reached, and how it is given back.

use super::forms::{ANY_INT, LONG, POSITIVE_INT};
use super::{Kind, Param, size_of_engine};
use crate::engine::Ctx;
use crate::engine::keyspace::Clock;

const POLICIES: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];

pub(super) const PARAMS: &[Param] = &[
    size_of_engine!("maxmemory", Kind::Bytes, server.config.maxmemory),
    Param::bound("maxmemory-policy", Kind::Enum(POLICIES), policy, set_policy),
    Param::stored("maxmemory-samples", POSITIVE_INT, "5"),
    Param::stored("maxmemory-eviction-tenacity", Kind::Int(0, 100), "10"),
    Param::stored("maxmemory-clients", Kind::Share, "0"),
    size_of_engine!("lfu-log-factor", ANY_INT, ks.lfu.0),
    size_of_engine!("lfu-decay-time", ANY_INT, ks.lfu.1),
    Param::stored("lazyfree-lazy-eviction", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-expire", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-server-del", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-user-del", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-user-flush", Kind::Bool, "no"),
    Param::stored("activedefrag", Kind::Special(no_defrag), "no"),
    Param::stored("active-defrag-cycle-min", Kind::Int(1, 99), "1"),
    Param::stored("active-defrag-cycle-max", Kind::Int(1, 99), "25"),
    Param::stored("active-defrag-threshold-lower", Kind::Int(0, 1000), "10"),
    Param::stored("active-defrag-threshold-upper", Kind::Int(0, 1000), "100"),
    Param::stored("active-defrag-max-scan-fields", Kind::Int(1, LONG), "1000"),
    Param::stored("active-defrag-ignore-bytes", Kind::Memory(1, LONG), "104857600"),
    Param::stored("jemalloc-bg-thread", Kind::Bool, "yes"),
];

fn policy(c: &Ctx) -> String {
    c.server.config.other.get("maxmemory-policy").map_or("noeviction", String::as_str).to_string()
}

/// The LFU policies need a counter where the others need a time.
fn set_policy(c: &mut Ctx, value: &[u8]) {
    let text = String::from_utf8_lossy(value).into_owned();
    c.ks.clock = if text.ends_with("-lfu") { Clock::Lfu } else { Clock::Lru };
    c.server.config.other.insert("maxmemory-policy", text);
}

fn no_defrag(new: &str, _old: &str) -> Result<String, String> {
    if new.eq_ignore_ascii_case("no") {
        Ok("no".to_string())
    } else if new.eq_ignore_ascii_case("yes") {
        Err("Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the \
             one shipped by default with the Redis source distribution"
            .to_string())
    } else {
        Err("argument must be 'yes' or 'no'".to_string())
    }
}
