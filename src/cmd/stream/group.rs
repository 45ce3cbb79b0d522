//! Streams: making and changing consumer groups.

use super::{ensure_consumer, ids, no_such_group};
use crate::base::num::fmt_u64;
use crate::cmd::command::help_row;
use crate::ds::stream::{Group, Id, Stream};
use crate::engine::events::STREAM;
use crate::engine::row::Group as Family;
use crate::engine::{Args, Ctx, Error, Outcome, Row, flag};

pub const XGROUP: Row = Row {
    name: "XGROUP",
    group: Family::Stream,
    since: "5.0.0",
    arity: -2,
    summary: "Consumer groups and their consumers.",
    complexity: "Depends on the sub-command",
    subs: &[
        CREATE,
        CREATECONSUMER,
        DELCONSUMER,
        DESTROY,
        help_row(Family::Stream, "5.0.0", flag::LOADING | flag::STALE),
        SETID,
    ],
    ..Row::NONE
};

const INSERT: &str = "idx:2/range:last=0,step=1,limit=0[RW,INSERT]";
const DELETE: &str = "idx:2/range:last=0,step=1,limit=0[RW,DELETE]";

const CREATE: Row = Row {
    name: "CREATE",
    group: Family::Stream,
    since: "5.0.0",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: INSERT,
    summary: "Makes a consumer group that begins to read behind an id, `$` for the last one.",
    complexity: "O(1)",
    syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
    ts: "(key: Key, group: string, id: string, ...rest: Arg[]): 'OK'",
    example: "> XGROUP CREATE s g $\n(error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.\n> XGROUP CREATE s g $ MKSTREAM\nOK\n> XGROUP CREATE s g 0\n(error) BUSYGROUP Consumer Group name already exists",
    run: create,
    ..Row::NONE
};

const SETID: Row = Row {
    name: "SETID",
    group: Family::Stream,
    since: "5.0.0",
    arity: -5,
    flags: flag::WRITE,
    keys: "idx:2/range:last=0,step=1,limit=0[RW,UPDATE]",
    summary: "Sets behind which id a consumer group goes on to read.",
    complexity: "O(1)",
    syntax: "key group <id | $> [ENTRIESREAD entries-read]",
    ts: "(key: Key, group: string, id: string, ...rest: Arg[]): 'OK'",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XGROUP CREATE s g $\nOK\n> XREADGROUP GROUP g me STREAMS s >\n(nil)\n> XGROUP SETID s g 0\nOK\n> XREADGROUP GROUP g me STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"",
    run: setid,
    ..Row::NONE
};

/// What CREATE and SETID are told.
struct Start {
    /// `None` for the last id.
    id: Option<Id>,
    make: bool,
    entries_read: Option<u64>,
}

impl Start {
    fn parse(c: &Ctx, may_make: bool) -> Result<Self, Error> {
        let mut args = Args::from(c.argv, 5);
        let (mut make, mut entries_read) = (false, None);
        while args.more() {
            if may_make && args.word("MKSTREAM") {
                make = true;
            } else if args.left() > 1 && args.word("ENTRIESREAD") {
                entries_read = match args.int()? {
                    -1 => None,
                    n => Some(u64::try_from(n).map_err(|_| Error::EntriesReadInvalid)?),
                };
            } else {
                return Err(Error::subcommand_arity("XGROUP", c.argv[1]));
            }
        }
        // Redis takes no more than every option once has words.
        if c.argv.len() > if may_make { 8 } else { 7 } {
            return Err(Error::subcommand_arity("XGROUP", c.argv[1]));
        }
        Ok(Start { id: None, make, entries_read })
    }

    /// Reads the id, by `read`; Redis does so only when the key is known to be there.
    fn with_id(mut self, text: &[u8], read: fn(&[u8], u64) -> Result<Id, Error>) -> Result<Self, Error> {
        self.id = if text == b"$" { None } else { Some(read(text, 0)?) };
        Ok(self)
    }

    /// The id and the number of entries read, which is not more than there ever were; but what another engine says stands.
    fn of(&self, stream: &Stream, replayed: bool) -> (Id, Option<u64>) {
        let most = if replayed { u64::MAX } else { stream.added() };
        (self.id.unwrap_or(stream.last_id()), self.entries_read.map(|read| read.min(most)))
    }

    /// Logs the number of entries read if it is not what was asked for.
    fn log(&self, c: &mut Ctx, entries_read: Option<u64>) {
        let Some(read) = entries_read.filter(|_| entries_read != self.entries_read) else { return };
        let mut words = c.argv[..5].to_vec();
        if self.make {
            words.push(b"MKSTREAM");
        }
        let mut number = [0; 40];
        words.extend([&b"ENTRIESREAD"[..], fmt_u64(read, &mut number)]);
        c.instead(&words);
    }
}

fn create(c: &mut Ctx) -> Outcome {
    let (key, name) = (c.argv[2], c.argv[3]);
    let start = Start::parse(c, true)?;
    if c.ks.look::<Stream>(key)?.is_none() && !start.make {
        return Err(Error::GroupKeyMissing);
    }
    let (start, replayed) = (start.with_id(c.argv[4], ids::id)?, c.me.replica);
    let stream = c.ks.get_or_new::<Stream>(key)?;
    let (id, entries_read) = start.of(stream, replayed);
    if !stream.add_group(name, Group::new(id, entries_read)) {
        return Err(Error::BusyGroup);
    }
    c.ks.changed(key, STREAM, "xgroup-create");
    start.log(c, entries_read);
    c.out.ok();
    Ok(())
}

fn setid(c: &mut Ctx) -> Outcome {
    let (key, name) = (c.argv[2], c.argv[3]);
    let start = Start::parse(c, false)?;
    check(c, key, Some(name))?;
    let (start, replayed) = (start.with_id(c.argv[4], ids::end_or_id)?, c.me.replica);
    let Some(stream) = c.ks.get_mut::<Stream>(key)? else { return Err(Error::GroupKeyMissing) };
    let (id, entries_read) = start.of(stream, replayed);
    if let Some((_, group)) = stream.group_mut(name) {
        (group.last_id, group.entries_read) = (id, entries_read);
    }
    c.ks.changed(key, STREAM, "xgroup-setid");
    start.log(c, entries_read);
    c.out.ok();
    Ok(())
}

/// Fails unless the stream is there, and has the group if one is named.
fn check(c: &mut Ctx, key: &[u8], name: Option<&[u8]>) -> Result<(), Error> {
    let stream = c.ks.look::<Stream>(key)?.ok_or(Error::GroupKeyMissing)?;
    match name {
        Some(name) if stream.group(name).is_none() => Err(no_such_group(key, name)),
        _ => Ok(()),
    }
}

const DESTROY: Row = Row {
    name: "DESTROY",
    group: Family::Stream,
    since: "5.0.0",
    arity: 4,
    flags: flag::WRITE,
    keys: DELETE,
    summary: "Removes a consumer group with all that is pending for it. Who waits to read for it is told so.",
    complexity: "O(N) where N is the number of pending entries.",
    syntax: "key group",
    ts: "(key: Key, group: string): number",
    example: "> XGROUP CREATE s g $ MKSTREAM\nOK\n> XGROUP DESTROY s g\n(integer) 1\n> XGROUP DESTROY s g\n(integer) 0",
    run: destroy,
    ..Row::NONE
};

fn destroy(c: &mut Ctx) -> Outcome {
    let (key, name) = (c.argv[2], c.argv[3]);
    check(c, key, None)?;
    let gone = c.ks.get_mut::<Stream>(key)?.is_some_and(|stream| stream.remove_group(name));
    if gone {
        c.ks.changed(key, STREAM, "xgroup-destroy");
    }
    c.out.int(i64::from(gone));
    Ok(())
}

const CREATECONSUMER: Row = Row {
    name: "CREATECONSUMER",
    group: Family::Stream,
    since: "6.2.0",
    arity: 5,
    flags: flag::WRITE | flag::DENYOOM,
    keys: INSERT,
    summary: "Makes a consumer of a group. Returns 0 if it is there already.",
    complexity: "O(1)",
    syntax: "key group consumer",
    ts: "(key: Key, group: string, consumer: string): number",
    example: "> XGROUP CREATE s g $ MKSTREAM\nOK\n> XGROUP CREATECONSUMER s g me\n(integer) 1\n> XGROUP CREATECONSUMER s g me\n(integer) 0\n> XGROUP CREATECONSUMER s h me\n(error) NOGROUP No such consumer group 'h' for key name 's'",
    run: createconsumer,
    ..Row::NONE
};

fn createconsumer(c: &mut Ctx) -> Outcome {
    let (key, name, consumer) = (c.argv[2], c.argv[3], c.argv[4]);
    check(c, key, Some(name))?;
    let new = ensure_consumer(c, key, name, consumer)?;
    c.out.int(i64::from(new));
    Ok(())
}

const DELCONSUMER: Row = Row {
    name: "DELCONSUMER",
    group: Family::Stream,
    since: "5.0.0",
    arity: 5,
    flags: flag::WRITE,
    keys: DELETE,
    summary: "Removes a consumer of a group and returns how many entries were pending for it; they are pending no more.",
    complexity: "O(N*log(M)) where N is the number of entries pending for the consumer and M that of the group.",
    syntax: "key group consumer",
    ts: "(key: Key, group: string, consumer: string): number",
    example: "> XADD s 1-0 a 1\n\"1-0\"\n> XGROUP CREATE s g 0\nOK\n> XREADGROUP GROUP g me STREAMS s >\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n> XGROUP DELCONSUMER s g me\n(integer) 1\n> XPENDING s g - + 10\n(empty array)",
    run: delconsumer,
    ..Row::NONE
};

fn delconsumer(c: &mut Ctx) -> Outcome {
    let (key, name, consumer) = (c.argv[2], c.argv[3], c.argv[4]);
    check(c, key, Some(name))?;
    let group = c.ks.get_mut::<Stream>(key)?.and_then(|stream| stream.group_mut(name));
    let pending = group.and_then(|(_, group)| group.remove(consumer));
    if pending.is_some() {
        c.ks.changed(key, STREAM, "xgroup-delconsumer");
    }
    c.out.len(pending.unwrap_or(0));
    Ok(())
}
