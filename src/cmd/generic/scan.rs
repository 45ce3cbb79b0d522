//! Finding keys: KEYS and SCAN.

use crate::base::glob;
use crate::cmd::scan::{self, ScanOptions, Scanned};
use crate::ds::dict::Keyed;
use crate::engine::{Ctx, Group, Outcome, Row, flag};

pub(super) const KEYS: Row = Row {
    name: "KEYS",
    group: Group::Generic,
    arity: 2,
    flags: flag::READONLY,
    summary: "Returns all keys that match a pattern. SCAN does it in small steps.",
    complexity: "O(N) for N keys of the database",
    syntax: "pattern",
    ts: "(pattern: Value): string[]",
    example: "> SET user:1 a\nOK\n> SET item:1 b\nOK\n> KEYS user:*\n1) \"user:1\"\n> KEYS x*\n(empty array)",
    run: keys,
    ..Row::NONE
};

fn keys(c: &mut Ctx) -> Outcome {
    let pattern = c.argv[1];
    let open = c.out.open_array();
    let mut count = 0;
    for entry in c.ks.iter().filter(|entry| pattern == b"*" || glob::matches(pattern, entry.key())) {
        c.out.bulk(entry.key());
        count += 1;
    }
    c.out.close(open, count);
    Ok(())
}

pub(super) const SCAN: Row = Row {
    name: "SCAN",
    group: Group::Generic,
    since: "2.8.0",
    arity: -2,
    flags: flag::READONLY | flag::TOUCHES_ARBITRARY_KEYS,
    summary: "Returns some keys of the database, and the cursor that continues from there: 0 when all have been returned.",
    complexity: "O(1) for each call, O(N) for all of N keys",
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    ts: "(cursor: Arg, ...options: Arg[]): [string, string[]]",
    example: "> SET user:1 a\nOK\n> SADD user:2 b\n(integer) 1\n> SCAN 0 MATCH user:* COUNT 100 TYPE set\n1) \"0\"\n2) 1) \"user:2\"",
    run: scan_keys,
    ..Row::NONE
};

fn scan_keys(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let cursor = scan::cursor(args.next()?)?;
    let options = ScanOptions::parse(&mut args, Scanned::Keys)?;
    scan::reply(c.out, |out| {
        let mut count = 0;
        let next = c.ks.scan(cursor, options.count, |entry| {
            if options.wants(entry.kind().name()) && options.matches(entry.key()) {
                out.bulk(entry.key());
                count += 1;
            }
        });
        (next, count)
    });
    Ok(())
}
