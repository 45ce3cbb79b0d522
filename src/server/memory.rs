//! Counts the bytes the process has allocated, for `used_memory` and `maxmemory`.

use crate::base::heap::block;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator with a counter. Put it in as the `#[global_allocator]` of the binary.
pub struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);

/// Bytes allocated and not freed, with what the allocator itself takes for them.
pub fn used() -> u64 {
    USED.load(Relaxed) as u64
}

/// Bytes of the process that are in real memory; what is allocated where the system does not say.
pub fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse().ok());
    // The size of a page is not in that file; nearly everywhere it is this.
    pages.map_or_else(used, |pages: u64| pages * 4096)
}

// A plain load and store: the engine and its host are one thread, and a locked add on each allocation would cost more than it counts.
fn add(n: usize) {
    USED.store(USED.load(Relaxed).wrapping_add(n), Relaxed);
}

// SAFETY: every call goes to `System` with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(block(layout.size()));
        // SAFETY: the caller's promise is `System`'s.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(block(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        add(block(layout.size()).wrapping_neg());
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(block(size).wrapping_sub(block(layout.size())));
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}
