//! ACL LOAD and SAVE: the users and the file `aclfile` names, which the host reads and writes.

use super::ADMIN;
use crate::engine::{Ctx, Error, Group, Outcome, Row};

pub(super) const LOAD: Row = Row {
    name: "LOAD",
    group: Group::Server,
    since: "6.0.0",
    arity: 2,
    flags: ADMIN,
    summary: "Replaces all users by those of the ACL file, unless something is wrong with it.",
    complexity: "O(N). Where N is the number of configured users.",
    ts: "(): 'OK'",
    example: "> ACL LOAD\n(error) ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
              SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users \
              in the Redis configuration.",
    differs: "connections of users that are still there and may still listen to what they listen to stay open, as in Redis 7.4",
    run: load,
    ..Row::NONE
};

fn load(c: &mut Ctx) -> Outcome {
    let path = path(c)?;
    let text = c.server.host.acl_file(&path).ok_or(Error::NoAclFile)?;
    let users = c.server.acl.users_of_file(&path, text).map_err(|why| Error::new(format!("ERR {why}")))?;
    c.replace_users(users);
    c.out.ok();
    Ok(())
}

pub(super) const SAVE: Row = Row {
    name: "SAVE",
    group: Group::Server,
    since: "6.0.0",
    arity: 2,
    flags: ADMIN,
    summary: "Writes all users to the ACL file.",
    complexity: "O(N). Where N is the number of configured users.",
    ts: "(): 'OK'",
    example: "> ACL SAVE\n(error) ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
              SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users \
              in the Redis configuration.",
    run: save,
    ..Row::NONE
};

fn save(c: &mut Ctx) -> Outcome {
    let path = path(c)?;
    let text = c.server.acl.file_text();
    let saved = c.server.host.replace_acl_file(&path, &text).ok_or(Error::NoAclFile)?;
    saved.map_err(|_| Error::AclNotSaved)?;
    c.out.ok();
    Ok(())
}

/// The path of the ACL file. Fails if none is configured.
fn path(c: &Ctx) -> Result<String, Error> {
    let path = c.server.config.other.get("aclfile").filter(|path| !path.is_empty());
    path.cloned().ok_or(Error::NoAclFile)
}
