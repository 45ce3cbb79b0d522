//! The table of commands for others to read: `commands.json` for pages and completions, `commands.ts` for TypeScript.
//!
//! The two files are checked in under pkg-template/; the tidy test compares them with what is made here. [`facts`] begin the lines of
//! the compatibility table, whose other half only a real server can tell.

use super::docs::{self, Argument};
use crate::engine::row::Slot;
use crate::engine::{Row, Table, flag};
use std::fmt::Write;

/// Returns all commands as a JSON array, one object each, sub-commands under `subcommands`.
pub fn commands_json(table: &Table) -> String {
    let rows: Vec<String> = sorted(table).into_iter().map(|row| row_json(row, &row.name.to_lowercase())).collect();
    format!("[\n{}\n]\n", rows.join(",\n"))
}

fn sorted(table: &Table) -> Vec<&'static Row> {
    let mut rows: Vec<&Row> = table.slots().iter().filter(|slot| slot.parent.is_none()).map(|slot| slot.row).collect();
    rows.sort_unstable_by_key(|row| row.name);
    rows
}

fn row_json(row: &Row, name: &str) -> String {
    let flags: Vec<String> =
        flag::ALL.iter().filter(|(bit, _)| row.flags & bit != 0).map(|(_, word)| quoted(word)).collect();
    let mut fields = vec![
        ("name", quoted(name)),
        ("summary", quoted(row.summary)),
        ("syntax", quoted(row.syntax)),
        ("group", quoted(row.group.name())),
        ("since", quoted(row.since)),
        ("complexity", quoted(row.complexity)),
        ("arity", row.arity.to_string()),
        ("flags", list(flags)),
        ("ts", quoted(row.ts)),
        ("example", quoted(row.example)),
    ];
    if !row.differs.is_empty() {
        fields.push(("differs", quoted(row.differs)));
    }
    if row.subs.is_empty() {
        fields.push(("arguments", arguments_json(&docs::arguments(row))));
    } else {
        let subs = row.subs.iter().map(|sub| row_json(sub, &format!("{name} {}", sub.name.to_lowercase())));
        fields.push(("subcommands", list(subs.collect())));
    }
    object(fields)
}

fn arguments_json(arguments: &[Argument]) -> String {
    list(arguments.iter().map(argument_json).collect())
}

fn argument_json(argument: &Argument) -> String {
    let mut fields = vec![("name", quoted(&argument.name)), ("type", quoted(argument.kind))];
    fields.extend(argument.token.iter().map(|token| ("token", quoted(token))));
    for (on, name) in [(argument.optional, "optional"), (argument.multiple, "multiple")] {
        if on {
            fields.push((name, "true".to_string()));
        }
    }
    if !argument.arguments.is_empty() {
        fields.push(("arguments", arguments_json(&argument.arguments)));
    }
    object(fields)
}

fn object(fields: Vec<(&str, String)>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn list(items: Vec<String>) -> String {
    format!("[{}]", items.join(","))
}

/// Returns how a command's line in the compatibility table begins: what the row says of it. The object is left open.
pub fn facts(slot: &Slot) -> String {
    let row = slot.row;
    let mut fields = vec![
        ("name", quoted(&slot.full_name.replace('|', " "))),
        ("group", quoted(row.group.name())),
        ("since", quoted(row.since)),
        ("syntax", quoted(row.syntax)),
    ];
    if !row.differs.is_empty() {
        fields.push(("differs", quoted(row.differs)));
    }
    let mut line = object(fields);
    line.pop();
    line
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => write!(out, "\\u{:04x}", c as u32).expect("a String takes everything"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The words of signatures that pkg-template/src/types.ts explains.
const TYPES: &[&str] = &["Arg", "Fields", "Key", "OptionObject", "Reply", "Value"];

/// Returns the TypeScript interface of all commands, a method each, answering at once; the client makes promises of it. A container
/// is called with its sub-command: `client('LIST')`.
pub fn typescript(table: &Table) -> String {
    let mut body = String::new();
    for row in sorted(table) {
        let ts = if row.subs.is_empty() { row.ts } else { "(sub: string, ...args: Arg[]): Reply" };
        writeln!(body, "  /** {} */\n  {}{ts}", row.summary, method_name(row.name)).expect("a String takes everything");
    }
    let words: Vec<&str> = body.split(|c: char| !c.is_alphanumeric()).collect();
    let types: Vec<&str> = TYPES.iter().filter(|name| words.contains(name)).copied().collect();
    format!(
        "// The commands' signatures. Generated from the rows of src/cmd/: `npm run gen`.\n\
         import type {{ {} }} from './types.js'\n\nexport interface Commands {{\n{body}}}\n",
        types.join(", ")
    )
}

/// `get`, and for `JSON.SET` the quoted `'json.set'`.
fn method_name(name: &str) -> String {
    let name = name.to_lowercase();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name } else { format!("'{name}'") }
}

/// Splits `(a: b): c` into `a: b` and `c`. `None` if it is no signature.
pub fn split_signature(ts: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in ts.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let reply = ts[at + 1..].strip_prefix(": ")?;
            return Some((ts[..at].strip_prefix('(')?, reply));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_split_at_the_matching_parenthesis() {
        assert_eq!(split_signature("(f: (a: Key) => void): 'OK'"), Some(("f: (a: Key) => void", "'OK'")));
        assert_eq!(split_signature("(): number"), Some(("", "number")));
        assert_eq!(split_signature("number"), None);
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\u0001é\"");
    }
}
