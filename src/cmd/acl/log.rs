//! ACL LOG: what was denied.

use super::ADMIN;
use crate::engine::acl::log::Entry;
use crate::engine::{Ctx, Error, Group, Outcome, Reply, Row, args};

pub(super) const LOG: Row = Row {
    name: "LOG",
    group: Group::Server,
    since: "6.0.0",
    arity: -2,
    flags: ADMIN,
    summary: "Returns the latest refusals and failed logins, or forgets them.",
    complexity: "O(N) with N being the number of entries shown.",
    syntax: "[count | RESET]",
    ts: "(what?: number | 'RESET'): Record<string, Reply>[] | 'OK'",
    example: "> ACL LOG RESET\nOK\n> ACL LOG\n(empty array)",
    differs: "entries are numbered and have two times, as in Redis 7.2",
    run: log,
    ..Row::NONE
};

/// How many entries are shown if nothing else is asked for.
const USUAL: i64 = 10;

fn log(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.left() > 1 {
        return Err(Error::subcommand_arity("ACL", c.argv[1]));
    }
    if args.word("RESET") {
        c.server.acl.log.clear();
        c.out.ok();
        return Ok(());
    }
    let count = if args.more() { args::int(args.next()?)? } else { USUAL };
    let entries = c.server.acl.log.newest(usize::try_from(count).unwrap_or(0));
    c.out.array(entries.len());
    entries.for_each(|entry| describe(c.out, entry, c.ks.now));
    Ok(())
}

fn describe(out: &mut Reply, entry: &Entry, now: u64) {
    out.map(10);
    out.bulk(b"count");
    out.int(entry.count as i64);
    for (name, value) in [
        ("reason", entry.reason.word().as_bytes()),
        ("context", entry.context.word().as_bytes()),
        ("object", &entry.object),
        ("username", &entry.username),
    ] {
        out.bulk(name.as_bytes());
        out.bulk(value);
    }
    out.bulk(b"age-seconds");
    out.double(now.saturating_sub(entry.updated_ms) as f64 / 1000.0);
    out.bulk(b"client-info");
    out.bulk(entry.client.as_bytes());
    for (name, value) in
        [("entry-id", entry.id), ("timestamp-created", entry.created_ms), ("timestamp-last-updated", entry.updated_ms)]
    {
        out.bulk(name.as_bytes());
        out.int(value as i64);
    }
}
