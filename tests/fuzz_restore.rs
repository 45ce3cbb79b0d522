//! Fuzz of RESTORE: payloads with bytes changed are refused, or become values that every command can work on and that are saved
//! and loaded again.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::peer::Peer;
use common::words::Vocabulary;
use tabdis::base::rng::Rng;
use tabdis::rdb;
use tabdis::resp::reply::Value;

const STEPS: u64 = 8_000;
const NOW: u64 = 1_700_000_000_000;

/// What DUMP says of everything that random commands make.
fn payloads(rng: &mut Rng, vocabulary: &Vocabulary) -> Vec<Vec<u8>> {
    let mut peer = EnginePeer::at(rng.u64(), NOW);
    // Small compact encodings at times, so that the others come too.
    let entries = [2, 8, 128][rng.below(3)];
    let limits = &mut peer.engine.ks.limits;
    (limits.zset.entries, limits.hash.entries, limits.set.entries, limits.list) = (entries, entries, entries, -1);
    for _ in 0..1_500 {
        if peer.waits(1) {
            peer.close(1);
        }
        peer.send(1, &vocabulary.command(rng));
        peer.arrived(1);
    }
    peer.engine.ks.iter().flat_map(|entry| [10, 11, 12].map(|version| rdb::dump(entry, version))).collect()
}

fn spoil(rng: &mut Rng, payload: &[u8]) -> Vec<u8> {
    let mut wrong = payload[..payload.len() - 10].to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(wrong.len());
        match rng.below(7) {
            0 => wrong[at] = [0, 1, 2, 3, 0x7F, 0x80, 0x81, 0xC3, 0xE0, 0xF0, 0xF4, 0xFE, 0xFF][rng.below(13)],
            1 => wrong[at] ^= 1 << rng.below(8),
            2 => wrong[at] = wrong[at].wrapping_add(1),
            3 => wrong[at..].rotate_left(1),
            4 if wrong.len() > 2 => _ = wrong.remove(at),
            5 if rng.below(8) == 0 => wrong.truncate(at + 1),
            _ => wrong.insert(at, rng.u64() as u8),
        }
    }
    // At times the bytes of one type are given out as another's.
    if rng.below(10) == 0 {
        wrong[0] = rng.below(27) as u8;
    }
    wrong.extend_from_slice(&payload[payload.len() - 10..]);
    wrong
}

#[test]
fn spoiled_payloads_are_refused_or_can_be_worked_on() {
    let (mut rng, steps) = (Rng::new(common::seed(1)), common::steps(STEPS));
    let vocabulary = Vocabulary::new(Vocabulary::is_data);
    let (mut made, mut done, mut accepted) = (Vec::new(), 0, 0);
    let mut peer = EnginePeer::at(1, NOW);
    while done < steps {
        if done % 1_000 == 0 || made.is_empty() {
            made = payloads(&mut rng, &vocabulary);
            check(&mut peer);
            peer = EnginePeer::at(rng.u64(), NOW);
            peer.engine.server.config.skip_checksum = true;
            peer.engine.server.config.proto_max_bulk_len = 1 << 20;
        }
        done += 1;
        let payload = &made[rng.below(made.len())];
        let wrong = spoil(&mut rng, payload);
        let key = format!("{}{}", ["s", "l", "t", "z", "h", "g", "p", "x"][rng.below(8)], rng.below(4)).into_bytes();
        let reply = send(&mut peer, &[b"RESTORE".to_vec(), key, b"0".to_vec(), wrong, b"REPLACE".to_vec()]);
        if matches!(reply, Some(Value::Simple(_))) {
            accepted += 1;
            for _ in 0..4 {
                send(&mut peer, &vocabulary.command(&mut rng));
            }
        }
    }
    check(&mut peer);
    println!("{done} payloads, {accepted} accepted");
    assert!(accepted > done / 50, "most changes are refused, but not all");
}

fn send(peer: &mut EnginePeer, argv: &[Vec<u8>]) -> Option<Value> {
    if peer.waits(1) {
        peer.close(1);
    }
    peer.send(1, argv);
    peer.arrived(1).into_iter().next()
}

/// What is there is saved, and loaded again it is the same.
fn check(peer: &mut EnginePeer) {
    let ks = &mut peer.engine.ks;
    ks.now = NOW;
    for db in 0..ks.db_count() {
        ks.in_db(db, |ks| {
            let payloads: Vec<(Vec<u8>, Vec<u8>)> =
                ks.iter().map(|entry| (tabdis::ds::dict::Keyed::key(entry).to_vec(), rdb::dump(entry, 12))).collect();
            for (key, payload) in payloads {
                let restored = rdb::restore(&payload, &ks.limits, ks.seed, 0, true);
                assert!(matches!(restored, Ok(Some(_))), "what was saved of {} is not loaded", key.escape_ascii());
            }
        });
    }
}
