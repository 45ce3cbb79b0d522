//! Floor 5: keeping an engine's data in a storage of keys and values with atomic transactions: IndexedDB, memory, files.
//!
//! What is kept: a snapshot (RDB, in chunks), the log of effects after it (records), and a manifest that says which
//! snapshot counts and from which record on the log goes beyond it.
//!
//! - [`open`] claims the storage, loads the snapshot and replays the log.
//! - [`Persist`] says what to write next. One transaction is in flight at a time; effects that arrive meanwhile go into the
//!   next one together.
//! - When the log has outgrown the snapshot, a new one is taken in slices while commands go on. It holds the state of one
//!   instant, at which a new record begins. Until the manifest names it, the old snapshot and the whole log count; naming it
//!   and removing what it replaces are one transaction. So every crash leaves a complete state: that of the last transaction.
//! - Records are numbered without gaps for ever, and every stored value says what it is, where it belongs, how long it is and
//!   what its checksum is. A cut end of the log is cut off; anything else that is wrong is reported and never written over.
//! - Every transaction checks that this owner is still the last one to have claimed the storage.

pub mod conformance;
pub mod files;
mod memory;
mod open;
mod record;
mod resume;
mod taking;
mod write;

pub use memory::MemoryStorage;
pub use open::{Damage, OpenError, Progress, Report, claim_number, is_claimed, open};
pub use record::Manifest;
pub use resume::{Here, Resumed, resume};
pub use write::{Mark, Next, Options, Persist};

use std::ops::Range;

/// The name of a stored value. Values are read and removed in ranges of this order, which is that of the names as text too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A chunk of the snapshot of a generation.
    Chunk(u64, u64),
    /// Who claimed the storage last.
    Epoch,
    /// A record of the log.
    Log(u64),
    /// Which snapshot and which part of the log count.
    Manifest,
    /// Behind all others; never stored.
    End,
}

impl Key {
    /// Every key there can be.
    pub const ALL: Range<Key> = Key::Chunk(0, 0)..Key::End;

    /// Returns the key that is written as `name`.
    pub fn parse(name: &str) -> Option<Self> {
        let number = |digits: &str| (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?;
        let key = match name.split_once('-') {
            Some(("chunk", rest)) => {
                let (generation, n) = rest.split_once('-')?;
                Key::Chunk(number(generation)?, number(n)?)
            }
            Some(("log", n)) => Key::Log(number(n)?),
            None if name == "epoch" => Key::Epoch,
            None if name == "manifest" => Key::Manifest,
            _ => return None,
        };
        (key.to_string() == name).then_some(key)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Chunk(generation, n) => write!(f, "chunk-{generation:016x}-{n:016x}"),
            Key::Epoch => f.write_str("epoch"),
            Key::Log(n) => write!(f, "log-{n:016x}"),
            Key::Manifest => f.write_str("manifest"),
            Key::End => f.write_str("~"),
        }
    }
}

/// One transaction: all of it happens, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// It only happens if these keys hold these values, `None` meaning no value: [`StorageError::Conflict`] otherwise.
    pub expect: Vec<(Key, Option<Vec<u8>>)>,
    /// These are removed, first.
    pub deletes: Vec<Range<Key>>,
    /// These are stored, over what was there; of one key the last.
    pub puts: Vec<(Key, Vec<u8>)>,
}

impl Batch {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.puts.is_empty()
    }
}

/// Keys and values, kept. The futures need not be `Send`; a host drives them where the engine lives.
#[allow(async_fn_in_trait, reason = "hosts of one thread are the point: no Send bound is wanted")]
pub trait Storage {
    /// Returns the values of `range` in the order of their keys, at most `most` of them.
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError>;

    /// Does all that `batch` says in one transaction, and returns when it is as safe as the storage promises.
    async fn commit(&self, batch: &Batch) -> Result<(), StorageError>;
}

/// Why a storage did not do what it was asked to. Unless it says otherwise, nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// There is no room.
    Quota,
    /// A key does not hold what the batch expects: somebody else claimed the storage.
    Conflict,
    /// The storage was closed. Whether the transaction happened is not known.
    Gone,
    /// Somebody has removed all that was stored, and the place for it.
    Removed,
    /// Anything else, in the storage's words. Whether the transaction happened is not known.
    Other(String),
}

impl std::fmt::Display for StorageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quota => f.write_str("the storage is full"),
            Self::Conflict => f.write_str("another owner has claimed the storage"),
            Self::Gone => f.write_str("the storage was closed"),
            Self::Removed => f.write_str("somebody has removed what was stored"),
            Self::Other(what) => write!(f, "the storage failed: {what}"),
        }
    }
}

impl std::error::Error for StorageError {}

/// What [`drive`] asks of a host. Each call borrows the engine for its own length only.
#[allow(async_fn_in_trait, reason = "as for Storage")]
pub trait Host {
    /// Hands the engine's effects to [`Persist::push`], then asks [`Persist::next`].
    fn next(&self) -> Next;
    /// Passes a transaction and its outcome to [`Persist::done`], and says so to who waits for it.
    fn done(&self, batch: Batch, result: Result<(), StorageError>);
    /// Lets others run for a moment.
    async fn pause(&self);
}

/// Commits whatever there is to commit, one transaction after the other, until there is nothing more to do for now. A host
/// starts it when there are effects, unless it is running.
pub async fn drive<S: Storage>(storage: &S, host: &impl Host) {
    loop {
        match host.next() {
            Next::Commit(batch) => {
                let result = storage.commit(&batch).await;
                host.done(batch, result);
            }
            Next::Again => host.pause().await,
            Next::Wait => return,
        }
    }
}

/// Runs a future that never has to wait for anything outside: those of [`MemoryStorage`], of files, of tests. Panics if it does.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the storage does not answer at once: it needs a real executor"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_read_back_and_sort_like_the_keys() {
        let keys = [
            Key::Chunk(0, 0),
            Key::Chunk(0, u64::MAX),
            Key::Chunk(15, 16),
            Key::Chunk(255, 3),
            Key::Epoch,
            Key::Log(0),
            Key::Log(10),
            Key::Log(u64::MAX),
            Key::Manifest,
        ];
        assert!(keys.is_sorted() && keys.map(|key| key.to_string()).is_sorted());
        for key in keys {
            assert_eq!(Key::parse(&key.to_string()), Some(key));
            assert!(Key::ALL.contains(&key));
        }
        for name in
            ["", "log-1", "log-000000000000000A", "log-+000000000000001", "chunk-0000000000000001", "epoch-", "~"]
        {
            assert_eq!(Key::parse(name), None, "{name}");
        }
    }
}
