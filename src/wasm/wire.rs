//! Sessions whose commands come as bytes, as on a connection to a server.

use super::abi::{self, look};
use super::class::{Host, on};
use super::state::State;
use crate::engine::{Error, SessionId};
use wasm_bindgen::prelude::*;

/// So much is run, and so much put out, before others have their turn.
const INPUT: usize = 256 << 10;
const OUTPUT: usize = 1 << 20;

#[wasm_bindgen]
impl Host {
    /// Runs the commands at the beginning of `bytes`, until one waits or ends the session, the rest is not whole, or it is enough for now.
    /// Returns how many bytes they were; the rest is to be given again, with what follows it. What they answer is in the session's
    /// output.
    #[wasm_bindgen(js_name = feedWire)]
    pub fn feed_wire(&self, session: u32, bytes: &[u8], now: f64) -> Result<u32, JsError> {
        on(|state| {
            let State { engine, news, wires, .. } = state;
            look(news, now);
            let id = SessionId(session);
            let parser = wires.entry(session).or_default();
            let mut at = 0;
            while let Some(me) = engine.sessions.get_mut(id) {
                if me.wait.is_some() || me.closing || at > INPUT || me.out.bytes().len() > OUTPUT {
                    break;
                }
                parser.trusted = !engine.server.acl.needs_password(me.who);
                parser.limits.bulk = engine.server.config.proto_max_bulk_len as i64;
                match parser.next(&bytes[at..]) {
                    Ok(Some(frame)) => {
                        at += frame.consumed;
                        engine.call(id, &frame.argv(), now as u64);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        me.out.error(&Error::new(format!("ERR {error}")));
                        (me.closing, at) = (true, bytes.len());
                    }
                }
            }
            abi::tell(engine, news, true);
            at as u32
        })
    }

    /// How many bytes the rest has to have at least before it is worth giving again.
    #[wasm_bindgen(js_name = wireWants)]
    pub fn wire_wants(&self, session: u32) -> Result<u32, JsError> {
        on(|state| state.wires.get(&session).map_or(0, |parser| parser.wanted() as u32))
    }
}
