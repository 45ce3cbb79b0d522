//! The expiry of single fields.

use super::{View, edit, fields, with_fields};
use crate::base::num::fmt_i64;
use crate::cmd::expiry::{Conditions, When, is_past};
use crate::ds::hash::Hash;
use crate::engine::events::HASH;
use crate::engine::value::Type;
use crate::engine::{Ctx, Error, Group, KEY_READ, KEY_UPDATE, Outcome, Row, flag};

/// The field, or the hash, is not there.
const NO_FIELD: i64 = -2;
/// The field has no expiry.
const NO_EXPIRY: i64 = -1;
/// A condition was not met.
const NOT_MET: i64 = 0;
/// The expiry was set, or removed.
const DONE: i64 = 1;
/// The time is past, so the field was deleted.
const DELETED: i64 = 2;

/// What the commands that set an expiry have in common.
const SETTER: Row = Row {
    group: Group::Hash,
    since: "7.4.0",
    arity: -6,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_UPDATE,
    complexity: "O(N) where N is the number of fields",
    differs: "Came with 7.4.",
    ..Row::NONE
};

pub(super) const HEXPIRE: Row = Row {
    name: "HEXPIRE",
    summary: "Sets the expiry of fields of a hash in seconds from now. Answers for each field: 1 set, 0 condition not met, 2 deleted because the time is past, -2 no such field.",
    syntax: "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    ts: "(key: Key, seconds: number, ...rest: Arg[]): number[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HEXPIRE h 60 FIELDS 2 a missing\n1) (integer) 1\n2) (integer) -2\n> HEXPIRE h 90 NX FIELDS 2 a b\n1) (integer) 0\n2) (integer) 1\n> HEXPIRE h 0 FIELDS 1 b\n1) (integer) 2\n> HTTL h FIELDS 2 a b\n1) (integer) 60\n2) (integer) -2",
    run: hexpire,
    ..SETTER
};

fn hexpire(c: &mut Ctx) -> Outcome {
    expire(c, When::Ex)
}

pub(super) const HPEXPIRE: Row = Row {
    name: "HPEXPIRE",
    summary: "Sets the expiry of fields of a hash in milliseconds from now. Answers as HEXPIRE does.",
    syntax: "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    ts: "(key: Key, milliseconds: number, ...rest: Arg[]): number[]",
    example: "> HSET h a 1\n(integer) 1\n> HPEXPIRE h 60000 FIELDS 1 a\n1) (integer) 1\n> HTTL h FIELDS 1 a\n1) (integer) 60\n> HPEXPIRE h 70000 LT FIELDS 1 a\n1) (integer) 0",
    run: hpexpire,
    ..SETTER
};

fn hpexpire(c: &mut Ctx) -> Outcome {
    expire(c, When::Px)
}

pub(super) const HEXPIREAT: Row = Row {
    name: "HEXPIREAT",
    summary: "Sets the expiry of fields of a hash in seconds since the epoch. Answers as HEXPIRE does.",
    syntax: "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    ts: "(key: Key, unixTimeSeconds: number, ...rest: Arg[]): number[]",
    example: "> HSET h a 1\n(integer) 1\n> HEXPIREAT h 33177117420 FIELDS 1 a\n1) (integer) 1\n> HEXPIRETIME h FIELDS 1 a\n1) (integer) 33177117420\n> HEXPIREAT h 1 FIELDS 1 a\n1) (integer) 2\n> EXISTS h\n(integer) 0",
    run: hexpireat,
    ..SETTER
};

fn hexpireat(c: &mut Ctx) -> Outcome {
    expire(c, When::ExAt)
}

pub(super) const HPEXPIREAT: Row = Row {
    name: "HPEXPIREAT",
    summary: "Sets the expiry of fields of a hash in milliseconds since the epoch. Answers as HEXPIRE does.",
    syntax: "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    ts: "(key: Key, unixTimeMilliseconds: number, ...rest: Arg[]): number[]",
    example: "> HSET h a 1\n(integer) 1\n> HPEXPIREAT h 33177117420000 FIELDS 1 a\n1) (integer) 1\n> HPEXPIRETIME h FIELDS 1 a\n1) (integer) 33177117420000",
    run: hpexpireat,
    ..SETTER
};

fn hpexpireat(c: &mut Ctx) -> Outcome {
    expire(c, When::PxAt)
}

fn expire(c: &mut Ctx, when: When) -> Outcome {
    let key = c.argv[1];
    check_type(c)?;
    let at = when.field(c.argv[2], c.ks.now, c.name())?;
    let mut args = c.args();
    args.take(2)?;
    let mut conditions = Conditions::default();
    conditions.word(&mut args);
    let fields = fields(&mut args, Error::NumFieldsZero)?;
    let (past, seed) = (is_past(c.ks, at as i64), c.ks.seed);
    c.out.array(fields.len());
    let (mut set, mut deleted) = (Vec::new(), Vec::new());
    let out = &mut *c.out;
    let found = edit(c.ks, key, |hash| {
        for field in fields {
            let code = expire_field(hash, field, at, past, conditions, seed);
            out.int(code);
            match code {
                DONE => set.push(*field),
                DELETED => deleted.push(*field),
                _ => {}
            }
        }
    })?;
    if found.is_none() {
        fields.iter().for_each(|_| c.out.int(NO_FIELD));
    }
    log_expiry(c, key, Some(at), &set, &deleted);
    Ok(())
}

/// Gives `field` its expiry, or deletes it if that is `past`. Returns the code to answer.
fn expire_field(hash: &mut Hash, field: &[u8], at: u64, past: bool, conditions: Conditions, seed: u64) -> i64 {
    if !hash.contains(field) {
        return NO_FIELD;
    }
    if !conditions.allow(hash.expire_at(field), at as i64) {
        return NOT_MET;
    }
    if past {
        hash.remove(field);
        return DELETED;
    }
    hash.set_expire(field, Some(at), seed);
    DONE
}

/// Notifies and logs that fields of `key` were given an expiry (or, with no `at`, lost it), and that others were deleted.
pub(super) fn log_expiry(c: &mut Ctx, key: &[u8], at: Option<u64>, set: &[&[u8]], deleted: &[&[u8]]) {
    let count = set.len().to_string();
    if !set.is_empty() {
        c.ks.changed(key, HASH, if at.is_some() { "hexpire" } else { "hpersist" });
        match at {
            Some(at) => {
                let mut buf = [0; 40];
                let head = [b"HPEXPIREAT", key, fmt_i64(at as i64, &mut buf)];
                c.instead(&with_fields(&head, &count, set));
            }
            None => c.instead(&with_fields(&[b"HPERSIST", key], &count, set)),
        }
    }
    log_deleted(c, key, deleted);
}

/// Notifies and logs that fields of `key` were deleted, and deletes the key if none is left.
pub(super) fn log_deleted(c: &mut Ctx, key: &[u8], deleted: &[&[u8]]) {
    if deleted.is_empty() {
        return;
    }
    c.ks.changed(key, HASH, "hdel");
    c.ks.dirty += deleted.len() as u64 - 1;
    let words: Vec<&[u8]> = [b"HDEL", key].iter().chain(deleted).copied().collect();
    c.instead(&words);
    c.ks.delete_if_empty(key);
}

/// Fails if the key holds something else than a hash: this comes before anything is said of the arguments.
pub(super) fn check_type(c: &mut Ctx) -> Outcome {
    match c.ks.kind(c.argv[1]) {
        None | Some(Type::Hash) => Ok(()),
        Some(_) => Err(Error::WrongType),
    }
}

pub(super) const HPERSIST: Row = Row {
    name: "HPERSIST",
    group: Group::Hash,
    since: "7.4.0",
    arity: -5,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Removes the expiry of fields of a hash. Answers for each field: 1 removed, -1 had none, -2 no such field.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key FIELDS numfields field [field ...]",
    ts: "(key: Key, ...rest: Arg[]): number[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HEXPIRE h 60 FIELDS 1 a\n1) (integer) 1\n> HPERSIST h FIELDS 3 a b missing\n1) (integer) 1\n2) (integer) -1\n3) (integer) -2",
    differs: "Came with 7.4.",
    run: hpersist,
    ..Row::NONE
};

fn hpersist(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    check_type(c)?;
    let mut args = c.args();
    args.next()?;
    let fields = fields(&mut args, Error::NumFieldsNotPositive)?;
    let seed = c.ks.seed;
    c.out.array(fields.len());
    let mut changed = Vec::new();
    let out = &mut *c.out;
    let found = edit(c.ks, key, |hash| {
        for field in fields {
            let code = match (hash.contains(field), hash.expire_at(field)) {
                (false, _) => NO_FIELD,
                (true, None) => NO_EXPIRY,
                (true, Some(_)) => {
                    hash.set_expire(field, None, seed);
                    changed.push(*field);
                    DONE
                }
            };
            out.int(code);
        }
    })?;
    if found.is_none() {
        fields.iter().for_each(|_| c.out.int(NO_FIELD));
    }
    log_expiry(c, key, None, &changed, &[]);
    Ok(())
}

/// What the commands that tell an expiry have in common.
const TELLER: Row = Row {
    group: Group::Hash,
    since: "7.4.0",
    arity: -5,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    complexity: "O(N) where N is the number of fields",
    syntax: "key FIELDS numfields field [field ...]",
    ts: "(key: Key, ...rest: Arg[]): number[]",
    differs: "Came with 7.4.",
    ..Row::NONE
};

pub(super) const HTTL: Row = Row {
    name: "HTTL",
    summary: "Returns the seconds that fields of a hash have left; -1 for a field without expiry, -2 for a missing one.",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HEXPIRE h 60 FIELDS 1 a\n1) (integer) 1\n> HTTL h FIELDS 3 a b missing\n1) (integer) 60\n2) (integer) -1\n3) (integer) -2",
    run: httl,
    ..TELLER
};

fn httl(c: &mut Ctx) -> Outcome {
    let now = c.ks.now;
    tell(c, |at| at.saturating_sub(now).div_ceil(1000))
}

pub(super) const HPTTL: Row = Row {
    name: "HPTTL",
    summary: "Returns the milliseconds that fields of a hash have left; -1 for a field without expiry, -2 for a missing one.",
    example: "> HSET h a 1\n(integer) 1\n> HPTTL h FIELDS 2 a missing\n1) (integer) -1\n2) (integer) -2",
    run: hpttl,
    ..TELLER
};

fn hpttl(c: &mut Ctx) -> Outcome {
    let now = c.ks.now;
    tell(c, |at| at.saturating_sub(now))
}

pub(super) const HEXPIRETIME: Row = Row {
    name: "HEXPIRETIME",
    summary: "Returns when fields of a hash expire, in seconds since the epoch; -1 for a field without expiry, -2 for a missing one.",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HEXPIREAT h 33177117420 FIELDS 1 a\n1) (integer) 1\n> HEXPIRETIME h FIELDS 2 a b\n1) (integer) 33177117420\n2) (integer) -1",
    run: hexpiretime,
    ..TELLER
};

fn hexpiretime(c: &mut Ctx) -> Outcome {
    tell(c, |at| at.div_ceil(1000))
}

pub(super) const HPEXPIRETIME: Row = Row {
    name: "HPEXPIRETIME",
    summary: "Returns when fields of a hash expire, in milliseconds since the epoch; -1 for a field without expiry, -2 for a missing one.",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HPEXPIREAT h 33177117420123 FIELDS 1 a\n1) (integer) 1\n> HPEXPIRETIME h FIELDS 2 a b\n1) (integer) 33177117420123\n2) (integer) -1",
    run: hpexpiretime,
    ..TELLER
};

fn hpexpiretime(c: &mut Ctx) -> Outcome {
    tell(c, |at| at)
}

fn tell(c: &mut Ctx, form: impl Fn(u64) -> u64) -> Outcome {
    check_type(c)?;
    let mut args = c.args();
    args.next()?;
    let fields = fields(&mut args, Error::NumFieldsNotPositive)?;
    let view = View::of(c.ks);
    let hash = c.ks.get::<Hash>(c.argv[1])?;
    c.out.array(fields.len());
    for field in fields {
        let there = hash.filter(|hash| hash.contains(field) && !view.hides(hash, field));
        c.out.int(match there.map(|hash| hash.expire_at(field)) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => form(at) as i64,
        });
    }
    Ok(())
}
