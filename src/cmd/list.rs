//! Lists, and waiting for them.

mod edit;
mod moves;
mod pop;
mod push;
mod read;

use crate::ds::list::End;
use crate::engine::events::LIST;
use crate::engine::{Error, Keyspace, Row};

/// The family.
pub const ROWS: &[Row] = &[
    moves::BLMOVE,
    pop::BLMPOP,
    pop::BLPOP,
    pop::BRPOP,
    moves::BRPOPLPUSH,
    read::LINDEX,
    edit::LINSERT,
    read::LLEN,
    moves::LMOVE,
    pop::LMPOP,
    pop::LPOP,
    read::LPOS,
    push::LPUSH,
    push::LPUSHX,
    read::LRANGE,
    edit::LREM,
    edit::LSET,
    edit::LTRIM,
    pop::RPOP,
    moves::RPOPLPUSH,
    push::RPUSH,
    push::RPUSHX,
];

/// Returns the end that `LEFT` or `RIGHT` names.
fn side(word: &[u8]) -> Result<End, Error> {
    if word.eq_ignore_ascii_case(b"LEFT") {
        Ok(End::Front)
    } else if word.eq_ignore_ascii_case(b"RIGHT") {
        Ok(End::Back)
    } else {
        Err(Error::Syntax)
    }
}

/// Says that `count` elements were taken from `end` of `key`, and deletes the key if none is left.
fn taken(ks: &mut Keyspace, key: &[u8], end: End, count: usize) {
    ks.changed(key, LIST, if end == End::Front { "lpop" } else { "rpop" });
    ks.dirty += count as u64 - 1;
    ks.delete_if_empty(key);
}

/// Turns the two ends of a range, counted from the end when negative, into a start and a length within `len` elements.
fn slice(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let absolute = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let start = absolute(start).max(0);
    let stop = absolute(stop).min(len as i64 - 1);
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}
