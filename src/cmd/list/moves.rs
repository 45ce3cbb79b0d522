//! Lists: moving an element from one to another, waiting for it or not.

use super::push::pushed;
use super::{side, taken};
use crate::ds::list::{End, List};
use crate::engine::args::timeout_ms;
use crate::engine::events::LIST;
use crate::engine::value::Type;
use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};

/// The source at position 1 and the destination at position 2.
const KEYS: &str = "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,DELETE]; idx:2/range:last=0,step=1,limit=0[RW,INSERT]";

pub const LMOVE: Row = Row {
    name: "LMOVE",
    group: Group::List,
    since: "6.2.0",
    arity: 5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEYS,
    summary: "Moves an element from an end of one list to an end of another, or of the same, and returns it.",
    complexity: "O(1)",
    syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
    ts: "(source: Key, destination: Key, from: 'LEFT' | 'RIGHT', to: 'LEFT' | 'RIGHT'): string | null",
    example: "> RPUSH a 1 2 3\n(integer) 3\n> LMOVE a b RIGHT LEFT\n\"3\"\n> LMOVE a b LEFT LEFT\n\"1\"\n> LRANGE b 0 -1\n1) \"1\"\n2) \"3\"",
    run: |c| {
        let (from, to) = (side(c.argv[3])?, side(c.argv[4])?);
        move_now(c, from, to)
    },
    ..Row::NONE
};

pub const RPOPLPUSH: Row = Row {
    name: "RPOPLPUSH",
    group: Group::List,
    since: "1.2.0",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEYS,
    summary: "Moves the last element of one list before the first of another, or of the same, and returns it.",
    complexity: "O(1)",
    syntax: "source destination",
    ts: "(source: Key, destination: Key): string | null",
    example: "> RPUSH a 1 2 3\n(integer) 3\n> RPOPLPUSH a b\n\"3\"\n> RPOPLPUSH a a\n\"2\"\n> LRANGE a 0 -1\n1) \"2\"\n2) \"1\"",
    run: |c| move_now(c, End::Back, End::Front),
    ..Row::NONE
};

fn move_now(c: &mut Ctx, from: End, to: End) -> Outcome {
    if !shift(c, from, to)? {
        c.out.null();
    }
    Ok(())
}

pub const BLMOVE: Row = Row {
    name: "BLMOVE",
    group: Group::List,
    since: "6.2.0",
    arity: 6,
    flags: flag::WRITE | flag::DENYOOM | flag::BLOCKING,
    keys: KEYS,
    summary: "Moves an element from an end of one list to an end of another, or of the same, and returns it. Waits if there is none.",
    complexity: "O(1)",
    syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
    ts: "(source: Key, destination: Key, from: 'LEFT' | 'RIGHT', to: 'LEFT' | 'RIGHT', timeout: number): string | null",
    example: "> RPUSH a 1 2 3\n(integer) 3\n> BLMOVE a b LEFT RIGHT 0\n\"1\"\n> LRANGE b 0 -1\n1) \"1\"",
    run: |c| {
        let (from, to) = (side(c.argv[3])?, side(c.argv[4])?);
        let effect: [&[u8]; 5] = [b"LMOVE", c.argv[1], c.argv[2], c.argv[3], c.argv[4]];
        move_or_wait(c, from, to, c.argv[5], &effect)
    },
    ..Row::NONE
};

pub const BRPOPLPUSH: Row = Row {
    name: "BRPOPLPUSH",
    group: Group::List,
    since: "2.2.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM | flag::BLOCKING,
    keys: KEYS,
    summary: "Moves the last element of one list before the first of another, or of the same, and returns it. Waits if there is none.",
    complexity: "O(1)",
    syntax: "source destination timeout",
    ts: "(source: Key, destination: Key, timeout: number): string | null",
    example: "> RPUSH a 1 2 3\n(integer) 3\n> BRPOPLPUSH a b 0\n\"3\"\n> LRANGE b 0 -1\n1) \"3\"",
    run: |c| {
        let effect: [&[u8]; 3] = [b"RPOPLPUSH", c.argv[1], c.argv[2]];
        move_or_wait(c, End::Back, End::Front, c.argv[3], &effect)
    },
    ..Row::NONE
};

/// Moves an element, or waits for one. `effect` is the command that does the same without waiting.
fn move_or_wait(c: &mut Ctx, from: End, to: End, timeout: &[u8], effect: &[&[u8]]) -> Outcome {
    let timeout = timeout_ms(timeout, c.ks.now)?;
    if shift(c, from, to)? {
        c.instead(effect);
    } else if c.nested {
        c.out.null();
    } else {
        c.wait_for(&c.argv[1..2], Type::List, timeout);
    }
    Ok(())
}

/// Moves an element from the list at argument 1 to the one at argument 2, and replies with it. Returns false if the first is missing.
fn shift(c: &mut Ctx, from: End, to: End) -> Result<bool, Error> {
    let (source, destination) = (c.argv[1], c.argv[2]);
    let limit = c.ks.limits.list;
    if c.ks.look::<List>(source)?.is_none() {
        return Ok(false);
    }
    c.ks.look::<List>(destination)?;
    let Some(element) = c.ks.get_mut::<List>(source)?.and_then(|list| list.pop(from, limit)) else { return Ok(false) };
    c.ks.get_or_new::<List>(destination)?.push(to, &element, limit);
    c.out.bulk(&element);
    // Redis tells of the push first.
    c.ks.touch_watchers(destination);
    c.ks.notify(LIST, pushed(to), destination);
    taken(c.ks, source, from, 1);
    Ok(true)
}
