//! When a key goes: setting, asking and taking back its expiry.

use super::look;
use crate::cmd::expiry::{Conditions, When, is_past};
use crate::engine::entry::Entry;
use crate::engine::events::GENERIC;
use crate::engine::{Ctx, Group, KEY_READ, KEY_UPDATE, Outcome, Row, flag};

/// The part that the four commands which set an expiry have in common.
const SETTER: Row = Row {
    group: Group::Generic,
    arity: -3,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_UPDATE,
    complexity: "O(1)",
    ..Row::NONE
};

pub(super) const EXPIRE: Row = Row {
    name: "EXPIRE",
    summary: "Sets a key to expire in so many seconds. Returns 1, or 0 if the key is missing or a condition fails.",
    syntax: "key seconds [NX | XX | GT | LT]",
    ts: "(key: Key, seconds: number, ...options: Arg[]): number",
    example: "> SET k v\nOK\n> EXPIRE k 100\n(integer) 1\n> TTL k\n(integer) 100\n> EXPIRE k 50 GT\n(integer) 0\n> EXPIRE k -1\n(integer) 1\n> EXISTS k\n(integer) 0",
    run: |c| expire(c, When::Ex),
    ..SETTER
};

pub(super) const PEXPIRE: Row = Row {
    name: "PEXPIRE",
    since: "2.6.0",
    summary: "Sets a key to expire in so many milliseconds. Returns 1, or 0 if the key is missing or a condition fails.",
    syntax: "key milliseconds [NX | XX | GT | LT]",
    ts: "(key: Key, milliseconds: number, ...options: Arg[]): number",
    example: "> SET k v\nOK\n> PEXPIRE k 100000\n(integer) 1\n> TTL k\n(integer) 100\n> PEXPIRE k 200000 NX\n(integer) 0",
    run: |c| expire(c, When::Px),
    ..SETTER
};

pub(super) const EXPIREAT: Row = Row {
    name: "EXPIREAT",
    since: "1.2.0",
    summary: "Sets a key to expire at a Unix time in seconds. Returns 1, or 0 if the key is missing or a condition fails.",
    syntax: "key unix-time-seconds [NX | XX | GT | LT]",
    ts: "(key: Key, unixTimeSeconds: number, ...options: Arg[]): number",
    example: "> SET k v\nOK\n> EXPIREAT k 33177117420\n(integer) 1\n> EXPIRETIME k\n(integer) 33177117420\n> EXPIREAT k 33177117421 LT\n(integer) 0",
    run: |c| expire(c, When::ExAt),
    ..SETTER
};

pub(super) const PEXPIREAT: Row = Row {
    name: "PEXPIREAT",
    since: "2.6.0",
    summary: "Sets a key to expire at a Unix time in milliseconds. Returns 1, or 0 if the key is missing or a condition fails.",
    syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
    ts: "(key: Key, unixTimeMilliseconds: number, ...options: Arg[]): number",
    example: "> SET k v\nOK\n> PEXPIREAT k 33177117420000\n(integer) 1\n> PEXPIRETIME k\n(integer) 33177117420000",
    run: |c| expire(c, When::PxAt),
    ..SETTER
};

fn expire(c: &mut Ctx, when: When) -> Outcome {
    let key = c.argv[1];
    let mut args = c.args();
    args.take(2)?;
    let conditions = Conditions::parse(&mut args)?;
    let at = when.at(c.argv[2], c.ks.now, c.name())?;
    let Some(old) = c.ks.expire_at(key) else {
        c.out.int(0);
        return Ok(());
    };
    if !conditions.allow(old, at) {
        c.out.int(0);
        return Ok(());
    }
    if is_past(c.ks, at) {
        c.ks.delete(key);
        c.ks.stats.expired += 1;
        c.ks.changed(key, GENERIC, "del");
        c.instead(&[b"DEL", key]);
    } else {
        // Only an effect of long ago can lie before the epoch.
        c.ks.set_expire(key, Some(at.max(0) as u64));
        c.ks.changed(key, GENERIC, "expire");
        if when != When::PxAt {
            let at = at.to_string();
            let argv: Vec<&[u8]> =
                [&b"PEXPIREAT"[..], key, at.as_bytes()].into_iter().chain(c.argv[3..].iter().copied()).collect();
            c.instead(&argv);
        }
    }
    c.out.int(1);
    Ok(())
}

pub(super) const PERSIST: Row = Row {
    name: "PERSIST",
    group: Group::Generic,
    since: "2.2.0",
    arity: 2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Takes the expiry of a key back. Returns 1 if it had one, 0 if not.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> SET k v EX 100\nOK\n> PERSIST k\n(integer) 1\n> TTL k\n(integer) -1\n> PERSIST k\n(integer) 0",
    run: persist,
    ..Row::NONE
};

fn persist(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let had_one = c.ks.expire_at(key).flatten().is_some();
    if had_one {
        c.ks.set_expire(key, None);
        c.ks.changed(key, GENERIC, "persist");
    }
    c.out.int(i64::from(had_one));
    Ok(())
}

/// The part that the four commands which ask for an expiry have in common.
const GETTER: Row = Row {
    group: Group::Generic,
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    ..Row::NONE
};

pub(super) const TTL: Row = Row {
    name: "TTL",
    summary: "Returns the seconds a key has left: -1 without an expiry, -2 without the key.",
    example: "> SET k v EX 100\nOK\n> TTL k\n(integer) 100\n> SET k v\nOK\n> TTL k\n(integer) -1\n> TTL missing\n(integer) -2",
    run: |c| {
        let now = c.ks.now;
        ask(c, |at| seconds(at.saturating_sub(now)))
    },
    ..GETTER
};

pub(super) const PTTL: Row = Row {
    name: "PTTL",
    since: "2.6.0",
    summary: "Returns the milliseconds a key has left: -1 without an expiry, -2 without the key.",
    example: "> SET k v\nOK\n> PTTL k\n(integer) -1\n> PTTL missing\n(integer) -2",
    run: |c| {
        let now = c.ks.now;
        ask(c, |at| at.saturating_sub(now))
    },
    ..GETTER
};

pub(super) const EXPIRETIME: Row = Row {
    name: "EXPIRETIME",
    since: "7.0.0",
    summary: "Returns the Unix time in seconds at which a key expires: -1 without an expiry, -2 without the key.",
    example: "> SET k v\nOK\n> EXPIREAT k 33177117420\n(integer) 1\n> EXPIRETIME k\n(integer) 33177117420\n> EXPIRETIME missing\n(integer) -2",
    run: |c| ask(c, seconds),
    ..GETTER
};

pub(super) const PEXPIRETIME: Row = Row {
    name: "PEXPIRETIME",
    since: "7.0.0",
    summary: "Returns the Unix time in milliseconds at which a key expires: -1 without an expiry, -2 without the key.",
    example: "> SET k v\nOK\n> PEXPIREAT k 33177117420000\n(integer) 1\n> PEXPIRETIME k\n(integer) 33177117420000\n> PEXPIRETIME missing\n(integer) -2",
    run: |c| ask(c, |at| at),
    ..GETTER
};

fn ask(c: &mut Ctx, say: impl FnOnce(u64) -> u64) -> Outcome {
    let answer = match look(c, c.argv[1]).map(Entry::expire) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => say(at) as i64,
    };
    c.out.int(answer);
    Ok(())
}

/// Rounds to the nearest second, as Redis does.
fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}
