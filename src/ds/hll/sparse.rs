//! Registers as runs of equal ones: `00xxxxxx` is x+1 zeros, `01xxxxxx yyyyyyyy` xy+1 zeros, `1vvvvvxx` x+1 times v+1.
//!
//! Which bytes come out depends on how runs are split and joined, and they are to be those that Redis would have.

use super::{Corrupt, HEAD, REGISTERS};
use std::fmt::Write;

/// The highest value a run can have, the longest such run, and the longest run of zeros in one byte.
const VALUE_MAX: u8 = 32;
const VALUES_MAX: usize = 4;
const SHORT_ZEROS_MAX: usize = 64;

/// What became of an attempt to raise a register.
pub(super) enum Set {
    /// It is as high already.
    No,
    Yes,
    /// A run cannot say it, or the runs would become too long.
    DoesNotFit,
}

/// A run as it stands in the bytes.
#[derive(Clone, Copy)]
struct Run {
    /// 0 for zeros.
    value: u8,
    len: usize,
    /// Bytes.
    size: usize,
}

impl Run {
    /// Reads the run at the start of `bytes`, which are not empty. A second byte that is missing counts as 0.
    fn read(bytes: &[u8]) -> Run {
        let first = bytes[0];
        match first >> 6 {
            0 => Run { value: 0, len: usize::from(first) + 1, size: 1 },
            1 => {
                let second = bytes.get(1).copied().unwrap_or(0);
                Run { value: 0, len: (usize::from(first & 0x3F) << 8 | usize::from(second)) + 1, size: 2 }
            }
            _ => Run { value: (first >> 2 & 0x1F) + 1, len: usize::from(first & 3) + 1, size: 1 },
        }
    }
}

fn runs(mut bytes: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let run = Run::read(bytes);
        bytes = &bytes[run.size.min(bytes.len())..];
        Some(run)
    })
}

/// Appends a run of zeros.
pub(super) fn put_zeros(out: &mut Vec<u8>, len: usize) {
    match len {
        0 => {}
        1..=SHORT_ZEROS_MAX => out.push(len as u8 - 1),
        _ => out.extend_from_slice(&[0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]),
    }
}

fn value_byte(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len as u8 - 1)
}

/// Calls `f` for every run that is not zeros, with its first register, its length and its value. Fails unless the runs are as
/// many registers as there are.
pub(super) fn values(bytes: &[u8], mut f: impl FnMut(usize, usize, u8)) -> Result<(), Corrupt> {
    let mut index = 0;
    for run in runs(bytes) {
        if run.value > 0 {
            if index + run.len > REGISTERS {
                return Err(Corrupt);
            }
            f(index, run.len, run.value);
        }
        index += run.len;
    }
    if index == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Counts the registers of each value. Fails unless the runs are as many registers as there are.
pub(super) fn histogram(bytes: &[u8], histogram: &mut [u32; 64]) -> Result<(), Corrupt> {
    let mut index = 0;
    for run in runs(bytes) {
        index += run.len;
        if index > REGISTERS {
            return Err(Corrupt);
        }
        histogram[usize::from(run.value)] += run.len as u32;
    }
    if index == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// The runs in words.
pub(super) fn describe(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in runs(bytes) {
        let space = if text.is_empty() { "" } else { " " };
        _ = match (run.value, run.size) {
            (0, 1) => write!(text, "{space}z:{}", run.len),
            (0, _) => write!(text, "{space}Z:{}", run.len),
            (value, _) => write!(text, "{space}v:{value},{}", run.len),
        };
    }
    text
}

/// Makes register `index` at least `count`, unless then `bytes`, head included, were longer than `most`. Fails, with nothing
/// changed, if no run has the register.
pub(super) fn raise(bytes: &mut Vec<u8>, index: usize, count: u8, most: usize) -> Result<Set, Corrupt> {
    if count > VALUE_MAX {
        return Ok(Set::DoesNotFit);
    }
    let (mut at, mut first, mut before) = (HEAD, 0, HEAD);
    let run = loop {
        if at >= bytes.len() {
            return Err(Corrupt);
        }
        let run = Run::read(&bytes[at..]);
        if index < first + run.len {
            break run;
        }
        (before, at, first) = (at, at + run.size, first + run.len);
    };
    if run.value >= count {
        return Ok(Set::No);
    }
    if run.len == 1 && run.size == 1 {
        bytes[at] = value_byte(count, 1);
    } else {
        let split = split(run, index - first, count);
        let end = (at + run.size).min(bytes.len());
        if split.len() > run.size && bytes.len() + split.len() - run.size > most {
            return Ok(Set::DoesNotFit);
        }
        bytes.splice(at..end, split);
    }
    join(bytes, before);
    Ok(Set::Yes)
}

/// What stands in the place of `run` when its register at `offset` becomes `count`.
fn split(run: Run, offset: usize, count: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(5);
    let put = |out: &mut Vec<u8>, len: usize| match run.value {
        0 => put_zeros(out, len),
        value if len > 0 => out.push(value_byte(value, len)),
        _ => {}
    };
    put(&mut out, offset);
    out.push(value_byte(count, 1));
    put(&mut out, run.len - offset - 1);
    out
}

/// Joins neighbours of one value, among the five runs from `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        if at >= bytes.len() {
            return;
        }
        let run = Run::read(&bytes[at..]);
        if run.value > 0 && at + 1 < bytes.len() {
            let next = Run::read(&bytes[at + 1..]);
            if next.value == run.value && run.len + next.len <= VALUES_MAX {
                bytes[at] = value_byte(run.value, run.len + next.len);
                bytes.remove(at + 1);
                // What was joined may go on with the next.
                continue;
            }
        }
        at += run.size;
    }
}
