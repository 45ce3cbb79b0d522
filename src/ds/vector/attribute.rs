//! Reading one field of an attribute: JSON text of which only the outermost object counts.

use super::filter::Value;

/// The most elements of an array that are looked at.
const MAX_TUPLE: usize = 65_536;

/// JSON text, read from its beginning.
struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

/// Returns the value of `field` in the object that `text` spells, if it is one that expressions know: a number, a string, true or
/// false (1 or 0), null, an array of numbers and strings. Returns `None` if there is no such field or the text is no JSON up to it.
pub(super) fn field<'t>(text: &'t [u8], field: &[u8]) -> Option<Value<'t>> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.expect(b'{')?;
    loop {
        scanner.blanks();
        let key = scanner.string()?;
        scanner.expect(b':')?;
        scanner.blanks();
        if *key == *field {
            return scanner.value(true);
        }
        scanner.skip()?;
        scanner.expect(b',')?;
    }
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn takes(&mut self, word: &[u8]) -> bool {
        let hit = self.text[self.at..].starts_with(word);
        self.at += if hit { word.len() } else { 0 };
        hit
    }

    /// A string, with its escapes undone if it has any.
    fn string(&mut self) -> Option<std::borrow::Cow<'t, [u8]>> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        let raw = self.text.get(start..self.at)?;
        self.at += 1;
        Some(if escaped { unescaped(raw).into() } else { raw.into() })
    }

    fn value(&mut self, arrays: bool) -> Option<Value<'t>> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b't' => self.takes(b"true").then_some(Value::Number(1.0)),
            b'f' => self.takes(b"false").then_some(Value::Number(0.0)),
            b'n' => self.takes(b"null").then_some(Value::Null),
            b'[' if arrays => self.tuple(),
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                while self.peek().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E')) {
                    self.at += 1;
                }
                let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
                text.parse().ok().map(Value::Number)
            }
            _ => None,
        }
    }

    fn tuple(&mut self) -> Option<Value<'t>> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        self.blanks();
        if self.takes(b"]") {
            return Some(Value::Tuple(items.into()));
        }
        while items.len() < MAX_TUPLE {
            self.blanks();
            items.push(self.value(false)?);
            self.blanks();
            if self.takes(b"]") {
                return Some(Value::Tuple(items.into()));
            }
            self.expect(b',')?;
        }
        None
    }

    /// Passes a value of any kind: what is inside brackets is only counted.
    fn skip(&mut self) -> Option<()> {
        if !matches!(self.peek()?, b'{' | b'[') {
            return self.value(false).map(|_| ());
        }
        let mut open = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
        }
    }
}

/// Undoes JSON's escapes; what is none stays without its backslash.
pub(super) fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        if raw[at] != b'\\' || at + 1 == raw.len() {
            out.push(raw[at]);
            at += 1;
            continue;
        }
        at += 2;
        match raw[at - 1] {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0C),
            b'u' => {
                let (unit, mut used) = (hex(raw, at), 4);
                let low = hex(raw, at + 6).filter(|_| raw.get(at + 4..at + 6) == Some(b"\\u"));
                let decoded = match (unit, low) {
                    (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000)) => {
                        used = 10;
                        char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
                    }
                    (unit, _) => unit.and_then(char::from_u32),
                };
                let mut buf = [0; 4];
                out.extend_from_slice(decoded.unwrap_or('\u{FFFD}').encode_utf8(&mut buf).as_bytes());
                at += if unit.is_some() { used } else { 0 };
            }
            other => out.push(other),
        }
    }
    out
}

fn hex(raw: &[u8], at: usize) -> Option<u32> {
    let digits = std::str::from_utf8(raw.get(at..at + 4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}
