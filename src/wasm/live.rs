//! Live queries: sessions without a wire that are told nothing, but for which is noted what changed of what they read.

use super::class::{Host, on};
use super::state::State;
use crate::base::glob;
use crate::engine::keys::{self, access};
use crate::engine::tracking::{self, Mode, Notes};
use crate::engine::{Engine, Proto, SessionId, flag};
use wasm_bindgen::prelude::*;

/// Bits before the keys that [`Host::keys_of`] returns: the command changes nothing; it is about keys that it does not name.
const READS: u32 = 1;
const NAMELESS: u32 = 2;

/// Commands about keys that they do not name.
const ABOUT_ALL: &[&str] =
    &["keys", "scan", "randomkey", "dbsize", "flushdb", "flushall", "swapdb", "debug", "sync", "psync", "monitor"];

#[wasm_bindgen]
impl Host {
    /// Opens a session like session `of`, in its database, that hears of changes of what it reads; with `prefix`, of all keys that
    /// begin so. It is among those of [`Host::take_ready`] when there is something to ask [`Host::query_news`] for.
    #[wasm_bindgen(js_name = openQuery)]
    pub fn open_query(&self, of: u32, prefix: Option<String>, now: f64) -> Result<u32, JsError> {
        on(|state| {
            let owner = state.engine.sessions.get(SessionId(of)).map(|owner| (owner.db, owner.who));
            let id = state.engine.open("live", Proto::Native, now as u64);
            let Engine { sessions, server, ks, .. } = &mut state.engine;
            if let Some(session) = sessions.get_mut(id) {
                (session.db, session.who) = owner.unwrap_or((session.db, session.who));
                let prefixes = prefix.iter().map(|prefix| prefix.as_bytes().to_vec()).collect();
                let notes = Some(Notes::default());
                tracking::enable(
                    server,
                    ks,
                    session,
                    Mode { bcast: prefix.is_some(), prefixes, notes, ..Mode::default() },
                );
            }
            id.0
        })
    }

    /// What is new since the last time: the keys that match `pattern` and changed, each after `+` if it is there, after `-` if it is
    /// not; nothing if all may have changed.
    #[wasm_bindgen(js_name = queryNews)]
    pub fn query_news(&self, session: u32, pattern: &str, now: f64) -> Result<Option<Vec<String>>, JsError> {
        on(|state| {
            let State { engine, news, .. } = state;
            let id = SessionId(session);
            let tracking = engine.sessions.get_mut(id).and_then(|me| me.tracking.as_deref_mut());
            let notes = tracking.and_then(|mode| mode.notes.as_mut()).map(std::mem::take)?;
            if notes.all {
                return None;
            }
            let keys = notes.keys.iter().filter(|key| glob::matches(pattern.as_bytes(), key));
            let found = keys.map(|key| {
                let sign = if is_there(engine, id, key, now as u64) { '+' } else { '-' };
                format!("{sign}{}", String::from_utf8_lossy(key))
            });
            let found = found.collect();
            super::abi::tell(engine, news, false);
            Some(found)
        })
    }

    /// What is known of the keys of a command: bits, then the places of the keys among `words`. Nothing of what is no command.
    #[wasm_bindgen(js_name = keysOf)]
    pub fn keys_of(&self, words: Vec<String>) -> Result<Option<Vec<u32>>, JsError> {
        on(|state| {
            let table = state.engine.server.table;
            let argv: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            let parent = table.find(argv.first()?)?;
            let sub = argv.get(1).and_then(|word| table.find_sub(parent, word));
            let slot = table.slot(sub.unwrap_or(parent));
            let about_all = ABOUT_ALL.contains(&table.slot(parent).full_name.as_str());
            let bits = u32::from(slot.row.has(flag::READONLY)) * READS + u32::from(about_all) * NAMELESS;
            let found = keys::find(slot.row, &slot.full_name, &argv).unwrap_or_default();
            let places = found.iter().filter(|key| key.flags & access::NOT_KEY == 0).map(|key| key.at as u32);
            Some(std::iter::once(bits).chain(places).collect())
        })
    }
}

/// Whether `key` is in the database of session `id`, asked by the one door: a key that is due goes. The last reply of the session
/// is read by now.
fn is_there(engine: &mut Engine, id: SessionId, key: &[u8], now: u64) -> bool {
    if let Some(me) = engine.sessions.get_mut(id) {
        me.out.rewind(0);
    }
    engine.call(id, &[b"EXISTS", key], now);
    let Some(me) = engine.sessions.get_mut(id) else { return false };
    let there = me.out.bytes().get(1) == Some(&1);
    me.out.rewind(0);
    there
}
