//! The row: all that is known of a command. Everything else (COMMAND, help, types, reference, tests) is derived from rows.

use super::Ctx;
use super::error::Outcome;
use crate::base::hash::{Map, Seeded};

/// What a row's function looks like: it parses `c.argv`, reads, decides, writes, and replies into `c.out`.
pub type Handler = fn(&mut Ctx) -> Outcome;

/// One command, or one sub-command of a container.
#[derive(Clone, Copy)]
pub struct Row {
    /// Upper-case name; a sub-command carries its own word only (`GETNAME` of `CLIENT GETNAME`).
    pub name: &'static str,
    /// The family it is documented under.
    pub group: Group,
    /// The first Redis (or, said so, Valkey) version that has it.
    pub since: &'static str,
    /// Number of arguments with the name; negative: at least so many. A sub-command counts its parent's word too.
    pub arity: i32,
    /// Bits of [`flag`].
    pub flags: u32,
    /// Where the keys are, in the notation of `COMMAND INFO`'s key specifications:
    /// `idx:1/range:last=0,step=1,limit=0[RO,ACCESS]`, several separated by `; `, empty for none.
    pub keys: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// The arguments after the name, as the Redis documentation writes them: `key value [NX | XX] [EX seconds | PX ms]`.
    pub syntax: &'static str,
    /// TypeScript: parameters and reply, `(key: Key): string | null`.
    pub ts: &'static str,
    /// A transcript that is run as a test: lines `> command`, each followed by its reply as redis-cli prints it.
    pub example: &'static str,
    /// Where this differs from Debian's redis-server 7.0.15, and why; empty when it does not.
    pub differs: &'static str,
    /// The function; a container without a meaning of its own keeps [`container`].
    pub run: Handler,
    /// Sub-commands of a container.
    pub subs: &'static [Row],
}

impl Row {
    /// The base of every row: `Row { name: "GET", …, ..Row::NONE }`.
    pub const NONE: Row = Row {
        name: "",
        group: Group::Generic,
        since: "1.0.0",
        arity: -1,
        flags: 0,
        keys: "",
        summary: "",
        complexity: "",
        syntax: "",
        ts: "",
        example: "",
        differs: "",
        run: container,
        subs: &[],
    };

    /// Whether all bits of `flags` are set.
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// Whether it is a command one can run, not only a name for sub-commands.
    pub fn is_runnable(&self) -> bool {
        self.subs.is_empty() || !std::ptr::fn_addr_eq(self.run, container as Handler)
    }
}

/// The function of a row that only holds sub-commands; `call` never reaches it, because it resolves the sub-command first.
pub fn container(c: &mut Ctx) -> Outcome {
    Err(super::Error::arity(c.row.name))
}

/// The one key at position 1, read.
pub const KEY_READ: &str = "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]";
/// The one key at position 1, of which only metadata is read.
pub const KEY_META: &str = "idx:1/range:last=0,step=1,limit=0[RO]";
/// The one key at position 1, changed.
pub const KEY_UPDATE: &str = "idx:1/range:last=0,step=1,limit=0[RW,UPDATE]";
/// The one key at position 1, changed and returned.
pub const KEY_ACCESS_UPDATE: &str = "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,UPDATE]";
/// The one key at position 1, added to.
pub const KEY_INSERT: &str = "idx:1/range:last=0,step=1,limit=0[RW,INSERT]";
/// The one key at position 1, taken from.
pub const KEY_DELETE: &str = "idx:1/range:last=0,step=1,limit=0[RW,DELETE]";
/// The one key at position 1, taken from and returned.
pub const KEY_ACCESS_DELETE: &str = "idx:1/range:last=0,step=1,limit=0[RW,ACCESS,DELETE]";
/// The one key at position 1, overwritten.
pub const KEY_OVERWRITE: &str = "idx:1/range:last=0,step=1,limit=0[OW,UPDATE]";

macro_rules! flags {
    ($($name:ident $text:literal $doc:literal,)*) => {
        /// The flags of a command, as `COMMAND INFO` and the table of facts name them.
        pub mod flag {
            flags!(@const 0; $($name $doc,)*);
            /// Every flag with its word, lower-case as `COMMAND INFO` prints it.
            pub const ALL: &[(u32, &str)] = &[$(($name, $text)),*];
        }
    };
    (@const $n:expr; $name:ident $doc:literal, $($rest:tt)*) => {
        #[doc = $doc] pub const $name: u32 = 1 << ($n);
        flags!(@const $n + 1; $($rest)*);
    };
    (@const $n:expr;) => {};
}

flags! {
    WRITE "write" "May change data.",
    READONLY "readonly" "Never changes data.",
    DENYOOM "denyoom" "Refused when memory is over `maxmemory`.",
    ADMIN "admin" "For administration.",
    PUBSUB "pubsub" "Part of publish/subscribe.",
    NOSCRIPT "noscript" "Not allowed from scripts.",
    BLOCKING "blocking" "May wait.",
    LOADING "loading" "Allowed while a snapshot loads.",
    STALE "stale" "Allowed on a follower without its leader.",
    SKIP_MONITOR "skip_monitor" "Not shown by MONITOR.",
    SKIP_SLOWLOG "skip_slowlog" "Not kept in the slow log.",
    ASKING "asking" "Cluster redirection.",
    FAST "fast" "Constant or logarithmic time.",
    NO_AUTH "no_auth" "Allowed before authentication.",
    MAY_REPLICATE "may_replicate" "May send an effect without being a write.",
    NO_MULTI "no_multi" "Not allowed in a transaction.",
    MOVABLEKEYS "movablekeys" "Its keys depend on other arguments.",
    ALLOW_BUSY "allow_busy" "Allowed while a script runs.",
    NO_ASYNC_LOADING "no_async_loading" "Not allowed while a snapshot is swapped in.",
    NO_MANDATORY_KEYS "no_mandatory_keys" "Keys may be absent.",
    PROTECTED "protected" "Needs an explicit permission.",
    TOUCHES_ARBITRARY_KEYS "touches_arbitrary_keys" "May touch keys it does not name.",
}

/// The families of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    Json,
    List,
    Pubsub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
    VectorSet,
}

impl Group {
    /// The name as `COMMAND DOCS` gives it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::Hyperloglog => "hyperloglog",
            Group::Json => "module",
            Group::List => "list",
            Group::Pubsub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
            Group::VectorSet => "vector_set",
        }
    }
}

/// How many rows families have, sub-commands counted.
pub const fn count(families: &[&[Row]]) -> usize {
    let (mut sum, mut family) = (0, 0);
    while family < families.len() {
        let (rows, mut n) = (families[family], 0);
        while n < rows.len() {
            sum += 1 + rows[n].subs.len();
            n += 1;
        }
        family += 1;
    }
    sum
}

/// The rows of families in one array, every command followed by its sub-commands. `all` is where the array will be, for the commands to
/// find them. The compiler copies them so that what is not [carried](CARRIES_TEXTS) is nowhere in the program.
pub const fn in_a_row<const N: usize>(families: &[&[Row]], all: &'static [Row; N]) -> [Row; N] {
    let mut rows = [Row::NONE; N];
    let (mut at, mut family) = (0, 0);
    while family < families.len() {
        let mut n = 0;
        while n < families[family].len() {
            let row = &families[family][n];
            let count = row.subs.len();
            rows[at] = Row { subs: all.split_at(at + 1).1.split_at(count).0, ..carried(row) };
            at += 1;
            let mut sub = 0;
            while sub < count {
                rows[at] = carried(&row.subs[sub]);
                at += 1;
                sub += 1;
            }
            n += 1;
        }
        family += 1;
    }
    rows
}

/// Whether a program has the signatures, examples and differences of its rows, which only tests and generated files read. In the
/// browser nobody does, and they would be a tenth of the download.
const CARRIES_TEXTS: bool = cfg!(not(target_family = "wasm"));

const fn carried(row: &Row) -> Row {
    if CARRIES_TEXTS { *row } else { Row { ts: "", example: "", differs: "", ..*row } }
}

/// All commands, by name and by number. Made once from the rows; it never changes.
pub struct Table {
    slots: Vec<Slot>,
    by_name: Map<Vec<u8>, u16>,
    /// The commands with short names once more, found without the general hash: every call begins here.
    short: ShortNames,
    client_line: fn(&Ctx) -> String,
}

/// A row's place in the table.
pub struct Slot {
    /// The row.
    pub row: &'static Row,
    /// `client|getname` for sub-commands, `get` for commands.
    pub full_name: String,
    /// The row it is a sub-command of.
    pub parent: Option<u16>,
}

/// The number of a command or sub-command in its table, for counters and callers that look a name up once.
pub type RowId = u16;

impl Table {
    /// Returns the table of all rows, every command followed by its sub-commands, as [`in_a_row`] has them.
    pub fn new(rows: &'static [Row]) -> Self {
        let mut table = Table {
            slots: Vec::new(),
            by_name: Map::with_hasher(Seeded(0)),
            short: ShortNames::new(),
            client_line: |_| String::new(),
        };
        let mut rest = rows.iter();
        while let Some(row) = rest.next() {
            let id = table.add(row, None);
            for sub in rest.by_ref().take(row.subs.len()) {
                table.add(sub, Some(id));
            }
        }
        let commands = table.slots.iter().enumerate().filter(|(_, slot)| slot.parent.is_none());
        table.short.fill(commands.map(|(id, slot)| (slot.row.name.as_bytes(), id as RowId)));
        table
    }

    /// With the function that writes the running session's line of `CLIENT LIST`, which the log of refusals keeps.
    pub fn with_client_line(mut self, line: fn(&Ctx) -> String) -> Self {
        self.client_line = line;
        self
    }

    /// The function that writes the running session's line of `CLIENT LIST`.
    pub fn client_line(&self) -> fn(&Ctx) -> String {
        self.client_line
    }

    fn add(&mut self, row: &'static Row, parent: Option<u16>) -> u16 {
        let mut full_name = row.name.to_ascii_lowercase();
        if let Some(parent) = parent {
            full_name = format!("{}|{full_name}", self.slots[parent as usize].full_name);
        }
        let id = self.slots.len() as u16;
        let old = self.by_name.insert(full_name.clone().into_bytes(), id);
        debug_assert!(old.is_none(), "two rows are called {full_name}");
        self.slots.push(Slot { row, full_name, parent });
        id
    }

    /// Returns the number of the command `name` (any case), without looking for sub-commands.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<RowId> {
        match ShortName::of(name) {
            Some(short) => self.short.find(short),
            None => self.find_long(name),
        }
    }

    #[cold]
    fn find_long(&self, name: &[u8]) -> Option<RowId> {
        let mut lower = [0u8; 64];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        if lower.contains(&b'|') {
            return None;
        }
        self.by_name.get(&*lower).copied()
    }

    /// Returns the number of `parent`'s sub-command `child` (any case).
    pub fn find_sub(&self, parent: RowId, child: &[u8]) -> Option<RowId> {
        let full = format!("{}|{}", self.slot(parent).full_name, String::from_utf8_lossy(child).to_ascii_lowercase());
        self.by_name.get(full.as_bytes()).copied()
    }

    /// Returns what is at `id`.
    pub fn slot(&self, id: RowId) -> &Slot {
        &self.slots[id as usize]
    }

    /// All slots: every command followed by its sub-commands.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

/// A name of 1 to 16 bytes, in lower case, as two words that overlap where it is shorter. Two names are equal if these are.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortName {
    len: usize,
    head: u64,
    tail: u64,
}

impl ShortName {
    #[inline]
    fn of(name: &[u8]) -> Option<Self> {
        let len = name.len();
        let (head, tail) = if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u32::from_le_bytes(*head).into(), u32::from_le_bytes(*tail).into())
        } else {
            (u64::from(*name.first()?) << 8 | u64::from(name[len / 2]), name[len - 1].into())
        };
        (len <= 16).then_some(ShortName { len, head: lower(head), tail: lower(tail) })
    }

    /// Where the search for it begins. The names are ours, so nothing needs to be unpredictable.
    #[inline]
    fn place(self) -> usize {
        let mixed = (self.head ^ self.tail.rotate_left(29) ^ self.len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize
    }
}

/// Returns eight bytes with `A` to `Z` made small, all at once: in each byte the sums below reach the top bit from `A` on, and
/// beyond `Z`.
#[inline]
fn lower(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = bytes & (0x7f * EACH);
    let (from_a, beyond_z) = (low + (0x80 - b'A' as u64) * EACH, low + (0x7f - b'Z' as u64) * EACH);
    let upper = (from_a ^ beyond_z) & !bytes & (0x80 * EACH);
    bytes | upper >> 2
}

/// An open table of short names.
struct ShortNames {
    /// Places in `names`, plus one; 0 is free. At most half are in use, so a search ends.
    index: Vec<u16>,
    names: Vec<(ShortName, RowId)>,
}

impl ShortNames {
    fn new() -> Self {
        ShortNames { index: vec![0; 1], names: Vec::new() }
    }

    fn fill<'a>(&mut self, names: impl Iterator<Item = (&'a [u8], RowId)>) {
        self.names = names.filter_map(|(name, id)| Some((ShortName::of(name)?, id))).collect();
        self.index = vec![0; (4 * self.names.len()).next_power_of_two()];
        let mask = self.index.len() - 1;
        for (n, (name, _)) in self.names.iter().enumerate() {
            let mut at = name.place() & mask;
            while self.index[at] != 0 {
                at = (at + 1) & mask;
            }
            self.index[at] = n as u16 + 1;
        }
    }

    #[inline]
    fn find(&self, name: ShortName) -> Option<RowId> {
        let mask = self.index.len() - 1;
        let mut at = name.place() & mask;
        loop {
            let n = self.index[at].checked_sub(1)?;
            let (found, id) = self.names[n as usize];
            if found == name {
                return Some(id);
            }
            at = (at + 1) & mask;
        }
    }
}
