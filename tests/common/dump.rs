//! All data of a server, asked for by commands, in a form to compare: what any client would see.

use super::Content;
use tabdis::resp::reply::Value;

/// Returns everything in the databases below `databases` of the server that `ask` asks; selects database 0 at the end.
pub fn dump(databases: usize, mut ask: impl FnMut(&[&[u8]]) -> Value) -> Content {
    let mut all = Content::new();
    for db in 0..databases {
        ask(&[b"SELECT", db.to_string().as_bytes()]);
        for key in texts(&ask(&[b"KEYS", b"*"])) {
            let at = match ask(&[b"PEXPIRETIME", &key]) {
                Value::Int(at) => at,
                other => panic!("PEXPIRETIME answered {other:?}"),
            };
            let value = value(&key, &mut ask);
            all.insert((db, key), format!("{value}{UNTIL}{at}"));
        }
    }
    ask(&[b"SELECT", b"0"]);
    all
}

/// What stands before the time of expiry.
const UNTIL: &str = " until ";

/// How far apart two times of expiry may be, ms: relative times are counted from when each server ran the command.
const APART_MS: u64 = 4_000;

/// Takes the times of expiry in `got` for those in `want` where they are as good as equal.
pub fn align_times(got: &mut Content, want: &Content) {
    for (key, text) in got {
        let Some(((value, at), (other, want_at))) =
            text.rsplit_once(UNTIL).zip(want.get(key).and_then(|text| text.rsplit_once(UNTIL)))
        else {
            continue;
        };
        let [at, want_ms] = [at, want_at].map(|at| at.parse::<i64>().unwrap_or_default());
        if value == other && at > 0 && want_ms > 0 && at.abs_diff(want_ms) <= APART_MS {
            *text = format!("{value}{UNTIL}{want_at}");
        }
    }
}

fn value(key: &[u8], ask: &mut impl FnMut(&[&[u8]]) -> Value) -> String {
    let kind = ask(&[b"TYPE", key]);
    let kind = String::from_utf8_lossy(kind.text().unwrap_or_default()).into_owned();
    let parts: Vec<String> = match &*kind {
        "string" => vec![show(ask(&[b"GET", key]).text().unwrap_or_default())],
        "list" => texts(&ask(&[b"LRANGE", key, b"0", b"-1"])).iter().map(|e| show(e)).collect(),
        "set" => sorted(texts(&ask(&[b"SMEMBERS", key])).iter().map(|e| show(e)).collect()),
        "hash" => sorted(pairs(&ask(&[b"HGETALL", key])).map(|(f, v)| format!("{}={}", show(&f), show(&v))).collect()),
        "zset" => pairs(&ask(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]))
            // A small set keeps -0 as 0 since 7.2.
            .map(|(member, score)| (member, tabdis::base::num::parse_f64(&score).map(|score| score + 0.0)))
            .map(|(member, score)| format!("{}={score:?}", show(&member)))
            .collect(),
        "stream" => {
            let entries = format!("{:?} {:?}", ask(&[b"XRANGE", key, b"-", b"+"]), ask(&[b"XINFO", b"STREAM", key]));
            [entries].into_iter().chain(groups(key, ask)).collect()
        }
        _ => Vec::new(),
    };
    format!("{kind} {}", parts.join(" "))
}

/// The groups of a stream: name, last id, and what is pending for whom, without times.
fn groups(key: &[u8], ask: &mut impl FnMut(&[&[u8]]) -> Value) -> Vec<String> {
    let all = ask(&[b"XINFO", b"GROUPS", key]);
    let names = all.items().unwrap_or_default().iter().filter_map(|group| group.items()?.get(1)?.text());
    let names: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
    let last_ids = all.items().unwrap_or_default().iter().map(|group| group.items().and_then(|items| items.get(7)));
    let last_ids: Vec<String> = last_ids.map(|id| format!("{id:?}")).collect();
    let mut texts = Vec::new();
    for (name, last_id) in names.iter().zip(last_ids) {
        let pending = ask(&[b"XPENDING", key, name, b"-", b"+", b"1000000"]);
        let pending = pending.items().unwrap_or_default().iter().map(|entry| {
            let items = entry.items().unwrap_or_default();
            items.iter().enumerate().filter(|(n, _)| *n != 2).map(|(_, item)| format!("{item:?}")).collect::<String>()
        });
        texts.push(format!("{} {last_id} {:?}", show(name), pending.collect::<Vec<_>>()));
    }
    texts
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn sorted(mut parts: Vec<String>) -> Vec<String> {
    parts.sort();
    parts
}

fn texts(reply: &Value) -> Vec<Vec<u8>> {
    let items = reply.items().unwrap_or_else(|| panic!("a list of texts was answered by {reply:?}"));
    items.iter().map(|item| item.text().unwrap_or_default().to_vec()).collect()
}

fn pairs(reply: &Value) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let mut items = texts(reply).into_iter();
    std::iter::from_fn(move || items.next().zip(items.next()))
}
