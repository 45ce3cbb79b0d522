//! The port for browsers from the outside: who gets in, who does not, what they are told, and what the log keeps to itself.
#![cfg(all(feature = "server", not(target_family = "wasm")))]

use ring::hmac;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tabdis::resp::encode::command;
use tabdis::resp::parse::Parser;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

const SECRET: &str = "a secret of at least 32 bytes, as it has to be";
const TOKEN: &str = "a-token-for-development";
const ORIGIN: &str = "https://app.example";

/// A folder of its own, removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tabdis-ws-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let folder = Folder(path);
        folder.write("secret", format!("{SECRET}\n"));
        folder.write("token", format!("{TOKEN}\n"));
        folder
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with a port for browsers, killed when the test ends.
struct Server {
    child: Child,
    log: BufReader<ChildStdout>,
    /// All lines so far.
    lines: String,
    port: u16,
    ws_port: u16,
    folder: Folder,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tabdis-server"))
}

/// Ports that are free now; the time until the server takes them is short.
fn free_ports() -> (u16, u16) {
    let bind = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (a, b) = (bind(), bind());
    (a.local_addr().unwrap().port(), b.local_addr().unwrap().port())
}

impl Server {
    /// Starts one that takes the token and JWTs, from pages of [`ORIGIN`].
    fn start(args: &[&str]) -> Server {
        Server::start_in(Folder::new(), args)
    }

    fn start_in(folder: Folder, args: &[&str]) -> Server {
        let (port, ws_port) = free_ports();
        let mut child = program()
            .args(["--port", &port.to_string(), "--ws-port", &ws_port.to_string(), "--dir", folder.0.to_str().unwrap()])
            .args(["--save", "", "--loglevel", "debug", "--ws-origins", ORIGIN])
            .args(["--ws-token-file", "token", "--ws-jwt-secret-file", "secret"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, log, lines: String::new(), port, ws_port, folder };
        server.wait_for_line("Ready to accept connections websocket");
        server
    }

    fn wait_for_line(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the server ended before saying {text:?}: {}", self.lines);
            self.lines.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.ws_port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Opens a WebSocket as a page of `origin` would.
    fn open(&self, path: &str, origin: Option<&str>) -> Result<Peer<TcpStream>, u16> {
        let mut request = format!("ws://127.0.0.1:{}{path}", self.ws_port).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().unwrap());
        }
        match tungstenite::client(request, self.stream()) {
            Ok((socket, _)) => Ok(Peer(socket)),
            Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    fn peer(&self) -> Peer<TcpStream> {
        self.open("/", Some(ORIGIN)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The browser's end.
struct Peer<S>(WebSocket<S>);

impl<S: Read + Write> Peer<S> {
    fn hello(&mut self, token: &str) {
        self.say(&[b"tabdis", b"1", b"HELLO", b"tab-1", b"*", token.as_bytes()]);
    }

    fn say(&mut self, argv: &[&[u8]]) {
        let mut bytes = Vec::new();
        command(&mut bytes, argv);
        self.0.send(Message::binary(bytes)).unwrap();
    }

    /// Reads to the end. Returns why it was refused, and the code it was closed with.
    fn end(&mut self) -> (Option<String>, Option<CloseCode>) {
        let (mut why, mut code) = (None, None);
        loop {
            match self.0.read() {
                Ok(Message::Binary(bytes)) => why = refused(&bytes).or(why),
                Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code),
                Ok(_) => {}
                Err(Error::ConnectionClosed) => return (why, code),
                Err(error) => panic!("{error} after {why:?}"),
            }
        }
    }

    fn expect_refusal(&mut self, want: &str) {
        assert_eq!(self.end(), (Some(want.to_string()), Some(CloseCode::Policy)));
    }

    /// Asks whether it is still connected, and waits for the answer.
    fn expect_pong(&mut self) {
        self.0.send(Message::Ping("x".into())).unwrap();
        while self.0.read().unwrap() != Message::Pong("x".into()) {}
    }
}

/// Why a frame says that one is refused, if it does.
fn refused(bytes: &[u8]) -> Option<String> {
    let mut parser = Parser::trusted();
    match parser.next(bytes).ok()??.argv()[..] {
        [b"tabdis", b"1", b"REFUSED", b"server", b"*", why] => Some(String::from_utf8(why.to_vec()).unwrap()),
        _ => None,
    }
}

/// Base64 as JWTs have it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for piece in bytes.chunks(3) {
        let bits = piece.iter().chain([&0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        (0..=piece.len()).for_each(|n| text.push(LETTERS[bits >> (18 - 6 * n) & 63] as char));
    }
    text
}

/// A JWT for `user` that expires in so many seconds.
fn jwt(user: &str, seconds: i64) -> String {
    let claims = format!("{{\"sub\":\"{user}\",\"exp\":{}}}", now_s() + seconds);
    let message = format!("{}.{}", base64(br#"{"alg":"HS256","typ":"JWT"}"#), base64(claims.as_bytes()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
    format!("{message}.{}", base64(tag.as_ref()))
}

fn now_s() -> i64 {
    (tabdis::server::log::now_ms() / 1000) as i64
}

/// What a server that does not start has to say.
fn output(folder: &Folder, args: &[&str]) -> String {
    let (port, ws_port) = free_ports();
    let Output { status, stdout, stderr } = program()
        .args(["--port", &port.to_string(), "--ws-port", &ws_port.to_string(), "--dir", folder.0.to_str().unwrap()])
        .args(args)
        .output()
        .unwrap();
    assert!(!status.success(), "{args:?}");
    String::from_utf8_lossy(&[stderr, stdout].concat()).into_owned()
}

#[test]
fn what_is_not_safe_does_not_start() {
    let folder = Folder::new();
    folder.write("short", "short");
    folder.write("empty", "\n");
    folder.write("key", "no key");
    for (args, want) in [
        (&[][..], "ws-port needs a way to check tokens"),
        (&["--ws-token-file", "token", "--ws-bind", "0.0.0.0"], "is for development"),
        (&["--ws-jwt-secret-file", "secret", "--ws-bind", "0.0.0.0", "--ws-origins", "*"], "name the origins"),
        (&["--ws-jwt-secret-file", "nowhere"], "ws-jwt-secret-file nowhere: No such file"),
        (&["--ws-jwt-secret-file", "short"], "at least 32 bytes"),
        (&["--ws-jwt-public-key-file", "key"], "no public key"),
        (&["--ws-token-file", "empty"], "it is empty"),
        (&["--ws-token-file", "token", "--ws-tls-cert", "cert"], "need each other"),
        (&["--ws-token-file", "token", "--ws-tls-cert", "key", "--ws-tls-key", "key"], "no certificate"),
        (&["--ws-jwt-secret", SECRET], "Bad directive"),
        (&["--ws-origins", "app.example"], "is no origin"),
    ] {
        let said = output(&folder, args);
        assert!(said.contains(want), "{args:?}: {said}");
    }
}

#[test]
fn pages_of_other_origins_and_queries_get_no_websocket() {
    let server = Server::start(&[]);
    assert_eq!(server.open("/", Some("https://evil.example")).err(), Some(403));
    assert_eq!(server.open("/", Some("null")).err(), Some(403));
    assert_eq!(server.open(&format!("/?token={TOKEN}"), Some(ORIGIN)).err(), Some(400));
    assert!(server.open("/some/path", Some(ORIGIN)).is_ok());
    assert!(server.open("/", None).is_ok());
}

#[test]
fn who_shows_a_token_joins() {
    let mut server = Server::start(&["--user", "alice", "on", "nopass", "~*", "&*", "+@all"]);
    let mut fixed = server.peer();
    fixed.hello(TOKEN);
    assert!(server.wait_for_line("joined as").contains("joined as tab-1, user default"));
    let mut signed = server.peer();
    signed.hello(&jwt("alice", 60));
    assert!(server.wait_for_line("joined as").contains("joined as tab-1, user alice"));
    fixed.expect_pong();
    signed.expect_pong();
    fixed.0.close(None).unwrap();
    assert_eq!(fixed.end(), (None, None));
    server.wait_for_line("gone: closed");
    signed.expect_pong();
}

#[test]
fn tokens_that_are_none_are_refused() {
    let server = Server::start(&[]);
    let none = format!(
        "{}.{}.",
        base64(br#"{"alg":"none"}"#),
        base64(format!("{{\"sub\":\"default\",\"exp\":{}}}", now_s() + 60).as_bytes())
    );
    for (token, want) in [
        ("", "the token is not valid"),
        ("garbage", "the token is not valid"),
        (&none, "the token is not valid"),
        (&jwt("default", -5), "the token has expired"),
        (&jwt("default", 60)[1..], "the token is not valid"),
    ] {
        let mut peer = server.peer();
        peer.hello(token);
        peer.expect_refusal(want);
    }
}

#[test]
fn a_user_that_does_not_exist_is_refused() {
    let server = Server::start(&[]);
    let mut peer = server.peer();
    peer.hello(&jwt("nobody", 60));
    let (why, code) = peer.end();
    assert!(why.is_some());
    assert_eq!(code, Some(CloseCode::Policy));
}

#[test]
fn a_connection_ends_with_its_token() {
    let mut server = Server::start(&[]);
    let mut peer = server.peer();
    peer.hello(&jwt("default", 2));
    server.wait_for_line("joined as");
    peer.expect_refusal("the token has expired");
}

#[test]
fn the_first_message_is_a_hello_of_this_version() {
    let server = Server::start(&[]);
    for (first, want) in [
        (&[&b"tabdis"[..], b"1", b"PING", b"tab-1", b"*"][..], "the first message has to be a HELLO"),
        (&[b"GET", b"k"], "the first message has to be a HELLO"),
        (&[b"tabdis", b"9", b"HELLO", b"tab-1", b"*", TOKEN.as_bytes()], "version 9 is not understood, but 1"),
    ] {
        let mut peer = server.peer();
        peer.say(first);
        peer.expect_refusal(want);
    }
}

#[test]
fn text_and_messages_that_are_too_long_are_refused() {
    let mut server = Server::start(&["--ws-max-message", "100kb"]);
    let mut peer = server.peer();
    peer.0.send(Message::text("HELLO")).unwrap();
    peer.expect_refusal("text messages are not understood");

    let mut peer = server.peer();
    peer.0.send(Message::binary(vec![b'x'; (64 << 10) + 1])).unwrap();
    peer.expect_refusal("the message is too long");

    let mut peer = server.peer();
    peer.hello(TOKEN);
    server.wait_for_line("joined as");
    peer.0.send(Message::binary(vec![b'x'; (100 << 10) + 1])).unwrap();
    peer.expect_refusal("the message is too long");
}

#[test]
fn who_is_silent_is_ended() {
    let mut server = Server::start(&["--ws-handshake-timeout", "300"]);
    // Before the upgrade, within it, and after it.
    let mut silent = server.stream();
    assert_eq!(silent.read(&mut [0; 16]).unwrap(), 0);
    let mut half = server.stream();
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(half.read(&mut [0; 16]).unwrap(), 0);
    server.peer().expect_refusal("no HELLO came in time");
    // Who has joined may be.
    let mut peer = server.peer();
    peer.hello(TOKEN);
    server.wait_for_line("joined as");
    std::thread::sleep(Duration::from_millis(700));
    peer.expect_pong();
}

#[test]
fn strangers_of_one_address_are_not_too_many() {
    let server = Server::start(&["--ws-max-peers", "100"]);
    let strangers: Vec<_> = (0..64).map(|_| server.stream()).collect();
    let mut one_more = server.stream();
    assert_eq!(one_more.read(&mut [0; 16]).unwrap_or(0), 0);
    drop(strangers);
    // It takes a moment until it is seen that they are gone.
    let again = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        let request = format!("ws://127.0.0.1:{}/", server.ws_port);
        tungstenite::client(request, server.stream()).ok()
    });
    assert!(again.is_some());
}

#[test]
fn there_are_at_most_so_many() {
    let mut server = Server::start(&["--ws-max-peers", "1"]);
    let mut peer = server.peer();
    peer.hello(TOKEN);
    server.wait_for_line("joined as");
    assert_eq!(server.stream().read(&mut [0; 16]).unwrap_or(0), 0);
    peer.expect_pong();
}

#[test]
fn who_sends_too_fast_waits_and_loses_nothing() {
    let mut server = Server::start(&[]);
    let mut peer = server.peer();
    // More messages than can be saved up.
    let count = 90_000;
    peer.hello(TOKEN);
    server.wait_for_line("joined as");
    let mut writer = peer.0.get_ref().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        // Questions come in a row as well.
        writer.write_all(&[0x89, 0x80, 0, 0, 0, 0].repeat(1000)).unwrap();
        // A pong without a question, masked with zeros: it is heard, and not answered.
        let pongs = [0x8a, 0x80, 0, 0, 0, 0].repeat(1000);
        (0..count / 1000).for_each(|_| writer.write_all(&pongs).unwrap());
    });
    sender.join().unwrap();
    peer.expect_pong();
}

#[test]
fn a_server_that_stops_says_so() {
    let mut server = Server::start(&[]);
    let mut peer = server.peer();
    peer.hello(TOKEN);
    server.wait_for_line("joined as");
    TcpStream::connect(("127.0.0.1", server.port)).unwrap().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    assert_eq!(peer.end(), (None, Some(CloseCode::Away)));
    server.wait_for_line("bye bye");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn browsers_wait_until_everything_is_loaded() {
    let folder = Folder::new();
    let mut log = Vec::new();
    for n in 0..200 {
        command(&mut log, &[b"SET", format!("key:{n}").as_bytes(), b"x"]);
    }
    std::fs::create_dir(folder.0.join("appendonlydir")).unwrap();
    folder.write("appendonlydir/appendonly.aof.1.incr.aof", log);
    folder.write("appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.incr.aof seq 1 type i\n");
    let mut server = Server::start_in(folder, &["--appendonly", "yes", "--key-load-delay", "1000"]);
    let mut peer = server.peer();
    peer.hello(TOKEN);
    server.wait_for_line("joined as");
    let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    client.write_all(b"SET k v\r\nBGREWRITEAOF\r\nSET k w\r\nDEBUG LOADAOF\r\nDBSIZE\r\n").unwrap();
    let mut lines = BufReader::new(client).lines().map(Result::unwrap);
    assert_eq!(lines.find(|line| line.starts_with(':')).as_deref(), Some(":201"));
    peer.expect_pong();
}

#[test]
fn the_log_says_no_secrets() {
    let mut server = Server::start(&[]);
    let good = jwt("default", 60);
    let bad = format!("{}x", jwt("default", 70));
    server.open(&format!("/?token={good}"), Some(ORIGIN)).err().unwrap();
    for token in [TOKEN, &good, &bad] {
        let mut peer = server.peer();
        peer.hello(token);
        server.wait_for_line(if token == bad { "refused" } else { "joined as" });
    }
    let mut peer = server.peer();
    peer.say(&[b"tabdis", b"1", b"HELLO", b"a\r\nforged line", b"*", TOKEN.as_bytes()]);
    TcpStream::connect(("127.0.0.1", server.port)).unwrap().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    server.wait_for_line("bye bye");
    for secret in [SECRET, TOKEN, &good, &bad, "\nforged line"] {
        assert!(!server.lines.contains(secret), "{secret}: {}", server.lines);
    }
    assert!(server.folder.0.exists());
}

#[test]
fn tls_encrypts_and_nothing_else_is_heard() {
    let folder = Folder::new();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
    folder.write("cert.pem", made.cert.pem());
    folder.write("key.pem", made.signing_key.serialize_pem());
    let mut server = Server::start_in(folder, &["--ws-tls-cert", "cert.pem", "--ws-tls-key", "key.pem"]);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let connect = || {
        let name = "localhost".try_into().unwrap();
        let tls = rustls::ClientConnection::new(config.clone(), name).unwrap();
        let stream = rustls::StreamOwned::new(tls, server.stream());
        let mut request = "wss://localhost/".into_client_request().unwrap();
        request.headers_mut().insert("Origin", ORIGIN.parse().unwrap());
        Peer(tungstenite::client(request, stream).unwrap().0)
    };
    let (mut good, mut bad) = (connect(), connect());
    bad.hello("garbage");
    bad.expect_refusal("the token is not valid");
    good.hello(TOKEN);
    server.wait_for_line("joined as");
    good.expect_pong();

    let mut plain = server.stream();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    good.expect_pong();
}
