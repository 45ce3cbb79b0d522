//! DEBUG: what only tests need, behind `enable-debug-command`.

mod digest;
mod look;
mod reload;

use crate::engine::entry::Payload;
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, Ttl, args, flag};

/// The command. Its sub-commands are not rows: Redis does not list them either.
pub const DEBUG: Row = Row {
    name: "DEBUG",
    group: Group::Server,
    since: "1.0.0",
    arity: -2,
    flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::PROTECTED,
    summary: "Does what only tests need.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    run: debug,
    ..Row::NONE
};

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "AOF-FLUSH-SLEEP <microsec>",
    "    Has the server wait before each write to the log.",
    "CHANGE-REPL-ID",
    "    Gives the feed another id.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    Like CONFIG REWRITE, with all parameters, those at their default too.",
    "DICT-RESIZING|SET-DISABLE-DENY-SCRIPTS|CLIENT-ENFORCE-REPLY-LIST <0|1>",
    "    Does nothing: what it would change is not there.",
    "DIGEST",
    "    Answers a digest of all data: the same data, the same digest.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Answers the digest of each value.",
    "ERROR <string>",
    "    Answers an error with this text.",
    "HTSTATS <dbid>",
    "    Describes the hash table of a database.",
    "HTSTATS-KEY <key>",
    "    Describes the hash table of a value.",
    "LISTPACK <key>",
    "    Writes what a listpack is made of to the log.",
    "LOADAOF",
    "    Loads all data from the files of the log. Without such files: writes it to memory and loads it from there.",
    "LOG <message>",
    "    Writes a line to the log.",
    "OBJECT <key> [FAST]",
    "    Describes the value of a key; FAST leaves its serialized length out.",
    "PAUSE-CRON <0|1>",
    "    Stops or starts what the server does of its own accord.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Makes keys.",
    "PROTOCOL <type>",
    "    Answers with a value of the type: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true, false.",
    "QUICKLIST <key> [<0|1>]",
    "    Writes what a quicklist is made of to the log.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Checked, and without effect: elements have nodes of their own by list-max-listpack-size.",
    "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
    "    Saves all data and loads it again. NOSAVE: loads what is saved. NOFLUSH: keeps what is there. MERGE: keys may be both.",
    "REPLICATE <command> [<arg> ...]",
    "    Sends a command to followers that is not run here.",
    "REPLYBUFFER <PEAK-RESET-TIME <NEVER|RESET|time>|RESIZING <0|1>>",
    "    Says how the buffers of replies are resized.",
    "SDSLEN <key>",
    "    Tells how long a key and its string are.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Stops or starts deleting due keys before they are met.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Has RESTORE take payloads with any checksum.",
    "SLEEP <seconds>",
    "    Serves nobody for a while.",
    "STRINGMATCH-LEN <len> <pattern>",
    "    Tells whether a text of so many a's matches the pattern.",
    "STRUCTSIZE",
    "    Tells how large the parts of the keyspace are.",
    "HELP",
    "    Prints this help.",
];

fn debug(c: &mut Ctx) -> Outcome {
    if !c.server.config.enable_debug_command.allows(c.me.is_local()) {
        return Err(Error::DebugNotAllowed);
    }
    let mut args = c.args();
    let name = args.next()?.to_ascii_uppercase();
    let left = args.left();
    match (name.as_slice(), left) {
        (b"HELP", 0) => {
            c.out.array(HELP.len());
            HELP.iter().for_each(|line| c.out.simple(line));
            Ok(())
        }
        (b"ERROR", 1) => Err(Error::new(String::from_utf8_lossy(c.argv[2]))),
        (b"OBJECT", 1 | 2) => look::object(c, args),
        (b"POPULATE", 1..=3) => populate(c, args),
        (b"PROTOCOL", 1) => protocol(c, c.argv[2]),
        (b"SLEEP", 1) => sleep(c, args.next()?),
        (b"DIGEST", 0) => digest::all(c),
        (b"DIGEST-VALUE", _) => digest::values(c),
        (b"RELOAD", _) => reload::reload(c, args),
        (b"LOADAOF", 0) => reload::load_log(c),
        (b"LISTPACK", 1) => look::listpack(c, c.argv[2]),
        (b"QUICKLIST", 1 | 2) => look::quicklist(c, c.argv[2]),
        (b"HTSTATS", 1 | 2) => look::tables(c, args),
        (b"HTSTATS-KEY", 1 | 2) => look::table(c, c.argv[2]),
        (b"SDSLEN", 1) => look::lengths(c, c.argv[2]),
        (b"STRINGMATCH-LEN", 2) => stringmatch(c, args),
        (b"CONFIG-REWRITE-FORCE-ALL", 0) => super::config::rewrite_all(c),
        (b"ASSERT" | b"SEGFAULT" | b"PANIC" | b"OOM", 0) | (b"CRASH-AND-RECOVER" | b"RESTART", 0 | 1) => {
            Err(Error::DebugCrash)
        }
        _ => switch(c, &name, args),
    }
}

/// Those that set something and answer OK.
fn switch(c: &mut Ctx, name: &[u8], mut args: Args) -> Outcome {
    let known = || Error::subcommand_arity("DEBUG", c.argv[1]);
    match (name, args.left()) {
        (b"LOG", 1) => {
            let text = String::from_utf8_lossy(args.next()?).into_owned();
            c.server.host.log(&format!("DEBUG LOG: {text}"));
        }
        (b"STRUCTSIZE", 0) => return look::sizes(c),
        (b"SET-ACTIVE-EXPIRE", 1) => c.server.config.active_expire = args.next()? != b"0",
        (b"SET-SKIP-CHECKSUM-VALIDATION", 1) => c.server.config.skip_checksum = args.next()? != b"0",
        (b"PAUSE-CRON", 1) => c.server.cron_paused = args.next()? != b"0",
        (b"CHANGE-REPL-ID", 0) => c.server.replid = crate::engine::hex_id(&mut c.ks.rng),
        (b"REPLICATE", 1..) => {
            c.ks.effects.nothing();
            c.also(args.rest());
        }
        (b"QUICKLIST-PACKED-THRESHOLD", 1) => {
            let text = String::from_utf8_lossy(args.next()?).into_owned();
            super::params::forms::memory(&text).filter(|n| *n <= u64::from(u32::MAX)).ok_or(Error::DebugThreshold)?;
        }
        (b"REPLYBUFFER", 2) => {
            if !reply_buffers(c, &mut args)? {
                return Err(known());
            }
        }
        (b"DICT-RESIZING" | b"SET-DISABLE-DENY-SCRIPTS" | b"CLIENT-ENFORCE-REPLY-LIST", 1) => {}
        (b"AOF-FLUSH-SLEEP", 1) => c.server.aof.flush_sleep_us = u64::try_from(args.int()?).unwrap_or_default(),
        (b"DROP-CLUSTER-PACKET-FILTER", 1) => _ = args.int()?,
        _ => return Err(known()),
    }
    c.out.ok();
    Ok(())
}

/// Says how the buffers of replies are resized. Returns whether it was said in words that are known.
fn reply_buffers(c: &mut Ctx, args: &mut Args) -> Result<bool, Error> {
    let rules = &mut c.server.reply_buffers;
    if args.word("RESIZING") {
        rules.resizing = args.next()? != b"0";
    } else if args.word("PEAK-RESET-TIME") {
        rules.peak_reset_ms = if args.word("NEVER") {
            None
        } else if args.word("RESET") {
            crate::engine::clients::ReplyBuffers::default().peak_reset_ms
        } else {
            Some(u64::try_from(args.int()?).map_err(|_| Error::OutOfRangePositive)?)
        };
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Tells whether a text of so many `a`s matches; not longer than a command could bring one.
fn stringmatch(c: &mut Ctx, mut args: Args) -> Outcome {
    let len = usize::try_from(args.int()?).map_err(|_| Error::OutOfRangePositive)?;
    let text = vec![b'a'; len.min(c.server.config.proto_max_bulk_len).min(1 << 20)];
    c.out.int(i64::from(crate::base::glob::matches(args.next()?, &text)));
    Ok(())
}

/// The reply comes when the time is over.
fn sleep(c: &mut Ctx, seconds: &[u8]) -> Outcome {
    // Like C's strtod: what is no number is zero.
    let ms = crate::base::num::parse_f64(seconds).unwrap_or_default() * 1000.0;
    if ms < 1.0 || !c.sleep(ms as u64, &[b"DEBUG", b"SLEEP", b"0"]) {
        c.out.ok();
    }
    Ok(())
}

/// Makes `prefix:0`, `prefix:1`… with values `value:0`…, cut or filled with zero bytes to `size`. Leaves keys that are there.
fn populate(c: &mut Ctx, mut args: Args) -> Outcome {
    let positive =
        |text: &[u8]| args::int(text).ok().and_then(|n| u64::try_from(n).ok()).ok_or(Error::OutOfRangePositive);
    let count = positive(args.next()?)?;
    let prefix = if args.more() { args.next()? } else { b"key" };
    let size = if args.more() { Some(positive(args.next()?)? as usize) } else { None };
    for n in 0..count {
        let key = [prefix, format!(":{n}").as_bytes()].concat();
        if c.ks.exists(&key) {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        c.ks.put(&key, Payload::Text(&value), Ttl::Clear);
        c.ks.touch_watchers(&key);
        c.ks.dirty += 1;
        c.also(&[b"SET", &key, &value]);
    }
    c.ks.effects.nothing();
    c.out.ok();
    Ok(())
}

fn protocol(c: &mut Ctx, kind: &[u8]) -> Outcome {
    let out = &mut *c.out;
    let three = |out: &mut crate::engine::Reply| (0..3).for_each(|n| out.int(n));
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        // The value Redis answers; not meant to be pi.
        b"double" => out.double(3141.0 / 1000.0),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            three(out);
        }
        b"set" => {
            out.set(3);
            three(out);
        }
        b"map" => {
            out.map(3);
            for n in 0..3 {
                out.int(n);
                out.bool(n == 1);
            }
        }
        b"attrib" => {
            if out.attribute(1) {
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if !out.is_resp3() {
                return Err(Error::new("ERR RESP2 is not supported by this command"));
            }
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
        }
        b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        _ => return Err(Error::DebugProtocol),
    }
    Ok(())
}
