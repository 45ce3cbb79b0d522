//! The arguments of a command, read from the syntax in its row: what `COMMAND DOCS` answers and hints are made of.
//!
//! The notation is that of the Redis documentation: lower-case names, upper-case tokens, `[optional]`, `<choice>`, `a | b`,
//! and `x [x ...]` for what may be repeated.

use crate::engine::{Row, keys};

/// One argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    /// What it is called.
    pub name: String,
    /// `key`, `string`, `integer`, `double`, `unix-time`, `pattern`, `pure-token`, `oneof` or `block`.
    pub kind: &'static str,
    /// The word that comes before it, or that it is.
    pub token: Option<String>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its token is repeated with it.
    pub multiple_token: bool,
    /// The number of the key specification it falls under.
    pub key_spec: Option<usize>,
    /// The choices of a `oneof`, the parts of a `block`.
    pub arguments: Vec<Argument>,
}

impl Argument {
    /// The words of its flags.
    pub fn flags(&self) -> Vec<&'static str> {
        [(self.optional, "optional"), (self.multiple, "multiple"), (self.multiple_token, "multiple_token")]
            .into_iter()
            .filter_map(|(on, word)| on.then_some(word))
            .collect()
    }
}

/// Returns the arguments of `row`.
pub fn arguments(row: &Row) -> Vec<Argument> {
    let mut arguments = sequence(&parse(row.syntax));
    let specs = keys::parse(row.keys).map_or(0, |specs| specs.len());
    number_keys(&mut arguments, &mut 0, specs);
    arguments
}

/// The nth argument that is a key falls under the nth specification.
fn number_keys(arguments: &mut [Argument], next: &mut usize, specs: usize) {
    for argument in arguments {
        if argument.kind == "key" && *next < specs {
            argument.key_spec = Some(*next);
            *next += 1;
        }
        number_keys(&mut argument.arguments, next, specs);
    }
}

/// A piece of syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Word(String),
    /// `[…]` (optional) or `<…>`: one or more choices, each a sequence; with `...` it repeats what is before it.
    Group {
        optional: bool,
        repeat: bool,
        choices: Vec<Vec<Item>>,
    },
}

/// Reads `syntax` into items. Brackets that do not close, close at the end.
fn parse(syntax: &str) -> Vec<Item> {
    let spaced: String =
        syntax.chars().flat_map(|c| if "[]<>|".contains(c) { vec![' ', c, ' '] } else { vec![c] }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (mut choices, _) = choices(&words, &mut 0);
    if choices.len() == 1 {
        return choices.pop().unwrap_or_default();
    }
    vec![Item::Group { optional: false, repeat: false, choices }]
}

/// Reads sequences separated by `|` up to a closing bracket. Returns them, and whether `...` was among them.
fn choices(words: &[&str], at: &mut usize) -> (Vec<Vec<Item>>, bool) {
    let (mut choices, mut repeat) = (vec![Vec::new()], false);
    while let Some(word) = words.get(*at) {
        *at += 1;
        let last = choices.last_mut().expect("there is at least one, from the start");
        match *word {
            "[" | "<" => {
                let (inner, repeat) = self::choices(words, at);
                last.push(Item::Group { optional: *word == "[", repeat, choices: inner });
            }
            "]" | ">" => break,
            "|" => choices.push(Vec::new()),
            "..." => repeat = true,
            name => last.push(Item::Word(name.to_string())),
        }
    }
    (choices, repeat)
}

fn is_token(word: &str) -> bool {
    !word.chars().any(|c| c.is_ascii_lowercase())
}

/// The arguments of items in a row. A token takes what follows it, up to the next token.
fn sequence(items: &[Item]) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    let mut at = 0;
    while let Some(item) = items.get(at) {
        at += 1;
        match item {
            Item::Word(word) if is_token(word) => {
                let taken = items[at..].iter().take_while(|item| belongs_to_token(item)).count();
                arguments.push(with_token(word, sequence(&items[at..at + taken])));
                at += taken;
            }
            Item::Word(word) => arguments.push(plain(word)),
            Item::Group { repeat: true, choices, .. } if choices.len() == 1 => repeat(&mut arguments, &choices[0]),
            Item::Group { optional, choices, .. } => arguments.extend(group(*optional, choices)),
        }
    }
    arguments
}

/// Names and their repetitions belong to the token before them; other groups and tokens stand for themselves.
fn belongs_to_token(item: &Item) -> bool {
    match item {
        Item::Word(word) => !is_token(word),
        Item::Group { repeat, choices, .. } => {
            *repeat
                && matches!(choices.first().and_then(|choice| choice.first()), Some(Item::Word(word)) if !is_token(word))
        }
    }
}

fn with_token(token: &str, mut arguments: Vec<Argument>) -> Argument {
    match arguments.len() {
        0 => pure_token(token),
        1 => Argument { token: Some(token.to_string()), ..arguments.remove(0) },
        _ => Argument {
            name: token.to_ascii_lowercase(),
            kind: "block",
            token: Some(token.to_string()),
            arguments,
            ..Default::default()
        },
    }
}

fn pure_token(token: &str) -> Argument {
    Argument {
        name: token.to_ascii_lowercase(),
        kind: "pure-token",
        token: Some(token.to_string()),
        ..Default::default()
    }
}

fn plain(name: &str) -> Argument {
    Argument { name: name.to_string(), kind: kind_of(name), ..Default::default() }
}

/// Marks the last arguments, those that `again` names, as repeated.
fn repeat(arguments: &mut Vec<Argument>, again: &[Item]) {
    let repeated = sequence(again);
    let tokens = repeated.iter().filter(|argument| argument.token.is_some()).count();
    let count = repeated.len().clamp(1, arguments.len().max(1));
    if arguments.is_empty() {
        // `[arg ...]`: nothing stands before it, so it is the argument itself.
        arguments.extend(repeated.into_iter().map(|argument| Argument { multiple: true, optional: true, ..argument }));
        return;
    }
    if count == 1 {
        let last = arguments.last_mut().expect("not empty, checked above");
        (last.multiple, last.multiple_token) = (true, tokens > 0);
        return;
    }
    let parts = arguments.split_off(arguments.len() - count);
    let block =
        Argument { name: "data".to_string(), kind: "block", multiple: true, arguments: parts, ..Default::default() };
    arguments.push(block);
}

fn group(optional: bool, choices: &[Vec<Item>]) -> Vec<Argument> {
    if let [only] = choices {
        let mut arguments = sequence(only);
        if optional && arguments.len() > 1 {
            let name = arguments[0].name.clone();
            arguments = vec![Argument { name, kind: "block", arguments, ..Default::default() }];
        }
        arguments.iter_mut().for_each(|argument| argument.optional |= optional);
        return arguments;
    }
    let arguments: Vec<Argument> = choices.iter().filter_map(|choice| choice_argument(choice)).collect();
    let name = arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join("-");
    vec![Argument { name, kind: "oneof", optional, arguments, ..Default::default() }]
}

/// A choice as one argument.
fn choice_argument(choice: &[Item]) -> Option<Argument> {
    let mut arguments = sequence(choice);
    match arguments.len() {
        0 => None,
        1 => arguments.pop(),
        _ => Some(Argument { name: arguments[0].name.clone(), kind: "block", arguments, ..Default::default() }),
    }
}

const KEYS: &[&str] = &["key", "key1", "key2", "newkey", "source", "destination", "srckey", "destkey", "dstkey"];
const INTEGERS: &[&str] = &[
    "bit",
    "client-id",
    "count",
    "cursor",
    "decrement",
    "destination-db",
    "element-count",
    "end",
    "hash-count",
    "idletime",
    "increment-int",
    "index",
    "index1",
    "index2",
    "len",
    "length",
    "limit",
    "maxage",
    "milliseconds",
    "num-matches",
    "numfields",
    "numkeys",
    "numlocal",
    "numreplicas",
    "offset",
    "protover",
    "rank",
    "seconds",
    "start",
    "stop",
    "timeout",
    "timeout-ms",
    "ttl",
    "version",
    "ms",
];
const DOUBLES: &[&str] = &["score", "weight", "longitude", "latitude", "radius", "width", "height", "increment-float"];

fn kind_of(name: &str) -> &'static str {
    if KEYS.contains(&name) {
        "key"
    } else if name.starts_with("unix-time") {
        "unix-time"
    } else if name == "pattern" {
        "pattern"
    } else if INTEGERS.contains(&name) {
        "integer"
    } else if DOUBLES.contains(&name) {
        "double"
    } else {
        "string"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name:kind` with `=TOKEN`, `?` optional, `*` multiple, `+` multiple token, and parts in brackets.
    fn show(arguments: &[Argument]) -> String {
        let one = |a: &Argument| {
            let mut text = format!("{}:{}", a.name, a.kind);
            text.extend(a.token.iter().map(|token| format!("={token}")));
            text.extend(
                [(a.optional, "?"), (a.multiple, "*"), (a.multiple_token, "+")].iter().filter(|f| f.0).map(|f| f.1),
            );
            if a.arguments.is_empty() { text } else { format!("{text}({})", show(&a.arguments)) }
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn syntax_becomes_arguments() {
        for (syntax, want) in [
            ("", ""),
            ("key value", "key:key value:string"),
            ("key [key ...]", "key:key*"),
            ("[message]", "message:string?"),
            ("[channel [channel ...]]", "channel:string?*"),
            ("key field value [field value ...]", "key:key data:block*(field:string value:string)"),
            ("key [NX | XX] [GET]", "key:key nx-xx:oneof?(nx:pure-token=NX xx:pure-token=XX) get:pure-token=GET?"),
            (
                "[EX seconds | PXAT unix-time-milliseconds | KEEPTTL]",
                "seconds-unix-time-milliseconds-keepttl:oneof?(seconds:integer=EX unix-time-milliseconds:unix-time=PXAT keepttl:pure-token=KEEPTTL)",
            ),
            ("key [LIMIT offset count]", "key:key limit:block=LIMIT?(offset:integer count:integer)"),
            ("[GET pattern [GET pattern ...]]", "pattern:pattern=GET?*+"),
            ("STREAMS key [key ...] id [id ...]", "streams:block=STREAMS(key:key* id:string*)"),
            (
                "<LIB-NAME libname | LIB-VER libver>",
                "libname-libver:oneof(libname:string=LIB-NAME libver:string=LIB-VER)",
            ),
            (
                "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
                "numkeys:integer key:key* left-right:oneof(left:pure-token=LEFT right:pure-token=RIGHT) count:integer=COUNT?",
            ),
        ] {
            assert_eq!(show(&sequence(&parse(syntax))), want, "{syntax}");
        }
    }
}
