//! The differ: random commands of several clients run on the engine and on a real server; replies and data must be the same.

use super::{streams, tolerance};
use crate::common::dump::{align_times, dump};
use crate::common::engine::EnginePeer;
use crate::common::peer::Peer;
use crate::common::redis::RedisPeer;
use crate::common::words::{self, Vocabulary};
use crate::common::{self, typed, wall_clock_ms};
use std::collections::BTreeMap;
use tabdis::base::rng::Rng;
use tabdis::engine::row::Slot;
use tabdis::resp::encode;
use tabdis::resp::reply::{Value, to_cli};

/// Commands that run when nothing else is said: about half a minute on two busy cores.
const STEPS: u64 = 150_000;
const CLIENTS: usize = 4;
/// The client that reads all data.
const READER: usize = 99;
const DATABASES: usize = 4;
/// After so many commands all data is compared.
const CHECK_EVERY: u64 = 1_000;
/// Differences that are told before the test gives up.
const MOST_TOLD: usize = 25;

/// Commands that are left out, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("dump", "the format's version is newer; tests of RDB compare it"),
    ("restore", "its payloads do not come by chance; tests of RDB compare it"),
    ("restore-asking", "see restore"),
    ("object|freq", "counts accesses by chance"),
    ("object|help", "prints our rows"),
    ("object|idletime", "tells the time"),
    ("object|refcount", "real servers share small integers"),
    ("pfselftest", "keeps a real server busy for seconds"),
    ("wait", "waits for followers"),
    ("waitaof", "waits for followers"),
    ("migrate", "needs two servers"),
    ("xgroup|help", "prints our rows"),
    ("xinfo|help", "prints our rows"),
];

/// Commands that take more arguments now than in 7.0, and how many they took: what is longer is left out.
const LONGER_NOW: &[(&str, usize)] = &[("ZRANK", 3), ("ZREVRANK", 3)];

type Argv = Vec<Vec<u8>>;

/// Runs as many random commands as asked for. Fails with all differences found.
pub fn run() -> Result<(), String> {
    let mut differ = Differ::new(common::seed(20_261_122));
    let steps = common::steps(STEPS);
    while differ.step < steps && differ.told.len() < MOST_TOLD {
        differ.batch();
        if differ.step >= differ.next_check {
            differ.next_check = differ.step + CHECK_EVERY;
            differ.check_data();
        }
    }
    differ.report();
    if differ.told.is_empty() { Ok(()) } else { Err(differ.told.into_values().collect::<Vec<_>>().join("\n\n")) }
}

struct Differ {
    engine: EnginePeer,
    redis: RedisPeer,
    rng: Rng,
    vocabulary: Vocabulary,
    clients: Vec<Client>,
    step: u64,
    next_check: u64,
    compared: usize,
    tolerated: BTreeMap<&'static str, usize>,
    /// What was run since the data was last emptied.
    history: Vec<(usize, Argv)>,
    /// Differences by what they look like, so that each kind is told once.
    told: BTreeMap<String, String>,
}

#[derive(Default)]
struct Client {
    /// Commands of the transaction it queues.
    queue: Option<Vec<Argv>>,
    waits: bool,
    /// A command it has to run next, to be alike again on both sides.
    must: Vec<Argv>,
}

impl Differ {
    fn new(seed: u64) -> Self {
        let mut redis = RedisPeer::start().expect("its program was there at the start");
        redis.reset();
        // A reply without end is not to take the machine with it.
        redis.command(&[b"CONFIG", b"SET", b"client-output-buffer-limit", b"normal 268435456 0 0"]);
        let known = |slot: &Slot| !LEFT_OUT.iter().any(|(name, _)| *name == slot.full_name);
        let mut vocabulary = Vocabulary::new(|slot| Vocabulary::is_data(slot) && known(slot));
        vocabulary.words.retain(|word| redis.knows(&word.slot.full_name));
        if let Ok(group) = std::env::var("TABDIS_GROUP") {
            vocabulary.words.retain(|word| [&group, "generic"].contains(&word.slot.row.group.name()));
        }
        println!("{} commands", vocabulary.words.len());
        Differ {
            engine: EnginePeer::new(seed),
            redis,
            rng: Rng::new(seed),
            vocabulary,
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            step: 0,
            next_check: CHECK_EVERY,
            compared: 0,
            tolerated: BTreeMap::new(),
            history: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    /// One client runs some commands: first all on the engine, then all on the server.
    fn batch(&mut self) {
        let client = self.rng.below(CLIENTS);
        if self.clients[client].waits {
            if self.rng.below(20) == 0 {
                self.hang_up(client);
            }
            return;
        }
        let (mut sent, mut bytes) = (Vec::new(), Vec::new());
        let (most, mut woken) = (1 + self.rng.below(40), false);
        // What must follow a command follows in the same batch, before others look.
        while (sent.len() < most && !woken) || !self.clients[client].must.is_empty() {
            let argv = self.next_command(client);
            self.engine.advance(wall_clock_ms());
            self.engine.send(client, &argv);
            encode::command(&mut bytes, &argv.iter().map(Vec::as_slice).collect::<Vec<_>>());
            self.history.push((client, argv.clone()));
            self.step += 1;
            let reply = self.engine.arrived(client);
            let queued = reply.first().is_some_and(|reply| reply.text() == Some(b"QUEUED"));
            sent.push((argv, self.transaction(client, queued), reply));
            if self.engine.waits(client) {
                self.clients[client].waits = true;
                break;
            }
            // What somebody got who waited is compared at once, before it has further consequences.
            woken |= (0..CLIENTS).any(|other| self.clients[other].waits && !self.engine.waits(other));
        }
        self.redis.send_raw(client, &bytes);
        for (argv, queue, ours) in sent {
            let ours = ours.into_iter().next();
            let theirs = match ours {
                Some(_) => self.redis.wait_for_reply(client),
                None => self.redis.arrived(client).into_iter().next(),
            };
            if !self.compare(&argv, &queue, ours, theirs) {
                return self.start_again();
            }
        }
        self.compare_waiting();
    }

    /// Keeps track of the client's transaction. Returns what was queued if the command just run is EXEC.
    fn transaction(&mut self, client: usize, queued: bool) -> Vec<Argv> {
        let (_, argv) = self.history.last().expect("it was just run");
        let queue = &mut self.clients[client].queue;
        match (&*argv[0].to_ascii_uppercase(), &mut *queue) {
            (_, Some(queue)) if queued => queue.push(argv.clone()),
            (b"MULTI", None) => *queue = Some(Vec::new()),
            (b"DISCARD" | b"RESET", _) => *queue = None,
            (b"EXEC", _) => return queue.take().unwrap_or_default(),
            _ => {}
        }
        Vec::new()
    }

    fn next_command(&mut self, client: usize) -> Argv {
        if let Some(argv) = self.clients[client].must.pop() {
            return argv;
        }
        let queueing = self.clients[client].queue.is_some();
        if let Some(argv) = words::of_a_session(&mut self.rng, queueing) {
            return argv;
        }
        let argv = self.data_command(queueing);
        if words::is_one_of(&argv, &["SPOP"])
            && let Some(key) = argv.get(1)
        {
            // Each server took other members: what is left goes.
            self.clients[client].must.push(vec![b"DEL".to_vec(), key.clone()]);
        }
        argv
    }

    fn data_command(&mut self, queueing: bool) -> Argv {
        loop {
            let mut argv = self.vocabulary.command(&mut self.rng);
            let has = |argv: &Argv, word: &str| argv.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
            let counted = argv.len() >= 2 && argv[argv.len() - 2].eq_ignore_ascii_case(b"COUNT");
            if words::is_one_of(&argv, &["SCAN", "SSCAN", "HSCAN", "ZSCAN"]) && !counted {
                // Cursors are each server's own, so every walk goes all the way at once.
                argv.extend([b"COUNT".to_vec(), b"1000".to_vec()]);
            }
            if words::is_one_of(&argv, &["XADD"])
                && let Some(id) = argv.iter_mut().skip(2).find(|arg| **arg == b"*")
            {
                // The clocks are some ms apart.
                *id = b"5-*".to_vec();
            }
            let longer = LONGER_NOW.iter().any(|(name, most)| words::is_one_of(&argv, &[name]) && argv.len() > *most);
            let newer = words::is_newer(&argv);
            // By text, only sets of one score have a meaning.
            if has(&argv, "BYLEX") {
                let key = if words::is_one_of(&argv, &["ZRANGESTORE"]) { 2 } else { 1 };
                argv[key] = b"y0".to_vec();
            }
            // What is stored would depend on which of equal elements comes first.
            let ties = words::is_one_of(&argv, &["SORT"]) && has(&argv, "BY") && has(&argv, "STORE");
            // A wait that ends soon ends at another moment on each server.
            let short = self.may_wait_shortly(&argv);
            let chance_inside = queueing && words::is_one_of(&argv, &["SPOP"]);
            if !short && !longer && !newer && !ties && !chance_inside {
                return argv;
            }
        }
    }

    fn may_wait_shortly(&self, argv: &Argv) -> bool {
        let timeout = match &*argv[0].to_ascii_uppercase() {
            b"BLMPOP" | b"BZMPOP" => argv.get(1),
            [b'B', b'L' | b'R' | b'Z', ..] => argv.last(),
            b"XREAD" | b"XREADGROUP" => return streams::may_wait_shortly(argv),
            _ => return false,
        };
        let seconds = |arg: &Vec<u8>| {
            std::str::from_utf8(arg).ok().and_then(|text| text.trim_start_matches('+').parse::<f64>().ok())
        };
        timeout.is_some_and(|arg| {
            seconds(arg).is_some_and(|s| s < 1e6 && (s > 0.0 || (s == 0.0 && arg.contains(&b'e'))))
                || arg.starts_with(b"0x")
        })
    }

    /// Compares replies. Returns false if they differ.
    fn compare(&mut self, argv: &Argv, queue: &[Argv], ours: Option<Value>, theirs: Option<Value>) -> bool {
        let (Some(ours), Some(theirs)) = (&ours, &theirs) else {
            return ours == theirs || self.tell(argv, &shown(&ours), &shown(&theirs));
        };
        if let (Value::Array(a), Value::Array(b)) = (ours, theirs)
            && !queue.is_empty()
            && a.len() == b.len()
            && a.len() == queue.len()
        {
            return queue.iter().zip(a.iter().zip(b)).all(|(argv, (a, b))| self.compare_one(argv, a, b));
        }
        self.compare_one(argv, ours, theirs)
    }

    fn compare_one(&mut self, argv: &Argv, ours: &Value, theirs: &Value) -> bool {
        self.compared += 1;
        if ours == theirs {
            return true;
        }
        match tolerance::find(argv, ours, theirs) {
            Some(tolerance) => {
                *self.tolerated.entry(tolerance.name).or_default() += 1;
                true
            }
            None => self.tell(argv, &text(ours), &text(theirs)),
        }
    }

    /// Compares what has come meanwhile for clients that waited.
    fn compare_waiting(&mut self) {
        for client in 0..CLIENTS {
            if !self.clients[client].waits {
                continue;
            }
            let ours = self.engine.arrived(client);
            let theirs = self.redis.arrived(client);
            self.clients[client].waits = self.engine.waits(client);
            let argv = self.last_of(client);
            let (ours, theirs) = (ours.into_iter().next(), theirs.into_iter().next());
            if tolerance::of_a_wait(&argv, ours.as_ref(), theirs.as_ref()) {
                *self.tolerated.entry(tolerance::WAIT).or_default() += 1;
                return self.start_again();
            }
            if !self.compare(&argv, &[], ours, theirs) {
                return self.start_again();
            }
        }
    }

    /// What the client sent last.
    fn last_of(&self, client: usize) -> Argv {
        let last = self.history.iter().rev().find(|(who, _)| *who == client);
        last.map(|(_, argv)| argv.clone()).unwrap_or_default()
    }

    fn check_data(&mut self) {
        self.engine.advance(wall_clock_ms());
        let mut ours = dump(DATABASES, |argv| self.engine.ask(READER, argv));
        let theirs = dump(DATABASES, |argv| self.redis.command(argv));
        align_times(&mut ours, &theirs);
        if let Err(why) = common::compare(&ours, &theirs) {
            self.tell(&vec![b"data".to_vec()], &why, "");
            self.start_again();
        }
    }

    /// Remembers a difference. Returns false.
    fn tell(&mut self, argv: &Argv, ours: &str, theirs: &str) -> bool {
        let short = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).take(30).collect::<String>();
        let kind = format!("{} {} {}", String::from_utf8_lossy(&argv[0]).to_uppercase(), short(ours), short(theirs));
        let before: Vec<String> = self
            .history
            .iter()
            .filter(|(_, past)| {
                past.iter().skip(1).any(|arg| argv.iter().skip(1).any(|other| arg == other && arg.len() == 2))
            })
            .map(|(client, past)| format!("    {client}> {}", typed(past)))
            .collect();
        let from = before.len().saturating_sub(15);
        let last = self.history[self.history.len().saturating_sub(12)..].iter();
        let last: Vec<String> = last.map(|(client, argv)| format!("    {client}> {}", typed(argv))).collect();
        let waiting = (0..CLIENTS).filter(|client| self.clients[*client].waits);
        let waiting: Vec<String> =
            waiting.map(|client| format!("    {client}> {}", typed(&self.last_of(client)))).collect();
        let report = format!(
            "step {}: {}\n  engine: {ours}\n  redis:  {theirs}\n  before:\n{}\n  waiting:\n{}\n  last:\n{}",
            self.step,
            typed(argv),
            before[from..].join("\n"),
            waiting.join("\n"),
            last.join("\n")
        );
        println!("{}", report.lines().take(3).collect::<Vec<_>>().join("\n"));
        if self.told.insert(kind, report).is_none() && std::env::var_os("TABDIS_TRACE").is_some() {
            self.trace();
        }
        false
    }

    fn hang_up(&mut self, client: usize) {
        self.history.push((client, Vec::new()));
        self.engine.close(client);
        self.redis.close(client);
        self.clients[client] = Client::default();
    }

    /// Empties both servers after a difference, so that the next one is another.
    fn start_again(&mut self) {
        (0..CLIENTS).for_each(|client| self.hang_up(client));
        self.engine.ask(READER, &[b"FLUSHALL"]);
        self.redis.command(&[b"FLUSHALL"]);
        self.history.clear();
    }

    /// Runs what led to a difference again, one command at a time, and prints where the data parts. Slow: with `TABDIS_TRACE=1`.
    fn trace(&mut self) {
        let history = std::mem::take(&mut self.history);
        (0..CLIENTS).for_each(|client| self.hang_up(client));
        self.engine.ask(READER, &[b"FLUSHALL"]);
        self.redis.command(&[b"FLUSHALL"]);
        for (at, (client, argv)) in history.iter().enumerate() {
            if argv.is_empty() {
                self.hang_up(*client);
                continue;
            }
            self.engine.advance(wall_clock_ms());
            self.engine.send(*client, argv);
            self.redis.send(*client, argv);
            let ours: Vec<_> = (0..CLIENTS).map(|client| self.engine.arrived(client)).collect();
            let theirs: Vec<_> = (0..CLIENTS).map(|client| self.redis.arrived(client)).collect();
            let mut data = dump(DATABASES, |argv| self.engine.ask(READER, argv));
            if words::is_by_chance(argv) {
                continue;
            }
            let theirs_data = dump(DATABASES, |argv| self.redis.command(argv));
            align_times(&mut data, &theirs_data);
            if let Err(why) = common::compare(&data, &theirs_data) {
                println!(
                    "the data parts at {} of {}: {client}> {}\n{why}\nengine: {ours:?}\nredis: {theirs:?}",
                    at,
                    history.len(),
                    typed(argv)
                );
                for (client, argv) in &history[at.saturating_sub(30)..at] {
                    println!("    {client}> {}", typed(argv));
                }
                for client in (0..CLIENTS).filter(|client| self.engine.waits(*client)).collect::<Vec<_>>() {
                    let id = self.engine.session(client);
                    println!("  client {client}: {:?}", self.engine.engine.sessions.get(id).map(|s| (s.db, &s.wait)));
                }
                return;
            }
        }
        println!("the data stayed the same");
    }

    fn report(&self) {
        println!(
            "{} commands, {} replies compared, {} kinds of differences",
            self.step,
            self.compared,
            self.told.len()
        );
        let named = tolerance::ALL.iter().map(|tolerance| (tolerance.name, tolerance.reason));
        for (name, reason) in named.chain([(tolerance::WAIT, tolerance::WAIT_REASON)]) {
            println!("  {} tolerated: {name}, because {reason}", self.tolerated.get(name).copied().unwrap_or(0));
        }
    }
}

fn shown(value: &Option<Value>) -> String {
    value.as_ref().map_or("(nothing)".to_string(), text)
}

fn text(value: &Value) -> String {
    let kind = match value {
        Value::Nil => "nil string ",
        Value::NilArray => "nil array ",
        _ => "",
    };
    let printed = String::from_utf8_lossy(&to_cli(value)).into_owned();
    format!("{kind}{}", printed.trim_end().replace('\n', " | ").chars().take(600).collect::<String>())
}
