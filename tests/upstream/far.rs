//! A server and pages with connections between them, a clock, and one seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tabdis::base::rng::Rng;
use tabdis::cmd;
use tabdis::engine::{Engine, Options, Proto, SessionId};
use tabdis::replica::hub::{Hub, read_hello};
use tabdis::replica::{self, Link, Node, Terms, Want};

/// A page: one tab, which leads, with a connection now and then.
pub struct Page {
    pub engine: Engine,
    pub node: Node,
    user: SessionId,
    token: String,
    /// Frames on their way to it and from it.
    inbox: VecDeque<(u64, Vec<u8>)>,
    outbox: VecDeque<(u64, Vec<u8>)>,
    /// Its connection, as the server calls it, when that has joined.
    id: Option<usize>,
    open: bool,
    again: u64,
    pub offline_until: u64,
    /// What its user has asked for.
    pub busy: Vec<Vec<String>>,
    pub refused: Option<String>,
    pub refusals: Vec<String>,
    /// All keys whose names have come here.
    pub keys_ever: BTreeSet<String>,
    /// All frames that have come here, and all that have left.
    pub heard: Vec<Vec<u8>>,
    pub said: Vec<Vec<u8>>,
}

impl Page {
    /// How many changes are to be done by the server yet.
    pub fn pending(&self) -> usize {
        self.engine.ks.queue.len()
    }

    /// Ends the patience with a connection that is gone.
    pub fn lost_for_certain(&mut self, now: u64) {
        self.node.tick(&mut self.engine, now + 1);
    }
}

/// Everything.
pub struct Far {
    pub now: u64,
    pub rng: Rng,
    pub server: Engine,
    pub hub: Hub,
    term: u64,
    admin: SessionId,
    pub pages: Vec<Page>,
    ids: usize,
    values: u64,
    /// How often a counter was counted for certain, and how often perhaps.
    counts: BTreeMap<String, (i64, i64)>,
    pub pushed_to_sets: Vec<String>,
    pub popped: Vec<String>,
    pub queued: u64,
    pub kills: u64,
}

fn engine(seed: u64, now: u64) -> Engine {
    let mut engine = Engine::new(cmd::table(), &Options { databases: 16, seed, now });
    engine.server.config.enable_debug_command = tabdis::engine::config::Permission::Yes;
    engine
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn call(engine: &mut Engine, id: SessionId, words: &[&str], now: u64) -> String {
    engine.call(id, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>(), now);
    text(&std::mem::take(engine.sessions.get_mut(id).expect("open").out.bytes_mut()))
}

impl Far {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let now = 1_700_000_000_000;
        let mut server = engine(rng.u64(), now);
        server.ks.effects.record(true);
        let admin = server.open_host("admin", now);
        let hub = Hub::new(&server, 1);
        Far {
            now,
            rng,
            server,
            hub,
            term: 1,
            admin,
            pages: Vec::new(),
            ids: 0,
            values: 0,
            counts: BTreeMap::new(),
            pushed_to_sets: Vec::new(),
            popped: Vec::new(),
            queued: 0,
            kills: 0,
        }
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.rng.u64() % n
    }

    /// A value that was never there.
    pub fn value(&mut self) -> String {
        self.values += 1;
        format!("v{}", self.values)
    }

    /// A new page, of this user.
    pub fn open(&mut self, user: &str, queues: bool) -> usize {
        let now = self.now;
        let mut engine = engine(self.rng.u64(), now);
        let name = format!("page{}", self.pages.len());
        let mut node = Node::new(&name, &mut engine, Terms::default(), replica::Options::default(), now);
        node.attach(&mut engine, "the server", queues, now);
        node.candidate(&mut engine, 1, &[], now);
        assert_eq!(node.take_wants(), [Want::Ready]);
        node.lead(&mut engine, 1, now);
        let session = engine.open("user", Proto::Resp2, now);
        self.pages.push(Page {
            engine,
            node,
            user: session,
            token: user.to_string(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            id: None,
            open: false,
            again: now,
            offline_until: 0,
            busy: Vec::new(),
            refused: None,
            refusals: Vec::new(),
            keys_ever: BTreeSet::new(),
            heard: Vec::new(),
            said: Vec::new(),
        });
        self.pages.len() - 1
    }

    /// The connection of a page breaks; what is on its way is lost.
    pub fn cut(&mut self, at: usize) {
        let again = self.now + self.below(100);
        let page = &mut self.pages[at];
        if let Some(id) = page.id.take() {
            self.hub.leave(&mut self.server, id);
        }
        page.inbox.clear();
        page.outbox.clear();
        page.again = again;
        if std::mem::take(&mut page.open) {
            page.node.upstream_closed(&mut page.engine, self.now);
            self.settle(at);
        }
    }

    /// The server is killed, and starts with all that it had put out.
    pub fn kill(&mut self) {
        self.kills += 1;
        self.term += 1;
        self.server.effects().clear();
        (0..self.pages.len()).for_each(|at| self.cut(at));
        self.hub = Hub::new(&self.server, self.term);
    }

    /// Somebody does something at the server itself.
    pub fn at_server(&mut self, words: &[&str]) {
        call(&mut self.server, self.admin, words, self.now);
    }

    pub fn server_says(&mut self, words: &[&str]) -> String {
        call(&mut self.server, self.admin, words, self.now)
    }

    pub fn table(&self) -> &'static tabdis::engine::Table {
        self.server.server.table
    }

    pub fn server_in(&mut self, db: &str, words: &[&str]) -> String {
        call(&mut self.server, self.admin, &["SELECT", db], self.now);
        let answer = call(&mut self.server, self.admin, words, self.now);
        call(&mut self.server, self.admin, &["SELECT", "0"], self.now);
        answer
    }

    /// What a page answers by itself.
    pub fn says(&mut self, at: usize, words: &[&str]) -> String {
        self.page_in(at, "0", words)
    }

    pub fn page_in(&mut self, at: usize, db: &str, words: &[&str]) -> String {
        let (now, page) = (self.now, &mut self.pages[at]);
        let id = page.engine.open_host("look", now);
        call(&mut page.engine, id, &["SELECT", db], now);
        let answer = call(&mut page.engine, id, words, now);
        page.engine.close(id);
        answer
    }

    /// The user of a page asks for something, unless it waits for something.
    pub fn ask(&mut self, at: usize, words: &[&str]) {
        self.ask_many(at, &[words]);
    }

    /// The same, several things as one transaction.
    pub fn ask_many(&mut self, at: usize, commands: &[&[&str]]) {
        let (now, page) = (self.now, &mut self.pages[at]);
        if !page.busy.is_empty() {
            return;
        }
        let before = page.pending();
        let argv = |words: &[&str]| -> Vec<Vec<u8>> { words.iter().map(|word| word.as_bytes().to_vec()).collect() };
        page.busy = commands.iter().map(|words| words.iter().map(|word| word.to_string()).collect()).collect();
        match commands {
            [words] => {
                let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
                page.engine.call(page.user, &words, now);
            }
            _ => {
                let commands = commands.iter().map(|words| argv(words)).collect();
                assert!(page.engine.forward_many(page.user, true, commands));
            }
        }
        page.node.work(&mut page.engine, now);
        if page.pending() > before {
            self.queued += 1;
        }
        self.settle(at);
    }

    /// What a user is answered, however long it takes.
    pub fn answer(&mut self, at: usize, words: &[&str]) -> String {
        let now = self.now;
        let page = &mut self.pages[at];
        let id = page.engine.open("asks", Proto::Resp2, now);
        page.engine.call(id, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>(), now);
        page.node.work(&mut page.engine, now);
        for _ in 0..20_000 {
            self.settle(at);
            let session = self.pages[at].engine.sessions.get_mut(id).expect("open");
            if session.wait.is_none() {
                let answer = text(&std::mem::take(session.out.bytes_mut()));
                self.pages[at].engine.close(id);
                return answer;
            }
            self.step();
        }
        panic!("{words:?} was never answered");
    }

    /// What the server answers to commands that a page sends on as they are, whatever they are.
    pub fn sent_on(&mut self, at: usize, commands: Vec<Vec<Vec<u8>>>) -> String {
        let now = self.now;
        let page = &mut self.pages[at];
        let id = page.engine.open("asks", Proto::Resp2, now);
        assert!(page.engine.forward_many(id, false, commands));
        page.node.work(&mut page.engine, now);
        for _ in 0..2_000 {
            self.settle(at);
            let session = self.pages[at].engine.sessions.get_mut(id).expect("open");
            if session.wait.is_none() {
                let answer = text(&std::mem::take(session.out.bytes_mut()));
                self.pages[at].engine.close(id);
                return answer;
            }
            self.step();
        }
        panic!("it was never answered");
    }

    /// Takes what the user was answered.
    fn settle(&mut self, at: usize) {
        let page = &mut self.pages[at];
        page.node.take_log();
        page.node.take_out();
        let session = page.engine.sessions.get_mut(page.user).expect("open");
        if session.wait.is_none() && !page.busy.is_empty() {
            let answer = text(&std::mem::take(session.out.bytes_mut()));
            let asked = std::mem::take(&mut page.busy);
            self.note(&asked, &answer);
        }
        if let Some(upstream) = self.pages[at].node.upstream() {
            let refusals = upstream.take_refusals().into_iter().map(|refusal| {
                let words: Vec<String> = refusal.commands.iter().flatten().map(|word| text(word)).collect();
                format!("{}: {}", words.join(" "), refusal.error)
            });
            let refusals: Vec<String> = refusals.collect();
            self.pages[at].refusals.extend(refusals);
        }
    }

    fn note(&mut self, asked: &[Vec<String>], answer: &str) {
        for words in asked {
            let key = words.get(1).cloned().unwrap_or_default();
            let counts = self.counts.entry(key).or_default();
            match words[0].as_str() {
                "INCR" if answer.contains("not known") => counts.1 += 1,
                "INCR" if !answer.starts_with('-') => counts.0 += 1,
                "SADD" if !answer.starts_with('-') => self.pushed_to_sets.push(words[2].clone()),
                "LPOP" => self.popped.extend(answer.lines().nth(1).map(str::to_string)),
                _ => {}
            }
        }
    }

    /// How often a counter was counted for certain, and how often perhaps.
    pub fn counted(&self, key: &str) -> (i64, i64) {
        self.counts.get(key).copied().unwrap_or_default()
    }

    /// Lets a millisecond pass.
    pub fn step(&mut self) {
        self.now += 1;
        let now = self.now;
        for at in 0..self.pages.len() {
            self.connect(at);
            self.carry(at);
        }
        self.server.tick(now);
        // What goes out is in the log.
        let fresh = std::mem::take(self.server.effects());
        self.hub.push(&fresh);
        self.hub.work(&mut self.server, now);
        for (id, bytes) in self.hub.take_out() {
            let delay = now + 1 + self.rng.u64() % 10;
            if let Some(page) = self.pages.iter_mut().find(|page| page.id == Some(id)) {
                let due = page.inbox.back().map_or(0, |(due, _)| *due).max(delay);
                page.inbox.push_back((due, bytes));
            }
        }
        for (id, why) in self.hub.take_ended() {
            if let Some(at) = self.pages.iter().position(|page| page.id == Some(id)) {
                self.pages[at].id = None;
                self.pages[at].refused = Some(why);
                self.cut(at);
            }
        }
        for at in 0..self.pages.len() {
            let page = &mut self.pages[at];
            page.engine.tick(now);
            page.node.tick(&mut page.engine, now);
            self.settle(at);
        }
    }

    /// Opens a connection when it is time to.
    fn connect(&mut self, at: usize) {
        let (now, page) = (self.now, &mut self.pages[at]);
        if !page.open && page.again <= now && page.offline_until <= now {
            page.open = true;
            let token = page.token.clone();
            page.node.upstream_open(&mut page.engine, token.as_bytes(), now);
        }
    }

    /// Carries frames.
    fn carry(&mut self, at: usize) {
        let now = self.now;
        let page = &mut self.pages[at];
        let Some(upstream) = page.node.upstream() else { return };
        let frames: Vec<Vec<u8>> = std::iter::from_fn(|| upstream.take_out()).collect();
        for frame in frames.into_iter().filter(|_| page.open) {
            let due = page.outbox.back().map_or(0, |(due, _)| *due).max(now + 1 + self.rng.u64() % 10);
            page.said.push(frame.clone());
            page.outbox.push_back((due, frame));
        }
        while let Some((_, frame)) = self.pages[at].outbox.pop_front_if(|(due, _)| *due <= now) {
            self.at_the_server(at, &frame);
        }
        while let Some((_, frame)) = self.pages[at].inbox.pop_front_if(|(due, _)| *due <= now) {
            let page = &mut self.pages[at];
            let words = text(&frame);
            page.keys_ever.extend(
                words
                    .lines()
                    .filter(|line| line.len() < 12 && line.contains(':') && !line.contains('@'))
                    .filter(|line| {
                        let owner = line.split(':').next().unwrap_or_default();
                        ["a", "b", "shared", "other"].contains(&owner)
                    })
                    .map(str::to_string),
            );
            page.node.upstream_receive(&mut page.engine, &frame, now);
            page.heard.push(frame);
            self.settle(at);
        }
    }

    fn at_the_server(&mut self, at: usize, frame: &[u8]) {
        let now = self.now;
        let Some(id) = self.pages[at].id else {
            let hello = read_hello(frame).expect("it comes first");
            self.ids += 1;
            match self.hub.join(&mut self.server, self.ids, &hello.token, &hello.name, now) {
                Ok(()) => self.pages[at].id = Some(self.ids),
                Err(why) => {
                    self.pages[at].refused = Some(why);
                    self.cut(at);
                }
            }
            return;
        };
        if let Err(why) = self.hub.receive(&mut self.server, id, frame, now) {
            panic!("page {at} is no good: {why}");
        }
    }

    /// Lets everybody come to rest.
    pub fn calm(&mut self) {
        for page in &mut self.pages {
            page.offline_until = 0;
        }
        for _ in 0..4_000 {
            self.step();
        }
        for at in 0..self.pages.len() {
            let link = self.pages[at].node.upstream().map(|it| it.link());
            assert!(self.pages[at].refused.is_some() || link == Some(Link::Up), "page {at}: {link:?}");
        }
    }
}
