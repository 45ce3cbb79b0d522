//! A key as it is, as one command: for those who cannot be given the commands that made it so.

use crate::engine::Keyspace;
use crate::engine::keyspace::Expiry;
use crate::rdb;

/// The version of the format in which values go to others: what keeps all of every type.
const VERSION: u8 = 12;

/// What makes `key` of database `db` what it is here, whatever it was: RESTORE or DEL. A due key is not hidden: the DEL that ends it
/// comes by itself.
pub(super) fn of(ks: &mut Keyspace, db: usize, key: &[u8]) -> Vec<Vec<u8>> {
    let expiry = std::mem::replace(&mut ks.expiry, Expiry::Ignores);
    let found = ks.in_db(db, |ks| ks.see_entry(key).map(|entry| (entry.expire(), rdb::dump(entry, VERSION))));
    ks.expiry = expiry;
    match found {
        None => vec![b"DEL".to_vec(), key.to_vec()],
        Some((at, payload)) => {
            let at = at.unwrap_or(0).to_string().into_bytes();
            vec![b"RESTORE".to_vec(), key.to_vec(), at, payload, b"REPLACE".to_vec(), b"ABSTTL".to_vec()]
        }
    }
}
