//! DEBUG: what only tests need, behind `enable-debug-command`.

use crate::engine::entry::{Entry, Payload};
use crate::engine::keyspace::Clock;
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
    "ERROR <string>",
    "    Answers an error with this text.",
    "LOG <message>",
    "    Does nothing: there is no log.",
    "OBJECT <key>",
    "    Describes the value of a key.",
    "PAUSE-CRON <0|1>",
    "    Stops or starts what is done ten times a second.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Makes keys.",
    "PROTOCOL <type>",
    "    Answers with a value of the type: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true, false.",
    "REPLYBUFFER <PEAK-RESET-TIME <ms|NEVER|RESET> | RESIZING <0|1>>",
    "    Says how the buffers of replies are resized.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Stops or starts deleting due keys before they are met.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Lets RESTORE take payloads whatever their checksum.",
    "SLEEP <seconds>",
    "    Serves nobody for a while.",
    "HELP",
    "    Prints this help.",
];

fn debug(c: &mut Ctx) -> Outcome {
    if !c.server.config.enable_debug_command.allows(c.me.is_local()) {
        return Err(Error::DebugNotAllowed);
    }
    let mut args = c.args();
    let name = args.next()?.to_ascii_uppercase();
    match (name.as_slice(), args.left()) {
        (b"HELP", 0) => {
            c.out.array(HELP.len());
            HELP.iter().for_each(|line| c.out.simple(line));
            Ok(())
        }
        (b"ERROR", 1) => Err(Error::new(String::from_utf8_lossy(c.argv[2]))),
        (b"LOG", 1) => {
            c.out.ok();
            Ok(())
        }
        (b"OBJECT", 1 | 2) => object(c, c.argv[2]),
        (b"PAUSE-CRON", 1) => {
            c.server.cron_paused = args.next()? != b"0";
            c.out.ok();
            Ok(())
        }
        (b"POPULATE", 1..=3) => populate(c, args),
        (b"PROTOCOL", 1) => protocol(c, c.argv[2]),
        (b"REPLYBUFFER", 2) => replybuffer(c, args),
        (b"SET-ACTIVE-EXPIRE", 1) => {
            c.server.config.active_expire = args.next()? != b"0";
            c.out.ok();
            Ok(())
        }
        (b"SET-SKIP-CHECKSUM-VALIDATION", 1) => {
            c.server.config.skip_checksum = args.next()? != b"0";
            c.out.ok();
            Ok(())
        }
        (b"SLEEP", 1) => sleep(c, args.next()?),
        _ => Err(Error::subcommand_arity("DEBUG", c.argv[1])),
    }
}

fn replybuffer(c: &mut Ctx, mut args: Args) -> Outcome {
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
        return Err(Error::Syntax);
    }
    c.out.ok();
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

fn object(c: &mut Ctx, key: &[u8]) -> Outcome {
    let (clock, lru) = (c.ks.lru_clock(), c.ks.clock == Clock::Lru);
    let entry: &Entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let idle = if lru { clock.wrapping_sub(entry.clock()) & 0xff_ffff } else { 0 };
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle}",
        entry,
        entry.encoding(),
        entry.heap_bytes(),
        entry.clock(),
    );
    c.out.simple(&text);
    Ok(())
}

/// Makes `prefix:0`, `prefix:1`… with values `value:0`…, cut or filled with zero bytes to `size`. Leaves keys that are there.
fn populate(c: &mut Ctx, mut args: Args) -> Outcome {
    let count = args.int()?;
    let count = u64::try_from(count).map_err(|_| Error::OutOfRangePositive)?;
    let prefix = if args.more() { args.next()? } else { b"key" };
    let size = if args.more() { Some(args::int(args.next()?)?) } else { None };
    let size = size.map(|n| usize::try_from(n).map_err(|_| Error::OutOfRangePositive)).transpose()?;
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
