//! Strings: GET, SET and what goes with them.

mod condition;
mod get;
mod incr;
mod increx;
mod lcs;
mod many;
mod range;
mod set;

use crate::engine::Row;

pub(super) use incr::long_double;

/// The family.
pub const ROWS: &[Row] = &[
    range::APPEND,
    incr::DECR,
    incr::DECRBY,
    condition::DELEX,
    condition::DELIFEQ,
    condition::DIGEST,
    get::GET,
    get::GETDEL,
    get::GETEX,
    range::GETRANGE,
    get::GETSET,
    incr::INCR,
    incr::INCRBY,
    incr::INCRBYFLOAT,
    increx::INCREX,
    lcs::LCS,
    many::MGET,
    many::MSET,
    many::MSETEX,
    many::MSETNX,
    set::PSETEX,
    set::SET,
    set::SETEX,
    set::SETNX,
    range::SETRANGE,
    range::STRLEN,
    range::SUBSTR,
];
