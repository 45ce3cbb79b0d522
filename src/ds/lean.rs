//! What stands for a type of value that is left out of the build: nothing is ever of it.

/// A value that cannot be.
#[derive(Clone, Debug)]
pub enum Absent {}

impl Absent {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        match *self {}
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        match *self {}
    }

    /// The word `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        match *self {}
    }

    /// Appends what is saved of it, a piece at a time.
    pub fn print_on(&self, _out: &mut Vec<u8>, _trail: &mut Vec<usize>, _most: usize) -> bool {
        match *self {}
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match *self {}
    }
}
