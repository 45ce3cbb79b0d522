//! A value under another key or in another database: COPY, MOVE, RENAME.

use crate::engine::events::GENERIC;
use crate::engine::{Ctx, Error, Group, Keyspace, Outcome, Row, args, flag};

pub(super) const COPY: Row = Row {
    name: "COPY",
    group: Group::Generic,
    since: "6.2.0",
    arity: -3,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]; idx:2/range:last=0,step=1,limit=0[OW,UPDATE]",
    summary: "Copies a value with its expiry to another key, of another database if wanted. Returns 1, or 0 if the source is missing or the destination is there.",
    complexity: "O(N) for N elements of the value",
    syntax: "source destination [DB destination-db] [REPLACE]",
    ts: "(source: Key, destination: Key, ...options: Arg[]): number",
    example: "> SET a 1\nOK\n> COPY a b\n(integer) 1\n> GET b\n\"1\"\n> COPY a b\n(integer) 0\n> COPY a b REPLACE\n(integer) 1\n> COPY a a DB 1\n(integer) 1",
    run: copy,
    ..Row::NONE
};

fn copy(c: &mut Ctx) -> Outcome {
    let (from, to) = (c.argv[1], c.argv[2]);
    let mut args = c.args();
    args.take(2)?;
    let (mut db, mut replace) = (c.ks.db(), false);
    while args.more() {
        if args.word("REPLACE") {
            replace = true;
        } else if args.left() >= 2 && args.word("DB") {
            db = database(c.ks, args.next()?)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    if db == c.ks.db() && from == to {
        return Err(Error::SameObject);
    }
    let copied = match c.ks.read(from).is_some() {
        true => c.ks.in_db(db, |ks| replace || !ks.exists(to)),
        false => false,
    };
    if copied {
        let entry = c.ks.see_entry(from).cloned();
        let clock = c.ks.birth_clock();
        c.ks.in_db(db, |ks| {
            if let Some(mut entry) = entry {
                entry.set_clock(clock);
                ks.adopt(to, entry);
            }
            ks.changed(to, GENERIC, "copy_to");
        });
    }
    c.out.int(i64::from(copied));
    Ok(())
}

/// Returns the number of the database that `arg` names. Fails if it is no number, or there is none such.
fn database(ks: &Keyspace, arg: &[u8]) -> Result<usize, Error> {
    let number = args::int(arg)?;
    if i32::try_from(number).is_err() {
        let text = format!("ERR value is out of range, value must between {} and {}", i32::MIN, i32::MAX);
        return Err(Error::new(text));
    }
    usize::try_from(number).ok().filter(|db| *db < ks.db_count()).ok_or(Error::BadDb)
}

pub(super) const MOVE: Row = Row {
    name: "MOVE",
    group: Group::Generic,
    since: "1.0.0",
    arity: 3,
    flags: flag::WRITE | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,UPDATE]",
    summary: "Moves a key to another database. Returns 1, or 0 if it is missing here or there already.",
    complexity: "O(1)",
    syntax: "key db",
    ts: "(key: Key, db: number): number",
    example: "> SET k v\nOK\n> MOVE k 1\n(integer) 1\n> EXISTS k\n(integer) 0\n> MOVE k 1\n(integer) 0",
    run: move_key,
    ..Row::NONE
};

fn move_key(c: &mut Ctx) -> Outcome {
    let key = c.argv[1];
    let db = database(c.ks, c.argv[2])?;
    if db == c.ks.db() {
        return Err(Error::SameObject);
    }
    if !c.ks.exists(key) || c.ks.in_db(db, |ks| ks.exists(key)) {
        c.out.int(0);
        return Ok(());
    }
    if let Some(entry) = c.ks.take(key) {
        c.ks.in_db(db, |ks| ks.adopt(key, entry));
    }
    c.ks.changed(key, GENERIC, "move_from");
    c.ks.in_db(db, |ks| {
        ks.touch_watchers(key);
        ks.notify(GENERIC, "move_to", key);
    });
    c.out.int(1);
    Ok(())
}

/// The part that RENAME and RENAMENX have in common.
const RENAMER: Row = Row { group: Group::Generic, arity: 3, complexity: "O(1)", syntax: "key newkey", ..Row::NONE };

pub(super) const RENAME: Row = Row {
    name: "RENAME",
    flags: flag::WRITE,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,DELETE]; idx:2/range:last=0,step=1,limit=0[OW,UPDATE]",
    summary: "Renames a key, over whatever the new name held.",
    ts: "(key: Key, newkey: Key): 'OK'",
    example: "> SET a 1\nOK\n> RENAME a b\nOK\n> GET b\n\"1\"\n> RENAME a b\n(error) ERR no such key",
    run: |c| {
        rename(c, true)?;
        c.out.ok();
        Ok(())
    },
    ..RENAMER
};

pub(super) const RENAMENX: Row = Row {
    name: "RENAMENX",
    flags: flag::WRITE | flag::FAST,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,DELETE]; idx:2/range:last=0,step=1,limit=0[OW,INSERT]",
    summary: "Renames a key unless the new name is there. Returns 1 if it did, 0 if not.",
    ts: "(key: Key, newkey: Key): number",
    example: "> SET a 1\nOK\n> SET b 2\nOK\n> RENAMENX a b\n(integer) 0\n> RENAMENX a c\n(integer) 1",
    run: |c| {
        let renamed = rename(c, false)?;
        c.out.int(i64::from(renamed));
        Ok(())
    },
    ..RENAMER
};

/// Renames, over what is there only if `replace`. Returns whether it did. Fails without the key.
fn rename(c: &mut Ctx, replace: bool) -> Result<bool, Error> {
    let (from, to) = (c.argv[1], c.argv[2]);
    if !c.ks.exists(from) {
        return Err(Error::NoSuchKey);
    }
    if from == to || (!replace && c.ks.exists(to)) {
        return Ok(false);
    }
    if let Some(entry) = c.ks.take(from) {
        c.ks.adopt(to, entry);
    }
    c.ks.changed(from, GENERIC, "rename_from");
    c.ks.touch_watchers(to);
    c.ks.notify(GENERIC, "rename_to", to);
    Ok(true)
}
