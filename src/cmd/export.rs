//! The table of commands for others to read: `commands.json` for pages and completions, `commands.ts` for TypeScript.
//!
//! The two files are checked in under pkg-template/; the tidy test compares them with what is made here.

use super::docs::{self, Argument};
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

/// A JSON string.
fn quoted(text: &str) -> String {
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

const HEAD: &str = "\
// Generated from the rows of src/cmd/ by `npm run gen`. Do not edit.

/** A key, or the name of a channel. */
export type Key = string | Uint8Array
/** A value to store. */
export type Value = string | number | bigint | Uint8Array
/** Any other argument, a word of an option included. */
export type Arg = string | number | bigint | Uint8Array
/** Any reply. */
export type Reply = string | number | bigint | boolean | null | Uint8Array | Reply[] | Set<Reply> | Map<Reply, Reply> | { [name: string]: Reply }
/** A reply now, or the promise of one. */
export type In<Mode extends 'sync' | 'async', T> = Mode extends 'sync' ? T : Promise<T>

/** The commands as methods. Arguments come in the order of the Redis documentation. */
export interface Commands<Mode extends 'sync' | 'async' = 'async'> {
";

/// Returns the TypeScript interface of all commands: a method each, and for a container one overload a sub-command.
pub fn typescript(table: &Table) -> String {
    let mut text = HEAD.to_string();
    for row in sorted(table) {
        let name = method_name(row.name);
        for sub in row.subs {
            let word = sub.name;
            let lower = word.to_lowercase();
            let words = if lower == word { format!("'{word}'") } else { format!("'{word}' | '{lower}'") };
            method(&mut text, &name, sub, &format!("sub: {words}"));
        }
        method(&mut text, &name, row, "");
    }
    text.push_str("}\n");
    text
}

/// `get`, and for `JSON.SET` the quoted `'json.set'`.
fn method_name(name: &str) -> String {
    let name = name.to_lowercase();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name } else { format!("'{name}'") }
}

fn method(text: &mut String, name: &str, row: &Row, first: &str) {
    // A container is called with its sub-commands; the rest is for those that come later.
    let ts = if row.subs.is_empty() { row.ts } else { "(sub: string, ...args: Arg[]): Reply" };
    let Some((parameters, reply)) = split_signature(ts) else { return };
    let comma = if first.is_empty() || parameters.is_empty() { "" } else { ", " };
    writeln!(text, "  /** {} */", row.summary).expect("a String takes everything");
    writeln!(text, "  {name}({first}{comma}{parameters}): In<Mode, {reply}>").expect("a String takes everything");
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
