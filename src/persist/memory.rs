//! A storage that is gone with the process: for `open()` without a name, and for tests.

use super::{Batch, Key, Storage, StorageError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

/// Values in memory. Clones are copies, as of a disk at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStorage(RefCell<BTreeMap<Key, Vec<u8>>>);

impl MemoryStorage {
    /// Changes the stored values directly, past all checks: what a damaged disk does.
    pub fn edit<R>(&self, f: impl FnOnce(&mut BTreeMap<Key, Vec<u8>>) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }
}

impl Storage for MemoryStorage {
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        Ok(self.0.borrow().range(range).take(most).map(|(key, value)| (*key, value.clone())).collect())
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        let mut values = self.0.borrow_mut();
        if batch.expect.iter().any(|(key, want)| values.get(key) != want.as_ref()) {
            return Err(StorageError::Conflict);
        }
        for range in &batch.deletes {
            values.retain(|key, _| !range.contains(key));
        }
        values.extend(batch.puts.iter().cloned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conforms() {
        super::super::run(super::super::conformance::all(async || MemoryStorage::default(), async |storage| storage));
    }
}
