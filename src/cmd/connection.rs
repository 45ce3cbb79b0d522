//! The connection: who is there, what it speaks, which database it works on.

use super::client::CLIENT;
use crate::engine::acl;
use crate::engine::{Args, Ctx, Error, Group, Outcome, Proto, Row, Session, args, flag, tracking};

/// The family.
pub const ROWS: &[Row] = &[AUTH, CLIENT, ECHO, HELLO, PING, QUIT, RESET, SELECT];

/// What clients are told to talk to: the version whose behaviour this follows.
pub const REDIS_VERSION: &str = "7.2.4";

const AUTH: Row = Row {
    name: "AUTH",
    group: Group::Connection,
    since: "1.0.0",
    arity: -2,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY,
    summary: "Authenticates the connection.",
    complexity: "O(N) where N is the number of passwords defined for the user",
    syntax: "[username] password",
    ts: "(...credentials: Arg[]): 'OK'",
    example: "> AUTH default wrong\nOK\n> CONFIG SET requirepass secret\nOK\n\
              > AUTH default wrong\n(error) WRONGPASS invalid username-password pair or user is disabled.\n\
              > AUTH secret\nOK\n> CONFIG SET requirepass ''\nOK",
    run: auth,
    ..Row::NONE
};

fn auth(c: &mut Ctx) -> Outcome {
    let (user, password): (&[u8], &[u8]) = match c.argv[1..] {
        [_] if c.server.acl.user(acl::DEFAULT).no_password => return Err(Error::AuthWithoutPassword),
        [password] => (b"default", password),
        [user, password] => (user, password),
        _ => return Err(Error::Syntax),
    };
    c.login(user, password)?;
    c.out.ok();
    Ok(())
}

const HELLO: Row = Row {
    name: "HELLO",
    group: Group::Connection,
    since: "6.0.0",
    arity: -1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY,
    summary: "Shakes hands: chooses the protocol, authenticates and names the connection at once.",
    complexity: "O(1)",
    syntax: "[protover [AUTH username password] [SETNAME clientname]]",
    ts: "(protover?: number, ...options: Arg[]): Record<string, Reply>",
    example: "> HELLO 4\n(error) NOPROTO unsupported protocol version\n\
              > HELLO 3 SETNAME\n(error) ERR Syntax error in HELLO option 'SETNAME'",
    run: hello,
    ..Row::NONE
};

/// Answers what the server is. A session in the same process keeps its own format and is told it speaks RESP3, whose types that
/// has. Changes nothing if any part of it fails.
fn hello(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let proto = if args.more() { Some(protocol(&mut args)?) } else { None };
    let (mut credentials, mut name) = (None, None);
    while args.more() {
        let option = args.next()?;
        if option.eq_ignore_ascii_case(b"AUTH") && args.left() >= 2 {
            credentials = Some((args.next()?, args.next()?));
        } else if option.eq_ignore_ascii_case(b"SETNAME") && args.more() {
            name = Some(client_name(args.next()?)?);
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(Error::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    if let Some((user, password)) = credentials {
        c.login(user, password)?;
    }
    if c.needs_password() {
        return Err(Error::HelloNoAuth);
    }
    if let Some(name) = name {
        c.me.name = name.to_vec();
    }
    if let Some(proto) = proto {
        speak(c, proto);
    }
    greet(c);
    Ok(())
}

fn protocol(args: &mut Args) -> Result<Proto, Error> {
    match args::int(args.next()?).map_err(|_| Error::ProtocolNotInteger)? {
        2 => Ok(Proto::Resp2),
        3 => Ok(Proto::Resp3),
        _ => Err(Error::NoProto),
    }
}

/// Changes the format from this reply on, unless the session is in the same process.
fn speak(c: &mut Ctx, proto: Proto) {
    if c.out.proto() != Proto::Native {
        c.out.set_proto(proto);
        c.me.out.set_proto(proto);
    }
}

fn greet(c: &mut Ctx) {
    let out = &mut *c.out;
    out.map(7);
    for (field, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.int(if out.is_resp3() { 3 } else { 2 });
    out.bulk(b"id");
    out.int(c.me.id as i64);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    out.array(0);
}

/// Returns `name` if a connection can be called that: nothing but visible ASCII, or nothing at all.
pub fn client_name(name: &[u8]) -> Result<&[u8], Error> {
    if name.iter().all(u8::is_ascii_graphic) { Ok(name) } else { Err(Error::BadClientName) }
}

const PING: Row = Row {
    name: "PING",
    group: Group::Connection,
    since: "1.0.0",
    arity: -1,
    flags: flag::FAST,
    summary: "Answers PONG, or the message.",
    complexity: "O(1)",
    syntax: "[message]",
    ts: "(message?: Value): string",
    example: "> PING\nPONG\n> PING hello\n\"hello\"",
    run: ping,
    ..Row::NONE
};

/// A RESP2 session that listens gets an array, which it can tell from a message.
fn ping(c: &mut Ctx) -> Outcome {
    let message = match c.argv[1..] {
        [] => None,
        [message] => Some(message),
        _ => return Err(Error::arity("ping")),
    };
    match message {
        _ if c.me.subscriptions() > 0 && c.out.proto() == Proto::Resp2 => {
            c.out.array(2);
            c.out.bulk(b"pong");
            c.out.bulk(message.unwrap_or_default());
        }
        Some(message) => c.out.bulk(message),
        None => c.out.simple("PONG"),
    }
    Ok(())
}

const ECHO: Row = Row {
    name: "ECHO",
    group: Group::Connection,
    since: "1.0.0",
    arity: 2,
    flags: flag::LOADING | flag::STALE | flag::FAST,
    summary: "Returns its argument.",
    complexity: "O(1)",
    syntax: "message",
    ts: "(message: Value): string",
    example: "> ECHO \"hello there\"\n\"hello there\"",
    run: echo,
    ..Row::NONE
};

fn echo(c: &mut Ctx) -> Outcome {
    c.out.bulk(c.argv[1]);
    Ok(())
}

const SELECT: Row = Row {
    name: "SELECT",
    group: Group::Connection,
    since: "1.0.0",
    arity: 2,
    flags: flag::LOADING | flag::STALE | flag::FAST,
    summary: "Works on another database from here on.",
    complexity: "O(1)",
    syntax: "index",
    ts: "(index: number): 'OK'",
    example: "> SET k zero\nOK\n> SELECT 1\nOK\n> GET k\n(nil)\n> SELECT 99\n(error) ERR DB index is out of range",
    run: select,
    ..Row::NONE
};

fn select(c: &mut Ctx) -> Outcome {
    let index = i32::try_from(args::int(c.argv[1])?).map_err(|_| Error::NotInteger)?;
    let db = usize::try_from(index).ok().filter(|db| *db < c.ks.db_count()).ok_or(Error::BadDb)?;
    c.me.db = db;
    c.out.ok();
    Ok(())
}

const QUIT: Row = Row {
    name: "QUIT",
    group: Group::Connection,
    since: "1.0.0",
    arity: -1,
    flags: flag::ALLOW_BUSY | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH,
    summary: "Closes the connection.",
    complexity: "O(1)",
    ts: "(): 'OK'",
    example: "> QUIT\nOK",
    run: quit,
    ..Row::NONE
};

fn quit(c: &mut Ctx) -> Outcome {
    c.me.closing = true;
    c.sessions.wake(c.me.place);
    c.out.ok();
    Ok(())
}

const RESET: Row = Row {
    name: "RESET",
    group: Group::Connection,
    since: "6.2.0",
    arity: 1,
    flags: flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY,
    summary: "Makes the connection as it was when it was opened.",
    complexity: "O(1)",
    ts: "(): 'RESET'",
    example: "> MULTI\nOK\n> RESET\nRESET\n> EXEC\n(error) ERR EXEC without MULTI",
    run: reset,
    ..Row::NONE
};

/// Ends transaction, watches and subscriptions, and forgets database, protocol, name, modes and authentication.
fn reset(c: &mut Ctx) -> Outcome {
    c.me.multi = None;
    c.ks.unwatch(c.me);
    c.pubsub.unsubscribe_all(c.me);
    tracking::disable(c.server, c.ks, c.me);
    c.server.monitors.retain(|id| *id != c.me.place);
    speak(c, Proto::Resp2);
    c.logout();
    let me: &mut Session = c.me;
    me.db = 0;
    me.name.clear();
    me.reply_mode = Default::default();
    (me.no_evict, me.no_touch, me.monitor) = (false, false, false);
    c.out.simple("RESET");
    Ok(())
}
