//! Fuzz of RDB files: real ones of every type with bytes changed, and streams of the format's atoms by chance. A file is refused,
//! and the engine is as it was; or it becomes keys on which every command works. It never takes memory out of proportion.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;

use common::data::{self, Bytes, NOW};
use common::engine::EnginePeer;
use common::formats;
use common::heap::{PerThread, peak_of, used};
use common::peer::Peer;
use common::spoil::{by_chance, spoil, with_checksum};
use common::words::Vocabulary;
use common::workout::work_out;
use common::{assert_same, content};
use tabdis::base::rng::Rng;
use tabdis::engine::keyspace::Clock;
use tabdis::engine::{Engine, Keyspace};
use tabdis::rdb::{self, LoadOptions, Options, RdbError, Reader};

#[global_allocator]
static ALLOCATOR: PerThread = PerThread;

const STEPS: u64 = 1_000;

/// What a file may take: compression makes at most 88 bytes of one, and of those another form is made while they are there.
/// Besides, the reader's tables and the first blocks of what is small.
const TIMES: u64 = 300;
const ALWAYS: u64 = 256 << 10;

/// Files as they should be: of random commands, of all types in all sizes, of every version, of a real server.
fn good_files(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = (5..=formats::LATEST).chain([formats::VALKEY]).map(formats::whole).collect();
    files.push(include_bytes!("fixtures/redis-7.0.15.rdb").to_vec());
    files.extend(formats::all().iter().map(|format| format.file(format.since.max(5))));
    for n in 0..4 {
        let mut ks = Keyspace::new(16, rng.u64());
        data::fill(&mut ks, rng, 8);
        files.push(saved(rng, &mut ks));
        let mut peer = of_commands(rng, 200 << n);
        files.push(saved(rng, &mut peer.engine.ks));
    }
    files
}

fn saved(rng: &mut Rng, ks: &mut Keyspace) -> Vec<u8> {
    if rng.below(2) == 0 {
        _ = ks.functions.add(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)\n", true);
    }
    let clock = [None, Some((Clock::Lru, 9)), Some((Clock::Lfu, 9))][rng.below(3)];
    let version = 10 + rng.below(3) as u8;
    rdb::save(ks, Options { version, compress: rng.below(2) == 0, clock, now: NOW, ..Options::default() })
}

/// What random commands make.
fn of_commands(rng: &mut Rng, count: usize) -> EnginePeer {
    let vocabulary = Vocabulary::new(Vocabulary::is_data);
    let mut peer = EnginePeer::at(rng.u64(), NOW);
    peer.engine.server.config.proto_max_bulk_len = 1 << 16;
    for _ in 0..count {
        if peer.waits(1) {
            peer.close(1);
        }
        peer.send(1, &vocabulary.command(rng));
        peer.arrived(1);
    }
    peer
}

/// Loads a file in pieces of some size.
fn load(rng: &mut Rng, engine: &mut Engine, file: &[u8], options: LoadOptions) -> Result<rdb::Report, RdbError> {
    let mut reader = Reader::new(options);
    let step = [1, 13, 400, file.len()][rng.below(4)].max(1);
    for piece in file.chunks(step) {
        reader.push(&mut engine.ks, piece)?;
    }
    reader.finish()
}

/// All of an engine that loading must leave alone.
fn surroundings(engine: &mut Engine) -> String {
    let ks = &mut engine.ks;
    format!("{:?} {} {} {} {:?}", ks.expiry, ks.db(), ks.dirty, ks.notify_flags, ks.effects.offset())
}

struct Outcome {
    loaded: bool,
    keys: usize,
}

/// Loads a file that may be wrong, and looks at what comes of it.
fn try_file(rng: &mut Rng, peer: &mut EnginePeer, file: &[u8]) -> Outcome {
    let engine = &mut peer.engine;
    engine.ks.select(3);
    engine.ks.effects.record(true);
    let (before, bytes_before) = (surroundings(engine), used());
    let size = [0, file.len() as u64][rng.below(2)];
    let options = LoadOptions { now: NOW, size, replace: rng.below(4) == 0, ..LoadOptions::default() };
    let (result, peak) = peak_of(|| load(rng, engine, file, options));
    assert!(peak <= TIMES * file.len() as u64 + ALWAYS, "{} bytes took {peak}", file.len());
    assert_eq!(surroundings(engine), before);
    engine.ks.effects.record(false);
    if let Err(why) = result {
        assert!(!why.to_string().is_empty());
        engine.ks.clear();
        engine.ks.graves.free(usize::MAX);
        drop(why);
        assert!(content(&mut engine.ks).is_empty() && engine.ks.functions.is_empty());
        let left = used().saturating_sub(bytes_before);
        assert!(left < 16 << 10, "{left} bytes are left of a refused file");
        return Outcome { loaded: false, keys: 0 };
    }
    // It can be saved, and comes back.
    let again = rdb::save(&mut engine.ks, Options { version: 12, now: NOW, ..Options::default() });
    let mut copy = Keyspace::new(16, 5);
    copy.now = NOW;
    rdb::load(&mut copy, &again, LoadOptions { now: NOW, ..LoadOptions::default() }).expect("it was saved here");
    assert_same(&content(&mut copy), &content(&mut engine.ks));
    assert_eq!(copy.functions, engine.ks.functions);
    let keys = work_out(peer);
    peer.engine.ks.clear();
    Outcome { loaded: true, keys }
}

/// Tries `steps` files that `make` makes. Returns how many were loaded, and their keys.
fn run(rng: &mut Rng, steps: u64, mut make: impl FnMut(&mut Rng, u64) -> Vec<u8>) -> (u64, usize) {
    let (mut loaded, mut keys) = (0, 0);
    let mut peer = EnginePeer::at(1, NOW);
    for step in 0..steps {
        if step % 100 == 0 {
            peer = EnginePeer::at(rng.u64(), NOW);
            peer.engine.server.config.proto_max_bulk_len = 1 << 20;
        }
        let file = make(rng, step);
        let outcome = try_file(rng, &mut peer, &file);
        loaded += u64::from(outcome.loaded);
        keys += outcome.keys;
    }
    println!("{steps} files, {loaded} loaded with {keys} keys");
    (loaded, keys)
}

#[test]
fn spoiled_files_are_refused_or_become_keys_one_can_work_with() {
    let (mut rng, steps) = (Rng::new(common::seed(1)), common::steps(STEPS));
    let mut files = Vec::new();
    let (loaded, keys) = run(&mut rng, steps, |rng, step| {
        if step % 500 == 0 {
            files = good_files(rng);
        }
        let (file, other) = (&files[rng.below(files.len())], &files[rng.below(files.len())]);
        let wrong = spoil(rng, file, other);
        with_checksum(rng, wrong)
    });
    assert!(loaded > steps / 20 && keys as u64 > loaded, "most changes are refused, but not all");
}

#[test]
fn files_by_chance_are_refused_or_become_keys_one_can_work_with() {
    let (mut rng, steps) = (Rng::new(common::seed(2)), common::steps(STEPS));
    let (loaded, keys) = run(&mut rng, steps, |rng, _| by_chance(rng));
    assert!(loaded > steps / 50 && keys > 0, "most are refused, but not all");
}

/// A string of `packed` references to itself, which says that it is `len` bytes long; each reference is 264 of them.
fn bomb(packed: usize, len: u64) -> Vec<u8> {
    let number = |n: u64| [&[0x81][..], &n.to_be_bytes()].concat();
    let references = [0xE0, 0xFF, 0].repeat(packed);
    [&[0xC3][..], &number(2 + references.len() as u64), &number(len), &[0, b'x'], &references].concat()
}

fn honest(packed: usize) -> Vec<u8> {
    bomb(packed, 1 + 264 * packed as u64)
}

#[test]
fn what_is_only_said_takes_no_memory() {
    const HUGE: [u8; 9] = [0x81, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let key = |kind: u8| Bytes::new(12).key(kind, "k");
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for kind in (1..27).filter(|kind| *kind != 7) {
        files.push((format!("type {kind}, huge"), key(kind).raw(&HUGE).end(true)));
        files.push((format!("type {kind}, huge behind a time"), key(kind).raw(&[0; 8]).raw(&HUGE).end(true)));
        files.push((format!("type {kind}, in a bomb"), key(kind).raw(&bomb(9, 1 << 50)).end(true)));
        // Compact forms whose heads say more than there is.
        for total in [7, 11, 300, u32::MAX] {
            let head = [&total.to_le_bytes()[..], &[0xFF; 6], &[0xFF]].concat();
            files.push((
                format!("type {kind}, of {total} bytes"),
                key(kind).raw(&[1]).string(&head).string(&head).end(true),
            ));
            files.push((format!("type {kind}, of {total} bytes at once"), key(kind).string(&head).end(true)));
        }
    }
    let sizes = (0..16u8).fold(Bytes::new(12), |file, db| file.raw(&[0xFE, db, 0xFB]).raw(&HUGE).raw(&HUGE));
    files.push(("sizes of every database".to_string(), sizes.end(true)));
    for kind in [15, 19, 21] {
        let known = formats::all().into_iter().find(|format| format.code == kind).unwrap();
        for at in 0..known.bytes.len() {
            let mut bytes = known.bytes.clone();
            bytes.splice(at..=at, HUGE);
            files.push((format!("type {kind}, huge at {at}"), key(kind).raw(&bytes).end(true)));
        }
    }
    for (what, file) in files {
        let mut engine = EnginePeer::at(1, NOW).engine;
        let (result, peak) = peak_of(|| rdb::load(&mut engine.ks, &file, LoadOptions::default()));
        assert!(peak < 128 << 10, "{what} took {peak} bytes");
        // Sizes are only a hint, a counter may be what it likes, and some heads are good strings.
        let never = what.ends_with("huge") || what.ends_with("bomb");
        assert!(result.is_err() || !never, "{what}: {result:?}");
    }
}

#[test]
fn much_of_little_is_little() {
    let aux = (0..50_000).fold(Bytes::new(12), |file, _| file.raw(&[0xFA, 0, 0]));
    let libraries = (0..200).fold(Bytes::new(12), |file, _| file.raw(&[0xF5]).raw(&honest(3_000)));
    let deep = |open: &str| {
        let document = Bytes::new(12).key(7, "k").raw(&formats::module_id(b"ReJSON-RL", 3)).raw(&[5]);
        document.string(open.repeat(100_000).as_bytes()).raw(&[0]).end(true)
    };
    for (what, loads, file) in [
        ("auxiliary fields", true, aux.end(true)),
        ("libraries", false, libraries.end(true)),
        ("lists in lists", false, deep("[")),
        ("objects in objects", false, deep("{\"a\":")),
        ("a long name", true, Bytes::new(12).raw(&[0]).raw(&honest(20_000)).string(b"v").end(true)),
        ("a long value", true, Bytes::new(12).key(0, "k").raw(&honest(20_000)).end(true)),
        ("a value that is not what it says", false, Bytes::new(12).key(0, "k").raw(&bomb(20_000, 1_000_000)).end(true)),
        ("long members", false, Bytes::new(12).key(2, "k").raw(&[2]).raw(&honest(20_000).repeat(2)).end(true)),
        ("empty lists", true, (0..50_000).fold(Bytes::new(12), |file, _| file.raw(&[1, 0, 0])).end(true)),
    ] {
        let mut engine = EnginePeer::at(1, NOW).engine;
        let (result, peak) = peak_of(|| rdb::load(&mut engine.ks, &file, LoadOptions::default()));
        assert_eq!(result.is_ok(), loads, "{what}: {result:?}");
        assert!(peak < TIMES * file.len() as u64 + ALWAYS, "{what}: {peak} of {}", file.len());
    }
}

#[test]
fn what_is_compressed_is_unpacked_once_not_once_for_each_piece_of_what_follows() {
    // Five megabytes of name, then a value that comes in so many pieces that unpacking for each would take hours.
    let file = Bytes::new(12).raw(&[0]).raw(&honest(20_000)).string(&vec![b'v'; 200_000]).end(true);
    for size in [0, file.len() as u64] {
        let mut engine = EnginePeer::at(1, NOW).engine;
        let mut reader = Reader::new(LoadOptions { size, ..LoadOptions::default() });
        file.chunks(2).for_each(|piece| assert_eq!(reader.push(&mut engine.ks, piece), Ok(piece.len())));
        assert_eq!(reader.finish().unwrap().keys, 1);
    }
    // Where the size of the file is known, what would go beyond it is not waited for.
    let mut reader = Reader::new(LoadOptions { size: 1_000, ..LoadOptions::default() });
    let mut engine = EnginePeer::at(1, NOW).engine;
    let start = Bytes::new(12).key(0, "k").raw(&[0x80, 0, 0, 4, 0]).0;
    assert_eq!(reader.push(&mut engine.ks, &start), Err(RdbError::Truncated));
}
