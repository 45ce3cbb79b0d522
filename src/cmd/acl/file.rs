//! ACL LOAD and SAVE: the users and the file `aclfile` names. Only a host has files: it gives the functions that read and write them.

use super::ADMIN;
use crate::engine::acl::Files;
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
    let (path, _) = acl_file(c)?;
    let users = c.server.acl.read_file(&path).map_err(|why| Error::new(format!("ERR {why}")))?;
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
    let (path, files) = acl_file(c)?;
    (files.write)(&path, &c.server.acl.file_text()).map_err(|_| Error::AclNotSaved)?;
    c.out.ok();
    Ok(())
}

/// The path of the ACL file and how to reach it. Fails if none is configured, or the host has no files.
fn acl_file(c: &Ctx) -> Result<(String, Files), Error> {
    let path = c.server.config.other.get("aclfile").filter(|path| !path.is_empty());
    path.cloned().zip(c.server.acl.files).ok_or(Error::NoAclFile)
}
