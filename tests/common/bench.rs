//! An engine whose effects and events are looked at: what transcripts cannot show.

use tabdis::engine::{Engine, Options, Proto, SessionId, pubsub::Kind};

/// One engine, a client of it, and one that hears all events.
pub struct Bench {
    pub engine: Engine,
    pub me: SessionId,
    pub ear: SessionId,
    pub now: u64,
}

impl Bench {
    /// An engine at 1 s after the epoch.
    pub fn new() -> Self {
        let mut engine = Engine::new(tabdis::cmd::table(), &Options { databases: 2, seed: 1, now: 1_000 });
        engine.ks.effects.record(true);
        engine.ks.notify_flags = tabdis::engine::events::parse(b"KEA").unwrap();
        let me = engine.open("me", Proto::Resp2, 1_000);
        let ear = engine.open("ear", Proto::Resp2, 1_000);
        engine.pubsub.subscribe(engine.sessions.get_mut(ear).unwrap(), Kind::Pattern, b"__keyevent@*");
        Bench { engine, me, ear, now: 1_000 }
    }

    /// Opens another client.
    pub fn open(&mut self) -> SessionId {
        self.engine.open("other", Proto::Resp2, self.now)
    }

    /// Returns the reply to client `id`, words only.
    pub fn run_as(&mut self, id: SessionId, line: &str) -> String {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        assert!(self.engine.call(id, &argv, self.now), "{line}");
        self.output(id)
    }

    /// Returns the reply, words only.
    pub fn run(&mut self, line: &str) -> String {
        self.run_as(self.me, line)
    }

    /// What client `id` got since it was last asked, words only.
    pub fn output(&mut self, id: SessionId) -> String {
        words(self.engine.sessions.get_mut(id).unwrap().out.bytes_mut())
    }

    /// Runs `line` and returns its effects, without SELECT, and its events.
    pub fn traces(&mut self, line: &str) -> (String, String) {
        self.run(line);
        self.left()
    }

    /// The effects, without SELECT, and the events since they were last asked for.
    pub fn left(&mut self) -> (String, String) {
        let effects = words(self.engine.effects()).trim_start_matches("SELECT 0").trim().to_string();
        let heard = self.output(self.ear);
        let events = heard.split(' ').filter_map(|word| word.strip_prefix("__keyevent@0__:"));
        (effects, events.collect::<Vec<_>>().join(" "))
    }
}

/// Takes RESP and leaves out all that is no content.
pub fn words(resp: &mut Vec<u8>) -> String {
    let text = String::from_utf8(std::mem::take(resp)).unwrap();
    let lines = text.split("\r\n").filter(|line| !line.starts_with(['*', '$']) || *line == "$-1" || *line == "*-1");
    lines
        .map(|line| if matches!(line, "$-1" | "*-1") { "(nil)" } else { line })
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_string()
}
