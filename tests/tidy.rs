//! The house in order: floors, file heads, rows that say everything and agree with the facts, generated files that are fresh.
#![cfg(not(target_family = "wasm"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tabdis::cmd::{self, export};
use tabdis::engine::{Slot, keys};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files under `folder` whose names end in `ending`.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<PathBuf> {
    ["src", "tests"].iter().flat_map(|folder| files(&root().join(folder), ".rs")).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with all complaints at once.
fn none(what: &str, complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{what}:\n  {}", complaints.join("\n  "));
}

/// The floors of src/lib.rs's table, by module.
fn floors() -> BTreeMap<String, u32> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = map.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("//! |")?.split('|').map(str::trim);
        let floor = cells.next()?.parse().ok()?;
        let name = cells.next()?.trim_matches(|c: char| "[]`".contains(c)).to_string();
        Some((name, floor))
    });
    rows.collect()
}

#[test]
fn a_module_uses_lower_floors_only() {
    let floors = floors();
    assert!(floors.len() >= 5, "src/lib.rs has a table of floors");
    let mut complaints = Vec::new();
    for path in files(&root().join("src"), ".rs") {
        let relative = shown(&path);
        let module = relative.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_string();
        let Some(own) = floors.get(&module) else { continue };
        for (n, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in line.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                if used != module && floors.get(used).is_some_and(|floor| floor >= own) {
                    complaints.push(format!("{relative}:{}: floor {own} uses crate::{used}", n + 1));
                }
            }
        }
    }
    none("imports that go up", complaints);
}

#[test]
fn every_module_has_a_floor() {
    let floors = floors();
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let missing = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    none(
        "modules that are not in the table of src/lib.rs",
        missing.filter(|m| !floors.contains_key(*m)).map(String::from).collect(),
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let heads = rust_files().into_iter().filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "));
    none("Rust files that do not open with `//! `", heads.map(|path| shown(&path)).collect());
}

#[test]
fn nothing_is_left_to_do() {
    // Spelled so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    let mut complaints = Vec::new();
    for path in rust_files() {
        for (n, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            complaints.extend(
                marks.iter().filter(|mark| line.contains(**mark)).map(|m| format!("{}:{}: {m}", shown(&path), n + 1)),
            );
        }
    }
    none("work that is left", complaints);
}

#[test]
fn every_row_says_everything() {
    let mut complaints = Vec::new();
    for slot in cmd::table().slots() {
        let (row, name) = (slot.row, &slot.full_name);
        let mut missing = |what: &str, is: bool| {
            if is {
                complaints.push(format!("{name}: {what}"));
            }
        };
        missing("no summary", row.summary.is_empty());
        missing("summary without its full stop", !row.summary.ends_with('.'));
        missing("no complexity", row.complexity.is_empty());
        // A container says what its sub-commands say.
        let container = !row.subs.is_empty();
        let bare = container || row.arity == 1 || (slot.parent.is_some() && row.arity == 2) || row.name == "QUIT";
        missing("no syntax, but arguments", row.syntax.is_empty() && !bare);
        missing("no TypeScript signature", export::split_signature(row.ts).is_none() && !container);
        missing("key specifications that cannot be read", keys::parse(row.keys).is_none());
    }
    none("rows", complaints);
}

/// Facts of COMMAND INFO that are not flags of a row: sentinel's are of no use here, the rest is derived.
const NO_ROW_FLAGS: &[&str] = &["SENTINEL", "ONLY_SENTINEL", "MODULE", "MOVABLEKEYS", "EXPERIMENTAL"];

#[test]
fn rows_agree_with_the_facts() {
    let path = root().join("../shared/commands.tsv");
    let Ok(facts) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let facts: BTreeMap<String, Vec<&str>> = facts
        .lines()
        .skip(1)
        .map(|line| {
            (line.split('\t').next().unwrap_or_default().to_lowercase().replace(' ', "|"), line.split('\t').collect())
        })
        .collect();
    let mut complaints = Vec::new();
    for slot in cmd::table().slots() {
        match facts.get(&slot.full_name) {
            Some(fact) => complaints.extend(disagreements(slot, fact)),
            None => complaints.push(format!("{}: no such command in the facts", slot.full_name)),
        }
    }
    none("rows that disagree with ../shared/commands.tsv", complaints);
}

/// Where a row and its line of facts (name, group, since, arity, flags, key_specs…) differ.
fn disagreements(slot: &Slot, fact: &[&str]) -> Vec<String> {
    let row = slot.row;
    let words = |list: &str| -> BTreeSet<String> {
        list.split(',').filter(|w| !w.is_empty() && !NO_ROW_FLAGS.contains(w)).map(str::to_string).collect()
    };
    let flags: Vec<String> = tabdis::engine::flag::ALL
        .iter()
        .filter(|(bit, _)| row.flags & bit != 0)
        .map(|(_, word)| word.to_uppercase())
        .collect();
    let group = row.group.name().replace('-', "_");
    // Of a command that only Valkey has, the facts do not know what Redis would say of it.
    let only_valkey = fact[4].is_empty() && fact[6].starts_with("valkey");
    let mut complaints = Vec::new();
    for (what, have, want) in [
        ("group", group, fact[1].to_string()),
        ("since", row.since.to_string(), fact[2].to_string()),
        ("arity", row.arity.to_string(), fact[3].to_string()),
        ("flags", format!("{:?}", words(&flags.join(","))), format!("{:?}", words(fact[4]))),
        ("keys", row.keys.to_string(), fact[5].to_string()),
    ] {
        if have != want && !(only_valkey && matches!(what, "flags" | "keys")) {
            complaints.push(format!("{}: {what} is {have}, not {want}", slot.full_name));
        }
    }
    complaints
}

#[test]
fn generated_files_are_fresh() {
    let table = cmd::table();
    let made = [
        ("pkg-template/commands.json", export::commands_json(table)),
        ("pkg-template/src/commands.ts", export::typescript(table)),
    ];
    let write = std::env::var_os("TABDIS_GEN").is_some();
    let mut stale = Vec::new();
    for (path, text) in made {
        let full = root().join(path);
        if fs::read_to_string(&full).is_ok_and(|old| old == text) {
            continue;
        }
        if write {
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(&full, text).unwrap();
        } else {
            stale.push(path.to_string());
        }
    }
    none("generated files that are stale; `npm run gen` writes them again", stale);
}

#[test]
fn the_compatibility_table_has_the_rows_that_are() {
    let file = fs::read_to_string(root().join("www/compat.json")).unwrap();
    let mut lines: BTreeSet<&str> = file.lines().filter(|line| line.contains("\"compared\":")).collect();
    let mut complaints = Vec::new();
    for slot in cmd::table().slots().iter().filter(|slot| slot.row.is_runnable()) {
        let start = format!("{},\"status\":", export::facts(slot));
        match lines.iter().find(|line| line.starts_with(&start)).copied() {
            Some(line) => _ = lines.remove(line),
            None => complaints.push(format!("{} is new or says something else", slot.full_name)),
        }
    }
    complaints.extend(lines.into_iter().map(|line| format!("no row says: {line}")));
    none("www/compat.json is stale; `npm run compat` writes it again (it needs a redis-server)", complaints);
}
