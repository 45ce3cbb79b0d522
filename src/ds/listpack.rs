//! The listpack: a sequence of strings and integers in one allocation, byte for byte as Redis keeps it and RDB carries it.

use crate::base::heap::of_vec;
use crate::base::num::{self, NumBuf};
use std::cmp::Ordering;

/// A sequence of elements in one run of bytes, small enough that walking it beats any index.
///
/// The format (github.com/antirez/listpack): a header of total bytes (u32) and count (u16, 65535 = not known), little
/// endian; the entries; one byte 0xFF. An entry is an encoding byte, its data, and its own size once more, readable from
/// behind. A string that is a canonical integer is kept as an integer, and reads back as the same text.
///
/// A [`Pos`] is good until the next change, except those that the changing method returns.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack(Vec<u8>);

/// One element, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elem<'a> {
    Int(i64),
    Str(&'a [u8]),
}

/// Where an entry starts, as a byte offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pos(u32);

const HEAD: usize = 6;
const END: u8 = 0xFF;
const COUNT_UNKNOWN: u16 = u16::MAX;
/// Bytes of a listpack without entries; what a merge of two saves.
pub const EMPTY_BYTES: usize = HEAD + 1;
/// A listpack grows no larger than this: see [`Listpack::can_add`].
pub const MAX_BYTES: usize = 1 << 30;

impl Listpack {
    /// Returns an empty listpack.
    pub fn new() -> Self {
        Self::with_capacity(EMPTY_BYTES)
    }

    /// Returns an empty listpack with room for `bytes` bytes in all.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut raw = Vec::with_capacity(bytes.max(EMPTY_BYTES));
        raw.extend_from_slice(&[EMPTY_BYTES as u8, 0, 0, 0, 0, 0, END]);
        Listpack(raw)
    }

    /// Returns `raw` as a listpack after looking at every entry, or `None` if anything about it is wrong: sizes, count,
    /// encodings, the sizes read from behind; or if it is too large to grow. What comes from outside enters here only.
    pub fn from_bytes(raw: Vec<u8>) -> Option<Self> {
        let total = u32::from_le_bytes(*raw.first_chunk::<4>()?);
        if !(EMPTY_BYTES..=MAX_BYTES).contains(&raw.len()) || total as usize != raw.len() || raw.last() != Some(&END) {
            return None;
        }
        let (mut at, mut count, end) = (HEAD, 0usize, raw.len() - 1);
        while at < end {
            let (_, size) = parse(&raw[at..end])?;
            let back = backlen_bytes(size);
            let next = at.checked_add(size + back).filter(|next| *next <= end)?;
            if read_backlen(&raw, next)? != (size, back) {
                return None;
            }
            (at, count) = (next, count + 1);
        }
        let header = u16::from_le_bytes([raw[4], raw[5]]);
        (header == COUNT_UNKNOWN || header as usize == count).then_some(Listpack(raw))
    }

    /// Returns the bytes as RDB carries them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes as RDB carries them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Returns the number of elements. Walks all of them when there are more than 65,534.
    #[inline]
    pub fn len(&self) -> usize {
        self.known_len().unwrap_or_else(|| self.iter().count())
    }

    /// Returns whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.0.len() == EMPTY_BYTES
    }

    /// Returns the size of the format in bytes.
    pub fn byte_len(&self) -> usize {
        self.0.len()
    }

    /// Returns the bytes taken on the heap, slack included.
    pub fn heap_bytes(&self) -> usize {
        of_vec(&self.0)
    }

    /// Returns whether `text_bytes` more bytes of text, in one element, leave the listpack below the 1 GiB at which Redis
    /// stops too. Callers with a far smaller limit of their own need not ask.
    pub fn can_add(&self, text_bytes: usize) -> bool {
        self.0.len() + text_bytes < MAX_BYTES
    }

    /// Returns the first entry's position.
    pub fn first(&self) -> Option<Pos> {
        self.checked(HEAD)
    }

    /// Returns the last entry's position.
    pub fn last(&self) -> Option<Pos> {
        self.before(self.end())
    }

    /// Returns the position after `pos`.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.checked(self.after(pos.at()))
    }

    /// Returns the position before `pos`.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.before(pos.at())
    }

    /// Returns the position of element `index`, counted from 0, or from the end when negative (-1 is the last). Walks from
    /// the nearer end.
    pub fn at(&self, index: i64) -> Option<Pos> {
        let mut index = index;
        if let Some(len) = self.known_len() {
            let len = len as i64;
            index = if index < 0 { index.checked_add(len).filter(|i| *i >= 0)? } else { index };
            if index >= len {
                return None;
            }
            if index > len / 2 {
                index -= len;
            }
        }
        if index >= 0 {
            (0..index).try_fold(self.first()?, |pos, _| self.next(pos))
        } else {
            (index..-1).try_fold(self.last()?, |pos, _| self.prev(pos))
        }
    }

    /// Returns the element at `pos`.
    #[inline]
    pub fn get(&self, pos: Pos) -> Elem<'_> {
        self.entry(pos.at()).0
    }

    /// Returns the first position at or after `from` whose element reads `needle`, or `None`. After each entry compared,
    /// jumps over `skip` entries: 1 looks at the fields of field–value pairs. No `from`, no result: start with
    /// [`first`](Self::first).
    pub fn find(&self, needle: &[u8], skip: usize, from: Option<Pos>) -> Option<Pos> {
        let int = num::parse_i64(needle);
        let mut at = from?.at();
        while self.0[at] != END {
            let (elem, size) = self.entry(at);
            let hit = match elem {
                Elem::Int(n) => Some(n) == int,
                Elem::Str(s) => s == needle,
            };
            if hit {
                return Some(Pos(at as u32));
            }
            at += size + backlen_bytes(size);
            for _ in 0..skip {
                if self.0[at] == END {
                    return None;
                }
                at = self.after(at);
            }
        }
        None
    }

    /// Adds `text` at the end.
    pub fn push_back(&mut self, text: &[u8]) {
        self.put(self.end(), 0, Elem::of(text));
    }

    /// Adds `text` at the start.
    pub fn push_front(&mut self, text: &[u8]) {
        self.put(HEAD, 0, Elem::of(text));
    }

    /// Adds the integer `n` at the end, as `push_back` of its text would.
    pub fn push_back_int(&mut self, n: i64) {
        self.put(self.end(), 0, Elem::Int(n));
    }

    /// Adds `text` before `pos` and returns where it is.
    pub fn insert_before(&mut self, pos: Pos, text: &[u8]) -> Pos {
        self.put(pos.at(), 0, Elem::of(text))
    }

    /// Adds `text` after `pos` and returns where it is.
    pub fn insert_after(&mut self, pos: Pos, text: &[u8]) -> Pos {
        self.put(self.after(pos.at()), 0, Elem::of(text))
    }

    /// Puts `text` in the place of the element at `pos` and returns where it is.
    pub fn replace(&mut self, pos: Pos, text: &[u8]) -> Pos {
        self.put(pos.at(), self.after(pos.at()) - pos.at(), Elem::of(text))
    }

    /// Removes the element at `pos` and returns the position of the one that followed it.
    pub fn remove(&mut self, pos: Pos) -> Option<Pos> {
        self.remove_range(pos, 1)
    }

    /// Removes up to `count` elements from `pos` on and returns the position of the one that followed them.
    pub fn remove_range(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let (mut to, mut removed) = (pos.at(), 0);
        while removed < count && self.0[to] != END {
            to = self.after(to);
            removed += 1;
        }
        self.gap(pos.at(), to - pos.at(), 0);
        self.change_count(-(removed as isize));
        self.checked(pos.at())
    }

    /// Removes the elements from `pos` on and returns them as a listpack of their own.
    pub fn split_off(&mut self, pos: Pos) -> Listpack {
        let (at, end) = (pos.at(), self.end());
        let mut tail = Listpack::with_capacity(EMPTY_BYTES + end - at);
        tail.gap(HEAD, 0, end - at);
        tail.0[HEAD..HEAD + end - at].copy_from_slice(&self.0[at..end]);
        let moved = tail.iter().count() as isize;
        tail.change_count(moved);
        self.gap(at, end - at, 0);
        self.change_count(-moved);
        tail
    }

    /// Adds the elements of `other` at the end.
    pub fn append(&mut self, other: &Listpack) {
        let (at, more) = (self.end(), other.byte_len() - EMPTY_BYTES);
        self.gap(at, 0, more);
        self.0[at..at + more].copy_from_slice(&other.0[HEAD..HEAD + more]);
        self.change_count(other.len() as isize);
    }

    /// Returns where the first entry is, or would be.
    pub fn start(&self) -> Pos {
        Pos(HEAD as u32)
    }

    /// Returns where the next entry would go.
    pub fn finish(&self) -> Pos {
        Pos(self.end() as u32)
    }

    /// Returns the element at `pos` and the position behind it, which may be the [`finish`](Self::finish); `None` there.
    #[inline]
    pub fn step(&self, pos: Pos) -> Option<(Elem<'_>, Pos)> {
        let (elem, size) = parse(self.0.get(pos.at()..)?)?;
        Some((elem, Pos((pos.at() + size + backlen_bytes(size)) as u32)))
    }

    /// Returns the position `count` elements behind `pos`, or `None` if there are fewer.
    #[inline]
    pub fn skip(&self, pos: Pos, count: usize) -> Option<Pos> {
        (0..count).try_fold(pos, |pos, _| self.step(pos).map(|(_, next)| next))
    }

    /// Puts the integer `n` in the place of the element at `pos`.
    pub fn replace_int(&mut self, pos: Pos, n: i64) {
        self.put(pos.at(), self.after(pos.at()) - pos.at(), Elem::Int(n));
    }

    /// Makes room for `bytes` more bytes: as much again when it is large already, for one that goes on growing.
    pub fn reserve(&mut self, bytes: usize) {
        let (len, want) = (self.0.len(), self.0.len() + bytes);
        if want > self.0.capacity() {
            let amortized = if len > 256 { len + len / 2 } else { 0 };
            self.0.reserve_exact(roomy(want.max(amortized)) - len);
        }
    }

    /// Adds what `fill` writes at the end, many elements for the price of one.
    pub fn extend_with(&mut self, fill: impl FnOnce(&mut Tail<'_>)) {
        self.0.pop();
        let mut tail = Tail { raw: &mut self.0, added: 0 };
        fill(&mut tail);
        let added = tail.added;
        self.0.push(END);
        let total = u32::try_from(self.0.len()).expect("callers stay below 1 GiB, see `can_add`");
        self.0[..4].copy_from_slice(&total.to_le_bytes());
        self.change_count(added);
    }

    /// Gives unused room back to the allocator.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Iterates over the elements, from either end.
    pub fn iter(&self) -> Iter<'_> {
        Iter { pack: self, front: HEAD, back: self.end() }
    }

    /// Iterates over the elements behind the first `n`. Takes a step for each of those.
    pub fn iter_after(&self, n: usize) -> Iter<'_> {
        let mut iter = self.iter();
        (0..n).all(|_| iter.next().is_some());
        iter
    }

    /// Iterates over the elements from `pos` to the end.
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter { pack: self, front: pos.at(), back: self.end() }
    }

    /// Iterates over the elements from the start to `pos`, which is included.
    pub fn iter_through(&self, pos: Pos) -> Iter<'_> {
        Iter { pack: self, front: HEAD, back: self.after(pos.at()) }
    }

    /// Returns the bytes an element of this text takes in a listpack.
    pub fn entry_size(text: &[u8]) -> usize {
        let mut head = [0; 9];
        let (head, body) = encode(Elem::of(text), &mut head);
        let size = head + body.len();
        size + backlen_bytes(size)
    }

    /// Returns the bytes the entry at `pos` takes.
    pub fn entry_size_at(&self, pos: Pos) -> usize {
        self.after(pos.at()) - pos.at()
    }

    /// Writes an entry over the `old` bytes at `at` (none: inserts one).
    fn put(&mut self, at: usize, old: usize, elem: Elem<'_>) -> Pos {
        let mut head = [0; 9];
        let (head_len, body) = encode(elem, &mut head);
        let size = head_len + body.len();
        let back = backlen_bytes(size);
        self.gap(at, old, size + back);
        let entry = &mut self.0[at..at + size + back];
        entry[..head_len].copy_from_slice(&head[..head_len]);
        entry[head_len..size].copy_from_slice(body);
        for (i, byte) in entry[size..].iter_mut().rev().enumerate() {
            *byte = backlen_byte(size, back, i);
        }
        if old == 0 {
            self.change_count(1);
        }
        Pos(at as u32)
    }

    /// Makes the `old` bytes at `at` into `new` bytes, whose content is the caller's to write.
    fn gap(&mut self, at: usize, old: usize, new: usize) {
        if old == new {
            return;
        }
        let raw = &mut self.0;
        let len = raw.len();
        if new > old {
            let want = len + new - old;
            if want > raw.capacity() {
                raw.reserve_exact(roomy(want) - len);
            }
            raw.resize(want, 0);
        }
        raw.copy_within(at + old..len, at + new);
        if new < old {
            raw.truncate(len + new - old);
            if raw.capacity() > 64 && raw.len() < raw.capacity() / 2 {
                raw.shrink_to(roomy(raw.len()));
            }
        }
        let total = u32::try_from(raw.len()).expect("callers stay below 1 GiB, see `can_add`");
        raw[..4].copy_from_slice(&total.to_le_bytes());
    }

    #[inline]
    fn change_count(&mut self, by: isize) {
        if let Some(count) = self.known_len() {
            let count = u16::try_from(count as isize + by).unwrap_or(COUNT_UNKNOWN);
            self.0[4..6].copy_from_slice(&count.to_le_bytes());
        }
    }

    #[inline]
    fn known_len(&self) -> Option<usize> {
        let count = u16::from_le_bytes([self.0[4], self.0[5]]);
        (count != COUNT_UNKNOWN).then_some(count as usize)
    }

    fn end(&self) -> usize {
        self.0.len() - 1
    }

    fn checked(&self, at: usize) -> Option<Pos> {
        (self.0[at] != END).then_some(Pos(at as u32))
    }

    #[inline]
    fn entry(&self, at: usize) -> (Elem<'_>, usize) {
        parse(&self.0[at..]).expect("every entry was checked by `from_bytes` or written by `put`")
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        let size = self.entry(at).1;
        at + size + backlen_bytes(size)
    }

    fn before(&self, at: usize) -> Option<Pos> {
        if at == HEAD {
            return None;
        }
        let (size, back) = read_backlen(&self.0, at).expect("every entry ends with its size");
        Some(Pos((at - size - back) as u32))
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Elem<'a> {
    /// Returns `text` as a listpack keeps it: an integer if it is a canonical one.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        num::parse_i64(text).map_or(Elem::Str(text), Elem::Int)
    }

    /// Calls `f` with the text.
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        f(self.text(&mut [0; 40]))
    }

    /// Returns the text, written to `buf` if it is an integer.
    #[inline]
    pub fn text<'b>(self, buf: &'b mut NumBuf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Elem::Int(n) => num::fmt_i64(n, buf),
            Elem::Str(s) => s,
        }
    }

    /// Returns a copy of the text.
    pub fn to_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }

    /// Returns whether the text is `text`.
    #[inline]
    pub fn is(self, text: &[u8]) -> bool {
        match self {
            Elem::Int(n) => num::parse_i64(text) == Some(n),
            Elem::Str(s) => s == text,
        }
    }

    /// Returns the length of the text.
    #[allow(clippy::len_without_is_empty)] // an element is not a collection
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Elem::Int(n) => usize::from(n < 0) + n.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1),
            Elem::Str(s) => s.len(),
        }
    }

    /// Compares the text with `text`, byte by byte.
    #[inline]
    pub fn cmp_bytes(self, text: &[u8]) -> Ordering {
        self.with(|own| own.cmp(text))
    }

    /// Returns the value if the text is an integer in canonical form.
    #[inline]
    pub fn int(self) -> Option<i64> {
        match self {
            Elem::Int(n) => Some(n),
            // Only a listpack from outside can hold an integer as a string.
            Elem::Str(s) => num::parse_i64(s),
        }
    }
}

impl Pos {
    #[inline]
    fn at(self) -> usize {
        self.0 as usize
    }
}

/// The open end of a listpack that is being extended: see [`Listpack::extend_with`].
pub struct Tail<'a> {
    raw: &'a mut Vec<u8>,
    added: isize,
}

impl Tail<'_> {
    /// Adds `text`.
    #[inline]
    pub fn text(&mut self, text: &[u8]) {
        self.elem(Elem::of(text));
    }

    /// Adds an integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        if (0..=127).contains(&n) {
            // By far the most common: one byte, and its size.
            self.raw.extend_from_slice(&[n as u8, 1]);
            self.added += 1;
        } else {
            self.elem(Elem::Int(n));
        }
    }

    #[inline]
    fn elem(&mut self, elem: Elem<'_>) {
        let mut head = [0; 9];
        let (head_len, body) = encode(elem, &mut head);
        let size = head_len + body.len();
        self.raw.extend_from_slice(&head[..head_len]);
        self.raw.extend_from_slice(body);
        let back = backlen_bytes(size);
        for i in (0..back).rev() {
            self.raw.push(backlen_byte(size, back, i));
        }
        self.added += 1;
    }
}

/// Iterates over the elements of a [`Listpack`].
#[derive(Clone)]
pub struct Iter<'a> {
    pack: &'a Listpack,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Elem<'a>;

    #[inline]
    fn next(&mut self) -> Option<Elem<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (elem, size) = self.pack.entry(self.front);
        self.front += size + backlen_bytes(size);
        Some(elem)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let pos = self.pack.before(self.back)?;
        self.back = pos.at();
        Some(self.pack.get(pos))
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Elem<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Returns a capacity for `bytes` and an eighth more, of a size that allocators hand out whole: a multiple of 16 less the
/// word they keep beside it. Doubling would waste a quarter of a small value's memory on average.
pub(crate) fn roomy(bytes: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    (bytes + bytes / 8 + WORD).next_multiple_of(16) - WORD
}

/// Returns the entry that starts `raw` and its size without the backward size, or `None` if there is no whole one.
#[inline]
fn parse(raw: &[u8]) -> Option<(Elem<'_>, usize)> {
    let string = |head: usize, len: usize| Some((Elem::Str(raw.get(head..head.checked_add(len)?)?), head + len));
    let first = *raw.first()?;
    match first {
        0x00..=0x7F => Some((Elem::Int(first.into()), 1)),
        0x80..=0xBF => string(1, usize::from(first & 0x3F)),
        0xC0..=0xDF => {
            let bits = u16::from(first) << 8 | u16::from(*raw.get(1)?);
            Some((Elem::Int(((bits << 3) as i16 >> 3).into()), 2)) // 13 bits, sign extended
        }
        0xE0..=0xEF => string(2, usize::from(first & 0x0F) << 8 | usize::from(*raw.get(1)?)),
        0xF0 => string(5, u32::from_le_bytes(*raw.get(1..)?.first_chunk()?) as usize),
        0xF1 => Some((Elem::Int(i16::from_le_bytes(*raw.get(1..)?.first_chunk()?).into()), 3)),
        0xF2 => {
            let [a, b, c] = *raw.get(1..)?.first_chunk()?;
            Some((Elem::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()), 4))
        }
        0xF3 => Some((Elem::Int(i32::from_le_bytes(*raw.get(1..)?.first_chunk()?).into()), 5)),
        0xF4 => Some((Elem::Int(i64::from_le_bytes(*raw.get(1..)?.first_chunk()?)), 9)),
        _ => None,
    }
}

/// Writes the encoding, and an integer's data, to `head`; returns how much that is and the bytes to follow it.
fn encode<'a>(elem: Elem<'a>, head: &mut [u8; 9]) -> (usize, &'a [u8]) {
    let (len, body): (usize, &[u8]) = match elem {
        Elem::Int(n) => {
            let le = n.to_le_bytes();
            let (first, bytes) = match n {
                0..=127 => (n as u8, 0),
                -4096..=4095 => {
                    head[1] = le[0];
                    head[0] = 0xC0 | le[1] & 0x1F;
                    return (2, &[]);
                }
                -0x8000..=0x7FFF => (0xF1, 2),
                -0x80_0000..=0x7F_FFFF => (0xF2, 3),
                -0x8000_0000..=0x7FFF_FFFF => (0xF3, 4),
                _ => (0xF4, 8),
            };
            head[0] = first;
            head[1..1 + bytes].copy_from_slice(&le[..bytes]);
            (1 + bytes, &[])
        }
        Elem::Str(s) => match s.len() {
            len @ 0..=0x3F => {
                head[0] = 0x80 | len as u8;
                (1, s)
            }
            len @ 0x40..=0xFFF => {
                head[..2].copy_from_slice(&[0xE0 | (len >> 8) as u8, len as u8]);
                (2, s)
            }
            len => {
                head[0] = 0xF0;
                head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
                (5, s)
            }
        },
    };
    (len, body)
}

/// Returns how many bytes the backward size of an entry of `size` bytes takes. The bounds below 2^14 and so on are short by
/// one in Redis, and thus in the format.
#[inline]
fn backlen_bytes(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Returns byte `i`, from behind, of the backward size: seven bits a byte, the highest first; all but the first byte have the
/// top bit, so a reader from behind goes on.
#[inline]
fn backlen_byte(size: usize, back: usize, i: usize) -> u8 {
    (size >> (7 * i)) as u8 & 0x7F | if i + 1 < back { 0x80 } else { 0 }
}

/// Returns the entry size that ends before `end`, and the bytes it takes itself, if a whole entry fits before it.
#[inline]
fn read_backlen(raw: &[u8], end: usize) -> Option<(usize, usize)> {
    let mut size = 0u64;
    for i in 0..5 {
        let byte = *raw.get(end.checked_sub(i + 1)?)?;
        size |= u64::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            let size = usize::try_from(size).ok()?;
            return (HEAD + size + i < end).then_some((size, i + 1));
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::base::heap::block;
    use crate::base::rng::Rng;

    /// Text that meets every encoding and its edges.
    pub(crate) fn text(rng: &mut Rng, longest: usize) -> Vec<u8> {
        match rng.below(4) {
            0 => {
                let edge = 1i64 << [0, 6, 7, 12, 13, 15, 16, 23, 24, 31, 32, 62][rng.below(12)];
                let n = edge - 2 + rng.below(4) as i64;
                (if rng.below(2) == 0 { -n } else { n }).to_string().into_bytes()
            }
            1 => (rng.u64() as i64).to_string().into_bytes(),
            2 => vec![b'a' + rng.below(3) as u8; rng.below(70)],
            _ => vec![b'a' + rng.below(26) as u8; rng.below(longest.max(1))],
        }
    }

    fn check(pack: &Listpack, model: &[Vec<u8>]) {
        assert_eq!(pack.len(), model.len());
        assert_eq!(pack.is_empty(), model.is_empty());
        assert!(pack.iter().zip(model).all(|(e, m)| e.is(m) && e.len() == m.len() && e.to_vec() == *m));
        assert!(pack.iter().rev().zip(model.iter().rev()).all(|(e, m)| e.is(m)));
        assert_eq!(pack.iter().rev().count(), model.len());
        assert_eq!(Listpack::from_bytes(pack.as_bytes().to_vec()).as_ref(), Some(pack));
        let sizes: usize = model.iter().map(|m| Listpack::entry_size(m)).sum();
        assert_eq!(pack.byte_len(), EMPTY_BYTES + sizes);
    }

    #[test]
    fn a_listpack_is_a_vector_of_texts() {
        for seed in 0..40 {
            let mut rng = Rng::new(seed);
            let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
            let longest = [20, 300, 20_000][rng.below(3)];
            for _ in 0..120 {
                let t = text(&mut rng, longest);
                let i = rng.below(model.len() + 1);
                let pos = pack.at(i as i64);
                assert_eq!(pos.is_some(), i < model.len());
                assert_eq!(pack.at(i as i64 - model.len() as i64 - 1).is_some(), i > 0);
                match (rng.below(10), pos) {
                    (0..=2, _) => {
                        pack.push_back(&t);
                        model.push(t);
                    }
                    (3, _) => {
                        pack.push_front(&t);
                        model.insert(0, t);
                    }
                    (4, Some(pos)) => {
                        let at = pack.insert_before(pos, &t);
                        assert!(pack.get(at).is(&t));
                        model.insert(i, t);
                    }
                    (5, Some(pos)) => {
                        let at = pack.insert_after(pos, &t);
                        assert!(pack.get(at).is(&t));
                        model.insert(i + 1, t);
                    }
                    (6, Some(pos)) => {
                        let at = pack.replace(pos, &t);
                        assert!(pack.get(at).is(&t));
                        model[i] = t;
                    }
                    (7, Some(pos)) => {
                        let next = pack.remove(pos);
                        model.remove(i);
                        assert_eq!(next.map(|p| pack.get(p).to_vec()).as_ref(), model.get(i));
                    }
                    (8, Some(pos)) => {
                        let n = rng.below(5);
                        let next = pack.remove_range(pos, n);
                        model.drain(i..(i + n).min(model.len()));
                        assert_eq!(next.map(|p| pack.get(p).to_vec()).as_ref(), model.get(i));
                    }
                    (9, Some(pos)) => {
                        let tail = pack.split_off(pos);
                        check(&tail, &model[i..]);
                        check(&pack, &model[..i]);
                        pack.append(&tail);
                    }
                    _ => {}
                }
                check(&pack, &model);
                let needle = text(&mut rng, 3);
                for skip in 0..3 {
                    let want = (0..model.len()).step_by(skip + 1).find(|i| model[*i] == needle);
                    assert_eq!(pack.find(&needle, skip, pack.first()), want.and_then(|i| pack.at(i as i64)));
                }
            }
        }
    }

    #[test]
    fn every_encoding_ends_where_the_next_begins() {
        for len in [0, 63, 64, 127, 128, 4095, 4096, 16_379, 16_380, 16_381, 16_382, 2_097_145, 2_097_146, 2_097_147] {
            let mut pack = Listpack::new();
            pack.push_back(&vec![b'x'; len]);
            pack.push_back(b"y");
            check(&pack, &[vec![b'x'; len], b"y".to_vec()]);
        }
    }

    #[test]
    fn more_elements_than_the_header_can_count() {
        let mut pack = Listpack::new();
        for n in 0..65_534 {
            pack.push_back_int(n);
        }
        assert_eq!(pack.known_len(), Some(65_534));
        for n in 65_534..65_540 {
            pack.push_back_int(n);
        }
        assert_eq!((pack.known_len(), pack.len()), (None, 65_540));
        for index in [0, 65_539, -1, -65_540] {
            let want = if index < 0 { index + 65_540 } else { index };
            assert_eq!(pack.get(pack.at(index).unwrap()), Elem::Int(want));
        }
        assert_eq!((pack.at(65_540), pack.at(-65_541), pack.at(i64::MIN), pack.at(i64::MAX)), (None, None, None, None));
        let tail = pack.split_off(pack.at(10).unwrap());
        assert_eq!((pack.len(), tail.len(), pack.known_len()), (10, 65_530, None));
        assert_eq!(tail.known_len(), Some(65_530));
        assert!(Listpack::from_bytes(pack.into_bytes()).is_some());
    }

    #[test]
    fn hostile_bytes_are_refused_or_read_whole() {
        let mut rng = Rng::new(1);
        let mut accepted = 0;
        for round in 0..30_000 {
            let mut pack = Listpack::new();
            for _ in 0..rng.below(6) {
                pack.push_back(&text(&mut rng, if round % 50 == 0 { 5000 } else { 90 }));
            }
            let mut raw = pack.into_bytes();
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(raw.len());
                match rng.below(4) {
                    0 => raw[at] = rng.u64() as u8,
                    1 => raw[at] ^= 1 << rng.below(8),
                    2 => raw.truncate(at.max(1)),
                    _ => raw.insert(at, rng.u64() as u8),
                }
            }
            let Some(mut pack) = Listpack::from_bytes(raw) else { continue };
            accepted += 1;
            assert_eq!(pack.iter().map(Elem::to_vec).count(), pack.iter().rev().map(Elem::to_vec).count());
            let copy: Vec<_> = pack.iter().map(Elem::to_vec).collect();
            assert!(copy.iter().all(|t| pack.find(t, 0, pack.first()).is_some()));
            while let Some(pos) = pack.last() {
                pack.remove(pos);
            }
            assert_eq!(pack.byte_len(), EMPTY_BYTES);
        }
        assert!(accepted > 1000, "{accepted}");
        assert_eq!(Listpack::from_bytes(Vec::new()), None);
    }

    #[test]
    fn a_hash_has_the_bytes_of_redis_7() {
        // From `DUMP` in redis-server 7.0.15 after `HSET h name Ann age 41 "" empty n -5`.
        let want = "280000000800846e616d650583416e6e0483616765042901800185656d70747906816e02dffb02ff";
        let mut pack = Listpack::new();
        for text in ["name", "Ann", "age", "41", "", "empty", "n", "-5"] {
            pack.push_back(text.as_bytes());
        }
        assert_eq!(pack.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>(), want);
        let pos = pack.find(b"age", 1, pack.first()).and_then(|pos| pack.next(pos)).unwrap();
        assert_eq!(pack.get(pos), Elem::Int(41));
        assert_eq!(pack.find(b"Ann", 1, pack.first()), None);
    }

    #[test]
    fn memory_stays_close_to_what_is_kept() {
        let mut pack = Listpack::new();
        for n in 0..5000 {
            pack.push_back(format!("value:{n}").as_bytes());
            assert!(pack.heap_bytes() <= block(pack.byte_len() + pack.byte_len() / 8 + 16));
        }
        while let Some(pos) = pack.first() {
            pack.remove(pos);
            assert!(pack.heap_bytes() <= block(2 * pack.byte_len() + 64));
        }
    }
}
