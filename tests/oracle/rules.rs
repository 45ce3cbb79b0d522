//! Users of random rules: both servers must say the same of whether they may run random commands (ACL DRYRUN).

use crate::common::engine::EnginePeer;
use crate::common::peer::Peer;
use crate::common::redis::RedisPeer;
use crate::common::words::{self, Vocabulary};
use crate::common::{self, typed};
use tabdis::base::rng::Rng;
use tabdis::resp::reply::to_cli;

/// Commands that run when nothing else is said.
const STEPS: u64 = 20_000;
/// Commands for one user.
const EACH: u64 = 40;

/// Commands whose keys or categories are not those of 7.0, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("acl", "asks about itself"),
    ("wait", "blocks since 7.2"),
    ("xautoclaim", "is said to read since 7.2"),
    ("zrank", "takes WITHSCORE since 7.2"),
    ("zrevrank", "takes WITHSCORE since 7.2"),
];

/// Patterns for keys: the vocabulary's, and some that match several.
const PATTERNS: &[&str] =
    &["*", "s*", "?0", "[st]1", "z[0-9]", "h*", "*1", "nothing", "l?", "\\*", "**", "t[^0]", "x", "s0", "t1"];
const CHANNELS: &[&str] = &["*", "a", "ch*", "?", "[a-c]"];

/// Asks as many questions as asked for. Fails with the first difference.
pub fn run() -> Result<(), String> {
    let mut redis = RedisPeer::start().ok_or("there is no redis-server")?;
    redis.reset();
    let mut engine = EnginePeer::new(1);
    let mut rng = Rng::new(common::seed(20_261_125));
    let known: Vec<bool> = tabdis::cmd::table().slots().iter().map(|slot| redis.knows(&slot.full_name)).collect();
    let left_out = |name: &str| LEFT_OUT.iter().any(|(out, _)| *out == name.split('|').next().unwrap_or(name));
    let names: Vec<&str> = tabdis::cmd::table()
        .slots()
        .iter()
        .zip(&known)
        .filter(|(slot, known)| **known && !left_out(&slot.full_name))
        .map(|(slot, _)| slot.full_name.as_str())
        .collect();
    let vocabulary = Vocabulary::new(|slot| Vocabulary::is_data(slot) && names.contains(&slot.full_name.as_str()));
    let mut asked = 0;
    while asked < common::steps(STEPS) {
        let rules = rules(&mut rng, &names);
        let setuser: Vec<Vec<u8>> = ["ACL", "SETUSER", "u", "reset"]
            .iter()
            .copied()
            .chain(rules.iter().map(String::as_str))
            .map(|word| word.as_bytes().to_vec())
            .collect();
        same(&mut engine, &mut redis, &setuser, &rules)?;
        for _ in 0..EACH {
            let argv = match rng.below(6) {
                0 => listening(&mut rng),
                _ => vocabulary.fill(&vocabulary.words[rng.below(vocabulary.words.len())], &mut rng),
            };
            if words::asks_for_memory(&argv) {
                continue;
            }
            let mut question: Vec<Vec<u8>> = ["ACL", "DRYRUN", "u"].map(|word| word.as_bytes().to_vec()).to_vec();
            question.extend(argv);
            same(&mut engine, &mut redis, &question, &rules)?;
            asked += 1;
        }
    }
    println!("{asked} questions");
    Ok(())
}

fn same(engine: &mut EnginePeer, redis: &mut RedisPeer, argv: &[Vec<u8>], rules: &[String]) -> Result<(), String> {
    let borrowed: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    let (ours, theirs) = (engine.ask(1, &borrowed), redis.command(&borrowed));
    if ours == theirs {
        return Ok(());
    }
    let about_a_key = ours.text().is_some_and(|text| text.ends_with(b"key"));
    if about_a_key && theirs.text() == Some(b"OK") && finds_no_keys(redis, argv) {
        return Ok(());
    }
    let [ours, theirs] = [ours, theirs].map(|value| String::from_utf8_lossy(&to_cli(&value)).into_owned());
    Err(format!("{}\n  ours   {ours}  theirs {theirs}  rules  {}", typed(argv), rules.join(" ")))
}

/// Whether 7.0 finds no keys in the command that is asked about, and so lets it pass: where one of its key specifications fits
/// nothing (PFMERGE without a source), it forgets the keys of the others. Here those are checked.
fn finds_no_keys(redis: &mut RedisPeer, question: &[Vec<u8>]) -> bool {
    let command = question.iter().skip(3).map(Vec::as_slice);
    let getkeys: Vec<&[u8]> = [&b"COMMAND"[..], b"GETKEYS"].into_iter().chain(command).collect();
    redis.command(&getkeys).is_error()
}

fn listening(rng: &mut Rng) -> Vec<Vec<u8>> {
    let name = ["PUBLISH", "SPUBLISH", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE"][rng.below(6)];
    let mut argv = vec![name.as_bytes().to_vec()];
    for _ in 0..2 {
        argv.push(["a", "b", "ch1", "chat", "ch*", "*", "?"][rng.below(7)].as_bytes().to_vec());
    }
    argv
}

/// Some rules by chance, with selectors.
fn rules(rng: &mut Rng, names: &[&str]) -> Vec<String> {
    let mut rules = part(rng, names);
    for _ in 0..[0, 0, 0, 1, 2][rng.below(5)] {
        rules.push(format!("({})", part(rng, names).join(" ")));
    }
    rules
}

fn part(rng: &mut Rng, names: &[&str]) -> Vec<String> {
    let categories = tabdis::engine::acl::CATEGORIES;
    let mut rules = Vec::new();
    for _ in 0..rng.below(6) {
        let sign = ["+", "+", "-"][rng.below(3)];
        rules.push(match rng.below(6) {
            0 => format!("{sign}@all"),
            1..3 => format!("{sign}@{}", categories[rng.below(categories.len() - 1)]),
            3 => format!("+{}|{}", ["select", "get", "debug"][rng.below(3)], ["0", "s0", "t1"][rng.below(3)]),
            _ => format!("{sign}{}", names[rng.below(names.len())]),
        });
    }
    for _ in 0..rng.below(4) {
        let flags = ["~", "~", "%R~", "%W~", "%RW~", "%r~"][rng.below(6)];
        rules.extend(["resetkeys".to_string()].into_iter().filter(|_| rng.below(8) == 0));
        let pattern = PATTERNS[rng.below(PATTERNS.len())];
        // After all keys another pattern is an error.
        if !rules.iter().any(|rule| rule == "~*" || rule == "%RW~*") {
            rules.push(format!("{flags}{pattern}"));
        }
    }
    for _ in 0..rng.below(3) {
        if !rules.iter().any(|rule| rule == "&*") {
            rules.push(format!("&{}", CHANNELS[rng.below(CHANNELS.len())]));
        }
    }
    rules
}
