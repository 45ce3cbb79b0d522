//! A selector: commands with the keys and channels they may touch. A user has a first one of its own and any number in parentheses; a
//! command runs if one of them allows all of it.

use super::commands::Commands;
use super::{Denied, RuleError, channels};
use crate::base::glob;
use crate::engine::keys::{self, Found, access};
use crate::engine::row::{Row, RowId, Table, flag};

/// What may be done with a key, as bits.
pub const READ: u8 = 1;
pub const WRITE: u8 = 2;

/// See the module.
#[derive(Clone)]
pub struct Selector {
    pub commands: Commands,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Vec<u8>>,
}

/// Keys that match a pattern, and what may be done with them.
#[derive(Clone)]
struct KeyPattern {
    access: u8,
    pattern: Vec<u8>,
}

/// A command that is checked; its keys are found when the first selector asks.
pub struct Call<'a> {
    pub table: &'static Table,
    pub id: RowId,
    pub argv: &'a [&'a [u8]],
    keys: Option<Vec<Found>>,
}

impl<'a> Call<'a> {
    pub fn new(table: &'static Table, id: RowId, argv: &'a [&'a [u8]]) -> Self {
        Call { table, id, argv, keys: None }
    }

    /// The keys. Arguments that make no sense where keys should be have none: the command itself will refuse them.
    fn keys(&mut self) -> &[Found] {
        let slot = self.table.slot(self.id);
        self.keys.get_or_insert_with(|| {
            let mut found = keys::find(slot.row, &slot.full_name, self.argv).unwrap_or_default();
            found.retain(|key| key.flags & access::NOT_KEY == 0);
            found
        })
    }
}

impl Selector {
    /// Returns one that allows nothing, but for all channels if those are wanted (`acl-pubsub-default`).
    pub fn new(table: &'static Table, all_channels: bool) -> Self {
        let commands = Commands::none(table);
        Selector { commands, all_keys: false, keys: Vec::new(), all_channels, channels: Vec::new() }
    }

    /// Returns one that allows everything.
    pub fn everything(table: &'static Table) -> Self {
        let mut selector = Selector::new(table, true);
        selector.commands.set_all(true);
        selector.all_keys = true;
        selector
    }

    /// Whether it allows everything.
    pub fn is_everything(&self) -> bool {
        self.commands.are_all() && self.all_keys && self.all_channels
    }

    /// Applies one rule about commands, keys or channels.
    pub fn rule(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => (self.all_keys, self.keys) = (true, Vec::new()),
            b"resetkeys" => (self.all_keys, self.keys) = (false, Vec::new()),
            b"allchannels" | b"&*" => (self.all_channels, self.channels) = (true, Vec::new()),
            b"resetchannels" => self.reset_channels(false),
            b"allcommands" => self.commands.set_all(true),
            b"nocommands" => self.commands.set_all(false),
            _ => match rule.split_first() {
                Some((b'~', pattern)) => self.add_keys(READ | WRITE, pattern)?,
                Some((b'%', rest)) => {
                    let (access, pattern) = key_access(rest)?;
                    self.add_keys(access, pattern)?;
                }
                Some((b'&', pattern)) => self.add_channels(pattern)?,
                Some((b'+', what)) => self.commands.rule(true, what)?,
                Some((b'-', what)) => self.commands.rule(false, what)?,
                _ => return Err(RuleError::Syntax),
            },
        }
        Ok(())
    }

    /// Allows all channels, or none.
    pub fn reset_channels(&mut self, all: bool) {
        (self.all_channels, self.channels) = (all, Vec::new());
    }

    fn add_keys(&mut self, access: u8, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::AfterAllKeys);
        }
        if super::has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.access |= access,
            None => self.keys.push(KeyPattern { access, pattern: pattern.to_vec() }),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::AfterAllChannels);
        }
        if super::has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    /// Fails with the first thing of `call` that this does not allow.
    pub fn check(&self, call: &mut Call) -> Result<(), Denied> {
        // AUTH and its like are how one becomes somebody else, so nobody is kept from them.
        let free = call.table.slot(call.id).row.has(flag::NO_AUTH);
        if !free && !self.commands.allow(call.id, call.argv) {
            return Err(Denied::Command);
        }
        if !self.all_keys {
            let (argv, row) = (call.argv, call.table.slot(call.id).row);
            if let Some(key) = call.keys().iter().find(|key| !self.allows_key(argv[key.at], wanted(row, key.flags))) {
                return Err(Denied::Key(key.at));
            }
        }
        if !self.all_channels
            && let Some((mut places, patterns)) = channels::of(&call.table.slot(call.id).full_name, call.argv)
            && let Some(at) = places.find(|at| !self.allows_channel(call.argv[*at], patterns))
        {
            return Err(Denied::Channel(at));
        }
        Ok(())
    }

    /// Whether one pattern allows all of `wanted` for `key`. Two that allow half of it each do not.
    fn allows_key(&self, key: &[u8], wanted: u8) -> bool {
        self.keys.iter().any(|known| known.access & wanted == wanted && glob::matches(&known.pattern, key))
    }

    /// Whether every key may be read.
    pub fn reads_all_keys(&self) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.access & READ != 0 && known.pattern == b"*")
    }

    /// Whether `channel` is allowed. A pattern is when it is allowed literally: what it may match is not compared.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        let fits = |known: &Vec<u8>| if is_pattern { known == channel } else { glob::matches(known, channel) };
        self.all_channels || self.channels.iter().any(fits)
    }

    /// Whether every channel that `other` allows is allowed here, literally.
    pub fn covers_channels_of(&self, other: &Selector) -> bool {
        self.all_channels || (!other.all_channels && other.channels.iter().all(|name| self.channels.contains(name)))
    }

    /// The keys as rules: `~a %R~b`.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let rules = self.keys.iter().map(|known| {
            let head: &[u8] = match known.access {
                READ => b"%R~",
                WRITE => b"%W~",
                _ => b"~",
            };
            [head, &known.pattern].concat()
        });
        rules.collect::<Vec<_>>().join(&b' ')
    }

    /// The channels as rules: `&a &b`.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let rules = self.channels.iter().map(|name| [b"&", name.as_slice()].concat());
        rules.collect::<Vec<_>>().join(&b' ')
    }

    /// All rules, those about channels begun with `resetchannels`: what the list means does not depend on `acl-pubsub-default`.
    pub fn describe(&self) -> Vec<u8> {
        let mut parts = vec![self.describe_keys()];
        if !self.all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        parts.push(self.describe_channels());
        parts.push(self.commands.describe());
        parts.retain(|part| !part.is_empty());
        parts.join(&b' ')
    }
}

/// Returns what a command of `row` needs to be allowed for a key that it uses as `flags` (bits of [`access`]) say. A key that is neither
/// read nor written, but whose size or existence is told, needs one of both.
fn wanted(row: &Row, flags: u32) -> u8 {
    let said = flags & !(access::INCOMPLETE | access::VARIABLE_FLAGS) != 0;
    let mut wanted = 0;
    // Where nothing is said, everything the command might do.
    if flags & access::ACCESS != 0 || !said {
        wanted |= READ;
    }
    if flags & (access::INSERT | access::DELETE | access::UPDATE) != 0 || (!said && row.has(flag::WRITE)) {
        wanted |= WRITE;
    }
    wanted
}

/// Splits what follows `%` into what may be done and the pattern. Nothing after the letters is the empty pattern, as in Redis.
fn key_access(rest: &[u8]) -> Result<(u8, &[u8]), RuleError> {
    let mut access = 0;
    for (at, byte) in rest.iter().enumerate() {
        match byte.to_ascii_uppercase() {
            b'R' if access & READ == 0 => access |= READ,
            b'W' if access & WRITE == 0 => access |= WRITE,
            b'~' if access != 0 => return Ok((access, &rest[at + 1..])),
            _ => return Err(RuleError::Syntax),
        }
    }
    if access == 0 { Err(RuleError::Syntax) } else { Ok((access, b"")) }
}
