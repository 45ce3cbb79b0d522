//! The parameters of CONFIG: a row each, with its other name, form, default, and what in the engine it is. A file per theme.
//!
//! A parameter without a [`Bound`] is only stored and read back: the host acts on it, or clients and test suites set it and
//! nothing here depends on it.

mod clients;
mod cluster;
pub mod forms;
mod keyspace;
mod memory;
mod network;
mod persistence;
mod process;
mod replication;
mod security;

use crate::engine::{Config, Ctx};
pub use forms::Kind;

/// One parameter.
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its older name.
    pub alias: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// Its value at the start, if it is only stored.
    pub default: &'static str,
    /// Whether it can be set at run time.
    pub change: Change,
    /// Only found by its whole name, never by a pattern.
    pub hidden: bool,
    /// The host is told of a new value, and may refuse it.
    pub hosted: bool,
    /// Where it is kept, if the engine acts on it.
    pub bound: Option<Bound>,
}

/// When a parameter can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time.
    Free,
    /// Before the server runs.
    AtStart,
    /// At any time, if `enable-protected-configs` says so.
    Protected,
}

/// A place in the engine.
#[derive(Clone, Copy)]
pub struct Bound {
    /// Reads it.
    pub get: fn(&Ctx) -> String,
    /// Stores a value that was checked.
    pub set: fn(&mut Ctx, &[u8]),
}

impl Param {
    const fn stored(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Param { name, alias: "", kind, default, change: Change::Free, hidden: false, hosted: false, bound: None }
    }

    const fn bound(name: &'static str, kind: Kind, get: fn(&Ctx) -> String, set: fn(&mut Ctx, &[u8])) -> Self {
        let mut param = Param::stored(name, kind, "");
        param.bound = Some(Bound { get, set });
        param
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = alias;
        self
    }

    const fn fixed(mut self) -> Self {
        self.change = Change::AtStart;
        self
    }

    const fn protected(mut self) -> Self {
        self.change = Change::Protected;
        self
    }

    const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    const fn hosted(mut self) -> Self {
        self.hosted = true;
        self
    }

    /// Its value now.
    pub fn get(&self, c: &Ctx) -> Vec<u8> {
        // The password is the one value that may be any bytes.
        if self.name == "requirepass" {
            return c.server.config.requirepass.clone();
        }
        match self.bound {
            Some(bound) => (bound.get)(c).into_bytes(),
            None => c.server.config.other.get(self.name).map_or(self.default, String::as_str).into(),
        }
    }

    /// Stores a value that [`Param::check`] gave.
    pub fn set(&self, c: &mut Ctx, value: &[u8]) {
        match self.bound {
            Some(bound) => (bound.set)(c, value),
            None => _ = c.server.config.other.insert(self.name, String::from_utf8_lossy(value).into_owned()),
        }
    }

    /// Returns `value` in its one canonical form. Fails with what is wrong with it.
    pub fn check(&self, c: &Ctx, value: &[u8]) -> Result<Vec<u8>, String> {
        self.kind.check(value, || self.get(c))
    }
}

/// All of them, by theme.
const THEMES: &[&[Param]] = &[
    keyspace::PARAMS,
    memory::PARAMS,
    clients::PARAMS,
    security::PARAMS,
    persistence::PARAMS,
    replication::PARAMS,
    network::PARAMS,
    process::PARAMS,
    cluster::PARAMS,
];

/// All parameters.
pub fn all() -> impl Iterator<Item = &'static Param> {
    THEMES.iter().flat_map(|params| params.iter())
}

/// Returns the parameter called `name` (any case, old names too).
pub fn find(name: &[u8]) -> Option<&'static Param> {
    let is = |own: &str| !own.is_empty() && own.as_bytes().eq_ignore_ascii_case(name);
    all().find(|param| is(param.name) || is(param.alias))
}

/// The value of a parameter that is only stored, in `config`.
pub fn text<'a>(config: &'a Config, name: &str) -> &'a str {
    let default = || find(name.as_bytes()).map_or("", |param| param.default);
    config.other.get(name).map_or_else(default, String::as_str)
}

/// A parameter that is an unsigned number of the engine, at the place the path names.
macro_rules! size_of_engine {
    ($name:literal, $kind:expr, $($path:tt).+) => {
        Param::bound(
            $name,
            $kind,
            |c| c.$($path).+.to_string(),
            |c, v| c.$($path).+ = crate::cmd::params::forms::unsigned(v),
        )
    };
}
use size_of_engine;

/// A parameter that is a yes or no of the engine, at the place the path names.
macro_rules! bool_of_engine {
    ($name:literal, $($path:tt).+) => {
        Param::bound(
            $name,
            Kind::Bool,
            |c| if c.$($path).+ { "yes" } else { "no" }.to_string(),
            |c, v| c.$($path).+ = v == b"yes",
        )
    };
}
use bool_of_engine;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = all().flat_map(|p| [p.name, p.alias]).filter(|n| !n.is_empty()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn defaults_are_in_their_canonical_form() {
        for param in all().filter(|p| p.bound.is_none()) {
            let again = param.kind.check(param.default.as_bytes(), || param.default.into());
            // Some can be empty at the start and never again.
            let empty = param.default.is_empty();
            assert!(empty || again == Ok(param.default.into()), "{}: {again:?}", param.name);
        }
    }
}
