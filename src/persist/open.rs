//! The reading side: claims a storage, loads its snapshot, replays its log, and says what it found.

use super::record::{ManifestError, form, seal, unseal};
use super::write::Start;
use super::{Batch, Key, Manifest, Options, Persist, Storage, StorageError};
use crate::engine::{Engine, Keyspace};
use crate::rdb::{LoadOptions, Reader, crc64::Crc64};
use crate::resp::{encode, parse};
use std::ops::Range;

/// Bytes that are loaded before the host may let others run: a millisecond or two of work.
const PIECE: usize = 32 << 10;
/// Chunks, and records, that are read at once.
const CHUNKS_AT_ONCE: u64 = 8;
const RECORDS_AT_ONCE: usize = 256;
/// Behind every record there can be.
const LOG_END: Key = Key::Log(u64::MAX);

/// What was found in a storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// There was nothing at all: a new storage, or one that vanished.
    pub fresh: bool,
    /// The snapshot that was loaded.
    pub manifest: Manifest,
    /// Keys in the snapshot.
    pub keys: u64,
    /// Records replayed.
    pub records: u64,
    /// Commands in them.
    pub commands: u64,
    /// Their bytes as stored.
    pub log_bytes: u64,
    /// Bytes of effects from the beginning of the history to the end of the log.
    pub offset: u64,
    /// The effects beyond what the engine has, if it goes on with them by [`super::resume`].
    pub replayed: Vec<u8>,
    /// Bytes at the end of the log that were never completely written. They are cut off.
    pub torn: Option<u64>,
    /// Something is wrong and no crash explains it. What came before it was loaded: of the snapshot the keys before it, of the
    /// log the commands. Nothing was written, and nothing will be.
    pub damage: Option<Damage>,
}

/// A stored value that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which value.
    pub key: Key,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stored data is damaged: {}: {}", self.key, self.what)
    }
}

/// Why a storage was not opened. Nothing was changed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The storage failed. [`StorageError::Conflict`]: somebody else goes on writing to it.
    Storage(StorageError),
    /// A later version wrote it, in this format.
    Newer(u64),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Newer(format) => write!(f, "stored data is in format {format}, which only a later version reads"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<StorageError> for OpenError {
    fn from(error: StorageError) -> Self {
        OpenError::Storage(error)
    }
}

/// How far an opening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes loaded: of the snapshot, then of the log.
    pub done: u64,
    /// Bytes there are, as far as it is known: how long the log is shows when it comes.
    pub total: u64,
}

/// How often a claim is tried again because somebody has written meanwhile.
const CLAIMS: usize = 16;

/// Brings `engine`, which must have no keys, to the state that is stored in `storage`, and claims it from whoever had it. From then
/// on the engine records its effects. Keys that are due are loaded too: the engine will delete them and say so. What is damaged is
/// loaded as far as it is good, is not claimed, and will not be written to. `pause` is called after every few milliseconds of work,
/// unless a single value takes longer: a host may let others run then, but not into this engine.
pub async fn open<S: Storage>(
    storage: &S,
    engine: &mut Engine,
    options: Options,
    pause: impl AsyncFn(Progress),
) -> Result<(Persist, Report), OpenError> {
    let mut opening = Opening::new(storage, pause);
    let claim = match opening.bring(engine).await {
        Ok(claim) => claim,
        Err(error) => {
            engine.ks.clear();
            return Err(error);
        }
    };
    engine.ks.effects.record(true);
    engine.ks.effects.restart();
    engine.ks.effects.set_offset(opening.report.offset);
    Ok(opening.end(claim, options))
}

/// Whether `storage` is still claimed by `claim`, a value of [`Persist::claim`]. Fails with [`StorageError::Removed`] if nobody has
/// claimed it any more.
pub async fn is_claimed<S: Storage>(storage: &S, claim: Option<&[u8]>) -> Result<bool, StorageError> {
    match storage.read(Key::Epoch..Key::Log(0), 1).await?.pop() {
        Some((_, value)) => Ok(claim == Some(&value[..])),
        None => Err(StorageError::Removed),
    }
}

/// The number of a claim; 0 if it cannot be read, which does no harm: the name beside it tells claims apart.
pub(super) fn epoch(crc: &Crc64, bytes: &[u8]) -> u64 {
    let Ok(payload) = unseal(crc, Key::Epoch, bytes) else { return 0 };
    let mut parser = parse::Parser::trusted();
    let Ok(Some(frame)) = parser.next(payload) else { return 0 };
    frame.iter().nth(1).and_then(crate::base::num::parse_u64).unwrap_or(0)
}

/// The number of a claim, a value of [`Persist::claim`]; 0 if it cannot be read.
pub fn claim_number(claim: &[u8]) -> u64 {
    epoch(&Crc64::default(), claim)
}

/// What a crash may have left behind: parts of snapshots that were never named, and the torn end of the log.
fn litter(manifest: &Manifest, next: u64) -> Vec<Range<Key>> {
    let Manifest { generation, chunks, log, .. } = *manifest;
    vec![
        Key::Chunk(0, 0)..Key::Chunk(generation, 0),
        Key::Chunk(generation, chunks)..Key::Epoch,
        Key::Log(0)..Key::Log(log),
        Key::Log(next)..LOG_END,
    ]
}

pub(super) struct Opening<'a, S, P> {
    storage: &'a S,
    pause: P,
    progress: Progress,
    crc: Crc64,
    /// The number of the record after the last good one.
    pub(super) next: u64,
    /// What is there under that number: the first bytes of a torn end.
    behind: Option<Vec<u8>>,
    /// Effects before this offset are there already.
    pub(super) skip: u64,
    pub(super) report: Report,
}

impl<'a, S: Storage, P: AsyncFn(Progress)> Opening<'a, S, P> {
    pub(super) fn new(storage: &'a S, pause: P) -> Self {
        let progress = Progress { done: 0, total: 0 };
        let (crc, report) = (Crc64::default(), Report::default());
        Opening { storage, pause, progress, crc, next: 0, behind: None, skip: 0, report }
    }

    /// Returns what goes on writing under `claim`.
    pub(super) fn end(self, claim: Option<Vec<u8>>, options: Options) -> (Persist, Report) {
        let Opening { next, report, .. } = self;
        let start = Start {
            claim,
            manifest: report.manifest.clone(),
            next_record: next,
            log_bytes: report.log_bytes,
            offset: report.offset,
            litter: litter(&report.manifest, next),
        };
        (Persist::new(start, options), report)
    }

    /// Takes note of `bytes` that were loaded.
    async fn loaded(&mut self, bytes: usize) {
        self.progress.done += bytes as u64;
        self.progress.total = self.progress.total.max(self.progress.done);
        (self.pause)(self.progress).await;
    }

    pub(super) async fn value(&self, key: Key, behind: Key) -> Result<Option<Vec<u8>>, StorageError> {
        let mut values = self.storage.read(key..behind, 1).await?;
        Ok(values.pop().map(|(_, value)| value))
    }

    /// Loads everything and claims the storage. Returns the value of [`Key::Epoch`]; nothing if there is damage.
    async fn bring(&mut self, engine: &mut Engine) -> Result<Option<Vec<u8>>, OpenError> {
        let stored = self.value(Key::Manifest, Key::End).await?;
        if !self.read_manifest(stored.as_deref()).await? || !self.load(&mut engine.ks).await? {
            return Ok(None);
        }
        (self.next, self.report.offset) = (self.report.manifest.log, self.report.manifest.offset);
        let owner = engine.server.run_id.clone();
        self.replay_and_claim(Some(engine), &owner, stored.as_deref()).await
    }

    /// Replays the log, into `engine` or to [`Report::replayed`], and claims the storage, whose manifest is `stored`. Returns the value of
    /// [`Key::Epoch`]; nothing if there is damage.
    pub(super) async fn replay_and_claim(
        &mut self,
        mut engine: Option<&mut Engine>,
        owner: &str,
        stored: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, OpenError> {
        // Who had the storage may write until it is claimed: what came meanwhile is replayed too.
        for _ in 0..CLAIMS {
            self.replay(engine.as_deref_mut()).await?;
            if self.report.damage.is_some() {
                return Ok(None);
            }
            match self.claim(owner, stored).await {
                Err(StorageError::Conflict) => {}
                claimed => return Ok(Some(claimed?)),
            }
        }
        Err(StorageError::Conflict.into())
    }

    /// Notes that something is wrong with the value of `key`. Returns that it is not good.
    fn damaged(&mut self, key: Key, what: impl std::fmt::Display) -> bool {
        self.report.damage = Some(Damage { key, what: what.to_string() });
        false
    }

    /// Reads the manifest; without one, there must be nothing at all. Returns whether it is good.
    pub(super) async fn read_manifest(&mut self, stored: Option<&[u8]>) -> Result<bool, OpenError> {
        let Some(bytes) = stored else {
            for range in [Key::Chunk(0, 0)..Key::Epoch, Key::Log(0)..LOG_END] {
                if let Some((key, _)) = self.storage.read(range, 1).await?.pop() {
                    return Ok(self.damaged(Key::Manifest, format!("it is missing, but there is {key}")));
                }
            }
            self.report.fresh = true;
            return Ok(true);
        };
        let decoded = match unseal(&self.crc, Key::Manifest, bytes) {
            Ok(bytes) => Manifest::decode(bytes),
            Err(what) => match form(bytes) {
                Some(newer) if newer > 1 => Err(ManifestError::Newer(newer)),
                _ => return Ok(self.damaged(Key::Manifest, what)),
            },
        };
        match decoded {
            Ok(manifest) => self.report.manifest = manifest,
            Err(ManifestError::Newer(format)) => return Err(OpenError::Newer(format)),
            Err(ManifestError::Malformed) => return Ok(self.damaged(Key::Manifest, "it is malformed")),
        }
        Ok(true)
    }

    /// Writes who owns the storage now, and a manifest if there is none yet. Returns the value of [`Key::Epoch`]. Fails with a
    /// conflict if the manifest is not the one that was read any more, or there is another record.
    async fn claim(&mut self, owner: &str, manifest: Option<&[u8]>) -> Result<Vec<u8>, StorageError> {
        let before = self.value(Key::Epoch, Key::Log(0)).await?;
        let epoch = before.as_ref().map_or(0, |bytes| epoch(&self.crc, bytes)).wrapping_add(1).to_string();
        let mut payload = Vec::new();
        encode::command(&mut payload, &[b"EPOCH", epoch.as_bytes(), owner.as_bytes()]);
        let claim = seal(&self.crc, Key::Epoch, &payload);
        let mut batch = Batch { puts: vec![(Key::Epoch, claim.clone())], ..Batch::default() };
        batch.expect = vec![
            (Key::Epoch, before),
            (Key::Manifest, manifest.map(<[u8]>::to_vec)),
            (Key::Log(self.next), self.behind.clone()),
        ];
        if manifest.is_none() {
            batch.puts.push((Key::Manifest, seal(&self.crc, Key::Manifest, &Manifest::default().encode())));
        }
        self.storage.commit(&batch).await?;
        Ok(claim)
    }

    /// Loads the snapshot. Returns whether it is good.
    async fn load(&mut self, ks: &mut Keyspace) -> Result<bool, StorageError> {
        let Manifest { generation, chunks, bytes, .. } = self.report.manifest;
        if chunks == 0 {
            return Ok(true);
        }
        self.progress.total = bytes;
        let mut reader = Reader::new(LoadOptions { now: 0, keep_due: true, replace: false, size: bytes });
        for from in (0..chunks).step_by(CHUNKS_AT_ONCE as usize) {
            let to = chunks.min(from + CHUNKS_AT_ONCE);
            let range = Key::Chunk(generation, from)..Key::Chunk(generation, to);
            let values = self.storage.read(range, CHUNKS_AT_ONCE as usize).await?;
            for n in from..to {
                let key = Key::Chunk(generation, n);
                let found = values.get((n - from) as usize).filter(|(found, _)| *found == key);
                let Some((_, value)) = found else { return Ok(self.damaged(key, "it is missing")) };
                let chunk = match unseal(&self.crc, key, value) {
                    Ok(chunk) => chunk,
                    Err(what) => return Ok(self.damaged(key, what)),
                };
                for piece in chunk.chunks(PIECE) {
                    let pushed = reader.push(ks, piece);
                    self.report.keys = reader.keys();
                    if let Err(error) = pushed {
                        return Ok(self.damaged(key, error));
                    }
                    self.loaded(piece.len()).await;
                }
            }
        }
        match reader.finish() {
            Ok(_) => Ok(true),
            Err(error) => Ok(self.damaged(Key::Chunk(generation, chunks - 1), error)),
        }
    }

    /// Replays the log from the next record on, as far as it is good.
    async fn replay(&mut self, mut engine: Option<&mut Engine>) -> Result<(), StorageError> {
        (self.behind, self.report.torn) = (None, None);
        loop {
            let values = self.storage.read(Key::Log(self.next)..LOG_END, RECORDS_AT_ONCE).await?;
            if values.is_empty() {
                return Ok(());
            }
            for (n, (key, value)) in values.iter().enumerate() {
                let due = Key::Log(self.next);
                if *key != due {
                    self.damaged(due, format!("it is missing, but there is {key}"));
                    return Ok(());
                }
                let payload = match unseal(&self.crc, *key, value) {
                    Ok(payload) => payload,
                    Err(what) => return self.judge_end(&values[n..], what).await,
                };
                match &mut engine {
                    Some(engine) => {
                        if let Err(what) = self.apply(engine, payload).await {
                            self.damaged(*key, what);
                            return Ok(());
                        }
                    }
                    None => {
                        let have = self.skip.saturating_sub(self.report.offset).min(payload.len() as u64) as usize;
                        self.report.replayed.extend_from_slice(&payload[have..]);
                        self.loaded(payload.len()).await;
                    }
                }
                self.report.records += 1;
                self.report.log_bytes += value.len() as u64;
                self.report.offset += payload.len() as u64;
                self.next += 1;
            }
        }
    }

    /// Replays the effects of a record. Fails with what is wrong with it.
    async fn apply(&mut self, engine: &mut Engine, payload: &[u8]) -> Result<(), String> {
        let mut parser = parse::Parser::trusted();
        let (mut at, mut paused) = (0, 0);
        while let Some(frame) = parser.next(&payload[at..]).map_err(|error| error.to_string())? {
            at += frame.consumed;
            if !frame.is_empty() {
                self.report.commands += 1;
                let argv = frame.argv();
                engine.replay(&argv).map_err(|error| {
                    let name = String::from_utf8_lossy(argv.first().unwrap_or(&&b""[..])).into_owned();
                    format!("its {name} was refused: {error}")
                })?;
            }
            if at - paused >= PIECE {
                self.loaded(at - paused).await;
                paused = at;
            }
        }
        self.loaded(at - paused).await;
        if at == payload.len() { Ok(()) } else { Err("it ends within a command".to_string()) }
    }

    /// Decides about a record that is not good: an end that was being written when everything stopped, if no good one follows;
    /// damage otherwise.
    async fn judge_end(&mut self, rest: &[(Key, Vec<u8>)], what: &str) -> Result<(), StorageError> {
        let (mut torn, mut from) = (0, self.next);
        let mut values = rest.to_vec();
        self.behind = rest.first().map(|(_, value)| value.clone());
        while let Some((Key::Log(last), _)) = values.last() {
            if values.iter().any(|(key, value)| unseal(&self.crc, *key, value).is_ok()) {
                self.damaged(Key::Log(self.next), what);
                return Ok(());
            }
            torn += values.iter().map(|(_, value)| value.len() as u64).sum::<u64>();
            from = from.max(last + 1);
            values = self.storage.read(Key::Log(from)..LOG_END, RECORDS_AT_ONCE).await?;
        }
        self.report.torn = Some(torn);
        Ok(())
    }
}
