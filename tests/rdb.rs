//! RDB files: what is saved loads again, in pieces of any size; old formats load; nothing hostile gets through.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::data::{Bytes, NOW, fill, fresh, load};
use common::formats::whole;
use common::{assert_same, content, content_and_encodings, engine};
use tabdis::base::rng::Rng;
use tabdis::ds::hash::Hash;
use tabdis::engine::entry::Payload;
use tabdis::engine::keyspace::Clock;
use tabdis::engine::value::Object;
use tabdis::engine::{Keyspace, Ttl};
use tabdis::rdb::{self, LoadOptions, Options, RdbError, Reader, Restored, Writer};

#[test]
fn what_is_saved_loads_again() {
    for seed in 0..4 {
        let (mut ks, mut rng) = (fresh(), Rng::new(seed));
        fill(&mut ks, &mut rng, 150);
        let file = rdb::save(&mut ks, Options { compress: seed % 2 == 0, now: NOW, ..Default::default() });
        assert_eq!(&file[..9], b"REDIS0012"); // fields expire
        let mut copy = fresh();
        let report = rdb::load(&mut copy, &file, LoadOptions { now: NOW, ..Default::default() }).unwrap();
        assert_same(&content_and_encodings(&mut copy), &content_and_encodings(&mut ks));
        assert_eq!((report.keys, report.bytes, report.version), (150, file.len() as u64, 12));
        assert_eq!(report.aux[0], (b"redis-ver".to_vec(), b"7.4.0".to_vec()));
        assert_eq!(report.aux[2], (b"ctime".to_vec(), b"1700000000".to_vec()));
    }
}

#[test]
fn a_file_in_pieces_loads_like_the_whole_and_leaves_what_follows() {
    let (mut ks, mut rng) = (fresh(), Rng::new(11));
    fill(&mut ks, &mut rng, 120);
    let mut file = rdb::save(&mut ks, Options { now: NOW, ..Default::default() });
    let len = file.len();
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    for step in [1, 7, 1000, 65_536, usize::MAX] {
        let (mut copy, mut used) = (fresh(), 0);
        let mut reader = Reader::new(LoadOptions { now: NOW, ..Default::default() });
        for piece in file.chunks(step.min(file.len())) {
            assert_eq!(reader.is_done(), used == len);
            used += reader.push(&mut copy, piece).unwrap();
        }
        assert_eq!((used, reader.is_done()), (len, true));
        assert_eq!(reader.finish().unwrap().bytes, len as u64);
        assert_same(&content(&mut copy), &content(&mut ks));
    }
}

#[test]
fn a_snapshot_in_slices_is_a_file_of_one_instant() {
    let (mut ks, mut rng) = (fresh(), Rng::new(12));
    fill(&mut ks, &mut rng, 400);
    let want = content(&mut ks);
    let writer = Writer::new(&mut ks, Options { now: NOW, ..Default::default() });
    ks.snapshot_begin(Box::new(writer));
    let (mut file, mut n) = (Vec::new(), 0);
    while ks.snapshot_step(500) {
        file.extend(ks.snapshot_take());
        let key = if rng.below(2) == 0 { format!("{}", rng.below(400)) } else { format!("key:{}", rng.below(400)) };
        n += 1;
        ks.in_db([0, 3, 15][n % 3], |ks| match n % 4 {
            0 => _ = ks.delete(key.as_bytes()),
            1 => _ = ks.set_expire(key.as_bytes(), Some(NOW + 5)),
            2 if n > 70 => _ = ks.flush(None),
            _ => ks.set_text(key.as_bytes(), b"new", Ttl::Clear),
        });
    }
    let mut sink = ks.snapshot_end().unwrap();
    sink.finish();
    file.extend(sink.take());
    assert_same(&content(&mut load(&file).unwrap()), &want);
}

#[test]
fn keys_and_fields_that_are_due_stay_out_unless_another_decides() {
    let mut ks = fresh();
    ks.now = 1_000;
    ks.set_text(b"due", b"v", Ttl::At(NOW - 1));
    ks.set_text(b"now", b"v", Ttl::At(NOW));
    for (key, size) in [(b"small", 3), (b"large", 600)] {
        let mut hash = Hash::new();
        for n in 0..size {
            let field = format!("f{n}").into_bytes();
            hash.set(&field, b"v", &ks.limits.hash, 1);
            hash.set_expire(&field, [Some(NOW - 1), Some(NOW + 1), None][n % 3], 1);
        }
        ks.set_object(key, Object::Hash(hash), Ttl::Clear);
    }
    let mut gone = Hash::new();
    gone.set(b"f", b"v", &ks.limits.hash, 1);
    gone.set_expire(b"f", Some(NOW - 1), 1);
    ks.set_object(b"gone", Object::Hash(gone), Ttl::Clear);
    let file = rdb::save(&mut ks, Options::default());

    let mut copy = fresh();
    let report = rdb::load(&mut copy, &file, LoadOptions { now: NOW, ..Default::default() }).unwrap();
    assert_eq!((report.keys, report.due, report.empty), (3, 1, 1));
    let len = |ks: &Keyspace, key: &[u8]| ks.see::<Hash>(key).unwrap().unwrap().len();
    assert_eq!((len(&copy, b"small"), len(&copy, b"large")), (2, 400));
    assert!(copy.has_volatile_fields());

    let mut copy = fresh();
    copy.now = 0;
    let report =
        rdb::load(&mut copy, &file, LoadOptions { now: NOW, keep_due: true, ..LoadOptions::default() }).unwrap();
    assert_eq!((report.keys, report.due, report.empty), (5, 0, 0));
    ks.now = 0;
    assert_same(&content(&mut copy), &content(&mut ks));
}

#[test]
fn version_10_has_nothing_that_redis_7_0_does_not_know() {
    let (mut ks, mut rng) = (fresh(), Rng::new(13));
    fill(&mut ks, &mut rng, 200);
    let file = rdb::save(&mut ks, Options { version: 10, ..Default::default() });
    assert_eq!(&file[..9], b"REDIS0010");
    let without_times = |ks: &mut Keyspace| {
        let mut all = content(ks);
        for text in all.values_mut().filter(|text| text.contains("hash ")) {
            *text = text.split(' ').map(|part| part.rsplit_once('@').map_or(part, |(pair, _)| pair)).collect();
        }
        all
    };
    assert_same(&without_times(&mut load(&file).unwrap()), &without_times(&mut ks));
}

#[test]
fn access_clocks_come_back() {
    for clock in [Clock::Lru, Clock::Lfu] {
        let mut ks = fresh();
        ks.clock = clock;
        ks.set_text(b"k", b"v", Ttl::Clear);
        ks.now += 100_000;
        let options = Options { clock: Some((clock, ks.lru_clock())), ..Default::default() };
        let file = rdb::save(&mut ks, options);
        let mut copy = fresh();
        (copy.clock, copy.now) = (clock, ks.now + 7_000);
        rdb::load(&mut copy, &file, LoadOptions::default()).unwrap();
        let got = copy.see_entry(b"k").unwrap().clock();
        match clock {
            Clock::Lru => assert_eq!(copy.lru_clock() - got, 100),
            Clock::Lfu => assert_eq!(got & 0xFF, 5),
        }
    }
}

#[test]
fn a_file_of_redis_7_0_loads() {
    let mut ks = load(include_bytes!("fixtures/redis-7.0.15.rdb")).expect("redis-server wrote it");
    let all = content_and_encodings(&mut ks);
    let text = |db, key: &str| all[&(db, key.as_bytes().to_vec())].as_str();
    assert_eq!(all.len(), 16);
    assert_eq!(text(0, "int8"), "None string -100int");
    assert_eq!(text(0, "int64"), "None string 9000000000000000000int");
    assert!(text(0, "12345").starts_with("Some(1") && text(0, "12345").ends_with(" string numeric-keyembstr"));
    assert_eq!(text(0, "lzf"), format!("None string {}raw", "abc".repeat(200)));
    assert_eq!(text(0, "list"), "None list a 1 -5 300 70000 5000000000 9000000000000000000listpack");
    assert!(text(0, "list-nodes").starts_with("None list item0-xx") && text(0, "list-nodes").ends_with("xquicklist"));
    assert_eq!(text(0, "set-ints"), "None set 1 2 70000intset");
    assert_eq!(text(0, "set-words"), "None set 3 a blistpack");
    assert_eq!(text(0, "zset"), "None zset c=-inf a=1.0 b=1.5 e=1e300 d=inflistpack");
    assert!(text(0, "zset-large").starts_with("None zset m0=0.0 m1=0.3333333333333333 "));
    assert_eq!(text(0, "hash"), "None hash 1=2@None f=v@None g=-30000@Nonelistpack");
    assert!(text(0, "hash-large").ends_with(" f99=v99@None f9=v9@Nonelistpack"));
    assert_eq!(text(7, "k"), "None string otherembstr");
}

#[test]
fn what_cannot_be_loaded_is_refused_by_name() {
    let key = |kind: u8| Bytes::new(11).key(kind, "k");
    for (bytes, want) in [
        (b"".to_vec(), RdbError::NotRdb),
        (b"REDIS".to_vec(), RdbError::Truncated),
        (b"GARBAGE..".to_vec(), RdbError::NotRdb),
        (b"REDIS00x1".to_vec(), RdbError::NotRdb),
        (Bytes::new(13).end(true), RdbError::Version(13)),
        (Bytes::new(11).0, RdbError::Truncated),
        (Bytes::new(11).raw(&[0xFE, 16]).end(true), RdbError::Database(16)),
        (Bytes::new(11).raw(&[0xF1]).end(true), RdbError::Opcode(0xF1)),
        (key(8).end(true), RdbError::Type(8)),
        (key(0).string(b"a").key(0, "k").string(b"b").end(true), RdbError::Duplicate(b"k".to_vec())),
        (key(2).raw(&[2, 1, b'a', 1, b'a']).end(true), RdbError::Corrupt("a member of a set comes twice")),
        (
            key(5).raw(&[1, 1, b'a']).raw(&f64::NAN.to_le_bytes()).end(true),
            RdbError::Corrupt("a score is not a number"),
        ),
        (key(20).string(b"x").end(true), RdbError::Corrupt("a compact value is not well formed")),
        (key(18).raw(&[1, 3]).end(true), RdbError::Corrupt("unknown kind of node of a list")),
        (key(0).raw(&[0xC3, 2, 50, 0xFF, 0xFF]).end(true), RdbError::Corrupt("a compressed string")),
        (key(0).raw(&[0x81, 255, 255, 255, 255, 255, 255, 255, 255]).end(true), RdbError::Truncated),
    ] {
        assert_eq!(load(&bytes).err(), Some(want));
    }
    let mut wrong = whole(9);
    let len = wrong.len();
    wrong[len - 1] ^= 1;
    assert_eq!(load(&wrong).err(), Some(RdbError::Checksum));
    // A checksum of zero says that there is none.
    wrong[len - 8..].fill(0);
    assert!(load(&wrong).is_ok());
}

#[test]
fn every_cut_and_every_change_ends_in_an_error_or_a_keyspace() {
    let (mut ks, mut rng) = (fresh(), Rng::new(14));
    fill(&mut ks, &mut rng, 12);
    let files = [rdb::save(&mut ks, Options { compress: true, ..Default::default() }), whole(4), whole(9)];
    for file in &files {
        for _ in 0..200 {
            assert!(load(&file[..rng.below(file.len())]).is_err());
        }
        for _ in 0..800 {
            let mut wrong = file.clone();
            for _ in 0..=rng.below(3) {
                let at = rng.below(wrong.len());
                match rng.below(4) {
                    0 => wrong[at] = [0, 1, 0x3F, 0x7F, 0x80, 0x81, 0xC3, 0xFE, 0xFF][rng.below(9)],
                    1 => wrong[at] ^= 1 << rng.below(8),
                    2 if wrong.len() > 40 => drop(wrong.drain(at..(at + rng.below(9)).min(wrong.len()))),
                    _ => wrong.insert(at, rng.u64() as u8),
                }
            }
            // Without the checksum, so that what is inside is looked at.
            let len = wrong.len();
            wrong[len - 8..].fill(0);
            if let Ok(mut ks) = load(&wrong) {
                content(&mut ks);
            }
        }
    }
}

#[test]
fn announced_sizes_take_no_memory() {
    for kind in [1, 2, 4, 5, 14, 15, 18, 19, 21] {
        let bytes =
            Bytes::new(11).raw(&[0xFB, 0x81]).raw(&[0x7F; 8]).raw(&[0]).key(kind, "k").raw(&[0x81]).raw(&[0x7F; 8]);
        assert_eq!(load(&bytes.0).err(), Some(RdbError::Truncated));
    }
}

#[test]
fn dumped_values_are_restored() {
    let (mut ks, mut rng) = (fresh(), Rng::new(15));
    fill(&mut ks, &mut rng, 200);
    let mut copy = fresh();
    for db in 0..16 {
        let all: Vec<(Vec<u8>, Option<u64>, Vec<u8>)> = ks.in_db(db, |ks| {
            use tabdis::ds::dict::Keyed;
            ks.iter().map(|entry| (entry.key().to_vec(), entry.expire(), rdb::dump(entry, 12))).collect()
        });
        for (key, expire, payload) in all {
            let value = rdb::restore(&payload, &copy.limits, copy.seed, NOW, true).unwrap().unwrap();
            let ttl = expire.map_or(Ttl::Clear, Ttl::At);
            copy.in_db(db, |copy| match value {
                Restored::Text(text) => copy.put(&key, Payload::Text(&text), ttl),
                Restored::Object(object) => copy.put(&key, Payload::Object(object), ttl),
            });
            for _ in 0..5 {
                let mut wrong = payload.clone();
                wrong[rng.below(payload.len())] ^= 1 << rng.below(8);
                assert!(rdb::restore(&wrong, &copy.limits, copy.seed, NOW, true).is_err());
                assert!(
                    rdb::restore(&payload[..rng.below(payload.len())], &copy.limits, copy.seed, NOW, true).is_err()
                );
            }
        }
    }
    assert_same(&content(&mut copy), &content(&mut ks));
    // A payload of a real Redis 7.0: SET k hello, DUMP k.
    let real = b"\x00\x05hello\n\x00cr\xdfve4 \n";
    let restored = rdb::restore(real, &copy.limits, 1, NOW, true);
    assert!(matches!(restored, Ok(Some(Restored::Text(text))) if text == b"hello"));
}

#[test]
fn loading_tells_nobody_and_leaves_the_engine_as_it_was() {
    let (mut engine, id) = engine(1);
    common::run(&mut engine, id, 1_000, "SET k v");
    let file = rdb::save(&mut engine.ks, Options::default());
    let (mut other, _) = common::engine(2);
    other.ks.effects.record(true);
    other.ks.select(5);
    let expiry = other.ks.expiry;
    rdb::load(&mut other.ks, &file, LoadOptions::default()).unwrap();
    assert_eq!((other.ks.db(), other.ks.expiry, other.ks.dirty), (5, expiry, 0));
    assert!(other.effects().is_empty());
    assert_same(&content(&mut other.ks), &content(&mut engine.ks));
}
