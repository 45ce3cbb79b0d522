//! The check of one command of a guarded session, and what is kept of a refusal.

use super::log::{Context, Entry, Reason};
use super::selector::Call;
use super::{Acl, Denied, UserId};
use crate::engine::error::{Error, Outcome};
use crate::engine::row::{RowId, flag};
use crate::engine::{Ctx, Table};

/// When a command is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum When {
    /// As it comes, be it to run or to be queued.
    Coming,
    /// As EXEC runs it; it was allowed when it was queued.
    Exec,
    /// As a script runs it.
    Script,
}

impl Acl {
    /// Fails if the user may not run `argv`, whose row is `id`.
    pub fn check(&self, user: UserId, id: RowId, argv: &[&[u8]]) -> Result<(), Denied> {
        self.user(user).check(&mut Call::new(self.table, id, argv))
    }
}

impl Ctx<'_> {
    /// Fails, and keeps a record of it, if the session may not run its command. For guarded sessions.
    #[cold]
    pub(in crate::engine) fn permit(&mut self, when: When) -> Outcome {
        let who = self.me.who;
        if self.server.acl.needs_password(who) {
            return if self.row.has(flag::NO_AUTH) { Ok(()) } else { Err(Error::NoAuth) };
        }
        let Some(user) = who.user else { return Ok(()) };
        let Err(denied) = self.server.acl.check(user, self.row_id, self.argv) else { return Ok(()) };
        let (reason, object) = match denied {
            Denied::Command => (Reason::Command, self.name().as_bytes()),
            Denied::Key(at) => (Reason::Key, self.argv[at]),
            Denied::Channel(at) => (Reason::Channel, self.argv[at]),
        };
        let username = self.server.acl.user(user).name.clone();
        let context = match when {
            When::Coming if self.me.multi.is_none() => Context::Toplevel,
            When::Coming | When::Exec => Context::Multi,
            When::Script => Context::Lua,
        };
        self.note(reason, context, object.to_vec(), username);
        Err(refusal(denied, when, self.name()))
    }

    /// Makes the session the user called `name`. Fails, and keeps a record of it, if there is none or the password is wrong.
    pub fn login(&mut self, name: &[u8], password: &[u8]) -> Outcome {
        if self.server.acl.login(self.me, name, password) {
            return Ok(());
        }
        let context = if self.nested { Context::Multi } else { Context::Toplevel };
        self.note(Reason::Auth, context, self.argv[0].to_vec(), name.to_vec());
        Err(Error::BadAuth)
    }

    /// Whether the session must give a password before it may do anything.
    pub fn needs_password(&self) -> bool {
        self.server.acl.needs_password(self.me.who)
    }

    /// Makes the session what it is at its beginning: the default user.
    pub fn logout(&mut self) {
        self.server.acl.welcome(self.me);
    }

    /// Whether the session may read every key there is, beside running its command: what SORT needs to follow patterns.
    pub fn reads_all_keys(&self) -> bool {
        let who = self.me.who;
        let table: &'static Table = self.server.table;
        let may = |id| {
            let user = self.server.acl.user(id);
            user.checks_and_reads_all_keys(&mut Call::new(table, self.row_id, self.argv))
        };
        !who.is_guarded() || who.user.is_none_or(may)
    }

    fn note(&mut self, reason: Reason, context: Context, object: Vec<u8>, username: Vec<u8>) {
        let client = (self.server.table.client_line())(self);
        let acl = &mut self.server.acl;
        let denials = &mut acl.denials;
        *match reason {
            Reason::Auth => &mut denials.auth,
            Reason::Command => &mut denials.command,
            Reason::Key => &mut denials.key,
            Reason::Channel => &mut denials.channel,
        } += 1;
        let now = self.ks.now;
        let entry =
            Entry { count: 1, reason, context, object, username, client, id: 0, created_ms: now, updated_ms: now };
        acl.log.add(entry);
    }
}

/// What a refused command answers.
fn refusal(denied: Denied, when: When, name: &str) -> Error {
    match (when, denied) {
        (When::Coming, Denied::Command) => Error::no_permission(name),
        (When::Coming, Denied::Key(_)) => Error::NoPermissionKey,
        (When::Coming, Denied::Channel(_)) => Error::NoPermissionChannel,
        (When::Exec, Denied::Command) => Error::rules_changed("no permission to execute the command or subcommand"),
        (When::Exec, Denied::Key(_)) => Error::rules_changed("no permission to touch the specified keys"),
        (When::Exec, Denied::Channel(_)) => {
            Error::rules_changed("no permission to access one of the channels used as arguments")
        }
        (When::Script, Denied::Command) => Error::ScriptNoCommand,
        (When::Script, Denied::Key(_)) => Error::ScriptNoKey,
        (When::Script, Denied::Channel(_)) => Error::ScriptNoChannel,
    }
}
