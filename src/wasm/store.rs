//! The engine's data in IndexedDB, or in files: opens it, writes what is new a transaction at a time, says how it stands. JavaScript decides
//! when: it calls [`Host::store_step`] as long as there is something to do, and again a while after a failure.

use super::class::Host;
use super::clock::clock_us;
use super::files::Folder;
use super::page::PageHost;
use super::place::{Place, failure, open_failure, storage_failure};
use super::state::{self, State};
use crate::engine::{Keyspace, Server};
use crate::persist::{self, Damage, Next, Options, Persist, Progress, Report, Storage, StorageError};
use js_sys::{Function, Promise};
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// How long a step may go on, µs: with the piece of work that is begun then, and what JavaScript does for it, at most 4 ms.
pub(super) const SLICE_US: u64 = 2_500;

/// Where the data is kept.
pub struct Store {
    persist: Persist,
    storage: Rc<Place>,
    /// Bytes of effects that were stored when it was opened.
    began: u64,
    /// Bytes committed since.
    written: u64,
    /// Whether what is committed is on the disk.
    strict: Rc<Cell<bool>>,
    /// The snapshot being taken or asked for.
    saving: Option<Saving>,
    /// Changes that snapshots have made INFO forget.
    saved: u64,
}

/// A snapshot being taken.
struct Saving {
    began_ms: u64,
    /// The one that counts meanwhile.
    generation: u64,
    /// Changes since that when this one began.
    dirty: u64,
}

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

/// How things stand.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    bytes: f64,
    offset: f64,
    stored: f64,
    read_only: bool,
}

#[wasm_bindgen]
impl Host {
    /// Loads the store `name`, or that in `folder`, into the engine, which must be new, and keeps what changes. Commands wait meanwhile:
    /// they answer that there is no such session. `pause` is called every few ms with the bytes loaded and those there are, as
    /// far as it is known, and its promise awaited. `lost` is called when the browser has closed the connection: then
    /// [`Host::regain_store`] is to be called. Fails with `{code, message}`; the engine is as it was then.
    #[wasm_bindgen(js_name = openStore)]
    pub async fn open_store(
        &self,
        name: String,
        strict: bool,
        pause: Function,
        lost: Function,
        folder: Option<Folder>,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let strict = Rc::new(Cell::new(strict));
        let storage = Place::open(&name, strict.clone(), lost, folder).await?;
        // The engine is nobody else's while it loads.
        let mut state = state::take().ok_or_else(|| failure("FAILED", "the engine is busy".to_string()))?;
        let opened = persist::open(&storage, &mut state.engine, Options::default(), pausing(pause)).await;
        let result = match opened {
            Ok((persist, report)) => {
                let server = &mut state.engine.server;
                server.saves.loaded = report.keys;
                server.aof.enabled = true;
                if let Some(damage) = &report.damage {
                    refuse_writes(server, damage);
                }
                let sync = if strict.get() { "always" } else { "everysec" };
                for (name, value) in [("appendonly", "yes"), ("appendfsync", sync)] {
                    server.config.other.insert(name, value.to_string());
                }
                server.host = Box::new(PageHost::keeping(strict.clone()));
                let torn = report.torn.unwrap_or(0) + storage.torn();
                let began = report.offset;
                let storage = Rc::new(storage);
                let mut store = Store { persist, storage, began, written: 0, strict, saving: None, saved: 0 };
                store.report(&mut state, now as u64);
                state.store = Some(store);
                Ok(Report { torn: Some(torn), ..report })
            }
            Err(error) => {
                state.engine.ks.effects.record(false);
                storage.close();
                Err(error)
            }
        };
        state::start(state);
        match result {
            Ok(report) => Ok(serde_wasm_bindgen::to_value(&Opened::from(report))?),
            Err(error) => Err(open_failure(&error)),
        }
    }

    /// Finds out whether the store is still ours after others could have come to it. If somebody has written since, loads that in
    /// the place of all data and claims the store again. Returns what it loaded, nothing if the store was ours, as most times.
    /// Fails with `{code, message}`; then nothing has changed, but that nothing is written any more to a store that was removed.
    /// `pause` as in [`Host::open_store`].
    #[wasm_bindgen(js_name = regainStore)]
    pub async fn regain_store(&self, pause: Function, now: f64) -> Result<JsValue, JsValue> {
        let Some((storage, claim)) =
            with_store(|_, store| (store.storage.clone(), store.persist.claim().map(<[u8]>::to_vec)))
        else {
            return Ok(JsValue::UNDEFINED);
        };
        match persist::is_claimed(&*storage, claim.as_deref()).await {
            Ok(true) => return Ok(JsValue::UNDEFINED),
            Ok(false) => {}
            Err(error) => {
                if error == StorageError::Removed {
                    with_store(|_, store| store.persist.disown());
                }
                return Err(storage_failure(&error));
            }
        }
        let Some(mut aside) = state::with(|state| state.engine.beside(now as u64)) else {
            return Ok(JsValue::UNDEFINED);
        };
        let opened = persist::open(&*storage, &mut aside, Options::default(), pausing(pause)).await;
        let (persist, report) = opened.map_err(|error| open_failure(&error))?;
        with_store(|state, store| {
            // What was changed meanwhile belongs to the data that goes.
            state.engine.effects().clear();
            if let Some(damage) = &report.damage {
                refuse_writes(&mut state.engine.server, damage);
            } else {
                state.engine.take_over(aside.ks, now as u64);
                state.engine.ks.effects.restart();
            }
            state.engine.ks.effects.set_offset(report.offset);
            store.persist = persist;
            store.report(state, now as u64);
        });
        Ok(serde_wasm_bindgen::to_value(&Opened::from(report))?)
    }

    /// Does one transaction, or one slice of a snapshot. Returns what to do then: 0 nothing until something changes, 1 the next
    /// step, 2 the next step after letting others run. Fails with `{code, message}`; then nothing is written until
    /// `store_retry`.
    #[wasm_bindgen(js_name = storeStep)]
    pub async fn store_step(&self, now: f64) -> Result<u32, JsValue> {
        let Some((next, storage)) = with_store(|state, store| {
            store.push(state);
            let until = clock_us() + SLICE_US;
            let more = || clock_us() < until;
            (store.persist.next(&mut state.engine.ks, more, now as u64), store.storage.clone())
        }) else {
            return Ok(0);
        };
        let batch = match next {
            Next::Wait => return Ok(0),
            Next::Again => return Ok(2),
            Next::Commit(batch) => batch,
        };
        let size = batch.puts.iter().map(|(_, value)| value.len() as u64).sum::<u64>();
        let result = storage.commit(&batch).await;
        with_store(|state, store| {
            store.persist.done(batch, result.clone());
            if result == Err(StorageError::Quota) {
                // The log may still fit where a snapshot does not.
                store.persist.abandon(&mut state.engine.ks);
            }
            store.written += if result.is_ok() { size } else { 0 };
            store.report(state, now as u64);
        });
        match result {
            Ok(()) => Ok(1),
            Err(error) => Err(storage_failure(&error)),
        }
    }

    /// Tries the transaction that failed again at the next step.
    #[wasm_bindgen(js_name = storeRetry)]
    pub fn store_retry(&self) {
        with_store(|_, store| store.persist.retry());
    }

    /// Asks for a snapshot whatever the size of the log.
    #[wasm_bindgen(js_name = storeCompact)]
    pub fn store_compact(&self, now: f64) {
        with_store(|state, store| {
            store.persist.compact();
            store.report(state, now as u64);
        });
    }

    /// Whether what is stored is on the disk when it is said to be, as CONFIG SET may have it.
    #[wasm_bindgen(js_name = storeStrict)]
    pub fn store_strict(&self) -> bool {
        with_store(|_, store| store.strict.get()).unwrap_or(false)
    }

    /// Returns how things stand: the bytes stored, the offsets behind all changes and behind those stored, and whether nothing is
    /// written any more. `undefined` without a store.
    #[wasm_bindgen(js_name = storeStanding)]
    pub fn store_standing(&self) -> Result<JsValue, JsValue> {
        let standing = with_store(|state, store| {
            store.push(state);
            Standing {
                bytes: store.persist.size() as f64,
                offset: store.persist.offset() as f64,
                stored: store.persist.stored() as f64,
                read_only: store.persist.is_read_only(),
            }
        });
        Ok(serde_wasm_bindgen::to_value(&standing)?)
    }

    /// Ends the connection. What is not stored is not stored; but what is written later is written on a new one.
    #[wasm_bindgen(js_name = closeStore)]
    pub fn close_store(&self) {
        with_store(|_, store| store.storage.close());
    }
}

impl Store {
    /// Tells the engine how snapshot and log stand, for INFO, LASTSAVE, WAITAOF, and commands that have to be refused.
    fn report(&mut self, state: &mut State, now: u64) {
        self.report_snapshot(state, now);
        let Store { persist, began, written, .. } = self;
        let server = &mut state.engine.server;
        let aof = &mut server.aof;
        // What a damaged store says stays.
        if persist.error().is_some() || !persist.is_read_only() {
            aof.write_failed = persist.error().map(ToString::to_string);
        }
        aof.room = persist.room();
        (aof.size, aof.base_size) = (persist.size(), persist.manifest().bytes);
        aof.buffered = persist.offset() - persist.stored();
        (aof.changed_bytes, aof.written_bytes) = (persist.offset().saturating_sub(*began), *written);
        state.engine.log_synced(persist.stored());
    }

    fn report_snapshot(&mut self, state: &mut State, now: u64) {
        let generation = self.persist.manifest().generation;
        let (server, ks) = (&mut state.engine.server, &mut state.engine.ks);
        let running = self.persist.is_compacting();
        if let Some(saving) = self.saving.take_if(|saving| !running || saving.generation != generation) {
            let saves = &mut server.saves;
            saves.failed = saving.generation == generation;
            (saves.began_ms, saves.seconds) = (None, Some(now.saturating_sub(saving.began_ms) / 1000));
            if !saves.failed {
                saves.count += 1;
                server.last_save_ms = now;
                let saved = saving.dirty.min(ks.dirty);
                (ks.dirty, self.saved) = (ks.dirty - saved, self.saved + saved);
            }
        }
        if running && self.saving.is_none() {
            self.saving = Some(Saving { began_ms: now, generation, dirty: ks.dirty });
            let keys: usize = (0..ks.db_count()).map(|db| ks.in_db(db, |ks| ks.len())).sum();
            (server.saves.began_ms, server.saves.keys) = (Some(now), keys as u64);
            server.saves.jobs += 1;
        }
    }

    /// Changes that snapshots have made INFO forget.
    pub(super) fn saved(&self) -> u64 {
        self.saved
    }

    /// Takes the engine's effects over.
    fn push(&mut self, state: &mut State) {
        let effects = state.engine.effects();
        if !effects.is_empty() {
            self.persist.push(effects);
            effects.clear();
        }
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

/// Has commands that write refused: what they change would not be kept.
fn refuse_writes(server: &mut Server, damage: &Damage) {
    (server.aof.write_failed, server.aof.refuses_writes) = (Some(damage.to_string()), true);
}

/// Runs `f` on the state and its store, if it has one.
fn with_store<R>(f: impl FnOnce(&mut State, &mut Store) -> R) -> Option<R> {
    state::with(|state| {
        let mut store = state.store.take()?;
        let result = f(state, &mut store);
        state.store = Some(store);
        Some(result)
    })?
}

/// Exchanges all data for `other`, and has a snapshot of it stored.
pub(super) fn take_over(state: &mut State, other: Keyspace, now: u64) {
    let mut store = state.store.take();
    if let Some(store) = &mut store {
        // What was changed before belongs to the data that goes.
        store.push(state);
    }
    state.engine.take_over(other, now);
    if let Some(Store { persist, .. }) = &mut store {
        persist.replaced(persist.offset());
    }
    state.store = store;
}

/// Lets others run every few ms while something is loaded: calls `pause` with how far it is, and awaits its promise.
fn pausing(pause: Function) -> impl AsyncFn(Progress) {
    let until = Cell::new(clock_us() + SLICE_US);
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
