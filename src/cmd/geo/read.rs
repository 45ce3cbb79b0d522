//! What is known of single members: their place, its name, how far it is from another.

use super::{place_of, unit};
use crate::ds::geo::Place;
use crate::ds::zset::Zset;
use crate::engine::{Ctx, Error, Group, KEY_READ, Outcome, Row, flag};

pub(super) const GEODIST: Row = Row {
    name: "GEODIST",
    group: Group::Geo,
    since: "3.2.0",
    arity: -4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns how far two members are from each other, in meters or another unit; null if one is missing.",
    complexity: "O(1)",
    syntax: "key member1 member2 [M | KM | FT | MI]",
    ts: "(key: Key, member1: Value, member2: Value, unit?: 'M' | 'KM' | 'FT' | 'MI'): string | null",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEODIST Sicily Palermo Catania km\n\"166.2742\"\n> GEODIST Sicily Palermo missing\n(nil)",
    run: geodist,
    ..Row::NONE
};

fn geodist(c: &mut Ctx) -> Outcome {
    let meters = match c.argv.len() {
        4 => 1.0,
        5 => unit(c.argv[4])?,
        _ => return Err(Error::Syntax),
    };
    let zset = c.ks.get::<Zset>(c.argv[1])?;
    let place = |member: &[u8]| zset.and_then(|zset| zset.score(member)).map(place_of);
    match place(c.argv[2]).zip(place(c.argv[3])) {
        Some((a, b)) => c.out.bulk(format!("{:.4}", a.distance(b) / meters).as_bytes()),
        None => c.out.null(),
    }
    Ok(())
}

pub(super) const GEOHASH: Row = Row {
    name: "GEOHASH",
    group: Group::Geo,
    since: "3.2.0",
    arity: -2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the places of members as geohash strings of 11 letters; null for a missing one.",
    complexity: "O(1) for each member requested.",
    syntax: "key [member [member ...]]",
    ts: "(key: Key, ...members: Value[]): (string | null)[]",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo\n(integer) 1\n> GEOHASH Sicily Palermo missing\n1) \"sqc8b49rny0\"\n2) (nil)",
    run: geohash,
    ..Row::NONE
};

fn geohash(c: &mut Ctx) -> Outcome {
    for_members(c, |out, place| match place {
        Some(place) => out.bulk(&place.name()),
        None => out.null(),
    })
}

pub(super) const GEOPOS: Row = Row {
    name: "GEOPOS",
    group: Group::Geo,
    since: "3.2.0",
    arity: -2,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the longitudes and latitudes of members, as exact as geohashes are (0.6 m); null for a missing one.",
    complexity: "O(1) for each member requested.",
    syntax: "key [member [member ...]]",
    ts: "(key: Key, ...members: Value[]): ([string | number, string | number] | null)[]",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo\n(integer) 1\n> GEOPOS Sicily Palermo missing\n1) 1) \"13.36138933897018433\"\n   2) \"38.11555639549629859\"\n2) (nil)",
    run: geopos,
    ..Row::NONE
};

fn geopos(c: &mut Ctx) -> Outcome {
    for_members(c, |out, place| match place {
        Some(place) => {
            out.array(2);
            out.human_double(place.lon);
            out.human_double(place.lat);
        }
        None => out.null_array(),
    })
}

/// Answers an array of what `f` writes for each member's place.
fn for_members(c: &mut Ctx, f: impl Fn(&mut crate::engine::Reply, Option<Place>)) -> Outcome {
    let zset = c.ks.get::<Zset>(c.argv[1])?;
    let members = &c.argv[2..];
    c.out.array(members.len());
    for member in members {
        f(c.out, zset.and_then(|zset| zset.score(member)).map(place_of));
    }
    Ok(())
}
