//! A JSON document: a tree of values, which keeps the order of keys and the difference between integers and floats.
//!
//! A value is at most [`MAX_DEPTH`] containers deep wherever it comes from, so that whatever walks it may recurse.

mod object;
mod parse;
pub mod path;
mod print;
mod value;

pub use object::Object;
pub use parse::{parse, parse_number, parse_text};
pub use path::{Legacy, Path, PathError};
pub use print::{Format, fmt_f64};
pub use value::Value;

/// How many containers may be nested: what a reader with RedisJSON's limit of 128 accepts.
pub const MAX_DEPTH: usize = 127;

/// A JSON document.
#[derive(Clone, Debug)]
pub struct Json {
    root: Value,
}

impl Json {
    /// Returns the document `root`.
    pub fn new(root: Value) -> Self {
        Json { root }
    }

    /// The outermost value.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The outermost value, to change. It must stay within [`MAX_DEPTH`].
    pub fn root_mut(&mut self) -> &mut Value {
        &mut self.root
    }

    /// The document as text without spaces.
    pub fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.root.print(&mut out, &Format::COMPACT);
        out
    }

    /// Appends the text from where `trail` leads on (nowhere to begin), until `out` has about `most` bytes. Returns whether that
    /// was all; if not, `trail` says how to go on.
    pub fn print_on(&self, out: &mut Vec<u8>, trail: &mut Vec<usize>, most: usize) -> bool {
        self.root.print_on(out, trail, most)
    }

    /// How many values it is made of.
    pub fn len(&self) -> usize {
        self.root.count()
    }

    /// Whether it is made of none: never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The word `OBJECT ENCODING` answers, for all values of modules.
    pub fn encoding(&self) -> &'static str {
        "raw"
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }
}

impl Default for Json {
    fn default() -> Self {
        Json::new(Value::Null)
    }
}
