//! A set of vectors with a graph for finding the nearest.

/// A set of vectors with a graph for finding the nearest.
#[derive(Clone, Debug, Default)]
pub struct VectorSet {}

impl VectorSet {
    /// Returns an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The word `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        "raw"
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        0
    }
}
