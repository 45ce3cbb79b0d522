//! MONITOR: who sees every command, and the line they see.

use super::reply::Reply;
use super::session::SessionId;
use super::{Ctx, redact};
use std::fmt::Write;

impl Ctx<'_> {
    /// Sends the running command to those who monitor.
    #[cold]
    pub(super) fn show_to_monitors(&mut self) {
        let name = &self.server.table.slot(self.row_id).full_name;
        let addr = if self.me.addr.is_empty() { "?" } else { &self.me.addr };
        let unix = if self.me.addr.ends_with(":0") { "unix:" } else { "" };
        let (addr, now) = (if unix.is_empty() { addr } else { addr.trim_end_matches(":0") }, self.ks.now);
        let mut line = format!("{}.{:03}000 [{} {unix}{addr}]", now / 1000, now % 1000, self.me.db);
        for arg in redact::shown(name, self.argv) {
            line.push(' ');
            quote(arg, &mut line);
        }
        for id in self.server.monitors.clone() {
            self.tell(id, |out| out.simple(&line));
        }
    }

    /// Writes to session `id` beside its replies; what goes to the running session follows its reply.
    fn tell(&mut self, id: SessionId, write: impl FnOnce(&mut Reply)) {
        if id == self.me.place {
            write(self.me.later());
        } else if let Some(session) = self.sessions.get_mut(id) {
            write(&mut session.out);
            self.sessions.wake(id);
        }
    }
}

/// Appends `arg` in quotes, with escapes for what is not visible ASCII.
pub fn quote(arg: &[u8], line: &mut String) {
    line.push('"');
    for &byte in arg {
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            7 => line.push_str("\\a"),
            8 => line.push_str("\\b"),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => _ = write!(line, "\\x{byte:02x}"),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_one_line() {
        let mut line = String::new();
        quote(b"a b\n\x01\"\\\xff~", &mut line);
        assert_eq!(line, r#""a b\n\x01\"\\\xff~""#);
    }
}
