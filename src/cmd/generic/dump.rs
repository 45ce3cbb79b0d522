//! DUMP and RESTORE: a value as bytes that any server understands, and back.

use crate::base::num::fmt_i64;
use crate::cmd::expiry::is_past;
use crate::engine::entry::{Entry, Payload};
use crate::engine::events::GENERIC;
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Group, KEY_OVERWRITE, KEY_READ, Outcome, Row, Ttl, args, flag};
use crate::rdb::{self, RdbError, Restored};

pub(super) const DUMP: Row = Row {
    name: "DUMP",
    group: Group::Generic,
    since: "2.6.0",
    arity: 2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the value of a key as bytes for RESTORE, of the lowest RDB version that can say it: 10, which Redis 7.0 reads too, where nothing newer is needed.",
    complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of elements composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
    syntax: "key",
    ts: "(key: Key): string | null",
    example: "> SET k 10\nOK\n> DUMP k\n\"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"\n> DUMP missing\n(nil)",
    run: dump,
    ..Row::NONE
};

fn dump(c: &mut Ctx) -> Outcome {
    match c.ks.read(c.argv[1]) {
        Some(entry) => c.out.bulk(&rdb::dump(entry, version(entry))),
        None => c.out.null(),
    }
    Ok(())
}

/// The lowest version that can say a value: the more servers read it.
fn version(entry: &Entry) -> u8 {
    match entry.object() {
        Some(Object::Hash(hash)) if hash.volatile_len() > 0 => 12,
        // When a consumer was last seen, and when it last got something, is two times since 11.
        Some(Object::Stream(stream)) if stream.groups().next().is_some() => 11,
        _ => 10,
    }
}

pub(super) const RESTORE: Row = Row {
    name: "RESTORE",
    group: Group::Generic,
    since: "2.6.0",
    arity: -4,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_OVERWRITE,
    summary: "Makes a key from what DUMP returned, here or on another server. It expires after ttl milliseconds (0: never) or, with ABSTTL, at that time. Payloads are always checked as if sanitize-dump-payload were yes.",
    complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of elements composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
    syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    ts: "(key: Key, ttl: number, serializedValue: Value, ...options: Arg[]): 'OK'",
    example: "> RESTORE k 0 \"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"\nOK\n> GET k\n\"10\"\n> RESTORE k 0 \"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"\n(error) BUSYKEY Target key name already exists.\n> RESTORE k 0 x REPLACE\n(error) ERR DUMP payload version or checksum are wrong",
    run: restore,
    ..Row::NONE
};

pub(super) const RESTORE_ASKING: Row = Row {
    name: "RESTORE-ASKING",
    group: Group::Server,
    since: "3.0.0",
    flags: flag::WRITE | flag::DENYOOM | flag::ASKING,
    summary: "Makes a key from what DUMP returned, as RESTORE does: the name that a cluster uses.",
    example: "> RESTORE-ASKING k 0 \"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"\nOK\n> GET k\n\"10\"",
    ..RESTORE
};

#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_s: Option<u64>,
    freq: Option<u8>,
}

fn restore(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let options = options(c)?;
    if !options.replace && c.ks.exists(key) {
        return Err(Error::BusyKey);
    }
    let ttl = args::int(c.argv[2])?;
    if ttl < 0 {
        return Err(Error::NegativeTtl);
    }
    // Fields that are due stay until they are met, as everywhere: who follows must not decide that.
    let (limits, seed, check) = (c.ks.limits, c.ks.seed, !c.server.config.skip_checksum);
    let value = match rdb::restore(c.argv[3], &limits, seed, 0, check) {
        Ok(Some(value)) => value,
        Err(RdbError::Version(_) | RdbError::Checksum) => return Err(Error::DumpChecksum),
        Ok(None) => return Err(Error::BadDataFormat),
        Err(why) => {
            c.server.host.log(&format!("Payload integrity check failed: {why}"));
            return Err(Error::BadDataFormat);
        }
    };
    let at = if options.absolute { ttl } else { ttl.saturating_add(c.ks.now as i64) };
    if ttl > 0 && is_past(c.ks, at) {
        delete(c, key);
    } else {
        let expiry = if ttl > 0 { Ttl::At(at as u64) } else { Ttl::Clear };
        match value {
            Restored::Text(text) => c.ks.put(key, Payload::Text(&text), expiry),
            Restored::Object(object) => c.ks.put(key, Payload::Object(object), expiry),
        }
        if let Some(clock) = rdb::clock(c.ks, options.idle_s, options.freq) {
            c.ks.set_clock(key, clock);
        }
        c.ks.changed(key, GENERIC, "restore");
        if ttl > 0 && !options.absolute {
            log_absolute(c, at);
        }
    }
    c.out.ok();
    Ok(())
}

/// Deletes the key that was to be replaced by one that is due already.
fn delete(c: &mut Ctx, key: &[u8]) {
    if c.ks.delete(key) {
        c.ks.changed(key, GENERIC, "del");
        c.instead(&[if c.ks.lazily.server_del { b"UNLINK" } else { b"DEL" }, key]);
    }
}

/// Logs the command's own words with the time as it is on every clock.
fn log_absolute(c: &mut Ctx, at: i64) {
    let mut buf = [0; 40];
    let mut words = c.argv.to_vec();
    words[2] = fmt_i64(at, &mut buf);
    words.push(b"ABSTTL");
    c.instead(&words);
}

fn options(c: &Ctx) -> Result<Options, Error> {
    let mut args = c.args();
    args.take(3)?;
    let mut options = Options::default();
    while args.more() {
        if args.word("REPLACE") {
            options.replace = true;
        } else if args.word("ABSTTL") {
            options.absolute = true;
        } else if args.left() >= 2 && options.freq.is_none() && args.word("IDLETIME") {
            options.idle_s = Some(number(&mut args, i64::MAX, Error::NegativeIdle)? as u64);
        } else if args.left() >= 2 && options.idle_s.is_none() && args.word("FREQ") {
            options.freq = Some(number(&mut args, 255, Error::FreqOutOfRange)? as u8);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(options)
}

/// Takes a number from 0 to `most`. Fails with `error` if it is another.
fn number(args: &mut Args, most: i64, error: Error) -> Result<i64, Error> {
    let n = args.int()?;
    if (0..=most).contains(&n) { Ok(n) } else { Err(error) }
}
