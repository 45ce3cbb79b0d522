//! `tabdis-server` and its log, as processes that are killed: what was answered is there.
#![cfg(all(feature = "server", unix, not(target_family = "wasm")))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;
mod aof {
    pub mod process;
}

use aof::process::{Folder, OURS, Process};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use tabdis::base::rng::Rng;
use tabdis::resp::reply::Value;

const CLIENTS: usize = 3;
/// Transactions a client sends at once.
const BATCH: u64 = 8;

fn start(folder: &Folder, args: &[&str]) -> Process {
    Process::start(
        OURS,
        folder,
        &[&["--appendonly", "yes", "--save", "", "--enable-debug-command", "yes"], args].concat(),
    )
}

/// Sends transactions until the server is gone; `answered` says how many were.
fn load(socket: &Path, client: usize, answered: Arc<AtomicU64>) -> JoinHandle<()> {
    let mut stream = UnixStream::connect(socket).unwrap();
    std::thread::spawn(move || {
        let mut next = answered.load(Ordering::SeqCst);
        let reply = |n: u64| format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:{n}\r\n");
        loop {
            let one = |n: u64| format!("MULTI\r\nSET n{client} {n}\r\nRPUSH l{client} {n}\r\nEXEC\r\n");
            let wire: String = (1..=BATCH).map(|n| one(next + n)).collect();
            if stream.write_all(wire.as_bytes()).is_err() {
                return;
            }
            for _ in 0..BATCH {
                let want = reply(next + 1);
                let mut got = vec![0; want.len()];
                if stream.read_exact(&mut got).is_err() {
                    return;
                }
                assert_eq!(String::from_utf8_lossy(&got), want);
                next += 1;
                answered.store(next, Ordering::SeqCst);
            }
        }
    })
}

/// The text of an error.
fn said(value: &Value) -> String {
    assert!(value.is_error(), "{value:?}");
    let Value::Error(text) = value else { panic!("{value:?}") };
    String::from_utf8_lossy(text).into_owned()
}

type Answered = Vec<Arc<AtomicU64>>;

fn numbers(answered: &Answered) -> Vec<u64> {
    answered.iter().map(|n| n.load(Ordering::SeqCst)).collect()
}

/// How far a client's transactions came, both halves of each.
fn kept(server: &mut Process, client: usize) -> u64 {
    let there = server.call(&[b"GET", format!("n{client}").as_bytes()]);
    let there = there.text().map_or(0, |text| String::from_utf8_lossy(text).parse().unwrap());
    assert_eq!(server.call(&[b"LLEN", format!("l{client}").as_bytes()]), Value::Int(there as i64));
    there
}

/// Kills the server `kills` times under load, some of them during a rewrite. `promised` is asked before each kill what must be there
/// after it, or leaves that to what was answered.
fn kill_under_load(policy: &str, kills: u64, promised: impl Fn(&mut Process, &Answered) -> Option<Vec<u64>>) {
    let folder = Folder::new(policy);
    let mut rng = Rng::new(common::seed(5));
    let answered: Answered = (0..CLIENTS).map(|_| Arc::default()).collect();
    let mut must = numbers(&answered);
    for kill in 0..=kills {
        let mut server = start(&folder, &["--appendfsync", policy]);
        for (client, answered) in answered.iter().enumerate() {
            let there = kept(&mut server, client);
            // What was on its way may be there too.
            let most = answered.load(Ordering::SeqCst) + BATCH;
            assert!((must[client]..=most).contains(&there), "kill {kill}: {there} of {} to {most}", must[client]);
            answered.store(there, Ordering::SeqCst);
        }
        let socket = folder.path().join("s");
        let loads = answered.iter().enumerate().map(|(client, answered)| load(&socket, client, answered.clone()));
        let loads: Vec<_> = loads.collect();
        let wanted = numbers(&answered).iter().sum::<u64>() + 20 + rng.below(300) as u64;
        while numbers(&answered).iter().sum::<u64>() < wanted {
            std::thread::yield_now();
        }
        if kill % 3 == 0 {
            server.ok("BGREWRITEAOF");
        }
        let promise = promised(&mut server, &answered);
        server.kill();
        loads.into_iter().for_each(|load| load.join().unwrap());
        must = promise.unwrap_or_else(|| numbers(&answered));
    }
}

#[test]
fn every_answered_write_survives_a_kill_under_always() {
    kill_under_load("always", 20, |_, _| None);
}

#[test]
fn what_was_written_survives_a_kill_under_everysec() {
    kill_under_load("everysec", 20, |server, answered| {
        loop {
            // Writing is put off while a sync lasts; once nothing waits, all that was answered before is in the file.
            let promise = numbers(answered);
            let info = server.ok("INFO persistence");
            if String::from_utf8_lossy(info.text().unwrap()).contains("\r\naof_buffer_length:0\r\n") {
                return Some(promise);
            }
        }
    });
}

#[test]
fn the_log_is_finished_when_the_server_stops() {
    let folder = Folder::new("stop");
    for n in 1..4 {
        let mut server = start(&folder, &["--appendfsync", "no"]);
        assert_eq!(server.ok("INCR n"), Value::Int(n));
        server.send(b"SHUTDOWN NOSAVE\r\n").unwrap();
        let (well, said) = server.ended();
        assert!(well && said.contains("Calling fsync() on the AOF file."), "{said}");
    }
}

#[test]
fn the_log_is_turned_on_and_off_while_the_server_runs() {
    let folder = Folder::new("switch");
    let mut server = Process::start(OURS, &folder, &["--save", "", "--rdb-key-save-delay", "20000"]);
    (0..20).for_each(|n| _ = server.ok(&format!("SET k{n} v")));
    server.ok("CONFIG SET appendonly yes");
    server.ok("SET during 1");
    let error = server.call(&[b"BGREWRITEAOF"]);
    assert_eq!(said(&error), "ERR Background append only file rewriting already in progress");
    let error = server.call(&[b"BGSAVE"]);
    assert!(said(&error).starts_with("ERR Another child process is active (AOF?): can't BGSAVE"));
    assert_eq!(server.ok("BGSAVE SCHEDULE"), Value::Simple(b"Background saving scheduled".to_vec()));
    assert!(server.call(&[b"SHUTDOWN"]).is_error(), "without a base all would be lost");
    server.ok("SAVE");
    server.ok("CONFIG SET rdb-key-save-delay 0");
    server.wait_for("aof_rewrite_in_progress:0");
    server.wait_for("rdb_bgsave_in_progress:0");
    server.ok("SET after 1");
    assert_eq!(server.ok("WAITAOF 1 0 0"), Value::Array(vec![Value::Int(1), Value::Int(0)]));
    server.ok("CONFIG SET appendonly no");
    server.ok("SET lost 1");
    server.kill();
    let mut server = start(&folder, &[]);
    assert_eq!(server.ok("DBSIZE"), Value::Int(22));
    server.ok("FLUSHALL");
    server.ok("SET only 1");
    server.ok("DEBUG LOADAOF");
    assert_eq!(server.ok("DBSIZE"), Value::Int(1));
    // A rewrite waits for a save.
    server.ok("CONFIG SET rdb-key-save-delay 100000");
    server.ok("BGSAVE");
    let scheduled = Value::Simple(b"Background append only file rewriting scheduled".to_vec());
    assert_eq!(server.ok("BGREWRITEAOF"), scheduled);
    server.wait_for("aof_rewrites:1\r\n");
    server.wait_for("aof_rewrite_in_progress:0");
    server.wait_for("aof_last_bgrewrite_status:ok");
    assert_eq!(folder.names("appendonlydir").len(), 3);
}

#[test]
fn clients_are_told_while_the_log_is_loaded() {
    let folder = Folder::new("loading");
    let mut server = start(&folder, &[]);
    (0..300).for_each(|n| _ = server.ok(&format!("SET k{n} {}", "x".repeat(100))));
    server.kill();
    // Slow enough that somebody asks meanwhile.
    let args = ["--appendonly", "yes", "--save", "", "--key-load-delay", "1000"];
    let mut server = Process::start_early(OURS, &folder, &args);
    let error = server.call(&[b"GET", b"k1"]);
    assert_eq!(said(&error), "LOADING Redis is loading the dataset in memory");
    server.wait_for("\r\nloading:0\r\n");
    assert_eq!(server.ok("DBSIZE"), Value::Int(300));
}
