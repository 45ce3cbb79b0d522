//! Strings: GET, SET and what goes with them.

use crate::engine::events::{GENERIC, STRING};
use crate::engine::{Args, Ctx, Error, Group, KEY_READ, Outcome, Row, Ttl, flag};

/// The family.
pub const ROWS: &[Row] = &[GET, SET];

const GET: Row = Row {
    name: "GET",
    group: Group::String,
    since: "1.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Returns the string value of a key.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): string | null",
    example: "> GET missing\n(nil)\n> SET k v\nOK\n> GET k\n\"v\"",
    run: get,
    ..Row::NONE
};

fn get(c: &mut Ctx) -> Outcome {
    match c.ks.text(c.argv[1])? {
        Some(text) => c.out.elem(text),
        None => c.out.null(),
    }
    Ok(())
}

const SET: Row = Row {
    name: "SET",
    group: Group::String,
    since: "1.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,UPDATE,VARIABLE_FLAGS]",
    summary: "Sets the string value of a key, whatever type it held, and removes its expiry.",
    complexity: "O(1)",
    syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    ts: "(key: Key, value: Value, ...options: Arg[]): 'OK' | string | null",
    example: "> SET k v EX 60\nOK\n> SET k w NX\n(nil)\n> SET k w KEEPTTL GET\n\"v\"",
    run: set,
    ..Row::NONE
};

#[derive(Default)]
struct SetOptions {
    nx: bool,
    xx: bool,
    get: bool,
    ttl: Option<Ttl>,
}

fn set(c: &mut Ctx) -> Outcome {
    let (key, value) = (c.argv[1], c.argv[2]);
    let options = set_options(c)?;
    let old = if options.get { c.ks.text(key)?.map(|text| text.to_vec()) } else { None };
    let exists = if options.nx || options.xx { c.ks.exists(key) } else { false };
    if (options.nx && exists) || (options.xx && !exists) {
        match (options.get, old) {
            (true, Some(old)) => c.out.bulk(&old),
            _ => c.out.null(),
        }
        return Ok(());
    }
    let ttl = options.ttl.unwrap_or(Ttl::Clear);
    c.ks.set_text(key, value, ttl);
    c.ks.changed(key, STRING, "set");
    if let Ttl::At(at) = ttl {
        c.ks.notify(GENERIC, "expire", key);
        c.instead(&[b"SET", key, value, b"PXAT", at.to_string().as_bytes()]);
    }
    match (options.get, old) {
        (false, _) => c.out.ok(),
        (true, Some(old)) => c.out.bulk(&old),
        (true, None) => c.out.null(),
    }
    Ok(())
}

fn set_options(c: &Ctx) -> Result<SetOptions, Error> {
    let mut args = Args::from(c.argv, 3);
    let mut options = SetOptions::default();
    while args.more() {
        if !options.xx && args.word("NX") {
            options.nx = true;
        } else if !options.nx && args.word("XX") {
            options.xx = true;
        } else if args.word("GET") {
            options.get = true;
        } else if options.ttl.is_none() && args.word("KEEPTTL") {
            options.ttl = Some(Ttl::Keep);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(options)
}
