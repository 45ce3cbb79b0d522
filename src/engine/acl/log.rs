//! The log of what was denied (`ACL LOG`): the newest first, with repetitions counted.

use std::collections::VecDeque;

/// Repetitions within this time are one entry, ms.
const TOGETHER_MS: u64 = 60_000;
/// How many entries are looked at for an earlier one of the same kind.
const LOOK_BACK: usize = 10;
/// What is kept of a name, bytes: who is refused must not fill the memory.
const LONGEST: usize = 4096;

/// Why something was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Auth,
    Command,
    Key,
    Channel,
}

impl Reason {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
        }
    }
}

/// Where the command came from that was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The client itself.
    Toplevel,
    /// A transaction, while it is queued or when it is run.
    Multi,
    /// A script.
    Lua,
}

impl Context {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Context::Toplevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// Something that was denied, once or several times.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How often.
    pub count: u64,
    /// Why.
    pub reason: Reason,
    /// Where it came from.
    pub context: Context,
    /// The command, the key or the channel that is not allowed.
    pub object: Vec<u8>,
    /// Who was denied it.
    pub username: Vec<u8>,
    /// The client's line of `CLIENT LIST`, of the last time.
    pub client: String,
    /// The entry's number, never used twice.
    pub id: u64,
    /// The first and the last time, ms since the epoch.
    pub created_ms: u64,
    pub updated_ms: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
    /// `acllog-max-len`. Setting it removes nothing before the next entry comes.
    pub max_len: usize,
}

impl Default for Log {
    fn default() -> Self {
        Log { entries: VecDeque::new(), next_id: 0, max_len: 128 }
    }
}

impl Log {
    /// Adds an entry (its count, number and first time are set here), or counts it with one like it, which becomes the newest.
    pub fn add(&mut self, mut entry: Entry) {
        entry.object.truncate(LONGEST);
        entry.username.truncate(LONGEST);
        let like = |old: &Entry| {
            old.reason == entry.reason
                && old.context == entry.context
                && entry.updated_ms.abs_diff(old.updated_ms) <= TOGETHER_MS
                && old.object == entry.object
                && old.username == entry.username
        };
        match self.entries.iter().take(LOOK_BACK).position(like).and_then(|at| self.entries.remove(at)) {
            Some(old) => entry = Entry { count: old.count + 1, id: old.id, created_ms: old.created_ms, ..entry },
            None => {
                entry = Entry { count: 1, id: self.next_id, created_ms: entry.updated_ms, ..entry };
                self.next_id += 1;
            }
        }
        self.entries.push_front(entry);
        self.entries.truncate(self.max_len);
    }

    /// The newest `count` entries.
    pub fn newest(&self, count: usize) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter().take(count)
    }

    /// Removes all entries. The numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
