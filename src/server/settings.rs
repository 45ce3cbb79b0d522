//! What the server was told at its start: a configuration file, then options, each a directive of `redis.conf`.

use super::log;
use super::peers::settings::{PREFIX, PeerSettings};
use crate::cmd::params::{self, Kind};
use crate::cmd::rewrite::{self, quoted};
use crate::engine::Engine;
use crate::resp::parse::split_words;
use std::io::Read;
use std::path::PathBuf;

/// How deep files may include each other.
const MAX_DEPTH: usize = 16;

/// One line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Directive {
    /// Its line, from 1.
    number: usize,
    /// As it was written.
    line: String,
    /// Its words, the first in lower case.
    words: Vec<String>,
}

/// The settings, in the order they were given.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The configuration file, absolute.
    pub file: Option<PathBuf>,
    /// What came in on the standard input.
    pub piped: Vec<u8>,
    /// What concerns browsers.
    pub(super) peers: PeerSettings,
    directives: Vec<Directive>,
}

/// What the command line asks for.
pub enum Command {
    /// Serve.
    Run(Box<Settings>),
    /// Print the version.
    Version,
    /// Print how to use it.
    Help,
}

/// Reads the command line, the program's name first. Fails with what is to be printed.
pub fn from_args(args: impl Iterator<Item = std::ffi::OsString>) -> Result<Command, String> {
    let mut args: Vec<String> = args.skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    match args.first().map(String::as_str) {
        Some("-v" | "--version") => return Ok(Command::Version),
        Some("-h" | "--help") => return Ok(Command::Help),
        _ => {}
    }
    let mut settings = Settings::default();
    let mut text = String::new();
    // The first word is a file, unless it is an option; a dash at either end is the standard input.
    if args.first().is_some_and(|first| first != "-" && !first.starts_with("--")) {
        let path = args.remove(0);
        text = read_file(&path)?;
        let absolute =
            std::path::absolute(&path).map_err(|e| format!("Fatal error, can't open config file '{path}': {e}"))?;
        settings.file = Some(absolute);
    }
    let piped = args.first().is_some_and(|first| first == "-") || args.last().is_some_and(|last| last == "-");
    if piped {
        args.retain(|arg| arg != "-");
        let mut input = Vec::new();
        std::io::stdin()
            .read_to_end(&mut input)
            .map_err(|e| format!("Fatal error, can't read the standard input: {e}"))?;
        text.push_str(&String::from_utf8_lossy(&input));
        settings.piped = input;
    }
    if !args.is_empty() {
        text.push('\n');
        text.push_str(&as_directives(&args));
    }
    settings.read(&text, 0)?;
    Ok(Command::Run(Box::new(settings)))
}

/// The options as lines of a configuration file. What follows an option is its value, even if it has two dashes; `--save` alone
/// is no save points; name and value may be one word.
fn as_directives(args: &[String]) -> String {
    let mut text = String::new();
    let mut is_value = false;
    for (n, arg) in args.iter().enumerate() {
        let Some(option) = arg.strip_prefix("--").filter(|_| !is_value) else {
            text.push_str(&quoted(arg));
            text.push(' ');
            is_value = false;
            continue;
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(option);
        text.push(' ');
        let next_is_option = args.get(n + 1).is_some_and(|next| next.starts_with("--"));
        let bare = words(arg.as_bytes()).is_some_and(|words| words.len() == 1);
        if option.eq_ignore_ascii_case("save") && (next_is_option || n + 1 == args.len()) {
            text.push_str("\"\"");
        } else {
            is_value = bare && next_is_option;
        }
    }
    text
}

fn read_file(path: &str) -> Result<String, String> {
    let bytes =
        std::fs::read(path).map_err(|e| format!("Fatal error, can't open config file '{path}': {}", reason(&e)))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the operating system says, without its number.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

fn words(line: &[u8]) -> Option<Vec<String>> {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    let whole = split_words(line, &mut bytes, &mut spans);
    whole.then(|| spans.iter().map(|(from, to)| String::from_utf8_lossy(&bytes[*from..*to]).into_owned()).collect())
}

/// What is printed before the server gives up.
fn fatal(number: usize, line: &str, why: &str) -> String {
    format!(
        "\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line {number}\n>>> '{line}'\n{why}",
        crate::cmd::connection::REDIS_VERSION
    )
}

impl Settings {
    fn read(&mut self, text: &str, depth: usize) -> Result<(), String> {
        for (n, line) in text.split('\n').enumerate() {
            let line = line.trim_matches([' ', '\t', '\r', '\n']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |why: &str| fatal(n + 1, line, why);
            let mut words = words(line.as_bytes()).ok_or_else(|| fail("Unbalanced quotes in configuration line"))?;
            let Some(name) = words.first_mut() else { continue };
            name.make_ascii_lowercase();
            if name == "include" {
                let [_, pattern] = &words[..] else { return Err(fail("Bad directive or wrong number of arguments")) };
                if depth == MAX_DEPTH {
                    return Err(fail("Files include each other too deeply"));
                }
                for path in included(pattern) {
                    self.read(&read_file(&path)?, depth + 1)?;
                }
                continue;
            }
            if words[0].starts_with(PREFIX) {
                self.peers.set(&words[0], &words[1..]).map_err(|why| fail(&why))?;
                continue;
            }
            self.directives.push(Directive { number: n + 1, line: line.to_string(), words });
        }
        Ok(())
    }

    /// Whether the server is to run in the background.
    pub fn daemonize(&self) -> bool {
        self.directives.iter().rev().find(|d| d.words[0] == "daemonize").is_some_and(|d| d.words[1..] == ["yes"])
    }

    /// How many databases there are to be.
    pub fn databases(&self) -> usize {
        let last = self.directives.iter().rev().find(|d| d.words[0] == "databases");
        // What is no such number is refused when it is applied.
        last.and_then(|d| d.words.get(1)?.parse().ok()).filter(|n| (1..=100_000).contains(n)).unwrap_or(16)
    }

    /// Acts on the settings. Fails with what is to be printed.
    pub(super) fn apply(&self, engine: &mut Engine, now: u64) -> Result<(), String> {
        let other = &mut engine.server.config.other;
        for (name, value) in [("port", "6379"), ("bind", rewrite::BIND), ("save", rewrite::SAVE_POINTS)] {
            other.insert(name, value.to_string());
        }
        engine.server.starting = true;
        let mut first_save = true;
        for directive in &self.directives {
            let outcome = match directive.words[0].as_str() {
                "save" => save_points(engine, &directive.words[1..], std::mem::take(&mut first_save), now),
                _ => apply(engine, &directive.words, now),
            };
            outcome.map_err(|why| fatal(directive.number, &directive.line, &why))?;
        }
        engine.server.starting = false;
        engine.server.config.other.insert("dir", current_dir());
        Ok(())
    }
}

/// The first line of save points replaces the default, each further one adds to them, an empty one removes all.
fn save_points(engine: &mut Engine, words: &[String], first: bool, now: u64) -> Result<(), String> {
    let before = engine.server.config.other.get("save").cloned().unwrap_or_default();
    let new = words.join(" ");
    set(engine, "save", &new, now)?;
    if !first && !new.is_empty() && !before.is_empty() {
        set(engine, "save", &format!("{before} {new}"), now)?;
    }
    Ok(())
}

fn apply(engine: &mut Engine, words: &[String], now: u64) -> Result<(), String> {
    let (name, values) = (words[0].as_str(), &words[1..]);
    let Some(param) = params::find(name.as_bytes()) else { return apply_other(engine, words) };
    let many = matches!(param.kind, Kind::Words(_));
    if values.len() != 1 && (!many || (values.is_empty() && matches!(param.name, "bind" | "replicaof"))) {
        return Err("wrong number of arguments".to_string());
    }
    let value = values.join(" ");
    set(engine, name, &value, now)?;
    match param.name {
        "dir" => std::env::set_current_dir(&value).map_err(|e| reason(&e)),
        "loglevel" => {
            log::set_level(&value);
            Ok(())
        }
        "logfile" => log::set_file(&value).map_err(|e| format!("Can't open the log file: {}", reason(&e))),
        "replicaof" if !value.is_empty() && !value.eq_ignore_ascii_case("no one") => {
            Err("Following another server is not possible yet".to_string())
        }
        "loadmodule" => Err(format!("Can't load module from {value}: there are none")),
        _ => Ok(()),
    }
}

/// Directives that are not parameters.
fn apply_other(engine: &mut Engine, words: &[String]) -> Result<(), String> {
    match (words[0].as_str(), words.len()) {
        ("rename-command", 3) => {
            engine.rename_command(words[1].as_bytes(), words[2].as_bytes()).map_err(str::to_string)
        }
        ("user", 2..) => {
            let user: Vec<&[u8]> = words[1..].iter().map(String::as_bytes).collect();
            engine.server.acl.declare(&user)
        }
        _ => Err("Bad directive or wrong number of arguments".to_string()),
    }
}

/// Sets a parameter. Fails with the reason in the error of CONFIG SET.
fn set(engine: &mut Engine, name: &str, value: &str, now: u64) -> Result<(), String> {
    let id = engine.open_host("config", now);
    engine.call(id, &[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()], now);
    let reply = engine.sessions.get_mut(id).map(|s| std::mem::take(s.out.bytes_mut())).unwrap_or_default();
    engine.close(id);
    let [b'-', text @ ..] = reply.as_slice() else { return Ok(()) };
    let text = String::from_utf8_lossy(text).trim_end().to_string();
    let why = text.strip_prefix("ERR CONFIG SET failed").and_then(|rest| rest.split_once(" - "));
    Err(why.map_or(text.clone(), |(_, why)| why.to_string()))
}

/// The files that a pattern means, in order; without a star it means itself.
fn included(pattern: &str) -> Vec<String> {
    if !pattern.contains(['*', '?', '[']) {
        return vec![pattern.to_string()];
    }
    let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries
        .filter(|entry| crate::base::glob::matches(name.as_bytes(), entry.file_name().as_encoded_bytes()))
        .map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
        .collect();
    found.sort();
    found
}

/// Where the process works.
pub(super) fn current_dir() -> String {
    std::env::current_dir().map_or_else(|_| ".".to_string(), |dir| dir.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(args: &[&str]) -> String {
        as_directives(&args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn options_become_lines() {
        for (args, want) in [
            (&["--port", "1", "--save", ""][..], "port \"1\" \nsave \"\" "),
            (&["--save", "--loglevel", "debug"], "save \"\"\nloglevel \"debug\" "),
            (&["--port", "--loglevel", "verbose"], "port \"--loglevel\" \"verbose\" "),
            (&["--replicaof", "--a", "--b"], "replicaof \"--a\" \nb "),
            (&["--maxmemory 7mb", "--hz 9"], "maxmemory 7mb \nhz 9 "),
            (&["loglevel", "verbose", "--hz", "9"], "\"loglevel\" \"verbose\" \nhz \"9\" "),
        ] {
            assert_eq!(lines(args), want);
        }
    }

    #[test]
    fn a_bad_line_is_shown_with_its_number() {
        let mut settings = Settings::default();
        let error = settings.read("# fine\n\nport \"1", 0).unwrap_err();
        assert!(error.contains("at line 3\n>>> 'port \"1'\nUnbalanced quotes in configuration line"), "{error}");
    }
}
