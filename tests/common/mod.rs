//! What the tests share: two servers behind one trait, transcripts, random commands, the content of all data.
#![allow(dead_code, reason = "every test program uses its own part of this")]

pub mod bench;
pub mod content;
pub mod data;
pub mod dump;
pub mod engine;
pub mod formats;
pub mod leader;
pub mod peer;
#[cfg(unix)]
pub mod redis;
pub mod streams;
pub mod syntax;
pub mod transcript;
pub mod words;

pub use content::*;

use tabdis::engine::row::Slot;

/// The wall clock, ms since the epoch: tests are hosts, and what they compare with a real server lives by its clock.
#[allow(clippy::disallowed_methods, reason = "a host reads the clock; the engine is given the time")]
pub fn wall_clock_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("the clock is past 1970").as_millis() as u64
}

/// The number in the environment variable `name`, or `default`.
pub fn number_from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => default,
    }
}

/// The seed of a random test: `TABDIS_SEED`, or `default`. Printed, so that a failure can be repeated.
pub fn seed(default: u64) -> u64 {
    let seed = number_from_env("TABDIS_SEED", default);
    println!("seed {seed} (TABDIS_SEED={seed} repeats it)");
    seed
}

/// How much a random test does: `TABDIS_STEPS`, or `default`.
pub fn steps(default: u64) -> u64 {
    number_from_env("TABDIS_STEPS", default)
}

/// `argv` as one would type it.
pub fn typed(argv: &[Vec<u8>]) -> String {
    argv.iter().map(|arg| quoted_if_needed(arg)).collect::<Vec<_>>().join(" ")
}

fn quoted_if_needed(arg: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    if !arg.is_empty() && arg.len() <= 200 && arg.iter().all(plain) {
        return String::from_utf8_lossy(arg).into_owned();
    }
    let mut out = Vec::new();
    let shown = &arg[..arg.len().min(200)];
    tabdis::resp::reply::quote(&mut out, shown);
    if shown.len() < arg.len() {
        out.extend_from_slice(format!("…({} bytes)", arg.len()).as_bytes());
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// How a case is called in the output: its file's name, and its title.
pub fn title(case: &transcript::Case) -> String {
    let stem = case.file.rsplit('/').next().unwrap_or(&case.file).trim_end_matches(".txt");
    format!("{stem}: {}", case.title)
}

/// Whether a row is a command one can run, not only a name for sub-commands.
pub fn is_runnable(slot: &Slot) -> bool {
    slot.row.is_runnable()
}

/// Whether the case runs the command of `slot`.
pub fn shows(case: &transcript::Case, slot: &Slot) -> bool {
    let words: Vec<&str> = slot.full_name.split('|').collect();
    case.steps.iter().any(|step| match &step.action {
        transcript::Action::Send(argv) => {
            argv.len() >= words.len()
                && argv.iter().zip(&words).all(|(arg, word)| arg.eq_ignore_ascii_case(word.as_bytes()))
        }
        _ => false,
    })
}
