//! Who a token says its bearer is: JWTs that were signed elsewhere, and one token from a file for development.

use super::settings::PeerSettings;
use super::signature;
use crate::server::settings::reason;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A key of HS256 has at least so many bytes: RFC 7518, 3.2.
const LEAST_SECRET: usize = 32;
/// A point of P-256 that is not compressed has so many bytes.
const P256_POINT: usize = 65;
/// The clock of who signs may be so far ahead of ours, s.
const CLOCK_SLACK_S: u64 = 10;
/// What who sends another token is told. It does not say what is wrong with it.
const INVALID: &str = "the token is not valid";
/// What is told when its time is over.
pub(super) const EXPIRED: &str = "the token has expired";

/// Who somebody is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// The ACL user.
    pub(super) user: Vec<u8>,
    /// Until then, ms since the epoch.
    pub(super) expires_ms: u64,
}

/// What tokens are checked with. It has secrets in it, so it cannot be printed.
#[derive(Default)]
pub(super) struct Checker {
    keys: Vec<(DecodingKey, Validation)>,
    /// The digest of the one token that is in a file, and the user it stands for.
    fixed: Option<([u8; 32], Vec<u8>)>,
}

impl Checker {
    /// Reads the files that the settings name. Fails with what is to be logged.
    pub(super) fn new(settings: &PeerSettings) -> Result<Self, String> {
        signature::install();
        let audience = settings.jwt_audience.as_deref();
        let mut checker = Checker::default();
        if let Some(path) = &settings.jwt_secret_file {
            let secret = read("ws-jwt-secret-file", path)?;
            checker.add_secret(&secret, audience).map_err(|why| format!("ws-jwt-secret-file {path}: {why}"))?;
        }
        if let Some(path) = &settings.jwt_public_key_file {
            let pem = read("ws-jwt-public-key-file", path)?;
            checker.add_public_key(&pem, audience).map_err(|why| format!("ws-jwt-public-key-file {path}: {why}"))?;
        }
        if let Some(path) = &settings.token_file {
            let token = read("ws-token-file", path)?;
            if token.is_empty() {
                return Err(format!("ws-token-file {path}: it is empty"));
            }
            checker.fixed = Some((Sha256::digest(&token).into(), settings.token_user.clone().into_bytes()));
        }
        Ok(checker)
    }

    fn add_secret(&mut self, secret: &[u8], audience: Option<&str>) -> Result<(), String> {
        if secret.len() < LEAST_SECRET {
            return Err(format!("a secret has at least {LEAST_SECRET} bytes"));
        }
        self.keys.push((DecodingKey::from_secret(secret), validation(Algorithm::HS256, audience)));
        Ok(())
    }

    fn add_public_key(&mut self, pem: &[u8], audience: Option<&str>) -> Result<(), String> {
        // Who signs keeps the other half.
        if !pem.windows(10).any(|piece| piece == b"PUBLIC KEY") {
            return Err("there is no public key in it".to_string());
        }
        let known = DecodingKey::from_ed_pem(pem)
            .map(|key| (key, Algorithm::EdDSA))
            .or_else(|_| DecodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::ES256)))
            .or_else(|_| DecodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::RS256)));
        let (key, algorithm) = known.map_err(|_| "it is no key of RSA, P-256 or Ed25519 as PEM")?;
        let point = key.try_get_as_bytes().map_or(0, <[u8]>::len);
        if algorithm == Algorithm::ES256 && point != P256_POINT {
            return Err("of elliptic curves only P-256 (ES256) and Ed25519 are known".to_string());
        }
        self.keys.push((key, validation(algorithm, audience)));
        Ok(())
    }

    /// Returns who the bearer of `token` is. Fails with what it is to be told. The time of a JWT is over at its second, to the clock
    /// of this machine.
    pub(super) fn check(&self, token: &[u8], now: u64) -> Result<Pass, &'static str> {
        if let Some((digest, user)) = &self.fixed
            && is_same(digest, &Sha256::digest(token).into())
        {
            return Ok(Pass { user: user.clone(), expires_ms: u64::MAX });
        }
        // A key is for one algorithm: what a token says of itself must not choose how it is checked.
        let algorithm = decode_header(token).map_err(|_| INVALID)?.alg;
        let mut outcome = Err(INVALID);
        for (key, validation) in self.keys.iter().filter(|(_, validation)| validation.algorithms == [algorithm]) {
            match decode::<Map<String, Value>>(token, key, validation) {
                Ok(data) => return pass(&data.claims, now),
                Err(error) => outcome = Err(told(error.kind())),
            }
        }
        outcome
    }
}

fn told(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => EXPIRED,
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is not for this server",
        _ => INVALID,
    }
}

fn pass(claims: &Map<String, Value>, now: u64) -> Result<Pass, &'static str> {
    let user = claims.get("sub").and_then(Value::as_str).filter(|user| !user.is_empty()).ok_or(INVALID)?;
    let seconds = claims.get("exp").and_then(Value::as_f64).ok_or(INVALID)?;
    // What is too large becomes the largest number.
    let expires_ms = (seconds * 1000.0) as u64;
    if expires_ms <= now {
        return Err(EXPIRED);
    }
    Ok(Pass { user: user.as_bytes().to_vec(), expires_ms })
}

fn validation(algorithm: Algorithm, audience: Option<&str>) -> Validation {
    let mut validation = Validation::new(algorithm);
    (validation.leeway, validation.validate_nbf) = (CLOCK_SLACK_S, true);
    validation.validate_aud = audience.is_some();
    match audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            validation.set_required_spec_claims(&["exp", "sub", "aud"]);
        }
        None => validation.set_required_spec_claims(&["exp", "sub"]),
    }
    validation
}

/// Compares in a time that does not tell where they differ. Of digests that would tell little anyhow.
fn is_same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let differences = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differences) == 0
}

/// Returns what is in the file of a secret, without the line end that editors put there.
fn read(directive: &str, path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = std::fs::read(path).map_err(|error| format!("{directive} {path}: {}", reason(&error)))?;
    bytes.truncate(bytes.trim_ascii_end().len());
    Ok(bytes)
}
