//! What was changed here without the leader elsewhere that decides, to be done by it when it can be reached: which commands, and what
//! the keys they touched were before. And how far this engine is in that leader's feed.
//!
//! It is part of the data, as [`Answered`](super::answered::Answered) is: every change of it is an effect beside the changes it is
//! about, and snapshots hold it. So whoever takes over goes on with it.

use super::forward::Forward;
use crate::base::num::parse_u64;
use crate::resp::{encode, parse};
use std::collections::{BTreeMap, VecDeque};

/// The channel of its effects.
pub const CHANNEL: &[u8] = b"__tabdis__:queued";
/// The name of the auxiliary field of snapshots.
pub const AUX: &str = "tabdis-queued";

/// Commands that can wait, and bytes of them.
const MOST: usize = 10_000;
const BYTES: usize = 8 << 20;

/// A place in the leader's feed: its term, and a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub term: u64,
    pub n: u64,
}

/// Commands that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The engine that asked for them.
    pub client: String,
    pub forward: Forward,
}

/// A key with its database.
type Key = (usize, Vec<u8>);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    place: Place,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// What makes each key again what it was before the first of them.
    undo: BTreeMap<Key, Vec<Vec<u8>>>,
}

/// A change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is here in the leader's feed.
    Place(Place),
    /// This waits, too.
    Add(Entry),
    /// The leader has answered this one.
    Done { client: String, serial: u64 },
    /// This key was made by this command before anything that waits was done.
    Before { db: usize, command: Vec<Vec<u8>> },
    /// All keys are what they were before.
    Undone,
}

impl Queued {
    /// Where it is in the leader's feed.
    pub fn place(&self) -> Place {
        self.place
    }

    /// What waits, in order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many commands wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether no more fits in.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MOST || self.bytes >= BYTES
    }

    /// Whether it is known what `key` was before.
    pub fn knows(&self, db: usize, key: &[u8]) -> bool {
        self.undo.contains_key(&(db, key.to_vec()))
    }

    /// What makes all keys what they were before: commands with their databases.
    pub fn undo(&self) -> impl Iterator<Item = (usize, &Vec<Vec<u8>>)> {
        self.undo.iter().map(|((db, _), command)| (*db, command))
    }

    /// Whether there is anything to undo.
    pub fn is_clean(&self) -> bool {
        self.undo.is_empty()
    }

    /// Applies a change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Place(place) => self.place = *place,
            Change::Add(entry) => {
                self.bytes += entry.forward.size();
                self.entries.push_back(entry.clone());
            }
            Change::Done { client, serial } => {
                let is = |entry: &Entry| entry.client == *client && entry.forward.serial == *serial;
                if let Some(at) = self.entries.iter().position(is)
                    && let Some(entry) = self.entries.remove(at)
                {
                    self.bytes -= entry.forward.size();
                }
            }
            Change::Before { db, command } => {
                if let Some(key) = command.get(1) {
                    self.undo.entry((*db, key.clone())).or_insert_with(|| command.clone());
                }
            }
            Change::Undone => self.undo.clear(),
        }
    }

    /// Applies the change that a message is about. Returns whether it is about one.
    pub fn read(&mut self, message: &[u8]) -> bool {
        let Some(change) = Change::read(message) else { return false };
        self.apply(&change);
        true
    }

    /// Everything as messages, which give the same again.
    pub fn messages(&self) -> impl Iterator<Item = Vec<u8>> {
        let place = (self.place != Place::default()).then_some(Change::Place(self.place));
        let before = self.undo().map(|(db, command)| Change::Before { db, command: command.clone() });
        let entries = self.entries.iter().cloned().map(Change::Add);
        place.into_iter().chain(before).chain(entries).map(|change| change.message())
    }
}

impl Change {
    /// It as a message.
    pub fn message(&self) -> Vec<u8> {
        let number = |n: u64| n.to_string().into_bytes();
        let words = match self {
            Change::Place(place) => vec![b"PLACE".to_vec(), number(place.term), number(place.n)],
            Change::Add(entry) => {
                let mut words = vec![b"ADD".to_vec(), entry.client.clone().into_bytes()];
                words.append(&mut entry.forward.words());
                words
            }
            Change::Done { client, serial } => vec![b"DONE".to_vec(), client.clone().into_bytes(), number(*serial)],
            Change::Before { db, command } => [vec![b"BEFORE".to_vec(), number(*db as u64)], command.clone()].concat(),
            Change::Undone => vec![b"UNDONE".to_vec()],
        };
        let mut out = Vec::new();
        encode::command(&mut out, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        out
    }

    fn read(message: &[u8]) -> Option<Self> {
        let frame = parse::Parser::trusted().next(message).ok()??.argv().iter().map(|word| word.to_vec()).collect();
        let words: Vec<Vec<u8>> = frame;
        let rest: Vec<&[u8]> = words.get(1..)?.iter().map(Vec::as_slice).collect();
        let text = |word: &[u8]| String::from_utf8(word.to_vec()).ok();
        Some(match (words[0].as_slice(), rest.as_slice()) {
            (b"PLACE", [term, n]) => Change::Place(Place { term: parse_u64(term)?, n: parse_u64(n)? }),
            (b"ADD", [client, forward @ ..]) => {
                let mut words = forward.iter();
                let forward = Forward::read(&mut words)?;
                Change::Add(Entry { client: text(client)?, forward })
            }
            (b"DONE", [client, serial]) => Change::Done { client: text(client)?, serial: parse_u64(serial)? },
            (b"BEFORE", [db, command @ ..]) if command.len() > 1 => {
                let command = command.iter().map(|word| word.to_vec()).collect();
                Change::Before { db: parse_u64(db)? as usize, command }
            }
            (b"UNDONE", []) => Change::Undone,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Proto;
    use crate::engine::forward::Manner;

    fn entry(serial: u64) -> Entry {
        let commands = vec![vec![b"INCR".to_vec(), b"n".to_vec()], vec![b"GET".to_vec(), b"\r\n\0".to_vec()]];
        let (db, proto, manner) = (3, Proto::Resp3, Manner::Many);
        let forward = Forward { serial, owner: 7, watches: false, db, proto, written: 9, manner, commands };
        Entry { client: "tab".into(), forward }
    }

    #[test]
    fn a_copy_made_of_messages_is_the_same() {
        let mut queue = Queued::default();
        let key = |key: &str| vec![b"DEL".to_vec(), key.as_bytes().to_vec()];
        for change in [
            Change::Place(Place { term: 5, n: 8 }),
            Change::Before { db: 0, command: key("n") },
            Change::Add(entry(1)),
            Change::Add(entry(2)),
            Change::Before { db: 0, command: vec![b"SET".to_vec(), b"n".to_vec(), b"later".to_vec()] },
            Change::Before { db: 1, command: key("n") },
            Change::Done { client: "tab".into(), serial: 1 },
        ] {
            queue.apply(&change);
            assert_eq!(Change::read(&change.message()), Some(change));
        }
        let mut copy = Queued::default();
        assert!(queue.messages().all(|message| copy.read(&message)));
        assert_eq!(copy, queue);
        assert_eq!(queue.entries().map(|entry| entry.forward.serial).collect::<Vec<_>>(), [2]);
        assert_eq!(queue.undo().next(), Some((0, &key("n"))), "the first one counts");
        queue.apply(&Change::Undone);
        assert!(queue.is_clean() && !queue.is_empty());
    }

    #[test]
    fn nonsense_is_no_change() {
        let mut queue = Queued::default();
        for wrong in [
            &b""[..],
            b"x",
            b"*1\r\n$1\r\nx\r\n",
            b"*2\r\n$5\r\nPLACE\r\n$1\r\n1\r\n",
            b"*2\r\n$3\r\nADD\r\n$1\r\nx\r\n",
        ] {
            assert!(!queue.read(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn it_is_bounded() {
        let mut queue = Queued::default();
        let mut serial = 0;
        while !queue.is_full() {
            serial += 1;
            queue.apply(&Change::Add(entry(serial)));
        }
        assert!(serial <= MOST as u64 && queue.bytes <= BYTES + entry(1).forward.size());
    }
}
