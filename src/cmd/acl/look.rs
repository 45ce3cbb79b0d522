//! ACL CAT, DRYRUN, GENPASS: what helps to write rules.

use super::{ADMIN, OWN};
use crate::engine::acl::{CATEGORIES, Denied, categories, find_category};
use crate::engine::{Ctx, Error, Group, Outcome, Row, RowId, args, resolve};

pub(super) const CAT: Row = Row {
    name: "CAT",
    group: Group::Server,
    since: "6.0.0",
    arity: -2,
    flags: OWN,
    summary: "Returns the categories of commands, or the commands of one.",
    complexity: "O(1) since the categories and commands are a fixed set.",
    syntax: "[category]",
    ts: "(category?: string): string[]",
    example: "> ACL CAT transaction\n1) \"discard\"\n2) \"exec\"\n3) \"multi\"\n4) \"unwatch\"\n5) \"watch\"\n> ACL CAT nosuch\n\
              (error) ERR Unknown category 'nosuch'",
    run: cat,
    ..Row::NONE
};

fn cat(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.left() > 1 {
        return Err(Error::subcommand_arity("ACL", c.argv[1]));
    }
    if !args.more() {
        c.out.array(CATEGORIES.len());
        CATEGORIES.iter().for_each(|name| c.out.bulk(name.as_bytes()));
        return Ok(());
    }
    let name = args.next()?;
    let unknown = || Error::new(format!("ERR Unknown category '{}'", String::from_utf8_lossy(name)));
    let category = find_category(name).ok_or_else(unknown)?;
    let table = c.server.table;
    let all = table.slots().iter().enumerate();
    let found: Vec<&str> = all
        .filter(|(id, _)| categories(table, *id as RowId).contains(&category))
        .map(|(_, slot)| &*slot.full_name)
        .collect();
    c.out.array(found.len());
    found.iter().for_each(|name| c.out.bulk(name.as_bytes()));
    Ok(())
}

pub(super) const DRYRUN: Row = Row {
    name: "DRYRUN",
    group: Group::Server,
    since: "7.0.0",
    arity: -4,
    flags: ADMIN,
    summary: "Tells whether a user might run a command, without running it.",
    complexity: "O(1).",
    syntax: "username command [arg [arg ...]]",
    ts: "(username: string, command: string, ...args: Arg[]): string",
    example: "> ACL SETUSER writer +set ~mine:*\nOK\n> ACL DRYRUN writer SET mine:1 x\nOK\n> ACL DRYRUN writer SET yours:1 x\n\
              \"This user has no permissions to access the 'yours:1' key\"\n> ACL DRYRUN writer GET mine:1\n\
              \"This user has no permissions to run the 'get' command\"",
    run: dryrun,
    ..Row::NONE
};

fn dryrun(c: &mut Ctx) -> Outcome {
    let (name, argv) = (c.argv[2], &c.argv[3..]);
    let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let table = c.server.table;
    let user = c.server.acl.find(name).ok_or_else(|| Error::new(format!("ERR User '{}' not found", shown(name))))?;
    let found = table.find(argv[0]).and_then(|id| resolve(table, id, argv).ok());
    let id = found.ok_or_else(|| Error::new(format!("ERR Command '{}' not found", shown(argv[0]))))?;
    let slot = table.slot(id);
    let (arity, argc) = (i64::from(slot.row.arity), argv.len() as i64);
    if (arity > 0 && argc != arity) || argc < -arity {
        return Err(Error::arity(&slot.full_name));
    }
    let denied = match c.server.acl.check(user, id, argv) {
        Ok(()) => {
            c.out.ok();
            return Ok(());
        }
        Err(Denied::Command) => format!("run the '{}' command", slot.full_name),
        Err(Denied::Key(at)) => format!("access the '{}' key", shown(argv[at])),
        Err(Denied::Channel(at)) => format!("access the '{}' channel", shown(argv[at])),
    };
    c.out.bulk(format!("This user has no permissions to {denied}").as_bytes());
    Ok(())
}

pub(super) const GENPASS: Row = Row {
    name: "GENPASS",
    group: Group::Server,
    since: "6.0.0",
    arity: -2,
    flags: OWN,
    summary: "Returns a password of 256 bits, or of as many as wanted, in hexadecimal.",
    complexity: "O(1)",
    syntax: "[bits]",
    ts: "(bits?: number): string",
    example: "> ACL GENPASS 0\n(error) ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
              4096",
    run: genpass,
    ..Row::NONE
};

/// The password is as good as the secret the host gave: see [`Acl::secret`](crate::engine::acl::Acl::secret).
fn genpass(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    if args.left() > 1 {
        return Err(Error::subcommand_arity("ACL", c.argv[1]));
    }
    let bits = if args.more() { args::int(args.next()?)? } else { 256 };
    let bits = usize::try_from(bits).ok().filter(|bits| (1..=4096).contains(bits)).ok_or(Error::PasswordBits)?;
    let password = c.server.acl.generate(bits.div_ceil(4));
    c.out.bulk(password.as_bytes());
    Ok(())
}
