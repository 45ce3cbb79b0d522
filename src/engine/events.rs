//! Keyspace notifications: which kinds exist, and how `notify-keyspace-events` spells them.

/// Publish to `__keyspace@<db>__:<key>`.
pub const KEYSPACE: u32 = 1 << 0;
/// Publish to `__keyevent@<db>__:<event>`.
pub const KEYEVENT: u32 = 1 << 1;
pub const GENERIC: u32 = 1 << 2;
pub const STRING: u32 = 1 << 3;
pub const LIST: u32 = 1 << 4;
pub const SET: u32 = 1 << 5;
pub const HASH: u32 = 1 << 6;
pub const ZSET: u32 = 1 << 7;
pub const EXPIRED: u32 = 1 << 8;
pub const EVICTED: u32 = 1 << 9;
pub const STREAM: u32 = 1 << 10;
pub const KEY_MISS: u32 = 1 << 11;
pub const MODULE: u32 = 1 << 12;
pub const NEW: u32 = 1 << 13;
/// What `A` stands for: all but misses and new keys.
pub const ALL: u32 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

const LETTERS: &[(u8, u32)] = &[
    (b'g', GENERIC),
    (b'$', STRING),
    (b'l', LIST),
    (b's', SET),
    (b'h', HASH),
    (b'z', ZSET),
    (b'x', EXPIRED),
    (b'e', EVICTED),
    (b't', STREAM),
    (b'd', MODULE),
    (b'n', NEW),
    (b'K', KEYSPACE),
    (b'E', KEYEVENT),
    (b'm', KEY_MISS),
];

/// One thing that happened to a key.
pub struct Event {
    /// The database of the key.
    pub db: usize,
    /// The event's name, `set`.
    pub name: &'static str,
    /// The key.
    pub key: Vec<u8>,
}

/// Returns the flags that `text` spells, or `None` when a letter means nothing.
pub fn parse(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |flags, letter| {
        if *letter == b'A' {
            return Some(flags | ALL);
        }
        LETTERS.iter().find(|(l, _)| l == letter).map(|(_, flag)| flags | flag)
    })
}

/// Returns the letters of `flags`, as `CONFIG GET` prints them.
pub fn format(flags: u32) -> String {
    let mut text = String::new();
    let mut left = flags;
    if flags & ALL == ALL {
        text.push('A');
        // Redis does not print `n` beside `A`, though it holds.
        left &= !(ALL | NEW);
    }
    for (letter, flag) in LETTERS {
        if left & flag != 0 {
            text.push(char::from(*letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_read_back() {
        assert_eq!(format(parse(b"KEA").unwrap()), "AKE");
        assert_eq!(format(parse(b"Kx$").unwrap()), "$xK");
        assert_eq!(parse(b"KQ"), None);
    }
}
