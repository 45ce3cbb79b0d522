//! Parameters of memory: its limit, what goes when it is reached, and how it is given back.

use super::forms::{ANY_INT, LONG, POSITIVE_INT, unsigned};
use super::{Kind, Param, bool_of_engine, size_of_engine};
use crate::engine::Ctx;
use crate::engine::evict::Policy;
use crate::engine::keyspace::Clock;

pub(super) const PARAMS: &[Param] = &[
    Param::bound(
        "maxmemory",
        Kind::Bytes,
        |c| c.server.config.maxmemory.to_string(),
        |c, v| {
            c.server.config.maxmemory = unsigned(v);
            // What is too much now goes soon.
            c.server.evict.pending = true;
            limit_clients(c);
        },
    ),
    Param::bound(
        "maxmemory-policy",
        Kind::Enum(Policy::WORDS),
        |c| c.server.evict.policy.word().to_string(),
        set_policy,
    ),
    size_of_engine!("maxmemory-samples", POSITIVE_INT, server.evict.samples),
    size_of_engine!("maxmemory-eviction-tenacity", Kind::Int(0, 100), server.evict.tenacity),
    Param::bound("maxmemory-clients", Kind::Share, |c| stored(c, "maxmemory-clients", "0"), set_memory_of_clients),
    size_of_engine!("lfu-log-factor", ANY_INT, ks.lfu.0),
    size_of_engine!("lfu-decay-time", ANY_INT, ks.lfu.1),
    bool_of_engine!("lazyfree-lazy-eviction", ks.lazily.eviction),
    bool_of_engine!("lazyfree-lazy-expire", ks.lazily.expire),
    bool_of_engine!("lazyfree-lazy-server-del", ks.lazily.server_del),
    bool_of_engine!("lazyfree-lazy-user-del", ks.lazily.user_del),
    bool_of_engine!("lazyfree-lazy-user-flush", ks.lazily.user_flush),
    Param::stored("activedefrag", Kind::Special(no_defrag), "no"),
    Param::stored("active-defrag-cycle-min", Kind::Int(1, 99), "1"),
    Param::stored("active-defrag-cycle-max", Kind::Int(1, 99), "25"),
    Param::stored("active-defrag-threshold-lower", Kind::Int(0, 1000), "10"),
    Param::stored("active-defrag-threshold-upper", Kind::Int(0, 1000), "100"),
    Param::stored("active-defrag-max-scan-fields", Kind::Int(1, LONG), "1000"),
    Param::stored("active-defrag-ignore-bytes", Kind::Memory(1, LONG), "104857600"),
    Param::stored("jemalloc-bg-thread", Kind::Bool, "yes"),
];

fn stored(c: &Ctx, name: &str, default: &str) -> String {
    c.server.config.other.get(name).map_or(default, String::as_str).to_string()
}

/// `maxmemory-clients` in bytes: what is set, or its share of `maxmemory`.
fn set_memory_of_clients(c: &mut Ctx, value: &[u8]) {
    let text = String::from_utf8_lossy(value).into_owned();
    c.server.config.other.insert("maxmemory-clients", text);
    limit_clients(c);
}

/// Works the limit out anew; to be called when `maxmemory` changes too.
fn limit_clients(c: &mut Ctx) {
    let text = stored(c, "maxmemory-clients", "0");
    let bytes = match text.strip_suffix('%') {
        Some(percent) => c.server.config.maxmemory / 100 * percent.parse::<u64>().unwrap_or(0),
        None => unsigned(text.as_bytes()),
    };
    c.sessions.limit_memory(c.me, usize::try_from(bytes).unwrap_or(usize::MAX));
}

/// The LFU policies need a counter where the others need a time.
fn set_policy(c: &mut Ctx, value: &[u8]) {
    let policy = Policy::parse(value).unwrap_or_default();
    c.ks.clock = if policy.is_lfu() { Clock::Lfu } else { Clock::Lru };
    c.server.evict.set_policy(policy);
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
