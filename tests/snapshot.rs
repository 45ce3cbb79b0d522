//! Snapshots in slices: whatever is written meanwhile, of whatever size, the file is of the one instant at which it began.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;

use common::data::fill;
use common::leader::Leader;
use common::peer::Peer;
use common::{Content, assert_same, content, content_and_encodings};
use tabdis::base::rng::Rng;
use tabdis::ds::hash::Hash;
use tabdis::ds::json::{self, Json};
use tabdis::ds::list::List;
use tabdis::ds::set::Set;
use tabdis::ds::stream::{Group, Id, Pending, Stream};
use tabdis::ds::vector::{Quant, VectorSet};
use tabdis::ds::zset::Zset;
use tabdis::engine::value::Object;
use tabdis::engine::{Keyspace, Ttl};
use tabdis::rdb::{self, LoadOptions, Options, Writer};

const NOW: u64 = common::data::NOW;
/// How many snapshots are taken under load.
const ROUNDS: u64 = 60;
/// A string longer than this is written in pieces.
const LONG: usize = 256 << 10;

fn options() -> Options {
    Options { now: NOW, version: 12, ..Default::default() }
}

/// Everything, keys that are due included.
fn all(ks: &mut Keyspace) -> Content {
    let now = std::mem::replace(&mut ks.now, 0);
    let all = content(ks);
    ks.now = now;
    all
}

/// What a save that stops everything would keep: encodings too, as far as a file keeps them.
fn saved(ks: &mut Keyspace) -> Content {
    let now = std::mem::replace(&mut ks.now, 0);
    let file = rdb::save(ks, options());
    ks.now = now;
    content_and_encodings(&mut loaded(&file))
}

fn loaded(file: &[u8]) -> Keyspace {
    let mut ks = Keyspace::new(16, 9);
    let options = LoadOptions { keep_due: true, ..Default::default() };
    rdb::load(&mut ks, file, options).unwrap_or_else(|why| panic!("the file does not load: {why}"));
    ks
}

fn begin(ks: &mut Keyspace) {
    let writer = Writer::new(ks, options());
    ks.snapshot_begin(Box::new(writer));
}

fn end(ks: &mut Keyspace, file: &mut Vec<u8>) {
    let mut sink = ks.snapshot_end().unwrap();
    sink.finish();
    file.extend(sink.take());
}

/// Takes a snapshot in slices of these sizes, and does something after each.
fn in_slices(ks: &mut Keyspace, mut room: impl FnMut() -> usize, mut meanwhile: impl FnMut(&mut Keyspace)) -> Vec<u8> {
    let mut file = Vec::new();
    begin(ks);
    while ks.snapshot_step(room()) {
        file.extend(ks.snapshot_take());
        meanwhile(ks);
    }
    end(ks, &mut file);
    file
}

fn noise(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.u64() as u8).collect()
}

fn put(ks: &mut Keyspace, key: &str, object: Object) {
    let db = [0, 1, 2, 15][key.len() % 4];
    ks.in_db(db, |ks| ks.set_object(key.as_bytes(), object, Ttl::Clear));
}

/// One key of every type with many elements, or long ones, that no slice can write whole.
fn put_large(ks: &mut Keyspace, rng: &mut Rng, size: usize) {
    let long = noise(rng, LONG + 1 + size);
    let item = |n: usize| if n == size / 2 { long.clone() } else { format!("item-{n}").into_bytes() };
    ks.set_text(b"long", &long, Ttl::At(NOW + 9));
    ks.set_text(&long, b"under a long key", Ttl::Clear);
    let (mut list, mut set, mut zset) = (List::new(), Set::new(), Zset::new());
    let (mut hash, mut volatile) = (Hash::new(), Hash::new());
    for n in 0..size {
        list.push_back(&item(n), ks.limits.list);
        set.add(&item(n), &ks.limits.set, ks.seed);
        zset.set(&item(n), n as f64 / 3.0, &ks.limits.zset, ks.seed);
        hash.set(&item(n), &item(n + 1), &ks.limits.hash, ks.seed);
        volatile.set(&item(n), b"v", &ks.limits.hash, ks.seed);
        if n % 3 == 0 {
            volatile.set_expire(&item(n), Some(NOW + 1_000_000 + n as u64), ks.seed);
        }
    }
    put(ks, "list", Object::List(list));
    put(ks, "a-set", Object::Set(set));
    put(ks, "a-zset", Object::Zset(zset));
    put(ks, "a--hash", Object::Hash(hash));
    put(ks, "volatile", Object::Hash(volatile));
    put(ks, "stream--", Object::Stream(large_stream(ks, size, &long)));
    let text = String::from_utf8_lossy(&long).into_owned();
    let items: Vec<String> = (0..size).map(|n| format!("{{\"n\":[{n},{{}}],\"é\\n\":\"ü{n}\"}}")).collect();
    let text = format!("{{\"all\":[{}],\"long\":{}}}", items.join(","), serde_json::to_string(&text).unwrap());
    put(ks, "json", Object::Json(Json::new(json::parse(text.as_bytes()).unwrap())));
    let mut vectors = VectorSet::shaped(8, None, 4, Quant::Q8);
    for n in 0..size.min(400) {
        let packed = vectors.pack(&(0..8).map(|k| ((n * 7 + k) % 31) as f32).collect::<Vec<_>>());
        vectors.set(&item(n), &packed, 10);
    }
    put(ks, "vectors", Object::VectorSet(vectors));
}

fn large_stream(ks: &Keyspace, size: usize, long: &[u8]) -> Stream {
    let (mut stream, mut group) = (Stream::new(), Group::default());
    let consumers: Vec<_> = (0..40).map(|n| group.add(format!("c{n}").as_bytes(), NOW - n)).collect();
    for n in 0..size {
        let id = Id::new(1 + n as u64 / 3, n as u64);
        let value = if n == size / 2 { long } else { b"value" };
        stream.append(id, &[b"field", value], &ks.limits.stream).unwrap();
        let consumer = consumers[n * n % consumers.len()];
        group.assign(Pending { id, delivered_ms: NOW, deliveries: 1, consumer });
    }
    for n in 0..size / 10 {
        stream.add_group(format!("empty{n}").as_bytes(), Group::default());
    }
    stream.add_group(b"group", group);
    stream.add_group(long, Group::default());
    stream
}

#[test]
fn a_file_is_the_same_in_whatever_slices() {
    let (mut ks, mut rng) = (Keyspace::new(16, 9), Rng::new(21));
    fill(&mut ks, &mut rng, 150);
    put_large(&mut ks, &mut rng, 700);
    let whole = in_slices(&mut ks, || usize::MAX, |_| unreachable!("one slice takes all"));
    assert_same(&all(&mut loaded(&whole)), &all(&mut ks));
    assert_same(&content_and_encodings(&mut loaded(&whole)), &saved(&mut ks));
    for most in [1, 60, 1_000, 30_000, 1_000_000] {
        let mut slices = 0;
        let file = in_slices(&mut ks, || rng.below(most), |_| slices += 1);
        assert!(file == whole, "slices of up to {most}");
        assert!(slices * (most + 1_000) > file.len() / 4, "{slices} slices of up to {most}");
    }
}

#[test]
fn a_slice_is_bounded_whatever_the_values() {
    let (mut ks, mut rng) = (Keyspace::new(16, 9), Rng::new(22));
    put_large(&mut ks, &mut rng, 3_000);
    let mut most = 0;
    begin(&mut ks);
    while ks.snapshot_step(10_000) {
        most = most.max(ks.snapshot_take().len());
    }
    // What is written at once, a string that might be compressed or a node, comes on top.
    assert!(most < 10_000 + 16_000, "{most} bytes");
}

/// Changes every key there is, in ways that leave nothing of it as it was.
fn change(ks: &mut Keyspace, rng: &mut Rng) {
    let db = [0, 1, 2, 15][rng.below(4)];
    ks.in_db(db, |ks| {
        let Some(key) = ks.random_key() else { return };
        match rng.below(12) {
            0 => _ = ks.delete(&key),
            1 => _ = ks.unlink(&key),
            2 => _ = ks.set_expire(&key, Some(NOW + 77)),
            3 => ks.set_text(&key, b"new", Ttl::Clear),
            4 => {
                let entry = ks.take(&key).unwrap();
                ks.in_db(3, |ks| ks.adopt(&key, entry));
            }
            5 if rng.below(8) == 0 => _ = ks.flush([None, Some(10)][rng.below(2)]),
            6 if rng.below(4) == 0 => ks.swap(0, 15),
            7 => _ = ks.graves.free(100),
            8 => ks.set_text(format!("new{}", rng.below(1_000)).as_bytes(), b"v", Ttl::Clear),
            _ => touch_inside(ks, &key),
        }
    });
}

/// Changes something within the value.
fn touch_inside(ks: &mut Keyspace, key: &[u8]) {
    let (limits, seed) = (ks.limits, ks.seed);
    if let Ok(Some(list)) = ks.get_mut::<List>(key) {
        list.pop_front(limits.list);
    } else if let Ok(Some(set)) = ks.get_mut::<Set>(key) {
        set.pop_random(&mut Rng::new(1));
    } else if let Ok(Some(zset)) = ks.get_mut::<Zset>(key) {
        zset.set(b"item-0", -5.5, &limits.zset, seed);
    } else if let Ok(Some(hash)) = ks.get_mut::<Hash>(key) {
        hash.set(b"item-0", b"other", &limits.hash, seed);
    } else if let Ok(Some(stream)) = ks.get_mut::<Stream>(key) {
        stream.remove_group(b"group");
    } else if let Ok(Some(text)) = ks.raw_text(key) {
        text.push(b'!');
    }
    ks.delete_if_empty(key);
}

#[test]
fn large_values_are_of_one_instant_whatever_is_done_to_them() {
    for seed in 0..8 {
        let (mut ks, mut rng) = (Keyspace::new(16, seed), Rng::new(seed));
        ks.now = NOW;
        fill(&mut ks, &mut rng, 40);
        put_large(&mut ks, &mut rng, 300);
        let want = all(&mut ks);
        let most = [500, 20_000, 200_000][seed as usize % 3];
        let mut chance = Rng::new(seed + 1_000);
        let file = in_slices(
            &mut ks,
            || 1 + rng.below(most),
            |ks| {
                (0..chance.below(3)).for_each(|_| change(ks, &mut chance));
            },
        );
        assert_same(&all(&mut loaded(&file)), &want);
    }
}

#[test]
fn a_snapshot_under_random_commands_is_of_one_instant() {
    let seed = common::seed(5);
    let mut leader = Leader::new(seed, NOW, |_| true);
    leader.peer.engine.server.memory = || 1_000;
    let mut rng = Rng::new(seed);
    let (mut slices, mut evicted) = (0, 0);
    for round in 0..common::steps(ROUNDS) {
        leader.work(300);
        let ks = &mut leader.peer.engine.ks;
        (ks.lazily.user_del, ks.lazily.server_del) = (rng.below(2) == 0, rng.below(2) == 0);
        (ks.lazily.expire, ks.lazily.user_flush) = (rng.below(2) == 0, rng.below(2) == 0);
        if round % 3 == 0 {
            put_large(ks, &mut rng, 200);
        }
        let want = [all(ks), saved(ks)];
        let mut file = Vec::new();
        begin(ks);
        while leader.peer.engine.ks.snapshot_step(1 + rng.below(4_000)) {
            file.extend(leader.peer.engine.ks.snapshot_take());
            slices += 1;
            leader.work(rng.below(4) as u64);
            about_many(&mut leader, &mut rng);
        }
        end(&mut leader.peer.engine.ks, &mut file);
        let mut found = loaded(&file);
        assert_same(&all(&mut found), &want[0]);
        assert_same(&content_and_encodings(&mut found), &want[1]);
        evicted = leader.peer.engine.ks.stats.evicted;
    }
    println!("{slices} slices, {} commands, {evicted} keys evicted", leader.commands);
    assert!(evicted > 0);
}

/// Now and then, a command about a large key or about many keys.
fn about_many(leader: &mut Leader, rng: &mut Rng) {
    let large = ["list", "a-set", "a-zset", "a--hash", "volatile", "stream--", "json", "vectors", "long"][rng.below(9)];
    let line = match rng.below(900) {
        0 => ["FLUSHDB", "FLUSHDB ASYNC", "FLUSHALL", "FLUSHALL SYNC"][rng.below(4)].to_string(),
        1..4 => ["SWAPDB 0 1", "SWAPDB 15 0", "SWAPDB 1 2"][rng.below(3)].to_string(),
        4 => "CONFIG SET maxmemory-policy allkeys-random maxmemory 900".to_string(),
        5..9 => "CONFIG SET maxmemory 0".to_string(),
        9..20 => format!("RENAME {large} other"),
        20..30 => format!("MOVE {large} 7"),
        30..40 => format!("COPY {large} copy REPLACE"),
        40..50 => format!("UNLINK {large}"),
        50..60 => format!("PEXPIRE {large} {}", rng.below(300)),
        60..70 => format!("ZADD a-zset {} item-{}", rng.below(90), rng.below(90)),
        70..80 => format!("HSET a--hash item-{} x", rng.below(90)),
        80..90 => format!("HPEXPIRE volatile 50 FIELDS 1 item-{}", rng.below(90)),
        90..100 => format!("XADD stream-- * f {}", rng.below(90)),
        100..110 => format!("SELECT {}", [0, 1, 2, 15][rng.below(4)]),
        _ => return,
    };
    let argv: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    leader.peer.send(90, &argv);
    leader.peer.arrived(90);
}
