//! Function libraries: their code, kept as it came with a file, so that no data set loses them here.

use crate::resp::parse::split_words;
use std::collections::BTreeMap;

/// All libraries take at most so many bytes. No known data set comes near; without an end a file could fill the memory.
const MAX_BYTES: usize = 64 << 20;
/// What a library takes beside its name and its code, about.
const AROUND: usize = 128;

/// Why a library is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibraryError {
    /// Its first line does not begin with `#!`.
    Missing,
    /// Its first line does not end, or its quotes are wrong.
    Invalid,
    /// Its first line says something that is not known, or says its name twice.
    Given(String),
    /// Its first line does not say its name.
    NoName,
    /// Its name is of other letters than a name may be of.
    BadName,
    /// Another library has its name.
    Exists(String),
    /// There would be too much of them.
    TooMuch,
}

impl std::fmt::Display for LibraryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing library metadata"),
            Self::Invalid => f.write_str("Invalid library metadata"),
            Self::Given(word) => write!(f, "Invalid metadata value given: {word}"),
            Self::NoName => f.write_str("Library name was not given"),
            Self::BadName => f.write_str(
                "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
            ),
            Self::Exists(name) => write!(f, "Library '{name}' already exists"),
            Self::TooMuch => write!(f, "function libraries take more than {} MiB", MAX_BYTES >> 20),
        }
    }
}

/// Libraries by name. Those of a file go with the keys wherever they go, but FLUSHALL leaves them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries {
    by_name: BTreeMap<String, Box<[u8]>>,
    bytes: usize,
}

impl Libraries {
    /// Keeps a library. Fails, and changes nothing, if its first line is not that of one, if there is one of its name and not
    /// to `replace`, or if there is no room.
    pub fn add(&mut self, code: &[u8], replace: bool) -> Result<(), LibraryError> {
        let name = name(code)?;
        let old = self.by_name.get(&name);
        if old.is_some() && !replace {
            return Err(LibraryError::Exists(name));
        }
        let bytes = self.bytes - old.map_or(0, |old| cost(&name, old)) + cost(&name, code);
        if bytes > MAX_BYTES {
            return Err(LibraryError::TooMuch);
        }
        self.bytes = bytes;
        self.by_name.insert(name, code.into());
        Ok(())
    }

    /// Iterates over the code of every library, by name.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.by_name.values().map(|code| &**code)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(name: &str, code: &[u8]) -> usize {
    name.len() + code.len() + AROUND
}

/// Returns the name that the first line of `code` gives it: `#!lua name=mylib`.
fn name(code: &[u8]) -> Result<String, LibraryError> {
    let line = code.strip_prefix(b"#!").ok_or(LibraryError::Missing)?;
    let end = line.iter().position(|byte| *byte == b'\n').ok_or(LibraryError::Invalid)?;
    let (mut words, mut spans, mut found) = (Vec::new(), Vec::new(), None);
    if !split_words(&line[..end], &mut words, &mut spans) {
        return Err(LibraryError::Invalid);
    }
    // The first word is the engine.
    for (from, to) in spans.into_iter().skip(1) {
        let word = String::from_utf8_lossy(&words[from..to]);
        match word.split_at_checked(5) {
            Some((key, name)) if key.eq_ignore_ascii_case("name=") && found.is_none() => found = Some(name.to_string()),
            _ => return Err(LibraryError::Given(word.into_owned())),
        }
    }
    let name = found.ok_or(LibraryError::NoName)?;
    let good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if good { Ok(name) } else { Err(LibraryError::BadName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_kept_under_the_name_its_first_line_says() {
        let mut all = Libraries::default();
        let (b, a) = (b"#!lua name=b\nreturn 1", b"#!lua NAME=\"a\"\n");
        all.add(b, false).unwrap();
        all.add(a, false).unwrap();
        assert_eq!(all.iter().collect::<Vec<_>>(), [&a[..], b]);
        assert_eq!((all.len(), all.bytes()), (2, 2 + a.len() + b.len() + 2 * AROUND));
        assert_eq!(all.add(b"#!lua name=a\n", false), Err(LibraryError::Exists("a".to_string())));
        all.add(b"#!lua name=a\nmore", true).unwrap();
        assert_eq!(all.iter().next(), Some(&b"#!lua name=a\nmore"[..]));
        assert_eq!(all.bytes(), 2 + 17 + b.len() + 2 * AROUND);
    }

    #[test]
    fn what_is_no_library_is_refused() {
        let given = |word: &str| LibraryError::Given(word.to_string());
        for (code, want) in [
            (&b""[..], LibraryError::Missing),
            (b"return 1", LibraryError::Missing),
            (b"#!lua name=a", LibraryError::Invalid),
            (b"#!lua name=\"a\n", LibraryError::Invalid),
            (b"#!lua\n", LibraryError::NoName),
            (b"#!\n", LibraryError::NoName),
            (b"#!lua name=\n", LibraryError::BadName),
            (b"#!lua name=a-b\n", LibraryError::BadName),
            (b"#!lua name=a name=b\n", given("name=b")),
            (b"#!lua name=a x\n", given("x")),
            (b"#!lua \xFF\xFF\xFF\xFF\n", given("\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")),
        ] {
            let mut all = Libraries::default();
            assert_eq!(all.add(code, true), Err(want));
            assert!(all.is_empty() && all.bytes() == 0);
        }
    }

    #[test]
    fn there_is_an_end_to_them() {
        let mut all = Libraries::default();
        let big = |name: &str| [format!("#!lua name={name}\n").as_bytes(), &vec![b' '; MAX_BYTES / 2]].concat();
        all.add(&big("a"), false).unwrap();
        assert_eq!(all.add(&big("b"), false), Err(LibraryError::TooMuch));
        all.add(&big("a"), true).unwrap();
        assert_eq!(all.len(), 1);
    }
}
