//! What the `ws-` directives say: where browsers attach, from which pages, and how their tokens are checked.

use crate::cmd::params::forms::memory;
use std::net::{SocketAddr, ToSocketAddrs};

/// What every directive of this kind begins with.
pub(in crate::server) const PREFIX: &str = "ws-";
/// Messages may be limited to so many bytes.
const MESSAGE_LIMITS: std::ops::RangeInclusive<u64> = 1024..=(512 << 20);

/// The settings. Secrets are in files, which are named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct PeerSettings {
    /// `ws-port`: 0 for none.
    pub(super) port: u16,
    /// `ws-bind`
    pub(super) bind: String,
    /// `ws-origins`, in lower case.
    pub(super) origins: Vec<String>,
    /// `ws-tls-cert` and `ws-tls-key`
    pub(super) tls_cert: Option<String>,
    pub(super) tls_key: Option<String>,
    /// `ws-jwt-secret-file`, `ws-jwt-public-key-file` and `ws-jwt-audience`
    pub(super) jwt_secret_file: Option<String>,
    pub(super) jwt_public_key_file: Option<String>,
    pub(super) jwt_audience: Option<String>,
    /// `ws-token-file` and `ws-token-user`
    pub(super) token_file: Option<String>,
    pub(super) token_user: String,
    /// `ws-max-message`, bytes.
    pub(super) max_message: usize,
    /// `ws-max-peers`
    pub(super) max_peers: usize,
    /// `ws-handshake-timeout`: how long a connection may take to say who it is, ms. For tests.
    pub(super) handshake_ms: u64,
}

impl Default for PeerSettings {
    fn default() -> Self {
        PeerSettings {
            port: 0,
            bind: "127.0.0.1".to_string(),
            origins: Vec::new(),
            tls_cert: None,
            tls_key: None,
            jwt_secret_file: None,
            jwt_public_key_file: None,
            jwt_audience: None,
            token_file: None,
            token_user: "default".to_string(),
            max_message: 8 << 20,
            max_peers: 1000,
            handshake_ms: 10_000,
        }
    }
}

impl PeerSettings {
    /// Takes in a directive: its name and its values. Fails with what is wrong with it.
    pub(in crate::server) fn set(&mut self, name: &str, values: &[String]) -> Result<(), String> {
        if name == "ws-origins" {
            self.origins =
                values.iter().flat_map(|words| words.split_whitespace()).map(origin).collect::<Result<_, _>>()?;
            return Ok(());
        }
        let [value] = values else { return Err("wrong number of arguments".to_string()) };
        let text = || Some(value.clone()).filter(|value| !value.is_empty());
        match name {
            "ws-port" => self.port = number(value, 0..=u64::from(u16::MAX))? as u16,
            "ws-bind" => self.bind = text().ok_or("an address is needed")?,
            "ws-tls-cert" => self.tls_cert = text(),
            "ws-tls-key" => self.tls_key = text(),
            "ws-jwt-secret-file" => self.jwt_secret_file = text(),
            "ws-jwt-public-key-file" => self.jwt_public_key_file = text(),
            "ws-jwt-audience" => self.jwt_audience = text(),
            "ws-token-file" => self.token_file = text(),
            "ws-token-user" => self.token_user = text().ok_or("a user is needed")?,
            "ws-max-message" => self.max_message = within(memory(value), MESSAGE_LIMITS)? as usize,
            "ws-max-peers" => self.max_peers = number(value, 1..=1_000_000)? as usize,
            "ws-handshake-timeout" => self.handshake_ms = number(value, 1..=600_000)?,
            _ => return Err("Bad directive or wrong number of arguments".to_string()),
        }
        Ok(())
    }

    /// Returns where to listen. Fails with what is to be printed if the settings contradict one another: what is not safe is not begun.
    pub(super) fn check(&self) -> Result<SocketAddr, String> {
        if self.jwt_secret_file.is_none() && self.jwt_public_key_file.is_none() && self.token_file.is_none() {
            return Err("ws-port needs a way to check tokens: ws-jwt-secret-file, ws-jwt-public-key-file, or, for development, \
                 ws-token-file"
                .to_string());
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("ws-tls-cert and ws-tls-key need each other".to_string());
        }
        let host = match self.bind.as_str() {
            "*" => "0.0.0.0",
            other => other.trim_matches(['[', ']']),
        };
        let found = (host, self.port).to_socket_addrs().ok().and_then(|mut all| all.next());
        let address = found.ok_or_else(|| format!("ws-bind: there is no address {}", self.bind))?;
        if !address.ip().is_loopback() {
            if self.token_file.is_some() {
                return Err(
                    "ws-token-file is for development: it needs a ws-bind that only this machine reaches".to_string()
                );
            }
            if self.origins.iter().any(|origin| origin == ANY) {
                return Err("ws-origins: * would let in every page there is; name the origins, or let ws-bind be an address that only \
                     this machine reaches"
                    .to_string());
            }
        }
        Ok(address)
    }
}

/// Every origin; only where nobody else reaches the server.
pub(super) const ANY: &str = "*";

/// An origin as browsers write it: a scheme, a host, a port if it is not the usual one. Fails if `word` is none.
fn origin(word: &str) -> Result<String, String> {
    let word = word.to_ascii_lowercase();
    let host = word.split_once("://").map(|(_, host)| host);
    if word == ANY || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', '?', '#'])) {
        return Ok(word);
    }
    Err(format!("'{word}' is no origin: https://host or https://host:port, without a path"))
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    within(text.parse().ok(), range)
}

fn within(number: Option<u64>, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    let (least, most) = (range.start(), range.end());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("argument must be between {least} and {most} inclusive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<PeerSettings, String> {
        let mut settings = PeerSettings::default();
        for (name, value) in pairs {
            settings.set(name, &[value.to_string()])?;
        }
        Ok(settings)
    }

    #[test]
    fn nothing_that_is_not_safe_is_begun() {
        for (pairs, want) in [
            (&[][..], "needs a way to check tokens"),
            (&[("ws-token-file", "t"), ("ws-bind", "0.0.0.0")], "is for development"),
            (&[("ws-token-file", "t"), ("ws-bind", "*")], "is for development"),
            (&[("ws-jwt-secret-file", "s"), ("ws-bind", "::"), ("ws-origins", "*")], "every page"),
            (&[("ws-jwt-secret-file", "s"), ("ws-tls-cert", "c")], "need each other"),
            (&[("ws-jwt-secret-file", "s"), ("ws-bind", "no such host")], "no address"),
        ] {
            let error = settings(pairs).and_then(|settings| settings.check()).unwrap_err();
            assert!(error.contains(want), "{pairs:?}: {error}");
        }
        for pairs in [
            &[("ws-token-file", "t"), ("ws-origins", "*")][..],
            &[("ws-token-file", "t"), ("ws-bind", "[::1]")],
            &[("ws-jwt-secret-file", "s"), ("ws-bind", "0.0.0.0")],
        ] {
            assert!(settings(pairs).unwrap().check().is_ok(), "{pairs:?}");
        }
    }

    #[test]
    fn values_are_checked() {
        for (name, value, want) in [
            ("ws-port", "65536", "between 0 and 65535"),
            ("ws-max-message", "1", "between 1024"),
            ("ws-origins", "example.com", "is no origin"),
            ("ws-origins", "https://a.example/path", "is no origin"),
            ("ws-origins", "https://*.example", "is no origin"),
            ("ws-origins", "null", "is no origin"),
            ("ws-token", "x", "Bad directive"),
        ] {
            let error = settings(&[(name, value)]).unwrap_err();
            assert!(error.contains(want), "{name} {value}: {error}");
        }
        let origins = settings(&[("ws-origins", "https://A.example  http://b.example:81")]).unwrap().origins;
        assert_eq!(origins, ["https://a.example", "http://b.example:81"]);
        assert_eq!(settings(&[("ws-max-message", "2mb")]).unwrap().max_message, 2 << 20);
    }
}
