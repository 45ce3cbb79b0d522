//! The server's side of access control: the ACL file, users of the configuration file, and a secret to make passwords from.

use super::log;
use super::settings::reason;
use crate::engine::Engine;
use crate::engine::acl::Files;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Gives the engine the files and the secret, and makes the users it was told of. To be called when all else is configured. Fails with
/// a sentence: a server that does not know who may do what must not start.
pub(super) fn start(engine: &mut Engine) -> Result<(), String> {
    let acl = &mut engine.server.acl;
    acl.files = Some(Files { read, write });
    acl.secret = secret().map_err(|e| format!("Failed to read random bytes: {e}"))?;
    let path = engine.server.config.other.get("aclfile").cloned().unwrap_or_default();
    engine.server.acl.start(&path)?;
    for user in engine.server.acl.users().filter(|user| !user.enabled) {
        log::notice(&format!(
            "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error.",
            String::from_utf8_lossy(&user.name)
        ));
    }
    Ok(())
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| reason(&e))
}

/// Replaces the file as a whole: there is the old one or the new one at any time.
fn write(path: &str, text: &[u8]) -> Result<(), String> {
    let temporary = format!("{path}.tmp-{}", std::process::id());
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&temporary, Path::new(path))
    });
    written.map_err(|e| {
        // Best effort: the error that counts is the first.
        let _ = std::fs::remove_file(&temporary);
        log::warning(&format!("Saving ACL file '{path}': {e}"));
        reason(&e)
    })
}

fn secret() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
