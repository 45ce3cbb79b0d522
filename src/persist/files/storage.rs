//! Reads and writes the segments: see the module above for why it is done like this.

use super::frame::{self, About, SEGMENT_HEAD, SegmentHead};
use super::index::{Index, Place};
use super::scan::{Found, scan};
use super::{FileError, Files, Refusal, name};
use crate::persist::{Batch, Key, Storage, StorageError};
use crate::rdb::crc64::Crc64;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::ops::Range;
use std::task::{Poll, Waker};

/// How files are used.
#[derive(Clone, Copy, Debug)]
pub struct FileOptions {
    /// Whether a transaction is on the disk when it is done. If not, the system has it, and [`FileStorage::sync`] is for later.
    pub durable: bool,
    /// Bytes from which on a segment is full.
    pub segment: u64,
}

impl Default for FileOptions {
    fn default() -> Self {
        FileOptions { durable: true, segment: 4 << 20 }
    }
}

/// Values that are as near to each other as this are read together, up to so many bytes.
const NEAR: u32 = 4 << 10;
const AT_ONCE: u32 = 8 << 20;
/// How much is carried along: for every byte of a transaction, and besides. Old segments have to go faster than new ones come.
const CARRIED: i64 = 4;
const CARRIED_AT_LEAST: i64 = 16 << 10;

/// Values in files. Transactions are done one at a time.
pub struct FileStorage<F> {
    files: F,
    segment: u64,
    durable: Cell<bool>,
    crc: Crc64,
    torn: u64,
    state: RefCell<State>,
}

struct State {
    index: Index,
    /// The newest segment, where the next frame begins in it, and how much of it is on the disk.
    newest: u32,
    end: u64,
    synced: u64,
    /// The next transaction begins a segment: after what the disk may have lost, nothing can follow.
    closed: bool,
    /// The segment after the newest has been made, by us, but has no head yet.
    begun: bool,
    /// Nothing can be written any more, for this reason.
    over: Option<StorageError>,
    /// A transaction is under way, and others wait for its end.
    busy: bool,
    waiting: Vec<Waker>,
    /// Values that are to leave an old segment, which one that is, and how many bytes may be carried along now.
    leaving: Vec<Key>,
    emptied: u32,
    budget: i64,
    /// The oldest segment that counts, as it is written; and those of no use, to be removed when that is past them.
    first: u32,
    old: BTreeSet<u32>,
    /// Values that transactions expected, as they are.
    known: BTreeMap<Key, Option<Vec<u8>>>,
}

impl<F: Files> FileStorage<F> {
    /// Opens what is in `files`, or makes it; who had it before can write nothing from now on. If that fails nothing is changed.
    pub async fn open(files: F, options: FileOptions) -> Result<Self, Refusal> {
        let crc = Crc64::default();
        let mut found = scan(&files, &crc, u32::MAX).await?;
        let number = found.last.checked_add(1).ok_or(StorageError::Quota)?;
        files.create(&name(number)).await?;
        let taken = Self::take_over(&files, &crc, number, &mut found).await;
        if let Err(refusal) = taken {
            // If it stays it does no harm.
            let _ = files.remove(&name(number)).await;
            return Err(refusal);
        }
        let end = SEGMENT_HEAD as u64;
        found.index.extend(number, end);
        let state = State {
            index: found.index,
            newest: number,
            end,
            synced: end,
            closed: false,
            begun: false,
            over: None,
            busy: false,
            waiting: Vec::new(),
            leaving: Vec::new(),
            emptied: 0,
            budget: 0,
            first: if found.newest.is_some() { found.first } else { number },
            old: found.strays.into_iter().collect(),
            known: BTreeMap::new(),
        };
        let FileOptions { durable, segment } = options;
        let durable = Cell::new(durable);
        let storage = FileStorage { files, segment, durable, crc, torn: found.torn, state: RefCell::new(state) };
        storage.remove_old().await;
        Ok(storage)
    }

    /// Sets whether a transaction from now on is on the disk when it is done, and all before it.
    pub fn set_durable(&self, durable: bool) {
        self.durable.set(durable);
    }

    /// Makes `number`, an empty file, the newest segment.
    async fn take_over(files: &F, crc: &Crc64, number: u32, found: &mut Found) -> Result<(), Refusal> {
        if let Some((newest, size, _)) = found.newest
            && files.size(&name(newest)).await? != Some(size)
        {
            // Its owner lives, and wrote something. What it writes from now on is not done.
            *found = scan(files, crc, number).await?;
        }
        let (previous, length) = found.newest.map_or((0, 0), |(newest, _, length)| (newest, length));
        if previous != 0 {
            files.sync(&name(previous)).await?;
        }
        let first = if previous == 0 { number } else { found.first };
        let head = SegmentHead { number, previous, length, first };
        Ok(Self::write_head(files, crc, &head).await?)
    }

    async fn write_head(files: &F, crc: &Crc64, head: &SegmentHead) -> Result<(), FileError> {
        let name = name(head.number);
        files.write(&name, 0, &[&head.encode(crc)]).await?;
        files.sync(&name).await?;
        files.sync_folder().await
    }

    /// How many bytes at the end had not been written completely.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Returns when all transactions that are done are on the disk. If that fails, they may be lost at the end of the system's
    /// life, and no others follow them.
    pub async fn sync(&self) -> Result<(), StorageError> {
        let (newest, end, synced) = self.with(|state| (state.newest, state.end, state.synced));
        if synced >= end {
            return Ok(());
        }
        let result = self.files.sync(&name(newest)).await;
        self.with(|state| match &result {
            Ok(()) if state.newest == newest => state.synced = state.synced.max(end),
            Ok(()) => {}
            Err(error) => state.over = Some(error.clone().into()),
        });
        Ok(result?)
    }

    /// Checks what a transaction expects.
    async fn check(&self, expect: &[(Key, Option<Vec<u8>>)]) -> Result<(), StorageError> {
        for (key, want) in expect {
            if !self.with(|state| state.known.contains_key(key)) {
                let place = self.with(|state| state.index.place(*key));
                let found = self.values(place.map(|place| (*key, place)).as_slice()).await?;
                self.with(|state| state.known.insert(*key, found.into_iter().next().map(|(_, value)| value)));
            }
            if self.with(|state| state.known.get(key) != Some(want)) {
                return Err(StorageError::Conflict);
            }
        }
        Ok(())
    }

    /// Begins a segment after the newest one.
    async fn begin(&self) -> Result<(), StorageError> {
        self.sync().await?;
        let (previous, length, begun) = self.with(|state| (state.newest, state.end, state.begun));
        let number = previous.checked_add(1).ok_or(StorageError::Quota)?;
        if !begun {
            self.files.create(&name(number)).await?;
            self.with(|state| state.begun = true);
        }
        let first = self.with(|state| state.first);
        Self::write_head(&self.files, &self.crc, &SegmentHead { number, previous, length, first }).await?;
        self.with(|state| {
            let end = SEGMENT_HEAD as u64;
            (state.newest, state.end, state.synced) = (number, end, end);
            (state.begun, state.closed) = (false, false);
            state.index.extend(number, end);
        });
        Ok(())
    }

    /// Appends the frame of `batch`, after which `first` is the oldest segment that counts.
    async fn append(&self, batch: &Batch, first: u32) -> Result<(), StorageError> {
        let (segment, at, synced) = self.with(|state| (state.newest, state.end, state.synced));
        let head = frame::encode(&self.crc, &About { segment, at, first, synced }, batch);
        let parts: Vec<&[u8]> =
            std::iter::once(&head[..]).chain(batch.puts.iter().map(|(_, value)| &value[..])).collect();
        let values = at + head.len() as u64;
        let end = at + parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if end > u32::MAX.into() {
            return Err(StorageError::Other("a transaction of 4 GiB is too large".to_string()));
        }
        self.files.write(&name(segment), at, &parts).await?;
        let durable = self.durable.get();
        if durable && let Err(error) = self.files.sync(&name(segment)).await {
            self.with(|state| state.closed = true);
            return Err(error.into());
        }
        self.fence().await?;
        self.with(|state| {
            state.end = end;
            state.synced = if durable { end } else { state.synced };
            state.index.apply_batch(segment, values, batch);
            state.index.extend(segment, end);
            state.first = first;
            state.old.extend(state.index.forget(first));
            for (key, _) in &batch.puts {
                state.known.remove(key);
            }
            state.known.retain(|key, _| !batch.deletes.iter().any(|range| range.contains(key)));
        });
        Ok(())
    }

    /// Fails if somebody else has begun a segment: then nothing that we wrote since counts.
    async fn fence(&self) -> Result<(), StorageError> {
        let (newest, begun) = self.with(|state| (state.newest, state.begun));
        let next = newest.saturating_add(1 + u32::from(begun));
        if self.files.size(&name(next)).await?.is_some() {
            return Err(StorageError::Conflict);
        }
        // The next one may have come and gone, but not before this one.
        self.files.size(&name(newest)).await?.map(|_| ()).ok_or(StorageError::Gone)
    }

    /// Removes the segments before the oldest that counts. What cannot be removed now can be later.
    async fn remove_old(&self) {
        let next = || self.with(|state| state.old.first().copied().filter(|number| *number < state.first));
        // What took the place of their values has to be on the disk.
        if next().is_none() || self.sync().await.is_err() {
            return;
        }
        while let Some(number) = next()
            && self.files.remove(&name(number)).await.is_ok()
        {
            self.with(|state| state.old.remove(&number));
        }
    }

    /// Reads values, in the order of `places`.
    async fn values(&self, places: &[(Key, Place)]) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        let mut values = Vec::with_capacity(places.len());
        let mut rest = places;
        while let Some((_, from)) = rest.first() {
            let together = rest.windows(2).take_while(|pair| {
                let (before, after) = (pair[0].1, pair[1].1);
                let end = before.at + before.len;
                let near = before.segment == after.segment && (end..=end + NEAR).contains(&after.at);
                near && after.at + after.len - from.at <= AT_ONCE
            });
            let (now, later) = rest.split_at(together.count() + 1);
            let len = now.last().map_or(0, |(_, last)| last.at + last.len - from.at);
            let bytes = self.files.read(&name(from.segment), from.at.into(), len as usize).await?;
            for (key, place) in now {
                let start = (place.at - from.at) as usize;
                let value = bytes.get(start..start + place.len as usize);
                let cut = || StorageError::Other(format!("{} is shorter than it was", name(place.segment)));
                values.push((*key, value.ok_or_else(cut)?.to_vec()));
            }
            rest = later;
        }
        Ok(values)
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.borrow_mut())
    }

    /// Returns when no other transaction is under way.
    async fn turn(&self) -> Turn<'_> {
        poll_fn(|cx| {
            self.with(|state| match std::mem::replace(&mut state.busy, true) {
                false => Poll::Ready(()),
                true => {
                    state.waiting.push(cx.waker().clone());
                    Poll::Pending
                }
            })
        })
        .await;
        Turn(&self.state)
    }

    async fn transact(&self, batch: &Batch) -> Result<(), StorageError> {
        self.check(&batch.expect).await?;
        if self.with(|state| state.closed || state.end >= self.segment) {
            self.begin().await?;
        }
        let places = self.with(|state| state.leave(batch, self.segment));
        // Values that cannot be read stay where they are: they are not this transaction's trouble.
        let carried = self.values(&places).await.unwrap_or_default();
        let first = self.with(|state| state.index.first());
        if carried.is_empty() {
            self.append(batch, first).await?;
        } else {
            let (deletes, mut puts) = (batch.deletes.clone(), batch.puts.clone());
            puts.extend(carried);
            self.append(&Batch { expect: Vec::new(), deletes, puts }, first).await?;
        }
        self.remove_old().await;
        Ok(())
    }
}

impl State {
    /// Says which values of old segments leave them with `batch`. Segments hold about `size` bytes.
    fn leave(&mut self, batch: &Batch, size: u64) -> Vec<(Key, Place)> {
        if !self.index.is_crowded(size) {
            (self.budget, self.leaving, self.emptied) = (0, Vec::new(), 0);
            return Vec::new();
        }
        let bytes: usize = batch.puts.iter().map(|(_, value)| value.len()).sum();
        self.budget += CARRIED_AT_LEAST + CARRIED * bytes as i64;
        let mut places = Vec::new();
        while self.budget > 0 {
            let Some(key) = self.leaving.pop() else {
                match self.index.used_after(self.emptied).filter(|segment| *segment < self.newest) {
                    Some(segment) => self.emptied = segment,
                    None => break,
                }
                self.leaving = self.index.keys_in(self.emptied);
                self.leaving.reverse();
                continue;
            };
            let touched =
                batch.deletes.iter().any(|range| range.contains(&key)) || batch.puts.iter().any(|(put, _)| *put == key);
            if let Some(place) = self.index.place(key).filter(|place| place.segment == self.emptied && !touched) {
                self.budget -= i64::from(place.len);
                places.push((key, place));
            }
        }
        // What is not used now is not for later, or a transaction could become very large.
        self.budget = self.budget.min(0);
        places
    }
}

impl<F: Files> Storage for FileStorage<F> {
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        loop {
            let places = self.with(|state| state.index.places(range.clone(), most));
            match self.values(&places).await {
                // A transaction may have moved them meanwhile.
                Err(_) if places != self.with(|state| state.index.places(range.clone(), most)) => {}
                result => return result,
            }
        }
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        let _turn = self.turn().await;
        if let Some(error) = self.with(|state| state.over.clone()) {
            return Err(error);
        }
        self.transact(batch).await
    }
}

/// The right to write, until it is dropped.
struct Turn<'a>(&'a RefCell<State>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.borrow_mut();
            state.busy = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}
