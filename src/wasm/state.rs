//! The one engine of this instance and what its host keeps beside it.

use super::place::Kept;
use super::store::Store;
use super::tabs::Tabs;
use super::transfer::Transfers;
use crate::engine::{Engine, Proto, Request, Row, RowId, flag};
use crate::resp::parse::Parser;
use std::cell::UnsafeCell;
use std::collections::BTreeMap;

/// Everything this instance holds.
pub struct State {
    /// The engine.
    pub engine: Engine,
    /// Where JavaScript puts arguments. Words, so that their lengths are aligned.
    pub stage: Vec<u32>,
    /// What came of calls and JavaScript has not fetched yet.
    pub news: News,
    /// How each row may be run by a session that has no wire.
    pub manner: Vec<Manner>,
    /// What sessions speak otherwise that answer one command in another format, and wait for that answer.
    pub usual: BTreeMap<u32, Proto>,
    /// Where the data is kept; `None` in memory only.
    pub kept: Option<Kept>,
    /// What keeps it; `None` as long as another tab does.
    pub store: Option<Store>,
    /// How it goes together with other tabs.
    pub tabs: Option<Tabs>,
    /// What is known of the command that is coming in, of sessions whose commands come as bytes.
    pub wires: BTreeMap<u32, Parser>,
    /// Sessions that run a batch for another one.
    pub lent: BTreeMap<u32, u32>,
    /// Files on their way out and in.
    pub transfers: Transfers,
    /// The rows of MULTI and EXEC.
    pub unit: Option<(RowId, RowId)>,
}

/// What JavaScript should look at when it has time.
#[derive(Default)]
pub struct News {
    /// Sessions with output, each at least once.
    pub ready: Vec<u32>,
    /// What commands asked of the host.
    pub requests: Vec<Request>,
    /// When JavaScript's timer is set to call, ms since the epoch; `u64::MAX` for not at all.
    pub armed: u64,
    /// Someone listens to changes.
    pub watched: bool,
    /// This tab leads others, and when something was done here last, ms since the epoch.
    pub leads: bool,
    pub seen: f64,
}

/// How a row is run by a session that has no wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Plain,
    /// It may wait, so it gets a session of its own.
    Waits,
    /// Not at all: it changes what the session speaks or makes it listen.
    Refused,
    /// By its second word.
    BySub,
}

impl Manner {
    /// The manner of `row`, a command or sub-command.
    pub fn of(row: &Row) -> Manner {
        match row.name {
            "HELLO" | "MONITOR" | "QUIT" | "RESET" | "SYNC" | "PSYNC" => Manner::Refused,
            "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" => {
                Manner::Refused
            }
            "CLIENT" => Manner::BySub,
            _ if row.has(flag::BLOCKING) => Manner::Waits,
            _ => Manner::Plain,
        }
    }

    /// The manner of `CLIENT word`.
    pub fn of_client(word: Option<&&[u8]>) -> Manner {
        let refused = |word: &&[u8]| word.eq_ignore_ascii_case(b"REPLY") || word.eq_ignore_ascii_case(b"TRACKING");
        if word.is_some_and(refused) { Manner::Refused } else { Manner::Plain }
    }
}

struct Place(UnsafeCell<Option<State>>);

// SAFETY: this target has one thread.
unsafe impl Sync for Place {}

static PLACE: Place = Place(UnsafeCell::new(None));

/// Runs `f` on the state; `None` before [`start`]. `f` must not call JavaScript, which could call back into the engine.
#[inline]
pub fn with<R>(f: impl FnOnce(&mut State) -> R) -> Option<R> {
    // SAFETY: one thread, and no `f` runs inside another because none calls JavaScript, so this is the only reference.
    unsafe { (*PLACE.0.get()).as_mut() }.map(f)
}

/// Puts `state` in place, instead of what was there.
pub fn start(state: State) {
    // SAFETY: as in `with`; the old state is dropped after the new one is in place.
    let old = unsafe { (*PLACE.0.get()).replace(state) };
    drop(old);
}
