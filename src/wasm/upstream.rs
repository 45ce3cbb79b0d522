//! The leader that the tabs of a page have themselves, at the other end of a WebSocket: what is said there, and what waits for it.

use super::class::{Host, on};
use super::tabs::run;
use crate::replica::{Link, Refusal};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// How it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    link: &'static str,
    /// Commands that wait for an answer, and those that are queued.
    waiting: usize,
    pending: usize,
    /// Why the server does not serve this one, once.
    refused: Option<String>,
    /// Queued commands that the server would not do, once each.
    refusals: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    commands: Vec<Vec<String>>,
    error: String,
}

fn words(commands: &[Vec<Vec<u8>>]) -> Vec<Vec<String>> {
    let word = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
    commands.iter().map(|argv| argv.iter().map(word).collect()).collect()
}

#[wasm_bindgen]
impl Host {
    /// Gives the tabs a leader called `name`; with `queues`, commands are queued while it cannot be reached.
    #[wasm_bindgen(js_name = upstreamAttach)]
    pub fn upstream_attach(&self, name: &str, queues: bool, now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.node.attach(engine, name, queues, now as u64)))
    }

    /// A connection is open: shows who this is.
    #[wasm_bindgen(js_name = upstreamOpen)]
    pub fn upstream_open(&self, token: &[u8], now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.node.upstream_open(engine, token, now as u64)))
    }

    /// Takes in what the server has said.
    #[wasm_bindgen(js_name = upstreamReceive)]
    pub fn upstream_receive(&self, bytes: &[u8], now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.node.upstream_receive(engine, bytes, now as u64)))
    }

    /// The connection is gone.
    #[wasm_bindgen(js_name = upstreamClosed)]
    pub fn upstream_closed(&self, now: f64) -> Result<(), JsError> {
        on(|state| run(state, now, |tabs, engine| tabs.node.upstream_closed(engine, now as u64)))
    }

    /// The next frame that the server is to get.
    #[wasm_bindgen(js_name = upstreamOut)]
    pub fn upstream_out(&self) -> Result<Option<Vec<u8>>, JsError> {
        on(|state| state.tabs.as_mut()?.node.upstream()?.take_out())
    }

    /// How it stands.
    #[wasm_bindgen(js_name = upstreamStanding)]
    pub fn upstream_standing(&self) -> Result<JsValue, JsError> {
        let standing = on(|state| {
            let pending = state.engine.ks.queue.len();
            let upstream = state.tabs.as_mut()?.node.upstream()?;
            let link = match upstream.link() {
                Link::Down => "down",
                Link::Syncing => "syncing",
                Link::Up => "up",
            };
            let refused = |Refusal { commands, error }| Refused { commands: words(&commands), error };
            let refusals = upstream.take_refusals().into_iter().map(refused).collect();
            let (waiting, refused) = (upstream.waiting(), upstream.take_refused());
            Some(serde_wasm_bindgen::to_value(&Standing { link, waiting, pending, refused, refusals }))
        })?;
        Ok(standing.transpose()?.unwrap_or(JsValue::UNDEFINED))
    }

    /// The commands that are queued, in order.
    #[wasm_bindgen(js_name = upstreamPending)]
    pub fn upstream_pending(&self) -> Result<JsValue, JsError> {
        let pending = on(|state| {
            let entries = state.engine.ks.queue.entries();
            serde_wasm_bindgen::to_value(&entries.map(|entry| words(&entry.forward.commands)).collect::<Vec<_>>())
        })?;
        Ok(pending?)
    }
}
