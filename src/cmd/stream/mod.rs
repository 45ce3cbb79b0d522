//! Streams: adding, reading, trimming, and consumer groups.

mod ack;
mod add;
mod claim;
mod delete;
mod group;
mod ids;
mod info;
mod pending;
mod range;
mod read;
mod readgroup;
mod trim;

use crate::ds::stream::{Entry, Id, Stream};
use crate::engine::events::STREAM;
use crate::engine::reply::Open;
use crate::engine::{Ctx, Error, Keyspace, Reply, Row};

/// The family.
pub const ROWS: &[Row] = &[
    ack::XACK,
    ack::XACKDEL,
    add::XADD,
    claim::XAUTOCLAIM,
    claim::XCLAIM,
    delete::XDEL,
    delete::XDELEX,
    group::XGROUP,
    info::XINFO,
    range::XLEN,
    pending::XPENDING,
    range::XRANGE,
    read::XREAD,
    readgroup::XREADGROUP,
    range::XREVRANGE,
    add::XSETID,
    trim::XTRIM,
];

/// Writes an id.
#[inline]
fn put_id(out: &mut Reply, id: Id) {
    out.bulk(id.text(&mut [0; 41]));
}

/// Writes an entry: its id, then its fields and values.
fn put_entry(out: &mut Reply, entry: &Entry) {
    out.array(2);
    put_fields(out, entry);
}

/// Writes an entry's id, then its fields and values, into an array that was begun.
fn put_fields(out: &mut Reply, entry: &Entry) {
    put_id(out, entry.id);
    out.array(entry.len() * 2);
    for (field, value) in entry.pairs() {
        out.elem(field);
        out.elem(value);
    }
}

/// Writes up to `count` entries (`None`: all of them). Returns how many.
fn put_entries<'a>(out: &mut Reply, entries: impl Iterator<Item = Entry<'a>>, count: Option<usize>) -> usize {
    let (open, mut n) = (out.open_array(), 0);
    for entry in entries.take(count.unwrap_or(usize::MAX)) {
        put_entry(out, &entry);
        n += 1;
    }
    out.close(open, n);
    n
}

/// Begins what XREAD says of the stream at `key`: a pair in the map of streams, which RESP2 has as an array of pairs.
fn head(out: &mut Reply, key: &[u8]) {
    if !out.is_resp3() {
        out.array(2);
    }
    out.bulk(key);
}

/// Ends the map of `n` streams.
fn close_streams(out: &mut Reply, open: Open, n: usize) {
    out.close_pairs(open, n);
}

/// `NOGROUP`, as the commands about what is pending say it.
fn no_group(key: &[u8], group: &[u8]) -> Error {
    let [key, group] = [key, group].map(String::from_utf8_lossy);
    Error::new(format!("NOGROUP No such key '{key}' or consumer group '{group}'"))
}

/// `NOGROUP`, as the commands about groups say it.
fn no_such_group(key: &[u8], group: &[u8]) -> Error {
    let [key, group] = [key, group].map(String::from_utf8_lossy);
    Error::new(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

/// Fails unless the stream at `key` has the group.
fn check_group(ks: &mut Keyspace, key: &[u8], group: &[u8]) -> Result<(), Error> {
    match ks.look::<Stream>(key)? {
        Some(stream) if stream.group(group).is_some() => Ok(()),
        _ => Err(no_group(key, group)),
    }
}

/// Makes sure that the group, which is there, has the consumer. Returns whether it is new; that is an effect of its own.
fn ensure_consumer(c: &mut Ctx, key: &[u8], group: &[u8], name: &[u8]) -> Result<bool, Error> {
    let now = c.ks.now;
    let Some(stream) = c.ks.get_mut::<Stream>(key)? else { return Ok(false) };
    let Some((_, group)) = stream.group_mut(group) else { return Ok(false) };
    let new = group.find(name).is_none();
    if new {
        group.add(name, now);
        c.ks.changed(key, STREAM, "xgroup-createconsumer");
    }
    Ok(new)
}
