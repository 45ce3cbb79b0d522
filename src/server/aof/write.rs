//! Writing: effects into the buffer, the buffer to the end of the last file, and making sure of it as `appendfsync` says.

use super::disk::{DiskFile, write_all};
use super::syncer::{Done, Job};
use super::{AppendLog, State, Sync};
use crate::server::log;
use crate::server::settings::reason;
use std::io;

/// Under `everysec`: how often there is a sync, ms, and how long writing is put off for one that lasts.
const SYNC_EVERY_MS: u64 = 1000;
const PUT_OFF_MS: u64 = 2000;
/// What goes wrong again and again is said so often, ms.
const COMPLAIN_EVERY_MS: u64 = 30_000;
/// A buffer that was larger is given back when it is written.
const KEPT_BUFFER: usize = 64 << 10;

/// The file that is being written.
pub(super) struct Tail {
    pub(super) file: Box<dyn DiskFile>,
    /// Its bytes, and how many of them are safe or were asked to be made so.
    pub(super) size: u64,
    pub(super) asked: u64,
    /// What the sync in progress makes safe: so many bytes, and effects up to this offset.
    syncing: Option<(u64, u64)>,
    /// What comes back from the thread says so.
    number: u64,
}

impl AppendLog {
    /// Opens `name` as the file to be written: emptied if it is `new`. Fails with what is to be logged.
    pub(super) fn open_tail(&mut self, name: &str, new: bool) -> Result<(), String> {
        let path = self.names.path(name);
        let failed = |error: io::Error| format!("Can't open the append-only file {name}: {}", reason(&error));
        let file = if new { self.disk.create(&path) } else { self.disk.append(&path) };
        let file = file.map_err(failed)?;
        let size = if new { 0 } else { self.disk.size(&path).map_err(failed)? };
        self.numbers += 1;
        self.tail = Some(Tail { file, size, asked: size, syncing: None, number: self.numbers });
        Ok(())
    }

    /// Takes over `effects`, behind which is `offset`; whole units, as the engine gives them. They are dropped if there is no log.
    pub fn take(&mut self, effects: &mut Vec<u8>, offset: u64, now: u64) {
        if effects.is_empty() {
            return;
        }
        if !self.wants_effects() {
            return effects.clear();
        }
        self.changed_bytes += effects.len() as u64;
        if self.policy.stamps && now / 1000 > self.stamped_s {
            self.stamped_s = now / 1000;
            self.buffer.extend_from_slice(format!("#TS:{}\r\n", self.stamped_s).as_bytes());
        }
        if self.buffer.is_empty() {
            std::mem::swap(&mut self.buffer, effects);
        } else {
            self.buffer.append(effects);
        }
        self.taken = offset;
    }

    /// Writes what was taken, and makes sure of it if that is due. `force`: even if a sync lasts that writing would wait for; `busy`:
    /// something else writes in the background. Fails with what is to be logged if the server must not go on, because what it is
    /// about to answer cannot be kept.
    pub fn flush(&mut self, force: bool, busy: bool, now: u64) -> Result<(), String> {
        self.hear(false);
        if !self.buffer.is_empty() && self.tail.is_some() {
            if self.policy.sync == Sync::EverySecond && !force && self.is_syncing() && self.put_off(now) {
                return Ok(());
            }
            self.write(now)?;
        }
        if !self.buffer.is_empty() || (self.policy.no_sync_on_rewrite && busy) {
            return Ok(());
        }
        self.sync(now)
    }

    /// Whether the file is being made sure of.
    fn is_syncing(&self) -> bool {
        self.tail.as_ref().is_some_and(|tail| tail.syncing.is_some())
    }

    /// Whether writing waits for the sync in progress; not for ever.
    fn put_off(&mut self, now: u64) -> bool {
        let since = *self.put_off_since_ms.get_or_insert(now);
        if now.saturating_sub(since) < PUT_OFF_MS {
            return true;
        }
        self.delayed_syncs += 1;
        log::notice(
            "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, \
             this may slow down Redis.",
        );
        false
    }

    fn write(&mut self, now: u64) -> Result<(), String> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        self.put_off_since_ms = None;
        match write_all(&mut *tail.file, &self.buffer) {
            Ok(()) => {
                let count = self.buffer.len() as u64;
                tail.size += count;
                self.written_bytes += count;
                self.written = self.taken;
                self.buffer.clear();
                if self.buffer.capacity() > KEPT_BUFFER {
                    self.buffer = Vec::new();
                }
                if self.write_trouble.take().is_some() {
                    log::warning("AOF write error looks solved, Redis can write again.");
                }
                Ok(())
            }
            Err((done, error)) => self.not_written(done, &error, now),
        }
    }

    /// Takes back the beginning that was written, so that the file ends with a whole unit.
    fn not_written(&mut self, done: usize, error: &io::Error, now: u64) -> Result<(), String> {
        let complain = self.complained_ms.is_none_or(|at| now.saturating_sub(at) > COMPLAIN_EVERY_MS);
        if complain {
            self.complained_ms = Some(now);
            log::warning(&match done {
                0 => format!("Error writing to the AOF file: {}", reason(error)),
                _ => format!(
                    "Short write while writing to the AOF file: (nwritten={done}, expected={})",
                    self.buffer.len()
                ),
            });
        }
        if let Some(tail) = self.tail.as_mut().filter(|_| done > 0)
            && let Err(error) = tail.file.truncate(tail.size)
        {
            if complain {
                log::warning(&format!(
                    "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next time it \
                     starts.  ftruncate: {}",
                    reason(&error)
                ));
            }
            // What is in the file need not be written again.
            tail.size += done as u64;
            self.written_bytes += done as u64;
            self.buffer.drain(..done);
        }
        if self.policy.sync == Sync::Always {
            return Err(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...".to_string()
            );
        }
        self.write_trouble = Some(reason(error));
        Ok(())
    }

    fn sync(&mut self, now: u64) -> Result<(), String> {
        let Some(tail) = &self.tail else { return Ok(()) };
        let (size, due) = (tail.size, tail.asked != tail.size);
        match self.policy.sync {
            _ if !due => self.note_safe(),
            Sync::Always => return self.sync_at_once(now),
            Sync::EverySecond if now.saturating_sub(self.synced_ms) >= SYNC_EVERY_MS => {
                if !self.is_syncing() {
                    self.sync_later(size);
                }
                self.synced_ms = now;
            }
            Sync::EverySecond | Sync::No => {}
        }
        Ok(())
    }

    fn sync_at_once(&mut self, now: u64) -> Result<(), String> {
        // What is in the file before this one comes first.
        self.hear(self.syncer.is_closing());
        let Some(tail) = &mut self.tail else { return Ok(()) };
        tail.file.sync().map_err(|error| {
            let why = reason(&error);
            format!("Can't persist AOF for fsync error when the AOF fsync policy is 'always': {why}. Exiting...")
        })?;
        (tail.asked, self.synced_ms) = (tail.size, now);
        self.safe = self.written;
        self.sync_trouble = None;
        Ok(())
    }

    fn sync_later(&mut self, size: u64) {
        let written = self.written;
        let Some(tail) = &mut self.tail else { return };
        let outcome = match tail.file.again() {
            Ok(file) => {
                (tail.asked, tail.syncing) = (size, Some((size, written)));
                match self.syncer.give(Job::Sync(tail.number, file)) {
                    Ok(()) => return,
                    // There can be no thread: everybody waits.
                    Err(mut file) => file.sync(),
                }
            }
            Err(error) => Err(error),
        };
        self.was_synced(outcome);
    }

    /// Everything in the file is safe, or was asked to be: if nothing is under way, everything written is.
    fn note_safe(&mut self) {
        if !self.is_syncing()
            && !self.syncer.is_closing()
            && self.sync_trouble.is_none()
            && self.policy.sync != Sync::No
        {
            self.safe = self.written;
        }
    }

    /// Notes what the thread has done; all of it with `wait`.
    pub(super) fn hear(&mut self, wait: bool) {
        for done in self.syncer.hear(wait) {
            match done {
                Done::Synced(number, outcome) => match &self.tail {
                    Some(tail) if tail.number == number => self.was_synced(outcome),
                    // Or a tail that was left, and is made sure of again before it is closed.
                    _ => self.base_was_synced(number, outcome),
                },
                Done::Closed(outcome) => {
                    if let Err(error) = outcome {
                        log::warning(&format!("Fail to fsync the AOF file: {}", reason(&error)));
                        self.sync_trouble = Some(reason(&error));
                    }
                }
            }
        }
    }

    fn was_synced(&mut self, outcome: io::Result<()>) {
        let Some(tail) = &mut self.tail else { return };
        let syncing = tail.syncing.take();
        match outcome {
            Ok(()) => {
                self.sync_trouble = None;
                if let Some((_, offset)) = syncing {
                    self.safe = self.safe.max(offset);
                }
            }
            Err(error) => {
                if self.sync_trouble.is_none() {
                    log::warning(&format!("Fail to fsync the AOF file: {}", reason(&error)));
                }
                self.sync_trouble = Some(reason(&error));
                // To be tried again in a second.
                tail.asked = 0;
            }
        }
    }

    /// Gives the file that was written to the thread, which makes sure of it and closes it.
    pub(super) fn leave_tail(&mut self, tail: Tail) {
        let sync = tail.asked != tail.size || tail.syncing.is_some();
        if let Err(mut file) = self.syncer.give(Job::Close(sync, tail.file))
            && sync
            && let Err(error) = file.sync()
        {
            log::warning(&format!("Fail to fsync the AOF file: {}", reason(&error)));
        }
    }

    /// Whether changes are in the log as far as they will ever be, or what keeps them from it is known.
    pub(super) fn is_written(&self) -> bool {
        self.buffer.is_empty() || self.state == State::Off
    }
}
