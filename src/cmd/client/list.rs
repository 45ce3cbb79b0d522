//! CLIENT LIST and CLIENT INFO: a line about every connection.

use super::filter::Filter;
use crate::base::order;
use crate::engine::clients::REPLY_BUFFER;
use crate::engine::{Ctx, Error, Group, Outcome, Proto, Reply, Row, Session};
use std::fmt::Write;

pub(super) const INFO: Row = Row {
    name: "INFO",
    group: Group::Connection,
    since: "6.2.0",
    arity: 2,
    flags: super::OWN,
    summary: "Returns one line about this connection, as CLIENT LIST has them.",
    complexity: "O(1)",
    ts: "(): string",
    run: info,
    ..Row::NONE
};

fn info(c: &mut Ctx) -> Outcome {
    let mut text = String::new();
    describe(c, c.me, &mut text);
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) const LIST: Row = Row {
    name: "LIST",
    group: Group::Connection,
    since: "2.4.0",
    arity: -2,
    flags: super::ADMIN,
    summary: "Returns a line about every connection that all filters fit.",
    complexity: "O(N) where N is the number of client connections",
    syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]] [USER username] [ADDR ip:port] \
             [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE maxage] [IDLE idle] [NAME name] [FLAGS flags] [LIB-NAME lib-name] \
             [LIB-VER lib-ver] [DB db] [IP ip]",
    ts: "(...filter: Arg[]): string",
    example: "> CLIENT LIST TYPE PUBSUB\n\"\"\n> CLIENT LIST ID 999999\n\"\"",
    differs: "has the fields of Redis 7.2 and 8.0 too, and takes several filters, as Valkey does",
    run: list,
    ..Row::NONE
};

fn list(c: &mut Ctx) -> Outcome {
    let filter = Filter::parse(c, c.args(), false, &Error::BadClientId)?;
    let mut text = String::new();
    for session in by_id(c) {
        if filter.fits(c, session) {
            describe(c, session, &mut text);
        }
    }
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The line of the session that runs, as the log of refusals keeps it.
pub fn line(c: &Ctx) -> String {
    let mut text = String::new();
    describe(c, c.me, &mut text);
    text.truncate(text.trim_end().len());
    text
}

/// All clients, this one included, oldest first. The session that effects are replayed through is none.
pub(super) fn by_id<'a>(c: &'a Ctx) -> Vec<&'a Session> {
    let mut all: Vec<&Session> = c.sessions.iter().chain([&*c.me]).filter(|s| !s.replica && !s.closing).collect();
    order::by_key(&mut all, |session| session.id);
    all
}

/// What a session's output looks like in Redis's terms: a buffer of at most 16 KB, and a list of such blocks for the rest.
struct Output {
    buffer: usize,
    blocks: usize,
    overflow: usize,
    size: usize,
    peak: usize,
}

impl Output {
    fn of(session: &Session, out: &Reply) -> Self {
        let waiting = session.buffers.pending + out.bytes().len();
        let buffer = waiting.min(REPLY_BUFFER);
        Output {
            buffer,
            blocks: (waiting - buffer).div_ceil(REPLY_BUFFER),
            overflow: waiting - buffer,
            size: session.buffers.reply.max(out.capacity()).min(REPLY_BUFFER),
            peak: session.buffers.reply_peak.max(waiting).min(REPLY_BUFFER),
        }
    }
}

/// Appends the line of `session`: the fields of Redis 7.2, in its order, with what later versions added.
fn describe(c: &Ctx, session: &Session, text: &mut String) {
    let seconds = |from: u64| c.ks.now.saturating_sub(from) / 1000;
    let own = session.id == c.me.id;
    let argv_mem = if own { c.argv.iter().map(|arg| arg.len()).sum() } else { 0usize };
    let multi = session.multi.as_ref();
    let out: &Reply = if own { c.out } else { &session.out };
    let output = Output::of(session, out);
    let total = session.memory() + argv_mem;
    let command = session.last.map_or("NULL", |row| &*c.server.table.slot(row).full_name);
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    writeln!(
        text,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} \
         qbuf-free={} argv-mem={argv_mem} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={total} events={} \
         cmd={command} user={} redir={} resp={} lib-name={} lib-ver={} watch={} tot-net-in={} tot-net-out={} tot-cmds={}",
        session.id,
        session.addr,
        session.laddr,
        session.place.0,
        lossy(&session.name),
        seconds(session.created_ms),
        seconds(session.active_ms),
        flags_of(session),
        session.db,
        session.channels.len(),
        session.patterns.len(),
        session.shards.len(),
        multi.map_or(-1, |multi| multi.queue.len() as i64),
        session.buffers.query,
        session.buffers.query_free,
        multi.map_or(0, |multi| multi.memory),
        output.size,
        output.peak,
        output.buffer,
        output.blocks,
        output.overflow,
        if session.buffers.pending > 0 { "rw" } else { "r" },
        lossy(c.server.acl.name_of(session.who)),
        session.tracking.as_ref().map_or(-1, |mode| mode.redirect as i64),
        if session.proto() == Proto::Resp2 { 2 } else { 3 },
        lossy(&session.lib_name),
        lossy(&session.lib_ver),
        session.watching.len(),
        session.bytes_in,
        session.bytes_out,
        session.calls,
    )
    .expect("a String takes everything");
}

/// The letters of `flags=`.
pub(super) fn flags_of(session: &Session) -> String {
    let tracking = session.tracking.as_deref();
    let flags: String = [
        (session.monitor, 'O'),
        (session.subscriptions() > 0, 'P'),
        (session.multi.is_some(), 'x'),
        (session.wait.is_some(), 'b'),
        (tracking.is_some(), 't'),
        (tracking.is_some_and(|mode| mode.broken), 'R'),
        (tracking.is_some_and(|mode| mode.bcast), 'B'),
        (session.dirty_cas, 'd'),
        (session.closing, 'c'),
        (session.addr.ends_with(":0"), 'U'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
    ]
    .into_iter()
    .filter_map(|(on, letter)| on.then_some(letter))
    .collect();
    if flags.is_empty() { "N".to_string() } else { flags }
}
