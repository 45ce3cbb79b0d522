//! Streams beyond their replies: effects, events, claims by the clock, and what a follower makes of it all.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::bench::Bench;
use common::engine::EnginePeer;
use common::peer::Peer;
use common::words::Vocabulary;
use tabdis::base::rng::Rng;
use tabdis::engine::row::Group;

#[test]
fn what_depends_on_clock_nodes_or_readers_is_logged_as_it_came_out() {
    let mut b = Bench::new();
    b.engine.ks.limits.stream.entries = 2;
    for (line, effects, events) in [
        ("XADD s * a 1", "XADD s 1000-0 a 1", "xadd"),
        ("XADD s * a 2", "XADD s 1000-1 a 2", "xadd"),
        ("XADD s 1000-* a 3", "XADD s 1000-2 a 3", "xadd"),
        ("XADD s 1001-5 a 4", "XADD s 1001-5 a 4", "xadd"),
        ("XADD s MAXLEN ~ 3 * a 5", "XADD s MAXLEN = 3 1001-6 a 5", "xadd xtrim"),
        ("XADD s MINID ~ 1000-5 NOMKSTREAM 1002 a 6", "XADD s MINID = 1000-2 1002-0 a 6", "xadd"),
        ("XADD s MAXLEN 3 1003-0 a 7", "XADD s MAXLEN 3 1003-0 a 7", "xadd xtrim"),
        ("XADD s DELREF MAXLEN ~ 9 1003-1 a 7", "XADD s DELREF MAXLEN = 4 1003-1 a 7", "xadd"),
        ("XTRIM s MAXLEN ~ 3", "", ""),
        ("XTRIM s MAXLEN ~ 2", "XTRIM s MAXLEN = 2", "xtrim"),
        ("XTRIM s MINID ~ 1003-1", "", ""),
        (
            "XADD s MINID ~ 9999 1004-0 a 8",
            "XADD s MINID = 18446744073709551615-18446744073709551615 1004-0 a 8",
            "xadd xtrim",
        ),
        ("XADD none NOMKSTREAM * a 1", "", ""),
        ("XADD s 1-1 a 1", "", ""),
        ("XDEL s 9-9", "", ""),
        ("XADD s 1005-0 a 9", "XADD s 1005-0 a 9", "xadd"),
        ("XADD s 1006-0 a 10", "XADD s 1006-0 a 10", "xadd"),
        ("XDEL s 1005-0 9-9", "XDEL s 1005-0 9-9", "xdel"),
        ("XSETID s 1007-0", "XSETID s 1007-0", "xsetid"),
        ("XGROUP CREATE s g 0", "XGROUP CREATE s g 0", "xgroup-create"),
        ("XGROUP CREATECONSUMER s g c", "XGROUP CREATECONSUMER s g c", "xgroup-createconsumer"),
        ("XGROUP CREATECONSUMER s g c", "", ""),
        (
            "XREADGROUP GROUP g me STREAMS s >",
            "MULTI XGROUP CREATECONSUMER s g me \
             XCLAIM s g me 0 1006-0 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 1006-0 \
             XGROUP SETID s g 1006-0 ENTRIESREAD 11 EXEC",
            "xgroup-createconsumer",
        ),
        ("XREADGROUP GROUP g me STREAMS s >", "", ""),
        (
            "XREADGROUP GROUP g me STREAMS s 0",
            "XCLAIM s g me 0 1006-0 TIME 1000 RETRYCOUNT 2 FORCE JUSTID LASTID 1006-0",
            "",
        ),
        (
            "XCLAIM s g c 0 1006-0 IDLE 400 RETRYCOUNT 9",
            "XCLAIM s g c 0 1006-0 TIME 600 RETRYCOUNT 9 FORCE JUSTID LASTID 1006-0",
            "",
        ),
        ("XCLAIM s g c 5000 1006-0", "", ""),
        ("XCLAIM s g c 0 9-9 LASTID 1006-5", "XGROUP SETID s g 1006-5 ENTRIESREAD 11", ""),
        ("XACK s g 1006-0 9-9", "XACK s g 1006-0 9-9", ""),
        ("XACK s g 1006-0", "", ""),
        ("XADD s 1008-0 a 1", "XADD s 1008-0 a 1", "xadd"),
        ("XREADGROUP GROUP g me NOACK STREAMS s >", "XGROUP SETID s g 1008-0 ENTRIESREAD 12", ""),
        ("XADD s 1009-0 a 1", "XADD s 1009-0 a 1", "xadd"),
        (
            "XREADGROUP GROUP g me STREAMS s >",
            "MULTI XCLAIM s g me 0 1009-0 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 1009-0 \
             XGROUP SETID s g 1009-0 ENTRIESREAD 13 EXEC",
            "",
        ),
        ("XAUTOCLAIM s g c 0 0 JUSTID", "XCLAIM s g c 0 1009-0 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 1009-0", ""),
        ("XDELEX s ACKED IDS 1 1009-0", "", ""),
        ("XACKDEL s g IDS 1 1009-0", "XACKDEL s g IDS 1 1009-0", "xdel"),
        ("XGROUP DELCONSUMER s g c", "XGROUP DELCONSUMER s g c", "xgroup-delconsumer"),
        ("XGROUP DELCONSUMER s g c", "", ""),
        ("XGROUP SETID s g 0", "XGROUP SETID s g 0", "xgroup-setid"),
        ("XGROUP DESTROY s g", "XGROUP DESTROY s g", "xgroup-destroy"),
        ("XGROUP DESTROY s g", "", ""),
        ("XGROUP CREATE t g 0 MKSTREAM", "XGROUP CREATE t g 0 MKSTREAM", "xgroup-create"),
        ("XGROUP SETID t g 5 ENTRIESREAD 9", "XGROUP SETID t g 5 ENTRIESREAD 0", "xgroup-setid"),
        ("XGROUP CREATE t h 5 ENTRIESREAD 9 MKSTREAM", "XGROUP CREATE t h 5 MKSTREAM ENTRIESREAD 0", "xgroup-create"),
        ("XTRIM s MAXLEN 0", "XTRIM s MAXLEN 0", "xtrim"),
    ] {
        let (effects, events) = (effects.to_string(), events.to_string());
        assert_eq!(b.traces(line), (effects, events), "{line}");
    }
}

#[test]
fn reading_again_and_acknowledging_change_no_watched_key() {
    let mut b = Bench::new();
    let other = b.open();
    for line in ["XADD s 1-0 a 1", "XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g me", "WATCH s"] {
        b.run(line);
    }
    b.run_as(other, "XREADGROUP GROUP g me STREAMS s >");
    b.run_as(other, "XACK s g 1-0");
    b.run("MULTI");
    b.run("PING");
    assert_eq!(b.run("EXEC"), "+PONG");
}

#[test]
fn one_read_counts_as_one_change_and_reading_again_as_none() {
    let mut b = Bench::new();
    for line in ["XADD s 1-0 a 1", "XADD s 2-0 a 1", "XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g me"] {
        b.run(line);
    }
    let before = b.engine.ks.dirty;
    b.run("XREADGROUP GROUP g me STREAMS s >");
    assert_eq!(b.engine.ks.dirty, before + 1);
    b.run("XREADGROUP GROUP g me STREAMS s 0");
    assert_eq!(b.engine.ks.dirty, before + 1);
    b.run("XREADGROUP GROUP g new STREAMS s 0");
    assert_eq!(b.engine.ks.dirty, before + 2);
}

#[test]
fn claims_come_before_new_entries_those_that_wait_longest_first() {
    let mut b = Bench::new();
    for n in 1..=5 {
        b.run(&format!("XADD s {n}-0 a {n}"));
    }
    b.run("XGROUP CREATE s g 0");
    b.run("XREADGROUP GROUP g alice COUNT 2 STREAMS s >");
    b.now = 1_500;
    b.run("XREADGROUP GROUP g alice COUNT 2 STREAMS s >");
    b.run("XCLAIM s g alice 0 2-0 JUSTID");
    b.now = 1_600;
    assert_eq!(
        b.run("XREADGROUP GROUP g bob CLAIM 100 COUNT 3 STREAMS s >"),
        "1-0 a 1 :600 :1 2-0 a 2 :100 :1 3-0 a 3 :100 :1".replace("1-0 a", "s 1-0 a")
    );
    assert_eq!(b.run("XREADGROUP GROUP g bob CLAIM 100 STREAMS s >"), "s 4-0 a 4 :100 :1 5-0 a 5 :0 :0");
    assert_eq!(b.run("XREADGROUP GROUP g bob CLAIM 100 STREAMS s >"), "(nil)");
    assert_eq!(b.run("XPENDING s g"), ":5 1-0 5-0 bob 5");
    b.now = 1_700;
    assert_eq!(b.run("XREADGROUP GROUP g bob CLAIM 100 COUNT 1 NOACK STREAMS s >"), "s 1-0 a 1 :100 :2");
}

#[test]
fn a_reader_that_waits_takes_over_what_becomes_idle() {
    let mut b = Bench::new();
    let (waiter, late) = (b.open(), b.open());
    b.run("XADD s 1-0 a 1");
    b.run("XADD t 1-0 a 1");
    b.run("XGROUP CREATE s g 0");
    b.run("XGROUP CREATE t g $");
    b.run("XREADGROUP GROUP g alice STREAMS s >");
    b.now = 1_100;
    assert_eq!(b.run_as(waiter, "XREADGROUP GROUP g bob BLOCK 0 CLAIM 300 STREAMS t s > >"), "");
    assert_eq!(b.run_as(late, "XREADGROUP GROUP g eve BLOCK 900 CLAIM 300 STREAMS s >"), "");
    assert_eq!(b.engine.next_wake(), Some(1_300));
    b.now = 1_200;
    b.run("XCLAIM s g alice 0 1-0 JUSTID");
    // The time at which to look was that of the delivery before; it is looked at, and set anew.
    b.engine.tick(1_300);
    assert_eq!((b.output(waiter), b.engine.next_wake()), (String::new(), Some(1_500)));
    b.engine.tick(1_500);
    assert_eq!(b.output(waiter), "s 1-0 a 1 :300 :1");
    // The other waits on, until it has been as long again.
    assert_eq!((b.output(late), b.engine.server.blocked), (String::new(), 1));
    assert_eq!(b.engine.next_wake(), Some(1_800));
    b.now = 1_600;
    b.run("XACK s g 1-0");
    b.engine.tick(1_800);
    assert_eq!((b.output(late), b.engine.next_wake()), (String::new(), Some(2_000)));
    b.engine.tick(2_000);
    assert_eq!((b.output(late), b.engine.next_wake()), ("(nil)".to_string(), None));
}

#[test]
fn a_follower_has_the_same_streams_whatever_is_done_to_them() {
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        let mut peer = EnginePeer::at(seed, 1_700_000_000_000);
        peer.record();
        peer.engine.ks.limits.stream.entries = [1, 3, 100][rng.below(3)];
        let mut shadow = EnginePeer::at(seed + 100, 1_700_000_000_000);
        shadow.engine.ks.limits.stream = peer.engine.ks.limits.stream;
        let vocabulary = Vocabulary::new(|slot| {
            slot.row.group == Group::Stream || ["del", "rename", "copy"].contains(&slot.full_name.as_str())
        });
        for step in 0..6_000 {
            let client = rng.below(3);
            if peer.waits(client) {
                continue;
            }
            let argv = vocabulary.command(&mut rng);
            peer.send(client, &argv);
            peer.arrived(client);
            if rng.below(10) == 0 {
                peer.advance(peer.now + rng.below(50) as u64);
            }
            if step % 50 == 0 {
                shadow.replay(&std::mem::take(&mut peer.effects)).unwrap();
                common::assert_same(&shadow.content(), &peer.content());
            }
        }
    }
}
