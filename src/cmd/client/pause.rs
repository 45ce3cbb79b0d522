//! CLIENT PAUSE, UNPAUSE and UNBLOCK: holding connections back, and letting them go on.

use crate::engine::{Ctx, Error, Group, Outcome, Row, Session, args};

pub(super) const UNBLOCK: Row = Row {
    name: "UNBLOCK",
    group: Group::Connection,
    since: "5.0.0",
    arity: -3,
    flags: super::ADMIN,
    summary: "Ends the wait of a connection, as if its time were over or with an error.",
    complexity: "O(log N) where N is the number of client connections",
    syntax: "client-id [TIMEOUT | ERROR]",
    ts: "(id: number, reason?: 'TIMEOUT' | 'ERROR'): number",
    example: "> CLIENT UNBLOCK 999999\n(integer) 0",
    run: unblock,
    ..Row::NONE
};

/// Returns 1 if the connection waited, 0 if not. One that waits because of CLIENT PAUSE goes on waiting.
fn unblock(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let id = args.next()?;
    let error = match args.left() {
        0 => false,
        1 if args.word("TIMEOUT") => false,
        1 if args.word("ERROR") => true,
        1 => return Err(Error::UnblockReason),
        _ => return Err(Error::subcommand_arity("CLIENT", c.argv[1])),
    };
    let id = args::int(id)? as u64;
    let waits = |s: &&Session| s.id == id && s.wait.as_ref().is_some_and(|wait| !wait.postponed);
    let place = c.sessions.iter().find(waits).map(|s| s.place);
    let reason = if error { Err(Error::Unblocked) } else { Ok(()) };
    let ended = place.is_some_and(|place| c.end_wait(place, reason));
    c.out.int(i64::from(ended));
    Ok(())
}

pub(super) const PAUSE: Row = Row {
    name: "PAUSE",
    group: Group::Connection,
    since: "3.0.0",
    arity: -3,
    flags: super::ADMIN,
    summary: "Holds commands back for a while: all, or those that may change data.",
    complexity: "O(1)",
    syntax: "timeout [WRITE | ALL]",
    ts: "(timeout_ms: number, mode?: 'WRITE' | 'ALL'): 'OK'",
    example: "> CLIENT PAUSE 100 WRITE\nOK\n> @2 SET k v\n(blocked)\n> CLIENT UNPAUSE\nOK\n> @2 <\nOK",
    run: pause,
    ..Row::NONE
};

/// A second pause can only make the first one longer and stricter.
fn pause(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let timeout = args.next()?;
    let all = match args.left() {
        0 => true,
        1 if args.word("WRITE") => false,
        1 if args.word("ALL") => true,
        1 => return Err(Error::PauseMode),
        _ => return Err(Error::subcommand_arity("CLIENT", c.argv[1])),
    };
    let timeout_ms = args::int(timeout).map_err(|_| Error::TimeoutNotInteger)?;
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| Error::NegativeTimeout)?;
    let until = i64::try_from(c.ks.now).ok().and_then(|now| now.checked_add_unsigned(timeout_ms));
    let until = until.ok_or(Error::TimeoutOutOfRange)?;
    c.pause(until as u64, all);
    c.out.ok();
    Ok(())
}

pub(super) const UNPAUSE: Row = Row {
    name: "UNPAUSE",
    group: Group::Connection,
    since: "6.2.0",
    arity: 2,
    flags: super::ADMIN,
    summary: "Ends a pause; the commands held back run in the order they came.",
    complexity: "O(N) Where N is the number of paused clients",
    ts: "(): 'OK'",
    example: "> CLIENT UNPAUSE\nOK",
    run: unpause,
    ..Row::NONE
};

fn unpause(c: &mut Ctx) -> Outcome {
    c.unpause();
    c.out.ok();
    Ok(())
}
