//! Every type and every mark of RDB files, version by version: what is read, what is kept, and what is refused by name.
//!
//! Types, with the version of the format that brought them. Where no server wrote a file, one written by hand from the public
//! description stands for it (`tests/common/formats.rs`), here and, up to version 10, in a real redis-server.
//!
//! | type | what | since | read here | both ways with redis-server |
//! |--:|---|--:|---|---|
//! | 0 | string: as it is, integers, LZF; lengths of 6, 14, 32, 64 bits | 1 | `every_type_…` | `what_redis_saves_…` |
//! | 1, 2, 3, 4 | list, set, sorted set with scores as text, hash | 1 | `every_type_…` | `files_written_by_hand_…` |
//! | 5 | sorted set with binary scores | 8 | `every_type_…` | `what_redis_saves_…` |
//! | 6 | a module's value before Redis 4.0 was out | 8 | `…_refused_by_name` | |
//! | 7 | a module's value: documents and vector sets are read | 8 | `…_refused_by_name`, `tests/rdb.rs` | |
//! | 9, 10, 11, 12, 13 | zipmap, ziplists, int set | 2, 4 | `every_type_…` | `files_written_by_hand_…` |
//! | 14 | list of ziplists | 7 | `every_type_…` | `files_written_by_hand_…` |
//! | 15, 19, 21 | streams 1 to 3 | 9, 10, 11 | `every_type_…` | `files_written_by_hand_…`, `what_redis_saves_…` |
//! | 16, 17, 18 | listpacks, list of listpacks | 10 | `every_type_…` | `what_redis_saves_…` |
//! | 20 | set as a listpack | 11 | `every_type_…` | |
//! | 22 | Valkey's hash with times, in `VALKEY080` only | 80 | `every_type_…` | |
//! | 22, 23 | hashes with times of candidates for Redis 7.4 | 12 | `…_refused_by_name` | |
//! | 24, 25 | hashes with times | 12 | `every_type_…` | |
//!
//! | mark | what | since | test |
//! |---|---|--:|---|
//! | 0xF3 | a slot being imported, Valkey's | 80 | `…_refused_by_name` |
//! | 0xF4 | sizes of a slot | 11 | `every_mark_…` |
//! | 0xF5 | function library | 10 | `function_libraries_…`, `function_libraries_go_both_ways` |
//! | 0xF6 | function library of candidates for Redis 7.0 | 10 | `…_refused_by_name` |
//! | 0xF7 | a module's data beside keys | 9 | `…_refused_by_name` |
//! | 0xF8, 0xF9 | idle time, frequency | 9 | `every_mark_…`, `access_clocks_go_both_ways` |
//! | 0xFA, 0xFB | auxiliary field, sizes of a database | 7 | `every_mark_…` |
//! | 0xFC, 0xFD, 0xFE, 0xFF | expiry in ms, in seconds; database; end | 1, 3 | `every_mark_…` |
#![cfg(not(target_family = "wasm"))]

mod common;

use common::data::{Bytes, NOW, fresh, load};
use common::formats::{self, Format, LATEST, VALKEY, module_id};
use common::{content, content_and_encodings};
use tabdis::engine::Ttl;
use tabdis::engine::config::Permission;
use tabdis::engine::functions::LibraryError;
use tabdis::engine::keyspace::Clock;
use tabdis::rdb::{self, LoadOptions, Options, RdbError, Reader};

/// What is wrong with a file.
fn refusal(bytes: &[u8]) -> String {
    load(bytes).err().expect("it is refused").to_string()
}

#[test]
fn every_type_is_read_in_every_version_that_has_it() {
    let mut seen = 0;
    for format in formats::all() {
        for version in format.versions() {
            let got = content_and_encodings(&mut load(&format.file(version)).unwrap());
            assert_eq!(got.len(), 1, "{} in {version}", format.name);
            assert_eq!(got[&(0, format.name.as_bytes().to_vec())], format.want, "{} in {version}", format.name);
            seen += 1;
        }
    }
    assert!(seen > 250, "{seen} types and versions");
}

#[test]
fn whole_files_of_every_version_load_in_pieces_of_any_size() {
    for version in (1..=LATEST).chain([VALKEY]) {
        let file = formats::whole(version);
        let want = content_and_encodings(&mut load(&file).unwrap());
        for step in [1, 2, 3, 11, 1000] {
            let (mut ks, mut reader) = (fresh(), Reader::new(LoadOptions { now: NOW, ..Default::default() }));
            for piece in file.chunks(step) {
                assert_eq!(reader.push(&mut ks, piece), Ok(piece.len()), "{version}");
            }
            let report = reader.finish().unwrap();
            assert_eq!((report.bytes, report.version), (file.len() as u64, version));
            assert_eq!(content_and_encodings(&mut ks), want);
        }
    }
}

#[test]
fn every_cut_of_every_type_ends_too_early() {
    for format in formats::all() {
        let file = format.file(format.since);
        for cut in 0..file.len() {
            let error = load(&file[..cut]).err().unwrap();
            let early = matches!(error, RdbError::Truncated) || cut < 5 && error == RdbError::NotRdb;
            assert!(early, "{} cut at {cut}: {error}", format.name);
        }
    }
}

#[test]
fn payloads_of_every_type_are_restored() {
    for format in formats::all() {
        let version = if format.since == VALKEY { 80 } else { 12u16 };
        let mut payload = vec![format.code];
        payload.extend_from_slice(&format.bytes);
        payload.extend_from_slice(&version.to_le_bytes());
        payload.extend_from_slice(&rdb::crc64::crc64(&payload).to_le_bytes());
        let ks = fresh();
        let restored = rdb::restore(&payload, &ks.limits, ks.seed, NOW, true);
        assert!(matches!(restored, Ok(Some(_))), "{}", format.name);
        for cut in 0..payload.len() {
            assert!(rdb::restore(&payload[..cut], &ks.limits, ks.seed, NOW, true).is_err(), "{}", format.name);
        }
    }
}

#[test]
fn every_mark_between_keys_is_read() {
    let file = Bytes::new(12)
        .raw(&[0xFA])
        .string(b"redis-ver")
        .string(b"8.0.0")
        .raw(&[0xFA])
        .string(b"unknown")
        .raw(&[0xC0, 5])
        .raw(&[0xF5])
        .string(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)")
        .raw(&[0xFE, 3])
        .raw(&[0xFB, 3, 1])
        .raw(&[0xF4, 0x40, 100, 2, 1])
        .raw(&[0xFC])
        .raw(&(NOW + 500).to_le_bytes())
        .raw(&[0xF8, 10])
        .key(0, "ms")
        .string(b"v")
        .raw(&[0xFD])
        .raw(&((NOW / 1000) as u32 + 100).to_le_bytes())
        .key(0, "s")
        .string(b"v")
        .raw(&[0xF9, 77])
        .key(0, "counted")
        .string(b"v")
        .end(true);
    for clock in [Clock::Lru, Clock::Lfu] {
        let mut ks = fresh();
        (ks.clock, ks.now) = (clock, 1_000_000_000);
        let report = rdb::load(&mut ks, &file, LoadOptions::default()).unwrap();
        assert_eq!(report.aux.len(), 2);
        assert_eq!(report.aux[1], (b"unknown".to_vec(), b"5".to_vec()));
        assert_eq!((report.keys, ks.functions.len()), (3, 1));
        ks.select(3);
        let entry = |key: &[u8]| ks.see_entry(key).unwrap();
        assert_eq!((entry(b"ms").expire(), entry(b"s").expire()), (Some(NOW + 500), Some(NOW + 100_000)));
        match clock {
            Clock::Lru => assert_eq!(ks.lru_clock() - entry(b"ms").clock(), 10),
            Clock::Lfu => assert_eq!(entry(b"counted").clock() & 0xFF, 77),
        }
    }
}

#[test]
fn what_is_of_modules_pre_releases_and_clusters_is_refused_by_name() {
    let key = |version: u32, kind: u8| Format::head(version).key(kind, "k");
    let bloom = module_id(b"MBbloom--", 4);
    let module = "the RDB file holds data of the module 'MBbloom--' (4), which cannot be loaded here";
    let early = |what: &str| format!("the RDB file holds {what} in the form of a pre-release of Redis");
    for (bytes, want) in [
        (key(9, 7).raw(&bloom).raw(&[2, 1, 0]).end(true), module.to_string()),
        (Bytes::new(9).raw(&[0xF7]).raw(&bloom).raw(&[2, 1, 0]).end(true), module.to_string()),
        // Documents, but in an encoding that is not known.
        (key(12, 7).raw(&module_id(b"ReJSON-RL", 9)).end(true), module.replace("MBbloom--' (4)", "ReJSON-RL' (9)")),
        (key(8, 6).raw(&bloom).end(true), early("a value of a module")),
        (key(12, 22).raw(&[1]).end(true), early("a hash with times of expiry")),
        (key(12, 23).raw(&[1]).end(true), early("a hash with times of expiry")),
        (Bytes::new(10).raw(&[0xF6]).string(b"LUA").end(true), early("function libraries")),
        (key(VALKEY, 23).end(true), "unknown RDB value type 23".to_string()),
        (key(VALKEY, 24).end(true), "unknown RDB value type 24".to_string()),
        (key(12, 26).end(true), "unknown RDB value type 26".to_string()),
        (Bytes::new(12).raw(&[0xF3]).end(true), "unknown RDB opcode 243".to_string()),
        (
            Format::head(VALKEY).raw(&[0xF3]).end(true),
            "the RDB file holds a slot whose import by a Valkey cluster had not ended".to_string(),
        ),
        (b"VALKEY081".to_vec(), "can't handle RDB format version 81".to_string()),
        (b"VALKEY012".to_vec(), "can't handle RDB format version 12".to_string()),
        (b"REDIS0080".to_vec(), "can't handle RDB format version 80".to_string()),
        (b"REDIS0000".to_vec(), "not an RDB file: wrong signature".to_string()),
    ] {
        assert_eq!(refusal(&bytes), want);
    }
}

#[test]
fn times_of_fields_that_cannot_be_kept_are_refused() {
    for at in [u64::MAX - 1, 1 << 63, (1 << 53) + 1] {
        let fields = |b: Bytes| b.raw(&[1]).string(b"f").string(b"v").raw(&at.to_le_bytes());
        assert_eq!(
            load(&fields(Format::head(VALKEY).key(22, "h")).end(true)).err(),
            Some(RdbError::Corrupt("a field of a hash comes twice, or its time is none"))
        );
        let file = Bytes::new(12).key(24, "h").raw(&at.to_le_bytes()).raw(&[1, 1]).string(b"f").string(b"v");
        assert!(matches!(load(&file.end(true)).err(), Some(RdbError::Corrupt(_))));
    }
}

const LIBRARY: &[u8] = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)\n";

#[test]
fn function_libraries_are_kept_as_they_came() {
    let other = [b"#!lua name=another\n".as_slice(), &b"-- a long comment ".repeat(100)].concat();
    let file = |b: Bytes| b.raw(&[0xF5]).string(LIBRARY).raw(&[0xF5]).string(&other).key(0, "k").string(b"v").end(true);
    let mut ks = load(&file(Bytes::new(10))).unwrap();
    assert_eq!(ks.functions.iter().collect::<Vec<_>>(), [&other[..], LIBRARY]);
    // Through files of every version, compressed and not, before all keys.
    for version in [10, 11, 12] {
        for compress in [false, true] {
            let saved = rdb::save(&mut ks, Options { version, compress, ..Options::default() });
            let mut again = load(&saved).unwrap();
            assert_eq!((&again.functions, again.len()), (&ks.functions, 1));
            assert_eq!(content(&mut again), content(&mut ks));
        }
    }
    // No flush takes them; to be rid of all does.
    ks.flush(None);
    assert_eq!((ks.functions.len(), ks.len()), (2, 0));
    ks.set_text(b"k", b"v", Ttl::Clear);
    ks.clear();
    assert_eq!((ks.functions.len(), ks.len()), (0, 0));
    // A second of the same name is an error, or takes the place of the first.
    let twice = Bytes::new(10).raw(&[0xF5]).string(LIBRARY).raw(&[0xF5]).string(b"#!lua name=lib\n").end(true);
    assert_eq!(load(&twice).err(), Some(RdbError::Library(LibraryError::Exists("lib".to_string()))));
    rdb::load(&mut ks, &twice, LoadOptions { replace: true, ..LoadOptions::default() }).unwrap();
    assert_eq!(ks.functions.iter().collect::<Vec<_>>(), [b"#!lua name=lib\n"]);
    assert_eq!(
        refusal(&Bytes::new(10).raw(&[0xF5]).string(b"return 1").end(true)),
        "a function library in the RDB file is not loaded: Missing library metadata"
    );
}

#[test]
fn function_libraries_live_through_reloads_and_flushes() {
    let (mut engine, id) = common::engine(1);
    engine.server.config.enable_debug_command = Permission::Yes;
    engine.ks.functions.add(LIBRARY, false).unwrap();
    for (line, left) in [("SET k v", 1), ("DEBUG RELOAD", 1), ("FLUSHALL", 1), ("FLUSHDB SYNC", 1), ("DEBUG RELOAD", 1)]
    {
        assert_eq!(common::run(&mut engine, id, 1_000, line), "+OK\r\n", "{line}");
        assert_eq!(engine.ks.functions.iter().collect::<Vec<_>>(), [LIBRARY; 1][..left]);
    }
    let info = common::run(&mut engine, id, 1_000, "INFO memory");
    assert!(info.contains("number_of_libraries:1\r\n") && !info.contains("used_memory_functions:0"), "{info}");
}
