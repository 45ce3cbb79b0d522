//! What is noted for sessions that track and are told nothing: each change, bounded, and nothing that others read.
#![cfg(not(target_family = "wasm"))]

use std::collections::BTreeSet;
use tabdis::cmd;
use tabdis::engine::tracking::{self, Mode, Notes};
use tabdis::engine::{Engine, Options, Proto, SessionId};

const NOW: u64 = 1_000;

fn engine() -> (Engine, SessionId) {
    let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed: 1, now: NOW });
    let writer = engine.open("writer", Proto::Native, NOW);
    (engine, writer)
}

/// Opens a session that is told nothing; with `prefix` about all keys that begin so.
fn noter(engine: &mut Engine, prefix: Option<&str>) -> SessionId {
    let id = engine.open("noter", Proto::Native, NOW);
    let prefixes = prefix.iter().map(|prefix| prefix.as_bytes().to_vec()).collect();
    let mode = Mode { bcast: prefix.is_some(), prefixes, notes: Some(Notes::default()), ..Mode::default() };
    let session = engine.sessions.get_mut(id).unwrap();
    tracking::enable(&mut engine.server, &mut engine.ks, session, mode);
    id
}

fn run(engine: &mut Engine, id: SessionId, line: &str) {
    let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    assert!(engine.call(id, &argv, NOW), "{line} was not taken");
}

/// Takes what is noted for `id`, and whether the host was told to look.
fn notes(engine: &mut Engine, id: SessionId) -> (bool, Notes) {
    let told = engine.take_ready().contains(&id);
    let mode = engine.sessions.get_mut(id).unwrap().tracking.as_deref_mut().unwrap();
    (told, std::mem::take(mode.notes.as_mut().unwrap()))
}

fn keys(names: &[&str]) -> BTreeSet<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

#[test]
fn a_change_is_noted_once_for_each_read() {
    let (mut engine, writer) = engine();
    let reader = noter(&mut engine, None);
    run(&mut engine, reader, "MGET a b");
    run(&mut engine, writer, "MSET a 1 c 1");
    let (told, noted) = notes(&mut engine, reader);
    assert!(told && !noted.all);
    assert_eq!(noted.keys, keys(&["a"]));
    // It has not read it since.
    run(&mut engine, writer, "SET a 2");
    assert_eq!(notes(&mut engine, reader).1.keys, keys(&[]));
}

#[test]
fn all_changes_under_a_prefix_are_noted_and_too_many_are_all() {
    let (mut engine, writer) = engine();
    let listener = noter(&mut engine, Some("k"));
    run(&mut engine, writer, "SET k1 1");
    run(&mut engine, writer, "SET other 1");
    run(&mut engine, writer, "SET k2 1");
    assert_eq!(notes(&mut engine, listener).1.keys, keys(&["k1", "k2"]));
    for i in 0..5000 {
        run(&mut engine, writer, &format!("SET k{i} 1"));
    }
    let (told, noted) = notes(&mut engine, listener);
    assert!(told && noted.all && noted.keys.is_empty());
    run(&mut engine, writer, "FLUSHALL");
    assert!(notes(&mut engine, listener).1.all);
}

#[test]
fn nothing_is_written_to_a_session_that_is_told_nothing() {
    let (mut engine, writer) = engine();
    let listener = noter(&mut engine, Some(""));
    run(&mut engine, writer, "SET k 1");
    assert!(engine.sessions.get(listener).unwrap().out.bytes().is_empty());
    engine.close(listener);
    assert_eq!(engine.server.tracking.sizes(), (0, 0, 0));
}
