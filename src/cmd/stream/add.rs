//! Streams: adding entries, and setting the counters of a stream.

use super::ids::{self, NewId};
use super::put_id;
use super::trim::{Options, exact_bound, push_exact};
use crate::ds::stream::{Id, MAX_ENTRY_BYTES, Stream, Trim};
use crate::engine::events::STREAM;
use crate::engine::{Args, Ctx, Error, Group, KEY_UPDATE, Outcome, Row, flag};

pub const XADD: Row = Row {
    name: "XADD",
    group: Group::Stream,
    since: "5.0.0",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Adds an entry to the end of a stream and returns its id.",
    complexity: "O(1) when adding, O(N) when trimming where N is the number of entries removed.",
    syntax: "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
    ts: "(key: Key, ...rest: Arg[]): string | null",
    example: "> XADD s 1526919030474-55 message hello\n\"1526919030474-55\"\n> XADD s 1526919030474-* message world n 2\n\"1526919030474-56\"\n> XADD s MAXLEN = 1 1526919030475 message !\n\"1526919030475-0\"\n> XRANGE s - +\n1) 1) \"1526919030475-0\"\n   2) 1) \"message\"\n      2) \"!\"\n> XADD missing NOMKSTREAM * a 1\n(nil)",
    run: xadd,
    ..Row::NONE
};

struct Add<'a> {
    make: bool,
    trim: Option<Trim>,
    id: NewId,
    pairs: &'a [&'a [u8]],
}

fn xadd(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let add = parse(c)?;
    let (now, limits) = (c.ks.now, c.ks.limits.stream);
    let stream = if add.make {
        c.ks.get_or_new::<Stream>(key)?
    } else if let Some(stream) = c.ks.get_mut::<Stream>(key)? {
        stream
    } else {
        c.out.null();
        return Ok(());
    };
    let id = next_id(add.id, stream.last_id(), now)?;
    stream.append(id, add.pairs, &limits).map_err(|_| Error::StreamIdOrder)?;
    let (trimmed, exact) = match &add.trim {
        Some(trim) => (stream.trim(trim), Some((*trim, exact_bound(trim, stream)))),
        None => (0, None),
    };
    c.ks.changed(key, STREAM, "xadd");
    if trimmed > 0 {
        c.ks.notify(STREAM, "xtrim", key);
    }
    put_id(c.out, id);
    let inexact = add.trim.is_some_and(|trim| trim.whole_nodes || trim.limit > 0);
    if c.ks.effects.is_recorded() && (inexact || !matches!(add.id, NewId::Given(_))) {
        let (mut id_text, mut bound_text) = ([0; 41], [0; 41]);
        let mut words: Vec<&[u8]> = Vec::with_capacity(add.pairs.len() + 8);
        words.extend([&b"XADD"[..], key]);
        if let Some((trim, bound)) = &exact {
            push_exact(&mut words, trim, *bound, &mut bound_text);
        }
        words.push(id.text(&mut id_text));
        words.extend(add.pairs);
        c.instead(&words);
    }
    Ok(())
}

fn parse<'a>(c: &Ctx<'a>) -> Result<Add<'a>, Error> {
    let mut args = Args::from(c.argv, 2);
    let (mut make, mut options) = (true, Options::default());
    let id = loop {
        if args.peek() == Some(b"*") {
            args.next()?;
            break NewId::Auto;
        }
        if args.word("NOMKSTREAM") {
            make = false;
        } else if !options.take(&mut args)? {
            // With no id among the arguments they are too few.
            let Ok(text) = args.next() else { return Err(Error::arity(c.name())) };
            break ids::new_id(text)?;
        }
    };
    let trim = options.finish(c)?;
    let pairs = args.rest();
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::arity(c.name()));
    }
    if id == NewId::Given(Id::MIN) {
        return Err(Error::StreamIdZero);
    }
    if pairs.iter().map(|text| text.len()).sum::<usize>() > MAX_ENTRY_BYTES {
        return Err(Error::StreamTooLarge);
    }
    Ok(Add { make, trim, id, pairs })
}

/// Returns the id of the entry that follows `last`.
fn next_id(wanted: NewId, last: Id, now: u64) -> Result<Id, Error> {
    let next = last.next().ok_or(Error::StreamExhausted)?;
    match wanted {
        NewId::Given(id) => Ok(id),
        // When the clock is behind the last entry, ids go on without it.
        NewId::Auto if now > last.ms => Ok(Id::new(now, 0)),
        NewId::Auto => Ok(next),
        NewId::InMs(ms) if ms > last.ms => Ok(Id::new(ms, 0)),
        NewId::InMs(ms) if ms == last.ms && next.ms == ms => Ok(next),
        NewId::InMs(_) => Err(Error::StreamIdOrder),
    }
}

pub const XSETID: Row = Row {
    name: "XSETID",
    group: Group::Stream,
    since: "5.0.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Sets the last id of a stream, and how many entries were ever added and which was the last one deleted; for copies of streams.",
    complexity: "O(1)",
    syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
    ts: "(key: Key, lastId: string, ...rest: Arg[]): 'OK'",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XSETID s 5-0 ENTRIESADDED 4\nOK\n> XADD s 4-0 a 1\n(error) ERR The ID specified in XADD is equal or smaller than the target stream top item\n> XSETID s 0-5\n(error) ERR The ID specified in XSETID is smaller than the target stream top item",
    differs: "An id smaller than that of the last entry deleted is refused, as since 7.2.",
    run: xsetid,
    ..Row::NONE
};

fn xsetid(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let last = ids::id(args.next()?, 0)?;
    let (mut added, mut deleted) = (None, None);
    while args.more() {
        let has_more = args.left() > 1;
        if has_more && args.word("ENTRIESADDED") {
            added = Some(u64::try_from(args.int()?).map_err(|_| Error::EntriesAddedNegative)?);
        } else if has_more && args.word("MAXDELETEDID") {
            let id = ids::id(args.next()?, 0)?;
            if last < id {
                return Err(Error::XsetidDeleted);
            }
            deleted = Some(id).filter(|id| *id != Id::MIN);
        } else {
            return Err(Error::Syntax);
        }
    }
    let replayed = c.me.replica;
    let stream = c.ks.get_mut::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    // Ids that were used must not come again; but what another engine says stands.
    if last < stream.max_deleted_id() && !replayed {
        return Err(Error::XsetidCurrentDeleted);
    }
    if stream.last_entry_id().is_some_and(|top| last < top) {
        return Err(Error::XsetidSmall);
    }
    if !stream.is_empty() && added.is_some_and(|added| added < stream.len() as u64) {
        return Err(Error::EntriesAddedTooSmall);
    }
    stream.set_last_id(last);
    added.into_iter().for_each(|added| stream.set_added(added));
    deleted.into_iter().for_each(|id| stream.set_max_deleted_id(id));
    c.ks.changed(key, STREAM, "xsetid");
    c.out.ok();
    Ok(())
}
