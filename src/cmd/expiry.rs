//! Expiry arguments: how SET, GETEX, EXPIRE, HEXPIRE and their kin say when.

use crate::engine::keyspace::Expiry;
use crate::engine::{Args, Error, Keyspace, args};

/// The form of an expiry argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Seconds from now.
    Ex,
    /// Milliseconds from now.
    Px,
    /// Seconds since the epoch.
    ExAt,
    /// Milliseconds since the epoch.
    PxAt,
}

impl When {
    /// Takes the next argument if it is `EX`, `PX`, `EXAT` or `PXAT`, and another one follows it.
    pub fn word(args: &mut Args<'_>) -> Option<When> {
        if args.left() < 2 {
            return None;
        }
        let forms = [("EX", When::Ex), ("PX", When::Px), ("EXAT", When::ExAt), ("PXAT", When::PxAt)];
        forms.into_iter().find(|(word, _)| args.word(word)).map(|(_, when)| when)
    }

    /// Whether the time is counted from the epoch.
    pub fn is_absolute(self) -> bool {
        matches!(self, When::ExAt | When::PxAt)
    }

    fn in_seconds(self) -> bool {
        matches!(self, When::Ex | When::ExAt)
    }

    /// Returns the time that `arg` says, in ms since the epoch; it can be past and even negative (EXPIRE). Fails if `arg` is no
    /// integer, and with `invalid expire time in '<name>' command` if the time does not fit 63 bits.
    pub fn at(self, arg: &[u8], now: u64, name: &str) -> Result<i64, Error> {
        let scale = if self.in_seconds() { 1000 } else { 1 };
        let base = if self.is_absolute() { 0 } else { now as i64 };
        let at = args::int(arg)?.checked_mul(scale).and_then(|ms| ms.checked_add(base));
        at.ok_or_else(|| Error::invalid_expire(name))
    }

    /// Like [`When::at`], but the number must be positive (SET, SETEX, GETEX).
    pub fn positive(self, arg: &[u8], now: u64, name: &str) -> Result<u64, Error> {
        if args::int(arg)? <= 0 {
            return Err(Error::invalid_expire(name));
        }
        Ok(self.at(arg, now, name)? as u64)
    }

    /// Like [`When::at`] for hash fields (HEXPIRE, HSETEX, HGETEX), whose times end at [`FIELD_MAX_MS`].
    pub fn field(self, arg: &[u8], now: u64, name: &str) -> Result<u64, Error> {
        if args::int(arg)? < 0 {
            return Err(Error::NegativeExpire);
        }
        let at = self.at(arg, now, name)? as u64;
        if at > FIELD_MAX_MS { Err(Error::invalid_expire(name)) } else { Ok(at) }
    }
}

/// The latest time a hash field can expire at, ms since the epoch: Redis keeps 46 bits.
pub const FIELD_MAX_MS: u64 = (1 << 46) - 1;

/// Whether an expiry at `at_ms` means deletion now. Never while an effect is replayed, and never on a follower: there the leader
/// decides, and its DEL will come.
pub fn is_past(ks: &Keyspace, at_ms: i64) -> bool {
    ks.expiry == Expiry::Deletes && at_ms <= ks.now as i64
}

/// `NX`, `XX`, `GT` and `LT` of EXPIRE and HEXPIRE: when a new time replaces the old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Only without an expiry.
    pub nx: bool,
    /// Only with an expiry.
    pub xx: bool,
    /// Only to a later time; no expiry counts as infinitely late.
    pub gt: bool,
    /// Only to an earlier time; no expiry counts as infinitely late.
    pub lt: bool,
}

impl Conditions {
    /// Takes one of the four words if it comes next. Returns whether it did.
    pub fn word(&mut self, args: &mut Args<'_>) -> bool {
        let words = [("NX", &mut self.nx), ("XX", &mut self.xx), ("GT", &mut self.gt), ("LT", &mut self.lt)];
        words.into_iter().any(|(word, flag)| {
            let hit = args.word(word);
            *flag |= hit;
            hit
        })
    }

    /// Takes all arguments that are left (EXPIRE). Fails if one is none of the four, or if they exclude each other.
    pub fn parse(args: &mut Args<'_>) -> Result<Self, Error> {
        let mut conditions = Conditions::default();
        while args.more() {
            if !conditions.word(args) {
                let word = String::from_utf8_lossy(args.next()?).into_owned();
                return Err(Error::new(format!("ERR Unsupported option {word}")));
            }
        }
        let Conditions { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(Error::NxAndOthers);
        }
        if gt && lt { Err(Error::GtAndLt) } else { Ok(conditions) }
    }

    /// Whether `new` may replace `old`, both ms since the epoch.
    pub fn allow(self, old: Option<u64>, new: i64) -> bool {
        let old = old.map(|at| at as i64);
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_do_not_fit_are_refused() {
        let invalid = || Err(Error::invalid_expire("set"));
        assert_eq!(When::Ex.at(b"5", 1_000, "set"), Ok(6_000));
        assert_eq!(When::ExAt.at(b"5", 1_000, "set"), Ok(5_000));
        assert_eq!(When::Px.at(b"-2000", 1_000, "set"), Ok(-1_000));
        assert_eq!(When::Px.at(b"9223372036854775807", 1_000, "set"), invalid());
        assert_eq!(When::Ex.at(b"9223372036854776", 1_000, "set"), invalid());
        assert_eq!(When::Ex.at(b"-9223372036854776", 1_000, "set"), invalid());
        assert_eq!(When::PxAt.at(b"9223372036854775807", 1_000, "set"), Ok(i64::MAX));
        assert_eq!(When::PxAt.positive(b"0", 1_000, "set"), Err(Error::invalid_expire("set")));
        assert_eq!(When::PxAt.at(b"x", 1_000, "set"), Err(Error::NotInteger));
        assert_eq!(When::PxAt.field(b"70368744177664", 0, "set"), Err(Error::invalid_expire("set")));
        assert_eq!(When::PxAt.field(b"70368744177663", 0, "set"), Ok(FIELD_MAX_MS));
    }

    #[test]
    fn conditions_compare_with_infinity() {
        let parse = |line: &str| {
            let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
            Conditions::parse(&mut Args::from(&words, 0))
        };
        assert!(!parse("gt").unwrap().allow(None, 5));
        assert!(parse("LT").unwrap().allow(None, 5));
        assert!(!parse("LT").unwrap().allow(Some(5), 5));
        assert!(!parse("XX LT").unwrap().allow(None, 5));
        assert!(parse("XX GT").unwrap().allow(Some(4), 5));
        assert_eq!(parse("NX XX"), Err(Error::NxAndOthers));
        assert_eq!(parse("GT LT"), Err(Error::GtAndLt));
        assert_eq!(parse("AB"), Err(Error::new("ERR Unsupported option AB")));
    }
}
