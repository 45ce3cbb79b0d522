//! Text to values, by serde_json, whose words for what is wrong are RedisJSON's.

use super::object::Object;
use super::value::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Returns the value that `text` spells. Fails, in serde_json's words, if it spells none, or something follows it, or it is
/// nested too deep.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// Returns the number that `text` spells. Fails if it spells none.
pub fn parse_number(text: &[u8]) -> Result<Value, String> {
    let number: serde_json::Number = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    Ok(match (number.as_i64(), number.as_u64()) {
        (Some(n), _) => Value::Int(n),
        (None, Some(n)) => Value::Big(n),
        (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
    })
}

/// Returns the string that the literal `text` means, quotes and escapes included.
pub fn parse_text(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder)
    }
}

/// Makes a value of what the reader finds.
struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Big(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        items.shrink_to_fit();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, value)) = map.next_entry::<Box<str>, Value>()? {
            pairs.push((key, value));
        }
        Ok(Value::Object(Object::from_pairs(pairs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::json::MAX_DEPTH;

    #[test]
    fn numbers_keep_their_kind_and_depth_has_an_end() {
        assert_eq!(parse(b"3"), Ok(Value::Int(3)));
        assert_eq!(parse(b"3.0"), Ok(Value::Float(3.0)));
        assert_eq!(parse(b"-0"), Ok(Value::Float(-0.0)));
        assert_eq!(parse(b"18446744073709551615"), Ok(Value::Big(u64::MAX)));
        assert_eq!(parse(b"18446744073709551616"), Ok(Value::Float(18446744073709551616.0)));
        assert_eq!(parse(b"bad"), Err("expected value at line 1 column 1".to_string()));
        assert_eq!(parse_number(b"1.5"), Ok(Value::Float(1.5)));
        let nested = |n: usize| [b"[".repeat(n), b"]".repeat(n)].concat();
        assert_eq!(parse(&nested(MAX_DEPTH)).map(|value| value.depth()), Ok(MAX_DEPTH));
        assert!(parse(&nested(MAX_DEPTH + 1)).unwrap_err().starts_with("recursion limit exceeded"));
    }
}
