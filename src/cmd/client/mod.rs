//! CLIENT: connections as seen by those who administer them.

mod filter;
mod kill;
mod list;
mod pause;
mod tracking;

use super::command::help_row;
use super::connection::client_name;
use crate::engine::session::ReplyMode;
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, flag};
use kill::KILL;
pub use list::line;
use list::{INFO, LIST};
use pause::{PAUSE, UNBLOCK, UNPAUSE};
use tracking::{CACHING, GETREDIR, TRACKING, TRACKINGINFO};

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
        CACHING,
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
        TRACKING,
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
