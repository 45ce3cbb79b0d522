//! The vocabulary of random commands about streams: ids that meet each other, few groups and consumers.

use tabdis::base::rng::Rng;

/// Returns an argument called `name` of the command `command` (`xgroup|create`), if it is one of those of streams.
pub fn value(rng: &mut Rng, command: &str, name: &str) -> Option<Vec<u8>> {
    Some(match name {
        "id" if command == "xadd" => new_id(rng),
        "id" if command == "xread" => mostly(rng, &["$", "0", "0", "$", "3-1", "x"], id),
        "id" if command == "xreadgroup" => mostly(rng, &[">", ">", ">", ">", "0", "$"], id),
        "id" if command.starts_with("xgroup") => mostly(rng, &["0", "0", "$", "-", "+", "x"], id),
        // Newer servers refuse ids that were deleted.
        "last-id" => word(rng, &["5-900", "6-0", "6-5", "7", "-", "x"]),
        "id" | "lastid" | "max-deleted-id" => id(rng),
        "start" | "end" => bound(rng, name == "start"),
        "threshold" => {
            if rng.below(2) == 0 {
                id(rng)
            } else {
                rng.below(30).to_string().into_bytes()
            }
        }
        "group" => format!("g{}", rng.below(3).saturating_sub(1)).into_bytes(),
        "consumer" => format!("c{}", rng.below(3)).into_bytes(),
        // What is idle for how long differs by some ms from server to server.
        "min-idle-time" | "ms" => word(rng, &["0", "0", "0", "99999999", "-5", "x"]),
        "milliseconds" => word(rng, &["0", "0", "0", "-1", "x", "99999999999999"]),
        "unix-time-milliseconds" => word(rng, &["1000", "99999999999999", "0", "-1", "x"]),
        "entries-added" | "entries-read" => word(rng, &["0", "1", "5", "100", "-1", "-2", "x"]),
        "count" => word(rng, &["0", "1", "2", "3", "5", "50", "-1"]),
        "numids" => word(rng, &["1", "2", "0"]),
        _ => return None,
    })
}

/// An id that is often behind all others.
fn new_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0 => id(rng),
        1 => format!("{}", 1 + rng.below(5)).into_bytes(),
        2 => word(
            rng,
            &["0-*", "0-0", "0-1", "18446744073709551615-18446744073709551615", "5-", "x-1", "9223372036854775808-*"],
        ),
        n => format!("{}-*", [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5][n % 11]).into_bytes(),
    }
}

fn id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(30) {
        0 => word(rng, &["0", "0-0", "18446744073709551615", "-", "+", "1-", "007-1", "x"]),
        1 => format!("{}", 1 + rng.below(5)).into_bytes(),
        _ => {
            let seq = if rng.below(4) == 0 { rng.below(150) } else { rng.below(9) };
            format!("{}-{seq}", 1 + rng.below(4)).into_bytes()
        }
    }
}

fn bound(rng: &mut Rng, start: bool) -> Vec<u8> {
    match rng.below(6) {
        0..3 => {
            if start == (rng.below(8) > 0) {
                b"-".to_vec()
            } else {
                b"+".to_vec()
            }
        }
        3 => [b"(", &id(rng)[..]].concat(),
        _ => id(rng),
    }
}

fn word(rng: &mut Rng, from: &[&str]) -> Vec<u8> {
    from[rng.below(from.len())].as_bytes().to_vec()
}

/// One of the words, seven times in eight; otherwise what `other` makes.
fn mostly(rng: &mut Rng, from: &[&str], other: fn(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    if rng.below(8) > 0 { word(rng, from) } else { other(rng) }
}

/// Makes the named arguments, from `STREAMS` on, as many keys as ids, mostly.
pub fn balance(rng: &mut Rng, args: &mut Vec<(&'static str, Vec<u8>)>, command: &str) {
    if !matches!(command, "xread" | "xreadgroup") || rng.below(30) == 0 {
        return;
    }
    let count =
        |args: &[(&'static str, Vec<u8>)], wanted: &str| args.iter().filter(|(name, _)| *name == wanted).count();
    while count(args, "id") > count(args, "key") {
        args.pop();
    }
    while count(args, "id") < count(args, "key") {
        let value = value(rng, command, "id").unwrap_or_default();
        args.push(("id", value));
    }
}
