//! Reading the ids of streams: whole, in part, to be made, and as the ends of a range.

use crate::ds::stream::Id;
use crate::engine::Error;

/// What XADD is told about the id of a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`: the time, or what follows the last id.
    Auto,
    /// `ms-*`: the next number in that millisecond.
    InMs(u64),
    /// This one.
    Given(Id),
}

/// Returns the id that `text` spells: `ms-seq`, or `ms` alone with `seq` for the rest.
pub(super) fn id(text: &[u8], seq: u64) -> Result<Id, Error> {
    match text.iter().position(|byte| *byte == b'-').map(|at| text.split_at(at)) {
        None => Ok(Id::new(number(text)?, seq)),
        Some((ms, rest)) => Ok(Id::new(number(ms)?, number(&rest[1..])?)),
    }
}

/// Returns what `text` says about a new id.
pub(super) fn new_id(text: &[u8]) -> Result<NewId, Error> {
    match text {
        b"*" => Ok(NewId::Auto),
        [ms @ .., b'-', b'*'] if !ms.contains(&b'-') => number(ms).map(NewId::InMs),
        _ => id(text, 0).map(NewId::Given),
    }
}

/// Returns the id that begins a range: `-`, `+`, an id, or `(` and the id before it.
pub(super) fn start(text: &[u8]) -> Result<Id, Error> {
    match text {
        [b'(', text @ ..] => id(text, 0)?.next().ok_or(Error::IntervalStart),
        _ => end_or_id(text, 0),
    }
}

/// Returns the id that ends a range: `-`, `+`, an id, or `(` and the id after it.
pub(super) fn end(text: &[u8]) -> Result<Id, Error> {
    match text {
        [b'(', text @ ..] => id(text, u64::MAX)?.prev().ok_or(Error::IntervalEnd),
        _ => end_or_id(text, u64::MAX),
    }
}

/// Returns the id that `text` spells, `-` for the first and `+` for the last there can be.
pub(super) fn end_or_id(text: &[u8], seq: u64) -> Result<Id, Error> {
    match text {
        b"-" => Ok(Id::MIN),
        b"+" => Ok(Id::MAX),
        _ => id(text, seq),
    }
}

/// Returns the number that `text` spells as C's `strtoull` reads it, signs and spaces before it included, which is what Redis
/// falls back to. A negative number in its plain form is refused all the same.
fn number(text: &[u8]) -> Result<u64, Error> {
    if text.len() > 127 || crate::base::num::parse_i64(text).is_some_and(|n| n < 0) {
        return Err(Error::StreamId);
    }
    let at = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r')).unwrap_or(text.len());
    let (digits, negative) = match &text[at..] {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] => (digits, false),
        digits => (digits, false),
    };
    if digits.is_empty() {
        return Err(Error::StreamId);
    }
    let n = digits.iter().try_fold(0u64, |n, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    });
    let n = n.ok_or(Error::StreamId)?;
    Ok(if negative { n.wrapping_neg() } else { n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        for (text, want) in [
            ("5-1", Some((5, 1))),
            ("5", Some((5, 9))),
            ("007-01", Some((7, 1))),
            (" +5-+3", Some((5, 3))),
            ("8- -5", Some((8, u64::MAX - 4))),
            ("8--05", Some((8, u64::MAX - 4))),
            ("8--5", None),
            ("18446744073709551615-18446744073709551615", Some((u64::MAX, u64::MAX))),
            ("18446744073709551616", None),
            ("8-", None),
            ("-5", None),
            ("8- ", None),
            ("10-1 ", None),
            ("0x5", None),
            ("", None),
            ("-", None),
            ("*", None),
        ] {
            assert_eq!(id(text.as_bytes(), 9).ok(), want.map(|(ms, seq)| Id::new(ms, seq)), "{text}");
        }
        assert_eq!(new_id(b"7-*"), Ok(NewId::InMs(7)));
        assert_eq!(new_id(b"7-**"), Err(Error::StreamId));
        assert_eq!(start(b"(5-1"), Ok(Id::new(5, 2)));
        assert_eq!(end(b"(5"), Ok(Id::new(5, u64::MAX - 1)));
        assert_eq!(start(b"(18446744073709551615-18446744073709551615"), Err(Error::IntervalStart));
        assert_eq!(end(b"(0-0"), Err(Error::IntervalEnd));
        assert_eq!((start(b"(-"), end(b"+")), (Err(Error::StreamId), Ok(Id::MAX)));
    }
}
