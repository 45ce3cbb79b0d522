//! Reading a path.

use super::filter::{Filter, Operand, Test};
use super::{PathError, Segment, Selector};

/// How deep brackets and parentheses may be nested.
const MAX_NESTING: usize = 32;

/// Reads a whole path that begins with `$`.
pub(super) fn parse(text: &str) -> Result<Vec<Segment>, PathError> {
    let mut parser = Parser { text: text.as_bytes(), at: 0, nesting: 0 };
    parser.expect(b'$', "$")?;
    let segments = parser.segments(false)?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.error("'.' or '['")) } else { Ok(segments) }
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    nesting: usize,
}

impl Parser<'_> {
    fn error(&self, expected: &'static str) -> PathError {
        PathError { at: self.at, expected }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes `word` if it is next.
    fn takes(&mut self, word: &str) -> bool {
        let hit = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if hit { word.len() } else { 0 };
        hit
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), PathError> {
        self.blanks();
        if self.peek() != Some(byte) {
            return Err(self.error(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn deeper<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R, PathError>) -> Result<R, PathError> {
        if self.nesting == MAX_NESTING {
            return Err(self.error("fewer brackets"));
        }
        self.nesting += 1;
        let result = f(self);
        self.nesting -= 1;
        result
    }

    /// Reads what follows `$` or `@`; in a filter, a blank ends it.
    fn segments(&mut self, in_filter: bool) -> Result<Vec<Segment>, PathError> {
        let mut segments = Vec::new();
        loop {
            if !in_filter {
                self.blanks();
            }
            let descend = self.takes("..");
            let point = descend || self.takes(".");
            if !in_filter {
                self.blanks();
            }
            let selectors = match self.peek() {
                Some(b'[') => self.deeper(Self::brackets)?,
                Some(b'*') if point => {
                    self.at += 1;
                    vec![Selector::All]
                }
                Some(_) if point => vec![Selector::Name(self.name(in_filter)?)],
                None if point => return Err(self.error("a name, '*' or '['")),
                _ => return Ok(segments),
            };
            segments.push(Segment { descend, selectors });
        }
    }

    /// Reads a name without quotes.
    fn name(&mut self, in_filter: bool) -> Result<Box<str>, PathError> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            let ends = match byte {
                b'.' | b'[' | b']' | b'(' | b')' | b'*' | b'?' | b'@' | b',' | b':' | b'\'' | b'"' => true,
                b'=' | b'<' | b'>' | b'!' | b'&' | b'|' | b'~' | b'+' | b'/' => in_filter,
                _ => in_filter && byte.is_ascii_whitespace(),
            };
            if ends {
                break;
            }
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default().trim_end();
        if text.is_empty() { Err(self.error("a name, '*' or '['")) } else { Ok(text.into()) }
    }

    /// Reads selectors and the brackets around them.
    fn brackets(&mut self) -> Result<Vec<Selector>, PathError> {
        self.expect(b'[', "'['")?;
        let mut selectors = vec![self.selector()?];
        loop {
            self.blanks();
            if self.takes("]") {
                return Ok(selectors);
            }
            self.expect(b',', "',' or ']'")?;
            selectors.push(self.selector()?);
        }
    }

    fn selector(&mut self) -> Result<Selector, PathError> {
        self.blanks();
        match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Ok(Selector::All)
            }
            Some(b'\'' | b'"') => Ok(Selector::Name(self.quoted()?.into())),
            Some(b'?') => {
                self.at += 1;
                Ok(Selector::Filter(Box::new(self.filter()?)))
            }
            Some(b'-' | b'0'..=b'9' | b':') => self.index_or_slice(),
            _ => Err(self.error("a string, a number, '<start>:<end>:<step>', '*' or '?'")),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, PathError> {
        let start = self.integer()?;
        self.blanks();
        if !self.takes(":") {
            return start.map(Selector::Index).ok_or(self.error("a number"));
        }
        let end = self.integer()?;
        self.blanks();
        let step = if self.takes(":") { self.integer()?.unwrap_or(1) } else { 1 };
        Ok(Selector::Slice { start, end, step })
    }

    /// Reads an integer if there is one.
    fn integer(&mut self) -> Result<Option<i64>, PathError> {
        self.blanks();
        let start = self.at;
        self.takes("-");
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Ok(None);
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        text.parse().map(Some).map_err(|_| self.error("a number"))
    }

    /// Reads a string in quotes of either kind, with JSON's escapes and those of its quotes.
    fn quoted(&mut self) -> Result<String, PathError> {
        let quote = self.peek().unwrap_or(b'"');
        self.at += 1;
        let mut literal = String::from("\"");
        let mut start = self.at;
        while let Some(byte) = self.peek() {
            let part = || std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
            match byte {
                b'\\' => {
                    let next = self.text.get(self.at + 1).copied();
                    if next == Some(b'\'') {
                        literal.push_str(part());
                        start = self.at + 1;
                    }
                    self.at += 2;
                }
                _ if byte == quote => {
                    literal.push_str(part());
                    self.at += 1;
                    literal.push('"');
                    return match crate::ds::json::parse_text(&literal) {
                        Some(text) => Ok(text),
                        // Not JSON: as it stands.
                        None => Ok(literal[1..literal.len() - 1].to_string()),
                    };
                }
                b'"' => {
                    literal.push_str(part());
                    literal.push('\\');
                    start = self.at;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
        Err(self.error("the end of the string"))
    }

    /// Reads conditions joined by `||`.
    fn filter(&mut self) -> Result<Filter, PathError> {
        self.deeper(|parser| {
            let mut any = vec![parser.all_of()?];
            loop {
                parser.blanks();
                if !parser.takes("||") {
                    return Ok(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) });
                }
                any.push(parser.all_of()?);
            }
        })
    }

    fn all_of(&mut self) -> Result<Filter, PathError> {
        let mut all = vec![self.condition()?];
        loop {
            self.blanks();
            if !self.takes("&&") {
                return Ok(if all.len() == 1 { all.remove(0) } else { Filter::All(all) });
            }
            all.push(self.condition()?);
        }
    }

    fn condition(&mut self) -> Result<Filter, PathError> {
        self.blanks();
        if self.takes("!") {
            return self.deeper(|parser| Ok(Filter::Not(Box::new(parser.condition()?))));
        }
        if self.takes("(") {
            let filter = self.filter()?;
            self.expect(b')', "')'")?;
            return Ok(filter);
        }
        let left = self.operand()?;
        self.blanks();
        let tests = [
            ("==", Test::Equal),
            ("!=", Test::NotEqual),
            ("<=", Test::LessOrEqual),
            (">=", Test::GreaterOrEqual),
            ("=~", Test::Matches),
            ("<", Test::Less),
            (">", Test::Greater),
        ];
        for (word, test) in tests {
            if self.takes(word) {
                let right = self.operand()?;
                return Ok(Filter::compare(left, test, right));
            }
        }
        match left {
            Operand::Here(_) | Operand::Root(_) => Ok(Filter::Exists(left)),
            Operand::Value(_) => Err(self.error("a comparison")),
        }
    }

    fn operand(&mut self) -> Result<Operand, PathError> {
        self.blanks();
        match self.peek() {
            Some(b'@') => {
                self.at += 1;
                Ok(Operand::Here(self.segments(true)?))
            }
            Some(b'$') => {
                self.at += 1;
                Ok(Operand::Root(self.segments(true)?))
            }
            Some(b'\'' | b'"') => Ok(Operand::Value(super::Value::Text(self.quoted()?.into()))),
            _ => self.literal(),
        }
    }

    /// Reads a number or one of JSON's words.
    fn literal(&mut self) -> Result<Operand, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        let value = crate::ds::json::parse(&self.text[start..self.at]);
        value
            .map(Operand::Value)
            .map_err(|_| PathError { at: start, expected: "a path, a string, a number, true, false or null" })
    }
}
