//! Reading one string, and reading it while changing it or its expiry.

use crate::base::num::fmt_i64;
use crate::cmd::expiry::{When, is_past};
use crate::engine::events::{GENERIC, STRING};
use crate::engine::{
    Ctx, Error, Group, KEY_ACCESS_DELETE, KEY_ACCESS_UPDATE, KEY_READ, Keyspace, Outcome, Reply, Row, Ttl, flag,
};

pub(super) const GET: Row = Row {
    name: "GET",
    group: Group::String,
    since: "1.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns the string value of a key.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): string | null",
    example: "> GET missing\n(nil)\n> SET k v\nOK\n> GET k\n\"v\"",
    run: get,
    ..Row::NONE
};

fn get(c: &mut Ctx) -> Outcome {
    reply_text(c.ks, c.out, c.argv[1]).map(|_| ())
}

/// Writes the string at `key`, or null. Returns whether it is there. Fails if it holds another type.
pub(super) fn reply_text(ks: &mut Keyspace, out: &mut Reply, key: &[u8]) -> Result<bool, Error> {
    let text = ks.text(key)?;
    match text {
        Some(text) => out.elem(text),
        None => out.null(),
    }
    Ok(text.is_some())
}

pub(super) const GETDEL: Row = Row {
    name: "GETDEL",
    group: Group::String,
    since: "6.2.0",
    arity: 2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_DELETE,
    summary: "Returns the string value of a key and deletes the key.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): string | null",
    example: "> SET k v\nOK\n> GETDEL k\n\"v\"\n> GETDEL k\n(nil)",
    run: getdel,
    ..Row::NONE
};

fn getdel(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    if reply_text(c.ks, c.out, key)? {
        delete(c, key);
    }
    Ok(())
}

/// Deletes `key`, which is there, and logs a DEL.
pub(super) fn delete(c: &mut Ctx, key: &[u8]) {
    c.ks.delete(key);
    c.ks.changed(key, GENERIC, "del");
    c.instead(&[b"DEL", key]);
}

pub(super) const GETEX: Row = Row {
    name: "GETEX",
    group: Group::String,
    since: "6.2.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Returns the string value of a key and sets or removes its expiry.",
    complexity: "O(1)",
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    ts: "(key: Key, ...options: Arg[]): string | null",
    example: "> SET k v\nOK\n> GETEX k EX 60\n\"v\"\n> TTL k\n(integer) 60\n> GETEX k PERSIST\n\"v\"\n> TTL k\n(integer) -1\n> GETEX k PXAT 1\n\"v\"\n> EXISTS k\n(integer) 0",
    run: getex,
    ..Row::NONE
};

fn getex(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let (time, persist) = getex_options(c)?;
    // A missing key answers null before the time is looked at.
    if !reply_text(c.ks, c.out, key)? {
        return Ok(());
    }
    if let Some((when, time)) = time {
        let at = when.positive(time, c.ks.now, c.name())?;
        if is_past(c.ks, at as i64) {
            delete(c, key);
            return Ok(());
        }
        c.ks.set_expire(key, Some(at));
        c.ks.changed(key, GENERIC, "expire");
        c.instead(&[b"PEXPIREAT", key, fmt_i64(at as i64, &mut [0; 40])]);
    } else if persist && c.ks.expire_at(key).flatten().is_some() {
        c.ks.set_expire(key, None);
        c.ks.changed(key, GENERIC, "persist");
        c.instead(&[b"PERSIST", key]);
    }
    Ok(())
}

type Time<'a> = (When, &'a [u8]);

/// Returns the time to set, if any, and whether to remove it.
fn getex_options<'a>(c: &Ctx<'a>) -> Result<(Option<Time<'a>>, bool), Error> {
    let mut args = c.args();
    args.next()?;
    let (mut time, mut persist): (Option<Time>, bool) = (None, false);
    while args.more() {
        if time.is_none() && args.word("PERSIST") {
            persist = true;
        } else if !persist
            && let Some(when) = When::word(&mut args)
            && time.is_none_or(|(earlier, _)| earlier == when)
        {
            time = Some((when, args.next()?));
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((time, persist))
}

pub(super) const GETSET: Row = Row {
    name: "GETSET",
    group: Group::String,
    since: "1.0.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_ACCESS_UPDATE,
    summary: "Sets the string value of a key and returns the old one. SET with GET does the same.",
    complexity: "O(1)",
    syntax: "key value",
    ts: "(key: Key, value: Value): string | null",
    example: "> GETSET k v\n(nil)\n> GETSET k w\n\"v\"\n> GET k\n\"w\"",
    run: getset,
    ..Row::NONE
};

fn getset(c: &mut Ctx) -> Outcome {
    let (key, value) = (c.argv[1], c.argv[2]);
    reply_text(c.ks, c.out, key)?;
    c.ks.set_text(key, value, Ttl::Clear);
    c.ks.changed(key, STRING, "set");
    c.instead(&[b"SET", key, value]);
    Ok(())
}
