//! A user: whether it may come in, with which passwords, and what it may do then.

use super::selector::{Call, Selector};
use super::{Denied, RuleError};
use crate::engine::row::{RowId, Table};
use sha2::{Digest, Sha256};

/// The SHA-256 of a password.
pub type Hash = [u8; 32];

/// See the module.
#[derive(Clone)]
pub struct User {
    /// Its name; any bytes but spaces and zeros.
    pub name: Vec<u8>,
    /// Whether it may come in.
    pub enabled: bool,
    /// Whether any password is right.
    pub no_password: bool,
    /// What RESTORE is given by it is taken to be sound. Kept and shown only: everything is checked here.
    skip_sanitize: bool,
    passwords: Vec<Hash>,
    /// The first one is its own, the others were given in parentheses.
    selectors: Vec<Selector>,
}

impl User {
    /// Returns a user that may do nothing, except on channels if those are allowed by default.
    pub fn new(table: &'static Table, name: &[u8], all_channels: bool) -> Self {
        User {
            name: name.to_vec(),
            enabled: false,
            no_password: false,
            skip_sanitize: false,
            passwords: Vec::new(),
            selectors: vec![Selector::new(table, all_channels)],
        }
    }

    /// Returns the user that everybody is at first, and may do everything.
    pub fn default_user(table: &'static Table) -> Self {
        let selectors = vec![Selector::everything(table)];
        User { enabled: true, no_password: true, selectors, ..User::new(table, b"default", true) }
    }

    /// Whether it may do everything.
    pub fn is_unrestricted(&self) -> bool {
        self.selectors.iter().any(Selector::is_everything)
    }

    /// Whether anybody may be this user without a word.
    pub fn is_open(&self) -> bool {
        self.enabled && self.no_password
    }

    /// Whether `password` lets it in.
    pub fn accepts(&self, password: &[u8]) -> bool {
        self.enabled && (self.no_password || self.has(&hash(password)))
    }

    /// Compares with every password, in a time that tells nothing about how near it was.
    fn has(&self, hash: &Hash) -> bool {
        let same = |known: &Hash| known.iter().zip(hash).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0;
        self.passwords.iter().fold(false, |found, known| found | same(known))
    }

    /// Makes `password` the only one, or, if it is empty, every one right (`requirepass`).
    pub fn set_password(&mut self, password: &[u8]) {
        self.passwords.clear();
        self.no_password = password.is_empty();
        if !password.is_empty() {
            self.passwords.push(hash(password));
        }
    }

    /// Applies one rule; selectors are whole, with both parentheses. `all_channels` is what new selectors are allowed at first.
    pub fn rule(&mut self, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"nopass" => (self.no_password, self.passwords) = (true, Vec::new()),
            b"resetpass" => (self.no_password, self.passwords) = (false, Vec::new()),
            b"sanitize-payload" => self.skip_sanitize = false,
            b"skip-sanitize-payload" => self.skip_sanitize = true,
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => {
                let table = self.selectors[0].commands.table();
                *self = User::new(table, &self.name, all_channels);
            }
            _ => match rule.split_first() {
                Some((b'>', password)) => self.add(hash(password)),
                Some((b'<', password)) => self.remove(&hash(password))?,
                Some((b'#', hex)) => self.add(from_hex(hex)?),
                Some((b'!', hex)) => self.remove(&from_hex(hex)?)?,
                Some((b'(', rest)) => {
                    let rules = rest.strip_suffix(b")").ok_or(RuleError::Syntax)?;
                    let mut selector = Selector::new(self.selectors[0].commands.table(), all_channels);
                    rules
                        .split(u8::is_ascii_whitespace)
                        .filter(|word| !word.is_empty())
                        .try_for_each(|word| selector.rule(word))?;
                    self.selectors.push(selector);
                }
                _ => self.selectors[0].rule(rule)?,
            },
        }
        Ok(())
    }

    fn add(&mut self, hash: Hash) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.no_password = false;
    }

    fn remove(&mut self, hash: &Hash) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    /// Whether it may run `argv`, whose row is `id`.
    pub fn may_run(&self, table: &'static Table, id: RowId, argv: &[&[u8]]) -> bool {
        self.check(&mut Call::new(table, id, argv)).is_ok()
    }

    /// Fails if no selector allows `call`: with what the one denies that allows most of it.
    pub fn check(&self, call: &mut Call) -> Result<(), Denied> {
        let mut worst = Denied::Command;
        for selector in &self.selectors {
            match selector.check(call) {
                Ok(()) => return Ok(()),
                Err(denied) => worst = worst.max(denied),
            }
        }
        Err(worst)
    }

    /// Whether a selector allows `call` and the reading of every key besides.
    pub fn checks_and_reads_all_keys(&self, call: &mut Call) -> bool {
        self.selectors.iter().any(|selector| selector.reads_all_keys() && selector.check(call).is_ok())
    }

    /// Whether it may listen to `channel`, which may be a pattern.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.selectors.iter().any(|selector| selector.allows_channel(channel, is_pattern))
    }

    /// Whether it may listen to everything that `old` might.
    pub fn covers_channels_of(&self, old: &User) -> bool {
        old.selectors.iter().all(|old| self.selectors.iter().any(|new| new.covers_channels_of(old)))
    }

    /// Its flags, as words.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.no_password {
            flags.push("nopass");
        }
        flags.push(if self.skip_sanitize { "skip-sanitize-payload" } else { "sanitize-payload" });
        flags
    }

    /// Its passwords' hashes in hexadecimal, oldest first.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = String> {
        self.passwords.iter().map(|hash| crate::base::num::hex(hash))
    }

    /// Its own selector, and the others.
    pub fn selectors(&self) -> (&Selector, &[Selector]) {
        (&self.selectors[0], &self.selectors[1..])
    }

    /// The line of a configuration that makes it: `user <name> <rules>`.
    pub fn describe(&self) -> Vec<u8> {
        let mut line = [b"user ", self.name.as_slice()].concat();
        for flag in self.flags() {
            line.extend_from_slice(b" ");
            line.extend_from_slice(flag.as_bytes());
        }
        for hash in self.hashes() {
            line.extend_from_slice(b" #");
            line.extend_from_slice(hash.as_bytes());
        }
        let (root, others) = self.selectors();
        line.push(b' ');
        line.extend_from_slice(&root.describe());
        for selector in others {
            line.extend_from_slice(&[b" (", selector.describe().as_slice(), b")"].concat());
        }
        line
    }
}

fn hash(password: &[u8]) -> Hash {
    Sha256::digest(password).into()
}

/// The hash that 64 lower-case hexadecimal digits spell.
fn from_hex(text: &[u8]) -> Result<Hash, RuleError> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(RuleError::BadHash),
    };
    let mut hash = Hash::default();
    if text.len() != 2 * hash.len() {
        return Err(RuleError::BadHash);
    }
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(hash)
}
