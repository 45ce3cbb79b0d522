//! Doing something to a string only if it is what one thinks: DIGEST, DELEX and DELIFEQ, and the conditions of SET.

use super::get::delete;
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, flag};
use twox_hash::XxHash3_64;

/// When SET may store.
#[derive(Clone, Copy, Default)]
pub(super) enum Only<'a> {
    #[default]
    Always,
    IfMissing,
    IfThere,
    IfValue(Condition<'a>),
}

impl<'a> Only<'a> {
    /// Takes the next argument if it is a condition that goes with this one: none, or for NX and XX the same again. Returns it.
    pub(super) fn word(self, args: &mut Args<'a>) -> Result<Option<Self>, Error> {
        if matches!(self, Only::Always | Only::IfMissing) && args.word("NX") {
            return Ok(Some(Only::IfMissing));
        }
        if matches!(self, Only::Always | Only::IfThere) && args.word("XX") {
            return Ok(Some(Only::IfThere));
        }
        match self {
            Only::Always if args.left() >= 2 => Condition::word(args).map(|condition| condition.map(Only::IfValue)),
            _ => Ok(None),
        }
    }

    /// Whether it holds for `key`. Fails where a value is compared and the key holds another type.
    pub(super) fn holds(self, c: &mut Ctx, key: &[u8]) -> Result<bool, Error> {
        match self {
            Only::Always => Ok(true),
            Only::IfMissing => Ok(!c.ks.exists(key)),
            Only::IfThere => Ok(c.ks.exists(key)),
            Only::IfValue(condition) => match c.ks.look_text(key)? {
                Some(text) => Ok(text.with(|text| condition.holds(text))),
                // What is not there is not equal to anything.
                None => Ok(!condition.equal),
            },
        }
    }
}

/// A value or a digest that a string is to have, or is not to have.
#[derive(Clone, Copy)]
pub(super) struct Condition<'a> {
    equal: bool,
    than: Than<'a>,
}

#[derive(Clone, Copy)]
enum Than<'a> {
    Value(&'a [u8]),
    Digest(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// Takes the next two arguments if the first is IFEQ, IFNE, IFDEQ or IFDNE. Fails if a digest has another length than
    /// digests have.
    fn word(args: &mut Args<'a>) -> Result<Option<Self>, Error> {
        let words = [("IFEQ", true, false), ("IFNE", false, false), ("IFDEQ", true, true), ("IFDNE", false, true)];
        let Some((_, equal, digest)) = words.into_iter().find(|(word, ..)| args.word(word)) else { return Ok(None) };
        let than = args.next()?;
        if digest && than.len() != 16 {
            return Err(Error::DigestLength);
        }
        Ok(Some(Condition { equal, than: if digest { Than::Digest(than) } else { Than::Value(than) } }))
    }

    fn holds(self, text: &[u8]) -> bool {
        let same = match self.than {
            Than::Value(value) => text == value,
            Than::Digest(wanted) => digest(text).as_bytes().eq_ignore_ascii_case(wanted),
        };
        same == self.equal
    }
}

/// The XXH3 hash of `text` in 16 hexadecimal digits.
fn digest(text: &[u8]) -> String {
    format!("{:016x}", XxHash3_64::oneshot(text))
}

pub(super) const DIGEST: Row = Row {
    name: "DIGEST",
    group: Group::String,
    since: "8.4.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[]",
    summary: "Returns the XXH3 hash of the string value of a key in 16 hexadecimal digits, for IFDEQ and IFDNE of SET and DELEX; null without the key.",
    complexity: "O(N) where N is the length of the string value.",
    syntax: "key",
    ts: "(key: Key): string | null",
    example: "> SET k \"Hello world\"\nOK\n> DIGEST k\n\"b6acb9d84a38ff74\"\n> DIGEST missing\n(nil)",
    differs: "Came with 8.4 (documentation of DIGEST).",
    run: digest_of,
    ..Row::NONE
};

fn digest_of(c: &mut Ctx) -> Outcome {
    match c.ks.text(c.argv[1])? {
        Some(text) => c.out.bulk(text.with(digest).as_bytes()),
        None => c.out.null(),
    }
    Ok(())
}

pub(super) const DELEX: Row = Row {
    name: "DELEX",
    group: Group::String,
    since: "8.4.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[]",
    summary: "Deletes a key, with a condition only if its string value or the digest of that is, or is not, the one given. Returns whether it did.",
    complexity: "O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE where N is the length of the string value.",
    syntax: "key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]",
    ts: "(key: Key, condition?: 'IFEQ' | 'IFNE' | 'IFDEQ' | 'IFDNE', value?: Value): number",
    example: "> SET lock me\nOK\n> DELEX lock IFEQ you\n(integer) 0\n> DELEX lock IFEQ me\n(integer) 1\n> DELEX lock\n(integer) 0",
    differs: "Came with 8.4 (documentation of DELEX).",
    run: delex,
    ..Row::NONE
};

fn delex(c: &mut Ctx) -> Outcome {
    if !matches!(c.argv.len(), 2 | 4) {
        return Err(Error::arity(c.name()));
    }
    let key = c.argv[1];
    let mut args = c.args();
    args.next()?;
    // As in Redis, what is not there makes no condition wrong.
    let there = c.ks.exists(key);
    let holds = match there && args.more() {
        false => there,
        true => {
            let text = c.ks.look_text(key).map_err(|_| Error::ConditionNeedsString)?;
            let condition = Condition::word(&mut args)?.ok_or(Error::BadCondition)?;
            text.is_some_and(|text| text.with(|text| condition.holds(text)))
        }
    };
    if holds {
        delete(c, key);
    }
    c.out.int(i64::from(holds));
    Ok(())
}

pub(super) const DELIFEQ: Row = Row {
    name: "DELIFEQ",
    group: Group::String,
    since: "9.0.0",
    arity: 3,
    flags: flag::WRITE | flag::FAST,
    keys: crate::engine::KEY_ACCESS_DELETE,
    summary: "Deletes a key only if its string value is the one given. Returns whether it did. DELEX with IFEQ does the same.",
    complexity: "O(1)",
    syntax: "key value",
    ts: "(key: Key, value: Value): number",
    example: "> SET lock me\nOK\n> DELIFEQ lock you\n(integer) 0\n> DELIFEQ lock me\n(integer) 1\n> DELIFEQ lock me\n(integer) 0",
    differs: "Came with Valkey 9.0 (documentation of DELIFEQ).",
    run: delifeq,
    ..Row::NONE
};

fn delifeq(c: &mut Ctx) -> Outcome {
    let (key, value) = (c.argv[1], c.argv[2]);
    let equal = c.ks.look_text(key)?.is_some_and(|text| text.is(value));
    if equal {
        delete(c, key);
    }
    c.out.int(i64::from(equal));
    Ok(())
}
