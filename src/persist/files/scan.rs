//! Opening: finds the segments that count, reads their directories, and tells a torn end from damage.

use super::frame::{self, FRAME_HEAD, FRAME_MAGIC, Frame, HeadError, SEGMENT_HEAD, SegmentHead};
use super::index::Index;
use super::{FileError, Files, Refusal, name, number};
use crate::rdb::crc64::Crc64;

/// Bytes that are read at once.
const WINDOW: usize = 256 << 10;

/// What was found in a folder.
#[derive(Default)]
pub(super) struct Found {
    pub(super) index: Index,
    /// The newest segment that counts: its number, how long its file is, and how much of that counts. `None`: there is nothing.
    pub(super) newest: Option<(u32, u64, u64)>,
    /// The oldest segment that counts.
    pub(super) first: u32,
    /// The highest number that a segment, or the beginning of one, has.
    pub(super) last: u32,
    /// Bytes behind the last whole frame.
    pub(super) torn: u64,
    /// Segments that do not count: emptied ones, and beginnings.
    pub(super) strays: Vec<u32>,
}

/// Reads what is in `files`, of the segments below `end`. Changes nothing.
pub(super) async fn scan<F: Files>(files: &F, crc: &Crc64, end: u32) -> Result<Found, Refusal> {
    let mut sizes: Vec<(u32, u64)> =
        files.list().await?.iter().filter_map(|(name, size)| Some((number(name)?, *size))).collect();
    sizes.retain(|(number, _)| *number < end);
    sizes.sort_unstable();
    let mut found = Found { last: sizes.last().map_or(0, |(number, _)| *number), ..Found::default() };
    let mut newest = None;
    for &(number, size) in sizes.iter().rev() {
        newest = Segment::open(files, crc, number, size).await?;
        if newest.is_some() {
            break;
        }
    }
    let mut chain = Vec::new();
    if let Some(mut newest) = newest {
        let (frames, length) = newest.tail().await?;
        found.first = frames.iter().map(|frame| frame.first).fold(newest.head.first, u32::max);
        found.torn = newest.size - length;
        found.newest = Some((newest.head.number, newest.size, length));
        chain = older(files, crc, &sizes, &newest.head, found.first).await?;
        for segment in chain.iter_mut().rev() {
            segment.all(&mut found.index).await?;
        }
        found.index.extend(newest.head.number, length);
        frames.iter().for_each(|frame| found.index.apply(newest.head.number, frame));
        chain.insert(0, newest);
    }
    let counts = |number| chain.iter().any(|segment| segment.head.number == number);
    found.strays = sizes.iter().map(|(number, _)| *number).filter(|number| !counts(*number)).collect();
    Ok(found)
}

/// Opens the segments before `newest` down to `first`, each as long as the one after it says.
async fn older<'a, F: Files>(
    files: &'a F,
    crc: &'a Crc64,
    sizes: &[(u32, u64)],
    newest: &SegmentHead,
    first: u32,
) -> Result<Vec<Segment<'a, F>>, Refusal> {
    let mut chain: Vec<Segment<'a, F>> = Vec::new();
    let mut head = *newest;
    while head.number > first {
        let (number, length) = (head.previous, head.length);
        // Numbers fall, so this ends.
        let size = sizes.iter().find(|(found, _)| *found == number && number < head.number).map(|(_, size)| *size);
        let size = size.ok_or_else(|| damaged(number, 0, "the segment is missing"))?;
        if size < length {
            return Err(damaged(number, size, "the segment is shorter than it was"));
        }
        let segment = Segment::open(files, crc, number, length).await?;
        let segment = segment.ok_or_else(|| damaged(number, 0, "its head is not what was written"))?;
        head = segment.head;
        chain.push(segment);
    }
    Ok(chain)
}

fn damaged(segment: u32, at: u64, what: &str) -> Refusal {
    Refusal::Damaged(format!("{} at {at}: {what}", name(segment)))
}

/// A segment that is being read.
struct Segment<'a, F> {
    files: &'a F,
    crc: &'a Crc64,
    head: SegmentHead,
    /// How far to read.
    size: u64,
    /// Bytes of the file, and from where on.
    window: Vec<u8>,
    from: u64,
}

impl<'a, F: Files> Segment<'a, F> {
    /// Reads the head. Returns `None` if the segment was only begun.
    async fn open(files: &'a F, crc: &'a Crc64, number: u32, size: u64) -> Result<Option<Self>, Refusal> {
        let head = SegmentHead { number, previous: 0, length: 0, first: 0 };
        let mut segment = Segment { files, crc, head, size, window: Vec::new(), from: 0 };
        match SegmentHead::decode(crc, number, segment.bytes(0, SEGMENT_HEAD as u64).await?) {
            Ok(head) => Ok(Some(Segment { head, ..segment })),
            Err(HeadError::Newer(version)) => Err(Refusal::Newer(version)),
            // The head is on the disk before anything follows it.
            Err(HeadError::Malformed) if size <= SEGMENT_HEAD as u64 => Ok(None),
            Err(HeadError::Malformed) => Err(damaged(number, 0, "its head is not what was written")),
        }
    }

    /// Returns `len` bytes from `at` on; fewer at the end.
    async fn bytes(&mut self, at: u64, len: u64) -> Result<&[u8], FileError> {
        let end = at.saturating_add(len).min(self.size);
        if at < self.from || end > self.from + self.window.len() as u64 {
            let most = (end.saturating_sub(at) as usize).max(WINDOW);
            self.window = self.files.read(&name(self.head.number), at, most).await?;
            self.from = at;
        }
        let start = (at - self.from) as usize;
        let end = (end.saturating_sub(self.from) as usize).clamp(start, self.window.len().max(start));
        Ok(self.window.get(start..end).unwrap_or_default())
    }

    /// Returns the frame at `at`, if there is one whose head and directory are whole.
    async fn frame(&mut self, at: u64) -> Result<Option<Frame>, Refusal> {
        let (crc, number) = (self.crc, self.head.number);
        let head = self.bytes(at, FRAME_HEAD as u64).await?;
        let Some((directory, values)) = frame::lengths(crc, number, at, head) else { return Ok(None) };
        let len = (FRAME_HEAD as u64).saturating_add(directory);
        if at.saturating_add(len).saturating_add(values) > self.size {
            return Ok(None);
        }
        Ok(frame::decode(crc, number, at, self.bytes(at, len).await?))
    }

    /// Applies all frames to `index`. Fails if they are not what was written.
    async fn all(&mut self, index: &mut Index) -> Result<(), Refusal> {
        let (number, mut at) = (self.head.number, SEGMENT_HEAD as u64);
        while at < self.size {
            let frame =
                self.frame(at).await?.ok_or_else(|| damaged(number, at, "the frame is not what was written"))?;
            index.apply(number, &frame);
            at = frame.values.end;
        }
        index.extend(number, self.size);
        Ok(())
    }

    /// Returns the frames of the newest segment that were written completely, and where they end. Fails if one that is not had
    /// been on the disk.
    async fn tail(&mut self) -> Result<(Vec<Frame>, u64), Refusal> {
        let (mut frames, mut at) = (Vec::new(), SEGMENT_HEAD as u64);
        while at < self.size {
            let Some(frame) = self.frame(at).await? else { break };
            at = frame.values.end;
            frames.push(frame);
        }
        let synced = frames.iter().map(|frame| frame.synced).max().unwrap_or(0);
        if at < self.size && self.synced_behind(at).await?.max(synced) > at {
            return Err(damaged(self.head.number, at, "the frame is not what was written"));
        }
        // Below, the storage promises the values that were written; what they are is the reader's to check.
        let unsure = frames.iter().position(|frame| frame.values.end > synced).unwrap_or(frames.len());
        for n in unsure..frames.len() {
            if !self.is_whole(&frames[n]).await? {
                at = frames[n].at;
                frames.truncate(n);
                break;
            }
        }
        Ok((frames, at))
    }

    /// What the frames behind a broken one at `at` say was on the disk when they were written.
    async fn synced_behind(&mut self, at: u64) -> Result<u64, Refusal> {
        let (mut from, mut synced) = (at + 1, 0);
        while from < self.size {
            let bytes = self.bytes(from, WINDOW as u64).await?;
            let begins = bytes.windows(FRAME_MAGIC.len()).enumerate().filter(|(_, bytes)| *bytes == FRAME_MAGIC);
            let begins: Vec<u64> = begins.map(|(n, _)| from + n as u64).collect();
            // The magic may be cut by the end of the window.
            from += (bytes.len() as u64).saturating_sub(FRAME_MAGIC.len() as u64 - 1).max(1);
            for begin in begins {
                synced = self.frame(begin).await?.map_or(0, |frame| frame.synced).max(synced);
            }
        }
        Ok(synced)
    }

    /// Whether the values are those that were written.
    async fn is_whole(&mut self, frame: &Frame) -> Result<bool, FileError> {
        let (crc, mut sum, mut at) = (self.crc, 0, frame.values.start);
        while at < frame.values.end {
            let bytes = self.bytes(at, (frame.values.end - at).min(WINDOW as u64)).await?;
            if bytes.is_empty() {
                return Ok(false);
            }
            sum = crc.update(sum, bytes);
            at += bytes.len() as u64;
        }
        Ok(sum == frame.sum)
    }
}
