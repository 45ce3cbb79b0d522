//! Fuzz of saved streams: payloads with bytes changed are refused, or become streams that every command can work on.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::peer::Peer;
use common::words::Vocabulary;
use tabdis::base::rng::Rng;
use tabdis::ds::stream::{Id, Stream};
use tabdis::engine::row::Group;
use tabdis::engine::value::{Limits, Object, Structure};
use tabdis::engine::{Engine, Ttl};
use tabdis::rdb::{self, Restored};

const STEPS: u64 = 6_000;
const NOW: u64 = 1_700_000_000_000;

/// What DUMP would say of the streams that random commands make.
fn payloads(rng: &mut Rng, vocabulary: &Vocabulary) -> Vec<Vec<u8>> {
    let mut peer = EnginePeer::at(rng.u64(), NOW);
    peer.engine.ks.limits.stream.entries = [2, 5, 100][rng.below(3)];
    for _ in 0..400 {
        if peer.waits(1) {
            peer.close(1);
        }
        peer.send(1, &vocabulary.command(rng));
        peer.arrived(1);
    }
    let entries = peer.engine.ks.iter().filter(|entry| entry.object().and_then(Stream::of).is_some());
    entries.flat_map(|entry| [rdb::dump(entry, 10), rdb::dump(entry, 11)]).collect()
}

fn spoil(rng: &mut Rng, payload: &[u8]) -> Vec<u8> {
    let mut wrong = payload.to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(wrong.len() - 10);
        match rng.below(6) {
            0 => wrong[at] = [0, 1, 2, 3, 0x7F, 0x80, 0x81, 0xC3, 0xF0, 0xF4, 0xFF][rng.below(11)],
            1 => wrong[at] ^= 1 << rng.below(8),
            2 => wrong[at] = wrong[at].wrapping_add(1),
            3 => wrong[at..].rotate_left(1),
            4 if wrong.len() > 40 => _ = wrong.remove(at),
            _ => wrong.insert(at, rng.u64() as u8),
        }
    }
    // Without the checksum, so that what is inside is looked at; and again the first type of all.
    let len = wrong.len();
    wrong[len - 8..].fill(0);
    wrong[0] = if rng.below(20) == 0 { 15 } else { payload[0] };
    wrong
}

#[test]
fn spoiled_streams_are_refused_or_can_be_worked_on() {
    let (mut rng, steps) = (Rng::new(common::seed(1)), common::steps(STEPS));
    let vocabulary = Vocabulary::new(|slot| slot.row.group == Group::Stream);
    let (mut made, mut done, mut accepted) = (Vec::new(), 0, 0);
    while done < steps {
        if done % 500 == 0 || made.is_empty() {
            made = payloads(&mut rng, &vocabulary);
        }
        let Some(payload) = made.get(rng.below(made.len().max(1))) else { continue };
        done += 1;
        let wrong = spoil(&mut rng, payload);
        let Ok(Some(Restored::Object(object))) = rdb::restore(&wrong, &Limits::default(), 1, NOW, false) else {
            continue;
        };
        accepted += 1;
        work_on(&mut rng, &vocabulary, object);
    }
    println!("{done} payloads, {accepted} accepted");
    assert!(accepted > done / 200, "most changes are refused, but not all");
}

/// Runs commands on a value whose payload was spoiled; it is saved and loaded again after them.
fn work_on(rng: &mut Rng, vocabulary: &Vocabulary, object: Object) {
    let mut peer = EnginePeer::at(1, NOW);
    let ks = &mut peer.engine.ks;
    for key in [&b"x0"[..], b"x1", b"x2", b"x3"] {
        ks.set_object(key, object.clone(), Ttl::Clear);
    }
    for _ in 0..12 {
        if peer.waits(1) {
            peer.close(1);
        }
        peer.send(1, &vocabulary.command(rng));
        peer.arrived(1);
    }
    check(&mut peer.engine);
}

fn check(engine: &mut Engine) {
    let payloads: Vec<Vec<u8>> = engine
        .ks
        .iter()
        .filter_map(|entry| {
            let stream = entry.object().and_then(Stream::of)?;
            assert_eq!(stream.range(Id::MIN, Id::MAX).count(), stream.len());
            assert_eq!(stream.range_rev(Id::MIN, Id::MAX).count(), stream.len());
            assert!(stream.groups().all(|(_, group)| group.is_whole()));
            Some(rdb::dump(entry, 11))
        })
        .collect();
    for payload in payloads {
        assert!(rdb::restore(&payload, &Limits::default(), 1, NOW, true).is_ok(), "what was saved is not loaded");
    }
}
