//! Access control: users, what they may do, and the check that every command of a restricted one goes through.
//!
//! Every session is somebody ([`Identity`]). The one door checks a command only if the session is *guarded*: it may not do
//! everything, or has not said who it is. Whether it is guarded is worked out when it comes in and whenever users change, so that the
//! default user without restrictions costs a single branch. A key, a channel or a command that is not allowed is refused before the
//! command's function is called; EXEC and scripts check each of their commands again.

mod categories;
mod change;
mod channels;
mod check;
mod commands;
mod file;
pub mod log;
mod selector;
mod user;

pub use categories::{CATEGORIES, categories, find as find_category};
pub(super) use check::When;
pub use selector::Selector;
pub use user::User;

use super::row::Table;
use super::session::Session;
use log::Log;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// A user's place. Places are used again when a user is deleted; no session keeps one of a deleted user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserId(u32);

/// The user that everybody is at first.
pub const DEFAULT: UserId = UserId(0);

/// Who a session is.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The user it acts as. Nobody: the host itself, which applies the effects of a leader or its own configuration.
    pub user: Option<UserId>,
    /// It gave a password, or needed none when it came.
    authenticated: bool,
    /// Its commands are checked.
    guarded: bool,
}

impl Identity {
    /// One that has not come in yet.
    pub(super) const STRANGER: Identity = Identity { user: Some(DEFAULT), authenticated: false, guarded: true };
    /// The host itself, which may do everything.
    pub(super) const HOST: Identity = Identity { user: None, authenticated: true, guarded: false };

    /// Whether its commands are checked.
    #[inline]
    pub(super) fn is_guarded(&self) -> bool {
        self.guarded
    }
}

/// Why a rule cannot be applied. `Display` is Redis's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    Syntax,
    Unknown,
    AfterAllKeys,
    AfterAllChannels,
    FirstArgOfSubcommand,
    NoSuchPassword,
    BadHash,
    Duplicate,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleError::Syntax => "Syntax error",
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::AfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
                 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::AfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try \
                 'resetchannels' to start with an empty list of channels"
            }
            RuleError::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            RuleError::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleError::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::Duplicate => "Duplicate user found. A user can only be defined once in config files",
        })
    }
}

/// What a user may not do: run the command, or touch the key or the channel at this argument. The later, the more was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    Command,
    Key(usize),
    Channel(usize),
}

/// How often something was denied, for `INFO stats`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Denials {
    pub auth: u64,
    pub command: u64,
    pub key: u64,
    pub channel: u64,
}

/// All users and what belongs to them.
pub struct Acl {
    table: &'static Table,
    places: Vec<Option<User>>,
    by_name: BTreeMap<Vec<u8>, UserId>,
    /// `acl-pubsub-default`: new users and selectors may use all channels.
    pub all_channels: bool,
    /// What was denied.
    pub log: Log,
    /// How often.
    pub denials: Denials,
    /// What generated passwords are made from. A host gives one that nobody can guess.
    pub secret: [u8; 32],
    passwords_made: u64,
    /// The `user` directives of a configuration, until they are applied: names and rules.
    declared: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Acl {
    pub(super) fn new(table: &'static Table, seed: u64) -> Self {
        Acl {
            table,
            places: vec![Some(User::default_user(table))],
            by_name: BTreeMap::from([(b"default".to_vec(), DEFAULT)]),
            all_channels: false,
            log: Log::default(),
            denials: Denials::default(),
            secret: Sha256::digest(seed.to_le_bytes()).into(),
            passwords_made: 0,
            declared: BTreeMap::new(),
        }
    }

    /// The user at `id`.
    pub fn user(&self, id: UserId) -> &User {
        self.places[id.0 as usize].as_ref().expect("nobody keeps the place of a deleted user")
    }

    /// The place of the user called `name`.
    pub fn find(&self, name: &[u8]) -> Option<UserId> {
        self.by_name.get(name).copied()
    }

    /// All users, by name.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.by_name.values().map(|id| self.user(*id))
    }

    /// What `CLIENT LIST` calls a session's user.
    pub fn name_of(&self, who: Identity) -> &[u8] {
        who.user.map_or(b"(superuser)", |id| &self.user(id).name)
    }

    /// Whether `who` must give a password before it may do anything.
    pub fn needs_password(&self, who: Identity) -> bool {
        who.guarded && !who.authenticated && !self.user(DEFAULT).is_open()
    }

    /// Makes a session what it is at its beginning: the default user, let in if that needs no password.
    pub(super) fn welcome(&self, session: &mut Session) {
        let authenticated = self.user(DEFAULT).is_open();
        session.who = Identity { user: Some(DEFAULT), authenticated, guarded: true };
        self.guard(session);
    }

    /// Makes the session that user. Returns false, and leaves it as it is, if there is none or the password is wrong.
    pub(super) fn login(&self, session: &mut Session, name: &[u8], password: &[u8]) -> bool {
        let Some(id) = self.find(name).filter(|id| self.user(*id).accepts(password)) else { return false };
        session.who = Identity { user: Some(id), authenticated: true, guarded: true };
        self.guard(session);
        true
    }

    /// Makes the session that user, who has shown elsewhere who it is.
    pub(super) fn turn_into(&self, session: &mut Session, user: UserId) {
        session.who = Identity { user: Some(user), authenticated: true, guarded: true };
        self.guard(session);
    }

    /// Works out whether the session's commands are checked.
    fn guard(&self, session: &mut Session) {
        let who = session.who;
        session.who.guarded = who.user.is_some_and(|id| {
            let let_in = who.authenticated || self.user(DEFAULT).is_open();
            !let_in || !self.user(id).is_unrestricted()
        });
    }

    /// Puts a user in the place of the one with its name, or in a new one.
    fn put(&mut self, user: User) {
        let place = match self.find(&user.name) {
            Some(id) => id.0 as usize,
            None => self.places.iter().position(Option::is_none).unwrap_or(self.places.len()),
        };
        self.by_name.insert(user.name.clone(), UserId(place as u32));
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(user);
    }

    /// Removes a user. The default user stays.
    fn remove(&mut self, id: UserId) {
        if id != DEFAULT
            && let Some(user) = self.places[id.0 as usize].take()
        {
            self.by_name.remove(&user.name);
        }
    }

    /// Sets the default user's password (`requirepass`), or lets everybody in if it is empty.
    pub fn set_default_password(&mut self, password: &[u8]) {
        let user = self.places[DEFAULT.0 as usize].as_mut().expect("the default user is never removed");
        user.set_password(password);
    }

    /// Returns `digits` hexadecimal digits that nobody can guess who does not know the secret.
    pub fn generate(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            let block = Sha256::new().chain_update(self.secret).chain_update(self.passwords_made.to_le_bytes());
            text.push_str(&crate::base::num::hex(&block.finalize()));
            self.passwords_made += 1;
        }
        text.truncate(digits);
        text
    }
}

/// Whether a name or pattern has what would break it apart in a line of text.
pub fn has_spaces(text: &[u8]) -> bool {
    // Redis counts the vertical tab among them.
    text.iter().any(|byte| matches!(byte, b' ' | b'\t'..=b'\r' | 0))
}
