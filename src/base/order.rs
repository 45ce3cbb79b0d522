//! Putting things in order. The standard sort is compiled anew for every type and order it meets, 17 to 30 KB each in wasm; here it is
//! compiled once, for the positions of things.

use std::cmp::Ordering;
use std::ops::Range;

/// Sorts `items` by `key`, ascending; equals stay in their order. Takes a copy of the keys.
pub fn by_key<T>(items: &mut Vec<T>, key: impl Fn(&T) -> u64) {
    let keys: Vec<u64> = items.iter().map(key).collect();
    arrange(items, &|a, b| keys[a].cmp(&keys[b]));
}

/// Sorts `items` by their bytes.
pub fn by_bytes<T: AsRef<[u8]>>(items: &mut Vec<T>) {
    let all = std::mem::take(items);
    let order = positions(all.len(), 0..all.len(), &|a, b| all[a].as_ref().cmp(all[b].as_ref()));
    take(all, &order, items);
}

/// Returns the positions of `n` things that come to lie in `range` when they are ordered, in that order; equals stay in theirs. What is
/// not wanted is not sorted.
pub fn positions(n: usize, range: Range<usize>, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    if range.is_empty() {
        return Vec::new();
    }
    let order = |a: &usize, b: &usize| order(*a, *b).then(a.cmp(b));
    if range.end < n {
        all.select_nth_unstable_by(range.end, order);
        all.truncate(range.end);
    }
    if range.start > 0 {
        all.select_nth_unstable_by(range.start, order);
        all.drain(..range.start);
    }
    all.sort_unstable_by(order);
    all
}

fn arrange<T>(items: &mut Vec<T>, order: &dyn Fn(usize, usize) -> Ordering) {
    let order = positions(items.len(), 0..items.len(), order);
    take(std::mem::take(items), &order, items);
}

/// Moves the things at `positions`, each there once, to `to`.
fn take<T>(from: Vec<T>, positions: &[usize], to: &mut Vec<T>) {
    let mut from: Vec<Option<T>> = from.into_iter().map(Some).collect();
    to.extend(positions.iter().filter_map(|at| from[*at].take()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_keeps_equals_in_their_order() {
        let mut words = vec!["ccc", "a", "bb", "b", "", "aa"];
        by_key(&mut words, |word| word.len() as u64);
        assert_eq!(words, ["", "a", "b", "bb", "aa", "ccc"]);
        let mut one = vec![()];
        by_key(&mut one, |()| 7);
        assert_eq!(one.len(), 1);
        by_bytes(&mut words);
        assert_eq!(words, ["", "a", "aa", "b", "bb", "ccc"]);
    }

    #[test]
    fn a_range_is_what_a_full_sort_has_there() {
        let mut rng = crate::base::rng::Rng::new(4);
        for len in 0..40 {
            let items: Vec<usize> = (0..len).map(|_| rng.below(20)).collect();
            let mut sorted: Vec<usize> = (0..len).collect();
            sorted.sort_by_key(|at| items[*at]);
            for start in 0..=len {
                for end in start..=len {
                    assert_eq!(positions(len, start..end, &|a, b| items[a].cmp(&items[b])), sorted[start..end]);
                }
            }
        }
    }
}
