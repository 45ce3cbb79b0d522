//! Sets: members that are there or not. Set algebra and chance have files of their own.

mod algebra;
mod random;

use super::scan::{self, ScanOptions, Scanned};
use crate::ds::set::Set;
use crate::engine::events::SET;
use crate::engine::value::Object;
use crate::engine::{
    Ctx, Error, Group, KEY_DELETE, KEY_INSERT, KEY_META, KEY_READ, Keyspace, Outcome, Reply, Row, Ttl, flag,
};

/// The family.
pub const ROWS: &[Row] = &[
    SADD,
    SCARD,
    algebra::SDIFF,
    algebra::SDIFFSTORE,
    algebra::SINTER,
    algebra::SINTERCARD,
    algebra::SINTERSTORE,
    SISMEMBER,
    SMEMBERS,
    SMISMEMBER,
    SMOVE,
    random::SPOP,
    random::SRANDMEMBER,
    SREM,
    SSCAN,
    algebra::SUNION,
    algebra::SUNIONSTORE,
];

const SADD: Row = Row {
    name: "SADD",
    group: Group::Set,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_INSERT,
    summary: "Adds members to a set, made if it is not there. Returns how many were new.",
    complexity: "O(N) for N members",
    syntax: "key member [member ...]",
    ts: "(key: Key, member: Value, ...members: Value[]): number",
    example: "> SADD s 3 1 2\n(integer) 3\n> SADD s 3 4\n(integer) 1\n> SMEMBERS s\n1) \"1\"\n2) \"2\"\n3) \"3\"\n4) \"4\"",
    run: sadd,
    ..Row::NONE
};

fn sadd(c: &mut Ctx) -> Outcome {
    let (key, members) = (c.argv[1], &c.argv[2..]);
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    let added = match c.ks.get_mut::<Set>(key)? {
        Some(set) => {
            set.reserve(members.len(), &limits, seed);
            members.iter().filter(|member| set.add(member, &limits, seed)).count()
        }
        None => {
            let mut set = Set::with_hint(members[0], members.len(), &limits, seed);
            let added = members.iter().filter(|member| set.add(member, &limits, seed)).count();
            c.ks.set_object(key, Object::Set(set), Ttl::Clear);
            added
        }
    };
    if added > 0 {
        c.ks.changed(key, SET, "sadd");
        c.ks.dirty += added as u64 - 1;
    }
    c.out.len(added);
    Ok(())
}

const SREM: Row = Row {
    name: "SREM",
    group: Group::Set,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_DELETE,
    summary: "Removes members from a set. Returns how many were there. The key goes with the last one.",
    complexity: "O(N) for N members",
    syntax: "key member [member ...]",
    ts: "(key: Key, member: Value, ...members: Value[]): number",
    example: "> SADD s a b\n(integer) 2\n> SREM s a c\n(integer) 1\n> SREM s b\n(integer) 1\n> EXISTS s\n(integer) 0",
    run: srem,
    ..Row::NONE
};

fn srem(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let mut removed = 0;
    if let Some(set) = c.ks.get_mut::<Set>(key)? {
        removed = c.argv[2..].iter().filter(|member| set.remove(member)).count();
    }
    if removed > 0 {
        c.ks.changed(key, SET, "srem");
        c.ks.dirty += removed as u64 - 1;
        c.ks.delete_if_empty(key);
    }
    c.out.len(removed);
    Ok(())
}

const SMOVE: Row = Row {
    name: "SMOVE",
    group: Group::Set,
    since: "1.0.0",
    arity: 4,
    flags: flag::WRITE | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,DELETE]; idx:2/range:last=0,step=1,limit=0[RW,INSERT]",
    summary: "Moves a member from one set to another. Returns 1 if it was there, 0 if not.",
    complexity: "O(1)",
    syntax: "source destination member",
    ts: "(source: Key, destination: Key, member: Value): number",
    example: "> SADD a 1 2\n(integer) 2\n> SMOVE a b 2\n(integer) 1\n> SMOVE a b 9\n(integer) 0\n> SMEMBERS b\n1) \"2\"",
    run: smove,
    ..Row::NONE
};

fn smove(c: &mut Ctx) -> Outcome {
    let (from, to, member) = (c.argv[1], c.argv[2], c.argv[3]);
    let (limits, seed) = (c.ks.limits.set, c.ks.seed);
    let Some(source) = to_write(c.ks, from)? else {
        c.out.int(0);
        return Ok(());
    };
    let there = source.contains(member);
    to_write(c.ks, to)?;
    c.out.int(i64::from(there));
    if !there || from == to {
        return Ok(());
    }
    if let Some(set) = c.ks.get_mut::<Set>(from)? {
        set.remove(member);
    }
    c.ks.changed(from, SET, "srem");
    c.ks.delete_if_empty(from);
    if c.ks.get_or_new::<Set>(to)?.add(member, &limits, seed) {
        c.ks.changed(to, SET, "sadd");
    }
    Ok(())
}

/// Returns the set at `key` before it is written to: unlike a read, this is neither counted nor remembered.
fn to_write<'k>(ks: &'k mut Keyspace, key: &[u8]) -> Result<Option<&'k Set>, Error> {
    if ks.exists(key) { ks.see(key) } else { Ok(None) }
}

const SISMEMBER: Row = Row {
    name: "SISMEMBER",
    group: Group::Set,
    since: "1.0.0",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns 1 if a member is in a set, 0 if not.",
    complexity: "O(1)",
    syntax: "key member",
    ts: "(key: Key, member: Value): number",
    example: "> SADD s a\n(integer) 1\n> SISMEMBER s a\n(integer) 1\n> SISMEMBER s b\n(integer) 0",
    run: sismember,
    ..Row::NONE
};

fn sismember(c: &mut Ctx) -> Outcome {
    let there = c.ks.get::<Set>(c.argv[1])?.is_some_and(|set| set.contains(c.argv[2]));
    c.out.int(i64::from(there));
    Ok(())
}

const SMISMEMBER: Row = Row {
    name: "SMISMEMBER",
    group: Group::Set,
    since: "6.2.0",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns for each of the members 1 if it is in a set, 0 if not.",
    complexity: "O(N) for N members",
    syntax: "key member [member ...]",
    ts: "(key: Key, member: Value, ...members: Value[]): number[]",
    example: "> SADD s a b\n(integer) 2\n> SMISMEMBER s a x b\n1) (integer) 1\n2) (integer) 0\n3) (integer) 1",
    run: smismember,
    ..Row::NONE
};

fn smismember(c: &mut Ctx) -> Outcome {
    let set = c.ks.get::<Set>(c.argv[1])?;
    let members = &c.argv[2..];
    c.out.array(members.len());
    for member in members {
        c.out.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

const SCARD: Row = Row {
    name: "SCARD",
    group: Group::Set,
    since: "1.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns how many members a set has.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> SADD s a b\n(integer) 2\n> SCARD s\n(integer) 2\n> SCARD missing\n(integer) 0",
    run: scard,
    ..Row::NONE
};

fn scard(c: &mut Ctx) -> Outcome {
    let count = c.ks.get::<Set>(c.argv[1])?.map_or(0, Set::len);
    c.out.len(count);
    Ok(())
}

const SMEMBERS: Row = Row {
    name: "SMEMBERS",
    group: Group::Set,
    since: "1.0.0",
    arity: 2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns all members of a set.",
    complexity: "O(N) for N members",
    syntax: "key",
    ts: "(key: Key): string[]",
    example: "> SADD s 30 10 20\n(integer) 3\n> SMEMBERS s\n1) \"10\"\n2) \"20\"\n3) \"30\"\n> SMEMBERS missing\n(empty array)",
    run: smembers,
    ..Row::NONE
};

fn smembers(c: &mut Ctx) -> Outcome {
    match c.ks.get::<Set>(c.argv[1])? {
        Some(set) => reply_members(c.out, set),
        None => c.out.set(0),
    }
    Ok(())
}

/// Writes a set's members as a set.
fn reply_members(out: &mut Reply, set: &Set) {
    out.set(set.len());
    set.iter().for_each(|member| out.elem(member));
}

const SSCAN: Row = Row {
    name: "SSCAN",
    group: Group::Set,
    since: "2.8.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns some members of a set, and the cursor that continues from there: 0 when all have been returned.",
    complexity: "O(1) for each call, O(N) for all of N members",
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    ts: "(key: Key, cursor: Arg, ...options: Arg[]): [string, string[]]",
    example: "> SADD s 10 11 20\n(integer) 3\n> SSCAN s 0 MATCH 1* COUNT 100\n1) \"0\"\n2) 1) \"10\"\n   2) \"11\"",
    run: sscan,
    ..Row::NONE
};

fn sscan(c: &mut Ctx) -> Outcome {
    let cursor = scan::cursor(c.argv[2])?;
    let mut args = c.args();
    args.take(2)?;
    let Some(set) = c.ks.get::<Set>(c.argv[1])? else {
        scan::reply_empty(c.out);
        return Ok(());
    };
    let options = ScanOptions::parse(&mut args, Scanned::Members)?;
    scan::reply(c.out, |out| {
        let mut count = 0;
        let next = set.scan(cursor, options.count, |member| {
            if member.with(|text| options.matches(text)) {
                out.elem(member);
                count += 1;
            }
        });
        (next, count)
    });
    Ok(())
}
