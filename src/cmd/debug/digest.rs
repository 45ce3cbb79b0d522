//! DEBUG DIGEST: the same data has the same digest, in whatever order it came. Redis's own: SHA-1 sums that are mixed one after the
//! other where order counts, and combined by exclusive or where it does not.

use crate::ds::listpack::Elem;
use crate::ds::stream::Id;
use crate::engine::entry::{Entry, Value};
use crate::engine::value::Object;
use crate::engine::{Ctx, Outcome};
use crate::rdb;
use sha1_smol::Sha1;

/// A sum being made.
#[derive(Default)]
struct Digest([u8; 20]);

impl Digest {
    /// Adds something whose place does not count.
    fn add(&mut self, bytes: &[u8]) {
        let sum = Sha1::from(bytes).digest().bytes();
        self.0.iter_mut().zip(sum).for_each(|(own, other)| *own ^= other);
    }

    /// Adds something whose place counts.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::from(self.0).digest().bytes();
    }

    fn mix_elem(&mut self, elem: Elem) {
        elem.with(|bytes| self.mix(bytes));
    }

    /// Adds a value with its type and whether it expires.
    fn value(&mut self, entry: &Entry) {
        self.mix(&type_number(entry).to_be_bytes());
        match entry.value() {
            Value::Text(text) => self.mix_elem(text),
            Value::Object(Object::List(list)) => list.iter().for_each(|elem| self.mix_elem(elem)),
            Value::Object(Object::Set(set)) => set.iter().for_each(|elem| elem.with(|bytes| self.add(bytes))),
            Value::Object(Object::Zset(zset)) => {
                zset.iter()
                    .for_each(|(member, score)| self.pair(member, Elem::Str(seventeen_digits(score).as_bytes())));
            }
            Value::Object(Object::Hash(hash)) => hash.iter().for_each(|(field, value)| self.pair(field, value)),
            Value::Object(Object::Stream(stream)) => {
                for entry in stream.range(Id::MIN, Id::MAX) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (field, value) in entry.pairs() {
                        self.mix_elem(field);
                        self.mix_elem(value);
                    }
                }
            }
            // The other types in the one form that is theirs.
            Value::Object(_) => self.mix(&rdb::dump(entry, 12)),
        }
        if entry.expire().is_some() {
            self.add(b"!!expire!!");
        }
    }

    fn pair(&mut self, first: Elem, second: Elem) {
        let mut pair = Digest::default();
        pair.mix_elem(first);
        pair.mix_elem(second);
        self.add(&pair.0);
    }

    fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The types as Redis numbers them.
fn type_number(entry: &Entry) -> u32 {
    match entry.value() {
        Value::Text(_) => 0,
        Value::Object(Object::List(_)) => 1,
        Value::Object(Object::Set(_)) => 2,
        Value::Object(Object::Zset(_)) => 3,
        Value::Object(Object::Hash(_)) => 4,
        Value::Object(Object::Stream(_)) => 6,
        Value::Object(_) => 5,
    }
}

/// A number as C prints it with `%.17g`.
fn seventeen_digits(n: f64) -> String {
    if !n.is_finite() {
        return if n.is_nan() {
            "nan"
        } else if n > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_string();
    }
    let scientific = format!("{n:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..17).contains(&exponent) {
        let decimals = (16 - exponent).unsigned_abs() as usize;
        return trimmed(&format!("{n:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

fn trimmed(number: &str) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        number.to_string()
    }
}

/// Answers the digest of all databases.
pub(super) fn all(c: &mut Ctx) -> Outcome {
    let mut digest = Digest::default();
    for db in 0..c.ks.db_count() {
        c.ks.in_db(db, |ks| {
            if !ks.is_empty() {
                digest.mix(&(db as u32).to_be_bytes());
            }
            for entry in ks.iter() {
                let mut key = Digest::default();
                key.mix(crate::ds::dict::Keyed::key(entry));
                key.value(entry);
                digest.add(&key.0);
            }
        });
    }
    c.out.simple(&digest.text());
    Ok(())
}

/// Answers the digest of the value of each key; zeros where there is none.
pub(super) fn values(c: &mut Ctx) -> Outcome {
    let keys = &c.argv[2..];
    c.out.array(keys.len());
    for key in keys {
        let mut digest = Digest::default();
        if let Some(entry) = c.ks.peek(key) {
            digest.value(entry);
        }
        c.out.simple(&digest.text());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::seventeen_digits;

    #[test]
    fn numbers_have_seventeen_digits() {
        for (n, want) in [
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (1.5e-7, "1.4999999999999999e-07"),
            (f64::INFINITY, "inf"),
            (0.0, "0"),
            (1e16, "10000000000000000"),
        ] {
            assert_eq!(seventeen_digits(n), want);
        }
    }
}
