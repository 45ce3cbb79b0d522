//! Data sets: keys of every type, size and encoding by chance, and RDB files written by hand.

use tabdis::base::rng::Rng;
use tabdis::ds::hash::Hash;
use tabdis::ds::json::{self, Json};
use tabdis::ds::list::List;
use tabdis::ds::set::Set;
use tabdis::ds::stream::{Bound, Group, Id, Pending, References, Stream, Trim};
use tabdis::ds::vector::{Quant, VectorSet};
use tabdis::ds::zset::Zset;
use tabdis::engine::value::Object;
use tabdis::engine::{Keyspace, Ttl};
use tabdis::rdb::{self, LoadOptions, RdbError};

pub const NOW: u64 = 1_700_000_000_000;

/// Returns a keyspace without keys, at [`NOW`].
pub fn fresh() -> Keyspace {
    let mut ks = Keyspace::new(16, 9);
    ks.now = NOW;
    ks
}

/// Returns what an RDB file holds at [`NOW`].
pub fn load(file: &[u8]) -> Result<Keyspace, RdbError> {
    let mut ks = fresh();
    rdb::load(&mut ks, file, LoadOptions { now: NOW, ..Default::default() }).map(|_| ks)
}

/// A string of one of the shapes that are written differently.
fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(9) {
        0 => (rng.u64() as i8).to_string().into_bytes(),
        1 => (rng.u64() as i16).to_string().into_bytes(),
        2 => (rng.u64() as i32).to_string().into_bytes(),
        3 => (rng.u64() as i64).to_string().into_bytes(),
        4 => format!("member {}", rng.below(10_000)).into_bytes(),
        5 => (0..rng.below(100)).map(|_| rng.u64() as u8).collect(),
        6 => b"abc".repeat(rng.below(30)),
        7 if rng.below(10) == 0 => format!("{} ", rng.below(100)).repeat(rng.below(5_000)).into_bytes(),
        _ => format!("{}", rng.below(1000)).into_bytes(),
    }
}

fn object(ks: &Keyspace, rng: &mut Rng, modules: bool) -> Object {
    let (kind, size) = ([0, 1, 2, 5, 6, 3, 4][rng.below(if modules { 7 } else { 5 })], rng.below(4));
    if kind == 6 {
        return Object::Stream(stream(ks, rng));
    }
    let size = 1 + rng.below([5, 40, 200, 900][size]);
    let ints = rng.below(3) == 0;
    let mut item = |n: usize| if ints { (n as i64 * 1_000_003 - 5_000).to_string().into_bytes() } else { text(rng) };
    match kind {
        0 => {
            let mut list = List::new();
            (0..size).for_each(|n| list.push_back(&item(n), ks.limits.list));
            Object::List(list)
        }
        1 => {
            let mut set = Set::new();
            (0..size).for_each(|n| _ = set.add(&item(n), &ks.limits.set, ks.seed));
            Object::Set(set)
        }
        3 => {
            let text = format!("{{\"n\":{size},\"list\":[{}]}}", vec!["{\"a\":1.5}"; size].join(","));
            Object::Json(Json::new(json::parse(text.as_bytes()).expect("it is written well")))
        }
        4 => {
            let mut set = VectorSet::shaped(3, None, 4, [Quant::None, Quant::Q8, Quant::Bin][size % 3]);
            for n in 0..size.min(100) {
                let packed = set.pack(&[n as f32, 1.0, -(n as f32) / 2.0]);
                set.set(format!("e{n}").as_bytes(), &packed, 20);
                set.set_attribute(format!("e{n}").as_bytes(), if n % 2 == 0 { b"" } else { b"{}" });
            }
            Object::VectorSet(set)
        }
        2 => {
            let mut zset = Zset::new();
            for n in 0..size {
                let score = [n as f64, 1.5 * n as f64, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300][n % 6];
                zset.set(&item(n), score, &ks.limits.zset, ks.seed);
            }
            Object::Zset(zset)
        }
        _ => {
            let mut hash = Hash::new();
            for n in 0..size {
                let (field, value) = (item(n), item(n + 7));
                hash.set(&field, &value, &ks.limits.hash, ks.seed);
                if size.is_multiple_of(3) && n.is_multiple_of(2) {
                    hash.set_expire(&field, Some(NOW + 1 + (n as u64 % 7) * 1_000_000), ks.seed);
                }
            }
            Object::Hash(hash)
        }
    }
}

/// A stream of one to many nodes, with entries deleted in all ways and groups at all stages.
fn stream(ks: &Keyspace, rng: &mut Rng) -> Stream {
    let mut stream = Stream::new();
    let (mut ids, mut id) = (Vec::new(), Id::new(1 + rng.below(1_000) as u64, rng.u64() >> rng.below(64)));
    let size = [2, 50, 700][rng.below(3)];
    for _ in 0..rng.below(size) {
        id = match rng.below(4) {
            0 => Id::new(id.ms + 1 + rng.below(100_000) as u64, rng.u64() >> rng.below(64)),
            _ => id.next().unwrap_or(Id::MAX),
        };
        let mut pairs = vec![b"field".to_vec(), text(rng)];
        if rng.below(5) == 0 {
            pairs.extend([text(rng), text(rng)]);
        }
        let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
        if stream.append(id, &pairs, &ks.limits.stream).is_ok() {
            ids.push(id);
        }
    }
    for n in 0..rng.below(3) {
        let (read, mut group) = (rng.below(ids.len() + 1), Group::default());
        let consumers: Vec<_> = (0..rng.below(4)).map(|n| group.add(format!("c{n}").as_bytes(), NOW - 9)).collect();
        for id in ids.iter().take(if consumers.is_empty() { 0 } else { read }) {
            if rng.below(3) == 0 {
                continue;
            }
            let consumer = consumers[rng.below(consumers.len())];
            let delivered_ms = NOW - rng.below(1_000_000) as u64;
            group.assign(Pending { id: *id, delivered_ms, deliveries: 1 + rng.below(300) as u64, consumer });
            group.consumer_mut(consumer).unwrap().active_ms = Some(delivered_ms);
        }
        group.last_id = read.checked_sub(1).map_or(Id::MIN, |at| ids[at]);
        group.entries_read = (rng.below(2) == 0).then_some(read as u64);
        assert!(stream.add_group(format!("{n}").as_bytes(), group));
    }
    ids.iter().filter(|_| rng.below(6) == 0).for_each(|id| _ = stream.delete(*id));
    if rng.below(3) == 0 {
        let bound = Bound::MaxLen(rng.below(stream.len() + 1) as u64);
        stream.trim(&Trim { bound, whole_nodes: rng.below(2) == 0, limit: 0, references: References::Keep });
    }
    stream
}

/// Fills databases 0, 3 and 15 with everything there is.
pub fn fill(ks: &mut Keyspace, rng: &mut Rng, keys: usize) {
    fill_with(ks, rng, keys, true);
}

/// The same, with values of `modules` only if wanted: a Redis without them cannot load these.
pub fn fill_with(ks: &mut Keyspace, rng: &mut Rng, keys: usize, modules: bool) {
    ks.now = NOW;
    for n in 0..keys {
        let db = [0, 3, 15][rng.below(3)];
        let key = if rng.below(3) == 0 { n.to_string() } else { format!("key:{n}").repeat(1 + rng.below(40)) };
        let ttl = if rng.below(4) == 0 { Ttl::At(NOW + rng.below(1 << 40) as u64) } else { Ttl::Clear };
        if rng.below(2) == 0 {
            let value = text(rng);
            ks.in_db(db, |ks| ks.set_text(key.as_bytes(), &value, ttl));
        } else {
            let object = object(ks, rng, modules);
            ks.in_db(db, |ks| ks.set_object(key.as_bytes(), object, ttl));
        }
    }
}

/// Files of the past and wrong files, written by hand.
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    pub fn new(version: u32) -> Self {
        Bytes(format!("REDIS{version:04}").into_bytes())
    }
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    pub fn string(self, text: &[u8]) -> Self {
        let len = text.len() as u32;
        let head = if len < 64 { vec![len as u8] } else { [&[0x80][..], &len.to_be_bytes()].concat() };
        self.raw(&head).raw(text)
    }
    pub fn key(self, kind: u8, key: &str) -> Self {
        self.raw(&[kind]).string(key.as_bytes())
    }
    pub fn end(mut self, checksum: bool) -> Vec<u8> {
        self.0.push(0xFF);
        if checksum {
            let sum = rdb::crc64::crc64(&self.0);
            self.0.extend_from_slice(&sum.to_le_bytes());
        }
        self.0
    }
}
