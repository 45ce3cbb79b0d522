//! HyperLogLogs: strings that estimate how many different elements were added.

use crate::ds::hll;
use crate::ds::listpack::Elem;
use crate::engine::entry::Payload;
use crate::engine::events::STRING;
use crate::engine::{Ctx, Error, Group, Outcome, Row, Ttl, flag};

/// The family.
pub const ROWS: &[Row] = &[PFADD, PFCOUNT, PFDEBUG, PFMERGE, PFSELFTEST];

const PFADD: Row = Row {
    name: "PFADD",
    group: Group::Hyperloglog,
    since: "2.8.9",
    arity: -2,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,INSERT]",
    summary: "Adds elements to a HyperLogLog, made if the key is missing. Returns 1 if that changed it, 0 if not.",
    complexity: "O(1) to add every element.",
    syntax: "key [element [element ...]]",
    ts: "(key: Key, ...elements: Value[]): number",
    example: "> PFADD k a b c d\n(integer) 1\n> PFADD k a b\n(integer) 0\n> PFCOUNT k\n(integer) 4\n> SET s v\nOK\n> PFADD s a\n(error) WRONGTYPE Key is not a valid HyperLogLog string value.",
    run: pfadd,
    ..Row::NONE
};

fn pfadd(c: &mut Ctx) -> Outcome {
    let (key, elements) = (c.argv[1], &c.argv[2..]);
    let mut updated = u64::from(!check(c, key)?);
    if updated > 0 {
        c.ks.put(key, Payload::Raw(hll::new()), Ttl::Clear);
    }
    let most = c.server.config.hll_sparse_max_bytes;
    if let Some(bytes) = c.ks.raw_text(key)? {
        // Only runs can turn out to make no sense, and then nothing shall have changed.
        let before = hll::is_sparse(bytes).then(|| bytes.clone());
        for element in elements {
            match hll::add(bytes, element, most) {
                Ok(changed) => updated += u64::from(changed),
                Err(hll::Corrupt) => {
                    before.into_iter().for_each(|before| *bytes = before);
                    return Err(Error::HllCorrupt);
                }
            }
        }
        if updated > 0 {
            hll::invalidate(bytes);
        }
    }
    if updated > 0 {
        c.ks.changed(key, STRING, "pfadd");
        c.ks.dirty += updated - 1;
    }
    c.out.int(i64::from(updated > 0));
    Ok(())
}

/// Returns whether there is a HyperLogLog at `key`. Fails if there is something else.
fn check(c: &mut Ctx, key: &[u8]) -> Result<bool, Error> {
    check_text(c.ks.look_text(key)?)
}

fn check_text(text: Option<Elem>) -> Result<bool, Error> {
    match text {
        None => Ok(false),
        Some(Elem::Str(bytes)) if hll::is_valid(bytes) => Ok(true),
        Some(_) => Err(Error::NotHll),
    }
}

const PFCOUNT: Row = Row {
    name: "PFCOUNT",
    group: Group::Hyperloglog,
    since: "2.8.9",
    arity: -2,
    flags: flag::READONLY | flag::MAY_REPLICATE,
    keys: "idx:1/range:last=-1,step=1,limit=0[RW,ACCESS]",
    summary: "Estimates how many different elements were added to a HyperLogLog, or to any of several; the standard error is 0.81 %.",
    complexity: "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.",
    syntax: "key [key ...]",
    ts: "(key: Key, ...keys: Key[]): number",
    example: "> PFADD a foo bar zap\n(integer) 1\n> PFADD b 1 2 3 zap\n(integer) 1\n> PFCOUNT a\n(integer) 3\n> PFCOUNT a b missing\n(integer) 6",
    run: pfcount,
    ..Row::NONE
};

fn pfcount(c: &mut Ctx) -> Outcome {
    let keys = &c.argv[1..];
    let count = match keys {
        [key] => count_one(c, key)?,
        _ => {
            let mut registers = [0; hll::REGISTERS];
            for key in keys {
                merge(c.ks.text(key)?, &mut registers)?;
            }
            hll::count_registers(&registers)
        }
    };
    c.out.int(count);
    Ok(())
}

/// Estimates the HyperLogLog at `key`, and remembers the estimate in it: that is a change which is logged, so that everyone
/// has the same bytes, but not notified.
fn count_one(c: &mut Ctx, key: &[u8]) -> Result<i64, Error> {
    let text = c.ks.text(key)?;
    if !check_text(text)? {
        return Ok(0);
    }
    let Some(Elem::Str(bytes)) = text else { return Ok(0) };
    if let Some(count) = hll::cached(bytes) {
        return Ok(count);
    }
    let count = hll::count(bytes).map_err(|_| Error::HllCorrupt)?;
    if let Some(bytes) = c.ks.raw_text(key)? {
        hll::remember(bytes, count);
    }
    c.ks.touch_watchers(key);
    c.ks.dirty += 1;
    Ok(count)
}

/// Merges the string at a key, if there is one, into `registers`. Returns whether it is a dense one.
fn merge(text: Option<Elem>, registers: &mut hll::Registers) -> Result<bool, Error> {
    check_text(text)?;
    let Some(Elem::Str(bytes)) = text else { return Ok(false) };
    hll::merge(registers, bytes).map_err(|_| Error::HllCorrupt)?;
    Ok(!hll::is_sparse(bytes))
}

const PFMERGE: Row = Row {
    name: "PFMERGE",
    group: Group::Hyperloglog,
    since: "2.8.9",
    arity: -2,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,INSERT]; idx:2/range:last=-1,step=1,limit=0[RO,ACCESS]",
    summary: "Adds to a HyperLogLog, made if the key is missing, everything that was added to others.",
    complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
    syntax: "destkey [sourcekey [sourcekey ...]]",
    ts: "(destkey: Key, ...sourcekeys: Key[]): 'OK'",
    example: "> PFADD a foo bar zap a\n(integer) 1\n> PFADD b a b c foo\n(integer) 1\n> PFMERGE to a b\nOK\n> PFCOUNT to\n(integer) 6",
    run: pfmerge,
    ..Row::NONE
};

fn pfmerge(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let (mut registers, mut dense) = ([0; hll::REGISTERS], false);
    for key in &c.argv[1..] {
        dense |= merge(c.ks.text(key)?, &mut registers)?;
    }
    if !c.ks.exists(key) {
        c.ks.put(key, Payload::Raw(hll::new()), Ttl::Clear);
    }
    let most = c.server.config.hll_sparse_max_bytes;
    if let Some(bytes) = c.ks.raw_text(key)? {
        // Merging has shown that its runs make sense.
        if dense {
            hll::to_dense(bytes).map_err(|_| Error::HllCorrupt)?;
        }
        for (index, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
            hll::raise(bytes, index, *value, most).map_err(|_| Error::HllCorrupt)?;
        }
        hll::invalidate(bytes);
    }
    c.ks.changed(key, STRING, "pfadd");
    c.out.ok();
    Ok(())
}

const PFDEBUG: Row = Row {
    name: "PFDEBUG",
    group: Group::Hyperloglog,
    since: "2.8.9",
    arity: 3,
    flags: flag::WRITE | flag::DENYOOM | flag::ADMIN,
    keys: "idx:2/range:last=0,step=1,limit=0[RW,ACCESS]",
    summary: "Looks into a HyperLogLog: its registers (which makes it dense), its runs, its encoding; or makes it dense. SIMD, of newer servers, is accepted and chooses nothing.",
    complexity: "N/A",
    syntax: "<GETREG | DECODE | ENCODING | TODENSE> key",
    ts: "(subcommand: 'GETREG' | 'DECODE' | 'ENCODING' | 'TODENSE', key: Key): Reply",
    example: "> PFADD k a\n(integer) 1\n> PFDEBUG ENCODING k\nsparse\n> PFDEBUG DECODE k\n\"Z:12711 v:2,1 Z:3672\"\n> PFDEBUG TODENSE k\n(integer) 1\n> PFDEBUG ENCODING k\ndense",
    run: pfdebug,
    ..Row::NONE
};

fn pfdebug(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.word("SIMD") {
        if !args.word("ON") && !args.word("OFF") {
            return Err(Error::Syntax);
        }
        c.out.ok();
        return Ok(());
    }
    let (what, key) = (args.next()?, args.next()?);
    if !check(c, key)? {
        return Err(Error::NoSuchSpecifiedKey);
    }
    let Some(bytes) = c.ks.raw_text(key)? else { return Err(Error::NoSuchSpecifiedKey) };
    let was_sparse = hll::is_sparse(bytes);
    let dense = |bytes: &mut Vec<u8>| hll::to_dense(bytes).map_err(|_| Error::HllCorrupt);
    match &*what.to_ascii_uppercase() {
        b"GETREG" => {
            dense(bytes)?;
            let mut registers = [0; hll::REGISTERS];
            hll::merge(&mut registers, bytes).map_err(|_| Error::HllCorrupt)?;
            c.out.array(registers.len());
            registers.iter().for_each(|value| c.out.int(i64::from(*value)));
            c.ks.dirty += u64::from(was_sparse);
        }
        b"DECODE" if was_sparse => c.out.bulk(hll::describe_runs(bytes).as_bytes()),
        b"DECODE" => return Err(Error::HllNotSparse),
        b"ENCODING" => c.out.simple(if was_sparse { "sparse" } else { "dense" }),
        b"TODENSE" => {
            dense(bytes)?;
            c.out.int(i64::from(was_sparse));
            c.ks.dirty += u64::from(was_sparse);
        }
        _ => return Err(Error::new(format!("ERR Unknown PFDEBUG subcommand '{}'", String::from_utf8_lossy(what)))),
    }
    Ok(())
}

const PFSELFTEST: Row = Row {
    name: "PFSELFTEST",
    group: Group::Hyperloglog,
    since: "2.8.9",
    arity: 1,
    flags: flag::ADMIN,
    summary: "Tries HyperLogLogs on elements of its own: both encodings must agree, and be right within four standard errors.",
    complexity: "N/A",
    ts: "(): 'OK'",
    example: "> PFSELFTEST\nOK",
    run: pfselftest,
    ..Row::NONE
};

fn pfselftest(c: &mut Ctx) -> Outcome {
    hll::self_test().map_err(|why| Error::new(format!("TESTFAILED {why}")))?;
    c.out.ok();
    Ok(())
}
