//! A [`Storage`] in the files of a folder: an append-only log of transactions, in segments.
//!
//! - A transaction is one frame, appended to the newest segment. A new segment is begun when that is full, and by everybody who
//!   opens the folder; its head says how much of the one before counts. Nothing that was written is written over.
//! - Only the end of the newest segment can be torn: each frame says how much was on the disk before it, so what is broken below
//!   that was damaged, and is reported instead of cut off.
//! - When segments hold too much that is of no use any more, transactions carry some values of the oldest one along, until
//!   nothing in it counts. Frames say which segment is the oldest that counts; those before it are removed when that is on the
//!   disk. Deletions are never carried: what they deleted is in older segments, which are gone by then.
//! - Who opens the folder makes the next segment, then looks once more at what was the newest. Who writes looks, before a
//!   transaction is done, whether there is a next segment. So of two owners the later one has all that the other was told is done.
//!   For that, segments are removed in their order, those that were only begun too.

mod frame;
mod index;
mod scan;
mod storage;

pub use storage::{FileOptions, FileStorage};

use super::StorageError;

/// The files of a folder that nobody else writes to. Names are plain; places and lengths are bytes.
#[allow(async_fn_in_trait, reason = "as for Storage")]
pub trait Files {
    /// Returns the names and lengths of all files.
    async fn list(&self) -> Result<Vec<(String, u64)>, FileError>;
    /// Returns the length of a file; `None` if it is not there.
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError>;
    /// Returns `len` bytes from `at` on; fewer at the end of the file.
    async fn read(&self, name: &str, at: u64, len: usize) -> Result<Vec<u8>, FileError>;
    /// Makes an empty file. Fails with [`FileError::Exists`] if it is there.
    async fn create(&self, name: &str) -> Result<(), FileError>;
    /// Writes `parts` one after the other from `at` on. If it fails, some of it may have been written.
    async fn write(&self, name: &str, at: u64, parts: &[&[u8]]) -> Result<(), FileError>;
    /// Returns when all that was written to the file is on the disk.
    async fn sync(&self, name: &str) -> Result<(), FileError>;
    /// Returns when all files that were made and removed are so on the disk.
    async fn sync_folder(&self) -> Result<(), FileError>;
    /// Removes a file, if it is there.
    async fn remove(&self, name: &str) -> Result<(), FileError>;
}

/// Why files did not do what they were asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// There is such a file already.
    Exists,
    /// There is no such file.
    Missing,
    /// The disk is full.
    Full,
    /// Anything else, in the system's words.
    Other(String),
}

impl From<FileError> for StorageError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Full => StorageError::Quota,
            FileError::Missing => StorageError::Gone,
            // Only segments are made, and each by one owner.
            FileError::Exists => StorageError::Conflict,
            FileError::Other(what) => StorageError::Other(what),
        }
    }
}

/// Why a folder was not opened. What was in it was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A later version wrote it, in this format.
    Newer(u64),
    /// What was on the disk is not there any more, or not the same.
    Damaged(String),
    /// The files failed.
    Failed(StorageError),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newer(format) => write!(f, "the files are in format {format}, which only a later version reads"),
            Self::Damaged(what) => write!(f, "stored data is damaged: {what}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl<E: Into<StorageError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Refusal::Failed(error.into())
    }
}

/// The name of a segment.
fn name(segment: u32) -> String {
    format!("segment-{segment:08x}.tabdis")
}

/// Returns the number of the segment that is called `name`.
fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".tabdis").filter(|digits| digits.len() == 8)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    (self::name(number) == name).then_some(number)
}
