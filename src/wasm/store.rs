//! The engine's data in IndexedDB, or in files: writes what is new a transaction at a time, says how it stands. JavaScript decides
//! when: it calls [`Host::store_step`] as long as there is something to do, and again a while after a failure.

use super::abi::{MAIL, flag_up};
use super::class::Host;
use super::clock::clock_us;
use super::place::{Place, storage_failure};
use super::state::{self, State};
use crate::engine::{Keyspace, Server};
use crate::persist::{Damage, Next, Persist, Storage, StorageError};
use serde::Serialize;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

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
    /// Does one transaction, or one slice of a snapshot. Returns what to do then: 0 nothing until something changes, 1 the next
    /// step, 2 the next step after letting others run. Fails with `{code, message}`; then nothing is written until
    /// `store_retry`.
    #[wasm_bindgen(js_name = storeStep)]
    pub async fn store_step(&self, now: f64) -> Result<u32, JsValue> {
        let Some((next, storage, leads)) = with_store(|state, store| {
            let leads = store.push(state, now as u64);
            let until = clock_us() + SLICE_US;
            let more = || clock_us() < until;
            let next = store.persist.next(&mut state.engine.ks, more, now as u64);
            if leads && store.persist.is_read_only() {
                store.lead(state, now as u64);
            }
            (next, store.storage.clone(), leads)
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
            // A full disk keeps nobody from leading: what is changed waits.
            if leads && (result.is_ok() || result == Err(StorageError::Quota)) {
                store.lead(state, now as u64);
            }
            if let Some(tabs) = &mut state.tabs {
                match result {
                    Ok(()) => tabs.node.note_stored(&mut state.engine, store.persist.mark(), now as u64),
                    Err(_) => {
                        tabs.node.note_unstored(&mut state.engine, now as u64);
                        flag_up(MAIL);
                    }
                }
            }
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
        state::with(|state| state.kept.as_ref().is_some_and(|kept| kept.strict.get())).unwrap_or(false)
    }

    /// Returns how things stand: the bytes stored, the offsets behind all changes and behind those stored, and whether nothing is
    /// written any more. `undefined` without a store.
    #[wasm_bindgen(js_name = storeStanding)]
    pub fn store_standing(&self, now: f64) -> Result<JsValue, JsValue> {
        let standing = with_store(|state, store| {
            store.push(state, now as u64);
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
    #[wasm_bindgen(js_name = closePlace)]
    pub fn close_place(&self) {
        state::with(|state| state.kept.as_ref().map(|kept| kept.place.close()));
    }

    /// Forgets the store, when all that was to be written is.
    #[wasm_bindgen(js_name = dropStore)]
    pub fn drop_store(&self) {
        state::with(drop_store);
    }
}

impl Store {
    pub(super) fn new(persist: Persist, storage: Rc<Place>, began: u64) -> Self {
        Store { persist, storage, began, written: 0, saving: None, saved: 0 }
    }

    /// What says that what is stored is ours, and where that is.
    pub(super) fn claim(&self) -> (Rc<Place>, Option<Vec<u8>>) {
        (self.storage.clone(), self.persist.claim().map(<[u8]>::to_vec))
    }

    /// Nothing is written any more.
    pub(super) fn disown(&mut self) {
        self.persist.disown();
    }

    fn lead(&self, state: &mut State, now: u64) {
        if let Some(tabs) = &mut state.tabs {
            tabs.lead(&mut state.engine, now);
            state.news.leads = tabs.node.is_leading();
            flag_up(MAIL);
        }
    }

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

    /// Takes the engine's effects over. Returns whether this tab leads others once what is to be written next is written.
    fn push(&mut self, state: &mut State, now: u64) -> bool {
        let State { engine, tabs, .. } = state;
        if let Some(tabs) = tabs {
            return tabs.push(engine, &mut self.persist, now);
        }
        let effects = engine.effects();
        if !effects.is_empty() {
            self.persist.push(effects);
            effects.clear();
        }
        false
    }
}

/// Has commands that write refused: what they change would not be kept.
pub(super) fn refuse_writes(server: &mut Server, damage: &Damage) {
    (server.aof.write_failed, server.aof.refuses_writes) = (Some(damage.to_string()), true);
}

/// Runs `f` on the state and its store, if it has one.
pub(super) fn with_store<R>(f: impl FnOnce(&mut State, &mut Store) -> R) -> Option<R> {
    state::with(|state| in_store(state, f))?
}

fn in_store<R>(state: &mut State, f: impl FnOnce(&mut State, &mut Store) -> R) -> Option<R> {
    let mut store = state.store.take()?;
    let result = f(state, &mut store);
    state.store = Some(store);
    Some(result)
}

/// Takes the engine's effects over, if it is kept.
pub(super) fn push(state: &mut State, now: u64) {
    in_store(state, |state, store| store.push(state, now));
}

/// Tells the engine how what is stored stands.
pub(super) fn report(state: &mut State, now: u64) {
    in_store(state, |state, store| store.report(state, now));
}

/// Forgets the store; what was to be written is not.
pub(super) fn drop_store(state: &mut State) {
    if let Some(mut store) = state.store.take() {
        store.persist.abandon(&mut state.engine.ks);
        let aof = &mut state.engine.server.aof;
        (aof.write_failed, aof.refuses_writes, aof.room) = (None, false, None);
    }
}

/// Exchanges all data for `other`, and has a snapshot of it stored.
pub(super) fn take_over(state: &mut State, other: Keyspace, now: u64) {
    // What was changed before belongs to the data that goes.
    push(state, now);
    state.engine.take_over(other, now);
    super::tabs::replaced(state);
    if let Some(Store { persist, .. }) = &mut state.store {
        persist.replaced(state.engine.ks.effects.offset());
    }
}
