//! ACL SETUSER, GETUSER, DELUSER, LIST, USERS, WHOAMI: the users.

use super::{ADMIN, OWN};
use crate::engine::acl::{Selector, has_spaces};
use crate::engine::{Ctx, Error, Group, Outcome, Reply, Row};

pub(super) const SETUSER: Row = Row {
    name: "SETUSER",
    group: Group::Server,
    since: "6.0.0",
    arity: -3,
    flags: ADMIN,
    summary: "Creates a user or changes what one may do: applies all rules, or none if one is wrong.",
    complexity: "O(N) where N is the number of rules provided",
    syntax: "username [rule [rule ...]]",
    ts: "(username: string, ...rules: string[]): 'OK'",
    example: "> ACL SETUSER worker on >secret ~job:* %R~config:* &news +@list +get -lrem\nOK\n> @2 AUTH worker secret\nOK\n\
              > @2 LPUSH job:1 x\n(integer) 1\n> @2 LPUSH other x\n\
              (error) NOPERM this user has no permissions to access one of the keys used as arguments\n> @2 SET job:2 x\n\
              (error) NOPERM this user has no permissions to run the 'set' command\n> ACL SETUSER worker +nosuch\n\
              (error) ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL",
    differs: "rules about commands are kept as they were given, as in Redis 7.2; an open parenthesis goes on to the first one that closes, \
              as in Redis 8",
    run: setuser,
    ..Row::NONE
};

/// Sessions of the user that listen to channels it may no longer listen to are closed. Followers are not told: users are not data.
fn setuser(c: &mut Ctx) -> Outcome {
    let name = c.argv[2];
    if has_spaces(name) {
        return Err(Error::UserNameSpaces);
    }
    c.set_user(name, &c.argv[3..]).map_err(Error::new)?;
    c.out.ok();
    Ok(())
}

pub(super) const GETUSER: Row = Row {
    name: "GETUSER",
    group: Group::Server,
    since: "6.0.0",
    arity: 3,
    flags: ADMIN,
    summary: "Returns a user's flags, hashes of its passwords, and rules.",
    complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
    syntax: "username",
    ts: "(username: string): Record<string, Reply> | null",
    example: "> ACL SETUSER reader on nopass ~a %R~b +@read (+set ~c)\nOK\n> ACL GETUSER reader\n 1) \"flags\"\n \
              2) 1) \"on\"\n    2) \"nopass\"\n    3) \"sanitize-payload\"\n 3) \"passwords\"\n 4) (empty array)\n \
              5) \"commands\"\n 6) \"-@all +@read\"\n 7) \"keys\"\n 8) \"~a %R~b\"\n 9) \"channels\"\n10) \"\"\n\
              11) \"selectors\"\n12) 1) 1) \"commands\"\n       2) \"-@all +set\"\n       3) \"keys\"\n       4) \"~c\"\n       \
              5) \"channels\"\n       6) \"\"\n> ACL GETUSER nobody\n(nil)",
    differs: "every user has its flag about payloads from the beginning, as in Redis 7.2",
    run: getuser,
    ..Row::NONE
};

/// Returns null if there is no such user.
fn getuser(c: &mut Ctx) -> Outcome {
    let Some(id) = c.server.acl.find(c.argv[2]) else {
        c.out.null();
        return Ok(());
    };
    let user = c.server.acl.user(id);
    let out = &mut *c.out;
    out.map(6);
    out.bulk(b"flags");
    let flags = user.flags();
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"passwords");
    let hashes = user.hashes();
    out.array(hashes.len());
    hashes.for_each(|hash| out.bulk(hash.as_bytes()));
    let (root, others) = user.selectors();
    describe(out, root);
    out.bulk(b"selectors");
    out.array(others.len());
    for selector in others {
        out.map(3);
        describe(out, selector);
    }
    Ok(())
}

/// Writes three pairs of a map.
fn describe(out: &mut Reply, selector: &Selector) {
    for (name, rules) in [
        ("commands", selector.commands.describe()),
        ("keys", selector.describe_keys()),
        ("channels", selector.describe_channels()),
    ] {
        out.bulk(name.as_bytes());
        out.bulk(&rules);
    }
}

pub(super) const DELUSER: Row = Row {
    name: "DELUSER",
    group: Group::Server,
    since: "6.0.0",
    arity: -3,
    flags: ADMIN,
    summary: "Deletes users and closes their connections; returns how many there were.",
    complexity: "O(1) amortized time considering the typical user.",
    syntax: "username [username ...]",
    ts: "(...usernames: string[]): number",
    example: "> ACL SETUSER guest on nopass\nOK\n> ACL DELUSER guest nobody\n(integer) 1\n> ACL DELUSER default\n\
              (error) ERR The 'default' user cannot be removed",
    run: deluser,
    ..Row::NONE
};

fn deluser(c: &mut Ctx) -> Outcome {
    let names = c.args().rest();
    if names.contains(&&b"default"[..]) {
        return Err(Error::DefaultUser);
    }
    let count = c.delete_users(names);
    c.out.len(count);
    Ok(())
}

pub(super) const LIST: Row = Row {
    name: "LIST",
    group: Group::Server,
    since: "6.0.0",
    arity: 2,
    flags: ADMIN,
    summary: "Returns all users as lines of a configuration file.",
    complexity: "O(N). Where N is the number of configured users.",
    ts: "(): string[]",
    example: "> ACL SETUSER reader on nopass ~public:* +@read\nOK\n> ACL LIST\n\
              1) \"user default on nopass sanitize-payload ~* &* +@all\"\n\
              2) \"user reader on nopass sanitize-payload ~public:* resetchannels -@all +@read\"",
    differs: "every user has its flag about payloads from the beginning, as in Redis 7.2",
    run: list,
    ..Row::NONE
};

fn list(c: &mut Ctx) -> Outcome {
    c.out.array(c.server.acl.users().count());
    c.server.acl.users().for_each(|user| c.out.bulk(&user.describe()));
    Ok(())
}

pub(super) const USERS: Row = Row {
    name: "USERS",
    group: Group::Server,
    since: "6.0.0",
    arity: 2,
    flags: ADMIN,
    summary: "Returns the names of all users.",
    complexity: "O(N). Where N is the number of configured users.",
    ts: "(): string[]",
    example: "> ACL SETUSER reader\nOK\n> ACL USERS\n1) \"default\"\n2) \"reader\"",
    run: users,
    ..Row::NONE
};

fn users(c: &mut Ctx) -> Outcome {
    c.out.array(c.server.acl.users().count());
    c.server.acl.users().for_each(|user| c.out.bulk(&user.name));
    Ok(())
}

pub(super) const WHOAMI: Row = Row {
    name: "WHOAMI",
    group: Group::Server,
    since: "6.0.0",
    arity: 2,
    flags: OWN,
    summary: "Returns the name of the user of this connection.",
    complexity: "O(1)",
    ts: "(): string",
    example: "> ACL WHOAMI\n\"default\"",
    run: whoami,
    ..Row::NONE
};

fn whoami(c: &mut Ctx) -> Outcome {
    c.out.bulk(c.server.acl.name_of(c.me.who));
    Ok(())
}
