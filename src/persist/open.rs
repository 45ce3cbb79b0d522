//! The reading side: claims a storage, loads its snapshot, replays its log, and says what it found.

use super::record::{ManifestError, seal, unseal};
use super::write::Start;
use super::{Batch, Key, Manifest, Options, Persist, Storage, StorageError};
use crate::engine::{Engine, Keyspace};
use crate::rdb::{LoadOptions, RdbError, Reader, crc64::Crc64};
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
    /// Bytes at the end of the log that were never completely written. They are cut off.
    pub torn: Option<u64>,
    /// Something in the log is wrong and no crash explains it. What came before it was loaded; nothing will be written.
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

/// Why a storage was not opened. Nothing was changed in it, but that it may have been claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The storage failed. [`StorageError::Conflict`]: somebody claimed it at the same time; try again.
    Storage(StorageError),
    /// A later version wrote it, in this format.
    Newer(u64),
    /// The snapshot, or what says which it is, is damaged. The values can still be read from the storage and kept.
    Damaged(Damage),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Newer(format) => write!(f, "stored data is in format {format}, which only a later version reads"),
            Self::Damaged(damage) => damage.fmt(f),
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

/// Claims `storage` from whoever had it, and brings `engine`, which must have no keys, to the state that is stored there. From
/// then on the engine records its effects. Keys that are due are loaded too: the engine will delete them and say so. `pause`
/// is called after every few milliseconds of work, unless a single value takes longer: a host may let others run then, but not
/// into this engine.
pub async fn open<S: Storage>(
    storage: &S,
    engine: &mut Engine,
    options: Options,
    pause: impl AsyncFn(Progress),
) -> Result<(Persist, Report), OpenError> {
    let progress = Progress { done: 0, total: 0 };
    let mut opening = Opening { storage, pause, progress, crc: Crc64::default(), report: Report::default() };
    let claim = opening.claim(&engine.server.run_id).await?;
    opening.report.manifest = opening.manifest().await?.unwrap_or_default();
    if let Err(error) = opening.load(&mut engine.ks).await {
        engine.ks.clear();
        return Err(error);
    }
    opening.report.offset = opening.report.manifest.offset;
    let log = opening.replay(engine).await?;
    engine.ks.effects.record(true);
    engine.ks.effects.restart();
    let report = opening.report;
    let start = Start {
        claim: report.damage.is_none().then_some(claim),
        manifest: report.manifest.clone(),
        next_record: log.next,
        log_bytes: report.log_bytes,
        offset: report.offset,
        litter: litter(&report.manifest, log.next),
    };
    Ok((Persist::new(start, options), report))
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

struct Opening<'a, S, P> {
    storage: &'a S,
    pause: P,
    progress: Progress,
    crc: Crc64,
    report: Report,
}

/// How far the log goes.
struct Log {
    /// The number of the record after the last good one.
    next: u64,
}

fn damaged(key: Key, what: impl std::fmt::Display) -> OpenError {
    OpenError::Damaged(Damage { key, what: what.to_string() })
}

impl<S: Storage, P: AsyncFn(Progress)> Opening<'_, S, P> {
    /// Takes note of `bytes` that were loaded.
    async fn loaded(&mut self, bytes: usize) {
        self.progress.done += bytes as u64;
        self.progress.total = self.progress.total.max(self.progress.done);
        (self.pause)(self.progress).await;
    }

    async fn value(&self, key: Key, behind: Key) -> Result<Option<Vec<u8>>, StorageError> {
        let mut values = self.storage.read(key..behind, 1).await?;
        Ok(values.pop().map(|(_, value)| value))
    }

    /// The manifest, if there is one.
    async fn manifest(&self) -> Result<Option<Manifest>, OpenError> {
        let Some(bytes) = self.value(Key::Manifest, Key::End).await? else { return Ok(None) };
        let bytes = unseal(&self.crc, Key::Manifest, &bytes).map_err(|what| damaged(Key::Manifest, what))?;
        match Manifest::decode(bytes) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(ManifestError::Newer(format)) => Err(OpenError::Newer(format)),
            Err(ManifestError::Malformed) => Err(damaged(Key::Manifest, "it is malformed")),
        }
    }

    /// Writes who owns the storage now, and a manifest if there is nothing yet. Returns the value of [`Key::Epoch`]. Leaves a
    /// storage alone that is damaged at the root or of a later version.
    async fn claim(&mut self, owner: &str) -> Result<Vec<u8>, OpenError> {
        let before = self.value(Key::Epoch, Key::Log(0)).await?;
        let mut batch = Batch { expect: vec![(Key::Epoch, before.clone())], ..Batch::default() };
        if self.manifest().await?.is_none() {
            for range in [Key::Chunk(0, 0)..Key::Epoch, Key::Log(0)..LOG_END] {
                if let Some((key, _)) = self.storage.read(range, 1).await?.pop() {
                    return Err(damaged(Key::Manifest, format!("it is missing, but there is {key}")));
                }
            }
            self.report.fresh = true;
            let manifest = Manifest::default().encode();
            batch.expect.push((Key::Manifest, None));
            batch.puts.push((Key::Manifest, seal(&self.crc, Key::Manifest, &manifest)));
        }
        let mut payload = Vec::new();
        let epoch = before.as_ref().map_or(0, |bytes| self.epoch(bytes)).wrapping_add(1).to_string();
        encode::command(&mut payload, &[b"EPOCH", epoch.as_bytes(), owner.as_bytes()]);
        let claim = seal(&self.crc, Key::Epoch, &payload);
        batch.puts.push((Key::Epoch, claim.clone()));
        self.storage.commit(&batch).await?;
        Ok(claim)
    }

    /// The number of a claim; 0 if it cannot be read, which does no harm: the name beside it tells claims apart.
    fn epoch(&self, bytes: &[u8]) -> u64 {
        let Ok(payload) = unseal(&self.crc, Key::Epoch, bytes) else { return 0 };
        let mut parser = parse::Parser::trusted();
        let Ok(Some(frame)) = parser.next(payload) else { return 0 };
        frame.iter().nth(1).and_then(crate::base::num::parse_u64).unwrap_or(0)
    }

    /// Loads the snapshot.
    async fn load(&mut self, ks: &mut Keyspace) -> Result<(), OpenError> {
        let Manifest { generation, chunks, bytes, .. } = self.report.manifest;
        if chunks == 0 {
            return Ok(());
        }
        self.progress.total = bytes;
        let mut reader = Reader::new(LoadOptions { now: 0, keep_due: true, replace: false, size: bytes });
        let wrong = |n: u64, error: RdbError| damaged(Key::Chunk(generation, n), error);
        for from in (0..chunks).step_by(CHUNKS_AT_ONCE as usize) {
            let to = chunks.min(from + CHUNKS_AT_ONCE);
            let range = Key::Chunk(generation, from)..Key::Chunk(generation, to);
            let values = self.storage.read(range, CHUNKS_AT_ONCE as usize).await?;
            for n in from..to {
                let key = Key::Chunk(generation, n);
                let found = values.get((n - from) as usize).filter(|(found, _)| *found == key);
                let (_, value) = found.ok_or_else(|| damaged(key, "it is missing"))?;
                let chunk = unseal(&self.crc, key, value).map_err(|what| damaged(key, what))?;
                for piece in chunk.chunks(PIECE) {
                    reader.push(ks, piece).map_err(|error| wrong(n, error))?;
                    self.loaded(piece.len()).await;
                }
            }
        }
        let loaded = reader.finish().map_err(|error| wrong(chunks - 1, error))?;
        self.report.keys = loaded.keys;
        Ok(())
    }

    /// Replays the log behind the snapshot, as far as it is good.
    async fn replay(&mut self, engine: &mut Engine) -> Result<Log, OpenError> {
        let mut next = self.report.manifest.log;
        loop {
            let values = self.storage.read(Key::Log(next)..LOG_END, RECORDS_AT_ONCE).await?;
            if values.is_empty() {
                return Ok(Log { next });
            }
            for (n, (key, value)) in values.iter().enumerate() {
                if *key != Key::Log(next) {
                    let what = format!("it is missing, but there is {key}");
                    self.report.damage = Some(Damage { key: Key::Log(next), what });
                    return Ok(Log { next });
                }
                let payload = match unseal(&self.crc, *key, value) {
                    Ok(payload) => payload,
                    Err(what) => {
                        self.judge_end(next, &values[n..], what).await?;
                        return Ok(Log { next });
                    }
                };
                if let Err(what) = self.apply(engine, payload).await {
                    self.report.damage = Some(Damage { key: *key, what });
                    return Ok(Log { next });
                }
                self.report.records += 1;
                self.report.log_bytes += value.len() as u64;
                self.report.offset += payload.len() as u64;
                next += 1;
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
    async fn judge_end(&mut self, bad: u64, rest: &[(Key, Vec<u8>)], what: &str) -> Result<(), StorageError> {
        let damage = Damage { key: Key::Log(bad), what: what.to_string() };
        let (mut torn, mut from) = (0, bad);
        let mut values = rest.to_vec();
        while let Some((Key::Log(last), _)) = values.last() {
            if values.iter().any(|(key, value)| unseal(&self.crc, *key, value).is_ok()) {
                self.report.damage = Some(damage);
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
