//! What the tests know of commands beyond their rows: whose replies have no order, which depend on chance or the clock.

/// Commands whose replies list a set or a hash, so that the order means nothing.
const UNORDERED: &[&str] = &[
    "CONFIG", "HGETALL", "HKEYS", "HSCAN", "HVALS", "KEYS", "PUBSUB", "SCAN", "SDIFF", "SINTER", "SMEMBERS", "SSCAN",
    "SUNION", "ZSCAN",
];

/// Whether the order of the reply's elements means nothing.
pub fn is_unordered(argv: &[Vec<u8>]) -> bool {
    argv.first().is_some_and(|name| UNORDERED.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
}
