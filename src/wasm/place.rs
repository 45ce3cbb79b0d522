//! Where data is kept, IndexedDB or files, as one [`Storage`]; and what JavaScript is told when that fails.

use super::files::{Folder, FolderStorage};
use super::idb::{self, IdbStorage};
use crate::persist::{Batch, Key, OpenError, Storage, StorageError, files};
use js_sys::Function;
use serde::Serialize;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// What kind of place that is.
pub enum Place {
    Idb(IdbStorage),
    Files(FolderStorage),
}

/// A place that was opened.
#[derive(Clone)]
pub struct Kept {
    pub place: Rc<Place>,
    /// Whether what is committed is on the disk.
    pub strict: Rc<Cell<bool>>,
}

/// An error in a word for programs and a sentence for people.
#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
}

impl Place {
    /// Fails with `{code, message}`.
    pub async fn open(
        name: &str,
        strict: Rc<Cell<bool>>,
        lost: Function,
        folder: Option<Folder>,
    ) -> Result<Self, JsValue> {
        match folder {
            Some(folder) => {
                FolderStorage::open(folder, strict).await.map(Place::Files).map_err(|refusal| match refusal {
                    files::Refusal::Newer(_) => failure("NEWER", refusal.to_string()),
                    files::Refusal::Damaged(_) => failure("DAMAGED", refusal.to_string()),
                    files::Refusal::Failed(error) => storage_failure(&error),
                })
            }
            None => IdbStorage::open(name, strict, Some(lost)).await.map(Place::Idb).map_err(|refusal| match refusal {
                idb::Refusal::Unavailable(message) => failure("UNAVAILABLE", message),
                idb::Refusal::Failed(error) => storage_failure(&error),
            }),
        }
    }

    /// How many bytes had not been written completely, besides those of records.
    pub fn torn(&self) -> u64 {
        match self {
            Place::Idb(_) => 0,
            Place::Files(storage) => storage.torn(),
        }
    }

    /// Ends the connection, if it is one.
    pub fn close(&self) {
        if let Place::Idb(storage) = self {
            storage.close();
        }
    }
}

impl Storage for Place {
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        match self {
            Place::Idb(storage) => storage.read(range, most).await,
            Place::Files(storage) => storage.read(range, most).await,
        }
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        match self {
            Place::Idb(storage) => storage.commit(batch).await,
            Place::Files(storage) => storage.commit(batch).await,
        }
    }
}

/// What kept a store from being opened, as `{code, message}`.
pub fn open_failure(error: &OpenError) -> JsValue {
    match error {
        OpenError::Storage(error) => storage_failure(error),
        OpenError::Newer(_) => failure("NEWER", error.to_string()),
    }
}

/// What a storage says, as `{code, message}`.
pub fn storage_failure(error: &StorageError) -> JsValue {
    let code = match error {
        StorageError::Quota => "QUOTA",
        StorageError::Conflict => "LOCKED",
        StorageError::Gone | StorageError::Removed => "GONE",
        StorageError::Other(_) => "FAILED",
    };
    failure(code, error.to_string())
}

/// `{code, message}`.
pub fn failure(code: &'static str, message: String) -> JsValue {
    serde_wasm_bindgen::to_value(&Failure { code, message }).unwrap_or(JsValue::UNDEFINED)
}
