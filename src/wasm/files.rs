//! Files as a [`Storage`], in Node: how the engine calls `pkg-template/src/files.ts`, which has the file system.

use crate::persist::files::{FileError, FileOptions, FileStorage, Files, Refusal};
use crate::persist::{Batch, Key, Storage, StorageError};
use js_sys::{Array, Reflect, Uint8Array};
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// How long what was written may wait to be on the disk, where it need not be there at once (ms).
const LATER: u32 = 1_000;

#[wasm_bindgen]
extern "C" {
    /// The class of that name in `files.ts`: a folder that is locked.
    #[derive(Clone)]
    pub type Folder;

    #[wasm_bindgen(method, catch)]
    async fn list(this: &Folder) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn size(this: &Folder, name: &str) -> Result<Option<f64>, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn read(this: &Folder, name: &str, at: f64, len: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn create(this: &Folder, name: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn write(this: &Folder, name: &str, at: f64, bytes: Uint8Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn sync(this: &Folder, name: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = syncFolder)]
    async fn sync_folder(this: &Folder) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn remove(this: &Folder, name: &str) -> Result<(), JsValue>;
    /// Does not keep the process alive.
    #[wasm_bindgen(method, catch)]
    async fn pause(this: &Folder, ms: u32) -> Result<(), JsValue>;
}

impl Files for Folder {
    async fn list(&self) -> Result<Vec<(String, u64)>, FileError> {
        // Names and lengths in turn.
        let list: Array = self.list().await.map_err(failed)?.unchecked_into();
        let pairs = list.iter().zip(list.iter().skip(1)).step_by(2);
        Ok(pairs.filter_map(|(name, size)| Some((name.as_string()?, size.as_f64()? as u64))).collect())
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        Ok(self.size(name).map_err(failed)?.map(|size| size as u64))
    }

    async fn read(&self, name: &str, at: u64, len: usize) -> Result<Vec<u8>, FileError> {
        let bytes = self.read(name, at as f64, len as f64).await.map_err(failed)?;
        Ok(bytes.unchecked_into::<Uint8Array>().to_vec())
    }

    async fn create(&self, name: &str) -> Result<(), FileError> {
        self.create(name).await.map_err(failed)
    }

    async fn write(&self, name: &str, at: u64, parts: &[&[u8]]) -> Result<(), FileError> {
        // A copy: the engine's memory may move while the system writes.
        let bytes = Uint8Array::new_with_length(parts.iter().map(|part| part.len() as u32).sum());
        let mut from = 0;
        for part in parts {
            let to = from + part.len() as u32;
            bytes.subarray(from, to).copy_from(part);
            from = to;
        }
        self.write(name, at as f64, bytes).await.map_err(failed)
    }

    async fn sync(&self, name: &str) -> Result<(), FileError> {
        self.sync(name).await.map_err(failed)
    }

    async fn sync_folder(&self) -> Result<(), FileError> {
        self.sync_folder().await.map_err(failed)
    }

    async fn remove(&self, name: &str) -> Result<(), FileError> {
        self.remove(name).await.map_err(failed)
    }
}

/// What an error of Node's file system means.
fn failed(error: JsValue) -> FileError {
    let word = |name: &str| Reflect::get(&error, &name.into()).ok().and_then(|value| value.as_string());
    match word("code").as_deref() {
        Some("EEXIST") => FileError::Exists,
        Some("ENOENT") => FileError::Missing,
        Some("ENOSPC" | "EDQUOT") => FileError::Full,
        _ => FileError::Other(word("message").unwrap_or_else(|| format!("{error:?}"))),
    }
}

/// A folder of values. While `strict` is false, the system has what was committed, and the disk a second later.
pub struct FolderStorage {
    storage: Rc<FileStorage<Folder>>,
    folder: Folder,
    strict: Rc<Cell<bool>>,
    /// Somebody syncs in a moment.
    waiting: Rc<Cell<bool>>,
}

impl FolderStorage {
    /// Opens what is in `folder`, or makes it.
    pub async fn open(folder: Folder, strict: Rc<Cell<bool>>) -> Result<Self, Refusal> {
        let options = FileOptions { durable: strict.get(), ..FileOptions::default() };
        let storage = Rc::new(FileStorage::open(folder.clone(), options).await?);
        Ok(FolderStorage { storage, folder, strict, waiting: Rc::default() })
    }

    /// How many bytes at the end had not been written completely.
    pub fn torn(&self) -> u64 {
        self.storage.torn()
    }

    fn sync_later(&self) {
        if self.strict.get() || self.waiting.replace(true) {
            return;
        }
        let (storage, folder, waiting) = (self.storage.clone(), self.folder.clone(), self.waiting.clone());
        wasm_bindgen_futures::spawn_local(async move {
            let _ = folder.pause(LATER).await;
            waiting.set(false);
            // If that fails, the next commit says so.
            let _ = storage.sync().await;
        });
    }
}

impl Storage for FolderStorage {
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        self.storage.read(range, most).await
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        self.storage.set_durable(self.strict.get());
        self.storage.commit(batch).await?;
        self.sync_later();
        Ok(())
    }
}
