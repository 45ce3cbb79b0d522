//! Filters: conditions on the elements of a container.

use super::super::value::Value;
use super::Segment;
use super::walk::{TooMuch, Walk};
use regex_lite::Regex;
use std::cmp::Ordering;

/// A condition.
#[derive(Debug)]
pub enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    /// The path leads somewhere.
    Exists(Operand),
    Compare(Operand, Test, Operand),
    /// Text matches an expression that was given; none if it is not well formed.
    Matches(Operand, Option<Regex>),
}

/// What is compared.
#[derive(Debug)]
pub enum Operand {
    Value(Value),
    /// A path from the element.
    Here(Vec<Segment>),
    /// A path from the root.
    Root(Vec<Segment>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
}

impl Filter {
    /// Returns the comparison; an expression that stands in the path is made ready once.
    pub(super) fn compare(left: Operand, test: Test, right: Operand) -> Self {
        match (test, &right) {
            (Test::Matches, Operand::Value(pattern)) => Filter::Matches(left, pattern.text().and_then(expression)),
            _ => Filter::Compare(left, test, right),
        }
    }

    /// Whether it holds for `here`.
    pub(super) fn holds<'v>(&'v self, walk: &mut Walk<'v>, here: &'v Value) -> Result<bool, TooMuch> {
        walk.step()?;
        Ok(match self {
            Filter::Any(filters) => {
                for filter in filters {
                    if filter.holds(walk, here)? {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::All(filters) => {
                for filter in filters {
                    if !filter.holds(walk, here)? {
                        return Ok(false);
                    }
                }
                true
            }
            Filter::Not(filter) => !filter.holds(walk, here)?,
            Filter::Exists(operand) => operand.first(walk, here)?.is_some(),
            Filter::Compare(left, test, right) => {
                let (left, right) = (left.first(walk, here)?, right.first(walk, here)?);
                walk.steps(work(*test, left, right))?;
                test.of(left, right)
            }
            Filter::Matches(left, regex) => match (left.first(walk, here)?.and_then(Value::text), regex) {
                (Some(text), Some(regex)) => {
                    walk.steps(8 * text.len())?;
                    regex.is_match(text)
                }
                _ => false,
            },
        })
    }
}

/// How many steps a comparison counts as.
fn work(test: Test, left: Option<&Value>, right: Option<&Value>) -> usize {
    match (left, right) {
        // The expression is made ready each time.
        (Some(Value::Text(text)), Some(Value::Text(pattern))) if test == Test::Matches => {
            8 * text.len() + 64 * pattern.len().min(MAX_PATTERN)
        }
        (Some(Value::Text(a)), Some(Value::Text(b))) => a.len().min(b.len()) / 32,
        (Some(a @ (Value::Array(_) | Value::Object(_))), Some(b)) if a.len() == b.len() => a.count(),
        _ => 0,
    }
}

/// The longest expression, in bytes.
const MAX_PATTERN: usize = 1024;

fn expression(pattern: &str) -> Option<Regex> {
    let mut builder = regex_lite::RegexBuilder::new(pattern);
    if pattern.len() > MAX_PATTERN { None } else { builder.size_limit(1 << 16).build().ok() }
}

impl Operand {
    /// The value, or the first that the path leads to.
    fn first<'v>(&'v self, walk: &mut Walk<'v>, here: &'v Value) -> Result<Option<&'v Value>, TooMuch> {
        let (segments, from) = match self {
            Operand::Value(value) => return Ok(Some(value)),
            Operand::Here(segments) => (segments, here),
            Operand::Root(segments) => (segments, walk.root),
        };
        walk.first(segments, from)
    }
}

impl Test {
    /// Whether it holds; what is missing equals only what is missing, and is in no order.
    fn of(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        if self == Test::Matches {
            let (Some(text), Some(pattern)) = (left.and_then(Value::text), right.and_then(Value::text)) else {
                return false;
            };
            return expression(pattern).is_some_and(|regex| regex.is_match(text));
        }
        let (equal, order) = match (left, right) {
            (None, None) => (true, None),
            (Some(left), Some(right)) => (equal(left, right), order(left, right)),
            _ => (false, None),
        };
        match self {
            Test::Equal => equal,
            Test::NotEqual => !equal,
            Test::Less => order == Some(Ordering::Less),
            Test::LessOrEqual => equal || order == Some(Ordering::Less),
            Test::Greater => order == Some(Ordering::Greater),
            Test::GreaterOrEqual => equal || order == Some(Ordering::Greater),
            Test::Matches => false,
        }
    }
}

/// Whether two values are equal, where numbers count by what they are, not by how they are written.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right || order(left, right) == Some(Ordering::Equal),
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        _ => left.number()?.partial_cmp(&right.number()?),
    }
}
