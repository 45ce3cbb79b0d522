//! Strings as rows of bits, the first bit being the highest one of the first byte: counting, finding, fields, combining.

use std::ops::Range;

/// Whether bit `at` is set; those beyond the end are not.
pub fn get(bytes: &[u8], at: u64) -> bool {
    usize::try_from(at / 8).ok().and_then(|n| bytes.get(n)).is_some_and(|byte| byte & mask(at) != 0)
}

/// Sets bit `at`, which is within the bytes, to `on`. Returns what it was.
pub fn set(bytes: &mut [u8], at: u64, on: bool) -> bool {
    let byte = &mut bytes[(at / 8) as usize];
    let old = *byte & mask(at) != 0;
    *byte = if on { *byte | mask(at) } else { *byte & !mask(at) };
    old
}

fn mask(at: u64) -> u8 {
    0x80 >> (at % 8)
}

/// How many bits are set.
pub fn count(bytes: &[u8]) -> u64 {
    // The instruction is missing from the least machine that programs are made for, but from hardly any in use.
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has the instruction.
        return unsafe { count_by_instruction(bytes) };
    }
    count_words(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn count_by_instruction(bytes: &[u8]) -> u64 {
    count_words(bytes)
}

#[inline(always)]
fn count_words(bytes: &[u8]) -> u64 {
    // Four sums at once do not wait for each other.
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut sums = [0u64; 4];
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum += u64::from(u64::from_ne_bytes(*word).count_ones());
        }
    }
    sums.iter().sum::<u64>() + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// How many bits are set in `range`, which is within the bytes.
pub fn count_in(bytes: &[u8], range: Range<u64>) -> u64 {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = ((range.start / 8) as usize, ((range.end - 1) / 8) as usize);
    let before = u64::from((bytes[first] & !(0xFF >> (range.start % 8))).count_ones());
    let behind = u64::from((bytes[last] & low_bits(range.end)).count_ones());
    count(&bytes[first..=last]) - before - behind
}

/// The bits of a byte that come after the end of a range.
fn low_bits(end: u64) -> u8 {
    match end % 8 {
        0 => 0,
        used => 0xFF >> used,
    }
}

/// The first bit in `range`, which is within the bytes, that is `on`.
pub fn first(bytes: &[u8], range: Range<u64>, on: bool) -> Option<u64> {
    let mut at = range.start;
    while at < range.end && !at.is_multiple_of(8) {
        if get(bytes, at) == on {
            return Some(at);
        }
        at += 1;
    }
    if at >= range.end {
        return None;
    }
    let whole = &bytes[(at / 8) as usize..range.end.div_ceil(8) as usize];
    at += first_of_whole(whole, on)?;
    (at < range.end).then_some(at)
}

fn first_of_whole(bytes: &[u8], on: bool) -> Option<u64> {
    let (words, rest) = bytes.as_chunks::<8>();
    let skip = if on { 0 } else { u64::MAX };
    if let Some(n) = words.iter().position(|word| u64::from_ne_bytes(*word) != skip) {
        return Some(n as u64 * 64 + u64::from((u64::from_be_bytes(words[n]) ^ skip).leading_zeros()));
    }
    let n = rest.iter().position(|byte| *byte != skip as u8)?;
    Some((words.len() * 64 + n * 8) as u64 + u64::from((rest[n] ^ skip as u8).leading_zeros()))
}

/// The number in the `width` bits (1 to 64) from bit `at` on; bits beyond the end count as zero.
pub fn field(bytes: &[u8], at: u64, width: u32) -> u64 {
    let start = usize::try_from(at / 8).unwrap_or(usize::MAX).min(bytes.len());
    let here = &bytes[start..bytes.len().min(start + 9)];
    let mut window = [0u8; 16];
    window[..here.len()].copy_from_slice(here);
    (u128::from_be_bytes(window) << (at % 8) >> (128 - width)) as u64
}

/// Writes the lowest `width` bits (1 to 64) of `value` from bit `at` on, all within the bytes.
pub fn set_field(bytes: &mut [u8], at: u64, width: u32, value: u64) {
    let start = (at / 8) as usize;
    let end = bytes.len().min(start + 9);
    let here = &mut bytes[start..end];
    let mut window = [0u8; 16];
    window[..here.len()].copy_from_slice(here);
    let shift = 128 - width - (at % 8) as u32;
    let ones = (u128::MAX >> (128 - width)) << shift;
    let filled = u128::from_be_bytes(window) & !ones | (u128::from(value) << shift) & ones;
    here.copy_from_slice(&filled.to_be_bytes()[..here.len()]);
}

/// What [`combine`] can do. X is the first source, Y are the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    And,
    Or,
    Xor,
    /// Only of one source.
    Not,
    /// Set in X and in no Y.
    Diff,
    /// Set in some Y and not in X.
    Diff1,
    /// Set in X and in some Y.
    AndOr,
    /// Set in exactly one source.
    One,
}

/// Writes what `op` makes of the sources into `out`, which is zero and as long as the longest; the others count as filled with
/// zeros.
pub fn combine(op: Op, sources: &[&[u8]], out: &mut [u8]) {
    let Some((first, others)) = sources.split_first() else { return };
    match op {
        Op::Diff1 | Op::AndOr => {
            others.iter().for_each(|source| zip(out, source, |a, b| a | b));
            if op == Op::AndOr {
                keep_common(out, first);
            } else {
                zip(out, first, |a, b| a & !b);
            }
        }
        Op::One => {
            let mut twice = vec![0; out.len()];
            for source in sources {
                for ((one, twice), byte) in out.iter_mut().zip(&mut twice).zip(*source) {
                    *twice |= *one & byte;
                    *one |= byte;
                }
            }
            zip(out, &twice, |a, b| a & !b);
        }
        _ => {
            out[..first.len()].copy_from_slice(first);
            match op {
                Op::And => others.iter().for_each(|source| keep_common(out, source)),
                Op::Or => others.iter().for_each(|source| zip(out, source, |a, b| a | b)),
                Op::Xor => others.iter().for_each(|source| zip(out, source, |a, b| a ^ b)),
                Op::Not => out.iter_mut().for_each(|byte| *byte = !*byte),
                _ => others.iter().for_each(|source| zip(out, source, |a, b| a & !b)),
            }
        }
    }
}

fn keep_common(out: &mut [u8], source: &[u8]) {
    zip(out, source, |a, b| a & b);
    out[source.len()..].fill(0);
}

/// A plain loop over bytes, of which the compiler makes one over the widest words there are.
#[inline(always)]
fn zip(out: &mut [u8], source: &[u8], f: impl Fn(u8, u8) -> u8) {
    out.iter_mut().zip(source).for_each(|(a, b)| *a = f(*a, *b));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
        let dense = rng.below(3);
        (0..rng.below(most + 1))
            .map(|_| [rng.u64() as u8, 0, 0xFF][if rng.below(9) == 0 { 0 } else { dense }])
            .collect()
    }

    #[test]
    fn counting_and_finding_agree_with_looking_at_every_bit() {
        let mut rng = Rng::new(7);
        for _ in 0..3_000 {
            let bytes = bytes(&mut rng, 120);
            let bits = bytes.len() as u64 * 8;
            let (a, b) = (rng.below(bits as usize + 1) as u64, rng.below(bits as usize + 1) as u64);
            let range = a.min(b)..a.max(b);
            assert_eq!(count(&bytes), (0..bits).filter(|at| get(&bytes, *at)).count() as u64);
            assert_eq!(count_in(&bytes, range.clone()), range.clone().filter(|at| get(&bytes, *at)).count() as u64);
            for on in [false, true] {
                assert_eq!(first(&bytes, range.clone(), on), range.clone().find(|at| get(&bytes, *at) == on));
            }
        }
    }

    #[test]
    fn fields_are_rows_of_bits() {
        let mut rng = Rng::new(8);
        for _ in 0..3_000 {
            let mut bytes = bytes(&mut rng, 40);
            let width = 1 + rng.below(64) as u32;
            let at = rng.below(400) as u64;
            let want = (0..u64::from(width)).fold(0, |n, bit| n << 1 | u64::from(get(&bytes, at + bit)));
            assert_eq!(field(&bytes, at, width), want);
            bytes.resize(60, 0xAA);
            let (before, value) = (bytes.clone(), rng.u64());
            set_field(&mut bytes, at, width, value);
            for bit in 0..480 {
                let inside = (at..at + u64::from(width)).contains(&bit);
                let want = if inside { value >> (at + u64::from(width) - 1 - bit) & 1 == 1 } else { get(&before, bit) };
                assert_eq!(get(&bytes, bit), want);
            }
        }
    }

    #[test]
    fn combinations_are_those_of_single_bits() {
        let mut rng = Rng::new(9);
        for op in [Op::And, Op::Or, Op::Xor, Op::Not, Op::Diff, Op::Diff1, Op::AndOr, Op::One] {
            for _ in 0..300 {
                let count = if op == Op::Not { 1 } else { 1 + rng.below(5) };
                let sources: Vec<Vec<u8>> = (0..count).map(|_| bytes(&mut rng, 40)).collect();
                let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
                let mut out = vec![0; sources.iter().map(|s| s.len()).max().unwrap()];
                combine(op, &sources, &mut out);
                for at in 0..out.len() as u64 * 8 {
                    let set: Vec<bool> = sources.iter().map(|s| get(s, at)).collect();
                    let (x, y) = (set[0], set[1..].contains(&true));
                    let ones = set.iter().filter(|on| **on).count();
                    let want = match op {
                        Op::And => ones == set.len(),
                        Op::Or => ones > 0,
                        Op::Xor => ones % 2 == 1,
                        Op::Not => !x,
                        Op::Diff => x && !y,
                        Op::Diff1 => y && !x,
                        Op::AndOr => x && y,
                        Op::One => ones == 1,
                    };
                    assert_eq!(get(&out, at), want, "{op:?} at {at}");
                }
            }
        }
    }
}
