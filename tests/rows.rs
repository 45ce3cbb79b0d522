//! Runs the example of every row on the engine, and replays what it changed into a second engine, which must then be equal.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::transcript::{Against, Case};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use tabdis::engine::row::Slot;

/// Rows without an example, and why. A reason that holds no more fails.
const NO_EXAMPLE: &[(&str, &str)] = &[
    ("acl|help", "prints the rows"),
    ("client|help", "prints the rows"),
    ("client|id", "counts the clients before"),
    ("client|info", "shows the clock and the client's number"),
    ("command|count", "counts the rows"),
    ("command|help", "prints the rows"),
    ("config|help", "prints the rows"),
    ("debug", "needs a permission that a server has not by itself"),
    ("lastsave", "shows the clock"),
    ("latency|doctor", "is in words of its own"),
    ("latency|help", "prints the rows"),
    ("lolwut", "prints the version"),
    ("memory|doctor", "depends on what the process uses"),
    ("memory|help", "prints the rows"),
    ("memory|stats", "shows what the process uses"),
    ("object|help", "prints the rows"),
    ("pubsub|help", "prints the rows"),
    ("psync", "sends a snapshot, which is no text"),
    ("role", "shows the offset"),
    ("slowlog|help", "prints the rows"),
    ("sync", "sends a snapshot, which is no text"),
    ("time", "shows the clock"),
    ("xgroup|help", "prints the rows"),
    ("xinfo|help", "prints the rows"),
];

fn main() -> ExitCode {
    let trials = tabdis::cmd::table().slots().iter().filter(|slot| common::is_runnable(slot));
    libtest_mimic::run(&Arguments::from_args(), trials.map(trial).collect()).exit_code()
}

fn trial(slot: &'static Slot) -> Trial {
    Trial::test(slot.full_name.clone(), move || run(slot))
}

fn run(slot: &Slot) -> Result<(), Failed> {
    let excuse = NO_EXAMPLE.iter().find(|(name, _)| *name == slot.full_name);
    match (slot.row.example.is_empty(), excuse) {
        (true, Some(_)) => return Ok(()),
        (true, None) => return Err("the row has no example".into()),
        (false, Some((_, why))) => return Err(format!("the row has an example now, so drop the excuse: {why}").into()),
        (false, None) => {}
    }
    let case = Case::from_example(&slot.full_name, slot.row.example);
    if !common::shows(&case, slot) {
        return Err("the example does not use the command".into());
    }
    let mut engine = EnginePeer::new(1);
    engine.record();
    let tally = case.run(&mut engine, Against::Engine);
    if !tally.failures.is_empty() {
        return Err(tally.failures.join("\n").into());
    }
    let mut shadow = EnginePeer::at(2, engine.now);
    shadow.replay(&engine.effects).map_err(|error| format!("its effects: {error}"))?;
    common::compare(&shadow.content(), &engine.content()).map_err(|why| format!("replayed: {why}").into())
}
