//! IndexedDB as a [`Storage`]: one database a name, one object store, keys and values as they are, one schema version for ever.

use crate::base::num::hex;
use crate::persist::{self, Batch, Key, Storage, StorageError};
use gloo_timers::future::TimeoutFuture;
use indexed_db_futures::database::{Database, VersionChangeEvent};
use indexed_db_futures::error::{DomException, Error, OpenDbError};
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{Transaction, TransactionDurability, TransactionMode, TransactionOptions};
use indexed_db_futures::typed_array::{Uint8Array, Uint8ArraySlice};
use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use wasm_bindgen::JsValue;

/// Databases of this package begin with this, so that they meet nobody else's of the origin.
const PREFIX: &str = "tabdis:";
/// The one object store.
const STORE: &str = "values";
/// The one version: versions are inside the data, because an upgrade waits for every other tab.
const VERSION: u32 = 1;

/// How long the browser may take to open a database, and for a transaction (ms). It answers within milliseconds; but some versions
/// forget to, and a database that is being removed opens when every other connection to it has ended.
const OPENING: u32 = 10_000;
const TRANSACTION: u32 = 30_000;

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
    strict: Rc<Cell<bool>>,
    connection: Rc<Connection>,
    /// The claim that was made here last, and its [`fence`].
    claimed: RefCell<Option<(Vec<u8>, String)>>,
}

/// The connection there is, and who is told when it is gone.
#[derive(Default)]
struct Connection {
    /// `None` once it is closed: the next use opens it again.
    database: RefCell<Option<Database>>,
    lost: Option<Function>,
}

impl Connection {
    /// Ends it. Transactions that are complete but for their end come to it.
    fn close(&self) {
        if let Some(database) = self.database.borrow_mut().take() {
            database.close();
        }
    }
}

/// Why there is no connection.
enum NoConnection {
    /// There is no such database any more.
    Removed,
    Late,
    Failed(OpenDbError),
}

impl IdbStorage {
    /// Opens the database of the store `name`, and makes it if there is none. While `strict` is true, commits are on the disk when
    /// they return; else the system has them, and only the loss of its power loses them. `lost` is called when the browser has
    /// closed the connection, or somebody wants to remove the database; the next use finds out.
    pub async fn open(name: &str, strict: Rc<Cell<bool>>, lost: Option<Function>) -> Result<Self, Refusal> {
        let connection = Rc::new(Connection { lost, ..Connection::default() });
        let storage = IdbStorage { name: format!("{PREFIX}{name}"), strict, connection, claimed: RefCell::default() };
        match storage.connect(true).await {
            Ok(_) => Ok(storage),
            Err(NoConnection::Failed(OpenDbError::Base(error))) => match words(&error) {
                (name, _) if name == "QuotaExceededError" => Err(Refusal::Failed(StorageError::Quota)),
                (name, text) => Err(Refusal::Unavailable(format!("{name}: {text}"))),
            },
            Err(NoConnection::Failed(error)) => Err(Refusal::Unavailable(error.to_string())),
            Err(error) => Err(Refusal::Failed(error.into())),
        }
    }

    /// Removes the database of the store `name`.
    pub async fn delete(name: &str) -> Result<(), StorageError> {
        let request = Database::delete_by_name(&format!("{PREFIX}{name}")).map_err(open_failed)?;
        request.await.map_err(failed)
    }

    /// Ends the connection. The next use opens it again.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Returns the connection, a new one if it was closed. Only with `make` a database that is not there is made.
    async fn connect(&self, make: bool) -> Result<Database, NoConnection> {
        if let Some(database) = &*self.connection.database.borrow() {
            return Ok(database.clone());
        }
        let removed = Rc::new(Cell::new(false));
        let found = removed.clone();
        let request = Database::open(self.name.as_str())
            .with_version(VERSION)
            .with_on_upgrade_needed(move |_: VersionChangeEvent, database: Database| {
                let store = database.create_object_store(STORE).build()?;
                if !make {
                    found.set(true);
                    let _ = store.transaction().as_sys().abort();
                }
                Ok(())
            })
            .into_future();
        let database = match bounded(OPENING, Box::pin(request)).await {
            Ok(_) if removed.get() => return Err(NoConnection::Removed),
            Ok(opened) => opened.map_err(NoConnection::Failed)?,
            Err(late) => {
                // Nobody would close it, and it would keep others from removing the database.
                wasm_bindgen_futures::spawn_local(async move {
                    if let Ok(database) = late.await {
                        database.close();
                    }
                });
                return Err(NoConnection::Late);
            }
        };
        *self.connection.database.borrow_mut() = Some(database.clone());
        self.give_way(&database);
        Ok(database)
    }

    /// Closes the connection when someone wants to remove the database: he would wait for ever otherwise.
    fn give_way(&self, database: &Database) {
        let Ok(mut changes) = database.version_changes() else { return };
        let place = Rc::downgrade(&self.connection);
        wasm_bindgen_futures::spawn_local(async move {
            // `None`: the browser closed it.
            let _ = changes.recv().await;
            let Some(connection) = place.upgrade() else { return };
            connection.close();
            if let Some(lost) = &connection.lost {
                let _ = lost.call0(&JsValue::NULL);
            }
        });
    }

    /// Does `work` in a transaction. When the connection turns out to be gone, which happens to pages in the background, once
    /// again on a new one: a transaction that did happen does no harm when it happens again.
    async fn with<R>(
        &self,
        mode: TransactionMode,
        work: impl AsyncFn(Transaction<'_>) -> Result<R, StorageError>,
    ) -> Result<R, StorageError> {
        for last in [false, true] {
            let connection = match self.connect(false).await {
                Err(NoConnection::Failed(_)) if !last => continue,
                connection => connection?,
            };
            let durability =
                if self.strict.get() { TransactionDurability::Strict } else { TransactionDurability::Relaxed };
            let options = TransactionOptions::new().with_durability(durability);
            let result = match connection.transaction(STORE).with_mode(mode).with_options(options).build() {
                Ok(transaction) => match bounded(TRANSACTION, Box::pin(work(transaction))).await {
                    Ok(result) => result,
                    Err(late) => {
                        // That rolls it back.
                        drop(late);
                        self.close();
                        return Err(NoConnection::Late.into());
                    }
                },
                Err(error) => Err(failed(error)),
            };
            match result {
                Err(StorageError::Gone | StorageError::Other(_)) if !last => self.close(),
                result => return result,
            }
        }
        Err(StorageError::Gone)
    }
}

impl From<NoConnection> for StorageError {
    fn from(error: NoConnection) -> Self {
        match error {
            NoConnection::Removed => StorageError::Removed,
            NoConnection::Late => StorageError::Other("the browser does not answer".to_string()),
            NoConnection::Failed(error) => open_failed(error),
        }
    }
}

/// Waits for `work`, but no longer than `ms`: then returns it as it is.
async fn bounded<F: Future>(ms: u32, mut work: Pin<Box<F>>) -> Result<F::Output, Pin<Box<F>>> {
    let mut timer = pin!(TimeoutFuture::new(ms));
    let output = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    });
    output.await.ok_or(work)
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
        let is_last = |claim: &Vec<u8>| matches!(&batch.expect[..], [(Key::Epoch, Some(last))] if last == claim);
        let touched = batch.puts.iter().any(|(key, _)| *key == Key::Epoch)
            || batch.deletes.iter().any(|range| range.contains(&Key::Epoch));
        let claimed = self.claimed.borrow().clone();
        let owned = claimed.filter(|(claim, _)| !touched && is_last(claim)).map(|(_, fence)| fence);
        self.with(TransactionMode::Readwrite, async |transaction| {
            // A dropped transaction is rolled back.
            let sys = transaction.as_sys().clone();
            let reason = |error| sys.error().map_or_else(|| failed(error), |why| failed(why.into()));
            write(&transaction, batch, owned.as_deref()).await.map_err(|error| match error {
                Wrong::Conflict => StorageError::Conflict,
                Wrong::Failed(error) => reason(error),
            })?;
            transaction.commit().await.map_err(reason)
        })
        .await?;
        if touched {
            let claim = batch.puts.iter().rev().find(|(key, _)| *key == Key::Epoch).map(|(_, claim)| claim.clone());
            let claim = claim.filter(|_| batch.expect.iter().any(|(key, _)| *key == Key::Epoch));
            *self.claimed.borrow_mut() = claim.map(|claim| (claim.clone(), fence(&claim)));
        }
        Ok(())
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

/// What keeps those who have claimed the storage before from writing: a claim puts a value under the name of the one before it.
fn fence(claim: &[u8]) -> String {
    format!("{FENCE}{:016x}-{}", persist::claim_number(claim), hex(claim))
}

/// Behind all keys there are.
const FENCE: &str = "~fence-";
/// How many claims are remembered: who had an earlier one is long gone.
const FENCES: u64 = 1024;

/// Sends all requests, then checks what is expected: what is sent needs not be awaited, the transaction is as good as all of it.
/// Large ones are, so that no other work waits for the copying of them all. Nor is anything awaited of what is expected if that is that
/// our claim, whose fence is `owned`, is the last one: what is made and removed here can only be made if there is no later one. So a page that is frozen
/// leaves no transaction behind that never ends, which would keep the next owner from the storage.
async fn write(transaction: &Transaction<'_>, batch: &Batch, owned: Option<&str>) -> Result<(), Wrong> {
    let store = transaction.object_store(STORE)?;
    let mut found = Vec::with_capacity(batch.expect.len());
    if let Some(fence) = owned {
        store.add(Uint8ArraySlice::new(b"")).with_key(fence.to_string()).primitive()?;
        store.delete::<String, _>(fence.to_string()).primitive()?;
    } else {
        for (key, _) in &batch.expect {
            found.push(store.get::<Uint8Array, _, _>(key.to_string()).primitive()?);
        }
    }
    if let Some((_, Some(before))) = batch.expect.iter().find(|(key, _)| *key == Key::Epoch)
        && owned.is_none()
        && batch.puts.iter().any(|(key, _)| *key == Key::Epoch)
    {
        let old = format!("{FENCE}{:016x}", persist::claim_number(before).saturating_sub(FENCES));
        store.delete::<String, _>(FENCE.to_string()..old).primitive()?;
        store.put(Uint8ArraySlice::new(b"")).with_key(fence(before)).primitive()?;
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
    for (found, (_, want)) in found.into_iter().zip(&batch.expect) {
        if found.await?.map(Vec::from) != *want {
            return Err(Wrong::Conflict);
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
        // Nothing is added but what others may have put there to keep us out.
        (name, _) if name == "ConstraintError" => StorageError::Conflict,
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
