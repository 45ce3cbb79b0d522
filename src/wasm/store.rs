//! The engine's data in IndexedDB: opens it, writes what is new a transaction at a time, says how it stands. JavaScript decides
//! when: it calls [`Host::store_step`] as long as there is something to do, and again a while after a failure.

use super::class::Host;
use super::clock::clock_us;
use super::idb::{IdbStorage, Refusal};
use super::state::{self, State};
use crate::persist::{self, Next, OpenError, Options, Persist, Progress, Report, Storage, StorageError};
use js_sys::{Function, Promise};
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// How long a step may go on with a snapshot, µs: with what JavaScript does for it, less than 4 ms.
const SLICE_US: u64 = 3_000;

/// Where the data is kept.
pub struct Store {
    persist: Persist,
    storage: Rc<IdbStorage>,
}

/// An error in a word for programs and a sentence for people.
#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
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
    /// Loads the store `name` into the engine, which must be new, and keeps what changes from then on. Commands wait meanwhile:
    /// they answer that there is no such session. `pause` is called every few ms with the bytes loaded and those there are, as
    /// far as it is known, and its promise awaited. Fails with `{code, message}`; the engine is as it was then.
    #[wasm_bindgen(js_name = openStore)]
    pub async fn open_store(&self, name: String, strict: bool, pause: Function) -> Result<JsValue, JsValue> {
        let storage = IdbStorage::open(&name, strict).await.map_err(|refusal| match refusal {
            Refusal::Unavailable(message) => failure("UNAVAILABLE", message),
            Refusal::Failed(error) => storage_failure(&error),
        })?;
        // The engine is nobody else's while it loads.
        let mut state = state::take().ok_or_else(|| failure("FAILED", "the engine is busy".to_string()))?;
        let until = Cell::new(clock_us() + SLICE_US);
        let opened = persist::open(&storage, &mut state.engine, Options::default(), async |progress: Progress| {
            if clock_us() >= until.get() {
                let (done, total) = (progress.done as f64, progress.total as f64);
                if let Ok(promise) = pause.call2(&JsValue::NULL, &done.into(), &total.into()) {
                    let _ = JsFuture::from(Promise::resolve(&promise)).await;
                }
                until.set(clock_us() + SLICE_US);
            }
        })
        .await;
        let result = match opened {
            Ok((persist, report)) => {
                state.engine.server.last_save_ms = report.manifest.time.max(state.engine.server.last_save_ms);
                state.store = Some(Store { persist, storage: Rc::new(storage) });
                Ok(report)
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
            Err(OpenError::Storage(error)) => Err(storage_failure(&error)),
            Err(error @ OpenError::Newer(_)) => Err(failure("NEWER", error.to_string())),
            Err(error @ OpenError::Damaged(_)) => Err(failure("DAMAGED", error.to_string())),
        }
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
        let result = storage.commit(&batch).await;
        with_store(|state, store| {
            store.persist.done(batch, result.clone());
            if result == Err(StorageError::Quota) && store.persist.is_compacting() {
                // The log may still fit.
                store.persist.abandon(&mut state.engine.ks);
            }
            let saved = store.persist.manifest().time;
            state.engine.server.last_save_ms = state.engine.server.last_save_ms.max(saved);
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
    pub fn store_compact(&self) {
        with_store(|_, store| store.persist.compact());
    }

    /// Returns how things stand: the bytes stored, the offsets behind all changes and behind those stored, and whether nothing is
    /// written any more. `undefined` without a store.
    #[wasm_bindgen(js_name = storeStanding)]
    pub fn store_standing(&self) -> Result<JsValue, JsValue> {
        let standing = with_store(|state, store| {
            store.push(state);
            Standing {
                bytes: (store.persist.manifest().bytes + store.persist.log_bytes()) as f64,
                offset: store.persist.offset() as f64,
                stored: store.persist.stored() as f64,
                read_only: store.persist.is_read_only(),
            }
        });
        Ok(serde_wasm_bindgen::to_value(&standing)?)
    }

    /// Ends the connection. What is not stored is not stored.
    #[wasm_bindgen(js_name = closeStore)]
    pub fn close_store(&self) {
        with_store(|_, store| store.storage.close());
    }
}

impl Store {
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

/// Runs `f` on the state and its store, if it has one.
fn with_store<R>(f: impl FnOnce(&mut State, &mut Store) -> R) -> Option<R> {
    state::with(|state| {
        let mut store = state.store.take()?;
        let result = f(state, &mut store);
        state.store = Some(store);
        Some(result)
    })?
}

fn storage_failure(error: &StorageError) -> JsValue {
    let code = match error {
        StorageError::Quota => "QUOTA",
        StorageError::Conflict => "LOCKED",
        StorageError::Gone => "GONE",
        StorageError::Other(_) => "FAILED",
    };
    failure(code, error.to_string())
}

fn failure(code: &'static str, message: String) -> JsValue {
    serde_wasm_bindgen::to_value(&Failure { code, message }).unwrap_or(JsValue::UNDEFINED)
}
