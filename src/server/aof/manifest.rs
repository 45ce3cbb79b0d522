//! The manifest: which files make up the log, in which order. A line for each: `file <name> seq <number> type <b|h|i>`.

use super::disk::{Disk, write_all};
use crate::cmd::rewrite::quoted;
use crate::resp::parse::split_words;
use std::io::{self, Read};

/// The longest line, with its end.
const MAX_LINE: usize = 1024;
/// The largest manifest: no log has so many files.
const MAX_SIZE: u64 = 16 << 20;
/// The largest number of a file: further ones can follow for ever.
const MAX_SEQ: i64 = i64::MAX / 2;

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// Its number among those of its type.
    pub seq: i64,
}

/// All files of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The snapshot, if there is one.
    pub base: Option<Part>,
    /// What was changed after it, in order; the last one is being written.
    pub incrs: Vec<Part>,
    /// What is no longer needed, and not removed yet.
    pub history: Vec<Part>,
    /// The highest numbers that were given away.
    base_seq: i64,
    incr_seq: i64,
}

/// The names of the log: `appenddirname` and `appendfilename`.
#[derive(Clone, Debug)]
pub struct Names {
    pub folder: String,
    pub file: String,
}

impl Names {
    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    fn manifest(&self) -> String {
        self.path(&format!("{}.manifest", self.file))
    }

    /// Where a file is written before it is given its name.
    pub fn temporary(&self, what: &str) -> String {
        self.path(&format!("temp-{}{what}", self.file))
    }
}

impl Manifest {
    /// Reads the manifest; an empty one if there is none. Fails with what is to be logged.
    pub fn load(disk: &dyn Disk, names: &Names) -> Result<Self, String> {
        let path = names.manifest();
        let file = match disk.read(&path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(Manifest::default()),
            Err(error) => {
                let why = super::reason(&error);
                return Err(format!("Fatal error: can't open the AOF manifest file {path} for reading: {why}"));
            }
        };
        let mut bytes = Vec::new();
        match file.take(MAX_SIZE + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 <= MAX_SIZE => Manifest::parse(&bytes),
            _ => Err(fatal(None, "Read AOF manifest failed")),
        }
    }

    /// Returns what the text of a manifest says. Fails with what is to be logged.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut manifest = Manifest::default();
        if text.is_empty() {
            return Err(fatal(None, "Found an empty AOF manifest"));
        }
        for (n, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.first() == Some(&b'#') {
                continue;
            }
            if line.len() > MAX_LINE || !line.ends_with(b"\n") {
                return Err(fatal(None, "The AOF manifest file contains too long line"));
            }
            let line = line.trim_ascii();
            manifest.add(line).map_err(|why| {
                let shown = String::from_utf8_lossy(line).into_owned();
                fatal(Some((n + 1, &shown)), why)
            })?;
        }
        Ok(manifest)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const INVALID: &str = "Invalid AOF manifest file format";
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        if !split_words(line, &mut bytes, &mut spans) || spans.len() < 6 || spans.len() % 2 != 0 {
            return Err(INVALID);
        }
        let words: Vec<&[u8]> = spans.iter().map(|(from, to)| &bytes[*from..*to]).collect();
        let (mut name, mut seq, mut kind) = (None, 0, 0);
        for pair in words.chunks_exact(2) {
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" => {
                    let text = std::str::from_utf8(pair[1]).map_err(|_| INVALID)?;
                    if text.contains(['/', '\\', '\0']) {
                        return Err("File can't be a path, just a filename");
                    }
                    name = Some(text.to_string());
                }
                b"seq" => seq = number(pair[1]),
                b"type" => kind = pair[1].first().copied().unwrap_or_default(),
                // What a later version says beside.
                _ => {}
            }
        }
        let Some(name) = name.filter(|name| !name.is_empty() && seq != 0 && kind != 0) else { return Err(INVALID) };
        self.put(Part { name, seq }, kind)
    }

    fn put(&mut self, part: Part, kind: u8) -> Result<(), &'static str> {
        if part.seq > MAX_SEQ {
            return Err("Invalid AOF manifest file format");
        }
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base_seq = part.seq;
                self.base = Some(part);
            }
            b'h' => self.history.push(part),
            b'i' if part.seq <= self.incr_seq => return Err("Found a non-monotonic sequence number"),
            b'i' => {
                self.incr_seq = part.seq;
                self.incrs.push(part);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// Puts this manifest in place of the one that is stored. Everything it names is made sure of before it names it, so that there
    /// is a complete log at any time. Fails with what is to be logged.
    pub fn store(&self, disk: &dyn Disk, names: &Names) -> Result<(), String> {
        let temporary = names.temporary(".manifest");
        let shown = temporary.strip_prefix(&names.folder).unwrap_or_default().trim_start_matches('/');
        let failed = |what: &str, error: &io::Error| format!("{what}: {}", super::reason(error));
        let mut file = disk
            .create(&temporary)
            .map_err(|error| failed(&format!("Can't open the AOF manifest file {shown}"), &error))?;
        write_all(&mut *file, self.to_string().as_bytes()).map_err(|(_, error)| {
            failed(&format!("Error trying to write the temporary AOF manifest file {shown}"), &error)
        })?;
        file.sync().map_err(|error| failed(&format!("Fail to fsync the temp AOF file {shown}"), &error))?;
        let sync = || {
            disk.sync_folder(&names.folder)
                .map_err(|error| failed(&format!("Fail to fsync AOF directory {}", names.folder), &error))
        };
        sync()?;
        disk.rename(&temporary, &names.manifest()).map_err(|error| {
            let what =
                format!("Error trying to rename the temporary AOF manifest file {shown} into {}.manifest", names.file);
            failed(&what, &error)
        })?;
        sync()
    }

    /// Whether nothing is to be loaded.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incrs.is_empty()
    }

    /// What is to be loaded, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.incrs)
    }

    /// The only file is the one file of a log of Redis before 7.0.
    pub fn set_old_file(&mut self, name: &str) {
        self.base = Some(Part { name: name.to_string(), seq: 1 });
        self.base_seq = 1;
    }

    /// Names a new base; the one there was becomes history. Returns its name.
    pub fn new_base(&mut self, names: &Names, is_rdb: bool) -> String {
        if let Some(old) = self.base.take() {
            self.history.insert(0, old);
        }
        self.base_seq += 1;
        let ending = if is_rdb { "rdb" } else { "aof" };
        let name = format!("{}.{}.base.{ending}", names.file, self.base_seq);
        self.base = Some(Part { name: name.clone(), seq: self.base_seq });
        name
    }

    /// Names a new file for what is changed. Returns its name.
    pub fn new_incr(&mut self, names: &Names) -> String {
        self.incr_seq += 1;
        let name = format!("{}.{}.incr.aof", names.file, self.incr_seq);
        self.incrs.push(Part { name: name.clone(), seq: self.incr_seq });
        name
    }

    /// Makes history of what a new base holds: all changes but those in the last `kept` files.
    pub fn retire_incrs(&mut self, kept: usize) {
        let count = self.incrs.len().saturating_sub(kept);
        for part in self.incrs.drain(..count).rev() {
            self.history.insert(0, part);
        }
    }
}

impl std::fmt::Display for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let base = self.base.iter().map(|part| (part, 'b'));
        let history = self.history.iter().map(|part| (part, 'h'));
        let incrs = self.incrs.iter().map(|part| (part, 'i'));
        for (Part { name, seq }, kind) in base.chain(history).chain(incrs) {
            let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
            let name = if name.bytes().all(plain) { name.clone() } else { quoted(name) };
            writeln!(f, "file {name} seq {seq} type {kind}")?;
        }
        Ok(())
    }
}

/// Reads a number as C's atoll does: as far as there are digits, or 0.
fn number(text: &[u8]) -> i64 {
    let digits = usize::from(text.first().is_some_and(|byte| matches!(byte, b'-' | b'+')));
    let end = text[digits..].iter().position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |at| digits + at);
    let text = std::str::from_utf8(&text[..end]).unwrap_or_default();
    // What is too large for it is refused as such.
    text.parse().unwrap_or(if end > digits { i64::MAX } else { 0 })
}

fn fatal(line: Option<(usize, &str)>, why: &str) -> String {
    let shown = line.map(|(n, line)| format!("Reading the manifest file, at line {n}\n>>> '{line}'\n"));
    format!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n{}{why}", shown.unwrap_or_default())
}

/// Whether there is no such file, or no folder that could hold it.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound)
}
