//! The server's side of access control at its start: users of the configuration or of the ACL file, and a secret to make passwords from.

use super::log;
use super::settings::reason;
use crate::engine::Engine;
use std::fs::File;
use std::io::{self, Read};

/// Makes the users the server was told of, and gives the engine its secret. To be called when all else is configured. Fails with a
/// sentence: a server that does not know who may do what must not start.
pub(super) fn start(engine: &mut Engine) -> Result<(), String> {
    let path = engine.server.config.other.get("aclfile").cloned().unwrap_or_default();
    let file = (!path.is_empty()).then(|| (&*path, std::fs::read(&path).map_err(|error| reason(&error))));
    let acl = &mut engine.server.acl;
    acl.secret = secret().map_err(|error| format!("Failed to read random bytes: {error}"))?;
    acl.start(file)?;
    for user in acl.users().filter(|user| !user.enabled) {
        log::notice(&format!(
            "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error.",
            String::from_utf8_lossy(&user.name)
        ));
    }
    Ok(())
}

fn secret() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
