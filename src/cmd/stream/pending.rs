//! Streams: what was delivered to a consumer group and not acknowledged.

use super::{ids, no_group, put_id};
use crate::base::num::fmt_u64;
use crate::ds::stream::{Group, Id, Pending, Stream};
use crate::engine::row::Group as Family;
use crate::engine::{Args, Ctx, Error, KEY_READ, Outcome, Reply, Row, flag};

pub const XPENDING: Row = Row {
    name: "XPENDING",
    group: Family::Stream,
    since: "5.0.0",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns how many entries are pending for a consumer group, the first, the last, and how many for each consumer; or, in a range, each with its consumer, the ms since its last delivery and how often it was delivered.",
    complexity: "O(log(N)+M) where N is the number of pending entries and M the number of those returned; O(C) for the summary, where C is the number of consumers.",
    syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
    ts: "(key: Key, group: string, ...rest: Arg[]): unknown[]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me COUNT 1 STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XPENDING s g\n1) (integer) 1\n2) \"1-0\"\n3) \"1-0\"\n4) 1) 1) \"me\"\n      2) \"1\"\n> XPENDING s g IDLE 60000 - + 10 me\n(empty array)\n> XPENDING s h\n(error) NOGROUP No such key 's' or consumer group 'h'",
    run: xpending,
    ..Row::NONE
};

/// What part of what is pending is asked for.
struct Wanted<'a> {
    min_idle: i64,
    start: Id,
    end: Id,
    count: i64,
    consumer: Option<&'a [u8]>,
}

fn xpending(c: &mut Ctx) -> Outcome {
    let (key, name) = (c.argv[1], c.argv[2]);
    let wanted = parse(c)?;
    let now = c.ks.now;
    let group = c.ks.get::<Stream>(key)?.and_then(|stream| stream.group(name)).ok_or_else(|| no_group(key, name))?;
    match wanted {
        None => summary(c.out, group),
        Some(wanted) => detail(c.out, group, &wanted, now),
    }
    Ok(())
}

fn parse<'a>(c: &Ctx<'a>) -> Result<Option<Wanted<'a>>, Error> {
    match c.argv.len() {
        3 => return Ok(None),
        6..=9 => {}
        _ => return Err(Error::Syntax),
    }
    let mut args = Args::from(c.argv, 3);
    let mut min_idle = 0;
    if args.word("IDLE") {
        min_idle = args.int()?;
        if args.left() < 3 {
            return Err(Error::Syntax);
        }
    }
    let (start, end) = (args.next()?, args.next()?);
    let count = args.int()?;
    let (start, end) = (ids::start(start)?, ids::end(end)?);
    // Redis lets a word behind the consumer pass.
    let consumer = args.next().ok();
    Ok(Some(Wanted { min_idle, start, end, count, consumer }))
}

fn summary(out: &mut Reply, group: &Group) {
    out.array(4);
    out.len(group.pending_len());
    let Some((first, last)) = group.pending_ends() else {
        out.null();
        out.null();
        return out.null_array();
    };
    put_id(out, first);
    put_id(out, last);
    let (open, mut n) = (out.open_array(), 0);
    for (_, consumer) in group.consumers().filter(|(_, consumer)| consumer.pending_len() > 0) {
        out.array(2);
        out.bulk(consumer.name());
        out.bulk(fmt_u64(consumer.pending_len() as u64, &mut [0; 40]));
        n += 1;
    }
    out.close(open, n);
}

fn detail(out: &mut Reply, group: &Group, wanted: &Wanted, now: u64) {
    let all: Box<dyn Iterator<Item = Pending>> = match wanted.consumer.map(|name| group.find(name)) {
        None => Box::new(group.pending_from(wanted.start)),
        Some(None) => Box::new(std::iter::empty()),
        Some(Some(id)) => Box::new(group.pending_of(id, wanted.start).filter_map(|id| group.pending(id))),
    };
    let idle = |pending: &Pending| now.saturating_sub(pending.delivered_ms);
    let min_idle = u64::try_from(wanted.min_idle).unwrap_or(0);
    let in_range = all.take_while(|pending| pending.id <= wanted.end).filter(|pending| idle(pending) >= min_idle);
    let (open, mut n) = (out.open_array(), 0);
    for pending in in_range.take(usize::try_from(wanted.count.max(0)).unwrap_or(usize::MAX)) {
        out.array(4);
        put_id(out, pending.id);
        out.bulk(group.consumer(pending.consumer).map_or(b"", |consumer| consumer.name()));
        out.int(idle(&pending) as i64);
        out.int(pending.deliveries as i64);
        n += 1;
    }
    out.close(open, n);
}
