//! This engine as one of several tabs: the machine of [`crate::replica`], and what of it is stored.

use super::abi::{self, EFFECTS, WAKE, flag_up};
use super::class::{Host, on};
use super::state::State;
use super::store;
use crate::engine::{Engine, SessionId};
use crate::persist::Persist;
use crate::replica::{Node, Options, Terms, Want};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// The word of the manifest under which the terms are.
const TERMS: &str = "terms";

/// How many tabs that are gone are remembered.
const GONE: usize = 64;

/// See the module.
pub struct Tabs {
    pub node: Node,
    /// The terms that are stored, as it was found.
    stored: Terms,
    /// It leads when what is to be stored next is stored.
    ready: bool,
    /// It has to take the lead from whoever has it.
    steal: bool,
    /// Others that are gone: who asked for the tabs there are may have been told of them before.
    gone: Vec<String>,
    /// The version that another tab speaks.
    version: Option<u64>,
}

/// How it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing<'a> {
    /// `leader`, `follower` or `seeking`: it has no leader and is none.
    role: &'static str,
    leader: Option<&'a str>,
    offset: f64,
    waiting: usize,
}

#[wasm_bindgen]
impl Host {
    /// Makes the engine one of several tabs: this one is `name`. It follows until [`Host::claim_store`].
    #[wasm_bindgen(js_name = joinTabs)]
    pub fn join_tabs(&self, name: &str, strict: bool, now: f64) -> Result<(), JsError> {
        on(|state| {
            let mut node = Node::new(name, &mut state.engine, Terms::default(), Options::default(), now as u64);
            node.wait_until_stored(strict);
            let (stored, gone) = (Terms::default(), Vec::new());
            state.tabs = Some(Tabs { node, stored, ready: false, steal: false, gone, version: None });
        })
    }

    /// Takes in what another tab has said.
    #[wasm_bindgen(js_name = tabsReceive)]
    pub fn tabs_receive(&self, bytes: &[u8], now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.node.receive(engine, bytes, now as u64)))
    }

    /// Does what follows from what was done since the last time.
    #[wasm_bindgen(js_name = tabsWork)]
    pub fn tabs_work(&self, now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.node.work(engine, now as u64)))
    }

    /// Does what time brings. Returns when it wants to be called next, ms since the epoch.
    #[wasm_bindgen(js_name = tabsTick)]
    pub fn tabs_tick(&self, now: f64) -> Result<f64, JsError> {
        on(|state| {
            let mut next = u64::MAX;
            run(state, now, |tabs, engine| next = tabs.node.tick(engine, now as u64));
            if next == u64::MAX { f64::INFINITY } else { next as f64 }
        })
    }

    /// What other tabs are to be told: all of it goes to all.
    #[wasm_bindgen(js_name = tabsOut)]
    pub fn tabs_out(&self) -> Result<Option<Vec<u8>>, JsError> {
        on(|state| {
            let out = state.tabs.as_mut()?.node.take_out();
            (!out.is_empty()).then(|| out.into_iter().flat_map(|out| out.bytes).collect())
        })
    }

    /// What others are to be told while the store is being loaded.
    #[wasm_bindgen(js_name = tabsBusy)]
    pub fn tabs_busy(&self) -> Result<Option<Vec<u8>>, JsError> {
        on(|state| state.tabs.as_ref().map(|tabs| tabs.node.busy()))
    }

    /// Whether it has to take the lead from whoever has it.
    #[wasm_bindgen(js_name = tabsSteal)]
    pub fn tabs_steal(&self) -> Result<bool, JsError> {
        on(|state| state.tabs.as_mut().is_some_and(|tabs| std::mem::take(&mut tabs.steal)))
    }

    /// The version of another tab that this one cannot talk to, once for each time.
    #[wasm_bindgen(js_name = tabsVersion)]
    pub fn tabs_version(&self) -> Result<Option<f64>, JsError> {
        on(|state| state.tabs.as_mut().and_then(|tabs| tabs.version.take()).map(|version| version as f64))
    }

    /// Another tab is gone.
    #[wasm_bindgen(js_name = tabsGone)]
    pub fn tabs_gone(&self, who: &str, now: f64) -> Result<(), JsError> {
        on(|state| {
            run(state, now, |tabs, engine| {
                tabs.gone.insert(0, who.to_string());
                tabs.gone.truncate(GONE);
                tabs.node.note_gone(engine, who, now as u64);
            });
        })
    }

    /// Whether somebody looks at this tab.
    #[wasm_bindgen(js_name = tabsVisible)]
    pub fn tabs_visible(&self, visible: bool) -> Result<(), JsError> {
        on(|state| _ = state.tabs.as_mut().map(|tabs| tabs.node.set_visible(visible)))
    }

    /// Whether answers of the leader are to wait until what they are about is stored.
    #[wasm_bindgen(js_name = tabsStrict)]
    pub fn tabs_strict(&self, strict: bool) -> Result<(), JsError> {
        on(|state| _ = state.tabs.as_mut().map(|tabs| tabs.node.wait_until_stored(strict)))
    }

    /// Follows again. What was changed so far is still written, unless it is not `ours` any more.
    #[wasm_bindgen(js_name = tabsStepDown)]
    pub fn tabs_step_down(&self, ours: bool, now: f64) -> Result<(), JsError> {
        on(|state| {
            store::push(state, now as u64);
            if !ours {
                store::drop_store(state);
            }
            run(state, now, |tabs, engine| {
                tabs.ready = false;
                tabs.node.step_down(engine, now as u64);
            });
        })
    }

    /// Leads without keeping anything: what was stored is gone, or cannot be read.
    #[wasm_bindgen(js_name = tabsLeadUnkept)]
    pub fn tabs_lead_unkept(&self, others: Vec<String>, now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.candidate(engine, 0, &others, now as u64)))
    }

    /// The role and the term as one number, which changes when either does.
    #[wasm_bindgen(js_name = tabsRole)]
    pub fn tabs_role(&self) -> Result<f64, JsError> {
        on(|state| {
            let Some(Tabs { node, .. }) = &state.tabs else { return -1.0 };
            let role = if node.is_leading() { 2 } else { u64::from(node.is_up()) };
            (node.promised() * 4 + role) as f64
        })
    }

    /// Says that this tab is gone.
    #[wasm_bindgen(js_name = tabsLeave)]
    pub fn tabs_leave(&self) -> Result<(), JsError> {
        on(|state| _ = state.tabs.as_mut().map(|tabs| tabs.node.leave()))
    }

    /// How it stands; `undefined` of a database that no other tab can have.
    #[wasm_bindgen(js_name = tabsStanding)]
    pub fn tabs_standing(&self) -> Result<JsValue, JsError> {
        let standing = on(|state| {
            let node = &state.tabs.as_ref()?.node;
            let role = match node.leader() {
                Some(_) if node.is_leading() => "leader",
                Some(_) => "follower",
                None => "seeking",
            };
            let standing = Standing {
                role,
                leader: node.leader(),
                offset: state.engine.ks.effects.offset() as f64,
                waiting: node.waiting(),
            };
            Some(serde_wasm_bindgen::to_value(&standing))
        })?;
        Ok(standing.transpose()?.unwrap_or(JsValue::UNDEFINED))
    }

    /// Has the leader say when all that it has done is stored. The reply is that of WAITAOF and waits, as after [`abi::exec`].
    #[wasm_bindgen(js_name = tabsFlush)]
    pub fn tabs_flush(&self, session: u32, now: f64) -> Result<bool, JsError> {
        on(|state| {
            let State { engine, news, .. } = state;
            let Some(aside) = abi::open_aside(engine, SessionId(session), false, now as u64) else { return false };
            if let Some(session) = engine.sessions.get_mut(aside) {
                session.write_offset = u64::MAX >> 2;
                session.watches_afar = false;
            }
            engine.call(aside, &[b"WAITAOF", b"1", b"0", b"0"], now as u64);
            abi::note_session(aside.0);
            abi::tell(engine, news, false);
            true
        })
    }
}

/// Runs `f` and takes note of what is new then.
pub(super) fn run(state: &mut State, now: f64, f: impl FnOnce(&mut Tabs, &mut Engine)) {
    let State { engine, tabs, news, store, .. } = state;
    let Some(tabs) = tabs else { return };
    abi::look(news, now);
    let before = engine.ks.effects.offset();
    f(tabs, engine);
    for want in tabs.node.take_wants() {
        match want {
            Want::Steal => tabs.steal = true,
            // The store comes to it: see `push`.
            Want::Ready => {
                tabs.ready = true;
                flag_up(EFFECTS);
            }
            Want::Version(version) => tabs.version = Some(version),
        }
    }
    if store.is_none() {
        // Nothing is kept, so nothing is to be stored first.
        tabs.lead(engine, now as u64);
    }
    news.leads = tabs.node.is_leading();
    let changed = before != engine.ks.effects.offset();
    if changed && news.leads {
        // It is fed to the others already, so the engine has nothing to put out any more; but it is to be stored.
        flag_up(EFFECTS);
    }
    // What another tab waits for here may come to its end earlier than anything else.
    if news.leads && engine.next_wake().is_some_and(|at| at < news.armed) {
        flag_up(WAKE);
    }
    abi::tell(engine, news, changed);
}

impl Tabs {
    /// What is stored begins to be written from here on: says so to the others.
    pub fn candidate(&mut self, engine: &mut Engine, term: u64, others: &[String], now: u64) {
        // What is damaged is claimed by nobody.
        let term = if term == 0 { self.node.promised() + 1 } else { term };
        self.ready = false;
        let others: Vec<String> = others.iter().filter(|name| !self.gone.contains(name)).cloned().collect();
        self.node.candidate(engine, term, &others, now);
    }

    /// All data is that of a storage with these terms now.
    pub fn replaced(&mut self, engine: &Engine, terms: Terms) {
        self.node.replaced(engine, terms.clone());
        self.stored = terms;
    }

    /// Takes in what is stored and was missing.
    pub fn take_stored(&mut self, engine: &mut Engine, offset: u64, bytes: &[u8], terms: Terms, now: u64) {
        self.node.take_stored(engine, offset, bytes, terms.clone(), now);
        self.stored = terms;
    }

    /// Hands what is to be stored to `persist`. Returns whether this tab leads once the next transaction has happened.
    pub fn push(&mut self, engine: &mut Engine, persist: &mut Persist, now: u64) -> bool {
        self.node.work(engine, now);
        persist.push(&self.node.take_log());
        // Nobody has led since who could have gone another way: what is here is safe before others have answered.
        if self.ready || (self.node.is_candidate() && self.stored == *self.node.terms()) {
            let (stored, here) = (persist.offset(), engine.ks.effects.offset());
            if here > stored {
                match self.node.since(stored) {
                    Some(bytes) => _ = persist.push(&bytes),
                    None => persist.replaced(here),
                }
            }
        }
        if self.ready {
            persist.note(TERMS, self.node.next_terms().to_text().as_bytes());
        }
        self.ready
    }

    /// What was to be stored before it leads is stored, or cannot be.
    pub fn lead(&mut self, engine: &mut Engine, now: u64) {
        if std::mem::take(&mut self.ready) {
            let term = self.node.promised();
            self.node.lead(engine, term, now);
        }
    }
}

/// The terms among the notes of a manifest; none if they cannot be read.
pub fn terms_of(notes: &[(String, Vec<u8>)]) -> Option<Terms> {
    match notes.iter().find(|(name, _)| name == TERMS) {
        Some((_, text)) => Terms::parse(text),
        None => Some(Terms::default()),
    }
}

/// All data was replaced for good: others get it anew.
pub fn replaced(state: &mut State) {
    let State { engine, tabs, .. } = state;
    let Some(tabs) = tabs else { return };
    let (offset, terms) = (engine.ks.effects.offset() + 1, tabs.node.terms().clone());
    engine.ks.effects.set_offset(offset);
    tabs.node.replaced(engine, terms);
}
