//! Writes www/compat.json: every command and what its transcripts said when a real redis-server answered them too.
//!
//! A line of the file is one command. It begins with the row's facts, then comes the evidence: how many replies were compared with
//! the server's and equal, how many it answers otherwise or not at all, and the same by option. Commands and options that only the server has
//! are taken from its own `COMMAND LIST` and `COMMAND DOCS`.

use crate::common;
use crate::common::peer::Peer;
use crate::common::redis::RedisPeer;
use crate::common::transcript::{self, Action, Against, Case, Step, Tally};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use tabdis::cmd::{docs, export};
use tabdis::engine::row::{RowId, Slot};
use tabdis::engine::{Table, resolve};
use tabdis::resp::reply::Value;

/// Writes the file. Fails without writing if the server answers anything otherwise than the transcripts say.
pub fn write() -> ExitCode {
    let mut server = RedisPeer::start().expect("its program was there at the start");
    let table = tabdis::cmd::table();
    let mut evidence = Evidence::default();
    for case in transcript::all() {
        evidence.gather(table, &case, (!case.newer).then_some(&mut server));
    }
    for slot in table.slots().iter().filter(|slot| common::is_runnable(slot) && !slot.row.example.is_empty()) {
        let case = Case::from_example(&slot.full_name, slot.row.example);
        let comparable = slot.row.differs.is_empty() && server.knows(&slot.full_name);
        evidence.gather(table, &case, comparable.then_some(&mut server));
    }
    if !evidence.failures.is_empty() {
        eprintln!("{}\n\nwww/compat.json was not written.", evidence.failures.join("\n"));
        return ExitCode::FAILURE;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/www/compat.json");
    let text = evidence.report(table, &mut server);
    println!("www/compat.json: {} lines", text.lines().count());
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    ExitCode::SUCCESS
}

/// What was seen of every command.
#[derive(Default)]
struct Evidence {
    seen: BTreeMap<RowId, Seen>,
    failures: Vec<String>,
}

#[derive(Default)]
struct Seen {
    /// Replies that are the server's too.
    compared: usize,
    /// Replies that the server cannot give, or gives otherwise, and the file says so.
    newer: usize,
    /// Words of the commands whose replies were compared.
    compared_words: BTreeSet<String>,
    /// Words of the others.
    newer_words: BTreeSet<String>,
}

impl Evidence {
    /// Runs the case on the server. Without one, its commands count as newer.
    fn gather(&mut self, table: &Table, case: &Case, server: Option<&mut RedisPeer>) {
        match server {
            Some(server) => {
                server.reset();
                case.run_each(server, Against::Redis, |step, tally| self.note(table, step, tally));
            }
            None => {
                let unseen = || Tally { newer: 1, ..Tally::default() };
                case.steps.iter().for_each(|step| self.note(table, step, unseen()));
            }
        }
    }

    fn note(&mut self, table: &Table, step: &Step, tally: Tally) {
        self.failures.extend(tally.failures);
        let Action::Send(argv) = &step.action else { return };
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let Some(id) = argv.first().and_then(|name| resolve(table, table.find(name)?, &argv).ok()) else { return };
        let seen = self.seen.entry(id).or_default();
        seen.compared += tally.compared;
        seen.newer += tally.newer;
        let words = if tally.compared > 0 { &mut seen.compared_words } else { &mut seen.newer_words };
        words.extend(argv[1..].iter().map(|arg| String::from_utf8_lossy(arg).to_ascii_uppercase()));
    }

    /// The text of the file.
    fn report(&self, table: &Table, server: &mut RedisPeer) -> String {
        let mut lines = BTreeMap::new();
        for (id, slot) in table.slots().iter().enumerate().filter(|(_, slot)| common::is_runnable(slot)) {
            let (none, theirs) = (Seen::default(), Documented::of(server, &slot.full_name));
            let seen = self.seen.get(&(id as RowId)).unwrap_or(&none);
            lines.insert(slot.full_name.replace('|', " "), line(slot, seen, theirs.as_ref()));
        }
        for name in names(&server.command(&[b"COMMAND", b"LIST"])) {
            let known = table.slots().iter().any(|slot| slot.full_name == name);
            if let (false, Some(theirs)) = (known, Documented::of(server, &name)) {
                let name = name.replace('|', " ");
                lines.insert(name.clone(), theirs.missing(&name));
            }
        }
        let lines: Vec<String> = lines.into_values().collect();
        let version = export::quoted(&version(server));
        format!("{{\"server\":{version},\"commands\":[\n{}\n]}}\n", lines.join(",\n"))
    }
}

fn line(slot: &Slot, seen: &Seen, theirs: Option<&Documented>) -> String {
    let status = match theirs {
        None => "newer",
        Some(_) if !slot.row.differs.is_empty() => "differs",
        Some(_) if seen.compared > 0 => "equal",
        Some(_) => "untested",
    };
    let mut ours = Vec::new();
    tokens(&docs::arguments(slot.row), &mut ours);
    let theirs = theirs.map(|theirs| &theirs.tokens);
    let word = |token: &String| match theirs {
        Some(_) if seen.compared_words.contains(token) => "equal",
        Some(theirs) if theirs.contains(token) => "untested",
        _ if seen.newer_words.contains(token) => "newer",
        _ => "untested",
    };
    let mut options: Vec<(&str, &str)> = ours.iter().map(|token| (token.as_str(), word(token))).collect();
    let lacking = theirs.into_iter().flatten().filter(|token| !ours.contains(token));
    options.extend(lacking.map(|token| (token.as_str(), "missing")));
    let options: Vec<String> =
        options.iter().map(|(token, status)| format!("[{},\"{status}\"]", export::quoted(token))).collect();
    format!(
        "{},\"status\":\"{status}\",\"compared\":{},\"newer\":{},\"options\":[{}]}}",
        export::facts(slot),
        seen.compared,
        seen.newer,
        options.join(",")
    )
}

/// The tokens of arguments, each once, in order.
fn tokens(arguments: &[docs::Argument], found: &mut Vec<String>) {
    for argument in arguments {
        found.extend(argument.token.iter().filter(|token| is_word(token)).cloned());
        tokens(&argument.arguments, found);
    }
    let mut seen = BTreeSet::new();
    found.retain(|token| seen.insert(token.clone()));
}

/// Signs such as `=` and `~` are part of the option before them.
fn is_word(token: &str) -> bool {
    token.contains(|c: char| c.is_ascii_alphabetic())
}

/// What the server documents of a command.
struct Documented {
    since: String,
    group: String,
    tokens: Vec<String>,
}

impl Documented {
    /// Nothing if the server does not have it.
    fn of(server: &mut RedisPeer, name: &str) -> Option<Self> {
        if !server.knows(name) {
            return None;
        }
        let reply = server.command(&[b"COMMAND", b"DOCS", name.as_bytes()]);
        let docs = reply.items()?.get(1)?;
        let mut tokens = Vec::new();
        collect_tokens(docs, &mut tokens);
        let field = |name: &str| field(docs, name).and_then(Value::text).map(text).unwrap_or_default();
        Some(Documented { since: field("since"), group: field("group"), tokens })
    }

    fn missing(&self, name: &str) -> String {
        let [name, group, since] = [name, &self.group, &self.since].map(export::quoted);
        format!(
            "{{\"name\":{name},\"group\":{group},\"since\":{since},\"syntax\":\"\",\"status\":\"missing\",\"options\":[]}}"
        )
    }
}

/// The value behind `name` in a list of names and values.
fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let pair = map.items()?.chunks_exact(2).find(|pair| pair[0].text() == Some(name.as_bytes()))?;
    Some(&pair[1])
}

/// The tokens under `arguments`, wherever they are; not those of sub-commands, which have lines of their own.
fn collect_tokens(docs: &Value, found: &mut Vec<String>) {
    for argument in field(docs, "arguments").and_then(Value::items).unwrap_or_default() {
        let token = field(argument, "token").and_then(Value::text).map(text);
        found.extend(token.filter(|token| is_word(token) && !found.contains(token)));
        collect_tokens(argument, found);
    }
}

fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<String> = list.items().unwrap_or_default().iter().filter_map(Value::text).map(text).collect();
    names.sort();
    names
}

fn version(server: &mut RedisPeer) -> String {
    let info = server.command(&[b"INFO", b"server"]);
    let info = info.text().map(text).unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    line.unwrap_or_default().trim().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
