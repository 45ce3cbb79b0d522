//! LZF, the compression of long strings in RDB files: literals and references to what came at most 8 KB before.
//!
//! The format: a control byte below 32 says that so many bytes plus one follow as they are. Any other has the length less two
//! of a reference in its upper three bits (7: the next byte is added), and the distance less one in its lower five and one
//! byte more.

/// Longest reference, farthest reference, longest run of literals.
const MAX_LEN: usize = 264;
const MAX_DISTANCE: usize = 1 << 13;
const MAX_LITERALS: usize = 32;
/// Three bytes of reference give at most [`MAX_LEN`]: more than this no input can be made into.
const MAX_RATIO: usize = MAX_LEN / 3;
const HASH_BITS: u32 = 13;

/// Where three bytes were seen last. Kept from string to string: what it says of an earlier one is noticed.
pub struct Compressor(Box<[u32]>);

impl Default for Compressor {
    fn default() -> Self {
        Compressor(vec![0; 1 << HASH_BITS].into())
    }
}

impl Compressor {
    /// Appends `input`, compressed, to `out`, and returns true; or leaves `out` alone unless that saves more than `margin` bytes.
    pub fn compress(&mut self, input: &[u8], out: &mut Vec<u8>, margin: usize) -> bool {
        let start = out.len();
        let Some(most) = input.len().checked_sub(margin + 1) else { return false };
        let (mut at, mut literals) = (0, 0);
        while at + 3 <= input.len() {
            let seen = std::mem::replace(&mut self.0[slot(&input[at..])], at as u32) as usize;
            let near = seen < at && at - seen <= MAX_DISTANCE;
            if !near || input[seen..seen + 3] != input[at..at + 3] {
                at += 1;
                continue;
            }
            let len = 3 + same(&input[seen + 3..], &input[at + 3..], MAX_LEN - 3);
            put_literals(out, &input[literals..at]);
            put_reference(out, at - seen, len);
            if out.len() - start > most {
                break;
            }
            // The last places of the match are worth remembering: what follows it often follows it again.
            for near_end in at + len - 2..at + len {
                if near_end + 3 <= input.len() {
                    self.0[slot(&input[near_end..])] = near_end as u32;
                }
            }
            at += len;
            literals = at;
        }
        put_literals(out, &input[literals..]);
        let pays = out.len() - start <= most;
        if !pays {
            out.truncate(start);
        }
        pays
    }
}

/// Where the table keeps the three bytes that start `bytes`.
fn slot(bytes: &[u8]) -> usize {
    let three = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    (three.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

/// How many bytes two slices have in common at their start, at most `max`.
fn same(a: &[u8], b: &[u8], max: usize) -> usize {
    a.iter().zip(b).take(max).take_while(|(a, b)| a == b).count()
}

fn put_literals(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(MAX_LITERALS) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn put_reference(out: &mut Vec<u8>, distance: usize, len: usize) {
    let (far, len) = (distance - 1, len - 2);
    out.push((len.min(7) << 5 | far >> 8) as u8);
    if len >= 7 {
        out.push((len - 7) as u8);
    }
    out.push(far as u8);
}

/// Returns the `len` bytes that `input` was made from, or `None` if it was not.
pub fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len / MAX_RATIO > input.len() {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = input;
    while let [control, tail @ ..] = rest {
        let control = *control as usize;
        if control < MAX_LITERALS {
            let (run, after) = tail.split_at_checked(control + 1)?;
            out.extend_from_slice(run);
            rest = after;
        } else {
            let (more, tail) = if control >> 5 == 7 { tail.split_first()? } else { (&0, tail) };
            let (near, after) = tail.split_first()?;
            let count = (control >> 5) + 2 + *more as usize;
            let from = out.len().checked_sub(((control & 31) << 8 | *near as usize) + 1)?;
            copy_within(&mut out, from, count);
            rest = after;
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Appends `count` bytes that start at `from`. They may be among those being appended.
fn copy_within(out: &mut Vec<u8>, from: usize, count: usize) {
    if from + count <= out.len() {
        out.extend_from_within(from..from + count);
    } else {
        for at in from..from + count {
            out.push(out[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// Text that compresses more or less well.
    fn text(rng: &mut Rng) -> Vec<u8> {
        let (size, kinds) = (rng.below(3), rng.below(3));
        let len = rng.below([40, 500, 30_000][size]);
        let letters = 1 + rng.below([2, 5, 256][kinds]);
        let mut out: Vec<u8> = Vec::new();
        while out.len() < len {
            if out.is_empty() || rng.below(3) > 0 {
                out.extend((0..=rng.below(9)).map(|_| rng.below(letters) as u8));
            } else {
                let from = rng.below(out.len());
                let count = rng.below(400).min(out.len() - from);
                out.extend_from_within(from..from + count);
            }
        }
        out
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let (mut rng, mut lzf, mut paid) = (Rng::new(3), Compressor::default(), 0);
        for _ in 0..2_000 {
            let (text, mut out) = (text(&mut rng), b"before".to_vec());
            if lzf.compress(&text, &mut out, 4) {
                assert!(out.len() - 6 < text.len() - 4);
                assert_eq!(decompress(&out[6..], text.len()).as_ref(), Some(&text));
                assert_eq!(decompress(&out[6..], text.len() + 1), None);
                paid += 1;
            } else {
                assert_eq!(out, b"before");
            }
        }
        assert!(paid > 500);
        let mut out = Vec::new();
        assert!(lzf.compress(&[b'a'; 100_000], &mut out, 4) && out.len() < 1_200);
        assert_eq!(decompress(&out, 100_000), Some(vec![b'a'; 100_000]));
    }

    #[test]
    fn any_bytes_end() {
        let mut rng = Rng::new(4);
        for _ in 0..20_000 {
            let input: Vec<u8> = (0..rng.below(40)).map(|_| rng.u64() as u8).collect();
            let len = rng.below(600);
            assert!(decompress(&input, len).is_none_or(|out| out.len() == len));
        }
        assert_eq!(decompress(&[0xE0, 0xFF, 0], usize::MAX), None);
    }
}
