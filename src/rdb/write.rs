//! Saving: a sink for snapshots that writes the file as entries come, in any order of databases.

use super::crc64::{Crc64, crc64};
use super::lzf::Compressor;
use super::{NODE_PACKED, NODE_PLAIN, kind, module, op};
use crate::base::num::{fmt_i64, parse_i64};
use crate::ds::dict::Keyed;
use crate::ds::hash::Hash;
use crate::ds::list::List;
use crate::ds::listpack::{Elem, Listpack};
use crate::ds::set::Set;
use crate::ds::zset::Zset;
use crate::engine::Keyspace;
use crate::engine::entry::{Entry, Value};
use crate::engine::keyspace::Clock;
use crate::engine::snapshot::Sink;
use crate::engine::value::Object;

/// How a file is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version of the format, 10 to 12: Redis 7.0, 7.2, 7.4. Below 12 the times at which hash fields expire are lost.
    pub version: u8,
    /// Whether strings longer than 20 bytes are compressed when that makes them shorter: `rdbcompression`.
    pub compress: bool,
    /// Whether the checksum at the end is one: `rdbchecksum`; else it is zero, and not looked at.
    pub checksum: bool,
    /// Whether keys carry when they were last used, or how often: for a server that evicts by it. With it goes the present
    /// access clock: seconds.
    pub clock: Option<(Clock, u32)>,
    /// When the file is made, ms since the epoch.
    pub now: u64,
    /// Bytes in use, for the auxiliary field.
    pub used_memory: u64,
    /// The file begins a log: `aof-base`.
    pub log_base: bool,
    /// Further auxiliary fields, `repl-stream-db` for one.
    pub aux: Vec<(&'static str, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            version: 11,
            compress: true,
            checksum: true,
            clock: None,
            now: 0,
            used_memory: 0,
            log_base: false,
            aux: Vec::new(),
        }
    }
}

/// Returns the whole file of what `ks` holds and is not due. For slices, give a [`Writer`] to a snapshot.
pub fn save(ks: &mut Keyspace, options: Options) -> Vec<u8> {
    let mut writer = Writer::new(ks, options);
    for db in 0..ks.db_count() {
        ks.in_db(db, |ks| ks.iter().for_each(|entry| writer.entry(db, entry)));
    }
    writer.finish();
    writer.take()
}

/// Returns the DUMP payload of a value: its type, its bytes, the version and a checksum.
pub fn dump(entry: &Entry, version: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut values = Values::new(version, true);
    let code = values.kind(entry);
    out.push(code);
    values.value(&mut out, code, entry);
    out.extend_from_slice(&u16::from(version).to_le_bytes());
    let checksum = crc64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Writes a file into memory, from where [`Sink::take`] takes it piece by piece.
pub struct Writer {
    out: Vec<u8>,
    values: Values,
    clock: Option<(Clock, u32)>,
    /// The database the file is in.
    db: Option<usize>,
    /// Keys of each database, and those with an expiry, until they are written.
    sizes: Vec<Option<(u64, u64)>>,
    tables: Crc64,
    crc: u64,
    checksum: bool,
}

impl Writer {
    /// Returns a writer for all of what `ks` holds now; the head of the file is written. Where fields of a hash expire, the
    /// version is 12 unless it was set to 10.
    pub fn new(ks: &mut Keyspace, options: Options) -> Self {
        let mut sizes = Vec::with_capacity(ks.db_count());
        let mut version = options.version.clamp(10, 12);
        for db in 0..ks.db_count() {
            let (keys, volatile, fields) = ks.in_db(db, |ks| (ks.len(), ks.volatile().0, ks.has_volatile_fields()));
            sizes.push(Some((keys as u64, volatile as u64)));
            if fields && version == 11 {
                version = 12;
            }
        }
        let mut writer = Writer {
            out: Vec::with_capacity(1 << 16),
            values: Values::new(version, options.compress),
            clock: options.clock,
            db: None,
            sizes,
            tables: Crc64::default(),
            crc: 0,
            checksum: options.checksum,
        };
        writer.head(&options);
        writer
    }

    /// Bytes that were written and not taken.
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    fn head(&mut self, options: &Options) {
        self.out.extend_from_slice(format!("REDIS{:04}", self.values.version).as_bytes());
        let release = match self.values.version {
            10 => "7.0.15",
            11 => "7.2.4",
            _ => "7.4.0",
        };
        self.aux("redis-ver", release.as_bytes());
        self.aux("redis-bits", usize::BITS.to_string().as_bytes());
        self.aux("ctime", (options.now / 1000).to_string().as_bytes());
        self.aux("used-mem", options.used_memory.to_string().as_bytes());
        for (name, value) in &options.aux {
            self.aux(name, value.as_bytes());
        }
        self.aux("aof-base", if options.log_base { b"1" } else { b"0" });
    }

    fn aux(&mut self, name: &str, value: &[u8]) {
        self.out.push(op::AUX);
        self.values.string(&mut self.out, name.as_bytes());
        self.values.string(&mut self.out, value);
    }

    fn select(&mut self, db: usize) {
        self.db = Some(db);
        self.out.push(op::SELECT_DB);
        put_len(&mut self.out, db as u64);
        if let Some((keys, volatile)) = self.sizes.get_mut(db).and_then(Option::take) {
            self.out.push(op::RESIZE_DB);
            put_len(&mut self.out, keys);
            put_len(&mut self.out, volatile);
        }
    }

    /// Writes what is known about a key before it.
    fn about(&mut self, entry: &Entry) {
        if let Some(at) = entry.expire() {
            self.out.push(op::EXPIRE_MS);
            self.out.extend_from_slice(&at.to_le_bytes());
        }
        match self.clock {
            None => {}
            Some((Clock::Lru, now_s)) => {
                self.out.push(op::IDLE);
                put_len(&mut self.out, u64::from(now_s.wrapping_sub(entry.clock()) & 0xFF_FFFF));
            }
            Some((Clock::Lfu, _)) => self.out.extend_from_slice(&[op::FREQ, entry.clock() as u8]),
        }
    }
}

impl Sink for Writer {
    fn entry(&mut self, db: usize, entry: &Entry) {
        if self.db != Some(db) {
            self.select(db);
        }
        self.about(entry);
        let code = self.values.kind(entry);
        self.out.push(code);
        self.values.string(&mut self.out, entry.key());
        self.values.value(&mut self.out, code, entry);
    }

    fn finish(&mut self) {
        self.out.push(op::END);
        self.crc = self.tables.update(self.crc, &self.out);
        let checksum = if self.checksum { self.crc } else { 0 };
        self.out.extend_from_slice(&checksum.to_le_bytes());
    }

    fn take(&mut self) -> Vec<u8> {
        self.crc = self.tables.update(self.crc, &self.out);
        std::mem::take(&mut self.out)
    }
}

/// Writes values.
struct Values {
    version: u8,
    /// What compresses, and where to: the length goes before the bytes.
    lzf: Option<(Compressor, Vec<u8>)>,
}

impl Values {
    fn new(version: u8, compress: bool) -> Self {
        Values { version, lzf: compress.then(Default::default) }
    }

    /// The type an entry is written as.
    fn kind(&self, entry: &Entry) -> u8 {
        match entry.value() {
            Value::Text(_) => kind::STRING,
            Value::Object(Object::List(_)) => kind::QUICKLIST_2,
            Value::Object(Object::Set(set)) if set.ints().is_some() => kind::SET_INTSET,
            Value::Object(Object::Set(set)) if set.listpack().is_some() && self.version >= 11 => kind::SET_LISTPACK,
            Value::Object(Object::Set(_)) => kind::SET,
            Value::Object(Object::Zset(zset)) if zset.listpack().is_some() => kind::ZSET_LISTPACK,
            Value::Object(Object::Zset(_)) => kind::ZSET_2,
            Value::Object(Object::Hash(hash)) => match (hash.volatile_len() > 0 && self.version >= 12, hash.listpack())
            {
                (false, Some(_)) => kind::HASH_LISTPACK,
                (false, None) => kind::HASH,
                (true, Some(_)) => kind::HASH_LISTPACK_TTL,
                (true, None) => kind::HASH_TTL,
            },
            Value::Object(Object::Stream(_)) => {
                if self.version >= 11 {
                    kind::STREAM_3
                } else {
                    kind::STREAM_2
                }
            }
            Value::Object(Object::VectorSet(_) | Object::Json(_)) => kind::MODULE,
        }
    }

    #[inline]
    fn value(&mut self, out: &mut Vec<u8>, code: u8, entry: &Entry) {
        match entry.value() {
            Value::Text(text) => self.elem(out, text),
            Value::Object(Object::List(list)) => self.list(out, list),
            Value::Object(Object::Set(set)) => self.set(out, code, set),
            Value::Object(Object::Zset(zset)) => self.zset(out, zset),
            Value::Object(Object::Hash(hash)) => self.hash(out, code, hash),
            Value::Object(Object::Stream(stream)) => {
                super::stream::write(out, code, stream, |out, text| self.string(out, text));
            }
            Value::Object(object @ (Object::VectorSet(_) | Object::Json(_))) => self.module(out, object),
        }
    }

    fn list(&mut self, out: &mut Vec<u8>, list: &List) {
        put_len(out, list.node_count() as u64);
        for (plain, bytes) in list.nodes() {
            put_len(out, if plain { NODE_PLAIN } else { NODE_PACKED });
            self.raw(out, bytes);
        }
    }

    fn set(&mut self, out: &mut Vec<u8>, code: u8, set: &Set) {
        match (set.ints(), set.listpack()) {
            (Some(ints), _) => self.raw(out, ints.as_bytes()),
            (None, Some(pack)) if code == kind::SET_LISTPACK => self.raw(out, pack.as_bytes()),
            _ => {
                put_len(out, set.len() as u64);
                set.iter().for_each(|member| self.elem(out, member));
            }
        }
    }

    fn zset(&mut self, out: &mut Vec<u8>, zset: &Zset) {
        if let Some(pack) = zset.listpack() {
            return self.raw(out, pack.as_bytes());
        }
        put_len(out, zset.len() as u64);
        // The greatest first: a reader that adds them one by one then always adds at the front.
        for (member, score) in zset.range_rev(0..zset.len()) {
            self.elem(out, member);
            out.extend_from_slice(&score.to_bits().to_le_bytes());
        }
    }

    fn hash(&mut self, out: &mut Vec<u8>, code: u8, hash: &Hash) {
        let soonest = hash.next_expire().unwrap_or(0);
        match (code, hash.listpack()) {
            (kind::HASH_LISTPACK_TTL, _) => {
                out.extend_from_slice(&soonest.to_le_bytes());
                self.raw(out, triples(hash).as_bytes());
            }
            (kind::HASH_LISTPACK, Some(pack)) => self.raw(out, pack.as_bytes()),
            (code, _) => {
                let times = code == kind::HASH_TTL;
                if times {
                    out.extend_from_slice(&soonest.to_le_bytes());
                }
                put_len(out, hash.len() as u64);
                for (field, value) in hash.iter() {
                    if times {
                        let at = field.with(|field| hash.expire_at(field));
                        put_len(out, at.map_or(0, |at| at - soonest + 1));
                    }
                    self.elem(out, field);
                    self.elem(out, value);
                }
            }
        }
    }

    /// Writes a value of a module: whose it is, and all of it as one string.
    fn module(&mut self, out: &mut Vec<u8>, object: &Object) {
        let Some((id, text)) = module::write(object) else { return };
        put_len(out, id);
        put_len(out, module::STRING);
        self.raw(out, &text);
        put_len(out, module::END);
    }

    #[inline]
    fn elem(&mut self, out: &mut Vec<u8>, elem: Elem) {
        match elem {
            Elem::Int(n) if put_int(out, n) => {}
            Elem::Int(n) => self.raw(out, fmt_i64(n, &mut [0; 40])),
            Elem::Str(text) => self.string(out, text),
        }
    }

    /// Writes a string: as an integer if it is a short one.
    #[inline]
    fn string(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        if text.len() <= 11
            && let Some(n) = parse_i64(text)
            && put_int(out, n)
        {
            return;
        }
        self.raw(out, text);
    }

    /// Writes a string as it is, compressed if that pays.
    #[inline]
    fn raw(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        if text.len() > 20
            && let Some((lzf, packed)) = &mut self.lzf
        {
            packed.clear();
            if lzf.compress(text, packed, 4) {
                out.push(0xC3);
                put_len(out, packed.len() as u64);
                put_len(out, text.len() as u64);
                return out.extend_from_slice(packed);
            }
        }
        put_len(out, text.len() as u64);
        out.extend_from_slice(text);
    }
}

/// Returns a listpack of the fields that expire with their values and times, the soonest first, then of the others with 0.
fn triples(hash: &Hash) -> Listpack {
    let mut pack = Listpack::new();
    let mut put = |field: Elem, value: Elem, at: u64| {
        field.with(|field| pack.push_back(field));
        value.with(|value| pack.push_back(value));
        pack.push_back_int(at as i64);
    };
    for (field, at) in hash.expires().into_iter().flatten() {
        let value = field.with(|field| hash.get(field));
        put(field, value.expect("only fields of the hash have times"), at);
    }
    for (field, value) in hash.iter() {
        if field.with(|field| hash.expire_at(field)).is_none() {
            put(field, value, 0);
        }
    }
    pack
}

/// Writes an integer that fits 32 bits in its shortest form. Returns whether it does.
#[inline]
fn put_int(out: &mut Vec<u8>, n: i64) -> bool {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[0xC0, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        let [a, b] = n.to_le_bytes();
        out.extend_from_slice(&[0xC1, a, b]);
    } else if let Ok(n) = i32::try_from(n) {
        let [a, b, c, d] = n.to_le_bytes();
        out.extend_from_slice(&[0xC2, a, b, c, d]);
    } else {
        return false;
    }
    true
}

#[inline]
pub(super) fn put_len(out: &mut Vec<u8>, len: u64) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]),
        0x4000..=0xFFFF_FFFF => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}
