//! CLIENT KILL: closing connections.

use super::filter::Filter;
use super::list::by_id;
use crate::engine::{Ctx, Error, Group, Outcome, Row, SessionId};

pub(super) const KILL: Row = Row {
    name: "KILL",
    group: Group::Connection,
    since: "2.4.0",
    arity: -3,
    flags: super::ADMIN,
    summary: "Closes the connections that all filters fit.",
    complexity: "O(N) where N is the number of client connections",
    syntax: "<ip:port | <[ID client-id [client-id ...]] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] [USER username] \
             [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE maxage] [IDLE idle] [NAME name] [FLAGS flags] \
             [LIB-NAME lib-name] [LIB-VER lib-ver] [DB db] [IP ip]>>",
    ts: "(...filter: Arg[]): number | 'OK'",
    example: "> CLIENT KILL 127.0.0.1:1\n(error) ERR No such client\n> CLIENT KILL ID 999999\n(integer) 0\n\
              > @2 SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n> CLIENT KILL TYPE pubsub\n(integer) 1",
    run: kill,
    ..Row::NONE
};

/// Returns how many connections were closed; in the old form fails if it was none.
fn kill(c: &mut Ctx) -> Outcome {
    let old_form = c.argv.len() == 3;
    let filter = if old_form {
        Filter::by_addr(c.argv[2])
    } else {
        Filter::parse(c, c.args(), true, &Error::ClientIdNotPositive)?
    };
    let doomed: Vec<SessionId> = by_id(c).into_iter().filter(|s| filter.fits(c, s)).map(|s| s.place).collect();
    for &id in &doomed {
        if id == c.me.place {
            // Its reply still goes out.
            c.me.closing = true;
            c.sessions.wake(id);
        } else {
            c.kill(id);
        }
    }
    match (old_form, doomed.len()) {
        (true, 0) => return Err(Error::NoSuchClient),
        (true, _) => c.out.ok(),
        (false, count) => c.out.len(count),
    }
    Ok(())
}
