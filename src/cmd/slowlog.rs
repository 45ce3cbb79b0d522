//! SLOWLOG and MONITOR: seeing which commands run, and which take long.

use super::command::help_row;
use crate::engine::{Ctx, Error, Group, Outcome, Row, args, flag};

/// The family.
pub const ROWS: &[Row] = &[MONITOR, SLOWLOG];

const LOOK: u32 = flag::ADMIN | flag::LOADING | flag::STALE;

const SLOWLOG: Row = Row {
    name: "SLOWLOG",
    group: Group::Server,
    since: "2.2.12",
    arity: -2,
    summary: "Shows the commands that took longest lately.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> SLOWLOG RESET\nOK\n> SLOWLOG LEN\n(integer) 0",
    subs: &[GET, help_row(Group::Server, "6.2.0", flag::LOADING | flag::STALE), LEN, RESET],
    ..Row::NONE
};

const GET: Row = Row {
    name: "GET",
    group: Group::Server,
    since: "2.2.12",
    arity: -2,
    flags: LOOK,
    summary: "Returns the latest slow commands, the newest first: 10 unless a count is given, -1 for all.",
    complexity: "O(N) where N is the number of entries returned",
    syntax: "[count]",
    ts: "(count?: number): Reply[]",
    example: "> SLOWLOG GET\n(empty array)\n> SLOWLOG GET -2\n(error) ERR count should be greater than or equal to -1",
    run: get,
    ..Row::NONE
};

/// Each entry: its number, when it ran (seconds since 1970), how long it took (µs), its arguments, and who sent it.
fn get(c: &mut Ctx) -> Outcome {
    let count = match c.argv[2..] {
        [] => 10,
        [count] => args::int(count).ok().filter(|n| *n >= -1).ok_or(Error::SlowlogCount)?,
        _ => return Err(Error::subcommand_arity("SLOWLOG", c.argv[1])),
    };
    let entries = &c.server.meter.slow.entries;
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(entries.len());
    c.out.array(count);
    for entry in entries.iter().take(count) {
        c.out.array(6);
        c.out.int(entry.id as i64);
        c.out.int(entry.at as i64);
        c.out.int(entry.us as i64);
        c.out.array(entry.argv.len());
        entry.argv.iter().for_each(|arg| c.out.bulk(arg));
        c.out.bulk(entry.addr.as_bytes());
        c.out.bulk(&entry.name);
    }
    Ok(())
}

const LEN: Row = Row {
    name: "LEN",
    group: Group::Server,
    since: "2.2.12",
    arity: 2,
    flags: LOOK,
    summary: "Returns how many slow commands are kept.",
    complexity: "O(1)",
    ts: "(): number",
    example: "> SLOWLOG LEN\n(integer) 0",
    run: len,
    ..Row::NONE
};

fn len(c: &mut Ctx) -> Outcome {
    c.out.len(c.server.meter.slow.entries.len());
    Ok(())
}

const RESET: Row = Row {
    name: "RESET",
    group: Group::Server,
    since: "2.2.12",
    arity: 2,
    flags: LOOK,
    summary: "Forgets all slow commands.",
    complexity: "O(N) where N is the number of entries in the slowlog",
    ts: "(): 'OK'",
    example: "> SLOWLOG RESET\nOK",
    run: reset,
    ..Row::NONE
};

fn reset(c: &mut Ctx) -> Outcome {
    c.server.meter.slow.entries.clear();
    c.out.ok();
    Ok(())
}

const MONITOR: Row = Row {
    name: "MONITOR",
    group: Group::Server,
    since: "1.0.0",
    arity: 1,
    flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE,
    summary: "Shows every command that any connection runs, until the connection is closed or reset.",
    complexity: "O(1)",
    ts: "(): void",
    example: "> MONITOR\nOK",
    run: monitor,
    ..Row::NONE
};

/// Inside a transaction it is of no use and fails, as it does in Redis where a client must not be blocked.
fn monitor(c: &mut Ctx) -> Outcome {
    if c.nested {
        return Err(Error::MonitorNested);
    }
    if !c.me.monitor {
        c.me.monitor = true;
        c.server.monitors.push(c.me.place);
    }
    c.out.ok();
    Ok(())
}
