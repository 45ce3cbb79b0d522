//! What SCAN, HSCAN, SSCAN and ZSCAN share: the cursor, the options, the shape of the reply.

use crate::base::glob;
use crate::base::num::fmt_i64;
use crate::engine::{Args, Error, Reply};

/// Returns the cursor that `arg` spells. Fails with `invalid cursor` unless it is an integer of 64 bits; like C's `strtoul`,
/// an empty text is 0 and a sign is allowed.
pub fn cursor(arg: &[u8]) -> Result<u64, Error> {
    let (digits, negative) = match arg {
        [b'-', rest @ ..] => (rest, true),
        [b'+', rest @ ..] => (rest, false),
        _ => (arg, false),
    };
    if (digits.is_empty() && !arg.is_empty()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::InvalidCursor);
    }
    let value = digits.iter().try_fold(0u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(d - b'0')));
    value.map(|n| if negative { n.wrapping_neg() } else { n }).ok_or(Error::InvalidCursor)
}

/// What is scanned, because it decides which options there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The keys of a database: `TYPE` is allowed.
    Keys,
    /// A hash: `NOVALUES` is allowed.
    Hash,
    /// A set.
    Members,
    /// A sorted set: `NOSCORES` is allowed.
    Scores,
}

/// The options of a scan.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// `COUNT`: about how many elements to visit.
    pub count: usize,
    /// `MATCH`; `None` when everything matches.
    pub pattern: Option<&'a [u8]>,
    /// `TYPE`: the name of a type in any case; a name that is none matches nothing.
    pub kind: Option<&'a [u8]>,
    /// `NOVALUES`, or `NOSCORES` of a sorted set.
    pub no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Takes all arguments that are left. For a key's elements, Redis looks the key up first: a missing one answers the empty
    /// scan, whatever the options.
    pub fn parse(args: &mut Args<'a>, scanned: Scanned) -> Result<Self, Error> {
        let mut options = ScanOptions { count: 10, pattern: None, kind: None, no_values: false };
        while args.more() {
            let pair = args.left() >= 2;
            if pair && args.word("COUNT") {
                let count = args.int()?;
                if count < 1 {
                    return Err(Error::Syntax);
                }
                options.count = usize::try_from(count).unwrap_or(usize::MAX);
            } else if pair && args.word("MATCH") {
                options.pattern = Some(args.next()?).filter(|pattern| *pattern != b"*");
            } else if pair && scanned == Scanned::Keys && args.word("TYPE") {
                options.kind = Some(args.next()?);
            } else if args.word("NOVALUES") {
                if scanned != Scanned::Hash {
                    return Err(Error::NoValuesWithoutHscan);
                }
                options.no_values = true;
            } else if args.word("NOSCORES") {
                if scanned != Scanned::Scores {
                    return Err(Error::NoScoresWithoutZscan);
                }
                options.no_values = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    /// Whether `text` matches the pattern.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, text))
    }

    /// Whether a type of this name is wanted.
    pub fn wants(&self, kind: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.as_bytes()))
    }
}

/// Writes `[next cursor, [element…]]`: `walk` writes the elements and returns the next cursor and how many it wrote.
pub fn reply(out: &mut Reply, walk: impl FnOnce(&mut Reply) -> (u64, usize)) {
    let mut elements = Reply::new(out.proto());
    let (next, count) = walk(&mut elements);
    out.array(2);
    match i64::try_from(next) {
        Ok(next) => out.bulk(fmt_i64(next, &mut [0; 40])),
        Err(_) => out.bulk(next.to_string().as_bytes()),
    }
    out.array(count);
    out.raw(elements.bytes());
}

/// What a scan of a missing key answers.
pub fn reply_empty(out: &mut Reply) {
    reply(out, |_| (0, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_parse_as_c_does() {
        for (text, want) in
            [("", 0), ("0", 0), ("007", 7), ("18446744073709551615", u64::MAX), ("-1", u64::MAX), ("+1", 1)]
        {
            assert_eq!(cursor(text.as_bytes()), Ok(want), "{text}");
        }
        for bad in [" 1", "1 ", "x", "-", "18446744073709551616", "1x"] {
            assert_eq!(cursor(bad.as_bytes()), Err(Error::InvalidCursor), "{bad}");
        }
    }

    #[test]
    fn options_depend_on_what_is_scanned() {
        let parse = |line: &'static str, scanned| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            ScanOptions::parse(&mut Args::from(&words, 0), scanned).map(|o| (o.count, o.pattern.is_some(), o.no_values))
        };
        assert_eq!(parse("count 5 MATCH a*", Scanned::Members), Ok((5, true, false)));
        assert_eq!(parse("NOVALUES MATCH *", Scanned::Hash), Ok((10, false, true)));
        assert_eq!(parse("NOVALUES", Scanned::Keys), Err(Error::NoValuesWithoutHscan));
        assert_eq!(parse("NOSCORES", Scanned::Scores), Ok((10, false, true)));
        assert_eq!(parse("NOSCORES", Scanned::Hash), Err(Error::NoScoresWithoutZscan));
        assert_eq!(parse("COUNT 0", Scanned::Keys), Err(Error::Syntax));
        assert_eq!(parse("COUNT x", Scanned::Keys), Err(Error::NotInteger));
        assert_eq!(parse("TYPE hash", Scanned::Hash), Err(Error::Syntax));
        assert_eq!(parse("TYPE", Scanned::Keys), Err(Error::Syntax));
    }
}
