//! A snapshot on its way into a storage: from the keyspace into chunks, and from there into transactions.

use super::record::{Manifest, seal};
use super::{Key, Options};
use crate::engine::Keyspace;
use crate::rdb::{self, crc64::Crc64};

/// How much is done before a host is asked whether there is more time: bytes gone over, 32 more for an entry.
const PIECE: usize = 32 << 10;

/// A snapshot being taken.
pub(super) struct Taking {
    /// What the manifest will be.
    pub(super) manifest: Manifest,
    /// Bytes of the records that it makes superfluous.
    pub(super) log_bytes: u64,
    /// The log waits for it: see [`super::Persist::replaced`].
    pub(super) held: bool,
    /// The number of the snapshot.
    number: u64,
    /// Bytes in no chunk yet.
    bytes: Vec<u8>,
    /// Chunks in no transaction yet, and their bytes.
    chunks: Vec<(Key, Vec<u8>)>,
    ready: usize,
    /// Everything is in chunks.
    complete: bool,
}

impl Taking {
    /// Begins a snapshot of `ks` as it is now, which `manifest` is about.
    pub(super) fn begin(ks: &mut Keyspace, options: &Options, manifest: Manifest, log_bytes: u64, held: bool) -> Self {
        let options = rdb::Options { compress: options.compress, now: manifest.time, ..rdb::Options::default() };
        let writer = rdb::Writer::new(ks, options);
        let number = ks.snapshot_begin(Box::new(writer));
        let (bytes, chunks) = (Vec::new(), Vec::new());
        Taking { manifest, log_bytes, held, number, bytes, chunks, ready: 0, complete: false }
    }

    /// Whether the keyspace is still at it.
    pub(super) fn is_running(&self, ks: &Keyspace) -> bool {
        ks.is_taking(self.number)
    }

    /// Whether nothing is left to be taken.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Bytes that wait for a transaction.
    pub(super) fn waiting(&self) -> usize {
        self.ready + self.bytes.len()
    }

    /// Goes on as long as there is `more` time and not enough waits to be written.
    pub(super) fn go_on(&mut self, ks: &mut Keyspace, options: &Options, crc: &Crc64, mut more: impl FnMut() -> bool) {
        while !self.complete && self.ready < options.batch {
            self.complete = !ks.snapshot_step(PIECE.min(options.chunk));
            self.add(ks.snapshot_take());
            self.cut(options.chunk, crc);
            if !more() {
                return;
            }
        }
    }

    /// Takes the chunks if they fill a transaction, or are the last.
    pub(super) fn take_chunks(&mut self, options: &Options) -> Vec<(Key, Vec<u8>)> {
        if !self.complete && self.ready < options.batch {
            return Vec::new();
        }
        self.ready = 0;
        std::mem::take(&mut self.chunks)
    }

    /// Takes bytes of the writer.
    fn add(&mut self, bytes: Vec<u8>) {
        if self.bytes.is_empty() {
            self.bytes = bytes;
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
    }

    /// Makes chunks of what there is.
    fn cut(&mut self, size: usize, crc: &Crc64) {
        let full = if self.complete { self.bytes.len() } else { self.bytes.len() / size * size };
        for chunk in self.bytes[..full].chunks(size) {
            let key = Key::Chunk(self.manifest.generation, self.manifest.chunks);
            self.chunks.push((key, seal(crc, key, chunk)));
            self.manifest.chunks += 1;
            self.manifest.bytes += chunk.len() as u64;
            self.ready += chunk.len();
        }
        self.bytes.drain(..full);
    }
}
