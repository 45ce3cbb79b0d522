//! Coming to own what is stored: the engine gets what it has not, and keeps what it has if that goes on from there.

use super::class::Host;
use super::clock::clock_us;
use super::files::Folder;
use super::page::PageHost;
use super::place::{Kept, Place, failure, open_failure, storage_failure};
use super::state::{self, State};
use super::store::{SLICE_US, Store, refuse_writes};
use super::tabs::terms_of;
use crate::persist::{self, Here, Options, Persist, Progress, Report, Resumed, StorageError};
use crate::replica::Terms;
use js_sys::{Function, Promise};
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    fresh: bool,
    keys: f64,
    commands: f64,
    torn: f64,
    damage: Option<String>,
}

#[wasm_bindgen]
impl Host {
    /// Opens the place where the data of `name` is kept, which is `folder` if there is one; nothing is read yet. `lost` is called when the
    /// browser has closed the connection: then [`Host::is_claimed`] is to be asked. Fails with `{code, message}`.
    #[wasm_bindgen(js_name = openPlace)]
    pub async fn open_place(
        &self,
        name: String,
        strict: bool,
        lost: Function,
        folder: Option<Folder>,
    ) -> Result<(), JsValue> {
        let strict = Rc::new(Cell::new(strict));
        let place = Rc::new(Place::open(&name, strict.clone(), lost, folder).await?);
        state::with(|state| {
            let server = &mut state.engine.server;
            server.aof.enabled = true;
            let sync = if strict.get() { "always" } else { "everysec" };
            for (name, value) in [("appendonly", "yes"), ("appendfsync", sync)] {
                server.config.other.insert(name, value.to_string());
            }
            server.host = Box::new(PageHost::keeping(strict.clone()));
            state.kept = Some(Kept { place, strict });
        });
        Ok(())
    }

    /// Claims what is stored, loads what of it is not here, and keeps what changes from here on; of several tabs the one that is to lead
    /// does that. `others` are the other tabs there are. Commands go on meanwhile. `pause` is called every few ms with the bytes loaded
    /// and those there are, as far as it is known, and its promise awaited. Returns what was found. Fails with `{code, message}`.
    #[wasm_bindgen(js_name = claimStore)]
    pub async fn claim_store(&self, pause: Function, others: Vec<String>, now: f64) -> Result<JsValue, JsValue> {
        let Some(Kept { place: storage, .. }) = state::with(|state| state.kept.clone()).flatten() else {
            return Err(failure("FAILED", "no place was opened".to_string()));
        };
        let found = match resume(&storage, &pause).await? {
            Some(found) => found,
            None => load(&storage, &pause, now as u64).await?,
        };
        let (persist, report) = found;
        let report = Report { torn: Some(report.torn.unwrap_or(0) + storage.torn()), ..report };
        state::with(|state| {
            let term = persist.epoch();
            state.store = Some(Store::new(persist, storage, report.offset));
            if let Some(damage) = &report.damage {
                refuse_writes(&mut state.engine.server, damage);
            }
            match &mut state.tabs {
                Some(tabs) => tabs.candidate(&mut state.engine, term, &others, now as u64),
                None => {
                    state.engine.ks.effects.record(true);
                    state.engine.ks.effects.restart();
                }
            }
            super::store::report(state, now as u64);
        });
        Ok(serde_wasm_bindgen::to_value(&Opened::from(report))?)
    }

    /// Whether what is stored is still ours to write. Fails with `{code, message}`; nothing is written any more if it was removed.
    #[wasm_bindgen(js_name = isClaimed)]
    pub async fn is_claimed(&self) -> Result<bool, JsValue> {
        let Some(found) = super::store::with_store(|_, store| store.claim()) else { return Ok(false) };
        let (storage, claim) = found;
        let claimed = persist::is_claimed(&*storage, claim.as_deref()).await;
        claimed.map_err(|error| {
            if error == StorageError::Removed {
                super::store::with_store(|_, store| store.disown());
            }
            storage_failure(&error)
        })
    }
}

/// Claims what is stored if the engine has nearly all of it.
async fn resume(storage: &Rc<Place>, pause: &Function) -> Result<Option<(Persist, Report)>, JsValue> {
    let before = state::with(|state| {
        let tabs = state.tabs.as_ref()?;
        let (offset, mark) = (state.engine.ks.effects.offset(), tabs.node.mark());
        let owner = state.engine.server.run_id.clone();
        // An engine without anything loads all of it in slices.
        (offset > 0).then(|| (Here { offset, mark }, owner, tabs.node.terms().clone()))
    });
    let Some((here, owner, terms)) = before.flatten() else { return Ok(None) };
    let agree = |notes: &[(String, Vec<u8>)]| terms_of(notes).map_or(0, |stored| terms.agree(&stored));
    let resumed = persist::resume(&**storage, &owner, here, agree, Options::default(), pausing(pause));
    let Resumed::Ours(ours) = resumed.await.map_err(|error| open_failure(&error))? else { return Ok(None) };
    let (persist, mut report) = *ours;
    let bytes = std::mem::take(&mut report.replayed);
    let stored = terms_of(&report.manifest.notes).unwrap_or_default();
    // What has come meanwhile from somebody who still led.
    let took = state::with(|state| {
        let State { engine, tabs, .. } = state;
        let tabs = tabs.as_mut()?;
        let now = engine.ks.now;
        (engine.ks.effects.offset() <= tabs.node.terms().agree(&stored))
            .then(|| tabs.take_stored(engine, here.offset, &bytes, stored, now))
    });
    Ok(took.flatten().map(|()| (persist, report)))
}

/// Claims what is stored and loads all of it, in the place of what the engine has.
async fn load(storage: &Rc<Place>, pause: &Function, now: u64) -> Result<(Persist, Report), JsValue> {
    let aside = state::with(|state| state.engine.beside(now));
    let mut aside = aside.ok_or_else(|| failure("FAILED", "the engine was not started".to_string()))?;
    let opened = persist::open(&**storage, &mut aside, Options::default(), pausing(pause)).await;
    let (persist, report) = opened.map_err(|error| open_failure(&error))?;
    let terms = terms_of(&report.manifest.notes).unwrap_or_default();
    state::with(|state| replace(state, aside.ks, &report, terms, now));
    Ok((persist, report))
}

fn replace(state: &mut State, data: crate::engine::Keyspace, report: &Report, terms: Terms, now: u64) {
    let State { engine, tabs, .. } = state;
    let first = engine.ks.effects.offset() == 0;
    // An engine that has everything has more than the good part of what is damaged.
    if report.damage.is_some() && !first {
        return;
    }
    let dirty = engine.ks.dirty;
    engine.effects().clear();
    engine.take_over(data, now);
    engine.effects().clear();
    engine.ks.dirty = if first { 0 } else { dirty };
    engine.server.saves.loaded = report.keys;
    engine.ks.effects.set_offset(report.offset);
    if let Some(tabs) = tabs {
        tabs.replaced(engine, terms);
    }
}

impl From<Report> for Opened {
    fn from(report: Report) -> Self {
        Opened {
            fresh: report.fresh,
            keys: report.keys as f64,
            commands: report.commands as f64,
            torn: report.torn.unwrap_or(0) as f64,
            damage: report.damage.map(|damage| damage.to_string()),
        }
    }
}

/// Lets others run every few ms while something is loaded: calls `pause` with how far it is, and awaits its promise.
fn pausing(pause: &Function) -> impl AsyncFn(Progress) {
    let until = Cell::new(clock_us() + SLICE_US);
    let pause = pause.clone();
    async move |progress: Progress| {
        if clock_us() >= until.get() {
            let (done, total) = (progress.done as f64, progress.total as f64);
            if let Ok(promise) = pause.call2(&JsValue::NULL, &done.into(), &total.into()) {
                let _ = JsFuture::from(Promise::resolve(&promise)).await;
            }
            until.set(clock_us() + SLICE_US);
        }
    }
}
