//! An engine whose data is kept in a storage, and what it may be told to do.

use super::{Content, content};
use std::cell::RefCell;
use tabdis::base::rng::Rng;
use tabdis::engine::{Engine, SessionId};
use tabdis::persist::{
    Batch, Host, MemoryStorage, Next, OpenError, Options, Persist, Report, Storage, StorageError, drive, open, run,
};

pub const NOW: u64 = 1_700_000_000_000;

/// Small enough that a few dozen commands take snapshots of many chunks.
pub const SMALL: Options = Options { chunk: 150, batch: 400, least_log: 1_500, compress: true, most_waiting: 10_000 };

/// An engine whose data is kept.
pub struct Node<S> {
    pub engine: Engine,
    pub session: SessionId,
    pub persist: Persist,
    pub report: Report,
    pub storage: S,
}

impl<S: Storage> Node<S> {
    pub fn open(storage: S, seed: u64) -> Result<Self, OpenError> {
        Self::open_with(storage, seed, SMALL)
    }

    pub fn open_with(storage: S, seed: u64, options: Options) -> Result<Self, OpenError> {
        let (mut engine, session) = super::engine(seed);
        engine.ks.now = NOW;
        let opened = run(open(&storage, &mut engine, options, async |_| {}));
        if opened.is_err() {
            assert!(content(&mut engine.ks).is_empty() && engine.ks.functions.is_empty());
        }
        let (persist, report) = opened?;
        Ok(Node { engine, session, persist, report, storage })
    }

    pub fn run(&mut self, line: &str) -> String {
        let reply = super::run(&mut self.engine, self.session, NOW, line);
        let effects = std::mem::take(self.engine.effects());
        self.persist.push(&effects);
        reply
    }

    /// Commits until there is nothing to do.
    pub fn settle(&mut self) {
        let desk = Desk(RefCell::new((&mut self.engine, &mut self.persist)));
        run(drive(&self.storage, &desk));
    }

    pub fn content(&mut self) -> Content {
        content(&mut self.engine.ks)
    }
}

impl Node<MemoryStorage> {
    /// Another one on a copy of the storage.
    pub fn reopened(&self) -> Self {
        Node::open(self.storage.clone(), 99).expect("what was stored is whole")
    }
}

/// Time for so many pieces of a snapshot besides the first.
pub fn pieces(mut count: usize) -> impl FnMut() -> bool {
    move || {
        count = count.wrapping_sub(1);
        count != usize::MAX
    }
}

/// How a host lends the engine to [`drive`].
struct Desk<'a>(RefCell<(&'a mut Engine, &'a mut Persist)>);

impl Host for Desk<'_> {
    fn next(&self) -> Next {
        let (engine, persist) = &mut *self.0.borrow_mut();
        persist.push(&std::mem::take(engine.effects()));
        persist.next(&mut engine.ks, pieces(2), NOW)
    }
    fn done(&self, batch: Batch, result: Result<(), StorageError>) {
        self.0.borrow_mut().1.done(batch, result);
    }
    async fn pause(&self) {}
}

/// A command that changes something, in most cases.
pub fn command(rng: &mut Rng) -> String {
    let (key, n) = (format!("k{}", rng.below(25)), rng.below(1000));
    match rng.below(20) {
        0 => format!("INCR n{n}"),
        1 => format!("APPEND {key} text-{n}"),
        2 => format!("RPUSH l{key} {n} {}", "x".repeat(n / 5)),
        3 => format!("LPOP l{key}"),
        4 => format!("SADD s{key} {n} member{n}"),
        5 => format!("SPOP s{key}"),
        6 => format!("ZADD z{key} {n}.5 m{}", n % 9),
        7 => format!("HSET h{key} f{} {n}", n % 12),
        8 => format!("HPEXPIREAT h{key} {} FIELDS 1 f{}", NOW + 1_000_000, n % 12),
        9 => format!("DEL {key} l{key} s{key}"),
        10 => format!("EXPIRE {key} {}", 1000 + n),
        11 => format!("RENAME {key} k{}", rng.below(25)),
        12 => format!("SELECT {}", rng.below(3)),
        13 if n < 100 => "FLUSHDB".to_string(),
        14 if n < 200 => "SWAPDB 0 2".to_string(),
        15 => format!("SET {key} {} PX {}", "y".repeat(n), 100_000 + n),
        _ => format!("SET {key} value-{n}"),
    }
}
