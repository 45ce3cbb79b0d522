//! ACL: who may do what. The users themselves, and the check that every command goes through, are in `engine/acl`.

mod file;
mod log;
mod look;
mod users;

use super::command::help_row;
use crate::engine::{Group, Row, flag};

/// The family.
pub const ROWS: &[Row] = &[ACL];

const OWN: u32 = flag::NOSCRIPT | flag::LOADING | flag::STALE;
const ADMIN: u32 = OWN | flag::ADMIN;

const ACL: Row = Row {
    name: "ACL",
    group: Group::Server,
    since: "6.0.0",
    arity: -2,
    summary: "Manages users and what they may do.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> ACL SETUSER reader on >secret +@read ~public:*\nOK\n> ACL DRYRUN reader GET public:1\nOK\n\
              > ACL DRYRUN reader DEL public:1\n\"This user has no permissions to run the 'del' command\"",
    subs: &[
        look::CAT,
        users::DELUSER,
        look::DRYRUN,
        look::GENPASS,
        users::GETUSER,
        help_row(Group::Server, "6.0.0", flag::LOADING | flag::STALE),
        users::LIST,
        file::LOAD,
        log::LOG,
        file::SAVE,
        users::SETUSER,
        users::USERS,
        users::WHOAMI,
    ],
    ..Row::NONE
};
