//! An allocator that counts, so that tests can ask how much memory there is in use and how much there was at most.
//!
//! A test program that wants it says `#[global_allocator] static ALLOCATOR: PerThread = PerThread;`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use tabdis::base::heap::block;

/// Counts for each thread, so that tests need not wait for one another.
pub struct PerThread;

thread_local! {
    static USED: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: i64) {
    // At a thread's end the cells may be gone; nobody asks then.
    _ = USED.try_with(|used| {
        used.set(used.get() + bytes);
        _ = PEAK.try_with(|peak| peak.set(peak.get().max(used.get())));
    });
}

/// Bytes this thread has in use.
pub fn used() -> u64 {
    USED.with(|used| used.get().max(0) as u64)
}

/// Runs `f`. Returns how many bytes more than before it this thread had in use at most.
pub fn peak_of<R>(f: impl FnOnce() -> R) -> (R, u64) {
    let before = USED.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = f();
    (result, (PEAK.with(Cell::get) - before).max(0) as u64)
}

// SAFETY: every call goes to `System` with the arguments it came with.
unsafe impl GlobalAlloc for PerThread {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(block(layout.size()) as i64);
        // SAFETY: the caller's promise is `System`'s.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(block(layout.size()) as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}
