//! The categories of commands: most follow from a row's flags and group, a few are as Redis says.

use crate::engine::row::{Group, RowId, Table, flag};

/// All of them, in the order Redis lists them; `json` came with Redis 8.
pub const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
    "json",
];

/// The category that `name` spells in any case.
pub fn find(name: &[u8]) -> Option<&'static str> {
    CATEGORIES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)).copied()
}

/// Returns the categories of a command, in the order of [`CATEGORIES`].
pub fn categories(table: &Table, id: RowId) -> Vec<&'static str> {
    let slot = table.slot(id);
    let row = slot.row;
    let mut names: Vec<&str> = vec![if row.has(flag::FAST) { "fast" } else { "slow" }];
    // A container is only the sum of its sub-commands.
    if row.subs.is_empty() || slot.full_name == "command" {
        names.extend(by_group(row.group, &slot.full_name));
    }
    for (bit, name) in [
        (flag::WRITE, "write"),
        (flag::READONLY, "read"),
        (flag::ADMIN, "admin"),
        (flag::ADMIN, "dangerous"),
        (flag::PUBSUB, "pubsub"),
        (flag::BLOCKING, "blocking"),
    ] {
        // What a script only reads is not known before it runs.
        if row.has(bit) && !(name == "read" && row.group == Group::Scripting) {
            names.push(name);
        }
    }
    if DANGEROUS.contains(&&*slot.full_name) {
        names.push("dangerous");
    }
    if matches!(&*slot.full_name, "lastsave" | "role") {
        names.extend(["admin", "dangerous"]);
    }
    CATEGORIES.iter().filter(|name| names.contains(name)).copied().collect()
}

/// Dangerous without being administration.
const DANGEROUS: &[&str] = &["flushall", "flushdb", "info", "keys", "migrate", "restore", "sort", "sort_ro", "swapdb"];

fn by_group(group: Group, name: &str) -> &'static [&'static str] {
    match (group, name) {
        (_, "sort" | "sort_ro") => &["set", "sortedset", "list"],
        (_, "wait" | "waitaof") => &[],
        (_, "dbsize" | "flushall" | "flushdb" | "swapdb") => &["keyspace"],
        (_, "command" | "command|count" | "command|docs" | "command|getkeys") => &["connection"],
        (_, "command|getkeysandflags" | "command|help" | "command|info" | "command|list") => &["connection"],
        (Group::Bitmap, _) => &["bitmap"],
        (Group::Cluster, "asking" | "readonly" | "readwrite") | (Group::Connection, _) => &["connection"],
        (Group::Generic, _) => &["keyspace"],
        (Group::Geo, _) => &["geo"],
        (Group::Hash, _) => &["hash"],
        (Group::Hyperloglog, _) => &["hyperloglog"],
        (Group::Json, _) => &["json"],
        (Group::List, _) => &["list"],
        (Group::Scripting, _) => &["scripting"],
        (Group::Set, _) => &["set"],
        (Group::SortedSet, _) => &["sortedset"],
        (Group::Stream, _) => &["stream"],
        (Group::String, _) => &["string"],
        (Group::Transactions, _) => &["transaction"],
        (Group::Cluster | Group::Pubsub | Group::Server | Group::VectorSet, _) => &[],
    }
}
