//! One connection: bytes in, commands to the engine, replies out.

use crate::engine::{Engine, Error, SessionId};
use crate::resp::parse::{Parser, ProtocolError};
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};

/// How much is read at once; the size of an idle connection's buffer.
const CHUNK: usize = 16 << 10;
/// Output a client may leave unread before it is closed: Redis's hard limit for subscribers. Others have no limit there either,
/// but a client that sends requests is not read on while more than this waits.
const OUTPUT_LIMIT: usize = 32 << 20;
/// Buffers larger than this are given back when they are empty.
const KEEP: usize = 256 << 10;

/// Either kind of stream.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) fn tcp(stream: TcpStream) -> Self {
        // Replies are written in one piece; waiting for more only delays them.
        let _ = stream.set_nodelay(true);
        Stream::Tcp(stream)
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(s) => registry.register(s, token, interest),
            Stream::Unix(s) => registry.register(s, token, interest),
        }
    }

    pub(super) fn deregister(&mut self, registry: &Registry) {
        // The descriptor is closed right after; a failure here changes nothing.
        let _ = match self {
            Stream::Tcp(s) => registry.deregister(s),
            Stream::Unix(s) => registry.deregister(s),
        };
    }

    /// Has the operating system ask every so many seconds whether the other end is still there; 0 for never.
    pub(super) fn keep_alive(&self, seconds: u64) {
        let Stream::Tcp(stream) = self else { return };
        if seconds > 0 {
            let every = std::time::Duration::from_secs(seconds);
            // As Redis does it: three questions, a third of the time apart.
            let keepalive = socket2::TcpKeepalive::new()
                .with_time(every)
                .with_interval((every / 3).max(std::time::Duration::from_secs(1)));
            // It only finds out earlier what it would find out anyhow.
            let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
        }
    }

    pub(super) fn local_address(&self) -> Option<String> {
        match self {
            Stream::Tcp(s) => s.local_addr().ok().map(|a| a.to_string()),
            Stream::Unix(_) => None,
        }
    }

    /// Says why there is no service, and closes.
    pub(super) fn refuse(&mut self, text: &[u8]) {
        let _ = self.write(text);
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.read(buf),
            Stream::Unix(s) => s.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.write(buf),
            Stream::Unix(s) => s.write(buf),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One client's connection and the session behind it.
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) session: SessionId,
    /// Bytes received are `input[at..end]`; before them what is done with, after them room. The room stays initialised, so that
    /// a read clears nothing.
    input: Vec<u8>,
    at: usize,
    end: usize,
    parser: Parser,
    /// Output not yet written, from `sent` on.
    output: Vec<u8>,
    sent: usize,
    /// The stream took everything so far.
    pub(super) writable: bool,
    /// The stream is at its end, or the client broke the protocol: write what there is, then close.
    pub(super) broken: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, session: SessionId) -> Self {
        Connection {
            stream,
            session,
            input: Vec::new(),
            at: 0,
            end: 0,
            parser: Parser::default(),
            output: Vec::new(),
            sent: 0,
            writable: true,
            broken: false,
        }
    }

    /// Whether bytes wait to be parsed.
    pub(super) fn has_input(&self) -> bool {
        self.at < self.end
    }

    /// Reads what there is, to the end if it is `closed`, as far as `limit` bytes of unparsed input allow. Returns whether there is something to parse.
    pub(super) fn read(&mut self, limit: usize, closed: bool) -> bool {
        if self.broken {
            return false;
        }
        self.compact();
        loop {
            if self.end >= limit {
                self.broken = true;
                return false;
            }
            if self.end == self.input.len() {
                self.input.resize((self.end * 2).max(CHUNK), 0);
            }
            let room = self.input.len() - self.end;
            match self.stream.read(&mut self.input[self.end..]) {
                Ok(0) => self.broken = true,
                Ok(n) => {
                    self.end += n;
                    // Readiness is reported by edges, so everything must be read; a short read was everything, but for the end.
                    if n == room || closed {
                        continue;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.broken = true,
            }
            break;
        }
        self.has_input()
    }

    /// Drops what is parsed.
    fn compact(&mut self) {
        if self.at == self.end {
            self.end = 0;
            if self.input.len() > KEEP {
                self.input = Vec::new();
            }
        } else if self.at > 0 {
            self.input.copy_within(self.at..self.end, 0);
            self.end -= self.at;
        }
        self.at = 0;
    }

    /// Runs the complete commands of the buffer, until one waits, one says goodbye, or the client does not read its replies. Returns
    /// whether it stopped because the host was asked for something; then there may be more.
    pub(super) fn serve(&mut self, engine: &mut Engine, now: u64) -> bool {
        self.parser.limits.bulk = engine.server.config.proto_max_bulk_len as i64;
        while self.has_input() {
            let Some(session) = engine.sessions.get(self.session) else { break };
            if session.wait.is_some() || session.closing || session.out.bytes().len() + self.output.len() > OUTPUT_LIMIT
            {
                break;
            }
            self.parser.trusted = session.authenticated;
            let frame = match self.parser.next(&self.input[self.at..self.end]) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    self.protocol_error(engine, error);
                    break;
                }
            };
            let consumed = frame.consumed;
            engine.call(self.session, &frame.argv(), now);
            self.at += consumed;
            if engine.has_requests() {
                return true;
            }
        }
        false
    }

    /// Answers that the bytes are no commands; the connection is closed after that.
    fn protocol_error(&mut self, engine: &mut Engine, error: ProtocolError) {
        if let Some(session) = engine.sessions.get_mut(self.session) {
            session.out.error(&Error::new(format!("ERR {error}")));
        }
        self.at = self.end;
        self.broken = true;
    }

    /// Writes what the session put out, as far as the stream takes it. Returns false when the connection is over.
    pub(super) fn write(&mut self, engine: &mut Engine) -> bool {
        let Some(session) = engine.sessions.get_mut(self.session) else { return false };
        let out = session.out.bytes_mut();
        if self.output.is_empty() {
            std::mem::swap(&mut self.output, out);
        } else {
            self.output.append(out);
        }
        let (subscriber, closing) = (session.subscriptions() > 0, session.closing || self.broken);
        while self.writable && self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(_) => return false,
            }
        }
        let left = self.output.len() - self.sent;
        if left == 0 {
            self.output.clear();
            self.sent = 0;
            if self.output.capacity() > KEEP {
                self.output = Vec::new();
            }
        } else if self.sent > KEEP {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        // At the end of the stream there may still be commands that wait behind a blocked one: nobody is there to read them.
        let over = if left == 0 { closing } else { subscriber && left > OUTPUT_LIMIT };
        !over
    }
}
