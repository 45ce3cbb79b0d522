//! Where a command's keys are: the key specifications of its row, parsed, and applied to its arguments.

use super::row::Row;
use crate::base::num::parse_i64;

macro_rules! key_flags {
    ($($name:ident $text:literal,)*) => {
        /// What a command does with a key, as bits.
        pub mod access {
            key_flags!(@const 0; $($name,)*);
            /// Every flag with its word, as `COMMAND INFO` prints it and as rows spell it.
            pub const ALL: &[(u32, &str, &str)] = &[$(($name, $text, stringify!($name))),*];
        }
    };
    (@const $n:expr; $name:ident, $($rest:tt)*) => {
        pub const $name: u32 = 1 << ($n);
        key_flags!(@const $n + 1; $($rest)*);
    };
    (@const $n:expr;) => {};
}

// Those in capitals say how the value is accessed as a whole, the others which parts of it matter.
key_flags! {
    RO "RO",
    RW "RW",
    OW "OW",
    RM "RM",
    ACCESS "access",
    UPDATE "update",
    INSERT "insert",
    DELETE "delete",
    NOT_KEY "not_key",
    INCOMPLETE "incomplete",
    VARIABLE_FLAGS "variable_flags",
}

/// One key specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// Which arguments from there on are keys.
    pub find: Find,
    /// Bits of [`access`].
    pub flags: u32,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(i64),
    /// After this word, which is searched from this argument on (negative: from the end backwards).
    Keyword(&'static str, i64),
    /// Nobody can say without knowing the command.
    Unknown,
}

/// Which arguments are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// From the beginning to `last` (relative to it, or to the end if negative), every `step`; a `limit` of n > 1 means the
    /// first nth of what is left.
    Range { last: i64, step: i64, limit: i64 },
    /// As many as the argument `numidx` after the beginning says, from `first` after it on, every `step`.
    KeyNum { numidx: i64, first: i64, step: i64 },
    /// Nobody can say without knowing the command.
    Unknown,
}

/// Returns the specifications that `text` spells (see [`Row::keys`]), or `None` if it spells none.
pub fn parse(text: &'static str) -> Option<Vec<KeySpec>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split("; ").map(parse_one).collect()
}

fn parse_one(text: &'static str) -> Option<KeySpec> {
    let (body, flags) = text.strip_suffix(']')?.split_once('[')?;
    let (begin, find) = body.split_once('/')?;
    let begin = if begin == "unknown" {
        Begin::Unknown
    } else if let Some(index) = begin.strip_prefix("idx:") {
        Begin::Index(index.parse().ok()?)
    } else {
        let (word, from) = begin.strip_prefix("kw:")?.split_once('@')?;
        Begin::Keyword(word, from.parse().ok()?)
    };
    let find = if find == "unknown" {
        Find::Unknown
    } else if let Some(numbers) = find.strip_prefix("range:") {
        let [last, step, limit] = numbers_of(numbers, ["last", "step", "limit"])?;
        Find::Range { last, step, limit }
    } else {
        let [numidx, first, step] = numbers_of(find.strip_prefix("keynum:")?, ["numidx", "first", "step"])?;
        Find::KeyNum { numidx, first, step }
    };
    Some(KeySpec { begin, find, flags: flags_of(flags)? })
}

fn numbers_of(text: &str, names: [&str; 3]) -> Option<[i64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(',');
    for (number, name) in numbers.iter_mut().zip(names) {
        *number = parts.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn flags_of(text: &str) -> Option<u32> {
    text.split(',').filter(|word| !word.is_empty()).try_fold(0, |flags, word| {
        access::ALL.iter().find(|(_, _, spelling)| *spelling == word).map(|(flag, _, _)| flags | flag)
    })
}

/// The words of `flags`, as `COMMAND INFO` and `GETKEYSANDFLAGS` print them.
pub fn words(flags: u32) -> impl Iterator<Item = &'static str> {
    access::ALL.iter().filter(move |(flag, _, _)| flags & flag != 0).map(|(_, word, _)| *word)
}

/// A key among the arguments of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its position in `argv`.
    pub at: usize,
    /// What is done with it: bits of [`access`].
    pub flags: u32,
}

/// Returns the keys (and, flagged so, what is routed like a key but is none) of the command `argv`, whose row is `row` and whose
/// full name is `name`. Returns `None` if the arguments make no sense where keys should be.
pub fn find(row: &Row, name: &str, argv: &[&[u8]]) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    for spec in parse(row.keys)? {
        apply(&spec, argv, &mut found)?;
    }
    correct(name, argv, &mut found);
    Some(found)
}

fn apply(spec: &KeySpec, argv: &[&[u8]], found: &mut Vec<Found>) -> Option<()> {
    let argc = argv.len() as i64;
    let begin = match spec.begin {
        Begin::Index(index) => index,
        Begin::Keyword(word, from) => match keyword(argv, word, from) {
            Some(at) => at + 1,
            None => return Some(()),
        },
        Begin::Unknown => return Some(()),
    };
    let (first, last, step) = match spec.find {
        Find::Range { last, step, limit } => {
            let last = match last {
                0.. => begin + last,
                _ if limit > 1 => begin + (argc - begin) / limit + last,
                _ => argc + last,
            };
            (begin, last, step)
        }
        Find::KeyNum { numidx, first, step } => {
            let count = parse_i64(argv.get(usize::try_from(begin + numidx).ok()?)?)?;
            if count < 1 || count > argc {
                return None;
            }
            (begin + first, begin + first + (count - 1) * step, step)
        }
        Find::Unknown => return Some(()),
    };
    if last >= argc || step < 1 {
        return None;
    }
    let mut at = first;
    while at <= last {
        found.push(Found { at: usize::try_from(at).ok()?, flags: spec.flags });
        at += step;
    }
    Some(())
}

/// Where `word` stands, searched from `from` on, or backwards when that is negative.
fn keyword(argv: &[&[u8]], word: &str, from: i64) -> Option<i64> {
    let is = |at: &i64| argv[*at as usize].eq_ignore_ascii_case(word.as_bytes());
    let argc = argv.len() as i64;
    if from >= 0 { (from..argc).find(is) } else { (1..=(argc + from).max(0)).rev().find(is) }
}

/// What specifications cannot say: the keys and flags of a few commands depend on their options.
fn correct(name: &str, argv: &[&[u8]], found: &mut Vec<Found>) {
    let has = |word: &str, from: usize| argv.iter().skip(from).any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match name {
        "set" => {
            let flags =
                if has("GET", 3) { access::RW | access::ACCESS | access::UPDATE } else { access::OW | access::UPDATE };
            found.iter_mut().for_each(|key| key.flags = flags);
        }
        "bitfield" if !(has("SET", 2) || has("INCRBY", 2)) => {
            found.iter_mut().for_each(|key| key.flags = access::RO | access::ACCESS);
        }
        "bitfield" => found.iter_mut().for_each(|key| key.flags = access::RW | access::ACCESS | access::UPDATE),
        "sort" => found.extend(sort_store(argv)),
        _ => {}
    }
}

/// The key after SORT's STORE, the last one if there are several.
fn sort_store(argv: &[&[u8]]) -> Option<Found> {
    let mut at = 2;
    let mut store = None;
    while at < argv.len() {
        let word = argv[at].to_ascii_uppercase();
        at += match word.as_slice() {
            b"LIMIT" => 3,
            b"GET" | b"BY" => 2,
            b"STORE" if at + 1 < argv.len() => {
                store = Some(Found { at: at + 1, flags: access::OW | access::UPDATE });
                2
            }
            _ => 1,
        };
    }
    store
}

/// The first key, the last key (negative: from the end) and the step between keys, as far as three numbers can say it: what
/// `COMMAND INFO` gives beside the specifications. All zero if they cannot.
pub fn legacy_range(specs: &[KeySpec]) -> (i64, i64, i64) {
    let ranges = specs.iter().filter_map(|spec| match (spec.begin, spec.find) {
        (Begin::Index(first), Find::Range { last, step, .. }) => {
            Some((first, if last >= 0 { first + last } else { last }, step))
        }
        _ => None,
    });
    let ranges: Vec<(i64, i64, i64)> = ranges.collect();
    match (specs.len(), ranges.as_slice()) {
        (1, [only]) => *only,
        (_, []) => (0, 0, 0),
        _ => {
            let joined = ranges.iter().all(|(_, _, step)| *step == 1)
                && ranges.windows(2).all(|pair| pair[0].1 == pair[1].0 - 1);
            let (first, last) = (ranges[0].0, ranges[ranges.len() - 1].1);
            if joined { (first, last, 1) } else { (0, 0, 0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(specs: &'static str, name: &str, line: &str) -> Option<Vec<String>> {
        let row = Row { keys: specs, ..Row::NONE };
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let found = find(&row, name, &argv)?;
        Some(found.iter().map(|key| String::from_utf8_lossy(argv[key.at]).into_owned()).collect())
    }

    #[test]
    fn every_form_finds_its_keys() {
        let want = |list: &str| Some(list.split_whitespace().map(str::to_string).collect::<Vec<_>>());
        let range = "idx:1/range:last=-1,step=2,limit=0[OW,UPDATE]";
        assert_eq!(keys(range, "mset", "MSET a 1 b 2"), want("a b"));
        let two = "idx:1/range:last=0,step=1,limit=0[OW,UPDATE]; idx:2/keynum:numidx=0,first=1,step=1[RO,ACCESS]";
        assert_eq!(keys(two, "zunionstore", "ZUNIONSTORE d 2 a b WEIGHTS 1 2"), want("d a b"));
        assert_eq!(keys(two, "zunionstore", "ZUNIONSTORE d 9 a b"), None);
        assert_eq!(keys(two, "zunionstore", "ZUNIONSTORE d x a b"), None);
        let streams = "kw:STREAMS@1/range:last=-1,step=1,limit=2[RO,ACCESS]";
        assert_eq!(keys(streams, "xread", "XREAD COUNT 2 STREAMS a b 0 0"), want("a b"));
        assert_eq!(keys(streams, "xread", "XREAD COUNT 2"), want(""));
        let sort =
            "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]; unknown/unknown[RO,ACCESS]; unknown/unknown[OW,UPDATE]";
        assert_eq!(keys(sort, "sort", "SORT k LIMIT 0 STORE STORE out"), want("k out"));
        let migrate = "idx:3/range:last=0,step=1,limit=0[RW]; kw:KEYS@-2/range:last=-1,step=1,limit=0[RW,INCOMPLETE]";
        assert_eq!(keys(migrate, "migrate", "MIGRATE h 1 k 0 1 KEYS a b"), want("k a b"));
    }

    #[test]
    fn the_range_is_joined_where_it_can_be() {
        let of = |text| legacy_range(&parse(text).unwrap());
        assert_eq!(of("idx:1/range:last=-1,step=2,limit=0[]"), (1, -1, 2));
        assert_eq!(of("idx:1/range:last=0,step=1,limit=0[]; idx:2/range:last=0,step=1,limit=0[]"), (1, 2, 1));
        assert_eq!(of("idx:1/range:last=0,step=1,limit=0[]; idx:3/range:last=0,step=1,limit=0[]"), (0, 0, 0));
        assert_eq!(of("idx:1/keynum:numidx=0,first=1,step=1[]"), (0, 0, 0));
        assert_eq!(parse("idx:x/range:last=0[]"), None);
    }
}
