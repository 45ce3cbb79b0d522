//! Runs every case of tests/transcripts on the engine. `cargo test --test transcripts -- lists` runs those with that word.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::transcript::{self, Against, Case};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = transcript::all();
    let replies: usize = cases.iter().map(|case| case.steps.len()).sum();
    println!("{} cases with {replies} steps in {} files", cases.len(), transcript::files().len());
    let trials = cases.into_iter().map(|case| Trial::test(common::title(&case), move || run(&case))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run(case: &Case) -> Result<(), libtest_mimic::Failed> {
    let mut engine = EnginePeer::new(1);
    let tally = case.run(&mut engine, Against::Engine);
    if tally.failures.is_empty() { Ok(()) } else { Err(tally.failures.join("\n").into()) }
}
