//! Memory: eviction by every policy, and whether the bytes that are counted are those that are there.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::heap::{PerThread, used};
use common::peer::{Peer, printed};

#[global_allocator]
static ALLOCATOR: PerThread = PerThread;

/// A peer that takes commands as lines, with a clock that stands still.
struct Db(EnginePeer);

impl Db {
    fn new() -> Self {
        let mut peer = EnginePeer::at(7, 1_700_000_000_000);
        peer.engine.server.measure_memory(used, used);
        peer.record();
        Db(peer)
    }

    /// Sends the words of `line` and returns the reply as redis-cli prints it.
    fn run(&mut self, line: &str) -> String {
        self.send(&line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    fn send(&mut self, argv: &[Vec<u8>]) -> String {
        self.0.send(1, argv);
        printed(&self.0.arrived(1), false).trim_end().to_string()
    }

    fn set(&mut self, key: &str, options: &[&str]) -> String {
        let words = ["SET", key, "value value value value value value"].into_iter().chain(options.iter().copied());
        self.send(&words.map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    /// Sets the limit `more` bytes above what is in use.
    fn limit(&mut self, more: u64, policy: &str) -> u64 {
        assert_eq!(self.run(&format!("CONFIG SET maxmemory-policy {policy}")), "OK");
        // What was recorded is what a host would have stored by now.
        self.0.effects = Vec::new();
        let limit = used() + more;
        assert_eq!(self.run(&format!("CONFIG SET maxmemory {limit}")), "OK");
        limit
    }

    fn has(&mut self, key: &str) -> bool {
        let look = format!("OBJECT ENCODING {key}");
        self.run(&look) != "(nil)"
    }

    fn info(&mut self, name: &str) -> u64 {
        let text = self.run("INFO everything");
        let line = text.split("\\r\\n").find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("INFO has {name}")).trim().parse().expect("it is a number")
    }
}

const SLACK: u64 = 16 << 10;
const OOM: &str = "(error) OOM command not allowed when used memory > 'maxmemory'.";

#[test]
fn every_policy_honours_the_limit_and_takes_only_what_it_may() {
    for policy in [
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
    ] {
        let mut db = Db::new();
        for n in 0..500 {
            db.set(&format!("kept:{n}"), &[]);
        }
        let limit = db.limit(200 << 10, policy);
        for n in 0..10_000 {
            assert_eq!(db.set(&format!("volatile:{n}"), &["EX", "1000"]), "OK", "{policy}");
            if n % 64 == 0 {
                // What was recorded is what the host would have stored.
                db.0.effects = Vec::new();
            }
        }
        db.0.effects = Vec::new();
        assert!(used() < limit + SLACK, "{policy}: {} over {limit}", used() - limit);
        let kept = (0..500).filter(|n| db.has(&format!("kept:{n}"))).count();
        assert!(if policy.starts_with("volatile") { kept == 500 } else { kept < 500 }, "{policy}: {kept}");
        assert!(db.info("evicted_keys") > 5000, "{policy}");
    }
}

#[test]
fn without_anything_to_evict_commands_that_use_memory_are_refused() {
    for policy in ["noeviction", "volatile-lru", "volatile-random", "volatile-ttl"] {
        let mut db = Db::new();
        db.set("k", &[]);
        db.limit(1, policy);
        db.run("CONFIG SET maxmemory 1");
        assert_eq!(db.set("other", &[]), OOM, "{policy}");
        assert!(db.run("GET k").starts_with("\"value"), "{policy}");
        assert_eq!(db.run("DEL k"), "(integer) 1");
        assert_eq!(db.run("MULTI"), "OK");
        assert_eq!(db.run("GET k"), OOM);
        assert_eq!(db.run("EXEC"), "(error) EXECABORT Transaction discarded because of previous errors.");
        db.run("CONFIG SET maxmemory 0");
        assert_eq!(db.run("MULTI"), "OK");
        assert_eq!(db.set("k", &[]), "QUEUED");
        // The limit comes between the queueing and the end.
        let set = [&b"CONFIG"[..], b"SET", b"maxmemory", b"1"].map(<[u8]>::to_vec);
        db.0.send(2, &set);
        assert!(
            db.run("EXEC").starts_with("(error) EXECABORT Transaction discarded because of: OOM command not allowed")
        );
        assert_eq!(db.info("evicted_keys"), 0);
    }
}

#[test]
fn lru_keeps_what_is_used_and_ttl_what_lasts_longest() {
    for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl"] {
        let mut db = Db::new();
        for n in 0..2000u64 {
            // Later keys are used later and last longer.
            db.0.now += 1000;
            db.set(&format!("key:{n}"), &["PX", &(10_000_000 + n * 5000).to_string()]);
        }
        db.limit(0, policy);
        for n in 0..1000 {
            db.0.now += 1000;
            db.set(&format!("more:{n}"), &["EX", "100000"]);
            db.0.effects = Vec::new();
        }
        let left = |from: u64, db: &mut Db| (from..from + 500).filter(|n| db.has(&format!("key:{n}"))).count();
        let (old, young) = (left(0, &mut db), left(1500, &mut db));
        assert!(old < 100 && young > 400, "{policy}: {old} old and {young} young keys are left");
    }
}

#[test]
fn lfu_keeps_what_is_used_often() {
    let mut db = Db::new();
    db.limit(1 << 30, "allkeys-lfu");
    for n in 0..2000 {
        db.set(&format!("key:{n}"), &[]);
    }
    for _ in 0..60 {
        for n in (0..2000).step_by(4) {
            db.run(&format!("GET key:{n}"));
        }
    }
    db.0.effects = Vec::new();
    db.limit(0, "allkeys-lfu");
    for n in 0..1000 {
        db.set(&format!("more:{n}"), &[]);
        db.0.effects = Vec::new();
    }
    let often = (0..2000).step_by(4).filter(|n| db.has(&format!("key:{n}"))).count();
    let rarely = (1..2000).step_by(4).filter(|n| db.has(&format!("key:{n}"))).count();
    assert!(often >= 495 && rarely < 400, "{often} of 500 used often and {rarely} of 500 used rarely are left");
}

#[test]
fn an_evicted_key_is_a_deletion_of_its_own_in_the_feed() {
    let mut db = Db::new();
    for n in 0..1000 {
        db.set(&format!("key:{n}"), &[]);
    }
    db.run("CONFIG SET notify-keyspace-events Ee");
    db.0.send(2, &[b"SUBSCRIBE".to_vec(), b"__keyevent@0__:evicted".to_vec()]);
    db.0.arrived(2);
    db.run("WATCH key:0 key:1 key:2");
    let before = std::mem::take(&mut db.0.effects);
    db.limit(0, "allkeys-random");
    // The last word of a transaction: what is evicted before it is not part of it.
    db.run("CONFIG SET maxmemory-eviction-tenacity 100");
    let limit = used() - (40 << 10);
    db.run(&format!("CONFIG SET maxmemory {limit}"));
    db.0.sleep(1);
    let evicted = db.info("evicted_keys");
    assert!(evicted > 100, "{evicted}");
    assert_eq!(db.0.arrived(2).len() as u64, evicted);
    db.run("CONFIG SET maxmemory 0");
    let deletions = String::from_utf8(std::mem::take(&mut db.0.effects)).expect("keys are text");
    assert_eq!(deletions.matches("\r\nDEL\r\n").count() as u64, evicted);
    assert!(!deletions.contains("MULTI"));
    let mut follower = EnginePeer::at(1, 0);
    // A follower has no say in it, whatever its own limit.
    follower.engine.server.measure_memory(used, used);
    follower.engine.server.config.maxmemory = 1;
    follower.replay(&before).expect("the feed applies");
    follower.replay(deletions.as_bytes()).expect("the feed applies");
    assert_eq!(follower.content(), db.0.content());
}

#[test]
fn work_per_call_is_bounded_and_goes_on_by_itself() {
    let mut db = Db::new();
    for n in 0..5000 {
        db.set(&format!("key:{n}"), &[]);
    }
    db.0.effects = Vec::new();
    db.run("CONFIG SET maxmemory-policy allkeys-lru maxmemory-eviction-tenacity 1");
    let limit = used() - (200 << 10);
    db.run(&format!("CONFIG SET maxmemory {limit}"));
    assert_eq!(db.set("k", &[]), "OK", "while the work goes on nothing is refused");
    let evicted = db.info("evicted_keys");
    assert!((1..200).contains(&evicted), "{evicted}");
    let engine = &mut db.0.engine;
    let mut ticks = 0;
    while engine.has_work() {
        assert!(engine.next_wake().is_some_and(|wake| wake <= engine.ks.now));
        engine.tick(db.0.now);
        engine.effects().clear();
        ticks += 1;
    }
    assert!(ticks > 10);
    assert!(used() <= limit + SLACK);
    db.0.now += 5;
    let exceeded = db.info("total_eviction_exceeded_time");
    assert_eq!((exceeded, db.info("current_eviction_exceeded_time")), (0, 0));
}

#[test]
fn what_was_unlinked_makes_room_before_anything_is_evicted() {
    let mut db = Db::new();
    for n in 0..20_000 {
        db.run(&format!("SADD large member:{n}"));
    }
    db.set("k", &[]);
    db.0.effects = Vec::new();
    db.limit(64 << 10, "allkeys-random");
    assert_eq!(db.run("UNLINK large"), "(integer) 1");
    assert_eq!(db.info("lazyfree_pending_objects"), 1);
    for n in 0..2000 {
        db.set(&format!("key:{n}"), &[]);
        db.0.effects = Vec::new();
    }
    assert_eq!((db.info("evicted_keys"), db.info("lazyfreed_objects")), (0, 0), "no more was freed than was needed");
    assert_eq!(db.run("MEMORY PURGE"), "OK");
    assert_eq!((db.info("lazyfree_pending_objects"), db.info("lazyfreed_objects")), (0, 1));
}

/// Adds `count` keys of one kind.
type Fill = fn(&mut Db, usize, &str);

const KINDS: &[(&str, Fill)] = &[
    ("short strings", |db, n, key| _ = db.run(&format!("SET {key} value:{n}"))),
    ("long strings", |db, _, key| _ = db.run(&format!("SET {key} {}", "x".repeat(300)))),
    ("strings that grew", |db, n, key| {
        db.run(&format!("APPEND {key} some{n}"));
        db.run(&format!("APPEND {key} more{n}"));
    }),
    ("strings with an expiry", |db, n, key| _ = db.run(&format!("SET {key} value:{n} EX {}", 1000 + n))),
    ("small lists", |db, n, key| _ = db.run(&format!("RPUSH {key} a{n} b{n} c{n}"))),
    ("small sets", |db, n, key| _ = db.run(&format!("SADD {key} a{n} b{n} c{n}"))),
    ("int sets", |db, n, key| _ = db.run(&format!("SADD {key} 1 {n} 3"))),
    ("small sorted sets", |db, n, key| _ = db.run(&format!("ZADD {key} 1 a{n} 2 b{n} 3 c{n}"))),
    ("small hashes", |db, n, key| _ = db.run(&format!("HSET {key} a {n} b b{n}"))),
    ("one list", |db, n, _| _ = db.run(&format!("RPUSH one value:{n}"))),
    ("one set", |db, n, _| _ = db.run(&format!("SADD one a-rather-long-member:{n}"))),
    ("one sorted set", |db, n, _| _ = db.run(&format!("ZADD one {n} member:{n}"))),
    ("one hash", |db, n, _| _ = db.run(&format!("HSET one field:{n} value:{n}"))),
];

#[test]
fn what_keys_are_said_to_take_is_what_is_in_use() {
    for (kind, fill) in KINDS {
        let mut db = Db::new();
        db.0.engine.ks.effects.record(false);
        db.run("PING");
        let before = used();
        for n in 0..20_000 {
            fill(&mut db, n, &format!("key:{n}"));
        }
        let grown = (used() - before) as f64;
        let keys = db.0.engine.ks.iter().map(|entry| entry.heap_bytes()).sum::<usize>();
        let (index, expires) = db.0.engine.ks.overhead();
        // The heads of entries are in both.
        let said = (keys + index + expires - 8 * db.0.engine.ks.len()) as f64;
        assert!((said / grown - 1.0).abs() < 0.05, "{kind}: said to be {said}, grown by {grown}");
    }
}
