//! Parameters of a cluster. A tabdis is never part of one, so they are only kept.

use super::forms::{ANY_INT, COUNT, PORT};
use super::{Kind, Param};

const ENDPOINTS: &[&str] = &["ip", "hostname", "unknown-endpoint"];

pub(super) const PARAMS: &[Param] = &[
    Param::stored("cluster-enabled", Kind::Special(never), "no").fixed(),
    Param::stored("cluster-config-file", Kind::Text, "nodes.conf").fixed(),
    Param::stored("cluster-port", PORT, "0").fixed(),
    Param::stored("cluster-node-timeout", COUNT, "15000"),
    Param::stored("cluster-migration-barrier", ANY_INT, "1"),
    Param::stored("cluster-replica-validity-factor", ANY_INT, "10").alias("cluster-slave-validity-factor"),
    Param::stored("cluster-replica-no-failover", Kind::Bool, "no").alias("cluster-slave-no-failover"),
    Param::stored("cluster-require-full-coverage", Kind::Bool, "yes"),
    Param::stored("cluster-allow-reads-when-down", Kind::Bool, "no"),
    Param::stored("cluster-allow-pubsubshard-when-down", Kind::Bool, "yes"),
    Param::stored("cluster-allow-replica-migration", Kind::Bool, "yes"),
    Param::stored("cluster-link-sendbuf-limit", Kind::Bytes, "0"),
    Param::stored("cluster-announce-ip", Kind::Text, ""),
    Param::stored("cluster-announce-port", PORT, "0"),
    Param::stored("cluster-announce-bus-port", PORT, "0"),
    Param::stored("cluster-announce-tls-port", PORT, "0"),
    Param::stored("cluster-announce-hostname", Kind::Special(hostname), ""),
    Param::stored("cluster-announce-human-nodename", Kind::Special(nodename), ""),
    Param::stored("cluster-preferred-endpoint-type", Kind::Enum(ENDPOINTS), "ip"),
];

fn never(new: &str, _old: &str) -> Result<String, String> {
    let word = Kind::Bool.check(new.as_bytes(), Vec::new)?;
    if word == b"no" { Ok("no".to_string()) } else { Err("tabdis is never part of a cluster".to_string()) }
}

fn hostname(new: &str, _old: &str) -> Result<String, String> {
    name(
        new,
        "Hostnames must be less than 256 characters",
        "Hostnames may only contain alphanumeric characters, hyphens or dots",
    )
}

fn nodename(new: &str, _old: &str) -> Result<String, String> {
    name(new, "Node names must be less than 128 characters", "Announced human node name contained invalid character")
}

fn name(new: &str, long: &str, strange: &str) -> Result<String, String> {
    if new.len() >= 256 {
        return Err(long.to_string());
    }
    let fine = new.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if fine { Ok(new.to_string()) } else { Err(strange.to_string()) }
}
