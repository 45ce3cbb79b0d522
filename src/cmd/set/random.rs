//! Members by chance: SPOP and SRANDMEMBER.

use super::{reply_members, to_write};
use crate::base::rng::Rng;
use crate::ds::set::Set;
use crate::engine::events::{GENERIC, SET};
use crate::engine::{Ctx, Error, Group, KEY_ACCESS_DELETE, KEY_READ, Outcome, Reply, Row, args, flag};

/// Most members that one SREM of the log names, so that no effect is too long to send in one piece.
const EFFECT_MEMBERS: usize = 1024;
/// A reply with repetitions ends at this size: it could be longer than any memory.
const REPLY_MAX: usize = 1 << 30;

pub(super) const SPOP: Row = Row {
    name: "SPOP",
    group: Group::Set,
    since: "1.0.0",
    arity: -2,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_ACCESS_DELETE,
    summary: "Removes and returns a random member of a set, or several different ones. The key goes with the last one.",
    complexity: "O(1), O(N) for N members",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): string | string[] | null",
    example: "> SADD s a\n(integer) 1\n> SPOP s\n\"a\"\n> SPOP s\n(nil)\n> SADD t 1 2 3\n(integer) 3\n> SPOP t 5\n1) \"1\"\n2) \"2\"\n3) \"3\"",
    run: spop,
    ..Row::NONE
};

fn spop(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    match c.argv.len() {
        2 => spop_one(c, key),
        3 => {
            let count = args::int(c.argv[2]).ok().filter(|n| *n >= 0).ok_or(Error::OutOfRangePositive)?;
            spop_many(c, key, usize::try_from(count).unwrap_or(usize::MAX))
        }
        _ => Err(Error::Syntax),
    }
}

fn spop_one(c: &mut Ctx, key: &[u8]) -> Outcome {
    let mut rng = Rng::new(c.ks.rng.u64());
    let popped = c.ks.get_mut::<Set>(key)?.and_then(|set| set.pop_random(&mut rng));
    let Some(member) = popped else {
        c.out.null();
        return Ok(());
    };
    c.ks.changed(key, SET, "spop");
    c.instead(&[b"SREM", key, &member]);
    c.ks.delete_if_empty(key);
    c.out.bulk(&member);
    Ok(())
}

fn spop_many(c: &mut Ctx, key: &[u8], count: usize) -> Outcome {
    let Some(set) = to_write(c.ks, key)?.filter(|_| count > 0) else {
        c.out.set(0);
        return Ok(());
    };
    let size = set.len();
    if count >= size {
        reply_members(c.out, set);
        c.ks.changed(key, SET, "spop");
        c.ks.delete(key);
        c.ks.notify(GENERIC, "del", key);
        c.instead(&[b"DEL", key]);
    } else {
        let mut rng = Rng::new(c.ks.rng.u64());
        let popped = c.ks.get_mut::<Set>(key)?.map(|set| set.pop_sample(count, &mut rng)).unwrap_or_default();
        c.ks.changed(key, SET, "spop");
        c.out.set(popped.len());
        popped.iter().for_each(|member| c.out.bulk(member));
        for some in popped.chunks(EFFECT_MEMBERS) {
            let argv: Vec<&[u8]> = [&b"SREM"[..], key].into_iter().chain(some.iter().map(Vec::as_slice)).collect();
            c.instead(&argv);
        }
    }
    c.ks.dirty += count.min(size) as u64 - 1;
    Ok(())
}

pub(super) const SRANDMEMBER: Row = Row {
    name: "SRANDMEMBER",
    group: Group::Set,
    since: "1.0.0",
    arity: -2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns a random member of a set; with a count, so many different ones; with a negative count, so many with repetitions.",
    complexity: "O(1), O(N) for N members",
    syntax: "key [count]",
    ts: "(key: Key, count?: number): string | string[] | null",
    example: "> SADD s 7\n(integer) 1\n> SRANDMEMBER s\n\"7\"\n> SRANDMEMBER s 5\n1) \"7\"\n> SRANDMEMBER s -3\n1) \"7\"\n2) \"7\"\n3) \"7\"",
    differs: "A reply with repetitions that would exceed 1 GiB is refused instead of taking all memory.",
    run: srandmember,
    ..Row::NONE
};

fn srandmember(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let count = match c.argv.len() {
        2 => None,
        3 => Some(args::int(c.argv[2])?),
        _ => return Err(Error::Syntax),
    };
    // Its opposite must be a number too.
    if count == Some(i64::MIN) {
        let text = format!("ERR value is out of range, value must between {} and {}", -i64::MAX, i64::MAX);
        return Err(Error::new(text));
    }
    let mut rng = Rng::new(c.ks.rng.u64());
    let set = c.ks.get::<Set>(key)?;
    match (set, count) {
        (None, None) => {
            c.out.null();
            Ok(())
        }
        (None, Some(_)) => {
            c.out.array(0);
            Ok(())
        }
        (Some(set), None) => {
            set.random(&mut rng).into_iter().for_each(|member| c.out.elem(member));
            Ok(())
        }
        (Some(set), Some(count @ 0..)) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            c.out.array(count.min(set.len()));
            set.sample(count, &mut rng, |member| c.out.elem(member));
            Ok(())
        }
        (Some(set), Some(count)) => with_repetitions(c.out, set, count.unsigned_abs(), &mut rng),
    }
}

fn with_repetitions(out: &mut Reply, set: &Set, count: u64, rng: &mut Rng) -> Outcome {
    // Six bytes are the shortest member's share of the reply.
    let count = usize::try_from(count).ok().filter(|n| *n <= REPLY_MAX / 6).ok_or(Error::ReplyTooLong)?;
    let end = out.mark() + REPLY_MAX;
    out.array(count);
    for _ in 0..count {
        set.random(rng).into_iter().for_each(|member| out.elem(member));
        if out.mark() > end {
            return Err(Error::ReplyTooLong);
        }
    }
    Ok(())
}
