//! The server's log between tabdis and a real redis-server: what either writes the other loads, equal.
#![cfg(all(feature = "server", unix, not(target_family = "wasm")))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;
mod aof {
    pub mod process;
}

use aof::process::{Folder, OURS, Process};
use common::{Content, assert_same, dump, redis};
use tabdis::resp::reply::Value;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Ours,
    Theirs,
}

fn start(kind: Kind, folder: &Folder, args: &[&str]) -> Process {
    let program = match kind {
        Kind::Ours => OURS.to_string(),
        Kind::Theirs => redis::program().unwrap(),
    };
    let always = ["--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes", "--save", ""];
    Process::start(&program, folder, &[&always, args].concat())
}

/// Everything there is.
fn content(server: &mut Process) -> Content {
    dump::dump(16, |argv| server.call(argv))
}

/// A key of every type and encoding that Redis 7.0 has, some of several databases, some with times.
fn fill(server: &mut Process) {
    let many = |word: &str, count: usize| (0..count).map(|n| format!(" {word}{n}")).collect::<String>();
    for line in [
        "SET text hello",
        "SET int 12345",
        "SET until v PXAT 33177117420000",
        "APPEND text \u{e9}\u{1}",
        "RPUSH list a 1 -5 300 70000 5000000000",
        &format!("RPUSH long{}", many("element", 500)),
        "SADD ints 1 2 3",
        &format!("SADD words{}", many("member", 300)),
        "ZADD small 1 a 1.5 b -inf c +inf d 1e300 e",
        &format!("ZADD large{}", (0..300).map(|n| format!(" {} m{n}", f64::from(n) / 3.0)).collect::<String>()),
        "HSET hash f v 1 2",
        &format!("HSET wide{}", (0..300).map(|n| format!(" f{n} v{n}")).collect::<String>()),
        "XADD stream 1-1 f v",
        "XADD stream 5-0 g v h -5000000000",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g alice COUNT 1 STREAMS stream >",
        "XDEL stream 5-0",
        "PFADD hll a b c",
        "SETBIT bits 100 1",
        "GEOADD places 13.36 38.11 Palermo",
    ] {
        server.ok(line);
    }
    change(server, 0);
}

/// Some changes of all kinds, and transactions, in several databases.
fn change(server: &mut Process, round: usize) {
    for line in [
        "MULTI",
        "INCR count",
        "SELECT 7",
        "INCR count",
        "RPUSH log x",
        "EXEC",
        &format!("SET round{round} {round}"),
        "PEXPIREAT count 33177117420000",
        "SELECT 0",
        "SPOP words 3",
        "LPOP long 2",
        "INCRBYFLOAT float 1.5",
        "XADD stream * round here",
        "ZINCRBY small 2 b",
        "HDEL wide f1 f2",
        "RENAME text text2",
        "RENAME text2 text",
        &format!("SET short{round} v PX 600000"),
        "SET gone v PX 1",
    ] {
        server.ok(line);
    }
}

/// Has one server write a log, and the other go on with it, whatever the form of its base.
fn from_one_to_the_other(writer: Kind, reader: Kind, preamble: &str) {
    let folder = Folder::new(&format!("{writer:?}-{preamble}"));
    let args = ["--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", "yes"];
    let mut one = start(writer, &folder, &args);
    fill(&mut one);
    one.kill();
    // Only changes, then a base and changes.
    for round in 1..4 {
        check(&folder);
        let mut other = start(reader, &folder, &args);
        let mut one = start_copy(writer, &folder, &args);
        assert_equal(&mut other, &mut one);
        change(&mut other, 10 + round);
        other.ok("BGREWRITEAOF");
        change(&mut other, 20 + round);
        other.wait_for("aof_rewrite_in_progress:0");
        other.wait_for("aof_last_bgrewrite_status:ok");
        change(&mut other, 30 + round);
        other.kill();
        check(&folder);
        // And back.
        let mut back = start(writer, &folder, &args);
        let mut other = start_copy(reader, &folder, &args);
        assert_equal(&mut back, &mut other);
        back.ok("BGREWRITEAOF");
        back.wait_for("aof_rewrite_in_progress:0");
        change(&mut back, 40 + round);
        back.kill();
    }
}

/// The same kind of server on a copy of the folder.
fn start_copy(kind: Kind, folder: &Folder, args: &[&str]) -> Process {
    start(kind, &folder.copy(), args)
}

fn assert_equal(one: &mut Process, other: &mut Process) {
    // What is due goes, so that nobody has it.
    for server in [&mut *one, &mut *other] {
        server.ok("EXISTS gone");
    }
    let (got, want) = (content(one), content(other));
    assert!(want.len() > 20);
    assert_same(&got, &want);
}

/// Has redis-check-aof look at the files.
fn check(folder: &Folder) {
    let program = redis::program().unwrap().replace("redis-server", "redis-check-aof");
    let manifest = folder.path().join("appendonlydir/appendonly.aof.manifest");
    let output = std::process::Command::new(program).arg(manifest).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("All AOF files and manifest are valid"), "{text}");
}

#[test]
fn redis_loads_what_is_written_here_and_the_other_way_round() {
    if redis::program().is_none() {
        return;
    }
    for preamble in ["yes", "no"] {
        from_one_to_the_other(Kind::Ours, Kind::Theirs, preamble);
        from_one_to_the_other(Kind::Theirs, Kind::Ours, preamble);
    }
}

#[test]
fn a_log_beside_a_snapshot_file_is_begun_as_redis_begins_it() {
    if redis::program().is_none() {
        return;
    }
    let mut names = Vec::new();
    for kind in [Kind::Theirs, Kind::Ours] {
        let folder = Folder::new(&format!("beside-{kind:?}"));
        let mut server = Process::start(&program_of(kind), &folder, &["--save", ""]);
        server.ok("SET k v");
        server.ok("SAVE");
        server.kill();
        // The snapshot is not looked at.
        let mut server = start(kind, &folder, &[]);
        assert_eq!(server.call(&[b"DBSIZE"]), Value::Int(0), "{kind:?}");
        server.ok("SET n 1");
        server.kill();
        let mut server = Process::start(&program_of(kind), &folder, &["--save", ""]);
        assert_eq!(server.call(&[b"EXISTS", b"k", b"n"]), Value::Int(1));
        server.ok("CONFIG SET appendonly yes");
        server.wait_for("aof_rewrite_in_progress:0");
        server.ok("SET m 1");
        names.push(folder.names("appendonlydir"));
        server.kill();
        let mut server = start(kind, &folder, &[]);
        assert_eq!(server.call(&[b"EXISTS", b"k", b"n", b"m"]), Value::Int(2));
    }
    assert_eq!(names[0], names[1]);
}

fn program_of(kind: Kind) -> String {
    if kind == Kind::Ours { OURS.to_string() } else { redis::program().unwrap() }
}
