//! CLUSTER and what goes with it: this server is never part of one, and says so as a single Redis does.

use crate::engine::{Ctx, Error, Group, Outcome, Row, flag};

/// The family.
pub const ROWS: &[Row] = &[ASKING, CLUSTER, READONLY, READWRITE];

const STALE: u32 = flag::STALE;
const ANYTIME: u32 = flag::LOADING | flag::STALE;
const ADMIN: u32 = flag::ADMIN | flag::STALE;
const CHANGE: u32 = ADMIN | flag::NO_ASYNC_LOADING;

/// Answers that there is no cluster.
fn disabled(_: &mut Ctx) -> Outcome {
    Err(Error::NoCluster)
}

const fn row(name: &'static str, since: &'static str, arity: i32, flags: u32, summary: &'static str) -> Row {
    let (syntax, ts) = if arity == 2 || arity == 1 {
        ("", "(): Reply")
    } else {
        ("argument [argument ...]", "(...args: Arg[]): Reply")
    };
    Row {
        name,
        group: Group::Cluster,
        since,
        arity,
        flags,
        summary,
        complexity: "O(1)",
        syntax,
        ts,
        run: disabled,
        ..Row::NONE
    }
}

const ASKING: Row = Row {
    example: "> ASKING\n(error) ERR This instance has cluster support disabled",
    ..row(
        "ASKING",
        "3.0.0",
        1,
        flag::FAST,
        "Would let the next command see a slot that is moving; there is no cluster.",
    )
};

const READONLY: Row = Row {
    example: "> READONLY\n(error) ERR This instance has cluster support disabled",
    ..row(
        "READONLY",
        "3.0.0",
        1,
        flag::FAST | ANYTIME,
        "Would let this connection read from a follower; there is no cluster.",
    )
};

const READWRITE: Row = Row {
    example: "> READWRITE\n(error) ERR This instance has cluster support disabled",
    ..row("READWRITE", "3.0.0", 1, flag::FAST | ANYTIME, "Would take READONLY back; there is no cluster.")
};

/// A sub-command with its example, which ends with the arguments given.
macro_rules! sub {
    ($name:literal, $args:literal, $($rest:expr),+ $(,)?) => {
        Row {
            example: concat!("> CLUSTER ", $name, $args, "\n(error) ERR This instance has cluster support disabled"),
            ..row($name, $($rest),+)
        }
    };
}

const CLUSTER: Row = Row {
    example: "> CLUSTER INFO\n(error) ERR This instance has cluster support disabled\n> CLUSTER FOO\n(error) ERR unknown subcommand \
              'FOO'. Try CLUSTER HELP.",
    subs: &[
        sub!("ADDSLOTS", " 1", "3.0.0", -3, CHANGE, "Would take slots; there is no cluster."),
        sub!("ADDSLOTSRANGE", " 1 2", "7.0.0", -4, CHANGE, "Would take ranges of slots; there is no cluster."),
        sub!("BUMPEPOCH", "", "3.0.0", 2, CHANGE, "Would advance the epoch; there is no cluster."),
        sub!(
            "COUNT-FAILURE-REPORTS",
            " a",
            "3.0.0",
            3,
            ADMIN,
            "Would count reports of a failure; there is no cluster."
        ),
        sub!("COUNTKEYSINSLOT", " 1", "3.0.0", 3, STALE, "Would count the keys of a slot; there is no cluster."),
        sub!("DELSLOTS", " 1", "3.0.0", -3, CHANGE, "Would give slots up; there is no cluster."),
        sub!("DELSLOTSRANGE", " 1 2", "7.0.0", -4, CHANGE, "Would give ranges of slots up; there is no cluster."),
        sub!("FAILOVER", "", "3.0.0", -2, CHANGE, "Would make a follower lead; there is no cluster."),
        sub!("FLUSHSLOTS", "", "3.0.0", 2, CHANGE, "Would give all slots up; there is no cluster."),
        sub!("FORGET", " a", "3.0.0", 3, CHANGE, "Would forget a node; there is no cluster."),
        sub!("GETKEYSINSLOT", " 1 2", "3.0.0", 4, STALE, "Would list the keys of a slot; there is no cluster."),
        sub!("HELP", "", "5.0.0", 2, ANYTIME, "Would list the sub-commands; there is no cluster."),
        sub!("INFO", "", "3.0.0", 2, ANYTIME, "Would describe the cluster; there is none."),
        sub!("KEYSLOT", " key", "3.0.0", 3, STALE, "Would return the slot of a key; there is no cluster."),
        sub!("LINKS", "", "7.0.0", 2, STALE, "Would list the links to other nodes; there is no cluster."),
        sub!("MEET", " a 1", "3.0.0", -4, CHANGE, "Would make a node known; there is no cluster."),
        sub!("MYID", "", "3.0.0", 2, ANYTIME, "Would return the node's name; there is no cluster."),
        sub!("MYSHARDID", "", "7.2.0", 2, ANYTIME, "Would return the shard's name; there is no cluster."),
        sub!("NODES", "", "3.0.0", 2, ANYTIME, "Would describe all nodes; there is no cluster."),
        sub!("REPLICAS", " a", "5.0.0", 3, ADMIN, "Would list the followers of a node; there is no cluster."),
        sub!("REPLICATE", " a", "3.0.0", 3, CHANGE, "Would follow a node; there is no cluster."),
        sub!("RESET", "", "3.0.0", -2, ADMIN | flag::NOSCRIPT, "Would forget the cluster; there is none."),
        sub!("SAVECONFIG", "", "3.0.0", 2, CHANGE, "Would save the cluster's state; there is no cluster."),
        sub!("SET-CONFIG-EPOCH", " 1", "3.0.0", 3, CHANGE, "Would set the epoch; there is no cluster."),
        sub!(
            "SETSLOT",
            " 1 STABLE",
            "3.0.0",
            -4,
            CHANGE | flag::MAY_REPLICATE,
            "Would move a slot; there is no cluster."
        ),
        sub!("SHARDS", "", "7.0.0", 2, ANYTIME, "Would describe the shards; there is no cluster."),
        sub!("SLAVES", " a", "3.0.0", 3, ADMIN, "Would list the followers of a node; there is no cluster."),
        sub!("SLOTS", "", "3.0.0", 2, ANYTIME, "Would say which node has which slot; there is no cluster."),
    ],
    run: crate::engine::row::container,
    ..row("CLUSTER", "3.0.0", -2, 0, "Would manage a cluster; there is none.")
};
