//! An object: keys and values in the order they came, with an index by name once there are many.

use super::value::Value;
use crate::ds::tree::Tree;
use std::fmt;

/// Up to so many keys are searched one by one.
const FEW: usize = 16;

/// Keys with their values. The order is that of insertion, but that the last key fills the place of one that is removed. Behind
/// one pointer, so that values of other types stay small.
#[derive(Clone, Default)]
pub struct Object(Box<Inner>);

#[derive(Clone, Default)]
struct Inner {
    pairs: Vec<(Box<str>, Value)>,
    /// The places of all pairs in the order of their keys; none while there are few.
    index: Option<Tree<u32>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Object {
    /// Whether both have the same keys with equal values, in whatever order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Object {
    /// Returns the object of `pairs`; of a key that comes again, the last value counts and the first place.
    pub fn from_pairs(pairs: Vec<(Box<str>, Value)>) -> Self {
        let mut object = Object::default();
        if pairs.len() > FEW {
            let mut sorted: Vec<u32> = (0..pairs.len() as u32).collect();
            let key = |at: u32| &pairs[at as usize].0;
            sorted.sort_unstable_by(|a, b| key(*a).cmp(key(*b)));
            if sorted.windows(2).all(|two| key(two[0]) != key(two[1])) {
                object.0.index = Some(Tree::from_sorted(sorted));
                object.0.pairs = pairs;
                object.0.pairs.shrink_to_fit();
                return object;
            }
        }
        for (key, value) in pairs {
            object.set(&key, value);
        }
        object.0.pairs.shrink_to_fit();
        object
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.pairs.is_empty()
    }

    /// All keys and values in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.pairs.iter().map(|(key, value)| (&**key, value))
    }

    /// The place of `key`.
    pub fn place(&self, key: &str) -> Option<usize> {
        let pairs = &self.0.pairs;
        match &self.0.index {
            None => pairs.iter().position(|(other, _)| **other == *key),
            Some(index) => index.find(|at| (*pairs[*at as usize].0).cmp(key)).map(|at| at as usize),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).map(|at| &self.0.pairs[at].1)
    }

    /// The key and value at a place.
    pub fn get_at(&self, at: usize) -> Option<(&str, &Value)> {
        self.0.pairs.get(at).map(|(key, value)| (&**key, value))
    }

    /// The value at a place, to change.
    pub fn get_at_mut(&mut self, at: usize) -> Option<&mut Value> {
        self.0.pairs.get_mut(at).map(|(_, value)| value)
    }

    /// The value of `key`, null if it is new.
    pub fn entry(&mut self, key: &str) -> &mut Value {
        let at = self.place(key).unwrap_or_else(|| self.push(key));
        &mut self.0.pairs[at].1
    }

    /// Adds a key that is not there. Returns its place.
    fn push(&mut self, key: &str) -> usize {
        let Inner { pairs, index } = &mut *self.0;
        let at = pairs.len();
        pairs.push((key.into(), Value::Null));
        match index {
            Some(index) => _ = index.insert(at as u32, |other| (*pairs[*other as usize].0).cmp(key)),
            None if at < FEW => {}
            None => {
                let mut sorted: Vec<u32> = (0..=at as u32).collect();
                sorted.sort_unstable_by(|a, b| pairs[*a as usize].0.cmp(&pairs[*b as usize].0));
                *index = Some(Tree::from_sorted(sorted));
            }
        }
        at
    }

    /// Gives `key` a value.
    pub fn set(&mut self, key: &str, value: Value) {
        *self.entry(key) = value;
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.place(key)?;
        self.remove_at(at)
    }

    /// Takes out the key at a place; the last one fills it.
    pub fn remove_at(&mut self, at: usize) -> Option<Value> {
        let Inner { pairs, index } = &mut *self.0;
        let last = pairs.len().checked_sub(1).filter(|last| at <= *last)?;
        if last <= FEW {
            *index = None;
        }
        if let Some(index) = index {
            let by_key = |key: usize| {
                let pairs = &*pairs;
                move |other: &u32| pairs[*other as usize].0.cmp(&pairs[key].0)
            };
            index.remove(by_key(at));
            if at != last {
                index.replace(at as u32, by_key(last));
            }
        }
        Some(pairs.swap_remove(at).1)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let inside: usize = self.0.pairs.iter().map(|(key, value)| key.len() + value.heap_bytes()).sum();
        let index = self.0.index.as_ref().map_or(0, Tree::heap_bytes);
        size_of::<Inner>() + self.0.pairs.capacity() * size_of::<(Box<str>, Value)>() + index + inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn the_index_agrees_with_the_pairs_through_all_changes() {
        let mut rng = Rng::new(3);
        let (mut object, mut model) = (Object::default(), Vec::<(String, i64)>::new());
        for n in 0..5_000i64 {
            let key = format!("k{}", rng.below(60));
            let at = model.iter().position(|(k, _)| *k == key);
            if rng.below(5) < 3 {
                object.set(&key, Value::Int(n));
                match at {
                    Some(at) => model[at].1 = n,
                    None => model.push((key, n)),
                }
            } else {
                assert_eq!(object.remove(&key).is_some(), at.is_some());
                at.map(|at| model.swap_remove(at));
            }
            let pairs: Vec<_> = object.iter().map(|(k, v)| (k.to_string(), v.number().unwrap() as i64)).collect();
            assert_eq!(pairs, model);
            assert!(model.iter().all(|(k, n)| object.get(k) == Some(&Value::Int(*n))));
        }
    }

    #[test]
    fn values_are_small() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn of_a_key_that_comes_twice_the_first_place_and_the_last_value_count() {
        for many in [4, 40] {
            let pairs = (0..many).map(|n| (format!("{}", n % 3).into_boxed_str(), Value::Int(n))).collect();
            let object = Object::from_pairs(pairs);
            assert_eq!(object.iter().map(|(k, _)| k).collect::<Vec<_>>(), ["0", "1", "2"]);
            assert_eq!(object.get("0"), Some(&Value::Int((many - 1) / 3 * 3)));
        }
    }
}
