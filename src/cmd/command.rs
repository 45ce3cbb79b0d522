//! COMMAND: what the table knows about itself.

use super::docs;
use crate::base::glob;
use crate::engine::acl::categories;
use crate::engine::keys::{self, Begin, Find, KeySpec};
use crate::engine::{Args, Ctx, Error, Group, Outcome, Reply, Row, RowId, Table, flag, resolve};

/// The family.
pub const ROWS: &[Row] = &[COMMAND];

const LOOK: u32 = flag::LOADING | flag::STALE;

const COMMAND: Row = Row {
    name: "COMMAND",
    group: Group::Server,
    since: "2.8.13",
    arity: -1,
    flags: LOOK,
    summary: "Describes all commands.",
    complexity: "O(N) where N is the total number of Redis commands",
    syntax: "[subcommand [argument [argument ...]]]",
    ts: "(sub?: string, ...args: Arg[]): Reply",
    example: "> COMMAND LIST FILTERBY PATTERN pexpireat\n1) \"pexpireat\"",
    run: command,
    subs: &[COUNT, DOCS, GETKEYS, GETKEYSANDFLAGS, help_row(Group::Server, "5.0.0", LOOK), INFO, LIST],
    ..Row::NONE
};

fn command(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let all = top_level(table);
    c.out.array(all.len());
    all.into_iter().for_each(|id| describe(c.out, table, id));
    Ok(())
}

fn top_level(table: &Table) -> Vec<RowId> {
    (0..table.slots().len() as RowId).filter(|id| table.slot(*id).parent.is_none()).collect()
}

fn subs_of(table: &Table, parent: RowId) -> Vec<RowId> {
    (0..table.slots().len() as RowId).filter(|id| table.slot(*id).parent == Some(parent)).collect()
}

/// The command or sub-command (`client|list`) of this name.
pub(super) fn find(table: &Table, name: &[u8]) -> Option<RowId> {
    match name.iter().position(|byte| *byte == b'|') {
        Some(at) => table.find_sub(table.find(&name[..at])?, &name[at + 1..]),
        None => table.find(name),
    }
}

const COUNT: Row = Row {
    name: "COUNT",
    group: Group::Server,
    since: "2.8.13",
    arity: 2,
    flags: LOOK,
    summary: "Returns the number of commands.",
    complexity: "O(1)",
    ts: "(): number",
    run: count,
    ..Row::NONE
};

fn count(c: &mut Ctx) -> Outcome {
    c.out.len(top_level(c.server.table).len());
    Ok(())
}

const INFO: Row = Row {
    name: "INFO",
    group: Group::Server,
    since: "2.8.13",
    arity: -2,
    flags: LOOK,
    summary: "Describes the commands named, or all: arity, flags, keys, categories, sub-commands.",
    complexity: "O(N) where N is the number of commands to look up",
    syntax: "[command-name [command-name ...]]",
    ts: "(...names: string[]): Reply[]",
    example: "> COMMAND INFO nosuch\n1) (nil)",
    run: info,
    ..Row::NONE
};

fn info(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let names = c.args().rest();
    if names.is_empty() {
        return command(c);
    }
    c.out.array(names.len());
    for name in names {
        match find(table, name) {
            Some(id) => describe(c.out, table, id),
            None => c.out.null_array(),
        }
    }
    Ok(())
}

/// Writes the ten elements of `COMMAND INFO` about `id`.
fn describe(out: &mut Reply, table: &Table, id: RowId) {
    let slot = table.slot(id);
    let specs = specs_of(slot.row);
    out.array(10);
    out.bulk(slot.full_name.as_bytes());
    out.int(i64::from(slot.row.arity));
    words(out, &flags_of(slot.row, &specs));
    let (first, last, step) = keys::legacy_range(&specs);
    [first, last, step].into_iter().for_each(|n| out.int(n));
    words(out, &categories(table, id).iter().map(|name| format!("@{name}")).collect::<Vec<_>>());
    // Tips: none of them means anything to a single server.
    out.set(0);
    out.set(specs.len());
    specs.iter().for_each(|spec| describe_spec(out, spec));
    let subs = subs_of(table, id);
    out.set(subs.len());
    subs.into_iter().for_each(|sub| describe(out, table, sub));
}

fn words(out: &mut Reply, words: &[impl AsRef<str>]) {
    out.set(words.len());
    words.iter().for_each(|word| out.simple(word.as_ref()));
}

fn specs_of(row: &Row) -> Vec<KeySpec> {
    keys::parse(row.keys).expect("the tidy test reads the keys of every row")
}

/// Flags that Redis keeps to itself.
const HIDDEN: u32 = flag::PROTECTED | flag::TOUCHES_ARBITRARY_KEYS;

fn flags_of(row: &Row, specs: &[KeySpec]) -> Vec<&'static str> {
    let fixed = |spec: &KeySpec| matches!((spec.begin, spec.find), (Begin::Index(_), Find::Range { .. }));
    let movable = if specs.iter().all(fixed) { 0 } else { flag::MOVABLEKEYS };
    let flags = (row.flags | movable) & !HIDDEN;
    flag::ALL.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word).collect()
}

fn describe_spec(out: &mut Reply, spec: &KeySpec) {
    out.map(3);
    out.bulk(b"flags");
    words(out, &keys::words(spec.flags).collect::<Vec<_>>());
    out.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => numbers(out, "index", &[("index", index)]),
        Begin::Keyword(word, from) => {
            typed(out, "keyword", 2);
            out.bulk(b"keyword");
            out.bulk(word.as_bytes());
            out.bulk(b"startfrom");
            out.int(from);
        }
        Begin::Unknown => numbers(out, "unknown", &[]),
    }
    out.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            numbers(out, "range", &[("lastkey", last), ("keystep", step), ("limit", limit)]);
        }
        Find::KeyNum { numidx, first, step } => {
            numbers(out, "keynum", &[("keynumidx", numidx), ("firstkey", first), ("keystep", step)]);
        }
        Find::Unknown => numbers(out, "unknown", &[]),
    }
}

/// The head of a part of a specification: its type, and a map of `n` things about it.
fn typed(out: &mut Reply, kind: &str, n: usize) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(n);
}

fn numbers(out: &mut Reply, kind: &str, numbers: &[(&str, i64)]) {
    typed(out, kind, numbers.len());
    for (name, n) in numbers {
        out.bulk(name.as_bytes());
        out.int(*n);
    }
}

const LIST: Row = Row {
    name: "LIST",
    group: Group::Server,
    since: "7.0.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns the names of all commands and sub-commands, or of those in a category or matching a pattern.",
    complexity: "O(N) where N is the total number of Redis commands",
    syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
    ts: "(...filter: Arg[]): string[]",
    example: "> COMMAND LIST FILTERBY PATTERN pexpireat\n1) \"pexpireat\"\n> COMMAND LIST FILTERBY MODULE none\n(empty array)",
    run: list,
    ..Row::NONE
};

fn list(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let filter = list_filter(c.args())?;
    let open = c.out.open_array();
    let mut count = 0;
    for (id, slot) in table.slots().iter().enumerate() {
        let wanted = match &filter {
            ListFilter::All => true,
            ListFilter::Module => false,
            ListFilter::Category(name) => categories(table, id as RowId).iter().any(|known| known == name),
            ListFilter::Pattern(pattern) => glob::matches_case(pattern, slot.full_name.as_bytes(), true),
        };
        if wanted {
            c.out.bulk(slot.full_name.as_bytes());
            count += 1;
        }
    }
    c.out.close(open, count);
    Ok(())
}

enum ListFilter<'a> {
    All,
    /// Nothing here comes from a module.
    Module,
    Category(String),
    Pattern(&'a [u8]),
}

fn list_filter<'a>(mut args: Args<'a>) -> Result<ListFilter<'a>, Error> {
    if !args.more() {
        return Ok(ListFilter::All);
    }
    if args.left() != 3 || !args.word("FILTERBY") {
        return Err(Error::Syntax);
    }
    if args.word("MODULE") {
        Ok(ListFilter::Module)
    } else if args.word("ACLCAT") {
        Ok(ListFilter::Category(String::from_utf8_lossy(args.next()?).to_ascii_lowercase()))
    } else if args.word("PATTERN") {
        Ok(ListFilter::Pattern(args.next()?))
    } else {
        Err(Error::Syntax)
    }
}

const GETKEYS: Row = Row {
    name: "GETKEYS",
    group: Group::Server,
    since: "2.8.13",
    arity: -3,
    flags: LOOK,
    summary: "Returns the keys of a whole command.",
    complexity: "O(N) where N is the number of arguments to the command",
    syntax: "command [arg [arg ...]]",
    ts: "(command: string, ...args: Arg[]): string[]",
    example: "> COMMAND GETKEYS WATCH a b\n1) \"a\"\n2) \"b\"\n\
              > COMMAND GETKEYS PING x\n(error) ERR The command has no key arguments",
    run: getkeys,
    ..Row::NONE
};

fn getkeys(c: &mut Ctx) -> Outcome {
    let argv = c.args().rest();
    let found = keys_of(c.server.table, argv)?;
    c.out.array(found.len());
    found.iter().for_each(|key| c.out.bulk(argv[key.at]));
    Ok(())
}

const GETKEYSANDFLAGS: Row = Row {
    name: "GETKEYSANDFLAGS",
    group: Group::Server,
    since: "7.0.0",
    arity: -3,
    flags: LOOK,
    summary: "Returns the keys of a whole command, each with what is done to it.",
    complexity: "O(N) where N is the number of arguments to the command",
    syntax: "command [arg [arg ...]]",
    ts: "(command: string, ...args: Arg[]): [string, string[]][]",
    example: "> COMMAND GETKEYSANDFLAGS WATCH a\n1) 1) \"a\"\n   2) 1) RO",
    run: getkeysandflags,
    ..Row::NONE
};

fn getkeysandflags(c: &mut Ctx) -> Outcome {
    let argv = c.args().rest();
    let found = keys_of(c.server.table, argv)?;
    c.out.array(found.len());
    for key in found {
        c.out.array(2);
        c.out.bulk(argv[key.at]);
        words(c.out, &keys::words(key.flags).collect::<Vec<_>>());
    }
    Ok(())
}

/// The keys of `argv`. Fails if it is no command, has no place for keys, or makes no sense.
fn keys_of(table: &Table, argv: &[&[u8]]) -> Result<Vec<keys::Found>, Error> {
    let found = table.find(argv[0]).and_then(|id| resolve(table, id, argv).ok());
    let slot = table.slot(found.ok_or(Error::InvalidCommand)?);
    if specs_of(slot.row).iter().all(|spec| spec.flags & keys::access::NOT_KEY != 0) {
        return Err(Error::NoKeyArguments);
    }
    let (arity, argc) = (i64::from(slot.row.arity), argv.len() as i64);
    if (arity > 0 && argc != arity) || argc < -arity {
        return Err(Error::InvalidArgumentCount);
    }
    match keys::find(slot.row, &slot.full_name, argv) {
        Some(keys) if !keys.is_empty() || slot.row.has(flag::NO_MANDATORY_KEYS) => Ok(keys),
        None if slot.row.has(flag::NO_MANDATORY_KEYS) => Ok(Vec::new()),
        _ => Err(Error::InvalidArguments),
    }
}

const DOCS: Row = Row {
    name: "DOCS",
    group: Group::Server,
    since: "7.0.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns the documentation of the commands named, or of all.",
    complexity: "O(N) where N is the number of commands to look up",
    syntax: "[command-name [command-name ...]]",
    ts: "(...names: string[]): Record<string, Record<string, Reply>>",
    example: "> COMMAND DOCS nosuch\n(empty array)",
    run: docs_of,
    ..Row::NONE
};

fn docs_of(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let names = c.args().rest();
    let ids: Vec<RowId> =
        if names.is_empty() { top_level(table) } else { names.iter().filter_map(|name| find(table, name)).collect() };
    c.out.map(ids.len());
    for id in ids {
        document(c.out, table, id);
    }
    Ok(())
}

/// Writes the name of `id` and a map of what there is to say about it.
fn document(out: &mut Reply, table: &Table, id: RowId) {
    let slot = table.slot(id);
    let row = slot.row;
    out.bulk(slot.full_name.as_bytes());
    let arguments = if row.subs.is_empty() { docs::arguments(row) } else { Vec::new() };
    let subs = subs_of(table, id);
    out.map(4 + usize::from(!arguments.is_empty()) + usize::from(!subs.is_empty()));
    for (name, text) in
        [("summary", row.summary), ("since", row.since), ("group", row.group.name()), ("complexity", row.complexity)]
    {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if !arguments.is_empty() {
        out.bulk(b"arguments");
        document_arguments(out, &arguments);
    }
    if !subs.is_empty() {
        out.bulk(b"subcommands");
        out.map(subs.len());
        subs.into_iter().for_each(|sub| document(out, table, sub));
    }
}

fn document_arguments(out: &mut Reply, arguments: &[docs::Argument]) {
    out.array(arguments.len());
    for argument in arguments {
        let flags = argument.flags();
        let open = out.open_map();
        let mut count = 2;
        out.bulk(b"name");
        out.bulk(argument.name.as_bytes());
        out.bulk(b"type");
        out.bulk(argument.kind.as_bytes());
        if let Some(index) = argument.key_spec {
            out.bulk(b"key_spec_index");
            out.len(index);
            count += 1;
        }
        if let Some(token) = &argument.token {
            out.bulk(b"token");
            out.bulk(token.as_bytes());
            count += 1;
        }
        if !flags.is_empty() {
            out.bulk(b"flags");
            words(out, &flags);
            count += 1;
        }
        if !argument.arguments.is_empty() {
            out.bulk(b"arguments");
            document_arguments(out, &argument.arguments);
            count += 1;
        }
        out.close(open, count);
    }
}

/// The HELP row of a container; what it prints comes from the rows beside it.
pub const fn help_row(group: Group, since: &'static str, flags: u32) -> Row {
    Row {
        name: "HELP",
        group,
        since,
        arity: 2,
        flags,
        summary: "Prints this help.",
        complexity: "O(1)",
        ts: "(): string[]",
        run: help,
        ..Row::NONE
    }
}

/// Answers a line for every sub-command with its arguments, and one that says what it does.
fn help(c: &mut Ctx) -> Outcome {
    let table = c.server.table;
    let parent = table.slot(c.row_id).parent.map_or(c.row, |id| table.slot(id).row);
    c.out.array(1 + parent.subs.len() * 2);
    c.out.simple(&format!("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", parent.name));
    for sub in parent.subs {
        c.out.simple(format!("{} {}", sub.name, sub.syntax).trim_end());
        c.out.simple(&format!("    {}", sub.summary));
    }
    Ok(())
}
