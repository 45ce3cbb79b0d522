//! Transcripts: what clients send and what redis-cli would print. Their files, the examples of the rows, and how both are run.
//!
//! ```text
//! === title of a case                 each case starts from nothing; `=== ~ title`: not for Redis 7.0
//! # comment
//! > @2 RPUSH k "a b"                  client 2 sends (client 1 without `@`), words quoted as for redis-cli
//! (integer) 1                         everything that arrives at the client, `(blocked)` for nothing
//! ~ (integer) 1                       the same, but Redis 7.0 answers otherwise (its reply is not compared)
//! > @2 <                              what has arrived at client 2 since
//! > @sleep 100                        lets so many ms pass
//! ```

use super::peer::{Peer, printed};
use std::path::{Path, PathBuf};
use tabdis::resp::parse::split_words;
use tabdis::resp::reply::Value;

/// One case of a file.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file, relative to the checkout, or what stands for one.
    pub file: String,
    /// Its title.
    pub title: String,
    /// The line of the title.
    pub line: usize,
    /// Real Redis 7.0 cannot run it.
    pub newer: bool,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One line that begins with `>`, and the reply under it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Who acts.
    pub client: usize,
    /// What is done.
    pub action: Action,
    /// The lines expected.
    pub reply: Vec<String>,
    /// The lines of the file that hold the reply, from 0.
    pub reply_at: std::ops::Range<usize>,
    /// Redis 7.0 answers otherwise.
    pub newer: bool,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    Send(Vec<Vec<u8>>),
    Look,
    Sleep(u64),
}

/// Which server is behind the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Ours: every reply counts.
    Engine,
    /// Redis 7.0: what is marked `~` must differ, the order of sets and hashes does not count.
    Redis,
}

/// What a run compared.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Replies that were compared.
    pub compared: usize,
    /// Replies that were not, because they are marked `~`.
    pub newer: usize,
    /// What went wrong, each with file and line.
    pub failures: Vec<String>,
}

/// All files in tests/transcripts, by name.
pub fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    files.sort();
    files
}

/// The cases of all files.
pub fn all() -> Vec<Case> {
    files().iter().flat_map(|path| parse(&relative(path), &read(path))).collect()
}

/// The path within the checkout.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).to_string_lossy().into_owned()
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases of `text`. Panics, with the line, where it is no transcript.
pub fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_end();
        at += 1;
        if let Some(title) = line.strip_prefix("===") {
            let title = title.trim();
            let newer = title.starts_with("~ ");
            let title = title.trim_start_matches("~ ").to_string();
            cases.push(Case { file: file.to_string(), title, line: at, newer, steps: Vec::new() });
        } else if let Some((client, action)) = action(line) {
            let action = action.unwrap_or_else(|why| panic!("{file}:{at}: {why}: {line}"));
            let reply_at = at..reply_end(&lines, at, &action);
            let mut reply: Vec<String> =
                lines[reply_at.clone()].iter().map(|line| line.trim_end().to_string()).collect();
            let unmarked = reply.first().and_then(|first| first.strip_prefix("~ ")).map(str::to_string);
            let newer = unmarked.is_some();
            if let (Some(unmarked), Some(first)) = (unmarked, reply.first_mut()) {
                *first = unmarked;
            }
            let step = Step { line: at, client, action, reply, newer, reply_at: reply_at.clone() };
            at = reply_at.end;
            match cases.last_mut() {
                Some(case) => case.steps.push(step),
                None => panic!("{file}:{}: a command before the first `===`", step.line),
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            panic!("{file}:{at}: neither a title, nor a command, nor a reply to one: {line}");
        }
    }
    cases
}

/// Where the reply that begins at line `at` ends: at a command, a title, a comment or a blank line. What is printed as it came
/// can have lines of both last kinds inside.
fn reply_end(lines: &[&str], at: usize, action: &Action) -> usize {
    let raw = matches!(action, Action::Send(argv) if prints_raw(argv));
    let starts = |line: &&str| line.starts_with("===") || self::action(line.trim_end()).is_some();
    let pause = |line: &&str| line.trim_end().is_empty() || line.starts_with('#');
    let len = lines[at..].iter().position(|line| starts(line) || (!raw && pause(line))).unwrap_or(lines.len() - at);
    at + lines[at..at + len].iter().rposition(|line| !pause(line)).map_or(0, |last| last + 1)
}

/// Whether redis-cli prints the text that the command answers as it came.
fn prints_raw(argv: &[Vec<u8>]) -> bool {
    let word = |n: usize| argv.get(n).map(|arg| arg.to_ascii_uppercase()).unwrap_or_default();
    match &*word(0) {
        b"INFO" | b"LOLWUT" => true,
        b"CLIENT" => matches!(&*word(1), b"LIST" | b"INFO"),
        b"CLUSTER" => matches!(&*word(1), b"INFO" | b"NODES"),
        b"MEMORY" => matches!(&*word(1), b"DOCTOR" | b"MALLOC-STATS"),
        b"LATENCY" => matches!(&*word(1), b"DOCTOR" | b"GRAPH"),
        b"DEBUG" => matches!(&*word(1), b"HTSTATS" | b"HTSTATS-KEY"),
        _ => false,
    }
}

/// Who does what on this line, if it is one of action; with the reason if it is not well formed.
fn action(line: &str) -> Option<(usize, Result<Action, &'static str>)> {
    let text = match line.strip_prefix('>') {
        Some(text) => text.trim_start(),
        None if line.starts_with('@') && line.ends_with('<') => line,
        None => return None,
    };
    if let Some(ms) = text.strip_prefix("@sleep") {
        return Some((1, ms.trim().parse().map(Action::Sleep).map_err(|_| "no duration")));
    }
    let (client, text) = match text.strip_prefix('@').and_then(|text| text.split_once(' ')) {
        Some((number, rest)) => match number.parse() {
            Ok(client) => (client, rest.trim_start()),
            Err(_) => return Some((1, Err("no number of a client"))),
        },
        None => (1, text),
    };
    if text == "<" {
        return Some((client, Ok(Action::Look)));
    }
    Some((client, words(text.as_bytes()).map(Action::Send).ok_or("unbalanced quotes")))
}

/// Splits a command as redis-cli does.
pub fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    split_words(line, &mut bytes, &mut spans)
        .then(|| spans.iter().map(|(from, to)| bytes[*from..*to].to_vec()).collect())
}

impl Case {
    /// The example of a row as a case.
    pub fn from_example(name: &str, example: &str) -> Self {
        let file = format!("example of {name}");
        parse(&file, &format!("=== {name}\n{example}")).pop().expect("the title makes one case")
    }

    /// Runs it on `peer`, which must be fresh.
    pub fn run(&self, peer: &mut dyn Peer, against: Against) -> Tally {
        let mut sum = Tally::default();
        self.run_each(peer, against, |_, tally| {
            sum.compared += tally.compared;
            sum.newer += tally.newer;
            sum.failures.extend(tally.failures);
        });
        sum
    }

    /// Runs it on `peer`, which must be fresh, and tells `each` what came of every step.
    pub fn run_each(&self, peer: &mut dyn Peer, against: Against, mut each: impl FnMut(&Step, Tally)) {
        for step in &self.steps {
            let Some(got) = step.run(peer) else { continue };
            let mut tally = Tally::default();
            step.judge(&self.file, &got, against, &mut tally);
            each(step, tally);
        }
    }
}

impl Step {
    /// Does it. Returns what is printed then; nothing for a pause.
    pub fn run(&self, peer: &mut dyn Peer) -> Option<Vec<String>> {
        match &self.action {
            Action::Sleep(ms) => {
                peer.sleep(*ms);
                return None;
            }
            Action::Send(argv) => peer.send(self.client, argv),
            Action::Look => {}
        }
        let mut values = peer.arrived(self.client);
        if matches!(&self.action, Action::Send(argv) if prints_raw(argv))
            && let Some(Value::Bulk(text)) = values.first()
            && !text.is_empty()
        {
            values[0] = Value::Simple(text.trim_ascii_end().to_vec());
        }
        let text = printed(&values, peer.is_closed(self.client));
        Some(text.lines().map(|line| line.trim_end().to_string()).collect())
    }

    fn judge(&self, file: &str, got: &[String], against: Against, tally: &mut Tally) {
        let same = got == self.reply
            || (against == Against::Redis && self.is_unordered() && sorted(got) == sorted(&self.reply));
        let place = format!("{file}:{}: {}", self.line, self.typed());
        if against == Against::Redis && self.newer {
            tally.newer += 1;
            if same && !self.is_unordered() {
                tally.failures.push(format!("{place}\n  is marked ~, but redis-server answers the same"));
            }
            return;
        }
        tally.compared += 1;
        if self.reply.is_empty() {
            tally.failures.push(format!("{place}\n  has no reply in the file; it was\n{}", indented(got)));
        } else if !same {
            let want = indented(&self.reply);
            tally.failures.push(format!("{place}\n  expected\n{want}  but got\n{}", indented(got)));
        }
    }

    fn is_unordered(&self) -> bool {
        matches!(&self.action, Action::Send(argv) if super::words::is_unordered(argv))
    }

    fn typed(&self) -> String {
        match &self.action {
            Action::Send(argv) => format!("client {} > {}", self.client, super::typed(argv)),
            Action::Look => format!("client {} <", self.client),
            Action::Sleep(ms) => format!("sleep {ms}"),
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

/// The lines without their numbers, in order.
fn sorted(lines: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| unnumbered(line).to_string()).collect();
    lines.sort_unstable();
    lines
}

fn unnumbered(line: &str) -> &str {
    let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    rest.strip_prefix([')', '~', '#']).unwrap_or(rest).trim_start()
}
