//! Disks for tests: one that forgets what was not synced, tears what was being written and fails when told to; and the real one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::rc::Rc;
use tabdis::base::rng::Rng;
use tabdis::persist::files::{FileError, Files};

/// A folder on a disk with a cache. Clones are the same folder.
#[derive(Clone, Default)]
pub struct Disk(Rc<RefCell<Inner>>);

/// What happens at each operation.
#[derive(Clone, Default)]
struct Inner {
    files: Vec<File>,
    /// What the system shows: names, and places in `files`.
    names: BTreeMap<String, usize>,
    /// The same, as it is on the disk, and what was done since.
    synced: BTreeMap<String, usize>,
    since: Vec<(String, Option<usize>)>,
    /// Operations that changed something or were to.
    operations: usize,
    /// This operation fails.
    failing: Option<(usize, FileError)>,
    /// Every moment between two operations, if they are kept, with what a test noted then.
    moments: Option<Vec<Moment>>,
    note: Note,
}

/// What a test wants to know of a moment: so much had been said to be kept, and so much of that to be on the disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Note {
    pub done: u64,
    pub synced: u64,
}

#[derive(Clone, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// What was written since.
    since: Vec<(usize, Vec<u8>)>,
}

/// What a stop leaves on the disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    /// Everything: the process was killed.
    Process,
    /// What was synced: the power failed.
    Power,
    /// That, and of the rest what the seed says, in parts.
    Tear(u64),
}

/// A disk at one moment.
#[derive(Clone)]
pub struct Moment {
    inner: Inner,
    pub note: Note,
}

impl Moment {
    /// The disk as it is found afterwards.
    pub fn stopped(&self, stop: Stop) -> Disk {
        let inner = &self.inner;
        let mut rng = Rng::new(if let Stop::Tear(seed) = stop { seed } else { 0 });
        let mut names = if stop == Stop::Process { inner.names.clone() } else { inner.synced.clone() };
        if matches!(stop, Stop::Tear(_)) {
            inner.since.iter().filter(|_| rng.below(2) == 0).for_each(|(name, file)| set(&mut names, name, *file));
        }
        let mut content = |file: &File| match stop {
            Stop::Process => file.now.clone(),
            Stop::Power => file.synced.clone(),
            Stop::Tear(_) => {
                let mut bytes = file.synced.clone();
                for (at, written) in &file.since {
                    let from = if rng.below(2) == 0 { 0 } else { rng.below(written.len() + 1) };
                    let to = if rng.below(2) == 0 { written.len() } else { from + rng.below(written.len() - from + 1) };
                    if rng.below(3) > 0 {
                        write(&mut bytes, at + from, &written[from..to]);
                    }
                }
                bytes
            }
        };
        let files: Vec<File> = inner
            .files
            .iter()
            .map(|file| {
                let bytes = content(file);
                File { now: bytes.clone(), synced: bytes, since: Vec::new() }
            })
            .collect();
        Disk(Rc::new(RefCell::new(Inner { files, synced: names.clone(), names, ..Inner::default() })))
    }
}

fn set(names: &mut BTreeMap<String, usize>, name: &str, file: Option<usize>) {
    match file {
        Some(file) => _ = names.insert(name.to_string(), file),
        None => _ = names.remove(name),
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    bytes.resize(bytes.len().max(at + written.len()), 0);
    bytes[at..at + written.len()].copy_from_slice(written);
}

impl Disk {
    /// Keeps every moment from now on.
    pub fn record(&self) {
        let mut inner = self.0.borrow_mut();
        inner.moments = Some(Vec::new());
        inner.moment();
    }

    /// Returns the moments since the last call.
    pub fn moments(&self) -> Vec<Moment> {
        self.0.borrow_mut().moments.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Goes with the moments from now on.
    pub fn note(&self, note: Note) {
        self.0.borrow_mut().note = note;
    }

    /// Has the operation that is `later` after the next one fail.
    pub fn fail(&self, later: usize, error: FileError) {
        let mut inner = self.0.borrow_mut();
        inner.failing = Some((inner.operations + later, error));
    }

    /// Whether an operation that was to fail has.
    pub fn has_failed(&self) -> bool {
        self.0.borrow().failing.is_none()
    }

    /// Changes a file directly. Fails if it is not there.
    pub fn edit<R>(&self, name: &str, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let inner = &mut *self.0.borrow_mut();
        f(&mut inner.files[inner.names[name]].now)
    }

    /// Puts a file there, as if it had always been.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let inner = &mut *self.0.borrow_mut();
        inner.files.push(File { now: bytes.to_vec(), synced: bytes.to_vec(), since: Vec::new() });
        inner.names.insert(name.to_string(), inner.files.len() - 1);
        inner.synced.insert(name.to_string(), inner.files.len() - 1);
    }

    /// Removes a file, as if it had never been.
    pub fn lose(&self, name: &str) {
        let mut inner = self.0.borrow_mut();
        assert!(inner.names.remove(name).is_some(), "{name} is there");
        inner.synced.remove(name);
    }

    /// All files and what is in them.
    pub fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let inner = self.0.borrow();
        inner.names.iter().map(|(name, file)| (name.clone(), inner.files[*file].now.clone())).collect()
    }

    /// The same files on a disk of their own, all synced.
    pub fn copy(&self) -> Disk {
        Moment { inner: self.0.borrow().clone(), note: Note::default() }.stopped(Stop::Process)
    }

    /// Does an operation, or lets it fail; `half` of it may have happened then.
    fn operate<R>(
        &self,
        half: impl FnOnce(&mut Inner),
        f: impl FnOnce(&mut Inner) -> Result<R, FileError>,
    ) -> Result<R, FileError> {
        let inner = &mut *self.0.borrow_mut();
        inner.operations += 1;
        let result = match inner.failing.take() {
            Some((at, error)) if at < inner.operations => {
                half(inner);
                Err(error)
            }
            later => {
                inner.failing = later;
                f(inner)
            }
        };
        inner.moment();
        result
    }
}

impl Inner {
    fn moment(&mut self) {
        let Some(mut moments) = self.moments.take() else { return };
        moments.push(Moment { inner: self.clone(), note: self.note });
        self.moments = Some(moments);
    }

    fn file(&mut self, name: &str) -> Result<&mut File, FileError> {
        let file = *self.names.get(name).ok_or(FileError::Missing)?;
        Ok(&mut self.files[file])
    }

    fn write(&mut self, name: &str, at: usize, bytes: &[u8]) -> Result<(), FileError> {
        let file = self.file(name)?;
        write(&mut file.now, at, bytes);
        file.since.push((at, bytes.to_vec()));
        Ok(())
    }
}

impl Files for Disk {
    async fn list(&self) -> Result<Vec<(String, u64)>, FileError> {
        Ok(self.content().into_iter().map(|(name, bytes)| (name, bytes.len() as u64)).collect())
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        let inner = self.0.borrow();
        Ok(inner.names.get(name).map(|file| inner.files[*file].now.len() as u64))
    }

    async fn read(&self, name: &str, at: u64, len: usize) -> Result<Vec<u8>, FileError> {
        let mut inner = self.0.borrow_mut();
        let bytes = inner.file(name)?.now.get(at as usize..).unwrap_or_default();
        Ok(bytes[..bytes.len().min(len)].to_vec())
    }

    async fn create(&self, name: &str) -> Result<(), FileError> {
        self.operate(
            |_| {},
            |inner| {
                if inner.names.contains_key(name) {
                    return Err(FileError::Exists);
                }
                inner.files.push(File::default());
                let file = inner.files.len() - 1;
                inner.names.insert(name.to_string(), file);
                inner.since.push((name.to_string(), Some(file)));
                Ok(())
            },
        )
    }

    async fn write(&self, name: &str, at: u64, parts: &[&[u8]]) -> Result<(), FileError> {
        let (at, bytes) = (at as usize, parts.concat());
        self.operate(
            |inner| inner.write(name, at, &bytes[..bytes.len() / 2]).unwrap_or_default(),
            |inner| inner.write(name, at, &bytes),
        )
    }

    async fn sync(&self, name: &str) -> Result<(), FileError> {
        self.operate(
            // What could not be synced is not tried again, as in Linux.
            |inner| {
                if let Ok(file) = inner.file(name) {
                    file.since.clear();
                }
            },
            |inner| {
                let file = inner.file(name)?;
                (file.synced, file.since) = (file.now.clone(), Vec::new());
                Ok(())
            },
        )
    }

    async fn sync_folder(&self) -> Result<(), FileError> {
        self.operate(
            |_| {},
            |inner| {
                (inner.synced, inner.since) = (inner.names.clone(), Vec::new());
                Ok(())
            },
        )
    }

    async fn remove(&self, name: &str) -> Result<(), FileError> {
        self.operate(
            |_| {},
            |inner| {
                inner.names.remove(name);
                inner.since.push((name.to_string(), None));
                Ok(())
            },
        )
    }
}

/// A folder of the system, removed at the end. Clones are the same folder.
#[derive(Clone)]
pub struct Folder(Rc<Place>);

struct Place(PathBuf);

impl Folder {
    /// A folder with nothing in it.
    pub fn fresh() -> Self {
        thread_local!(static MADE: Cell<u32> = const { Cell::new(0) });
        let n = MADE.replace(MADE.get() + 1);
        let path = std::env::temp_dir().join(format!("tabdis-files-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is a folder for temporary files");
        Folder(Rc::new(Place(path)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn open(&self, name: &str) -> Result<std::fs::File, FileError> {
        std::fs::OpenOptions::new().read(true).write(true).open(self.path(name)).map_err(failed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

fn failed(error: std::io::Error) -> FileError {
    match error.kind() {
        ErrorKind::AlreadyExists => FileError::Exists,
        ErrorKind::NotFound => FileError::Missing,
        ErrorKind::StorageFull => FileError::Full,
        _ => FileError::Other(error.to_string()),
    }
}

impl Files for Folder {
    async fn list(&self) -> Result<Vec<(String, u64)>, FileError> {
        let entries = std::fs::read_dir(self.path("")).map_err(failed)?;
        let each = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()))
        };
        entries.map(each).collect::<std::io::Result<_>>().map_err(failed)
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        match std::fs::metadata(self.path(name)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn read(&self, name: &str, at: u64, len: usize) -> Result<Vec<u8>, FileError> {
        use std::io::{Read, Seek};
        let mut file = self.open(name)?;
        file.seek(std::io::SeekFrom::Start(at)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(len as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    async fn create(&self, name: &str) -> Result<(), FileError> {
        std::fs::File::create_new(self.path(name)).map(|_| ()).map_err(failed)
    }

    async fn write(&self, name: &str, at: u64, parts: &[&[u8]]) -> Result<(), FileError> {
        use std::io::{Seek, Write};
        let mut file = self.open(name)?;
        file.seek(std::io::SeekFrom::Start(at)).map_err(failed)?;
        parts.iter().try_for_each(|part| file.write_all(part)).map_err(failed)
    }

    async fn sync(&self, name: &str) -> Result<(), FileError> {
        self.open(name)?.sync_data().map_err(failed)
    }

    async fn sync_folder(&self) -> Result<(), FileError> {
        std::fs::File::open(self.path("")).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    async fn remove(&self, name: &str) -> Result<(), FileError> {
        std::fs::remove_file(self.path(name)).map_err(failed)
    }
}
