//! Places on the earth: sorted sets whose scores are geohashes.

mod add;
mod options;
mod read;
mod search;

use crate::base::num::parse_f64;
use crate::ds::geo::Place;
use crate::engine::{Args, Error, Row};

/// The family.
pub const ROWS: &[Row] = &[
    add::GEOADD,
    read::GEODIST,
    read::GEOHASH,
    read::GEOPOS,
    search::GEORADIUS,
    search::GEORADIUS_RO,
    search::GEORADIUSBYMEMBER,
    search::GEORADIUSBYMEMBER_RO,
    search::GEOSEARCH,
    search::GEOSEARCHSTORE,
];

/// Takes a longitude and a latitude. Fails if they are no numbers, or no place that has a geohash.
fn place(args: &mut Args) -> Result<Place, Error> {
    let place = Place { lon: args.float()?, lat: args.float()? };
    if place.is_valid() {
        return Ok(place);
    }
    Err(Error::new(format!("ERR invalid longitude,latitude pair {:.6},{:.6}", place.lon, place.lat)))
}

/// Returns how many meters the unit `arg` is.
fn unit(arg: &[u8]) -> Result<f64, Error> {
    match &*arg.to_ascii_lowercase() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(Error::GeoUnit),
    }
}

/// Takes a number. Fails with `error` if it is none.
fn number(args: &mut Args, error: Error) -> Result<f64, Error> {
    parse_f64(args.next()?).ok_or(error)
}

/// The place a score stands for. Scores that are no geohashes stand for what the processors of most servers make of them.
fn place_of(score: f64) -> Place {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    // Conversions that do not fit give the smallest number there.
    let signed = |score: f64| if (-HALF..HALF).contains(&score) { score as i64 } else { i64::MIN } as u64;
    Place::of_hash(if score < HALF { signed(score) } else { signed(score - HALF) ^ 1 << 63 })
}
