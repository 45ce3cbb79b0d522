//! Streams: acknowledging what was delivered to a consumer group.

use super::delete::{DELETED, NO_ENTRY, STAYS, deleted_from, references_and_ids};
use super::ids;
use crate::ds::stream::{Id, References, Stream};
use crate::engine::{Args, Ctx, Group, KEY_UPDATE, Outcome, Row, flag};

pub const XACK: Row = Row {
    name: "XACK",
    group: Group::Stream,
    since: "5.0.0",
    arity: -4,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Takes entries off the list of what is pending for a consumer group and returns how many were on it.",
    complexity: "O(log(N)) for each entry, where N is the number of pending entries.",
    syntax: "key group id [id ...]",
    ts: "(key: Key, group: string, ...ids: string[]): number",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XACK s g 1-0 7-0\n(integer) 1\n> XACK s g 1-0\n(integer) 0",
    run: xack,
    ..Row::NONE
};

fn xack(c: &mut Ctx) -> Outcome {
    let (key, group) = (c.argv[1], c.argv[2]);
    if c.ks.look::<Stream>(key)?.and_then(|stream| stream.group(group)).is_none() {
        c.out.int(0);
        return Ok(());
    }
    let ids: Vec<Id> = c.argv[3..].iter().map(|text| ids::id(text, 0)).collect::<Result<_, _>>()?;
    let Some((_, group)) = c.ks.get_mut::<Stream>(key)?.and_then(|stream| stream.group_mut(group)) else {
        return Ok(());
    };
    let acknowledged = ids.iter().filter(|id| group.acknowledge(**id)).count();
    c.ks.dirty += acknowledged as u64;
    c.out.len(acknowledged);
    Ok(())
}

pub const XACKDEL: Row = Row {
    name: "XACKDEL",
    group: Group::Stream,
    since: "8.2.0",
    arity: -6,
    flags: flag::WRITE | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[]",
    summary: "Takes entries off the list of what is pending for a consumer group and deletes them, and says of each whether it was pending (1, -1) or stays because another group needs it (2).",
    complexity: "O(log(N)) for each entry and group, where N is the number of entries.",
    syntax: "key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
    ts: "(key: Key, group: string, ...rest: Arg[]): number[]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me COUNT 1 STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XACKDEL s g IDS 2 1-0 2-0\n1) (integer) 1\n2) (integer) -1\n> XLEN s\n(integer) 1",
    differs: "Came with 8.2.",
    run: xackdel,
    ..Row::NONE
};

fn xackdel(c: &mut Ctx) -> Outcome {
    let (key, group) = (c.argv[1], c.argv[2]);
    let (references, ids) = references_and_ids(&mut Args::from(c.argv, 3))?;
    c.out.array(ids.len());
    let stream = c.ks.get_mut::<Stream>(key)?.filter(|stream| stream.group(group).is_some());
    let Some(stream) = stream else {
        ids.iter().for_each(|_| c.out.int(NO_ENTRY));
        return Ok(());
    };
    let (mut acknowledged, mut deleted) = (0, 0);
    for id in ids {
        if !stream.group_mut(group).is_some_and(|(_, group)| group.acknowledge(id)) {
            c.out.int(NO_ENTRY);
            continue;
        }
        acknowledged += 1;
        if references == References::Acknowledged && !stream.is_acknowledged(id) {
            c.out.int(STAYS);
            continue;
        }
        if references == References::Delete {
            stream.drop_references(id);
        }
        deleted += usize::from(stream.delete(id));
        c.out.int(DELETED);
    }
    c.ks.dirty += acknowledged - deleted as u64;
    deleted_from(c, key, deleted);
    Ok(())
}
