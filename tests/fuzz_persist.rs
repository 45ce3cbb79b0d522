//! Fuzz of what is stored: values with bytes changed, with and without the checksum that goes with them, values that are gone,
//! doubled or in another's place, manifests with other numbers, records of other commands. Opening fails, and the engine is as
//! it was; or it gives keys on which every command works. What is damaged is not written over.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;

use common::assert_same;
use common::engine::EnginePeer;
use common::heap::{PerThread, peak_of};
use common::kept::{NOW, SMALL, command};
use common::spoil::spoil;
use common::words::Vocabulary;
use common::workout::work_out;
use std::collections::BTreeMap;
use tabdis::base::rng::Rng;
use tabdis::engine::row::Group;
use tabdis::persist::{Key, MemoryStorage, OpenError, run};
use tabdis::rdb::crc64::crc64;
use tabdis::resp::{encode, parse};

type Node<S = MemoryStorage> = common::kept::Node<S>;

#[global_allocator]
static ALLOCATOR: PerThread = PerThread;

const STEPS: u64 = 1_000;

/// What opening may take, as in `tests/fuzz_rdb.rs`; and what commands that a record tells to take much may take.
const TIMES: u64 = 300;
const ALWAYS: u64 = 1 << 20;
const COMMANDS: u64 = 64 << 20;

type Values = BTreeMap<Key, Vec<u8>>;

/// Bytes before a payload: what it is, its length, its place, its checksum.
const HEAD: usize = 40;

/// Returns `payload` as it is stored under `key`.
fn seal(key: Key, payload: &[u8]) -> Vec<u8> {
    let (letter, a, b) = match key {
        Key::Chunk(generation, n) => (b'C', generation, n),
        Key::Epoch => (b'E', 0, 0),
        Key::Log(n) => (b'L', n, 0),
        Key::Manifest | Key::End => (b'M', 0, 0),
    };
    let mut out = vec![b't', b'a', b'b', b'd', b'i', b's', letter, b'1'];
    [payload.len() as u64, a, b].iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    let sum = crc64(&[&out[..], payload].concat());
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(payload);
    out
}

/// A store as it should be: a snapshot of some chunks, a log of some records, perhaps what a crash left behind.
fn good_store(rng: &mut Rng) -> Values {
    let mut node = Node::open(MemoryStorage::default(), rng.u64()).unwrap();
    for _ in 0..20 + rng.below(60) {
        node.run(&command(rng));
        if rng.below(4) == 0 {
            node.settle();
        }
        if rng.below(40) == 0 {
            node.persist.compact();
        }
    }
    node.persist.note("replid", b"0123456789");
    node.settle();
    node.storage.edit(std::mem::take)
}

/// Changes something. Returns whether it made commands that may take as much memory as they are told to.
fn damage(rng: &mut Rng, vocabulary: &Vocabulary, values: &mut Values) -> bool {
    let keys: Vec<Key> = values.keys().copied().collect();
    let (key, other) = (keys[rng.below(keys.len())], keys[rng.below(keys.len())]);
    let (value, another) = (values[&key].clone(), values[&other].clone());
    let payload = value.get(HEAD..).unwrap_or_default();
    match rng.below(9) {
        0 => _ = values.insert(key, spoil(rng, &value, &another)),
        1 | 2 => {
            let wrong = spoil(rng, payload, another.get(HEAD..).unwrap_or_default());
            values.insert(key, seal(key, &wrong));
            return matches!(key, Key::Log(_));
        }
        3 => _ = values.remove(&key),
        4 => _ = values.insert(other, [value.clone(), seal(other, payload)][rng.below(2)].clone()),
        5 => {
            let n = [rng.u64(), u64::MAX, 0, rng.below(9) as u64][rng.below(4)];
            let place = [Key::Log(n), Key::Chunk(n, 0), Key::Chunk(rng.below(5) as u64, n)][rng.below(3)];
            values.insert(place, [seal(place, payload), value, Vec::new()][rng.below(3)].clone());
        }
        6 | 7 => numbers(rng, values),
        _ => {
            let mut effects = Vec::new();
            for _ in 0..=rng.below(5) {
                let argv = vocabulary.command(rng);
                encode::command(&mut effects, &argv.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
            let logs: Vec<Key> = keys.into_iter().filter(|key| matches!(key, Key::Log(_))).collect();
            let Some(key) = logs.get(rng.below(logs.len().max(1))) else { return false };
            values.insert(*key, seal(*key, &effects));
            return true;
        }
    }
    false
}

/// Puts other numbers into the manifest, or leaves some out.
fn numbers(rng: &mut Rng, values: &mut Values) {
    let Some(manifest) = values.get(&Key::Manifest).and_then(|value| value.get(HEAD..)) else { return };
    let mut parser = parse::Parser::trusted();
    let Ok(Some(frame)) = parser.next(manifest) else { return };
    let mut words: Vec<Vec<u8>> = frame.argv().iter().map(|word| word.to_vec()).collect();
    for _ in 0..=rng.below(2) {
        if words.len() < 3 {
            return;
        }
        let at = rng.below(words.len());
        let n = [0, 1, 2, 3, 7, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 61, 1 << 40, rng.u64()][rng.below(11)];
        match rng.below(8) {
            0 => _ = words.remove(at),
            1 => words[at] = spoil(rng, &words[at], b""),
            _ => {
                let value = ((at + 1) & !1).clamp(2, words.len() - 1);
                words[value] = n.to_string().into_bytes();
            }
        }
    }
    let mut out = Vec::new();
    encode::command(&mut out, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    values.insert(Key::Manifest, seal(Key::Manifest, &out));
}

#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    damaged: usize,
    torn: usize,
    whole: usize,
    keys: usize,
}

/// Opens a store that may be wrong, and looks at what comes of it.
fn try_store(rng: &mut Rng, values: Values, hungry: bool, tally: &mut Tally) {
    let bytes: u64 = values.values().map(|value| value.len() as u64).sum();
    let storage = MemoryStorage::default();
    storage.edit(|all| *all = values);
    let before = storage.clone();
    let (mut engine, _) = common::engine(rng.u64());
    engine.ks.now = NOW;
    engine.server.config.proto_max_bulk_len = 1 << 16;
    let (opened, peak) = peak_of(|| run(tabdis::persist::open(&storage, &mut engine, SMALL, async |_| {})));
    let most = TIMES * bytes + ALWAYS + if hungry { COMMANDS } else { 0 };
    assert!(peak <= most, "{bytes} bytes took {peak}");
    let untouched = |storage: &MemoryStorage| {
        let others = |storage: &MemoryStorage| {
            storage.edit(|all| {
                all.iter().filter(|(key, _)| **key != Key::Epoch).map(|(k, v)| (*k, v.clone())).collect::<Vec<_>>()
            })
        };
        assert!(others(storage) == others(&before), "what is damaged is left as it is");
    };
    let (mut persist, report) = match opened {
        Err(error) => {
            assert!(matches!(error, OpenError::Newer(_)), "{error}");
            assert!(common::content(&mut engine.ks).is_empty() && engine.ks.functions.is_empty());
            untouched(&storage);
            tally.refused += 1;
            return;
        }
        Ok(opened) => opened,
    };
    let (session, read_only) = (engine.open("test", tabdis::engine::Proto::Resp2, NOW), report.damage.is_some());
    let effects = std::mem::take(engine.effects());
    persist.push(&effects);
    let mut node = Node { engine, session, persist, report, storage };
    assert_eq!(node.persist.is_read_only(), read_only);
    (0..3).for_each(|_| _ = node.run(&command(rng)));
    node.settle();
    node.persist.compact();
    node.settle();
    if read_only {
        untouched(&node.storage);
        tally.damaged += 1;
    } else {
        assert_eq!(node.persist.stored(), node.persist.offset());
        assert_same(&node.reopened().content(), &node.content());
        tally.torn += usize::from(node.report.torn.is_some());
        tally.whole += 1;
    }
    let mut peer = EnginePeer::of(node.engine, 1, NOW);
    peer.engine.server.config.proto_max_bulk_len = 1 << 20;
    tally.keys += work_out(&mut peer);
}

#[test]
fn spoiled_stores_are_refused_or_left_alone_or_become_keys_one_can_work_with() {
    let (mut rng, steps) = (Rng::new(common::seed(1)), common::steps(STEPS));
    // A record may hold any command; those that a log would never hold as well.
    let vocabulary = Vocabulary::new(|slot| Vocabulary::is_data(slot) || slot.row.group != Group::Server);
    let (mut tally, mut good) = (Tally::default(), Values::new());
    for step in 0..steps {
        if step % 20 == 0 {
            good = good_store(&mut rng);
        }
        let (mut values, mut hungry) = (good.clone(), false);
        for _ in 0..=rng.below(3) {
            if !values.is_empty() {
                hungry |= damage(&mut rng, &vocabulary, &mut values);
            }
        }
        try_store(&mut rng, values, hungry, &mut tally);
    }
    println!("{steps} stores: {tally:?}");
    let some = steps as usize / 50;
    assert!(tally.refused > some && tally.damaged > some && tally.whole > some && tally.torn > 0 && tally.keys > 0);
}
