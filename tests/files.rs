//! Data in files: a stop at every operation, failures of every operation, damage, owners that come and go, and the room it takes.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing is to stop")]

mod common;

use common::disk::{Disk, Folder, Note, Stop};
use common::kept::{NOW, Node, command, pieces};
use common::{Content, assert_same};
use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};
use tabdis::base::rng::Rng;
use tabdis::persist::files::{FileError, FileOptions, FileStorage, Files, Refusal};
use tabdis::persist::{Batch, Key, MemoryStorage, Next, OpenError, Storage, StorageError, conformance, run};

/// Segments so small that a few dozen commands fill some.
const STRICT: FileOptions = FileOptions { durable: true, segment: 700 };
const RELAXED: FileOptions = FileOptions { durable: false, segment: 700 };

fn open<F: Files>(files: F, options: FileOptions) -> FileStorage<F> {
    run(FileStorage::open(files, options)).unwrap()
}

fn node(disk: &Disk, options: FileOptions) -> Node<FileStorage<Disk>> {
    Node::open(open(disk.clone(), options), 5).unwrap()
}

fn batch(key: Key, value: &[u8]) -> Batch {
    Batch { puts: vec![(key, value.to_vec())], ..Batch::default() }
}

#[test]
fn files_conform() {
    for options in [STRICT, RELAXED, FileOptions::default()] {
        let disks = std::cell::RefCell::new(Disk::default());
        let fresh = async || {
            *disks.borrow_mut() = Disk::default();
            open(disks.borrow().clone(), options)
        };
        run(conformance::all(fresh, async |_| open(disks.borrow().clone(), options)));
    }
}

#[test]
fn files_of_the_system_conform() {
    for options in [FileOptions::default(), FileOptions { durable: false, segment: 20_000 }] {
        let folder = std::cell::RefCell::new(Folder::fresh());
        let fresh = async || {
            *folder.borrow_mut() = Folder::fresh();
            open(folder.borrow().clone(), options)
        };
        run(conformance::all(fresh, async |_| open(folder.borrow().clone(), options)));
    }
}

/// Files that answer later, so that others have their turn meanwhile.
struct Later(Disk);

impl Later {
    async fn pause(&self) {
        let mut asked = false;
        std::future::poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }
}

impl Files for Later {
    async fn list(&self) -> Result<Vec<(String, u64)>, FileError> {
        self.pause().await;
        self.0.list().await
    }
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        self.pause().await;
        self.0.size(name).await
    }
    async fn read(&self, name: &str, at: u64, len: usize) -> Result<Vec<u8>, FileError> {
        self.pause().await;
        self.0.read(name, at, len).await
    }
    async fn create(&self, name: &str) -> Result<(), FileError> {
        self.pause().await;
        self.0.create(name).await
    }
    async fn write(&self, name: &str, at: u64, parts: &[&[u8]]) -> Result<(), FileError> {
        self.pause().await;
        self.0.write(name, at, parts).await
    }
    async fn sync(&self, name: &str) -> Result<(), FileError> {
        self.pause().await;
        self.0.sync(name).await
    }
    async fn sync_folder(&self) -> Result<(), FileError> {
        self.pause().await;
        self.0.sync_folder().await
    }
    async fn remove(&self, name: &str) -> Result<(), FileError> {
        self.pause().await;
        self.0.remove(name).await
    }
}

#[test]
fn files_that_answer_later_conform() {
    for options in [STRICT, RELAXED] {
        let disks = std::cell::RefCell::new(Disk::default());
        let open = async || {
            let files = Later(disks.borrow().clone());
            FileStorage::open(files, options).await.unwrap()
        };
        let fresh = async || {
            *disks.borrow_mut() = Disk::default();
            open().await
        };
        let mut all = std::pin::pin!(conformance::all(fresh, async |_| open().await));
        let mut context = Context::from_waker(Waker::noop());
        let ends = (0..1_000_000).any(|_| all.as_mut().poll(&mut context).is_ready());
        assert!(ends, "everything comes to an end");
    }
}

/// What a load did: every moment of the disk, and the state at every offset at which a unit ended.
struct Story {
    disk: Disk,
    states: BTreeMap<u64, Content>,
}

/// Runs a random load through several openings.
fn story(seed: u64, options: FileOptions) -> Story {
    let disk = Disk::default();
    disk.record();
    let mut rng = Rng::new(seed);
    let mut states = BTreeMap::from([(0, Content::new())]);
    let mut synced = 0;
    for opening in 0..4 {
        let mut node = node(&disk, options);
        for step in 0..36 {
            if rng.below(9) == 0 {
                node.run("MULTI");
                (0..rng.below(4)).for_each(|_| _ = node.run(&command(&mut rng)));
                node.run("EXEC");
            } else {
                node.run(&command(&mut rng));
            }
            states.insert(node.persist.offset(), node.content());
            if step == 16 && opening % 2 == 0 {
                node.persist.compact();
            }
            if rng.below(3) > 0 {
                continue;
            }
            if let Next::Commit(batch) = node.persist.next(&mut node.engine.ks, pieces(rng.below(3)), NOW) {
                let result = run(node.storage.commit(&batch));
                assert_eq!(result, Ok(()));
                node.persist.done(batch, result);
            }
            if !options.durable && rng.below(6) == 0 {
                run(node.storage.sync()).unwrap();
                synced = node.persist.stored();
            }
            let done = node.persist.stored();
            disk.note(Note { done, synced: if options.durable { done } else { synced } });
        }
        node.settle();
        let done = node.persist.stored();
        disk.note(Note { done, synced: if options.durable { done } else { synced } });
    }
    Story { disk, states }
}

/// Opens what a stop left, and checks that it is a state there was, no older than what was promised. Of every third it goes on.
fn check_stop(states: &BTreeMap<u64, Content>, disk: &Disk, options: FileOptions, promised: u64, seed: u64) -> u64 {
    let mut again = node(disk, options);
    assert_eq!((again.report.damage.take(), again.report.torn), (None, None));
    let offset = again.report.offset;
    assert!(offset >= promised, "{offset} is older than {promised}");
    assert_same(&again.content(), states.get(&offset).expect("a unit ended there"));
    if seed.is_multiple_of(3) {
        let mut rng = Rng::new(seed);
        (0..12).for_each(|_| _ = again.run(&command(&mut rng)));
        again.settle();
        let mut third = node(disk, options);
        assert_eq!((third.storage.torn(), third.report.offset), (0, again.persist.offset()));
        assert_same(&third.content(), &again.content());
    }
    again.storage.torn()
}

#[test]
fn a_stop_at_any_operation_leaves_the_state_of_a_transaction() {
    for (seed, options) in [(1, STRICT), (3, RELAXED)] {
        let Story { disk, states } = story(seed, options);
        let moments = disk.moments();
        let (mut stops, mut torn) = (0, 0);
        for (n, moment) in moments.iter().enumerate() {
            let tears = (0..2).map(|t| Stop::Tear(seed * 1_000_000 + n as u64 * 10 + t));
            for stop in [Stop::Process, Stop::Power].into_iter().chain(tears) {
                let promised = if stop == Stop::Process { moment.note.done } else { moment.note.synced };
                torn += u64::from(check_stop(&states, &moment.stopped(stop), options, promised, n as u64) > 0);
                stops += 1;
            }
        }
        println!("{options:?}: {stops} stops at {} moments, {torn} torn ends", moments.len());
        assert!(moments.len() > 200 && torn > 20, "{} moments, {torn} torn ends", moments.len());
    }
}

#[test]
fn an_operation_that_fails_is_a_transaction_that_can_be_tried_again() {
    let mut failures = 0;
    for error in [FileError::Full, FileError::Other("the disk hiccups".to_string())] {
        for at in 0.. {
            let disk = Disk::default();
            let mut rng = Rng::new(at);
            let mut node = node(&disk, STRICT);
            disk.fail(at as usize, error.clone());
            for _ in 0..70 {
                node.run(&command(&mut rng));
                node.settle();
                if let Some(found) = node.persist.error() {
                    assert_eq!(*found, StorageError::from(error.clone()));
                    // What was said to be kept is there, whatever happened to the rest.
                    let now = Node::open(open(disk.copy(), STRICT), 9).unwrap();
                    assert!(now.report.offset >= node.persist.stored());
                    node.persist.retry();
                    failures += 1;
                }
            }
            node.settle();
            assert_eq!((node.persist.error(), node.persist.stored()), (None, node.persist.offset()));
            for stop in [Stop::Process, Stop::Power] {
                disk.record();
                let left = disk.moments()[0].stopped(stop);
                assert_same(&self::node(&left, STRICT).content(), &node.content());
            }
            if !disk.has_failed() {
                assert!(at > 120, "{at} operations");
                break;
            }
        }
    }
    assert!(failures > 200, "{failures} failures");
}

#[test]
fn a_folder_that_could_not_be_opened_is_as_it_was() {
    let disk = Disk::default();
    run(open(disk.clone(), STRICT).commit(&batch(Key::Log(1), b"value"))).unwrap();
    let before = disk.content();
    // An opening makes a segment, syncs the one before, writes a head, syncs it and the folder.
    for at in 0..5 {
        let disk = disk.copy();
        disk.fail(at, FileError::Full);
        let refusal = run(FileStorage::open(disk.clone(), STRICT)).err().unwrap();
        assert_eq!(refusal, Refusal::Failed(StorageError::Quota));
        assert!(disk.has_failed());
        assert_eq!(disk.content(), before);
        let value = run(open(disk, STRICT).read(Key::ALL, 9)).unwrap();
        assert_eq!(value, [(Key::Log(1), b"value".to_vec())]);
    }
}

#[test]
fn without_syncs_a_sync_that_fails_ends_the_writing() {
    let disk = Disk::default();
    let storage = open(disk.clone(), RELAXED);
    run(storage.commit(&batch(Key::Log(1), b"value"))).unwrap();
    disk.fail(0, FileError::Other("the disk is gone".to_string()));
    let error = Err(StorageError::Other("the disk is gone".to_string()));
    assert_eq!(run(storage.sync()), error);
    // What comes next would be on the disk without what was before.
    assert_eq!(run(storage.commit(&batch(Key::Log(2), b"value"))), error);
    assert_eq!(run(storage.read(Key::ALL, 9)).unwrap().len(), 1);
}

/// A store of several segments, and which they are.
fn segments() -> (Disk, Vec<String>) {
    let disk = Disk::default();
    let mut node = node(&disk, STRICT);
    for n in 0..100 {
        node.run(&format!("SET key{n} some-value-of-{n}"));
        node.settle();
        let names: Vec<String> = disk.content().into_keys().collect();
        if names.len() > 4 {
            return (disk, names);
        }
    }
    panic!("a hundred changes make no four segments")
}

#[test]
fn a_flipped_bit_is_noticed_and_changes_nothing() {
    let (disk, names) = segments();
    let want = node(&disk.copy(), STRICT).content();
    let (mut refused, mut served) = (0, 0);
    for (n, name) in names.iter().enumerate() {
        for at in 0..disk.content()[name].len() {
            let disk = disk.copy();
            disk.edit(name, |bytes| bytes[at] ^= 1 << (at % 8));
            let before = disk.content();
            let storage = match run(FileStorage::open(disk.clone(), STRICT)) {
                Ok(storage) => storage,
                Err(refusal) => {
                    assert!(matches!(&refusal, Refusal::Damaged(what) if what.contains(name)), "{refusal}");
                    assert_eq!(disk.content(), before);
                    refused += 1;
                    continue;
                }
            };
            // A value, which is for its reader to check; or the end, which is as good as torn.
            served += 1;
            match Node::open(storage, 1) {
                Ok(node) if node.report.damage.is_some() => assert!(node.persist.is_read_only()),
                Ok(mut node) => {
                    let (got, torn) = (node.content(), node.storage.torn());
                    let same = common::compare(&got, &want).is_ok();
                    assert!(same || n == names.len() - 1 && torn > 0, "{name} at {at}");
                }
                // One letter says which version wrote the manifest.
                Err(error) => assert!(matches!(error, OpenError::Newer(_)), "{error}"),
            }
        }
    }
    assert!(refused > 1_000 && served > 1_000, "{refused} refused, {served} served");
}

#[test]
fn a_segment_that_is_missing_or_cut_is_noticed() {
    let (disk, names) = segments();
    for (n, name) in names.iter().enumerate() {
        let newest = n == names.len() - 1;
        let missing = disk.copy();
        missing.lose(name);
        // Nobody can know that there was one after the last.
        assert_eq!(run(FileStorage::open(missing, STRICT)).is_err(), !newest, "without {name}");
        let len = disk.content()[name].len();
        for keep in 0..len {
            let cut = disk.copy();
            cut.edit(name, |bytes| bytes.truncate(keep));
            match run(FileStorage::open(cut, STRICT)) {
                Ok(storage) => assert!(newest && (storage.torn() < keep as u64 || keep == 0), "{name} of {keep}"),
                Err(Refusal::Damaged(what)) => assert!(!newest && what.contains(name), "{what}"),
                Err(refusal) => panic!("{refusal}"),
            }
        }
    }
}

#[test]
fn an_end_torn_at_any_byte_is_cut_off() {
    let disk = Disk::default();
    let storage = open(disk.clone(), STRICT);
    run(storage.commit(&batch(Key::Log(1), b"first"))).unwrap();
    let whole = disk.content()["segment-00000001.tabdis"].len();
    run(storage.commit(&batch(Key::Log(2), &[7; 300]))).unwrap();
    let len = disk.content()["segment-00000001.tabdis"].len();
    for keep in whole..len {
        for zeros in [0, 1, len - keep, 5_000] {
            let torn = disk.copy();
            torn.edit("segment-00000001.tabdis", |bytes| {
                bytes.truncate(keep);
                bytes.resize(keep + zeros, 0);
            });
            let storage = open(torn.clone(), STRICT);
            assert_eq!(storage.torn(), (keep + zeros - whole) as u64);
            assert_eq!(run(storage.read(Key::ALL, 9)).unwrap(), [(Key::Log(1), b"first".to_vec())]);
            run(storage.commit(&batch(Key::Log(3), b"next"))).unwrap();
            let again = open(torn, STRICT);
            assert_eq!((again.torn(), run(again.read(Key::ALL, 9)).unwrap().len()), (0, 2));
        }
    }
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let (disk, names) = segments();
    for name in [names.last().unwrap(), names.first().unwrap()] {
        let disk = disk.copy();
        disk.edit(name, |bytes| bytes[7] = b'2');
        let before = disk.content();
        assert_eq!(run(FileStorage::open(disk.clone(), STRICT)).err(), Some(Refusal::Newer(2)));
        assert_eq!(disk.content(), before);
    }
}

#[test]
fn other_files_are_left_alone() {
    let (disk, _) = segments();
    for name in ["notes.txt", "segment-1.tabdis", "segment-0000000G.tabdis", "segment-00000001.bak", "lock.tabdis"] {
        disk.put(name, b"mine");
    }
    node(&disk, STRICT).run("SET a 1");
    assert_eq!(disk.content()["segment-1.tabdis"], b"mine");
    assert_eq!(disk.content().values().filter(|bytes| *bytes == b"mine").count(), 5);
}

#[test]
fn who_opened_it_last_is_the_only_one_who_writes() {
    for options in [STRICT, RELAXED] {
        let disk = Disk::default();
        let frozen = open(disk.clone(), options);
        run(frozen.commit(&batch(Key::Log(1), b"done"))).unwrap();
        let next = open(disk.clone(), options);
        for round in 0..40 {
            let late = run(frozen.commit(&batch(Key::Log(2), b"late")));
            // Once its segments have been removed, there is nothing it could write to.
            assert!(matches!(late, Err(StorageError::Conflict | StorageError::Gone)), "{late:?}");
            run(next.commit(&batch(Key::Log(3), &[round; 200]))).unwrap();
        }
        assert!(
            !disk.content().contains_key("segment-00000001.tabdis"),
            "the frozen one's segment is of no use any more"
        );
        let third = open(disk, options);
        let values = run(third.read(Key::ALL, 9)).unwrap();
        assert_eq!(values, [(Key::Log(1), b"done".to_vec()), (Key::Log(3), vec![39; 200])]);
        assert_eq!(run(next.commit(&batch(Key::Log(4), b"late"))), Err(StorageError::Conflict));
    }
}

#[test]
fn what_is_done_while_another_opens_is_there_or_not_done() {
    // The owner writes once, at every point of the other's opening: after each of its operations.
    for at in 0..5 {
        let disk = Disk::default();
        let owner = open(disk.clone(), STRICT);
        run(owner.commit(&batch(Key::Log(1), b"before"))).unwrap();
        let meddler = Meddler { disk: disk.clone(), left: (at + 1).into(), owner, result: None.into() };
        let next = open(&meddler, STRICT);
        let values = run(next.read(Key::Log(2)..Key::Log(3), 1)).unwrap();
        let result = meddler.result.borrow().clone().expect("it had its turn");
        assert!(result != Ok(()) || values.len() == 1, "at {at}");
        assert_eq!(result.is_ok(), at == 0, "at {at}");
    }
}

/// The files of someone who opens them, while their owner writes after so many looks and operations.
struct Meddler {
    disk: Disk,
    left: std::cell::Cell<u32>,
    owner: FileStorage<Disk>,
    result: std::cell::RefCell<Option<Result<(), StorageError>>>,
}

impl Meddler {
    fn turn(&self) {
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() == 0 && self.result.borrow().is_none() {
            let result = run(self.owner.commit(&batch(Key::Log(2), b"meanwhile")));
            *self.result.borrow_mut() = Some(result);
        }
    }
}

impl Files for &Meddler {
    async fn list(&self) -> Result<Vec<(String, u64)>, FileError> {
        let result = self.disk.list().await;
        self.turn();
        result
    }
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        self.disk.size(name).await
    }
    async fn read(&self, name: &str, at: u64, len: usize) -> Result<Vec<u8>, FileError> {
        self.disk.read(name, at, len).await
    }
    async fn create(&self, name: &str) -> Result<(), FileError> {
        let result = self.disk.create(name).await;
        self.turn();
        result
    }
    async fn write(&self, name: &str, at: u64, parts: &[&[u8]]) -> Result<(), FileError> {
        let result = self.disk.write(name, at, parts).await;
        self.turn();
        result
    }
    async fn sync(&self, name: &str) -> Result<(), FileError> {
        let result = self.disk.sync(name).await;
        self.turn();
        result
    }
    async fn sync_folder(&self) -> Result<(), FileError> {
        let result = self.disk.sync_folder().await;
        self.turn();
        result
    }
    async fn remove(&self, name: &str) -> Result<(), FileError> {
        self.disk.remove(name).await
    }
}

#[test]
fn the_room_taken_is_bounded_by_what_is_kept() {
    for (seed, durable, segment) in [(1, true, 2_000), (2, false, 8_000), (3, true, 30_000)] {
        let options = FileOptions { durable, segment };
        let disk = Disk::default();
        let mut rng = Rng::new(seed);
        let (mut storage, same) = (open(disk.clone(), options), MemoryStorage::default());
        let (mut lives, mut written, mut most) = ([0; 8], 0, 0);
        for step in 0..4_000u64 {
            // Some values stay for ever, some are replaced all the time, some go soon.
            let key = match rng.below(4) {
                0 => Key::Chunk(rng.below(10) as u64, rng.below(20) as u64),
                1 => Key::Epoch,
                _ => Key::Log(step),
            };
            let mut batch = batch(key, &vec![step as u8; rng.below(3_000)]);
            if step % 50 == 49 {
                batch.deletes.push(Key::Log(0)..Key::Log(step - rng.below(40) as u64));
            }
            run(storage.commit(&batch)).unwrap();
            run(same.commit(&batch)).unwrap();
            written += batch.puts[0].1.len();
            if step % 400 == 399 {
                storage = open(disk.clone(), options);
            }
            // A value takes a line of a directory, too. What goes at once needs some transactions to be gone.
            lives.rotate_right(1);
            lives[0] = same.edit(|values| values.values().map(|value| value.len() + 48).sum::<usize>());
            let total: usize = disk.content().values().map(Vec::len).sum();
            most = most.max(total);
            let live = lives.into_iter().max().unwrap_or(0);
            // Values that stay are carried along, which goes four times as fast as new ones come; and are there twice until then.
            let bound = live * 9 / 4 + 3 * options.segment as usize + (16 << 10) + 5 * 3_000;
            assert!(total <= bound, "{total} bytes for {live} of use");
            assert!(disk.content().len() <= 12 + 3 * live / options.segment as usize);
        }
        println!("{options:?}: {} bytes of use, {most} at most taken, {written} written", lives[0]);
        let values = run(storage.read(Key::ALL, usize::MAX)).unwrap();
        assert_eq!(values, run(same.read(Key::ALL, usize::MAX)).unwrap());
        let again = open(disk.clone(), options);
        assert_eq!(run(again.read(Key::ALL, usize::MAX)).unwrap(), values);
    }
}
