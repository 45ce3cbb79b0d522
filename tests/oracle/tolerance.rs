//! When two replies to the same command count as equal although their bytes differ: every tolerance has a name and a reason.

use super::streams;
use crate::common::words;
use tabdis::resp::reply::Value;

/// A kind of difference that means nothing.
pub struct Tolerance {
    /// What it is called in the counts.
    pub name: &'static str,
    /// Why it is one.
    pub reason: &'static str,
    equal: fn(&[Vec<u8>], &Value, &Value) -> bool,
}

/// All of them, the narrowest first.
pub const ALL: &[Tolerance] = &[
    Tolerance {
        name: "order",
        reason: "the members of a set and the fields of a hash have no order",
        equal: |argv, a, b| {
            let (a, b) = (in_order(argv, a), in_order(argv, b));
            words::is_unordered(argv) && (a == b || (is_scored(argv) && same_numbers(&a, &b)))
        },
    },
    Tolerance {
        name: "chance",
        reason: "each server rolls its own dice; what can be compared is how much they answer",
        equal: |argv, a, b| words::is_by_chance(argv) && same_shape(a, b),
    },
    Tolerance {
        name: "clock",
        reason: "the servers run a command some milliseconds apart",
        equal: |argv, a, b| words::is_one_of(argv, CLOCKED) && close(a, b),
    },
    Tolerance {
        name: "idle",
        reason: "how long what is pending in a stream is idle differs by the ms between two servers",
        equal: |argv, a, b| words::is_one_of(argv, &["XPENDING"]) && streams::close(a, b),
    },
    Tolerance {
        name: "stream info",
        reason: "since 7.2 XINFO says when a consumer was active, consumers are made before there is something for them, and \
            lag and entries-read are known in other cases",
        equal: |argv, a, b| words::is_one_of(argv, &["XINFO"]) && streams::of_7_0(a) == streams::of_7_0(b),
    },
    Tolerance {
        name: "consumer",
        reason: "since 7.2 XREADGROUP and XCLAIM make a consumer before there is something for it",
        equal: |argv, a, b| words::is_one_of(argv, &["XGROUP"]) && (a, b) == (&Value::Int(0), &Value::Int(1)),
    },
    Tolerance {
        name: "unbalanced",
        reason: "the text names the command since 7.2",
        equal: |argv, a, b| words::is_one_of(argv, &["XREAD", "XREADGROUP"]) && streams::both_unbalanced(a, b),
    },
    Tolerance {
        name: "digits",
        reason: "7.0 prints doubles with 17 digits, newer servers with as many as it takes, and drop the sign of zero",
        equal: |argv, a, b| is_scored(argv) && same_numbers(a, b),
    },
    Tolerance {
        name: "timeout",
        reason: "7.0 lets a long timeout overflow and calls it negative, newer servers call it out of range",
        equal: |_, a, b| {
            a.text() == Some(b"ERR timeout is out of range") && b.text() == Some(b"ERR timeout is negative")
        },
    },
    Tolerance {
        name: "ties",
        reason: "of elements whose weights are equal, SORT answers any first",
        equal: |argv, a, b| {
            let by = argv.iter().any(|arg| arg.eq_ignore_ascii_case(b"BY"));
            words::is_one_of(argv, &["SORT", "SORT_RO"]) && by && a.items().map(<[_]>::len) == b.items().map(<[_]>::len)
        },
    },
    Tolerance {
        name: "rank",
        reason: "newer servers refuse the smallest rank, which has no opposite",
        equal: |argv, a, _| {
            words::is_one_of(argv, &["LPOS"]) && argv.iter().any(|arg| arg == b"-9223372036854775808") && a.is_error()
        },
    },
    Tolerance {
        name: "early",
        reason: "since 7.2 the arguments of BITCOUNT and BITPOS are looked at before the key",
        equal: |argv, a, b| {
            let nothing = matches!(b, Value::Int(0 | -1)) || b.text().is_some_and(|b| b.starts_with(b"WRONGTYPE"));
            words::is_one_of(argv, &["BITCOUNT", "BITPOS"]) && a.is_error() && nothing
        },
    },
    Tolerance {
        name: "past",
        reason: "SET with a time that is past leaves a key in 7.0, hidden from all but DBSIZE, and none in newer servers",
        equal: |argv, a, b| {
            words::is_one_of(argv, &["DBSIZE"])
                && matches!((a, b), (Value::Int(a), Value::Int(b)) if a < b && b - a < 20)
        },
    },
    Tolerance {
        name: "greeting",
        reason: "HELLO tells the server's version and counts its clients",
        equal: |argv, a, b| words::is_one_of(argv, &["HELLO"]) && !a.is_error() && !b.is_error(),
    },
    Tolerance {
        name: "encoding",
        reason: "newer servers have more listpacks, and what is stored here as a number says so",
        equal: |argv, a, b| {
            words::is_one_of(argv, &["OBJECT"])
                && matches!(
                    (a.text(), b.text()),
                    (Some(b"listpack"), Some(b"hashtable" | b"quicklist" | b"skiplist"))
                        | (Some(b"int"), Some(b"embstr"))
                )
        },
    },
];

/// The name of the tolerance of what a client got that waited: see [`of_a_wait`].
pub const WAIT: &str = "wait";
/// Its reason.
pub const WAIT_REASON: &str = "7.0 serves the key that became ready, newer servers run the command again, which looks at earlier \
    keys first; and a key that held another type when it was overwritten makes nobody ready in Redis; 7.0 also wakes \
    who reads streams for nothing at times, and has words of its own for a stream that has gone";

/// Whether it means nothing that a command that waited got `ours` here and `theirs` there.
pub fn of_a_wait(argv: &[Vec<u8>], ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let place = |reply: &Value| {
        let key = reply.items().and_then(|items| items.first()?.text())?;
        argv.iter().position(|arg| arg == key)
    };
    match (ours, theirs) {
        (_, Some(theirs)) if streams::is_vain(argv, theirs) => true,
        (Some(ours), Some(theirs)) if streams::both_gone(ours, theirs) => true,
        (Some(ours), Some(theirs)) if words::is_one_of(argv, &["XREAD", "XREADGROUP"]) => {
            streams::serves_more(ours, theirs)
        }
        (Some(Value::Error(text)), Some(theirs)) => text.starts_with(b"WRONGTYPE") && !theirs.is_error(),
        (Some(ours), Some(theirs)) => place(ours).zip(place(theirs)).is_some_and(|(ours, theirs)| ours < theirs),
        // Run again because of one key, the command meets the other type of another.
        (Some(Value::Error(text)), None) => text.starts_with(b"WRONGTYPE"),
        (Some(ours), None) => !ours.is_error(),
        _ => false,
    }
}

/// Commands whose replies are times left, or points in time made from times left.
const CLOCKED: &[&str] = &["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"];

/// How far apart two of them may be.
const APART_MS: i64 = 4_000;

/// Finds why the replies to `argv` count as equal. Nothing if they do not.
pub fn find(argv: &[Vec<u8>], ours: &Value, theirs: &Value) -> Option<&'static Tolerance> {
    ALL.iter().find(|tolerance| (tolerance.equal)(argv, ours, theirs))
}

/// Commands with scores in the reply.
fn is_scored(argv: &[Vec<u8>]) -> bool {
    argv.first().is_some_and(|name| {
        let name = name.to_ascii_uppercase();
        name.starts_with(b"Z") || name.starts_with(b"GEO") || name.starts_with(b"BZ")
    })
}

/// The elements in an order of their own; pairs stay together.
fn in_order(argv: &[Vec<u8>], value: &Value) -> Value {
    let by_debug = |value: &Value| format!("{value:?}");
    match value {
        // A cursor, and what the walk met.
        Value::Array(items) if items.len() == 2 && matches!(items[1], Value::Array(_)) => {
            Value::Array(vec![items[0].clone(), in_order(argv, &items[1])])
        }
        Value::Array(items)
            if items.len() % 2 == 0 && words::is_one_of(argv, &["HGETALL", "HSCAN", "ZSCAN", "CONFIG"]) =>
        {
            let mut pairs: Vec<Value> = items.chunks(2).map(|pair| Value::Array(pair.to_vec())).collect();
            pairs.sort_by_key(|pair| by_debug(&pair.items().unwrap_or_default()[0]));
            Value::Array(pairs)
        }
        Value::Array(items) | Value::Set(items) => {
            let mut items = items.clone();
            items.sort_by_key(by_debug);
            if matches!(value, Value::Set(_)) { Value::Set(items) } else { Value::Array(items) }
        }
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|(key, _)| by_debug(key));
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}

fn same_shape(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a, b))
        }
        (Value::Error(a), Value::Error(b)) => a == b,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a == b || (*a > 0 && *b > 0 && a.abs_diff(*b) <= APART_MS as u64),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b)),
        (a, b) => a == b,
    }
}

/// Whether all that differs are numbers of many digits that are the same double.
fn same_numbers(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_numbers(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same_numbers(&a.1, &b.1))
        }
        (Value::Bulk(_), Value::Bulk(theirs)) | (Value::Double(_), Value::Double(theirs)) => {
            let equal = a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a == b);
            a == b || (equal && (theirs.len() >= 16 || theirs.contains(&b'e') || theirs == b"-0"))
        }
        (a, b) => a == b,
    }
}
