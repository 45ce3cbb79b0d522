//! Streams: reading what follows an id, from several streams at once, waiting for it or not.

use super::{ids, put_entries};
use crate::base::num::parse_i64;
use crate::ds::stream::{Id, Stream};
use crate::engine::value::Type;
use crate::engine::{Again, Args, Ctx, Error, Group, Outcome, Row, flag};

pub const XREAD: Row = Row {
    name: "XREAD",
    group: Group::Stream,
    since: "5.0.0",
    arity: -4,
    flags: flag::READONLY | flag::BLOCKING,
    keys: "kw:STREAMS@1/range:last=-1,step=1,limit=2[RO,ACCESS]",
    summary: "Returns the entries of streams that are behind an id, `$` for the last there is now, `+` for the one before it. Waits if there are none and BLOCK is given.",
    complexity: "O(log(N)+M) for each stream, where N is the number of its entries and M the number of those returned.",
    syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
    ts: "(...args: Arg[]): Record<string, [string, string[]][]> | null",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XREAD COUNT 1 STREAMS s t 0 0\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XREAD BLOCK 0 STREAMS s 1-0\n1) 1) \"s\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n> XREAD STREAMS s $\n(nil)",
    differs: "The id `+` came with 7.4; the words about keys without an id are those since 7.2.",
    run: xread,
    ..Row::NONE
};

/// What XREAD and XREADGROUP are told.
pub(super) struct Read<'a> {
    /// At most so many entries of each stream.
    pub(super) count: Option<usize>,
    /// How long to wait, ms, 0 for ever; `None` for not at all.
    pub(super) block: Option<u64>,
    /// Group and consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    pub(super) noack: bool,
    /// Also take over what is pending since so many ms.
    pub(super) claim: Option<u64>,
    pub(super) keys: &'a [&'a [u8]],
    /// One for each key, not looked at yet.
    pub(super) ids: &'a [&'a [u8]],
}

/// Reads the arguments of XREAD or, `for_group`, XREADGROUP.
pub(super) fn parse<'a>(c: &Ctx<'a>, for_group: bool) -> Result<Read<'a>, Error> {
    let mut read = Read { count: None, block: None, group: None, noack: false, claim: None, keys: &[], ids: &[] };
    let mut args = c.args();
    while args.more() {
        let more = args.left() - 1;
        if more > 0 && args.word("BLOCK") {
            let ms = parse_i64(args.next()?).ok_or(Error::TimeoutNotInteger)?;
            let ms = u64::try_from(ms).map_err(|_| Error::NegativeTimeout)?;
            if ms > (i64::MAX as u64).saturating_sub(c.ks.now) {
                return Err(Error::TimeoutOutOfRange);
            }
            read.block = Some(ms);
        } else if more > 0 && args.word("COUNT") {
            let count = usize::try_from(args.int()?.max(0)).unwrap_or(usize::MAX);
            read.count = Some(count).filter(|count| *count > 0);
        } else if more > 0 && args.word("STREAMS") {
            streams(&mut args, &mut read, for_group)?;
        } else if more > 1 && args.word("GROUP") {
            if !for_group {
                return Err(Error::GroupOutsideReadgroup);
            }
            read.group = Some((args.next()?, args.next()?));
        } else if args.word("NOACK") {
            if !for_group {
                return Err(Error::NoackOutsideReadgroup);
            }
            read.noack = true;
        } else if for_group && more > 0 && args.word("CLAIM") {
            let ms = parse_i64(args.next()?).ok_or(Error::ClaimMinIdleReadgroup)?;
            read.claim = Some(u64::try_from(ms).map_err(|_| Error::ClaimMinIdleNegative)?);
        } else {
            return Err(Error::Syntax);
        }
    }
    match read.keys.is_empty() {
        true => Err(Error::Syntax),
        false => Ok(read),
    }
}

/// Takes all that is left as keys and their ids.
fn streams<'a>(args: &mut Args<'a>, read: &mut Read<'a>, for_group: bool) -> Result<(), Error> {
    let rest = args.rest();
    if !rest.len().is_multiple_of(2) {
        return Err(if for_group { Error::XreadgroupUnbalanced } else { Error::XreadUnbalanced });
    }
    (read.keys, read.ids) = rest.split_at(rest.len() / 2);
    Ok(())
}

fn xread(c: &mut Ctx) -> Outcome {
    let read = parse(c, false)?;
    let mut after = Vec::with_capacity(read.keys.len());
    for (key, id) in read.keys.iter().zip(read.ids) {
        after.push(behind(c, key, id)?);
    }
    let mark = c.out.mark();
    let (open, mut served) = (c.out.open_map(), 0);
    for (key, after) in read.keys.iter().zip(&after) {
        let Some(from) = after.next() else { continue };
        let Some(stream) = c.ks.get::<Stream>(key)? else { continue };
        // Most streams have nothing new: that is seen without looking for it.
        let mut entries = stream.range(from, Id::MAX).peekable();
        if stream.last_id() <= *after || entries.peek().is_none() {
            continue;
        }
        super::head(c.out, key);
        put_entries(c.out, entries, read.count);
        served += 1;
    }
    if served > 0 {
        super::close_streams(c.out, open, served);
        return Ok(());
    }
    c.out.rewind(mark);
    match read.block {
        None => c.out.null_array(),
        Some(timeout) => {
            let argv = Some(with_ids(c.argv, &after));
            c.wait_as(read.keys, Type::Stream, timeout, Again { argv, ..Again::default() });
        }
    }
    Ok(())
}

/// Returns the id behind which a stream is read. Fails first if the key holds another type, as in Redis.
fn behind(c: &mut Ctx, key: &[u8], text: &[u8]) -> Result<Id, Error> {
    let stream = c.ks.get::<Stream>(key)?;
    match text {
        b"$" | b"+" => {
            let Some(stream) = stream else { return Ok(Id::MIN) };
            let last = if text == b"+" { stream.last_entry_id().and_then(Id::prev) } else { None };
            Ok(last.unwrap_or(stream.last_id()))
        }
        b">" => Err(Error::NewIdOutsideGroup),
        _ => ids::id(text, 0),
    }
}

/// Returns the command's words with the ids they meant when it came.
fn with_ids(argv: &[&[u8]], after: &[Id]) -> Vec<Vec<u8>> {
    let (words, _) = argv.split_at(argv.len() - after.len());
    words.iter().map(|word| word.to_vec()).chain(after.iter().map(|id| id.to_vec())).collect()
}
