//! The forms of parameters' values: reading them, refusing what is none in Redis's words, and the one way they are shown.

use crate::base::num;

/// The form of a parameter's values.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// An integer from … to ….
    Int(i64, i64),
    /// An octal number up to ….
    Octal(u32),
    /// Bytes, with an optional unit, from … to ….
    Memory(i64, i64),
    /// Bytes, with an optional unit, as many as 64 bits can say.
    Bytes,
    /// Bytes, or a percentage of `maxmemory`.
    Share,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Any text.
    Text,
    /// What the function makes of the new text, given the old one; it fails with the reason.
    Special(fn(new: &str, old: &str) -> Result<String, String>),
    /// The same for a value of several words, divided by single spaces.
    Words(fn(new: &[&str], old: &str) -> Result<String, String>),
}

/// The largest `int`, `unsigned int` and `long long` of Redis.
pub const INT: i64 = i32::MAX as i64;
pub const UINT: i64 = u32::MAX as i64;
pub const LONG: i64 = i64::MAX;
pub const PORT: Kind = Kind::Int(0, 65535);
pub const COUNT: Kind = Kind::Int(0, LONG);
pub const POSITIVE_INT: Kind = Kind::Int(1, INT);
pub const ANY_INT: Kind = Kind::Int(0, INT);
pub const PERMISSION: Kind = Kind::Enum(&["no", "yes", "local"]);

const NOT_INTEGER: &str = "argument couldn't be parsed into an integer";
const NOT_MEMORY: &str = "argument must be a memory value";
const NOT_SHARE: &str = "argument must be a memory or percent value";

impl Kind {
    /// Returns `value` in its one canonical form. Fails with what is wrong with it.
    pub fn check(&self, value: &[u8], old: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, String> {
        let text = String::from_utf8_lossy(value);
        let old = || String::from_utf8_lossy(&old()).into_owned();
        let checked = match self {
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                word @ ("yes" | "no") => word.to_string(),
                _ => return Err("argument must be 'yes' or 'no'".to_string()),
            },
            Kind::Int(min, max) => {
                let n = num::parse_i64(value).ok_or(NOT_INTEGER)?;
                within(n, *min, *max)?
            }
            Kind::Octal(max) => octal(&text, *max)?,
            Kind::Memory(min, max) => {
                let n = memory(&text).ok_or(NOT_MEMORY)?;
                within(i64::try_from(n).unwrap_or(-1), *min, *max)?
            }
            Kind::Bytes => memory(&text).ok_or(NOT_MEMORY)?.to_string(),
            Kind::Share => share(&text)?,
            Kind::Enum(words) => one_of(words, &text)?.to_string(),
            Kind::Text => return Ok(value.to_vec()),
            Kind::Special(check) => check(&text, &old())?,
            Kind::Words(check) => {
                let words: Vec<&str> = text.split(' ').filter(|_| !text.is_empty()).collect();
                check(&words, &old())?
            }
        };
        Ok(checked.into_bytes())
    }
}

fn one_of(words: &[&'static str], text: &str) -> Result<&'static str, String> {
    let word = words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied();
    word.ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}

fn within(n: i64, min: i64, max: i64) -> Result<String, String> {
    if (min..=max).contains(&n) {
        Ok(n.to_string())
    } else {
        Err(format!("argument must be between {min} and {max} inclusive"))
    }
}

fn octal(text: &str, max: u32) -> Result<String, String> {
    let n = i64::from_str_radix(text.trim_start(), 8).ok().filter(|n| i32::try_from(*n).is_ok());
    let n = n.ok_or("argument couldn't be parsed as an octal number")?;
    match u32::try_from(n) {
        Ok(n) if n <= max => Ok(format!("{n:o}")),
        _ => Err(format!("argument must be between 0 and {max:o} inclusive")),
    }
}

/// Returns the bytes that `text` says: a number and `b`, `k`, `kb`, `m`, `mb`, `g` or `gb` (powers of 1000 without the b). No
/// digits are zero, too many the most that 64 bits can say.
pub fn memory(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    let number = if number.is_empty() { 0 } else { number.parse().unwrap_or(u64::MAX) };
    (digits < 128).then(|| number.wrapping_mul(unit))
}

fn share(text: &str) -> Result<String, String> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent = num::parse_i64(percent.as_bytes()).filter(|n| *n >= 0).ok_or(NOT_SHARE)?;
        return percentage(percent.unsigned_abs());
    }
    let n = memory(text).ok_or(NOT_SHARE)?;
    // Redis keeps both in one signed number, so what is too large for it counts as a percentage.
    let signed = n as i64;
    if signed < 0 { percentage(signed.unsigned_abs()) } else { Ok(n.to_string()) }
}

fn percentage(percent: u64) -> Result<String, String> {
    match percent {
        0 => Ok("0".to_string()),
        1..=100 => Ok(format!("{percent}%")),
        _ => Err("percentage argument must be less or equal to 100".to_string()),
    }
}

/// Reads an integer as C's strtoll does: spaces before it and a plus are fine, nothing is zero. Nothing if something follows.
pub fn loose_int(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// The numbers, divided by spaces.
pub fn joined(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Any words.
pub fn any_words(new: &[&str], _old: &str) -> Result<String, String> {
    Ok(new.join(" "))
}

/// A file's name without folders; `what` says which.
pub fn file_name(what: &str, new: &str) -> Result<String, String> {
    if new.contains('/') { Err(what.to_string()) } else { Ok(new.to_string()) }
}

/// A checked number.
pub fn number(value: &[u8]) -> i64 {
    num::parse_i64(value).unwrap_or_default()
}

/// The unsigned types of the engine's numbers.
pub trait Unsigned: TryFrom<u64> {
    /// The largest.
    const MAX: Self;
}

macro_rules! unsigned {
    ($($of:ty)*) => { $(impl Unsigned for $of { const MAX: Self = <$of>::MAX; })* };
}
unsigned!(u16 u32 u64 usize);

/// A checked number, or the largest if this machine cannot hold it.
pub fn unsigned<T: Unsigned>(value: &[u8]) -> T {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    T::try_from(number).unwrap_or(T::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_units() {
        for (text, want) in [
            ("1", Some(1)),
            ("5b", Some(5)),
            ("1k", Some(1000)),
            ("1KB", Some(1024)),
            ("2mb", Some(2 << 20)),
            ("3G", Some(3_000_000_000)),
            ("", Some(0)),
            ("k", Some(0)),
            ("-1", None),
            ("1x", None),
            ("1.5gb", None),
            ("99999999999999999999", Some(u64::MAX)),
        ] {
            assert_eq!(memory(text), want, "{text}");
        }
    }

    #[test]
    fn octal_numbers_are_shown_as_such() {
        assert_eq!(octal("700", 0o777), Ok("700".to_string()));
        assert_eq!(octal("-1", 0o777), Err("argument must be between 0 and 777 inclusive".to_string()));
        assert_eq!(octal("8", 0o777), Err("argument couldn't be parsed as an octal number".to_string()));
    }

    #[test]
    fn a_share_is_bytes_or_a_percentage() {
        for (text, want) in
            [("5%", Some("5%")), ("0%", Some("0")), ("1kb", Some("1024")), ("101%", None), ("05%", None)]
        {
            assert_eq!(share(text).ok().as_deref(), want, "{text}");
        }
    }
}
