//! Wrong files: real ones with bytes changed, cut and put together, and streams of the format's atoms by chance.

use super::data::Bytes;
use super::formats::{self, listpack, ziplist};
use tabdis::base::rng::Rng;
use tabdis::rdb::crc64::crc64;

/// Bytes that mean something somewhere in the format.
const TELLING: [u8; 24] = [
    0, 1, 2, 3, 4, 9, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xBF, 0xC0, 0xC3, 0xE0, 0xF0, 0xF4, 0xF5, 0xFA, 0xFB, 0xFC, 0xFE,
    0xFF, 24,
];

/// Returns `bytes` with one to four changes; some put a part of `other` into it.
pub fn spoil(rng: &mut Rng, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut wrong = bytes.to_vec();
    for _ in 0..=rng.below(4) {
        if wrong.is_empty() {
            wrong.push(rng.u64() as u8);
        }
        let (at, count) = (rng.below(wrong.len()), 1 + rng.below(9));
        let end = (at + count).min(wrong.len());
        match rng.below(12) {
            0 | 1 => wrong[at] = TELLING[rng.below(TELLING.len())],
            2 | 3 => wrong[at] ^= 1 << rng.below(8),
            4 => wrong[at] = wrong[at].wrapping_add([1, 255][rng.below(2)]),
            5 => drop(wrong.drain(at..end)),
            6 => drop(wrong.splice(at..at, (0..count).map(|_| rng.u64() as u8))),
            7 => {
                let again = wrong[at..end].repeat(1 + rng.below(3));
                wrong.splice(at..at, again);
            }
            8 if rng.below(4) == 0 => wrong.truncate(at),
            9 if !other.is_empty() => {
                // A part of the other, as long as a value or as the rest.
                let from = rng.below(other.len());
                let most = [other.len() - from, 60][rng.below(2)].min(other.len() - from);
                let part = other[from..from + most].to_vec();
                wrong.splice(at..end, part);
            }
            10 => number(rng, &mut wrong, at),
            _ => wrong[at..end].reverse(),
        }
    }
    wrong
}

/// Writes a number of four or eight bytes over those at `at`, as lengths and counts are.
fn number(rng: &mut Rng, bytes: &mut [u8], at: usize) {
    let n = [0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, u64::MAX, 1 << 63, bytes.len() as u64, rng.u64()][rng.below(8)];
    let n = [n.to_le_bytes(), n.to_be_bytes()][rng.below(2)];
    let count = [2, 4, 8][rng.below(3)].min(bytes.len() - at);
    bytes[at..at + count].copy_from_slice(&n[..count]);
}

/// Ends a file in the checksum that is right for it, or in one that is not looked at.
pub fn with_checksum(rng: &mut Rng, mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len().saturating_sub(8));
    let sum = if rng.below(2) == 0 { 0 } else { crc64(&file) };
    file.extend_from_slice(&sum.to_le_bytes());
    file
}

/// Returns a file made of marks, types and values by chance, some of which lie about what follows.
pub fn by_chance(rng: &mut Rng) -> Vec<u8> {
    let known = formats::all();
    let version = [6, 7, 9, 10, 11, 12, 80][rng.below(7)];
    let mut file = formats::Format::head(version);
    // A few: what is wrong ends the file, so that little behind it would be looked at.
    for _ in 0..=rng.below(6) {
        file = match rng.below(14) {
            0 => file.raw(&[0xFE, rng.below(18) as u8]),
            1 => length(rng, file.raw(&[0xFB])).raw(&[rng.below(9) as u8]),
            2 => file.raw(&[0xFA]).string(&text(rng)).string(&text(rng)),
            3 => file.raw(&[0xFC]).raw(&(rng.u64() >> rng.below(64)).to_le_bytes()),
            4 => file.raw(&[0xFD]).raw(&(rng.u64() as u32).to_le_bytes()),
            5 => length(rng, file.raw(&[0xF8])),
            6 => file.raw(&[0xF9, rng.u64() as u8]),
            7 => file.raw(&[0xF5]).string(format!("#!lua name=n{}\n", rng.u64() >> rng.below(64)).as_bytes()),
            8 => file.raw(&[[0xF4, 0xF5, 0xF6, 0xF7, 0xF3][rng.below(5)]]).string(&text(rng)),
            9 | 10 => {
                // A value that is right, under a name of its own.
                let format = &known[rng.below(known.len())];
                file.raw(&[format.code]).string(&text(rng)).raw(&format.bytes)
            }
            _ => {
                let file = file.raw(&[rng.below(27) as u8]).string(&text(rng));
                value(rng, file)
            }
        };
    }
    with_checksum(rng, file.raw(&[0xFF]).raw(&[0; 8]).0)
}

/// Adds what may be a value, of some type.
fn value(rng: &mut Rng, mut file: Bytes) -> Bytes {
    if rng.below(3) > 0 {
        file = length(rng, file);
    }
    for _ in 0..rng.below(7) {
        file = match rng.below(7) {
            0 => file.raw(&rng.u64().to_le_bytes()),
            1 => file.raw(&f64::to_le_bytes([0.0, -1.5, f64::NAN, f64::INFINITY][rng.below(4)])),
            2 => length(rng, file),
            3 => file.string(&compact(rng)),
            4 => lzf(rng, file),
            _ => file.string(&text(rng)),
        };
    }
    file
}

/// Adds a length: mostly a small one.
fn length(rng: &mut Rng, file: Bytes) -> Bytes {
    match rng.below(8) {
        0 => file.raw(&[0x40 | rng.below(64) as u8, rng.u64() as u8]),
        1 => file.raw(&[0x80]).raw(&(rng.u64() as u32 >> rng.below(32)).to_be_bytes()),
        2 => file.raw(&[0x81]).raw(&(rng.u64() >> rng.below(64)).to_be_bytes()),
        _ => file.raw(&[rng.below(5) as u8]),
    }
}

/// Adds a compressed string: references upon references, which make much of little, and a length that may be true.
fn lzf(rng: &mut Rng, file: Bytes) -> Bytes {
    let (mut packed, mut len) = (vec![0, rng.u64() as u8], 1u64);
    for _ in 0..[3, 3_000][rng.below(2)] {
        packed.extend_from_slice(&[0xE0, 0xFF, 0]);
        len += 264;
    }
    if rng.below(4) == 0 {
        len = rng.u64() >> rng.below(64);
    }
    let number = |n: u64| [&[0x81][..], &n.to_be_bytes()].concat();
    file.raw(&[0xC3]).raw(&number(packed.len() as u64)).raw(&number(len)).raw(&packed)
}

/// A compact list, or something like it.
fn compact(rng: &mut Rng) -> Vec<u8> {
    let words = ["a", "b", "1", "2", "0", "127", "-5", "3.5", "nan", "inf", "", "300", "field", "1-1"];
    let elements: Vec<&str> = (0..rng.below(10)).map(|_| words[rng.below(words.len())]).collect();
    let raw = if rng.below(3) == 0 { ziplist(&elements) } else { listpack(&elements) };
    if rng.below(2) == 0 { raw } else { spoil(rng, &raw, b"") }
}

fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => format!("k{}", rng.below(50)).into_bytes(),
        1 => rng.below(1_000).to_string().into_bytes(),
        2 => (0..rng.below(20)).map(|_| rng.u64() as u8).collect(),
        _ => format!("{:x}", rng.u64()).into_bytes(),
    }
}
