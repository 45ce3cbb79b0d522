//! Saving: a sink for snapshots that writes the file as entries come, in any order of databases.

use super::crc64::{Crc64, crc64};
use super::op;
use super::pen::Pen;
use super::put::{Place, kind_of, put, value};
use crate::ds::dict::Keyed;
use crate::engine::Keyspace;
use crate::engine::answered::AUX;
use crate::engine::entry::Entry;
use crate::engine::keyspace::Clock;
use crate::engine::queued;
use crate::engine::snapshot::Sink;

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
    /// The file is for others: it does not hold what requests were answered.
    pub of_others: bool,
    /// Not all keys come: it does not say how many there are, and has no functions.
    pub of_some: bool,
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
            of_others: false,
            of_some: false,
            aux: Vec::new(),
        }
    }
}

/// Returns the whole file of what `ks` holds and is not due. For slices, give a [`Writer`] to a snapshot.
pub fn save(ks: &mut Keyspace, options: Options) -> Vec<u8> {
    let mut writer = Writer::new(ks, options);
    for db in 0..ks.db_count() {
        ks.in_db(db, |ks| ks.iter().for_each(|entry| writer.whole(db, entry)));
    }
    writer.finish();
    writer.take()
}

/// Returns the DUMP payload of a value: its type, its bytes, the version and a checksum.
pub fn dump(entry: &Entry, version: u8) -> Vec<u8> {
    let mut pen = Pen::new(true, true);
    let code = kind_of(entry, version);
    pen.out.push(code);
    value(&mut pen, code, entry, &mut Place::default());
    let mut out = pen.out;
    out.extend_from_slice(&u16::from(version).to_le_bytes());
    let checksum = crc64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Writes a file into memory, from where [`Sink::take`] takes it piece by piece.
pub struct Writer {
    pen: Pen,
    /// How far the entry is written of which only a part is.
    half: Option<Place>,
    /// Entries that were written meanwhile and go behind it.
    aside: Vec<u8>,
    version: u8,
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
            sizes.push((!options.of_some).then_some((keys as u64, volatile as u64)));
            if fields && version == 11 {
                version = 12;
            }
        }
        let mut writer = Writer {
            pen: Pen::new(options.compress, false),
            half: None,
            aside: Vec::new(),
            version,
            clock: options.clock,
            db: None,
            sizes,
            tables: Crc64::default(),
            crc: 0,
            checksum: options.checksum,
        };
        writer.head(&options, ks);
        if !options.of_some {
            ks.functions.iter().for_each(|code| writer.function(code));
        }
        writer
    }

    fn head(&mut self, options: &Options, ks: &Keyspace) {
        self.pen.out.extend_from_slice(format!("REDIS{:04}", self.version).as_bytes());
        let release = match self.version {
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
        if !options.of_others {
            ks.answered.messages().for_each(|message| self.aux(AUX, &message));
            ks.queue.messages().for_each(|message| self.aux(queued::AUX, &message));
        }
    }

    fn function(&mut self, code: &[u8]) {
        self.pen.out.push(op::FUNCTION);
        self.pen.string(code);
    }

    fn aux(&mut self, name: &str, value: &[u8]) {
        self.pen.out.push(op::AUX);
        self.pen.string(name.as_bytes());
        self.pen.string(value);
    }

    fn select(&mut self, db: usize) {
        self.db = Some(db);
        self.pen.out.push(op::SELECT_DB);
        self.pen.len(db as u64);
        if let Some((keys, volatile)) = self.sizes.get_mut(db).and_then(Option::take) {
            self.pen.out.push(op::RESIZE_DB);
            self.pen.len(keys);
            self.pen.len(volatile);
        }
    }

    /// Writes what is known about a key before it.
    fn about(&mut self, entry: &Entry) {
        if let Some(at) = entry.expire() {
            self.pen.out.push(op::EXPIRE_MS);
            self.pen.u64(at);
        }
        match self.clock {
            None => {}
            Some((Clock::Lru, now_s)) => {
                self.pen.out.push(op::IDLE);
                self.pen.len(u64::from(now_s.wrapping_sub(entry.clock()) & 0xFF_FFFF));
            }
            Some((Clock::Lfu, _)) => self.pen.out.extend_from_slice(&[op::FREQ, entry.clock() as u8]),
        }
    }
}

impl Sink for Writer {
    #[inline]
    fn entry(&mut self, db: usize, entry: &Entry, room: &mut usize) -> bool {
        let code = kind_of(entry, self.version);
        let mut place = self.half.take().unwrap_or_else(|| {
            if self.db != Some(db) {
                self.select(db);
            }
            self.about(entry);
            self.pen.out.push(code);
            Place::default()
        });
        self.pen.room = *room;
        let whole = put(&mut self.pen, code, entry, entry.key(), &mut place);
        *room = self.pen.room;
        if whole {
            self.pen.out.append(&mut self.aside);
        } else {
            self.half = Some(place);
        }
        whole
    }

    fn whole(&mut self, db: usize, entry: &Entry) {
        let Some(half) = self.half.take() else {
            self.entry(db, entry, &mut { usize::MAX });
            return;
        };
        let offset = std::mem::take(&mut self.pen.offset);
        let before = std::mem::replace(&mut self.pen.out, std::mem::take(&mut self.aside));
        self.entry(db, entry, &mut { usize::MAX });
        self.aside = std::mem::replace(&mut self.pen.out, before);
        (self.half, self.pen.offset) = (Some(half), offset);
    }

    fn finish(&mut self) {
        self.pen.out.push(op::END);
        self.crc = self.tables.update(self.crc, &self.pen.out);
        let checksum = if self.checksum { self.crc } else { 0 };
        self.pen.u64(checksum);
    }

    fn take(&mut self) -> Vec<u8> {
        self.crc = self.tables.update(self.crc, &self.pen.out);
        std::mem::take(&mut self.pen.out)
    }
}
