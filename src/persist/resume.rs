//! Going on with a storage that another owner has written: whoever followed that owner has nearly all of it in memory, so only what is
//! missing is read.

use super::open::Opening;
use super::{Mark, OpenError, Options, Persist, Progress, Report, Storage};

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
    /// What is stored goes up to [`Report::offset`]; what of it was missing is in [`Report::replayed`]. The storage is claimed.
    Ours(Box<(Persist, Report)>),
    /// What is stored is another history, or begins behind what the engine has: it has to be loaded as a whole. Nothing
    /// was written.
    Other,
}

/// Claims `storage` for `owner`, whose engine followed the one who had it up to [`Here::offset`], and reads what is stored beyond that.
/// The engine is left alone, so that it can go on meanwhile. `agree` gets the notes of the manifest, by their words, and says up to
/// which offset what is stored and what is in memory are the same history, as far as both go; what is in memory beyond that would
/// be wrong.
pub async fn resume<S: Storage>(
    storage: &S,
    owner: &str,
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
    let known = here.mark.record > begin.record && here.mark.offset <= here.offset;
    let from = if known { here.mark } else { begin };
    opening.report.log_bytes = from.offset - begin.offset;
    (opening.next, opening.report.offset, opening.skip) = (from.record, from.offset, here.offset);
    let claim = opening.replay_and_claim(None, owner, stored.as_deref()).await?;
    if claim.is_none() {
        return Ok(Resumed::Other);
    }
    Ok(Resumed::Ours(Box::new(opening.end(claim, options))))
}
