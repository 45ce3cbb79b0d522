//! Getting and setting fields together with their expiry, or while deleting them.

use super::expire::{check_type, log_deleted, log_expiry};
use super::{edit, edit_or_new, fields, with_fields};
use crate::base::num::fmt_i64;
use crate::cmd::expiry::{When, is_past};
use crate::ds::hash::Hash;
use crate::engine::events::HASH;
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, args, flag};

/// The one key at position 1: the newest commands do not say what they do with it.
const KEY: &str = "idx:1/range:last=0,step=1,limit=0[]";

pub(super) const HGETDEL: Row = Row {
    name: "HGETDEL",
    group: Group::Hash,
    since: "8.0.0",
    arity: -5,
    flags: flag::WRITE | flag::FAST,
    keys: KEY,
    summary: "Returns the values of fields of a hash and deletes the fields. The last field takes the key along.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key FIELDS numfields field [field ...]",
    ts: "(key: Key, ...rest: Arg[]): (string | null)[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HGETDEL h FIELDS 2 a missing\n1) \"1\"\n2) (nil)\n> HGETALL h\n1) \"b\"\n2) \"2\"",
    differs: "Came with 8.0.",
    run: hgetdel,
    ..Row::NONE
};

fn hgetdel(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    check_type(c)?;
    let mut args = c.args();
    args.next()?;
    let fields = fields(&mut args, Error::NumFieldsNotPositive)?;
    c.out.array(fields.len());
    let mut deleted = Vec::new();
    let out = &mut *c.out;
    let found = edit(c.ks, key, |hash| {
        for field in fields {
            match hash.get(field) {
                Some(value) => out.elem(value),
                None => out.null(),
            }
            if hash.remove(field) {
                deleted.push(*field);
            }
        }
    })?;
    if found.is_none() {
        fields.iter().for_each(|_| c.out.null());
    }
    log_deleted(c, key, &deleted);
    Ok(())
}

pub(super) const HGETEX: Row = Row {
    name: "HGETEX",
    group: Group::Hash,
    since: "8.0.0",
    arity: -5,
    flags: flag::WRITE | flag::FAST,
    keys: KEY,
    summary: "Returns the values of fields of a hash and sets or removes their expiry.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]",
    ts: "(key: Key, ...rest: Arg[]): (string | null)[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HGETEX h EX 60 FIELDS 2 a missing\n1) \"1\"\n2) (nil)\n> HTTL h FIELDS 2 a b\n1) (integer) 60\n2) (integer) -1\n> HGETEX h PERSIST FIELDS 1 a\n1) \"1\"\n> HTTL h FIELDS 1 a\n1) (integer) -1",
    differs: "Came with 8.0.",
    run: hgetex,
    ..Row::NONE
};

/// What HGETEX does to the fields it returns.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Nothing,
    Persist,
    Expire(u64),
    Delete,
}

fn hgetex(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    check_type(c)?;
    let mut args = c.args();
    args.next()?;
    let time = When::word(&mut args).map(|when| args.next().map(|time| (when, time))).transpose()?;
    let persist = time.is_none() && args.word("PERSIST");
    let fields = fields(&mut args, Error::NumFieldsNotPositive)?;
    let change = match time {
        Some((when, time)) => match when.field(time, c.ks.now, c.name())? {
            at if is_past(c.ks, at as i64) => Change::Delete,
            at => Change::Expire(at),
        },
        None if persist => Change::Persist,
        None => Change::Nothing,
    };
    let seed = c.ks.seed;
    c.out.array(fields.len());
    let mut changed = Vec::new();
    let out = &mut *c.out;
    let found = edit(c.ks, key, |hash| {
        for field in fields {
            match hash.get(field) {
                Some(value) => out.elem(value),
                None => out.null(),
            }
            if change_field(hash, field, change, seed) {
                changed.push(*field);
            }
        }
    })?;
    if found.is_none() {
        fields.iter().for_each(|_| c.out.null());
    }
    match change {
        Change::Delete => log_deleted(c, key, &changed),
        Change::Expire(at) => log_expiry(c, key, Some(at), &changed, &[]),
        _ => log_expiry(c, key, None, &changed, &[]),
    }
    Ok(())
}

/// Returns whether that changed anything.
fn change_field(hash: &mut Hash, field: &[u8], change: Change, seed: u64) -> bool {
    match change {
        Change::Nothing => false,
        Change::Delete => hash.remove(field),
        Change::Persist => {
            let had = hash.expire_at(field).is_some();
            hash.set_expire(field, None, seed);
            had
        }
        Change::Expire(at) => {
            hash.set_expire(field, Some(at), seed);
            hash.contains(field)
        }
    }
}

pub(super) const HSETEX: Row = Row {
    name: "HSETEX",
    group: Group::Hash,
    since: "8.0.0",
    arity: -6,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY,
    summary: "Sets fields of a hash with an expiry, all or, if a condition is not met, none. Returns 1 or 0.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]",
    ts: "(key: Key, ...rest: Arg[]): number",
    example: "> HSETEX h EX 60 FIELDS 2 a 1 b 2\n(integer) 1\n> HTTL h FIELDS 2 a b\n1) (integer) 60\n2) (integer) 60\n> HSETEX h FNX FIELDS 2 b 3 c 4\n(integer) 0\n> HSETEX h FXX KEEPTTL FIELDS 1 a 5\n(integer) 1\n> HTTL h FIELDS 1 a\n1) (integer) 60",
    differs: "Came with 8.0.",
    run: hsetex,
    ..Row::NONE
};

#[derive(Default)]
struct SetOptions<'a> {
    only_new: bool,
    only_old: bool,
    keep_ttl: bool,
    at: Option<u64>,
    /// Field, value, field, value …
    pairs: &'a [&'a [u8]],
}

fn hsetex(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let options = hsetex_options(c)?;
    let pairs = options.pairs;
    let hash = c.ks.look::<Hash>(key)?;
    let has = |field: &[u8]| hash.is_some_and(|hash| hash.contains(field));
    let mut fields = pairs.iter().step_by(2);
    if (options.only_new && fields.clone().any(|field| has(field)))
        || (options.only_old && fields.any(|field| !has(field)))
    {
        c.out.int(0);
        return Ok(());
    }
    c.out.int(1);
    match options.at {
        Some(at) if is_past(c.ks, at as i64) => {
            let delete = |hash: &mut Hash| -> Vec<&[u8]> {
                pairs.iter().step_by(2).filter(|field| hash.remove(field)).copied().collect()
            };
            let deleted = edit(c.ks, key, delete)?.unwrap_or_default();
            if !deleted.is_empty() {
                // They were set, if only for a moment.
                c.ks.notify(HASH, "hset", key);
            }
            log_deleted(c, key, &deleted);
            Ok(())
        }
        at => store(c, &options, at),
    }
}

fn store(c: &mut Ctx, options: &SetOptions, at: Option<u64>) -> Outcome {
    let (key, limits, seed) = (c.argv[1], c.ks.limits.hash, c.ks.seed);
    edit_or_new(c.ks, key, |hash| {
        for pair in options.pairs.chunks_exact(2) {
            if options.keep_ttl {
                hash.set_keep_ttl(pair[0], pair[1], &limits, seed);
            } else {
                hash.set(pair[0], pair[1], &limits, seed);
            }
            if at.is_some() {
                hash.set_expire(pair[0], at, seed);
            }
        }
    })?;
    c.ks.changed(key, HASH, "hset");
    c.ks.dirty += options.pairs.len() as u64 / 2 - 1;
    if let Some(at) = at {
        c.ks.notify(HASH, "hexpire", key);
        let (count, mut buf) = ((options.pairs.len() / 2).to_string(), [0; 40]);
        let head = [b"HSETEX", key, b"PXAT", fmt_i64(at as i64, &mut buf)];
        c.instead(&with_fields(&head, &count, options.pairs));
    }
    Ok(())
}

fn hsetex_options<'a>(c: &Ctx<'a>) -> Result<SetOptions<'a>, Error> {
    let mut args = c.args();
    args.next()?;
    let mut options = SetOptions::default();
    while let Some(word) = args.peek() {
        let timed = options.keep_ttl || options.at.is_some();
        if args.word("FIELDS") {
            options.pairs = pairs(&mut args, c.name())?;
            return Ok(options);
        } else if args.word("FNX") || args.word("FXX") {
            if options.only_new || options.only_old {
                return Err(Error::HsetexConditions);
            }
            options.only_new = word.eq_ignore_ascii_case(b"FNX");
            options.only_old = !options.only_new;
        } else if args.word("KEEPTTL") {
            if timed {
                return Err(Error::HsetexTimes);
            }
            options.keep_ttl = true;
        } else if let Some(when) = When::word(&mut args) {
            if timed {
                return Err(Error::HsetexTimes);
            }
            options.at = Some(when.field(args.next()?, c.ks.now, c.name())?);
        } else {
            return Err(Error::new(format!("ERR unknown argument: {}", String::from_utf8_lossy(word))));
        }
    }
    Err(Error::HsetexNoFields)
}

/// Takes the number of pairs and the pairs, which must be all that is left.
fn pairs<'a>(args: &mut Args<'a>, name: &str) -> Result<&'a [&'a [u8]], Error> {
    if args.left() < 3 {
        return Err(Error::arity(name));
    }
    let count = args::int_within(args.next()?, 1..=i64::from(i32::MAX), Error::NumFieldsInvalid)?;
    let pairs = args.rest();
    if pairs.len() as i64 == count * 2 { Ok(pairs) } else { Err(Error::arity(name)) }
}
