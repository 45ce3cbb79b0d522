//! Sorted sets: ranges by rank, by score and by member, and counting in them.

use crate::base::num::parse_f64;
use crate::ds::listpack::Elem;
use crate::ds::zset::{LexBound, ScoreBound, Zset};
use crate::engine::args::int;
use crate::engine::{Ctx, Error, Group, KEY_READ, Outcome, Row, flag};
use std::ops::Range;

/// What the two ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Rank,
    Score,
    Lex,
}

/// The two ends of a range, not yet compared with any set.
#[derive(Clone, Copy, Debug)]
pub enum Bounds<'a> {
    /// Ranks, counted from the end when negative, both included.
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Bounds<'a> {
    /// Reads the lower and the upper end. Fails with the error of this kind of range.
    pub fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, Error> {
        Ok(match by {
            By::Rank => Bounds::Rank(int(min)?, int(max)?),
            By::Score => {
                let ((min, after), (max, before)) = (score(min)?, score(max)?);
                Bounds::Score(
                    if after { ScoreBound::After(min) } else { ScoreBound::Before(min) },
                    if before { ScoreBound::Before(max) } else { ScoreBound::After(max) },
                )
            }
            By::Lex => Bounds::Lex(lex(min, false)?, lex(max, true)?),
        })
    }

    /// Returns the ranks in `set`, counted from the lowest. With `reverse`, ranks given by the caller count from the highest.
    pub fn ranks(&self, set: &Zset, reverse: bool) -> Range<usize> {
        match self {
            Bounds::Rank(start, stop) => {
                let (len, ranks) = (set.len(), absolute(*start, *stop, set.len()));
                if reverse { len - ranks.end..len - ranks.start } else { ranks }
            }
            Bounds::Score(min, max) => ordered(set.count_below(*min), set.count_below(*max)),
            Bounds::Lex(min, max) => lex_ranks(set, min, max),
        }
    }
}

/// Returns the ranks between two members. Where scores differ the answer has no meaning, but Redis's first look at both ends of the
/// set makes it empty more often than a search would.
fn lex_ranks(set: &Zset, min: &LexBound, max: &LexBound) -> Range<usize> {
    let below = |member: Option<(Elem, f64)>, bound: &LexBound| {
        member.is_some_and(|(member, _)| {
            member.with(|m| match bound {
                LexBound::Min => false,
                LexBound::Max => true,
                LexBound::Before(at) => m < *at,
                LexBound::After(at) => m <= *at,
            })
        })
    };
    if below(set.iter().next_back(), min) || !below(set.iter().next(), max) {
        return 0..0;
    }
    ordered(set.count_lex_below(min), set.count_lex_below(max))
}

fn ordered(start: usize, end: usize) -> Range<usize> {
    start..end.max(start)
}

/// Turns ranks counted from the end when negative into a range within `len`.
fn absolute(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_start = |rank: i64| if rank < 0 { rank.saturating_add(len as i64) } else { rank };
    let start = from_start(start).clamp(0, len as i64);
    let end = from_start(stop).min(len as i64 - 1) + 1;
    ordered(start as usize, end.max(0) as usize)
}

/// Returns a score of a range and whether it is excluded by `(`. Like C's `strtod`: nothing is 0, leading space is skipped, and
/// what is too large is infinite.
fn score(text: &[u8]) -> Result<(f64, bool), Error> {
    let (text, exclusive) = match text {
        [b'(', rest @ ..] => (rest, true),
        _ => (text, false),
    };
    // To C, a zero byte ends the text.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Ok((0.0, exclusive));
    }
    let text = text.trim_ascii_start();
    let digits = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
    let huge = || std::str::from_utf8(text).ok().filter(|s| s.bytes().all(|b| digits(&b)))?.parse().ok();
    let score = parse_f64(text).or_else(huge).ok_or(Error::MinMaxNotFloat)?;
    Ok((score, exclusive))
}

/// Returns the point between members that `text` means as the lower end or, with `upper`, as the upper end of a range.
fn lex(text: &[u8], upper: bool) -> Result<LexBound<'_>, Error> {
    Ok(match text {
        b"-" => LexBound::Min,
        b"+" => LexBound::Max,
        [b'[', member @ ..] if upper => LexBound::After(member),
        [b'[', member @ ..] => LexBound::Before(member),
        [b'(', member @ ..] if upper => LexBound::Before(member),
        [b'(', member @ ..] => LexBound::After(member),
        _ => return Err(Error::MinMaxNotLex),
    })
}

pub const ZCOUNT: Row = Row {
    name: "ZCOUNT",
    group: Group::SortedSet,
    since: "2.0.0",
    arity: 4,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns how many members have a score from one to another; `(` excludes an end.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key min max",
    ts: "(key: Key, min: Arg, max: Arg): number",
    example: "> ZADD z 1 a 2 b 3 c\n(integer) 3\n> ZCOUNT z 2 +inf\n(integer) 2\n> ZCOUNT z (1 (3\n(integer) 1",
    run: |c| count(c, By::Score),
    ..Row::NONE
};

pub const ZLEXCOUNT: Row = Row {
    name: "ZLEXCOUNT",
    group: Group::SortedSet,
    since: "2.8.9",
    arity: 4,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns how many members are from one text to another, where all scores are equal.",
    complexity: "O(log(N)) where N is the number of members.",
    syntax: "key min max",
    ts: "(key: Key, min: Arg, max: Arg): number",
    example: "> ZADD z 0 a 0 b 0 c\n(integer) 3\n> ZLEXCOUNT z - +\n(integer) 3\n> ZLEXCOUNT z [b (c\n(integer) 1",
    run: |c| count(c, By::Lex),
    ..Row::NONE
};

fn count(c: &mut Ctx, by: By) -> Outcome {
    let bounds = Bounds::parse(by, c.argv[2], c.argv[3])?;
    let count = c.ks.get::<Zset>(c.argv[1])?.map_or(0, |set| bounds.ranks(set, false).len());
    c.out.len(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_ranges_parse_as_c_does() {
        for (text, want) in [
            ("", (0.0, false)),
            ("(", (0.0, true)),
            (" 1", (1.0, false)),
            ("(-2.5", (-2.5, true)),
            ("1e400", (f64::INFINITY, false)),
            ("-1e400", (f64::NEG_INFINITY, false)),
            ("+inf", (f64::INFINITY, false)),
        ] {
            assert_eq!(score(text.as_bytes()), Ok(want), "{text}");
        }
        for bad in ["x", "1x", "1 ", "nan", "((1", " ", "1e"] {
            assert_eq!(score(bad.as_bytes()), Err(Error::MinMaxNotFloat), "{bad}");
        }
    }

    #[test]
    fn ranks_from_both_ends_stay_within_the_set() {
        for (start, stop, want) in [(0, -1, 0..5), (-2, -1, 3..5), (1, 1, 1..2), (-100, 100, 0..5), (3, 2, 3..3)] {
            assert_eq!(absolute(start, stop, 5), want);
        }
        assert!(absolute(i64::MIN, i64::MIN, 5).is_empty());
        assert!(absolute(i64::MAX, i64::MAX, 5).is_empty());
        assert!(absolute(0, -1, 0).is_empty());
    }
}
