//! A disk in memory that dies at any step, with or without its cache, that fills up, and whose files a test can look at.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use std::collections::BTreeMap;
use std::io::{self, Cursor, Error, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard};
use tabdis::server::aof::{Disk, DiskFile};

/// The disk. Copies are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Files by number: what is in them, and how much of that the medium has.
    files: Vec<(Vec<u8>, usize)>,
    /// Names, and those the medium has.
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    steps: u64,
    /// Nothing happens from this step on, and whether it was reached.
    dies_at: Option<u64>,
    is_dead: bool,
    /// So many bytes can still be written.
    room: Option<usize>,
    syncs: u64,
    /// Making sure of a file fails.
    sync_fails: bool,
}

struct Handle(MemoryDisk, usize);

impl State {
    fn step(&mut self) -> io::Result<()> {
        if self.dies_at.is_some_and(|at| self.steps >= at) {
            self.is_dead = true;
            return Err(Error::other("the machine is off"));
        }
        self.steps += 1;
        Ok(())
    }

    fn number(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().ok_or(ErrorKind::NotFound.into())
    }

    fn open(&mut self, path: &str, empty: bool) -> io::Result<usize> {
        self.step()?;
        let number = self.number(path).unwrap_or_else(|_| {
            self.files.push((Vec::new(), 0));
            self.names.insert(path.to_string(), self.files.len() - 1);
            self.files.len() - 1
        });
        if empty {
            self.files[number] = (Vec::new(), 0);
        }
        Ok(number)
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl MemoryDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// How many operations were done.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// How often a file was made sure of.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Lets nothing happen from step `at` on.
    pub fn die_at(&self, at: u64) {
        self.state().dies_at = Some(at);
    }

    /// Leaves room for so many bytes, or for all there will be.
    pub fn set_room(&self, room: Option<usize>) {
        self.state().room = room;
    }

    /// Lets making sure of files fail, or not any more.
    pub fn set_sync_fails(&self, fails: bool) {
        self.state().sync_fails = fails;
    }

    /// What is there when the process was killed.
    pub fn after_kill(&self) -> MemoryDisk {
        let state = self.state();
        let files = state.files.iter().map(|(bytes, _)| (bytes.clone(), bytes.len())).collect();
        let (names, safe_names) = (state.names.clone(), state.names.clone());
        MemoryDisk(Arc::new(Mutex::new(State { files, names, safe_names, ..State::default() })))
    }

    /// What is there when the power failed: only what was made sure of, and half of what was on its way.
    pub fn after_power_cut(&self) -> MemoryDisk {
        let state = self.state();
        let kept = |(bytes, safe): &(Vec<u8>, usize)| {
            let safe = (*safe).min(bytes.len());
            let bytes = bytes[..safe + (bytes.len() - safe) / 2].to_vec();
            (bytes.clone(), bytes.len())
        };
        let files = state.files.iter().map(kept).collect();
        let (names, safe_names) = (state.safe_names.clone(), state.safe_names.clone());
        MemoryDisk(Arc::new(Mutex::new(State { files, names, safe_names, ..State::default() })))
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    /// What is in a file; nothing if there is none.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.number(path).ok().map(|number| state.files[number].0.clone())
    }

    /// Puts `bytes` into a file, on the medium too.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state();
        let number = state.open(path, true).unwrap();
        state.files[number] = (bytes.to_vec(), bytes.len());
        state.safe_names.insert(path.to_string(), number);
    }
}

impl Disk for MemoryDisk {
    fn make_folder(&self, _: &str) -> io::Result<()> {
        self.state().step()
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        let state = self.state();
        state.number(path).map(|number| state.files[number].0.len() as u64)
    }

    fn read(&self, path: &str) -> io::Result<Box<dyn Read>> {
        let state = self.state();
        let number = state.number(path)?;
        Ok(Box::new(Cursor::new(state.files[number].0.clone())))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let number = self.state().open(path, true)?;
        Ok(Box::new(Handle(self.clone(), number)))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let number = self.state().open(path, false)?;
        Ok(Box::new(Handle(self.clone(), number)))
    }

    fn truncate(&self, path: &str, size: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let number = state.number(path)?;
        state.files[number].0.truncate(size as usize);
        state.files[number].1 = size as usize;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let number = state.number(from)?;
        state.names.remove(from);
        state.names.insert(to.to_string(), number);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.step()?;
        let number = state.number(path)?;
        state.names.remove(path);
        Ok(Box::new(Handle(self.clone(), number)))
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let there: Vec<_> = state.names.iter().filter(|(name, _)| folder(name) == path).collect();
        let there: Vec<_> = there.into_iter().map(|(name, number)| (name.clone(), *number)).collect();
        state.safe_names.retain(|name, _| folder(name) != path);
        state.safe_names.extend(there);
        Ok(())
    }
}

impl DiskFile for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        // Whoever dies while writing leaves a part of it.
        let dying = state.dies_at == Some(state.steps) && !state.is_dead;
        let room = state.room.unwrap_or(usize::MAX);
        let count = bytes.len().min(room);
        let outcome = if room == 0 { Err(ErrorKind::StorageFull.into()) } else { state.step() };
        let count = match outcome {
            Ok(()) => count,
            Err(_) if dying && room > 0 => bytes.len() / 2,
            Err(error) => return Err(error),
        };
        state.files[self.1].0.extend_from_slice(&bytes[..count]);
        if let Some(room) = &mut state.room {
            *room -= count.min(*room);
        }
        if state.is_dead { state.step().map(|()| count) } else { Ok(count) }
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        let mut state = self.0.state();
        state.step()?;
        state.files[self.1].0.truncate(size as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.state();
        state.step()?;
        state.syncs += 1;
        if state.sync_fails {
            return Err(Error::other("the medium is worn out"));
        }
        state.files[self.1].1 = state.files[self.1].0.len();
        Ok(())
    }

    fn again(&self) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(Handle(self.0.clone(), self.1)))
    }
}
