//! What an allocation really takes: the allocator's own head and rounding, which a mere sum of lengths leaves out.

/// Returns the bytes that a block of `bytes` takes from the heap; 0 for none, because nothing is allocated for it.
///
/// 64 bits: the rule of glibc's malloc, 8 bytes of head, steps of 16, at least 32. 32 bits (WebAssembly): that of dlmalloc, 4
/// bytes of head, steps of 8, at least 16. Other allocators of 64-bit hosts differ by a few bytes.
#[inline]
pub const fn block(bytes: usize) -> usize {
    const HEAD: usize = size_of::<usize>();
    const STEP: usize = 2 * HEAD;
    match bytes {
        0 => 0,
        _ if bytes + HEAD <= 2 * STEP => 2 * STEP,
        _ => (bytes + HEAD).next_multiple_of(STEP),
    }
}

/// Returns the bytes that a vector with this capacity takes from the heap.
#[inline]
pub fn of_vec<T>(vec: &Vec<T>) -> usize {
    block(vec.capacity() * size_of::<T>())
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn blocks_have_a_head_and_steps() {
        let sizes = if cfg!(target_pointer_width = "64") {
            [(0, 0), (1, 32), (24, 32), (25, 48), (40, 48), (41, 64), (1000, 1008)]
        } else {
            [(0, 0), (1, 16), (12, 16), (13, 24), (20, 24), (21, 32), (1000, 1008)]
        };
        for (bytes, want) in sizes {
            assert_eq!(block(bytes), want, "{bytes}");
        }
    }
}
