//! RDB files between tabdis and a real redis-server: what either saves loads in the other, equal.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::data::{NOW, fill_with};
use common::formats;
use common::{assert_same, content};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tabdis::base::rng::Rng;
use tabdis::ds::dict::Keyed;
use tabdis::ds::hash::Hash;
use tabdis::ds::list::List;
use tabdis::engine::keyspace::Clock;
use tabdis::engine::value::Object;
use tabdis::engine::{Keyspace, Ttl};
use tabdis::rdb::{self, LoadOptions, Options, Restored};
use tabdis::resp::encode;
use tabdis::resp::reply::{Decoder, Value};

/// What DUMP says and both sides write, but for the version and what hangs on it.
fn body(payload: &[u8]) -> &[u8] {
    &payload[..payload.len() - 10]
}

/// A redis-server in a folder of its own, with a connection to it. Both go when it does.
struct Redis {
    child: Child,
    folder: PathBuf,
    stream: UnixStream,
    decoder: Decoder,
    buf: Vec<u8>,
}

impl Redis {
    /// Starts a server, on a file if there is one.
    fn start(name: &str, file: Option<&[u8]>) -> Self {
        let folder = std::env::temp_dir().join(format!("tabdis-rdb-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(file) = file {
            std::fs::write(folder.join("dump.rdb"), file).unwrap();
        }
        let socket = folder.join("s");
        let program = std::env::var("REDIS_SERVER").unwrap_or("redis-server".to_string());
        let child = Command::new(program)
            .args(["--port", "0", "--save", "", "--enable-debug-command", "yes", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts; it is Debian's package of that name, or $REDIS_SERVER");
        let mut tries = 0;
        let stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(_) if tries < 200 => std::thread::sleep(std::time::Duration::from_millis(20)),
                Err(error) => panic!("redis-server does not answer: {error}"),
            }
            tries += 1;
        };
        let mut redis = Redis { child, folder, stream, decoder: Decoder::default(), buf: Vec::new() };
        while redis.call(&[b"PING"]).is_error() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        redis
    }

    fn call(&mut self, argv: &[&[u8]]) -> Value {
        let mut out = Vec::new();
        encode::command(&mut out, argv);
        self.stream.write_all(&out).unwrap();
        loop {
            if let Some((value, used)) = self.decoder.next(&self.buf).unwrap() {
                self.buf.drain(..used);
                return value;
            }
            let mut piece = [0; 65_536];
            let count = self.stream.read(&mut piece).unwrap();
            assert!(count > 0, "redis-server has gone");
            self.buf.extend_from_slice(&piece[..count]);
        }
    }

    fn run(&mut self, line: &str) -> Value {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let value = self.call(&argv);
        assert!(!value.is_error(), "{line}: {value:?}");
        value
    }

    fn text(&mut self, line: &str) -> String {
        let value = self.run(line);
        String::from_utf8(value.text().unwrap().to_vec()).unwrap()
    }

    fn save(&mut self) -> Vec<u8> {
        self.run("SAVE");
        std::fs::read(self.folder.join("dump.rdb")).unwrap()
    }

    /// What DEBUG DIGEST does not see: encodings and times, of every key of databases 0 to 15.
    fn details(&mut self) -> Vec<(usize, Vec<u8>, Value, Value)> {
        let mut all = Vec::new();
        for db in 0..16 {
            self.run(&format!("SELECT {db}"));
            let Value::Array(keys) = self.run("KEYS *") else { panic!("KEYS answers an array") };
            for key in keys {
                let key = key.text().unwrap().to_vec();
                let encoding = self.call(&[b"OBJECT", b"ENCODING", &key]);
                let expires = self.call(&[b"PEXPIRETIME", &key]);
                all.push((db, key, encoding, expires));
            }
        }
        all.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        all
    }

    fn check_rdb(&self, file: &[u8]) {
        let path = self.folder.join("check.rdb");
        std::fs::write(&path, file).unwrap();
        let program = std::env::var("REDIS_SERVER").unwrap_or("redis-server".to_string());
        let program = program.replace("redis-server", "redis-check-rdb");
        let output = Command::new(program).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn load(file: &[u8]) -> Keyspace {
    let mut ks = Keyspace::new(16, 4);
    ks.now = NOW;
    rdb::load(&mut ks, file, LoadOptions { now: NOW, ..Default::default() }).unwrap();
    ks
}

fn version_10(ks: &mut Keyspace) -> Vec<u8> {
    rdb::save(ks, Options { version: 10, now: NOW, ..Default::default() })
}

/// Keys of every type and encoding that Redis 7.0 has.
fn fill_redis(redis: &mut Redis) {
    let repeat = |word: &str, count: usize| (0..count).map(|n| format!(" {word}{n}")).collect::<String>();
    let long = "0123456789".repeat(10);
    for line in [
        "SET int8 -100",
        "SET int16 -30000",
        "SET int32 2000000000",
        "SET int64 9000000000000000000",
        "SET embstr hello",
        "SET 12345 key-is-a-number PX 1000000000000",
        "APPEND raw x",
        &format!("SET lzf {}", "abc".repeat(1000)),
        &format!("SET {} longkey", "k".repeat(20_000)),
        "RPUSH list-small a 1 -5 300 70000 5000000000 9000000000000000000",
        &format!("RPUSH list-large{}", repeat(&long, 1000)),
        &format!("RPUSH list-numbers{}", repeat("1", 5000)),
        "SADD set-ints16 1 2 3",
        "SADD set-ints64 1 9000000000000000000 -9000000000000000000",
        "SADD set-words a b 3",
        &format!("SADD set-large{}", repeat("m", 2000)),
        "ZADD zset-small 1 a 1.5 b -inf c +inf d 1e300 e",
        &format!("ZADD zset-large{}", (0..500).map(|n| format!(" {} m{n}", f64::from(n) / 3.0)).collect::<String>()),
        &format!("ZADD zset-long-member 1 {long}"),
        "HSET hash-small f v 1 2 g -30000",
        &format!("HSET hash-large{}", (0..1000).map(|n| format!(" f{n} v{n}")).collect::<String>()),
        &format!("HSET hash-long-value f {long}"),
        "XADD stream-small 1-1 f v g 12",
        "XGROUP CREATE stream-empty g $ MKSTREAM",
        "XGROUP CREATE stream-empty 123 $ ENTRIESREAD 0",
        "CONFIG SET stream-node-max-entries 3",
        "XADD stream 1-1 f v",
        "XADD stream 1-2 f 300",
        "XADD stream 5-0 g v h -5000000000",
        "XADD stream 5-1 f 1",
        "XADD stream 1700000000000-18446744073709551615 f 2",
        &format!("XADD stream 1700000000001-0 f {long}"),
        "XADD stream 1700000000001-1 f 3",
        "XDEL stream 1-2 5-1",
        "XGROUP CREATE stream g 0",
        "XGROUP CREATE stream idle 5",
        "XREADGROUP GROUP g alice COUNT 2 STREAMS stream >",
        "XREADGROUP GROUP g bob COUNT 1 STREAMS stream >",
        "XDEL stream 5-0",
        "XGROUP CREATECONSUMER stream g nobody",
        "CONFIG SET stream-node-max-entries 100",
        "SELECT 7",
        "SET k in-another-database",
        "PEXPIREAT k 4000000000000",
    ] {
        redis.run(line);
    }
}

#[test]
fn what_redis_saves_loads_here_and_goes_back_the_same() {
    for compression in ["yes", "no"] {
        let mut redis = Redis::start(&format!("there-{compression}"), None);
        redis.run(&format!("CONFIG SET rdbcompression {compression}"));
        fill_redis(&mut redis);
        let file = redis.save();
        let mut ks = load(&file);
        let back = version_10(&mut ks);
        redis.check_rdb(&back);
        let mut other = Redis::start(&format!("back-{compression}"), Some(&back));
        assert_eq!(other.text("DEBUG DIGEST"), redis.text("DEBUG DIGEST"));
        let details = redis.details();
        assert_eq!(other.details(), details);
        assert!(details.len() > 20);
        for (db, key, encoding, _) in details {
            let ours = ks.in_db(db, |ks| ks.see_entry(&key).unwrap().encoding());
            let theirs = String::from_utf8_lossy(encoding.text().unwrap());
            // From 7.2 on, short lists and sets of words are listpacks.
            let newer = ours == "listpack" && matches!(&*theirs, "quicklist" | "hashtable");
            assert!(ours == theirs || newer, "{}: {ours}, {theirs}", key.escape_ascii());
        }
    }
}

#[test]
fn what_is_saved_here_loads_in_redis_and_comes_back_the_same() {
    for seed in 0..4 {
        let mut ks = Keyspace::new(16, seed);
        fill_with(&mut ks, &mut Rng::new(seed), 300, false);
        put_long(&mut ks);
        // Redis 7.0 knows no times of fields.
        let file = version_10(&mut ks);
        let mut plain = load(&file);
        let mut redis = Redis::start(&format!("ours-{seed}"), Some(&file));
        redis.check_rdb(&file);
        let mut back = load(&redis.save());
        let (got, mut want) = (content(&mut back), content(&mut plain));
        // Its clock is ahead of the test's: what is due by it does not come back.
        want.retain(|key, _| got.contains_key(key));
        assert!(got.len() > 200);
        assert_same(&got, &want);
    }
}

/// Strings that are written in pieces, and not compressed.
fn put_long(ks: &mut Keyspace) {
    let long = b"more than 256 KB of text, ".repeat(12_000);
    ks.set_text(b"long", &long, Ttl::Clear);
    ks.set_text(&long, b"the value of a long key", Ttl::Clear);
    let (mut hash, mut list) = (Hash::new(), List::new());
    hash.set(b"field", &long, &ks.limits.hash, ks.seed);
    hash.set(&long, b"value", &ks.limits.hash, ks.seed);
    (0..3).for_each(|_| list.push_back(&long, ks.limits.list));
    ks.set_object(b"long hash", Object::Hash(hash), Ttl::Clear);
    ks.set_object(b"long list", Object::List(list), Ttl::Clear);
}

/// Redis 7.0 knows versions up to 10, and types up to 19.
#[test]
fn files_written_by_hand_load_here_as_in_redis() {
    for version in [1, 4, 5, 6, 7, 8, 9, 10] {
        let file = formats::whole(version);
        let mut redis = Redis::start(&format!("hand-{version}"), Some(&file));
        if version >= 5 {
            redis.check_rdb(&file);
        }
        let mut ks = load(&file);
        assert_same(&content(&mut load(&redis.save())), &content(&mut ks));
        // And what is made of it here goes back.
        let back = version_10(&mut ks);
        redis.check_rdb(&back);
        let mut other = Redis::start(&format!("hand-back-{version}"), Some(&back));
        assert_eq!(other.text("DEBUG DIGEST"), redis.text("DEBUG DIGEST"));
        assert!(ks.in_db(2, |ks| ks.len()) >= 12);
    }
}

#[test]
fn function_libraries_go_both_ways() {
    let mut redis = Redis::start("functions", None);
    let pad = "x".repeat(3_000);
    for name in ["one", "two"] {
        let code = format!(
            "#!lua name={name}\n-- {pad}\nredis.register_function('{name}', function(keys) \
             return redis.call('INCR', keys[1]) .. '{name}' end)"
        );
        assert!(!redis.call(&[b"FUNCTION", b"LOAD", code.as_bytes()]).is_error());
    }
    redis.run("SET n 41");
    let listed = redis.run("FUNCTION LIST WITHCODE");
    let file = redis.save();
    let mut ks = load(&file);
    assert_eq!((ks.functions.len(), ks.len()), (2, 1));
    let back = version_10(&mut ks);
    redis.check_rdb(&back);
    let mut other = Redis::start("functions-back", Some(&back));
    let sorted = |value: Value| {
        let Value::Array(mut libraries) = value else { panic!("FUNCTION LIST answers an array") };
        libraries.sort_by_key(|library| format!("{library:?}"));
        libraries
    };
    assert_eq!(sorted(other.run("FUNCTION LIST WITHCODE")), sorted(listed));
    assert_eq!(other.text("FCALL one 1 n"), "42one");
    assert_eq!(other.text("FCALL two 1 n"), "43two");
}

#[test]
fn access_clocks_go_both_ways() {
    for (clock, policy, word) in [(Clock::Lru, "allkeys-lru", "IDLETIME"), (Clock::Lfu, "allkeys-lfu", "FREQ")] {
        let mut redis = Redis::start(word, None);
        redis.run(&format!("CONFIG SET maxmemory-policy {policy}"));
        for n in 0..5 {
            let touched = if clock == Clock::Lru { ["IDLETIME", "1000"] } else { ["FREQ", "9"] };
            let payload = b"\x00\x05hello\n\x00cr\xdfve4 \n";
            let key = format!("k{n}");
            let number = (touched[1].parse::<u32>().unwrap() * (n + 1)).to_string();
            let words: [&[u8]; 6] =
                [b"RESTORE", key.as_bytes(), b"0", payload, touched[0].as_bytes(), number.as_bytes()];
            assert!(!redis.call(&words).is_error());
        }
        let ask = |redis: &mut Redis| -> Vec<i64> {
            let ask = |n| match redis.run(&format!("OBJECT {word} k{n}")) {
                Value::Int(n) => n,
                other => panic!("OBJECT {word} answers {other:?}"),
            };
            (0..5).map(ask).collect()
        };
        let want = ask(&mut redis);
        let file = redis.save();
        let mut ks = Keyspace::new(16, 4);
        (ks.clock, ks.now) = (clock, common::wall_clock_ms());
        rdb::load(&mut ks, &file, LoadOptions::default()).unwrap();
        let ours: Vec<i64> = (0..5)
            .map(|n| {
                let at = ks.see_entry(format!("k{n}").as_bytes()).unwrap().clock();
                i64::from(if clock == Clock::Lru { ks.lru_clock().wrapping_sub(at) } else { at & 0xFF })
            })
            .collect();
        // Seconds may have passed.
        let near = |a: &[i64], b: &[i64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 10);
        assert!(near(&ours, &want), "{ours:?} {want:?}");
        let options = Options { version: 10, clock: Some((clock, ks.lru_clock())), ..Default::default() };
        let back = rdb::save(&mut ks, options);
        redis.check_rdb(&back);
        std::fs::write(redis.folder.join("dump.rdb"), &back).unwrap();
        redis.run("DEBUG RELOAD NOSAVE");
        let again = ask(&mut redis);
        assert!(near(&again, &want), "{again:?} {want:?}");
    }
}

#[test]
fn dumped_values_are_restored_by_the_other() {
    let mut redis = Redis::start("dump", None);
    fill_redis(&mut redis);
    redis.run("SELECT 0");
    let mut ks = load(&redis.save());
    let mut copy = Keyspace::new(16, 5);
    copy.now = NOW;
    let keys: Vec<Vec<u8>> = ks.iter().map(|entry| entry.key().to_vec()).collect();
    for key in &keys {
        let Value::Bulk(payload) = redis.call(&[b"DUMP", key]) else { panic!("DUMP answers a string") };
        match rdb::restore(&payload, &copy.limits, copy.seed, NOW, true).unwrap().unwrap() {
            Restored::Text(text) => copy.set_text(key, &text, tabdis::engine::Ttl::Clear),
            Restored::Object(object) => copy.set_object(key, object, tabdis::engine::Ttl::Clear),
        }
        let ours = rdb::dump(ks.see_entry(key).unwrap(), 10);
        if key.starts_with(b"stream") {
            assert_eq!(body(&ours).escape_ascii().to_string(), body(&payload).escape_ascii().to_string());
        }
        let answer = redis.call(&[b"RESTORE", key, b"0", &ours, b"REPLACE"]);
        assert_eq!(answer, Value::Simple(b"OK".to_vec()));
    }
    let mut restored = content(&mut load(&redis.save()));
    ks.in_db(7, |ks| _ = ks.flush(None));
    for key in &keys {
        ks.set_expire(key, None);
    }
    assert_same(&content(&mut copy), &content(&mut ks));
    restored.retain(|(db, _), _| *db == 0);
    assert_same(&restored, &content(&mut ks));
}
