//! Taking the atoms of the format from bytes that may not all have arrived: numbers, lengths, strings.

use super::{RdbError, lzf};
use crate::base::num::{NumBuf, fmt_i64};
use std::borrow::Cow;

/// Why nothing was taken.
#[derive(Debug, PartialEq)]
pub(super) enum Stop {
    /// The bytes end in it.
    More,
    /// It cannot be right.
    Bad(RdbError),
}

impl From<RdbError> for Stop {
    fn from(error: RdbError) -> Self {
        Stop::Bad(error)
    }
}

pub(super) fn corrupt<T>(what: &'static str) -> Result<T, Stop> {
    Err(Stop::Bad(RdbError::Corrupt(what)))
}

/// A place in bytes.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// After [`Stop::More`]: how many bytes there have to be at least.
    pub(super) wanted: usize,
}

/// What a length can be instead: an encoding of a string.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Cursor { bytes, at, wanted: 0 }
    }

    /// How many bytes follow.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], Stop> {
        let Ok(count) = usize::try_from(count) else { return corrupt("a length is beyond all memory") };
        let Some(taken) = self.bytes[self.at..].get(..count) else { return self.lack(count) };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let Some(taken) = self.bytes[self.at..].first_chunk::<N>() else { return self.lack(N) };
        self.at += N;
        Ok(*taken)
    }

    #[cold]
    fn lack<T>(&mut self, count: usize) -> Result<T, Stop> {
        self.wanted = self.at.saturating_add(count);
        Err(Stop::More)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, Stop> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        self.array().map(u64::from_le_bytes)
    }

    /// A score as eight bytes, or as text with its length: in old files.
    pub(super) fn score(&mut self, binary: bool) -> Result<f64, Stop> {
        let score = if binary {
            f64::from_bits(self.u64()?)
        } else {
            match self.u8()? {
                253 => f64::NAN,
                254 => f64::INFINITY,
                255 => f64::NEG_INFINITY,
                len => match crate::base::num::parse_f64(self.take(u64::from(len))?) {
                    Some(score) => score,
                    None => return corrupt("a score is no number"),
                },
            }
        };
        if score.is_nan() { corrupt("a score is not a number") } else { Ok(score) }
    }

    pub(super) fn len(&mut self) -> Result<u64, Stop> {
        match self.length()? {
            Length::Plain(len) => Ok(len),
            Length::Special(_) => corrupt("a string stands where a length is due"),
        }
    }

    #[inline]
    fn length(&mut self) -> Result<Length, Stop> {
        let first = self.u8()?;
        Ok(match first >> 6 {
            0 => Length::Plain(u64::from(first)),
            1 => Length::Plain(u64::from(first & 0x3F) << 8 | u64::from(self.u8()?)),
            3 => Length::Special(first & 0x3F),
            _ => match first {
                0x80 => Length::Plain(u64::from(self.array().map(u32::from_be_bytes)?)),
                0x81 => Length::Plain(self.array().map(u64::from_be_bytes)?),
                _ => return corrupt("unknown length encoding"),
            },
        })
    }

    /// A string; its bytes where they stand if they are not encoded.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, Stop> {
        match self.length()? {
            Length::Plain(len) => self.take(len).map(Cow::Borrowed),
            Length::Special(encoding) => self.encoded(encoding).map(Cow::Owned),
        }
    }

    fn encoded(&mut self, encoding: u8) -> Result<Vec<u8>, Stop> {
        let n = match encoding {
            0 => i64::from(self.array().map(i8::from_le_bytes)?),
            1 => i64::from(self.array().map(i16::from_le_bytes)?),
            2 => i64::from(self.array().map(i32::from_le_bytes)?),
            3 => {
                let (packed, len) = (self.len()?, self.len()?);
                let packed = self.take(packed)?;
                let text = usize::try_from(len).ok().and_then(|len| lzf::decompress(packed, len));
                return text.ok_or(Stop::Bad(RdbError::Corrupt("a compressed string")));
            }
            _ => return corrupt("unknown string encoding"),
        };
        let mut buf: NumBuf = [0; 40];
        Ok(fmt_i64(n, &mut buf).to_vec())
    }
}
