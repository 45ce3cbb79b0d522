//! What requests of other engines were answered that changed something here. A request that comes again, because whoever was to
//! answer it is gone, gets the same answer and changes nothing. The table is part of the data: snapshots hold it, and each answer is
//! an effect beside the changes it is about, so that whoever takes over knows it too.

use crate::base::num::parse_u64;
use crate::resp::{encode, parse};
use std::collections::BTreeMap;

/// The channel on which answers are published in the feed: a form that every Redis which reads the feed takes without harm. Commands
/// that publish are never effects themselves, so nobody else is on it.
pub const CHANNEL: &[u8] = b"__tabdis__:answered";
/// The name of the auxiliary field of snapshots.
pub const AUX: &str = "tabdis-answered";

/// Engines that are remembered, and bytes of answers for each; the one that was heard longest ago, and the oldest answers, go first.
/// Both rules follow from the feed alone, so that all who read it forget the same.
const CLIENTS: usize = 1024;
const BYTES: usize = 4 << 20;

/// Which request of which engine this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The engine.
    pub client: Vec<u8>,
    /// The number: every later request has a larger one.
    pub seq: u64,
    /// All before this number have been answered, and the answers have come.
    pub oldest: u64,
    /// It is several commands, which are answered together.
    pub many: bool,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    clients: BTreeMap<Vec<u8>, Client>,
    /// Counts answers.
    count: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Client {
    /// The count at its last answer.
    last: u64,
    answers: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Answered {
    /// The answer to a request that has one.
    pub fn get(&self, client: &[u8], seq: u64) -> Option<&[u8]> {
        self.clients.get(client)?.answers.get(&seq).map(Vec::as_slice)
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Remembers an answer.
    pub fn note(&mut self, request: &Request, answer: &[u8]) {
        self.count += 1;
        let client = self.clients.entry(request.client.clone()).or_default();
        client.last = self.count;
        let later = client.answers.split_off(&request.oldest);
        client.bytes -= client.answers.values().map(Vec::len).sum::<usize>();
        client.answers = later;
        client.bytes += answer.len();
        if let Some(old) = client.answers.insert(request.seq, answer.to_vec()) {
            client.bytes -= old.len();
        }
        while client.bytes > BYTES && client.answers.len() > 1 {
            let (_, old) = client.answers.pop_first().expect("there is more than one");
            client.bytes -= old.len();
        }
        if self.clients.len() > CLIENTS {
            let oldest = self.clients.iter().min_by_key(|(_, client)| client.last).map(|(name, _)| name.clone());
            self.clients.remove(&oldest.expect("there are many"));
        }
    }

    /// What is published, and what a snapshot holds, of an answer.
    pub(super) fn message(request: &Request, answer: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let (seq, oldest) = (request.seq.to_string(), request.oldest.to_string());
        encode::command(&mut out, &[&request.client, seq.as_bytes(), oldest.as_bytes(), answer]);
        out
    }

    /// Remembers the answer that `message` is about. Returns whether it is about one.
    pub fn read(&mut self, message: &[u8]) -> bool {
        let mut parser = parse::Parser::trusted();
        let Ok(Some(frame)) = parser.next(message) else { return false };
        let argv = frame.argv();
        let [client, seq, oldest, answer] = &argv[..] else { return false };
        let (Some(seq), Some(oldest)) = (parse_u64(seq), parse_u64(oldest)) else { return false };
        self.note(&Request { client: client.to_vec(), seq, oldest, many: false }, answer);
        true
    }

    /// Everything as messages, in an order that gives the same table again.
    pub fn messages(&self) -> impl Iterator<Item = Vec<u8>> {
        let mut clients: Vec<_> = self.clients.iter().collect();
        clients.sort_by_key(|(_, client)| client.last);
        clients.into_iter().flat_map(|(name, client)| {
            let oldest = client.answers.first_key_value().map_or(0, |(seq, _)| *seq);
            client.answers.iter().map(move |(seq, answer)| {
                Self::message(&Request { client: name.clone(), seq: *seq, oldest, many: false }, answer)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(client: &str, seq: u64, oldest: u64) -> Request {
        Request { client: client.into(), seq, oldest, many: false }
    }

    #[test]
    fn what_was_answered_is_known_until_the_answer_has_come() {
        let mut table = Answered::default();
        for seq in 1..=5 {
            table.note(&request("a", seq, 1), format!("+{seq}").as_bytes());
        }
        assert_eq!(table.get(b"a", 2), Some(&b"+2"[..]));
        assert_eq!(table.get(b"b", 2), None);
        table.note(&request("a", 6, 4), b"+6");
        assert_eq!((table.get(b"a", 3), table.get(b"a", 4)), (None, Some(&b"+4"[..])));
    }

    #[test]
    fn a_copy_made_of_messages_knows_the_same() {
        let mut table = Answered::default();
        for n in 1..=50 {
            table.note(&request(["a", "b", "c"][n as usize % 3], n, n.saturating_sub(20)), b"$1\r\nx\r\n");
        }
        let mut copy = Answered::default();
        assert!(table.messages().all(|message| copy.read(&message)));
        assert_eq!(copy.messages().collect::<Vec<_>>(), table.messages().collect::<Vec<_>>());
        assert!(!copy.read(b"*1\r\n$1\r\nx\r\n") && !copy.read(b"garbage") && !copy.read(b""));
    }

    #[test]
    fn it_stays_small() {
        let mut table = Answered::default();
        let big = vec![b'x'; BYTES / 4];
        for seq in 1..=20 {
            table.note(&request("a", seq, 1), &big);
        }
        assert!(table.get(b"a", 16).is_none() && table.get(b"a", 20).is_some());
        for n in 0..2 * CLIENTS {
            table.note(&request(&format!("c{n}"), 1, 1), b"+OK");
        }
        assert_eq!(table.clients.len(), CLIENTS);
        assert!(table.get(b"a", 20).is_none() && table.get(b"c1023", 1).is_none() && table.get(b"c1024", 1).is_some());
    }
}
