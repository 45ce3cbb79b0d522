//! Loading: base and changes in their order, a piece at a time. A torn end of the last file is cut off; anything else that is wrong
//! ends it, and leaves the files as they are.

use super::disk::Disk;
use super::manifest::{Manifest, Names};
use crate::engine::keyspace::Expiry;
use crate::engine::{Engine, flag};
use crate::rdb::{LoadOptions, RdbError, Reader};
use crate::resp::parse::Parser;
use crate::server::log;
use crate::server::pace::LoadPace;
use crate::server::settings::reason;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::rc::Rc;

/// Read at once: some milliseconds of commands.
const PIECE: usize = 256 << 10;
/// The longest line that is a remark.
const MAX_REMARK: usize = 1024;
/// So many commands that were refused are told of, each by itself.
const TOLD: u64 = 10;

/// The files of a log on their way into an engine.
pub struct Load {
    disk: Rc<dyn Disk>,
    names: Names,
    /// Names and sizes of the files to come.
    coming: VecDeque<(String, u64)>,
    part: Option<PartLoad>,
    truncates: bool,
    pub(in crate::server) pace: LoadPace,
    /// Bytes in all, and bytes loaded.
    pub size: u64,
    pub loaded: u64,
    /// The file that was loaded ended within a transaction.
    is_in_multi: bool,
    /// Commands that were refused.
    refused: u64,
    /// Keys of the base.
    pub keys: u64,
    began_us: u64,
    now: u64,
}

/// One file.
struct PartLoad {
    name: String,
    file: Box<dyn Read>,
    size: u64,
    is_last: bool,
    /// Bytes that were read: `bytes[at..]` are still to be understood, the first of which is at `place` of the file.
    bytes: Vec<u8>,
    at: usize,
    place: u64,
    is_read: bool,
    stage: Stage,
    /// Behind the last thing that was whole, and where that was before the transaction that has begun.
    good: u64,
    before_multi: Option<u64>,
    commands: u64,
    began_us: u64,
}

enum Stage {
    /// Nothing was looked at yet.
    Begin,
    Snapshot(Box<Reader>),
    Commands(Parser),
}

/// How far the bytes at hand went.
enum Step {
    /// More have to be read.
    More,
    /// The file ends within something.
    Torn,
}

impl Load {
    /// Returns what loads the files that `manifest` names. Nothing if there are none, or nothing is in them. Fails with what is to be
    /// logged.
    pub(super) fn begin(
        disk: Rc<dyn Disk>,
        names: &Names,
        manifest: &Manifest,
        truncates: bool,
        now: u64,
    ) -> Result<Option<Self>, String> {
        let mut coming = VecDeque::new();
        for part in manifest.parts() {
            let size = disk.size(&names.path(&part.name)).map_err(|error| {
                format!("Unable to obtain the AOF file {} length. stat: {}", part.name, reason(&error))
            })?;
            coming.push_back((part.name.clone(), size));
        }
        let size = coming.iter().map(|(_, size)| size).sum();
        if size == 0 {
            return Ok(None);
        }
        Ok(Some(Load {
            disk,
            names: names.clone(),
            coming,
            part: None,
            truncates,
            pace: LoadPace::default(),
            size,
            loaded: 0,
            is_in_multi: false,
            refused: 0,
            keys: 0,
            began_us: log::now_us(),
            now,
        }))
    }

    /// Loads the next piece. Returns whether more is left. Fails with what is to be logged: the data is not whole then.
    pub fn step(&mut self, engine: &mut Engine) -> Result<bool, String> {
        if self.pace.wait_ms() > 0 {
            return Ok(true);
        }
        let Some(mut part) = self.part.take() else { return self.next_part(engine) };
        // What is due goes when the server says so, and the log may have more to say of it.
        engine.ks.expiry = Expiry::Ignores;
        let commands = part.commands;
        part.read(self.pace.piece(PIECE)).map_err(|error| {
            format!("Unrecoverable error reading the append only file {}: {}", part.name, reason(&error))
        })?;
        let before = part.place + part.at as u64;
        let step = self.run(&mut part, engine)?;
        self.loaded += part.place + part.at as u64 - before;
        self.pace.pass(part.commands - commands);
        let torn = matches!(step, Step::Torn) || (part.is_read && part.at < part.bytes.len());
        if torn || (part.is_read && part.before_multi.is_some()) {
            self.cut(&part)?;
            self.is_in_multi = part.before_multi.is_some();
        } else if !part.is_read {
            self.part = Some(part);
            return Ok(true);
        }
        let kind = if part.name.contains(".incr.") { "incr" } else { "base" };
        let seconds = log::now_us().saturating_sub(part.began_us) as f64 / 1e6;
        log::notice(&format!("DB loaded from {kind} file {}: {seconds:.3} seconds", part.name));
        Ok(true)
    }

    /// Opens the next file. Returns whether there is one.
    fn next_part(&mut self, engine: &mut Engine) -> Result<bool, String> {
        // What one file selected and began is over with it.
        for argv in [&[&b"DISCARD"[..]][..], &[b"SELECT", b"0"]].iter().skip(usize::from(!self.is_in_multi)) {
            let _ = engine.replay(argv);
        }
        self.is_in_multi = false;
        let Some((name, size)) = self.coming.pop_front() else {
            self.end(engine);
            return Ok(false);
        };
        let file = self.disk.read(&self.names.path(&name)).map_err(|error| {
            format!("Fatal error: can't open the append log file {name} for reading: {}", reason(&error))
        })?;
        self.part = Some(PartLoad {
            name,
            file,
            size,
            is_last: self.coming.is_empty(),
            bytes: Vec::new(),
            at: 0,
            place: 0,
            is_read: false,
            stage: Stage::Begin,
            good: 0,
            before_multi: None,
            commands: 0,
            began_us: log::now_us(),
        });
        Ok(true)
    }

    fn end(&mut self, engine: &mut Engine) {
        engine.ks.expiry = Expiry::Deletes;
        engine.ks.dirty = 0;
        if self.refused > 0 {
            log::warning(&format!("{} commands of the append only file were refused", self.refused));
        }
        let seconds = log::now_us().saturating_sub(self.began_us) as f64 / 1e6;
        log::notice(&format!("DB loaded from append only file: {seconds:.3} seconds"));
    }

    /// Understands the bytes at hand.
    fn run(&mut self, part: &mut PartLoad, engine: &mut Engine) -> Result<Step, String> {
        if let Stage::Begin = part.stage {
            if part.bytes.len() < 5 && !part.is_read {
                return Ok(Step::More);
            }
            part.stage = if part.bytes.starts_with(b"REDIS") {
                let what =
                    if part.name == self.names.file { "preamble from AOF file" } else { "base file on AOF loading" };
                log::notice(&format!("Reading RDB {what}..."));
                let options = LoadOptions { now: self.now, keep_due: true, replace: false, size: part.size };
                Stage::Snapshot(Box::new(Reader::new(options)))
            } else {
                Stage::Commands(Parser::trusted())
            };
        }
        if let Stage::Snapshot(reader) = &mut part.stage {
            let outcome = reader.push(&mut engine.ks, &part.bytes[part.at..]);
            let (is_done, keys) = (reader.is_done(), reader.keys());
            part.at += match outcome {
                Ok(used) if is_done || !part.is_read => used,
                Ok(_) => return Err(bad_snapshot(part, &self.names, RdbError::Truncated)),
                Err(error) => return Err(bad_snapshot(part, &self.names, error)),
            };
            if !is_done {
                return Ok(Step::More);
            }
            self.keys += keys;
            part.good = part.place + part.at as u64;
            part.stage = Stage::Commands(Parser::trusted());
        }
        self.commands(part, engine)
    }

    fn commands(&mut self, part: &mut PartLoad, engine: &mut Engine) -> Result<Step, String> {
        let Stage::Commands(mut parser) = std::mem::replace(&mut part.stage, Stage::Begin) else {
            return Ok(Step::More);
        };
        let bytes = std::mem::take(&mut part.bytes);
        let step = loop {
            let rest = &bytes[part.at..];
            let used = match rest.first() {
                None => break Step::More,
                Some(b'#') => rest.iter().take(MAX_REMARK).position(|byte| *byte == b'\n').map(|end| end + 1),
                Some(b'*') => match parser.next(rest) {
                    Ok(Some(frame)) if !frame.is_empty() => {
                        let argv = frame.argv();
                        self.command(&argv, engine, &part.name)?;
                        part.commands += 1;
                        part.note_transaction(argv[0]);
                        Some(frame.consumed)
                    }
                    Ok(None) => None,
                    _ => return Err(bad_format(&part.name)),
                },
                Some(_) => return Err(bad_format(&part.name)),
            };
            let Some(used) = used else {
                if rest[0] == b'#' && rest.len() >= MAX_REMARK {
                    return Err(bad_format(&part.name));
                }
                let left = part.size.saturating_sub(part.place + part.at as u64);
                // What is longer than the file need not be waited for.
                let torn = part.is_read || (rest[0] == b'*' && parser.wanted() as u64 > left);
                break if torn { Step::Torn } else { Step::More };
            };
            part.at += used;
            part.good = part.place + part.at as u64;
        };
        (part.stage, part.bytes) = (Stage::Commands(parser), bytes);
        Ok(step)
    }

    /// Replays a command. Fails with what is to be logged if there is no such command.
    fn command(&mut self, argv: &[&[u8]], engine: &mut Engine, file: &str) -> Result<(), String> {
        if let Err(why) = apply(engine, argv, file)? {
            self.refused += 1;
            if self.refused <= TOLD {
                let command = String::from_utf8_lossy(argv[0]);
                log::warning(&format!("A {command} of the append only file {file} was refused: {why}"));
            }
        }
        Ok(())
    }

    /// Cuts a torn end off the last file. Fails with what is to be logged if that is not wanted, or it is not the last file.
    fn cut(&self, part: &PartLoad) -> Result<(), String> {
        let name = &part.name;
        if part.before_multi.is_some() {
            log::warning(&format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}"));
        }
        let good = part.before_multi.unwrap_or(part.good);
        if !part.is_last {
            log::warning(&format!("!!! Warning: short read while loading the AOF file {name}!!!"));
            return Err("Fatal error: the truncated file is not the last file".to_string());
        }
        if self.truncates {
            log::warning(&format!("!!! Warning: short read while loading the AOF file {name}!!!"));
            log::warning(&format!("!!! Truncating the AOF {name} at offset {good} !!!"));
            match self.disk.truncate(&self.names.path(name), good) {
                Ok(()) => {
                    log::warning(&format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
                    return Ok(());
                }
                Err(error) => log::warning(&format!("Error truncating the AOF file {name}: {}", reason(&error))),
            }
        }
        Err(format!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use \
             ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option \
             to yes and restart the server."
        ))
    }
}

impl PartLoad {
    /// Remembers where a transaction began that has not ended.
    fn note_transaction(&mut self, name: &[u8]) {
        if name.eq_ignore_ascii_case(b"MULTI") {
            self.before_multi.get_or_insert(self.good);
        } else if name.eq_ignore_ascii_case(b"EXEC") || name.eq_ignore_ascii_case(b"DISCARD") {
            self.before_multi = None;
        }
    }

    /// Reads the next piece, and drops what is understood. A command that is longer than a piece is read in growing pieces.
    fn read(&mut self, piece: usize) -> std::io::Result<()> {
        self.bytes.drain(..self.at);
        self.place += self.at as u64;
        self.at = 0;
        let before = self.bytes.len();
        let piece = piece.max(before);
        let read = loop {
            match self.file.by_ref().take(piece as u64).read_to_end(&mut self.bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.is_read = read < piece;
        Ok(())
    }
}

/// Function libraries are no keys, and no command changes them here: they are kept as they came. Returns why not, if not; nothing if
/// it is about something else.
fn functions(engine: &mut Engine, argv: &[&[u8]]) -> Option<Result<(), String>> {
    let is = |n: usize, word: &str| argv.get(n).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    if !is(0, "FUNCTION") {
        return None;
    }
    let functions = &mut engine.ks.functions;
    match argv.len() {
        3 if is(1, "LOAD") => Some(functions.add(argv[2], false).map_err(|error| error.to_string())),
        4 if is(1, "LOAD") && is(2, "REPLACE") => Some(functions.add(argv[3], true).map_err(|error| error.to_string())),
        2 | 3 if is(1, "FLUSH") => {
            *functions = Default::default();
            Some(Ok(()))
        }
        _ => None,
    }
}

/// Replays a command. Returns why it was refused, if it was. Fails with what is to be logged if there is no such command.
fn apply(engine: &mut Engine, argv: &[&[u8]], file: &str) -> Result<Result<(), String>, String> {
    if let Some(outcome) = functions(engine, argv) {
        return Ok(outcome);
    }
    let table = engine.server.table;
    let row = table.find(argv[0]).and_then(|row| crate::engine::resolve(table, row, argv).ok());
    let Some(row) = row.map(|row| table.slot(row).row) else {
        let name = String::from_utf8_lossy(argv[0]);
        return Err(format!("Unknown command '{name}' reading the append only file {file}"));
    };
    // A log changes data, and nothing else.
    if row.flags & (flag::WRITE | flag::MAY_REPLICATE) == 0
        && !matches!(row.name, "SELECT" | "MULTI" | "EXEC" | "DISCARD")
    {
        return Ok(Err("it changes nothing".to_string()));
    }
    Ok(engine.replay(argv).map_err(|error| error.to_string()))
}

fn bad_format(name: &str) -> String {
    format!(
        "Bad file format reading the append only file {name}: make a backup of your AOF file, then use ./redis-check-aof --fix \
         <filename.manifest>"
    )
}

fn bad_snapshot(part: &PartLoad, names: &Names, why: RdbError) -> String {
    let name = &part.name;
    log::warning(&format!("{name}: {why}"));
    let what = if *name == names.file { "preamble of the AOF file" } else { "base file" };
    format!("Error reading the RDB {what} {name}, AOF loading aborted")
}
