//! Strings: GET, SET and what goes with them.

mod get;
mod incr;
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
    get::GET,
    get::GETDEL,
    get::GETEX,
    range::GETRANGE,
    get::GETSET,
    incr::INCR,
    incr::INCRBY,
    incr::INCRBYFLOAT,
    lcs::LCS,
    many::MGET,
    many::MSET,
    many::MSETNX,
    set::PSETEX,
    set::SET,
    set::SETEX,
    set::SETNX,
    range::SETRANGE,
    range::STRLEN,
    range::SUBSTR,
];
