//! Parameters of the data: when compact encodings end, what is notified, how due keys are found.

use super::forms::{ANY_INT, COUNT, INT, LONG, POSITIVE_INT, number};
use super::{Kind, Param, size_of_engine};
use crate::engine::events;

/// Bytes, as many as a signed number can say.
const SIZE: Kind = Kind::Memory(0, LONG);

pub(super) const PARAMS: &[Param] = &[
    Param::bound(
        "list-max-listpack-size",
        Kind::Int(i32::MIN as i64, INT),
        |c| c.ks.limits.list.to_string(),
        |c, v| c.ks.limits.list = number(v) as i32,
    )
    .alias("list-max-ziplist-size"),
    // Taken, and changes nothing: with one thread, each read in the middle of a list would unpack 8 KB first, and writes pack it
    // again, for what nodes without slack mostly save already.
    Param::stored("list-compress-depth", ANY_INT, "0"),
    size_of_engine!("set-max-intset-entries", COUNT, ks.limits.set.intset),
    size_of_engine!("set-max-listpack-entries", COUNT, ks.limits.set.entries),
    size_of_engine!("set-max-listpack-value", SIZE, ks.limits.set.value),
    size_of_engine!("zset-max-listpack-entries", COUNT, ks.limits.zset.entries).alias("zset-max-ziplist-entries"),
    size_of_engine!("zset-max-listpack-value", SIZE, ks.limits.zset.value).alias("zset-max-ziplist-value"),
    size_of_engine!("hash-max-listpack-entries", COUNT, ks.limits.hash.entries).alias("hash-max-ziplist-entries"),
    size_of_engine!("hash-max-listpack-value", SIZE, ks.limits.hash.value).alias("hash-max-ziplist-value"),
    size_of_engine!("stream-node-max-entries", COUNT, ks.limits.stream.entries),
    size_of_engine!("stream-node-max-bytes", SIZE, ks.limits.stream.bytes),
    size_of_engine!("hll-sparse-max-bytes", SIZE, server.config.hll_sparse_max_bytes),
    Param::bound(
        "notify-keyspace-events",
        Kind::Special(events_value),
        |c| events::format(c.ks.notify_flags),
        |c, v| c.ks.notify_flags = events::parse(v).unwrap_or_default(),
    ),
    Param::bound("databases", POSITIVE_INT, |c| c.ks.db_count().to_string(), |_, _| ()).fixed(),
    size_of_engine!("active-expire-effort", Kind::Int(1, 10), server.config.active_expire_effort),
    Param::stored("activerehashing", Kind::Bool, "yes"),
    Param::stored("locale-collate", Kind::Text, ""),
];

fn events_value(new: &str, _old: &str) -> Result<String, String> {
    match events::parse(new.as_bytes()) {
        Some(flags) => Ok(events::format(flags)),
        None => Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_string()),
    }
}
