//! A real server as the follower of an engine under random load: it gets the effects and must have the same data.

use crate::common::dump::dump;
use crate::common::leader::Leader;
use crate::common::peer::Peer;
use crate::common::redis::RedisPeer;
use crate::common::{self, wall_clock_ms};
use tabdis::resp::parse::commands;
use tabdis::resp::reply::Value;

const STEPS: u64 = 20_000;
/// Commands that are left out, and why.
const LEFT_OUT: &[(&str, &str)] =
    &[("sort", "its effect is itself, and of equal elements each server stores any first")];
/// The client that carries the effects, and the one that reads the engine's data.
const FEED: usize = 0;
const READER: usize = 99;
const DATABASES: usize = 4;

/// Fails with the first difference.
pub fn run() -> Result<(), String> {
    let mut redis = RedisPeer::start().expect("its program was there at the start");
    // Its time is an hour ahead: what is due there is not yet for the server, which so deletes only what it is told to.
    let start = wall_clock_ms() + 3_600_000;
    let known: Vec<String> = tabdis::cmd::table().slots().iter().map(|slot| slot.full_name.clone()).collect();
    let known: Vec<String> = known.into_iter().filter(|name| redis.knows(name)).collect();
    let left_out = |name: &str| LEFT_OUT.iter().any(|(left_out, _)| *left_out == name);
    let wanted = |name: &String| known.contains(name) && !left_out(name);
    let mut leader = Leader::new(common::seed(4), start, |slot| wanted(&slot.full_name));
    leader.known_to_all = true;
    let (steps, mut effects) = (common::steps(STEPS).min(1_000_000), 0);
    while leader.commands < steps {
        leader.work(500);
        // The server does not see that a key is due, so all such go first; reading can still delete some.
        leader.peer.advance(leader.peer.now + 1);
        let want = dump(DATABASES, |argv| leader.peer.ask(READER, argv));
        effects += send(&mut redis, &std::mem::take(&mut leader.peer.effects))?;
        let got = dump(DATABASES, |argv| redis.command(argv));
        common::compare(&got, &want).map_err(|why| format!("after {} commands: {why}", leader.commands))?;
    }
    println!("{} commands, {effects} effects", leader.commands);
    Ok(())
}

/// Sends effects to the server. Fails if it refuses one.
fn send(redis: &mut RedisPeer, effects: &[u8]) -> Result<usize, String> {
    let mut sent = Vec::new();
    commands::<Box<dyn std::error::Error>>(effects, |argv| {
        sent.push(argv.iter().map(|arg| arg.to_vec()).collect::<Vec<_>>());
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    redis.send_raw(FEED, effects);
    for argv in &sent {
        match redis.wait_for_reply(FEED) {
            Some(Value::Error(text)) => {
                return Err(format!("{} was refused: {}", common::typed(argv), String::from_utf8_lossy(&text)));
            }
            Some(_) => {}
            None => return Err("the server stopped answering".to_string()),
        }
    }
    Ok(sent.len())
}
