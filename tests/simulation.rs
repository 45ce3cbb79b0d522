//! A leader under random load, and followers that get its effects: at every look, all have the same data.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::leader::Leader;
use common::{Content, compare};
use tabdis::rdb;

const START: u64 = 1_700_000_000_000;
const STEPS: u64 = 60_000;

#[test]
fn a_follower_that_replays_every_effect_has_the_same_data() {
    let mut leader = Leader::new(common::seed(1), START, |_| true);
    let mut follower = EnginePeer::at(2, START);
    let (steps, mut bytes, mut looks, mut most) = (common::steps(STEPS), 0, 0, 0);
    while leader.commands < steps {
        leader.work(100);
        let effects = std::mem::take(&mut leader.peer.effects);
        bytes += effects.len();
        follower.replay(&effects).unwrap_or_else(|why| panic!("after {} commands: {why}", leader.commands));
        let want = content_of(&mut leader.peer);
        most = most.max(want.len());
        same(&mut follower, &mut leader, &want);
        looks += 1;
    }
    println!("{} commands, {bytes} bytes of effects, {looks} looks at up to {most} keys", leader.commands);
    assert!(most > 20, "the load makes data");
}

#[test]
fn a_follower_can_begin_with_a_snapshot_at_any_time() {
    let mut leader = Leader::new(common::seed(3), START, |_| true);
    for round in 0..20 {
        leader.work(700);
        leader.peer.effects.clear();
        leader.peer.engine.ks.effects.restart();
        let now = leader.peer.now;
        let file = rdb::save(&mut leader.peer.engine.ks, rdb::Options { now, ..Default::default() });
        let mut follower = EnginePeer::at(round, now);
        let options = rdb::LoadOptions { now, ..Default::default() };
        rdb::load(&mut follower.engine.ks, &file, options).expect("what was just saved loads");
        for _ in 0..10 {
            leader.work(50);
            follower.replay(&std::mem::take(&mut leader.peer.effects)).expect("effects apply");
            let want = content_of(&mut leader.peer);
            same(&mut follower, &mut leader, &want);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_effects() {
    let [a, b] = [(), ()].map(|()| {
        let mut leader = Leader::new(7, START, |_| true);
        leader.work(5_000);
        std::mem::take(&mut leader.peer.effects)
    });
    assert!(a.len() > 10_000 && a == b);
}

fn content_of(peer: &mut EnginePeer) -> Content {
    peer.engine.ks.now = peer.now;
    peer.content()
}

fn same(follower: &mut EnginePeer, leader: &mut Leader, want: &Content) {
    follower.now = leader.peer.now;
    if let Err(why) = compare(&content_of(follower), want) {
        panic!("after {} commands: {why}", leader.commands);
    }
}
