//! Pages and a server in a simulated world: connections break, the server is killed, changes are queued meanwhile. All come to the same
//! data, every change that was answered is done once, and nobody learns of keys that are not its own. `TABDIS_SEEDS=10000 cargo test
//! --release --features server --test upstream` runs so many worlds; `TABDIS_SEED=n` one of them again.
#![cfg(not(target_family = "wasm"))]

mod common;
#[path = "upstream/far.rs"]
mod far;

use common::number_from_env;
use common::transcript::{Action, Case};
use far::{Far, Page};
use std::collections::BTreeSet;
use tabdis::engine::keys::{self, access};
use tabdis::engine::resolve;
use tabdis::engine::row::Slot;

/// The seeds to run.
fn seeds(count: u64) -> std::ops::Range<u64> {
    match number_from_env("TABDIS_SEED", 0) {
        0 => 1..1 + number_from_env("TABDIS_SEEDS", count),
        seed => seed..seed + 1,
    }
}

/// A user asks for something.
fn ask_for_something(far: &mut Far, at: usize) {
    let n = far.below(3);
    match far.below(6) {
        0 | 1 => {
            let value = far.value();
            far.ask(at, &["RPUSH", &format!("list{n}"), &value]);
        }
        2 => far.ask(at, &["INCR", &format!("count{n}")]),
        3 => {
            let value = far.value();
            far.ask(at, &["SADD", "set", &value]);
        }
        4 => far.ask(at, &["LPOP", &format!("list{n}")]),
        _ => far.ask_many(at, &[&["INCR", "both"], &["INCR", &format!("count{n}")]]),
    }
}

fn live_through(seed: u64, queues: bool) -> Far {
    let mut far = Far::new(seed);
    let count = 1 + far.below(5) as usize;
    for _ in 0..count {
        far.open("default", queues);
    }
    for _ in 0..2_000 {
        far.step();
        let at = far.below(count as u64) as usize;
        match far.below(200) {
            0 => far.cut(at),
            1 if far.below(10) == 0 => far.kill(),
            2 => far.pages[at].offline_until = far.now + far.rng.u64() % 300,
            3..60 => ask_for_something(&mut far, at),
            _ => {}
        }
    }
    far.calm();
    far
}

fn check(far: &mut Far, seed: u64) {
    let again = format!("again with TABDIS_SEED={seed}");
    let digest = far.server_says(&["DEBUG", "DIGEST"]);
    for at in 0..far.pages.len() {
        assert_eq!(far.pages[at].pending(), 0, "page {at} has things to be done; {again}");
        assert!(far.pages[at].busy.is_empty(), "page {at} was never answered {:?}; {again}", far.pages[at].busy);
        assert_eq!(far.says(at, &["DEBUG", "DIGEST"]), digest, "page {at} has other data; {again}");
    }
    let mut seen = BTreeSet::new();
    let popped: Vec<String> = far.popped.clone();
    let lists = ["list0", "list1", "list2"].map(|list| far.server_says(&["LRANGE", list, "0", "-1"]));
    let set = far.server_says(&["SMEMBERS", "set"]);
    let all = lists.iter().chain([&set]).flat_map(|text| text.lines()).filter(|line| line.starts_with('v'));
    for value in all.chain(popped.iter().map(String::as_str)) {
        seen.insert(value.to_string());
    }
    let on_lists: Vec<&str> = lists.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with('v')).collect();
    assert_eq!(on_lists.iter().collect::<BTreeSet<_>>().len(), on_lists.len(), "something was done twice; {again}");
    for value in &far.pushed_to_sets {
        assert!(seen.contains(value), "{value} is lost; {again}");
    }
    for count in ["count0", "count1", "count2", "both"] {
        let text = far.server_says(&["GET", count]);
        let sum: i64 = text.lines().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
        let (done, unsure) = far.counted(count);
        assert!((done..=done + unsure).contains(&sum), "{count} is {sum}, not {done} to {}; {again}", done + unsure);
    }
}

#[test]
fn pages_that_wait() {
    for seed in seeds(60) {
        check(&mut live_through(seed, false), seed);
    }
}

#[test]
fn pages_that_queue() {
    let (mut queued, mut kills) = (0, 0);
    for seed in seeds(60) {
        let mut far = live_through(seed, true);
        check(&mut far, seed);
        (queued, kills) = (queued + far.queued, kills + far.kills);
    }
    println!("{queued} changes queued, {kills} times the server was killed; none lost, none doubled");
}

/// What an administrator does at the server, with keys of all.
fn administrate(far: &mut Far) {
    let key = |far: &mut Far| {
        let owner = ["a", "b", "shared", "other"][far.below(4) as usize];
        format!("{owner}:{}", far.below(4))
    };
    let (one, two, three) = (key(far), key(far), key(far));
    let (value, ms) = (far.value(), (1 + far.below(300)).to_string());
    match far.below(14) {
        0 => far.at_server(&["SET", &one, &value]),
        1 => far.at_server(&["RENAME", &one, &two]),
        2 => far.at_server(&["COPY", &one, &two, "REPLACE"]),
        3 => far.at_server(&["SUNIONSTORE", &one, &two, &three]),
        4 => far.at_server(&["SADD", &one, &value]),
        5 => far.at_server(&["MSET", &one, &value, &two, &value]),
        6 => far.at_server(&["RPUSH", &one, &value]),
        7 => far.at_server(&["LMOVE", &one, &two, "LEFT", "RIGHT"]),
        8 => far.at_server(&["DEL", &one, &two]),
        9 => far.at_server(&["PEXPIRE", &one, &ms]),
        10 => far.at_server(&["BITOP", "OR", &one, &two, &three]),
        11 => far.at_server(&["MOVE", &one, "1"]),
        12 if far.below(20) == 0 => far.at_server(&["SWAPDB", "0", "1"]),
        12 => far.at_server(&["SORT", &one, "ALPHA", "STORE", &two]),
        _ => far.at_server(&["APPEND", &one, &value]),
    }
}

/// What a user may read is here, key by key as it is at the server, and nothing else.
fn compare(far: &mut Far, at: usize, may: &[&str], again: &str) {
    for db in ["0", "1"] {
        let keys = |text: String| -> BTreeSet<String> {
            text.lines().filter(|line| line.contains(':')).map(str::to_string).collect()
        };
        let there = keys(far.server_in(db, &["KEYS", "*"]));
        let there: BTreeSet<String> =
            there.into_iter().filter(|key| may.iter().any(|prefix| key.starts_with(prefix))).collect();
        let here = keys(far.page_in(at, db, &["KEYS", "*"]));
        assert_eq!(here, there, "page {at}, database {db}; {again}");
        for key in here {
            let value = |text: String| text;
            let (mine, its) = (
                far.page_in(at, db, &["DEBUG", "DIGEST-VALUE", &key]),
                far.server_in(db, &["DEBUG", "DIGEST-VALUE", &key]),
            );
            assert_eq!(value(mine), value(its), "{key} of page {at}, database {db}; {again}");
            let ends = |text: String| text;
            let (mine, its) = (far.page_in(at, db, &["PEXPIRETIME", &key]), far.server_in(db, &["PEXPIRETIME", &key]));
            assert_eq!(ends(mine), ends(its), "when {key} of page {at} ends; {again}");
        }
    }
}

#[test]
fn users_know_what_they_may_read_and_nothing_else() {
    for seed in seeds(60) {
        let mut far = Far::new(seed);
        far.at_server(&["ACL", "SETUSER", "alice", "on", "nopass", "~a:*", "~shared:*", "&a:*", "+@all"]);
        far.at_server(&["ACL", "SETUSER", "bob", "on", "nopass", "~b:*", "%R~shared:*", "+@all", "resetchannels"]);
        let alice = far.open("alice", true);
        let bob = far.open("bob", true);
        far.open("default", true);
        for _ in 0..2_000 {
            far.step();
            let at = far.below(3) as usize;
            match far.below(200) {
                0 => far.cut(at),
                1 if far.below(10) == 0 => far.kill(),
                2..20 => (0..1 + far.below(8)).for_each(|_| administrate(&mut far)),
                40..50 => {
                    let (key, value) = (["a:0", "b:0", "shared:1", "other:0"][far.below(4) as usize], far.value());
                    far.ask(at, &["APPEND", key, &value]);
                }
                _ => {}
            }
            let names = |page: &Page| page.keys_ever.clone();
            assert!(names(&far.pages[alice]).iter().all(|key| key.starts_with("a:") || key.starts_with("shared:")));
            assert!(names(&far.pages[bob]).iter().all(|key| key.starts_with("b:") || key.starts_with("shared:")));
        }
        far.calm();
        let again = format!("again with TABDIS_SEED={seed}");
        compare(&mut far, alice, &["a:", "shared:"], &again);
        compare(&mut far, bob, &["b:", "shared:"], &again);
        let denied = far.answer(bob, &["SET", "shared:1", "x"]);
        assert!(denied.starts_with("-NOPERM"), "{denied}");
        for about_all in [&["FLUSHALL"][..], &["FLUSHDB"], &["SWAPDB", "0", "1"], &["WAIT", "0", "0"]] {
            let denied = far.answer(alice, about_all);
            assert!(denied.starts_with("-NOPERM"), "{about_all:?}: {denied}");
        }
    }
}

/// What belongs to alice: a key of every type, in whose names and values is a word that nobody else may hear.
fn secrets(far: &mut Far) {
    for words in [
        &["SET", "a:hush:string", "hush"][..],
        &["RPUSH", "a:hush:list", "hush"],
        &["SADD", "a:hush:set", "hush"],
        &["ZADD", "a:hush:zset", "1", "hush"],
        &["HSET", "a:hush:hash", "hush", "hush"],
        &["XADD", "a:hush:stream", "1-1", "hush", "hush"],
        &["PFADD", "a:hush:hll", "hush"],
        &["GEOADD", "a:hush:geo", "13.3", "38.1", "hush"],
        &["SETEX", "a:hush:due", "1000", "hush"],
        &["XGROUP", "CREATE", "a:hush:stream", "hush", "0"],
    ] {
        far.at_server(words);
    }
}

/// The commands of a row's example, with their keys replaced by what `key` makes of them.
fn commands_of(slot: &Slot, key: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<Vec<u8>>> {
    let table = tabdis::cmd::table();
    let case = Case::from_example(&slot.full_name, slot.row.example);
    let sent = case.steps.into_iter().filter_map(|step| match step.action {
        Action::Send(argv) => Some(argv),
        _ => None,
    });
    sent.map(|mut argv| {
        let slices: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let row = table.find(slices[0]).and_then(|row| resolve(table, row, &slices).ok());
        let found = row.and_then(|row| keys::find(table.slot(row).row, &table.slot(row).full_name, &slices));
        for found in found.unwrap_or_default() {
            if found.flags & access::NOT_KEY == 0 {
                argv[found.at] = key(&argv[found.at]);
            }
        }
        argv
    })
    .collect()
}

#[test]
fn no_command_tells_one_tenant_of_another() {
    let mut far = Far::new(11);
    far.at_server(&["ACL", "SETUSER", "alice", "on", "nopass", "~a:*", "&a:*", "+@all"]);
    far.at_server(&["ACL", "SETUSER", "bob", "on", "nopass", "~b:*", "&b:*", "+@all"]);
    secrets(&mut far);
    let (alice, bob) = (far.open("alice", false), far.open("bob", false));
    far.calm();
    far.pages[bob].heard.clear();
    let rows: Vec<&Slot> = tabdis::cmd::table().slots().iter().filter(|slot| common::is_runnable(slot)).collect();
    // What alice does, whatever it is, is not even noticed.
    for slot in &rows {
        let own = |key: &[u8]| [b"a:hush:own:", key].concat();
        far.sent_on(alice, commands_of(slot, own));
        (0..3).for_each(|_| far.step());
        assert_eq!(far.pages[bob].heard.len(), 0, "{} of alice", slot.full_name);
    }
    // Whatever bob sends, with keys of alice, of his own, of nobody, he hears nothing of alice.
    let kinds = ["string", "list", "set", "zset", "hash", "stream", "hll", "geo", "due"];
    let mut asked = 0;
    for slot in &rows {
        for n in 0..kinds.len() + 2 {
            let key = |key: &[u8]| match kinds.get(n) {
                Some(kind) => format!("a:hush:{kind}").into_bytes(),
                None if n == kinds.len() => [b"b:", key].concat(),
                None => key.to_vec(),
            };
            let commands = commands_of(slot, key);
            let words = String::from_utf8_lossy(&commands.concat().concat()).into_owned();
            let says_it_himself = words.contains("hush");
            far.pages[bob].heard.clear();
            let answer = far.sent_on(bob, commands.clone());
            asked += commands.len();
            for frame in &far.pages[bob].heard {
                let heard = String::from_utf8_lossy(frame).into_owned();
                assert!(!heard.contains("hush"), "{words}: {heard}");
            }
            // Where he names a key of alice, there is nothing but refusals of what names one.
            if says_it_himself {
                assert!(answer.contains("-NOPERM") || answer.contains("-ERR"), "{words}: {answer}");
            }
        }
        // What names neither keys nor channels is about everybody's data, and is not for him.
        let nameless = commands_of(slot, <[u8]>::to_vec).into_iter().filter(|argv| {
            let slices: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
            let table = far.table();
            let row = table.find(slices[0]).and_then(|row| resolve(table, row, &slices).ok());
            let of_channels = argv[0].to_ascii_lowercase().ends_with(b"publish");
            !of_channels
                && row.is_some_and(|row| {
                    keys::find(table.slot(row).row, &table.slot(row).full_name, &slices).unwrap_or_default().is_empty()
                })
        });
        for argv in nameless.collect::<Vec<_>>() {
            let answer = far.sent_on(bob, vec![argv.clone()]);
            assert!(answer.starts_with('-'), "{}: {answer}", String::from_utf8_lossy(&argv.join(&b' ')));
        }
    }
    assert!(asked > 5_000, "{asked}");
    // And nothing was changed by it.
    far.calm();
    for kind in kinds {
        let digest = far.server_says(&["DEBUG", "DIGEST-VALUE", &format!("a:hush:{kind}")]);
        assert_eq!(digest, far.says(alice, &["DEBUG", "DIGEST-VALUE", &format!("a:hush:{kind}")]), "{kind}");
        assert_ne!(far.server_says(&["EXISTS", &format!("a:hush:{kind}")]), ":0\r\n", "{kind}");
    }
    assert!(far.pages[bob].keys_ever.iter().all(|key| key.starts_with("b:")), "{:?}", far.pages[bob].keys_ever);
}

#[test]
fn who_may_no_longer_read_is_cut_off() {
    let mut far = Far::new(7);
    far.at_server(&["ACL", "SETUSER", "alice", "on", "nopass", "~a:*", "+@all"]);
    far.at_server(&["MSET", "a:1", "one", "b:1", "two"]);
    let alice = far.open("alice", true);
    far.calm();
    assert!(far.says(alice, &["GET", "a:1"]).contains("one"));
    far.at_server(&["ACL", "SETUSER", "alice", "resetkeys", "~b:*"]);
    far.calm();
    assert!(far.says(alice, &["GET", "b:1"]).contains("two"));
    assert_eq!(far.says(alice, &["EXISTS", "a:1"]), ":0\r\n");
    far.at_server(&["ACL", "DELUSER", "alice"]);
    far.calm();
    assert_eq!(far.pages[alice].refused.as_deref(), Some("there is no such user, or it is off"));
}

#[test]
fn what_is_refused_leaves_the_queue_and_is_told() {
    let mut far = Far::new(9);
    let (one, two) = (far.open("default", true), far.open("default", true));
    far.answer(one, &["SET", "kind", "text"]);
    far.calm();
    far.pages[one].offline_until = far.now + 500;
    far.cut(one);
    far.pages[one].lost_for_certain(far.now);
    assert_eq!(far.answer(one, &["DEL", "kind"]), ":1\r\n");
    assert_eq!(far.answer(one, &["RPUSH", "kind", "a", "b"]), ":2\r\n");
    assert_eq!(far.answer(one, &["INCRBY", "n", "5"]), ":5\r\n");
    assert_eq!(far.pages[one].pending(), 3);
    // An error that is one anywhere is told at once, and does not wait.
    assert!(far.answer(one, &["INCR", "kind"]).starts_with("-WRONGTYPE"));
    assert_eq!(far.pages[one].pending(), 3);
    for cannot in [&["BLPOP", "kind", "0"][..], &["FLUSHALL"], &["PUBLISH", "news", "x"]] {
        let refused = far.answer(one, cannot);
        assert!(refused.starts_with("-MASTERDOWN") && refused.contains("cannot be queued"), "{cannot:?}: {refused}");
    }
    // Meanwhile the number becomes a list elsewhere.
    far.answer(two, &["RPUSH", "n", "elsewhere"]);
    far.calm();
    let refusals = far.pages[one].refusals.clone();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].starts_with("INCRBY n 5: WRONGTYPE"), "{refusals:?}");
    for at in [one, two] {
        assert_eq!(far.says(at, &["LRANGE", "n", "0", "-1"]), "*1\r\n$9\r\nelsewhere\r\n");
        assert_eq!(far.says(at, &["LRANGE", "kind", "0", "-1"]), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    }
}
