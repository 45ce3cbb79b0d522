//! The server as a whole: how much there is, emptying it, saving it, time.

use super::debug::DEBUG;
use super::info::INFO;
use super::memory::MEMORY;
use crate::engine::lazy::SLICE;
use crate::engine::{Ctx, Error, Group, Outcome, Request, Row, args, flag};

/// The family.
pub const ROWS: &[Row] =
    &[BGREWRITEAOF, BGSAVE, DBSIZE, FLUSHALL, FLUSHDB, INFO, LASTSAVE, SAVE, SHUTDOWN, SWAPDB, TIME];

/// What a lean build does without.
pub const ADMIN: &[Row] = &[DEBUG, LOLWUT, MEMORY];

const DBSIZE: Row = Row {
    name: "DBSIZE",
    group: Group::Server,
    since: "1.0.0",
    arity: 1,
    flags: flag::READONLY | flag::FAST,
    summary: "Returns the number of keys in the database.",
    complexity: "O(1)",
    ts: "(): number",
    example: "> SET a 1\nOK\n> SET b 2\nOK\n> DBSIZE\n(integer) 2",
    run: dbsize,
    ..Row::NONE
};

fn dbsize(c: &mut Ctx) -> Outcome {
    c.out.len(c.ks.len());
    Ok(())
}

const FLUSHDB: Row = Row {
    name: "FLUSHDB",
    group: Group::Server,
    since: "1.0.0",
    arity: -1,
    flags: flag::WRITE,
    summary: "Deletes all keys of the database.",
    complexity: "O(N) where N is the number of keys in the selected database",
    syntax: "[ASYNC | SYNC]",
    ts: "(mode?: 'ASYNC' | 'SYNC'): 'OK'",
    example: "> SET k v\nOK\n> FLUSHDB\nOK\n> DBSIZE\n(integer) 0",
    run: flushdb,
    ..Row::NONE
};

fn flushdb(c: &mut Ctx) -> Outcome {
    let at_once = flush_mode(c)?;
    c.ks.dirty += c.ks.flush(at_once) as u64;
    // Logged even if there was nothing here: a follower may have something.
    c.instead(c.argv);
    c.out.ok();
    Ok(())
}

const FLUSHALL: Row = Row {
    name: "FLUSHALL",
    group: Group::Server,
    since: "1.0.0",
    arity: -1,
    flags: flag::WRITE,
    summary: "Deletes all keys of all databases.",
    complexity: "O(N) where N is the total number of keys in all databases",
    syntax: "[ASYNC | SYNC]",
    ts: "(mode?: 'ASYNC' | 'SYNC'): 'OK'",
    example: "> SELECT 1\nOK\n> SET k v\nOK\n> FLUSHALL\nOK\n> DBSIZE\n(integer) 0",
    run: flushall,
    ..Row::NONE
};

fn flushall(c: &mut Ctx) -> Outcome {
    let at_once = flush_mode(c)?;
    for db in 0..c.ks.db_count() {
        c.ks.dirty += c.ks.in_db(db, |ks| ks.flush(at_once)) as u64;
    }
    c.server.all_flushed = true;
    c.instead(c.argv);
    c.out.ok();
    Ok(())
}

/// Entries that a flush without ASYNC frees before it answers: some milliseconds.
const FLUSHED_AT_ONCE: usize = 65_536;

/// Returns how many entries are freed at once; `None` for all, which is what a transaction does. Without ASYNC the answer
/// should come when memory is free, but not block everybody for a second: Redis 8 and later free in the background too.
fn flush_mode(c: &Ctx) -> Result<Option<usize>, Error> {
    let mut args = c.args();
    let lazily = args.word("ASYNC") || (!args.word("SYNC") && c.ks.lazily.user_flush);
    args.end()?;
    Ok(match (lazily, c.nested) {
        (true, _) => Some(SLICE),
        (false, true) => None,
        (false, false) => Some(FLUSHED_AT_ONCE),
    })
}

const SWAPDB: Row = Row {
    name: "SWAPDB",
    group: Group::Server,
    since: "4.0.0",
    arity: 3,
    flags: flag::WRITE | flag::FAST,
    summary: "Exchanges the data of two databases.",
    complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    syntax: "index1 index2",
    ts: "(index1: number, index2: number): 'OK'",
    example: "> SET k zero\nOK\n> SWAPDB 0 1\nOK\n> GET k\n(nil)\n> SELECT 1\nOK\n> GET k\n\"zero\"",
    run: swapdb,
    ..Row::NONE
};

fn swapdb(c: &mut Ctx) -> Outcome {
    let index = |n: usize, error: Error| args::int(c.argv[n]).ok().and_then(|n| i32::try_from(n).ok()).ok_or(error);
    let (first, second) = (index(1, Error::BadFirstDb)?, index(2, Error::BadSecondDb)?);
    let db = |n: i32| usize::try_from(n).ok().filter(|db| *db < c.ks.db_count()).ok_or(Error::BadDb);
    let (first, second) = (db(first)?, db(second)?);
    c.ks.swap(first, second);
    c.ks.dirty += 1;
    c.out.ok();
    Ok(())
}

const TIME: Row = Row {
    name: "TIME",
    group: Group::Server,
    since: "2.6.0",
    arity: 1,
    flags: flag::LOADING | flag::STALE | flag::FAST,
    summary: "Returns the time: seconds since 1970, and the microseconds of the running second.",
    complexity: "O(1)",
    ts: "(): [string, string]",
    run: time,
    ..Row::NONE
};

fn time(c: &mut Ctx) -> Outcome {
    // Within the millisecond at which the command runs, as it stands still meanwhile.
    let micros = c.server.host.micros().unwrap_or(c.ks.now * 1000).max(c.ks.now * 1000);
    c.out.array(2);
    c.out.bulk((micros / 1_000_000).to_string().as_bytes());
    c.out.bulk((micros % 1_000_000).to_string().as_bytes());
    Ok(())
}

const LASTSAVE: Row = Row {
    name: "LASTSAVE",
    group: Group::Server,
    since: "1.0.0",
    arity: 1,
    flags: flag::LOADING | flag::STALE | flag::FAST,
    summary: "Returns when the data was last saved, in seconds since 1970.",
    complexity: "O(1)",
    ts: "(): number",
    run: lastsave,
    ..Row::NONE
};

fn lastsave(c: &mut Ctx) -> Outcome {
    c.out.int((c.server.last_save_ms / 1000) as i64);
    Ok(())
}

const SAVE: Row = Row {
    name: "SAVE",
    group: Group::Server,
    since: "1.0.0",
    arity: 1,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NOSCRIPT | flag::NO_MULTI,
    summary: "Saves the data before anything else is done.",
    complexity: "O(N) where N is the total number of keys in all databases",
    ts: "(): 'OK'",
    example: "> SAVE\nOK",
    run: save,
    ..Row::NONE
};

fn save(c: &mut Ctx) -> Outcome {
    if c.is_saving() {
        return Err(Error::SaveInProgress);
    }
    c.request(Request::Save { background: false });
    c.out.ok();
    Ok(())
}

const BGSAVE: Row = Row {
    name: "BGSAVE",
    group: Group::Server,
    since: "1.0.0",
    arity: -1,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NOSCRIPT,
    summary: "Saves the data as it is now, while commands go on.",
    complexity: "O(1)",
    syntax: "[SCHEDULE]",
    ts: "(schedule?: 'SCHEDULE'): string",
    example: "> BGSAVE NOW\n(error) ERR syntax error",
    run: bgsave,
    ..Row::NONE
};

fn bgsave(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let schedule = args.word("SCHEDULE");
    args.end()?;
    if c.is_saving() {
        return Err(Error::SaveInProgress);
    }
    if c.server.aof.rewriting_since_ms.is_some() {
        if !schedule && !c.nested {
            return Err(Error::RewriteBeforeSave);
        }
        c.server.save_scheduled = true;
        c.out.simple("Background saving scheduled");
        return Ok(());
    }
    c.request(Request::Save { background: true });
    c.out.simple(if c.nested { "Background saving scheduled" } else { "Background saving started" });
    Ok(())
}

const BGREWRITEAOF: Row = Row {
    name: "BGREWRITEAOF",
    group: Group::Server,
    since: "1.0.0",
    arity: 1,
    flags: flag::NO_ASYNC_LOADING | flag::ADMIN | flag::NOSCRIPT,
    summary: "Makes the log as short as the data allows, while commands go on.",
    complexity: "O(1)",
    ts: "(): string",
    example: "> BGREWRITEAOF\nBackground append only file rewriting started",
    run: bgrewriteaof,
    ..Row::NONE
};

fn bgrewriteaof(c: &mut Ctx) -> Outcome {
    if c.server.rewrite_asked || c.server.aof.rewriting_since_ms.is_some() {
        return Err(Error::RewriteInProgress);
    }
    // Inside a transaction nothing is begun before its end.
    if c.is_saving() || c.nested {
        c.server.rewrite_scheduled = true;
        // Who asks for it does not wait for the time at which one that failed is tried again.
        c.server.aof.rewrite_failures = 0;
        c.out.simple("Background append only file rewriting scheduled");
    } else {
        c.server.rewrite_asked = true;
        c.request(Request::Rewrite);
        c.out.simple("Background append only file rewriting started");
    }
    Ok(())
}

const SHUTDOWN: Row = Row {
    name: "SHUTDOWN",
    group: Group::Server,
    since: "1.0.0",
    arity: -1,
    flags: flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::NO_MULTI | flag::ALLOW_BUSY,
    summary: "Saves the data, unless told not to, and stops.",
    complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
    syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    ts: "(...options: ('NOSAVE' | 'SAVE' | 'NOW' | 'FORCE' | 'ABORT')[]): void",
    example: "> SHUTDOWN NOSAVE SAVE\n(error) ERR syntax error\n> SHUTDOWN ABORT\n(error) ERR No shutdown in progress.",
    run: shutdown,
    ..Row::NONE
};

/// Answers nothing: the host stops, and connections with it. NOW and FORCE are its way anyhow, as it waits for no follower.
fn shutdown(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (mut save, mut abort, mut now, mut force) = (None, false, false, false);
    while args.more() {
        if save != Some(true) && args.word("NOSAVE") {
            save = Some(false);
        } else if save != Some(false) && args.word("SAVE") {
            save = Some(true);
        } else if args.word("NOW") {
            now = true;
        } else if args.word("FORCE") {
            force = true;
        } else if args.word("ABORT") {
            abort = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    if abort {
        if save.is_some() || now || force {
            return Err(Error::Syntax);
        }
        if !std::mem::take(&mut c.server.shutdown_asked) {
            return Err(Error::NoShutdown);
        }
        c.request(Request::AbortShutdown);
        c.out.ok();
        return Ok(());
    }
    c.request(Request::Shutdown { save, force });
    Ok(())
}

const LOLWUT: Row = Row {
    name: "LOLWUT",
    group: Group::Server,
    since: "5.0.0",
    arity: -1,
    flags: flag::READONLY | flag::FAST,
    summary: "Draws something, and says the version.",
    syntax: "[VERSION version]",
    complexity: "O(1)",
    ts: "(...options: Arg[]): string",
    run: lolwut,
    ..Row::NONE
};

/// Draws waves whose shape is the number of keys.
fn lolwut(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.word("VERSION") && args.more() {
        args.int()?;
    }
    let keys = c.ks.len() as f64;
    let mut art = String::new();
    for y in 0..8 {
        for x in 0..56 {
            let wave = (f64::from(x) / 7.0 + keys).sin() + (f64::from(x) / 3.0 + f64::from(y)).cos() / 3.0;
            let depth = wave * 3.0 + 4.0 - f64::from(y);
            art.push(if depth.abs() < 0.6 {
                '~'
            } else if depth > 0.0 {
                ' '
            } else {
                '.'
            });
        }
        art.push('\n');
    }
    art.push_str(&format!(
        "\ntabdis ver. {}, Redis ver. {}\n",
        env!("CARGO_PKG_VERSION"),
        super::connection::REDIS_VERSION
    ));
    c.out.verbatim("txt", art.as_bytes());
    Ok(())
}
