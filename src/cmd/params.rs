//! The parameters of CONFIG: a row each, with its other name, form, default, and what in the engine it is.
//!
//! A parameter without a [`Bound`] is only stored and read back: clients and test suites set it, and nothing here depends on it.

use crate::engine::Ctx;
use crate::engine::events;
use crate::engine::keyspace::Clock;

/// One parameter.
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its older name.
    pub alias: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// Its value at the start, if it is only stored.
    pub default: &'static str,
    /// Why it cannot be set at run time; empty if it can.
    pub fixed: &'static str,
    /// Where it is kept, if the engine acts on it.
    pub bound: Option<Bound>,
}

/// The form of a parameter's values.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// An integer from … to ….
    Int(i64, i64),
    /// Bytes, with an optional unit, from … to ….
    Memory(i64, i64),
    /// Bytes, or a percentage of `maxmemory`.
    Share,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Any text.
    Text,
    /// What the function makes of the new value, given the old one; it fails with the reason.
    Special(fn(new: &str, old: &str) -> Result<String, String>),
}

/// A place in the engine.
#[derive(Clone, Copy)]
pub struct Bound {
    /// Reads it.
    pub get: fn(&Ctx) -> String,
    /// Stores a value that was checked.
    pub set: fn(&mut Ctx, &[u8]),
}

impl Param {
    const fn stored(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Param { name, alias: "", kind, default, fixed: "", bound: None }
    }

    const fn bound(name: &'static str, kind: Kind, get: fn(&Ctx) -> String, set: fn(&mut Ctx, &[u8])) -> Self {
        Param { name, alias: "", kind, default: "", fixed: "", bound: Some(Bound { get, set }) }
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = alias;
        self
    }

    const fn fixed(mut self) -> Self {
        self.fixed = "can't set immutable config";
        self
    }

    const fn protected(mut self) -> Self {
        self.fixed = "can't set protected config";
        self
    }

    /// Its value now.
    pub fn get(&self, c: &Ctx) -> Vec<u8> {
        // The password is the one value that may be any bytes.
        if self.name == "requirepass" {
            return c.server.config.requirepass.clone();
        }
        match self.bound {
            Some(bound) => (bound.get)(c).into_bytes(),
            None => c.server.config.other.get(self.name).map_or(self.default, String::as_str).into(),
        }
    }

    /// Stores a value that [`Param::check`] gave.
    pub fn set(&self, c: &mut Ctx, value: &[u8]) {
        match self.bound {
            Some(bound) => (bound.set)(c, value),
            None => _ = c.server.config.other.insert(self.name, String::from_utf8_lossy(value).into_owned()),
        }
    }

    /// Returns `value` in its one canonical form. Fails with what is wrong with it.
    pub fn check(&self, c: &Ctx, value: &[u8]) -> Result<Vec<u8>, String> {
        let text = String::from_utf8_lossy(value);
        match self.kind {
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                word @ ("yes" | "no") => Ok(word.into()),
                _ => Err("argument must be 'yes' or 'no'".to_string()),
            },
            Kind::Int(min, max) => {
                let n = crate::base::num::parse_i64(value).ok_or("argument couldn't be parsed into an integer")?;
                within(n, min, max)
            }
            Kind::Memory(min, max) => within(memory(&text).ok_or("argument must be a memory value")?, min, max),
            Kind::Share => share(&text),
            Kind::Enum(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
                let known =
                    word.ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))?;
                Ok((*known).into())
            }
            Kind::Text => Ok(value.to_vec()),
            Kind::Special(check) => {
                let old = String::from_utf8_lossy(&self.get(c)).into_owned();
                check(&text, &old).map(String::into_bytes)
            }
        }
    }
}

fn within(n: i64, min: i64, max: i64) -> Result<Vec<u8>, String> {
    if (min..=max).contains(&n) {
        Ok(n.to_string().into_bytes())
    } else {
        Err(format!("argument must be between {min} and {max} inclusive"))
    }
}

/// Returns the bytes that `text` says: a number and `b`, `k`, `kb`, `m`, `mb`, `g` or `gb` (powers of 1000 without the b).
pub fn memory(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit: i64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

fn share(text: &str) -> Result<Vec<u8>, String> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent: i64 = percent.parse().map_err(|_| "argument must be a memory or percent value")?;
        return match percent {
            0..=100 => Ok(text.as_bytes().to_vec()),
            _ => Err("percentage argument must be less or equal to 100".to_string()),
        };
    }
    within(memory(text).ok_or("argument must be a memory or percent value")?, 0, i64::MAX)
}

/// Returns the parameter called `name` (any case, old names too).
pub fn find(name: &[u8]) -> Option<&'static Param> {
    let is = |own: &str| !own.is_empty() && own.as_bytes().eq_ignore_ascii_case(name);
    PARAMS.iter().find(|param| is(param.name) || is(param.alias))
}

/// A checked number.
fn number(value: &[u8]) -> i64 {
    crate::base::num::parse_i64(value).unwrap_or_default()
}

fn size(value: &[u8]) -> usize {
    usize::try_from(number(value)).unwrap_or(usize::MAX)
}

/// A parameter that is a number of the engine, at the place the path names.
macro_rules! size_of_engine {
    ($name:literal, $kind:expr, $($path:tt).+) => {
        Param::bound($name, $kind, |c| c.$($path).+.to_string(), |c, v| c.$($path).+ = size(v) as _)
    };
}

const INT: i64 = i32::MAX as i64;
const UINT: i64 = u32::MAX as i64;
const LONG: i64 = i64::MAX;
const PORT: Kind = Kind::Int(0, 65535);
const COUNT: Kind = Kind::Int(0, LONG);
const POSITIVE_INT: Kind = Kind::Int(1, INT);
const ANY_INT: Kind = Kind::Int(0, INT);
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
const PERMISSION: Kind = Kind::Enum(&["no", "yes", "local"]);
const SHUTDOWN: Kind = Kind::Enum(&["default", "save", "nosave", "now", "force"]);

/// All of them.
pub const PARAMS: &[Param] = &[
    // What the engine acts on.
    Param::bound(
        "list-max-listpack-size",
        Kind::Int(i32::MIN as i64, INT),
        |c| c.ks.limits.list.to_string(),
        |c, v| c.ks.limits.list = number(v) as i32,
    )
    .alias("list-max-ziplist-size"),
    size_of_engine!("set-max-intset-entries", COUNT, ks.limits.set.intset),
    size_of_engine!("set-max-listpack-entries", COUNT, ks.limits.set.entries),
    size_of_engine!("set-max-listpack-value", COUNT, ks.limits.set.value),
    size_of_engine!("zset-max-listpack-entries", COUNT, ks.limits.zset.entries).alias("zset-max-ziplist-entries"),
    size_of_engine!("zset-max-listpack-value", Kind::Memory(0, LONG), ks.limits.zset.value)
        .alias("zset-max-ziplist-value"),
    size_of_engine!("hash-max-listpack-entries", COUNT, ks.limits.hash.entries).alias("hash-max-ziplist-entries"),
    size_of_engine!("hash-max-listpack-value", Kind::Memory(0, LONG), ks.limits.hash.value)
        .alias("hash-max-ziplist-value"),
    size_of_engine!("maxclients", Kind::Int(1, UINT), server.config.maxclients),
    size_of_engine!("maxmemory", Kind::Memory(0, LONG), server.config.maxmemory),
    size_of_engine!("proto-max-bulk-len", Kind::Memory(1 << 20, LONG), server.config.proto_max_bulk_len),
    size_of_engine!("hll-sparse-max-bytes", Kind::Memory(0, LONG), server.config.hll_sparse_max_bytes),
    size_of_engine!("client-query-buffer-limit", Kind::Memory(1 << 20, LONG), server.config.query_buffer_limit),
    size_of_engine!("timeout", ANY_INT, server.config.timeout),
    size_of_engine!("lfu-log-factor", ANY_INT, ks.lfu.0),
    size_of_engine!("lfu-decay-time", ANY_INT, ks.lfu.1),
    Param::bound("maxmemory-policy", Kind::Enum(POLICIES), policy, set_policy),
    Param::bound(
        "requirepass",
        Kind::Text,
        |c| String::from_utf8_lossy(&c.server.config.requirepass).into_owned(),
        |c, v| c.server.config.requirepass = v.to_vec(),
    ),
    Param::bound(
        "notify-keyspace-events",
        Kind::Special(events_value),
        |c| events::format(c.ks.notify_flags),
        |c, v| c.ks.notify_flags = events::parse(v).unwrap_or_default(),
    ),
    Param::bound("databases", POSITIVE_INT, |c| c.ks.db_count().to_string(), |_, _| ()).fixed(),
    Param::bound(
        "enable-debug-command",
        PERMISSION,
        |c| if c.server.config.enable_debug_command { "yes" } else { "no" }.to_string(),
        |c, v| c.server.config.enable_debug_command = v == b"yes",
    )
    .fixed(),
    // Encodings and memory.
    Param::stored("list-compress-depth", ANY_INT, "0"),
    Param::stored("stream-node-max-entries", COUNT, "100"),
    Param::stored("stream-node-max-bytes", Kind::Memory(0, LONG), "4096"),
    Param::stored("maxmemory-samples", POSITIVE_INT, "5"),
    Param::stored("maxmemory-eviction-tenacity", Kind::Int(0, 100), "10"),
    Param::stored("maxmemory-clients", Kind::Share, "0"),
    Param::stored("active-expire-effort", Kind::Int(1, 10), "1"),
    Param::stored("activedefrag", Kind::Special(no_defrag), "no"),
    Param::stored("active-defrag-cycle-min", Kind::Int(1, 99), "1"),
    Param::stored("active-defrag-cycle-max", Kind::Int(1, 99), "25"),
    Param::stored("active-defrag-threshold-lower", Kind::Int(0, 1000), "10"),
    Param::stored("active-defrag-threshold-upper", Kind::Int(0, 1000), "100"),
    Param::stored("active-defrag-max-scan-fields", Kind::Int(1, LONG), "1000"),
    Param::stored("active-defrag-ignore-bytes", Kind::Memory(1, LONG), "104857600"),
    Param::stored("activerehashing", Kind::Bool, "yes"),
    Param::stored("jemalloc-bg-thread", Kind::Bool, "yes"),
    Param::stored("lazyfree-lazy-eviction", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-expire", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-server-del", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-user-del", Kind::Bool, "no"),
    Param::stored("lazyfree-lazy-user-flush", Kind::Bool, "no"),
    Param::stored("sanitize-dump-payload", Kind::Enum(&["no", "yes", "clients"]), "no"),
    // Clients, time and logs.
    Param::stored("client-output-buffer-limit", Kind::Special(buffer_limits), BUFFER_LIMITS),
    Param::stored("tracking-table-max-keys", COUNT, "1000000"),
    Param::stored("hz", Kind::Special(hz), "10"),
    Param::stored("dynamic-hz", Kind::Bool, "yes"),
    Param::stored("slowlog-log-slower-than", Kind::Int(-1, LONG), "10000"),
    Param::stored("slowlog-max-len", COUNT, "128"),
    Param::stored("latency-monitor-threshold", COUNT, "0"),
    Param::stored("latency-tracking", Kind::Bool, "yes"),
    Param::stored("latency-tracking-info-percentiles", Kind::Special(percentiles), "50 99 99.9"),
    Param::stored("busy-reply-threshold", COUNT, "5000").alias("lua-time-limit"),
    Param::stored("acllog-max-len", COUNT, "128"),
    Param::stored("acl-pubsub-default", Kind::Enum(&["allchannels", "resetchannels"]), "resetchannels"),
    Param::stored("loglevel", Kind::Enum(&["debug", "verbose", "notice", "warning", "nothing"]), "notice"),
    Param::stored("tcp-keepalive", ANY_INT, "300"),
    Param::stored("protected-mode", Kind::Bool, "yes"),
    Param::stored("crash-log-enabled", Kind::Bool, "yes"),
    Param::stored("crash-memcheck-enabled", Kind::Bool, "yes"),
    Param::stored("shutdown-timeout", ANY_INT, "10"),
    Param::stored("shutdown-on-sigint", SHUTDOWN, "default"),
    Param::stored("shutdown-on-sigterm", SHUTDOWN, "default"),
    Param::stored("ignore-warnings", Kind::Text, ""),
    Param::stored("oom-score-adj", Kind::Enum(&["no", "yes", "relative", "absolute"]), "no"),
    Param::stored("oom-score-adj-values", Kind::Special(oom_values), "0 200 800"),
    // Persistence.
    Param::stored("save", Kind::Special(save_points), ""),
    Param::stored("appendonly", Kind::Bool, "no"),
    Param::stored("appendfsync", Kind::Enum(&["everysec", "always", "no"]), "everysec"),
    Param::stored("no-appendfsync-on-rewrite", Kind::Bool, "no"),
    Param::stored("auto-aof-rewrite-percentage", ANY_INT, "100"),
    Param::stored("auto-aof-rewrite-min-size", Kind::Memory(0, LONG), "67108864"),
    Param::stored("aof-load-truncated", Kind::Bool, "yes"),
    Param::stored("aof-use-rdb-preamble", Kind::Bool, "yes"),
    Param::stored("aof-timestamp-enabled", Kind::Bool, "no"),
    Param::stored("aof-disable-auto-gc", Kind::Bool, "no"),
    Param::stored("aof-rewrite-incremental-fsync", Kind::Bool, "yes"),
    Param::stored("rdb-save-incremental-fsync", Kind::Bool, "yes"),
    Param::stored("rdb-del-sync-files", Kind::Bool, "no"),
    Param::stored("rdbcompression", Kind::Bool, "yes"),
    Param::stored("rdbchecksum", Kind::Bool, "yes").fixed(),
    Param::stored("rdb-key-save-delay", Kind::Int(i32::MIN as i64, INT), "0"),
    Param::stored("key-load-delay", Kind::Int(i32::MIN as i64, INT), "0"),
    Param::stored("stop-writes-on-bgsave-error", Kind::Bool, "yes"),
    Param::stored("dbfilename", Kind::Text, "dump.rdb").protected(),
    Param::stored("dir", Kind::Text, ".").protected(),
    Param::stored("appendfilename", Kind::Text, "appendonly.aof").fixed(),
    Param::stored("appenddirname", Kind::Text, "appendonlydir").fixed(),
    // Replication.
    Param::stored("replicaof", Kind::Text, "").alias("slaveof").fixed(),
    Param::stored("masterauth", Kind::Text, ""),
    Param::stored("masteruser", Kind::Text, ""),
    Param::stored("replica-serve-stale-data", Kind::Bool, "yes").alias("slave-serve-stale-data"),
    Param::stored("replica-read-only", Kind::Bool, "yes").alias("slave-read-only"),
    Param::stored("replica-lazy-flush", Kind::Bool, "no").alias("slave-lazy-flush"),
    Param::stored("replica-priority", ANY_INT, "100").alias("slave-priority"),
    Param::stored("replica-ignore-maxmemory", Kind::Bool, "yes").alias("slave-ignore-maxmemory"),
    Param::stored("replica-announced", Kind::Bool, "yes"),
    Param::stored("replica-announce-ip", Kind::Text, "").alias("slave-announce-ip"),
    Param::stored("replica-announce-port", PORT, "0").alias("slave-announce-port"),
    Param::stored("replica-ignore-disk-write-errors", Kind::Bool, "no"),
    Param::stored("min-replicas-to-write", ANY_INT, "0").alias("min-slaves-to-write"),
    Param::stored("min-replicas-max-lag", ANY_INT, "10").alias("min-slaves-max-lag"),
    Param::stored("repl-timeout", POSITIVE_INT, "60"),
    Param::stored("repl-ping-replica-period", POSITIVE_INT, "10").alias("repl-ping-slave-period"),
    Param::stored("repl-backlog-size", Kind::Special(backlog_size), "1048576"),
    Param::stored("repl-backlog-ttl", COUNT, "3600"),
    Param::stored("repl-disable-tcp-nodelay", Kind::Bool, "no"),
    Param::stored("repl-diskless-sync", Kind::Bool, "yes"),
    Param::stored("repl-diskless-sync-delay", ANY_INT, "5"),
    Param::stored("repl-diskless-sync-max-replicas", ANY_INT, "0"),
    Param::stored("repl-diskless-load", Kind::Enum(&["disabled", "on-empty-db", "swapdb"]), "disabled"),
    Param::stored("propagation-error-behavior", Kind::Enum(&["ignore", "panic", "panic-on-replicas"]), "ignore"),
    // The network, which a host may have; a page has none.
    Param::stored("port", PORT, "0").fixed(),
    Param::stored("bind", Kind::Text, "").fixed(),
    Param::stored("bind-source-addr", Kind::Text, ""),
    Param::stored("unixsocket", Kind::Text, "").fixed(),
    Param::stored("unixsocketperm", Kind::Text, "0").fixed(),
    Param::stored("tcp-backlog", ANY_INT, "511").fixed(),
    Param::stored("tls-port", PORT, "0").fixed(),
    Param::stored("socket-mark-id", Kind::Int(0, UINT), "0").fixed(),
    Param::stored("io-threads", Kind::Int(1, 128), "1").fixed(),
    Param::stored("io-threads-do-reads", Kind::Bool, "no").fixed(),
    Param::stored("cluster-enabled", Kind::Bool, "no").fixed(),
    Param::stored("daemonize", Kind::Bool, "no").fixed(),
    Param::stored("pidfile", Kind::Text, "").fixed(),
    Param::stored("logfile", Kind::Text, "").fixed(),
    Param::stored("aclfile", Kind::Text, "").fixed(),
    Param::stored("supervised", Kind::Enum(&["upstart", "systemd", "auto", "no"]), "no").fixed(),
    Param::stored("always-show-logo", Kind::Bool, "no").fixed(),
    Param::stored("set-proc-title", Kind::Bool, "yes").fixed(),
    Param::stored("proc-title-template", Kind::Text, "{title} {listen-addr} {server-mode}"),
    Param::stored("enable-module-command", PERMISSION, "no").fixed(),
    Param::stored("enable-protected-configs", PERMISSION, "no").fixed(),
    Param::stored("disable-thp", Kind::Bool, "yes").fixed(),
    Param::stored("syslog-enabled", Kind::Bool, "no").fixed(),
    Param::stored("syslog-ident", Kind::Text, "redis").fixed(),
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

fn events_value(new: &str, _old: &str) -> Result<String, String> {
    match events::parse(new.as_bytes()) {
        Some(flags) => Ok(events::format(flags)),
        None => Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_string()),
    }
}

/// Pairs of seconds and changes.
fn save_points(new: &str, _old: &str) -> Result<String, String> {
    let bad = "Invalid save parameters";
    let words = new.split(' ').filter(|_| !new.is_empty());
    let numbers: Vec<i64> = words.map(|word| word.parse().map_err(|_| bad)).collect::<Result<_, _>>()?;
    let good = numbers.chunks(2).all(|pair| matches!(pair, [seconds, changes] if *seconds >= 1 && *changes >= 0));
    if good { Ok(joined(&numbers)) } else { Err(bad.to_string()) }
}

fn joined(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn percentiles(new: &str, _old: &str) -> Result<String, String> {
    let bad = "Invalid latency-tracking-info-percentiles parameters";
    let numbers: Vec<f64> =
        new.split_whitespace().map(|word| word.parse().map_err(|_| bad)).collect::<Result<_, _>>()?;
    if numbers.iter().all(|p| (0.0..=100.0).contains(p)) {
        Ok(joined(&numbers))
    } else {
        Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_string())
    }
}

fn oom_values(new: &str, _old: &str) -> Result<String, String> {
    let parse = |word: &str| word.parse::<i64>().ok().filter(|n| (-2000..=2000).contains(n));
    let words: Vec<&str> = new.split_whitespace().collect();
    if words.len() != 3 {
        return Err("wrong number of arguments".to_string());
    }
    let numbers: Option<Vec<i64>> = words.into_iter().map(parse).collect();
    let numbers = numbers.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
    Ok(joined(&numbers))
}

const BUFFER_LIMITS: &str = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";

/// Groups of class, hard limit, soft limit, soft seconds; classes that are not named keep theirs.
fn buffer_limits(new: &str, old: &str) -> Result<String, String> {
    let words: Vec<&str> = new.split_whitespace().collect();
    if words.is_empty() || !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".to_string());
    }
    let mut limits: Vec<String> = old.split_whitespace().map(str::to_string).collect();
    for group in words.chunks(4) {
        let class = match group[0].to_ascii_lowercase().as_str() {
            "normal" => 0,
            "slave" | "replica" => 1,
            "pubsub" => 2,
            _ => return Err("Invalid client class specified in buffer limit configuration.".to_string()),
        };
        let seconds = group[3].parse::<i64>().ok().filter(|n| *n >= 0);
        let (Some(hard), Some(soft), Some(seconds)) = (memory(group[1]), memory(group[2]), seconds) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".to_string());
        };
        for (n, value) in [hard, soft, seconds].into_iter().enumerate() {
            limits[class * 4 + 1 + n] = value.to_string();
        }
    }
    Ok(limits.join(" "))
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

/// Any number is taken, and the nearest that can be is used.
fn hz(new: &str, _old: &str) -> Result<String, String> {
    let n = crate::base::num::parse_i64(new.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
    within(n, 0, INT)?;
    Ok(n.clamp(1, 500).to_string())
}

fn backlog_size(new: &str, _old: &str) -> Result<String, String> {
    let n = memory(new).ok_or("argument must be a memory value")?;
    within(n, 1, LONG)?;
    Ok(n.max(16 << 10).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_units() {
        for (text, want) in [
            ("1", Some(1)),
            ("5b", Some(5)),
            ("1k", Some(1000)),
            ("1KB", Some(1024)),
            ("2mb", Some(2 << 20)),
            ("3G", Some(3_000_000_000)),
            ("", None),
            ("-1", None),
            ("1x", None),
            ("99999999999gb", None),
        ] {
            assert_eq!(memory(text), want, "{text}");
        }
    }

    #[test]
    fn buffer_limits_keep_the_classes_not_named() {
        let got = buffer_limits("pubsub 1mb 2 3", BUFFER_LIMITS).unwrap();
        assert_eq!(got, "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2 3");
        assert!(buffer_limits("pubsub 1 2", BUFFER_LIMITS).is_err());
        assert!(buffer_limits("x 1 2 3", BUFFER_LIMITS).is_err());
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = PARAMS.iter().flat_map(|p| [p.name, p.alias]).filter(|n| !n.is_empty()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
