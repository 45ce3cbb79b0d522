//! A server without a network, whose log is on a disk in memory; and a script of changes, rewrites and restarts.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use super::disk::MemoryDisk;
use crate::common::{Content, content};
use std::rc::Rc;
use std::sync::Arc;
use tabdis::engine::{Engine, SessionId};
use tabdis::server::aof::{AppendLog, Names, Policy};

pub const NOW: u64 = 1_700_000_000_000;
pub const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
pub const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";
/// Begins a rewrite, and goes on with it to its end.
pub const REWRITE: &str = "(rewrite)";
pub const FINISH: &str = "(finish)";
/// Ends the process, and starts it again.
pub const RESTART: &str = "(restart)";

/// A server without a network.
pub struct Node {
    pub engine: Engine,
    pub session: SessionId,
    pub log: AppendLog,
    pub disk: MemoryDisk,
    pub now: u64,
}

pub fn names() -> Names {
    Names { folder: "appendonlydir".to_string(), file: "appendonly.aof".to_string() }
}

impl Node {
    /// Without a log so far. `settings` are those of CONFIG SET.
    pub fn without_log(disk: &MemoryDisk, settings: &str) -> Node {
        tabdis::server::log::set_level("nothing");
        let (mut engine, session) = crate::common::engine(7);
        engine.ks.now = NOW;
        for setting in settings.split(", ") {
            assert_eq!(crate::common::run(&mut engine, session, NOW, &format!("CONFIG SET {setting}")), "+OK\r\n");
        }
        let policy = Policy::of(&engine.server.config);
        let log = AppendLog::new(Rc::new(disk.clone()), names(), policy, Arc::new(|| ()));
        Node { engine, session, log, disk: disk.clone(), now: NOW }
    }

    pub fn start(disk: &MemoryDisk, settings: &str) -> Result<Node, String> {
        let mut node = Node::without_log(disk, settings);
        node.log.find(true)?;
        if let Some(mut load) = node.log.load(NOW)? {
            while load.step(&mut node.engine)? {}
        }
        node.log.open(&mut node.engine, NOW)?;
        Ok(node)
    }

    pub fn run(&mut self, line: &str) -> String {
        crate::common::run(&mut self.engine, self.session, self.now, line)
    }

    /// What the server does at the end of its turn. Fails if it cannot go on.
    pub fn keep(&mut self) -> Result<(), String> {
        let offset = self.engine.ks.effects.offset();
        self.log.take(self.engine.ks.effects.out(), offset, self.now);
        let busy = self.log.is_rewriting();
        self.log.flush(false, busy, self.now)?;
        self.log.tell(&mut self.engine);
        Ok(())
    }

    /// Runs a line and keeps what it changed.
    pub fn change(&mut self, line: &str) -> Result<(), String> {
        for command in line.split("; ") {
            let reply = self.run(command);
            assert!(!reply.starts_with('-'), "{command}: {reply}");
        }
        self.keep()
    }

    pub fn begin_rewrite(&mut self) -> bool {
        self.log.begin_rewrite(&mut self.engine, self.now)
    }

    pub fn finish_rewrite(&mut self) {
        while self.log.is_rewriting() {
            self.log.rewrite_on(&mut self.engine, self.now);
            std::thread::yield_now();
        }
    }

    pub fn content(&mut self) -> Content {
        content(&mut self.engine.ks)
    }
}

/// What is there after each of `lines`, and before the first.
pub fn contents(lines: &[&str]) -> Vec<Content> {
    let (mut engine, session) = crate::common::engine(7);
    engine.ks.now = NOW;
    let mut all = vec![Content::new()];
    for line in lines {
        for command in line.split("; ").filter(|command| !command.starts_with('(')) {
            crate::common::run(&mut engine, session, NOW, command);
        }
        all.push(content(&mut engine.ks));
    }
    all
}

pub const SCRIPT: &[&str] = &[
    "SET a 1",
    "RPUSH l x y z",
    "MULTI; INCR n; SELECT 3; INCR n; EXEC",
    "SET t v PXAT 1700000100000",
    "SELECT 0",
    REWRITE,
    "INCR n",
    "APPEND a 2",
    "HSET h f v g w",
    FINISH,
    "INCR n",
    "XADD s 5-1 f v",
    REWRITE,
    "DEL l",
    "LPOP nothing",
    FINISH,
    "ZADD z 1.5 m",
    RESTART,
    "INCR n",
    "MULTI; SET a 9; DEL h; EXEC",
    REWRITE,
    FINISH,
    "SADD set 1 2 3",
];

/// Runs the script on `disk` until it dies. Returns how many lines were kept.
pub fn run_script(disk: &MemoryDisk, settings: &str) -> usize {
    let Ok(mut node) = Node::start(disk, settings) else { return 0 };
    for (n, line) in SCRIPT.iter().enumerate() {
        let kept = match *line {
            REWRITE => {
                node.begin_rewrite();
                Ok(())
            }
            FINISH => {
                node.finish_rewrite();
                Ok(())
            }
            RESTART => {
                drop(node);
                match Node::start(disk, settings) {
                    Ok(new) => node = new,
                    Err(_) => return n,
                }
                Ok(())
            }
            line => node.change(line),
        };
        if kept.is_err() {
            return n;
        }
    }
    SCRIPT.len()
}
