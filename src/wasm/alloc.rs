//! The allocator: the default one, counted, and growing the memory in steps of an eighth.

use crate::base::heap;
use core::arch::wasm32::memory_size;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts what is in use. Growing page by page costs seconds on the way to 512 MiB in Node (each growth moves the memory),
/// so a growth takes an eighth more than was asked for.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static USED: AtomicUsize = AtomicUsize::new(0);

/// Bytes handed out and not returned, with what the allocator itself takes for them.
pub fn used() -> u64 {
    USED.load(Relaxed) as u64
}

/// Bytes of the instance's memory.
pub fn resident() -> u64 {
    memory_size(0) as u64 * 65_536
}

/// Grows the memory so that `bytes` more can be handed out without growing. Returns whether that was possible.
pub fn reserve(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes, 16) else { return false };
    // SAFETY: the layout is not empty, and what was allocated is freed with the same layout.
    unsafe {
        let block = System.alloc(layout);
        if block.is_null() {
            return false;
        }
        System.dealloc(block, layout);
    }
    true
}

/// Pages of 64 KiB, as far as the allocator has been seen to have grown.
static PAGES: AtomicUsize = AtomicUsize::new(0);

/// Grows on when the allocator just did. The freed block joins the allocator's top, from which it serves what comes next.
#[inline]
fn grown() {
    let pages = memory_size(0);
    if pages != PAGES.load(Relaxed) {
        grow_on(pages);
    }
}

#[cold]
fn grow_on(pages: usize) {
    if PAGES.load(Relaxed) != 0 {
        reserve(pages / 8 * 65_536 + 65_536);
    }
    PAGES.store(memory_size(0), Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            USED.fetch_add(heap::block(layout.size()), Relaxed);
            grown();
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        USED.fetch_sub(heap::block(layout.size()), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let block = unsafe { System.realloc(block, layout, size) };
        if !block.is_null() {
            USED.fetch_add(heap::block(size), Relaxed);
            USED.fetch_sub(heap::block(layout.size()), Relaxed);
            grown();
        }
        block
    }
}
