//! GEOADD: a ZADD with geohashes for scores.

use super::place;
use crate::cmd::zset::{Mode, add};
use crate::engine::{Args, Ctx, Error, Group, KEY_UPDATE, Outcome, Row, flag};

pub(super) const GEOADD: Row = Row {
    name: "GEOADD",
    group: Group::Geo,
    since: "3.2.0",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: KEY_UPDATE,
    summary: "Adds members with their places to a sorted set, or moves those that are there. The score of each is the geohash of its place.",
    complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
    ts: "(key: Key, ...args: Arg[]): number",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEODIST Sicily Palermo Catania\n\"166274.1516\"\n> ZSCORE Sicily Palermo\n\"3479099956230698\"\n> GEOADD Sicily 181 0 nowhere\n(error) ERR invalid longitude,latitude pair 181.000000,0.000000",
    run: geoadd,
    ..Row::NONE
};

fn geoadd(c: &mut Ctx) -> Outcome {
    let mut args = Args::from(c.argv, 2);
    let mut mode = Mode::default();
    loop {
        let options = [("NX", &mut mode.nx), ("XX", &mut mode.xx), ("CH", &mut mode.ch)];
        let Some((_, flag)) = options.into_iter().find(|(word, _)| args.word(word)) else { break };
        *flag = true;
    }
    if !args.left().is_multiple_of(3) || (mode.nx && mode.xx) {
        return Err(Error::Syntax);
    }
    let options = &c.argv[2..c.argv.len() - args.left()];
    let mut scores = Vec::with_capacity(args.left() / 3);
    let mut members = Vec::with_capacity(args.left() / 3);
    while args.more() {
        scores.push(place(&mut args)?.hash().to_string());
        members.push(args.next()?);
    }
    let pairs: Vec<&[u8]> =
        scores.iter().zip(&members).flat_map(|(score, member)| [score.as_bytes(), member]).collect();
    let before = c.ks.dirty;
    add(c, &mode, &pairs)?;
    if c.ks.dirty != before {
        c.instead(&[&[b"zadd", c.argv[1]], options, &pairs].concat());
    }
    Ok(())
}
