//! Whether `used_memory` is what the heap of the instance really holds.

use core::arch::wasm32::memory_size;
use std::fmt::Write;
use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto, SessionId};
use tabdis::wasm::alloc;
use wasm_bindgen_test::wasm_bindgen_test;

const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const PAGE: usize = 65_536;

/// Bytes of the instance's memory that are not free: all of it, less what can be allocated before it grows.
fn held() -> usize {
    let mut blocks: Vec<Vec<u8>> = Vec::with_capacity(1 << 16);
    let all = memory_size(0);
    let mut free = 0;
    while memory_size(0) == all && blocks.len() < blocks.capacity() {
        blocks.push(Vec::with_capacity(4096 - 4));
        free += 4096;
    }
    all * PAGE - free
}

/// Adds a key, or to a key.
type Fill = fn(&mut Db, usize);

struct Db {
    engine: Engine,
    session: SessionId,
    /// The words of a command. A page reuses its staging area too: what a test allocates for each command would leave holes
    /// between the keys.
    line: String,
}

impl Db {
    fn new() -> Self {
        let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed: 1, now: 1 });
        let session = engine.open("test", Proto::Resp2, 1);
        Db { engine, session, line: String::with_capacity(1000) }
    }

    fn run(&mut self, line: std::fmt::Arguments) {
        self.line.clear();
        self.line.write_fmt(line).expect("a string takes everything");
        let (mut argv, mut argc) = ([&b""[..]; 8], 0);
        for word in self.line.split(' ') {
            argv[argc] = word.as_bytes();
            argc += 1;
        }
        assert!(self.engine.call(self.session, &argv[..argc], 1));
        let session = self.engine.sessions.get_mut(self.session).expect("it was opened");
        assert_ne!(session.out.bytes().first(), Some(&b'-'), "{}", self.line);
        session.out.rewind(0);
    }
}

const KINDS: &[(&str, Fill)] = &[
    ("strings with an expiry", |db, n| db.run(format_args!("SET key:{n} value:{n} EX {}", 1000 + n))),
    ("short strings", |db, n| db.run(format_args!("SET key:{n} value:{n}"))),
    ("long strings", |db, n| db.run(format_args!("SET key:{n} {}", &LONG[..100 + n % 100]))),
    ("lists", |db, n| db.run(format_args!("RPUSH key:{n} a{n} b{n} c{n}"))),
    ("sets", |db, n| db.run(format_args!("SADD key:{n} a{n} b{n} c{n}"))),
    ("int sets", |db, n| db.run(format_args!("SADD key:{n} 1 {n} 3"))),
    ("sorted sets", |db, n| db.run(format_args!("ZADD key:{n} 1 a{n} 2 b{n} 3 c{n}"))),
    ("hashes", |db, n| db.run(format_args!("HSET key:{n} a {n} b b{n}"))),
    ("one list", |db, n| db.run(format_args!("RPUSH one value:{n}:{}", &LONG[..n % 50]))),
    ("one set", |db, n| db.run(format_args!("SADD one a-rather-long-member:{n}"))),
    ("one sorted set", |db, n| db.run(format_args!("ZADD one {n} member:{n}"))),
    ("one hash", |db, n| db.run(format_args!("HSET one field:{n} value:{n}"))),
];

#[wasm_bindgen_test]
fn used_memory_is_what_the_heap_holds() {
    for (kind, fill) in KINDS {
        let (held_before, used_before) = (held(), alloc::used());
        let mut db = Db::new();
        for n in 0..100_000 {
            fill(&mut db, n);
        }
        let used = (alloc::used() - used_before) as f64;
        let held = (held() - held_before) as f64;
        assert!((used / held - 1.0).abs() < 0.1, "{kind}: {used} bytes counted, {held} bytes held");
        // It is also what an engine says of itself.
        db.engine.server.measure_memory(alloc::used, alloc::resident);
        assert!((db.engine.server.memory)() as f64 >= used);
    }
}

#[wasm_bindgen_test]
fn keys_make_room_in_a_page_too() {
    let mut db = Db::new();
    db.engine.server.measure_memory(alloc::used, alloc::resident);
    db.run(format_args!("CONFIG SET maxmemory-policy allkeys-lru"));
    let limit = alloc::used() + (1 << 20);
    db.run(format_args!("CONFIG SET maxmemory {limit}"));
    for n in 0..50_000 {
        db.run(format_args!("SET key:{n} value:{n}"));
    }
    assert!(alloc::used() < limit + (64 << 10));
    assert!(db.engine.ks.stats.evicted > 10_000);
    assert!(db.engine.ks.exists(b"key:49999"));
}
