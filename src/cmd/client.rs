//! CLIENT: connections as seen by those who administer them.

use super::command::help_row;
use super::connection::client_name;
use crate::base::order;
use crate::engine::acl::UserId;
use crate::engine::session::ReplyMode;
use crate::engine::{Args, Ctx, Error, Group, Outcome, Proto, Reply, Row, Session, SessionId, args, flag};
use std::fmt::Write;

/// The container.
pub const CLIENT: Row = Row {
    name: "CLIENT",
    group: Group::Connection,
    since: "2.4.0",
    arity: -2,
    summary: "Looks at connections and changes them.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> CLIENT SETNAME me\nOK\n> CLIENT GETNAME\n\"me\"",
    subs: &[
        GETNAME,
        GETREDIR,
        help_row(Group::Connection, "5.0.0", flag::LOADING | flag::STALE),
        ID,
        INFO,
        KILL,
        LIST,
        NO_EVICT,
        NO_TOUCH,
        PAUSE,
        REPLY,
        SETINFO,
        SETNAME,
        TRACKINGINFO,
        UNBLOCK,
        UNPAUSE,
    ],
    ..Row::NONE
};

const OWN: u32 = flag::NOSCRIPT | flag::LOADING | flag::STALE;
const ADMIN: u32 = OWN | flag::ADMIN;

const ID: Row = Row {
    name: "ID",
    group: Group::Connection,
    since: "5.0.0",
    arity: 2,
    flags: OWN,
    summary: "Returns the number of the connection, which is never used twice.",
    complexity: "O(1)",
    ts: "(): number",
    run: id,
    ..Row::NONE
};

fn id(c: &mut Ctx) -> Outcome {
    c.out.int(c.me.id as i64);
    Ok(())
}

const GETNAME: Row = Row {
    name: "GETNAME",
    group: Group::Connection,
    since: "2.6.9",
    arity: 2,
    flags: OWN,
    summary: "Returns the name of the connection.",
    complexity: "O(1)",
    ts: "(): string | null",
    example: "> CLIENT GETNAME\n(nil)\n> CLIENT SETNAME me\nOK\n> CLIENT GETNAME\n\"me\"",
    run: getname,
    ..Row::NONE
};

fn getname(c: &mut Ctx) -> Outcome {
    let name = Some(&*c.me.name).filter(|name| !name.is_empty());
    c.out.bulk_or_null(name);
    Ok(())
}

const SETNAME: Row = Row {
    name: "SETNAME",
    group: Group::Connection,
    since: "2.6.9",
    arity: 3,
    flags: OWN,
    summary: "Names the connection; an empty name takes it away.",
    complexity: "O(1)",
    syntax: "connection-name",
    ts: "(name: string): 'OK'",
    example: "> CLIENT SETNAME me\nOK\n> CLIENT SETNAME 'not me'\n\
              (error) ERR Client names cannot contain spaces, newlines or special characters.",
    run: setname,
    ..Row::NONE
};

fn setname(c: &mut Ctx) -> Outcome {
    c.me.name = client_name(c.argv[2])?.to_vec();
    c.out.ok();
    Ok(())
}

const SETINFO: Row = Row {
    name: "SETINFO",
    group: Group::Connection,
    since: "7.2.0",
    arity: 4,
    flags: OWN,
    summary: "Says which client library, in which version, uses the connection.",
    complexity: "O(1)",
    syntax: "<LIB-NAME libname | LIB-VER libver>",
    ts: "(attribute: 'LIB-NAME' | 'LIB-VER', value: string): 'OK'",
    example: "> CLIENT SETINFO LIB-NAME tabdis-js\nOK\n> CLIENT SETINFO LIB-VER 1.0.0\nOK",
    differs: "new in Redis 7.2",
    run: setinfo,
    ..Row::NONE
};

fn setinfo(c: &mut Ctx) -> Outcome {
    let (option, value) = (c.argv[2], c.argv[3]);
    let word = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
    if !word("lib-name") && !word("lib-ver") {
        return Err(Error::new(format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(option))));
    }
    let name = if word("lib-name") { "lib-name" } else { "lib-ver" };
    if !value.iter().all(u8::is_ascii_graphic) {
        return Err(Error::new(format!("ERR {name} cannot contain spaces, newlines or special characters.")));
    }
    *(if name == "lib-name" { &mut c.me.lib_name } else { &mut c.me.lib_ver }) = value.to_vec();
    c.out.ok();
    Ok(())
}

const INFO: Row = Row {
    name: "INFO",
    group: Group::Connection,
    since: "6.2.0",
    arity: 2,
    flags: OWN,
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

const LIST: Row = Row {
    name: "LIST",
    group: Group::Connection,
    since: "2.4.0",
    arity: -2,
    flags: ADMIN,
    summary: "Returns a line about every connection, or about those of a type or with a number.",
    complexity: "O(N) where N is the number of client connections",
    syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
    ts: "(...filter: Arg[]): string",
    example: "> CLIENT LIST TYPE PUBSUB\n\"\"",
    run: list,
    ..Row::NONE
};

fn list(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let mut kind = None;
    let mut ids: Option<Vec<u64>> = None;
    if args.left() == 2 && args.word("TYPE") {
        kind = Some(client_type(args.next()?)?);
    } else if args.left() >= 2 && args.word("ID") {
        let parse = |arg: &&[u8]| args::int(arg).map(|id| id as u64).map_err(|_| Error::BadClientId);
        ids = Some(args.rest().iter().map(parse).collect::<Result<_, _>>()?);
    }
    args.end()?;
    let mut text = String::new();
    for session in by_id(c) {
        let wanted = match &ids {
            Some(ids) => ids.contains(&session.id),
            None => kind.is_none_or(|kind| type_of(session) == kind),
        };
        if wanted {
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

/// What `TYPE` tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientType {
    Normal,
    Master,
    Replica,
    Pubsub,
}

fn client_type(name: &[u8]) -> Result<ClientType, Error> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(ClientType::Normal),
        b"master" => Ok(ClientType::Master),
        b"slave" | b"replica" => Ok(ClientType::Replica),
        b"pubsub" => Ok(ClientType::Pubsub),
        _ => Err(Error::new(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(name)))),
    }
}

fn type_of(session: &Session) -> ClientType {
    if session.subscriptions() > 0 { ClientType::Pubsub } else { ClientType::Normal }
}

/// All clients, this one included, oldest first. The session that effects are replayed through is none.
fn by_id<'a>(c: &'a Ctx) -> Vec<&'a Session> {
    let mut all: Vec<&Session> = c.sessions.iter().chain([&*c.me]).filter(|s| !s.replica && !s.closing).collect();
    order::by_key(&mut all, |session| session.id);
    all
}

/// Appends the line of `session`: the fields of Redis 7.2, in its order.
fn describe(c: &Ctx, session: &Session, text: &mut String) {
    let seconds = |from: u64| c.ks.now.saturating_sub(from) / 1000;
    let own = session.id == c.me.id;
    let argv_mem = if own { c.argv.iter().map(|arg| arg.len()).sum() } else { 0usize };
    let multi = session.multi.as_ref();
    let multi_mem: usize =
        multi.map_or(0, |multi| multi.queue.iter().flat_map(|(_, argv)| argv).map(|arg| arg.len() + 24).sum());
    let out: &Reply = if own { c.out } else { &session.out };
    let buffer = out.bytes().len();
    let total = size_of::<Session>() + session.query_buffer + argv_mem + multi_mem + buffer;
    let command = session.last.map_or("NULL", |row| &*c.server.table.slot(row).full_name);
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    writeln!(
        text,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} \
         qbuf-free=0 argv-mem={argv_mem} multi-mem={multi_mem} rbs={buffer} rbp={buffer} obl={buffer} oll=0 omem=0 \
         tot-mem={total} events=r cmd={command} user={} redir=-1 resp={} lib-name={} lib-ver={}",
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
        session.query_buffer,
        lossy(c.server.acl.name_of(session.who)),
        if session.proto() == Proto::Resp2 { 2 } else { 3 },
        lossy(&session.lib_name),
        lossy(&session.lib_ver),
    )
    .expect("a String takes everything");
}

fn flags_of(session: &Session) -> String {
    let flags: String = [
        (session.monitor, 'O'),
        (session.subscriptions() > 0, 'P'),
        (session.multi.is_some(), 'x'),
        (session.wait.is_some(), 'b'),
        (session.dirty_cas, 'd'),
        (session.closing, 'c'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
    ]
    .into_iter()
    .filter_map(|(on, letter)| on.then_some(letter))
    .collect();
    if flags.is_empty() { "N".to_string() } else { flags }
}

const KILL: Row = Row {
    name: "KILL",
    group: Group::Connection,
    since: "2.4.0",
    arity: -3,
    flags: ADMIN,
    summary: "Closes the connections that all filters fit.",
    complexity: "O(N) where N is the number of client connections",
    syntax: "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] \
             [LADDR ip:port] [SKIPME yes/no] [MAXAGE maxage]>",
    ts: "(...filter: Arg[]): number | 'OK'",
    example: "> CLIENT KILL 127.0.0.1:1\n(error) ERR No such client\n> CLIENT KILL ID 999999\n(integer) 0\n\
              > @2 SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n> CLIENT KILL TYPE pubsub\n(integer) 1",
    run: kill,
    ..Row::NONE
};

/// The filters of CLIENT KILL; a connection must fit all that are given.
#[derive(Default)]
struct KillFilter<'a> {
    id: Option<u64>,
    kind: Option<ClientType>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    user: Option<UserId>,
    max_age: Option<u64>,
    skip_me: bool,
}

/// Returns how many connections were closed; in the old form fails if it was none.
fn kill(c: &mut Ctx) -> Outcome {
    let old_form = c.argv.len() == 3;
    let filter =
        if old_form { KillFilter { addr: Some(c.argv[2]), ..Default::default() } } else { kill_filter(c, c.args())? };
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

fn kill_filter<'a>(c: &Ctx, mut args: Args<'a>) -> Result<KillFilter<'a>, Error> {
    let mut filter = KillFilter { skip_me: true, ..Default::default() };
    while args.more() {
        if args.left() < 2 {
            return Err(Error::Syntax);
        }
        if args.word("ID") {
            filter.id = Some(positive(args.next()?, Error::ClientIdNotPositive)?);
        } else if args.word("MAXAGE") {
            filter.max_age = Some(positive(args.next()?, Error::MaxAgeNotPositive)?);
        } else if args.word("TYPE") {
            filter.kind = Some(client_type(args.next()?)?);
        } else if args.word("ADDR") {
            filter.addr = Some(args.next()?);
        } else if args.word("LADDR") {
            filter.laddr = Some(args.next()?);
        } else if args.word("USER") {
            filter.user = Some(existing_user(c, args.next()?)?);
        } else if args.word("SKIPME") {
            filter.skip_me = yes_or_no(&mut args)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(filter)
}

fn positive(arg: &[u8], error: Error) -> Result<u64, Error> {
    args::int(arg).ok().and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0).ok_or(error)
}

fn existing_user(c: &Ctx, name: &[u8]) -> Result<UserId, Error> {
    let failed = || Error::new(format!("ERR No such user '{}'", String::from_utf8_lossy(name)));
    c.server.acl.find(name).ok_or_else(failed)
}

fn yes_or_no(args: &mut Args) -> Result<bool, Error> {
    if args.word("yes") {
        Ok(true)
    } else if args.word("no") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

impl KillFilter<'_> {
    fn fits(&self, c: &Ctx, session: &Session) -> bool {
        let age = c.ks.now.saturating_sub(session.created_ms) / 1000;
        self.id.is_none_or(|id| session.id == id)
            && self.kind.is_none_or(|kind| type_of(session) == kind)
            && self.addr.is_none_or(|addr| session.addr.as_bytes() == addr)
            && self.laddr.is_none_or(|laddr| session.laddr.as_bytes() == laddr)
            && self.user.is_none_or(|user| session.who.user == Some(user))
            && self.max_age.is_none_or(|max| age >= max)
            && !(self.skip_me && session.place == c.me.place)
    }
}

const NO_EVICT: Row = Row {
    name: "NO-EVICT",
    group: Group::Connection,
    since: "7.0.0",
    arity: 3,
    flags: ADMIN,
    summary: "Keeps the connection from being closed to free memory.",
    complexity: "O(1)",
    syntax: "<ON | OFF>",
    ts: "(mode: 'ON' | 'OFF'): 'OK'",
    example: "> CLIENT NO-EVICT ON\nOK",
    run: no_evict,
    ..Row::NONE
};

fn no_evict(c: &mut Ctx) -> Outcome {
    c.me.no_evict = on_or_off(&mut c.args())?;
    c.out.ok();
    Ok(())
}

const NO_TOUCH: Row = Row {
    name: "NO-TOUCH",
    group: Group::Connection,
    since: "7.2.0",
    arity: 3,
    flags: OWN,
    summary: "Makes commands of the connection leave the access times of keys alone.",
    complexity: "O(1)",
    syntax: "<ON | OFF>",
    ts: "(mode: 'ON' | 'OFF'): 'OK'",
    example: "> CLIENT NO-TOUCH ON\nOK\n> CLIENT NO-TOUCH maybe\n(error) ERR syntax error",
    differs: "new in Redis 7.2",
    run: no_touch,
    ..Row::NONE
};

fn no_touch(c: &mut Ctx) -> Outcome {
    c.me.no_touch = on_or_off(&mut c.args())?;
    c.out.ok();
    Ok(())
}

fn on_or_off(args: &mut Args) -> Result<bool, Error> {
    if args.word("on") {
        Ok(true)
    } else if args.word("off") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

const REPLY: Row = Row {
    name: "REPLY",
    group: Group::Connection,
    since: "3.2.0",
    arity: 3,
    flags: OWN,
    summary: "Turns replies off and on, or skips the next one.",
    complexity: "O(1)",
    syntax: "<ON | OFF | SKIP>",
    ts: "(mode: 'ON' | 'OFF' | 'SKIP'): 'OK' | void",
    example: "> CLIENT REPLY ON\nOK\n> CLIENT REPLY maybe\n(error) ERR syntax error",
    run: reply,
    ..Row::NONE
};

fn reply(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.word("on") {
        c.me.reply_mode = ReplyMode::On;
        c.out.ok();
    } else if args.word("off") {
        c.me.reply_mode = ReplyMode::Off;
    } else if args.word("skip") {
        if c.me.reply_mode != ReplyMode::Off {
            c.me.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Error::Syntax);
    }
    Ok(())
}

const UNBLOCK: Row = Row {
    name: "UNBLOCK",
    group: Group::Connection,
    since: "5.0.0",
    arity: -3,
    flags: ADMIN,
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

const PAUSE: Row = Row {
    name: "PAUSE",
    group: Group::Connection,
    since: "3.0.0",
    arity: -3,
    flags: ADMIN,
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

const UNPAUSE: Row = Row {
    name: "UNPAUSE",
    group: Group::Connection,
    since: "6.2.0",
    arity: 2,
    flags: ADMIN,
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

const GETREDIR: Row = Row {
    name: "GETREDIR",
    group: Group::Connection,
    since: "6.0.0",
    arity: 2,
    flags: OWN,
    summary: "Returns which connection gets the invalidation messages of this one: -1 when tracking is off.",
    complexity: "O(1)",
    ts: "(): number",
    example: "> CLIENT GETREDIR\n(integer) -1",
    run: getredir,
    ..Row::NONE
};

fn getredir(c: &mut Ctx) -> Outcome {
    c.out.int(-1);
    Ok(())
}

const TRACKINGINFO: Row = Row {
    name: "TRACKINGINFO",
    group: Group::Connection,
    since: "6.2.0",
    arity: 2,
    flags: OWN,
    summary: "Returns how the keys this connection reads are tracked.",
    complexity: "O(1)",
    ts: "(): Record<string, Reply>",
    example: "> CLIENT TRACKINGINFO\n1) \"flags\"\n2) 1) \"off\"\n3) \"redirect\"\n4) (integer) -1\n5) \"prefixes\"\n6) (empty array)",
    run: trackinginfo,
    ..Row::NONE
};

fn trackinginfo(c: &mut Ctx) -> Outcome {
    c.out.map(3);
    c.out.bulk(b"flags");
    c.out.set(1);
    c.out.bulk(b"off");
    c.out.bulk(b"redirect");
    c.out.int(-1);
    c.out.bulk(b"prefixes");
    c.out.array(0);
    Ok(())
}
