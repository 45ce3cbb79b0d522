//! What JavaScript calls seldom: one class with a method for each thing a host does beside running commands.

use super::page::PageHost;
use super::state::{self, Manner, News, State};
use super::store::Store;
use super::{alloc, clock};
use crate::cmd;
use crate::engine::{Engine, Options, Proto, Request, SessionId};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

/// How JavaScript wants its engine.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    /// Databases; Redis has 16.
    databases: u32,
    /// A random number below 2^53.
    seed: f64,
    /// Ms since the epoch.
    now: f64,
    /// Bytes; 0 for no limit.
    maxmemory: f64,
    /// 32 random bytes to make passwords from.
    #[serde(default)]
    secret: Vec<u8>,
}

/// What JavaScript may want to show.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    keys: usize,
    used_memory: f64,
    wasm_memory: f64,
    sessions: usize,
    changes: f64,
}

/// A command, for completion, help and checks.
#[derive(Serialize)]
struct Command<'a> {
    name: String,
    group: &'a str,
    since: &'a str,
    arity: i32,
    flags: Vec<&'a str>,
    summary: &'a str,
    complexity: &'a str,
    syntax: &'a str,
}

/// The engine of this instance.
#[wasm_bindgen]
pub struct Host {}

#[wasm_bindgen]
impl Host {
    /// Starts the engine. Fails if the options are not what they should be.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<Host, JsError> {
        let wanted: Wanted = serde_wasm_bindgen::from_value(options)?;
        keep_panics();
        let table = cmd::table();
        let options =
            Options { databases: wanted.databases as usize, seed: wanted.seed as u64, now: wanted.now as u64 };
        let mut engine = Engine::new(table, &options);
        engine.server.host = Box::new(PageHost::default());
        engine.server.measure_memory(alloc::used, alloc::resident);
        engine.server.config.maxmemory = wanted.maxmemory as u64;
        if let Ok(secret) = wanted.secret.try_into() {
            engine.server.acl.secret = secret;
        }
        // A look at the clock is a call into JavaScript, which costs as much as a quick command: only who asks for it pays.
        let meter = &mut engine.server.meter;
        (meter.clock_us, meter.tracking, meter.slower_than_us) = (clock::clock_us, false, -1);
        meter.update();
        let news = News { armed: u64::MAX, ..News::default() };
        let manner = table.slots().iter().map(|slot| Manner::of(slot.row)).collect();
        let unit = table.find(b"MULTI").zip(table.find(b"EXEC"));
        state::start(State {
            engine,
            stage: Vec::new(),
            news,
            manner,
            usual: Default::default(),
            kept: None,
            store: None,
            tabs: None,
            wires: Default::default(),
            lent: Default::default(),
            transfers: Default::default(),
            unit,
        });
        Ok(Host {})
    }

    /// Opens a session and returns its place. `proto` 0: replies are read in place; 2 and 3: it has a wire.
    #[wasm_bindgen(js_name = openSession)]
    pub fn open_session(&self, name: &str, proto: u32, now: f64) -> Result<u32, JsError> {
        let proto = match proto {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => Proto::Native,
        };
        on(|state| state.engine.open(name, proto, now as u64).0)
    }

    /// Closes a session. What it waited for, watched and listened to is forgotten.
    #[wasm_bindgen(js_name = closeSession)]
    pub fn close_session(&self, session: u32) -> Result<(), JsError> {
        on(|state| {
            state.usual.remove(&session);
            state.wires.remove(&session);
            let db = state.engine.sessions.get(SessionId(session)).map(|session| session.db);
            if let Some(owner) = state.lent.remove(&session).and_then(|id| state.engine.sessions.get_mut(SessionId(id)))
            {
                owner.db = db.unwrap_or(owner.db);
            }
            state.engine.close(SessionId(session));
            // What it waited for elsewhere is to be told of it.
            super::abi::tell(&mut state.engine, &mut state.news, false);
        })
    }

    /// The number of a command, −1 if there is none of that name.
    pub fn row(&self, name: &str) -> Result<i32, JsError> {
        on(|state| state.engine.server.table.find(name.as_bytes()).map_or(-1, i32::from))
    }

    /// All commands with their numbers: `get 12 set 13 …`.
    pub fn names(&self) -> Result<String, JsError> {
        on(|state| {
            let slots = state.engine.server.table.slots().iter().enumerate();
            let names = slots.filter(|(_, slot)| slot.parent.is_none());
            names.map(|(n, slot)| format!("{} {n} ", slot.full_name)).collect()
        })
    }

    /// All commands and sub-commands with what is known of them.
    pub fn commands(&self) -> Result<JsValue, JsError> {
        let commands = on(|state| {
            state
                .engine
                .server
                .table
                .slots()
                .iter()
                .map(|slot| {
                    let row = slot.row;
                    let flags = crate::engine::flag::ALL.iter().filter(|(bit, _)| row.has(*bit));
                    Command {
                        name: slot.full_name.replace('|', " "),
                        group: row.group.name(),
                        since: row.since,
                        arity: row.arity,
                        flags: flags.map(|(_, word)| *word).collect(),
                        summary: row.summary,
                        complexity: row.complexity,
                        syntax: row.syntax,
                    }
                })
                .collect::<Vec<_>>()
        })?;
        Ok(serde_wasm_bindgen::to_value(&commands)?)
    }

    /// Does what time brings. Returns when to be called next, ms since the epoch; infinity for never.
    pub fn tick(&self, now: f64) -> Result<f64, JsError> {
        on(|state| {
            super::abi::look(&mut state.news, now);
            let next = state.engine.tick(now as u64);
            super::abi::tell(&mut state.engine, &mut state.news, false);
            arm(state, next)
        })
    }

    /// Returns when `tick` wants to be called next, ms since the epoch; infinity for never.
    #[wasm_bindgen(js_name = nextWake)]
    pub fn next_wake(&self) -> Result<f64, JsError> {
        on(|state| {
            let next = state.engine.next_wake();
            arm(state, next)
        })
    }

    /// The sessions with output that no call of theirs returned, each once.
    #[wasm_bindgen(js_name = takeReady)]
    pub fn take_ready(&self) -> Result<Vec<u32>, JsError> {
        on(|state| {
            let mut ready = std::mem::take(&mut state.news.ready);
            ready.extend(state.engine.take_ready().iter().map(|id| id.0));
            let mut seen = std::collections::BTreeSet::new();
            ready.retain(|id| seen.insert(*id));
            ready
        })
    }

    /// What commands asked of the host since the last call: words.
    #[wasm_bindgen(js_name = takeRequests)]
    pub fn take_requests(&self) -> Result<Vec<String>, JsError> {
        on(|state| {
            let requests = std::mem::take(&mut state.news.requests);
            requests.iter().map(|request| word(request).to_string()).collect()
        })
    }

    /// Whether changes of data raise their flag.
    #[wasm_bindgen(js_name = watchChanges)]
    pub fn watch_changes(&self, on_or_off: bool) -> Result<(), JsError> {
        on(|state| state.news.watched = on_or_off)
    }

    /// Grows the memory for `bytes` more at once. Returns whether that was possible.
    pub fn reserve(&self, bytes: f64) -> bool {
        alloc::reserve(bytes as usize)
    }

    /// Figures for people.
    pub fn status(&self) -> Result<JsValue, JsError> {
        let status = on(|state| {
            let keys = (0..state.engine.ks.db_count()).map(|db| state.engine.ks.in_db(db, |ks| ks.len())).sum();
            Status {
                keys,
                used_memory: alloc::used() as f64,
                wasm_memory: alloc::resident() as f64,
                sessions: state.engine.sessions.iter().count(),
                changes: (state.engine.ks.dirty + state.store.as_ref().map_or(0, Store::saved)) as f64,
            }
        })?;
        Ok(serde_wasm_bindgen::to_value(&status)?)
    }
}

/// Runs `f` on the state. Fails before a `Host` was made.
pub(super) fn on<R>(f: impl FnOnce(&mut State) -> R) -> Result<R, JsError> {
    state::with(f).ok_or_else(|| JsError::new("the engine was not started"))
}

/// Notes when JavaScript will call `tick`, and tells it.
fn arm(state: &mut State, next: Option<u64>) -> f64 {
    state.news.armed = next.unwrap_or(u64::MAX);
    next.map_or(f64::INFINITY, |at| at as f64)
}

fn word(request: &Request) -> &'static str {
    match request {
        Request::Save { background: true } => "bgsave",
        Request::Save { background: false } => "save",
        Request::Rewrite => "rewrite",
        // A page has no such files, and says so to the command.
        Request::LoadLog => "load log",
        Request::Shutdown { save: Some(true), .. } => "shutdown save",
        Request::Shutdown { save: Some(false), .. } => "shutdown nosave",
        Request::Shutdown { save: None, .. } => "shutdown",
        Request::AbortShutdown => "shutdown abort",
    }
}

/// A panic traps and leaves no words: keep them for JavaScript to read.
fn keep_panics() {
    std::panic::set_hook(Box::new(|info| {
        super::abi::last_words(info.to_string());
    }));
}
