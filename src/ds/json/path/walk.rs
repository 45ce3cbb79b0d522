//! Following a path through a document, with every step counted.

use super::super::value::Value;
use super::{Segment, Selector, place_of};

/// How many steps a walk may take: some tenths of a second. Paths of a few bytes could ask for more than all time.
const MAX_STEPS: usize = 1 << 24;
/// How many values a path may lead to.
const MAX_MATCHES: usize = 1 << 22;

/// The path asks for more work than is reasonable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

/// Where a value is: the places that lead to it from the root.
pub type Match = Vec<u32>;

/// Returns the values that `segments` lead to.
pub(super) fn values<'v>(segments: &'v [Segment], root: &'v Value) -> Result<Vec<&'v Value>, TooMuch> {
    let mut walk = Walk::new(root, false);
    let nodes = walk.follow(segments, Node { value: root, trail: 0 })?;
    Ok(nodes.into_iter().map(|node| node.value).collect())
}

/// Returns where the values are that `segments` lead to, each once, in order.
pub(super) fn places(segments: &[Segment], root: &Value) -> Result<Vec<Match>, TooMuch> {
    let mut walk = Walk::new(root, true);
    let nodes = walk.follow(segments, Node { value: root, trail: 0 })?;
    let mut seen = std::collections::BTreeSet::new();
    let mut places = Vec::with_capacity(nodes.len());
    for node in nodes {
        let place = walk.place(node.trail);
        walk.steps(place.len())?;
        if seen.insert(place.clone()) {
            places.push(place);
        }
    }
    Ok(places)
}

/// A value on the way, and where its trail is.
#[derive(Clone, Copy)]
pub(super) struct Node<'v> {
    value: &'v Value,
    trail: u32,
}

/// A walk in progress.
pub(super) struct Walk<'v> {
    pub(super) root: &'v Value,
    left: usize,
    /// For every value that was met, where its container is in here, and its place there. The root is the first.
    trails: Vec<(u32, u32)>,
    keeps_trails: bool,
}

impl<'v> Walk<'v> {
    fn new(root: &'v Value, keeps_trails: bool) -> Self {
        Walk { root, left: MAX_STEPS, trails: vec![(0, 0)], keeps_trails }
    }

    /// Counts a step.
    pub(super) fn step(&mut self) -> Result<(), TooMuch> {
        self.steps(1)
    }

    /// Counts `n` steps.
    pub(super) fn steps(&mut self, n: usize) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(n).ok_or(TooMuch)?;
        Ok(())
    }

    /// The first value that `segments` lead to from `from`.
    pub(super) fn first(&mut self, segments: &'v [Segment], from: &'v Value) -> Result<Option<&'v Value>, TooMuch> {
        let keeps = std::mem::replace(&mut self.keeps_trails, false);
        let found = self.follow(segments, Node { value: from, trail: 0 });
        self.keeps_trails = keeps;
        Ok(found?.first().map(|node| node.value))
    }

    fn follow(&mut self, segments: &'v [Segment], from: Node<'v>) -> Result<Vec<Node<'v>>, TooMuch> {
        let mut nodes = vec![from];
        for segment in segments {
            let mut next = Vec::new();
            for node in nodes {
                if segment.descend {
                    self.descend(&segment.selectors, node, &mut next)?;
                } else {
                    self.choose(&segment.selectors, node, &mut next)?;
                }
            }
            nodes = next;
        }
        Ok(nodes)
    }

    /// Chooses from `node` and from all containers below, the outer ones first.
    fn descend(&mut self, selectors: &'v [Selector], node: Node<'v>, out: &mut Vec<Node<'v>>) -> Result<(), TooMuch> {
        self.choose(selectors, node, out)?;
        for at in 0..node.value.len().unwrap_or(0) {
            let Some(value) = node.value.child(at) else { continue };
            self.step()?;
            if value.len().is_some() {
                let trail = self.trail(node, at);
                self.descend(selectors, Node { value, trail }, out)?;
            }
        }
        Ok(())
    }

    fn choose(&mut self, selectors: &'v [Selector], node: Node<'v>, out: &mut Vec<Node<'v>>) -> Result<(), TooMuch> {
        for selector in selectors {
            self.step()?;
            match (selector, node.value) {
                (Selector::Name(name), Value::Object(object)) => {
                    if let Some(at) = object.place(name) {
                        self.found(node, at, out)?;
                    }
                }
                (Selector::Index(index), Value::Array(items)) => {
                    if let Some(at) = place_of(*index, items.len()) {
                        self.found(node, at, out)?;
                    }
                }
                (Selector::Slice { start, end, step }, Value::Array(items)) => {
                    let places = Slice::new(*start, *end, *step, items.len());
                    for at in places {
                        self.found(node, at, out)?;
                    }
                }
                (Selector::All, Value::Array(_) | Value::Object(_)) => {
                    for at in 0..node.value.len().unwrap_or(0) {
                        self.found(node, at, out)?;
                    }
                }
                (Selector::Filter(filter), Value::Array(_) | Value::Object(_)) => {
                    for at in 0..node.value.len().unwrap_or(0) {
                        let Some(value) = node.value.child(at) else { continue };
                        if filter.holds(self, value)? {
                            self.found(node, at, out)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn found(&mut self, node: Node<'v>, at: usize, out: &mut Vec<Node<'v>>) -> Result<(), TooMuch> {
        self.step()?;
        if out.len() == MAX_MATCHES {
            return Err(TooMuch);
        }
        if let Some(value) = node.value.child(at) {
            let trail = self.trail(node, at);
            out.push(Node { value, trail });
        }
        Ok(())
    }

    fn trail(&mut self, node: Node, at: usize) -> u32 {
        if !self.keeps_trails {
            return 0;
        }
        self.trails.push((node.trail, at as u32));
        (self.trails.len() - 1) as u32
    }

    fn place(&self, mut trail: u32) -> Match {
        let mut place = Vec::new();
        while trail > 0 {
            let (before, at) = self.trails[trail as usize];
            place.push(at);
            trail = before;
        }
        place.reverse();
        place
    }
}

/// The places of a slice.
struct Slice {
    at: i64,
    end: i64,
    step: i64,
}

impl Slice {
    fn new(start: Option<i64>, end: Option<i64>, step: i64, len: usize) -> Self {
        let len = len as i64;
        let from_end = |n: i64| if n < 0 { n.saturating_add(len) } else { n };
        let (low, high) = if step < 0 { (-1, len - 1) } else { (0, len) };
        let bound = |n: Option<i64>, default: i64| n.map_or(default, |n| from_end(n).clamp(low, high));
        let (first, last) = if step < 0 { (high, low) } else { (low, high) };
        let (at, end) = (bound(start, first), bound(end, last));
        // A step of nothing leads nowhere.
        if step == 0 { Slice { at: 0, end: 0, step: 1 } } else { Slice { at, end, step } }
    }
}

impl Iterator for Slice {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let inside = if self.step < 0 { self.at > self.end } else { self.at < self.end };
        let at = usize::try_from(self.at).ok().filter(|_| inside)?;
        self.at = self.at.saturating_add(self.step);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Path;
    use super::*;
    use crate::ds::json::{Format, parse};

    /// What `path` leads to in `document`, as text.
    fn select(document: &str, path: &str) -> String {
        let root = parse(document.as_bytes()).unwrap();
        let path = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let mut out = Vec::new();
        let found: Vec<Value> = path.select(&root).unwrap().into_iter().cloned().collect();
        Value::Array(found).print(&mut out, &Format::COMPACT);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_lead_where_the_documentation_says() {
        let store = r#"{"a":[1,2,3],"b":["c","d","e"],"c":"k","n":{"a":{"x":{"i":10}},"b":{"x":{"i":20,"j":5}}}}"#;
        for (path, want) in [
            ("$", &*format!("[{store}]")),
            ("$.*[0,2]", r#"[1,3,"c","e"]"#),
            ("$.[\"a\"][-1]", "[3]"),
            ("$.a[-9]", "[1]"),
            ("$.a[1:]", "[2,3]"),
            ("$.a[::-1]", "[3,2,1]"),
            ("$.a[0:3:2]", "[1,3]"),
            ("$.a[?(@>1)]", "[2,3]"),
            ("$.a[?@ == 2 || @ > 2]", "[2,3]"),
            ("$.b[?(@ =~ \"^[ce]\")]", r#"["c","e"]"#),
            ("$..x[?(@.i>10)]", "[]"),
            ("$.n[?(@.x.i>10)].x.j", "[5]"),
            ("$..x[?($.a[0]==1)]", "[10,20,5]"),
            ("$..x[?(@.i)]", "[]"),
            ("$..i", "[10,20]"),
            ("$.n.*.x['i','j']", "[10,20,5]"),
            ("$.n[?(!@.x.j)].x.i", "[10]"),
            ("$.nowhere", "[]"),
            (".a[0]", "[1]"),
            ("a[0]", "[1]"),
            ("c", r#"["k"]"#),
        ] {
            assert_eq!(select(store, path), want, "{path}");
        }
        assert_eq!(select("[1,[2]]", "[1][0]"), "[2]");
        assert_eq!(select("{\"a'b\":1,\"c\\\"d\":2,\"é\":3}", r#"$["a'b",'c"d','c\"d',"é"]"#), "[1,2,2,3]");
        assert_eq!(select("{\"f.]$.f\":1}", ".[\"f.]$.f\"]"), "[1]");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "$a", "$.", "$..", "$[", "$[]", "$[a]", "$.a[", "$['a", "$[?]", "$[?(@.a]", "$[?(1)]", "$.a]", "", " ",
            "$[1,]",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        let deep = |n: usize| format!("$[?{}@.a{}]", "(".repeat(n), ")".repeat(n));
        assert!(Path::parse(&deep(20)).is_ok());
        assert!(Path::parse(&deep(100_000)).is_err());
        assert!(Path::parse(&format!("$[?{}@]", "!".repeat(100_000))).is_err());
        assert!(Path::parse(&"$[?@".repeat(100_000)).is_err());
    }

    #[test]
    fn work_without_end_is_refused() {
        let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let root = parse(nested.as_bytes()).unwrap();
        let many = Path::parse(&format!("$..{}", ["*"; 9].join("..")));
        assert_eq!(many.unwrap().select(&root), Err(TooMuch));
        let doubling = Path::parse(&format!("${}", "[*,*]".repeat(60))).unwrap();
        assert_eq!(doubling.select(&root), Err(TooMuch));
        let inside = Path::parse("$..[?@..[?@..[?@..[?@..[?@..a]]]]]").unwrap();
        assert_eq!(inside.select(&root), Err(TooMuch));
    }
}
