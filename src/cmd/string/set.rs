//! Setting one string: SET and its older siblings.

use super::condition::Only;
use super::get::{delete, reply_text};
use crate::base::num::fmt_i64;
use crate::cmd::expiry::{When, is_past};
use crate::engine::events::{GENERIC, STRING};
use crate::engine::{Ctx, Error, Group, KEY_OVERWRITE, Outcome, Row, Ttl, flag};

pub(super) const SET: Row = Row {
    name: "SET",
    group: Group::String,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,UPDATE,VARIABLE_FLAGS]",
    summary: "Sets the string value of a key, whatever type it held, and removes its expiry.",
    complexity: "O(1)",
    syntax: "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    ts: "(key: Key, value: Value, ...options: Arg[]): 'OK' | string | null",
    example: "> SET k v EX 60\nOK\n> SET k w NX\n(nil)\n> SET k w KEEPTTL GET\n\"v\"\n> TTL k\n(integer) 60\n> SET k x XX\nOK\n> TTL k\n(integer) -1\n> SET k y IFEQ v\n(nil)\n> SET k y IFEQ x\nOK",
    differs: "IFEQ, IFNE, IFDEQ and IFDNE came with 8.4 (documentation of SET). A time that is past deletes the key at once, as newer servers do; 7.0 keeps the key until it is met.",
    run: set,
    ..Row::NONE
};

#[derive(Default)]
struct SetOptions<'a> {
    only: Only<'a>,
    get: bool,
    ttl: Option<Ttl>,
}

fn set(c: &mut Ctx) -> Outcome {
    let (key, value) = (c.argv[1], c.argv[2]);
    let options = set_options(c)?;
    if options.get {
        reply_text(c.ks, c.out, key)?;
    }
    if !options.only.holds(c, key)? {
        if !options.get {
            c.out.null();
        }
        return Ok(());
    }
    match options.ttl {
        Some(Ttl::At(at)) => store_until(c, key, value, at),
        ttl => {
            let ttl = ttl.unwrap_or(Ttl::Clear);
            c.ks.set_text(key, value, ttl);
            c.ks.changed(key, STRING, "set");
            if let Only::IfValue(_) = options.only {
                log_plainly(c, key, value, ttl);
            } else if options.get {
                log_without_get(c);
            }
        }
    }
    if !options.get {
        c.out.ok();
    }
    Ok(())
}

fn set_options<'a>(c: &Ctx<'a>) -> Result<SetOptions<'a>, Error> {
    let mut args = c.args();
    args.take(2)?;
    let mut options = SetOptions::default();
    let mut time = None;
    while args.more() {
        if let Some(only) = options.only.word(&mut args)? {
            options.only = only;
        } else if args.word("GET") {
            options.get = true;
        } else if time.is_none() && args.word("KEEPTTL") {
            options.ttl = Some(Ttl::Keep);
        } else if options.ttl.is_none()
            && let Some(when) = When::word(&mut args)
            && time.is_none_or(|(earlier, _)| earlier == when)
        {
            // As in Redis, the same form may come again, and the last one counts.
            time = Some((when, args.next()?));
        } else {
            return Err(Error::Syntax);
        }
    }
    if let Some((when, time)) = time {
        options.ttl = Some(Ttl::At(when.positive(time, c.ks.now, c.name())?));
    }
    Ok(options)
}

/// Stores `value` at `key` for as long as `ttl` says, and logs a SET that does the same.
pub(super) fn store(c: &mut Ctx, key: &[u8], value: &[u8], ttl: Ttl) {
    if let Ttl::At(at) = ttl {
        return store_until(c, key, value, at);
    }
    c.ks.set_text(key, value, ttl);
    c.ks.changed(key, STRING, "set");
    log_plainly(c, key, value, ttl);
}

/// Stores `value` until `at` ms since the epoch, and logs it with that time. If the time is past, the key goes instead.
fn store_until(c: &mut Ctx, key: &[u8], value: &[u8], at: u64) {
    if is_past(c.ks, at as i64) {
        if c.ks.exists(key) {
            delete(c, key);
        }
        return;
    }
    c.ks.set_text(key, value, Ttl::At(at));
    c.ks.changed(key, STRING, "set");
    c.ks.notify(GENERIC, "expire", key);
    c.instead(&[b"SET", key, value, b"PXAT", fmt_i64(at as i64, &mut [0; 40])]);
}

/// Logs the SET that the command came to, which every server understands.
fn log_plainly(c: &mut Ctx, key: &[u8], value: &[u8], ttl: Ttl) {
    match ttl {
        Ttl::Keep => c.instead(&[b"SET", key, value, b"KEEPTTL"]),
        _ => c.instead(&[b"SET", key, value]),
    }
}

/// Logs the command's own words but `GET`: who replays it wants no reply.
fn log_without_get(c: &mut Ctx) {
    let (head, options) = c.argv.split_at(3);
    let words: Vec<&[u8]> =
        head.iter().chain(options.iter().filter(|arg| !arg.eq_ignore_ascii_case(b"GET"))).copied().collect();
    c.instead(&words);
}

pub(super) const SETNX: Row = Row {
    name: "SETNX",
    group: Group::String,
    since: "1.0.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[OW,INSERT]",
    summary: "Sets the string value of a key only if the key does not exist. SET with NX does the same.",
    complexity: "O(1)",
    syntax: "key value",
    ts: "(key: Key, value: Value): number",
    example: "> SETNX k v\n(integer) 1\n> SETNX k w\n(integer) 0\n> GET k\n\"v\"",
    run: setnx,
    ..Row::NONE
};

fn setnx(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let free = !c.ks.exists(key);
    if free {
        c.ks.set_text(key, c.argv[2], Ttl::Clear);
        c.ks.changed(key, STRING, "set");
    }
    c.out.int(i64::from(free));
    Ok(())
}

pub(super) const SETEX: Row = Row {
    name: "SETEX",
    group: Group::String,
    since: "2.0.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_OVERWRITE,
    summary: "Sets the string value of a key for so many seconds. SET with EX does the same.",
    complexity: "O(1)",
    syntax: "key seconds value",
    ts: "(key: Key, seconds: number, value: Value): 'OK'",
    example: "> SETEX k 60 v\nOK\n> TTL k\n(integer) 60\n> SETEX k 0 v\n(error) ERR invalid expire time in 'setex' command",
    run: setex,
    ..Row::NONE
};

fn setex(c: &mut Ctx) -> Outcome {
    set_for(c, When::Ex)
}

pub(super) const PSETEX: Row = Row {
    name: "PSETEX",
    group: Group::String,
    since: "2.6.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_OVERWRITE,
    summary: "Sets the string value of a key for so many milliseconds. SET with PX does the same.",
    complexity: "O(1)",
    syntax: "key milliseconds value",
    ts: "(key: Key, milliseconds: number, value: Value): 'OK'",
    example: "> PSETEX k 60000 v\nOK\n> TTL k\n(integer) 60",
    run: psetex,
    ..Row::NONE
};

fn psetex(c: &mut Ctx) -> Outcome {
    set_for(c, When::Px)
}

fn set_for(c: &mut Ctx, when: When) -> Outcome {
    let at = when.positive(c.argv[2], c.ks.now, c.name())?;
    store_until(c, c.argv[1], c.argv[3], at);
    c.out.ok();
    Ok(())
}
