//! Several strings at once: MGET, MSET, MSETNX.

use super::condition::Only;
use super::set::store;
use crate::cmd::expiry::When;
use crate::engine::events::STRING;
use crate::engine::{Ctx, Error, Group, Outcome, Row, Ttl, args, flag};

pub(super) const MGET: Row = Row {
    name: "MGET",
    group: Group::String,
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY | flag::FAST,
    keys: "idx:1/range:last=-1,step=1,limit=0[RO,ACCESS]",
    summary: "Returns the string values of several keys; null for a key that is missing or holds another type.",
    complexity: "O(N) where N is the number of keys",
    syntax: "key [key ...]",
    ts: "(...keys: Key[]): (string | null)[]",
    example: "> MSET a 1 b 2\nOK\n> RPUSH l x\n(integer) 1\n> MGET a missing b l\n1) \"1\"\n2) (nil)\n3) \"2\"\n4) (nil)",
    run: mget,
    ..Row::NONE
};

fn mget(c: &mut Ctx) -> Outcome {
    let keys = &c.argv[1..];
    c.out.array(keys.len());
    for key in keys {
        match c.ks.text(key) {
            Ok(Some(text)) => c.out.elem(text),
            _ => c.out.null(),
        }
    }
    Ok(())
}

pub(super) const MSET: Row = Row {
    name: "MSET",
    group: Group::String,
    since: "1.0.1",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=-1,step=2,limit=0[OW,UPDATE]",
    summary: "Sets the string values of several keys, all at once.",
    complexity: "O(N) where N is the number of keys",
    syntax: "key value [key value ...]",
    ts: "(...pairs: [Key, Value, ...(Key | Value)[]]): 'OK'",
    example: "> MSET a 1 b 2\nOK\n> MGET a b\n1) \"1\"\n2) \"2\"\n> MSET a 1 b\n(error) ERR wrong number of arguments for 'mset' command",
    run: mset,
    ..Row::NONE
};

fn mset(c: &mut Ctx) -> Outcome {
    check_pairs(c)?;
    store_all(c);
    c.out.ok();
    Ok(())
}

pub(super) const MSETNX: Row = Row {
    name: "MSETNX",
    group: Group::String,
    since: "1.0.1",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=-1,step=2,limit=0[OW,INSERT]",
    summary: "Sets the string values of several keys only if none of the keys exists.",
    complexity: "O(N) where N is the number of keys",
    syntax: "key value [key value ...]",
    ts: "(...pairs: [Key, Value, ...(Key | Value)[]]): number",
    example: "> MSETNX a 1 b 2\n(integer) 1\n> MSETNX b 3 c 4\n(integer) 0\n> MGET a b c\n1) \"1\"\n2) \"2\"\n3) (nil)",
    run: msetnx,
    ..Row::NONE
};

fn msetnx(c: &mut Ctx) -> Outcome {
    check_pairs(c)?;
    let free = !c.argv[1..].iter().step_by(2).any(|key| c.ks.exists(key));
    if free {
        store_all(c);
    }
    c.out.int(i64::from(free));
    Ok(())
}

pub(super) const MSETEX: Row = Row {
    name: "MSETEX",
    group: Group::String,
    since: "8.4.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/keynum:numidx=0,first=1,step=2[]",
    summary: "Sets the string values of several keys, all at once and with one expiry; with NX only if none of the keys exists, with XX only if all do. Returns 1 if it did, 0 if not.",
    complexity: "O(N) where N is the number of keys to set.",
    syntax: "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    ts: "(numkeys: number, ...pairsAndOptions: Arg[]): number",
    example: "> MSETEX 2 a 1 b 2 EX 60\n(integer) 1\n> TTL b\n(integer) 60\n> MSETEX 2 b 3 c 4 NX\n(integer) 0\n> MSETEX 1 b 3 XX KEEPTTL\n(integer) 1\n> MGET a b c\n1) \"1\"\n2) \"3\"\n3) (nil)",
    differs: "Came with 8.4 (documentation of MSETEX).",
    run: msetex,
    ..Row::NONE
};

fn msetex(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let pairs = args::int_within(args.next()?, 1..=i64::from(i32::MAX), Error::NumkeysInvalid)? as usize;
    let pairs = args.take(pairs.saturating_mul(2)).map_err(|_| Error::PairsMismatch)?;
    let (mut only, mut keep, mut time) = (Only::Always, false, None);
    while args.more() {
        match only.word(&mut args)? {
            Some(Only::IfValue(_)) => return Err(Error::Syntax),
            Some(word) => only = word,
            None if time.is_none() && !keep && args.word("KEEPTTL") => keep = true,
            None => match When::word(&mut args) {
                Some(when) if time.is_none() && !keep => time = Some((when, args.next()?)),
                _ => return Err(Error::Syntax),
            },
        }
    }
    let time = time.map(|(when, time)| when.positive(time, c.ks.now, c.name())).transpose()?;
    let ttl = time.map_or(if keep { Ttl::Keep } else { Ttl::Clear }, Ttl::At);
    let mut may = true;
    for pair in pairs.chunks_exact(2) {
        may &= only.holds(c, pair[0])?;
    }
    if may {
        // As SETs, which servers without this command understand too.
        pairs.chunks_exact(2).for_each(|pair| store(c, pair[0], pair[1], ttl));
    }
    c.out.int(i64::from(may));
    Ok(())
}

fn check_pairs(c: &Ctx) -> Outcome {
    if c.argv.len().is_multiple_of(2) { Err(Error::arity(c.name())) } else { Ok(()) }
}

fn store_all(c: &mut Ctx) {
    for pair in c.argv[1..].chunks_exact(2) {
        c.ks.set_text(pair[0], pair[1], Ttl::Clear);
        c.ks.changed(pair[0], STRING, "set");
    }
}
