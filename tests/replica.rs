//! Leaders and followers in a simulated world: nothing acknowledged is lost or done twice, all come to the same data, and every command is
//! answered. `TABDIS_SEEDS=10000 cargo test --release --test replica` runs so many worlds; `TABDIS_SEED=n` one of them again.
#![cfg(not(target_family = "wasm"))]

mod common;
#[path = "replica/world.rs"]
mod world;

use common::number_from_env;
use world::World;

/// What can go wrong in a world.
#[derive(Clone, Copy)]
struct Faults {
    crashes: bool,
    freezes: bool,
    doubled: u64,
    lost: u64,
    /// The storage is full now and then, and half of the tabs do not hear the other half.
    full: bool,
    parted: bool,
    /// Answers wait until what they tell of is stored: else what is lost on the way and with its tab is lost.
    strict: bool,
}

const QUIET: Faults =
    Faults { crashes: false, freezes: false, doubled: 0, lost: 0, full: false, parted: false, strict: false };

fn live_through(seed: u64, faults: Faults) -> World {
    let mut world = World::new(seed);
    (world.doubled, world.lost, world.strict) = (faults.doubled, faults.lost, faults.strict);
    let count = 1 + world.below(8) as usize;
    world.open();
    let mut quiet = 0;
    for _ in 0..4_000 {
        world.step();
        quiet += 1;
        if world.tabs.len() < count && world.below(50) == 0 {
            world.open();
        }
        let at = world.below(world.tabs.len() as u64) as usize;
        if world.below(4) == 0 {
            world.push(at);
        }
        // One at a time: what one tab had said has come to the others by then.
        if quiet < 100 || world.below(150) != 0 {
            continue;
        }
        quiet = 0;
        let awake = world.tabs.iter().filter(|tab| !tab.frozen).count();
        let until = world.now + world.rng.u64() % 1_000;
        match world.below(5) {
            3 if faults.full => world.full_until = until,
            4 if faults.parted => world.parted_until = until,
            0 if faults.crashes && awake > 1 && !world.tabs[at].frozen => world.crash(at),
            1 if faults.freezes && awake > 1 => world.tabs[at].frozen = true,
            _ => world.tabs.iter_mut().for_each(|tab| tab.frozen = false),
        }
    }
    world.tabs.iter_mut().for_each(|tab| tab.frozen = false);
    (world.lost, world.parted_until, world.full_until) = (0, 0, 0);
    for _ in 0..8_000 {
        world.step();
    }
    world
}

fn check(world: &mut World, seed: u64) {
    let again = format!("again with TABDIS_SEED={seed}");
    for tab in &world.tabs {
        assert!(tab.busy.is_none(), "{} was never answered {:?}; {again}", tab.name, tab.busy);
    }
    let leaders = world.tabs.iter().filter(|tab| tab.node.is_leading()).count();
    assert_eq!(leaders, 1, "{again}");
    let digests: Vec<String> = (0..world.tabs.len()).map(|at| world.ask(at, &["DEBUG", "DIGEST"])).collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}; {again}");
    for list in ["list0", "list1", "list2"] {
        let answer = world.ask(0, &["LRANGE", list, "0", "-1"]);
        let values: Vec<&str> = answer.lines().filter(|line| line.starts_with('v')).collect();
        let unique: std::collections::BTreeSet<&&str> = values.iter().collect();
        assert_eq!(unique.len(), values.len(), "something was done twice; {again}");
        let mut acked: Vec<_> = world.acked.iter().filter(|(_, acked)| acked.list == list).collect();
        for (value, acked) in &acked {
            let there = values.get(acked.length as usize - 1);
            assert_eq!(there, Some(&value.as_str()), "{value} of {list} is not where it was said to be; {again}");
        }
        // Linearizable: what was answered before another was asked for is before it.
        acked.sort_by_key(|(_, acked)| -acked.length);
        let mut earliest = u64::MAX;
        for (value, acked) in acked {
            assert!(earliest >= acked.asked, "{value} of {list} is behind what was answered later; {again}");
            earliest = earliest.min(acked.at);
        }
    }
}

fn worlds(faults: Faults) {
    let (first, count) = match number_from_env("TABDIS_SEED", 0) {
        0 => (1, number_from_env("TABDIS_SEEDS", 40)),
        seed => (seed, 1),
    };
    let (mut acked, mut errors, mut take_overs, mut slowest) = (0, 0, 0, 0);
    for seed in first..first + count {
        let mut world = live_through(seed, faults);
        check(&mut world, seed);
        (acked, errors) = (acked + world.acked.len(), errors + world.errors);
        take_overs += world.take_overs;
        slowest = slowest.max(world.slowest);
    }
    println!(
        "{count} worlds: {acked} writes acknowledged, {errors} refused, {take_overs} take-overs, the longest answer after \
         {slowest} ms; none lost, none doubled"
    );
}

#[test]
fn quiet_worlds() {
    worlds(QUIET);
}

#[test]
fn tabs_crash() {
    worlds(Faults { crashes: true, doubled: 50, ..QUIET });
}

#[test]
fn tabs_freeze_and_crash() {
    worlds(Faults { crashes: true, freezes: true, doubled: 50, ..QUIET });
}

#[test]
fn messages_are_lost() {
    worlds(Faults { lost: 30, doubled: 30, ..QUIET });
}

#[test]
fn everything_goes_wrong() {
    worlds(Faults { crashes: true, freezes: true, doubled: 30, lost: 20, full: true, parted: true, strict: true });
}
