//! The users as text: the arguments of `ACL SETUSER`, lines of a configuration, and the ACL file.

use super::user::User;
use super::{Acl, RuleError, has_spaces};
use std::collections::BTreeMap;

/// Joins the arguments of every selector into one: `(`, `~a`, `+get)` becomes `(~a +get)`. Fails with where the parenthesis is that is
/// not closed.
pub fn join_selectors<'a>(words: &[&'a [u8]]) -> Result<Vec<Vec<u8>>, &'a [u8]> {
    let mut joined: Vec<Vec<u8>> = Vec::with_capacity(words.len());
    let mut open: Option<&[u8]> = None;
    for word in words {
        if open.is_none() && word.first() == Some(&b'(') {
            open = Some(word);
            joined.push(word.to_vec());
        } else if open.is_some() {
            let selector = joined.last_mut().expect("an open one was pushed");
            selector.push(b' ');
            selector.extend_from_slice(word);
        } else {
            joined.push(word.to_vec());
        }
        if open.is_some() && word.last() == Some(&b')') {
            open = None;
        }
    }
    open.map_or(Ok(joined), Err)
}

impl Acl {
    /// Applies `rules` to the user called `name`, which is made if there is none: all of them, or none if one is wrong. Fails with the
    /// text of the error.
    pub fn set_user(&mut self, name: &[u8], rules: &[&[u8]]) -> Result<(), String> {
        let user = self.changed_user(name, rules)?;
        self.put(user);
        Ok(())
    }

    /// The user called `name` as it will be with `rules` applied.
    pub(super) fn changed_user(&self, name: &[u8], rules: &[&[u8]]) -> Result<User, String> {
        let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let rules = join_selectors(rules)
            .map_err(|at| format!("ERR Unmatched parenthesis in acl selector starting at '{}'.", shown(at)))?;
        let mut user = match self.find(name) {
            Some(id) => self.user(id).clone(),
            None => User::new(self.table, name, self.all_channels),
        };
        for rule in &rules {
            let failed = |why| format!("ERR Error in ACL SETUSER modifier '{}': {why}", shown(rule));
            user.rule(rule, self.all_channels).map_err(failed)?;
        }
        Ok(user)
    }

    /// Takes a `user` directive of a configuration: the name and its rules, which are applied by [`Acl::start`]. Fails with the reason
    /// if a rule is wrong, or there was a directive for the user before.
    pub fn declare(&mut self, words: &[&[u8]]) -> Result<(), String> {
        let (name, rules) = words.split_first().ok_or("wrong number of arguments")?;
        let failed = |why: &dyn std::fmt::Display| {
            format!("Error in user declaration '{}': {why}", String::from_utf8_lossy(name))
        };
        if self.declared.contains_key(*name) {
            return Err(failed(&RuleError::Duplicate));
        }
        if has_spaces(name) {
            return Err(failed(&"Spaces not allowed in ACL usernames"));
        }
        let rules = join_selectors(rules).map_err(|_| failed(&"Unmatched parenthesis in selector definition"))?;
        // Whether they can be applied, whatever the defaults will be.
        self.made_of(name, &rules).map_err(|why| failed(&why))?;
        self.declared.insert(name.to_vec(), rules);
        Ok(())
    }

    fn made_of(&self, name: &[u8], rules: &[Vec<u8>]) -> Result<User, RuleError> {
        let mut user = User::new(self.table, name, self.all_channels);
        rules.iter().try_for_each(|rule| user.rule(rule, self.all_channels))?;
        Ok(user)
    }

    /// Makes the users that were declared, or, if there is a file (its path, and what was read), those of the file. To be called once,
    /// when all else is configured. Fails with a sentence.
    pub fn start(&mut self, file: Option<(&str, Result<Vec<u8>, String>)>) -> Result<(), String> {
        let declared = std::mem::take(&mut self.declared);
        let Some((path, text)) = file else {
            for (name, rules) in declared {
                let made = self.made_of(&name, &rules);
                let user = made.map_err(|why| format!("Critical error while loading ACLs. Exiting. {why}"))?;
                self.put(user);
            }
            return Ok(());
        };
        if !declared.is_empty() {
            return Err("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. \
                        This setup is very likely to lead to configuration errors and security holes, please define either an ACL \
                        file or declare users directly in your redis.conf, but not both."
                .to_string());
        }
        let users = self.users_of_file(path, text);
        self.replace(users.map_err(|why| format!("Aborting Redis startup because of ACL errors: {why}"))?);
        Ok(())
    }

    /// Returns the users of the ACL file at `path`, given what was read. Fails with everything that is wrong with it.
    pub fn users_of_file(&self, path: &str, text: Result<Vec<u8>, String>) -> Result<BTreeMap<Vec<u8>, User>, String> {
        let text = text.map_err(|why| format!("Error loading ACLs, opening file '{path}': {why}"))?;
        self.parse_file(path, &text)
    }

    fn parse_file(&self, path: &str, text: &[u8]) -> Result<BTreeMap<Vec<u8>, User>, String> {
        let mut users = BTreeMap::new();
        let mut errors: Vec<String> = Vec::new();
        for (n, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let at = format!("{path}:{}", n + 1);
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            let (name, rules) = match words.as_slice() {
                [b"user", name, rules @ ..] => (*name, rules),
                _ => {
                    errors.push(format!("{at} should start with user keyword followed by the username."));
                    continue;
                }
            };
            let shown = String::from_utf8_lossy(name);
            if has_spaces(name) {
                errors.push(format!("{at}: username '{shown}' contains invalid characters."));
            } else if users.contains_key(name) {
                errors.push(format!("WARNING: Duplicate user '{shown}' found on line {}.", n + 1));
            } else {
                let user = self.user_of_line(&at, name, rules, &mut errors);
                users.insert(name.to_vec(), user);
            }
        }
        if errors.is_empty() {
            return Ok(users);
        }
        errors.push(
            "WARNING: ACL errors detected, no change to the previously active ACL rules was performed".to_string(),
        );
        Err(errors.join(" "))
    }

    fn user_of_line(&self, at: &str, name: &[u8], rules: &[&[u8]], errors: &mut Vec<String>) -> User {
        let mut user = User::new(self.table, name, self.all_channels);
        let Ok(rules) = join_selectors(rules) else {
            errors.push(format!("{at}: Unmatched parenthesis in selector definition."));
            return user;
        };
        for rule in &rules {
            match user.rule(rule, self.all_channels) {
                Ok(()) => {}
                Err(RuleError::Unknown) => {
                    let rule = String::from_utf8_lossy(rule);
                    errors.push(format!("{at}: Error in applying operation '{rule}': {}.", RuleError::Unknown));
                }
                Err(error) => errors.push(format!("{at}: {error}.")),
            }
        }
        user
    }

    /// The ACL file of the users there are.
    pub fn file_text(&self) -> Vec<u8> {
        self.users().flat_map(|user| [user.describe(), b"\n".to_vec()]).flatten().collect()
    }
}
