//! Reading a command's arguments in order. Every method answers Redis's error when the argument is not what it must be.

use super::error::Error;
use crate::base::ld80::Ld80;
use crate::base::num;

/// A cursor over the arguments that follow the name.
#[derive(Clone)]
pub struct Args<'a> {
    argv: &'a [&'a [u8]],
    at: usize,
}

impl<'a> Args<'a> {
    /// Reads `argv` from position `at` on.
    pub fn from(argv: &'a [&'a [u8]], at: usize) -> Self {
        Args { argv, at }
    }

    /// Whether arguments are left.
    pub fn more(&self) -> bool {
        self.at < self.argv.len()
    }

    /// How many arguments are left.
    pub fn left(&self) -> usize {
        self.argv.len().saturating_sub(self.at)
    }

    /// The next argument without taking it.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.argv.get(self.at).copied()
    }

    /// Takes the next argument. Fails with a syntax error if there is none.
    #[expect(clippy::should_implement_trait, reason = "it fails instead of ending")]
    pub fn next(&mut self) -> Result<&'a [u8], Error> {
        let arg = self.peek().ok_or(Error::Syntax)?;
        self.at += 1;
        Ok(arg)
    }

    /// Takes the next argument if it is `word` in any case.
    pub fn word(&mut self, word: &str) -> bool {
        let hit = self.peek().is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
        self.at += usize::from(hit);
        hit
    }

    /// Takes the next argument as an integer. Fails if it is none, or does not fit 64 bits.
    #[inline]
    pub fn int(&mut self) -> Result<i64, Error> {
        int(self.next()?)
    }

    /// Takes the next argument as a float. Fails if it is none, or NaN.
    pub fn float(&mut self) -> Result<f64, Error> {
        num::parse_f64(self.next()?).ok_or(Error::NotFloat)
    }

    /// Takes `n` arguments. Fails with a syntax error if there are fewer.
    pub fn take(&mut self, n: usize) -> Result<&'a [&'a [u8]], Error> {
        let taken = self.argv.get(self.at..self.at.saturating_add(n)).ok_or(Error::Syntax)?;
        self.at += n;
        Ok(taken)
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'a [&'a [u8]] {
        let rest = &self.argv[self.at.min(self.argv.len())..];
        self.at = self.argv.len();
        rest
    }

    /// Fails with a syntax error if anything is left.
    pub fn end(&self) -> Result<(), Error> {
        if self.more() { Err(Error::Syntax) } else { Ok(()) }
    }
}

/// Returns the integer in `arg`, or Redis's error for a value that is none.
#[inline]
pub fn int(arg: &[u8]) -> Result<i64, Error> {
    num::parse_i64(arg).ok_or(Error::NotInteger)
}

/// Returns the integer in `arg` if it is within `range`, and `error` in every other case, no integer at all included.
pub fn int_within(arg: &[u8], range: std::ops::RangeInclusive<i64>, error: Error) -> Result<i64, Error> {
    num::parse_i64(arg).filter(|n| range.contains(n)).ok_or(error)
}

/// Returns the ms of a wait that `arg` gives in seconds, rounded up; 0 is for ever. Fails if it is no float, negative, or ends
/// (counted from `now`) beyond the end of time.
pub fn timeout_ms(arg: &[u8], now: u64) -> Result<u64, Error> {
    let seconds = num::parse_f64(arg).or_else(|| beyond_f64(arg)).ok_or(Error::TimeoutNotFloat)?;
    let ms = (seconds * 1000.0).ceil();
    if ms >= i64::MAX as f64 {
        return Err(Error::TimeoutOutOfRange);
    }
    let ms = u64::try_from(ms as i64).map_err(|_| Error::NegativeTimeout)?;
    if now.saturating_add(ms) > i64::MAX as u64 { Err(Error::TimeoutOutOfRange) } else { Ok(ms) }
}

/// Returns what stands for a number that only a long double can hold, which is what Redis reads a timeout as: one far too large,
/// or one that is just not zero.
fn beyond_f64(text: &[u8]) -> Option<f64> {
    let tiny = Ld80::parse(text)?.to_text().trim_start_matches('-') == "0";
    let size = if tiny { f64::MIN_POSITIVE } else { f64::INFINITY };
    Some(if text.starts_with(b"-") { -size } else { size })
}
