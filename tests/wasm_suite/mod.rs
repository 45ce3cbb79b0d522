//! What the browser host has to do, wherever it runs: the engine in wasm, its ABI, IndexedDB.

mod memory;

use std::cell::Cell;
use std::rc::Rc;
use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto};
use tabdis::persist::{self, Batch, Key, Storage, StorageError, conformance};
use tabdis::wasm::idb::IdbStorage;
use tabdis::wasm::{abi, class::Host};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

thread_local! {
    static NAMES: Cell<u32> = const { Cell::new(0) };
}

/// A storage with nothing in it, under a name that nobody has used.
async fn fresh() -> IdbStorage {
    let name = fresh_name();
    IdbStorage::open(&name, Rc::default(), None).await.expect("the browser has IndexedDB")
}

fn fresh_name() -> String {
    let number = NAMES.replace(NAMES.get() + 1);
    format!("test-{}-{number}", js_sys::Math::random())
}

fn engine(seed: u64) -> Engine {
    Engine::new(cmd::table(), &Options { databases: 16, seed, now: js_sys::Date::now() as u64 })
}

#[wasm_bindgen_test]
async fn indexeddb_conforms() {
    // Closed, it has to find its database again.
    let reopen = async |storage: IdbStorage| {
        storage.close();
        storage
    };
    conformance::all(fresh, reopen).await;
}

#[wasm_bindgen_test]
async fn strict_commits_are_commits_too() {
    let storage =
        IdbStorage::open(&fresh_name(), Rc::new(Cell::new(true)), None).await.expect("the browser has IndexedDB");
    let batch = Batch { puts: vec![(Key::Epoch, vec![1])], ..Batch::default() };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    assert_eq!(storage.read(Key::ALL, 9).await, Ok(vec![(Key::Epoch, vec![1])]));
}

#[wasm_bindgen_test]
async fn a_closed_connection_is_opened_again() {
    let storage = fresh().await;
    let batch = Batch { puts: vec![(Key::Epoch, vec![1])], ..Batch::default() };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    storage.close();
    assert_eq!(storage.read(Key::ALL, 9).await, Ok(vec![(Key::Epoch, vec![1])]));
}

#[wasm_bindgen_test]
async fn removing_a_database_does_not_wait_for_a_connection() {
    let name = fresh_name();
    let storage = IdbStorage::open(&name, Rc::default(), None).await.expect("the browser has IndexedDB");
    let batch = Batch { puts: vec![(Key::Epoch, vec![1])], ..Batch::default() };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    assert_eq!(IdbStorage::delete(&name).await, Ok(()));
    let batch = Batch { expect: vec![(Key::Epoch, Some(vec![1]))], ..batch };
    assert_eq!(storage.commit(&batch).await, Err(StorageError::Removed));
}

#[wasm_bindgen_test]
async fn an_engine_is_as_it_was_after_opening_it_again() {
    let storage = fresh().await;
    let mut first = engine(1);
    let options = persist::Options { least_log: 1000, chunk: 300, batch: 1000, compress: false, ..Default::default() };
    let (mut writer, report) =
        persist::open(&storage, &mut first, options, async |_| {}).await.expect("nothing is stored yet");
    assert!(report.fresh);
    let id = first.open("test", Proto::Resp2, 0);
    for n in 0..200 {
        let (key, value) = (format!("key{}", n % 50), format!("value{n}"));
        assert!(first.call(id, &[b"SET", key.as_bytes(), value.as_bytes()], 0));
        writer.push(&std::mem::take(first.effects()));
        while let persist::Next::Commit(batch) = writer.next(&mut first.ks, || true, 0) {
            let result = storage.commit(&batch).await;
            assert_eq!(result, Ok(()));
            writer.done(batch, result);
        }
    }
    let mut second = engine(2);
    let (_, report) =
        persist::open(&storage, &mut second, options, async |_| {}).await.expect("what was stored is whole");
    assert!(report.keys > 0 && report.damage.is_none() && report.torn.is_none());
    assert_eq!(second.ks.len(), 50);
    assert!(second.ks.text(b"key49").is_ok_and(|text| text.is_some_and(|text| text.is(b"value199"))));
}

#[wasm_bindgen_test]
fn commands_cross_as_bytes() {
    let host = host();
    let session = host.open_session("test", 0, 1e12).expect("the engine was started");
    let (set, get) = (row(&host, "set"), row(&host, "get"));
    put(b"keyvalue");
    assert_eq!(reply(abi::exec2(session, set, 3, 5, 1e12)), b"+\x02\0\0\0OK");
    put(b"key");
    assert_eq!(reply(abi::exec1(session, get, 3, 1e12)), b"$\x05\0\0\0value");
    // Lengths that reach beyond the stage are refused, and so are rows and sessions that are not there.
    assert_eq!(abi::exec1(session, get, 1 << 20, 1e12), abi::GONE);
    assert_eq!(abi::exec1(session, 60_000, 3, 1e12), abi::GONE);
    assert_eq!(abi::exec1(99, get, 3, 1e12), abi::GONE);
}

#[wasm_bindgen_test]
fn a_command_that_waits_is_answered_by_its_clock() {
    let host = host();
    let session = host.open_session("test", 0, 1e12).expect("the engine was started");
    put(b"queue1");
    assert_eq!(abi::exec2(session, row(&host, "blpop"), 5, 1, 1e12), abi::WAITS);
    assert_eq!(host.next_wake().expect("the engine was started"), 1e12 + 1000.0);
    assert_eq!(host.tick(1e12 + 999.0).expect("the engine was started"), 1e12 + 1000.0);
    assert!(host.take_ready().expect("the engine was started").is_empty());
    assert_eq!(host.tick(1e12 + 1000.0).expect("the engine was started"), f64::INFINITY);
    assert_eq!(host.take_ready().expect("the engine was started").len(), 1);
}

#[wasm_bindgen_test]
fn keys_are_due_by_the_clock() {
    let host = host();
    let session = host.open_session("test", 0, 1e12).expect("the engine was started");
    put(b"kvPX50");
    let stage = STAGE.get() as *mut u32;
    // SAFETY: the stage has 64 bytes and is aligned to words.
    unsafe {
        for (n, len) in [1, 1, 2, 2].into_iter().enumerate() {
            *stage.add(n) = len;
        }
        std::ptr::copy_nonoverlapping(b"kvPX50".as_ptr(), stage.add(4).cast(), 6);
    }
    assert_eq!(reply(abi::exec(session, row(&host, "set") as i32, 4, 1e12)), b"+\x02\0\0\0OK");
    assert_eq!(host.next_wake().expect("the engine was started"), 1e12 + 51.0);
    put(b"k");
    assert_eq!(reply(abi::exec1(session, row(&host, "get"), 1, 1e12 + 51.0)), b"_");
}

thread_local! {
    static STAGE: Cell<usize> = const { Cell::new(0) };
}

/// Starts the instance's engine anew.
fn host() -> Host {
    let options = js_sys::Object::new();
    for (name, value) in [("databases", 16.0), ("seed", 1.0), ("now", 1e12), ("maxmemory", 0.0)] {
        js_sys::Reflect::set(&options, &name.into(), &JsValue::from_f64(value)).expect("an object takes fields");
    }
    let Ok(host) = Host::new(options.into()) else { panic!("the options are right") };
    STAGE.set(abi::stage(64));
    host
}

fn row(host: &Host, name: &str) -> u32 {
    match host.row(name) {
        Ok(row) if row >= 0 => row as u32,
        _ => panic!("there is a command {name}"),
    }
}

/// Puts bytes where JavaScript puts arguments.
fn put(bytes: &[u8]) {
    assert!(bytes.len() <= 64);
    // SAFETY: the stage has 64 bytes.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), STAGE.get() as *mut u8, bytes.len()) }
}

/// The reply that a result stands for.
fn reply(result: i32) -> Vec<u8> {
    assert!(result >= 0, "result {result}");
    // SAFETY: the mailbox has four words, and says where the reply is until the next call.
    unsafe {
        let at = *(abi::mailbox() as *const u32) as *const u8;
        std::slice::from_raw_parts(at, result as usize >> 1).to_vec()
    }
}
