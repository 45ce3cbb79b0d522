//! The form of stored values: a head that says what it is, where it belongs, how long it is and its checksum; and the manifest.

use super::Key;
use crate::base::num::parse_u64;
use crate::rdb::crc64::Crc64;
use crate::resp::{encode, parse};

/// `tabdis`, a letter for the kind and the version of this form; then length, place, checksum, all little endian.
const HEAD: usize = 8 + 8 + 16 + 8;
/// The version of what the manifest describes.
const FORMAT: u64 = 1;
/// No count comes so far; behind it adding would not go on for ever.
const MAX: u64 = 1 << 62;

/// Returns `payload` as it is stored under `key`.
pub(super) fn seal(crc: &Crc64, key: Key, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + payload.len());
    out.extend_from_slice(&head(key, payload.len()));
    let sum = crc.update(crc.update(0, &out), payload);
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(payload);
    out
}

/// Returns the version of the form of a value, if it begins as one of this project does.
pub(super) fn form(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [b't', b'a', b'b', b'd', b'i', b's', b'C' | b'E' | b'L' | b'M', version @ b'1'..=b'9', ..] => {
            Some(u64::from(version - b'0'))
        }
        _ => None,
    }
}

/// Returns the payload of what is stored under `key`, or what is wrong with it.
pub(super) fn unseal<'a>(crc: &Crc64, key: Key, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
    let Some((head_bytes, payload)) = bytes.split_at_checked(HEAD) else { return Err("it is cut off in its head") };
    let (about, sum) = head_bytes.split_at(HEAD - 8);
    let want = head(key, payload.len());
    if about[..8] != want[..8] {
        return Err("it is not of this kind");
    }
    if about[8..16] != want[8..16] {
        return Err("it is not as long as it says");
    }
    if about[16..] != want[16..] {
        return Err("it belongs elsewhere");
    }
    let found = crc.update(crc.update(0, about), payload).to_le_bytes();
    if found == sum { Ok(payload) } else { Err("its checksum is wrong") }
}

/// The head without the checksum.
fn head(key: Key, len: usize) -> [u8; HEAD - 8] {
    let (letter, a, b) = match key {
        Key::Chunk(generation, n) => (b'C', generation, n),
        Key::Epoch => (b'E', 0, 0),
        Key::Log(n) => (b'L', n, 0),
        Key::Manifest | Key::End => (b'M', 0, 0),
    };
    let mut out = [0; HEAD - 8];
    out[..8].copy_from_slice(&[b't', b'a', b'b', b'd', b'i', b's', letter, b'1']);
    for (n, word) in [len as u64, a, b].into_iter().enumerate() {
        out[8 + 8 * n..16 + 8 * n].copy_from_slice(&word.to_le_bytes());
    }
    out
}

/// Which snapshot and which part of the log count. Stored as one command of words, so that later versions can add some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The generation of the snapshot; 0 is none, which stands for no keys.
    pub generation: u64,
    /// Chunks of the snapshot.
    pub chunks: u64,
    /// Bytes of the snapshot.
    pub bytes: u64,
    /// The first record of the log that the snapshot does not hold.
    pub log: u64,
    /// Bytes of effects before that record, counted from the beginning of the history.
    pub offset: u64,
    /// When the snapshot was taken, ms since the epoch.
    pub time: u64,
    /// What the owner wants to know again: words and values of its own.
    pub notes: Vec<(String, Vec<u8>)>,
}

/// What is wrong with a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ManifestError {
    /// It was written by a later version.
    Newer(u64),
    /// It is not one.
    Malformed,
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let numbers = [
            ("format", FORMAT),
            ("generation", self.generation),
            ("chunks", self.chunks),
            ("bytes", self.bytes),
            ("log", self.log),
            ("offset", self.offset),
            ("time", self.time),
        ];
        let mut words: Vec<Vec<u8>> = vec![b"MANIFEST".to_vec()];
        for (name, n) in numbers {
            words.extend([name.as_bytes().to_vec(), n.to_string().into_bytes()]);
        }
        for (name, value) in &self.notes {
            words.extend([format!("note:{name}").into_bytes(), value.clone()]);
        }
        let mut out = Vec::new();
        encode::command(&mut out, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut parser = parse::Parser::trusted();
        let Ok(Some(frame)) = parser.next(bytes) else { return Err(ManifestError::Malformed) };
        let argv = frame.argv();
        let [b"MANIFEST", pairs @ ..] = &argv[..] else { return Err(ManifestError::Malformed) };
        let (pairs, rest) = pairs.as_chunks::<2>();
        let value = |name: &[u8]| pairs.iter().find(|[n, _]| *n == name).and_then(|[_, value]| parse_u64(value));
        match value(b"format") {
            Some(FORMAT) => {}
            Some(newer) => return Err(ManifestError::Newer(newer)),
            None => return Err(ManifestError::Malformed),
        }
        let need = |name: &[u8]| value(name).filter(|n| *n <= MAX).ok_or(ManifestError::Malformed);
        let note = |[name, value]: &[&[u8]; 2]| {
            let name = name.strip_prefix(b"note:")?;
            Some((String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        };
        if !rest.is_empty() {
            return Err(ManifestError::Malformed);
        }
        Ok(Manifest {
            generation: need(b"generation")?,
            chunks: need(b"chunks")?,
            bytes: need(b"bytes")?,
            log: need(b"log")?,
            offset: need(b"offset")?,
            time: need(b"time")?,
            notes: pairs.iter().filter_map(note).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_whole_and_in_its_place() {
        let crc = Crc64::default();
        for (key, payload) in [(Key::Chunk(7, 9), &b"some bytes"[..]), (Key::Log(3), b""), (Key::Manifest, b"m")] {
            let sealed = seal(&crc, key, payload);
            assert_eq!(unseal(&crc, key, &sealed), Ok(payload));
            for other in [Key::Chunk(7, 8), Key::Chunk(8, 9), Key::Log(4), Key::Epoch] {
                assert!(unseal(&crc, other, &sealed).is_err());
            }
            for cut in 0..sealed.len() {
                assert!(unseal(&crc, key, &sealed[..cut]).is_err());
            }
            for at in 0..sealed.len() {
                let mut wrong = sealed.clone();
                wrong[at] ^= 0x10;
                assert!(unseal(&crc, key, &wrong).is_err());
            }
        }
    }

    #[test]
    fn a_manifest_is_read_back_and_may_hold_more_than_is_known() {
        let notes = vec![("replid".to_string(), b"abc\r\n".to_vec())];
        let manifest = Manifest { generation: 3, chunks: 2, bytes: 700, log: 41, offset: 1 << 40, time: 5, notes };
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest));
        for cut in 0..bytes.len() {
            assert_eq!(Manifest::decode(&bytes[..cut]), Err(ManifestError::Malformed));
        }
        for wrong in [MAX + 1, u64::MAX] {
            let bytes = Manifest { generation: wrong, ..Manifest::default() }.encode();
            assert_eq!(Manifest::decode(&bytes), Err(ManifestError::Malformed));
        }
        let mut out = Vec::new();
        encode::command(&mut out, &[b"MANIFEST", b"format", b"2", b"other", b"x"]);
        assert_eq!(Manifest::decode(&out), Err(ManifestError::Newer(2)));
    }
}
