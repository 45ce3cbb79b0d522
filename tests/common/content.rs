//! The content of a keyspace in a form to compare, read past all commands; and the shortest way to an engine.

use std::collections::BTreeMap;
use tabdis::cmd;
use tabdis::ds::dict::Keyed;
use tabdis::ds::stream::{Id, Stream};
use tabdis::engine::entry::{Entry, Value};
use tabdis::engine::value::Object;
use tabdis::engine::{Engine, Keyspace, Options, Proto, SessionId};

pub fn engine(seed: u64) -> (Engine, SessionId) {
    let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed, now: 1_000 });
    let id = engine.open("test", Proto::Resp2, 1_000);
    (engine, id)
}

/// Runs a command whose words are separated by spaces and returns the reply's bytes.
pub fn run(engine: &mut Engine, id: SessionId, now: u64, line: &str) -> String {
    let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    engine.call(id, &argv, now);
    let out = engine.sessions.get_mut(id).expect("the session is open").out.bytes_mut();
    String::from_utf8_lossy(&std::mem::take(out)).into_owned()
}

/// Everything in a keyspace: (database, key) and a text of the rest. Independent of encodings and of order where there is none.
pub type Content = BTreeMap<(usize, Vec<u8>), String>;

pub fn content(ks: &mut Keyspace) -> Content {
    let mut all = Content::new();
    for db in 0..ks.db_count() {
        ks.in_db(db, |ks| {
            ks.iter().for_each(|entry| {
                let text = format!("{:?} {}", entry.expire(), value(entry));
                all.insert((db, entry.key().to_vec()), text);
            });
        });
    }
    all
}

/// Fails with the first key that differs.
#[track_caller]
pub fn assert_same(got: &Content, want: &Content) {
    if let Err(why) = compare(got, want) {
        panic!("{why}");
    }
}

/// Says which key differs first, and where.
pub fn compare(got: &Content, want: &Content) -> Result<(), String> {
    for key in want.keys().chain(got.keys()) {
        let [a, b] = [got, want].map(|all| all.get(key).map_or("nothing", String::as_str));
        if a != b {
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            let [a, b] = [a, b].map(|text| text.chars().skip(same.saturating_sub(60)).take(160).collect::<String>());
            let name: String = key.1.escape_ascii().to_string().chars().take(100).collect();
            return Err(format!("db {} key {name}\n got … {a}\nwant … {b}", key.0));
        }
    }
    Ok(())
}

/// The content with the words of OBJECT ENCODING.
pub fn content_and_encodings(ks: &mut Keyspace) -> Content {
    let mut all = content(ks);
    for ((db, key), text) in &mut all {
        text.push_str(ks.in_db(*db, |ks| ks.see_entry(key).expect("it was listed").encoding()));
    }
    all
}

/// A text of a value.
pub fn value(entry: &Entry) -> String {
    let sorted = |mut parts: Vec<String>| {
        parts.sort();
        parts.join(" ")
    };
    let show = |bytes: Vec<u8>| format!("{}", bytes.escape_ascii());
    match entry.value() {
        Value::Text(text) => format!("string {}", show(text.to_vec())),
        Value::Object(Object::List(list)) => {
            format!("list {}", list.iter().map(|e| show(e.to_vec())).collect::<Vec<_>>().join(" "))
        }
        Value::Object(Object::Set(set)) => format!("set {}", sorted(set.iter().map(|e| show(e.to_vec())).collect())),
        Value::Object(Object::Zset(zset)) => {
            // A small set keeps -0 as 0, as in Redis.
            let pairs: Vec<String> = zset.iter().map(|(m, s)| format!("{}={:?}", show(m.to_vec()), s + 0.0)).collect();
            format!("zset {}", pairs.join(" "))
        }
        Value::Object(Object::Hash(hash)) => {
            let pairs = hash.iter().map(|(f, v)| {
                let field = f.to_vec();
                let at = hash.expire_at(&field);
                format!("{}={}@{at:?}", show(field), show(v.to_vec()))
            });
            format!("hash {}", sorted(pairs.collect()))
        }
        Value::Object(Object::Stream(stream)) => format!("stream {}", stream_text(stream)),
        // The others are equal if what would be saved is.
        Value::Object(_) => show(tabdis::rdb::dump(entry, 12)),
    }
}

/// All of a stream but the nodes its entries are in, and the times at which consumers were seen, which a follower has its own of.
fn stream_text(stream: &Stream) -> String {
    let show = |bytes: &[u8]| format!("{}", bytes.escape_ascii());
    let id = |id: Id| show(&id.to_vec());
    let entries = stream.range(Id::MIN, Id::MAX).map(|entry| {
        let pairs = entry.pairs().map(|(f, v)| format!("{}={}", show(&f.to_vec()), show(&v.to_vec())));
        format!("{}[{}]", id(entry.id), pairs.collect::<Vec<_>>().join(","))
    });
    let groups = stream.groups().map(|(name, group)| {
        let owner = |of| group.consumer(of).map_or(String::new(), |consumer| show(consumer.name()));
        let pending = group
            .pending_from(Id::MIN)
            .map(|p| format!("{}:{}@{}x{}", id(p.id), owner(p.consumer), p.delivered_ms, p.deliveries));
        let consumers = group.consumers().map(|(of, consumer)| {
            let ids: Vec<String> = group.pending_of(of, Id::MIN).map(id).collect();
            assert_eq!(ids.len(), consumer.pending_len());
            format!("{}({})", show(consumer.name()), ids.join(","))
        });
        let (pending, consumers): (Vec<_>, Vec<_>) = (pending.collect(), consumers.collect());
        assert_eq!((pending.len(), group.is_whole()), (group.pending_len(), true));
        let (name, last, read) = (show(name), id(group.last_id), group.entries_read);
        format!("{name}>{last}/{read:?} {} {}", pending.join(","), consumers.join(","))
    });
    let (entries, groups): (Vec<_>, Vec<_>) = (entries.collect(), groups.collect());
    assert_eq!((entries.len(), groups.len()), (stream.len(), stream.groups_len()));
    let ids = [stream.first_id(), stream.last_id(), stream.max_deleted_id()].map(id).join(" ");
    format!("{ids} +{} {} {}", stream.added(), entries.join(" "), groups.join(" "))
}
