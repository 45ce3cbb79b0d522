//! Hashes, with an expiry per field.

mod expire;
mod extended;
mod incr;
mod random;
mod read;
mod write;

use crate::ds::hash::Hash;
use crate::ds::listpack::Elem;
use crate::engine::keyspace::Expiry;
use crate::engine::{Args, Error, Keyspace, Row};

/// The family.
pub const ROWS: &[Row] = &[
    write::HDEL,
    read::HEXISTS,
    expire::HEXPIRE,
    expire::HEXPIREAT,
    expire::HEXPIRETIME,
    read::HGET,
    read::HGETALL,
    extended::HGETDEL,
    extended::HGETEX,
    incr::HINCRBY,
    incr::HINCRBYFLOAT,
    read::HKEYS,
    read::HLEN,
    read::HMGET,
    write::HMSET,
    expire::HPERSIST,
    expire::HPEXPIRE,
    expire::HPEXPIREAT,
    expire::HPEXPIRETIME,
    expire::HPTTL,
    random::HRANDFIELD,
    random::HSCAN,
    write::HSET,
    extended::HSETEX,
    write::HSETNX,
    read::HSTRLEN,
    expire::HTTL,
    read::HVALS,
];

/// Which fields a reader sees. Due fields are deleted before a command sees a hash, but on a follower, where the leader's
/// HDEL has still to come: there they are passed over.
#[derive(Clone, Copy)]
struct View {
    hidden_before: u64,
}

impl View {
    fn of(ks: &Keyspace) -> Self {
        View { hidden_before: if ks.expiry == Expiry::Hides { ks.now } else { 0 } }
    }

    fn hides(self, hash: &Hash, field: &[u8]) -> bool {
        self.hidden_before > 0 && hash.is_expired(field, self.hidden_before)
    }

    /// How many fields of `hash` are hidden.
    fn hidden(self, hash: &Hash) -> usize {
        if self.hidden_before > 0 { hash.expired_len(self.hidden_before) } else { 0 }
    }

    fn get<'h>(self, hash: &'h Hash, field: &[u8]) -> Option<Elem<'h>> {
        hash.get(field).filter(|_| !self.hides(hash, field))
    }

    fn iter(self, hash: &Hash) -> impl Iterator<Item = (Elem<'_>, Elem<'_>)> {
        let some = self.hidden(hash) > 0;
        hash.iter().filter(move |(field, _)| !some || !field.with(|field| self.hides(hash, field)))
    }
}

/// Changes the hash at `key` and keeps the index of field expiries right. Returns `None` if there is no such key. Fails if it
/// holds another type.
fn edit<R>(ks: &mut Keyspace, key: &[u8], change: impl FnOnce(&mut Hash) -> R) -> Result<Option<R>, Error> {
    let Some(hash) = ks.get_mut::<Hash>(key)? else { return Ok(None) };
    let before = hash.next_expire();
    let result = change(hash);
    if hash.next_expire() != before {
        ks.fields_rescheduled(key, before);
    }
    Ok(Some(result))
}

/// Like [`edit`], with an empty hash where there is no key; then `change` must put something in.
fn edit_or_new<R>(ks: &mut Keyspace, key: &[u8], change: impl FnOnce(&mut Hash) -> R) -> Result<R, Error> {
    let hash = ks.get_or_new::<Hash>(key)?;
    let before = hash.next_expire();
    let result = change(hash);
    if hash.next_expire() != before {
        ks.fields_rescheduled(key, before);
    }
    Ok(result)
}

/// Takes `FIELDS numfields field…`, which must be all that is left.
fn fields<'a>(args: &mut Args<'a>, not_positive: Error) -> Result<&'a [&'a [u8]], Error> {
    if !args.word("FIELDS") {
        return Err(Error::FieldsMissing);
    }
    let count = args.int().ok().filter(|n| *n > 0).ok_or(not_positive)?;
    let fields = args.rest();
    if fields.len() as i64 == count { Ok(fields) } else { Err(Error::FieldsMismatch) }
}

/// Returns the words of an effect: `head`, `FIELDS`, how many, and `fields`.
fn with_fields<'a>(head: &[&'a [u8]], count: &'a str, fields: &[&'a [u8]]) -> Vec<&'a [u8]> {
    head.iter().chain(&[&b"FIELDS"[..], count.as_bytes()]).chain(fields).copied().collect()
}
