//! The engine's contract in one page: replies, effects, expiry, snapshots, replay.
#![cfg(not(target_family = "wasm"))]

use tabdis::cmd;
use tabdis::ds::dict::Keyed;
use tabdis::engine::entry::Entry;
use tabdis::engine::snapshot::Sink;
use tabdis::engine::{Engine, Options, Proto, SessionId};

fn engine() -> (Engine, SessionId) {
    let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed: 1, now: 1_000 });
    let id = engine.open("test", Proto::Resp2, 1_000);
    engine.ks.effects.record(true);
    (engine, id)
}

fn run(engine: &mut Engine, id: SessionId, now: u64, line: &str) -> String {
    let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    engine.call(id, &argv, now);
    let out = engine.sessions.get_mut(id).unwrap().out.bytes_mut();
    String::from_utf8(std::mem::take(out)).unwrap()
}

#[test]
fn a_change_is_answered_logged_and_replayed() {
    let (mut engine, id) = engine();
    assert_eq!(run(&mut engine, id, 1_000, "SET k v"), "+OK\r\n");
    assert_eq!(run(&mut engine, id, 1_000, "GET k"), "$1\r\nv\r\n");
    assert_eq!(run(&mut engine, id, 1_000, "SET k v BAD"), "-ERR syntax error\r\n");
    assert_eq!(run(&mut engine, id, 1_000, "GET"), "-ERR wrong number of arguments for 'get' command\r\n");
    assert_eq!(
        run(&mut engine, id, 1_000, "nope a b"),
        "-ERR unknown command 'nope', with args beginning with: 'a' 'b' \r\n"
    );
    let log = std::mem::take(engine.effects());
    assert_eq!(log, b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n");
    let mut follower = Engine::new(cmd::table(), &Options { databases: 16, seed: 2, now: 0 });
    follower.replay(&[b"SET", b"k", b"v"]).unwrap();
    assert!(follower.ks.text(b"k").unwrap().unwrap().is(b"v"));
}

#[derive(Default)]
struct Keys(Vec<u8>);

impl Sink for Keys {
    fn entry(&mut self, db: usize, entry: &Entry, _room: &mut usize) -> bool {
        self.whole(db, entry);
        true
    }
    fn whole(&mut self, _db: usize, entry: &Entry) {
        self.0.extend_from_slice(entry.key());
        self.0.push(b'=');
        self.0.extend_from_slice(&entry.text().unwrap().to_vec());
        self.0.push(b' ');
    }
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

#[test]
fn a_snapshot_is_of_one_instant_whatever_is_written_meanwhile() {
    let (mut engine, id) = engine();
    for n in 0..100 {
        run(&mut engine, id, 1_000, &format!("SET key{n} {n}"));
    }
    engine.ks.snapshot_begin(Box::<Keys>::default());
    let mut more = true;
    for n in 0..40 {
        run(&mut engine, id, 1_000, &format!("SET key{n} changed"));
        run(&mut engine, id, 1_000, &format!("SET new{n} x"));
        engine.ks.delete(format!("key{}", n + 50).as_bytes());
        more = engine.ks.snapshot_step(1);
    }
    engine.ks.flush(None);
    while more {
        more = engine.ks.snapshot_step(7 * 32);
    }
    let text = String::from_utf8(engine.ks.snapshot_end().unwrap().take()).unwrap();
    let mut found: Vec<&str> = text.split_whitespace().collect();
    found.sort_unstable();
    let mut want: Vec<String> = (0..100).map(|n| format!("key{n}={n}")).collect();
    want.sort_unstable();
    assert_eq!(found, want);
}
