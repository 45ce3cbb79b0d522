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
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Int(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
            Value::Big(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
            Value::Float(f) => out.extend_from_slice(fmt_f64(*f).as_bytes()),
            Value::Text(text) => print_text(out, text),
            Value::Array(items) if items.is_empty() => out.extend_from_slice(b"[]"),
            Value::Object(object) if object.is_empty() => out.extend_from_slice(b"{}"),
            Value::Array(items) => {
                out.push(b'[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    format.line(out, level + 1);
                    item.print_at(out, format, level + 1);
                }
                format.line(out, level);
                out.push(b']');
            }
            Value::Object(object) => {
                out.push(b'{');
                for (n, (key, value)) in object.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    format.line(out, level + 1);
                    print_text(out, key);
                    out.push(b':');
                    out.extend_from_slice(format.space);
                    value.print_at(out, format, level + 1);
                }
                format.line(out, level);
                out.push(b'}');
            }
        }
    }
}

/// Appends a string with its quotes; what JSON demands is escaped, nothing else.
pub(super) fn print_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
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
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        plain = at + 1;
        match short {
            0 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            short => out.extend_from_slice(&[b'\\', short]),
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    out.push(b'"');
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
        let mut out = Vec::new();
        parse(b"{\"a\":[1,{}]}").unwrap().print(&mut out, &Format { indent: b"..", newline: b"|", space: b"_" });
        assert_eq!(String::from_utf8(out).unwrap(), "{|..\"a\":_[|....1,|....{}|..]|}");
    }
}
