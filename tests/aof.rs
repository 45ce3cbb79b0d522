//! The server's log on a disk that dies at any step, fills up, and holds damaged files.
#![cfg(all(feature = "server", not(target_family = "wasm")))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;
#[path = "aof/disk.rs"]
mod disk;

use common::{Content, assert_same, content};
use disk::MemoryDisk;
use std::rc::Rc;
use std::sync::Arc;
use tabdis::base::rng::Rng;
use tabdis::engine::{Engine, SessionId};
use tabdis::server::aof::{AppendLog, Manifest, Names, Policy};

const NOW: u64 = 1_700_000_000_000;
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";
/// Begins a rewrite, and goes on with it to its end.
const REWRITE: &str = "(rewrite)";
const FINISH: &str = "(finish)";
/// Ends the process, and starts it again.
const RESTART: &str = "(restart)";

/// A server without a network.
struct Node {
    engine: Engine,
    session: SessionId,
    log: AppendLog,
    disk: MemoryDisk,
    now: u64,
}

fn names() -> Names {
    Names { folder: "appendonlydir".to_string(), file: "appendonly.aof".to_string() }
}

impl Node {
    /// Without a log so far. `settings` are those of CONFIG SET.
    fn without_log(disk: &MemoryDisk, settings: &str) -> Node {
        tabdis::server::log::set_level("nothing");
        let (mut engine, session) = common::engine(7);
        engine.ks.now = NOW;
        for setting in settings.split(", ") {
            assert_eq!(common::run(&mut engine, session, NOW, &format!("CONFIG SET {setting}")), "+OK\r\n");
        }
        let policy = Policy::of(&engine.server.config);
        let log = AppendLog::new(Rc::new(disk.clone()), names(), policy, Arc::new(|| ()));
        Node { engine, session, log, disk: disk.clone(), now: NOW }
    }

    fn start(disk: &MemoryDisk, settings: &str) -> Result<Node, String> {
        let mut node = Node::without_log(disk, settings);
        node.log.find(true)?;
        if let Some(mut load) = node.log.load(NOW)? {
            while load.step(&mut node.engine)? {}
        }
        node.log.open(&mut node.engine, NOW)?;
        Ok(node)
    }

    fn run(&mut self, line: &str) -> String {
        common::run(&mut self.engine, self.session, self.now, line)
    }

    /// What the server does at the end of its turn. Fails if it cannot go on.
    fn keep(&mut self) -> Result<(), String> {
        let offset = self.engine.ks.effects.offset();
        self.log.take(self.engine.ks.effects.out(), offset, self.now);
        let busy = self.log.is_rewriting();
        self.log.flush(false, busy, self.now)?;
        self.log.tell(&mut self.engine);
        Ok(())
    }

    /// Runs a line and keeps what it changed.
    fn change(&mut self, line: &str) -> Result<(), String> {
        for command in line.split("; ") {
            let reply = self.run(command);
            assert!(!reply.starts_with('-'), "{command}: {reply}");
        }
        self.keep()
    }

    fn begin_rewrite(&mut self) -> bool {
        self.log.begin_rewrite(&mut self.engine, self.now)
    }

    fn finish_rewrite(&mut self) {
        while self.log.is_rewriting() {
            self.log.rewrite_on(&mut self.engine, self.now);
            std::thread::yield_now();
        }
    }

    fn content(&mut self) -> Content {
        content(&mut self.engine.ks)
    }
}

/// What is there after each of `lines`, and before the first.
fn contents(lines: &[&str]) -> Vec<Content> {
    let (mut engine, session) = common::engine(7);
    engine.ks.now = NOW;
    let mut all = vec![Content::new()];
    for line in lines {
        for command in line.split("; ").filter(|command| !command.starts_with('(')) {
            common::run(&mut engine, session, NOW, command);
        }
        all.push(content(&mut engine.ks));
    }
    all
}

const SCRIPT: &[&str] = &[
    "SET a 1",
    "RPUSH l x y z",
    "MULTI; INCR n; SELECT 3; INCR n; EXEC",
    "SET t v PXAT 1700000100000",
    "SELECT 0",
    REWRITE,
    "INCR n",
    "APPEND a 2",
    "HSET h f v g w",
    FINISH,
    "INCR n",
    "XADD s 5-1 f v",
    REWRITE,
    "DEL l",
    "LPOP nothing",
    FINISH,
    "ZADD z 1.5 m",
    RESTART,
    "INCR n",
    "MULTI; SET a 9; DEL h; EXEC",
    REWRITE,
    FINISH,
    "SADD set 1 2 3",
];

/// Runs the script on `disk` until it dies. Returns how many lines were kept.
fn run_script(disk: &MemoryDisk, settings: &str) -> usize {
    let Ok(mut node) = Node::start(disk, settings) else { return 0 };
    for (n, line) in SCRIPT.iter().enumerate() {
        let kept = match *line {
            REWRITE => {
                node.begin_rewrite();
                Ok(())
            }
            FINISH => {
                node.finish_rewrite();
                Ok(())
            }
            RESTART => {
                drop(node);
                match Node::start(disk, settings) {
                    Ok(new) => node = new,
                    Err(_) => return n,
                }
                Ok(())
            }
            line => node.change(line),
        };
        if kept.is_err() {
            return n;
        }
    }
    SCRIPT.len()
}

/// Whether what `node` has is what there was after `kept` lines, or one more: the last may have arrived without an answer.
fn assert_kept(node: &mut Node, kept: usize, all: &[Content], what: &str) {
    let got = node.content();
    let next = &all[(kept + 1).min(all.len() - 1)];
    if common::compare(&got, &all[kept]).is_err() {
        common::compare(&got, next).unwrap_or_else(|why| panic!("{what}, {kept} lines kept: {why}"));
    }
}

#[test]
fn what_was_kept_is_there_wherever_everything_stops() {
    let all = contents(SCRIPT);
    for settings in ["appendfsync always", "appendfsync always, aof-use-rdb-preamble no, aof-timestamp-enabled yes"] {
        let whole = MemoryDisk::default();
        assert_eq!(run_script(&whole, settings), SCRIPT.len());
        assert!(whole.steps() > 80, "{}", whole.steps());
        for step in 0..whole.steps() {
            let disk = MemoryDisk::default();
            disk.die_at(step);
            let kept = run_script(&disk, settings);
            for (what, disk) in [("killed", disk.after_kill()), ("without power", disk.after_power_cut())] {
                let what = format!("{what} at step {step}");
                let mut node = Node::start(&disk, settings).unwrap_or_else(|why| panic!("{what}: {why}"));
                assert_kept(&mut node, kept, &all, &what);
                // And it goes on from there.
                node.change("SELECT 0; INCR n").unwrap();
                assert!(node.begin_rewrite(), "{what}");
                node.change("INCR n").unwrap();
                node.finish_rewrite();
                let want = node.content();
                assert_same(&Node::start(&disk.after_power_cut(), settings).unwrap().content(), &want);
            }
        }
    }
}

#[test]
fn a_rewrite_leaves_two_files_and_the_manifest() {
    let disk = MemoryDisk::default();
    assert_eq!(run_script(&disk, "appendfsync always"), SCRIPT.len());
    let there = ["appendonly.aof.4.base.rdb", "appendonly.aof.4.incr.aof", "appendonly.aof.manifest"];
    assert_eq!(disk.names(), there.map(|name| format!("appendonlydir/{name}")));
    let manifest = String::from_utf8(disk.get(MANIFEST).unwrap()).unwrap();
    let want = "file appendonly.aof.4.base.rdb seq 4 type b\nfile appendonly.aof.4.incr.aof seq 4 type i\n";
    assert_eq!(manifest, want);
    // The history stays if that is wanted.
    let disk = MemoryDisk::default();
    run_script(&disk, "aof-disable-auto-gc yes");
    assert_eq!(disk.names().len(), 9, "{:?}", disk.names());
    let mut node = Node::start(&disk, "aof-disable-auto-gc yes").unwrap();
    assert_same(&node.content(), contents(SCRIPT).last().unwrap());
}

/// The one file of an older Redis: commands, after a snapshot or not.
fn old_file(snapshot: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if snapshot {
        let (mut engine, session) = common::engine(3);
        common::run(&mut engine, session, NOW, "SET base 1");
        bytes = tabdis::rdb::save(&mut engine.ks, tabdis::rdb::Options::default());
    }
    bytes.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n");
    bytes
}

#[test]
fn the_file_of_an_older_redis_is_moved_wherever_that_is_interrupted() {
    for snapshot in [false, true] {
        for step in 0.. {
            let disk = MemoryDisk::default();
            disk.put("appendonly.aof", &old_file(snapshot));
            disk.die_at(disk.steps() + step);
            let done = Node::start(&disk, "appendfsync always").is_ok();
            for disk in [disk.after_kill(), disk.after_power_cut()] {
                let mut node = Node::start(&disk, "appendfsync always").unwrap();
                assert_eq!(node.run("GET k"), "$1\r\nv\r\n");
                assert_eq!(node.run("EXISTS base"), format!(":{}\r\n", u8::from(snapshot)));
                assert!(disk.get("appendonlydir/appendonly.aof").is_some());
                node.change("SET later 1").unwrap();
                assert!(node.begin_rewrite());
                node.finish_rewrite();
                assert!(disk.get("appendonlydir/appendonly.aof").is_none());
                assert_eq!(Node::start(&disk, "appendfsync always").unwrap().content().len(), node.content().len());
            }
            if done {
                break;
            }
        }
    }
}

/// A log, and where each of `lines` ends in it.
fn log_of(lines: &[&str], settings: &str) -> (MemoryDisk, Vec<usize>) {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, settings).unwrap();
    let mut ends = vec![0];
    for line in lines {
        node.change(line).unwrap();
        ends.push(disk.get(INCR).unwrap().len());
    }
    (disk, ends)
}

#[test]
fn a_torn_end_is_cut_at_every_byte_or_refused() {
    const LINES: &[&str] = &["SET a 1", "MULTI; INCR n; INCR n; EXEC", "RPUSH l x yy zzz", "SELECT 2; SET b 2"];
    for settings in ["aof-load-truncated yes", "aof-load-truncated yes, aof-timestamp-enabled yes"] {
        let (disk, ends) = log_of(LINES, settings);
        let (bytes, all) = (disk.get(INCR).unwrap(), contents(LINES));
        assert_eq!(Node::start(&disk, settings).unwrap().content(), all[LINES.len()]);
        for length in 0..bytes.len() {
            let whole = ends.iter().rposition(|end| *end <= length).unwrap();
            let disk = disk.after_kill();
            disk.put(INCR, &bytes[..length]);
            let at_an_end = ends[whole] == length;
            let refused = Node::start(&disk, "aof-load-truncated no").err();
            if let Some(why) = &refused {
                assert!(
                    why.starts_with("Unexpected end of file reading the append only file appendonly.aof.1"),
                    "{why}"
                );
                assert_eq!(disk.get(INCR).unwrap(), bytes[..length]);
            }
            assert!(!at_an_end || refused.is_none(), "{length}");
            let mut node = Node::start(&disk, settings).unwrap();
            assert_same(&node.content(), &all[whole]);
            let left = disk.get(INCR).unwrap();
            assert!(bytes.starts_with(&left) && left.len() >= ends[whole], "{length}");
            node.change("SELECT 0; SET after 1").unwrap();
            let want = node.content();
            assert_same(&Node::start(&disk, settings).unwrap().content(), &want);
        }
    }
}

#[test]
fn damage_ends_the_start_and_leaves_the_files_alone() {
    const LINES: &[&str] = &["SET a 1", "SET b 2", "SET c 3"];
    let (disk, ends) = log_of(LINES, "appendfsync always");
    let bytes = disk.get(INCR).unwrap();
    let with = |at: usize, new: &[u8]| [&bytes[..at], new, &bytes[(at + new.len()).min(bytes.len())..]].concat();
    for (damaged, why) in [
        (with(ends[1], b"X"), "Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup"),
        (with(ends[1] + 4, b"+"), "Bad file format reading the append only file"),
        (with(ends[1] + 1, b"0"), "Bad file format reading the append only file"),
        (with(ends[1] + 8, b"NIX"), "Unknown command 'NIX' reading the append only file appendonly.aof.1.incr.aof"),
        ([&bytes[..], b"\0\0\0"].concat(), "Bad file format reading the append only file"),
        ([&bytes[..], b"#", &[b'x'; 2000]].concat(), "Bad file format reading the append only file"),
        ([&bytes[..], b"*1\r\n$9223372036854775807\r\nx"].concat(), "Unexpected end of file reading"),
        ([&bytes[..], b"*2147483647\r\n$1\r\nx\r\n"].concat(), "Unexpected end of file reading"),
        ([&bytes[..], b"*1\r\n$-7\r\n"].concat(), "Bad file format reading the append only file"),
    ] {
        let disk = disk.after_kill();
        disk.put(INCR, &damaged);
        let error = Node::start(&disk, "aof-load-truncated no").err().unwrap();
        assert!(error.starts_with(why), "{error}");
        assert_eq!(disk.get(INCR).unwrap(), damaged);
    }
    // Of the files but the last, none may be torn.
    let manifest = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n\
                    file appendonly.aof.2.incr.aof seq 2 type i\n";
    disk.put(MANIFEST, manifest.as_bytes());
    let error = Node::start(&disk, "appendfsync always").err().unwrap();
    assert_eq!(error, "Unable to obtain the AOF file appendonly.aof.2.incr.aof length. stat: entity not found");
    disk.put("appendonlydir/appendonly.aof.2.incr.aof", &bytes);
    assert!(Node::start(&disk, "appendfsync always").is_ok());
    disk.put(INCR, &bytes[..bytes.len() - 1]);
    let error = Node::start(&disk, "appendfsync always").err().unwrap();
    assert_eq!(error, "Fatal error: the truncated file is not the last file");
    assert_eq!(disk.get(INCR).unwrap(), bytes[..bytes.len() - 1]);
    // Nor the base, of which nothing can be cut.
    let base = "appendonlydir/appendonly.aof.1.base.rdb";
    for damaged in [&disk.get(base).unwrap()[..20], b"REDIS0099"] {
        disk.put(base, damaged);
        let error = Node::start(&disk, "appendfsync always").err().unwrap();
        assert_eq!(error, "Error reading the RDB base file appendonly.aof.1.base.rdb, AOF loading aborted");
        assert_eq!(disk.get(base).unwrap(), damaged);
    }
}

#[test]
fn a_log_changes_data_and_does_nothing_else() {
    let disk = MemoryDisk::default();
    let mut bytes = Vec::new();
    for line in ["SHUTDOWN NOSAVE", "BLPOP q 0", "SET a 1", "LPUSH a x", "DEBUG SLEEP 100", "set b 2", "MULTI", "MULTI"]
    {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        tabdis::resp::encode::command(&mut bytes, &argv);
    }
    disk.put(MANIFEST, b"file appendonly.aof.1.incr.aof seq 1 type i\n");
    disk.put(INCR, &bytes);
    let mut node = Node::start(&disk, "appendfsync always").unwrap();
    assert_eq!(node.run("MGET a b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert!(node.engine.take_requests().is_empty());
    assert_eq!(node.run("RPUSH q x"), ":1\r\n");
    assert_eq!(node.run("LLEN q"), ":1\r\n");
}

#[test]
fn manifests_are_read_strictly() {
    let fatal = |text: &str| Manifest::parse(text.as_bytes()).err().unwrap();
    let long = "x".repeat(1100);
    for (text, why) in [
        ("", "Found an empty AOF manifest"),
        ("file a seq 1 type b", "The AOF manifest file contains too long line"),
        (&format!("file {long} seq 1 type b\n"), "The AOF manifest file contains too long line"),
        ("\n", "Reading the manifest file, at line 1\n>>> ''\nInvalid AOF manifest file format"),
        ("# x\nfile a seq 1\n", "at line 2\n>>> 'file a seq 1'\nInvalid AOF manifest file format"),
        ("file a seq 1 type b more\n", "Invalid AOF manifest file format"),
        ("file a seq x type b\n", "Invalid AOF manifest file format"),
        ("file \"\" seq 1 type b\n", "Invalid AOF manifest file format"),
        ("file \"a seq 1 type b\n", "Invalid AOF manifest file format"),
        ("file a seq 99999999999999999999 type i\n", "Invalid AOF manifest file format"),
        ("file ../a seq 1 type b\n", "File can't be a path, just a filename"),
        ("file a seq 1 type x\n", "Unknown AOF file type"),
        ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
        ("file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number"),
        ("file a seq -1 type i\n", "Found a non-monotonic sequence number"),
    ] {
        let error = fatal(text);
        assert!(error.starts_with("\n*** FATAL AOF MANIFEST FILE ERROR ***\n") && error.ends_with(why), "{error}");
    }
    let text = "# mine\nfile \"a \\\"b.1.base.rdb\" seq 3 type b new thing\r\nFILE h SEQ 1 TYPE history\nfile i seq 7 type i\n";
    let mut manifest = Manifest::parse(text.as_bytes()).unwrap();
    let printed = "file \"a \\\"b.1.base.rdb\" seq 3 type b\nfile h seq 1 type h\nfile i seq 7 type i\n";
    assert_eq!(manifest.to_string(), printed);
    assert_eq!(Manifest::parse(printed.as_bytes()).unwrap(), manifest);
    let names = Names { folder: "d".to_string(), file: "n".to_string() };
    assert_eq!(
        (manifest.new_incr(&names), manifest.new_base(&names, true)),
        ("n.8.incr.aof".into(), "n.4.base.rdb".into())
    );
    manifest.retire_incrs(1);
    let history: Vec<&str> = manifest.history.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(history, ["i", "a \"b.1.base.rdb", "h"]);
}

#[test]
fn no_damage_makes_it_panic_or_run_away() {
    let disk = MemoryDisk::default();
    run_script(&disk, "aof-use-rdb-preamble no, aof-disable-auto-gc yes");
    let mut rng = Rng::new(common::seed(11));
    let mut started = 0;
    for _ in 0..common::steps(400) {
        let disk = disk.after_kill();
        let names = disk.names();
        for _ in 0..1 + rng.below(3) {
            let name = &names[rng.below(names.len())];
            let mut bytes = disk.get(name).unwrap();
            let at = rng.below(bytes.len().max(1));
            match rng.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.splice(at..at, [b'0' + rng.below(10) as u8; 3]).for_each(drop),
                2 => bytes.drain(at..(at + rng.below(20)).min(bytes.len())).for_each(drop),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.below(256) as u8),
            }
            disk.put(name, &bytes);
        }
        if let Ok(mut node) = Node::start(&disk, "appendfsync always") {
            started += 1;
            node.run("SELECT 0");
            node.keep().unwrap();
            let want = node.content();
            assert_same(&Node::start(&disk, "appendfsync always").unwrap().content(), &want);
        }
    }
    assert!(started > 0);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, "appendfsync everysec").unwrap();
    node.change("SET a 1").unwrap();
    let before = disk.get(INCR).unwrap();
    disk.set_room(Some(10));
    assert_eq!(node.run("SET b 2"), "+OK\r\n");
    node.keep().unwrap();
    // What was written of it is cut off again.
    assert_eq!(disk.get(INCR).unwrap(), before);
    let refusal = "-MISCONF Errors writing to the AOF file: ";
    assert!(node.run("SET c 3").starts_with(refusal));
    assert!(node.run("PING").starts_with(refusal));
    assert_eq!(node.run("GET b"), "$1\r\n2\r\n");
    assert!(node.run("INFO persistence").contains("aof_last_write_status:err\r\n"));
    assert!(!node.begin_rewrite());
    disk.set_room(None);
    node.keep().unwrap();
    assert_eq!(node.run("SET c 3"), "+OK\r\n");
    node.keep().unwrap();
    assert!(node.run("INFO persistence").contains("aof_last_write_status:ok\r\n"));
    let want = node.content();
    assert_eq!(want.len(), 3);
    assert_same(&Node::start(&disk.after_kill(), "appendfsync everysec").unwrap().content(), &want);
    // With `always` the answer would be a lie.
    let mut node = Node::start(&disk.after_kill(), "appendfsync always").unwrap();
    node.disk.set_room(Some(10));
    let error = node.change("SET d 4").unwrap_err();
    assert_eq!(error, "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...");
}

#[test]
fn a_rewrite_that_fails_leaves_everything_as_it_was() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, "appendfsync everysec, aof-rewrite-incremental-fsync no").unwrap();
    node.change("SET a 1").unwrap();
    for failures in 1..=3 {
        assert!(node.begin_rewrite());
        disk.set_room(Some(20));
        node.finish_rewrite();
        disk.set_room(None);
        node.change("INCR n").unwrap();
        assert_eq!(node.engine.server.aof.rewrite_failures, failures);
        assert!(node.engine.server.aof.rewrite_failed);
    }
    assert!(disk.names().iter().all(|name| !name.contains("temp")), "{:?}", disk.names());
    // A base, and a file for each attempt.
    assert_eq!(disk.get(MANIFEST).unwrap().iter().filter(|byte| **byte == b'\n').count(), 5);
    // What begins by itself waits longer and longer; who asks need not.
    assert!(
        node.log.is_limited(3, NOW) && node.log.is_limited(3, NOW + 59_999) && !node.log.is_limited(3, NOW + 60_000)
    );
    assert!(node.log.is_limited(4, NOW + 60_000) && node.log.is_limited(4, NOW + 179_999));
    assert!(!node.log.is_limited(4, NOW + 180_000));
    assert!(node.begin_rewrite());
    node.finish_rewrite();
    assert!(!node.engine.server.aof.rewrite_failed);
    let want = node.content();
    assert_same(&Node::start(&disk.after_power_cut(), "appendfsync always").unwrap().content(), &want);
}

#[test]
fn a_log_that_is_turned_on_begins_with_what_there_is() {
    let disk = MemoryDisk::default();
    let mut node = Node::without_log(&disk, "appendfsync always");
    node.run("SET before 1");
    node.log.switch(true).unwrap();
    assert!(node.log.is_on() && !node.log.wants_effects());
    node.run("SET between 1");
    assert!(node.begin_rewrite());
    node.change("SET during 1").unwrap();
    // Nothing names it before it is whole.
    assert!(disk.get(MANIFEST).is_none());
    assert_eq!(node.run("WAITAOF 1 0 0"), "");
    node.finish_rewrite();
    node.keep().unwrap();
    let answer = std::mem::take(node.engine.sessions.get_mut(node.session).unwrap().out.bytes_mut());
    assert_eq!(String::from_utf8_lossy(&answer), "*2\r\n:1\r\n:0\r\n");
    node.change("SET after 1").unwrap();
    let want = node.content();
    assert_eq!(want.len(), 4);
    assert_same(&Node::start(&disk.after_power_cut(), "appendfsync always").unwrap().content(), &want);
    node.log.switch(false).unwrap();
    node.log.end(&mut node.engine, NOW).unwrap();
    node.run("SET lost 1");
    node.keep().unwrap();
    assert_same(&Node::start(&disk.after_power_cut(), "appendfsync always").unwrap().content(), &want);
    // Without a log, a rewrite makes a base of what there is.
    assert!(node.begin_rewrite());
    node.finish_rewrite();
    assert_eq!(Node::start(&disk.after_power_cut(), "appendfsync always").unwrap().content().len(), 5);
}

#[test]
fn waitaof_waits_for_what_its_own_client_wrote() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, "appendfsync everysec").unwrap();
    let other = node.engine.open("other", tabdis::engine::Proto::Resp2, NOW);
    node.change("SET a 1").unwrap();
    assert_eq!(common::run(&mut node.engine, other, NOW, "WAITAOF 1 0 0"), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(node.run("WAITAOF 1 0 0"), "");
    assert_eq!(disk.syncs(), 2, "base and manifest");
    node.now += 1000;
    while node.engine.sessions.get(node.session).unwrap().wait.is_some() {
        node.keep().unwrap();
        std::thread::yield_now();
    }
    let answer = std::mem::take(node.engine.sessions.get_mut(node.session).unwrap().out.bytes_mut());
    assert_eq!(String::from_utf8_lossy(&answer), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(disk.syncs(), 3);
    // Who waits when the log ends is told so.
    node.change("SET a 2").unwrap();
    assert_eq!(node.run("WAITAOF 1 0 0"), "");
    node.log.end(&mut node.engine, NOW).unwrap();
    let answer = std::mem::take(node.engine.sessions.get_mut(node.session).unwrap().out.bytes_mut());
    assert!(answer.starts_with(b"-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
}

#[test]
fn one_sync_does_for_all_that_was_changed_in_a_turn() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, "appendfsync always").unwrap();
    let before = disk.syncs();
    (0..100).for_each(|n| _ = node.run(&format!("SET k{n} v")));
    node.keep().unwrap();
    node.keep().unwrap();
    assert_eq!(disk.syncs(), before + 1);
    let figures = node.run("INFO persistence");
    let changed = disk.get(INCR).unwrap().len();
    assert!(figures.contains(&format!("aof_changed_bytes:{changed}\r\naof_written_bytes:{changed}\r\n")), "{figures}");
}

#[test]
fn the_log_asks_for_a_rewrite_when_it_has_grown() {
    let disk = MemoryDisk::default();
    let settings = "auto-aof-rewrite-percentage 100, auto-aof-rewrite-min-size 2000";
    let mut node = Node::start(&disk, settings).unwrap();
    while node.log.overgrown_percent().is_none() {
        node.change("SET k 0123456789").unwrap();
    }
    assert!(disk.get(INCR).unwrap().len() > 1700);
    assert!(node.begin_rewrite());
    node.finish_rewrite();
    assert_eq!(node.log.overgrown_percent(), None);
}
