//! One value of a document.

use super::object::Object;

/// A JSON value. Text owns its bytes; containers own their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// A greater one: above `i64::MAX`.
    Big(u64),
    /// Any other number; finite.
    Float(f64),
    Text(Box<str>),
    Array(Vec<Value>),
    Object(Object),
}

impl Value {
    /// The word `JSON.TYPE` answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::Big(_) => "integer",
            Value::Float(_) => "number",
            Value::Text(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// How many elements a container has.
    pub fn len(&self) -> Option<usize> {
        match self {
            Value::Array(items) => Some(items.len()),
            Value::Object(object) => Some(object.len()),
            _ => None,
        }
    }

    /// Whether it is a container with nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// A number as a float.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Big(n) => Some(*n as f64),
            Value::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// Text.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The value at place `at` of a container.
    pub fn child(&self, at: usize) -> Option<&Value> {
        match self {
            Value::Array(items) => items.get(at),
            Value::Object(object) => object.get_at(at).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value at place `at` of a container, to change.
    pub fn child_mut(&mut self, at: usize) -> Option<&mut Value> {
        match self {
            Value::Array(items) => items.get_mut(at),
            Value::Object(object) => object.get_at_mut(at),
            _ => None,
        }
    }

    /// The value where `places` lead from here.
    pub fn at_mut(&mut self, places: &[u32]) -> Option<&mut Value> {
        places.iter().try_fold(self, |value, place| value.child_mut(*place as usize))
    }

    /// Takes out what is at `places` of a container, which rise; in an object, the last key takes the place of one that goes.
    /// Returns how many there were.
    pub fn remove_children(&mut self, places: &[u32]) -> usize {
        match self {
            Value::Array(items) => {
                let before = items.len();
                let (mut at, mut places) = (0, places.iter().peekable());
                items.retain(|_| {
                    let goes = places.next_if_eq(&&at).is_some();
                    at += 1;
                    !goes
                });
                before - items.len()
            }
            // From the end on: what fills a place comes from behind.
            Value::Object(object) => places.iter().rev().filter_map(|at| object.remove_at(*at as usize)).count(),
            _ => 0,
        }
    }

    /// How many containers deep it is; 0 for a scalar.
    pub fn depth(&self) -> usize {
        match self {
            Value::Array(items) => 1 + items.iter().map(Value::depth).max().unwrap_or(0),
            Value::Object(object) => 1 + object.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// How many values it is, itself included.
    pub fn count(&self) -> usize {
        match self {
            Value::Array(items) => 1 + items.iter().map(Value::count).sum::<usize>(),
            Value::Object(object) => 1 + object.iter().map(|(_, value)| value.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// Bytes on the heap, without the value itself.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Array(items) => {
                items.capacity() * size_of::<Value>() + items.iter().map(Value::heap_bytes).sum::<usize>()
            }
            Value::Object(object) => object.heap_bytes(),
            _ => 0,
        }
    }

    /// Changes this value as the patch of RFC 7396 says: an object's nulls delete, its objects go on inside, all else replaces.
    pub fn merge(&mut self, patch: &Value) {
        let Value::Object(patch) = patch else {
            *self = patch.clone();
            return;
        };
        if !matches!(self, Value::Object(_)) {
            *self = Value::Object(Object::default());
        }
        let Value::Object(target) = self else { return };
        for (key, value) in patch.iter() {
            if let Value::Null = value {
                target.remove(key);
            } else {
                target.entry(key).merge(value);
            }
        }
    }
}
