//! MEMORY: what a key costs.

use super::command::help_row;
use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};

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
    subs: &[help_row(Group::Server, "4.0.0", flag::LOADING | flag::STALE), USAGE],
    ..Row::NONE
};

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

fn usage(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    while args.more() {
        if !args.word("SAMPLES") || args.int()? < 0 {
            return Err(Error::Syntax);
        }
    }
    match c.ks.peek(key) {
        Some(entry) => c.out.len(entry.heap_bytes()),
        None => c.out.null(),
    }
    Ok(())
}
