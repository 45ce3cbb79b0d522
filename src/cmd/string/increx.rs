//! INCREX: counting within bounds, with an expiry.

use super::get::delete;
use super::incr::long_double;
use crate::base::ld80::Ld80;
use crate::base::num::{fmt_i64, parse_f64, parse_i64};
use crate::cmd::expiry::{When, is_past};
use crate::ds::listpack::Elem;
use crate::engine::events::{GENERIC, STRING};
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, Ttl, args, flag};

pub(super) const INCREX: Row = Row {
    name: "INCREX",
    group: Group::String,
    since: "8.8.0",
    arity: -2,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[]",
    summary: "Adds to the number at a key within bounds, and sets or removes the key's expiry. Returns the new number and what was really added; if it would leave the bounds nothing happens, or with SATURATE it becomes the bound.",
    complexity: "O(1)",
    syntax: "key [BYFLOAT increment | BYINT increment] [LBOUND lowerbound] [UBOUND upperbound] [SATURATE] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]",
    ts: "(key: Key, ...options: Arg[]): [number | string, number | string]",
    example: "> INCREX hits EX 60 ENX\n1) (integer) 1\n2) (integer) 1\n> INCREX hits BYINT 5 UBOUND 4\n1) (integer) 1\n2) (integer) 0\n> INCREX hits BYINT 5 UBOUND 4 SATURATE\n1) (integer) 4\n2) (integer) 3\n> INCREX hits BYFLOAT 0.5\n1) \"4.5\"\n2) \"0.5\"\n> TTL hits\n(integer) 60",
    differs: "Came with 8.8 (documentation of INCREX).",
    run: increx,
    ..Row::NONE
};

/// The arguments as they came.
#[derive(Default)]
struct Words<'a> {
    by: Option<(bool, &'a [u8])>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    time: Option<(When, &'a [u8])>,
    persist: bool,
    /// The expiry is only set if there is none.
    enx: bool,
}

/// A number of either kind.
trait Number: Copy {
    const WHAT: &'static str;
    /// The number that an argument is.
    fn of(arg: &[u8]) -> Option<Self>;
    fn is_below(self, other: Self) -> bool;
    fn minus(self, other: Self) -> Self;
}

impl Number for i64 {
    const WHAT: &'static str = "an integer or out of range";
    fn of(arg: &[u8]) -> Option<Self> {
        parse_i64(arg)
    }
    fn is_below(self, other: Self) -> bool {
        self < other
    }
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

impl Number for Ld80 {
    const WHAT: &'static str = "a valid float";
    fn of(arg: &[u8]) -> Option<Self> {
        Ld80::parse(arg).filter(|number| number.is_finite())
    }
    fn is_below(self, other: Self) -> bool {
        self.is_below(other)
    }
    fn minus(self, other: Self) -> Self {
        self.minus(other)
    }
}

fn increx(c: &mut Ctx) -> Outcome {
    let words = words(c)?;
    match words.by {
        Some((true, _)) => by_float(c, &words),
        _ => by_int(c, &words),
    }
}

fn by_int(c: &mut Ctx, words: &Words) -> Outcome {
    let key = c.argv[1];
    let by = words.by.map_or(Ok(1), |(_, by)| number::<i64>(by, "Increment"))?;
    let bounds = bounds(words)?;
    let time = time(c, words)?;
    let old = match c.ks.look_text(key)? {
        None => 0,
        Some(Elem::Int(n)) => n,
        Some(Elem::Str(text)) => args::int(text)?,
    };
    // The ends of the type bound it where nothing else does.
    let limit = if by < 0 { bounds.0.unwrap_or(i64::MIN) } else { bounds.1.unwrap_or(i64::MAX) };
    let new = match old.checked_add(by) {
        Some(sum) => within(sum, bounds, words.saturate),
        None => words.saturate.then_some(limit),
    };
    let (new, changed) = (new.unwrap_or(old), new.is_some());
    if changed {
        store(c, words, time, fmt_i64(new, &mut [0; 40]), "incrby");
    }
    c.out.array(2);
    c.out.int(new);
    c.out.int(if changed { new.minus(old) } else { 0 });
    Ok(())
}

fn by_float(c: &mut Ctx, words: &Words) -> Outcome {
    let key = c.argv[1];
    let by = words.by.map_or(Ok(Ld80::from_i64(1)), |(_, by)| number::<Ld80>(by, "Increment"))?;
    let bounds = bounds(words)?;
    let time = time(c, words)?;
    let old = c.ks.look_text(key)?.map_or(Some(Ld80::from_i64(0)), long_double).ok_or(Error::NotFloat)?;
    let new = Some(old.plus(by)).filter(|sum| sum.is_finite()).and_then(|sum| within(sum, bounds, words.saturate));
    let (new, changed) = (new.unwrap_or(old), new.is_some());
    if changed {
        store(c, words, time, new.to_text().as_bytes(), "incrbyfloat");
    }
    c.out.array(2);
    for number in [new, if changed { new.minus(old) } else { Ld80::from_i64(0) }] {
        let text = number.to_text();
        match parse_f64(text.as_bytes()) {
            Some(double) if c.out.is_resp3() => c.out.double(double),
            _ => c.out.bulk(text.as_bytes()),
        }
    }
    Ok(())
}

/// Returns `sum`, or the bound beyond which it is if it may `saturate`.
fn within<N: Number>(sum: N, (lower, upper): (Option<N>, Option<N>), saturate: bool) -> Option<N> {
    let beyond = lower.filter(|lower| sum.is_below(*lower)).or(upper.filter(|upper| upper.is_below(sum)));
    match beyond {
        None => Some(sum),
        bound => bound.filter(|_| saturate),
    }
}

fn number<N: Number>(arg: &[u8], what: &str) -> Result<N, Error> {
    N::of(arg).ok_or_else(|| Error::new(format!("ERR {what} is not {}", N::WHAT)))
}

type Bounds<N> = (Option<N>, Option<N>);

fn bounds<N: Number>(words: &Words) -> Result<Bounds<N>, Error> {
    let lower = words.lower.map(|arg| number::<N>(arg, "LBOUND")).transpose()?;
    let upper = words.upper.map(|arg| number::<N>(arg, "UBOUND")).transpose()?;
    match lower.zip(upper) {
        Some((lower, upper)) if upper.is_below(lower) => Err(Error::BoundsCrossed),
        _ => Ok((lower, upper)),
    }
}

fn time(c: &Ctx, words: &Words) -> Result<Option<u64>, Error> {
    words.time.map(|(when, arg)| when.positive(arg, c.ks.now, c.name())).transpose()
}

/// Stores the number and does to the expiry what was asked for. It is logged as the SET it comes to.
fn store(c: &mut Ctx, words: &Words, time: Option<u64>, text: &[u8], event: &'static str) {
    let key = c.argv[1];
    let had_expiry = c.ks.expire_at(key).flatten().is_some();
    let time = time.filter(|_| !(words.enx && had_expiry));
    match time {
        Some(at) if is_past(c.ks, at as i64) => {
            if c.ks.exists(key) {
                delete(c, key);
            }
        }
        Some(at) => {
            c.ks.set_text(key, text, Ttl::At(at));
            c.ks.changed(key, STRING, event);
            c.ks.notify(GENERIC, "expire", key);
            c.instead(&[b"SET", key, text, b"PXAT", fmt_i64(at as i64, &mut [0; 40])]);
        }
        None if words.persist && had_expiry => {
            c.ks.set_text(key, text, Ttl::Clear);
            c.ks.changed(key, STRING, event);
            c.ks.notify(GENERIC, "persist", key);
            c.instead(&[b"SET", key, text]);
        }
        None => {
            c.ks.set_text(key, text, Ttl::Keep);
            c.ks.changed(key, STRING, event);
            c.instead(&[b"SET", key, text, b"KEEPTTL"]);
        }
    }
}

/// Reads the arguments, each of which may come once and in any order.
fn words<'a>(c: &Ctx<'a>) -> Result<Words<'a>, Error> {
    let mut args = c.args();
    args.next()?;
    let mut words = Words::default();
    while args.more() {
        let timed = words.time.is_some() || words.persist;
        if words.by.is_none() && value(&mut args, "BYINT") {
            words.by = Some((false, args.next()?));
        } else if words.by.is_none() && value(&mut args, "BYFLOAT") {
            words.by = Some((true, args.next()?));
        } else if words.lower.is_none() && value(&mut args, "LBOUND") {
            words.lower = Some(args.next()?);
        } else if words.upper.is_none() && value(&mut args, "UBOUND") {
            words.upper = Some(args.next()?);
        } else if !words.saturate && args.word("SATURATE") {
            words.saturate = true;
        } else if !words.enx && !words.persist && args.word("ENX") {
            words.enx = true;
        } else if !timed && !words.enx && args.word("PERSIST") {
            words.persist = true;
        } else if !timed && let Some(when) = When::word(&mut args) {
            words.time = Some((when, args.next()?));
        } else {
            return Err(Error::Syntax);
        }
    }
    if words.enx && words.time.is_none() { Err(Error::EnxWithoutTime) } else { Ok(words) }
}

/// Takes the next argument if it is `word` and another one follows it.
fn value(args: &mut Args, word: &str) -> bool {
    args.left() >= 2 && args.word(word)
}
