//! A server as a process, ours or another, in a folder of its own: started, asked, killed.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tabdis::resp::encode;
use tabdis::resp::reply::{Decoder, Value};

/// Our server's program.
pub const OURS: &str = env!("CARGO_BIN_EXE_tabdis-server");

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tabdis-aof-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The names of what is in a folder of it, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Another folder with the same log.
    pub fn copy(&self) -> Folder {
        let other = Folder::new("copy");
        std::fs::create_dir_all(other.0.join("appendonlydir")).unwrap();
        for name in self.names("appendonlydir") {
            let path = format!("appendonlydir/{name}");
            std::fs::copy(self.0.join(&path), other.0.join(&path)).unwrap();
        }
        other
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running server and a connection to it.
pub struct Process {
    child: Child,
    log: PathBuf,
    stream: UnixStream,
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl Process {
    /// Starts `program` in `folder`, and waits until it serves. Fails if it ends before that.
    pub fn start(program: &str, folder: &Folder, args: &[&str]) -> Process {
        let mut process = Process::start_early(program, folder, args);
        while process.call(&[b"PING"]).is_error() {
            std::thread::sleep(Duration::from_millis(5));
        }
        process
    }

    /// Starts `program` in `folder`, and waits until it listens.
    pub fn start_early(program: &str, folder: &Folder, args: &[&str]) -> Process {
        let (socket, log) = (folder.path().join("s"), folder.path().join("log"));
        let _ = std::fs::remove_file(&socket);
        let mut child = Command::new(program)
            .args(["--port", "0", "--unixsocket", &socket.to_string_lossy(), "--dir", &folder.path().to_string_lossy()])
            .args(["--logfile", &log.to_string_lossy()])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(&socket) {
                break stream;
            }
            assert!(child.try_wait().unwrap().is_none(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(5));
        };
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Process { child, log, stream, decoder: Decoder::default(), bytes: Vec::new() }
    }

    /// Ends it as nothing else does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself. Returns whether without complaint, and what it said.
    pub fn ended(mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        (status.success(), self.said())
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply; nothing once the connection is over.
    pub fn reply(&mut self) -> Option<Value> {
        loop {
            if let Some((value, used)) = self.decoder.next(&self.bytes).unwrap() {
                self.bytes.drain(..used);
                return Some(value);
            }
            let mut piece = [0; 65_536];
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.bytes.extend_from_slice(&piece[..count]),
            }
        }
    }

    pub fn call(&mut self, argv: &[&[u8]]) -> Value {
        let mut out = Vec::new();
        encode::command(&mut out, argv);
        self.send(&out).unwrap();
        self.reply().unwrap_or_else(|| panic!("the server has gone: {}", self.said()))
    }

    /// Runs a command that must not fail.
    pub fn ok(&mut self, line: &str) -> Value {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let value = self.call(&argv);
        assert!(!value.is_error(), "{line}: {value:?}");
        value
    }

    /// Waits until INFO has a line.
    pub fn wait_for(&mut self, line: &str) {
        let has = |info: &Value| info.text().is_some_and(|text| String::from_utf8_lossy(text).contains(line));
        while !has(&self.ok("INFO everything")) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
