//! The reply a command writes: one buffer, in the format its session speaks.

use super::error::Error;
use crate::base::num::{NumBuf, fmt_f64};
use crate::ds::listpack::Elem;
use crate::resp::encode;

/// What a session reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// RESP2: no maps, sets, doubles or booleans.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
    /// RESP3's types in binary, for a reader in the same process: the tag byte of RESP3, then a little-endian `u32`
    /// length or count (`i64` for `:`, `f64` for `,`, one byte for `#`), then the bytes. Parsing text cost 1.3–1.5× there.
    Native,
}

/// The output of one session. Aggregates announce their length first; where it is not known, see [`Reply::open`].
#[derive(Debug, Default)]
pub struct Reply {
    buf: Vec<u8>,
    proto: Proto,
}

/// The place of an aggregate whose length comes later.
#[derive(Clone, Copy, Debug)]
#[must_use = "an aggregate that is opened must be closed"]
pub struct Open {
    at: usize,
    tag: u8,
}

impl Reply {
    /// Returns an empty reply in `proto`.
    pub fn new(proto: Proto) -> Self {
        Reply { buf: Vec::new(), proto }
    }

    /// The format in use.
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Changes the format of what is written from here on.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// Whether maps, sets, doubles… have a form of their own here.
    pub fn is_resp3(&self) -> bool {
        self.proto != Proto::Resp2
    }

    /// The bytes written so far.
    pub fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// How large the buffer is.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// The bytes, for a host that drains them.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Where the next byte goes; [`Reply::rewind`] returns here.
    pub fn mark(&self) -> usize {
        self.buf.len()
    }

    /// Forgets everything after `mark`.
    pub fn rewind(&mut self, mark: usize) {
        self.buf.truncate(mark);
    }

    /// Appends what another reply of the same format holds.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// `+OK`
    pub fn ok(&mut self) {
        self.simple("OK");
    }

    /// A status line.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error line.
    pub fn error(&mut self, error: &Error) {
        self.line(b'-', error.text().as_bytes());
    }

    #[inline]
    fn line(&mut self, tag: u8, text: &[u8]) {
        match self.proto {
            Proto::Native => self.blob(tag, text),
            _ => encode::line(&mut self.buf, tag, text),
        }
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        match self.proto {
            Proto::Native => {
                self.buf.push(b':');
                self.buf.extend_from_slice(&n.to_le_bytes());
            }
            _ => encode::header(&mut self.buf, b':', n),
        }
    }

    /// A count as an integer.
    #[inline]
    pub fn len(&mut self, n: usize) {
        self.int(n as i64);
    }

    /// A byte string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        match self.proto {
            Proto::Native => self.blob(b'$', bytes),
            _ => encode::bulk(&mut self.buf, bytes),
        }
    }

    /// A stored element as a byte string.
    #[inline]
    pub fn elem(&mut self, elem: Elem<'_>) {
        match elem {
            Elem::Str(bytes) => self.bulk(bytes),
            Elem::Int(n) => self.bulk(crate::base::num::fmt_i64(n, &mut [0; 40])),
        }
    }

    /// A byte string or, for `None`, null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Null where a string was asked for: `$-1` in RESP2.
    pub fn null(&mut self) {
        match self.proto {
            Proto::Resp2 => self.buf.extend_from_slice(b"$-1\r\n"),
            Proto::Resp3 => self.buf.extend_from_slice(b"_\r\n"),
            Proto::Native => self.buf.push(b'_'),
        }
    }

    /// Null where an array was asked for: `*-1` in RESP2.
    pub fn null_array(&mut self) {
        match self.proto {
            Proto::Resp2 => self.buf.extend_from_slice(b"*-1\r\n"),
            _ => self.null(),
        }
    }

    /// A float: RESP3's double, RESP2's shortest text.
    pub fn double(&mut self, v: f64) {
        let mut buf: NumBuf = [0; 40];
        match self.proto {
            Proto::Resp2 => self.bulk(fmt_f64(v, &mut buf)),
            Proto::Resp3 => encode::line(&mut self.buf, b',', fmt_f64(v, &mut buf)),
            Proto::Native => {
                self.buf.push(b',');
                self.buf.extend_from_slice(&v.to_le_bytes());
            }
        }
    }

    /// A float with 17 digits after the point, without the zeros at its end: how coordinates are printed.
    pub fn human_double(&mut self, v: f64) {
        let text = format!("{v:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        match self.proto {
            Proto::Resp2 => self.bulk(text.as_bytes()),
            Proto::Resp3 => encode::line(&mut self.buf, b',', text.as_bytes()),
            Proto::Native => self.double(v),
        }
    }

    /// A boolean: 1 or 0 in RESP2.
    pub fn bool(&mut self, v: bool) {
        match self.proto {
            Proto::Resp2 => self.int(i64::from(v)),
            Proto::Resp3 => self.buf.extend_from_slice(if v { b"#t\r\n" } else { b"#f\r\n" }),
            Proto::Native => self.buf.extend_from_slice(&[b'#', u8::from(v)]),
        }
    }

    /// Text for people with its format (`txt`, `mkd`): a plain string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3);
        if self.proto == Proto::Resp2 {
            return self.bulk(text);
        }
        let body = [format.as_bytes(), b":", text].concat();
        match self.proto {
            Proto::Native => self.blob(b'=', &body),
            _ => {
                encode::header(&mut self.buf, b'=', body.len() as i64);
                self.buf.extend_from_slice(&body);
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// An integer of any size, as its decimal text.
    pub fn big_number(&mut self, text: &str) {
        match self.proto {
            Proto::Resp2 => self.bulk(text.as_bytes()),
            _ => self.line(b'(', text.as_bytes()),
        }
    }

    /// The head of an array of `n` replies.
    pub fn array(&mut self, n: usize) {
        self.head(b'*', n);
    }

    /// The head of a map of `n` pairs: an array of 2 × `n` in RESP2.
    pub fn map(&mut self, n: usize) {
        if self.is_resp3() { self.head(b'%', n) } else { self.head(b'*', n * 2) }
    }

    /// The head of a set of `n` replies: an array in RESP2.
    pub fn set(&mut self, n: usize) {
        self.head(if self.is_resp3() { b'~' } else { b'*' }, n);
    }

    /// The head of an out-of-band message of `n` parts: an array in RESP2.
    pub fn push(&mut self, n: usize) {
        self.head(if self.is_resp3() { b'>' } else { b'*' }, n);
    }

    /// The head of `n` pairs about the reply that follows, which only RESP3 has; nothing (and `false`) elsewhere.
    pub fn attribute(&mut self, n: usize) -> bool {
        if self.proto == Proto::Resp3 {
            self.head(b'|', n);
        }
        self.proto == Proto::Resp3
    }

    #[inline]
    fn head(&mut self, tag: u8, n: usize) {
        match self.proto {
            Proto::Native => {
                self.buf.push(tag);
                self.buf.extend_from_slice(&(n as u32).to_le_bytes());
            }
            _ => encode::header(&mut self.buf, tag, n as i64),
        }
    }

    fn blob(&mut self, tag: u8, bytes: &[u8]) {
        self.buf.push(tag);
        self.buf.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.buf.extend_from_slice(bytes);
    }

    /// Begins an array whose length is not known yet.
    pub fn open_array(&mut self) -> Open {
        self.open(b'*')
    }

    /// Begins a map whose length is not known yet; close it with the number of pairs.
    pub fn open_map(&mut self) -> Open {
        self.open(b'%')
    }

    /// Begins a set whose length is not known yet.
    pub fn open_set(&mut self) -> Open {
        self.open(b'~')
    }

    fn open(&mut self, tag: u8) -> Open {
        let at = self.buf.len();
        if self.proto == Proto::Native {
            self.head(tag, 0);
        }
        Open { at, tag }
    }

    /// Ends a map of `n` pairs that are written as arrays of two where there are no maps.
    pub fn close_pairs(&mut self, open: Open, n: usize) {
        let tag = if self.proto == Proto::Resp2 { b'*' } else { open.tag };
        self.close(Open { tag, ..open }, n);
    }

    /// Ends an aggregate: writes its head, with `n` elements (pairs for a map), where it began.
    pub fn close(&mut self, open: Open, n: usize) {
        match self.proto {
            Proto::Native => self.buf[open.at + 1..open.at + 5].copy_from_slice(&(n as u32).to_le_bytes()),
            proto => {
                let (tag, n) = match (open.tag, proto) {
                    (b'%', Proto::Resp2) => (b'*', n * 2),
                    (_, Proto::Resp2) => (b'*', n),
                    (tag, _) => (tag, n),
                };
                let mut head = Vec::with_capacity(16);
                encode::header(&mut head, tag, n as i64);
                self.buf.splice(open.at..open.at, head);
            }
        }
    }
}

/// The text of the first error among replies in the format `proto`, also of one within an aggregate.
pub fn first_error(proto: Proto, replies: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
    let mut rest = replies;
    // What an aggregate holds follows its head, so that nothing need be remembered of it.
    while let [tag, tail @ ..] = rest {
        let blob = match (proto, tag) {
            (Proto::Native, b'$' | b'+' | b'-' | b'=' | b'(') => {
                let (len, tail) = tail.split_first_chunk()?;
                Some(tail.split_at_checked(u32::from_le_bytes(*len) as usize)?)
            }
            (Proto::Native, b':' | b',') => Some((&[][..], tail.get(8..)?)),
            (Proto::Native, b'#') => Some((&[][..], tail.get(1..)?)),
            (Proto::Native, b'_') => Some((&[][..], tail)),
            (Proto::Native, _) => Some((&[][..], tail.get(4..)?)),
            (_, tag) => {
                let end = tail.windows(2).position(|two| two == b"\r\n")?;
                let (line, tail) = (&tail[..end], &tail[end + 2..]);
                match tag {
                    b'$' | b'=' => {
                        let len = crate::base::num::parse_i64(line)?;
                        let skip = usize::try_from(len).map_or(0, |len| len + 2);
                        Some((&[][..], tail.get(skip..)?))
                    }
                    _ => Some((line, tail)),
                }
            }
        };
        let (bytes, tail) = blob?;
        if *tag == b'-' {
            return text(bytes);
        }
        rest = tail;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_form() {
        let write = |proto| {
            let mut r = Reply::new(proto);
            let open = r.open_map();
            r.bulk(b"k");
            r.double(1.5);
            r.close(open, 1);
            r.null_array();
            r.bool(true);
            r.simple("a\r\nb");
            r.bytes().to_vec()
        };
        assert_eq!(write(Proto::Resp2), b"*2\r\n$1\r\nk\r\n$3\r\n1.5\r\n*-1\r\n:1\r\n+a  b\r\n");
        assert_eq!(write(Proto::Resp3), b"%1\r\n$1\r\nk\r\n,1.5\r\n_\r\n#t\r\n+a  b\r\n");
        assert_eq!(write(Proto::Native), b"%\x01\0\0\0$\x01\0\0\0k,\0\0\0\0\0\0\xf8\x3f_#\x01+\x04\0\0\0a\r\nb");
    }

    #[test]
    fn the_first_error_is_found_wherever_it_is() {
        for proto in [Proto::Resp2, Proto::Resp3, Proto::Native] {
            let mut r = Reply::new(proto);
            r.array(5);
            r.bulk(b"-not this\r\n-nor this");
            r.int(-7);
            r.null();
            r.double(1.5);
            r.bool(true);
            assert_eq!(first_error(proto, r.bytes()), None, "{proto:?}");
            r.array(2);
            r.ok();
            r.error(&Error::WrongType);
            r.error(&Error::NoLeader);
            assert_eq!(first_error(proto, r.bytes()).as_deref(), Some(Error::WrongType.text()), "{proto:?}");
            for end in 0..r.bytes().len() {
                first_error(proto, &r.bytes()[..end]);
            }
        }
    }
}
