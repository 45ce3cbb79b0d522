//! What transcripts cannot show of connections: effects, memory limits, time, lines with clocks in them, sessions in the same process.
#![cfg(not(target_family = "wasm"))]

use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto, Request, SessionId};

const START: u64 = 1_000_000;

fn engine() -> (Engine, SessionId, SessionId) {
    let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed: 1, now: START });
    engine.ks.effects.record(true);
    let first = engine.open("127.0.0.1:1", Proto::Resp2, START);
    let second = engine.open("127.0.0.1:2", Proto::Resp2, START);
    (engine, first, second)
}

fn out(engine: &mut Engine, id: SessionId) -> String {
    let out = engine.sessions.get_mut(id).unwrap().out.bytes_mut();
    String::from_utf8(std::mem::take(out)).unwrap()
}

fn run_at(engine: &mut Engine, id: SessionId, now: u64, line: &str) -> String {
    let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    engine.call(id, &argv, now);
    out(engine, id)
}

fn run(engine: &mut Engine, id: SessionId, line: &str) -> String {
    run_at(engine, id, START, line)
}

/// The effects since the last time, without lengths: `SELECT 0 SET k v`.
fn effects(engine: &mut Engine) -> String {
    let bytes = std::mem::take(engine.effects());
    let text = String::from_utf8(bytes).unwrap();
    text.split("\r\n").filter(|part| !part.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ").trim().to_string()
}

#[test]
fn a_transaction_is_logged_as_its_writes_in_one_piece() {
    let (mut engine, me, _) = engine();
    for line in ["MULTI", "SET a 1", "GET a", "SET b 2", "LPUSH a x", "EXEC"] {
        run(&mut engine, me, line);
    }
    assert_eq!(effects(&mut engine), "SELECT 0 MULTI SET a 1 SET b 2 EXEC");
    for line in ["MULTI", "SET a 1", "EXEC", "MULTI", "GET a", "EXEC"] {
        run(&mut engine, me, line);
    }
    assert_eq!(effects(&mut engine), "SET a 1");
    for line in ["MULTI", "SELECT 2", "SET c 3", "PUBLISH ch hi", "EXEC"] {
        run(&mut engine, me, line);
    }
    assert_eq!(effects(&mut engine), "SELECT 2 MULTI SET c 3 PUBLISH ch hi EXEC");
}

#[test]
fn a_flush_is_logged_even_if_nothing_was_there() {
    let (mut engine, me, _) = engine();
    run(&mut engine, me, "FLUSHALL ASYNC");
    run(&mut engine, me, "SWAPDB 0 1");
    assert_eq!(effects(&mut engine), "SELECT 0 FLUSHALL ASYNC SWAPDB 0 1");
}

#[test]
fn exec_is_refused_when_something_in_it_needs_memory() {
    let (mut engine, me, _) = engine();
    run(&mut engine, me, "MULTI");
    run(&mut engine, me, "SET k v");
    engine.server.memory = || 1_000;
    engine.server.config.maxmemory = 10;
    let text =
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.\r\n";
    assert_eq!(run(&mut engine, me, "EXEC"), text);
    assert_eq!(run(&mut engine, me, "EXEC"), "-ERR EXEC without MULTI\r\n");
    // What is queued takes memory too, so nothing is: not even what only reads.
    run(&mut engine, me, "MULTI");
    assert_eq!(run(&mut engine, me, "GET k"), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_eq!(run(&mut engine, me, "EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
}

#[test]
fn a_watched_key_that_becomes_due_fails_the_transaction_and_one_that_was_due_does_not() {
    let (mut engine, me, other) = engine();
    run(&mut engine, me, "SET k v PX 10");
    run(&mut engine, me, "WATCH k");
    run_at(&mut engine, me, START + 50, "MULTI");
    assert_eq!(run_at(&mut engine, me, START + 50, "EXEC"), "*-1\r\n");
    engine.server.config.active_expire = false;
    run(&mut engine, me, "SET k v PX 10");
    run_at(&mut engine, me, START + 50, "WATCH k");
    run_at(&mut engine, other, START + 50, "GET k");
    run_at(&mut engine, me, START + 50, "MULTI");
    assert_eq!(run_at(&mut engine, me, START + 50, "EXEC"), "*0\r\n");
}

#[test]
fn a_due_key_that_is_swapped_in_is_no_change() {
    let (mut engine, me, other) = engine();
    engine.server.config.active_expire = false;
    run(&mut engine, other, "SELECT 1");
    run(&mut engine, other, "SET k v PX 10");
    run_at(&mut engine, me, START + 50, "WATCH k");
    run_at(&mut engine, other, START + 50, "SWAPDB 0 1");
    run_at(&mut engine, me, START + 50, "MULTI");
    assert_eq!(run_at(&mut engine, me, START + 50, "EXEC"), "*0\r\n");
}

#[test]
fn a_session_in_the_same_process_stays_native_and_is_told_resp3() {
    let (mut engine, _, _) = engine();
    let me = engine.open("here", Proto::Native, START);
    engine.call(me, &[b"HELLO", b"2"], START);
    let session = engine.sessions.get_mut(me).unwrap();
    assert_eq!(session.proto(), Proto::Native);
    let bytes = std::mem::take(session.out.bytes_mut());
    assert_eq!(&bytes[..5], b"%\x07\0\0\0");
    let proto = [&b"$\x05\0\0\0proto:"[..], &3i64.to_le_bytes()].concat();
    assert!(bytes.windows(proto.len()).any(|part| part == proto));
    engine.call(me, &[b"RESET"], START);
    assert_eq!(engine.sessions.get(me).unwrap().proto(), Proto::Native);
}

#[test]
fn client_list_has_the_fields_of_redis_7_2_and_behind_them_those_that_came_later() {
    let (mut engine, me, other) = engine();
    for line in ["CLIENT SETNAME web", "CLIENT SETINFO LIB-NAME lib", "CLIENT SETINFO lib-ver 1.2", "SELECT 3", "MULTI"]
    {
        run(&mut engine, other, line);
    }
    run(&mut engine, other, "GET k");
    let list = run_at(&mut engine, me, START + 5_000, "CLIENT LIST");
    let line = list.lines().find(|line| line.contains("name=web")).unwrap();
    let names: Vec<&str> = line.split(' ').map(|field| field.split_once('=').unwrap().0).collect();
    let want = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll omem \
                tot-mem events cmd user redir resp lib-name lib-ver watch tot-net-in tot-net-out tot-cmds";
    assert_eq!(names.join(" "), want);
    for part in
        ["id=2 addr=127.0.0.1:2", "age=5 idle=5 flags=x db=3", "multi=1", "cmd=get", "resp=2 lib-name=lib lib-ver=1.2"]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(run(&mut engine, me, "CLIENT LIST ID 1").contains("cmd=client|list"));
}

#[test]
fn a_killed_session_takes_nothing_more() {
    let (mut engine, me, other) = engine();
    assert_eq!(run(&mut engine, other, "BLPOP q 0"), "");
    assert_eq!(run(&mut engine, me, "CLIENT KILL ADDR 127.0.0.1:2"), ":1\r\n");
    assert!(engine.take_ready().contains(&other));
    assert_eq!(run(&mut engine, me, "RPUSH q x"), ":1\r\n");
    assert_eq!(run(&mut engine, me, "LLEN q"), ":1\r\n");
    assert!(engine.sessions.get(other).unwrap().closing);
    assert!(!engine.call(other, &[b"PING"], START));
    engine.close(other);
    assert_eq!(engine.server.blocked, 0);
}

#[test]
fn client_unblock_ends_a_wait_as_told() {
    let (mut engine, me, other) = engine();
    run(&mut engine, other, "BLPOP q 0");
    assert_eq!(run(&mut engine, me, "CLIENT UNBLOCK 2"), ":1\r\n");
    assert_eq!(out(&mut engine, other), "*-1\r\n");
    run(&mut engine, other, "BLPOP q 0");
    assert_eq!(run(&mut engine, me, "CLIENT UNBLOCK 2 ERROR"), ":1\r\n");
    assert_eq!(out(&mut engine, other), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_eq!(run(&mut engine, me, "CLIENT UNBLOCK 2"), ":0\r\n");
}

#[test]
fn a_pause_ends_by_itself_and_hides_what_is_due() {
    let (mut engine, me, other) = engine();
    run(&mut engine, me, "SET k v PX 10");
    run(&mut engine, me, "CLIENT PAUSE 100 WRITE");
    effects(&mut engine);
    assert_eq!(run(&mut engine, other, "SET a 1"), "");
    assert!(run(&mut engine, me, "INFO clients").contains("blocked_clients:1\r\n"));
    assert_eq!(run(&mut engine, me, "CLIENT UNBLOCK 2"), ":0\r\n");
    assert_eq!(run_at(&mut engine, me, START + 50, "GET k"), "$-1\r\n");
    assert_eq!(effects(&mut engine), "");
    assert!(engine.next_wake().is_some_and(|at| at <= START + 100));
    engine.tick(START + 100);
    assert_eq!(out(&mut engine, other), "+OK\r\n");
    assert_eq!(effects(&mut engine), "SET a 1 DEL k");
}

#[test]
fn debug_sleep_serves_nobody_until_it_is_over() {
    let (mut engine, me, other) = engine();
    engine.server.config.enable_debug_command = tabdis::engine::config::Permission::Yes;
    assert_eq!(run(&mut engine, me, "DEBUG SLEEP 0.5"), "");
    assert_eq!(run(&mut engine, other, "PING"), "");
    engine.tick(START + 500);
    assert_eq!((out(&mut engine, me), out(&mut engine, other)), ("+OK\r\n".to_string(), "+PONG\r\n".to_string()));
}

#[test]
fn debug_needs_a_permission() {
    let (mut engine, me, _) = engine();
    assert!(run(&mut engine, me, "DEBUG SLEEP 0").starts_with("-ERR DEBUG command not allowed."));
}

#[test]
fn info_counts_what_happened() {
    let (mut engine, me, _) = engine();
    for line in ["SET k v PX 100000", "GET k", "GET gone", "GET", "LPUSH k x", "NOSUCH"] {
        run(&mut engine, me, line);
    }
    engine.server.host_info.push(("persistence", "aof_enabled:1".to_string()));
    let info = run(&mut engine, me, "INFO everything");
    for line in [
        "redis_version:7.2.4",
        "server_name:tabdis",
        "connected_clients:2",
        "aof_enabled:1",
        "rdb_changes_since_last_save:1",
        "keyspace_hits:1",
        "keyspace_misses:1",
        "total_error_replies:3",
        "role:master",
        "cmdstat_get:calls=2,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
        "cmdstat_lpush:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1",
        "errorstat_ERR:count=2",
        "errorstat_WRONGTYPE:count=1",
        "db0:keys=1,expires=1,avg_ttl=100000",
    ] {
        assert!(info.contains(&format!("{line}\r\n")), "{line} in {info}");
    }
    assert_eq!(info.matches("aof_enabled").count(), 1);
    assert!(!run(&mut engine, me, "INFO").contains("cmdstat_"));
    run(&mut engine, me, "CONFIG RESETSTAT");
    assert!(run(&mut engine, me, "INFO stats").contains("keyspace_hits:0\r\n"));
}

#[test]
fn saving_and_stopping_are_asked_of_the_host() {
    let (mut engine, me, _) = engine();
    for line in ["SAVE", "BGSAVE", "BGSAVE SCHEDULE", "BGREWRITEAOF", "SHUTDOWN NOSAVE NOW"] {
        run(&mut engine, me, line);
    }
    let save = |background| Request::Save { background };
    let want =
        [save(false), save(true), save(true), Request::Rewrite, Request::Shutdown { save: Some(false), force: false }];
    assert_eq!(engine.take_requests(), want);
}

#[test]
fn events_reach_subscribers_after_the_reply() {
    let (mut engine, me, _) = engine();
    run(&mut engine, me, "HELLO 3");
    run(&mut engine, me, "CONFIG SET notify-keyspace-events KEA");
    run(&mut engine, me, "PSUBSCRIBE __keyevent*");
    let got = run(&mut engine, me, "SET k v");
    assert_eq!(got, "+OK\r\n>4\r\n$8\r\npmessage\r\n$11\r\n__keyevent*\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n");
}

#[test]
fn a_follower_gets_a_snapshot_then_every_change_and_is_waited_for() {
    let (mut engine, follower, writer) = engine();
    // Nobody but the follower listens: the host records nothing.
    engine.ks.effects.record(false);
    run(&mut engine, writer, "SET before 1");
    engine.call(follower, &[b"SYNC"], START);
    let bytes = std::mem::take(engine.sessions.get_mut(follower).unwrap().out.bytes_mut());
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(bytes.starts_with(b"$") && bytes[end..].starts_with(b"REDIS"));
    assert_eq!(String::from_utf8_lossy(&bytes[..end]), format!("${}\r\n", bytes.len() - end));
    run(&mut engine, writer, "SET k v EX 100");
    run(&mut engine, writer, "GET k");
    run(&mut engine, writer, "SELECT 3");
    run(&mut engine, writer, "LPUSH l a");
    let feed = out(&mut engine, follower);
    let words: Vec<&str> = feed.split("\r\n").filter(|part| !part.starts_with(['*', '$'])).collect();
    let at = (START + 100_000).to_string();
    assert_eq!(words.join(" "), format!("SELECT 0 SET k v PXAT {at} SELECT 3 LPUSH l a "));
    assert!(engine.effects().is_empty(), "what nobody records must not pile up");
    assert!(run(&mut engine, writer, "INFO replication").contains("connected_slaves:1\r\n"));

    // It waits until the follower has it all, and no longer than it is told.
    assert_eq!(run(&mut engine, writer, "WAIT 1 0"), "");
    let offset = engine.ks.effects.offset();
    assert_eq!(run(&mut engine, follower, &format!("REPLCONF ACK {}", offset - 1)), "");
    assert_eq!(out(&mut engine, writer), "");
    assert_eq!(run(&mut engine, follower, &format!("REPLCONF ACK {offset}")), "");
    assert_eq!(out(&mut engine, writer), ":1\r\n");
    assert_eq!(run(&mut engine, writer, "WAIT 2 50"), "");
    engine.tick(START + 50);
    assert_eq!(out(&mut engine, writer), ":1\r\n");

    engine.close(follower);
    assert_eq!(run(&mut engine, writer, "WAIT 0 0"), ":0\r\n");
    run(&mut engine, writer, "SET k w");
    assert!(engine.effects().is_empty());
}

#[test]
fn a_renamed_command_has_its_new_name_only() {
    let (mut engine, me, _) = engine();
    assert_eq!(engine.rename_command(b"FlushAll", b""), Ok(()));
    assert_eq!(engine.rename_command(b"set", b"put"), Ok(()));
    assert_eq!(engine.rename_command(b"get", b"put"), Err("Target command name already exists"));
    assert_eq!(engine.rename_command(b"nothing", b"x"), Err("No such command in rename-command"));
    assert!(run(&mut engine, me, "FLUSHALL").starts_with("-ERR unknown command 'FLUSHALL'"));
    assert!(run(&mut engine, me, "SET a 1").starts_with("-ERR unknown command 'SET'"));
    assert_eq!(run(&mut engine, me, "PUT a 1"), "+OK\r\n");
    // Followers know it by the name it has everywhere.
    assert_eq!(effects(&mut engine), "SELECT 0 SET a 1");
}

#[test]
fn writes_are_refused_after_a_failed_background_save_if_that_is_wanted() {
    let (mut engine, me, _) = engine();
    engine.server.saves.failed = true;
    assert_eq!(run(&mut engine, me, "SET a 1"), "+OK\r\n", "without save points nobody relies on them");
    run(&mut engine, me, "CONFIG SET save 900 1");
    engine.call(me, &[b"CONFIG", b"SET", b"save", b"900 1"], START);
    out(&mut engine, me);
    assert!(run(&mut engine, me, "SET a 1").starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(run(&mut engine, me, "PING").starts_with("-MISCONF"));
    assert_eq!(run(&mut engine, me, "GET a"), "$1\r\n1\r\n");
    run(&mut engine, me, "CONFIG SET stop-writes-on-bgsave-error no");
    assert_eq!(run(&mut engine, me, "SET a 1"), "+OK\r\n");
}

#[test]
fn while_loading_only_few_commands_are_served() {
    let (mut engine, me, _) = engine();
    engine.server.loading = Some(tabdis::engine::Loading { began_ms: START, total: 100, loaded: 25 });
    assert_eq!(run(&mut engine, me, "GET a"), "-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(run(&mut engine, me, "CONFIG SET dir /tmp"), "-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(run(&mut engine, me, "CONFIG SET hz 20"), "+OK\r\n");
    let info = run(&mut engine, me, "INFO persistence");
    assert!(info.contains("loading:1\r\n") && info.contains("loading_loaded_perc:25.00\r\n"), "{info}");
}
