//! The last part of the feed, for those who have missed some of it.

use std::collections::VecDeque;

/// The bytes before [`Backlog::end`], as many as fit.
#[derive(Debug, Default)]
pub struct Backlog {
    bytes: VecDeque<u8>,
    end: u64,
    most: usize,
}

impl Backlog {
    /// An empty one that ends at `end` and holds `most` bytes, and more if they come at once.
    pub fn new(end: u64, most: usize) -> Self {
        Backlog { bytes: VecDeque::new(), end, most }
    }

    /// The offset behind its last byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The offset of its first byte.
    pub fn begin(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// Appends what follows.
    pub fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        let over = (self.bytes.len() + bytes.len()).saturating_sub(self.most);
        // What comes at once can be asked for at once, however much it is.
        self.bytes.drain(..over.min(self.bytes.len()));
        self.bytes.extend(bytes);
    }

    /// At most `most` bytes from `offset` on. Nothing if they are not all here.
    pub fn from(&self, offset: u64, most: usize) -> Option<Vec<u8>> {
        let skip = offset.checked_sub(self.begin())? as usize;
        (offset <= self.end).then(|| self.bytes.range(skip..).take(most).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_last_bytes() {
        let mut backlog = Backlog::new(100, 10);
        assert_eq!((backlog.from(100, 9), backlog.from(99, 9), backlog.from(101, 9)), (Some(vec![]), None, None));
        for n in 0..30 {
            backlog.push(&[n]);
        }
        assert_eq!((backlog.begin(), backlog.end()), (120, 130));
        assert_eq!(backlog.from(128, 9), Some(vec![28, 29]));
        assert_eq!(backlog.from(120, 3), Some(vec![20, 21, 22]));
        assert_eq!(backlog.from(119, 3), None);
        backlog.push(&[7; 50]);
        assert_eq!(backlog.from(130, 99), Some(vec![7; 50]));
    }
}
