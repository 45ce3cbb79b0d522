//! LATENCY: what took long, and how long commands take.

mod report;

use super::command::help_row;
use crate::engine::{Ctx, Group, Outcome, Row, RowId, flag};
use report::{DOCTOR, GRAPH};

/// The family.
pub const ROWS: &[Row] = &[LATENCY];

const LOOK: u32 = flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE;

const LATENCY: Row = Row {
    name: "LATENCY",
    group: Group::Server,
    since: "2.8.13",
    arity: -2,
    summary: "Shows what took long, and how long commands take.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> LATENCY RESET\n(integer) 0",
    subs: &[
        DOCTOR,
        GRAPH,
        help_row(Group::Server, "2.8.13", flag::LOADING | flag::STALE),
        HISTOGRAM,
        HISTORY,
        LATEST,
        RESET,
    ],
    ..Row::NONE
};

const HISTOGRAM: Row = Row {
    name: "HISTOGRAM",
    group: Group::Server,
    since: "7.0.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns how many calls of the commands, or of all, took at most so many microseconds.",
    complexity: "O(N) where N is the number of commands with latency information being retrieved.",
    syntax: "[command [command ...]]",
    ts: "(...commands: string[]): Record<string, Record<string, Reply>>",
    example: "> LATENCY HISTOGRAM nosuch\n(empty array)",
    run: histogram,
    ..Row::NONE
};

/// A container stands for its sub-commands; what is no command, or was not called, is left out.
fn histogram(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let names = c.args().rest();
    let all = 0..table.slots().len() as RowId;
    let ids: Vec<RowId> = if names.is_empty() {
        all.collect()
    } else {
        let found = names.iter().filter_map(|name| super::command::find(table, name));
        found.flat_map(|id| all.clone().filter(move |n| *n == id || table.slot(*n).parent == Some(id))).collect()
    };
    let open = c.out.open_map();
    let mut count = 0;
    for id in ids {
        let Some(histogram) = &c.server.meter.histograms[id as usize] else { continue };
        count += 1;
        c.out.bulk(table.slot(id).full_name.as_bytes());
        c.out.map(2);
        c.out.bulk(b"calls");
        c.out.int(histogram.total() as i64);
        c.out.bulk(b"histogram_usec");
        let levels = histogram.cumulative();
        c.out.map(levels.len());
        for (us, calls) in levels {
            c.out.int(us as i64);
            c.out.int(calls as i64);
        }
    }
    c.out.close(open, count);
    Ok(())
}

const HISTORY: Row = Row {
    name: "HISTORY",
    group: Group::Server,
    since: "2.8.13",
    arity: 3,
    flags: LOOK,
    summary: "Returns when an event took long (seconds since 1970), and how long (ms).",
    complexity: "O(1)",
    syntax: "event",
    ts: "(event: string): [number, number][]",
    example: "> LATENCY HISTORY command\n(empty array)",
    run: history,
    ..Row::NONE
};

fn history(c: &mut Ctx) -> Outcome {
    let name = String::from_utf8_lossy(c.argv[2]);
    let samples = c.server.meter.events.get(&*name).map(|series| &series.samples);
    c.out.array(samples.map_or(0, |samples| samples.len()));
    for (at, ms) in samples.into_iter().flatten() {
        c.out.array(2);
        c.out.int(*at as i64);
        c.out.int(*ms as i64);
    }
    Ok(())
}

const LATEST: Row = Row {
    name: "LATEST",
    group: Group::Server,
    since: "2.8.13",
    arity: 2,
    flags: LOOK,
    summary: "Returns of every event when it took long last, how long that was, and the worst of all (ms).",
    complexity: "O(1)",
    ts: "(): [string, number, number, number][]",
    example: "> LATENCY LATEST\n(empty array)",
    run: latest,
    ..Row::NONE
};

fn latest(c: &mut Ctx) -> Outcome {
    let events = &c.server.meter.events;
    c.out.array(events.len());
    for (name, series) in events {
        let (at, ms) = series.samples.back().copied().unwrap_or_default();
        c.out.array(4);
        c.out.bulk(name.as_bytes());
        [at, ms, series.max].into_iter().for_each(|n| c.out.int(n as i64));
    }
    Ok(())
}

const RESET: Row = Row {
    name: "RESET",
    group: Group::Server,
    since: "2.8.13",
    arity: -2,
    flags: LOOK,
    summary: "Forgets what took long: the events named, or all. Returns how many there were.",
    complexity: "O(1)",
    syntax: "[event [event ...]]",
    ts: "(...events: string[]): number",
    example: "> LATENCY RESET command\n(integer) 0",
    run: reset,
    ..Row::NONE
};

fn reset(c: &mut Ctx) -> Outcome {
    let names = c.args().rest();
    let events = &mut c.server.meter.events;
    let before = events.len();
    events.retain(|name, _| {
        !names.is_empty() && !names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name.as_bytes()))
    });
    c.out.len(before - events.len());
    Ok(())
}
