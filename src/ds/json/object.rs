//! An object: keys and values in the order they came, with an index by name once there are many.

use super::value::Value;

/// Up to so many keys are searched one by one.
const FEW: usize = 16;

/// Keys with their values. The order is that of insertion, but that the last key fills the place of one that is removed.
#[derive(Clone, Debug, Default)]
pub struct Object {
    pairs: Vec<(Box<str>, Value)>,
    /// The places of all pairs in the order of their keys; empty while there are few.
    sorted: Vec<u32>,
}

impl PartialEq for Object {
    /// Whether both have the same keys with equal values, in whatever order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Object {
    /// Returns the object of `pairs`; of a key that comes again, the last value counts and the first place.
    pub fn from_pairs(mut pairs: Vec<(Box<str>, Value)>) -> Self {
        if pairs.len() <= FEW {
            let mut object = Object::default();
            for (key, value) in pairs {
                object.set(&key, value);
            }
            return object;
        }
        let mut sorted: Vec<u32> = (0..pairs.len() as u32).collect();
        sorted.sort_by(|a, b| pairs[*a as usize].0.cmp(&pairs[*b as usize].0));
        let same = |pairs: &[(Box<str>, Value)], a: u32, b: u32| pairs[a as usize].0 == pairs[b as usize].0;
        if sorted.windows(2).any(|pair| same(&pairs, pair[0], pair[1])) {
            // The sort keeps the order of equal keys: the value of each goes to the one before, from the last on.
            let mut gone = vec![false; pairs.len()];
            for rank in (1..sorted.len()).rev() {
                let (before, at) = (sorted[rank - 1], sorted[rank]);
                if same(&pairs, before, at) {
                    pairs[before as usize].1 = std::mem::take(&mut pairs[at as usize].1);
                    gone[at as usize] = true;
                }
            }
            let mut gone = gone.into_iter();
            pairs.retain(|_| !gone.next().unwrap_or(false));
            return Object::from_pairs(pairs);
        }
        pairs.shrink_to_fit();
        Object { pairs, sorted }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// All keys and values in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.pairs.iter().map(|(key, value)| (&**key, value))
    }

    /// Where `key` is: its place, or where it would go in the index.
    fn search(&self, key: &str) -> Result<usize, usize> {
        if self.sorted.is_empty() {
            return self.pairs.iter().position(|(k, _)| **k == *key).ok_or(0);
        }
        self.sorted
            .binary_search_by(|at| (*self.pairs[*at as usize].0).cmp(key))
            .map(|found| self.sorted[found] as usize)
    }

    /// The place of `key`.
    pub fn place(&self, key: &str) -> Option<usize> {
        self.search(key).ok()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).map(|at| &self.pairs[at].1)
    }

    /// The key and value at a place.
    pub fn get_at(&self, at: usize) -> Option<(&str, &Value)> {
        self.pairs.get(at).map(|(key, value)| (&**key, value))
    }

    /// The value at a place, to change.
    pub fn get_at_mut(&mut self, at: usize) -> Option<&mut Value> {
        self.pairs.get_mut(at).map(|(_, value)| value)
    }

    /// The value of `key`, null if it is new.
    pub fn entry(&mut self, key: &str) -> &mut Value {
        let at = match self.search(key) {
            Ok(at) => at,
            Err(rank) => {
                let at = self.pairs.len();
                self.pairs.push((key.into(), Value::Null));
                if !self.sorted.is_empty() {
                    self.sorted.insert(rank, at as u32);
                } else if at >= FEW {
                    self.build_index();
                }
                at
            }
        };
        &mut self.pairs[at].1
    }

    /// Gives `key` a value.
    pub fn set(&mut self, key: &str, value: Value) {
        *self.entry(key) = value;
    }

    fn build_index(&mut self) {
        self.sorted = (0..self.pairs.len() as u32).collect();
        self.sorted.sort_unstable_by(|a, b| self.pairs[*a as usize].0.cmp(&self.pairs[*b as usize].0));
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.place(key)?;
        self.remove_at(at)
    }

    /// Takes out the key at a place; the last one fills it.
    pub fn remove_at(&mut self, at: usize) -> Option<Value> {
        if at >= self.pairs.len() {
            return None;
        }
        if !self.sorted.is_empty() {
            self.unindex(at);
        }
        Some(self.pairs.swap_remove(at).1)
    }

    /// Brings the index to what it will be when place `at` is filled with the last pair.
    fn unindex(&mut self, at: usize) {
        let last = self.pairs.len() - 1;
        if last <= FEW {
            self.sorted = Vec::new();
            return;
        }
        let rank = |at: usize| {
            let key = &self.pairs[at].0;
            self.sorted.partition_point(|other| self.pairs[*other as usize].0 < *key)
        };
        let (gone, moved) = (rank(at), rank(last));
        self.sorted[moved] = at as u32;
        self.sorted.remove(gone);
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let inside: usize = self.pairs.iter().map(|(key, value)| key.len() + value.heap_bytes()).sum();
        self.pairs.capacity() * size_of::<(Box<str>, Value)>() + self.sorted.capacity() * size_of::<u32>() + inside
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
    fn of_a_key_that_comes_twice_the_first_place_and_the_last_value_count() {
        for many in [4, 40] {
            let pairs = (0..many).map(|n| (format!("{}", n % 3).into_boxed_str(), Value::Int(n))).collect();
            let object = Object::from_pairs(pairs);
            assert_eq!(object.iter().map(|(k, _)| k).collect::<Vec<_>>(), ["0", "1", "2"]);
            assert_eq!(object.get("0"), Some(&Value::Int((many - 1) / 3 * 3)));
        }
    }
}
