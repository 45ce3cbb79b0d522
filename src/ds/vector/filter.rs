//! The language of FILTER: an expression over the fields of an element's attribute.
//!
//! As documented on the page of vector sets' filter expressions: numbers, strings, lists in brackets, `.field`; `or`/`||`, `and`/`&&`,
//! `==` `!=`, `<` `<=` `>` `>=` `in`, `+ -`, `* / %`, `**`, `!`/`not`. A field that is missing makes the whole expression false.

use super::attribute::{field, unescaped};
use std::borrow::Cow;
use std::sync::Arc;

/// How deep an expression may be nested.
const MAX_DEPTH: usize = 64;
/// How long it may be, in bytes: every element that is asked about runs all of it.
const MAX_LEN: usize = 1 << 16;

/// An expression that was read.
#[derive(Debug)]
pub struct Filter(Node);

/// A part of it.
#[derive(Debug)]
enum Node {
    Value(Value<'static>),
    Field(Box<[u8]>),
    Not(Box<Node>),
    Negative(Box<Node>),
    /// Operators of one rank, from the left.
    Chain(Box<Node>, Vec<(Operator, Node)>),
}

/// What an expression computes with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'t> {
    Null,
    Number(f64),
    Text(Cow<'t, [u8]>),
    Tuple(Arc<[Value<'t>]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Plus,
    Minus,
    Times,
    Divided,
    Modulo,
    Power,
}

/// The operators, those that bind least first; of two that begin alike the longer one first.
const RANKS: &[&[(&str, Operator)]] = &[
    &[("||", Operator::Or), ("or", Operator::Or)],
    &[("&&", Operator::And), ("and", Operator::And)],
    &[("==", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("in", Operator::In),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::Divided), ("%", Operator::Modulo)],
    &[("**", Operator::Power)],
];

impl Filter {
    /// Reads an expression. Fails with the place where it is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, usize> {
        if text.len() > MAX_LEN {
            return Err(0);
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let node = parser.rank(0).ok_or(parser.at)?;
        parser.blanks();
        if parser.at < text.len() { Err(parser.at) } else { Ok(Filter(node)) }
    }

    /// Whether it holds for the attribute `text`.
    pub fn holds(&self, text: &[u8]) -> bool {
        self.0.value(text).is_some_and(|value| value.is_true())
    }
}

impl Node {
    /// Its value, unless a field that it needs is missing.
    fn value<'t>(&'t self, text: &'t [u8]) -> Option<Value<'t>> {
        Some(match self {
            Node::Value(value) => value.clone(),
            Node::Field(name) => return field(text, name),
            Node::Not(node) => truth(!node.value(text)?.is_true()),
            Node::Negative(node) => Value::Number(-node.value(text)?.number()),
            Node::Chain(first, more) => {
                let mut left = first.value(text)?;
                for (operator, right) in more {
                    left = operator.of(left, right.value(text)?);
                }
                left
            }
        })
    }
}

fn truth<'t>(is: bool) -> Value<'t> {
    Value::Number(f64::from(u8::from(is)))
}

impl Value<'_> {
    fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Number(n) => *n != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Tuple(_) => true,
        }
    }

    /// What it is in arithmetic: text counts as what it spells.
    fn number(&self) -> f64 {
        match self {
            Value::Number(n) => *n,
            Value::Text(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0),
            Value::Null | Value::Tuple(_) => 0.0,
        }
    }

    fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (Value::Tuple(_), _) | (_, Value::Tuple(_)) => self == other,
            _ => self.number() == other.number(),
        }
    }
}

impl Operator {
    fn of<'t>(self, left: Value<'t>, right: Value<'t>) -> Value<'t> {
        let (a, b) = (left.number(), right.number());
        match self {
            Operator::Or => truth(left.is_true() || right.is_true()),
            Operator::And => truth(left.is_true() && right.is_true()),
            Operator::Equal => truth(left.equals(&right)),
            Operator::NotEqual => truth(!left.equals(&right)),
            Operator::Less => truth(a < b),
            Operator::LessOrEqual => truth(a <= b),
            Operator::Greater => truth(a > b),
            Operator::GreaterOrEqual => truth(a >= b),
            Operator::In => truth(is_in(&left, &right)),
            Operator::Plus => Value::Number(a + b),
            Operator::Minus => Value::Number(a - b),
            Operator::Times => Value::Number(a * b),
            Operator::Divided => Value::Number(a / b),
            Operator::Modulo => Value::Number(a % b),
            Operator::Power => Value::Number(a.powf(b)),
        }
    }
}

/// Whether a value is one of a list, or a text part of a text.
fn is_in(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (_, Value::Tuple(items)) => items.iter().any(|item| left.equals(item)),
        (Value::Text(part), Value::Text(whole)) => match (std::str::from_utf8(part), std::str::from_utf8(whole)) {
            // The search of `str` takes linear time.
            (Ok(part), Ok(whole)) => whole.contains(part),
            _ => part == whole,
        },
        _ => false,
    }
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes `word` if it is next; one of letters only as a whole.
    fn takes(&mut self, word: &str) -> bool {
        let rest = &self.text[self.at..];
        let hit = rest.get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        let ends = !word.as_bytes()[0].is_ascii_alphabetic()
            || rest.get(word.len()).is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_');
        self.at += if hit && ends { word.len() } else { 0 };
        hit && ends
    }

    /// Reads operators of rank `rank` and what they join.
    fn rank(&mut self, rank: usize) -> Option<Node> {
        let Some(operators) = RANKS.get(rank) else { return self.unary() };
        let first = self.rank(rank + 1)?;
        let mut more = Vec::new();
        while let Some(operator) = self.operator(operators) {
            more.push((operator, self.rank(rank + 1)?));
        }
        Some(if more.is_empty() { first } else { Node::Chain(Box::new(first), more) })
    }

    fn operator(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        self.blanks();
        let found = operators.iter().find(|(word, operator)| {
            let power = *operator == Operator::Times && self.text[self.at..].starts_with(b"**");
            !power && self.takes(word)
        });
        found.map(|(_, operator)| *operator)
    }

    fn unary(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        let node = if self.takes("!") || self.takes("not") {
            Some(Node::Not(Box::new(self.unary()?)))
        } else if self.peek() == Some(b'-') {
            self.at += 1;
            Some(Node::Negative(Box::new(self.unary()?)))
        } else if self.takes("(") {
            let node = self.rank(0)?;
            self.blanks();
            self.takes(")").then_some(node)
        } else if self.peek() == Some(b'.') && !self.text.get(self.at + 1)?.is_ascii_digit() {
            self.field()
        } else {
            self.literal().map(Node::Value)
        };
        self.depth -= 1;
        node
    }

    fn field(&mut self) -> Option<Node> {
        let start = self.at + 1;
        self.at = start;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte >= 0x80;
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        (self.at > start).then(|| Node::Field(self.text[start..self.at].into()))
    }

    fn literal(&mut self) -> Option<Value<'static>> {
        self.blanks();
        match self.peek()? {
            b'"' | b'\'' => self.string(),
            b'[' => self.list(),
            b'0'..=b'9' | b'.' | b'-' => self.number(),
            _ if self.takes("true") => Some(Value::Number(1.0)),
            _ if self.takes("false") => Some(Value::Number(0.0)),
            _ if self.takes("null") => Some(Value::Null),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value<'static>> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        while let Some(byte) = self.peek() {
            let sign = matches!(byte, b'-' | b'+') && matches!(self.text[self.at - 1], b'e' | b'E');
            if !sign && !byte.is_ascii_digit() && !matches!(byte, b'.' | b'e' | b'E') {
                break;
            }
            self.at += 1;
        }
        let number = std::str::from_utf8(&self.text[start..self.at]).ok().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.at = start;
        }
        number.map(Value::Number)
    }

    fn string(&mut self) -> Option<Value<'static>> {
        let quote = self.peek()?;
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                byte if byte == quote => break,
                _ => self.at += 1,
            }
        }
        let text = unescaped(&self.text[start..self.at]);
        self.at += 1;
        Some(Value::Text(text.into()))
    }

    fn list(&mut self) -> Option<Value<'static>> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.takes("]") {
            return Some(Value::Tuple(items.into()));
        }
        loop {
            self.blanks();
            if self.peek()? == b'[' {
                return None;
            }
            items.push(self.literal()?);
            self.blanks();
            if self.takes("]") {
                return Some(Value::Tuple(items.into()));
            }
            if !self.takes(",") {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(expression: &str, attribute: &str) -> bool {
        let filter = Filter::parse(expression.as_bytes()).unwrap_or_else(|at| panic!("{expression}: wrong at {at}"));
        filter.holds(attribute.as_bytes())
    }

    const ALICE: &str = r#"{"age": 25, "x": {"age": [1, "}"]}, "name": "Alice", "active": true, "off": false, "scores": [85, 90, "a"], "q": "a\"b\né", "n": null}"#;

    #[test]
    fn expressions_hold_as_documented() {
        for expression in [
            ".age == 25",
            ".age > 20 and .age < 30",
            ".age<30&&.age>20",
            "not (.age == 26)",
            "!(.age == 26)",
            "!!.active",
            ".age in [24, 25]",
            ".name in ['Alice', \"Bob\"]",
            "\"lic\" in .name",
            "\"\" in .name && \"\" in \"\"",
            "90 in .scores and 'a' in .scores",
            ".age + 10 * 2 == 45",
            "(.age + 10) * 2 == 70",
            ".age ** 2 == 625",
            ".age % 2 == 1",
            ".age / 5 == 5",
            "-.age == -25",
            ".age - 5 == 2e1",
            ".active",
            ".scores",
            ".q == 'a\"b\\n\u{e9}'",
            ".n == null",
            ".off or .age != 24",
            "2 ** 3 == 8.0",
        ] {
            assert!(holds(expression, ALICE), "{expression}");
        }
        for expression in [
            ".off",
            ".n",
            ".missing",
            "!(.missing)",
            ".missing == 1 or .age == 25",
            ".x",
            ".name == \"Alic\"",
            ".name in \"\"",
            "'xyz' in .name",
            ".name > 5",
        ] {
            assert!(!holds(expression, ALICE), "{expression}");
        }
        assert!(!holds(".age", "invalid json"));
        assert!(!holds("1 == 2", ""));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in ["", "1 +", "(.a", ".a)", ".", "[1, [2]] == 1", "'a", "foo", "1 2", "== 1", ".a andd .b"] {
            assert!(Filter::parse(expression.as_bytes()).is_err(), "{expression}");
        }
        assert!(Filter::parse(&[b"(".repeat(30_000), b"1".to_vec(), b")".repeat(30_000)].concat()).is_err());
        assert!(Filter::parse(&b"!".repeat(60_000)).is_err());
        assert!(Filter::parse(&[&b"1"[..], &b"+1".repeat(30_000)].concat()).is_ok());
    }
}
