//! What commands need of a page, or of Node, at once: parameters of how data is kept.

use super::abi::{SETTINGS, flag_up};
use crate::engine::{Config, Host};
use std::cell::Cell;
use std::rc::Rc;

/// The host as the engine sees it.
#[derive(Default)]
pub struct PageHost {
    /// Whether what is written is on the disk before it is said to be stored. Nothing is kept without this.
    strict: Option<Rc<Cell<bool>>>,
}

impl PageHost {
    /// The host of a database that is kept.
    pub fn keeping(strict: Rc<Cell<bool>>) -> Self {
        PageHost { strict: Some(strict) }
    }
}

impl Host for PageHost {
    fn configure(&mut self, name: &str, config: &mut Config) -> Result<(), String> {
        let is = |word: &str| config.other.get(name).is_some_and(|value| value == word);
        match (name, &self.strict) {
            // What is kept is the snapshot and its log: there is no keeping without a log.
            ("appendonly", Some(_)) if is("no") => Err("a database with a name always has its log".to_string()),
            ("appendonly", None) if is("yes") => {
                Err("a database in memory has no log: open one with a name".to_string())
            }
            ("appendfsync", Some(strict)) => {
                strict.set(is("always"));
                flag_up(SETTINGS);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
