//! `tabdis-server` from the outside: the command line, the wire, limits, signals.
#![cfg(all(feature = "server", not(target_family = "wasm")))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

/// A server on a port of its own, killed when the test ends.
struct Server {
    child: Child,
    log: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        // Ask the system for a free port; the time until the server takes it is short.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child =
            command().args(args).args(["--port", &port.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, log, port };
        server.wait_for_line("Ready to accept connections");
        server
    }

    fn wait_for_line(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the server ended before saying {text:?}: {lines:?}");
            lines.push(line);
            if lines.last().is_some_and(|line| line.contains(text)) {
                return lines;
            }
        }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads exactly `want`.
    fn expect(&mut self, want: &str) {
        let mut got = vec![0; want.len()];
        let mut at = 0;
        while at < got.len() && got[..at] == want.as_bytes()[..at] {
            match self.0.read(&mut got[at..]).unwrap() {
                0 => break,
                n => at += n,
            }
        }
        assert_eq!(String::from_utf8_lossy(&got[..at]), want);
    }

    /// Sends and reads exactly `want`.
    fn ask(&mut self, bytes: impl AsRef<[u8]>, want: &str) {
        self.send(bytes);
        self.expect(want);
    }

    /// Reads to the end: the server closes.
    fn expect_close(&mut self) {
        let mut rest = Vec::new();
        // A reset is a close too: the server may have unread bytes of ours.
        let _ = self.0.read_to_end(&mut rest);
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tabdis-server"))
}

fn output(args: &[&str]) -> Output {
    command().args(args).output().unwrap()
}

#[test]
fn the_command_line_says_what_it_is_and_what_is_wrong() {
    let version = output(&["-v"]);
    assert!(String::from_utf8_lossy(&version.stdout).contains(" v=7."), "{version:?}");
    assert!(String::from_utf8_lossy(&output(&["--help"]).stdout).contains("--requirepass"));
    for (args, text) in [
        (&["/no/such/file.conf"][..], "can't open config file '/no/such/file.conf'"),
        (&["--port", "99999"], "argument must be between 0 and 65535"),
        (&["--port", "0"], "Configured to not listen anywhere"),
        (&["--no-such-directive", "1"], "no-such-directive"),
        (&["--loglevel", "loud"], "must be one of the following"),
        (&["--dir", "/no/such/dir"], "No such file or directory"),
    ] {
        let run = output(args);
        assert!(!run.status.success(), "{args:?}");
        // What it was told is printed, what the machine does not allow is logged.
        let said = [run.stderr.as_slice(), &run.stdout].concat();
        assert!(String::from_utf8_lossy(&said).contains(text), "{args:?}: {run:?}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = output(&["--port", &port]);
    assert!(String::from_utf8_lossy(&run.stdout).contains("Failed listening on port"), "{run:?}");
}

#[test]
fn starts_as_test_suites_start_a_redis_and_ends_on_sigterm() {
    let mut server =
        Server::start(&["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--bind", "127.0.0.1"]);
    server.connect().ask("PING\r\n", "+PONG\r\n");
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let lines = server.wait_for_line("bye bye");
    assert!(lines.iter().any(|line| line.contains("Received SIGTERM")), "{lines:?}");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn reads_a_config_file_and_lets_options_override_it() {
    let dir = std::env::temp_dir().join(format!("tabdis-conf-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("redis.conf");
    std::fs::write(&file, "# a comment\nport 1\nrequirepass \"se cret\"\nmaxclients 2\n").unwrap();
    let server = Server::start(&[file.to_str().unwrap(), "--maxclients", "1"]);
    let mut client = server.connect();
    client.ask("GET k\r\n", "-NOAUTH Authentication required.\r\n");
    client.ask("AUTH wrong\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    client.ask("AUTH \"se cret\"\r\n", "+OK\r\n");
    client.ask("GET k\r\n", "$-1\r\n");
    let mut second = server.connect();
    second.expect("-ERR max number of clients reached\r\n");
    std::fs::write(&file, "port 'x\n").unwrap();
    let run = output(&[file.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&run.stderr).contains("at line 1"), "{run:?}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn answers_pipelines_in_order_however_they_are_cut() {
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    let mut wire = String::new();
    let mut want = String::new();
    for n in 0..2_000 {
        wire.push_str(&format!("*3\r\n$3\r\nSET\r\n$4\r\nkey{}\r\n$1\r\nv\r\nGET key{}\r\n", n % 10, n % 10));
        want.push_str("+OK\r\n$1\r\nv\r\n");
    }
    let mut reader = Client(client.0.try_clone().unwrap());
    let writer = std::thread::spawn(move || {
        for piece in wire.as_bytes().chunks(997) {
            client.send(piece);
        }
    });
    reader.expect(&want);
    writer.join().unwrap();
}

#[test]
fn large_arguments_arrive_whole() {
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    let value = "x".repeat(20 << 20);
    client.ask(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len()), "+OK\r\n");
    client.ask("STRLEN k\r\n", &format!(":{}\r\n", value.len()));
    client.ask("GET k\r\n", &format!("${}\r\n{value}\r\n", value.len()));
}

#[test]
fn broken_protocol_gets_redis_words_and_a_close() {
    let server = Server::start(&["--save", ""]);
    for (bytes, text) in [
        ("*3\r\n+SET\r\n", "-ERR Protocol error: expected '$', got '+'\r\n"),
        ("*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        ("*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("*1\r\n$999999999999\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("SET \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    ] {
        let mut client = server.connect();
        client.ask(format!("PING\r\n{bytes}"), &format!("+PONG\r\n{text}"));
        client.expect_close();
    }
    let mut client = server.connect();
    client.send("a".repeat(70_000));
    client.expect("-ERR Protocol error: too big inline request\r\n");
}

#[test]
fn what_a_web_page_sends_ends_its_connection() {
    let mut server = Server::start(&["--save", ""]);
    for request in ["POST / HTTP/1.1\r\n", "Accept: */*\r\nHost: 127.0.0.1\r\n"] {
        let mut client = server.connect();
        client.send(format!("{request}\r\nSET from a-page\r\n"));
        let mut answer = Vec::new();
        // The rest may be reset on its way.
        let _ = client.0.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("OK"));
        server.wait_for_line("Possible SECURITY ATTACK detected");
    }
    let mut client = server.connect();
    client.send("EXISTS from\r\n");
    client.expect(":0\r\n");
}

#[test]
fn a_client_that_sends_too_much_is_closed() {
    let server = Server::start(&["--client-query-buffer-limit", "1048576", "--proto-max-bulk-len", "8mb"]);
    let mut client = server.connect();
    client.send("*2\r\n$4\r\nECHO\r\n$4194304\r\n");
    let mut sender = client.0.try_clone().unwrap();
    // The server closes somewhere in the middle, so sending may fail.
    let _ = sender.write_all(&vec![b'x'; 4 << 20]);
    client.expect_close();
    server.connect().ask("PING\r\n", "+PONG\r\n");
}

#[test]
fn waiting_and_publishing_cross_connections() {
    let server = Server::start(&["--save", ""]);
    let (mut a, mut b) = (server.connect(), server.connect());
    a.send("BLPOP q 0\r\nPING\r\n");
    b.ask("INCR n\r\n", ":1\r\n");
    b.ask("RPUSH q job\r\n", ":1\r\n");
    a.expect("*2\r\n$1\r\nq\r\n$3\r\njob\r\n+PONG\r\n");
    a.ask("BLPOP q 0.05\r\n", "*-1\r\n");
    a.ask("SUBSCRIBE news\r\n", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    b.ask("PUBLISH news hello\r\n", ":1\r\n");
    a.expect("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    a.ask("QUIT\r\n", "+OK\r\n");
    a.expect_close();
    // A waiting client that goes away takes nothing with it.
    let mut c = server.connect();
    c.send("BLPOP q 0\r\n");
    b.ask("PING\r\n", "+PONG\r\n");
    drop(c);
    std::thread::sleep(Duration::from_millis(100));
    b.ask("RPUSH q kept\r\n", ":1\r\n");
    b.ask("LLEN q\r\n", ":1\r\n");
}

#[test]
fn keys_expire_without_being_asked_for() {
    let server = Server::start(&["--notify-keyspace-events", "Ex"]);
    let (mut a, mut b) = (server.connect(), server.connect());
    a.ask("SUBSCRIBE __keyevent@0__:expired\r\n", "*3\r\n$9\r\nsubscribe\r\n$22\r\n__keyevent@0__:expired\r\n:1\r\n");
    b.ask("SET k v PX 30\r\n", "+OK\r\n");
    a.expect("*3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:expired\r\n$1\r\nk\r\n");
}

#[test]
fn what_is_saved_is_there_after_a_kill() {
    let dir = std::env::temp_dir().join(format!("tabdis-save-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let args = ["--dir", dir.to_str().unwrap(), "--save", ""];
    let mut server = Server::start(&args);
    let mut client = server.connect();
    client.ask("SET k v PXAT 33177117420000\r\nSELECT 3\r\nRPUSH l a b\r\n", "+OK\r\n+OK\r\n:2\r\n");
    client.ask("SAVE\r\nSET lost 1\r\n", "+OK\r\n+OK\r\n");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let mut server = Server::start(&args);
    let mut client = server.connect();
    client.ask("GET k\r\nPEXPIRETIME k\r\nSELECT 3\r\n", "$1\r\nv\r\n:33177117420000\r\n+OK\r\n");
    client.ask("LRANGE l 0 -1\r\nGET lost\r\n", "*2\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n");
    client.ask("SET later 1\r\nBGSAVE\r\n", "+OK\r\n+Background saving started\r\n");
    server.wait_for_line("DB saved on disk");
    client.ask(
        "CONFIG SET dbfilename no/such/dump.rdb\r\n",
        "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config\r\n",
    );
    client.send("SHUTDOWN NOSAVE\r\n");
    assert!(server.child.wait().unwrap().success());
    // A damaged file is refused and left alone.
    let file = dir.join("dump.rdb");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, &bytes).unwrap();
    let run = output(&[&args[..], &["--port", "0", "--unixsocket", dir.join("s").to_str().unwrap()]].concat());
    assert!(!run.status.success(), "{run:?}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_unix_socket_serves_too_and_is_removed_at_the_end() {
    let path = std::env::temp_dir().join(format!("tabdis-{}.sock", std::process::id()));
    let mut server = Server::start(&["--unixsocket", path.to_str().unwrap(), "--unixsocketperm", "700"]);
    let mut client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    client.write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    assert!(server.child.wait().unwrap().success());
    assert!(!path.exists());
}

/// A folder that is removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tabdis-server-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn users_of_the_configuration_file_are_there_and_rewritten() {
    let folder = Folder::new("users");
    let file = folder.file("redis.conf");
    let text = "save \"\"\n# mine\nuser default on nopass ~* &* +@all -flushdb\nuser alice on >secret (~a +get) ( ~b +set )\nuser bob on\n";
    std::fs::write(&file, text).unwrap();
    let server = Server::start(&[&file]);
    let mut client = server.connect();
    client.ask("FLUSHDB\r\n", "-NOPERM this user has no permissions to run the 'flushdb' command\r\n");
    client.ask("ACL DRYRUN alice GET a\r\n", "+OK\r\n");
    client.ask("ACL DELUSER bob\r\n", ":1\r\n");
    client.ask("ACL SETUSER carl on nopass ~a\"b +get\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n");
    let mut client = server.connect();
    client.ask("ACL SETUSER carl on nopass '~a\"b' +get\r\n", "+OK\r\n");
    client.ask("CONFIG REWRITE\r\n", "+OK\r\n");
    drop(server);
    let rewritten = folder.read("redis.conf");
    assert!(rewritten.contains("# mine\nuser "), "{rewritten}");
    assert_eq!(rewritten.lines().filter(|line| line.starts_with("user ")).count(), 3, "{rewritten}");
    assert!(!rewritten.contains("user bob"), "{rewritten}");
    let server = Server::start(&[&file]);
    let mut client = server.connect();
    client.ask("FLUSHDB\r\n", "-NOPERM this user has no permissions to run the 'flushdb' command\r\n");
    client.ask("ACL DRYRUN alice SET b 1\r\n", "+OK\r\n");
    client.ask("AUTH alice secret\r\n", "+OK\r\n");
    client.ask("AUTH carl x\r\nGET 'a\"b'\r\n", "+OK\r\n$-1\r\n");
}

#[test]
fn the_acl_file_is_loaded_saved_and_checked() {
    let folder = Folder::new("aclfile");
    let file = folder.file("users.acl");
    std::fs::write(&file, "user alice on nopass ~* +@all").unwrap();
    let args = ["--save", "", "--aclfile", &file];
    let server = Server::start(&args);
    let mut client = server.connect();
    client.ask("AUTH alice x\r\nACL SETUSER bob on nopass\r\nACL SAVE\r\n", "+OK\r\n+OK\r\n+OK\r\n");
    let saved = "user alice on nopass sanitize-payload ~* resetchannels +@all\n\
                 user bob on nopass sanitize-payload resetchannels -@all\nuser default on nopass sanitize-payload ~* &* +@all\n";
    assert_eq!(folder.read("users.acl"), saved);
    std::fs::write(&file, "user alice on nopass ~* +@all\nuser default off\nuser alice on").unwrap();
    client.ask(
        "ACL LOAD\r\n",
        "-ERR WARNING: Duplicate user 'alice' found on line 3. WARNING: ACL errors detected, no change to the previously active ACL \
         rules was performed\r\n",
    );
    std::fs::write(&file, "user alice on nopass ~* +@all\nuser default off\n").unwrap();
    client.ask("ACL LOAD\r\nACL WHOAMI\r\n", "+OK\r\n$5\r\nalice\r\n");
    server.connect().ask("PING\r\n", "-NOAUTH Authentication required.\r\n");
    drop(server);
    for (args, text) in [
        (
            &["--aclfile", "/no/such/file"][..],
            "Error loading ACLs, opening file '/no/such/file': No such file or directory",
        ),
        (
            &["--aclfile", &file, "--user", "x", "on"],
            "defined in redis.conf and at the same setting an ACL file path is invalid",
        ),
        (&["--user", "x", "--user", "x"], "Error in user declaration 'x': Duplicate user found."),
        (&["--user", "x", "+nosuch"], "Error in user declaration 'x': Unknown command or category name in ACL"),
    ] {
        let run = output(args);
        let said = [run.stdout, run.stderr].concat();
        assert!(
            !run.status.success() && String::from_utf8_lossy(&said).contains(text),
            "{}",
            String::from_utf8_lossy(&said)
        );
    }
}

#[test]
fn a_stranger_that_reads_nothing_is_cut_off() {
    let server = Server::start(&["--save", "", "--requirepass", "secret"]);
    let mut stranger = server.connect();
    stranger.ask("SET x 5\r\n", "-NOAUTH Authentication required.\r\n");
    let request = "SET x 5\r\n".repeat(1000);
    let sent = (0..10_000).take_while(|_| stranger.0.write_all(request.as_bytes()).is_ok()).count();
    assert!(sent < 10_000, "it could go on for ever");
    let mut friend = server.connect();
    friend.ask("AUTH secret\r\nPING\r\n", "+OK\r\n+PONG\r\n");
}

/// Writes a file of the folder. Returns its path.
fn write(folder: &Folder, name: &str, text: &str) -> String {
    let path = folder.file(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_bad_line_of_the_config_file_is_shown_and_ends_the_start() {
    let folder = Folder::new("badline");
    for (text, want) in [
        ("# fine\nfoo bar\n", "at line 2\n>>> 'foo bar'\nBad directive or wrong number of arguments"),
        ("maxmemory \"1\n", "at line 1\n>>> 'maxmemory \"1'\nUnbalanced quotes in configuration line"),
        ("port 1 2\n", "at line 1\n>>> 'port 1 2'\nwrong number of arguments"),
        ("hz ten\n", "argument couldn't be parsed into an integer"),
        ("rename-command nothing x\n", "No such command in rename-command"),
    ] {
        let run = output(&[&write(&folder, "redis.conf", text)]);
        let error = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{error}");
        assert!(error.contains("*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***"), "{error}");
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn a_config_file_includes_others_and_is_rewritten_with_its_comments() {
    let folder = Folder::new("rewrite");
    let included = write(&folder, "more.conf", "hz 20\n");
    let file = write(&folder, "redis.conf", &format!("# mine\ntimeout 5\ninclude {included}\nsave 900 1\n"));
    let server = Server::start(&[&file, "--dir", &folder.0.to_string_lossy(), "--save", "60", "5"]);
    let mut client = server.connect();
    client.ask("CONFIG GET hz\r\n", "*2\r\n$2\r\nhz\r\n$2\r\n20\r\n");
    client.ask("CONFIG GET save\r\n", "*2\r\n$4\r\nsave\r\n$10\r\n900 1 60 5\r\n");
    client.ask("CONFIG SET timeout 7 maxmemory 2mb save \"\"\r\n", "+OK\r\n");
    client.ask("CONFIG REWRITE\r\n", "+OK\r\n");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&format!("# mine\ntimeout 7\ninclude {included}\nsave \"\"\n")), "{text}");
    assert!(text.contains("# Generated by CONFIG REWRITE\n") && text.contains("\nmaxmemory 2mb\n"), "{text}");
}

#[test]
fn the_port_moves_while_the_server_runs_and_stays_if_it_cannot() {
    let mut server = Server::start(&["--save", ""]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = server.connect();
    let taken = taken.local_addr().unwrap().port();
    client.ask(
        format!("CONFIG SET maxmemory 1gb port {taken}\r\n"),
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.\r\n",
    );
    client.ask("CONFIG GET maxmemory\r\n", "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n");
    server.connect().ask("PING\r\n", "+PONG\r\n");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    client.ask(format!("CONFIG SET port {free}\r\n"), "+OK\r\n");
    server.port = free;
    server.connect().ask("PING\r\n", "+PONG\r\n");
}

#[test]
fn a_broken_snapshot_file_ends_the_start_and_is_left_alone() {
    let folder = Folder::new("broken");
    for (bytes, want) in [("REDIS0011\u{1}", "Short read or OOM loading DB"), ("nothing", "Fatal error loading the DB")]
    {
        let path = write(&folder, "dump.rdb", bytes);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let run = output(&["--dir", &folder.0.to_string_lossy(), "--port", &port.to_string()]);
        let log = String::from_utf8_lossy(&run.stdout).into_owned();
        assert_eq!(run.status.code(), Some(1), "{log}");
        assert!(log.contains(want), "{log}");
        assert_eq!(std::fs::read(path).unwrap(), bytes.as_bytes());
    }
}

#[test]
fn a_shutdown_that_cannot_save_is_refused_unless_forced() {
    let folder = Folder::new("shutdown");
    std::fs::create_dir_all(folder.0.join("dump.rdb/x")).unwrap();
    let mut server = Server::start(&["--enable-protected-configs", "yes", "--save", "900 1"]);
    let mut client = server.connect();
    // Nothing can be saved where a folder has the name.
    client.ask(format!("CONFIG SET dir {}\r\n", folder.0.display()), "+OK\r\n");
    client.ask("SHUTDOWN\r\n", "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    client.ask("SAVE\r\n", "-ERR\r\n");
    client.ask("PING\r\n", "+PONG\r\n");
    client.send("SHUTDOWN FORCE\r\n");
    server.wait_for_line("bye bye");
}
