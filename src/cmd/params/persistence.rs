//! Parameters of snapshots and of the log.

use super::forms::{ANY_INT, INT, LONG, any_words, file_name, joined, loose_int};
use super::{Kind, Param};

pub(super) const PARAMS: &[Param] = &[
    Param::stored("save", Kind::Words(save_points), "").hosted(),
    Param::stored("dir", Kind::Text, ".").protected().hosted(),
    Param::stored("dbfilename", Kind::Special(snapshot_name), "dump.rdb").protected().hosted(),
    Param::stored("rdbcompression", Kind::Bool, "yes").hosted(),
    Param::stored("rdbchecksum", Kind::Bool, "yes").fixed().hosted(),
    Param::stored("rdb-save-incremental-fsync", Kind::Bool, "yes"),
    Param::stored("rdb-del-sync-files", Kind::Bool, "no"),
    Param::stored("rdb-key-save-delay", Kind::Int(i32::MIN as i64, INT), "0").hidden().hosted(),
    Param::stored("key-load-delay", Kind::Int(i32::MIN as i64, INT), "0").hidden().hosted(),
    Param::stored("stop-writes-on-bgsave-error", Kind::Bool, "yes"),
    // Whether changes are kept in a log of files. Turned on while the server runs, it begins with a rewrite.
    Param::stored("appendonly", Kind::Bool, "no").hosted(),
    // What the files' names begin with, and the folder they are in.
    Param::stored("appendfilename", Kind::Special(log_name), "appendonly.aof").fixed(),
    Param::stored("appenddirname", Kind::Special(log_folder), "appendonlydir").fixed(),
    // When the disk has what was written: before the reply; once a second, beside commands; when the system likes.
    Param::stored("appendfsync", Kind::Enum(&["everysec", "always", "no"]), "everysec").hosted(),
    // No syncs while a snapshot or a new base is written.
    Param::stored("no-appendfsync-on-rewrite", Kind::Bool, "no").hosted(),
    // The log is rewritten when it is so much larger than after the last rewrite (0: never), and than so many bytes.
    Param::stored("auto-aof-rewrite-percentage", ANY_INT, "100").hosted(),
    Param::stored("auto-aof-rewrite-min-size", Kind::Memory(0, LONG), "67108864").hosted(),
    // A torn end of the last file is cut off at the start; else it ends the start.
    Param::stored("aof-load-truncated", Kind::Bool, "yes").hosted(),
    // The base is a snapshot; else it is commands too.
    Param::stored("aof-use-rdb-preamble", Kind::Bool, "yes").hosted(),
    // Remarks in the log say when what follows them was changed.
    Param::stored("aof-timestamp-enabled", Kind::Bool, "no").hosted(),
    // Files that a rewrite made superfluous stay.
    Param::stored("aof-disable-auto-gc", Kind::Bool, "no").hosted(),
    // A new base is synced every few megabytes, not only at its end.
    Param::stored("aof-rewrite-incremental-fsync", Kind::Bool, "yes").hosted(),
    // There are no processes for these, only slices of the one thread.
    Param::stored("aof_rewrite_cpulist", Kind::Text, "").fixed(),
    Param::stored("bgsave_cpulist", Kind::Text, "").fixed(),
    Param::stored("loading-process-events-interval-bytes", Kind::Int(1024, INT), "2097152").hidden(),
    Param::stored("loadmodule", Kind::Words(any_words), "").fixed().hidden(),
];

/// Pairs of seconds and changes.
fn save_points(new: &[&str], _old: &str) -> Result<String, String> {
    let bad = "Invalid save parameters";
    let new = if new == [""] { &[] } else { new };
    let numbers: Vec<i64> = new.iter().map(|word| loose_int(word).ok_or(bad)).collect::<Result<_, _>>()?;
    let good = numbers.chunks(2).all(|pair| matches!(pair, [seconds, changes] if *seconds >= 1 && *changes >= 0));
    if good { Ok(joined(&numbers)) } else { Err(bad.to_string()) }
}

fn snapshot_name(new: &str, _old: &str) -> Result<String, String> {
    file_name("dbfilename can't be a path, just a filename", new)
}

fn log_name(new: &str, _old: &str) -> Result<String, String> {
    file_name("appendfilename can't be a path, just a filename", new)
}

fn log_folder(new: &str, _old: &str) -> Result<String, String> {
    file_name("appenddirname can't be a path, just a dirname", new)
}
