//! Parameters of the network, which a host may have; a page has none.

use super::forms::{ANY_INT, PORT, UINT, any_words};
use super::{Kind, Param};

pub(super) const PARAMS: &[Param] = &[
    Param::stored("port", PORT, "0").hosted(),
    Param::stored("bind", Kind::Words(any_words), "").hosted(),
    Param::stored("bind-source-addr", Kind::Text, ""),
    Param::stored("unixsocket", Kind::Text, "").fixed().hosted(),
    Param::stored("unixsocketperm", Kind::Octal(0o777), "0").fixed().hosted(),
    Param::stored("tcp-backlog", ANY_INT, "511").fixed(),
    Param::stored("tcp-keepalive", ANY_INT, "300").hosted(),
    Param::stored("socket-mark-id", Kind::Int(0, UINT), "0").fixed(),
    Param::stored("max-new-connections-per-cycle", Kind::Int(1, 1000), "10"),
    Param::stored("max-new-tls-connections-per-cycle", Kind::Int(1, 1000), "1"),
    Param::stored("io-threads", Kind::Int(1, 128), "1").fixed(),
    Param::stored("io-threads-do-reads", Kind::Bool, "no").fixed(),
    // There is no TLS: the names are there to be read, and the port cannot be opened.
    Param::stored("tls-port", Kind::Special(no_tls), "0").hosted(),
    Param::stored("tls-session-cache-size", ANY_INT, "20480"),
    Param::stored("tls-session-cache-timeout", ANY_INT, "300"),
    Param::stored("tls-session-caching", Kind::Bool, "yes"),
    Param::stored("tls-cluster", Kind::Special(only_without_tls), "no"),
    Param::stored("tls-replication", Kind::Special(only_without_tls), "no"),
    Param::stored("tls-auth-clients", Kind::Enum(&["no", "yes", "optional"]), "yes"),
    Param::stored("tls-prefer-server-ciphers", Kind::Bool, "no"),
    Param::stored("tls-cert-file", Kind::Text, ""),
    Param::stored("tls-key-file", Kind::Text, ""),
    Param::stored("tls-key-file-pass", Kind::Text, ""),
    Param::stored("tls-client-cert-file", Kind::Text, ""),
    Param::stored("tls-client-key-file", Kind::Text, ""),
    Param::stored("tls-client-key-file-pass", Kind::Text, ""),
    Param::stored("tls-dh-params-file", Kind::Text, ""),
    Param::stored("tls-ca-cert-file", Kind::Text, ""),
    Param::stored("tls-ca-cert-dir", Kind::Text, ""),
    Param::stored("tls-protocols", Kind::Text, ""),
    Param::stored("tls-ciphers", Kind::Text, ""),
    Param::stored("tls-ciphersuites", Kind::Text, ""),
    // Only for tests of Redis's own.
    Param::stored("watchdog-period", ANY_INT, "0").hidden(),
];

const NO_TLS: &str = "Unable to update TLS configuration. Check server logs.";

fn no_tls(new: &str, _old: &str) -> Result<String, String> {
    let port = PORT.check(new.as_bytes(), Vec::new)?;
    if port == b"0" { Ok("0".to_string()) } else { Err(NO_TLS.to_string()) }
}

fn only_without_tls(new: &str, _old: &str) -> Result<String, String> {
    let word = Kind::Bool.check(new.as_bytes(), Vec::new)?;
    if word == b"no" { Ok("no".to_string()) } else { Err(NO_TLS.to_string()) }
}
