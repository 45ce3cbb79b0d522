//! Going on with a storage that another owner has written: whoever followed that owner has nearly all of it in memory, so only what is
//! missing is read.

use super::open::Opening;
use super::{Mark, OpenError, Options, Persist, Progress, Report, Storage};
use crate::engine::Engine;

/// What is in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here {
    /// Bytes of effects behind it, from the beginning of the history.
    pub offset: u64,
    /// A place in the log that was stored for certain.
    pub mark: Mark,
}

/// What came of it.
pub enum Resumed {
    /// The engine has all that is stored, and perhaps more: [`Report::offset`] says how far the log goes. The storage is claimed.
    Ours(Box<(Persist, Report)>),
    /// What is stored is another history, or begins behind what the engine has: it has to be loaded as a whole. Nothing
    /// was written.
    Other,
}

/// Brings `engine`, which followed the owner of `storage` up to [`Here::offset`], to what is stored there, and claims the storage. `agree`
/// gets the notes of the manifest, by their words, and says up to which offset what is stored and what is in memory are the same
/// history, as far as both go; what is in memory beyond that would be wrong.
pub async fn resume<S: Storage>(
    storage: &S,
    engine: &mut Engine,
    here: Here,
    agree: impl Fn(&[(String, Vec<u8>)]) -> u64,
    options: Options,
    pause: impl AsyncFn(Progress),
) -> Result<Resumed, OpenError> {
    let mut opening = Opening::new(storage, pause);
    let stored = opening.value(super::Key::Manifest, super::Key::End).await?;
    if !opening.read_manifest(stored.as_deref()).await? {
        return Ok(Resumed::Other);
    }
    let manifest = &opening.report.manifest;
    if here.offset > agree(&manifest.notes) || here.offset < manifest.offset {
        return Ok(Resumed::Other);
    }
    let begin = Mark { record: manifest.log, offset: manifest.offset };
    let from = if here.mark.record > begin.record { here.mark } else { begin };
    opening.report.log_bytes = from.offset - begin.offset;
    (opening.next, opening.report.offset, opening.skip, opening.keep) = (from.record, from.offset, here.offset, true);
    let claim = opening.replay_and_claim(engine, stored.as_deref()).await?;
    if claim.is_none() {
        return Ok(Resumed::Other);
    }
    Ok(Resumed::Ours(Box::new(opening.end(claim, options))))
}
