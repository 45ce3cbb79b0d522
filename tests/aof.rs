//! The server's log on a disk that dies at any step, fills up, and wears out: what was kept is there.
#![cfg(all(feature = "server", not(target_family = "wasm")))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;
mod aof {
    pub mod disk;
    pub mod node;
}

use aof::disk::MemoryDisk;
use aof::node::{INCR, MANIFEST, NOW, Node, SCRIPT, contents, run_script};
use common::{Content, assert_same};

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
fn a_sync_that_fails_refuses_writes_until_one_succeeds() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, "appendfsync everysec").unwrap();
    disk.set_sync_fails(true);
    node.now += 1000;
    node.change("SET a 1").unwrap();
    while !node.engine.server.aof.refuses_writes {
        node.keep().unwrap();
    }
    assert_eq!(node.run("SET b 2"), "-MISCONF Errors writing to the AOF file: the medium is worn out\r\n");
    assert_eq!(node.run("WAITAOF 1 0 0"), "");
    // It is tried again every second, though nothing is written.
    disk.set_sync_fails(false);
    node.now += 1000;
    while node.engine.server.aof.refuses_writes {
        node.keep().unwrap();
    }
    let answer = std::mem::take(node.engine.sessions.get_mut(node.session).unwrap().out.bytes_mut());
    assert_eq!(String::from_utf8_lossy(&answer), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(node.run("SET b 2"), "+OK\r\n");
    // With `always` nobody is told that it is there.
    let mut node = Node::start(&disk.after_kill(), "appendfsync always").unwrap();
    node.disk.set_sync_fails(true);
    let error = node.change("SET d 4").unwrap_err();
    let want =
        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': the medium is worn out. Exiting...";
    assert_eq!(error, want);
}

#[test]
fn a_rewrite_whose_file_cannot_be_made_sure_of_fails() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, "appendfsync no").unwrap();
    node.change("SET a 1").unwrap();
    assert!(node.begin_rewrite());
    disk.set_sync_fails(true);
    node.finish_rewrite();
    assert!(node.engine.server.aof.rewrite_failed);
    disk.set_sync_fails(false);
    let want = node.content();
    assert_same(&Node::start(&disk.after_kill(), "appendfsync always").unwrap().content(), &want);
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
