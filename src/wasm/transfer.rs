//! The data as an RDB file, out and in, a few milliseconds at a time: JavaScript calls as long as there is something to do, and
//! lets others run in between.

use super::class::{Host, on};
use super::clock::clock_us;
use super::place::failure;
use super::store::{SLICE_US, take_over};
use crate::engine::Keyspace;
use crate::rdb::{self, LoadOptions, RdbError, Reader};
use wasm_bindgen::prelude::*;

/// How much is done between two looks at the clock: bytes gone over, 32 more for an entry.
const PIECE: usize = 32 << 10;

/// What is under way.
#[derive(Default)]
pub struct Transfers {
    /// The number of the snapshot that is written.
    export: Option<u64>,
    /// A file that is loaded aside.
    import: Option<(Keyspace, Reader)>,
}

#[wasm_bindgen]
impl Host {
    /// Begins to write the data of this moment. Returns whether it did: one snapshot is taken at a time.
    #[wasm_bindgen(js_name = beginExport)]
    pub fn begin_export(&self, now: f64) -> Result<bool, JsError> {
        on(|state| {
            let ks = &mut state.engine.ks;
            if ks.snapshot_running() {
                return false;
            }
            let writer = rdb::Writer::new(ks, rdb::Options { now: now as u64, ..rdb::Options::default() });
            state.transfers.export = Some(ks.snapshot_begin(Box::new(writer)));
            true
        })
    }

    /// Goes on with it. Returns the next bytes of the file, nothing when all were returned. Fails with `{code, message}` if the
    /// snapshot was given up because all data was replaced.
    #[wasm_bindgen(js_name = exportStep)]
    pub fn export_step(&self) -> Result<Option<Vec<u8>>, JsValue> {
        on(|state| {
            let ks = &mut state.engine.ks;
            let Some(number) = state.transfers.export else { return Ok(None) };
            if !ks.is_taking(number) {
                state.transfers.export = None;
                return Err(failure("INTERRUPTED", "all data was replaced while it was exported".to_string()));
            }
            let until = clock_us() + SLICE_US;
            let mut more = true;
            while more && clock_us() < until {
                more = ks.snapshot_step(PIECE);
            }
            state.transfers.export = more.then_some(number);
            Ok(Some(ks.snapshot_take()))
        })?
    }

    /// How many keys the export has not come to yet.
    #[wasm_bindgen(js_name = exportLeft)]
    pub fn export_left(&self) -> Result<f64, JsError> {
        on(|state| state.engine.ks.snapshot_left() as f64)
    }

    /// Gives the export up.
    #[wasm_bindgen(js_name = cancelExport)]
    pub fn cancel_export(&self) -> Result<(), JsError> {
        on(|state| {
            if state.transfers.export.take().is_some_and(|number| state.engine.ks.is_taking(number)) {
                state.engine.ks.snapshot_end();
            }
        })
    }

    /// Begins to load a file of `size` bytes, beside the data there is. Returns whether it did: one is loaded at a time.
    #[wasm_bindgen(js_name = beginImport)]
    pub fn begin_import(&self, size: f64, now: f64) -> Result<bool, JsError> {
        on(|state| {
            if state.transfers.import.is_some() {
                return false;
            }
            let options = LoadOptions { now: now as u64, size: size as u64, ..LoadOptions::default() };
            state.transfers.import = Some((state.engine.ks.beside(), Reader::new(options)));
            true
        })
    }

    /// Loads the next bytes of the file. Fails with `{code, message}` if they are wrong; the import has ended then.
    #[wasm_bindgen(js_name = importPiece)]
    pub fn import_piece(&self, bytes: &[u8]) -> Result<(), JsValue> {
        let outcome = on(|state| {
            let Some((ks, reader)) = &mut state.transfers.import else { return Ok(()) };
            match reader.push(ks, bytes) {
                Ok(used) if used == bytes.len() => Ok(()),
                Ok(_) => Err(RdbError::Corrupt("something follows its end")),
                Err(error) => Err(error),
            }
            .inspect_err(|_| state.transfers.import = None)
        });
        outcome?.map_err(|error| wrong(&error))
    }

    /// Puts what was loaded in the place of all data. Returns how many keys there are. Fails with `{code, message}` if the file
    /// has not ended; the import has ended in any case.
    #[wasm_bindgen(js_name = finishImport)]
    pub fn finish_import(&self, now: f64) -> Result<f64, JsValue> {
        let outcome = on(|state| {
            let Some((ks, reader)) = state.transfers.import.take() else { return Err(RdbError::Truncated) };
            let report = reader.finish()?;
            take_over(state, ks, now as u64);
            Ok(report.keys as f64)
        });
        outcome?.map_err(|error| wrong(&error))
    }

    /// Gives the import up. The data is what it was.
    #[wasm_bindgen(js_name = cancelImport)]
    pub fn cancel_import(&self) -> Result<(), JsError> {
        on(|state| state.transfers.import = None)
    }
}

/// What is wrong with a file, in a word and a sentence.
fn wrong(error: &RdbError) -> JsValue {
    let code = match error {
        RdbError::NotRdb => "FORMAT",
        RdbError::Version(_) => "VERSION",
        RdbError::Truncated => "TRUNCATED",
        RdbError::Checksum => "CHECKSUM",
        RdbError::Module(..) => "MODULE",
        _ => "CORRUPT",
    };
    failure(code, error.to_string())
}
