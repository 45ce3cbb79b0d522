//! A real redis-server as a [`Peer`]: a private process on a unix socket in a folder of its own.

use super::peer::Peer;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tabdis::resp::encode;
use tabdis::resp::reply::{Decoder, Value};

/// How long a reply may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running redis-server with numbered clients.
pub struct RedisPeer {
    process: Child,
    /// The server lives until this is closed, so it dies with this process however that ends.
    leash: Option<ChildStdin>,
    folder: PathBuf,
    control: Connection,
    clients: BTreeMap<usize, Connection>,
    /// The settings the server began with.
    settings: Vec<(Vec<u8>, Vec<u8>)>,
}

struct Connection {
    stream: UnixStream,
    decoder: Decoder,
    bytes: Vec<u8>,
    closed: bool,
}

/// The program to compare with: `$REDIS_SERVER`, or `redis-server` on the path. Nothing if there is none; in CI (`$CI` is
/// set) that is a failure.
pub fn program() -> Option<String> {
    let program = std::env::var("REDIS_SERVER").ok().filter(|p| !p.is_empty()).unwrap_or("redis-server".to_string());
    let works = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if works.is_ok_and(|status| status.success()) {
        return Some(program);
    }
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!in_ci, "no redis-server: {program} does not run");
    println!("skipped: no redis-server ({program} does not run; set REDIS_SERVER)");
    None
}

impl RedisPeer {
    /// Starts the server. Returns nothing if there is none: see [`program`].
    pub fn start() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let program = program()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tabdis-oracle-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the server");
        let socket = folder.join("redis.sock");
        let mut process = Command::new("sh")
            .args(["-c", r#""$@" & server=$!; read -r _; kill -9 $server; wait $server"#, "sh", &program])
            .args(["--port", "0", "--unixsocket", &socket.to_string_lossy(), "--dir", &folder.to_string_lossy()])
            .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--loglevel", "warning"])
            .args(["--logfile", &folder.join("log").to_string_lossy()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to start the server");
        let leash = process.stdin.take();
        let control = Connection::open(&socket);
        let mut peer = RedisPeer { process, leash, folder, control, clients: BTreeMap::new(), settings: Vec::new() };
        peer.settings = peer.read_settings();
        Some(peer)
    }

    /// Whether the server has the command.
    pub fn knows(&mut self, name: &str) -> bool {
        let reply = self.command(&[b"COMMAND", b"INFO", name.as_bytes()]);
        reply
            .items()
            .and_then(|items| items.first())
            .is_some_and(|first| !matches!(first, Value::Nil | Value::NilArray))
    }

    /// Sends a command on a connection of its own and returns the reply.
    pub fn command(&mut self, argv: &[&[u8]]) -> Value {
        self.control.send(argv);
        self.control
            .wait_for_reply()
            .unwrap_or_else(|| panic!("redis-server is gone or hangs. Its log:\n{}", self.log()))
    }

    /// What the server had to say: its last words if it crashed.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Sends many commands to `client` without looking at replies.
    pub fn send_raw(&mut self, client: usize, bytes: &[u8]) {
        self.client(client).write(bytes);
    }

    /// The next reply of `client`, waiting for it. Nothing if none comes.
    pub fn wait_for_reply(&mut self, client: usize) -> Option<Value> {
        self.client(client).wait_for_reply()
    }

    /// Closes the client's connection; the next use opens another.
    pub fn close(&mut self, client: usize) {
        self.clients.remove(&client);
        self.settle();
    }

    fn client(&mut self, client: usize) -> &mut Connection {
        let folder = &self.folder;
        self.clients.entry(client).or_insert_with(|| Connection::open(&folder.join("redis.sock")))
    }

    /// Returns when everything sent so far is done and answered. The server serves its clients in turns, and sends the replies
    /// of one turn before the next: after two round trips of another client, nothing is left to come. The command is one that
    /// no server knows, because such a one is answered under CLIENT PAUSE, without a password, and is not shown by MONITOR.
    fn settle(&mut self) {
        for _ in 0..2 {
            self.control.send(&[b"tabdis-settle"]);
            self.control.wait_for_reply();
        }
    }

    fn read_settings(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let reply = self.command(&[b"CONFIG", b"GET", b"*"]);
        let texts: Vec<Vec<u8>> =
            reply.items().unwrap_or_default().iter().map(|v| v.text().unwrap_or_default().to_vec()).collect();
        texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }

    /// Makes the users what they were at the start.
    fn forget_users(&mut self) {
        let users = self.command(&[b"ACL", b"USERS"]);
        let all = users.items().unwrap_or_default().iter().filter_map(|name| name.text());
        let names: Vec<&[u8]> = all.filter(|name| *name != b"default").collect();
        if !names.is_empty() {
            self.command(&[&[&b"ACL"[..], b"DELUSER"], &names[..]].concat());
        }
        self.command(&[b"ACL", b"SETUSER", b"default", b"on", b"nopass", b"+@all", b"~*", b"&*"]);
        self.command(&[b"ACL", b"LOG", b"RESET"]);
    }

    fn restore_settings(&mut self) {
        let now = self.read_settings();
        for (before, now) in self.settings.clone().iter().zip(now) {
            if *before != now {
                self.command(&[b"CONFIG", b"SET", &before.0, &before.1]);
            }
        }
    }
}

impl Peer for RedisPeer {
    fn send(&mut self, client: usize, argv: &[Vec<u8>]) {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        self.client(client).send(&argv);
        // Clients of a transcript act one after the other.
        self.settle();
    }

    fn arrived(&mut self, client: usize) -> Vec<Value> {
        self.settle();
        self.client(client).arrived()
    }

    fn is_closed(&mut self, client: usize) -> bool {
        self.client(client).closed
    }

    fn sleep(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }

    fn reset(&mut self) {
        self.clients.clear();
        for command in ["CLIENT UNPAUSE", "FLUSHALL", "SCRIPT FLUSH", "FUNCTION FLUSH", "CONFIG RESETSTAT"] {
            let argv: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            self.command(&argv);
        }
        self.forget_users();
        self.restore_settings();
        for command in ["ACL LOG RESET", "LATENCY RESET", "SLOWLOG RESET"] {
            self.command(&command.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        }
        self.settle();
    }
}

impl Drop for RedisPeer {
    fn drop(&mut self) {
        drop(self.leash.take());
        _ = self.process.wait();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Connection {
    /// Connects, waiting for a server that is just starting.
    fn open(socket: &Path) -> Self {
        for _ in 0..1000 {
            if let Ok(stream) = UnixStream::connect(socket) {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                return Connection { stream, decoder: Decoder::default(), bytes: Vec::new(), closed: false };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not listen on {}", socket.display());
    }

    fn send(&mut self, argv: &[&[u8]]) {
        let mut bytes = Vec::new();
        encode::command(&mut bytes, argv);
        self.write(&bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        if !self.closed && self.stream.write_all(bytes).is_err() {
            self.closed = true;
        }
    }

    /// Takes what has arrived without waiting.
    fn arrived(&mut self) -> Vec<Value> {
        self.stream.set_nonblocking(true).expect("a socket");
        while self.read() {}
        self.stream.set_nonblocking(false).expect("a socket");
        std::iter::from_fn(|| self.decode()).collect()
    }

    fn wait_for_reply(&mut self) -> Option<Value> {
        loop {
            let value = self.decode();
            if value.is_some() || !self.read() {
                return value;
            }
        }
    }

    fn decode(&mut self) -> Option<Value> {
        let (value, used) = self.decoder.next(&self.bytes).expect("redis-server writes RESP")?;
        self.bytes.drain(..used);
        Some(value)
    }

    /// Reads some bytes. Returns false if there are none.
    fn read(&mut self) -> bool {
        let mut buf = [0; 64 * 1024];
        match self.stream.read(&mut buf) {
            Ok(0) => {
                self.closed = true;
                false
            }
            Ok(n) => {
                self.bytes.extend_from_slice(&buf[..n]);
                true
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
            Err(_) => {
                self.closed = true;
                false
            }
        }
    }
}
