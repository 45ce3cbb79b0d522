//! Fuzz of what nodes say to one another: real messages with words and bytes changed, to a tab, to a server, and to a page from a server.
//! Nothing panics, and who has heard nonsense goes on with the others.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;
#[path = "upstream/far.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod far;

use common::spoil::spoil;
use far::Far;
use tabdis::base::rng::Rng;
use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto};
use tabdis::replica::{self, Node, Terms};
use tabdis::resp::{encode, parse};

const STEPS: u64 = 20_000;
const START: u64 = 1_700_000_000_000;

/// Words that are numbers, lists, names, and none of them.
const TELLING: &[&[u8]] = &[
    b"",
    b"0",
    b"1",
    b"-1",
    b"4611686018427387903",
    b"4611686018427387904",
    b"18446744073709551615",
    b"1:0 2:90",
    b"9:9 1:1",
    b"*",
    b"server",
    b"page0",
    b"tab1",
    b"many",
    b"atomic",
    b"*1\r\n$4\r\nPING\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*1\r\n$8\r\nSHUTDOWN\r\n",
    b"$-1\r\n",
    b"\xff\xfe\x00",
];

/// Messages of a frame, word by word.
fn words(frame: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut parser = parse::Parser::trusted();
    let (mut at, mut all) = (0, Vec::new());
    while let Ok(Some(message)) = parser.next(&frame[at..]) {
        at += message.consumed;
        all.push(message.argv().iter().map(|word| word.to_vec()).collect());
    }
    all
}

/// A frame made of real ones, with something changed.
fn twisted(rng: &mut Rng, frames: &[Vec<u8>]) -> Vec<u8> {
    let any = |rng: &mut Rng| frames[rng.below(frames.len())].clone();
    let frame = any(rng);
    if rng.below(3) == 0 {
        let other = any(rng);
        return spoil(rng, &frame, &other);
    }
    let mut messages = words(&frame);
    if rng.below(4) == 0 {
        messages.extend(words(&any(rng)));
    }
    for message in &mut messages {
        for _ in 0..rng.below(3) {
            // The words before are who it is from and in which version.
            let at = [rng.below(message.len()), message.len() - 1, 2.min(message.len() - 1)][rng.below(3)];
            match rng.below(5) {
                0 => drop(message.remove(at)),
                1 => message.insert(at, TELLING[rng.below(TELLING.len())].to_vec()),
                2 => {
                    let other = any(rng);
                    let other = words(&other);
                    if let Some(word) = other.first().and_then(|other| other.get(at)) {
                        message[at] = word.clone();
                    }
                }
                _ => message[at] = TELLING[rng.below(TELLING.len())].to_vec(),
            }
            if message.is_empty() {
                message.push(b"tabdis".to_vec());
            }
        }
    }
    let mut out = Vec::new();
    for message in &messages {
        encode::command(&mut out, &message.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    out
}

/// Pages and a server that have said all there is to say.
fn talked(seed: u64) -> Far {
    let mut far = Far::new(seed);
    far.at_server(&["ACL", "SETUSER", "alice", "on", "nopass", "~a:*", "+@all"]);
    let pages = [far.open("default", true), far.open("default", false), far.open("alice", true)];
    for n in 0..600 {
        far.step();
        let at = pages[n % 3];
        match n % 40 {
            0 => far.ask(at, &["RPUSH", "a:list", "x", "y"]),
            10 => far.ask_many(at, &[&["INCR", "a:n"], &["APPEND", "a:text", &"long ".repeat(100)]]),
            20 => far.ask(at, &["BLPOP", "a:nothing", "0.01"]),
            30 if n % 200 == 190 => far.cut(at),
            _ => {}
        }
    }
    far.calm();
    far
}

#[test]
fn a_server_that_hears_nonsense_goes_on_with_others() {
    let (mut rng, mut far) = (Rng::new(common::seed(1)), talked(3));
    let frames: Vec<Vec<u8>> = far.pages.iter().flat_map(|page| page.said.clone()).collect();
    let (mut id, mut refused) = (1_000_000, 0);
    for n in 0..common::steps(STEPS) {
        let now = far.now;
        if n % 50 == 0 {
            far.hub.leave(&mut far.server, id);
            id += 1;
            far.hub
                .join(&mut far.server, id, [&b"alice"[..], b"default"][rng.below(2)], "stranger", now)
                .expect("a user");
        }
        let frame = twisted(&mut rng, &frames);
        if far.hub.receive(&mut far.server, id, &frame, now).is_err() {
            refused += 1;
            far.hub.leave(&mut far.server, id);
        }
        if n % 20 == 0 {
            far.step();
        }
    }
    far.hub.leave(&mut far.server, id);
    println!("{refused} connections ended for what they said");
    far.calm();
    let digest = far.server_says(&["DEBUG", "DIGEST"]);
    for at in 0..2 {
        assert_eq!(far.says(at, &["DEBUG", "DIGEST"]), digest, "page {at}");
    }
    for at in 0..3 {
        let key = ["still", "still", "a:still"][at];
        assert_eq!(far.answer(at, &["SET", key, "here"]), "+OK\r\n");
    }
}

#[test]
fn a_page_that_hears_nonsense_still_answers() {
    let (mut rng, mut far) = (Rng::new(common::seed(2)), talked(4));
    let frames: Vec<Vec<u8>> = far.pages.iter().flat_map(|page| page.heard.clone()).collect();
    for n in 0..common::steps(STEPS) {
        let now = far.now;
        let page = &mut far.pages[(n % 3) as usize];
        let frame = twisted(&mut rng, &frames);
        page.node.upstream_receive(&mut page.engine, &frame, now);
        if n % 20 == 0 {
            far.step();
        }
    }
    // What it was told is not what is so; with a new connection to a server that is another one it gets everything anew.
    far.kill();
    far.calm();
    let digest = far.server_says(&["DEBUG", "DIGEST"]);
    for at in 0..2 {
        assert_eq!(far.says(at, &["DEBUG", "DIGEST"]), digest, "page {at}");
    }
}

#[test]
fn a_tab_that_hears_nonsense_still_answers() {
    let mut rng = Rng::new(common::seed(3));
    let tab = |name: &str| {
        let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed: 5, now: START });
        let node = Node::new(name, &mut engine, Terms::default(), replica::Options::default(), START);
        (engine, node)
    };
    let (mut leader, mut follower) = (tab("tab1"), tab("tab2"));
    leader.1.candidate(&mut leader.0, 1, &[], START);
    leader.1.lead(&mut leader.0, 1, START);
    let users = [leader.0.open("user", Proto::Resp2, START), follower.0.open("user", Proto::Resp2, START)];
    let mut frames = Vec::new();
    let mut now = START;
    for n in 0..400 {
        now += 5;
        let argv: &[&[u8]] = if n % 3 == 0 { &[b"RPUSH", b"list", b"x"] } else { &[b"INCR", b"n"] };
        let (tab, user) = if n % 2 == 0 { (&mut leader, users[0]) } else { (&mut follower, users[1]) };
        tab.0.call(user, argv, now);
        for (from, to) in [(0, 1), (1, 0), (0, 1)] {
            let tabs = [&mut leader, &mut follower];
            let [one, two] = tabs;
            let (from, to) = if from < to { (one, two) } else { (two, one) };
            from.1.tick(&mut from.0, now);
            for out in from.1.take_out() {
                to.1.receive(&mut to.0, &out.bytes, now);
                frames.push(out.bytes);
            }
        }
    }
    // A feed that is no whole unit: everything is had anew, and is the same then.
    let feed =
        frames.iter().rev().find(|frame| frame.windows(4).any(|four| four == b"FEED")).expect("there were changes");
    let mut half = words(feed).into_iter().find(|message| message[2] == b"FEED").expect("it has one");
    let offset = follower.0.ks.effects.offset();
    half[6] = offset.to_string().into_bytes();
    *half.last_mut().expect("the bytes") = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nha".to_vec();
    let mut frame = Vec::new();
    encode::command(&mut frame, &half.iter().map(Vec::as_slice).collect::<Vec<_>>());
    follower.1.receive(&mut follower.0, &frame, now);
    assert!(!follower.1.is_up(), "it knows that it has not everything");
    for _ in 0..100 {
        now += 5;
        for (from, to) in [(0, 1), (1, 0)] {
            let [one, two] = [&mut leader, &mut follower];
            let (from, to) = if from < to { (one, two) } else { (two, one) };
            from.1.tick(&mut from.0, now);
            for out in from.1.take_out() {
                to.1.receive(&mut to.0, &out.bytes, now);
            }
        }
    }
    assert!(follower.1.is_up());
    assert_eq!(follower.0.ks.effects.offset(), leader.0.ks.effects.offset());
    assert!(frames.len() > 300, "{}", frames.len());
    for n in 0..common::steps(STEPS) {
        now += 1;
        let tab = if n % 2 == 0 { &mut leader } else { &mut follower };
        let frame = twisted(&mut rng, &frames);
        tab.1.receive(&mut tab.0, &frame, now);
        tab.1.tick(&mut tab.0, now);
        tab.1.take_out();
        tab.1.take_wants();
        tab.1.take_log();
    }
    // It leads when it is told to, whatever it was told.
    let term = leader.1.promised() + 1;
    leader.1.candidate(&mut leader.0, term, &[], now);
    leader.1.lead(&mut leader.0, term, now);
    let user = leader.0.open("user", Proto::Resp2, now);
    leader.0.call(user, &[b"SET", b"still", b"here"], now);
    assert_eq!(leader.0.sessions.get(user).map(|session| session.out.bytes()), Some(&b"+OK\r\n"[..]));
}
