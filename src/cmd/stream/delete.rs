//! Streams: deleting entries by their ids.

use super::ids;
use super::trim::references;
use crate::ds::stream::{Id, References, Stream};
use crate::engine::args::int_within;
use crate::engine::events::STREAM;
use crate::engine::{Args, Ctx, Error, Group, KEY_DELETE, Outcome, Row, flag};

pub const XDEL: Row = Row {
    name: "XDEL",
    group: Group::Stream,
    since: "5.0.0",
    arity: -3,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_DELETE,
    summary: "Deletes entries of a stream and returns how many were there.",
    complexity: "O(log(N)) for each entry, where N is the number of entries.",
    syntax: "key id [id ...]",
    ts: "(key: Key, ...ids: string[]): number",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XDEL s 1-0 1-0 7-0\n(integer) 1\n> XRANGE s - +\n1) 1) \"2-0\"\n   2) 1) \"a\"\n      2) \"2\"",
    run: xdel,
    ..Row::NONE
};

fn xdel(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    if c.ks.look::<Stream>(key)?.is_none() {
        c.out.int(0);
        return Ok(());
    }
    let ids: Vec<Id> = c.argv[2..].iter().map(|text| ids::id(text, 0)).collect::<Result<_, _>>()?;
    let Some(stream) = c.ks.get_mut::<Stream>(key)? else { return Ok(()) };
    let deleted = ids.iter().filter(|id| stream.delete(**id)).count();
    deleted_from(c, key, deleted);
    c.out.len(deleted);
    Ok(())
}

/// Says that `count` entries of the stream at `key` were deleted, if any.
pub(super) fn deleted_from(c: &mut Ctx, key: &[u8], count: usize) {
    if count > 0 {
        c.ks.changed(key, STREAM, "xdel");
        c.ks.dirty += count as u64 - 1;
    }
}

pub const XDELEX: Row = Row {
    name: "XDELEX",
    group: Group::Stream,
    since: "8.2.0",
    arity: -5,
    flags: flag::WRITE | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[]",
    summary: "Deletes entries of a stream and says of each whether it was there (1, -1) or stays because a group needs it (2); can make all groups forget them.",
    complexity: "O(log(N)) for each entry and group, where N is the number of entries.",
    syntax: "key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
    ts: "(key: Key, ...rest: Arg[]): number[]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me COUNT 1 STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XDELEX s ACKED IDS 2 1-0 7-0\n1) (integer) 2\n2) (integer) -1\n> XDELEX s DELREF IDS 1 1-0\n1) (integer) 1\n> XPENDING s g - + 10\n(empty array)",
    differs: "Came with 8.2.",
    run: xdelex,
    ..Row::NONE
};

fn xdelex(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let (references, ids) = references_and_ids(&mut Args::from(c.argv, 2))?;
    c.out.array(ids.len());
    let Some(stream) = c.ks.get_mut::<Stream>(key)? else {
        ids.iter().for_each(|_| c.out.int(NO_ENTRY));
        return Ok(());
    };
    let (mut deleted, mut dropped) = (0, 0);
    for id in ids {
        let needed = references == References::Acknowledged && !stream.is_acknowledged(id);
        dropped += usize::from(references == References::Delete && stream.drop_references(id));
        let answer = if needed && stream.get(id).is_some() {
            STAYS
        } else if !needed && stream.delete(id) {
            deleted += 1;
            DELETED
        } else {
            NO_ENTRY
        };
        c.out.int(answer);
    }
    deleted_from(c, key, deleted);
    // Groups that forget an entry are a change even when the entry had gone before.
    c.ks.dirty += u64::from(deleted == 0 && dropped > 0);
    Ok(())
}

/// Answers of XDELEX and XACKDEL: there is no such entry, it was deleted, it stays because a group needs it.
pub(super) const NO_ENTRY: i64 = -1;
pub(super) const DELETED: i64 = 1;
pub(super) const STAYS: i64 = 2;

/// Takes `[KEEPREF | DELREF | ACKED] IDS numids id…`, in any order, which must be all that is left.
pub(super) fn references_and_ids(args: &mut Args) -> Result<(References, Vec<Id>), Error> {
    let (mut how, mut ids) = (None, None);
    while args.more() {
        if let Some(references) = references(args) {
            if how.replace(references).is_some() {
                return Err(Error::Syntax);
            }
        } else if ids.is_none() && args.word("IDS") {
            let count = int_within(args.next()?, 1..=i64::MAX, Error::NumIdsNotPositive)?;
            let texts = args.take(usize::try_from(count).unwrap_or(usize::MAX)).map_err(|_| Error::NumIdsMismatch)?;
            ids = Some(texts.iter().map(|text| ids::id(text, 0)).collect::<Result<_, _>>()?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((how.unwrap_or_default(), ids.ok_or(Error::Syntax)?))
}
