//! Paths into a document: the JSONPath dialect of RedisJSON, and the paths of its first version.
//!
//! A path that begins with `$` is JSONPath as Goessner described it, with the selectors of RFC 9535 and RedisJSON's liberties: a
//! point before a bracket, blanks, `=~`. Any other is of the first version, and is read as JSONPath behind `$.`; what is different is
//! what commands make of its matches. Both readers and the walk are ours, because no crate reads the liberties or bounds the work:
//! nesting is limited when a path is read, and the steps of a walk are counted. Where the dialects agree the matches are compared
//! with those of a crate in `tests/json_path.rs`.

mod filter;
mod parse;
mod walk;

pub use walk::{Match, TooMuch};

use super::value::Value;
use filter::Filter;

/// Where a path leads is said by these, one after the other.
#[derive(Debug)]
pub struct Segment {
    /// The selectors apply to all containers below as well.
    descend: bool,
    selectors: Vec<Selector>,
}

/// What is chosen of a container.
#[derive(Debug)]
pub enum Selector {
    Name(Box<str>),
    /// Counts from the end if negative.
    Index(i64),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    All,
    Filter(Box<Filter>),
}

/// Which of the two kinds of paths was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    No,
    Yes,
}

/// The last part of a path that can lead to one place only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last<'p> {
    Key(&'p str),
    Index(i64),
}

/// Why a path is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Where reading ended, in bytes.
    pub at: usize,
    /// What could have stood there.
    pub expected: &'static str,
}

/// A path that was read.
#[derive(Debug)]
pub struct Path {
    segments: Vec<Segment>,
}

impl Path {
    /// Whether `text` is a path of the first version.
    pub fn kind(text: &str) -> Legacy {
        if text.starts_with('$') { Legacy::No } else { Legacy::Yes }
    }

    /// Returns `text` as JSONPath, as errors name it.
    pub fn fixed(text: &str) -> String {
        match text {
            "." => "$".to_string(),
            _ if text.starts_with('$') => text.to_string(),
            _ if text.starts_with('.') => format!("${text}"),
            _ => format!("$.{text}"),
        }
    }

    /// Reads a path of either kind.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::parse(&Path::fixed(text)).map(|segments| Path { segments })
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// The path without its last part, and that part, if it is one that can lead to one place only.
    pub fn parent(&self) -> Option<(Prefix<'_>, Last<'_>)> {
        let single = |segment: &Segment| {
            !segment.descend && matches!(segment.selectors[..], [Selector::Name(_) | Selector::Index(_)])
        };
        if !self.segments.iter().all(single) {
            return None;
        }
        let (last, before) = self.segments.split_last()?;
        let last = match &last.selectors[..] {
            [Selector::Name(name)] => Last::Key(name),
            [Selector::Index(index)] => Last::Index(*index),
            _ => return None,
        };
        Some((Prefix(before), last))
    }

    /// All values it leads to in `root`, in order; one that is reached in several ways comes several times.
    pub fn select<'v>(&'v self, root: &'v Value) -> Result<Vec<&'v Value>, TooMuch> {
        walk::values(&self.segments, root)
    }

    /// Where all of them are, without repetitions.
    pub fn locate(&self, root: &Value) -> Result<Vec<Match>, TooMuch> {
        walk::places(&self.segments, root)
    }
}

/// The beginning of a path.
pub struct Prefix<'p>(&'p [Segment]);

impl Prefix<'_> {
    /// Where it leads in `root`.
    pub fn locate(&self, root: &Value) -> Result<Option<Match>, TooMuch> {
        Ok(walk::places(self.0, root)?.into_iter().next())
    }
}

/// The place in an array of `len` that an index means: from the end if negative, and no further than the beginning.
pub(super) fn place_of(index: i64, len: usize) -> Option<usize> {
    let at = if index < 0 { index.saturating_add(len as i64).max(0) } else { index };
    usize::try_from(at).ok().filter(|at| *at < len)
}
