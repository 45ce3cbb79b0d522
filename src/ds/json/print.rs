//! Values to text: compact, or with what a client wants between the parts.

use super::MAX_DEPTH;
use super::value::Value;

/// What goes between the parts of a text.
#[derive(Clone, Copy, Debug)]
pub struct Format<'a> {
    /// At the beginning of a line, once for each container around it.
    pub indent: &'a [u8],
    /// At the end of a line.
    pub newline: &'a [u8],
    /// Between a key's colon and its value.
    pub space: &'a [u8],
}

impl Format<'_> {
    /// Nothing.
    pub const COMPACT: Format<'static> = Format { indent: b"", newline: b"", space: b"" };

    /// Whether the parts, put between all values of `root`, stay within `most` bytes.
    pub fn fits(&self, root: &Value, most: usize) -> bool {
        let once = self.indent.len() * (MAX_DEPTH + 2) + self.newline.len() + self.space.len();
        once <= 256 || (root.count() as u64 + 2) * 2 * once as u64 <= most as u64
    }

    /// Begins a line inside `level` containers.
    pub fn line(&self, out: &mut Vec<u8>, level: usize) {
        out.extend_from_slice(self.newline);
        (0..level).for_each(|_| out.extend_from_slice(self.indent));
    }
}

impl Value {
    /// Appends the value as text.
    pub fn print(&self, out: &mut Vec<u8>, format: &Format) {
        self.print_at(out, format, 0);
    }

    /// Appends the value as text that stands inside `level` containers.
    pub fn print_at(&self, out: &mut Vec<u8>, format: &Format, level: usize) {
        Printer { out, format, level, trail: &mut Vec::new(), most: usize::MAX }.value(self, 0);
    }

    /// Does what [`Json::print_on`](super::Json::print_on) says.
    pub(super) fn print_on(&self, out: &mut Vec<u8>, trail: &mut Vec<usize>, most: usize) -> bool {
        Printer { out, format: &Format::COMPACT, level: 0, trail, most }.value(self, 0)
    }
}

/// Prints a value, and may stop on the way.
struct Printer<'a> {
    out: &'a mut Vec<u8>,
    format: &'a Format<'a>,
    /// How many containers the value stands in.
    level: usize,
    /// For each open container the place of the child that is due, or that is open if something follows; for an open string the
    /// bytes of it that are written.
    trail: &'a mut Vec<usize>,
    most: usize,
}

impl Printer<'_> {
    /// Prints `value`, which is `depth` containers deep. Returns whether that was all.
    fn value(&mut self, value: &Value, depth: usize) -> bool {
        let out = &mut *self.out;
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Int(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
            Value::Big(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
            Value::Float(f) => out.extend_from_slice(fmt_f64(*f).as_bytes()),
            Value::Text(text) => return self.text(text, depth),
            Value::Array(items) if items.is_empty() => out.extend_from_slice(b"[]"),
            Value::Object(object) if object.is_empty() => out.extend_from_slice(b"{}"),
            Value::Array(_) => return self.container(value, b"[]", depth),
            Value::Object(_) => return self.container(value, b"{}", depth),
        }
        true
    }

    fn container(&mut self, value: &Value, [open, close]: &[u8; 2], depth: usize) -> bool {
        if self.trail.len() == depth {
            self.out.push(*open);
            self.trail.push(0);
        }
        loop {
            let at = self.trail[depth];
            let (key, child) = match value {
                Value::Object(object) => {
                    object.get_at(at).map_or((None, None), |(key, child)| (Some(key), Some(child)))
                }
                _ => (None, value.child(at)),
            };
            let Some(child) = child else { break };
            if self.trail.len() == depth + 1 {
                if self.out.len() >= self.most {
                    return false;
                }
                self.before(at, key, depth);
            }
            if !self.value(child, depth + 1) {
                return false;
            }
            self.trail[depth] += 1;
        }
        self.trail.pop();
        self.format.line(self.out, self.level + depth);
        self.out.push(*close);
        true
    }

    /// Prints what stands before a child.
    fn before(&mut self, at: usize, key: Option<&str>, depth: usize) {
        if at > 0 {
            self.out.push(b',');
        }
        self.format.line(self.out, self.level + depth + 1);
        if let Some(key) = key {
            print_text(self.out, key);
            self.out.push(b':');
            self.out.extend_from_slice(self.format.space);
        }
    }

    fn text(&mut self, text: &str, depth: usize) -> bool {
        let begun = self.trail.len() > depth;
        let from = if begun { self.trail.pop().unwrap_or_default() } else { 0 };
        let rest = &text.as_bytes()[from..];
        let room = self.most.saturating_sub(self.out.len()).max(1);
        if !begun {
            self.out.push(b'"');
        }
        escape(self.out, &rest[..rest.len().min(room)]);
        if rest.len() > room {
            self.trail.push(from + room);
            return false;
        }
        self.out.push(b'"');
        true
    }
}

/// Appends a string with its quotes; what JSON demands is escaped, nothing else.
pub(super) fn print_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text.as_bytes());
    out.push(b'"');
}

/// Appends a part of a string, which may be cut within a character: only ASCII is escaped.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut plain = 0;
    for (at, &byte) in text.iter().enumerate() {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            0x00..0x20 => 0,
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        match short {
            0 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            short => out.extend_from_slice(&[b'\\', short]),
        }
    }
    out.extend_from_slice(&text[plain..]);
}

/// Returns the shortest text that reads back as `f`, in RedisJSON's form: always with a point or an exponent, which is used
/// below 1e-5 and from 1e16 on.
pub fn fmt_f64(f: f64) -> String {
    let text = format!("{f:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match exponent {
        -5..16 => {
            let plain = format!("{f}");
            if plain.contains('.') { plain } else { plain + ".0" }
        }
        _ => format!("{digits}e{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::json::parse;

    #[test]
    fn numbers_have_the_known_forms() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (15.0, "15.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (5.960464477539062e16, "5.960464477539062e16"),
            (1.6350000000001313e308, "1.6350000000001313e308"),
            (0.00001, "0.00001"),
            (0.000001, "1e-6"),
            (1.25e-7, "1.25e-7"),
            (1512060373.222988, "1512060373.222988"),
        ] {
            assert_eq!(fmt_f64(number), text);
        }
    }

    #[test]
    fn text_reads_back_and_has_the_parts_that_were_asked_for() {
        let text = "{\"a\":[1,2.0,\"x\\n\\\"\\u0001é\"],\"b\":{},\"c\":{\"d\":null}}";
        let value = parse(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        value.print(&mut out, &Format::COMPACT);
        assert_eq!(String::from_utf8(out).unwrap(), text);
        for piece in 1..20 {
            let (mut all, mut trail) = (Vec::new(), Vec::new());
            loop {
                let mut out = Vec::new();
                let done = value.print_on(&mut out, &mut trail, piece);
                all.extend(out);
                if done {
                    break;
                }
            }
            assert_eq!(String::from_utf8(all).unwrap(), text);
        }
        let mut out = Vec::new();
        parse(b"{\"a\":[1,{}]}").unwrap().print(&mut out, &Format { indent: b"..", newline: b"|", space: b"_" });
        assert_eq!(String::from_utf8(out).unwrap(), "{|..\"a\":_[|....1,|....{}|..]|}");
    }
}
