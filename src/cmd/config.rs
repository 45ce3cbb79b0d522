//! CONFIG: reading and changing parameters while the server runs.

use super::command::help_row;
use super::params::{self, Change, Param};
use crate::base::glob;
use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};

/// The family.
pub const ROWS: &[Row] = &[CONFIG];

const ADMIN: u32 = flag::ADMIN | flag::NOSCRIPT | flag::LOADING | flag::STALE;

const CONFIG: Row = Row {
    name: "CONFIG",
    group: Group::Server,
    since: "2.0.0",
    arity: -2,
    summary: "Reads and changes the server's parameters.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> CONFIG SET hash-max-listpack-entries 4\nOK\n> CONFIG GET hash-max-ziplist-entries\n\
              1) \"hash-max-ziplist-entries\"\n2) \"4\"",
    subs: &[GET, help_row(Group::Server, "5.0.0", flag::LOADING | flag::STALE), RESETSTAT, REWRITE, SET],
    ..Row::NONE
};

const GET: Row = Row {
    name: "GET",
    group: Group::Server,
    since: "2.0.0",
    arity: -3,
    flags: ADMIN,
    summary: "Returns the parameters whose names match one of the glob patterns, with their values.",
    complexity: "O(N) when N is the number of configuration parameters provided",
    syntax: "parameter [parameter ...]",
    ts: "(...parameters: string[]): Record<string, string>",
    example: "> CONFIG GET appendfsync no-such-name\n1) \"appendfsync\"\n2) \"everysec\"\n\
              > CONFIG GET list-max-*\n1) \"list-max-listpack-size\"\n2) \"-2\"\n3) \"list-max-ziplist-size\"\n4) \"-2\"",
    run: get,
    ..Row::NONE
};

fn get(c: &mut Ctx) -> Outcome {
    // A name that is no pattern comes back as it was written; no name comes twice.
    let mut found: Vec<(&Param, Vec<u8>)> = Vec::new();
    for pattern in c.args().rest() {
        let is_glob = pattern.iter().any(|byte| b"[*?".contains(byte));
        for param in params::all() {
            for name in [param.name, param.alias].map(str::as_bytes) {
                let new = !found.iter().any(|(_, known)| known.eq_ignore_ascii_case(name));
                let meant = if is_glob && !param.hidden {
                    glob::matches_case(pattern, name, true)
                } else {
                    pattern.eq_ignore_ascii_case(name)
                };
                if new && !name.is_empty() && meant {
                    found.push((param, if is_glob { name } else { pattern }.to_vec()));
                }
            }
        }
    }
    c.out.map(found.len());
    for (param, name) in found {
        let value = param.get(c);
        c.out.bulk(&name);
        c.out.bulk(&value);
    }
    Ok(())
}

const SET: Row = Row {
    name: "SET",
    group: Group::Server,
    since: "2.0.0",
    arity: -4,
    flags: ADMIN,
    summary: "Sets parameters: all of them, or none if one cannot be set so.",
    complexity: "O(N) when N is the number of configuration parameters provided",
    syntax: "parameter value [parameter value ...]",
    ts: "(...pairs: Arg[]): 'OK'",
    example: "> CONFIG SET maxmemory 100mb hz 50\nOK\n> CONFIG GET maxmemory\n1) \"maxmemory\"\n2) \"104857600\"\n\
              > CONFIG SET databases 4\n(error) ERR CONFIG SET failed (possibly related to argument 'databases') - \
              can't set immutable config\n> CONFIG SET maxmemory 0\nOK",
    run: set,
    ..Row::NONE
};

fn set(c: &mut Ctx) -> Outcome {
    let pairs = c.args().rest();
    if !pairs.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let failed = |name: &[u8], why: &str| {
        let name = String::from_utf8_lossy(name);
        Error::new(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
    };
    let mut wanted: Vec<(&Param, &[u8], &[u8])> = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        let param = params::find(pair[0]).ok_or_else(|| {
            let name = String::from_utf8_lossy(pair[0]);
            Error::new(format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'"))
        })?;
        match refused(c, param) {
            Some(Refusal::Loading) => return Err(Error::Loading),
            Some(Refusal::Because(why)) => return Err(failed(pair[0], why)),
            None => {}
        }
        // By what it is called: the old name and the new one may both be set, and the last counts.
        if wanted.iter().any(|(_, name, _)| name.eq_ignore_ascii_case(pair[0])) {
            return Err(failed(pair[0], "duplicate parameter"));
        }
        wanted.push((param, pair[0], pair[1]));
    }
    let mut checked = Vec::with_capacity(wanted.len());
    for (param, name, value) in wanted {
        checked.push((param, param.check(c, value).map_err(|why| failed(name, &why))?));
    }
    apply(c, &checked).map_err(|(n, why)| failed(pairs[2 * n], &why))?;
    c.out.ok();
    Ok(())
}

/// Sets all, and has the host put those that concern it into effect. If it refuses one, all are as before; fails with its place
/// and the reason.
fn apply(c: &mut Ctx, checked: &[(&Param, Vec<u8>)]) -> Result<(), (usize, String)> {
    let mut before = Vec::with_capacity(checked.len());
    for (param, value) in checked {
        before.push(param.get(c));
        param.set(c, value);
    }
    if c.server.starting {
        return Ok(());
    }
    for (n, (param, value)) in checked.iter().enumerate() {
        if !param.hosted || *value == before[n] {
            continue;
        }
        if let Err(why) = c.server.host.configure(param.name, &mut c.server.config) {
            for (n, (param, _)) in checked.iter().enumerate().rev() {
                param.set(c, &before[n]);
            }
            for (param, _) in checked[..n].iter().filter(|(param, _)| param.hosted) {
                // What was in effect a moment ago can be again.
                _ = c.server.host.configure(param.name, &mut c.server.config);
            }
            return Err((n, why));
        }
    }
    Ok(())
}

/// Why a parameter cannot be set now.
enum Refusal {
    Loading,
    Because(&'static str),
}

/// Why a parameter cannot be set now, if it cannot.
fn refused(c: &Ctx, param: &Param) -> Option<Refusal> {
    if c.server.loading.is_some() && matches!(param.name, "dir" | "appendonly") {
        return Some(Refusal::Loading);
    }
    let allowed = c.server.config.enable_protected_configs.allows(c.me.is_local());
    match param.change {
        _ if c.server.starting => None,
        Change::AtStart => Some(Refusal::Because("can't set immutable config")),
        Change::Protected if !allowed => Some(Refusal::Because("can't set protected config")),
        Change::Free | Change::Protected => None,
    }
}

const RESETSTAT: Row = Row {
    name: "RESETSTAT",
    group: Group::Server,
    since: "2.0.0",
    arity: 2,
    flags: ADMIN,
    summary: "Sets the counters of INFO back to zero.",
    complexity: "O(1)",
    ts: "(): 'OK'",
    example: "> CONFIG RESETSTAT\nOK",
    run: resetstat,
    ..Row::NONE
};

fn resetstat(c: &mut Ctx) -> Outcome {
    c.server.forget_calls();
    c.server.connections = 0;
    c.server.meter.reset();
    (c.sessions.output_cuts, c.sessions.input_cuts) = (0, 0);
    c.ks.stats = Default::default();
    c.ks.graves.freed = 0;
    let aof = &mut c.server.aof;
    (aof.delayed_syncs, aof.rewrites, aof.rewrite_failures, c.server.saves.count) = (0, 0, 0, 0);
    c.server.evict.reset_stats(c.ks.now);
    c.out.ok();
    Ok(())
}

const REWRITE: Row = Row {
    name: "REWRITE",
    group: Group::Server,
    since: "2.8.0",
    arity: 2,
    flags: ADMIN,
    summary: "Writes the parameters to the configuration file the server was started with, and keeps its comments.",
    complexity: "O(1)",
    ts: "(): 'OK'",
    example: "> CONFIG REWRITE\n(error) ERR The server is running without a config file",
    run: rewrite,
    ..Row::NONE
};

fn rewrite(c: &mut Ctx) -> Outcome {
    rewrite_file(c, false)
}

/// Writes all parameters, those at their default too (`DEBUG CONFIG-REWRITE-FORCE-ALL`).
pub(super) fn rewrite_all(c: &mut Ctx) -> Outcome {
    rewrite_file(c, true)
}

fn rewrite_file(c: &mut Ctx, all: bool) -> Outcome {
    let failed = |why: String| Error::new(format!("ERR Rewriting config file: {why}"));
    let text = c.server.host.config_file().ok_or(Error::NoConfigFile)?.map_err(failed)?;
    let text = super::rewrite::rewrite(&text, c, all);
    c.server.host.replace_config_file(&text).map_err(failed)?;
    c.out.ok();
    Ok(())
}
