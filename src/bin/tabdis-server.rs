//! The command line of the native server.

fn main() {}
