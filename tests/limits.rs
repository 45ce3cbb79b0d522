//! What a client may cost: output that nobody reads, memory of all clients together, silence; and what is measured of commands.
#![cfg(not(target_family = "wasm"))]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto, SessionId};

fn engine() -> Engine {
    Engine::new(cmd::table(), &Options { databases: 16, seed: 1, now: 1_000 })
}

/// Sends a command at 1 s and returns the session's output.
fn run(engine: &mut Engine, id: SessionId, line: &str) -> String {
    let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    assert!(engine.call(id, &argv, 1_000), "{line} was not taken");
    let out = std::mem::take(engine.sessions.get_mut(id).expect("it is open").out.bytes_mut());
    String::from_utf8(out).expect("text")
}

fn is_cut(engine: &Engine, id: SessionId) -> bool {
    engine.sessions.get(id).is_none_or(|session| session.cut)
}

#[test]
fn who_does_not_read_is_cut_off_at_the_hard_limit() {
    let mut e = engine();
    let (admin, listener) = (e.open("a", Proto::Resp2, 1_000), e.open("b", Proto::Resp2, 1_000));
    e.call(admin, &[b"CONFIG", b"SET", b"client-output-buffer-limit", b"pubsub 1000 0 0"], 1_000);
    run(&mut e, listener, "SUBSCRIBE news");
    let long = "x".repeat(600);
    run(&mut e, admin, &format!("PUBLISH news {long}"));
    assert!(!is_cut(&e, listener));
    run(&mut e, admin, &format!("PUBLISH news {long}"));
    assert!(is_cut(&e, listener));
    // Others have no such limit.
    run(&mut e, admin, &format!("SET k {}", "x".repeat(5000)));
    assert!(run(&mut e, admin, "GET k").len() > 5000);
}

#[test]
fn the_soft_limit_gives_time() {
    let mut e = engine();
    let (admin, listener) = (e.open("a", Proto::Resp2, 1_000), e.open("b", Proto::Resp2, 1_000));
    e.call(admin, &[b"CONFIG", b"SET", b"client-output-buffer-limit", b"pubsub 0 100 2"], 1_000);
    run(&mut e, listener, "SUBSCRIBE news");
    run(&mut e, admin, &format!("PUBLISH news {}", "x".repeat(200)));
    e.cron(1_100);
    e.cron(3_000);
    assert!(!is_cut(&e, listener));
    e.cron(3_100);
    assert!(is_cut(&e, listener));
}

#[test]
fn the_largest_go_first_when_all_together_take_too_much() {
    let mut e = engine();
    let ids: Vec<SessionId> = (0..4).map(|n| e.open(format!("{n}"), Proto::Resp2, 1_000)).collect();
    run(&mut e, ids[3], "CLIENT NO-EVICT ON");
    run(&mut e, ids[0], "CONFIG SET maxmemory-clients 100000");
    for (n, id) in ids.iter().enumerate() {
        e.buffers(*id, |buffers| buffers.query = 20_000 * n);
    }
    // 20, 40 and 60 KB are too much; the last must stay.
    assert_eq!(ids.iter().map(|id| is_cut(&e, *id)).collect::<Vec<_>>(), [false, false, true, false]);
}

#[test]
fn silence_ends_a_connection_unless_it_listens() {
    let mut e = engine();
    let (silent, listener) = (e.open("a", Proto::Resp2, 1_000), e.open("b", Proto::Resp2, 1_000));
    run(&mut e, silent, "CONFIG SET timeout 5");
    run(&mut e, listener, "SUBSCRIBE news");
    e.cron(6_000);
    assert!(!is_cut(&e, silent));
    e.cron(6_001);
    assert!(is_cut(&e, silent) && !is_cut(&e, listener));
}

#[test]
fn commands_are_timed_by_the_hosts_clock() {
    static CLOCK: AtomicU64 = AtomicU64::new(0);
    let mut e = engine();
    // Every look takes 10 ms.
    e.server.meter.clock_us = || CLOCK.fetch_add(10_000, Relaxed);
    let id = e.open("me", Proto::Resp2, 1_000);
    run(&mut e, id, "SET k v");
    run(&mut e, id, "AUTH default secret");
    assert!(run(&mut e, id, "INFO commandstats").contains("cmdstat_set:calls=1,usec=10000,usec_per_call=10000.00"));
    assert!(run(&mut e, id, "INFO latencystats").contains("latency_percentiles_usec_set:p50=10027.007,"));
    let log = run(&mut e, id, "SLOWLOG GET 4");
    assert!(log.contains("(redacted)") && !log.contains("secret"), "{log}");
    run(&mut e, id, "CONFIG SET slowlog-log-slower-than -1 latency-tracking no");
    let before = CLOCK.load(Relaxed);
    run(&mut e, id, "GET k");
    assert_eq!(CLOCK.load(Relaxed), before, "a clock nobody needs is not read");
}

#[test]
fn who_monitors_sees_commands_and_no_passwords() {
    let mut e = engine();
    let (me, watcher) = (e.open("1.2.3.4:5", Proto::Resp2, 1_000), e.open("b", Proto::Resp2, 1_000));
    run(&mut e, watcher, "MONITOR");
    run(&mut e, me, "SET k v");
    run(&mut e, me, "AUTH default secret");
    run(&mut e, me, "CONFIG GET maxmemory");
    let seen = std::mem::take(e.sessions.get_mut(watcher).expect("it is open").out.bytes_mut());
    let seen = String::from_utf8(seen).expect("text");
    let want = "+1.000000 [0 1.2.3.4:5] \"SET\" \"k\" \"v\"\r\n+1.000000 [0 1.2.3.4:5] \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n";
    assert_eq!(seen, want);
}
