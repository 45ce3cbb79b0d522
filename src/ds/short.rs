//! Byte strings that keep a few bytes in themselves: most members, fields and small values then need no allocation of their own.

use crate::base::heap::block;
use std::ptr::NonNull;

/// An owned, immutable byte string, kept in place when it is short and in one allocation of its exact length otherwise.
pub struct Short(Repr);

#[repr(C)]
union Repr {
    inline: Inline,
    heap: Heap,
}

/// Bytes and their number; a number of [`ON_HEAP`] says that this is a [`Heap`].
#[derive(Clone, Copy)]
#[repr(C)]
struct Inline {
    bytes: [u8; INLINE],
    len: u8,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Heap {
    at: NonNull<u8>,
    len: u32,
    pad: [u8; INLINE - size_of::<usize>() - size_of::<u32>()],
    tag: u8,
}

/// Most bytes kept in place.
const INLINE: usize = 15;
const ON_HEAP: u8 = u8::MAX;

impl Short {
    /// Returns a copy of `bytes`.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() <= INLINE {
            let mut inline = Inline { bytes: [0; INLINE], len: bytes.len() as u8 };
            inline.bytes[..bytes.len()].copy_from_slice(bytes);
            return Short(Repr { inline });
        }
        let len = u32::try_from(bytes.len()).expect("arguments are limited to 512 MB");
        let at = NonNull::from(Box::leak(Box::<[u8]>::from(bytes))).cast();
        Short(Repr { heap: Heap { at, len, pad: [0; _], tag: ON_HEAP } })
    }

    /// Returns the bytes this string takes beyond itself.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        if self.is_inline() { 0 } else { block(self.len()) }
    }

    #[inline]
    fn is_inline(&self) -> bool {
        // SAFETY: the last byte is initialised in both forms: the number of bytes or the tag.
        unsafe { self.0.inline.len != ON_HEAP }
    }
}

impl std::ops::Deref for Short {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the last byte says which form was written; `len` is at most INLINE; the allocation lives as long as `self`.
        unsafe {
            if self.is_inline() {
                self.0.inline.bytes.get_unchecked(..self.0.inline.len as usize)
            } else {
                std::slice::from_raw_parts(self.0.heap.at.as_ptr(), self.0.heap.len as usize)
            }
        }
    }
}

impl Drop for Short {
    #[inline]
    fn drop(&mut self) {
        if !self.is_inline() {
            // SAFETY: this form was written by `new` from a leaked box of this length, which nobody else frees.
            unsafe {
                let heap = self.0.heap;
                drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(heap.at.as_ptr(), heap.len as usize)));
            }
        }
    }
}

impl Clone for Short {
    fn clone(&self) -> Self {
        Short::new(self)
    }
}

impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self))
    }
}

// SAFETY: a Short owns its bytes and never shares them.
unsafe impl Send for Short {}

/// Two owned byte strings, kept in place when they are short together and in one allocation otherwise.
pub struct ShortPair(PairRepr);

#[repr(C)]
union PairRepr {
    inline: PairInline,
    heap: PairHeap,
}

/// Both strings, one behind the other, and their lengths; a second length of [`ON_HEAP`] says that this is a [`PairHeap`].
#[derive(Clone, Copy)]
#[repr(C)]
struct PairInline {
    bytes: [u8; PAIR_INLINE],
    first: u8,
    second: u8,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct PairHeap {
    at: NonNull<u8>,
    first: u32,
    second: u32,
    pad: [u8; PAIR_INLINE + 1 - size_of::<usize>() - 2 * size_of::<u32>()],
    tag: u8,
}

/// Most bytes of both together that are kept in place.
const PAIR_INLINE: usize = 30;

impl ShortPair {
    /// Returns copies of both strings.
    pub fn new(first: &[u8], second: &[u8]) -> Self {
        let len = first.len() + second.len();
        if len <= PAIR_INLINE {
            let mut inline =
                PairInline { bytes: [0; PAIR_INLINE], first: first.len() as u8, second: second.len() as u8 };
            inline.bytes[..first.len()].copy_from_slice(first);
            inline.bytes[first.len()..len].copy_from_slice(second);
            return ShortPair(PairRepr { inline });
        }
        let limited = "arguments are limited to 512 MB";
        let (a, b) = (u32::try_from(first.len()).expect(limited), u32::try_from(second.len()).expect(limited));
        let at = NonNull::from(Box::leak([first, second].concat().into_boxed_slice())).cast();
        ShortPair(PairRepr { heap: PairHeap { at, first: a, second: b, pad: [0; _], tag: ON_HEAP } })
    }

    /// Returns the first string.
    #[inline]
    pub fn first(&self) -> &[u8] {
        self.both().0
    }

    /// Returns the second string.
    #[inline]
    pub fn second(&self) -> &[u8] {
        self.both().1
    }

    /// Returns both strings.
    #[inline]
    pub fn both(&self) -> (&[u8], &[u8]) {
        // SAFETY: the last byte says which form was written, with lengths that are within its bytes; the allocation lives as
        // long as `self`.
        unsafe {
            let (bytes, first) = if self.is_inline() {
                let inline = &self.0.inline;
                let len = inline.first as usize + inline.second as usize;
                (inline.bytes.get_unchecked(..len), inline.first as usize)
            } else {
                let heap = &self.0.heap;
                let len = heap.first as usize + heap.second as usize;
                (std::slice::from_raw_parts(heap.at.as_ptr(), len), heap.first as usize)
            };
            bytes.split_at_unchecked(first)
        }
    }

    /// Returns the bytes both strings take beyond this.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        if self.is_inline() { 0 } else { block(self.first().len() + self.second().len()) }
    }

    #[inline]
    fn is_inline(&self) -> bool {
        // SAFETY: the last byte is initialised in both forms: the second length or the tag.
        unsafe { self.0.inline.second != ON_HEAP }
    }
}

impl Drop for ShortPair {
    #[inline]
    fn drop(&mut self) {
        if !self.is_inline() {
            // SAFETY: this form was written by `new` from a leaked box of this length, which nobody else frees.
            unsafe {
                let heap = self.0.heap;
                let len = heap.first as usize + heap.second as usize;
                drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(heap.at.as_ptr(), len)));
            }
        }
    }
}

impl Clone for ShortPair {
    fn clone(&self) -> Self {
        ShortPair::new(self.first(), self.second())
    }
}

// SAFETY: a ShortPair owns its bytes and never shares them.
unsafe impl Send for ShortPair {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_bytes_in_16() {
        assert_eq!(size_of::<Short>(), 16);
        for len in [0, 1, 14, 15, 16, 17, 255, 256, 100_000] {
            let bytes = vec![len as u8 | 1; len];
            let short = Short::new(&bytes);
            assert_eq!(&*short, &bytes[..]);
            assert_eq!(&*short.clone(), &bytes[..]);
            assert_eq!(short.heap_bytes(), if len <= 15 { 0 } else { block(len) });
        }
    }

    #[test]
    fn keeps_a_pair_in_32() {
        assert_eq!(size_of::<ShortPair>(), 32);
        for (a, b) in [(0, 0), (0, 30), (30, 0), (15, 15), (15, 16), (31, 0), (0, 31), (255, 255), (7, 100_000)] {
            let (first, second) = (vec![1; a], vec![2; b]);
            let pair = ShortPair::new(&first, &second).clone();
            assert_eq!(pair.both(), (&first[..], &second[..]));
            assert_eq!(pair.heap_bytes(), if a + b <= 30 { 0 } else { block(a + b) });
        }
    }
}
