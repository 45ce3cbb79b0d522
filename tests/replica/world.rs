//! Nodes with their engines, a lock that one of them holds, a storage, a network and a clock, all in one process and by one seed.

use std::collections::BTreeMap;
use tabdis::base::rng::Rng;
use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto, SessionId};
use tabdis::persist::{self, Here, MemoryStorage, Next, Persist, Resumed, Storage, StorageError};
use tabdis::replica::{self, Node, Terms, Want};

/// One tab.
pub struct Tab {
    pub name: String,
    pub engine: Engine,
    pub node: Node,
    pub persist: Option<Persist>,
    /// The terms that are stored, and whether its own is about to be: then it leads.
    stored: Terms,
    ready: bool,
    /// The session of its user, and what that waits for.
    pub user: SessionId,
    pub busy: Option<(String, String, u64)>,
    pub frozen: bool,
    inbox: Vec<Mail>,
    next: u64,
    /// Whom the lock was taken from learns of it when it runs again.
    deposed: bool,
    /// What it has answered its own user that is not stored yet: values, with the offsets behind them. Where answers wait for that, they
    /// are given then.
    unstored: Vec<(u64, String, Acked)>,
}

/// What a push was answered.
#[derive(Clone)]
pub struct Acked {
    pub list: String,
    pub length: i64,
    /// When it was asked for, and answered.
    pub asked: u64,
    pub at: u64,
}

/// A message on its way.
struct Mail {
    due: u64,
    order: u64,
    from: String,
    copy: bool,
    bytes: Vec<u8>,
}

/// Everything.
pub struct World {
    pub now: u64,
    pub rng: Rng,
    pub tabs: Vec<Tab>,
    pub storage: MemoryStorage,
    pub holder: Option<String>,
    /// Chances in a thousand that a message is doubled.
    pub doubled: u64,
    /// Chances in a thousand that one is lost.
    pub lost: u64,
    /// Answers wait until what they tell of is stored.
    pub strict: bool,
    /// Until when the storage takes nothing, and until when those with even and odd numbers do not hear one another.
    pub full_until: u64,
    pub parted_until: u64,
    /// What each value pushed was answered.
    pub acked: BTreeMap<String, Acked>,
    /// The longest that an answer took of a tab that was not frozen meanwhile.
    pub slowest: u64,
    pub sent: u64,
    pub errors: u64,
    pub take_overs: u64,
    order: u64,
    names: u64,
}

const LONGEST_DELAY: u64 = 15;

impl World {
    pub fn new(seed: u64) -> Self {
        World {
            now: 1_700_000_000_000,
            rng: Rng::new(seed),
            tabs: Vec::new(),
            storage: MemoryStorage::default(),
            holder: None,
            doubled: 0,
            lost: 0,
            strict: false,
            full_until: 0,
            parted_until: 0,
            slowest: 0,
            acked: BTreeMap::new(),
            sent: 0,
            errors: 0,
            take_overs: 0,
            order: 0,
            names: 0,
        }
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.rng.u64() % n
    }

    /// A new tab.
    pub fn open(&mut self) {
        self.names += 1;
        let name = format!("tab{}", self.names);
        let seed = self.rng.u64();
        let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed, now: self.now });
        engine.server.config.enable_debug_command = tabdis::engine::config::Permission::Yes;
        let mut node = Node::new(&name, &mut engine, Terms::default(), replica::Options::default(), self.now);
        node.wait_until_stored(self.strict);
        let user = engine.open("user", Proto::Resp2, self.now);
        self.tabs.push(Tab {
            name,
            engine,
            node,
            persist: None,
            stored: Terms::default(),
            ready: false,
            user,
            busy: None,
            frozen: false,
            inbox: Vec::new(),
            next: self.now,
            deposed: false,
            unstored: Vec::new(),
        });
    }

    /// A tab is gone without a word; the lock, if it had it, is free. What it had said has left it, and comes before anything that
    /// is said by those who learn of its end, as it is with channels and locks of a browser.
    pub fn crash(&mut self, at: usize) {
        let mut tab = self.tabs.remove(at);
        if !self.strict && !self.tabs.iter().any(|tab| !tab.frozen && tab.node.is_up()) {
            // Nobody else has what it had: it is as safe as its storage makes it, which has been given it.
            store_all(&self.storage, &mut tab, self.now);
        }
        if self.holder.as_ref() == Some(&tab.name) {
            self.holder = None;
        }
        let now = self.now;
        for mail in self.tabs.iter_mut().flat_map(|tab| &mut tab.inbox).filter(|mail| mail.from == tab.name) {
            mail.due = mail.due.min(now);
        }
        for tab in self.tabs.iter_mut().filter(|tab| !tab.frozen) {
            tab.next = now;
        }
        for other in self.tabs.iter_mut().filter(|tab| !tab.frozen) {
            other.node.note_gone(&mut other.engine, &tab.name, now);
        }
    }

    /// The user of a tab appends a value that nobody else appends.
    pub fn push(&mut self, at: usize) {
        let list = format!("list{}", self.below(3));
        self.sent += 1;
        let value = format!("v{}", self.sent);
        let now = self.now;
        let tab = &mut self.tabs[at];
        if tab.frozen || tab.busy.is_some() {
            return;
        }
        tab.busy = Some((list.clone(), value.clone(), now));
        tab.engine.call(tab.user, &[b"RPUSH", list.as_bytes(), value.as_bytes()], now);
        tab.node.work(&mut tab.engine, now);
        self.settle(at);
    }

    /// Takes what the user was answered, and sends what the node says.
    fn settle(&mut self, at: usize) {
        let tab = &mut self.tabs[at];
        let log = tab.node.take_log();
        if let Some(persist) = &mut tab.persist {
            persist.push(&log);
        }
        if !tab.node.is_leading() {
            // Its user is told that another one leads.
            tab.unstored.clear();
        }
        let session = tab.engine.sessions.get_mut(tab.user).expect("it is open");
        if session.wait.is_none() && !session.out.bytes().is_empty() {
            let answer = std::mem::take(session.out.bytes_mut());
            let (list, value, asked) = tab.busy.take().expect("it asked for something");
            let text = String::from_utf8_lossy(&answer).into_owned();
            match text.strip_prefix(':').and_then(|n| n.trim_end().parse().ok()) {
                Some(length) => {
                    let acked = Acked { list, length, asked, at: self.now };
                    self.slowest = self.slowest.max(self.now - asked);
                    if self.strict && tab.node.is_leading() {
                        tab.unstored.push((tab.engine.ks.effects.offset(), value, acked));
                    } else {
                        self.acked.insert(value, acked);
                    }
                }
                None => self.errors += 1,
            }
        }
        let tab = &mut self.tabs[at];
        let (from, out) = (tab.name.clone(), tab.node.take_out());
        for out in out {
            for to in 0..self.tabs.len() {
                if self.tabs[to].name == from || !(out.to == "*" || out.to == self.tabs[to].name) {
                    continue;
                }
                if self.is_parted(&from, &self.tabs[to].name) || self.below(1000) < self.lost {
                    continue;
                }
                let copies = if self.below(1000) < self.doubled { 2 } else { 1 };
                for copy in 0..copies {
                    self.order += 1;
                    let delay = 1 + self.below(LONGEST_DELAY);
                    // From one to another in their order, but for copies; among others in any.
                    let earlier = self.tabs[to].inbox.iter().filter(|mail| mail.from == from && !mail.copy);
                    let after = earlier.map(|mail| mail.due).max().filter(|_| copy == 0).unwrap_or(0);
                    let due = after.max(self.now + delay);
                    let (order, from, bytes) = (self.order, from.clone(), out.bytes.clone());
                    let mail = Mail { due, order, from, copy: copy > 0, bytes };
                    self.tabs[to].inbox.push(mail);
                }
            }
        }
        let wants = self.tabs[at].node.take_wants();
        for want in wants {
            match want {
                Want::Steal => self.take_lock(at),
                Want::Ready => self.begin_to_lead(at),
                Want::Version(_) => panic!("there is one version"),
            }
        }
    }

    /// Whether two do not hear one another just now.
    fn is_parted(&self, one: &str, two: &str) -> bool {
        let odd = |name: &str| name.bytes().last().is_some_and(|byte| byte % 2 == 1);
        self.now < self.parted_until && odd(one) != odd(two)
    }

    /// The lock goes to this tab, whoever had it.
    fn take_lock(&mut self, at: usize) {
        let name = self.tabs[at].name.clone();
        if self.holder.as_ref() == Some(&name) {
            return;
        }
        let before = self.holder.replace(name);
        for tab in self.tabs.iter_mut().filter(|tab| Some(&tab.name) == before.as_ref()) {
            tab.deposed = true;
        }
        self.take_overs += 1;
        let others: Vec<String> = self.tabs.iter().map(|tab| tab.name.clone()).collect();
        let now = self.now;
        let tab = &mut self.tabs[at];
        let term = claim(&self.storage, tab, now);
        tab.node.candidate(&mut tab.engine, term, &others, now);
        self.settle(at);
    }

    /// Others have said what they have: what is stored and what is here become the same.
    fn begin_to_lead(&mut self, at: usize) {
        let tab = &mut self.tabs[at];
        if self.holder.as_ref() != Some(&tab.name) {
            return;
        }
        push_missing(tab);
        let terms = tab.node.next_terms().to_text();
        tab.persist.as_mut().expect("it has claimed the storage").note("terms", terms.as_bytes());
        tab.ready = true;
    }

    /// Lets a millisecond pass.
    pub fn step(&mut self) {
        self.now += 1;
        if self.holder.is_none() {
            let free: Vec<usize> = (0..self.tabs.len()).filter(|at| !self.tabs[*at].frozen).collect();
            if !free.is_empty() {
                let at = free[self.below(free.len() as u64) as usize];
                self.take_lock(at);
            }
        }
        for at in 0..self.tabs.len() {
            if self.tabs[at].frozen {
                continue;
            }
            self.run(at);
        }
    }

    fn run(&mut self, at: usize) {
        let now = self.now;
        let tab = &mut self.tabs[at];
        if std::mem::take(&mut tab.deposed) {
            tab.node.step_down(&mut tab.engine, now);
            (tab.persist, tab.ready, tab.next) = (None, false, now);
        }
        let mut due: Vec<Mail> = tab.inbox.extract_if(.., |mail| mail.due <= now).collect();
        due.sort_by_key(|mail| (mail.due, mail.order));
        for Mail { bytes, .. } in due {
            let tab = &mut self.tabs[at];
            tab.node.receive(&mut tab.engine, &bytes, now);
            // It may be another one now than it was when it said when it wants to be called.
            tab.next = tab.next.min(now);
            self.settle(at);
        }
        let tab = &mut self.tabs[at];
        if tab.next <= now {
            tab.engine.tick(now);
            tab.next = tab.node.tick(&mut tab.engine, now).max(now + 1);
            self.settle(at);
        }
        // A transaction now and then.
        if self.below(5) == 0 {
            let storage = &self.storage;
            let tab = &mut self.tabs[at];
            if !tab.node.is_leading() && !tab.ready && tab.stored == *tab.node.terms() {
                // Nobody has led since who could have gone another way: what it has is safe before others have answered.
                push_missing(tab);
            }
            let Some(persist) = &mut tab.persist else { return };
            if persist.error().is_some() {
                persist.retry();
            }
            if let Next::Commit(batch) = persist.next(&mut tab.engine.ks, || true, now) {
                let full = now < self.full_until;
                let result = if full { Err(StorageError::Quota) } else { persist::run(storage.commit(&batch)) };
                persist.done(batch, result);
                let (mark, fenced) = (persist.mark(), persist.is_read_only());
                if fenced {
                    tab.deposed = true;
                } else if !full {
                    if std::mem::take(&mut tab.ready) {
                        let term = tab.node.promised();
                        tab.node.lead(&mut tab.engine, term, now);
                    }
                    tab.node.note_stored(&mut tab.engine, mark, now);
                    let stored = tab.unstored.extract_if(.., |(offset, ..)| *offset <= mark.offset);
                    for (_, value, acked) in stored {
                        self.acked.insert(value, Acked { at: now, ..acked });
                    }
                }
                self.settle(at);
            }
        }
    }

    /// What a tab answers.
    pub fn ask(&mut self, at: usize, words: &[&str]) -> String {
        let now = self.now;
        let tab = &mut self.tabs[at];
        let session = tab.engine.open_host("look", now);
        tab.engine.call(session, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>(), now);
        let answer = String::from_utf8_lossy(tab.engine.sessions.get(session).expect("open").out.bytes()).into_owned();
        tab.engine.close(session);
        answer
    }
}

/// Does all transactions that are to be done.
fn store_all(storage: &MemoryStorage, tab: &mut Tab, now: u64) {
    let Some(persist) = &mut tab.persist else { return };
    loop {
        match persist.next(&mut tab.engine.ks, || true, now) {
            Next::Commit(batch) => {
                let result = persist::run(storage.commit(&batch));
                persist.done(batch, result);
            }
            Next::Again => {}
            Next::Wait => return,
        }
    }
}

/// Has everything stored that the engine of a tab has and its storage has not.
fn push_missing(tab: &mut Tab) {
    let Some(persist) = &mut tab.persist else { return };
    let (stored, here) = (persist.offset(), tab.engine.ks.effects.offset());
    if here > stored {
        match tab.node.since(stored) {
            Some(bytes) => _ = persist.push(&bytes),
            None => persist.replaced(here),
        }
    }
}

/// Claims the storage for a tab and brings its engine to what is stored. Returns the number of the term.
fn claim(storage: &MemoryStorage, tab: &mut Tab, now: u64) -> u64 {
    let terms = |notes: &[(String, Vec<u8>)]| {
        let text = notes.iter().find(|(name, _)| name == "terms").map(|(_, text)| text.clone()).unwrap_or_default();
        Terms::parse(&text).expect("we wrote them")
    };
    let (own, here) = (tab.node.terms().clone(), tab.engine.ks.effects.offset());
    let here = Here { offset: here, mark: tab.node.mark() };
    let agree = |notes: &[(String, Vec<u8>)]| own.agree(&terms(notes));
    let options = persist::Options { least_log: 4096, chunk: 1024, ..persist::Options::default() };
    let resumed = persist::run(persist::resume(storage, &tab.name, here, agree, options, async |_| {}));
    let persist = match resumed.expect("memory does not fail") {
        Resumed::Ours(ours) => {
            let (persist, report) = *ours;
            tab.stored = terms(&report.manifest.notes);
            tab.node.take_stored(&mut tab.engine, here.offset, &report.replayed, tab.stored.clone(), now);
            persist
        }
        Resumed::Other => {
            let mut aside = tab.engine.beside(now);
            let opened = persist::run(persist::open(storage, &mut aside, options, async |_| {}));
            let (persist, report) = opened.expect("memory does not fail");
            assert_eq!(report.damage, None);
            tab.engine.take_over(aside.ks, now);
            tab.engine.effects().clear();
            tab.engine.ks.effects.set_offset(report.offset);
            tab.stored = terms(&report.manifest.notes);
            tab.node.replaced(&tab.engine, tab.stored.clone());
            persist
        }
    };
    let term = persist.epoch();
    tab.persist = Some(persist);
    term
}
