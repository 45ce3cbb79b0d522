//! Streams: taking over what is pending for another consumer.

use super::{check_group, ensure_consumer, ids, put_entry, put_id};
use crate::base::num::{fmt_u64, parse_i64};
use crate::ds::stream::{ConsumerId, Id, Pending, Stream};
use crate::engine::args::int_within;
use crate::engine::{Args, Ctx, Error, Group, KEY_DELETE, KEY_UPDATE, Outcome, Row, flag};

pub const XCLAIM: Row = Row {
    name: "XCLAIM",
    group: Group::Stream,
    since: "5.0.0",
    arity: -6,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_UPDATE,
    summary: "Makes entries that have been pending for long enough pending for another consumer and returns them. Those that are deleted are pending no more.",
    complexity: "O(log(N)) for each entry, where N is the number of pending entries.",
    syntax: "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
    ts: "(key: Key, group: string, consumer: string, minIdleTime: number, ...rest: Arg[]): unknown[]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me COUNT 1 STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XCLAIM s g you 60000 1-0\n(empty array)\n> XCLAIM s g you 0 1-0 2-0\n1) 1) \"1-0\"\n   2) 1) \"a\"\n      2) \"1\"\n> XCLAIM s g you 0 2-0 FORCE JUSTID\n1) \"2-0\"\n> XPENDING s g\n1) (integer) 2\n2) \"1-0\"\n3) \"2-0\"\n4) 1) 1) \"you\"\n      2) \"2\"",
    run: xclaim,
    ..Row::NONE
};

/// What XCLAIM is told behind the ids.
#[derive(Default)]
struct Options {
    /// The time of delivery to set, ms since the epoch; what makes no sense means now.
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: Id,
}

fn xclaim(c: &mut Ctx) -> Outcome {
    let (key, name, consumer) = (c.argv[1], c.argv[2], c.argv[3]);
    check_group(c.ks, key, name)?;
    let min_idle = parse_i64(c.argv[4]).ok_or(Error::XclaimMinIdle)?.max(0) as u64;
    let ids: Vec<Id> = c.argv[5..].iter().map_while(|text| ids::id(text, 0).ok()).collect();
    let options = Options::parse(c, 5 + ids.len())?;
    let mut claim = Claim::begin(c, (key, name, consumer), options.just_id)?;
    let moved = claim.move_on(c, options.last_id)?;
    let (open, mut n) = (c.out.open_array(), 0);
    for id in ids {
        n += usize::from(claim.one(c, id, min_idle, Some(&options))? == Claimed::Yes);
    }
    c.out.close(open, n);
    if moved && claim.logged == 0 {
        claim.log_move(c)?;
    }
    Ok(())
}

impl Options {
    fn parse(c: &Ctx, at: usize) -> Result<Self, Error> {
        let (mut options, mut args) = (Options::default(), Args::from(c.argv, at));
        let now = c.ks.now as i64;
        while let Some(word) = args.peek() {
            let has_more = args.left() > 1;
            if args.word("FORCE") {
                options.force = true;
            } else if args.word("JUSTID") {
                options.just_id = true;
            } else if has_more && args.word("IDLE") {
                let idle = parse_i64(args.next()?).ok_or(Error::XclaimIdle)?;
                options.delivered_ms = Some(now.saturating_sub(idle));
            } else if has_more && args.word("TIME") {
                options.delivered_ms = Some(parse_i64(args.next()?).ok_or(Error::XclaimTime)?);
            } else if has_more && args.word("RETRYCOUNT") {
                let count = parse_i64(args.next()?).ok_or(Error::XclaimRetrycount)?;
                options.deliveries = u64::try_from(count).ok();
            } else if has_more && args.word("LASTID") {
                options.last_id = ids::id(args.next()?, 0)?;
            } else {
                let word = String::from_utf8_lossy(word);
                return Err(Error::new(format!("ERR Unrecognized XCLAIM option '{word}'")));
            }
        }
        Ok(options)
    }
}

pub const XAUTOCLAIM: Row = Row {
    name: "XAUTOCLAIM",
    group: Group::Stream,
    since: "6.2.0",
    arity: -6,
    flags: flag::WRITE | flag::FAST,
    keys: KEY_DELETE,
    summary: "Takes over entries that have been pending for long enough, from an id on. Returns where to go on, the entries, and the ids of those that were deleted, which are pending no more.",
    complexity: "O(log(N)) for each entry looked at, where N is the number of pending entries; ten times COUNT at most.",
    syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
    ts: "(key: Key, group: string, consumer: string, minIdleTime: number, start: string, ...rest: Arg[]): [string, unknown[], string[]]",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XADD s 3-0 a 3\n\"3-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me COUNT 3 STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n      2) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n      3) 1) \"3-0\"\n         2) 1) \"a\"\n            2) \"3\"\n> XDEL s 2-0\n(integer) 1\n> XAUTOCLAIM s g you 0 0 COUNT 2\n1) \"3-0\"\n2) 1) 1) \"1-0\"\n      2) 1) \"a\"\n         2) \"1\"\n3) 1) \"2-0\"\n> XAUTOCLAIM s g you 0 3-0 JUSTID\n1) \"0-0\"\n2) 1) \"3-0\"\n3) (empty array)",
    run: xautoclaim,
    ..Row::NONE
};

fn xautoclaim(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (key, name, consumer) = (args.next()?, args.next()?, args.next()?);
    let min_idle = parse_i64(args.next()?).ok_or(Error::XautoclaimMinIdle)?.max(0) as u64;
    let mut cursor = ids::start(args.next()?)?;
    let (mut count, mut just_id) = (100, false);
    while args.more() {
        if args.left() > 1 && args.word("COUNT") {
            count = int_within(args.next()?, 1..=i64::MAX / 16, Error::ClaimCount)?;
        } else if args.word("JUSTID") {
            just_id = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    check_group(c.ks, key, name)?;
    let mut claim = Claim::begin(c, (key, name, consumer), just_id)?;
    c.out.array(3);
    // The cursor goes before the rest and is known after it: what comes next is written aside.
    let start = c.out.mark();
    let (open, mut n, mut deleted) = (c.out.open_array(), 0, Vec::new());
    let mut attempts = count.saturating_mul(10);
    let mut next = claim.next_pending(c, cursor)?;
    while let Some(id) = next.filter(|_| attempts > 0 && count > 0) {
        attempts -= 1;
        match claim.one(c, id, min_idle, None)? {
            Claimed::Yes => n += 1,
            Claimed::Deleted => deleted.push(id),
            Claimed::No => count += 1,
        }
        count -= 1;
        next = match id.next() {
            Some(behind) => claim.next_pending(c, behind)?,
            None => None,
        };
    }
    c.out.close(open, n);
    cursor = next.unwrap_or(Id::MIN);
    let claimed = c.out.bytes()[start..].to_vec();
    c.out.rewind(start);
    put_id(c.out, cursor);
    c.out.raw(&claimed);
    c.out.array(deleted.len());
    deleted.into_iter().for_each(|id| put_id(c.out, id));
    Ok(())
}

/// What became of an entry that was to be taken over.
#[derive(PartialEq, Eq)]
enum Claimed {
    Yes,
    No,
    /// It is not in the stream, so it is pending no more.
    Deleted,
}

/// Takes over entries for a consumer.
struct Claim<'a> {
    /// Key, group, consumer.
    names: (&'a [u8], &'a [u8], &'a [u8]),
    consumer: ConsumerId,
    just_id: bool,
    /// How many effects were logged.
    logged: usize,
}

impl<'a> Claim<'a> {
    /// Makes the consumer if need be. The group must be there.
    fn begin(c: &mut Ctx, names: (&'a [u8], &'a [u8], &'a [u8]), just_id: bool) -> Result<Self, Error> {
        let (key, name, consumer_name) = names;
        if ensure_consumer(c, key, name, consumer_name)? {
            c.instead(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer_name]);
        }
        let now = c.ks.now;
        let stream = c.ks.get_mut::<Stream>(key)?;
        let group = stream.and_then(|stream| stream.group_mut(name)).map(|(_, group)| group);
        let group = group.ok_or_else(|| super::no_group(key, name))?;
        let consumer = group.find(consumer_name).ok_or_else(|| super::no_group(key, name))?;
        if let Some(consumer) = group.consumer_mut(consumer) {
            consumer.seen_ms = now;
        }
        Ok(Claim { names, consumer, just_id, logged: 0 })
    }

    /// Lets the group go on to `last_id`, if that is not behind it. Returns whether it did.
    fn move_on(&mut self, c: &mut Ctx, last_id: Id) -> Result<bool, Error> {
        let (key, name, _) = self.names;
        let stream = c.ks.get_mut::<Stream>(key)?;
        let Some((_, group)) = stream.and_then(|stream| stream.group_mut(name)) else { return Ok(false) };
        let moves = last_id > group.last_id;
        group.last_id = group.last_id.max(last_id);
        Ok(moves)
    }

    fn log_move(&mut self, c: &mut Ctx) -> Outcome {
        let (key, name, _) = self.names;
        let Some(group) = c.ks.see::<Stream>(key)?.and_then(|stream| stream.group(name)) else { return Ok(()) };
        let (last_id, read) = (group.last_id, group.entries_read);
        let (mut id_text, mut number) = ([0; 41], [0; 40]);
        let read = read.map_or(&b"-1"[..], |read| fmt_u64(read.min(i64::MAX as u64), &mut number));
        c.ks.dirty += 1;
        c.instead(&[b"XGROUP", b"SETID", key, name, last_id.text(&mut id_text), b"ENTRIESREAD", read]);
        Ok(())
    }

    /// The first pending id from `from` on.
    fn next_pending(&self, c: &mut Ctx, from: Id) -> Result<Option<Id>, Error> {
        let (key, name, _) = self.names;
        let group = c.ks.see::<Stream>(key)?.and_then(|stream| stream.group(name));
        Ok(group.and_then(|group| group.pending_from(from).next()).map(|pending| pending.id))
    }

    /// Takes over entry `id` and writes it, if it has been pending for `min_idle` ms. `options` are those of XCLAIM.
    fn one(&mut self, c: &mut Ctx, id: Id, min_idle: u64, options: Option<&Options>) -> Result<Claimed, Error> {
        let (key, name, _) = self.names;
        let (now, replayed) = (c.ks.now, c.me.replica);
        let Some((log, group)) = c.ks.get_mut::<Stream>(key)?.and_then(|stream| stream.group_mut(name)) else {
            return Ok(Claimed::No);
        };
        let old = group.pending(id);
        let Some(entry) = log.get(id) else {
            let Some(old) = old else { return Ok(Claimed::No) };
            group.acknowledge(id);
            let last_id = group.last_id;
            self.done(c, &old, last_id);
            return Ok(Claimed::Deleted);
        };
        let forced = options.is_some_and(|options| options.force);
        if old.is_some_and(|old| now.saturating_sub(old.delivered_ms) < min_idle) || (old.is_none() && !forced) {
            return Ok(Claimed::No);
        }
        let before = old.map_or(1, |old| old.deliveries);
        let deliveries = match options.and_then(|options| options.deliveries) {
            Some(deliveries) => deliveries,
            None => before.saturating_add(u64::from(!self.just_id)),
        };
        let given = options.and_then(|options| options.delivered_ms).and_then(|ms| u64::try_from(ms).ok());
        // A time to come makes no sense, unless it is that of an engine whose clock is ahead.
        let delivered_ms = given.filter(|ms| *ms <= now || replayed).unwrap_or(now);
        let pending = Pending { id, delivered_ms, deliveries, consumer: self.consumer };
        group.assign(pending);
        if let Some(consumer) = group.consumer_mut(self.consumer) {
            consumer.active_ms = Some(now);
        }
        if self.just_id {
            put_id(c.out, id);
        } else {
            put_entry(c.out, &entry);
        }
        let last_id = group.last_id;
        self.done(c, &pending, last_id);
        Ok(Claimed::Yes)
    }

    fn done(&mut self, c: &mut Ctx, pending: &Pending, last_id: Id) {
        c.ks.dirty += 1;
        self.logged += 1;
        log(c, self.names, pending, last_id);
    }
}

/// Logs that an entry is pending: as the one command that says all there is to say of it.
pub(super) fn log(c: &mut Ctx, names: (&[u8], &[u8], &[u8]), pending: &Pending, last_id: Id) {
    let (key, group, consumer) = names;
    let (mut id, mut last, mut time, mut count) = ([0; 41], [0; 41], [0; 40], [0; 40]);
    c.instead(&[
        b"XCLAIM",
        key,
        group,
        consumer,
        b"0",
        pending.id.text(&mut id),
        b"TIME",
        fmt_u64(pending.delivered_ms, &mut time),
        b"RETRYCOUNT",
        fmt_u64(pending.deliveries.min(i64::MAX as u64), &mut count),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_id.text(&mut last),
    ]);
}
