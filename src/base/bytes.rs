//! A byte string behind one thin pointer: 4 bytes of handle on wasm32, length and bytes in a single allocation.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// An owned, immutable byte string that takes one machine word where it is kept. The bytes never move while it lives,
/// so an index may keep a [`ThinRef`] to them.
pub struct Thin(NonNull<u8>);

/// A borrowed [`Thin`] without a lifetime, for an index that lives beside the owner. Reading it is only sound while the
/// owner lives.
#[derive(Clone, Copy)]
pub struct ThinRef(NonNull<u8>);

const HEAD: usize = size_of::<u32>();

fn layout(len: usize) -> Layout {
    Layout::from_size_align(HEAD + len, align_of::<u32>()).expect("a Thin is at most 4 GiB, far below isize::MAX")
}

impl Thin {
    /// Returns a copy of `bytes`. Lengths above `u32::MAX` cannot reach it: arguments are limited to 512 MB.
    pub fn new(bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).expect("arguments are limited to 512 MB");
        let layout = layout(bytes.len());
        // SAFETY: the layout has a size of at least HEAD; header and body are written before anyone reads them.
        unsafe {
            let at = NonNull::new(alloc(layout)).unwrap_or_else(|| handle_alloc_error(layout));
            at.cast::<u32>().write(len);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.as_ptr().add(HEAD), bytes.len());
            Thin(at)
        }
    }

    /// Returns a handle to the same bytes that the borrow checker does not follow.
    pub fn unowned(&self) -> ThinRef {
        ThinRef(self.0)
    }

    /// Returns the bytes this string takes on the heap.
    pub fn heap_bytes(&self) -> usize {
        HEAD + self.len()
    }
}

impl std::ops::Deref for Thin {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the allocation lives as long as `self`.
        unsafe { self.unowned().bytes() }
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        let layout = layout(self.len());
        // SAFETY: allocated in `new` with this layout and not freed since.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

impl Clone for Thin {
    fn clone(&self) -> Self {
        Thin::new(self)
    }
}

impl std::fmt::Debug for Thin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self))
    }
}

// SAFETY: a Thin owns its bytes and never shares them.
unsafe impl Send for Thin {}

impl ThinRef {
    /// Returns the bytes.
    ///
    /// # Safety
    /// The [`Thin`] this came from must be alive for `'a`.
    #[inline]
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: the caller keeps the owner alive; the header was written by `Thin::new`.
        unsafe {
            let len = self.0.cast::<u32>().read() as usize;
            std::slice::from_raw_parts(self.0.as_ptr().add(HEAD), len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_bytes_in_one_word() {
        for len in [0, 1, 7, 64, 100_000] {
            let bytes = vec![len as u8; len];
            let thin = Thin::new(&bytes);
            assert_eq!(&*thin, &bytes[..]);
            assert_eq!(&*thin.clone(), &bytes[..]);
        }
        assert_eq!(size_of::<Option<Thin>>(), size_of::<usize>());
    }
}
