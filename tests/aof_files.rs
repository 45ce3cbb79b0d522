//! The files of the server's log: torn, damaged, hostile, of other versions. What can be loaded is, the rest is left alone.
#![cfg(all(feature = "server", not(target_family = "wasm")))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;
mod aof {
    pub mod disk;
    pub mod node;
}

use aof::disk::MemoryDisk;
use aof::node::{INCR, MANIFEST, Node, contents, run_script};
use common::assert_same;
use tabdis::base::rng::Rng;
use tabdis::server::aof::{Manifest, Names};

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
fn function_libraries_go_with_the_log() {
    let code = "#!lua name=mine\nredis.register_function('f', function() return 1 end)";
    for settings in ["aof-use-rdb-preamble yes", "aof-use-rdb-preamble no"] {
        let disk = MemoryDisk::default();
        let mut bytes = Vec::new();
        tabdis::resp::encode::command(&mut bytes, &[b"FUNCTION", b"LOAD", code.as_bytes()]);
        disk.put(MANIFEST, b"file appendonly.aof.1.incr.aof seq 1 type i\n");
        disk.put(INCR, &bytes);
        let mut node = Node::start(&disk, settings).unwrap();
        assert!(node.begin_rewrite());
        node.finish_rewrite();
        assert_eq!(disk.names().len(), 3);
        let node = Node::start(&disk, settings).unwrap();
        assert_eq!(node.engine.ks.functions.iter().collect::<Vec<_>>(), [code.as_bytes()]);
    }
}
