//! Where a command's channels are: key specifications do not say.

use std::ops::Range;

/// Returns which arguments of the command `name` are channels, and whether they are patterns. Whoever stops listening needs no
/// permission.
pub fn of(name: &str, argv: &[&[u8]]) -> Option<(Range<usize>, bool)> {
    let (last, patterns) = match name {
        "publish" | "spublish" => (2, false),
        "subscribe" | "ssubscribe" => (argv.len(), false),
        "psubscribe" => (argv.len(), true),
        _ => return None,
    };
    Some((1..last.min(argv.len()), patterns))
}
