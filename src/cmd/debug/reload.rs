//! DEBUG RELOAD: all data through the state format and back, as a restart would do it.

use crate::engine::{Args, Ctx, Error, Outcome, Request};
use crate::rdb::{self, LoadOptions};

/// Saves, empties and loads, each unless told otherwise.
pub(super) fn reload(c: &mut Ctx, mut args: Args) -> Outcome {
    let (mut save, mut flush, mut merge) = (true, true, false);
    while args.more() {
        if args.word("NOSAVE") {
            save = false;
        } else if args.word("NOFLUSH") {
            flush = false;
        } else if args.word("MERGE") {
            merge = true;
        } else {
            return Err(Error::DebugReloadOption);
        }
    }
    let bytes = if save {
        let bytes = written(c);
        if let Some(Err(_)) = c.server.host.store_snapshot(&bytes) {
            return Err(Error::new("ERR"));
        }
        (c.ks.dirty, c.server.last_save_ms, c.server.saves.failed) = (0, c.ks.now, false);
        bytes
    } else {
        c.server.host.stored_snapshot().and_then(Result::ok).ok_or(Error::RdbLoad)?
    };
    load(c, &bytes, flush, merge)
}

/// Has the host load what its log holds. Where the log is not in files: writes all data to memory, and loads it from there.
pub(super) fn load_log(c: &mut Ctx) -> Outcome {
    if c.server.host.keeps_log_files() {
        c.request(Request::LoadLog);
        c.out.ok();
        return Ok(());
    }
    let bytes = written(c);
    load(c, &bytes, true, false)
}

fn written(c: &mut Ctx) -> Vec<u8> {
    let options = rdb::Options { now: c.ks.now, ..rdb::Options::default() };
    rdb::save(c.ks, options)
}

fn load(c: &mut Ctx, bytes: &[u8], flush: bool, merge: bool) -> Outcome {
    if flush {
        c.ks.clear();
    }
    let options = LoadOptions { now: c.ks.now, size: bytes.len() as u64, replace: merge, ..LoadOptions::default() };
    if let Err(why) = rdb::load(c.ks, bytes, options) {
        c.server.host.log(&format!("DEBUG RELOAD: {why}"));
        return Err(Error::RdbLoad);
    }
    c.out.ok();
    Ok(())
}
