//! Every parameter of a real server is one here, with its default, and takes and refuses the same values in the same words.

use crate::common::engine::EnginePeer;
use crate::common::peer::Peer;
use crate::common::redis::RedisPeer;
use tabdis::cmd::params;
use tabdis::resp::reply::{Value, to_cli};

/// What is tried on every parameter, right or wrong.
const VALUES: &[&str] = &[
    "zzz",
    "",
    "yes",
    "NO",
    "0",
    "1",
    "-1",
    "-2",
    "7",
    "007",
    "+7",
    " 7",
    "500",
    "70000",
    "3000000000",
    "99999999999999999999",
    "1.5",
    "2mb",
    "5G",
    "5x",
    "k",
    "50%",
    "101%",
    "-5%",
    "%",
    "900 1",
    "900 1 ",
    "900 1 60",
    "1 2 3",
    "-2001 0 0",
    "pubsub 1 2 3",
    "REPLICA 1kb 2kb 03",
    "nobody 1 2 3",
    "pubsub 1 2 x",
    "50 99.5 0.1234567",
    "100.5",
    "nan",
    "always",
    "allkeys-lru",
    "Debug",
    "SWAPDB",
    "clients",
    "hostname",
    "relative",
    "save nosave",
    "now force now",
    "KEA",
    "Q",
    "{title} {port}",
    "{titl}",
    "{",
    "a/b",
    "a b",
];

/// Values that are not tried, with the reason: what a parameter does to a real server would end the test.
const NOT_TRIED: &[(&str, &str)] = &[
    ("port", "a real server moves, and the engine has no network"),
    ("bind", "a real server moves, and the engine has no network"),
    ("tls-port", "a real server looks for certificates"),
    ("appendonly", "a real server writes files"),
    ("maxmemory-clients", "a real server closes the connections; its forms have a test of their own"),
    ("maxclients", "a real server asks its operating system"),
    ("activedefrag", "whether it can be enabled is up to how the real server was compiled"),
];

/// Parameters whose value at the start is not that of 7.0, with the reason.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    ("bind", "the engine has no network"),
    ("dir", "the engine has no folder"),
    ("logfile", "the engine has no log"),
    ("loglevel", "the real server was told to be quiet"),
    ("unixsocket", "the engine has no network"),
    ("pidfile", "the engine is no process"),
];

/// Parameters that 7.0 does not have.
const NEWER: &[&str] = &[
    "cluster-announce-human-nodename",
    "locale-collate",
    "max-new-connections-per-cycle",
    "max-new-tls-connections-per-cycle",
    "set-max-listpack-entries",
    "set-max-listpack-value",
];

/// Compares everything. Fails with all differences.
pub fn run() -> Result<(), String> {
    let mut theirs = RedisPeer::start().ok_or("no redis-server")?;
    let mut ours = EnginePeer::new(1);
    let mut complaints = Vec::new();
    let names = settings(&mut theirs);
    let own = settings(&mut ours);
    for (name, _) in own.iter().filter(|(name, _)| !names.iter().any(|(known, _)| known == name)) {
        if !NEWER.contains(&name.as_str()) {
            complaints.push(format!("{name}: no such parameter in redis-server"));
        }
    }
    let mut tried = 0;
    for (name, value) in &names {
        match own.iter().find(|(known, _)| known == name) {
            None => complaints.push(format!("{name}: not here")),
            Some((_, ours)) if ours != value && !OTHER_DEFAULTS.iter().any(|(known, _)| known == name) => {
                complaints.push(format!("{name}: is '{ours}', not '{value}'"));
            }
            Some(_) => {}
        }
        if NOT_TRIED.iter().any(|(known, _)| known == name) {
            continue;
        }
        for new in VALUES {
            complaints.extend(compare(&mut ours, &mut theirs, name, new));
            tried += 1;
        }
    }
    println!("{} parameters, {tried} values", names.len());
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// Sets a parameter on both. Returns what differs in the reply and in the value after it. Then all is as before.
fn compare(ours: &mut EnginePeer, theirs: &mut RedisPeer, name: &str, new: &str) -> Option<String> {
    let set = |peer: &mut dyn Peer| {
        let before = get(peer, name);
        let reply = ask(peer, &["CONFIG", "SET", name, new]);
        let after = get(peer, name);
        if before != after {
            ask(peer, &["CONFIG", "SET", name, &before]);
        }
        let changed = before != after;
        // The word `nothing` of loglevel is newer.
        let reply = String::from_utf8_lossy(&to_cli(&reply)).replace(", nothing", "");
        (reply.trim_end().to_string(), changed.then_some(after))
    };
    let (ours, theirs) = (set(ours), set(theirs));
    (ours != theirs).then(|| format!("CONFIG SET {name} '{new}':\n  here  {ours:?}\n  there {theirs:?}"))
}

fn get(peer: &mut dyn Peer, name: &str) -> String {
    let reply = ask(peer, &["CONFIG", "GET", name]);
    reply.items().and_then(|items| items.get(1)?.text()).map(text).unwrap_or_default()
}

fn settings(peer: &mut dyn Peer) -> Vec<(String, String)> {
    let reply = ask(peer, &["CONFIG", "GET", "*"]);
    let words: Vec<String> = reply.items().unwrap_or_default().iter().filter_map(Value::text).map(text).collect();
    let mut pairs: Vec<(String, String)> =
        words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    // Those that no pattern finds.
    for param in params::all().filter(|param| param.hidden && param.name != "watchdog-period") {
        let value = get(peer, param.name);
        if !value.is_empty() {
            pairs.push((param.name.to_string(), value));
        }
    }
    pairs
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ask(peer: &mut dyn Peer, words: &[&str]) -> Value {
    let argv: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    peer.send(1, &argv);
    peer.arrived(1).pop().unwrap_or(Value::Nil)
}
