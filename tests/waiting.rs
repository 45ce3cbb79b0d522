//! Waiting for keys: who is served when, and what ends a wait.
#![cfg(not(target_family = "wasm"))]

use tabdis::cmd;
use tabdis::engine::{Engine, Error, Options, Proto, SessionId};

struct Bench {
    engine: Engine,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed: 1, now: 1_000 });
        engine.ks.effects.record(true);
        Bench { engine, now: 1_000 }
    }

    fn open(&mut self) -> SessionId {
        self.engine.open("test", Proto::Resp2, self.now)
    }

    /// Sends a command and returns the session's output.
    fn run(&mut self, id: SessionId, line: &str) -> String {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        assert!(self.engine.call(id, &argv, self.now), "{line} was not taken");
        self.output(id)
    }

    /// Sends a command that must wait.
    fn wait(&mut self, id: SessionId, line: &str) {
        assert_eq!(self.run(id, line), "", "{line}");
    }

    /// The output not read yet, line ends as spaces.
    fn output(&mut self, id: SessionId) -> String {
        let out = self.engine.sessions.get_mut(id).unwrap().out.bytes_mut();
        String::from_utf8(std::mem::take(out)).unwrap().replace("\r\n", " ").trim_end().to_string()
    }

    /// The effects since the last call: the words of each command, without SELECT.
    fn effects(&mut self) -> Vec<String> {
        let bytes = std::mem::take(self.engine.effects());
        let text = String::from_utf8(bytes).unwrap();
        let commands = text.split('*').skip(1).map(|frame| {
            let words: Vec<&str> =
                frame.split("\r\n").skip(1).filter(|w| !w.starts_with('$') && !w.is_empty()).collect();
            words.join(" ")
        });
        commands.filter(|c| !c.starts_with("SELECT")).collect()
    }
}

#[test]
fn sessions_are_served_in_the_order_they_came_and_one_push_serves_several() {
    let mut b = Bench::new();
    let waiters: Vec<_> = (0..3).map(|_| b.open()).collect();
    let pusher = b.open();
    for id in &waiters {
        b.wait(*id, "BLPOP k 0");
    }
    assert_eq!(b.engine.server.blocked, 3);
    assert_eq!(b.run(pusher, "RPUSH k a b"), ":2");
    assert_eq!(b.output(waiters[0]), "*2 $1 k $1 a");
    assert_eq!(b.output(waiters[1]), "*2 $1 k $1 b");
    assert_eq!(b.output(waiters[2]), "");
    assert_eq!(b.engine.server.blocked, 1);
    assert_eq!(b.effects(), ["RPUSH k a b", "LPOP k", "LPOP k"]);
    let ready = b.engine.take_ready();
    assert!(ready.contains(&waiters[0]) && ready.contains(&waiters[1]) && !ready.contains(&waiters[2]));
}

#[test]
fn a_session_waits_for_its_type_whatever_comes_before() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.wait(waiter, "BLPOP k 0");
    b.run(other, "SET k text");
    b.run(other, "DEL k");
    b.run(other, "ZADD k 1 m");
    assert_eq!(b.output(waiter), "");
    b.run(other, "DEL k");
    b.run(other, "RPUSH k a");
    assert_eq!(b.output(waiter), "*2 $1 k $1 a");
}

#[test]
fn what_a_transaction_pushes_and_takes_back_wakes_nobody() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.wait(waiter, "BLPOP k 0");
    for line in ["MULTI", "RPUSH k a", "LPOP k", "RPUSH k b", "DEL k"] {
        b.run(other, line);
    }
    b.run(other, "EXEC");
    assert_eq!(b.output(waiter), "");
    for line in ["MULTI", "RPUSH k a", "RPUSH k b", "LPUSH k c"] {
        b.run(other, line);
    }
    b.run(other, "EXEC");
    assert_eq!(b.output(waiter), "*2 $1 k $1 c");
    assert_eq!(b.engine.server.blocked, 0);
}

#[test]
fn a_transaction_that_touches_a_key_often_makes_it_ready_once() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.wait(waiter, "BLMPOP 0 2 a b LEFT COUNT 10");
    b.run(other, "MULTI");
    for n in 0..1_000 {
        b.run(other, &format!("RPUSH b {n}"));
    }
    b.run(other, "EXEC");
    assert!(b.output(waiter).starts_with("*2 $1 b *10 $1 0 $1 1"));
    assert_eq!(b.effects().last().map(String::as_str), Some("LPOP b 10"));
}

#[test]
fn keys_that_arrive_by_other_ways_serve_too() {
    for arrival in ["RENAME src k", "RENAMENX src k", "COPY src k", "SORT src ALPHA STORE k", "LMOVE src k LEFT LEFT"] {
        let mut b = Bench::new();
        let (waiter, other) = (b.open(), b.open());
        b.run(other, "RPUSH src a");
        b.wait(waiter, "BRPOP k 0");
        b.run(other, arrival);
        assert_eq!(b.output(waiter), "*2 $1 k $1 a", "{arrival}");
    }
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.run(other, "SELECT 1");
    b.run(other, "ZADD z 1 m");
    b.wait(waiter, "BZPOPMIN z 0");
    b.run(other, "SWAPDB 0 1");
    assert_eq!(b.output(waiter), "*3 $1 z $1 m $1 1");
}

#[test]
fn a_database_is_served_for_itself() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.run(other, "SELECT 1");
    b.wait(waiter, "BLPOP k 0");
    b.run(other, "RPUSH k a");
    assert_eq!(b.output(waiter), "");
    b.run(other, "MOVE k 0");
    assert_eq!(b.output(waiter), "*2 $1 k $1 a");
}

#[test]
fn moves_go_on_along_a_chain() {
    let mut b = Bench::new();
    let ids: Vec<_> = (0..4).map(|_| b.open()).collect();
    b.wait(ids[0], "BLPOP c 0");
    b.wait(ids[1], "BLMOVE b c LEFT RIGHT 0");
    b.wait(ids[2], "BRPOPLPUSH a b 0");
    b.run(ids[3], "RPUSH a x");
    assert_eq!(b.output(ids[2]), "$1 x");
    assert_eq!(b.output(ids[1]), "$1 x");
    assert_eq!(b.output(ids[0]), "*2 $1 c $1 x");
    assert_eq!(b.effects(), ["RPUSH a x", "RPOPLPUSH a b", "LMOVE b c LEFT RIGHT", "LPOP c"]);
}

#[test]
fn a_move_onto_itself_does_not_run_for_ever() {
    let mut b = Bench::new();
    let (first, second, other) = (b.open(), b.open(), b.open());
    b.wait(first, "BLMOVE k k LEFT RIGHT 0");
    b.wait(second, "BLMOVE k k RIGHT LEFT 0");
    b.run(other, "RPUSH k a");
    assert_eq!((b.output(first).as_str(), b.output(second).as_str()), ("$1 a", "$1 a"));
}

#[test]
fn a_destination_of_another_type_fails_and_leaves_the_element_to_the_next() {
    let mut b = Bench::new();
    let (first, second, other) = (b.open(), b.open(), b.open());
    b.run(other, "SET text x");
    b.wait(first, "BLMOVE k text LEFT LEFT 0");
    b.wait(second, "BLPOP k 0");
    b.run(other, "RPUSH k a");
    assert!(b.output(first).starts_with("-WRONGTYPE"));
    assert_eq!(b.output(second), "*2 $1 k $1 a");
}

#[test]
fn waits_end_at_their_deadline_and_not_before() {
    let mut b = Bench::new();
    let (short, long, other) = (b.open(), b.open(), b.open());
    b.wait(long, "BLPOP k 2.5");
    b.wait(short, "BZMPOP 0.0001 1 z MIN");
    assert_eq!(b.engine.next_wake(), Some(1_001));
    b.engine.tick(1_001);
    assert_eq!((b.output(short).as_str(), b.output(long).as_str()), ("*-1", ""));
    // A false alarm does not start the time anew.
    b.now = 3_000;
    b.run(other, "SET k x");
    b.run(other, "DEL k");
    assert_eq!(b.engine.next_wake(), Some(3_500));
    b.engine.tick(3_500);
    assert_eq!(b.output(long), "*-1");
    assert_eq!((b.engine.next_wake(), b.engine.server.blocked), (None, 0));
    b.now = 3_600;
    b.run(other, "RPUSH k a");
    assert_eq!(b.run(long, "LPOP k"), "$1 a");
}

#[test]
fn a_due_key_serves_nobody() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.run(other, "SELECT 1");
    b.run(other, "RPUSH k a");
    b.run(other, "PEXPIRE k 10");
    b.wait(waiter, "BLPOP k 0");
    b.now = 1_500;
    b.run(other, "SWAPDB 0 1");
    assert_eq!(b.output(waiter), "");
    b.run(other, "SELECT 0");
    b.run(other, "RPUSH k b");
    assert_eq!(b.output(waiter), "*2 $1 k $1 b");
}

#[test]
fn a_wait_that_is_ended_answers_null_or_an_error() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.wait(waiter, "BLPOP k 0");
    assert!(b.engine.end_wait(waiter, Ok(())));
    assert_eq!(b.output(waiter), "*-1");
    assert!(!b.engine.end_wait(waiter, Ok(())), "it waits no more");
    b.wait(waiter, "BLPOP k 0");
    assert!(b.engine.end_wait(waiter, Err(Error::new("UNBLOCKED client unblocked via CLIENT UNBLOCK"))));
    assert_eq!(b.output(waiter), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    b.run(other, "RPUSH k a");
    assert_eq!((b.output(waiter).as_str(), b.run(other, "LLEN k").as_str()), ("", ":1"));
}

#[test]
fn a_waiting_session_takes_no_command_and_can_be_closed() {
    let mut b = Bench::new();
    let (first, second, other) = (b.open(), b.open(), b.open());
    b.wait(first, "BLPOP k j 0");
    b.wait(second, "BLPOP j k 0");
    assert!(!b.engine.call(first, &[b"PING"], 1_000));
    b.engine.close(first);
    assert_eq!(b.engine.server.blocked, 1);
    b.run(other, "RPUSH k a");
    assert_eq!(b.output(second), "*2 $1 k $1 a");
    assert_eq!(b.engine.server.blocked, 0);
}

#[test]
fn a_session_to_be_closed_takes_nothing() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.wait(waiter, "BLPOP k 0");
    b.engine.sessions.get_mut(waiter).unwrap().closing = true;
    b.run(other, "RPUSH k a");
    assert_eq!(b.run(other, "LLEN k"), ":1");
}

#[test]
fn a_command_that_waits_is_counted_once() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    let row = b.engine.server.table.find(b"BLPOP").unwrap() as usize;
    b.wait(waiter, "BLPOP k j 0");
    assert_eq!(b.engine.server.calls[row].calls, 0);
    b.run(other, "SET k x");
    b.run(other, "RPUSH j a");
    b.output(waiter);
    b.run(other, "DEL k");
    assert_eq!(b.engine.server.calls[row].calls, 1);
    b.wait(waiter, "BLPOP k 1");
    b.engine.tick(10_000);
    assert_eq!(b.engine.server.calls[row].calls, 2);
}

#[test]
fn inside_a_transaction_nothing_waits() {
    let mut b = Bench::new();
    let id = b.open();
    b.run(id, "MULTI");
    for line in ["BLPOP k 0", "BLMOVE k j LEFT LEFT 0", "BLMPOP 0 1 k LEFT", "BZPOPMIN z 0", "BRPOPLPUSH k j 0"] {
        b.run(id, line);
    }
    assert_eq!(b.run(id, "EXEC"), "*5 *-1 $-1 *-1 *-1 $-1");
}

#[test]
fn effects_replay_to_the_same_lists() {
    let mut b = Bench::new();
    let (waiter, other) = (b.open(), b.open());
    b.wait(waiter, "BLMOVE k j LEFT RIGHT 0");
    b.run(other, "RPUSH k a b c d");
    b.run(other, "LMPOP 1 k RIGHT COUNT 2");
    b.run(other, "ZADD z 1 m 2 n 3 o");
    b.run(other, "ZMPOP 1 z MAX COUNT 2");
    let effects = b.effects();
    let mut follower = Engine::new(cmd::table(), &Options { databases: 16, seed: 2, now: 0 });
    for effect in &effects {
        let argv: Vec<&[u8]> = effect.split(' ').map(str::as_bytes).collect();
        follower.replay(&argv).unwrap();
    }
    let mut f = Bench { engine: follower, now: 1_000 };
    let id = f.open();
    assert_eq!(f.run(id, "LRANGE k 0 -1"), "*1 $1 b");
    assert_eq!(f.run(id, "LRANGE j 0 -1"), "*1 $1 a");
    assert_eq!(f.run(id, "ZRANGE z 0 -1"), "*1 $1 m");
}

#[test]
fn a_key_that_is_due_before_it_is_served_goes_by_itself_and_nobody_is_served() {
    let mut b = Bench::new();
    b.engine.server.config.enable_debug_command = tabdis::engine::config::Permission::Yes;
    b.engine.server.nap = |ms| ms;
    let (waiter, pusher) = (b.open(), b.open());
    b.wait(waiter, "BRPOP k 0");
    for line in ["MULTI", "RPUSH k hello", "PEXPIRE k 100", "DEBUG SLEEP 0.2"] {
        b.run(pusher, line);
    }
    assert_eq!(b.run(pusher, "EXEC"), "*3 :1 :1 +OK");
    assert_eq!(b.effects(), ["MULTI", "RPUSH k hello", "PEXPIREAT k 1100", "EXEC", "DEL k"]);
    assert_eq!(b.output(waiter), "");
    assert_eq!(b.engine.server.blocked, 1);
}
