//! The server's log lines, in Redis's form, and the one place that reads a clock.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How much is logged: the number of lines grows with the number here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Nothing,
    Warning,
    #[default]
    Notice,
    Verbose,
    Debug,
}

// A logger is the process's, not the engine's; this is the one global of the host.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);

/// Sets how much is logged.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Something an operator should look at.
pub fn warning(text: &str) {
    line(Level::Warning, '#', text);
}

/// Something an operator may want to know.
pub fn notice(text: &str) {
    line(Level::Notice, '*', text);
}

fn line(level: Level, mark: char, text: &str) {
    if level as u8 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let time = chrono::Local::now().format("%d %b %Y %H:%M:%S%.3f");
    println!("{}:M {time} {mark} {text}", std::process::id());
}

/// Now, ms since the epoch.
#[expect(clippy::disallowed_methods, reason = "the host is what reads the clock for the engine")]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// A seed no client can guess.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library keys its hasher from the operating system's generator.
    std::hash::RandomState::new().build_hasher().finish() ^ now_ms()
}
