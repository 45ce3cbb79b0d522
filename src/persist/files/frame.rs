//! The form of segments: a head that says what the segment follows, then frames, each of which is a transaction.
//!
//! A frame is a head, a directory and the values. The directory is RESP commands, `DEL from to` and `SET key length`, so that it
//! can learn more words. Each of the three has a checksum, that of the head also says where it belongs: when a store is opened
//! the values need not be read. All numbers are little endian.

use super::super::{Batch, Key};
use crate::base::num::parse_u64;
use crate::rdb::crc64::Crc64;
use crate::resp::{encode, parse};
use std::ops::Range;

/// `tabdis`, a letter and the version of this form; then the numbers of [`SegmentHead`] and a checksum.
pub(super) const SEGMENT_HEAD: usize = 8 + 4 * 8 + 8;
/// The same for [`Frame`]: `first`, `synced`, lengths and checksums of directory and values; then a checksum of all that.
pub(super) const FRAME_HEAD: usize = 8 + 6 * 8 + 8;
const SEGMENT_MAGIC: [u8; 8] = *b"tabdisS1";
pub(super) const FRAME_MAGIC: [u8; 8] = *b"tabdisT1";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub(super) number: u32,
    /// The segment before it, 0 for none, and how many bytes of that count. They were all on the disk before this was written.
    pub(super) previous: u32,
    pub(super) length: u64,
    /// The oldest segment that counts.
    pub(super) first: u32,
}

/// Why bytes are no head of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// It is of a later version.
    Newer(u64),
    /// It was not written completely, or not like this.
    Malformed,
}

impl SegmentHead {
    pub(super) fn encode(&self, crc: &Crc64) -> Vec<u8> {
        let numbers = [self.number.into(), self.previous.into(), self.length, self.first.into()];
        let mut out = words(SEGMENT_MAGIC, &numbers);
        let sum = crc.update(0, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads the head of segment `number` from the beginning of its bytes.
    pub(super) fn decode(crc: &Crc64, number: u32, bytes: &[u8]) -> Result<Self, HeadError> {
        if let [magic @ .., version @ b'2'..=b'9'] = bytes.get(..8).unwrap_or_default()
            && *magic == SEGMENT_MAGIC[..7]
        {
            return Err(HeadError::Newer((version - b'0').into()));
        }
        let head = || {
            let (head, _) = bytes.split_at_checked(SEGMENT_HEAD)?;
            let about = head.strip_prefix(&SEGMENT_MAGIC)?;
            let [own, previous, length, first] = [0, 1, 2, 3].map(|n| word(about, n));
            let whole = crc.update(0, &head[..SEGMENT_HEAD - 8]) == word(about, 4) && own == u64::from(number);
            let [previous, first] = [previous, first].map(u32::try_from);
            whole.then_some(SegmentHead { number, previous: previous.ok()?, length, first: first.ok()? })
        };
        head().ok_or(HeadError::Malformed)
    }
}

/// A frame, but for its values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) at: u64,
    /// The oldest segment that counts.
    pub(super) first: u32,
    /// How many bytes of the segment were on the disk when this was written. So a frame below that was not torn by a crash.
    pub(super) synced: u64,
    pub(super) changes: Vec<Change>,
    pub(super) values: Range<u64>,
    /// The checksum of the values.
    pub(super) sum: u64,
}

/// What a frame does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Delete(Range<Key>),
    /// The value of this length is the next of the frame's values.
    Put(Key, u64),
}

/// Where a frame is to be, and what it says besides its changes.
pub(super) struct About {
    pub(super) segment: u32,
    pub(super) at: u64,
    pub(super) first: u32,
    pub(super) synced: u64,
}

/// Returns the head and the directory of the frame that does what `batch` says. The values follow it.
pub(super) fn encode(crc: &Crc64, about: &About, batch: &Batch) -> Vec<u8> {
    let mut directory = Vec::new();
    for range in batch.deletes.iter().filter(|range| range.start < range.end) {
        let [start, end] = [range.start, range.end].map(|key| key.to_string());
        encode::command(&mut directory, &[b"DEL", start.as_bytes(), end.as_bytes()]);
    }
    let (mut len, mut sum) = (0, 0);
    for (key, value) in &batch.puts {
        encode::command(&mut directory, &[b"SET", key.to_string().as_bytes(), value.len().to_string().as_bytes()]);
        len += value.len() as u64;
        sum = crc.update(sum, value);
    }
    let sums = [crc.update(0, &directory), sum];
    let mut out =
        words(FRAME_MAGIC, &[about.first.into(), about.synced, directory.len() as u64, len, sums[0], sums[1]]);
    let sum = checksum(crc, about.segment, about.at, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out.append(&mut directory);
    out
}

/// Returns the lengths of the directory and of the values of the frame at `at` of `segment` that begins with `head`. Returns
/// `None` if there was none written.
pub(super) fn lengths(crc: &Crc64, segment: u32, at: u64, head: &[u8]) -> Option<(u64, u64)> {
    let head = head.get(..FRAME_HEAD)?;
    let about = head.strip_prefix(&FRAME_MAGIC)?;
    let whole = checksum(crc, segment, at, &head[..FRAME_HEAD - 8]) == word(about, 6);
    whole.then_some((word(about, 2), word(about, 3)))
}

/// Reads the frame at `at` of `segment`, whose head and directory are `bytes`. Returns `None` if there was none written.
pub(super) fn decode(crc: &Crc64, segment: u32, at: u64, bytes: &[u8]) -> Option<Frame> {
    let (_, len) = lengths(crc, segment, at, bytes)?;
    let (head, directory) = bytes.split_at_checked(FRAME_HEAD)?;
    let about = &head[8..];
    if directory.len() as u64 != word(about, 2) || crc.update(0, directory) != word(about, 4) {
        return None;
    }
    let from = at + bytes.len() as u64;
    Some(Frame {
        at,
        first: word(about, 0).try_into().ok()?,
        synced: word(about, 1),
        changes: changes(directory, len)?,
        values: from..from.checked_add(len)?,
        sum: word(about, 5),
    })
}

/// Reads a directory, of values of `len` bytes in all.
fn changes(directory: &[u8], len: u64) -> Option<Vec<Change>> {
    let (mut changes, mut sum) = (Vec::new(), 0u64);
    let taken = parse::commands(directory, |argv| {
        let key = |n: usize| match std::str::from_utf8(argv[n]).map_err(|_| None)? {
            "~" => Ok(Key::End),
            name => Key::parse(name).ok_or(None),
        };
        changes.push(match argv {
            [b"DEL", _, _] => Change::Delete(key(1)?..key(2)?),
            [b"SET", _, len] => {
                let len = parse_u64(len).ok_or(None)?;
                sum = sum.checked_add(len).ok_or(None)?;
                Change::Put(key(1)?, len)
            }
            _ => return Err(None),
        });
        Ok(())
    });
    let taken: Result<usize, Option<parse::ProtocolError>> = taken;
    (taken == Ok(directory.len()) && sum == len).then_some(changes)
}

/// The checksum of a frame's head in its place.
fn checksum(crc: &Crc64, segment: u32, at: u64, head: &[u8]) -> u64 {
    crc.update(crc.update(0, &words(FRAME_MAGIC, &[segment.into(), at])), head)
}

fn words(magic: [u8; 8], numbers: &[u64]) -> Vec<u8> {
    let mut out = magic.to_vec();
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    out
}

/// The `n`th number of `bytes`; 0 if there are not so many.
fn word(bytes: &[u8], n: usize) -> u64 {
    bytes.as_chunks::<8>().0.get(n).map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_of_a_segment_is_read_only_whole_and_in_its_place() {
        let crc = Crc64::default();
        let head = SegmentHead { number: 7, previous: 5, length: 1 << 33, first: 2 };
        let bytes = head.encode(&crc);
        assert_eq!((bytes.len(), SegmentHead::decode(&crc, 7, &bytes)), (SEGMENT_HEAD, Ok(head)));
        assert_eq!(SegmentHead::decode(&crc, 8, &bytes), Err(HeadError::Malformed));
        for at in 0..bytes.len() {
            assert_eq!(SegmentHead::decode(&crc, 7, &bytes[..at]), Err(HeadError::Malformed));
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x80;
            assert_eq!(SegmentHead::decode(&crc, 7, &wrong), Err(HeadError::Malformed));
        }
        assert_eq!(SegmentHead::decode(&crc, 7, b"tabdisS2"), Err(HeadError::Newer(2)));
    }

    #[test]
    fn a_frame_is_read_only_whole_and_in_its_place() {
        let crc = Crc64::default();
        let batch = Batch {
            deletes: vec![Key::Log(3)..Key::Log(3), Key::ALL],
            puts: vec![(Key::Log(4), b"abc".to_vec()), (Key::Epoch, Vec::new())],
            ..Batch::default()
        };
        let bytes = encode(&crc, &About { segment: 7, at: 100, first: 3, synced: 90 }, &batch);
        let frame = decode(&crc, 7, 100, &bytes).expect("it is as it was written");
        let changes = [Change::Delete(Key::ALL), Change::Put(Key::Log(4), 3), Change::Put(Key::Epoch, 0)];
        assert_eq!((frame.first, frame.synced, &frame.changes[..]), (3, 90, &changes[..]));
        assert_eq!(frame.values, 100 + bytes.len() as u64..103 + bytes.len() as u64);
        assert_eq!(lengths(&crc, 7, 100, &bytes), Some((bytes.len() as u64 - FRAME_HEAD as u64, 3)));
        assert_eq!((decode(&crc, 8, 100, &bytes), decode(&crc, 7, 101, &bytes)), (None, None));
        for at in 0..bytes.len() {
            assert_eq!(decode(&crc, 7, 100, &bytes[..at]), None);
            let mut wrong = bytes.clone();
            wrong[at] ^= 4;
            assert_eq!(decode(&crc, 7, 100, &wrong), None);
        }
    }
}
