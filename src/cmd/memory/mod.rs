//! MEMORY: what a key costs, and where the rest goes.

pub mod figures;

use super::command::help_row;
use crate::engine::entry::Entry;
use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};
use figures::Figures;

/// The container.
pub const MEMORY: Row = Row {
    name: "MEMORY",
    group: Group::Server,
    since: "4.0.0",
    arity: -2,
    summary: "Tells about memory.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> MEMORY USAGE missing\n(nil)",
    subs: &[DOCTOR, help_row(Group::Server, "4.0.0", flag::LOADING | flag::STALE), MALLOC_STATS, PURGE, STATS, USAGE],
    ..Row::NONE
};

/// What the sub-commands have in common.
const SUB: Row = Row { group: Group::Server, since: "4.0.0", arity: 2, complexity: "O(1)", ..Row::NONE };

const DOCTOR: Row = Row {
    name: "DOCTOR",
    summary: "Says in sentences what looks wrong with the use of memory.",
    ts: "(): string",
    differs: "The advice is worded otherwise, and given for what can go wrong here.",
    run: doctor,
    ..SUB
};

/// Less than this is not worth a word.
const SMALL: u64 = 5 << 20;

fn doctor(c: &mut Ctx) -> Outcome {
    let f = Figures::of(c);
    let clients = c.sessions.iter().count() as u64 + 1;
    let mut text = String::new();
    if f.used < SMALL {
        text.push_str("There is hardly any data here yet: nothing can be said about the use of memory.\n");
        c.out.verbatim("txt", text.as_bytes());
        return Ok(());
    }
    let checks = [
        (
            f.peak * 2 > f.used * 3,
            "Peak: at its highest, memory in use was more than one and a half times what it is now. The allocator keeps what was \
             freed for later use, so the process looks larger than its data.",
        ),
        (
            f.fragmentation() > 1.4 && f.fragmentation_bytes() > 10 << 20,
            "Fragmentation: the process takes more than 1.4 times the memory that is in use. Values of changing sizes leave \
             holes; a restart from a snapshot closes them.",
        ),
        (
            f.clients / clients > 200 << 10,
            "Clients: on average a client has more than 200 KB waiting in its buffers. Some read their replies too slowly, or \
             send or ask for too much at once: see omem and qbuf in CLIENT LIST.",
        ),
        (
            c.ks.graves.pending > 100_000,
            "Freeing: many deleted keys are not freed yet, because something keeps the server too busy for it.",
        ),
    ];
    for (_, advice) in checks.iter().filter(|(found, _)| *found) {
        text.push_str(&format!(" * {advice}\n\n"));
    }
    if text.is_empty() {
        text.push_str("Nothing looks wrong with the use of memory.\n");
    } else {
        text.insert_str(0, "This looks unusual:\n\n");
    }
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

const MALLOC_STATS: Row = Row {
    name: "MALLOC-STATS",
    summary: "Would return the allocator's own report; the allocators here have none.",
    complexity: "Depends on how much memory is allocated, could be slow",
    ts: "(): string",
    example: "> MEMORY MALLOC-STATS\nStats not supported for the current allocator",
    differs: "That of a Redis built with another allocator than jemalloc.",
    run: malloc_stats,
    ..SUB
};

fn malloc_stats(c: &mut Ctx) -> Outcome {
    c.out.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}

const PURGE: Row = Row {
    name: "PURGE",
    summary: "Frees at once what was deleted and is not freed yet.",
    complexity: "Depends on how much memory is allocated, could be slow",
    ts: "(): 'OK'",
    example: "> MEMORY PURGE\nOK",
    run: purge,
    ..SUB
};

fn purge(c: &mut Ctx) -> Outcome {
    while c.ks.graves.free(usize::MAX >> 1) {}
    c.out.ok();
    Ok(())
}

const STATS: Row = Row {
    name: "STATS",
    summary: "Returns what memory is used for, name by name.",
    ts: "(): Record<string, number | Record<string, number>>",
    run: stats,
    ..SUB
};

fn stats(c: &mut Ctx) -> Outcome {
    enum Figure {
        Int(i64),
        Ratio(f64),
    }
    use Figure::{Int, Ratio};
    let f = Figures::of(c);
    let int = |n: u64| Int(n as i64);
    let head = [
        ("peak.allocated", int(f.peak)),
        ("total.allocated", int(f.used)),
        ("startup.allocated", int(f.start)),
        ("replication.backlog", Int(0)),
        ("clients.slaves", Int(0)),
        ("clients.normal", int(f.clients)),
        ("cluster.links", Int(0)),
        ("aof.buffer", int(f.feed)),
        ("lua.caches", Int(0)),
        ("functions.caches", int(f.functions)),
    ];
    let tail = [
        ("overhead.total", int(f.overhead())),
        ("keys.count", int(f.keys)),
        ("keys.bytes-per-key", int(f.net().checked_div(f.keys).unwrap_or(0))),
        ("dataset.bytes", int(f.dataset())),
        ("dataset.percentage", Ratio(f.dataset_percent())),
        ("peak.percentage", Ratio(f.peak_percent())),
        ("allocator.allocated", int(f.used)),
        ("allocator.active", int(f.resident)),
        ("allocator.resident", int(f.resident)),
        ("allocator-fragmentation.ratio", Ratio(f.fragmentation())),
        ("allocator-fragmentation.bytes", Int(f.fragmentation_bytes())),
        ("allocator-rss.ratio", Ratio(1.0)),
        ("allocator-rss.bytes", Int(0)),
        ("rss-overhead.ratio", Ratio(1.0)),
        ("rss-overhead.bytes", Int(0)),
        ("fragmentation", Ratio(f.fragmentation())),
        ("fragmentation.bytes", Int(f.fragmentation_bytes())),
    ];
    let out = &mut *c.out;
    out.map(head.len() + f.databases.len() + tail.len());
    let put = |out: &mut crate::engine::Reply, (name, figure): (&str, Figure)| {
        out.bulk(name.as_bytes());
        match figure {
            Int(n) => out.int(n),
            Ratio(n) => out.double(n),
        }
    };
    head.into_iter().for_each(|row| put(out, row));
    for (db, index, expires) in f.databases {
        out.bulk(format!("db.{db}").as_bytes());
        out.map(2);
        put(out, ("overhead.hashtable.main", int(index)));
        put(out, ("overhead.hashtable.expires", int(expires)));
    }
    tail.into_iter().for_each(|row| put(out, row));
    Ok(())
}

const USAGE: Row = Row {
    name: "USAGE",
    group: Group::Server,
    since: "4.0.0",
    arity: -3,
    flags: flag::READONLY,
    keys: "idx:2/range:last=0,step=1,limit=0[RO]",
    summary: "Returns the bytes that a key and its value take.",
    complexity: "O(N) where N is the number of samples.",
    syntax: "key [SAMPLES count]",
    ts: "(key: Key, ...options: Arg[]): number | null",
    example: "> MEMORY USAGE missing\n(nil)\n> MEMORY USAGE k SAMPLES -1\n(error) ERR syntax error",
    differs: "Structures are counted exactly here, so SAMPLES changes nothing; the bytes are those of this engine's layout.",
    run: usage,
    ..Row::NONE
};

/// What the indices take for a key: its place in the slab, its slot in the hash index at the usual load, its place in the
/// expiry tree at the usual filling.
fn index_bytes(entry: &Entry) -> usize {
    size_of::<Entry>() + 12 + if entry.expire().is_some() { 22 } else { 0 }
}

fn usage(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    while args.more() {
        if !args.word("SAMPLES") || args.int()? < 0 {
            return Err(Error::Syntax);
        }
    }
    match c.ks.peek(key) {
        Some(entry) => c.out.len(entry.heap_bytes() + index_bytes(entry)),
        None => c.out.null(),
    }
    Ok(())
}
