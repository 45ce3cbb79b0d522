//! Replication as this server has it: others may follow it (SYNC, PSYNC, REPLCONF, WAIT); it follows nobody yet.

use crate::engine::forward::{Leader, Part};
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, args, flag};
use crate::rdb;

/// The family.
pub const ROWS: &[Row] = &[FAILOVER, PSYNC, REPLCONF, REPLICAOF, ROLE, SLAVEOF, SYNC, WAIT, WAITAOF];

const SYNC: Row = Row {
    name: "SYNC",
    group: Group::Server,
    since: "1.0.0",
    arity: 1,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NO_MULTI | flag::NOSCRIPT,
    summary: "Makes the connection a follower: it gets a snapshot, then every change.",
    complexity: "O(N) where N is the total number of keys in all databases",
    ts: "(): Reply",
    run: sync,
    ..Row::NONE
};

fn sync(c: &mut Ctx) -> Outcome {
    // Who follows already goes on doing so.
    if !c.me.follower {
        send_snapshot(c);
    }
    Ok(())
}

const PSYNC: Row = Row {
    name: "PSYNC",
    group: Group::Server,
    since: "2.8.0",
    arity: -3,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NO_MULTI | flag::NOSCRIPT,
    summary: "Makes the connection a follower, from a place in the feed if possible. It never is here: a snapshot comes first.",
    complexity: "O(N) where N is the total number of keys in all databases",
    syntax: "replicationid offset",
    ts: "(replicationid: string, offset: number): Reply",
    run: psync,
    ..Row::NONE
};

fn psync(c: &mut Ctx) -> Outcome {
    args::int(c.argv[2])?;
    if !c.me.follower {
        let text = format!("FULLRESYNC {} {}", c.server.replid, c.ks.effects.offset());
        c.out.simple(&text);
        send_snapshot(c);
    }
    Ok(())
}

/// Sends the snapshot in its own form: a bulk string without an end of line. From here on the session gets the feed.
fn send_snapshot(c: &mut Ctx) {
    let options = rdb::Options { now: c.ks.now, ..rdb::Options::default() };
    let bytes = rdb::save(c.ks, options);
    c.out.raw(format!("${}\r\n", bytes.len()).as_bytes());
    c.out.raw(&bytes);
    c.follow();
}

const REPLCONF: Row = Row {
    name: "REPLCONF",
    group: Group::Server,
    since: "3.0.0",
    arity: -1,
    flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::ALLOW_BUSY,
    summary: "Tells what a follower is and can, and how far it has come.",
    complexity: "O(1)",
    syntax: "[option value [option value ...]]",
    ts: "(...options: Arg[]): 'OK'",
    example: "> REPLCONF capa eof\nOK\n> REPLCONF ACK 0\n(blocked)",
    run: replconf,
    ..Row::NONE
};

fn replconf(c: &mut Ctx) -> Outcome {
    let options = c.args().rest();
    if !options.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    for pair in options.chunks_exact(2) {
        match pair[0].to_ascii_lowercase().as_slice() {
            b"listening-port" => c.me.follower_port = args::int(pair[1])? as u16,
            b"ip-address" | b"capa" | b"version" => {}
            b"ack" => {
                if let Ok(offset) = args::int(pair[1]) {
                    c.acknowledge(u64::try_from(offset).unwrap_or_default());
                }
                // It has no answer, whoever sends it.
                return Ok(());
            }
            b"getack" => return Ok(()),
            b"rdb-only" => {
                let only = args::int(pair[1])?;
                if !(0..=1).contains(&only) {
                    return Err(Error::out_of_range(0, 1));
                }
            }
            b"rdb-filter-only" => check_filter(pair[1])?,
            _ => {
                let option = String::from_utf8_lossy(pair[0]);
                return Err(Error::new(format!("ERR Unrecognized REPLCONF option: {option}")));
            }
        }
    }
    c.out.ok();
    Ok(())
}

fn check_filter(value: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(value);
    match text.split_whitespace().find(|word| *word != "functions") {
        Some(word) => Err(Error::new(format!("ERR Unsupported rdb-filter-only option: {word}"))),
        None => Ok(()),
    }
}

const REPLICAOF: Row = Row {
    name: "REPLICAOF",
    group: Group::Server,
    since: "5.0.0",
    arity: 3,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NOSCRIPT | flag::STALE,
    summary: "Makes this server a leader again (NO ONE). Following another one is not possible yet.",
    complexity: "O(1)",
    syntax: "<host port | NO ONE>",
    ts: "(host: string, port: Arg): 'OK'",
    example: "> REPLICAOF NO ONE\nOK\n> REPLICAOF localhost port\n(error) ERR Invalid master port",
    run: replicaof,
    ..Row::NONE
};

const SLAVEOF: Row = Row {
    name: "SLAVEOF",
    group: Group::Server,
    since: "1.0.0",
    arity: 3,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NOSCRIPT | flag::STALE,
    summary: "The older name of REPLICAOF.",
    complexity: "O(1)",
    syntax: "<host port | NO ONE>",
    ts: "(host: string, port: Arg): 'OK'",
    example: "> SLAVEOF no one\nOK",
    run: replicaof,
    ..Row::NONE
};

fn replicaof(c: &mut Ctx) -> Outcome {
    let is = |n: usize, word: &str| c.argv[n].eq_ignore_ascii_case(word.as_bytes());
    if is(1, "NO") && is(2, "ONE") {
        c.out.ok();
        return Ok(());
    }
    if c.me.follower {
        return Err(Error::ReplicaofByReplica);
    }
    args::int(c.argv[2]).ok().and_then(|port| u16::try_from(port).ok()).ok_or(Error::BadMasterPort)?;
    Err(Error::CannotFollow)
}

const FAILOVER: Row = Row {
    name: "FAILOVER",
    group: Group::Server,
    since: "6.2.0",
    arity: -1,
    flags: flag::ADMIN | flag::NOSCRIPT | flag::STALE,
    summary: "Would hand the lead to a follower; none of this server's followers can take it.",
    complexity: "O(1)",
    syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
    ts: "(...options: Arg[]): 'OK'",
    example: "> FAILOVER\n(error) ERR FAILOVER requires connected replicas.\n> FAILOVER ABORT\n(error) ERR No failover in progress.",
    run: failover,
    ..Row::NONE
};

fn failover(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (mut abort, mut timeout, mut force, mut to) = (false, None, false, None);
    let count = args.left();
    while args.more() {
        if count == 1 && args.word("ABORT") {
            abort = true;
        } else if timeout.is_none() && args.left() > 1 && args.word("TIMEOUT") {
            let ms = args.int()?;
            timeout = Some(ms);
            if ms <= 0 {
                return Err(Error::FailoverTimeout);
            }
        } else if to.is_none() && args.left() > 2 && args.word("TO") {
            to = Some((args.next()?, args.int()?));
        } else if !force && args.word("FORCE") {
            force = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    if abort {
        return Err(Error::NoFailover);
    }
    if c.followers().is_empty() {
        return Err(Error::FailoverNoReplicas);
    }
    if force && (timeout.is_none() || to.is_none()) {
        return Err(Error::FailoverForce);
    }
    Err(Error::FailoverTarget)
}

const ROLE: Row = Row {
    name: "ROLE",
    group: Group::Server,
    since: "2.8.12",
    arity: 1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST,
    summary: "Returns the part this server has in replication, the place in its feed, and its followers with theirs.",
    complexity: "O(1)",
    ts: "(): Reply[]",
    run: role,
    ..Row::NONE
};

fn role(c: &mut Ctx) -> Outcome {
    if c.server.afar.part == Part::Forwards {
        let leader = &c.server.afar.leader;
        let state = match leader {
            Leader { is_syncing: true, .. } => "sync",
            Leader { is_up: true, .. } => "connected",
            _ => "connect",
        };
        c.out.array(5);
        c.out.bulk(b"slave");
        c.out.bulk(leader.name.as_bytes());
        c.out.int(i64::from(leader.port));
        c.out.bulk(state.as_bytes());
        c.out.int(if leader.is_up { c.ks.effects.offset() as i64 } else { -1 });
        return Ok(());
    }
    let followers = c.followers();
    c.out.array(3);
    c.out.bulk(b"master");
    c.out.int(c.ks.effects.offset() as i64);
    c.out.array(followers.len());
    for follower in followers {
        c.out.array(3);
        c.out.bulk(follower.ip.as_bytes());
        c.out.bulk(follower.port.to_string().as_bytes());
        c.out.bulk(follower.acknowledged.to_string().as_bytes());
    }
    Ok(())
}

const WAIT: Row = Row {
    name: "WAIT",
    group: Group::Generic,
    since: "3.0.0",
    arity: 3,
    flags: flag::BLOCKING,
    summary: "Waits until so many followers have what this connection wrote, or the time is over. Returns how many have it.",
    complexity: "O(1)",
    syntax: "numreplicas timeout",
    ts: "(numreplicas: number, timeout_ms: number): number",
    example: "> SET k v\nOK\n> WAIT 0 100\n(integer) 0",
    run: wait,
    ..Row::NONE
};

fn wait(c: &mut Ctx) -> Outcome {
    let mut args: Args = c.args();
    let wanted = args.int()?;
    let timeout = timeout(&mut args)?;
    let have = c.followers_with_all();
    if wanted <= have as i64 || c.nested {
        c.out.int(have as i64);
    } else {
        c.wait_for_acks(wanted as usize, false, timeout);
    }
    Ok(())
}

fn timeout(args: &mut Args) -> Result<u64, Error> {
    let timeout = args::int(args.next()?).map_err(|_| Error::TimeoutNotInteger)?;
    u64::try_from(timeout).map_err(|_| Error::NegativeTimeout)
}

const WAITAOF: Row = Row {
    name: "WAITAOF",
    group: Group::Generic,
    since: "7.2.0",
    arity: 4,
    flags: flag::BLOCKING,
    summary: "Waits until what this connection wrote is safe in the log here, and at so many followers.",
    complexity: "O(1)",
    syntax: "numlocal numreplicas timeout",
    ts: "(numlocal: number, numreplicas: number, timeout_ms: number): [number, number]",
    example: "> WAITAOF 0 0 100\n1) (integer) 0\n2) (integer) 0\n> WAITAOF 1 0 0\n(error) ERR WAITAOF cannot be used when \
              numlocal is set but appendonly is disabled.",
    run: waitaof,
    ..Row::NONE
};

/// No follower says what it has on disk, so none counts.
fn waitaof(c: &mut Ctx) -> Outcome {
    let mut args: Args = c.args();
    let local = args.int()?;
    if !(0..=1).contains(&local) {
        return Err(Error::out_of_range(0, 1));
    }
    let wanted = args.int()?;
    if wanted < 0 {
        return Err(Error::OutOfRangePositive);
    }
    let timeout = timeout(&mut args)?;
    let aof = &c.server.aof;
    if local > 0 && !aof.enabled {
        return Err(Error::WaitaofWithoutLog);
    }
    let have = aof.enabled && aof.synced >= c.me.write_offset;
    if (wanted == 0 && i64::from(have) >= local) || c.nested {
        c.out.array(2);
        c.out.int(i64::from(have));
        c.out.int(0);
    } else {
        c.wait_for_acks(if wanted == 0 { 0 } else { usize::MAX }, local > 0, timeout);
    }
    Ok(())
}
