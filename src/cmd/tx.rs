//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};

/// The family.
pub const ROWS: &[Row] = &[DISCARD, EXEC, MULTI, UNWATCH, WATCH];

const MULTI: Row = Row {
    name: "MULTI",
    group: Group::Transactions,
    since: "1.2.0",
    arity: 1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_MULTI | flag::ALLOW_BUSY,
    summary: "Starts a transaction: the commands that follow are queued until EXEC.",
    complexity: "O(1)",
    ts: "(): 'OK'",
    example: "> MULTI\nOK\n> INCR hits\nQUEUED\n> INCR hits\nQUEUED\n> EXEC\n1) (integer) 1\n2) (integer) 2",
    run: multi,
    ..Row::NONE
};

fn multi(c: &mut Ctx) -> Outcome {
    if c.me.multi.is_some() {
        return Err(Error::MultiNested);
    }
    c.me.multi = Some(Default::default());
    c.out.ok();
    Ok(())
}

const EXEC: Row = Row {
    name: "EXEC",
    group: Group::Transactions,
    since: "1.2.0",
    arity: 1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SKIP_SLOWLOG,
    summary: "Runs all queued commands as one unit; does nothing if a watched key changed.",
    complexity: "Depends on the commands in the transaction",
    ts: "(): Reply[] | null",
    example: "> MULTI\nOK\n> SET k v\nQUEUED\n> LPUSH k x\nQUEUED\n> EXEC\n1) OK\n\
              2) (error) WRONGTYPE Operation against a key holding the wrong kind of value",
    run: exec,
    ..Row::NONE
};

/// Answers the replies of the queued commands, errors included. Answers null if a watched key changed; fails if a command could
/// not be queued, or nothing was begun. The transaction and all watches are over in every case.
fn exec(c: &mut Ctx) -> Outcome {
    let Some(multi) = c.me.multi.take() else { return Err(Error::ExecWithoutMulti) };
    let changed = c.me.dirty_cas || c.ks.watched_expired(c.me);
    c.ks.unwatch(c.me);
    if multi.aborted {
        return Err(Error::ExecAbort);
    }
    if changed {
        c.out.null_array();
        return Ok(());
    }
    c.out.array(multi.queue.len());
    for (row, argv) in &multi.queue {
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        // An error is one of the replies, and written as such.
        _ = c.run_nested(*row, &argv);
    }
    // The commands logged themselves; their unit gets its MULTI and EXEC when it goes out.
    c.ks.effects.nothing();
    Ok(())
}

const DISCARD: Row = Row {
    name: "DISCARD",
    group: Group::Transactions,
    since: "2.0.0",
    arity: 1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY,
    summary: "Forgets the queued commands and all watched keys.",
    complexity: "O(N), when N is the number of queued commands",
    ts: "(): 'OK'",
    example: "> MULTI\nOK\n> SET k v\nQUEUED\n> DISCARD\nOK\n> GET k\n(nil)",
    run: discard,
    ..Row::NONE
};

fn discard(c: &mut Ctx) -> Outcome {
    if c.me.multi.take().is_none() {
        return Err(Error::DiscardWithoutMulti);
    }
    c.ks.unwatch(c.me);
    c.out.ok();
    Ok(())
}

const WATCH: Row = Row {
    name: "WATCH",
    group: Group::Transactions,
    since: "2.2.0",
    arity: -2,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_MULTI | flag::ALLOW_BUSY,
    keys: "idx:1/range:last=-1,step=1,limit=0[RO]",
    summary: "Makes the next EXEC do nothing if one of the keys changes before it.",
    complexity: "O(1) for every key.",
    syntax: "key [key ...]",
    ts: "(...keys: Key[]): 'OK'",
    example: "> WATCH k\nOK\n> SET k changed\nOK\n> MULTI\nOK\n> SET k mine\nQUEUED\n> EXEC\n(nil)\n> GET k\n\"changed\"",
    run: watch,
    ..Row::NONE
};

fn watch(c: &mut Ctx) -> Outcome {
    if c.me.multi.is_some() {
        return Err(Error::WatchInMulti);
    }
    for key in &c.argv[1..] {
        c.ks.watch(c.me, key);
    }
    c.out.ok();
    Ok(())
}

const UNWATCH: Row = Row {
    name: "UNWATCH",
    group: Group::Transactions,
    since: "2.2.0",
    arity: 1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY,
    summary: "Forgets all watched keys.",
    complexity: "O(1)",
    ts: "(): 'OK'",
    example: "> WATCH k\nOK\n> SET k v\nOK\n> UNWATCH\nOK\n> MULTI\nOK\n> GET k\nQUEUED\n> EXEC\n1) \"v\"",
    run: unwatch,
    ..Row::NONE
};

/// Inside a transaction it is queued, and then forgets nothing: EXEC has done so already.
fn unwatch(c: &mut Ctx) -> Outcome {
    c.ks.unwatch(c.me);
    c.out.ok();
    Ok(())
}
