//! Parameters of leaders and followers.

use super::forms::{ANY_INT, COUNT, LONG, PORT, POSITIVE_INT, memory};
use super::{Kind, Param, bool_of_engine};

pub(super) const PARAMS: &[Param] = &[
    Param::stored("replicaof", Kind::Words(leader), "").alias("slaveof").fixed().hosted(),
    Param::stored("masterauth", Kind::Text, ""),
    Param::stored("masteruser", Kind::Text, ""),
    Param::stored("replica-serve-stale-data", Kind::Bool, "yes").alias("slave-serve-stale-data"),
    Param::stored("replica-read-only", Kind::Bool, "yes").alias("slave-read-only"),
    Param::stored("replica-lazy-flush", Kind::Bool, "no").alias("slave-lazy-flush"),
    Param::stored("replica-priority", ANY_INT, "100").alias("slave-priority"),
    bool_of_engine!("replica-ignore-maxmemory", server.evict.replica_ignores).alias("slave-ignore-maxmemory"),
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
];

/// A host and a port, or nothing.
fn leader(new: &[&str], _old: &str) -> Result<String, String> {
    match new {
        [] => Ok(String::new()),
        [host, port] if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") => Ok(String::new()),
        [host, port] => match port.parse::<u16>() {
            Ok(port) => Ok(format!("{host} {port}")),
            Err(_) => Err("Invalid master port".to_string()),
        },
        _ => Err("wrong number of arguments".to_string()),
    }
}

/// Any number from 1 on is taken, and at least 16 KB are used.
fn backlog_size(new: &str, _old: &str) -> Result<String, String> {
    Kind::Memory(1, LONG).check(new.as_bytes(), Vec::new)?;
    Ok(memory(new).unwrap_or_default().max(16 << 10).to_string())
}
