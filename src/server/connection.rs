//! One connection: bytes in, commands to the engine, replies out.

use crate::engine::clients::ReplyBuffers;
use crate::engine::{Engine, Error, SessionId};
use crate::resp::parse::{Parser, ProtocolError};
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};

/// How much is read at once; the size of an idle connection's buffer.
const CHUNK: usize = 16 << 10;
/// A client that sends requests is not read on while more output than this waits.
const OUTPUT_LIMIT: usize = 32 << 20;
/// Output buffers larger than this are given back when they are empty: what a thousand clients were told of evicted keys must
/// not keep so much memory that more keys are evicted. Redis's own buffer has this size too.
const KEEP: usize = 16 << 10;
/// So much that was sent is cut off the front of what is left.
const SENT_CUT: usize = 256 << 10;
/// Larger input buffers are made smaller when they are not used.
const LARGE_INPUT: usize = 32 << 10;
/// Output that may wait for a client that has not been let in yet.
const STRANGERS_OUTPUT: usize = 4 << 10;
/// Output buffers are never made smaller than this.
const SMALL_OUTPUT: usize = 1 << 10;
/// Input buffers of clients that are silent for so long, ms, are given back.
const IDLE_MS: u64 = 2000;

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
    /// It was let in once; a stranger gets little output.
    known: bool,
    /// The last read may not have been the last.
    pub(super) more: bool,
    /// The most that was in it since the last look.
    input_peak: usize,
    /// Output not yet written, from `sent` on.
    output: Vec<u8>,
    sent: usize,
    /// The most that was in it since `output_peak_at`, ms since the epoch.
    output_peak: usize,
    output_peak_at: u64,
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
            known: false,
            more: false,
            input_peak: 0,
            output: Vec::with_capacity(SMALL_OUTPUT),
            sent: 0,
            output_peak: 0,
            output_peak_at: 0,
            writable: true,
            broken: false,
        }
    }

    /// Whether bytes wait to be parsed.
    pub(super) fn has_input(&self) -> bool {
        self.at < self.end
    }

    /// Reads as much as the buffer has room for, and makes it larger if it is full. Returns whether there is something to parse;
    /// [`Connection::more`] says whether there may be more to read after that. Readiness is reported by edges, so everything must be
    /// read: a short read was everything, but for the end of a stream that is `closed`.
    pub(super) fn read(&mut self, engine: &mut Engine, closed: bool) -> bool {
        self.more = false;
        if self.broken {
            return false;
        }
        self.compact();
        self.grow();
        let room = self.input.len() - self.end;
        engine.server.meter.reads += 1;
        match self.stream.read(&mut self.input[self.end..]) {
            Ok(0) => self.broken = true,
            Ok(n) => {
                self.end += n;
                self.more = n == room || closed;
                engine.server.meter.bytes_in += n as u64;
                if let Some(session) = engine.sessions.get_mut(self.session) {
                    session.bytes_in += n as u64;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.more = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.broken = true,
        }
        self.input_peak = self.input_peak.max(self.end);
        if self.end.saturating_sub(self.parser.parsed()) > engine.server.config.query_buffer_limit {
            (self.broken, self.more) = (true, false);
            engine.sessions.input_cuts += 1;
            return false;
        }
        self.has_input()
    }

    /// Makes room to read into: what there is of it, or, where there is none, as much again.
    fn grow(&mut self) {
        if self.end == self.input.len() {
            let room = self.input.capacity();
            let size = if room > self.end { room.min(self.end * 2) } else { self.end * 2 }.max(CHUNK);
            self.input.reserve_exact(size - self.end);
            self.input.resize(size, 0);
        }
    }

    /// Drops what is parsed.
    fn compact(&mut self) {
        if self.at == self.end {
            self.end = 0;
        } else if self.at > 0 {
            self.input.copy_within(self.at..self.end, 0);
            self.end -= self.at;
        }
        self.at = 0;
    }

    /// Makes buffers smaller that were not used lately, and says how large they are. To be called ten times a second.
    pub(super) fn cron(&mut self, engine: &mut Engine, now: u64) {
        let Some(session) = engine.sessions.get_mut(self.session) else { return };
        let silent = now.saturating_sub(session.active_ms) > IDLE_MS;
        if self.at == self.end && silent {
            (self.at, self.end, self.input) = (0, 0, Vec::new());
        } else if self.input.capacity() > LARGE_INPUT
            && self.input.capacity() / 2 > self.input_peak.max(self.parser.wanted())
        {
            self.compact();
            self.input.truncate(self.input_peak.max(CHUNK));
            self.input.shrink_to_fit();
        }
        self.input_peak = self.end;
        if self.shrink_output(session.out.bytes_mut(), &engine.server.reply_buffers, now) {
            engine.server.meter.reply_shrinks += 1;
        }
        self.note(engine);
    }

    /// Halves an output buffer of which less than half was used lately. Returns whether it did.
    fn shrink_output(&mut self, other: &mut Vec<u8>, rules: &ReplyBuffers, now: u64) -> bool {
        let size = self.output.capacity().max(other.capacity());
        let shrinks = rules.resizing && size > SMALL_OUTPUT && self.output_peak < size / 2;
        if shrinks {
            let target = (size / 2).max(SMALL_OUTPUT);
            self.output.shrink_to(target);
            other.shrink_to(target);
        }
        if rules.peak_reset_ms.is_some_and(|ms| now.saturating_sub(self.output_peak_at) > ms) {
            (self.output_peak, self.output_peak_at) = (self.output.len() - self.sent, now);
        }
        shrinks
    }

    /// Tells the engine how much memory the buffers take.
    fn note(&self, engine: &mut Engine) {
        engine.buffers(self.session, |buffers| {
            buffers.query = (self.end - self.at).saturating_sub(self.parser.parsed());
            buffers.query_free = self.input.capacity() - buffers.query;
            buffers.pending = self.output.len() - self.sent;
            buffers.reply = self.output.capacity();
            buffers.reply_peak = self.output_peak;
        });
    }

    /// Runs the complete commands of the buffer, until one waits, one says goodbye, or the client does not read its replies. Returns
    /// whether it stopped because the host was asked for something; then there may be more.
    pub(super) fn serve(&mut self, engine: &mut Engine, now: u64) -> bool {
        self.parser.limits.bulk = engine.server.config.proto_max_bulk_len as i64;
        self.note(engine);
        let asked = self.serve_all(engine, now);
        self.note(engine);
        asked
    }

    fn serve_all(&mut self, engine: &mut Engine, now: u64) -> bool {
        while self.has_input() {
            let Some(session) = engine.sessions.get_mut(self.session) else { break };
            session.buffers.query = self.end - self.at;
            if session.wait.is_some() || session.closing || session.out.bytes().len() + self.output.len() > OUTPUT_LIMIT
            {
                break;
            }
            self.parser.trusted = !engine.server.acl.needs_password(session.who);
            self.known |= self.parser.trusted;
            let frame = match self.parser.next(&self.input[self.at..self.end]) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.make_room(engine.server.config.query_buffer_limit);
                    break;
                }
                Err(error) => {
                    self.protocol_error(engine, error);
                    break;
                }
            };
            let consumed = frame.consumed;
            engine.server.meter.commands += 1;
            engine.call(self.session, &frame.argv(), now);
            self.at += consumed;
            if engine.has_requests() {
                return true;
            }
        }
        false
    }

    /// Makes room for the whole of a large argument, so that the buffer need not grow while it arrives. The memory is not touched before
    /// the bytes come.
    fn make_room(&mut self, limit: usize) {
        // A little more, so that it is seen that nothing follows.
        let wanted = self.parser.wanted().min(limit).saturating_add(SMALL_OUTPUT);
        if wanted > LARGE_INPUT && self.at + wanted > self.input.capacity() {
            self.compact();
            self.input.truncate(self.end);
            self.input.reserve_exact(wanted - self.end);
        }
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
        if session.cut {
            return false;
        }
        let out = session.out.bytes_mut();
        if out.is_empty() && self.output.is_empty() {
            return !(session.closing || self.broken);
        }
        if self.output.is_empty() {
            std::mem::swap(&mut self.output, out);
        } else {
            self.output.append(out);
        }
        let closing = session.closing || self.broken;
        let before = self.sent;
        self.output_peak = self.output_peak.max(self.output.len() - self.sent);
        while self.writable && self.sent < self.output.len() {
            engine.server.meter.writes += 1;
            match self.stream.write(&self.output[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(_) => return false,
            }
        }
        let (left, written) = (self.output.len() - self.sent, (self.sent - before) as u64);
        engine.server.meter.bytes_out += written;
        session.bytes_out += written;
        if left == 0 {
            self.output.clear();
            self.sent = 0;
            if self.output.capacity() > KEEP {
                self.output = Vec::new();
            }
        } else if self.sent > SENT_CUT {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        self.note(engine);
        // Who has not been let in is refused in a few words: one that does not read them must not fill the memory.
        if !self.known && left > STRANGERS_OUTPUT {
            return false;
        }
        // At the end of the stream there may still be commands that wait behind a blocked one: nobody is there to read them.
        !(left == 0 && closing)
    }
}
