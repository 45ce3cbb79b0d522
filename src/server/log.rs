//! The server's log lines, in Redis's form, and the one place that reads a clock.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The words of `loglevel`: each says all that those before it say, and more.
const LEVELS: [&str; 5] = ["nothing", "warning", "notice", "verbose", "debug"];
const WARNING: u8 = 1;
const NOTICE: u8 = 2;
const VERBOSE: u8 = 3;
const DEBUG: u8 = 4;

// A logger is the process's, not the engine's; these are the globals of the host.
static LEVEL: AtomicU8 = AtomicU8::new(NOTICE);
static FILE: Mutex<String> = Mutex::new(String::new());

/// Sets how much is logged, by its word.
pub fn set_level(word: &str) {
    if let Some(level) = LEVELS.iter().position(|level| level.eq_ignore_ascii_case(word)) {
        LEVEL.store(level as u8, Ordering::Relaxed);
    }
}

/// Logs to the end of a file from now on, or to the standard output if there is no name. Fails if the file cannot be opened.
pub fn set_file(path: &str) -> std::io::Result<()> {
    let mut path = path.to_string();
    if !path.is_empty() {
        open(&path)?;
        // The process may change its directory later.
        path = std::path::absolute(&path)?.to_string_lossy().into_owned();
    }
    if let Ok(mut file) = FILE.lock() {
        *file = path;
    }
    Ok(())
}

fn open(path: &str) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().append(true).create(true).open(path)
}

/// Something an operator should look at.
pub fn warning(text: &str) {
    line(WARNING, '#', text);
}

/// Something an operator may want to know.
pub fn notice(text: &str) {
    line(NOTICE, '*', text);
}

/// Something for who looks closely.
pub fn verbose(text: &str) {
    line(VERBOSE, '-', text);
}

/// Something for who looks for an error.
pub fn debug(text: &str) {
    line(DEBUG, '.', text);
}

fn line(level: u8, mark: char, text: &str) {
    if level > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let time = chrono::Local::now().format("%d %b %Y %H:%M:%S%.3f");
    let line = format!("{}:M {time} {mark} {text}\n", std::process::id());
    let path = FILE.lock().map(|path| path.clone()).unwrap_or_default();
    // Opened for every line, so that the file can be moved away. A log that cannot be written has nowhere to say so.
    _ = if path.is_empty() {
        std::io::stdout().write_all(line.as_bytes()).and_then(|()| std::io::stdout().flush())
    } else {
        open(&path).and_then(|mut file| file.write_all(line.as_bytes()))
    };
}

/// Now, ms since the epoch.
pub fn now_ms() -> u64 {
    now_us() / 1000
}

/// Now, µs since the epoch.
#[expect(clippy::disallowed_methods, reason = "the host is what reads the clock for the engine")]
pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
}

/// A seed no client can guess.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library keys its hasher from the operating system's generator.
    std::hash::RandomState::new().build_hasher().finish() ^ now_ms()
}
