//! A row's syntax as a tree: what the random tests make arguments from.

/// A part of a syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A word to be written as it stands: `EX`.
    Word(&'static str),
    /// An argument of this name: `seconds`.
    Arg(&'static str),
    /// All of them, in order.
    Seq(Vec<Node>),
    /// One of them.
    OneOf(Vec<Node>),
    /// It, or nothing: `[…]`.
    Maybe(Box<Node>),
    /// It, any number of times: `[… ...]`.
    Many(Box<Node>),
}

/// Returns the tree of `syntax`. Panics where it is not well formed: every row's is checked by that.
pub fn parse(syntax: &'static str) -> Node {
    let mut tokens = Tokens { text: syntax };
    let (node, repeated) = alternatives(&mut tokens, None, syntax);
    assert!(!repeated, "`...` belongs inside brackets: {syntax}");
    node
}

struct Tokens {
    text: &'static str,
}

impl Iterator for Tokens {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        self.text = self.text.trim_start();
        let sign = |c: char| matches!(c, '[' | ']' | '<' | '>' | '(' | ')' | '|');
        let len = match self.text.find(|c: char| sign(c) || c.is_whitespace()) {
            Some(0) => 1,
            Some(len) => len,
            None => self.text.len(),
        };
        let (token, rest) = self.text.split_at(len);
        self.text = rest;
        (!token.is_empty()).then_some(token)
    }
}

/// Reads up to `end`. Returns what stands there, and whether it may be repeated.
fn alternatives(tokens: &mut Tokens, end: Option<&str>, all: &str) -> (Node, bool) {
    let (mut choices, mut seq, mut repeated) = (Vec::new(), Vec::new(), false);
    loop {
        let token = tokens.next();
        if token == end {
            break;
        }
        match token.unwrap_or_else(|| panic!("a bracket is not closed: {all}")) {
            "[" => {
                let (node, many) = alternatives(tokens, Some("]"), all);
                seq.push(if many { Node::Many(Box::new(node)) } else { Node::Maybe(Box::new(node)) });
            }
            "<" => seq.push(alternatives(tokens, Some(">"), all).0),
            "(" => seq.push(alternatives(tokens, Some(")"), all).0),
            sign @ ("]" | ">" | ")") => panic!("{sign} closes nothing: {all}"),
            "|" => choices.push(Node::Seq(std::mem::take(&mut seq))),
            "..." => repeated = true,
            word if word.chars().any(|c| c.is_ascii_lowercase()) => seq.push(Node::Arg(word)),
            word => seq.push(Node::Word(word)),
        }
    }
    choices.push(Node::Seq(seq));
    let node = if choices.len() == 1 { choices.remove(0) } else { Node::OneOf(choices) };
    (node, repeated)
}
