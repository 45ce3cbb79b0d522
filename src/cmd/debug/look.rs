//! DEBUG's looks into values and tables.

use crate::ds::hash::Hash;
use crate::engine::entry::{Entry, Value};
use crate::engine::keyspace::Clock;
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Outcome};
use crate::rdb;

/// A DUMP payload has beside the value its type, the version and a checksum.
const AROUND_VALUE: usize = 1 + 2 + 8;
/// Integers below this are shared in Redis, which shows in their count of references.
const SHARED_INTEGERS: i64 = 10_000;

/// Describes a value.
pub(super) fn object(c: &mut Ctx, mut args: Args) -> Outcome {
    let key = args.next()?;
    let fast = args.word("FAST");
    args.end()?;
    let (clock, lru) = (c.ks.lru_clock(), c.ks.clock == Clock::Lru);
    let limit = c.ks.limits.list;
    // Whether lists are to be compressed; none is, here, as the parameter says.
    let compressed = u8::from(c.server.config.other.get("list-compress-depth").is_some_and(|depth| depth != "0"));
    let entry: &Entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let idle = if lru { clock.wrapping_sub(entry.clock()) & 0xff_ffff } else { 0 };
    let length = if fast { String::new() } else { format!(" serializedlength:{}", serialized(entry)) };
    let references = match entry.text() {
        Some(crate::ds::listpack::Elem::Int(n)) if (0..SHARED_INTEGERS).contains(&n) => i32::MAX,
        _ => 1,
    };
    let mut text = format!(
        "Value at:{entry:p} refcount:{references} encoding:{}{length} lru:{} lru_seconds_idle:{idle}",
        entry.encoding(),
        entry.clock(),
    );
    if let Value::Object(Object::List(list)) = entry.value()
        && list.encoding() == "quicklist"
    {
        let nodes = list.node_count().max(1);
        let bytes: usize = list.nodes().map(|(_, bytes)| bytes.len()).sum();
        let mean = list.len() as f64 / nodes as f64;
        text.push_str(&format!(
            " ql_nodes:{nodes} ql_avg_node:{mean:.2} ql_listpack_max:{limit} ql_compressed:{compressed} ql_uncompressed_size:{bytes}"
        ));
    }
    c.out.simple(&text);
    Ok(())
}

fn serialized(entry: &Entry) -> usize {
    rdb::dump(entry, 12).len().saturating_sub(AROUND_VALUE)
}

/// Writes a listpack to the log.
pub(super) fn listpack(c: &mut Ctx, key: &[u8]) -> Outcome {
    let entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    if entry.encoding() != "listpack" {
        return Err(Error::NotListpack);
    }
    let text = format!("Listpack of {} bytes", entry.heap_bytes());
    c.server.host.log(&text);
    c.out.simple("Listpack structure printed on stdout");
    Ok(())
}

/// Writes the nodes of a quicklist to the log.
pub(super) fn quicklist(c: &mut Ctx, key: &[u8]) -> Outcome {
    let entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let Value::Object(Object::List(list)) = entry.value() else { return Err(Error::NotQuicklist) };
    let nodes = list.nodes().map(|(plain, bytes)| format!("{}{}", if plain { "plain " } else { "" }, bytes.len()));
    let text = format!("Quicklist of nodes with bytes: {}", nodes.collect::<Vec<_>>().join(", "));
    c.server.host.log(&text);
    c.out.simple("Quicklist structure printed on stdout");
    Ok(())
}

/// Tells how long a key and its string are.
pub(super) fn lengths(c: &mut Ctx, key: &[u8]) -> Outcome {
    let entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let text = match entry.text() {
        Some(crate::ds::listpack::Elem::Str(text)) => text.len(),
        _ => return Err(Error::NotSds),
    };
    let (key_len, bytes) = (key.len(), entry.heap_bytes());
    c.out.simple(&format!(
        "key_sds_len:{key_len}, key_sds_avail:0, key_zmalloc: {key_len}, val_sds_len:{text}, val_sds_avail:0, val_zmalloc: {bytes}"
    ));
    Ok(())
}

/// Describes the tables of a database.
pub(super) fn tables(c: &mut Ctx, mut args: Args) -> Outcome {
    let db = usize::try_from(args.int()?).ok().filter(|db| *db < c.ks.db_count()).ok_or(Error::OutOfRangeDb)?;
    let (keys, volatile) = c.ks.in_db(db, |ks| (ks.len(), ks.volatile().0));
    let text = format!("[Dictionary HT]\n{}[Expires HT]\n{}", described(keys), described(volatile));
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Describes the table of a value.
pub(super) fn table(c: &mut Ctx, key: &[u8]) -> Outcome {
    let entry = c.ks.peek(key).ok_or(Error::NoSuchKey)?;
    let len = match entry.value() {
        Value::Object(object @ (Object::Hash(_) | Object::Set(_) | Object::Zset(_)))
            if matches!(object.encoding(), "hashtable" | "skiplist") =>
        {
            object.len()
        }
        _ => return Err(Error::NotHashTable),
    };
    let text = described(len);
    c.out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// A table that holds so many elements. Ours have no chains.
fn described(len: usize) -> String {
    if len == 0 {
        return "No stats available for empty dictionaries\n".to_string();
    }
    let size = len.next_power_of_two().max(4);
    format!(
        "Hash table 0 stats (main hash table):\n table size: {size}\n number of elements: {len}\n different slots: {len}\n \
         max chain length: 1\n avg chain length (counted): 1.00\n avg chain length (computed): 1.00\n"
    )
}

/// How large the parts of the keyspace are.
pub(super) fn sizes(c: &mut Ctx) -> Outcome {
    let text = format!("bits:{} entry:{} hash:{}", usize::BITS, size_of::<Entry>(), size_of::<Hash>());
    c.out.simple(&text);
    Ok(())
}
