//! A base that is written as commands (`aof-use-rdb-preamble no`): a sink of snapshots, as the writer of RDB files is one.

use crate::base::num::{NumBuf, fmt_f64, fmt_i64};
use crate::ds::dict::Keyed;
use crate::ds::listpack::Elem;
use crate::engine::Keyspace;
use crate::engine::entry::{Entry, Value};
use crate::engine::snapshot::Sink;
use crate::engine::value::Object;
use crate::rdb;
use crate::resp::encode;

/// Elements of one command, so that none is very long.
const ITEMS: usize = 64;

/// Writes the commands that make what it is given.
pub struct Commands {
    out: Vec<u8>,
    /// The database the reader has selected.
    db: Option<usize>,
}

impl Commands {
    /// Returns one for the data of `ks` that has written when it was made, s since the epoch, if that is wanted, and the function
    /// libraries.
    pub fn new(ks: &Keyspace, stamp_s: Option<u64>) -> Self {
        let out = stamp_s.map_or_else(Vec::new, |s| format!("#TS:{s}\r\n").into_bytes());
        let mut commands = Commands { out, db: None };
        ks.functions.iter().for_each(|code| commands.command(&[b"FUNCTION", b"LOAD", code]));
        commands
    }

    fn command(&mut self, argv: &[&[u8]]) {
        encode::command(&mut self.out, argv);
    }

    /// Writes `name` with so many of the words that `each` puts after an item's, as often as it takes.
    fn in_pieces<T>(
        &mut self,
        name: &str,
        key: &[u8],
        items: impl Iterator<Item = T>,
        mut put: impl FnMut(&mut Words, &T),
    ) {
        let mut words = Words::default();
        for (n, item) in items.enumerate() {
            if n % ITEMS == 0 {
                words.flush(&mut self.out, name, key);
            }
            put(&mut words, &item);
        }
        words.flush(&mut self.out, name, key);
    }
}

/// Words of a command that is being put together.
#[derive(Default)]
struct Words {
    count: usize,
    bytes: Vec<u8>,
}

impl Words {
    fn elem(&mut self, elem: &Elem) {
        let mut buf: NumBuf = [0; 40];
        self.text(match elem {
            Elem::Int(n) => fmt_i64(*n, &mut buf),
            Elem::Str(text) => text,
        });
    }

    fn text(&mut self, text: &[u8]) {
        encode::bulk(&mut self.bytes, text);
        self.count += 1;
    }

    /// Writes the command, if there are words, and begins anew.
    fn flush(&mut self, out: &mut Vec<u8>, name: &str, key: &[u8]) {
        if self.count == 0 {
            return;
        }
        encode::header(out, b'*', self.count as i64 + 2);
        encode::bulk(out, name.as_bytes());
        encode::bulk(out, key);
        out.append(&mut self.bytes);
        self.count = 0;
    }
}

impl Sink for Commands {
    fn entry(&mut self, db: usize, entry: &Entry, room: &mut usize) -> bool {
        let before = self.out.len();
        self.whole(db, entry);
        *room = room.saturating_sub(self.out.len() - before);
        true
    }

    fn whole(&mut self, db: usize, entry: &Entry) {
        let mut buf: NumBuf = [0; 40];
        if self.db.replace(db) != Some(db) {
            self.command(&[b"SELECT", fmt_i64(db as i64, &mut buf)]);
        }
        let key = entry.key();
        match entry.value() {
            Value::Text(Elem::Int(n)) => self.command(&[b"SET", key, fmt_i64(n, &mut buf)]),
            Value::Text(Elem::Str(text)) => self.command(&[b"SET", key, text]),
            Value::Object(Object::List(list)) => self.in_pieces("RPUSH", key, list.iter(), Words::elem),
            Value::Object(Object::Set(set)) => self.in_pieces("SADD", key, set.iter(), Words::elem),
            Value::Object(Object::Zset(zset)) => self.in_pieces("ZADD", key, zset.iter(), |words, (member, score)| {
                words.text(fmt_f64(*score, &mut [0; 40]));
                words.elem(member);
            }),
            Value::Object(Object::Hash(hash)) if hash.volatile_len() == 0 => {
                self.in_pieces("HMSET", key, hash.iter(), |words, (field, value)| {
                    words.elem(field);
                    words.elem(value);
                });
            }
            // Whose parts have more to them than commands can say in a few words.
            Value::Object(object) => {
                let version = if matches!(object, Object::Hash(_)) { 12 } else { 10 };
                let at = entry.expire().map_or(0, |at| i64::try_from(at).unwrap_or(i64::MAX));
                let at = fmt_i64(at, &mut buf);
                return self.command(&[b"RESTORE", key, at, &rdb::dump(entry, version), b"ABSTTL"]);
            }
        }
        if let Some(at) = entry.expire() {
            self.command(&[b"PEXPIREAT", key, fmt_i64(i64::try_from(at).unwrap_or(i64::MAX), &mut buf)]);
        }
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}
