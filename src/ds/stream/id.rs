//! The id of a stream's entry: a time and a number within it.

use crate::base::num::{NumBuf, fmt_u64};

/// An entry's id; ids only grow within a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Milliseconds since the epoch, or whatever the client counts.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

/// Room for the text of any id.
pub type IdBuf = [u8; 41];

impl Id {
    /// The smallest one, which no entry has.
    pub const MIN: Id = Id { ms: 0, seq: 0 };
    /// The largest one.
    pub const MAX: Id = Id { ms: u64::MAX, seq: u64::MAX };

    /// Returns an id.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Id { ms, seq }
    }

    /// Returns the one that follows, or `None` behind the last.
    pub fn next(self) -> Option<Id> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(Id::new(self.ms, seq)),
            (None, Some(ms)) => Some(Id::new(ms, 0)),
            (None, None) => None,
        }
    }

    /// Returns the one before, or `None` before the first.
    pub fn prev(self) -> Option<Id> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(Id::new(self.ms, seq)),
            (None, Some(ms)) => Some(Id::new(ms, u64::MAX)),
            (None, None) => None,
        }
    }

    /// Returns the 16 bytes that RDB carries, and by which Redis orders nodes and pending entries.
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// Returns the id that is in 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Id::new((both >> 64) as u64, both as u64)
    }

    /// Returns the text `ms-seq`, written to `buf`.
    #[inline]
    pub fn text(self, buf: &mut IdBuf) -> &[u8] {
        let mut part: NumBuf = [0; 40];
        let ms = fmt_u64(self.ms, &mut part);
        let at = ms.len();
        buf[..at].copy_from_slice(ms);
        buf[at] = b'-';
        let seq = fmt_u64(self.seq, &mut part);
        let end = at + 1 + seq.len();
        buf[at + 1..end].copy_from_slice(seq);
        &buf[..end]
    }

    /// Returns a copy of the text `ms-seq`.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut [0; 41]).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_each_other() {
        assert_eq!(Id::new(1, u64::MAX).next(), Some(Id::new(2, 0)));
        assert_eq!(Id::new(2, 0).prev(), Some(Id::new(1, u64::MAX)));
        assert_eq!((Id::MAX.next(), Id::MIN.prev()), (None, None));
        for id in [Id::MIN, Id::MAX, Id::new(5, 7)] {
            assert_eq!(Id::from_bytes(id.to_bytes()), id);
        }
        assert_eq!(Id::MAX.to_vec(), b"18446744073709551615-18446744073709551615");
        assert_eq!(Id::new(1526919030474, 55).to_vec(), b"1526919030474-55");
    }
}
