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
}

fn live_through(seed: u64, faults: Faults) -> World {
    let mut world = World::new(seed);
    world.doubled = faults.doubled;
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
        match world.below(3) {
            0 if faults.crashes && awake > 1 && !world.tabs[at].frozen => world.crash(at),
            1 if faults.freezes && awake > 1 => world.tabs[at].frozen = true,
            _ => world.tabs.iter_mut().for_each(|tab| tab.frozen = false),
        }
    }
    world.tabs.iter_mut().for_each(|tab| tab.frozen = false);
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
        for (value, (_, length)) in world.acked.iter().filter(|(_, (of, _))| of == list) {
            let there = values.get(*length as usize - 1);
            assert_eq!(there, Some(&value.as_str()), "{value} of {list} is not where it was said to be; {again}");
        }
    }
}

fn worlds(faults: Faults) {
    let (first, count) = match number_from_env("TABDIS_SEED", 0) {
        0 => (1, number_from_env("TABDIS_SEEDS", 40)),
        seed => (seed, 1),
    };
    let (mut acked, mut errors, mut take_overs) = (0, 0, 0);
    for seed in first..first + count {
        let mut world = live_through(seed, faults);
        check(&mut world, seed);
        (acked, errors) = (acked + world.acked.len(), errors + world.errors);
        take_overs += world.take_overs;
    }
    println!(
        "{count} worlds: {acked} writes acknowledged, {errors} refused, {take_overs} take-overs; none lost, none doubled"
    );
}

#[test]
fn quiet_worlds() {
    worlds(Faults { crashes: false, freezes: false, doubled: 0 });
}

#[test]
fn tabs_crash() {
    worlds(Faults { crashes: true, freezes: false, doubled: 50 });
}

#[test]
fn tabs_freeze_and_crash() {
    worlds(Faults { crashes: true, freezes: true, doubled: 50 });
}
