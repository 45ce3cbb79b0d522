//! Streams: trimming, by XTRIM and by the options that XADD shares with it.

use super::ids::end_or_id;
use crate::base::num::fmt_u64;
use crate::ds::stream::{Bound, Id, References, Stream, Trim};
use crate::engine::events::STREAM;
use crate::engine::{Args, Ctx, Error, Group, KEY_DELETE, Outcome, Row, flag};

pub const XTRIM: Row = Row {
    name: "XTRIM",
    group: Group::Stream,
    since: "5.0.0",
    arity: -4,
    flags: flag::WRITE,
    keys: KEY_DELETE,
    summary: "Removes entries from the beginning of a stream, down to a length or up to an id, and returns how many.",
    complexity: "O(N) where N is the number of entries removed.",
    syntax: "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]",
    ts: "(key: Key, ...rest: Arg[]): number",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XADD s 3-0 a 3\n\"3-0\"\n> XTRIM s MAXLEN 2\n(integer) 1\n> XTRIM s MINID = 3\n(integer) 1\n> XTRIM s MAXLEN ~ 0\n(integer) 1\n> XLEN s\n(integer) 0",
    run: xtrim,
    ..Row::NONE
};

fn xtrim(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let mut args = Args::from(c.argv, 2);
    let mut options = Options::default();
    while args.more() {
        if !options.take(&mut args)? {
            return Err(Error::Syntax);
        }
    }
    let trim = options.finish(c)?.ok_or(Error::Syntax)?;
    let Some(stream) = c.ks.get_mut::<Stream>(key)? else {
        c.out.int(0);
        return Ok(());
    };
    let removed = stream.trim(&trim);
    let exact = exact_bound(&trim, stream);
    c.out.int(removed as i64);
    if removed == 0 {
        return Ok(());
    }
    c.ks.changed(key, STREAM, "xtrim");
    c.ks.dirty += removed - 1;
    if trim.whole_nodes || trim.limit > 0 {
        let mut words: Vec<&[u8]> = vec![b"XTRIM", key];
        let mut buf = [0; 41];
        push_exact(&mut words, &trim, exact, &mut buf);
        c.instead(&words);
    }
    Ok(())
}

/// The options about trimming, as far as they were read.
#[derive(Default)]
pub(super) struct Options {
    bound: Option<Bound>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

impl Options {
    /// Takes an option, if the next argument begins one of these.
    pub(super) fn take(&mut self, args: &mut Args) -> Result<bool, Error> {
        // A word that has nothing behind it is not an option.
        let has_more = args.left() > 1;
        if has_more && args.word("MAXLEN") {
            self.begin_bound(args)?;
            let max = u64::try_from(args.int()?).map_err(|_| Error::StreamMaxlenNegative)?;
            self.bound = Some(Bound::MaxLen(max));
        } else if has_more && args.word("MINID") {
            self.begin_bound(args)?;
            let text = args.next()?;
            let min = if matches!(text, b"-" | b"+") { Err(Error::StreamId) } else { end_or_id(text, 0) };
            self.bound = Some(Bound::MinId(min?));
        } else if has_more && args.word("LIMIT") {
            self.limit = Some(u64::try_from(args.int()?).map_err(|_| Error::StreamLimitNegative)?);
        } else if let Some(references) = references(args) {
            if self.references.replace(references).is_some() {
                return Err(Error::Syntax);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn begin_bound(&mut self, args: &mut Args) -> Result<(), Error> {
        if self.bound.is_some() {
            return Err(Error::StreamTrimTwice);
        }
        self.approximate = args.left() > 1 && args.word("~");
        if !self.approximate && args.left() > 1 {
            args.word("=");
        }
        Ok(())
    }

    /// Returns what the options mean together.
    pub(super) fn finish(self, c: &Ctx) -> Result<Option<Trim>, Error> {
        let Some(bound) = self.bound else {
            return if self.limit.is_some() { Err(Error::StreamLimitNeedsTrim) } else { Ok(None) };
        };
        if self.limit.is_some() && !self.approximate {
            return Err(Error::StreamLimitNeedsApprox);
        }
        let limit = match self.limit {
            Some(limit) => limit,
            None if !self.approximate => 0,
            // As many as a hundred nodes hold, so that no command takes long.
            None => match (c.ks.limits.stream.entries as u64).saturating_mul(100) {
                0 => 10_000,
                limit => limit.min(1_000_000),
            },
        };
        let references = self.references.unwrap_or_default();
        Ok(Some(Trim { bound, whole_nodes: self.approximate, limit, references }))
    }
}

/// Takes KEEPREF, DELREF or ACKED.
pub(super) fn references(args: &mut Args) -> Option<References> {
    if args.word("KEEPREF") {
        Some(References::Keep)
    } else if args.word("DELREF") {
        Some(References::Delete)
    } else if args.word("ACKED") {
        Some(References::Acknowledged)
    } else {
        None
    }
}

/// Returns the bound that, taken to the letter, leaves what is left of `stream`.
pub(super) fn exact_bound(trim: &Trim, stream: &Stream) -> Bound {
    match trim.bound {
        // The oldest that may go have gone one by one: what is left is told by the number.
        Bound::MinId(_) if trim.references != References::Acknowledged => {
            Bound::MinId(if stream.is_empty() { Id::MAX } else { stream.first_id() })
        }
        _ => Bound::MaxLen(stream.len() as u64),
    }
}

/// Appends the words of `trim` with an exact bound.
pub(super) fn push_exact<'a>(words: &mut Vec<&'a [u8]>, trim: &Trim, bound: Bound, buf: &'a mut [u8; 41]) {
    match trim.references {
        References::Keep => {}
        References::Delete => words.push(b"DELREF"),
        References::Acknowledged => words.push(b"ACKED"),
    }
    match bound {
        Bound::MaxLen(max) => {
            let mut number = [0; 40];
            let text = fmt_u64(max, &mut number);
            buf[..text.len()].copy_from_slice(text);
            words.extend([&b"MAXLEN"[..], b"=", &buf[..text.len()]]);
        }
        Bound::MinId(min) => words.extend([&b"MINID"[..], b"=", min.text(buf)]),
    }
}
