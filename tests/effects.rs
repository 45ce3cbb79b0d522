//! What transcripts cannot show: effects, events, and what a follower makes of them.

#![cfg(not(target_family = "wasm"))]

mod common;

use common::bench::{Bench, words};
use tabdis::engine::Proto;
use tabdis::engine::keyspace::Expiry;

#[test]
fn expiries_are_logged_as_absolute_times() {
    let mut s = Bench::new();
    s.traces("HSET h a 1 b 2 c 3");
    for (line, effects, events) in [
        ("HEXPIRE h 5 FIELDS 2 a missing", "HPEXPIREAT h 6000 FIELDS 1 a", "hexpire"),
        ("HPEXPIRE h 9 NX FIELDS 2 a b", "HPEXPIREAT h 1009 FIELDS 1 b", "hexpire"),
        ("HEXPIRE h 5 GT FIELDS 1 a", "", ""),
        ("HPERSIST h FIELDS 3 a c missing", "HPERSIST h FIELDS 1 a", "hpersist"),
        ("HPERSIST h FIELDS 1 a", "", ""),
        ("HGETEX h EX 2 FIELDS 2 c missing", "HPEXPIREAT h 3000 FIELDS 1 c", "hexpire"),
        ("HGETEX h FIELDS 1 c", "", ""),
        ("HGETEX h PERSIST FIELDS 2 a c", "HPERSIST h FIELDS 1 c", "hpersist"),
        ("HSETEX h FNX PX 5 FIELDS 2 d 4 e 5", "HSETEX h PXAT 1005 FIELDS 2 d 4 e 5", "hset hexpire"),
        ("HSETEX h FNX PX 5 FIELDS 2 d 4 f 5", "", ""),
        ("HSETEX h KEEPTTL FIELDS 1 d 6", "HSETEX h KEEPTTL FIELDS 1 d 6", "hset"),
        ("HINCRBYFLOAT h d 1.5", "HSETEX h KEEPTTL FIELDS 1 d 7.5", "hincrbyfloat"),
        ("HINCRBYFLOAT h a 1.5", "HSET h a 2.5", "hincrbyfloat"),
        ("HSETEX h EXAT 1 FIELDS 2 d 1 missing 1", "HDEL h d", "hset hdel"),
        ("HGETEX h PXAT 1 FIELDS 1 e", "HDEL h e", "hdel"),
        ("HGETDEL h FIELDS 2 a missing", "HDEL h a", "hdel"),
        ("HGETDEL h FIELDS 1 a", "", ""),
        ("HEXPIREAT h 1 FIELDS 3 b c b", "HDEL h b c", "hdel del"),
    ] {
        let (effects, events) = (effects.to_string(), events.to_string());
        assert_eq!(s.traces(line), (effects, events), "{line}");
    }
    assert!(!s.engine.ks.exists(b"h"));
}

#[test]
fn times_of_strings_are_logged_as_absolute_times() {
    let mut s = Bench::new();
    for (line, effects, events) in [
        ("SET k v EX 5", "SET k v PXAT 6000", "set expire"),
        ("SET k w KEEPTTL GET", "SET k w KEEPTTL", "set"),
        ("SET k w XX GET PX 7", "SET k w PXAT 1007", "set expire"),
        ("GETEX k EX 9", "PEXPIREAT k 10000", "expire"),
        ("GETEX k PERSIST", "PERSIST k", "persist"),
        ("GETSET k x", "SET k x", "set"),
        ("SETEX k 2 5", "SET k 5 PXAT 3000", "set expire"),
        ("INCRBYFLOAT k 0.5", "SET k 5.5 KEEPTTL", "incrbyfloat"),
        ("SET k v PXAT 1000", "DEL k", "del"),
        ("SET k v PXAT 1000", "", ""),
        ("APPEND k v", "APPEND k v", "append"),
        ("GETEX k EXAT 1", "DEL k", "del"),
        ("SETNX k v", "SETNX k v", "set"),
        ("GETDEL k", "DEL k", "del"),
    ] {
        let (effects, events) = (effects.to_string(), events.to_string());
        assert_eq!(s.traces(line), (effects, events), "{line}");
    }
}

#[test]
fn a_field_goes_when_its_time_is_past_and_with_the_last_one_the_key() {
    let mut s = Bench::new();
    s.run("HSET h a 1 b 2");
    s.run("HPEXPIRE h 10 FIELDS 1 a");
    s.run("HPEXPIRE h 20 FIELDS 1 b");
    s.traces("HPERSIST h FIELDS 1 missing");
    s.now = 1_010;
    assert_eq!(s.run("HMGET h a b"), "1 2");
    s.now = 1_011;
    assert_eq!(s.traces("HLEN h"), ("HDEL h a".into(), "hexpired".into()));
    assert_eq!(s.run("HTTL h FIELDS 2 a b"), ":-2 :1");
    s.run("HSET h b 3");
    s.now = 1_021;
    assert_eq!(s.run("HGETALL h"), "b 3", "HSET takes the expiry away");
    s.run("HPEXPIRE h 10 FIELDS 1 b");
    s.engine.tick(1_032);
    assert!(!s.engine.ks.exists(b"h"));
    assert_eq!(s.engine.next_wake(), None);
}

#[test]
fn counting_keeps_the_expiry_of_a_field() {
    let mut s = Bench::new();
    s.run("HSETEX h PX 50 FIELDS 2 a 1 b 1");
    s.run("HINCRBY h a 1");
    s.run("HINCRBYFLOAT h b 0.5");
    assert_eq!(s.run("HPTTL h FIELDS 2 a b"), ":50 :50");
    assert_eq!(s.run("HMGET h a b"), "2 1.5");
}

#[test]
fn a_follower_hides_due_fields_until_they_are_deleted() {
    let mut s = Bench::new();
    for effect in ["HSET h a 1 b 2 c 3", "HPEXPIREAT h 2000 FIELDS 2 a b"] {
        let argv: Vec<&[u8]> = effect.split(' ').map(str::as_bytes).collect();
        s.engine.replay(&argv).unwrap();
    }
    s.engine.ks.expiry = Expiry::Hides;
    s.now = 3_000;
    for (line, want) in [
        ("HGET h a", "(nil)"),
        ("HMGET h a c", "(nil) 3"),
        ("HGETALL h", "c 3"),
        ("HKEYS h", "c"),
        ("HVALS h", "3"),
        ("HLEN h", ":1"),
        ("HEXISTS h b", ":0"),
        ("HSTRLEN h b", ":0"),
        ("HTTL h FIELDS 2 a c", ":-2 :-1"),
        ("HRANDFIELD h 5 WITHVALUES", "c 3"),
        ("HRANDFIELD h", "c"),
        ("HRANDFIELD h -2", "c c"),
        ("HSCAN h 0", "0 c 3"),
    ] {
        assert_eq!(s.run(line), want, "{line}");
    }
    s.engine.replay(&[b"HDEL", b"h", b"a", b"b"]).unwrap();
    assert_eq!(s.run("HLEN h"), ":1");
    // A time that is past is no reason to delete while an effect is replayed.
    s.engine.replay(&[b"HPEXPIREAT", b"h", b"2000", b"FIELDS", b"1", b"c"]).unwrap();
    assert_eq!(s.run("HLEN h"), ":0");
    s.engine.ks.expiry = Expiry::Deletes;
    assert_eq!(s.run("HLEN h"), ":0");
    assert!(!s.engine.ks.exists(b"h"));
}

#[test]
fn random_fields_are_different_ones_unless_repetitions_are_asked_for() {
    let mut s = Bench::new();
    let pairs: Vec<String> = (0..300).map(|n| format!("f{n} v{n}")).collect();
    s.run(&format!("HSET h {}", pairs.join(" ")));
    for count in [1, 20, 150, 299, 300, 1000] {
        let reply = s.run(&format!("HRANDFIELD h {count} WITHVALUES"));
        let words: Vec<&str> = reply.split(' ').collect();
        let fields: std::collections::BTreeSet<&str> = words.iter().copied().step_by(2).collect();
        assert_eq!(fields.len(), count.min(300));
        assert!(words.chunks(2).all(|pair| pair[0][1..] == pair[1][1..]));
    }
    assert_eq!(s.run("HRANDFIELD h -1000").split(' ').count(), 1000);
}

#[test]
fn a_scan_meets_every_field() {
    let mut s = Bench::new();
    let pairs: Vec<String> = (0..500).map(|n| format!("f{n} {n}")).collect();
    s.run(&format!("HSET h {}", pairs.join(" ")));
    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = "0".to_string();
    loop {
        let reply = s.run(&format!("HSCAN h {cursor} COUNT 7 NOVALUES"));
        let mut words = reply.split(' ');
        cursor = words.next().unwrap().to_string();
        seen.extend(words.map(str::to_string));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 500);
}

#[test]
fn changes_of_keys_are_logged_and_announced_as_redis_does() {
    let mut s = Bench::new();
    for (line, effects, events) in [
        ("SET k v", "SET k v", "set"),
        ("EXPIRE k 100", "PEXPIREAT k 101000", "expire"),
        ("EXPIRE k 50 GT", "", ""),
        ("PEXPIRE k 200000 GT", "PEXPIREAT k 201000 GT", "expire"),
        ("EXPIREAT k 300", "PEXPIREAT k 300000", "expire"),
        ("PEXPIREAT k 300001 XX", "PEXPIREAT k 300001 XX", "expire"),
        ("PERSIST k", "PERSIST k", "persist"),
        ("PERSIST k", "", ""),
        ("EXPIRE k -1", "DEL k", "del"),
        ("EXPIRE k 5", "", ""),
        ("SET a 1", "SET a 1", "set"),
        ("RENAME a a", "", ""),
        ("RENAME a b", "RENAME a b", "rename_from rename_to"),
        ("COPY b c", "COPY b c", "copy_to"),
        ("COPY b c", "", ""),
        ("RENAMENX b c", "", ""),
        ("MOVE b 1", "MOVE b 1", "move_from"),
        ("DEL b missing", "", ""),
        ("UNLINK c missing", "UNLINK c missing", "del"),
        ("SADD s 2 1", "SADD s 2 1", "sadd"),
        ("SORT s STORE d", "SORT s STORE d", "sortstore"),
        ("SORT missing STORE d", "SORT missing STORE d", "del"),
        ("SORT missing STORE d", "", ""),
        ("TOUCH s", "", ""),
    ] {
        assert_eq!(s.traces(line), (effects.to_string(), events.to_string()), "{line}");
    }
}

#[test]
fn changes_of_sets_are_logged_and_announced_as_redis_does() {
    let mut s = Bench::new();
    for (line, effects, events) in [
        ("SADD s 1 2", "SADD s 1 2", "sadd"),
        ("SADD s 1", "", ""),
        ("SREM s 9", "", ""),
        ("SMOVE s t 1", "SMOVE s t 1", "srem sadd"),
        ("SMOVE s t 2", "SMOVE s t 2", "srem del sadd"),
        ("SMOVE s t 2", "", ""),
        ("SADD s 1", "SADD s 1", "sadd"),
        ("SINTERSTORE d s t", "SINTERSTORE d s t", "sinterstore"),
        ("SDIFFSTORE d s t", "SDIFFSTORE d s t", "del"),
        ("SDIFFSTORE d s t", "", ""),
        ("SUNIONSTORE d s t", "SUNIONSTORE d s t", "sunionstore"),
        ("SREM d 1 2", "SREM d 1 2", "srem del"),
        ("SPOP s", "SREM s 1", "spop del"),
        ("SPOP s", "", ""),
        ("SPOP t 2", "DEL t", "spop del"),
        ("SPOP t 2", "", ""),
        ("SADD t 1", "SADD t 1", "sadd"),
        ("SPOP t 0", "", ""),
    ] {
        assert_eq!(s.traces(line), (effects.to_string(), events.to_string()), "{line}");
    }
}

#[test]
fn many_popped_members_are_logged_in_pieces_that_leave_the_same_set() {
    let mut s = Bench::new();
    let mut follower = Bench::new();
    let members: Vec<String> = (0..3_000).map(|n| format!("m{n}")).collect();
    let add = format!("SADD s {}", members.join(" "));
    s.traces(&add);
    follower.run(&add);
    let popped = s.run("SPOP s 2500");
    assert_eq!(popped.split(' ').collect::<std::collections::BTreeSet<_>>().len(), 2500);
    let effects = words(s.engine.effects());
    let commands: Vec<&str> = effects.trim_start_matches("MULTI ").trim_end_matches(" EXEC").split("SREM s ").collect();
    assert_eq!(commands.iter().map(|c| c.split_whitespace().count()).collect::<Vec<_>>(), [0, 1024, 1024, 452]);
    for members in &commands[1..] {
        let argv: Vec<&[u8]> = ["SREM", "s"].into_iter().chain(members.split_whitespace()).map(str::as_bytes).collect();
        follower.engine.replay(&argv).unwrap();
    }
    assert_eq!(s.run("SORT s ALPHA"), follower.run("SORT s ALPHA"));
}

#[test]
fn a_sort_that_stores_deletes_due_keys_it_meets_before() {
    let mut s = Bench::new();
    for line in ["SADD s 1 2", "SET w_1 9 PX 10", "SET w_2 5", "HSET h_1 f 1", "HPEXPIRE h_1 10 FIELDS 1 f"] {
        s.traces(line);
    }
    s.now += 11;
    let (effects, events) = s.traces("SORT s BY w_* GET h_*->f STORE d");
    assert_eq!(effects, "MULTI DEL w_1 HDEL h_1 f SORT s BY w_* GET h_*->f STORE d EXEC");
    assert_eq!(events, "expired hexpired del sortstore");
}

#[test]
fn a_follower_sets_expiries_that_are_past_and_waits_for_the_deletion() {
    let mut s = Bench::new();
    s.engine.replay(&[b"SET", b"k", b"v"]).unwrap();
    s.engine.replay(&[b"PEXPIREAT", b"k", b"5"]).unwrap();
    assert!(s.engine.ks.len() == 1);
    s.engine.ks.expiry = Expiry::Hides;
    assert_eq!(s.run("EXISTS k"), ":0");
    s.engine.replay(&[b"DEL", b"k"]).unwrap();
    assert!(s.engine.ks.is_empty());
}

#[test]
fn sets_are_sets_where_the_protocol_has_them() {
    let mut s = Bench::new();
    s.me = s.engine.open("three", Proto::Resp3, 1_000);
    s.run("SADD s 1");
    for (line, reply) in [
        ("SMEMBERS s", "~1 1"),
        ("SMEMBERS missing", "~0"),
        ("SINTER s s", "~1 1"),
        ("SUNION s missing", "~1 1"),
        ("SDIFF s s", "~0"),
        ("SRANDMEMBER s 1", "1"),
        ("SRANDMEMBER missing", "_"),
        ("OBJECT ENCODING missing", "_"),
        ("SORT s GET missing_*", "_"),
        ("SPOP missing", "_"),
        ("SPOP missing 1", "~0"),
        ("SPOP s 1", "~1 1"),
    ] {
        assert_eq!(s.run(line), reply, "{line}");
    }
}

#[test]
fn what_a_dead_value_replaces_is_deleted_as_the_setting_says() {
    let mut b = Bench::new();
    b.run("SET source v");
    let payload = tabdis::rdb::dump(b.engine.ks.peek(b"source").unwrap(), 11);
    for (setting, effect) in [("no", "DEL k"), ("yes", "UNLINK k")] {
        b.run(&format!("CONFIG SET lazyfree-lazy-server-del {setting}"));
        b.run("SET k v");
        b.left();
        // One ms after the epoch is long past.
        let argv: [&[u8]; 6] = [b"RESTORE", b"k", b"1", &payload, b"REPLACE", b"ABSTTL"];
        assert!(b.engine.call(b.me, &argv, b.now));
        assert_eq!(b.output(b.me), "+OK");
        assert_eq!(b.left(), (effect.to_string(), "del".to_string()));
    }
}

#[test]
fn who_listens_gets_what_the_log_does_not_want() {
    let mut s = Bench::new();
    s.engine.ks.effects.record(false);
    s.engine.ks.effects.listen(true);
    s.run("SET k v");
    // The log may come and go meanwhile.
    s.engine.ks.effects.record(true);
    s.engine.ks.effects.record(false);
    s.run("SET k w");
    s.engine.ks.effects.listen(false);
    s.run("SET k x");
    let out = String::from_utf8(s.engine.effects().clone()).unwrap();
    assert!(out.contains("\r\nv\r\n") && out.ends_with("\r\nw\r\n"), "{out}");
}
