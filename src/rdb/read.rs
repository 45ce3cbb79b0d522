//! Loading: a machine that takes the file in pieces of any size and puts keys into a keyspace as they are complete.

use super::crc64::{Crc64, crc64};
use super::cursor::{Cursor, Stop};
use super::value::{Begun, Build, Target, begin};
use super::{MAX_VERSION, RdbError, VALKEY_VERSION, module, op};
use crate::base::num::parse_u64;
use crate::engine::answered::AUX;
use crate::engine::entry::Payload;
use crate::engine::keyspace::{Clock, Expiry};
use crate::engine::queued;
use crate::engine::value::{Limits, Object};
use crate::engine::{Keyspace, Ttl};

/// Loads the file `bytes` into `ks`, which should have no keys. Fails if anything about the file is wrong; then some of its
/// keys may have been loaded.
pub fn load(ks: &mut Keyspace, bytes: &[u8], options: LoadOptions) -> Result<Report, RdbError> {
    let mut reader = Reader::new(LoadOptions { size: bytes.len() as u64, ..options });
    reader.push(ks, bytes)?;
    reader.finish()
}

/// Returns the value of a DUMP payload, or `None` if nothing of it is left because all its fields were due. Fails unless the
/// payload is whole, of a version that is known, and nothing else follows. Without `check` its checksum may be any.
pub fn restore(
    payload: &[u8],
    limits: &Limits,
    seed: u64,
    now: u64,
    check: bool,
) -> Result<Option<Restored>, RdbError> {
    let (body, checksum) = payload.split_last_chunk::<8>().ok_or(RdbError::Checksum)?;
    let (value, version) = body.split_last_chunk::<2>().ok_or(RdbError::Checksum)?;
    let version = u32::from(u16::from_le_bytes(*version));
    if version > MAX_VERSION && version != VALKEY_VERSION {
        return Err(RdbError::Version(version));
    }
    if check && u64::from_le_bytes(*checksum) != crc64(body) {
        return Err(RdbError::Checksum);
    }
    let target = Target { limits, seed, due_before: now, valkey: version == VALKEY_VERSION };
    let mut cur = Cursor::new(value, 0);
    match whole(&mut cur, &target) {
        Err(Stop::More) => Err(RdbError::Truncated),
        Err(Stop::Bad(error)) => Err(error),
        Ok(_) if cur.left() > 0 => Err(RdbError::Corrupt("something follows the value")),
        Ok(value) => Ok(value),
    }
}

/// A value out of a DUMP payload.
pub enum Restored {
    /// A string.
    Text(Vec<u8>),
    /// Anything else.
    Object(Object),
}

fn whole(cur: &mut Cursor, target: &Target) -> Result<Option<Restored>, Stop> {
    let code = cur.u8()?;
    let object = match begin(code, cur, target)? {
        Begun::Text(text) => return Ok(Some(Restored::Text(text.into_owned()))),
        Begun::Object(object) => object,
        Begun::Build(mut build) => {
            if !build.go_on(cur, target)? {
                return Err(Stop::More);
            }
            build.finish(target)
        }
    };
    Ok((!object.is_empty()).then_some(Restored::Object(object)))
}

/// How a file is loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// Now, ms since the epoch.
    pub now: u64,
    /// Keeps keys and fields that are due, because another engine will say when they go.
    pub keep_due: bool,
    /// A key that is there already is replaced; else it ends the loading.
    pub replace: bool,
    /// Bytes of the whole file if known, 0 otherwise: bounds what is made ready for keys the file announces.
    pub size: u64,
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Keys put into the keyspace.
    pub keys: u64,
    /// Keys left out because they were due.
    pub due: u64,
    /// Keys left out because nothing was in them.
    pub empty: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The version of the format.
    pub version: u32,
    /// The auxiliary fields in their order.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Keys that room is made for at once. For more, what the growing dicts do costs little beside the loading.
const MAX_RESERVED: u64 = 1 << 22;
/// Auxiliary fields that are kept, which is some ten in real files; the others are only read.
const MAX_AUX: usize = 100;

/// Loads a file that comes in pieces.
pub struct Reader {
    options: LoadOptions,
    report: Report,
    stage: Stage,
    valkey: bool,
    /// Bytes that came and are not used yet, and how many there have to be before it makes sense to look at them.
    rest: Vec<u8>,
    wanted: usize,
    crc: u64,
    tables: Crc64,
    db: usize,
    /// Keys that were announced so far.
    announced: u64,
    about: About,
}

/// What is due next.
enum Stage {
    Head,
    /// A mark, or the type of the next key.
    Mark,
    /// The elements of a value.
    Elements(Vec<u8>, Build),
    Checksum,
    Done,
}

/// What is known about the next key.
#[derive(Clone, Copy, Default)]
struct About {
    expire: Option<u64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
}

impl Reader {
    /// Returns a reader that waits for the beginning of a file.
    pub fn new(options: LoadOptions) -> Self {
        Reader {
            options,
            report: Report::default(),
            stage: Stage::Head,
            valkey: false,
            rest: Vec::new(),
            wanted: 0,
            crc: 0,
            tables: Crc64::default(),
            db: 0,
            announced: 0,
            about: About::default(),
        }
    }

    /// Loads what is complete with the next `bytes` of the file. Returns how many of them belong to it: all, unless it ends in
    /// them. After an error the file cannot go on.
    pub fn push(&mut self, ks: &mut Keyspace, bytes: &[u8]) -> Result<usize, RdbError> {
        if let Stage::Done = self.stage {
            return Ok(0);
        }
        // Loading is no access: nothing is due, nobody is told.
        let expiry = std::mem::replace(&mut ks.expiry, Expiry::Ignores);
        let notify = std::mem::take(&mut ks.notify_flags);
        let result = self.push_inner(ks, bytes);
        (ks.expiry, ks.notify_flags) = (expiry, notify);
        result
    }

    /// How many keys were loaded so far.
    pub fn keys(&self) -> u64 {
        self.report.keys
    }

    /// Whether the whole file was loaded.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Returns what was loaded. Fails if the file has not ended.
    pub fn finish(self) -> Result<Report, RdbError> {
        match self.stage {
            Stage::Done => Ok(self.report),
            Stage::Head if !begins(&self.rest) => Err(RdbError::NotRdb),
            _ => Err(RdbError::Truncated),
        }
    }

    fn push_inner(&mut self, ks: &mut Keyspace, bytes: &[u8]) -> Result<usize, RdbError> {
        if self.rest.len() + bytes.len() < self.wanted {
            self.rest.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let mut held = std::mem::take(&mut self.rest);
        let before = held.len();
        let all = if before == 0 {
            bytes
        } else {
            held.extend_from_slice(bytes);
            &held
        };
        let used = self.run(ks, all)?;
        self.report.bytes += used as u64;
        if let Stage::Done = self.stage {
            return Ok(used - before);
        }
        let left = self.options.size.saturating_sub(self.report.bytes);
        // Before its head is read, a file that is too short may as well be none: `finish` says which.
        if self.options.size > 0 && self.wanted as u64 > left && !matches!(self.stage, Stage::Head) {
            return Err(RdbError::Truncated);
        }
        self.rest = if before > 0 && used == 0 { held } else { all[used..].to_vec() };
        Ok(bytes.len())
    }

    /// Takes as much of `bytes` as is complete. Returns how much that is.
    fn run(&mut self, ks: &mut Keyspace, bytes: &[u8]) -> Result<usize, RdbError> {
        let (mut at, mut summed) = (0, 0);
        loop {
            let mut cur = Cursor::new(bytes, at);
            match self.step(ks, &mut cur) {
                Ok(()) => at = cur.at,
                Err(Stop::More) => {
                    self.wanted = cur.wanted - at;
                    break;
                }
                Err(Stop::Bad(error)) => return Err(error),
            }
            match self.stage {
                Stage::Checksum if summed < at => {
                    self.crc = self.tables.update(self.crc, &bytes[summed..at]);
                    summed = bytes.len();
                    // Before version 5 there is no checksum.
                    if self.report.version < 5 {
                        self.stage = Stage::Done;
                        return Ok(at);
                    }
                }
                Stage::Done => return Ok(at),
                _ => {}
            }
        }
        if !matches!(self.stage, Stage::Checksum) {
            self.crc = self.tables.update(self.crc, &bytes[summed..at]);
        }
        Ok(at)
    }

    /// Takes one thing.
    fn step(&mut self, ks: &mut Keyspace, cur: &mut Cursor) -> Result<(), Stop> {
        match &self.stage {
            Stage::Head => self.head(cur),
            Stage::Mark => self.mark(ks, cur),
            Stage::Elements(..) => self.elements(ks, cur),
            Stage::Checksum => match cur.u64()? {
                sum if sum != 0 && sum != self.crc => Err(RdbError::Checksum.into()),
                _ => {
                    self.stage = Stage::Done;
                    Ok(())
                }
            },
            Stage::Done => Ok(()),
        }
    }

    fn head(&mut self, cur: &mut Cursor) -> Result<(), Stop> {
        let head = cur.take(9)?;
        let digits = match head {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => digits,
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => {
                self.valkey = true;
                digits
            }
            _ => return Err(RdbError::NotRdb.into()),
        };
        let first = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
        let version = parse_u64(&digits[first..]).ok_or(RdbError::NotRdb)? as u32;
        let known = if self.valkey { version == VALKEY_VERSION } else { version <= MAX_VERSION };
        if !known {
            return Err(RdbError::Version(version).into());
        }
        self.report.version = version;
        self.stage = Stage::Mark;
        Ok(())
    }

    fn mark(&mut self, ks: &mut Keyspace, cur: &mut Cursor) -> Result<(), Stop> {
        match cur.u8()? {
            op::END => self.stage = Stage::Checksum,
            op::SELECT_DB => {
                let db = cur.len()?;
                let known = usize::try_from(db).ok().filter(|db| *db < ks.db_count());
                self.db = known.ok_or(RdbError::Database(db))?;
            }
            op::RESIZE_DB => {
                let (keys, _volatile) = (cur.len()?, cur.len()?);
                self.reserve(ks, keys, cur.left());
            }
            op::AUX => {
                let (name, value) = (cur.string()?, cur.string()?);
                if name == AUX.as_bytes() {
                    ks.answered.read(&value);
                    return Ok(());
                }
                if name == queued::AUX.as_bytes() {
                    ks.queue.read(&value);
                    return Ok(());
                }
                if self.report.aux.len() < MAX_AUX {
                    self.report.aux.push((name.into_owned(), value.into_owned()));
                }
            }
            op::EXPIRE_MS => self.about.expire = Some(cur.u64()?),
            op::EXPIRE_S => self.about.expire = Some((i64::from(cur.u32()? as i32) * 1000) as u64),
            op::IDLE => self.about.idle_s = Some(cur.len()?),
            op::FREQ => self.about.freq = Some(cur.u8()?),
            op::SLOT_INFO => {
                // The slot's number, its keys and those with an expiry: of use to a cluster only.
                for _ in 0..3 {
                    cur.len()?;
                }
            }
            op::FUNCTION => {
                let code = cur.string()?;
                ks.functions.add(&code, self.options.replace).map_err(RdbError::Library)?;
            }
            op::FUNCTION_PRE_GA => return Err(RdbError::PreRelease("function libraries").into()),
            op::MODULE_AUX => return module::refuse(cur),
            op::SLOT_IMPORT if self.valkey => return Err(RdbError::SlotImport.into()),
            code if code >= 0xF0 => return Err(RdbError::Opcode(code).into()),
            code => return self.key(ks, code, cur),
        }
        Ok(())
    }

    /// Makes room for the keys that are announced, but in all databases for no more than the file could hold, nor than is worth it.
    fn reserve(&mut self, ks: &mut Keyspace, keys: u64, at_hand: usize) {
        // A key takes at least a type, two lengths and a byte of name, but for one.
        let most = (self.options.size.max(at_hand as u64) / 4).min(MAX_RESERVED).saturating_sub(self.announced);
        let keys = keys.min(most);
        self.announced += keys;
        ks.in_db(self.db, |ks| ks.reserve(usize::try_from(keys).unwrap_or(0)));
    }

    fn key(&mut self, ks: &mut Keyspace, code: u8, cur: &mut Cursor) -> Result<(), Stop> {
        let key = cur.string()?;
        match begin(code, cur, &self.target(ks, &ks.limits))? {
            Begun::Text(text) => self.put(ks, &key, Payload::Text(&text)),
            Begun::Object(object) => self.put_object(ks, &key, object),
            Begun::Build(build) => {
                self.stage = Stage::Elements(key.into_owned(), build);
                Ok(())
            }
        }
    }

    fn elements(&mut self, ks: &mut Keyspace, cur: &mut Cursor) -> Result<(), Stop> {
        let Stage::Elements(key, mut build) = std::mem::replace(&mut self.stage, Stage::Mark) else { return Ok(()) };
        let start = cur.at;
        let limits = ks.limits;
        let target = self.target(ks, &limits);
        if build.go_on(cur, &target)? {
            let object = build.finish(&target);
            return self.put_object(ks, &key, object);
        }
        self.stage = Stage::Elements(key, build);
        if cur.at == start { Err(Stop::More) } else { Ok(()) }
    }

    fn target<'a>(&self, ks: &Keyspace, limits: &'a Limits) -> Target<'a> {
        let due_before = if self.options.keep_due { 0 } else { self.options.now };
        Target { limits, seed: ks.seed, due_before, valkey: self.valkey }
    }

    fn put_object(&mut self, ks: &mut Keyspace, key: &[u8], object: Object) -> Result<(), Stop> {
        if object.is_empty() {
            self.about = About::default();
            self.report.empty += 1;
            return Ok(());
        }
        self.put(ks, key, Payload::Object(object))
    }

    /// Puts a key into the keyspace, unless it is due.
    #[inline]
    fn put(&mut self, ks: &mut Keyspace, key: &[u8], value: Payload) -> Result<(), Stop> {
        let about = std::mem::take(&mut self.about);
        // Times before 1970 are long past.
        let expire = about.expire.map(|at| if (at as i64) < 0 { 0 } else { at });
        if !self.options.keep_due && expire.is_some_and(|at| at < self.options.now) {
            self.report.due += 1;
            return Ok(());
        }
        let new = ks.in_db(self.db, |ks| {
            let before = ks.len();
            ks.put(key, value, expire.map_or(Ttl::Clear, Ttl::At));
            if let Some(clock) = clock(ks, about.idle_s, about.freq) {
                ks.set_clock(key, clock);
            }
            ks.len() > before
        });
        self.report.keys += 1;
        if new || self.options.replace { Ok(()) } else { Err(RdbError::Duplicate(key.to_vec()).into()) }
    }
}

/// Whether these may be the first bytes of a file.
fn begins(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 2] = [b"REDIS", b"VALKEY"];
    !bytes.is_empty() && marks.iter().any(|mark| mark.starts_with(&bytes[..bytes.len().min(mark.len())]))
}

/// The access clock that is said by a time or by a counter, if it is of the kind that is kept here.
pub fn clock(ks: &Keyspace, idle_s: Option<u64>, freq: Option<u8>) -> Option<u32> {
    match ks.clock {
        Clock::Lru => idle_s.map(|idle| ks.lru_clock().wrapping_sub(idle as u32) & 0xFF_FFFF),
        Clock::Lfu => freq.map(|freq| ((ks.now / 60_000) as u32 & 0xFFFF) << 8 | u32::from(freq)),
    }
}
