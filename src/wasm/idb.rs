//! IndexedDB as a [`Storage`]: one database a name, one object store, keys and values as they are, one schema version for ever.

use crate::persist::{Batch, Key, Storage, StorageError};
use indexed_db_futures::database::{Database, VersionChangeEvent};
use indexed_db_futures::error::{DomException, Error, OpenDbError};
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{Transaction, TransactionDurability, TransactionMode, TransactionOptions};
use indexed_db_futures::typed_array::{Uint8Array, Uint8ArraySlice};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

/// Databases of this package begin with this, so that they meet nobody else's of the origin.
const PREFIX: &str = "tabdis:";
/// The one object store.
const STORE: &str = "values";
/// The one version: versions are inside the data, because an upgrade waits for every other tab.
const VERSION: u32 = 1;

/// Why a database was not opened.
#[derive(Debug)]
pub enum Refusal {
    /// There is no IndexedDB here, or it is forbidden (private windows, blocked cookies). The words are the browser's.
    Unavailable(String),
    /// IndexedDB failed.
    Failed(StorageError),
}

/// A database of values. Commits return when the transaction is complete, which is when it will not be lost.
pub struct IdbStorage {
    name: String,
    durability: TransactionDurability,
    /// `None` once the browser has closed it: the next use opens it again.
    connection: Rc<RefCell<Option<Database>>>,
}

impl IdbStorage {
    /// Opens the database of the store `name`, and makes it if there is none. With `strict`, commits are on the disk when they
    /// return; else the system has them, and only the loss of its power loses them.
    pub async fn open(name: &str, strict: bool) -> Result<Self, Refusal> {
        let durability = if strict { TransactionDurability::Strict } else { TransactionDurability::Relaxed };
        let storage = IdbStorage { name: format!("{PREFIX}{name}"), durability, connection: Default::default() };
        match storage.connect().await {
            Ok(_) => Ok(storage),
            Err(OpenDbError::Base(error)) => match words(&error) {
                (name, _) if name == "QuotaExceededError" => Err(Refusal::Failed(StorageError::Quota)),
                (name, text) => Err(Refusal::Unavailable(format!("{name}: {text}"))),
            },
            Err(error) => Err(Refusal::Unavailable(error.to_string())),
        }
    }

    /// Removes the database of the store `name`.
    pub async fn delete(name: &str) -> Result<(), StorageError> {
        let request = Database::delete_by_name(&format!("{PREFIX}{name}")).map_err(open_failed)?;
        request.await.map_err(failed)
    }

    /// Ends the connection.
    pub fn close(&self) {
        if let Some(connection) = self.connection.borrow_mut().take() {
            connection.close();
        }
    }

    async fn connect(&self) -> Result<Database, OpenDbError> {
        if let Some(connection) = &*self.connection.borrow() {
            return Ok(connection.clone());
        }
        let connection = Database::open(self.name.as_str())
            .with_version(VERSION)
            .with_on_upgrade_needed(|_: VersionChangeEvent, database: Database| {
                database.create_object_store(STORE).build()?;
                Ok(())
            })
            .await?;
        *self.connection.borrow_mut() = Some(connection.clone());
        self.give_way(&connection);
        Ok(connection)
    }

    /// Closes the connection when someone wants to remove the database: he would wait for ever otherwise.
    fn give_way(&self, connection: &Database) {
        let Ok(mut changes) = connection.version_changes() else { return };
        let place = Rc::downgrade(&self.connection);
        let connection = connection.clone();
        wasm_bindgen_futures::spawn_local(async move {
            // `None`: the browser closed it.
            let _ = changes.recv().await;
            connection.close();
            if let Some(place) = place.upgrade() {
                place.borrow_mut().take();
            }
        });
    }

    /// Begins a transaction; when the connection is found closed, on a new one.
    async fn with<R>(
        &self,
        mode: TransactionMode,
        work: impl AsyncFn(Transaction<'_>) -> Result<R, StorageError>,
    ) -> Result<R, StorageError> {
        for last in [false, true] {
            let connection = self.connect().await.map_err(open_failed)?;
            let options = TransactionOptions::new().with_durability(self.durability);
            match connection.transaction(STORE).with_mode(mode).with_options(options).build() {
                Ok(transaction) => return work(transaction).await,
                Err(error) if last => return Err(failed(error)),
                Err(_) => drop(self.connection.borrow_mut().take()),
            }
        }
        Err(StorageError::Gone)
    }
}

impl Storage for IdbStorage {
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(most).unwrap_or(u32::MAX);
        let (names, values) = self
            .with(TransactionMode::Readonly, async |transaction| {
                let store = transaction.object_store(STORE).map_err(failed)?;
                // Both requests go out before either is awaited.
                let names = store.get_all_keys::<String>().with_query::<String, _>(span(&range)).with_limit(limit);
                let names = names.primitive().map_err(failed)?;
                let values = store.get_all::<Uint8Array>().with_query::<String, _>(span(&range)).with_limit(limit);
                let values = values.primitive().map_err(failed)?;
                let names: Vec<String> = names.await.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
                let values: Vec<Uint8Array> =
                    values.await.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
                Ok((names, values))
            })
            .await?;
        names
            .iter()
            .zip(values)
            .map(|(name, value)| {
                let unknown = || StorageError::Other(format!("there is a value under the unknown key {name}"));
                Ok((Key::parse(name).ok_or_else(unknown)?, value.into()))
            })
            .collect()
    }

    async fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        self.with(TransactionMode::Readwrite, async |transaction| {
            // A dropped transaction is rolled back.
            let sys = transaction.as_sys().clone();
            let reason = |error| sys.error().map_or_else(|| failed(error), |why| failed(why.into()));
            write(&transaction, batch).await.map_err(|error| match error {
                Wrong::Conflict => StorageError::Conflict,
                Wrong::Failed(error) => reason(error),
            })?;
            transaction.commit().await.map_err(reason)
        })
        .await
    }
}

enum Wrong {
    Conflict,
    Failed(Error),
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Wrong::Failed(error)
    }
}

/// Bytes that are sent before others may run: copying them takes about a millisecond.
const AT_ONCE: usize = 256 << 10;

/// Checks what is expected, then sends all requests: they need not be awaited, the transaction is as good as all of them. Large
/// ones are, so that no other work waits for the copying of them all.
async fn write(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), Wrong> {
    let store = transaction.object_store(STORE)?;
    for (key, want) in &batch.expect {
        let found: Option<Uint8Array> = store.get(key.to_string()).primitive()?.await?;
        if found.map(Vec::from) != *want {
            return Err(Wrong::Conflict);
        }
    }
    for range in &batch.deletes {
        if range.start < range.end {
            store.delete::<String, _>(span(range)).primitive()?;
        }
    }
    let mut sent = 0;
    for (key, value) in &batch.puts {
        let request = store.put(Uint8ArraySlice::new(value)).with_key(key.to_string()).primitive()?;
        sent += value.len();
        if sent >= AT_ONCE {
            request.await?;
            sent = 0;
        }
    }
    Ok(())
}

fn span(range: &Range<Key>) -> Range<String> {
    range.start.to_string()..range.end.to_string()
}

fn open_failed(error: OpenDbError) -> StorageError {
    match error {
        OpenDbError::Base(error) => failed(error),
        error => StorageError::Other(error.to_string()),
    }
}

fn failed(error: Error) -> StorageError {
    match words(&error) {
        (name, _) if name == "QuotaExceededError" => StorageError::Quota,
        (name, _) if matches!(name.as_str(), "InvalidStateError" | "NotFoundError") => StorageError::Gone,
        (name, text) => StorageError::Other(format!("{name}: {text}")),
    }
}

/// The name and the words of an error.
fn words(error: &Error) -> (String, String) {
    match error {
        Error::DomException(exception) => (name_of(exception), exception.message()),
        error => ("Error".to_string(), error.to_string()),
    }
}

fn name_of(exception: &DomException) -> String {
    let exception: web_sys::DomException = exception.clone().into();
    exception.name()
}
