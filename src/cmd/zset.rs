//! Sorted sets, and waiting for them.

mod add;
mod algebra;
mod bounds;
mod pop;
mod range;
mod read;
mod remove;

pub(in crate::cmd) use add::{Mode, add};

use crate::ds::listpack::Elem;
use crate::engine::{Reply, Row};

/// The family.
pub const ROWS: &[Row] = &[
    pop::BZMPOP,
    pop::BZPOPMAX,
    pop::BZPOPMIN,
    add::ZADD,
    read::ZCARD,
    bounds::ZCOUNT,
    algebra::ZDIFF,
    algebra::ZDIFFSTORE,
    add::ZINCRBY,
    algebra::ZINTER,
    algebra::ZINTERCARD,
    algebra::ZINTERSTORE,
    bounds::ZLEXCOUNT,
    pop::ZMPOP,
    read::ZMSCORE,
    pop::ZPOPMAX,
    pop::ZPOPMIN,
    read::ZRANDMEMBER,
    range::ZRANGE,
    range::ZRANGEBYLEX,
    range::ZRANGEBYSCORE,
    range::ZRANGESTORE,
    read::ZRANK,
    remove::ZREM,
    remove::ZREMRANGEBYLEX,
    remove::ZREMRANGEBYRANK,
    remove::ZREMRANGEBYSCORE,
    range::ZREVRANGE,
    range::ZREVRANGEBYLEX,
    range::ZREVRANGEBYSCORE,
    read::ZREVRANK,
    read::ZSCAN,
    read::ZSCORE,
    algebra::ZUNION,
    algebra::ZUNIONSTORE,
];

/// Writes the head of `n` members, with their scores if asked for: a flat array in RESP2, an array of pairs in RESP3.
fn members_head(out: &mut Reply, n: usize, scores: bool) {
    out.array(if scores && !out.is_resp3() { n * 2 } else { n });
}

/// Writes one member after [`members_head`].
fn member(out: &mut Reply, member: Elem, score: f64, scores: bool) {
    if scores && out.is_resp3() {
        out.array(2);
    }
    out.elem(member);
    if scores {
        out.double(score);
    }
}
