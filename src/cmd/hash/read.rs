//! Reading fields and values.

use super::View;
use crate::ds::hash::Hash;
use crate::ds::listpack::Elem;
use crate::engine::{Ctx, Group, KEY_META, KEY_READ, Outcome, Row, flag};

pub(super) const HGET: Row = Row {
    name: "HGET",
    group: Group::Hash,
    since: "2.0.0",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns the value of a field of a hash.",
    complexity: "O(1)",
    syntax: "key field",
    ts: "(key: Key, field: Value): string | null",
    example: "> HSET h f v\n(integer) 1\n> HGET h f\n\"v\"\n> HGET h missing\n(nil)",
    run: hget,
    ..Row::NONE
};

fn hget(c: &mut Ctx) -> Outcome {
    let (view, field) = (View::of(c.ks), c.argv[2]);
    match c.ks.get::<Hash>(c.argv[1])?.and_then(|hash| view.get(hash, field)) {
        Some(value) => c.out.elem(value),
        None => c.out.null(),
    }
    Ok(())
}

pub(super) const HMGET: Row = Row {
    name: "HMGET",
    group: Group::Hash,
    since: "2.0.0",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns the values of several fields of a hash.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key field [field ...]",
    ts: "(key: Key, ...fields: Value[]): (string | null)[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HMGET h a missing b\n1) \"1\"\n2) (nil)\n3) \"2\"",
    run: hmget,
    ..Row::NONE
};

fn hmget(c: &mut Ctx) -> Outcome {
    let (view, fields) = (View::of(c.ks), &c.argv[2..]);
    let hash = c.ks.get::<Hash>(c.argv[1])?;
    c.out.array(fields.len());
    for field in fields {
        match hash.and_then(|hash| view.get(hash, field)) {
            Some(value) => c.out.elem(value),
            None => c.out.null(),
        }
    }
    Ok(())
}

pub(super) const HGETALL: Row = Row {
    name: "HGETALL",
    group: Group::Hash,
    since: "2.0.0",
    arity: 2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns all fields of a hash with their values.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key",
    ts: "(key: Key): Record<string, string>",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HGETALL h\n1) \"a\"\n2) \"1\"\n3) \"b\"\n4) \"2\"\n> HGETALL missing\n(empty array)",
    run: hgetall,
    ..Row::NONE
};

fn hgetall(c: &mut Ctx) -> Outcome {
    let view = View::of(c.ks);
    let Some(hash) = c.ks.get::<Hash>(c.argv[1])? else {
        c.out.map(0);
        return Ok(());
    };
    c.out.map(hash.len() - view.hidden(hash));
    for (field, value) in view.iter(hash) {
        c.out.elem(field);
        c.out.elem(value);
    }
    Ok(())
}

pub(super) const HKEYS: Row = Row {
    name: "HKEYS",
    group: Group::Hash,
    since: "2.0.0",
    arity: 2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns all fields of a hash.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key",
    ts: "(key: Key): string[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HKEYS h\n1) \"a\"\n2) \"b\"",
    run: hkeys,
    ..Row::NONE
};

fn hkeys(c: &mut Ctx) -> Outcome {
    reply_column(c, |(field, _)| field)
}

pub(super) const HVALS: Row = Row {
    name: "HVALS",
    group: Group::Hash,
    since: "2.0.0",
    arity: 2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns all values of a hash.",
    complexity: "O(N) where N is the number of fields",
    syntax: "key",
    ts: "(key: Key): string[]",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HVALS h\n1) \"1\"\n2) \"2\"",
    run: hvals,
    ..Row::NONE
};

fn hvals(c: &mut Ctx) -> Outcome {
    reply_column(c, |(_, value)| value)
}

fn reply_column(c: &mut Ctx, pick: for<'e> fn((Elem<'e>, Elem<'e>)) -> Elem<'e>) -> Outcome {
    let view = View::of(c.ks);
    let Some(hash) = c.ks.get::<Hash>(c.argv[1])? else {
        c.out.array(0);
        return Ok(());
    };
    c.out.array(hash.len() - view.hidden(hash));
    view.iter(hash).for_each(|pair| c.out.elem(pick(pair)));
    Ok(())
}

pub(super) const HLEN: Row = Row {
    name: "HLEN",
    group: Group::Hash,
    since: "2.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the number of fields of a hash.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> HSET h a 1 b 2\n(integer) 2\n> HLEN h\n(integer) 2\n> HLEN missing\n(integer) 0",
    run: hlen,
    ..Row::NONE
};

fn hlen(c: &mut Ctx) -> Outcome {
    let view = View::of(c.ks);
    let len = c.ks.get::<Hash>(c.argv[1])?.map_or(0, |hash| hash.len() - view.hidden(hash));
    c.out.len(len);
    Ok(())
}

pub(super) const HEXISTS: Row = Row {
    name: "HEXISTS",
    group: Group::Hash,
    since: "2.0.0",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Tells whether a hash has a field.",
    complexity: "O(1)",
    syntax: "key field",
    ts: "(key: Key, field: Value): number",
    example: "> HSET h f v\n(integer) 1\n> HEXISTS h f\n(integer) 1\n> HEXISTS h missing\n(integer) 0",
    run: hexists,
    ..Row::NONE
};

fn hexists(c: &mut Ctx) -> Outcome {
    let (view, field) = (View::of(c.ks), c.argv[2]);
    let there = c.ks.get::<Hash>(c.argv[1])?.is_some_and(|hash| hash.contains(field) && !view.hides(hash, field));
    c.out.int(i64::from(there));
    Ok(())
}

pub(super) const HSTRLEN: Row = Row {
    name: "HSTRLEN",
    group: Group::Hash,
    since: "3.2.0",
    arity: 3,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the length of the value of a field in bytes, 0 for a missing one.",
    complexity: "O(1)",
    syntax: "key field",
    ts: "(key: Key, field: Value): number",
    example: "> HSET h f hello\n(integer) 1\n> HSTRLEN h f\n(integer) 5\n> HSTRLEN h missing\n(integer) 0",
    run: hstrlen,
    ..Row::NONE
};

fn hstrlen(c: &mut Ctx) -> Outcome {
    let (view, field) = (View::of(c.ks), c.argv[2]);
    let len = c.ks.get::<Hash>(c.argv[1])?.and_then(|hash| view.get(hash, field)).map_or(0, Elem::len);
    c.out.len(len);
    Ok(())
}
