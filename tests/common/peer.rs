//! One view of the engine and of a real server: numbered clients that send commands and see what arrives.

use tabdis::resp::reply::{Value, to_cli};

/// A server with numbered clients. A client is connected when it first does something.
pub trait Peer {
    /// Sends a command.
    fn send(&mut self, client: usize, argv: &[Vec<u8>]);
    /// Everything that has arrived at the client since the last look: replies and pushes, in order. Nothing while it waits.
    fn arrived(&mut self, client: usize) -> Vec<Value>;
    /// Whether the server has closed the client's connection.
    fn is_closed(&mut self, client: usize) -> bool;
    /// Lets time pass.
    fn sleep(&mut self, ms: u64);
    /// Starts afresh: all clients gone, all data gone, settings as at the start.
    fn reset(&mut self);

    /// Sends a command and returns its one reply. Panics if there is none, or more than one thing arrives.
    fn ask(&mut self, client: usize, argv: &[&[u8]]) -> Value {
        let argv: Vec<Vec<u8>> = argv.iter().map(|arg| arg.to_vec()).collect();
        self.send(client, &argv);
        let mut values = self.arrived(client);
        assert_eq!(values.len(), 1, "{} should get one reply, got {values:?}", super::typed(&argv));
        values.pop().expect("there is one")
    }
}

/// What redis-cli would print for `values`, one after the other; `(blocked)` for nothing, or `(closed)` behind a connection
/// that is.
pub fn printed(values: &[Value], closed: bool) -> String {
    if values.is_empty() {
        return if closed { "(closed)\n".to_string() } else { "(blocked)\n".to_string() };
    }
    let bytes: Vec<u8> = values.iter().flat_map(to_cli).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
