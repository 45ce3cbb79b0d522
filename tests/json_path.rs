//! JSONPath and JSON text: matches compared with those of another reader, and anything at all read without harm.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(all(feature = "json", not(target_family = "wasm")))]

mod common;

use common::{engine, run};
use tabdis::base::rng::Rng;
use tabdis::ds::json::{self, Format, Path, Value};

const NAMES: &[&str] = &["a", "b", "c", "d e", "\u{e9}", "x'y"];

/// A document of random shape.
fn document(rng: &mut Rng, depth: usize) -> String {
    let some = |rng: &mut Rng, f: &mut dyn FnMut(&mut Rng) -> String| {
        (0..rng.below(5)).map(|_| f(rng)).collect::<Vec<_>>().join(",")
    };
    match if depth == 0 { rng.below(5) } else { rng.below(10) } {
        0 => "null".to_string(),
        1 => ["true", "false"][rng.below(2)].to_string(),
        2 => (rng.below(7) as i64 - 3).to_string(),
        3 => ["1.0", "2.5", "-0.5", "1e3"][rng.below(4)].to_string(),
        4 => format!("\"{}\"", ["", "a", "b", "abc"][rng.below(4)]),
        5..8 => format!("[{}]", some(rng, &mut |rng| document(rng, depth - 1))),
        _ => {
            let pair =
                &mut |rng: &mut Rng| format!("\"{}\":{}", NAMES[rng.below(NAMES.len())], document(rng, depth - 1));
            format!("{{{}}}", some(rng, pair))
        }
    }
}

/// A part of a path that both readers know, and that leads to one place at most.
fn single(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => format!("[{}]", rng.below(4)),
        1 => format!("[\"{}\"]", NAMES[rng.below(NAMES.len())]),
        _ => format!(".{}", NAMES[rng.below(3)]),
    }
}

fn selector(rng: &mut Rng) -> String {
    let bound = |rng: &mut Rng| if rng.below(2) == 0 { String::new() } else { (rng.below(9) as i64 - 4).to_string() };
    match rng.below(6) {
        0 => "*".to_string(),
        1 => "-1".to_string(),
        2 => rng.below(4).to_string(),
        3 => format!("\"{}\"", NAMES[rng.below(NAMES.len())]),
        4 => format!("{}:{}:{}", bound(rng), bound(rng), ["1", "2", "-1", "-2", "0"][rng.below(5)]),
        _ => format!("?{}", condition(rng, 2)),
    }
}

fn condition(rng: &mut Rng, depth: usize) -> String {
    let literal = |rng: &mut Rng| ["1", "2.5", "'a'", "\"abc\"", "null", "true"][rng.below(6)].to_string();
    let operand = |rng: &mut Rng| match rng.below(5) {
        0 => literal(rng),
        1 => format!("${}", single(rng)),
        _ => format!("@{}", (0..rng.below(3)).map(|_| single(rng)).collect::<String>()),
    };
    match if depth == 0 { rng.below(4) } else { rng.below(8) } {
        0 => format!("@{}", single(rng)),
        1 | 2 => format!("{} {} {}", operand(rng), ["==", "!="][rng.below(2)], operand(rng)),
        // The RFC gives no order to containers, and says `<=` of two that are missing; the other reader does not.
        3 => format!("{} {} {}", operand(rng), ["<", ">", "<=", ">="][rng.below(4)], literal(rng)),
        4 => format!("!({})", condition(rng, depth - 1)),
        5 => format!("({} && {})", condition(rng, depth - 1), condition(rng, depth - 1)),
        6 => format!("{} || {}", condition(rng, depth - 1), condition(rng, depth - 1)),
        _ => format!("@..{}", NAMES[rng.below(3)]),
    }
}

fn path(rng: &mut Rng) -> String {
    let mut path = "$".to_string();
    for _ in 0..rng.below(4) {
        path += &match rng.below(5) {
            0 => single(rng),
            1 => ".*".to_string(),
            2 => format!("..{}", ["a", "b", "*"][rng.below(3)]),
            3 => format!("..[{}]", selector(rng)),
            _ => format!("[{}]", (0..1 + rng.below(3)).map(|_| selector(rng)).collect::<Vec<_>>().join(", ")),
        };
    }
    path
}

/// A place as a JSON pointer.
fn pointer(mut value: &Value, places: &[u32]) -> String {
    let mut text = String::new();
    for place in places {
        let at = *place as usize;
        match value {
            Value::Object(object) => text += &format!("/{}", object.get_at(at).expect("it is there").0),
            _ => text += &format!("/{at}"),
        }
        value = value.child(at).expect("it is there");
    }
    text
}

#[test]
fn another_reader_finds_the_same_places() {
    let mut rng = Rng::new(common::seed(1));
    let mut matches = 0;
    for step in 0..common::steps(20_000) {
        let (document, path) = (document(&mut rng, 4), path(&mut rng));
        let ours = Path::parse(&path).unwrap_or_else(|error| panic!("{step}: {path}: {error:?}"));
        let theirs = serde_json_path::JsonPath::parse(&path).unwrap_or_else(|error| panic!("{step}: {path}: {error}"));
        let root = json::parse(document.as_bytes()).expect("it is written well");
        let other: serde_json::Value = serde_json::from_str(&document).expect("it is written well");
        let located = ours.locate(&root).expect("there is little to do");
        let mut found: Vec<String> = located.iter().map(|place| pointer(&root, place)).collect();
        let theirs = theirs.query_located(&other);
        let mut want: Vec<String> = theirs.iter().map(|node| node.location().to_json_pointer()).collect();
        assert_eq!(
            ours.select(&root).expect("there is little to do").len(),
            want.len(),
            "{step}: {path} in {document}"
        );
        found.sort();
        want.sort();
        want.dedup();
        assert_eq!(found, want, "{step}: {path} in {document}");
        matches += found.len();
    }
    println!("{matches} matches");
}

const SIGNS: &[u8] = b"$@.*[]()?'\"\\:,=~!&|<>-0a \n{}";

fn spoil(rng: &mut Rng, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len() + 1);
        match rng.below(4) {
            0 => bytes.insert(at, SIGNS[rng.below(SIGNS.len())]),
            1 if at < bytes.len() => _ = bytes.remove(at),
            2 if at < bytes.len() => bytes[at] = rng.u64() as u8,
            _ => {
                let piece = bytes[at.min(bytes.len())..].to_vec();
                bytes.extend_from_slice(&piece);
            }
        }
    }
    bytes
}

#[test]
fn anything_is_read_or_refused() {
    let mut rng = Rng::new(common::seed(2));
    let mut read = 0;
    for _ in 0..common::steps(20_000) {
        let text = document(&mut rng, 5);
        let root = json::parse(text.as_bytes()).expect("it is written well");
        let mut printed = Vec::new();
        root.print(&mut printed, &Format::COMPACT);
        assert_eq!(json::parse(&printed), Ok(root.clone()), "{text}");
        if let Ok(value) = json::parse(&spoil(&mut rng, &text)) {
            assert!(value.depth() <= json::MAX_DEPTH);
        }
        let path = path(&mut rng);
        if let Ok(text) = String::from_utf8(spoil(&mut rng, &path))
            && let Ok(path) = Path::parse(&text)
        {
            let (found, places) = (path.select(&root), path.locate(&root));
            assert!(places.map_or(0, |places| places.len()) <= found.map_or(usize::MAX, |found| found.len()));
            read += 1;
        }
    }
    println!("{read} spoiled paths are paths");
}

#[test]
fn documents_cannot_be_made_deeper_than_what_is_saved_loads() {
    let (mut engine, id) = engine(1);
    let half = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let inmost = format!("${}", "[0]".repeat(69));
    assert_eq!(run(&mut engine, id, 1, &format!("JSON.SET k $ {half}")), "+OK\r\n");
    let too_deep = "-ERR recursion limit exceeded\r\n";
    assert_eq!(run(&mut engine, id, 1, &format!("JSON.ARRAPPEND k {inmost} {half}")), too_deep);
    assert_eq!(run(&mut engine, id, 1, &format!("JSON.SET k {inmost} {half}")), too_deep);
    assert_eq!(run(&mut engine, id, 1, &format!("JSON.MERGE k {inmost} {half}")), too_deep);
    let most = format!("{}{}", "[".repeat(57), "]".repeat(57));
    assert_eq!(run(&mut engine, id, 1, &format!("JSON.ARRAPPEND k {inmost} {most}")), "*1\r\n:1\r\n");
    let file = tabdis::rdb::save(&mut engine.ks, tabdis::rdb::Options::default());
    let (mut copy, _) = common::engine(2);
    tabdis::rdb::load(&mut copy.ks, &file, tabdis::rdb::LoadOptions::default()).expect("it loads");
    common::assert_same(&common::content(&mut copy.ks), &common::content(&mut engine.ks));
}

#[test]
fn the_newer_protocol_has_forms_of_its_own() {
    let (mut engine, id) = engine(1);
    run(&mut engine, id, 1, "HELLO 3");
    for (line, want) in [
        ("JSON.SET k $ {\"a\":1,\"b\":1.5,\"c\":\"x\"}", "+OK\r\n"),
        ("JSON.NUMINCRBY k $.* 1", "*3\r\n:2\r\n,2.5\r\n_\r\n"),
        ("JSON.NUMINCRBY k .a 1", "*1\r\n:3\r\n"),
        ("JSON.TYPE k $.*", "*1\r\n*3\r\n$7\r\ninteger\r\n$6\r\nnumber\r\n$6\r\nstring\r\n"),
        ("JSON.TYPE k .a", "*1\r\n$7\r\ninteger\r\n"),
        ("JSON.TYPE missing $", "*1\r\n_\r\n"),
        ("JSON.GET k", "$25\r\n[{\"a\":3,\"b\":2.5,\"c\":\"x\"}]\r\n"),
        ("JSON.OBJLEN k", "*1\r\n:3\r\n"),
        ("JSON.RESP k $.b", "*1\r\n,2.5\r\n"),
        ("JSON.STRLEN k $.c", "*1\r\n:1\r\n"),
    ] {
        assert_eq!(run(&mut engine, id, 1, line), want, "{line}");
    }
}
