//! Which commands a selector allows, and the rules that say so.
//!
//! The rules are kept as they were given, without those that later ones make void: what is printed makes the same set again. (Redis 7.0
//! keeps the set only and looks for rules that make it; Redis 7.2 keeps the rules.)

use super::RuleError;
use super::categories::{self, categories};
use crate::engine::row::{RowId, Table};
use std::collections::BTreeMap;

/// A set of commands.
#[derive(Clone)]
pub struct Commands {
    table: &'static Table,
    /// `+@all` and nothing taken away since.
    all: bool,
    /// A bit for every slot of the table.
    bits: Vec<u64>,
    /// Commands that are allowed with one of these first arguments only.
    first: BTreeMap<RowId, Vec<Vec<u8>>>,
    /// The set the rules begin with is that of all commands, not the empty one.
    from_all: bool,
    rules: Vec<Rule>,
}

/// One rule after the first: `+@hash`, `-get`, `+config|get`, `+select|0`.
#[derive(Clone)]
struct Rule {
    plus: bool,
    what: Vec<u8>,
}

impl Commands {
    /// Returns the empty set.
    pub fn none(table: &'static Table) -> Self {
        let bits = vec![0; table.slots().len().div_ceil(64)];
        Commands { table, all: false, bits, first: BTreeMap::new(), from_all: false, rules: Vec::new() }
    }

    /// The table whose commands they are.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Whether every command is allowed.
    pub fn are_all(&self) -> bool {
        self.all
    }

    /// Allows everything, or nothing.
    pub fn set_all(&mut self, allowed: bool) {
        (self.all, self.from_all) = (allowed, allowed);
        self.bits.fill(if allowed { u64::MAX } else { 0 });
        self.first.clear();
        self.rules.clear();
    }

    /// Whether `argv`, whose row is `id`, is allowed.
    pub fn allow(&self, id: RowId, argv: &[&[u8]]) -> bool {
        if self.all || self.bits[usize::from(id / 64)] & 1 << (id % 64) != 0 {
            return true;
        }
        let (Some(first), Some(arg)) = (self.first.get(&id), argv.get(1)) else { return false };
        first.iter().any(|allowed| allowed.eq_ignore_ascii_case(arg))
    }

    /// Adds (`plus`) or takes away what `what` names: a category after `@`, a command, a sub-command after `|`, or, only to be added, a
    /// command with a first argument after `|`.
    pub fn rule(&mut self, plus: bool, what: &[u8]) -> Result<(), RuleError> {
        if let Some(category) = what.strip_prefix(b"@") {
            return self.rule_of_category(plus, category);
        }
        if let Some(id) = self.find(what) {
            self.change(id, plus);
            self.remember(plus, what.to_ascii_lowercase());
            return Ok(());
        }
        let at = what.iter().rposition(|byte| *byte == b'|').filter(|_| plus).ok_or(RuleError::Unknown)?;
        let (name, arg) = (&what[..at], &what[at + 1..]);
        let id = self.find(name).ok_or(RuleError::Unknown)?;
        let slot = self.table.slot(id);
        if slot.parent.is_some() {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if arg.is_empty() {
            return Err(RuleError::Syntax);
        }
        if !slot.row.subs.is_empty() {
            return Err(RuleError::Unknown);
        }
        let allowed = self.first.entry(id).or_default();
        if !allowed.iter().any(|known| known.eq_ignore_ascii_case(arg)) {
            allowed.push(arg.to_vec());
        }
        self.remember(true, [slot.full_name.as_bytes(), b"|", arg].concat());
        Ok(())
    }

    fn rule_of_category(&mut self, plus: bool, category: &[u8]) -> Result<(), RuleError> {
        if category.eq_ignore_ascii_case(b"all") {
            self.set_all(plus);
            return Ok(());
        }
        let category = categories::find(category).ok_or(RuleError::Unknown)?;
        for id in 0..self.table.slots().len() as RowId {
            if categories(self.table, id).contains(&category) {
                self.change(id, plus);
            }
        }
        self.remember(plus, format!("@{category}").into_bytes());
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Option<RowId> {
        match name.iter().position(|byte| *byte == b'|') {
            Some(at) => self.table.find_sub(self.table.find(&name[..at])?, &name[at + 1..]),
            None => self.table.find(name),
        }
    }

    /// Allows a command with all its sub-commands and first arguments, or nothing of it.
    fn change(&mut self, id: RowId, allowed: bool) {
        self.first.remove(&id);
        self.all &= allowed;
        let (word, bit) = (usize::from(id / 64), 1 << (id % 64));
        if allowed {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
        // Sub-commands have their places right behind their container.
        let mut sub = id + 1;
        while self.table.slots().get(usize::from(sub)).is_some_and(|slot| slot.parent == Some(id)) {
            self.change(sub, allowed);
            sub += 1;
        }
    }

    /// Appends a rule. Earlier ones about the same thing, or about parts of it, mean nothing any more.
    fn remember(&mut self, plus: bool, what: Vec<u8>) {
        self.rules.retain(|rule| {
            let same = rule.what.get(..what.len()).is_some_and(|head| head.eq_ignore_ascii_case(&what));
            !(same && matches!(rule.what.get(what.len()), None | Some(b'|')))
        });
        self.rules.push(Rule { plus, what });
    }

    /// The rules as text: `-@all +@hash -hset`.
    pub fn describe(&self) -> Vec<u8> {
        let mut text = if self.from_all { b"+@all".to_vec() } else { b"-@all".to_vec() };
        for rule in &self.rules {
            text.extend_from_slice(if rule.plus { b" +" } else { b" -" });
            text.extend_from_slice(&rule.what);
        }
        text
    }
}
