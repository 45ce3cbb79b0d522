//! The stream under a WebSocket: a socket that is read no faster than it may, with or without TLS around it.

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

/// How many of something one may have: so many for each ms, saved up to some limit.
#[derive(Debug)]
pub(super) struct Bucket {
    per_ms: usize,
    most: usize,
    level: usize,
    at_ms: u64,
}

/// One that is empty is used again when it has filled for so long, ms.
pub(super) const REST_MS: u64 = 10;

impl Bucket {
    /// Returns a full one.
    pub(super) fn new(per_ms: usize, most: usize, now: u64) -> Self {
        Bucket { per_ms, most, level: most, at_ms: now }
    }

    /// How much is in it: nothing if it is too little to be of use.
    pub(super) fn level(&mut self, now: u64) -> usize {
        let ms = now.saturating_sub(self.at_ms);
        self.at_ms = now;
        let fresh = usize::try_from(ms).unwrap_or(usize::MAX).saturating_mul(self.per_ms);
        self.level = self.level.saturating_add(fresh).min(self.most);
        if self.level < self.per_ms * REST_MS as usize { 0 } else { self.level }
    }

    pub(super) fn spend(&mut self, amount: usize) {
        self.level = self.level.saturating_sub(amount);
    }
}

/// A socket that says it has nothing when no more may be read from it.
pub(super) struct Metered {
    stream: TcpStream,
    /// So many bytes may still be read,
    pub(super) allowance: usize,
    /// so many were,
    pub(super) taken: usize,
    /// and there may be more.
    pub(super) is_cut: bool,
}

impl Read for Metered {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.allowance == 0 {
            self.is_cut = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let most = buf.len().min(self.allowance);
        let n = retried(|| self.stream.read(&mut buf[..most]))?;
        self.allowance -= n;
        self.taken += n;
        Ok(n)
    }
}

impl Write for Metered {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        retried(|| self.stream.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn retried(mut act: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match act() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Either kind of stream.
pub(super) enum Wire {
    Plain(Metered),
    Tls(Box<StreamOwned<ServerConnection, Metered>>),
}

impl Wire {
    /// Fails if TLS cannot begin.
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Result<Self, rustls::Error> {
        let metered = Metered { stream, allowance: 0, taken: 0, is_cut: false };
        Ok(match tls {
            None => Wire::Plain(metered),
            Some(config) => Wire::Tls(Box::new(StreamOwned::new(ServerConnection::new(config.clone())?, metered))),
        })
    }

    pub(super) fn metered(&mut self) -> &mut Metered {
        match self {
            Wire::Plain(metered) => metered,
            Wire::Tls(tls) => &mut tls.sock,
        }
    }

    /// Says that nothing more will be written. What the other end still sends has to be read, or the system takes back what was
    /// written and not read yet.
    pub(super) fn finish(&mut self) {
        if let Wire::Tls(tls) = self {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        // It may be gone already.
        let _ = self.metered().stream.shutdown(Shutdown::Write);
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(metered) => metered.read(buf),
            Wire::Tls(tls) => tls.read(buf),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = match self {
            Wire::Plain(metered) => metered.write(buf),
            Wire::Tls(tls) => tls.write(buf),
        }?;
        // TLS takes nothing while it holds too much that is not written: to others that is an end.
        if written == 0 && !buf.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(written) }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(_) => Ok(()),
            Wire::Tls(tls) => tls.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_with_time_and_not_over_its_brim() {
        let mut bucket = Bucket::new(10, 1000, 5);
        assert_eq!(bucket.level(5), 1000);
        bucket.spend(1000);
        assert_eq!(bucket.level(5), 0);
        // Too little to be of use.
        assert_eq!(bucket.level(14), 0);
        assert_eq!(bucket.level(15), 100);
        assert_eq!(bucket.level(u64::MAX), 1000);
    }
}
