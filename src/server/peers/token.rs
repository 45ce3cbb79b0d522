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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::log::now_ms;
    use ring::rand::SystemRandom;
    use ring::{hmac, signature};

    const SECRET: &[u8] = b"a secret of at least 32 bytes, as it has to be";
    /// A key that was thrown away after it had signed [`RS256`], for alice until the year 2100.
    const RSA_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAv5SivtbTLejdfi7QZGhI\n\
7GwI4SKKJtXuxBJYJDnx1kOHNwvqKqxJmMkmyWWxBrWId4FweF+LfyiYz8JCqRVS\n\
lCp6CiO53F4bZGTjroGI9UaWwfuXw1db40jnsUAExMIBk0atg7JFJrdB68IN7l/V\n\
uFP2F9p28+6Cfl87qI6fKKenvDlrW1haRYpWlpbBaEPJpMRCcVhwS9l0nltd2Fvz\n\
mh23tnxkbzFZPJV0sVmr+wawcdUrVEURUwIg8IefdH+/PH8Wc5kSMiK2suQc8Oc8\n\
gq1N+9k4mnOyXVyNGJZcMY0C4Hm20gFBQx3149PYiKfQiD/Bs31pRXS8itGT1fZa\n\
owIDAQAB\n\
-----END PUBLIC KEY-----\n\
";
    const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0.bkIhMowo_ANryUVi5qs979tnvNlTh\
nq9ET6fUk-B4naSXh7Ec68AMi-X9AGJ4eWKmGSW0M9Jt0qwkfX4OYHm_A27x8bFoJ83cpH9X2Hu4kMWxUUqy9oWHUYPphhPImGtHhE7QkX_Tg4\
2X3F3aWf7cdk4v3pWZBaFb60WLuDn7fgFsOVPmm1YpaqVD-Y7upTFWfrVzwN6SSGDccgCy6sBfh0ZIHcVwCni_--TWat2WNRTvY3242Z8ssr-5\
PgYJGbN5TQOdH9iwMBGyXoDx-eYiEj0CcgihG6FxdZfSup3-xyvzr_UMJ3h3G7U1spwmBaPRDFnw7Uyz6jqZlgoJ05uQQ";
    /// A curve that is not known here.
    const P384_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE8I8z4XBPF/kuKM/Pr9OIHGMw+htv9jdl\n\
0tr7JjBhzeRwLcotvNASQedJAQdJRj+w2muEil9Ltm01J8jLFWNMDiccFK2G5w/B\n\
0T97V7GDC8+k60y5Lt0RziD7nFKDYv+n\n\
-----END PUBLIC KEY-----\n\
";

    /// Base64 as JWTs have it.
    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for piece in bytes.chunks(3) {
            let bits = piece.iter().chain([&0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            (0..=piece.len()).for_each(|n| text.push(LETTERS[bits >> (18 - 6 * n) & 63] as char));
        }
        text
    }

    /// A JWT that `sign` has signed.
    fn jwt(algorithm: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let header = format!("{{\"alg\":\"{algorithm}\",\"typ\":\"JWT\"}}");
        let message = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
        let signature = sign(message.as_bytes());
        format!("{message}.{}", base64(&signature))
    }

    fn hs256(key: &[u8], claims: &str) -> String {
        jwt("HS256", claims, |text| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec())
    }

    fn with_secret(audience: Option<&str>) -> Checker {
        signature_installed();
        let mut checker = Checker::default();
        checker.add_secret(SECRET, audience).unwrap();
        checker
    }

    fn with_key(pem: &str) -> Checker {
        signature_installed();
        let mut checker = Checker::default();
        checker.add_public_key(pem.as_bytes(), None).unwrap();
        checker
    }

    fn signature_installed() {
        super::super::signature::install();
    }

    fn user(checker: &Checker, token: &str) -> Result<String, &'static str> {
        checker.check(token.as_bytes(), now_ms()).map(|pass| String::from_utf8(pass.user).unwrap())
    }

    #[test]
    fn a_token_that_is_signed_says_who_it_is() {
        let checker = with_secret(None);
        let now = now_ms();
        let soon = now / 1000 + 60;
        let pass =
            checker.check(hs256(SECRET, &format!("{{\"sub\":\"alice\",\"exp\":{soon}}}")).as_bytes(), now).unwrap();
        assert_eq!(pass, Pass { user: b"alice".to_vec(), expires_ms: soon * 1000 });
        // For ever, as far as we are concerned.
        let far = checker.check(hs256(SECRET, "{\"sub\":\"alice\",\"exp\":18446744073709551615}").as_bytes(), now);
        assert_eq!(far.unwrap().expires_ms, u64::MAX);
        // An audience is only looked at where one is asked for.
        let claims = format!("{{\"sub\":\"bob\",\"exp\":{soon}.5,\"nbf\":{},\"aud\":\"other\"}}", soon - 60);
        assert_eq!(user(&checker, &hs256(SECRET, &claims)).as_deref(), Ok("bob"));
    }

    #[test]
    fn what_is_not_quite_right_is_refused() {
        let checker = with_secret(Some("tabs"));
        let (now, soon) = (now_ms() / 1000, now_ms() / 1000 + 60);
        let good = format!("{{\"sub\":\"alice\",\"exp\":{soon},\"aud\":\"tabs\"}}");
        assert_eq!(user(&checker, &hs256(SECRET, &good)).as_deref(), Ok("alice"));
        for (claims, want) in [
            (format!("{{\"sub\":\"alice\",\"exp\":{},\"aud\":\"tabs\"}}", now - 1), EXPIRED),
            (format!("{{\"sub\":\"alice\",\"exp\":{},\"aud\":\"tabs\"}}", now - 1000), EXPIRED),
            (
                format!("{{\"sub\":\"alice\",\"exp\":{soon},\"nbf\":{soon},\"aud\":\"tabs\"}}"),
                "the token is not valid yet",
            ),
            (format!("{{\"sub\":\"alice\",\"exp\":{soon},\"aud\":\"other\"}}"), "the token is not for this server"),
            (format!("{{\"sub\":\"alice\",\"exp\":{soon}}}"), INVALID),
            ("{\"sub\":\"alice\",\"aud\":\"tabs\"}".to_string(), INVALID),
            (format!("{{\"sub\":\"alice\",\"exp\":\"{soon}\",\"aud\":\"tabs\"}}"), INVALID),
            ("{\"sub\":\"alice\",\"exp\":-1,\"aud\":\"tabs\"}".to_string(), INVALID),
            ("{\"sub\":\"alice\",\"exp\":1e999,\"aud\":\"tabs\"}".to_string(), INVALID),
            ("{\"sub\":\"alice\",\"exp\":0,\"aud\":\"tabs\"}".to_string(), EXPIRED),
            (format!("{{\"exp\":{soon},\"aud\":\"tabs\"}}"), INVALID),
            (format!("{{\"sub\":\"\",\"exp\":{soon},\"aud\":\"tabs\"}}"), INVALID),
            (format!("{{\"sub\":7,\"exp\":{soon},\"aud\":\"tabs\"}}"), INVALID),
            ("[]".to_string(), INVALID),
        ] {
            assert_eq!(user(&checker, &hs256(SECRET, &claims)), Err(want), "{claims}");
        }
        let mut changed = hs256(SECRET, &good);
        changed.replace_range(
            changed.len() - 5..changed.len() - 4,
            if changed.as_bytes()[changed.len() - 5] == b'A' { "B" } else { "A" },
        );
        for token in [
            changed,
            hs256(b"another secret of at least 32 bytes, as it is", &good),
            jwt("none", &good, |_| Vec::new()),
            jwt("None", &good, |_| Vec::new()),
            jwt("HS512", &good, |text| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, SECRET), text).as_ref().to_vec()),
            hs256(SECRET, &good).replace('.', ""),
            String::new(),
            "..".to_string(),
            "garbage".to_string(),
        ] {
            assert_eq!(user(&checker, &token), Err(INVALID), "{token}");
        }
        assert_eq!(checker.check(&[0xff, b'.', 0, b'.'], now_ms()), Err(INVALID));
    }

    #[test]
    fn public_keys_are_known_by_their_kind() {
        assert_eq!(user(&with_key(RSA_KEY), RS256).as_deref(), Ok("alice"));
        let claims = format!("{{\"sub\":\"alice\",\"exp\":{}}}", now_ms() / 1000 + 60);
        let random = SystemRandom::new();

        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let checker = with_key(&pair.public_key_pem());
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let signer = signature::EcdsaKeyPair::from_pkcs8(algorithm, pair.serialized_der(), &random).unwrap();
        let es256 = jwt("ES256", &claims, |text| signer.sign(&random, text).unwrap().as_ref().to_vec());
        assert_eq!(user(&checker, &es256).as_deref(), Ok("alice"));
        assert_eq!(user(&checker, RS256), Err(INVALID));

        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let checker = with_key(&pair.public_key_pem());
        let signer = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pair.serialized_der()).unwrap();
        let eddsa = jwt("EdDSA", &claims, |text| signer.sign(text).as_ref().to_vec());
        assert_eq!(user(&checker, &eddsa).as_deref(), Ok("alice"));
        assert_eq!(user(&checker, &es256), Err(INVALID));
        // The public key is no secret: who signs with it as if it were one is nobody.
        let pem = pair.public_key_pem();
        assert_eq!(user(&checker, &hs256(pem.as_bytes(), &claims)), Err(INVALID));
        assert_eq!(user(&checker, &hs256(signer_public(&signer), &claims)), Err(INVALID));
    }

    fn signer_public(signer: &signature::Ed25519KeyPair) -> &[u8] {
        use signature::KeyPair;
        signer.public_key().as_ref()
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let private = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        for (pem, want) in [
            ("", "no public key"),
            (private.as_str(), "no public key"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no key of"),
            (P384_KEY, "only P-256"),
        ] {
            let error = Checker::default().add_public_key(pem.as_bytes(), None).unwrap_err();
            assert!(error.contains(want), "{pem}: {error}");
        }
        assert!(Checker::default().add_secret(&[b'x'; 31], None).is_err());
    }
}
