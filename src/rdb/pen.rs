//! Writing the parts of a file: lengths, integers, strings; a long string in pieces.

use super::lzf::Compressor;
use crate::base::num::{fmt_i64, parse_i64};
use crate::ds::listpack::Elem;

/// What a string or a number counts besides its bytes when [`Pen::room`] is measured.
pub(super) const EACH: usize = 32;
/// Strings longer than this are written in pieces, and not compressed: LZF, whose length goes before it, would have to be done
/// at once, and takes about 4 ms for a megabyte in a browser.
const AT_ONCE: usize = 256 << 10;

/// Writes into memory until it has done enough.
pub(super) struct Pen {
    /// What is written.
    pub(super) out: Vec<u8>,
    /// What compresses, and where to: the length goes before the bytes.
    lzf: Option<(Compressor, Vec<u8>)>,
    /// How much may still be done before it is enough: bytes, and [`EACH`] for everything.
    pub(super) room: usize,
    /// How much of the string that is begun is written; 0 if none is.
    pub(super) offset: usize,
    at_once: usize,
}

impl Pen {
    /// Returns a pen with room for anything; with `whole`, one that compresses strings of any length.
    pub(super) fn new(compress: bool, whole: bool) -> Self {
        let at_once = if whole { usize::MAX } else { AT_ONCE };
        Pen { out: Vec::new(), lzf: compress.then(Default::default), room: usize::MAX, offset: 0, at_once }
    }

    /// Whether enough is done. If not, something is done now.
    #[inline]
    pub(super) fn is_full(&mut self) -> bool {
        let full = self.room == 0;
        self.room = self.room.saturating_sub(EACH);
        full
    }

    /// Writes an element as it is. Returns whether that was all of it; if not, it is to be written again.
    #[inline]
    pub(super) fn elem(&mut self, elem: Elem) -> bool {
        match elem {
            Elem::Int(n) if put_int(&mut self.out, n) => true,
            Elem::Int(n) => self.raw(fmt_i64(n, &mut [0; 40])),
            Elem::Str(text) => self.string(text),
        }
    }

    /// Writes a string: as an integer if it is a short one. Returns whether that was all of it.
    #[inline]
    pub(super) fn string(&mut self, text: &[u8]) -> bool {
        if text.len() <= 11
            && let Some(n) = parse_i64(text)
            && put_int(&mut self.out, n)
        {
            return true;
        }
        self.raw(text)
    }

    /// Writes a string as it is, compressed if that pays. Returns whether that was all of it.
    #[inline]
    pub(super) fn raw(&mut self, text: &[u8]) -> bool {
        if text.len() > self.at_once {
            return self.piece(text);
        }
        self.room = self.room.saturating_sub(text.len());
        if text.len() > 20
            && let Some((lzf, packed)) = &mut self.lzf
        {
            packed.clear();
            if lzf.compress(text, packed, 4) {
                self.out.push(0xC3);
                put_len(&mut self.out, packed.len() as u64);
                put_len(&mut self.out, text.len() as u64);
                self.out.extend_from_slice(packed);
                return true;
            }
        }
        put_len(&mut self.out, text.len() as u64);
        self.out.extend_from_slice(text);
        true
    }

    /// Writes as much of a string as there is room for, and something at least.
    #[cold]
    fn piece(&mut self, text: &[u8]) -> bool {
        if self.offset == 0 {
            put_len(&mut self.out, text.len() as u64);
        }
        let rest = &text[self.offset..];
        let piece = &rest[..rest.len().min(self.room.max(EACH))];
        self.out.extend_from_slice(piece);
        self.room = self.room.saturating_sub(piece.len());
        self.offset += piece.len();
        let whole = self.offset == text.len();
        if whole {
            self.offset = 0;
        }
        whole
    }

    /// Whether a string of so many bytes is written at once. If not, writes its length; its bytes follow with [`Pen::plain`].
    pub(super) fn begin(&mut self, len: usize) -> bool {
        let at_once = len <= self.at_once;
        if !at_once {
            self.len(len as u64);
        }
        at_once
    }

    /// Writes bytes and nothing before them.
    pub(super) fn plain(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.room = self.room.saturating_sub(bytes.len());
    }

    #[inline]
    pub(super) fn len(&mut self, len: u64) {
        put_len(&mut self.out, len);
    }

    #[inline]
    pub(super) fn u64(&mut self, n: u64) {
        self.out.extend_from_slice(&n.to_le_bytes());
    }
}

/// Writes an integer that fits 32 bits in its shortest form. Returns whether it does.
#[inline]
fn put_int(out: &mut Vec<u8>, n: i64) -> bool {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[0xC0, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        let [a, b] = n.to_le_bytes();
        out.extend_from_slice(&[0xC1, a, b]);
    } else if let Ok(n) = i32::try_from(n) {
        let [a, b, c, d] = n.to_le_bytes();
        out.extend_from_slice(&[0xC2, a, b, c, d]);
    } else {
        return false;
    }
    true
}

#[inline]
fn put_len(out: &mut Vec<u8>, len: u64) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]),
        0x4000..=0xFFFF_FFFF => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}
