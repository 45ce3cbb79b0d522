//! Reading replies in RESP2 and RESP3, for replication, tools and tests, and printing them as redis-cli does.

use crate::base::num::parse_i64;

/// A reply. Texts are bytes: nothing says that they are UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+`
    Simple(Vec<u8>),
    /// `-` and RESP3's `!`
    Error(Vec<u8>),
    /// `:`
    Int(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `$-1` and RESP3's `_`
    Nil,
    /// `*-1`
    NilArray,
    /// `#`
    Bool(bool),
    /// `,` with the text it was sent as: see [`Value::as_f64`].
    Double(Vec<u8>),
    /// `(`
    BigNumber(Vec<u8>),
    /// `=` with its three letters of format
    Verbatim([u8; 3], Vec<u8>),
    /// `*`
    Array(Vec<Value>),
    /// `~`
    Set(Vec<Value>),
    /// `%`
    Map(Vec<(Value, Value)>),
    /// `>`
    Push(Vec<Value>),
}

/// What a [`Decoder`] refuses.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Aggregates inside each other.
    pub depth: usize,
    /// Bytes of one string.
    pub bulk: i64,
    /// Elements of one aggregate.
    pub elements: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 128, bulk: 512 * 1024 * 1024, elements: i32::MAX as i64 }
    }
}

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No type starts with this byte.
    Type(u8),
    /// A number is none, or not one that can stand there.
    Number,
    /// A line is longer than 64 KB.
    Line,
    /// Something is larger or deeper than the limits.
    Limit,
    /// A string is not followed by a line end.
    End,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(byte) => write!(f, "no reply starts with {:?}", *byte as char),
            Self::Number => f.write_str("a number in a reply is malformed"),
            Self::Line => f.write_str("a line of a reply is too long"),
            Self::Limit => f.write_str("a reply is too large or too deeply nested"),
            Self::End => f.write_str("a string in a reply does not end where it should"),
        }
    }
}

impl std::error::Error for DecodeError {}

const LINE_MAX: usize = 64 * 1024;

/// Cuts replies out of a buffer that grows as bytes arrive. What is complete of a reply is kept between calls, so a long
/// reply in many pieces is read once. Uses no recursion, and memory only for what has arrived.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What is refused.
    pub limits: Limits,
    /// The aggregates that are not complete, outermost first.
    open: Vec<Open>,
    /// How far into the buffer everything is taken.
    at: usize,
    /// How far behind `at` there is no line end.
    scanned: usize,
}

/// An aggregate that is not complete.
#[derive(Debug)]
struct Open {
    tag: u8,
    /// Values still to come; a map has two for each pair.
    left: u64,
    items: Vec<Value>,
}

/// What stands at one place of the buffer.
enum Token {
    Value(Value),
    Open(Open),
}

impl Decoder {
    /// Returns the first reply of `buf` and the bytes it takes, or `None` if its end has not arrived. The caller drops those
    /// bytes, or appends more and calls again. After an error the stream cannot go on.
    pub fn next(&mut self, buf: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        loop {
            let mut value = match self.token(buf)? {
                None => return Ok(None),
                Some(Token::Value(value)) => value,
                Some(Token::Open(open)) if open.left > 0 => {
                    if self.open.len() == self.limits.depth {
                        return Err(DecodeError::Limit);
                    }
                    self.open.push(open);
                    continue;
                }
                Some(Token::Open(open)) => match open.close() {
                    Some(value) => value,
                    None => continue,
                },
            };
            // The value may be the last one of the aggregate around it, that of the one around that, and so on.
            loop {
                let Some(around) = self.open.last_mut() else {
                    return Ok(Some((value, std::mem::take(&mut self.at))));
                };
                around.items.push(value);
                around.left -= 1;
                if around.left > 0 {
                    break;
                }
                let Some(closed) = self.open.pop().and_then(Open::close) else { break };
                value = closed;
            }
        }
    }

    /// Takes what stands at `at`, or nothing if it is not complete.
    fn token(&mut self, buf: &[u8]) -> Result<Option<Token>, DecodeError> {
        let rest = buf.get(self.at..).unwrap_or_default();
        let from = self.scanned.min(rest.len());
        let Some(end) = rest[from..].iter().position(|byte| *byte == b'\n').map(|n| from + n) else {
            self.scanned = rest.len();
            return if rest.len() > LINE_MAX { Err(DecodeError::Line) } else { Ok(None) };
        };
        self.scanned = end;
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let (&tag, text) = line.split_first().ok_or(DecodeError::Type(b'\n'))?;
        let token = match tag {
            b'$' | b'!' | b'=' => match self.blob(tag, text, &rest[end + 1..])? {
                None => return Ok(None),
                Some((value, len)) => {
                    self.at += len;
                    Token::Value(value)
                }
            },
            b'*' | b'%' | b'~' | b'>' | b'|' => self.aggregate(tag, text)?,
            _ => Token::Value(scalar(tag, text)?),
        };
        self.at += end + 1;
        self.scanned = 0;
        Ok(Some(token))
    }

    /// Returns a string whose header is read, and the bytes it takes behind the header.
    fn blob(&self, tag: u8, length: &[u8], rest: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        let len = parse_i64(length).ok_or(DecodeError::Number)?;
        if len == -1 && tag == b'$' {
            return Ok(Some((Value::Nil, 0)));
        }
        if len > self.limits.bulk {
            return Err(DecodeError::Limit);
        }
        let len = usize::try_from(len).map_err(|_| DecodeError::Number)?;
        if rest.len() < len + 2 {
            return Ok(None);
        }
        if &rest[len..len + 2] != b"\r\n" {
            return Err(DecodeError::End);
        }
        let text = &rest[..len];
        let value = match (tag, text) {
            (b'$', _) => Value::Bulk(text.to_vec()),
            (b'!', _) => Value::Error(text.to_vec()),
            (_, [a, b, c, b':', text @ ..]) => Value::Verbatim([*a, *b, *c], text.to_vec()),
            _ => return Err(DecodeError::End),
        };
        Ok(Some((value, len + 2)))
    }

    /// Begins an aggregate whose header is read.
    fn aggregate(&self, tag: u8, count: &[u8]) -> Result<Token, DecodeError> {
        let count = parse_i64(count).ok_or(DecodeError::Number)?;
        if count == -1 && tag == b'*' {
            return Ok(Token::Value(Value::NilArray));
        }
        if count > self.limits.elements {
            return Err(DecodeError::Limit);
        }
        let count = u64::try_from(count).map_err(|_| DecodeError::Number)?;
        let left = if matches!(tag, b'%' | b'|') { count * 2 } else { count };
        Ok(Token::Open(Open { tag, left, items: Vec::new() }))
    }
}

/// Returns the value of one line.
fn scalar(tag: u8, text: &[u8]) -> Result<Value, DecodeError> {
    Ok(match tag {
        b'+' => Value::Simple(text.to_vec()),
        b'-' => Value::Error(text.to_vec()),
        b':' => Value::Int(parse_i64(text.strip_prefix(b"+").unwrap_or(text)).ok_or(DecodeError::Number)?),
        b'_' if text.is_empty() => Value::Nil,
        b'#' => match text {
            b"t" => Value::Bool(true),
            b"f" => Value::Bool(false),
            _ => return Err(DecodeError::Number),
        },
        b',' => {
            let value = Value::Double(text.to_vec());
            value.as_f64().ok_or(DecodeError::Number)?;
            value
        }
        b'(' if is_integer(text) => Value::BigNumber(text.to_vec()),
        b'_' | b'(' => return Err(DecodeError::Number),
        _ => return Err(DecodeError::Type(tag)),
    })
}

fn is_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

impl Open {
    /// The complete aggregate; nothing for an attribute, which only says something about the value after it.
    fn close(self) -> Option<Value> {
        Some(match self.tag {
            b'*' => Value::Array(self.items),
            b'~' => Value::Set(self.items),
            b'>' => Value::Push(self.items),
            b'%' => {
                let mut items = self.items.into_iter();
                Value::Map(std::iter::from_fn(|| items.next().zip(items.next())).collect())
            }
            _ => return None,
        })
    }
}

impl Value {
    /// Returns the text of a string of any kind, a number or an error.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(text) | Value::Error(text) | Value::Bulk(text) | Value::Double(text) => Some(text),
            Value::BigNumber(text) | Value::Verbatim(_, text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number of a double, an integer, or a string that spells one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Double(text) if text.eq_ignore_ascii_case(b"nan") || text.eq_ignore_ascii_case(b"-nan") => {
                Some(f64::NAN)
            }
            Value::Double(text) | Value::Bulk(text) => crate::base::num::parse_f64(text),
            _ => None,
        }
    }

    /// Returns the elements of an array, a set or a push.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }
}

/// Returns what redis-cli prints for `value` on a terminal, with the line end. Only verbatim strings and status replies can
/// hold bytes that are not ASCII.
pub fn to_cli(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    print(&mut out, value, 0);
    out.push(b'\n');
    out
}

fn print(out: &mut Vec<u8>, value: &Value, indent: usize) {
    let mut say = |parts: [&[u8]; 2]| out.extend(parts.concat());
    match value {
        Value::Simple(text) | Value::Verbatim(_, text) => say([b"", text]),
        Value::Error(text) => say([b"(error) ", text]),
        Value::Int(n) => say([b"(integer) ", n.to_string().as_bytes()]),
        Value::Double(text) => say([b"(double) ", text]),
        // redis-cli 7.0 knows no big numbers; later ones print the digits.
        Value::BigNumber(text) => say([b"", text]),
        Value::Bool(yes) => say([b"", if *yes { b"(true)" } else { b"(false)" }]),
        Value::Nil | Value::NilArray => say([b"", b"(nil)"]),
        Value::Bulk(text) => quote(out, text),
        Value::Array(items) => print_items(out, items, ')', "(empty array)", indent),
        Value::Set(items) => print_items(out, items, '~', "(empty set)", indent),
        Value::Push(items) => print_items(out, items, ')', "(empty push)", indent),
        Value::Map(pairs) => print_pairs(out, pairs, indent),
    }
}

/// Numbers items; the first goes on the current line, the others under it.
fn print_items(out: &mut Vec<u8>, items: &[Value], sign: char, empty: &str, indent: usize) {
    if items.is_empty() {
        return out.extend_from_slice(empty.as_bytes());
    }
    let width = items.len().to_string().len();
    for (n, item) in items.iter().enumerate() {
        number(out, n, width, sign, indent);
        print(out, item, indent + width + 2);
    }
}

fn print_pairs(out: &mut Vec<u8>, pairs: &[(Value, Value)], indent: usize) {
    if pairs.is_empty() {
        return out.extend_from_slice(b"(empty hash)");
    }
    let width = pairs.len().to_string().len();
    let inner = indent + width + 2;
    for (n, (key, value)) in pairs.iter().enumerate() {
        number(out, n, width, '#', indent);
        print(out, key, inner);
        out.extend_from_slice(b" => ");
        // A value of several lines starts on its own, so that its items line up.
        if spans_lines(value) {
            new_line(out, inner);
        }
        print(out, value, inner);
    }
}

fn number(out: &mut Vec<u8>, n: usize, width: usize, sign: char, indent: usize) {
    if n > 0 {
        new_line(out, indent);
    }
    out.extend_from_slice(format!("{:width$}{sign} ", n + 1).as_bytes());
}

fn new_line(out: &mut Vec<u8>, indent: usize) {
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
}

fn spans_lines(value: &Value) -> bool {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => match &items[..] {
            [] => false,
            [only] => spans_lines(only),
            _ => true,
        },
        Value::Map(pairs) => match &pairs[..] {
            [] => false,
            [(key, value)] => spans_lines(key) || spans_lines(value),
            _ => true,
        },
        _ => false,
    }
}

/// Appends `text` in double quotes with redis-cli's escapes.
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn all(input: &[u8], step: usize) -> (Vec<Value>, Option<DecodeError>) {
        let (mut decoder, mut buf, mut values) = (Decoder::default(), Vec::new(), Vec::new());
        for piece in input.chunks(step.max(1)) {
            buf.extend_from_slice(piece);
            loop {
                match decoder.next(&buf) {
                    Ok(Some((value, used))) => {
                        values.push(value);
                        buf.drain(..used);
                    }
                    Ok(None) => break,
                    Err(error) => return (values, Some(error)),
                }
            }
        }
        (values, None)
    }

    const EVERY_TYPE: &[u8] = b"+OK\r\n-ERR x\r\n:-5\r\n$2\r\nhi\r\n$-1\r\n*-1\r\n*0\r\n_\r\n#t\r\n,1.50\r\n(123456789012345678901\r\n\
        =5\r\ntxt:a\r\n!3\r\nbad\r\n*2\r\n*1\r\n:1\r\n%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n>1\r\n+m\r\n|1\r\n+ttl\r\n:1\r\n:9\r\n|0\r\n:8\r\n";

    #[test]
    fn every_type_is_read_whole_or_in_pieces() {
        let text = |s: &str| s.as_bytes().to_vec();
        let want = vec![
            Value::Simple(text("OK")),
            Value::Error(text("ERR x")),
            Value::Int(-5),
            Value::Bulk(text("hi")),
            Value::Nil,
            Value::NilArray,
            Value::Array(vec![]),
            Value::Nil,
            Value::Bool(true),
            Value::Double(text("1.50")),
            Value::BigNumber(text("123456789012345678901")),
            Value::Verbatim(*b"txt", text("a")),
            Value::Error(text("bad")),
            Value::Array(vec![
                Value::Array(vec![Value::Int(1)]),
                Value::Map(vec![(Value::Simple(text("k")), Value::Set(vec![Value::Int(1), Value::Int(2)]))]),
            ]),
            Value::Push(vec![Value::Simple(text("m"))]),
            Value::Int(9),
            Value::Int(8),
        ];
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(all(EVERY_TYPE, step), (want.clone(), None));
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for (input, want) in [
            (&b"x\r\n"[..], DecodeError::Type(b'x')),
            (b"\r\n", DecodeError::Type(b'\n')),
            (b":x\r\n", DecodeError::Number),
            (b"$-2\r\n", DecodeError::Number),
            (b"%-1\r\n", DecodeError::Number),
            (b"$9999999999\r\n", DecodeError::Limit),
            (b"$1\r\nabc\r\n", DecodeError::End),
            (b"=2\r\nab\r\n", DecodeError::End),
            (b",abc\r\n", DecodeError::Number),
            (&b"*1\r\n".repeat(200), DecodeError::Limit),
            (&[b'+'; 70_000], DecodeError::Line),
        ] {
            assert_eq!(all(input, usize::MAX).1, Some(want));
        }
    }

    #[test]
    fn any_bytes_end() {
        let mut rng = Rng::new(8);
        for _ in 0..4_000 {
            let mut input = EVERY_TYPE.to_vec();
            for _ in 0..rng.below(6) {
                let at = rng.below(input.len());
                match rng.below(3) {
                    0 => input[at] = rng.u64() as u8,
                    1 => input.insert(at, b"0123456789*%$\r\n"[rng.below(15)]),
                    _ => drop(input.remove(at)),
                }
            }
            let whole = all(&input, usize::MAX);
            assert_eq!(all(&input, 1 + rng.below(9)), whole);
            whole.0.iter().for_each(|value| _ = to_cli(value));
        }
    }

    /// The string after `"name": ` of a line of pretty-printed JSON.
    fn json_string(line: &str, name: &str) -> Option<String> {
        let text = line.trim().strip_prefix(&format!("\"{name}\": \""))?;
        let text = text.trim_end_matches(',').strip_suffix('"')?;
        let (mut out, mut chars) = (String::new(), text.chars());
        while let Some(c) = chars.next() {
            out.push(match c {
                '\\' => match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\x08',
                    'u' => {
                        let hex: String = chars.by_ref().take(4).collect();
                        char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?
                    }
                    other => other,
                },
                c => c,
            });
        }
        Some(out)
    }

    #[test]
    fn prints_what_redis_cli_printed() {
        let record = include_str!("../../tests/www/redis-cli.json");
        let (mut raw, mut count) = (Vec::new(), 0);
        for line in record.lines() {
            if let Some(text) = json_string(line, "raw") {
                raw = text.chars().map(|c| c as u32 as u8).collect();
            }
            if let Some(want) = json_string(line, "tty") {
                let (values, error) = all(&raw, usize::MAX);
                assert_eq!((values.len(), error), (1, None));
                assert_eq!(String::from_utf8(to_cli(&values[0])).unwrap(), want);
                count += 1;
            }
        }
        assert!(count > 100, "{count} replies in the record");
    }
}
