//! Making a stream from what was saved, piece by piece, trusting none of it.

use super::id::Id;
use super::node::Node;
use super::{Log, Stream};
use crate::ds::listpack::Listpack;

/// What was saved about a stream beside its nodes and groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// How many entries it has.
    pub len: u64,
    /// The last id.
    pub last_id: Id,
    /// The first id, the largest that was deleted, and how many entries were ever added; not known of old streams.
    pub rest: Option<(Id, Id, u64)>,
}

impl Stream {
    /// Adds a node behind all others. Returns false if it is not one, or does not belong there.
    pub fn load_node(&mut self, master: Id, bytes: Vec<u8>) -> bool {
        let log: &mut Log = self;
        let Some((node, last)) = Listpack::from_bytes(bytes).and_then(|pack| Node::checked(pack, master)) else {
            return false;
        };
        // While nodes are loaded the last id is that of the last entry that is there.
        let in_order = log.tail.as_ref().is_none_or(|(before, _)| master > *before && master > log.last_id);
        if in_order {
            log.len += node.counts().0;
            log.last_id = last.unwrap_or(log.last_id);
            if let Some((master, node)) = log.tail.replace((master, node)) {
                log.sealed.insert(master, node);
            }
        }
        in_order
    }

    /// Completes the entries. Returns false if they are not what the summary says.
    pub fn load_summary(&mut self, summary: &Summary) -> bool {
        let log: &mut Log = self;
        if log.len != summary.len || log.last_id > summary.last_id {
            return false;
        }
        log.last_id = summary.last_id;
        log.find_first();
        match summary.rest {
            // Its first id is what the nodes say: a wrong one would lead readers astray.
            Some((_, max_deleted_id, added)) => (log.max_deleted_id, log.added) = (max_deleted_id, added),
            None => log.added = log.len,
        }
        true
    }
}
