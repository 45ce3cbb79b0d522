//! Fuzz of commands: arguments by chance and mutated examples, for every row. Nothing panics, hangs or fills memory, and the
//! data stays whole.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::peer::Peer;
use common::transcript::{Action, Case};
use common::words::{self, Vocabulary};
use common::{compare, typed};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tabdis::base::rng::Rng;
use tabdis::ds::dict::Keyed;
use tabdis::ds::stream::Id;
use tabdis::engine::entry::{Entry, Value};
use tabdis::engine::value::Object;
use tabdis::rdb;

const STEPS: u64 = 150_000;
/// Commands for one engine.
const BATCH: u64 = 3_000;
/// What one command may allocate more than there was before it.
const MEMORY: usize = 256 << 20;
/// How long one command may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const START: u64 = 1_700_000_000_000;

/// Counts the bytes in use and the most there were.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(used, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The command that runs, for the watch; and how many have run.
static RUNNING: Mutex<String> = Mutex::new(String::new());
static DONE: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

#[test]
fn any_arguments_are_answered_and_leave_the_data_whole() {
    let seed = common::seed(1);
    let steps = common::steps(STEPS);
    let watch = std::thread::spawn(watch);
    let mut fuzzer = Fuzzer::new(seed);
    while fuzzer.commands < steps {
        fuzzer.batch();
    }
    OVER.store(true, Ordering::Relaxed);
    watch.join().expect("the watch saw no hang");
    let Fuzzer { commands, replies, errors, keys, .. } = fuzzer;
    println!("{commands} commands, {replies} replies, {errors} of them errors; {keys} keys looked at");
    assert!(errors < replies * 9 / 10, "most commands are refused: the arguments are too wild to find anything");
}

/// Ends the program when one command takes too long; a thread cannot be stopped.
fn watch() {
    let (mut done, mut waited) = (0, Duration::ZERO);
    while !OVER.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(200));
        waited += Duration::from_millis(200);
        let now = DONE.load(Ordering::Relaxed);
        if now != done {
            (done, waited) = (now, Duration::ZERO);
        } else if waited > PATIENCE {
            eprintln!("more than {PATIENCE:?} in {}", RUNNING.lock().map(|text| text.clone()).unwrap_or_default());
            std::process::exit(1);
        }
    }
}

struct Fuzzer {
    rng: Rng,
    vocabulary: Vocabulary,
    /// Commands of the rows' examples.
    examples: Vec<Vec<Vec<u8>>>,
    commands: u64,
    replies: u64,
    errors: u64,
    keys: u64,
}

impl Fuzzer {
    fn new(seed: u64) -> Self {
        let mut vocabulary = Vocabulary::new(|_| true);
        (vocabulary.edges, vocabulary.spoiled) = (10, 10);
        let rows = tabdis::cmd::table().slots().iter().filter(|slot| !slot.row.example.is_empty());
        let steps = rows.flat_map(|slot| Case::from_example(&slot.full_name, slot.row.example).steps);
        let sent = steps.filter_map(|step| if let Action::Send(argv) = step.action { Some(argv) } else { None });
        let examples = sent.filter(|argv| !argv.is_empty()).collect();
        Fuzzer { rng: Rng::new(seed), vocabulary, examples, commands: 0, replies: 0, errors: 0, keys: 0 }
    }

    /// An engine from nothing to its end.
    fn batch(&mut self) {
        let mut peer = EnginePeer::at(self.rng.u64(), START);
        peer.record();
        for _ in 0..BATCH {
            // Settings by chance stay, but not those that only allow more memory, or close the door.
            peer.engine.server.config.proto_max_bulk_len = 1 << 20;
            peer.open_door();
            let client = self.rng.below(4);
            if peer.waits(client) || peer.is_closed(client) {
                peer.close(client);
            }
            let argv = self.argv();
            self.run(&mut peer, client, &argv);
            if self.rng.below(20) == 0 {
                peer.advance(peer.now + self.rng.below(2_000) as u64);
            }
        }
        self.look(&mut peer);
    }

    fn run(&mut self, peer: &mut EnginePeer, client: usize, argv: &[Vec<u8>]) {
        if let Ok(mut running) = RUNNING.lock() {
            *running = typed(argv);
        }
        let before = USED.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            peer.send(client, argv);
            peer.arrived(client)
        }));
        let values = answered.unwrap_or_else(|_| panic!("after {} commands: {} panics", self.commands, typed(argv)));
        let grown = MOST.load(Ordering::Relaxed).saturating_sub(before);
        assert!(grown < MEMORY, "{} takes {grown} bytes", typed(argv));
        self.commands += 1;
        self.replies += values.len() as u64;
        self.errors += values.iter().filter(|value| value.is_error()).count() as u64;
        peer.effects.clear();
        DONE.fetch_add(1, Ordering::Relaxed);
    }

    fn argv(&mut self) -> Vec<Vec<u8>> {
        loop {
            let mut argv = match self.rng.below(3) {
                0 => self.examples[self.rng.below(self.examples.len())].clone(),
                _ => self.vocabulary.command(&mut self.rng),
            };
            for _ in 0..[0, 0, 0, 1, 1, 2, 4][self.rng.below(7)] {
                self.mutate(&mut argv);
            }
            // SYNC answers with the data and the feed, which are no replies.
            let follows = words::is_one_of(&argv, &["SYNC", "PSYNC"]);
            if !argv.is_empty() && !follows && !words::asks_for_memory(&argv) {
                return argv;
            }
        }
    }

    fn mutate(&mut self, argv: &mut Vec<Vec<u8>>) {
        let at = self.rng.below(argv.len());
        let Some(arg) = argv.get_mut(at) else { return };
        match self.rng.below(8) {
            0 => _ = argv.remove(at),
            1 => argv.insert(at, argv[at].clone()),
            2 => argv.swap(at, 0),
            3 => *arg = (self.rng.u64() as i64 >> self.rng.below(64)).to_string().into_bytes(),
            4 => arg.push(self.rng.u64() as u8),
            5 => _ = arg.pop(),
            6 => {
                let other = self.vocabulary.command(&mut self.rng);
                argv[at] = other[self.rng.below(other.len())].clone();
            }
            _ => {
                let len = arg.len();
                if len > 0 {
                    arg[self.rng.below(len)] = self.rng.u64() as u8;
                }
            }
        }
    }

    /// Reads everything there is, in every way that does not go through commands.
    fn look(&mut self, peer: &mut EnginePeer) {
        let now = peer.now;
        let ks = &mut peer.engine.ks;
        ks.now = now;
        for db in 0..ks.db_count() {
            ks.in_db(db, |ks| {
                ks.iter().for_each(check_entry);
                self.keys += ks.iter().count() as u64;
                let due = ks.len() - ks.iter().count();
                let volatile = ks.iter().filter(|entry| entry.expire().is_some()).count();
                assert_eq!(ks.volatile().0, volatile + due, "the tree of expiries has every expiry");
            });
        }
        let file = rdb::save(ks, rdb::Options { now, ..Default::default() });
        let mut copy = EnginePeer::at(1, now);
        let options = rdb::LoadOptions { now, ..Default::default() };
        rdb::load(&mut copy.engine.ks, &file, options).expect("what was just saved loads");
        copy.engine.ks.now = now;
        compare(&copy.content(), &peer.content()).unwrap_or_else(|why| panic!("saved and loaded: {why}"));
        peer.advance(now + 1_000_000_000_000);
        assert_eq!(peer.engine.ks.volatile().0, peer.engine.ks.iter().filter(|e| e.expire().is_some()).count());
    }
}

/// Whether a value holds as much as it says.
fn check_entry(entry: &Entry) {
    let Value::Object(object) = entry.value() else { return };
    let walked = match object {
        Object::List(list) => {
            assert_eq!(list.iter_rev().count(), list.len());
            list.iter().count()
        }
        Object::Set(set) => {
            assert!(set.iter().all(|member| set.contains_elem(member)));
            set.iter().count()
        }
        Object::Zset(zset) => {
            let mut last = f64::NEG_INFINITY;
            for (rank, (member, score)) in zset.iter().enumerate() {
                assert!(score >= last, "scores are in order");
                last = score;
                assert_eq!(zset.rank(&member.to_vec()), Some(rank));
            }
            zset.iter().count()
        }
        Object::Hash(hash) => {
            assert!(hash.iter().all(|(field, _)| hash.contains(&field.to_vec())));
            hash.iter().count()
        }
        Object::Stream(stream) => {
            assert_eq!(stream.range_rev(Id::MIN, Id::MAX).count(), stream.len());
            assert!(stream.groups().all(|(_, group)| group.is_whole()));
            // It stays when its last entry goes.
            return assert_eq!(stream.range(Id::MIN, Id::MAX).count(), stream.len());
        }
        #[allow(unreachable_patterns, reason = "types to come are walked by saving and loading them")]
        _ => object.len(),
    };
    assert_eq!(walked, object.len(), "key {}", entry.key().escape_ascii());
    assert!(walked > 0, "an empty value's key is deleted: {}", entry.key().escape_ascii());
}
