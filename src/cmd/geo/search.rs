//! Members in an area: GEOSEARCH, and GEORADIUS, which is older.

use super::options::{Form, Options, Sort, parse};
use super::place_of;
use crate::base::num::fmt_f64;
use crate::ds::geo::{Area, Place};
use crate::ds::zset::{ScoreBound, Zset};
use crate::engine::events::{GENERIC, ZSET};
use crate::engine::value::Object;
use crate::engine::{Ctx, Group, KEY_READ, Outcome, Reply, Row, Ttl, flag};

pub(super) const GEOSEARCH: Row = Row {
    name: "GEOSEARCH",
    group: Group::Geo,
    since: "6.2.0",
    arity: -7,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members that lie in a circle or a box round a place or another member, with their distances, geohashes and places if asked for.",
    complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape",
    syntax: "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    ts: "(key: Key, ...args: Arg[]): Reply[]",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEOADD Sicily 12.758489 38.788135 edge1 17.241510 38.788135 edge2\n(integer) 2\n> GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC\n1) \"Catania\"\n2) \"Palermo\"\n> GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 1 WITHCOORD WITHDIST\n1) 1) \"Catania\"\n   2) \"56.4413\"\n   3) 1) \"15.08726745843887329\"\n      2) \"37.50266842333162032\"",
    run: |c| find(c, Form::Search, true),
    ..Row::NONE
};

pub(super) const GEOSEARCHSTORE: Row = Row {
    name: "GEOSEARCHSTORE",
    arity: -8,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[OW,UPDATE]; idx:2/range:last=0,step=1,limit=0[RO,ACCESS]",
    summary: "Stores the members that GEOSEARCH would return as another sorted set, with their geohashes or distances as scores. Returns how many there are.",
    syntax: "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
    ts: "(destination: Key, source: Key, ...args: Arg[]): number",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEOSEARCHSTORE near Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 3\n(integer) 2\n> GEOSEARCH near FROMLONLAT 15 37 BYBOX 400 400 km ASC\n1) \"Catania\"\n2) \"Palermo\"\n> GEOSEARCHSTORE far Sicily FROMLONLAT 15 37 BYRADIUS 1 m\n(integer) 0",
    run: |c| find(c, Form::SearchStore, false),
    ..GEOSEARCH
};

pub(super) const GEORADIUS: Row = Row {
    name: "GEORADIUS",
    since: "3.2.0",
    arity: -6,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]; kw:STORE@6/range:last=0,step=1,limit=0[OW,UPDATE]; kw:STOREDIST@6/range:last=0,step=1,limit=0[OW,UPDATE]",
    summary: "Returns, or stores, the members that lie in a circle round a place. GEOSEARCH and GEOSEARCHSTORE are newer.",
    syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE destkey | STOREDIST destkey]",
    ts: "(key: Key, longitude: number, latitude: number, radius: number, unit: 'M' | 'KM' | 'FT' | 'MI', ...options: Arg[]): Reply",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEORADIUS Sicily 15 37 200 km WITHDIST\n1) 1) \"Palermo\"\n   2) \"190.4424\"\n2) 1) \"Catania\"\n   2) \"56.4413\"\n> GEORADIUS Sicily 15 37 100 km STOREDIST near\n(integer) 1",
    run: |c| find(c, Form::Radius, false),
    ..GEOSEARCH
};

pub(super) const GEORADIUS_RO: Row = Row {
    name: "GEORADIUS_RO",
    since: "3.2.10",
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members that lie in a circle round a place, as GEORADIUS does; it stores nothing.",
    syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
    example: "> GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEORADIUS_RO Sicily 15 37 200 km COUNT 1\n1) \"Catania\"",
    run: |c| find(c, Form::Radius, true),
    ..GEORADIUS
};

pub(super) const GEORADIUSBYMEMBER: Row = Row {
    name: "GEORADIUSBYMEMBER",
    since: "3.2.0",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]; kw:STORE@5/range:last=0,step=1,limit=0[OW,UPDATE]; kw:STOREDIST@5/range:last=0,step=1,limit=0[OW,UPDATE]",
    summary: "Returns, or stores, the members that lie in a circle round a member, itself included. GEOSEARCH and GEOSEARCHSTORE are newer.",
    syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE destkey | STOREDIST destkey]",
    ts: "(key: Key, member: Value, radius: number, unit: 'M' | 'KM' | 'FT' | 'MI', ...options: Arg[]): Reply",
    example: "> GEOADD Sicily 13.583333 37.316667 Agrigento 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 3\n> GEORADIUSBYMEMBER Sicily Agrigento 100 km\n1) \"Agrigento\"\n2) \"Palermo\"",
    run: |c| find(c, Form::RadiusByMember, false),
    ..GEOSEARCH
};

pub(super) const GEORADIUSBYMEMBER_RO: Row = Row {
    name: "GEORADIUSBYMEMBER_RO",
    since: "3.2.10",
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the members that lie in a circle round a member, as GEORADIUSBYMEMBER does; it stores nothing.",
    syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
    example: "> GEOADD Sicily 13.583333 37.316667 Agrigento 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 3\n> GEORADIUSBYMEMBER_RO Sicily Agrigento 100 km DESC\n1) \"Palermo\"\n2) \"Agrigento\"",
    run: |c| find(c, Form::RadiusByMember, true),
    ..GEORADIUSBYMEMBER
};

/// A member in the area.
struct Found {
    member: Vec<u8>,
    score: f64,
    place: Place,
    /// From the middle, in the unit that was asked for.
    distance: f64,
}

fn find(c: &mut Ctx, form: Form, read_only: bool) -> Outcome {
    let from = c.argv[if form == Form::SearchStore { 2 } else { 1 }];
    let options = parse(c, form, from, read_only)?;
    let zset = c.ks.look::<Zset>(from)?;
    let mut found = match (zset, &options.area) {
        (Some(zset), Some(area)) => members_in(zset, area, &options),
        _ => Vec::new(),
    };
    match options.sort {
        None => {}
        Some(Sort::Ascending) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(Sort::Descending) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
    }
    found.truncate(options.count.unwrap_or(usize::MAX));
    match options.store {
        Some(to) => store(c, to, &found, form, options.store_dist),
        None => reply(c.out, &found, &options),
    }
    Ok(())
}

/// Returns the members in `area`, cell by cell and in each by their geohash; with ANY, no more than are wanted.
fn members_in(zset: &Zset, area: &Area, options: &Options) -> Vec<Found> {
    let most = if options.any { options.count.unwrap_or(usize::MAX) } else { usize::MAX };
    let mut found = Vec::new();
    for cell in area.ranges() {
        let rank = |hash: u64| zset.count_below(ScoreBound::Before(hash as f64));
        for (member, score) in zset.range(rank(cell.start)..rank(cell.end)) {
            let place = place_of(score);
            let Some(meters) = area.distance_inside(place) else { continue };
            found.push(Found { member: member.to_vec(), score, place, distance: meters / options.unit });
            if found.len() >= most {
                return found;
            }
        }
    }
    found
}

fn reply(out: &mut Reply, found: &[Found], options: &Options) {
    let details = [options.with_dist, options.with_hash, options.with_coord].into_iter().filter(|with| *with).count();
    out.array(found.len());
    for one in found {
        if details > 0 {
            out.array(details + 1);
        }
        out.bulk(&one.member);
        if options.with_dist {
            out.bulk(format!("{:.4}", one.distance).as_bytes());
        }
        if options.with_hash {
            out.int(one.score as i64);
        }
        if options.with_coord {
            out.array(2);
            out.human_double(one.place.lon);
            out.human_double(one.place.lat);
        }
    }
}

/// Stores what was found. It is logged as what it came to, because sines need not be the same everywhere.
fn store(c: &mut Ctx, to: &[u8], found: &[Found], form: Form, distances: bool) {
    let (limits, seed) = (c.ks.limits.zset, c.ks.seed);
    let there = c.ks.delete(to);
    if there {
        c.instead(&[b"DEL", to]);
    }
    if !found.is_empty() {
        let mut zset = Zset::new();
        zset.reserve(found.len(), &limits, seed);
        let mut words = vec![b"ZADD".to_vec(), to.to_vec()];
        for one in found {
            let score = if distances { one.distance } else { one.score };
            zset.set(&one.member, score, &limits, seed);
            words.extend([fmt_f64(score, &mut [0; 40]).to_vec(), one.member.clone()]);
        }
        c.ks.set_object(to, Object::Zset(zset), Ttl::Clear);
        c.instead(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        c.ks.changed(to, ZSET, if form == Form::SearchStore { "geosearchstore" } else { "georadiusstore" });
        c.ks.dirty += found.len() as u64 - 1;
    } else if there {
        c.ks.changed(to, GENERIC, "del");
    }
    c.out.len(found.len());
}
