//! Streams: what there is to know of a stream, its groups and their consumers.

use super::{no_such_group, put_entries, put_entry, put_id};
use crate::cmd::command::help_row;
use crate::ds::stream::{Consumer, ConsumerId, Group, Id, Log, Stream};
use crate::engine::args::int;
use crate::engine::row::Group as Family;
use crate::engine::{Ctx, Error, Outcome, Reply, Row, flag};

pub const XINFO: Row = Row {
    name: "XINFO",
    group: Family::Stream,
    since: "5.0.0",
    arity: -2,
    summary: "What there is to know of a stream, its groups and their consumers.",
    complexity: "Depends on the sub-command",
    subs: &[CONSUMERS, GROUPS, help_row(Family::Stream, "5.0.0", flag::LOADING | flag::STALE), STREAM],
    ..Row::NONE
};

const KEY: &str = "idx:2/range:last=0,step=1,limit=0[RO,ACCESS]";

const STREAM: Row = Row {
    name: "STREAM",
    group: Family::Stream,
    since: "5.0.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY,
    summary: "Returns the counters of a stream with its first and its last entry; with FULL also entries (10, or COUNT; 0 for all) and all about its groups.",
    complexity: "O(N) where N is the number of nodes and of what is returned.",
    syntax: "key [FULL [COUNT count]]",
    ts: "(key: Key, ...rest: Arg[]): Record<string, unknown>",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XDEL s 1-0\n(integer) 1\n> XINFO STREAM s\n 1) \"length\"\n 2) (integer) 1\n 3) \"radix-tree-keys\"\n 4) (integer) 1\n 5) \"radix-tree-nodes\"\n 6) (integer) 2\n 7) \"last-generated-id\"\n 8) \"2-0\"\n 9) \"max-deleted-entry-id\"\n10) \"1-0\"\n11) \"entries-added\"\n12) (integer) 2\n13) \"recorded-first-entry-id\"\n14) \"2-0\"\n15) \"groups\"\n16) (integer) 0\n17) \"first-entry\"\n18) 1) \"2-0\"\n    2) 1) \"a\"\n       2) \"2\"\n19) \"last-entry\"\n20) 1) \"2-0\"\n    2) 1) \"a\"\n       2) \"2\"",
    differs: "A consumer in FULL has an active-time, as since 7.2.",
    run: stream,
    ..Row::NONE
};

fn stream(c: &mut Ctx) -> Outcome {
    let argv = c.argv;
    let stream = c.ks.get::<Stream>(argv[2])?.ok_or(Error::NoSuchKey)?;
    let full = match argv {
        [_, _, _] => None,
        [_, _, _, full] if full.eq_ignore_ascii_case(b"FULL") => Some(10),
        [_, _, _, full, word, count] if full.eq_ignore_ascii_case(b"FULL") && word.eq_ignore_ascii_case(b"COUNT") => {
            let count = int(count)?;
            Some(if count < 0 { 10 } else { count })
        }
        _ => return Err(Error::subcommand_arity("XINFO", argv[1])),
    };
    let out = &mut *c.out;
    out.map(if full.is_some() { 9 } else { 10 });
    counters(out, stream);
    match full {
        None => {
            out.bulk(b"groups");
            out.len(stream.groups_len());
            let ends = [stream.range(Id::MIN, Id::MAX).next(), stream.range_rev(Id::MIN, Id::MAX).next()];
            for (name, entry) in [&b"first-entry"[..], b"last-entry"].into_iter().zip(ends) {
                out.bulk(name);
                match entry {
                    Some(entry) => put_entry(out, &entry),
                    None => out.null(),
                }
            }
        }
        Some(count) => {
            let count = Some(usize::try_from(count).unwrap_or(usize::MAX)).filter(|count| *count > 0);
            out.bulk(b"entries");
            put_entries(out, stream.range(Id::MIN, Id::MAX), count);
            out.bulk(b"groups");
            out.array(stream.groups_len());
            for (name, group) in stream.groups() {
                whole_group(out, stream, name, group, count.unwrap_or(usize::MAX));
            }
        }
    }
    Ok(())
}

fn counters(out: &mut Reply, log: &Log) {
    for (name, n) in [
        ("length", log.len() as u64),
        ("radix-tree-keys", log.node_count() as u64),
        ("radix-tree-nodes", log.radix_nodes()),
    ] {
        out.bulk(name.as_bytes());
        out.int(n as i64);
    }
    out.bulk(b"last-generated-id");
    put_id(out, log.last_id());
    out.bulk(b"max-deleted-entry-id");
    put_id(out, log.max_deleted_id());
    out.bulk(b"entries-added");
    out.int(log.added() as i64);
    out.bulk(b"recorded-first-entry-id");
    put_id(out, log.first_id());
}

/// How far a group has read, and how much is left.
fn progress(out: &mut Reply, log: &Log, group: &Group) {
    out.bulk(b"last-delivered-id");
    put_id(out, group.last_id);
    for (name, n) in [(&b"entries-read"[..], group.entries_read), (b"lag", log.lag(group))] {
        out.bulk(name);
        match n {
            Some(n) => out.int(n as i64),
            None => out.null(),
        }
    }
}

fn whole_group(out: &mut Reply, log: &Log, name: &[u8], group: &Group, count: usize) {
    out.map(7);
    out.bulk(b"name");
    out.bulk(name);
    progress(out, log, group);
    out.bulk(b"pel-count");
    out.len(group.pending_len());
    out.bulk(b"pending");
    out.array(count.min(group.pending_len()));
    for pending in group.pending_from(Id::MIN).take(count) {
        out.array(4);
        put_id(out, pending.id);
        out.bulk(group.consumer(pending.consumer).map_or(b"", Consumer::name));
        out.int(pending.delivered_ms as i64);
        out.int(pending.deliveries as i64);
    }
    out.bulk(b"consumers");
    out.array(group.consumers_len());
    for (id, consumer) in group.consumers() {
        whole_consumer(out, group, id, consumer, count);
    }
}

fn whole_consumer(out: &mut Reply, group: &Group, id: ConsumerId, consumer: &Consumer, count: usize) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(consumer.name());
    out.bulk(b"seen-time");
    out.int(consumer.seen_ms as i64);
    out.bulk(b"active-time");
    out.int(consumer.active_ms.map_or(-1, |ms| ms as i64));
    out.bulk(b"pel-count");
    out.len(consumer.pending_len());
    out.bulk(b"pending");
    out.array(count.min(consumer.pending_len()));
    for pending in group.pending_of(id, Id::MIN).take(count).filter_map(|id| group.pending(id)) {
        out.array(3);
        put_id(out, pending.id);
        out.int(pending.delivered_ms as i64);
        out.int(pending.deliveries as i64);
    }
}

const GROUPS: Row = Row {
    name: "GROUPS",
    group: Family::Stream,
    since: "5.0.0",
    arity: 3,
    flags: flag::READONLY,
    keys: KEY,
    summary: "Returns how far each group of a stream has read, and how much is left.",
    complexity: "O(N) where N is the number of groups.",
    syntax: "key",
    ts: "(key: Key): Record<string, unknown>[]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XGROUP CREATE s g 0\nOK\n> XINFO GROUPS s\n1)  1) \"name\"\n    2) \"g\"\n    3) \"consumers\"\n    4) (integer) 0\n    5) \"pending\"\n    6) (integer) 0\n    7) \"last-delivered-id\"\n    8) \"0-0\"\n    9) \"entries-read\"\n   10) (nil)\n   11) \"lag\"\n   12) (integer) 1",
    run: groups,
    ..Row::NONE
};

fn groups(c: &mut Ctx) -> Outcome {
    let stream = c.ks.get::<Stream>(c.argv[2])?.ok_or(Error::NoSuchKey)?;
    let out = &mut *c.out;
    out.array(stream.groups_len());
    for (name, group) in stream.groups() {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"consumers");
        out.len(group.consumers_len());
        out.bulk(b"pending");
        out.len(group.pending_len());
        progress(out, stream, group);
    }
    Ok(())
}

const CONSUMERS: Row = Row {
    name: "CONSUMERS",
    group: Family::Stream,
    since: "5.0.0",
    arity: 4,
    flags: flag::READONLY,
    keys: KEY,
    summary: "Returns of each consumer of a group how much is pending for it, and for how many ms it has not tried to read, and not got anything.",
    complexity: "O(N) where N is the number of consumers.",
    syntax: "key group",
    ts: "(key: Key, group: string): Record<string, unknown>[]",
    example: "> XGROUP CREATE s g $ MKSTREAM\nOK\n> XINFO CONSUMERS s g\n(empty array)\n> XGROUP CREATECONSUMER s g me\n(integer) 1\n> XINFO CONSUMERS s h\n(error) NOGROUP No such consumer group 'h' for key name 's'",
    differs: "The ms since it got anything are there since 7.2.",
    run: consumers,
    ..Row::NONE
};

fn consumers(c: &mut Ctx) -> Outcome {
    let (key, name, now) = (c.argv[2], c.argv[3], c.ks.now);
    let stream = c.ks.get::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.group(name).ok_or_else(|| no_such_group(key, name))?;
    let out = &mut *c.out;
    out.array(group.consumers_len());
    for (_, consumer) in group.consumers() {
        out.map(4);
        out.bulk(b"name");
        out.bulk(consumer.name());
        out.bulk(b"pending");
        out.len(consumer.pending_len());
        out.bulk(b"idle");
        out.int(now.saturating_sub(consumer.seen_ms) as i64);
        out.bulk(b"inactive");
        out.int(consumer.active_ms.map_or(-1, |ms| now.saturating_sub(ms) as i64));
    }
    Ok(())
}
