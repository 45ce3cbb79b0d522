//! Streams: reading for a consumer group: what is new to the group, what is pending for the consumer, what others left.

use super::read::{Read, parse};
use super::{claim, close_streams, ensure_consumer, head, ids, put_fields, put_id};
use crate::base::num::fmt_u64;
use crate::ds::stream::{ConsumerId, Group, Id, Log, Pending, Stream};
use crate::engine::row::Group as Family;
use crate::engine::value::Type;
use crate::engine::{Again, Ctx, Error, Outcome, Reply, Row, flag};

pub const XREADGROUP: Row = Row {
    name: "XREADGROUP",
    group: Family::Stream,
    since: "5.0.0",
    arity: -7,
    flags: flag::WRITE | flag::BLOCKING,
    keys: "kw:STREAMS@4/range:last=-1,step=1,limit=2[RO,ACCESS]",
    summary: "Returns entries that no consumer of the group was given (`>`), which then are pending for this one, or those that are pending for it behind an id. CLAIM takes over what others left first. Waits if there are none and BLOCK is given.",
    complexity: "O(log(N)+M) for each stream, where N is the number of its entries and M the number of those returned.",
    syntax: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]",
    ts: "(...args: Arg[]): Record<string, unknown[][]> | null",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XADD s 2-0 a 2\n\"2-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me COUNT 1 STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XREADGROUP GROUP g you STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n> XREADGROUP GROUP g me STREAMS s 0\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"",
    differs: "A consumer is made even when nothing is read, and one that waits is told NOGROUP or WRONGTYPE when its key goes or becomes another type, as since 7.2; CLAIM came with 8.4.",
    run: xreadgroup,
    ..Row::NONE
};

/// Where a stream is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// What is new to the group.
    New,
    /// What is pending for the consumer behind this.
    Pending(Id),
}

/// What was given to the consumer, for the log.
#[derive(Default)]
struct Given {
    pending: Vec<Pending>,
    /// The group has gone on to here.
    moved: Option<(Id, Option<u64>)>,
    /// Whether something was found, and whether it is a change that counts.
    any: bool,
    dirty: bool,
}

fn xreadgroup(c: &mut Ctx) -> Outcome {
    let read = parse(c, true)?;
    let (group, _) = read.group.ok_or(Error::GroupMissing)?;
    let mut froms = Vec::with_capacity(read.keys.len());
    for (key, id) in read.keys.iter().zip(read.ids) {
        froms.push(from(c, key, group, id)?);
    }
    let mark = c.out.mark();
    let (open, mut served) = (c.out.open_map(), 0);
    for (key, from) in read.keys.iter().zip(&froms) {
        served += usize::from(serve(c, &read, key, *from)?);
    }
    if served > 0 {
        close_streams(c.out, open, served);
        return Ok(());
    }
    c.out.rewind(mark);
    let Some(timeout) = read.block else {
        c.out.null_array();
        return Ok(());
    };
    let retry_at = match read.claim {
        Some(min_idle) => next_idle(c, read.keys, group, min_idle),
        None => 0,
    };
    c.wait_as(read.keys, Type::Stream, timeout, Again { on_missing: true, argv: None, retry_at });
    Ok(())
}

/// Returns where `key` is read. Fails unless it is a stream with the group.
fn from(c: &mut Ctx, key: &[u8], group: &[u8], text: &[u8]) -> Result<From, Error> {
    let stream = c.ks.get::<Stream>(key)?;
    if stream.and_then(|stream| stream.group(group)).is_none() {
        let [key, group] = [key, group].map(String::from_utf8_lossy);
        return Err(Error::new(format!(
            "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
        )));
    }
    match text {
        b"$" => Err(Error::LastIdMeaningless),
        b">" => Ok(From::New),
        _ => ids::id(text, 0).map(From::Pending),
    }
}

/// Writes what there is for the consumer in the stream at `key`. Returns whether there was anything.
fn serve(c: &mut Ctx, read: &Read, key: &[u8], from: From) -> Result<bool, Error> {
    let Some((name, consumer_name)) = read.group else { return Ok(false) };
    let new_consumer = ensure_consumer(c, key, name, consumer_name)?;
    let (now, record) = (c.ks.now, c.ks.effects.is_recorded());
    let Some((log, group)) = c.ks.get_mut::<Stream>(key)?.and_then(|stream| stream.group_mut(name)) else {
        return Ok(false);
    };
    let Some(consumer) = group.find(consumer_name) else { return Ok(false) };
    if let Some(consumer) = group.consumer_mut(consumer) {
        consumer.seen_ms = now;
    }
    let mut giver = Giver { out: c.out, log, group, consumer, now, record, given: Given::default() };
    match from {
        From::New => giver.new_entries(key, read),
        From::Pending(after) => giver.history(key, after, read.count),
    }
    let Giver { given, .. } = giver;
    if given.dirty {
        c.ks.dirty += 1;
    }
    if new_consumer {
        c.instead(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer_name]);
    }
    log_given(c, key, &given, (name, consumer_name));
    Ok(given.any)
}

/// Gives entries to a consumer.
struct Giver<'a> {
    out: &'a mut Reply,
    log: &'a Log,
    group: &'a mut Group,
    consumer: ConsumerId,
    now: u64,
    record: bool,
    given: Given,
}

impl Giver<'_> {
    /// What is pending for so long that the consumer may take it over, then what nobody has got.
    fn new_entries(&mut self, key: &[u8], read: &Read) {
        let most = read.count.unwrap_or(usize::MAX);
        let idle = read.claim.map_or_else(Vec::new, |min_idle| self.idle(min_idle, most));
        // Most often there is nothing new; that is seen without looking.
        let log = self.log;
        let from = self.group.last_id.next().filter(|from| log.last_id() >= *from);
        let mut new = from.map(|from| log.range(from, Id::MAX)).into_iter().flatten().peekable();
        if idle.is_empty() && (most == 0 || new.peek().is_none()) {
            return;
        }
        head(self.out, key);
        let (open, mut n) = (self.out.open_array(), 0);
        for pending in idle {
            self.take_over(pending);
            n += 1;
        }
        for entry in new.take(most - n) {
            self.out.array(if read.claim.is_some() { 4 } else { 2 });
            put_fields(self.out, &entry);
            if read.claim.is_some() {
                self.out.int(0);
                self.out.int(0);
            }
            self.group.entries_read = self.log.read_on(self.group, entry.id);
            self.group.last_id = entry.id;
            self.given.moved = Some((entry.id, self.group.entries_read));
            if !read.noack {
                self.assign(Pending { id: entry.id, delivered_ms: self.now, deliveries: 1, consumer: self.consumer });
            }
            n += 1;
        }
        self.out.close(open, n);
        (self.given.any, self.given.dirty) = (true, true);
        if let Some(consumer) = self.group.consumer_mut(self.consumer) {
            consumer.active_ms = Some(self.now);
        }
    }

    /// Up to `most` entries that are there and have been pending for `min_idle` ms, those that wait longest first.
    fn idle(&mut self, min_idle: u64, most: usize) -> Vec<Pending> {
        let (log, now) = (self.log, self.now);
        let ids: Vec<Id> = self
            .group
            .pending_by_time()
            .take_while(|(delivered, _)| now.saturating_sub(*delivered) >= min_idle)
            .filter(|(_, id)| log.get(*id).is_some())
            .map(|(_, id)| id)
            .take(most)
            .collect();
        ids.into_iter().filter_map(|id| self.group.pending(id)).collect()
    }

    fn take_over(&mut self, pending: Pending) {
        let Some(entry) = self.log.get(pending.id) else { return };
        self.out.array(4);
        put_fields(self.out, &entry);
        self.out.int(self.now.saturating_sub(pending.delivered_ms) as i64);
        self.out.int(pending.deliveries as i64);
        let deliveries = pending.deliveries.saturating_add(1);
        self.assign(Pending { delivered_ms: self.now, deliveries, consumer: self.consumer, ..pending });
    }

    fn assign(&mut self, pending: Pending) {
        self.group.assign(pending);
        if self.record {
            self.given.pending.push(pending);
        }
    }

    /// What is pending for the consumer behind `after`: once more, so it counts as delivered again.
    fn history(&mut self, key: &[u8], after: Id, count: Option<usize>) {
        head(self.out, key);
        let (open, mut n) = (self.out.open_array(), 0);
        let ids: Vec<Id> = match after.next() {
            Some(from) => self.group.pending_of(self.consumer, from).take(count.unwrap_or(usize::MAX)).collect(),
            None => Vec::new(),
        };
        for id in ids {
            self.out.array(2);
            match self.log.get(id) {
                Some(entry) => {
                    put_fields(self.out, &entry);
                    if let Some(pending) = self.group.pending(id) {
                        let deliveries = pending.deliveries.saturating_add(1);
                        self.assign(Pending { delivered_ms: self.now, deliveries, ..pending });
                    }
                }
                None => {
                    put_id(self.out, id);
                    self.out.null_array();
                }
            }
            n += 1;
        }
        self.out.close(open, n);
        self.given.any = true;
    }
}

/// Logs what was given: each entry as XCLAIM, and how far the group has gone.
fn log_given(c: &mut Ctx, key: &[u8], given: &Given, (group, consumer): (&[u8], &[u8])) {
    let last_id = match c.ks.see::<Stream>(key) {
        Ok(Some(stream)) => stream.group(group).map_or(Id::MIN, |group| group.last_id),
        _ => return,
    };
    for pending in &given.pending {
        claim::log(c, (key, group, consumer), pending, last_id);
    }
    if let Some((id, entries_read)) = given.moved {
        let (mut id_text, mut number) = ([0; 41], [0; 40]);
        let read = entries_read.map_or(&b"-1"[..], |read| fmt_u64(read.min(i64::MAX as u64), &mut number));
        c.instead(&[b"XGROUP", b"SETID", key, group, id.text(&mut id_text), b"ENTRIESREAD", read]);
    }
}

/// When the next of the pending entries of the streams at `keys` will have been pending for `min_idle` ms; 0 for never.
fn next_idle(c: &mut Ctx, keys: &[&[u8]], name: &[u8], min_idle: u64) -> u64 {
    let now = c.ks.now;
    let mut soonest = 0;
    for key in keys {
        let stream = c.ks.get_mut::<Stream>(key).ok().flatten();
        let Some((log, group)) = stream.and_then(|stream| stream.group_mut(name)) else { continue };
        // Those that are due already are deleted, or they would have been taken over.
        let later = group
            .pending_by_time()
            .find(|(delivered, id)| now.saturating_sub(*delivered) < min_idle && log.get(*id).is_some());
        if let Some((delivered, _)) = later {
            let at = delivered.saturating_add(min_idle).max(now + 1);
            soonest = if soonest == 0 { at } else { at.min(soonest) };
        }
    }
    soonest
}
