//! What 7.0 says of streams in other words or later than newer servers, in a form to compare.

use crate::common::words;
use tabdis::resp::reply::Value;

/// Fields of XINFO that newer servers have, know in other cases, or that are times.
const NOT_COMPARED: &[&str] =
    &["active-time", "inactive", "idle", "seen-time", "lag", "entries-read", "consumers", "pending-since"];

/// Whether a command that reads streams may wait, but not for ever.
pub fn may_wait_shortly(argv: &[Vec<u8>]) -> bool {
    let at = argv.iter().position(|arg| arg.eq_ignore_ascii_case(b"BLOCK"));
    let ms = at.and_then(|at| argv.get(at + 1)).and_then(|ms| std::str::from_utf8(ms).ok()?.parse::<i64>().ok());
    ms.is_some_and(|ms| ms > 0 && ms < 1_000_000)
}

/// Whether two lists of pending entries differ in nothing but the ms they are idle.
pub fn close(a: &Value, b: &Value) -> bool {
    fn idle_apart(a: &Value, b: &Value) -> bool {
        match (a.items(), b.items()) {
            (Some([id, consumer, Value::Int(idle), count]), Some([id2, consumer2, Value::Int(idle2), count2])) => {
                (id, consumer, count) == (id2, consumer2, count2) && idle.abs_diff(*idle2) < 4_000
            }
            _ => a == b,
        }
    }
    match (a.items(), b.items()) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| idle_apart(a, b)),
        _ => false,
    }
}

/// What an answer of XINFO says without what is not compared: fields, times of what is pending, consumers without anything.
pub fn of_7_0(value: &Value) -> Value {
    let pairs: Vec<(Value, Value)> = match value {
        Value::Map(pairs) => pairs.clone(),
        Value::Array(items) if is_fields(items) => {
            items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
        }
        Value::Array(items) => return Value::Array(items.iter().filter(|item| !is_idle(item)).map(of_7_0).collect()),
        other => return other.clone(),
    };
    let kept =
        pairs.into_iter().filter(|(name, _)| !NOT_COMPARED.iter().any(|known| name.text() == Some(known.as_bytes())));
    Value::Map(
        kept.map(|(name, value)| {
            let value = if name.text() == Some(b"pending") { without_times(&value) } else { of_7_0(&value) };
            (name, value)
        })
        .collect(),
    )
}

fn is_fields(items: &[Value]) -> bool {
    items.len() >= 6 && items.len().is_multiple_of(2) && matches!(items[0].text(), Some(b"name" | b"length"))
}

/// Whether it is a consumer that has nothing.
fn is_idle(value: &Value) -> bool {
    let has_nothing =
        |name: &Value, value: &Value| matches!(name.text(), Some(b"pending" | b"pel-count")) && *value == Value::Int(0);
    match value {
        Value::Map(pairs) => {
            pairs.iter().any(|(name, _)| name.text() == Some(b"idle")) && pairs.iter().any(|(n, v)| has_nothing(n, v))
        }
        Value::Array(items) if is_fields(items) => {
            let mut pairs = items.chunks(2);
            items.iter().any(|item| item.text() == Some(b"idle")) && pairs.any(|pair| has_nothing(&pair[0], &pair[1]))
        }
        _ => false,
    }
}

fn without_times(value: &Value) -> Value {
    let Some(items) = value.items() else { return value.clone() };
    let entries = items.iter().map(|entry| match entry.items() {
        Some([id, consumer, Value::Int(_), count]) => Value::Array(vec![id.clone(), consumer.clone(), count.clone()]),
        _ => entry.clone(),
    });
    Value::Array(entries.collect())
}

/// Whether who waited for streams was woken and got nothing: 7.0 does that when an entry came and went, or a key is named twice.
pub fn is_vain(argv: &[Vec<u8>], theirs: &Value) -> bool {
    let is_empty = |entries: &Value| entries.items().is_some_and(<[Value]>::is_empty);
    let reads = words::is_one_of(argv, &["XREAD", "XREADGROUP"]);
    reads
        && match theirs {
            Value::Map(pairs) => pairs.iter().any(|(_, entries)| is_empty(entries)),
            other => other.items().is_some_and(|all| {
                all.iter().any(|pair| pair.items().and_then(|pair| pair.get(1)).is_some_and(is_empty))
            }),
        }
}

pub fn both_unbalanced(a: &Value, b: &Value) -> bool {
    [a, b].iter().all(|value| matches!(value, Value::Error(text) if text.starts_with(b"ERR Unbalanced")))
}

/// Whether both tell who waited for a stream that it has gone: 7.0 has words of its own for this.
pub fn both_gone(ours: &Value, theirs: &Value) -> bool {
    let (Value::Error(ours), Value::Error(theirs)) = (ours, theirs) else { return false };
    let ours = ours.starts_with(b"NOGROUP") || ours.starts_with(b"WRONGTYPE");
    ours && (theirs.starts_with(b"UNBLOCKED the stream key no longer")
        || theirs.starts_with(b"NOGROUP")
        || theirs.starts_with(b"-NOGROUP"))
}

/// Whether our answer to who waited has all streams that the other has, and others too: 7.0 answers with the one that woke it.
pub fn serves_more(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Map(ours), Value::Map(theirs)) => {
            ours.len() > theirs.len() && theirs.iter().all(|one| ours.contains(one))
        }
        _ => match (ours.items(), theirs.items()) {
            (Some(ours), Some(theirs)) => ours.len() > theirs.len() && theirs.iter().all(|one| ours.contains(one)),
            _ => false,
        },
    }
}
