//! HyperLogLog: how many different elements were added, estimated from a string of at most 12 KB in Redis's own byte format.
//!
//! A head of 16 bytes (`HYLL`, the encoding, three bytes unused, the last estimate with its highest bit set when it is out of
//! date), then 16384 registers: of six bits each, the lowest bits of the first byte first (*dense*), or as runs (*sparse*, see
//! [`sparse`]). An element's hash chooses a register by its lowest 14 bits; the register keeps the longest row of zeros that
//! the other bits began with, plus one.

mod estimate;
mod murmur;
mod sparse;

use sparse::Set;

/// How many registers there are.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 14;
/// Bits of a hash that choose no register.
const COUNT_BITS: u32 = 64 - INDEX_BITS;
const HEAD: usize = 16;
const DENSE_LEN: usize = HEAD + REGISTERS * 6 / 8;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// The bytes after the head are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// All registers, a byte each.
pub type Registers = [u8; REGISTERS];

/// Returns one that nothing was added to: sparse, with the estimate 0.
pub fn new() -> Vec<u8> {
    let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    sparse::put_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Whether the head is one, and the length right if it is dense.
pub fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() >= HEAD
        && bytes.starts_with(b"HYLL")
        && match bytes[4] {
            DENSE => bytes.len() == DENSE_LEN,
            encoding => encoding == SPARSE,
        }
}

/// Whether the registers are runs.
pub fn is_sparse(bytes: &[u8]) -> bool {
    bytes[4] == SPARSE
}

/// Adds an element. Returns whether a register changed. Fails, with nothing changed, where the runs make no sense. Sparse ones
/// that would become longer than `sparse_max` bytes become dense.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
    let hash = murmur::hash(element);
    let index = hash as usize % REGISTERS;
    // The bit that is added ends the longest row of zeros there can be.
    let count = 1 + (hash >> INDEX_BITS | 1 << COUNT_BITS).trailing_zeros();
    raise(bytes, index, count as u8, sparse_max)
}

/// Makes register `index` at least `count`, as [`add`] does.
pub fn raise(bytes: &mut Vec<u8>, index: usize, count: u8, sparse_max: usize) -> Result<bool, Corrupt> {
    if is_sparse(bytes) {
        match sparse::raise(bytes, index, count, sparse_max)? {
            Set::No => return Ok(false),
            Set::Yes => {
                invalidate(bytes);
                return Ok(true);
            }
            Set::DoesNotFit => to_dense(bytes)?,
        }
    }
    Ok(raise_dense(&mut bytes[HEAD..], index, count))
}

fn raise_dense(registers: &mut [u8], index: usize, count: u8) -> bool {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    // The last register ends with the last byte.
    let next = registers.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([registers[at], next]);
    if (pair >> shift & 63) as u8 >= count {
        return false;
    }
    let [low, high] = (pair & !(63 << shift) | u16::from(count) << shift).to_le_bytes();
    registers[at] = low;
    if let Some(next) = registers.get_mut(at + 1) {
        *next = high;
    }
    true
}

/// Makes it dense. Fails where the runs make no sense.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    if !is_sparse(bytes) {
        return Ok(());
    }
    let mut dense = vec![0; DENSE_LEN];
    dense[..HEAD].copy_from_slice(&bytes[..HEAD]);
    dense[4] = DENSE;
    sparse::values(&bytes[HEAD..], |index, len, value| {
        (index..index + len).for_each(|index| _ = raise_dense(&mut dense[HEAD..], index, value));
    })?;
    *bytes = dense;
    Ok(())
}

/// Raises `registers` to those of `bytes` that are higher. Fails where the runs make no sense.
pub fn merge(registers: &mut Registers, bytes: &[u8]) -> Result<(), Corrupt> {
    if is_sparse(bytes) {
        return sparse::values(&bytes[HEAD..], |index, len, value| {
            registers[index..index + len].iter_mut().for_each(|register| *register = value.max(*register));
        });
    }
    let (fours, _) = registers.as_chunks_mut::<4>();
    for (four, values) in fours.iter_mut().zip(unpacked(bytes)) {
        four.iter_mut().zip(values).for_each(|(register, value)| *register = value.max(*register));
    }
    Ok(())
}

/// The registers of a dense one, four at a time: so many are three bytes.
fn unpacked(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let (threes, _) = bytes[HEAD..].as_chunks::<3>();
    threes.iter().map(|[a, b, c]| [a & 63, a >> 6 | b << 2 & 63, b >> 4 | c << 4 & 63, c >> 2])
}

/// Estimates how many different elements were added. Fails where the runs make no sense.
pub fn count(bytes: &[u8]) -> Result<i64, Corrupt> {
    let mut histogram = [0; 64];
    if is_sparse(bytes) {
        sparse::histogram(&bytes[HEAD..], &mut histogram)?;
    } else {
        unpacked(bytes).flatten().for_each(|value| histogram[usize::from(value)] += 1);
    }
    Ok(estimate::cardinality(&histogram))
}

/// Estimates how many different elements the registers stand for.
pub fn count_registers(registers: &Registers) -> i64 {
    let mut histogram = [0; 64];
    registers.iter().for_each(|value| histogram[usize::from(value & 63)] += 1);
    estimate::cardinality(&histogram)
}

/// The last estimate, unless something changed since.
pub fn cached(bytes: &[u8]) -> Option<i64> {
    let cached = i64::from_le_bytes(*bytes[8..].first_chunk()?);
    (cached >= 0).then_some(cached)
}

/// Remembers an estimate.
pub fn remember(bytes: &mut [u8], count: i64) {
    bytes[8..HEAD].copy_from_slice(&count.to_le_bytes());
}

/// Says that the estimate is out of date.
pub fn invalidate(bytes: &mut [u8]) {
    bytes[15] |= 0x80;
}

/// The runs in words: `z:` and `Z:` zeros in one and two bytes, `v:value,length`.
pub fn describe_runs(bytes: &[u8]) -> String {
    sparse::describe(&bytes[HEAD..])
}

/// Tries dense and sparse ones on elements of its own. Fails with what went wrong.
pub fn self_test() -> Result<(), String> {
    let (mut dense, mut sparse) = (new(), new());
    to_dense(&mut dense).map_err(|_| "an empty one is corrupt")?;
    let mut next_check = 1;
    for n in 1u32..=10_000 {
        let element = n.to_le_bytes();
        for bytes in [&mut dense, &mut sparse] {
            add(bytes, &element, 3000).map_err(|_| "one that was just made is corrupt")?;
        }
        if n == next_check {
            next_check *= 10;
            let (a, b) = (count(&dense), count(&sparse));
            if a != b {
                return Err(format!("dense/sparse disagree: {a:?} {b:?} at {n}"));
            }
            // Four times the standard error, and some more where there are few.
            let most = (f64::from(n) * 4.0 * 1.04 / 128.0).ceil() + 1.0;
            let error = (a.unwrap_or(0) - i64::from(n)).unsigned_abs() as f64;
            if error > most {
                return Err(format!("Too big error. card:{n} abserr:{error}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn it_finds_nothing_wrong_with_itself() {
        assert_eq!(self_test(), Ok(()));
    }

    #[test]
    fn sparse_dense_and_plain_registers_are_the_same() {
        let mut rng = Rng::new(3);
        for round in 0..40 {
            let (mut sparse, mut dense, mut registers) = (new(), new(), [0; REGISTERS]);
            to_dense(&mut dense).unwrap();
            for n in 0..rng.below(2_000) {
                // Neighbours, so that runs meet, split and join; at times too high for a run.
                let index = (rng.below(200) + 500 * (round % 30)) % REGISTERS;
                let count = 1 + rng.below(if n % 500 == 499 { 51 } else { 4 }) as u8;
                let new = registers[index] < count;
                registers[index] = registers[index].max(count);
                assert_eq!(raise(&mut sparse, index, count, 1 << (8 + round % 8)), Ok(new));
                assert_eq!(raise(&mut dense, index, count, 0), Ok(new));
            }
            for bytes in [&sparse, &dense] {
                assert!(is_valid(bytes));
                let mut got = [0; REGISTERS];
                merge(&mut got, bytes).unwrap();
                assert!(got == registers);
                assert_eq!(count(bytes), Ok(count_registers(&registers)));
            }
            to_dense(&mut sparse).unwrap();
            assert_eq!(sparse[HEAD..], dense[HEAD..]);
        }
    }

    #[test]
    fn no_bytes_do_any_harm() {
        let mut rng = Rng::new(4);
        for _ in 0..3_000 {
            let mut bytes = new();
            (0..rng.below(300)).for_each(|n| _ = add(&mut bytes, &n.to_le_bytes(), 3000));
            for _ in 0..1 + rng.below(4) {
                let at = HEAD + rng.below(bytes.len() - HEAD);
                bytes[at] = rng.u64() as u8;
            }
            if rng.below(3) == 0 {
                bytes.truncate(HEAD + rng.below(bytes.len() - HEAD));
            }
            let ok = count(&bytes);
            let _ = merge(&mut [0; REGISTERS], &bytes);
            describe_runs(&bytes);
            for _ in 0..20 {
                let before = bytes.clone();
                if add(&mut bytes, &rng.u64().to_le_bytes(), 400).is_err() {
                    assert_eq!(bytes, before);
                }
            }
            assert!(ok.is_err() || to_dense(&mut bytes).is_ok() || bytes.len() > HEAD);
        }
    }
}
