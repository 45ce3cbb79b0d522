//! Random commands: every row's syntax filled with arguments that meet each other. And what is known beyond the rows: whose
//! replies have no order, which depend on chance.

use super::streams;
use super::syntax::{self, Node};
use tabdis::base::rng::Rng;
use tabdis::engine::row::{Group, Slot, flag};

/// Commands whose replies list a set or a hash, so that the order means nothing.
const UNORDERED: &[&str] = &[
    "CONFIG", "HGETALL", "HKEYS", "HSCAN", "HVALS", "KEYS", "PUBSUB", "SCAN", "SDIFF", "SINTER", "SMEMBERS", "SSCAN",
    "SUNION", "ZSCAN",
];

/// Commands whose reply is by chance.
const BY_CHANCE: &[&str] = &["HRANDFIELD", "RANDOMKEY", "SPOP", "SRANDMEMBER", "VRANDMEMBER", "ZRANDMEMBER"];

/// Words that 7.0 does not know after these names: what has them is left out.
const NEWER_WORDS: &[(&str, &[&str])] = &[
    ("HSCAN", &["NOVALUES"]),
    ("BITOP", &["DIFF", "DIFF1", "ANDOR", "ONE"]),
    ("XADD", &["KEEPREF", "DELREF", "ACKED"]),
    ("XTRIM", &["KEEPREF", "DELREF", "ACKED"]),
    ("XREAD", &["+"]),
    ("XREADGROUP", &["CLAIM"]),
    ("ZSCAN", &["NOSCORES"]),
    ("SET", &["IFEQ", "IFNE", "IFDEQ", "IFDNE"]),
];

/// Whether 7.0 does not know the command in this form.
pub fn is_newer(argv: &[Vec<u8>]) -> bool {
    let has = |word: &&str| argv.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    NEWER_WORDS.iter().any(|(name, words)| is_one_of(argv, &[name]) && words.iter().any(has))
}

/// Whether the order of the reply's elements means nothing.
pub fn is_unordered(argv: &[Vec<u8>]) -> bool {
    let is_cat = argv.get(1).is_some_and(|sub| sub.eq_ignore_ascii_case(b"CAT"));
    is_one_of(argv, UNORDERED) || (is_one_of(argv, &["ACL"]) && is_cat)
}

/// Whether the reply is by chance.
pub fn is_by_chance(argv: &[Vec<u8>]) -> bool {
    is_one_of(argv, BY_CHANCE)
}

/// Whether the command is meant to take as much memory as it is told, on any server: so many keys, or a reply with so many
/// repetitions.
pub fn asks_for_memory(argv: &[Vec<u8>]) -> bool {
    let number = |arg: &Vec<u8>| std::str::from_utf8(arg).ok().and_then(|text| text.parse::<i64>().ok());
    let large = |arg: &Vec<u8>| number(arg).is_some_and(|n| n.unsigned_abs() > 100_000);
    is_one_of(argv, &["DEBUG", "SRANDMEMBER", "HRANDFIELD", "VRANDMEMBER", "ZRANDMEMBER"]) && argv.iter().any(large)
}

/// Whether the command's name is in the list.
pub fn is_one_of(argv: &[Vec<u8>], names: &[&str]) -> bool {
    argv.first().is_some_and(|name| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
}

/// Now and then, a command about the session or about all data, as the surroundings of the others.
pub fn of_a_session(rng: &mut Rng, queueing: bool) -> Option<Vec<Vec<u8>>> {
    let text = match rng.below(1000) {
        0..150 if queueing => "EXEC",
        150..160 if queueing => "DISCARD",
        0..12 => "MULTI",
        12..20 => ["WATCH s0 t1", "WATCH z0 l0", "WATCH h0", "UNWATCH"][rng.below(4)],
        20..32 => ["SELECT 0", "SELECT 0", "SELECT 1", "SELECT 2", "SELECT 3"][rng.below(5)],
        32 => ["FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "SWAPDB 1 2"][rng.below(4)],
        33..40 => {
            // Members of one score, for the ranges by text.
            let member = rng.below(40);
            let key = format!("y{}", member % 2).into_bytes();
            return Some(vec![b"ZADD".to_vec(), key, b"0".to_vec(), format!("{member:x}").into_bytes()]);
        }
        40..43 if !queueing => ["HELLO 3", "HELLO 2", "DBSIZE", "RESET"][rng.below(4)],
        _ => return None,
    };
    Some(text.split(' ').map(|word| word.as_bytes().to_vec()).collect())
}

/// A row with its syntax read.
pub struct Word {
    /// The row.
    pub slot: &'static Slot,
    name: Vec<&'static str>,
    syntax: Node,
}

/// How times are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Far from now on either side, so that two clocks agree about what is due.
    Far,
    /// Up to some seconds from now (ms since the epoch).
    Near(u64),
}

/// The commands to choose from.
pub struct Vocabulary {
    /// All of them.
    pub words: Vec<Word>,
    /// How times are chosen.
    pub times: Times,
    /// One argument in so many is an edge.
    pub edges: usize,
    /// One command in so many is spoiled: an argument too many, too few, doubled.
    pub spoiled: usize,
}

/// Values at the edges of what is allowed, or beyond.
const EDGES: &[&str] = &[
    "0",
    "-1",
    "1",
    "-0",
    "+1",
    " 1",
    "1 ",
    "01",
    "",
    "nan",
    "inf",
    "-inf",
    "+inf",
    "1e400",
    "1e-400",
    "3.0",
    "0x10",
    "1.5",
    "-1.5",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "4294967296",
    "2147483647",
    "-2147483649",
    "NX",
    "LIMIT",
    "COUNT",
    "WITHSCORES",
    "*",
    "(1",
    "[a",
    "-",
    "+",
    "abc",
    "\u{e9}",
];

/// Documents and parts of them.
const DOCUMENTS: &[&str] = &[
    "1",
    "-2.5",
    "\"a\"",
    "\"caf\u{e9}\"",
    "true",
    "null",
    "[]",
    "{}",
    "[1,2,[3,\"x\"]]",
    "{\"a\":1,\"b\":{\"a\":[true,2.5]},\"c\":\"s\"}",
    "{\"a\":{\"a\":{\"a\":7}},\"l\":[{\"a\":1},{\"a\":2}]}",
    "[[[]],[[1]]]",
    "18446744073709551615",
    "{\"a\":null}",
    "[1",
    "x",
];

/// Paths that meet them.
const PATHS: &[&str] = &[
    "$",
    "$",
    ".",
    "$.a",
    ".a",
    "a",
    "$.b",
    "$..a",
    "..a",
    "$.*",
    ".*",
    "$.l[0]",
    "$.l[-1].a",
    "$.l[0:1]",
    "$..*",
    "$[0]",
    "[1]",
    "$.l[?(@.a>1)]",
    "$..[?(@.a==1 || !@.b)]",
    "$.l[0,1]['a']",
    "$.new",
    ".new.deep",
    "$..new",
    "$[",
];

impl Vocabulary {
    /// The commands whose slots `wanted` says.
    pub fn new(wanted: impl Fn(&Slot) -> bool) -> Self {
        let slots = tabdis::cmd::table().slots().iter().filter(|slot| super::is_runnable(slot) && wanted(slot));
        let words = slots.map(|slot| Word {
            slot,
            name: slot.full_name.split('|').collect(),
            syntax: syntax::parse(slot.row.syntax),
        });
        Vocabulary { words: words.collect(), times: Times::Far, edges: 25, spoiled: 40 }
    }

    /// The groups that hold data.
    pub fn is_data(slot: &Slot) -> bool {
        use Group::*;
        matches!(
            slot.row.group,
            Bitmap | Generic | Geo | Hash | Hyperloglog | Json | List | Set | SortedSet | Stream | String | VectorSet
        )
    }

    /// A command by chance; writes come more often than reads, so that there is something to read.
    pub fn command(&self, rng: &mut Rng) -> Vec<Vec<u8>> {
        let mut word = &self.words[rng.below(self.words.len())];
        while !word.slot.row.has(flag::WRITE) && rng.below(2) == 0 {
            word = &self.words[rng.below(self.words.len())];
        }
        loop {
            let argv = self.fill(word, rng);
            if !asks_for_memory(&argv) {
                return argv;
            }
        }
    }

    /// The command of `word` with arguments by chance.
    pub fn fill(&self, word: &Word, rng: &mut Rng) -> Vec<Vec<u8>> {
        let mut args = Vec::new();
        for part in &word.name {
            args.push(("", part.as_bytes().to_vec()));
        }
        let mut filler = Filler { vocabulary: self, word, rng, args };
        filler.node(&word.syntax);
        filler.count_what_follows();
        streams::balance(filler.rng, &mut filler.args, &word.slot.full_name);
        filler.finish()
    }
}

struct Filler<'a> {
    vocabulary: &'a Vocabulary,
    word: &'a Word,
    rng: &'a mut Rng,
    /// Every argument with the name it has in the syntax.
    args: Vec<(&'static str, Vec<u8>)>,
}

impl Filler<'_> {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Word(word) => self.args.push(("", word.as_bytes().to_vec())),
            Node::Arg(name) => {
                let value = self.value(name);
                self.args.push((name, value));
            }
            Node::Seq(nodes) => self.seq(nodes),
            Node::OneOf(nodes) => {
                let one = self.rng.below(nodes.len());
                self.node(&nodes[one]);
            }
            Node::Maybe(node) => {
                if self.rng.below(5) < 2 {
                    self.node(node);
                }
            }
            Node::Many(node) => {
                for _ in 0..[0, 0, 1, 1, 2, 3, 4, 9][self.rng.below(8)] {
                    self.node(node);
                }
            }
        }
    }

    /// In order; but options may come in any order.
    fn seq(&mut self, nodes: &[Node]) {
        let options = nodes.iter().rev().take_while(|node| matches!(node, Node::Maybe(_))).count();
        let (fixed, options) = nodes.split_at(nodes.len() - options);
        fixed.iter().for_each(|node| self.node(node));
        let shift = if self.rng.below(4) == 0 { self.rng.below(options.len()) } else { 0 };
        options.iter().cycle().skip(shift).take(options.len()).for_each(|node| self.node(node));
    }

    /// Gives `numkeys` and `numfields` the number of keys or fields behind them, mostly.
    fn count_what_follows(&mut self) {
        for at in 0..self.args.len() {
            let counted = match self.args[at].0 {
                "numkeys" => "key",
                "numfields" => "field",
                "num" if self.word.slot.row.group == Group::VectorSet => "value",
                _ => continue,
            };
            let rest = self.args[at + 1..].iter().map(|(name, _)| *name);
            let count =
                rest.take_while(|name| matches!(*name, "key" | "field" | "value")).filter(|name| *name == counted);
            if self.rng.below(20) > 0 {
                self.args[at].1 = count.count().to_string().into_bytes();
            }
        }
    }

    /// The arguments, spoiled at times.
    fn finish(mut self) -> Vec<Vec<u8>> {
        let spoiled = self.vocabulary.spoiled;
        let rng = &mut *self.rng;
        let words = self.word.name.len();
        if spoiled > 0 && rng.below(spoiled) == 0 {
            let at = words + rng.below(self.args.len() - words + 1);
            match rng.below(4) {
                0 if at < self.args.len() => _ = self.args.remove(at),
                1 if at < self.args.len() => self.args.insert(at, self.args[at].clone()),
                2 if at < self.args.len() && rng.below(4) == 0 => self.args.truncate(at),
                _ => self.args.insert(at, ("", edge(rng))),
            }
        }
        if rng.below(20) == 0 {
            self.args[0].1.make_ascii_lowercase();
        }
        self.args.into_iter().map(|(_, arg)| arg).collect()
    }

    fn value(&mut self, name: &str) -> Vec<u8> {
        let edges = self.vocabulary.edges;
        let is_key = matches!(
            name,
            "key" | "destination" | "destkey" | "sourcekey" | "source" | "newkey" | "key1" | "key2" | "dst" | "src"
        );
        // The order and cursors of a walk through a table are each server's own: begin it, and go all the way.
        if name == "cursor" {
            return if self.rng.below(40) == 0 { b"x1".to_vec() } else { b"0".to_vec() };
        }
        if name == "count" && self.word.slot.full_name.ends_with("scan") {
            return pick(self.rng, &["1000", "1000", "1000", "5000", "0", "-1", "x"]);
        }
        // A wait that ends soon ends at another moment on each server.
        if name == "timeout" {
            return pick(self.rng, &["0", "0", "0", "0.0", "00", "-1", "x", "1e30", "inf", "1e400", "", "nan"]);
        }
        let of_stream = self.word.slot.row.group == Group::Stream;
        if edges > 0 && !is_key && self.rng.below(edges) == 0 && self.may_be_edge(name) {
            return edge(self.rng);
        }
        match self.word.slot.row.group {
            Group::Json if !is_key => return self.of_a_document(name),
            Group::VectorSet if !is_key => return self.of_a_vector(name),
            _ => {}
        }
        if of_stream && let Some(value) = streams::value(self.rng, &self.word.slot.full_name, name) {
            return value;
        }
        match name {
            _ if is_key => self.key(),
            "member" | "element" | "field" | "pivot" | "item" => self.member(),
            _ if self.word.slot.row.group == Group::Bitmap => self.about_bits(name),
            "longitude" | "latitude" => self.degrees(),
            "radius" | "width" | "height" => match self.rng.below(12) {
                0 => pick(self.rng, &["0", "-1", "x", "1e9", "40000"]),
                _ => format!("{}.{}", self.rng.below(4_000), self.rng.below(100)).into_bytes(),
            },
            "ifdeq-digest" | "ifdne-digest" => pick(
                self.rng,
                &["404a763b3f4c8c9a", "9555E8555C62DCFD", "2d06800538d394c2", "0123", "zzzzzzzzzzzzzzzz"],
            ),
            "lowerbound" | "upperbound" => self.score(),
            "value" if self.word.slot.row.group == Group::Hash => self.text(),
            "value" => self.text(),
            "score" | "weight" => self.score(),
            "increment" | "decrement" => match self.word.slot.full_name.as_str() {
                "incrbyfloat" | "hincrbyfloat" | "zincrby" => self.score(),
                _ => pick(self.rng, &["1", "-1", "5", "100", "-7", "9223372036854775807", "1000000"]),
            },
            "min" | "max" => self.bound(),
            "start" | "stop" | "end" if self.word.slot.full_name.starts_with("zrange") => {
                if self.rng.below(3) > 0 {
                    self.index()
                } else {
                    self.bound()
                }
            }
            "seconds" | "milliseconds" => self.time_left(name == "seconds"),
            "unix-time-seconds" | "unix-time-milliseconds" => self.time(name == "unix-time-seconds"),
            "pattern" => {
                pick(self.rng, &["*", "s*", "?0", "[st]1", "no*", "w_*", "h1->f*", "#", "*->a", "nosort", "\\*"])
            }
            "type" => pick(self.rng, &["string", "list", "set", "zset", "hash", "stream", "none", "HASH", "x"]),
            "db" | "destination-db" => pick(self.rng, &["0", "1", "2", "3", "-1", "16", "x"]),
            // A short string may become long, but not so long that the test is about memory.
            "offset" if self.word.slot.full_name == "setrange" => {
                pick(self.rng, &["0", "1", "3", "10", "100", "5000", "-1", "536870912", "9223372036854775807"])
            }
            "start" | "stop" | "end" | "index" | "offset" | "rank" | "count" | "limit" | "len" | "num-matches" => {
                self.index()
            }
            "min-match-len" | "numkeys" | "numfields" => self.index(),
            _ => self.text(),
        }
    }

    /// A longitude or a latitude, mostly in one region.
    fn degrees(&mut self) -> Vec<u8> {
        match self.rng.below(30) {
            0 => pick(self.rng, &["180", "-180", "85.05112878", "-85.05112878", "85.06", "180.1", "x", "-0", "0"]),
            1..4 => format!("{}.{}", self.rng.below(170) as i64 - 85, self.rng.below(1000)).into_bytes(),
            _ => format!("{}.{:04}", 30 + self.rng.below(10), self.rng.below(10_000)).into_bytes(),
        }
    }

    /// An argument of a command about bits: positions near each other, so that fields overlap.
    fn about_bits(&mut self, name: &str) -> Vec<u8> {
        match name {
            "bit" => pick(self.rng, &["0", "1", "0", "1", "1", "2", "x"]),
            "value" if self.word.slot.full_name == "setbit" => pick(self.rng, &["0", "1", "0", "1", "1", "2", "x"]),
            "encoding" => match self.rng.below(12) {
                0 => pick(self.rng, &["i64", "u63", "u64", "i65", "u0", "x8", "i", "U8"]),
                _ => format!("{}{}", ['i', 'u'][self.rng.below(2)], 1 + self.rng.below(63)).into_bytes(),
            },
            "offset" => match self.rng.below(20) {
                0 => pick(self.rng, &["-1", "4294967296", "x", "#", "#-1", "#9223372036854775807"]),
                1..5 if self.word.slot.full_name != "setbit" => format!("#{}", self.rng.below(5)).into_bytes(),
                _ => self.rng.below(300).to_string().into_bytes(),
            },
            "start" | "end" => (self.rng.below(120) as i64 - 40).to_string().into_bytes(),
            _ => self.text(),
        }
    }

    /// Whether a value from far outside does no harm: some would fill memory with a reply or a string, on any server.
    fn may_be_edge(&mut self, name: &str) -> bool {
        let fills_memory = matches!(
            self.word.slot.full_name.as_str(),
            "srandmember" | "hrandfield" | "zrandmember" | "setrange" | "setbit" | "bitfield"
        );
        match name {
            // They have edges of their own, none of which is over soon.
            "min-idle-time" | "ms" | "last-id" => false,
            _ if name.ends_with("seconds") => self.vocabulary.times != Times::Far,
            "count" | "offset" => !fills_memory,
            "numkeys" => self.rng.below(3) == 0,
            _ => true,
        }
    }

    /// A key, mostly of the type the command is for.
    fn key(&mut self) -> Vec<u8> {
        let own = match self.word.slot.row.group {
            Group::Hyperloglog if self.rng.below(8) > 0 => "p",
            Group::Bitmap | Group::String | Group::Hyperloglog => "s",
            Group::List => "l",
            Group::Set => "t",
            Group::Geo if self.rng.below(8) > 0 => "g",
            Group::SortedSet | Group::Geo => "z",
            Group::Hash => "h",
            Group::Stream => "x",
            Group::Json => "j",
            Group::VectorSet => "v",
            _ => "",
        };
        // Ranges by text have no meaning where scores differ: they get sets of their own.
        if self.word.slot.full_name.contains("lex") {
            return pick(self.rng, &["y0", "y1", "y0", "y1", "s0", "none"]);
        }
        let kind = if own.is_empty() || self.rng.below(12) == 0 {
            ["s", "l", "t", "z", "h", "p", "x", "g", "j", "v", "w_", "w_"][self.rng.below(12)]
        } else {
            own
        };
        match self.rng.below(200) {
            0 => Vec::new(),
            1 => vec![b'k'; 300],
            2 => b"none".to_vec(),
            _ => format!("{kind}{}", self.rng.below(4)).into_bytes(),
        }
    }

    /// An argument of a JSON command.
    fn of_a_document(&mut self, name: &str) -> Vec<u8> {
        let numbers = self.word.slot.full_name.starts_with("json.num");
        match name {
            "path" => pick(self.rng, PATHS),
            "value" if numbers => pick(self.rng, &["1", "2", "-3", "0.5", "1e300", "9223372036854775807", "x", "null"]),
            "value" => pick(self.rng, DOCUMENTS),
            "indent" | "newline" | "space" => pick(self.rng, &["", " ", "\t", "\n", "--"]),
            _ => self.index(),
        }
    }

    /// An argument of a command of vector sets. All vectors have two dimensions, most of the time.
    fn of_a_vector(&mut self, name: &str) -> Vec<u8> {
        match name {
            "element" => vec![b'a' + self.rng.below(12) as u8],
            "value" => (self.rng.below(21) as i64 - 10).to_string().into_bytes(),
            "num" => b"2".to_vec(),
            "vector" => {
                [self.rng.f64() as f32, self.rng.f64() as f32 - 0.5].iter().flat_map(|x| x.to_le_bytes()).collect()
            }
            "dim" => pick(self.rng, &["1", "2", "2", "3"]),
            "attributes" => pick(self.rng, &["", "{}", "{\"n\":1}", "{\"n\":2,\"s\":\"abc\"}", "no json"]),
            "expression" => {
                pick(self.rng, &[".n > 1", ".n", ".s in [\"abc\", 1]", "!(.n == 1) and 'b' in .s", ".n +", "1"])
            }
            "numlinks" => pick(self.rng, &["4", "16", "16", "16", "3"]),
            "delta" => pick(self.rng, &["0.1", "0.5", "1", "0", "x"]),
            "start" | "end" => pick(self.rng, &["-", "+", "[a", "(c", "[z", "x"]),
            _ => pick(self.rng, &["1", "2", "5", "100", "0", "-1", "-3"]),
        }
    }

    fn member(&mut self) -> Vec<u8> {
        match self.rng.below(60) {
            0 => vec![b'm'; 70],
            1 => b"\x00\xff".to_vec(),
            2 => format!("n{}", self.rng.below(500)).into_bytes(),
            3 => (self.rng.u64() as i64 >> self.rng.below(60)).to_string().into_bytes(),
            4..20 => self.rng.below(12).to_string().into_bytes(),
            _ => vec![b'a' + self.rng.below(10) as u8],
        }
    }

    fn text(&mut self) -> Vec<u8> {
        match self.rng.below(40) {
            0 => vec![b'x'; 10_000],
            1 => b"\r\n\x00\xff\"'\\".to_vec(),
            2 => Vec::new(),
            3 => b"hello world, this is longer than an embedded string may be".to_vec(),
            4 => pick(
                self.rng,
                &["9223372036854775807", "-9223372036854775808", "9223372036854775806", "1e17", "99999999999999999999"],
            ),
            5..9 => pick(self.rng, &["3.5", "-0.25", "1e3", "10.50", "1.7976931348623157e308", "0.1"]),
            9..24 => (self.rng.below(40) as i64 - 20).to_string().into_bytes(),
            _ => self.member(),
        }
    }

    fn score(&mut self) -> Vec<u8> {
        match self.rng.below(20) {
            0 => b"inf".to_vec(),
            1 => b"-inf".to_vec(),
            2 => pick(
                self.rng,
                &[
                    "1e308",
                    "-1e308",
                    "9007199254740993",
                    "1e-10",
                    "0.1",
                    "0.30000000000000004",
                    "-0",
                    "3.14159265358979",
                ],
            ),
            3..7 => format!("{}.{}", self.rng.below(20) as i64 - 10, self.rng.below(1000)).into_bytes(),
            _ => (self.rng.below(20) as i64 - 5).to_string().into_bytes(),
        }
    }

    /// An end of a range by score or by text.
    fn bound(&mut self) -> Vec<u8> {
        let lex = if self.word.slot.full_name.contains("lex") { 9 } else { 2 };
        if self.rng.below(10) < lex {
            return pick(self.rng, &["-", "+", "[a", "(a", "[c", "(e", "[j", "[", "(", "a", "[5"]);
        }
        match self.rng.below(6) {
            0 => pick(self.rng, &["-inf", "+inf", "inf", "(inf", "(-inf", "(x", "("]),
            1 => [b"(", &self.score()[..]].concat(),
            _ => self.score(),
        }
    }

    fn index(&mut self) -> Vec<u8> {
        (self.rng.below(15) as i64 - 5).to_string().into_bytes()
    }

    /// A time from now.
    fn time_left(&mut self, in_seconds: bool) -> Vec<u8> {
        if self.rng.below(12) == 0 {
            return pick(
                self.rng,
                &["0", "-1", "-100", "9223372036854775807", "-9223372036854775808", "9223372036854775", "x", ""],
            );
        }
        let seconds = match self.vocabulary.times {
            Times::Far => 1_000 + self.rng.below(100_000) as u64,
            Times::Near(_) if in_seconds => 1 + self.rng.below(4) as u64,
            Times::Near(_) => return (1 + self.rng.below(3_000)).to_string().into_bytes(),
        };
        if in_seconds { seconds.to_string().into_bytes() } else { (seconds * 1000 + 1).to_string().into_bytes() }
    }

    /// A point in time.
    fn time(&mut self, in_seconds: bool) -> Vec<u8> {
        if self.rng.below(12) == 0 {
            return pick(
                self.rng,
                &["0", "-1", "1", "1000", "9223372036854775807", "-9223372036854775808", "9223372036854775", "x", ""],
            );
        }
        let ms = match self.vocabulary.times {
            Times::Far => 4_102_444_800_000 + self.rng.below(1_000_000) as u64 * 1000,
            Times::Near(now) => now.saturating_sub(500) + self.rng.below(4_000) as u64,
        };
        (if in_seconds { ms / 1000 } else { ms }).to_string().into_bytes()
    }
}

fn edge(rng: &mut Rng) -> Vec<u8> {
    pick(rng, EDGES)
}

fn pick(rng: &mut Rng, from: &[&str]) -> Vec<u8> {
    from[rng.below(from.len())].as_bytes().to_vec()
}
