//! Places on the earth as numbers of 52 bits that lie near each other when the places do; distances; and the nine cells that
//! cover an area.
//!
//! A place is halved 26 times by longitude and latitude in turn, each time keeping a bit: a *geohash*. Cells of fewer halvings
//! are runs of such numbers. Latitudes end where the Mercator projection makes the earth a square (EPSG:3857).

use std::ops::Range;

pub const LATITUDE_MAX: f64 = 85.051_128_78;
pub const LONGITUDE_MAX: f64 = 180.0;
/// The radius of the earth in meters, as Redis has it.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Half of the equator in the Mercator projection, meters.
const MERCATOR_MAX: f64 = 20_037_726.37;
/// Halvings by longitude, and by latitude.
const STEPS: u32 = 26;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub lon: f64,
    pub lat: f64,
}

impl Place {
    /// Whether it can be hashed.
    pub fn is_valid(self) -> bool {
        self.lon.abs() <= LONGITUDE_MAX && self.lat.abs() <= LATITUDE_MAX
    }

    /// Its geohash of 52 bits.
    pub fn hash(self) -> u64 {
        Cell::at(self, STEPS, LATITUDE_MAX).bits()
    }

    /// The middle of the smallest cell with this geohash. Any number has one: what is beyond the earth is moved to its edge.
    pub fn of_hash(hash: u64) -> Place {
        let cell = Cell { x: every_second(hash >> 1), y: every_second(hash), steps: STEPS };
        let edges = cell.edges();
        let middle = |a: f64, b: f64, most: f64| ((a + b) / 2.0).clamp(-most, most);
        Place {
            lon: middle(edges.min.lon, edges.max.lon, LONGITUDE_MAX),
            lat: middle(edges.min.lat, edges.max.lat, LATITUDE_MAX),
        }
    }

    /// Its name of 11 letters in the geohash system (geohash.org), whose latitudes go to the poles. The last letter is always
    /// 0: there are not enough bits for it.
    pub fn name(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::at(self, STEPS, 90.0).bits();
        let mut name = [b'0'; 11];
        for (n, letter) in name[..10].iter_mut().enumerate() {
            *letter = LETTERS[(bits >> (52 - (n + 1) * 5) & 31) as usize];
        }
        name
    }

    /// How far it is to another one, in meters, on a sphere (haversine).
    pub fn distance(self, other: Place) -> f64 {
        let v = ((other.lon.to_radians() - self.lon.to_radians()) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance(self.lat, other.lat);
        }
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let u = ((lat2 - lat1) / 2.0).sin();
        let a = u * u + lat1.cos() * lat2.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }
}

fn latitude_distance(a: f64, b: f64) -> f64 {
    EARTH_RADIUS * (b.to_radians() - a.to_radians()).abs()
}

/// What is searched, sizes in meters.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A shape round a place.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub center: Place,
    pub shape: Shape,
}

impl Area {
    /// The distance of `place` from the middle if it is inside.
    pub fn distance_inside(&self, place: Place) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => Some(self.center.distance(place)).filter(|distance| *distance <= radius),
            Shape::Box { width, height } => {
                if latitude_distance(place.lat, self.center.lat) > height / 2.0 {
                    return None;
                }
                // The width is measured at the latitude of the place.
                let beside = Place { lon: self.center.lon, lat: place.lat };
                (place.distance(beside) <= width / 2.0).then(|| self.center.distance(place))
            }
        }
    }

    /// The geohashes of up to nine cells that cover it: its own, then those round it, as far as they are needed.
    pub fn ranges(&self) -> Vec<Range<u64>> {
        let bounds = self.bounds();
        let mut steps = steps_for(self.reach(), self.center.lat);
        let cell = Cell::at(self.center, steps, LATITUDE_MAX);
        if steps > 1 && !cell.reaches(&bounds) {
            steps -= 1;
        }
        let cell = Cell::at(self.center, steps, LATITUDE_MAX);
        let edges = cell.edges();
        let needed = |dx: i32, dy: i32| {
            steps < 2
                || !(dy < 0 && edges.min.lat < bounds.min.lat
                    || dy > 0 && edges.max.lat > bounds.max.lat
                    || dx < 0 && edges.min.lon < bounds.min.lon
                    || dx > 0 && edges.max.lon > bounds.max.lon)
        };
        const ROUND: [(i32, i32); 9] = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut ranges: Vec<Range<u64>> = Vec::with_capacity(9);
        for (dx, dy) in ROUND.into_iter().filter(|(dx, dy)| needed(*dx, *dy)) {
            let range = cell.beside(dx, dy).range();
            // Where cells are as large as half the earth, those on both sides are the same.
            if !ranges.contains(&range) {
                ranges.push(range);
            }
        }
        ranges
    }

    /// How far from the middle it goes.
    fn reach(&self) -> f64 {
        match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => ((width / 2.0).powi(2) + (height / 2.0).powi(2)).sqrt(),
        }
    }

    /// The longitudes and latitudes it lies between.
    fn bounds(&self) -> Edges {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let Place { lon, lat } = self.center;
        let dlat = (height / EARTH_RADIUS).to_degrees();
        // It is widest where it is nearest to a pole.
        let widest = if lat < 0.0 { lat - dlat } else { lat + dlat };
        let dlon = (width / EARTH_RADIUS / widest.to_radians().cos()).to_degrees();
        Edges { min: Place { lon: lon - dlon, lat: lat - dlat }, max: Place { lon: lon + dlon, lat: lat + dlat } }
    }
}

/// How many halvings make cells of which nine surely cover what is so many meters away.
fn steps_for(mut meters: f64, lat: f64) -> u32 {
    if meters == 0.0 {
        return STEPS;
    }
    let mut steps = 1;
    while meters < MERCATOR_MAX && steps < 60 {
        meters *= 2.0;
        steps += 1;
    }
    // Two less for what is near the edge of its cell, one or two more where the meridians come together.
    steps -= 2 + i32::from(lat.abs() > 66.0) + i32::from(lat.abs() > 80.0);
    steps.clamp(1, STEPS as i32) as u32
}

struct Edges {
    min: Place,
    max: Place,
}

/// The cell that is left after so many halvings.
#[derive(Clone, Copy)]
struct Cell {
    x: u32,
    y: u32,
    steps: u32,
}

impl Cell {
    /// The cell of a place, with latitudes up to `lat_max`.
    fn at(place: Place, steps: u32, lat_max: f64) -> Cell {
        let part = |degrees: f64, most: f64| ((degrees + most) / (most * 2.0) * (1u64 << steps) as f64) as u32;
        Cell { x: part(place.lon, LONGITUDE_MAX), y: part(place.lat, lat_max), steps }
    }

    fn bits(self) -> u64 {
        spread(self.y) | spread(self.x) << 1
    }

    /// The geohashes of 52 bits inside.
    fn range(self) -> Range<u64> {
        let shift = 52 - self.steps * 2;
        self.bits() << shift..(self.bits() + 1) << shift
    }

    fn edges(self) -> Edges {
        let edge = |n: f64, most: f64| -most + n / (1u64 << self.steps) as f64 * (most * 2.0);
        let corner = |x: f64, y: f64| Place { lon: edge(x, LONGITUDE_MAX), lat: edge(y, LATITUDE_MAX) };
        let (x, y) = (f64::from(self.x), f64::from(self.y));
        Edges { min: corner(x, y), max: corner(x + 1.0, y + 1.0) }
    }

    /// The cell so many to the east and north; round the earth, and over its edges too. A place on the very edge (180°) is in a
    /// cell beyond the last, and is only found there.
    fn beside(self, dx: i32, dy: i32) -> Cell {
        let last = ((1u64 << self.steps) - 1) as u32;
        let moved = |n: u32, by: i32| if by == 0 { n } else { n.wrapping_add_signed(by) & last };
        Cell { x: moved(self.x, dx), y: moved(self.y, dy), ..self }
    }

    /// Whether the cells beside it go as far as `bounds`.
    fn reaches(self, bounds: &Edges) -> bool {
        self.beside(0, 1).edges().max.lat >= bounds.max.lat
            && self.beside(0, -1).edges().min.lat <= bounds.min.lat
            && self.beside(1, 0).edges().max.lon >= bounds.max.lon
            && self.beside(-1, 0).edges().min.lon <= bounds.min.lon
    }
}

/// Masks and shifts that move bits apart and together, the halves first.
const MASKS: [(u32, u64); 5] = [
    (16, 0x0000_FFFF_0000_FFFF),
    (8, 0x00FF_00FF_00FF_00FF),
    (4, 0x0F0F_0F0F_0F0F_0F0F),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

/// Puts a zero before every bit.
fn spread(n: u32) -> u64 {
    MASKS.iter().fold(u64::from(n), |n, (shift, mask)| (n | n << shift) & mask)
}

/// Takes every second bit away, beginning with the second.
fn every_second(n: u64) -> u32 {
    let start = n & MASKS[4].1;
    let joined = MASKS.iter().rev().fold(start, |n, (shift, mask)| {
        let n = n & mask;
        n | n >> shift
    });
    joined as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn place(rng: &mut Rng) -> Place {
        Place { lon: rng.f64() * 360.0 - 180.0, lat: (rng.f64() * 2.0 - 1.0) * LATITUDE_MAX }
    }

    #[test]
    fn known_places() {
        let palermo = Place { lon: 13.361389, lat: 38.115556 };
        let catania = Place { lon: 15.087269, lat: 37.502669 };
        assert_eq!(palermo.hash(), 3_479_099_956_230_698);
        let [a, b] = [palermo, catania].map(|place| Place::of_hash(place.hash()));
        assert_eq!(&a.name(), b"sqc8b49rny0");
        assert_eq!(format!("{:.4}", a.distance(b)), "166274.1516");
    }

    #[test]
    fn a_place_on_the_edge_of_the_earth_is_found_from_itself() {
        let center = Place { lon: LONGITUDE_MAX, lat: 38.7105 };
        let area = Area { center, shape: Shape::Circle { radius: 100.0 } };
        assert!(area.ranges().iter().any(|range| range.contains(&center.hash())));
    }

    #[test]
    fn bits_go_apart_and_together() {
        let mut rng = Rng::new(1);
        for _ in 0..1_000 {
            let (x, y) = (rng.u64() as u32, rng.u64() as u32);
            let bits = spread(y) | spread(x) << 1;
            assert_eq!((every_second(bits >> 1), every_second(bits)), (x, y));
        }
    }

    #[test]
    fn cells_cover_the_area() {
        let mut rng = Rng::new(2);
        for _ in 0..20_000 {
            let center = place(&mut rng);
            let size = 10f64.powf(rng.f64() * 7.3);
            let shape = match rng.below(2) {
                0 => Shape::Circle { radius: size },
                _ => Shape::Box { width: size * rng.f64(), height: size * rng.f64() },
            };
            let area = Area { center, shape };
            let ranges = area.ranges();
            assert!(!ranges.is_empty() && ranges.len() <= 9);
            // Near the middle, so that many are inside.
            let near =
                |rng: &mut Rng, at: f64, most: f64| (at + (rng.f64() - 0.5) * size / 40_000.0).clamp(-most, most);
            for _ in 0..20 {
                let other = Place {
                    lon: near(&mut rng, center.lon, LONGITUDE_MAX),
                    lat: near(&mut rng, center.lat, LATITUDE_MAX),
                };
                let hash = other.hash();
                let inside = area.distance_inside(Place::of_hash(hash)).is_some();
                // Redis forgets places beyond the date line and the poles' edges, and so must this.
                let whole = area.bounds().min.is_valid() && area.bounds().max.is_valid();
                if inside && whole && size < 5_000_000.0 {
                    assert!(ranges.iter().any(|range| range.contains(&hash)), "{area:?} {other:?}");
                }
            }
        }
    }
}
