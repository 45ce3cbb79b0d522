//! What the server was told at its start: a configuration file, then options, each a directive of `redis.conf`.

use super::log::{self, Level};
use crate::engine::Engine;
use crate::resp::parse::split_words;

/// The settings. Those the host acts on have a field; every other directive goes to `CONFIG SET`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `port`; 0 listens on no TCP port.
    pub port: u16,
    /// `bind`: addresses; one with a `-` before it may fail.
    pub bind: Vec<String>,
    /// `unixsocket`: a path.
    pub unixsocket: Option<String>,
    /// `unixsocketperm`: octal.
    pub unixsocketperm: Option<u32>,
    /// `dir`: where files go; it must exist.
    pub dir: Option<String>,
    /// `loglevel`.
    pub loglevel: Level,
    /// `databases`.
    pub databases: usize,
    /// The configuration file.
    pub file: Option<String>,
    /// `user`: names with their rules.
    pub users: Vec<Vec<String>>,
    /// All other directives, in order.
    pub rest: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            port: 6379,
            bind: vec!["127.0.0.1".to_string(), "-::1".to_string()],
            unixsocket: None,
            unixsocketperm: None,
            dir: None,
            loglevel: Level::Notice,
            databases: 16,
            file: None,
            users: Vec::new(),
            rest: Vec::new(),
        }
    }
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

/// Reads the command line, the program's name first. Fails with a sentence that names the argument.
pub fn from_args(args: impl Iterator<Item = std::ffi::OsString>) -> Result<Command, String> {
    use lexopt::Arg::{Long, Short, Value};
    let mut settings = Settings::default();
    let mut parser = lexopt::Parser::from_iter(args);
    let mut first = true;
    while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
        match arg {
            Short('v') | Long("version") => return Ok(Command::Version),
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(path) if first => {
                let path = path.to_string_lossy().into_owned();
                settings.read_file(&path)?;
            }
            Long(name) => {
                let name = name.to_string();
                // As in Redis, everything up to the next word with two dashes belongs to the directive: `--maxmemory-samples -1`.
                let mut raw = parser.raw_args().map_err(|e| e.to_string())?;
                let mut values = Vec::new();
                while let Some(value) = raw.next_if(|word| !word.to_string_lossy().starts_with("--")) {
                    values.push(value.to_string_lossy().into_owned());
                }
                settings.directive(&name, &values)?;
            }
            other => return Err(other.unexpected().to_string()),
        }
        first = false;
    }
    Ok(Command::Run(Box::new(settings)))
}

impl Settings {
    fn read_file(&mut self, path: &str) -> Result<(), String> {
        let text = std::fs::read(path).map_err(|e| format!("Fatal error, can't open config file '{path}': {e}"))?;
        self.file = Some(path.to_string());
        for (n, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let describe = |why: &str| {
                let shown = String::from_utf8_lossy(line);
                format!(
                    "*** FATAL CONFIG FILE ERROR ***\nReading the configuration file, at line {}\n>>> '{shown}'\n{why}",
                    n + 1
                )
            };
            let (mut text, mut spans) = (Vec::new(), Vec::new());
            if !split_words(line, &mut text, &mut spans) {
                return Err(describe("Unbalanced quotes in configuration line"));
            }
            let words: Vec<String> =
                spans.iter().map(|(from, to)| String::from_utf8_lossy(&text[*from..*to]).into_owned()).collect();
            if let Some((name, values)) = words.split_first() {
                self.directive(name, values).map_err(|why| describe(&why))?;
            }
        }
        Ok(())
    }

    /// Takes one directive.
    fn directive(&mut self, name: &str, values: &[String]) -> Result<(), String> {
        let one = || values.first().map(String::as_str).ok_or_else(|| "wrong number of arguments".to_string());
        match name.to_ascii_lowercase().as_str() {
            "port" => {
                self.port = one()?.parse().map_err(|_| "argument must be between 0 and 65535 inclusive".to_string())?
            }
            "bind" => {
                self.bind =
                    values.iter().flat_map(|v| v.split(' ')).filter(|v| !v.is_empty()).map(str::to_string).collect()
            }
            "unixsocket" => self.unixsocket = Some(one()?.to_string()).filter(|path| !path.is_empty()),
            "unixsocketperm" => {
                self.unixsocketperm =
                    Some(u32::from_str_radix(one()?, 8).map_err(|_| "Invalid socket file permissions".to_string())?);
            }
            "dir" => self.dir = Some(one()?.to_string()),
            "databases" => {
                let count = one()?.parse().ok().filter(|n| (1..=16_384).contains(n));
                self.databases = count.ok_or("argument must be between 1 and 16384 inclusive")?;
            }
            "user" => self.users.push(values.to_vec()),
            "loglevel" => self.loglevel = level(one()?)?,
            other => self.rest.push((other.to_string(), values.join(" "))),
        }
        Ok(())
    }

    /// Acts on the settings: the log's level, the directory, and `CONFIG SET` for the rest.
    pub(super) fn apply(&self, engine: &mut Engine, now: u64) -> Result<(), String> {
        log::set_level(self.loglevel);
        if let Some(dir) = &self.dir {
            std::env::set_current_dir(dir).map_err(|e| format!("Can't chdir to '{dir}': {e}"))?;
        }
        engine.server.config.other.insert("port", self.port.to_string());
        engine.server.config.other.insert("bind", self.bind.join(" "));
        engine.server.config.other.insert("unixsocket", self.unixsocket.clone().unwrap_or_default());
        engine.server.config.other.insert("dir", self.dir.clone().unwrap_or_else(current_dir));
        engine.server.starting = true;
        for user in &self.users {
            let words: Vec<&[u8]> = user.iter().map(String::as_bytes).collect();
            engine.server.acl.declare(&words)?;
        }
        let session = engine.open_host("config", now);
        for (name, value) in &self.rest {
            engine.call(session, &[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()], now);
            let Some(session) = engine.sessions.get_mut(session) else { break };
            let reply = std::mem::take(session.out.bytes_mut());
            if let [b'-', text @ ..] = reply.as_slice() {
                let text = String::from_utf8_lossy(text);
                return Err(format!("Bad directive '{name} {value}': {}", text.trim_end()));
            }
        }
        engine.close(session);
        engine.server.starting = false;
        Ok(())
    }

    /// How `CLIENT LIST` names the unix socket's end.
    pub(super) fn unix_name(&self) -> String {
        format!("{}:0", self.unixsocket.as_deref().unwrap_or_default())
    }
}

fn current_dir() -> String {
    std::env::current_dir().map_or_else(|_| ".".to_string(), |dir| dir.to_string_lossy().into_owned())
}

fn level(word: &str) -> Result<Level, String> {
    match word {
        "nothing" => Ok(Level::Nothing),
        "warning" => Ok(Level::Warning),
        "notice" => Ok(Level::Notice),
        "verbose" => Ok(Level::Verbose),
        "debug" => Ok(Level::Debug),
        _ => Err("argument(s) must be one of the following: debug, verbose, notice, warning, nothing".to_string()),
    }
}
