//! A storage that stops or fails at every single step of a life: each read and each transaction of opening, of running and of
//! recovering, before it and after it, in every way a storage can fail. All steps, not a sample.
//!
//! `TABDIS_STEPS=n` takes n lives by chance instead of a few.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;

use common::kept::{NOW, command, pieces};
use common::{Content, assert_same};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use tabdis::base::rng::Rng;
use tabdis::engine::functions::Libraries;
use tabdis::persist::{Batch, Key, MemoryStorage, Next, OpenError, Storage, StorageError, run};

type Node<S = MemoryStorage> = common::kept::Node<S>;

/// What happens at the step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The process dies before the step is done.
    DiesBefore,
    /// It dies after it, and nobody is told.
    DiesAfter,
    /// The step is not done, and the storage says this.
    Fails(Kind),
    /// The step is done, but the storage says this.
    FailsAfter(Kind),
}

/// [`StorageError`] without its words.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Quota,
    Conflict,
    Gone,
    Other,
}

impl From<Kind> for StorageError {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Quota => StorageError::Quota,
            Kind::Conflict => StorageError::Conflict,
            Kind::Gone => StorageError::Gone,
            Kind::Other => StorageError::Other("the disk is on fire".to_string()),
        }
    }
}

/// Counts its steps, and has a fault at one of them.
struct Faulty {
    disk: MemoryStorage,
    steps: Cell<usize>,
    at: usize,
    fault: Fault,
    dead: Cell<bool>,
}

impl Faulty {
    fn new(disk: MemoryStorage, at: usize, fault: Fault) -> Self {
        Faulty { disk, steps: Cell::new(0), at, fault, dead: Cell::new(false) }
    }

    /// Whether the fault has happened.
    fn is_over(&self) -> bool {
        self.steps.get() >= self.at
    }

    async fn step<R>(&self, work: impl AsyncFnOnce() -> Result<R, StorageError>) -> Result<R, StorageError> {
        assert!(!self.dead.get(), "the dead do nothing");
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() != self.at {
            return work().await;
        }
        self.dead.set(matches!(self.fault, Fault::DiesBefore | Fault::DiesAfter));
        match self.fault {
            Fault::DiesBefore => Err(StorageError::Gone),
            Fault::DiesAfter => work().await.and(Err(StorageError::Gone)),
            Fault::Fails(kind) => Err(kind.into()),
            Fault::FailsAfter(kind) => work().await.and(Err(kind.into())),
        }
    }
}

impl Storage for &Faulty {
    async fn read(&self, range: Range<Key>, most: usize) -> Result<Vec<(Key, Vec<u8>)>, StorageError> {
        self.step(async || self.disk.read(range, most).await).await
    }
    async fn commit(&self, batch: &Batch) -> Result<(), StorageError> {
        self.step(async || self.disk.commit(batch).await).await
    }
}

/// What is known of a life: everything that happened, and what of it was acknowledged.
#[derive(Default)]
struct Ledger {
    /// The data and the function libraries at every offset at which a unit ended.
    states: BTreeMap<u64, (Content, Libraries)>,
    /// How far the storage said that all is kept.
    acknowledged: u64,
    /// Whether a snapshot was being taken in the end.
    compacting: bool,
}

impl Ledger {
    fn note(&mut self, node: &mut Node<&Faulty>) {
        self.states.insert(node.persist.offset(), (node.content(), node.engine.ks.functions.clone()));
        self.acknowledged = self.acknowledged.max(node.persist.stored());
        self.compacting = node.persist.is_compacting();
    }

    /// Fails unless what was recovered is what once was, with all that was acknowledged.
    fn check(&self, recovered: &mut Node, how: &str) {
        assert_eq!((recovered.report.damage.take(), recovered.report.torn), (None, None), "{how}");
        let offset = recovered.report.offset;
        assert!(offset >= self.acknowledged, "{how}: {offset} of {} acknowledged", self.acknowledged);
        self.is_there(offset, recovered.content(), &recovered.engine.ks.functions);
    }

    fn is_there(&self, offset: u64, content: Content, functions: &Libraries) {
        let (want, libraries) = self.states.get(&offset).expect("a unit is kept whole or not at all");
        assert_same(&content, want);
        assert_eq!(functions, libraries);
    }
}

/// The process is dead.
struct Dead;

/// Three sessions of random commands over one storage. Tries again after a failure. A death may come at any time, so unless
/// all is to be `kept` the last session ends in the middle of things.
fn live(storage: &Faulty, seed: u64, kept: bool, ledger: &mut Ledger) -> Result<(), Dead> {
    let mut rng = Rng::new(seed);
    ledger.states.insert(0, Default::default());
    for session in 0..3 {
        let mut node = open(storage, seed + session)?;
        // What another lost is not to be found again.
        assert!(node.report.offset >= ledger.acknowledged);
        ledger.states.retain(|offset, _| *offset <= node.report.offset);
        ledger.is_there(node.report.offset, node.content(), &node.engine.ks.functions);
        for step in 0..25 {
            act(&mut node, &mut rng, ledger);
            if step == 12 && session < 2 {
                node.persist.compact();
            }
            if step == 5 && session == 1 {
                replace(&mut node, ledger);
            }
            if step == 20 && session == 1 {
                node.persist.note("step", b"20");
            }
            if rng.below(2) == 0 {
                commit(&mut node, &mut rng, ledger)?;
            }
        }
        if session < 2 || kept {
            while !node.persist.is_read_only() && commit(&mut node, &mut rng, ledger)? {}
        }
    }
    Ok(())
}

fn open(storage: &Faulty, seed: u64) -> Result<Node<&Faulty>, Dead> {
    loop {
        match Node::open(storage, seed) {
            Ok(node) => return Ok(node),
            Err(_) if storage.dead.get() => return Err(Dead),
            Err(OpenError::Storage(_)) => assert!(storage.is_over()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Puts a file in the place of all data, as an import does.
fn replace(node: &mut Node<&Faulty>, ledger: &mut Ledger) {
    let (mut other, session) = common::engine(5);
    (0..8).for_each(|n| _ = common::run(&mut other, session, NOW, &format!("SET new{n} value-{n}")));
    other.ks.functions.add(b"#!lua name=lib\n", false).unwrap();
    let file = tabdis::rdb::save(&mut other.ks, Default::default());
    node.engine.ks.clear();
    tabdis::rdb::load(&mut node.engine.ks, &file, Default::default()).unwrap();
    node.persist.replaced(node.persist.offset() + 1_000);
    ledger.note(node);
}

/// Runs a command, or a few in a transaction.
fn act(node: &mut Node<&Faulty>, rng: &mut Rng, ledger: &mut Ledger) {
    if rng.below(9) == 0 {
        node.run("MULTI");
        (0..rng.below(4)).for_each(|_| _ = node.run(&command(rng)));
        node.run("EXEC");
    } else {
        node.run(&command(rng));
    }
    ledger.note(node);
}

/// Does one transaction, while life goes on. Returns whether there was one.
fn commit(node: &mut Node<&Faulty>, rng: &mut Rng, ledger: &mut Ledger) -> Result<bool, Dead> {
    if node.persist.error().is_some() {
        node.persist.retry();
    }
    let batch = match node.persist.next(&mut node.engine.ks, pieces(rng.below(3)), NOW) {
        Next::Commit(batch) => batch,
        Next::Again => return Ok(true),
        Next::Wait => return Ok(false),
    };
    (0..rng.below(2)).for_each(|_| act(node, rng, ledger));
    let result = run(node.storage.commit(&batch));
    if node.storage.dead.get() {
        return Err(Dead);
    }
    node.persist.done(batch, result.clone());
    assert_eq!(node.persist.error(), result.as_ref().err());
    ledger.note(node);
    Ok(true)
}

/// What one can say of all lives with one fault.
#[derive(Default)]
struct Tally {
    lives: usize,
    amid_snapshots: usize,
    recoveries: usize,
}

/// Lives with a death at every step in turn, and from each what is left recovers, dying at every step of that in turn.
fn die_at_every_step(seed: u64, fault: Fault, tally: &mut Tally) {
    for at in 1.. {
        let (storage, mut ledger) = (Faulty::new(MemoryStorage::default(), at, fault), Ledger::default());
        if live(&storage, seed, false, &mut ledger).is_ok() {
            assert!(storage.steps.get() < at);
            return;
        }
        tally.lives += 1;
        tally.amid_snapshots += usize::from(ledger.compacting);
        let how = format!("seed {seed}, {fault:?} at {at}");
        let mut recovered = Node::open(storage.disk.clone(), seed + 9).unwrap();
        ledger.check(&mut recovered, &how);
        if fault == Fault::DiesBefore {
            assert_eq!(recovered.report.offset, ledger.acknowledged, "{how}");
        }
        go_on(recovered, seed + at as u64);
        for fault in [Fault::DiesBefore, Fault::DiesAfter] {
            die_while_recovering(&storage.disk, fault, &ledger, &how, tally);
        }
    }
}

fn die_while_recovering(disk: &MemoryStorage, fault: Fault, ledger: &Ledger, how: &str, tally: &mut Tally) {
    for at in 1.. {
        let storage = Faulty::new(disk.clone(), at, fault);
        let whole = recover(&storage).is_ok();
        tally.recoveries += 1;
        let mut again = Node::open(storage.disk.clone(), 8).unwrap();
        ledger.check(&mut again, &format!("{how}, then {fault:?} at {at}"));
        if whole {
            return;
        }
    }
}

/// Opens, and takes the snapshot that removes what was left behind.
fn recover(storage: &Faulty) -> Result<(), Dead> {
    let (mut node, mut rng, mut ledger) = (open(storage, 7)?, Rng::new(7), Ledger::default());
    node.persist.compact();
    loop {
        match node.persist.next(&mut node.engine.ks, pieces(rng.below(3)), NOW) {
            Next::Commit(batch) => {
                let result = run(node.storage.commit(&batch));
                if storage.dead.get() {
                    return Err(Dead);
                }
                node.persist.done(batch, result);
                ledger.note(&mut node);
            }
            Next::Again => {}
            Next::Wait => return Ok(()),
        }
    }
}

/// A recovered store is as good as a new one, and nothing that the crash left behind stays.
fn go_on(mut node: Node, seed: u64) {
    let mut rng = Rng::new(seed);
    (0..10).for_each(|_| _ = node.run(&command(&mut rng)));
    node.settle();
    assert_eq!(node.persist.stored(), node.persist.offset());
    assert_same(&node.reopened().content(), &node.content());
    node.persist.compact();
    node.settle();
    let generation = node.persist.manifest().generation;
    let records = node.storage.edit(|values| {
        assert!(values.keys().all(|key| !matches!(key, Key::Chunk(g, _) if *g != generation)));
        values.keys().filter(|key| matches!(key, Key::Log(_))).count()
    });
    assert_eq!(records, 0);
}

#[test]
fn a_death_at_any_step_leaves_the_state_of_a_transaction_and_so_does_one_while_recovering() {
    let mut tally = Tally::default();
    let seeds = common::steps(2);
    for seed in 0..seeds {
        for fault in [Fault::DiesBefore, Fault::DiesAfter] {
            die_at_every_step(seed, fault, &mut tally);
        }
    }
    let Tally { lives, amid_snapshots, recoveries } = tally;
    println!("{lives} deaths, {amid_snapshots} of them amid a snapshot; {recoveries} recoveries that ended or died");
    assert!(lives > 80 * seeds as usize && amid_snapshots > lives / 20 && recoveries > 5 * lives);
}

#[test]
fn a_failure_at_any_step_loses_nothing_that_was_acknowledged() {
    use Kind::*;
    let faults =
        [Quota, Conflict, Gone, Other].map(Fault::Fails).into_iter().chain([Gone, Other].map(Fault::FailsAfter));
    let (seeds, mut lives) = (common::steps(1), 0);
    for (fault, seed) in faults.flat_map(|fault| (0..seeds).map(move |seed| (fault, 50 + seed))) {
        for at in 1.. {
            let (storage, mut ledger) = (Faulty::new(MemoryStorage::default(), at, fault), Ledger::default());
            assert!(live(&storage, seed, true, &mut ledger).is_ok());
            if storage.steps.get() < at {
                break;
            }
            lives += 1;
            let mut again = Node::open(storage.disk.clone(), 6).unwrap();
            ledger.check(&mut again, &format!("seed {seed}, {fault:?} at {at}"));
            // All that was ever done is there; whose storage was taken away goes without his last words.
            let last = ledger.states.keys().next_back();
            assert!(last == Some(&again.report.offset) || fault == Fault::Fails(Conflict));
            go_on(again, at as u64);
        }
    }
    println!("{lives} lives with a failure");
    assert!(lives > 300 * seeds);
}
