//! The writing side: a machine that says what to commit next. It knows no clock and waits for nothing: [`super::drive`] does.

use super::record::{Manifest, seal};
use super::taking::Taking;
use super::{Batch, Key, StorageError};
use crate::engine::Keyspace;
use crate::rdb::crc64::Crc64;

/// How much is written at a time.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of a chunk of the snapshot.
    pub chunk: usize,
    /// Bytes of chunks that go into one transaction, about.
    pub batch: usize,
    /// A new snapshot is taken when the log is larger than the snapshot and than this.
    pub least_log: u64,
    /// Whether long strings in snapshots are compressed.
    pub compress: bool,
    /// Bytes of changes that may wait in memory while nothing can be written.
    pub most_waiting: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { chunk: 256 << 10, batch: 4 << 20, least_log: 1 << 20, compress: true, most_waiting: 64 << 20 }
    }
}

/// A place in the log between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The number of the record behind it.
    pub record: u64,
    /// Bytes of effects before it, from the beginning of the history.
    pub offset: u64,
}

/// What a host has to do.
#[derive(Debug)]
pub enum Next {
    /// Commit this, then call [`Persist::done`] with it.
    Commit(Batch),
    /// Call again soon: a snapshot is being taken.
    Again,
    /// Nothing, until there are effects, or the transaction in flight is done, or the failed one is to be tried again.
    Wait,
}

/// Keeps an engine's changes: see the module.
pub struct Persist {
    options: Options,
    crc: Crc64,
    /// The value of [`Key::Epoch`] that says that the storage is ours. `None`: it is not ours to write.
    claim: Option<Vec<u8>>,
    manifest: Manifest,
    /// The notes changed since the manifest was stored.
    noted: bool,
    /// The number of the next record, and of the one behind those that are stored.
    next_record: u64,
    stored_record: u64,
    /// Bytes of stored records since the snapshot.
    log_bytes: u64,
    /// Effects in no record yet.
    pending: Vec<u8>,
    /// Bytes of effects pushed, and of those that are stored.
    pushed: u64,
    stored: u64,
    /// What a crash left behind and the next transaction removes.
    litter: Vec<std::ops::Range<Key>>,
    snapshot: Option<Taking>,
    wanted: bool,
    /// The keyspace was replaced: the log cannot go on before a snapshot of it is stored.
    held: bool,
    flight: Flight,
}

enum Flight {
    None,
    /// A transaction, and what is true once it is done.
    Out(After),
    /// A transaction that failed, kept to be tried again.
    Failed(Batch, After, StorageError),
    /// The same, about to be tried again.
    Again(Batch, After),
}

#[derive(Default)]
struct After {
    /// Bytes of effects stored by then.
    stored: u64,
    /// Bytes its record adds to the log, and the number of the next one.
    record: u64,
    next_record: u64,
    /// The manifest it stores.
    manifest: Option<Manifest>,
    /// Bytes of the records that this makes superfluous.
    superfluous: u64,
    /// The log waits for this: see [`Persist::replaced`].
    held: bool,
}

/// What [`super::open`] found, to go on from.
pub(super) struct Start {
    pub(super) claim: Option<Vec<u8>>,
    pub(super) manifest: Manifest,
    pub(super) next_record: u64,
    pub(super) log_bytes: u64,
    /// Bytes of effects up to the end of the log.
    pub(super) offset: u64,
    pub(super) litter: Vec<std::ops::Range<Key>>,
}

impl Persist {
    pub(super) fn new(start: Start, options: Options) -> Self {
        Persist {
            options,
            crc: Crc64::default(),
            claim: start.claim,
            manifest: start.manifest,
            noted: false,
            next_record: start.next_record,
            stored_record: start.next_record,
            log_bytes: start.log_bytes,
            pending: Vec::new(),
            pushed: start.offset,
            stored: start.offset,
            litter: start.litter,
            snapshot: None,
            wanted: false,
            held: false,
            flight: Flight::None,
        }
    }

    /// Takes effects: whole units, in their order, as [`Engine::effects`](crate::engine::Engine::effects) gives them. Returns
    /// the offset behind them: they are kept for good once [`Persist::stored`] has come to it.
    pub fn push(&mut self, effects: &[u8]) -> u64 {
        self.pending.extend_from_slice(effects);
        self.pushed += effects.len() as u64;
        self.pushed
    }

    /// The offset behind the effects that are stored: bytes since the beginning of the history, over all openings.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Where the log ends as it is stored: for whoever may have to go on with it.
    pub fn mark(&self) -> Mark {
        Mark { record: self.stored_record, offset: self.stored }
    }

    /// The offset behind all effects.
    pub fn offset(&self) -> u64 {
        self.pushed
    }

    /// Asks for a new snapshot whatever the size of the log. Does nothing if one is being taken.
    pub fn compact(&mut self) {
        self.wanted = true;
    }

    /// Says that the keyspace has become another one, without effects: a file was loaded, another history taken over, of which
    /// `offset` bytes are behind it. A snapshot of it is taken, and the log goes on when that is stored: until then nothing
    /// that was pushed is, and a crash leaves what was there before.
    pub fn replaced(&mut self, offset: u64) {
        self.pending.clear();
        self.pushed = offset;
        (self.held, self.wanted) = (true, true);
        self.forget_snapshot();
    }

    /// Gives up the snapshot being taken, for one: because the storage is full. The log goes on. If a transaction failed, what
    /// it holds of the snapshot is taken out of it.
    pub fn abandon(&mut self, ks: &mut Keyspace) {
        if self.snapshot.as_ref().is_some_and(|taking| taking.is_running(ks)) {
            ks.snapshot_end();
        }
        self.forget_snapshot();
        self.take_snapshot_out_of_failed();
        // Without it a log that waits for it could never go on.
        self.wanted = self.held;
    }

    fn take_snapshot_out_of_failed(&mut self) {
        let Flight::Failed(batch, after, _) = &mut self.flight else { return };
        let next = self.manifest.generation + 1;
        batch.puts.retain(|(key, _)| matches!(key, Key::Log(_)));
        if let Some(manifest) = after.manifest.take() {
            let switch = switch_deletes(&manifest);
            batch.deletes.retain(|range| !switch.contains(range));
            self.held |= after.held;
            self.noted = true;
        }
        batch.deletes.push(Key::Chunk(next, 0)..Key::Chunk(next + 1, 0));
        (after.superfluous, after.held) = (0, false);
    }

    /// Bytes of the snapshot being taken that wait in memory: up to those of a transaction and a chunk, and what was changed
    /// meanwhile.
    pub fn waiting(&self) -> usize {
        self.snapshot.as_ref().map_or(0, Taking::waiting)
    }

    /// How many bytes of changes may still be pushed before the failed transaction is done; nothing without one. Besides, there
    /// are what the engine changes by itself, such as the deletion of keys that are due.
    pub fn room(&self) -> Option<usize> {
        let Flight::Failed(batch, ..) = &self.flight else { return None };
        // What nobody will write does not wait.
        self.claim.as_ref()?;
        let failed: usize = batch.puts.iter().map(|(_, value)| value.len()).sum();
        Some(self.options.most_waiting.saturating_sub(failed + self.pending.len()))
    }

    /// Whether a snapshot is being taken or asked for.
    pub fn is_compacting(&self) -> bool {
        self.snapshot.is_some() || self.wanted
    }

    /// The snapshot that counts.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Bytes of the snapshot that counts and of the records since.
    pub fn size(&self) -> u64 {
        self.manifest.bytes + self.log_bytes
    }

    /// Bytes of the records since the snapshot.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Keeps a value under a word of the host's own, over an earlier one; [`super::open`] gives it back.
    pub fn note(&mut self, name: &str, value: &[u8]) {
        for manifest in std::iter::once(&mut self.manifest).chain(self.snapshot.as_mut().map(|s| &mut s.manifest)) {
            manifest.notes.retain(|(word, _)| word != name);
            manifest.notes.push((name.to_string(), value.to_vec()));
        }
        self.noted = true;
    }

    /// The value of [`Key::Epoch`] that says that the storage is ours; nothing if it is not.
    pub fn claim(&self) -> Option<&[u8]> {
        self.claim.as_deref()
    }

    /// The number of the claim; 0 if the storage is not ours. Later claims have larger ones.
    pub fn epoch(&self) -> u64 {
        self.claim.as_ref().map_or(0, |claim| super::open::epoch(&self.crc, claim))
    }

    /// Says that the storage is not ours any more: nothing is ever written again.
    pub fn disown(&mut self) {
        self.claim = None;
    }

    /// Whether nothing is ever written: the storage is damaged, was removed, or another owner has claimed it.
    pub fn is_read_only(&self) -> bool {
        self.claim.is_none()
    }

    /// Why the last transaction failed, if it was not tried again since.
    pub fn error(&self) -> Option<&StorageError> {
        match &self.flight {
            Flight::Failed(_, _, error) => Some(error),
            _ => None,
        }
    }

    /// Tries the failed transaction again at the next [`Persist::next`]. A transaction that did happen, unknown to anyone, does
    /// no harm when it happens again.
    pub fn retry(&mut self) {
        self.flight = match std::mem::replace(&mut self.flight, Flight::None) {
            Flight::Failed(batch, after, _) => Flight::Again(batch, after),
            other => other,
        };
    }

    /// Says what to do next. While a snapshot is being taken, goes on with it until there is no `more` time, which is asked
    /// after every piece of work of a fraction of a millisecond, or until there is enough for a transaction. `now` in ms since
    /// the epoch is only noted.
    pub fn next(&mut self, ks: &mut Keyspace, more: impl FnMut() -> bool, now: u64) -> Next {
        if self.is_read_only() {
            self.pending.clear();
            return Next::Wait;
        }
        match std::mem::replace(&mut self.flight, Flight::None) {
            Flight::None => {}
            Flight::Again(batch, after) => {
                self.flight = Flight::Out(after);
                return Next::Commit(batch);
            }
            waiting => {
                self.flight = waiting;
                return Next::Wait;
            }
        }
        let (mut batch, mut after) = (Batch::default(), After { stored: self.stored, ..After::default() });
        self.put_record(&mut batch, &mut after);
        self.begin_snapshot(ks, &after, now);
        self.go_on(ks, more);
        self.put_chunks(&mut batch, &mut after);
        if std::mem::take(&mut self.noted) && after.manifest.is_none() {
            self.put_manifest(&mut batch, &mut after, self.manifest.clone());
        }
        if batch.is_empty() {
            return if self.snapshot.is_some() { Next::Again } else { Next::Wait };
        }
        after.next_record = self.next_record;
        batch.expect = vec![(Key::Epoch, self.claim.clone())];
        batch.deletes.append(&mut self.litter);
        self.flight = Flight::Out(after);
        Next::Commit(batch)
    }

    /// Takes note of how the transaction went. A failed one is kept, and nothing else is written until [`Persist::retry`].
    pub fn done(&mut self, batch: Batch, result: Result<(), StorageError>) {
        let Flight::Out(after) = std::mem::replace(&mut self.flight, Flight::None) else { return };
        match result {
            Ok(()) => {
                self.stored = after.stored;
                self.stored_record = after.next_record;
                self.log_bytes += after.record;
                self.log_bytes = self.log_bytes.saturating_sub(after.superfluous);
                if let Some(manifest) = after.manifest {
                    // Notes may have changed since.
                    let notes = std::mem::take(&mut self.manifest.notes);
                    self.manifest = Manifest { notes, ..manifest };
                }
            }
            Err(error) => {
                if matches!(error, StorageError::Conflict | StorageError::Removed) {
                    self.claim = None;
                }
                self.flight = Flight::Failed(batch, after, error);
            }
        }
    }

    /// Puts all effects that wait into a record.
    fn put_record(&mut self, batch: &mut Batch, after: &mut After) {
        if self.pending.is_empty() || self.held {
            return;
        }
        let key = Key::Log(self.next_record);
        let record = seal(&self.crc, key, &self.pending);
        after.record = record.len() as u64;
        after.stored = self.pushed;
        batch.puts.push((key, record));
        self.next_record += 1;
        self.pending.clear();
        self.pending.shrink_to(self.options.chunk);
    }

    /// Begins a snapshot if it is time. What was done before is in records, or in the snapshot if the log waits for it; what
    /// is done afterwards begins a new record, and says itself which database it is in.
    fn begin_snapshot(&mut self, ks: &mut Keyspace, after: &After, now: u64) {
        let log = self.log_bytes + after.record;
        let grown = log > self.options.least_log.max(self.manifest.bytes);
        // Effects that were not pushed yet belong before the snapshot: it begins when they are. Another one is let end first.
        if self.snapshot.is_some() || ks.snapshot_running() || !(grown || self.wanted) || ks.effects.pending() {
            return;
        }
        self.wanted = false;
        self.pending.clear();
        ks.effects.restart();
        let manifest = Manifest {
            generation: self.manifest.generation + 1,
            log: self.next_record,
            offset: self.pushed,
            time: now,
            notes: self.manifest.notes.clone(),
            ..Manifest::default()
        };
        self.snapshot = Some(Taking::begin(ks, &self.options, manifest, log, self.held));
    }

    /// Goes on with the snapshot.
    fn go_on(&mut self, ks: &mut Keyspace, more: impl FnMut() -> bool) {
        let Some(taking) = &mut self.snapshot else { return };
        if taking.is_running(ks) || taking.is_complete() {
            return taking.go_on(ks, &self.options, &self.crc, more);
        }
        // Another snapshot took the place of this one: it has to begin again.
        self.forget_snapshot();
        self.wanted = true;
    }

    /// Puts the chunks of the snapshot into the transaction once they fill one, and the manifest behind the last one.
    fn put_chunks(&mut self, batch: &mut Batch, after: &mut After) {
        let Some(taking) = &mut self.snapshot else { return };
        batch.puts.append(&mut taking.take_chunks(&self.options));
        if taking.is_complete() {
            self.switch(batch, after);
        }
    }

    /// Lets the snapshot that is complete take the place of the old one and of the log before it.
    fn switch(&mut self, batch: &mut Batch, after: &mut After) {
        let Some(taking) = self.snapshot.take() else { return };
        batch.deletes.extend(switch_deletes(&taking.manifest));
        if after.record > 0 && self.next_record == taking.manifest.log {
            // Taken within one call: the record that goes with it is stored after the deletion.
            self.litter.push(Key::Log(0)..Key::Log(taking.manifest.log));
        }
        (after.superfluous, after.held) = (taking.log_bytes, taking.held);
        after.stored = after.stored.max(taking.manifest.offset);
        if taking.held {
            after.stored = taking.manifest.offset;
            self.held = false;
        }
        self.put_manifest(batch, after, taking.manifest);
    }

    fn put_manifest(&mut self, batch: &mut Batch, after: &mut After, manifest: Manifest) {
        batch.puts.push((Key::Manifest, seal(&self.crc, Key::Manifest, &manifest.encode())));
        after.manifest = Some(manifest);
    }

    /// Drops the snapshot being taken, and has its chunks removed.
    fn forget_snapshot(&mut self) {
        if let Some(taking) = self.snapshot.take() {
            let generation = taking.manifest.generation;
            self.litter.push(Key::Chunk(generation, 0)..Key::Chunk(generation + 1, 0));
        }
    }
}

/// What a snapshot makes superfluous.
fn switch_deletes(manifest: &Manifest) -> [std::ops::Range<Key>; 2] {
    [Key::Chunk(0, 0)..Key::Chunk(manifest.generation, 0), Key::Log(0)..Key::Log(manifest.log)]
}
