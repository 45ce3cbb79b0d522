//! Lists: changes in the middle.

use crate::ds::list::List;
use crate::engine::args::int;
use crate::engine::events::LIST;
use crate::engine::{Ctx, Error, Group, KEY_DELETE, KEY_INSERT, KEY_UPDATE, Outcome, Row, flag};

pub const LINSERT: Row = Row {
    name: "LINSERT",
    group: Group::List,
    since: "2.2.0",
    arity: 5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_INSERT,
    summary: "Adds an element before or after the first one that is equal to the pivot, and returns the length; -1 if there is none.",
    complexity: "O(N) where N is the number of elements before the pivot.",
    syntax: "key <BEFORE | AFTER> pivot element",
    ts: "(key: Key, where: 'BEFORE' | 'AFTER', pivot: Value, element: Value): number",
    example: "> RPUSH k a c\n(integer) 2\n> LINSERT k BEFORE c b\n(integer) 3\n> LINSERT k AFTER x y\n(integer) -1\n> LRANGE k 0 -1\n1) \"a\"\n2) \"b\"\n3) \"c\"",
    run: linsert,
    ..Row::NONE
};

fn linsert(c: &mut Ctx) -> Outcome {
    let [_, key, place, pivot, element] = *c.argv else { return Err(Error::Syntax) };
    let before = place.eq_ignore_ascii_case(b"BEFORE");
    if !before && !place.eq_ignore_ascii_case(b"AFTER") {
        return Err(Error::Syntax);
    }
    let limit = c.ks.limits.list;
    let Some(list) = c.ks.get_mut::<List>(key)? else {
        c.out.int(0);
        return Ok(());
    };
    if list.insert(pivot, before, element, limit) {
        c.out.len(list.len());
        c.ks.changed(key, LIST, "linsert");
    } else {
        c.out.int(-1);
    }
    Ok(())
}

pub const LSET: Row = Row {
    name: "LSET",
    group: Group::List,
    since: "1.0.0",
    arity: 4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_UPDATE,
    summary: "Replaces the element of a list at an index, counted from the end when negative.",
    complexity: "O(N) where N is the number of nodes before the element, O(1) for the first and the last.",
    syntax: "key index element",
    ts: "(key: Key, index: number, element: Value): 'OK'",
    example: "> RPUSH k a b\n(integer) 2\n> LSET k -1 c\nOK\n> LRANGE k 0 -1\n1) \"a\"\n2) \"c\"\n> LSET k 2 d\n(error) ERR index out of range",
    run: lset,
    ..Row::NONE
};

fn lset(c: &mut Ctx) -> Outcome {
    let (key, element) = (c.argv[1], c.argv[3]);
    let limit = c.ks.limits.list;
    c.ks.look::<List>(key)?.ok_or(Error::NoSuchKey)?;
    let index = int(c.argv[2])?;
    let list = c.ks.get_mut::<List>(key)?.ok_or(Error::NoSuchKey)?;
    if !list.set(index, element, limit) {
        return Err(Error::IndexOutOfRange);
    }
    c.ks.changed(key, LIST, "lset");
    c.out.ok();
    Ok(())
}

pub const LREM: Row = Row {
    name: "LREM",
    group: Group::List,
    since: "1.0.0",
    arity: 4,
    flags: flag::WRITE,
    keys: KEY_DELETE,
    summary: "Removes elements that are equal to the one given: so many from the front, from the back when negative, or all when 0.",
    complexity: "O(N+M) where N is the length of the list and M the number of elements removed.",
    syntax: "key count element",
    ts: "(key: Key, count: number, element: Value): number",
    example: "> RPUSH k a b a c a\n(integer) 5\n> LREM k -1 a\n(integer) 1\n> LREM k 0 a\n(integer) 2\n> LRANGE k 0 -1\n1) \"b\"\n2) \"c\"",
    run: lrem,
    ..Row::NONE
};

fn lrem(c: &mut Ctx) -> Outcome {
    let (key, element) = (c.argv[1], c.argv[3]);
    let count = int(c.argv[2])?;
    let limit = c.ks.limits.list;
    let Some(list) = c.ks.get_mut::<List>(key)? else {
        c.out.int(0);
        return Ok(());
    };
    let removed = list.remove(count, element, limit);
    if removed > 0 {
        c.ks.changed(key, LIST, "lrem");
        c.ks.dirty += removed as u64 - 1;
        c.ks.delete_if_empty(key);
    }
    c.out.len(removed);
    Ok(())
}

pub const LTRIM: Row = Row {
    name: "LTRIM",
    group: Group::List,
    since: "1.0.0",
    arity: 4,
    flags: flag::WRITE,
    keys: KEY_DELETE,
    summary: "Removes all elements of a list but those from one index to another, both included.",
    complexity: "O(N) where N is the number of elements removed.",
    syntax: "key start stop",
    ts: "(key: Key, start: number, stop: number): 'OK'",
    example: "> RPUSH k a b c d\n(integer) 4\n> LTRIM k 1 -2\nOK\n> LRANGE k 0 -1\n1) \"b\"\n2) \"c\"",
    run: ltrim,
    ..Row::NONE
};

fn ltrim(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let (start, stop) = (int(c.argv[2])?, int(c.argv[3])?);
    let limit = c.ks.limits.list;
    c.out.ok();
    let Some(list) = c.ks.get_mut::<List>(key)? else { return Ok(()) };
    let len = list.len();
    let (start, left) = super::slice(start, stop, len);
    list.trim(start, left, limit);
    let dirty = c.ks.dirty;
    c.ks.changed(key, LIST, "ltrim");
    // Nothing removed is no change to log, but Redis tells watchers and listeners all the same.
    c.ks.dirty = dirty + (len - left) as u64;
    c.ks.delete_if_empty(key);
    Ok(())
}
