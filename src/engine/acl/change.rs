//! Users change while sessions are open: who they are is worked out again, and some are cut off.

use super::user::User;
use super::{Acl, DEFAULT, Identity, UserId};
use crate::engine::Ctx;
use crate::engine::session::Session;
use std::collections::BTreeMap;

impl Acl {
    /// Puts `users` in the place of all there are. Who is still among them keeps the place; the default user is fresh if it is not.
    pub fn replace(&mut self, mut users: BTreeMap<Vec<u8>, User>) {
        users.entry(b"default".to_vec()).or_insert_with(|| User::default_user(self.table));
        let gone: Vec<UserId> =
            self.by_name.iter().filter(|(name, _)| !users.contains_key(*name)).map(|(_, id)| *id).collect();
        // Before places become free, so that nobody gets one that a session still names.
        users.into_values().for_each(|user| self.put(user));
        gone.into_iter().for_each(|id| self.remove(id));
    }

    /// The user at `id`, unless it was deleted.
    fn get(&self, id: UserId) -> Option<&User> {
        self.places.get(id.0 as usize)?.as_ref()
    }

    /// Whether a session must go now that users are not what they were `before`: its user is gone, or may no longer listen to
    /// something it listens to.
    fn must_go(&self, session: &Session, before: &Users) -> bool {
        let Some(id) = session.who.user else { return false };
        let Some(user) = self.get(id) else { return true };
        // What was subscribed to as somebody else stays, as long as nothing is taken away from this user.
        if before.get(&id).is_none_or(|old| user.covers_channels_of(old)) {
            return false;
        }
        let literal = session.channels.iter().chain(&session.shards).map(|name| (name, false));
        let mut all = literal.chain(session.patterns.iter().map(|name| (name, true)));
        !all.all(|(name, is_pattern)| user.allows_channel(name, is_pattern))
    }
}

/// Users as they were.
type Users = BTreeMap<UserId, User>;

impl Ctx<'_> {
    /// Applies `rules` to a user, which is made if there is none. Sessions that listen to what the user may no longer listen to are cut
    /// off. Fails with the error's text, and changes nothing, if a rule is wrong.
    pub fn set_user(&mut self, name: &[u8], rules: &[&[u8]]) -> Result<(), String> {
        let acl = &self.server.acl;
        let before = acl.find(name).map(|id| (id, acl.user(id).clone()));
        self.change_users(before.into_iter().collect(), |acl| acl.set_user(name, rules))
    }

    /// Deletes users and cuts their sessions off. Returns how many there were.
    pub fn delete_users(&mut self, names: &[&[u8]]) -> usize {
        self.change_users(Users::new(), |acl| {
            let found: Vec<UserId> = names.iter().filter_map(|name| acl.find(name)).collect();
            let before = acl.by_name.len();
            found.into_iter().for_each(|id| acl.remove(id));
            before - acl.by_name.len()
        })
    }

    /// Puts `users` in the place of all there are.
    pub fn replace_users(&mut self, users: BTreeMap<Vec<u8>, User>) {
        let acl = &self.server.acl;
        let before = acl.by_name.values().map(|id| (*id, acl.user(*id).clone())).collect();
        self.change_users(before, |acl| acl.replace(users));
    }

    /// Sets the default user's password (`requirepass`); who is in stays.
    pub fn set_default_password(&mut self, password: &[u8]) {
        self.change_users(Users::new(), |acl| acl.set_default_password(password));
    }

    /// Runs `change`, and makes all sessions follow.
    fn change_users<R>(&mut self, before: Users, change: impl FnOnce(&mut Acl) -> R) -> R {
        let result = change(&mut self.server.acl);
        let acl = &self.server.acl;
        let gone = |session: &Session| acl.must_go(session, &before);
        let doomed: Vec<_> =
            self.sessions.iter().filter(|session| gone(session)).map(|session| session.place).collect();
        let own = gone(self.me);
        for session in self.sessions.iter_mut().chain([&mut *self.me]) {
            if session.who.user.is_some_and(|id| acl.get(id).is_none()) {
                session.who = Identity { user: Some(DEFAULT), ..Identity::STRANGER };
            }
            acl.guard(session);
        }
        doomed.into_iter().for_each(|id| self.kill(id));
        if own {
            // Its reply still goes out.
            self.me.closing = true;
            self.sessions.wake(self.me.place);
        }
        result
    }
}
