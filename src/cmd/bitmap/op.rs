//! BITOP: several strings combined bit by bit into another.

use crate::ds::bits::{Op, combine};
use crate::ds::listpack::Elem;
use crate::engine::entry::{Entry, Payload};
use crate::engine::events::{GENERIC, STRING};
use crate::engine::{Ctx, Error, Group, Keyspace, Outcome, Row, Ttl, flag};
use std::borrow::Cow;

pub(super) const BITOP: Row = Row {
    name: "BITOP",
    group: Group::Bitmap,
    since: "2.6.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:2/range:last=0,step=1,limit=0[OW,UPDATE]; idx:3/range:last=-1,step=1,limit=0[RO,ACCESS]",
    summary: "Combines the string values of keys bit by bit, stores the result and returns its length. Shorter ones and missing keys count as filled with zeros.",
    complexity: "O(N)",
    syntax: "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
    ts: "(operation: 'AND' | 'OR' | 'XOR' | 'NOT' | 'DIFF' | 'DIFF1' | 'ANDOR' | 'ONE', destkey: Key, ...keys: Key[]): number",
    example: "> MSET a \"\\x0f\" b \"\\x3c\\xff\"\nOK\n> BITOP AND to a b\n(integer) 2\n> GET to\n\"\\x0c\\x00\"\n> BITOP NOT to a\n(integer) 1\n> GET to\n\"\\xf0\"\n> BITOP XOR to missing\n(integer) 0\n> EXISTS to\n(integer) 0",
    run: bitop,
    ..Row::NONE
};

const OPS: &[(&str, Op)] = &[
    ("AND", Op::And),
    ("OR", Op::Or),
    ("XOR", Op::Xor),
    ("NOT", Op::Not),
    ("DIFF", Op::Diff),
    ("DIFF1", Op::Diff1),
    ("ANDOR", Op::AndOr),
    ("ONE", Op::One),
];

fn bitop(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (name, op) = *OPS.iter().find(|(word, _)| args.word(word)).ok_or(Error::Syntax)?;
    let to = args.next()?;
    let keys = args.rest();
    match op {
        Op::Not if keys.len() != 1 => return Err(Error::BitopNotSingle),
        Op::Diff | Op::Diff1 | Op::AndOr if keys.len() < 2 => {
            return Err(Error::new(format!("ERR BITOP {name} must be called with at least two source keys.")));
        }
        _ => {}
    }
    let result = result(c.ks, op, keys)?;
    let len = result.len();
    if len > 0 {
        c.ks.put(to, Payload::Raw(result), Ttl::Clear);
        c.ks.changed(to, STRING, "set");
    } else if c.ks.delete(to) {
        c.ks.changed(to, GENERIC, "del");
    }
    c.out.len(len);
    Ok(())
}

/// Returns what `op` makes of the strings at `keys`. Fails if one is no string, or there is no memory for the result.
fn result(ks: &mut Keyspace, op: Op, keys: &[&[u8]]) -> Result<Vec<u8>, Error> {
    for key in keys {
        ks.text(key)?;
    }
    let ks = &*ks;
    let texts: Vec<Cow<[u8]>> = keys.iter().map(|key| text(ks, key)).collect();
    let sources: Vec<&[u8]> = texts.iter().map(|text| &**text).collect();
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut out = Vec::new();
    out.try_reserve_exact(len).map_err(|_| Error::StringTooLong)?;
    out.resize(len, 0);
    combine(op, &sources, &mut out);
    Ok(out)
}

/// The string at `key`, empty without it.
fn text<'k>(ks: &'k Keyspace, key: &[u8]) -> Cow<'k, [u8]> {
    match ks.see_entry(key).and_then(Entry::text) {
        Some(Elem::Str(text)) => Cow::Borrowed(text),
        Some(number) => Cow::Owned(number.to_vec()),
        None => Cow::Borrowed(b""),
    }
}
