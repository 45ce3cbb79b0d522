//! Bitmaps: strings as rows of bits.

mod bit;
mod count;
mod field;
mod op;

use crate::base::num::parse_i64;
use crate::engine::entry::Payload;
use crate::engine::{Ctx, Error, Row, Ttl};

/// The family.
pub const ROWS: &[Row] =
    &[count::BITCOUNT, field::BITFIELD, field::BITFIELD_RO, op::BITOP, count::BITPOS, bit::GETBIT, bit::SETBIT];

/// Returns the position of a bit that `arg` says. Fails if it says none, or one beyond the longest string; who replays an effect
/// or follows a leader obeys whatever the limit.
fn offset(c: &Ctx, arg: &[u8]) -> Result<u64, Error> {
    check_offset(c, parse_i64(arg))
}

fn check_offset(c: &Ctx, at: Option<i64>) -> Result<u64, Error> {
    let at = at.and_then(|at| u64::try_from(at).ok()).ok_or(Error::BitOffset)?;
    let fits = c.me.replica || at / 8 < c.server.config.proto_max_bulk_len as u64;
    if fits { Ok(at) } else { Err(Error::BitOffset) }
}

/// Makes the string at `key`, a new one if there is none, at least `len` bytes long by zero bytes. Returns whether it was made
/// or grew. Fails if it is no string, or there is no memory for it.
fn grow(c: &mut Ctx, key: &[u8], len: usize) -> Result<bool, Error> {
    let old = c.ks.look_text(key)?.map(|text| text.len());
    if old.is_some_and(|old| old >= len) {
        return Ok(false);
    }
    if old.is_none() {
        c.ks.put(key, Payload::Raw(Vec::new()), Ttl::Clear);
    }
    let failed = match c.ks.raw_text(key)? {
        Some(text) => {
            // Room to grow on, but not twice as much for what is long already.
            let more = len - text.len();
            let failed = text.try_reserve_exact(more + len.min(1 << 20)).is_err();
            if !failed {
                text.resize(len, 0);
            }
            failed
        }
        None => false,
    };
    if failed {
        if old.is_none() {
            c.ks.delete(key);
        }
        return Err(Error::StringTooLong);
    }
    Ok(true)
}
