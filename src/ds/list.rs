//! The list value: one listpack while small, then a row of them.

use super::listpack::{self, Elem, Listpack};
pub use super::quicklist::{End, Node};
use super::quicklist::{Limit, Quick, cut, edge, push, remove_from};
use crate::base::heap::block;
use std::collections::{VecDeque, vec_deque};

/// A list of byte strings, cheap at both ends and cut into nodes of bounded size in between.
///
/// Every change takes `limit`, the setting `list-max-listpack-size`: -1 to -5 bound a node to 4, 8, 16, 32 or 64 KB; 0 and
/// above bound it to so many elements (0 counts as 1) and to 8,192 bytes. The rules are those of Redis 7.2:
/// - A list starts as one listpack. Before elements are added (or one is set), their text lengths are added to its bytes
///   and their number to its length; if that is beyond the limit, it becomes the first node of a quicklist.
/// - A node takes an element if its bytes, the text and 8 more are within the limit. Text longer than a node's bytes lives
///   alone in a plain node (7.4's rule; 7.2 did so from 1 GiB on).
/// - After elements were removed or set, a quicklist of one node, not a plain one, becomes a listpack again if that has at
///   most half the limit: of the bytes if the limit is negative, of the elements otherwise. A loaded one if it is within it.
#[derive(Clone, Debug)]
pub struct List(Shape);

#[derive(Clone, Debug)]
enum Shape {
    Pack(Listpack),
    Quick(Box<Quick>),
}

impl List {
    /// Returns an empty list.
    pub fn new() -> Self {
        List(Shape::Pack(Listpack::new()))
    }

    /// Returns the elements of `pack` as a list.
    pub fn from_listpack(pack: Listpack, limit: i32) -> Self {
        let mut list = List(Shape::Pack(pack));
        list.make_room(0, 0, limit);
        list
    }

    /// Returns the elements of `nodes` as a list, which keeps them as they are. Skips empty ones.
    pub fn from_nodes(nodes: impl IntoIterator<Item = Node>, limit: i32) -> Self {
        let nodes: VecDeque<Node> = nodes.into_iter().filter(|node| !node.is_empty()).collect();
        let len = nodes.iter().map(Node::len).sum();
        let mut list = List(Shape::Quick(Box::new(Quick { nodes, len })));
        list.become_pack_within(limit, 1);
        list
    }

    /// Returns the nodes as RDB carries them: whether it is a plain one, and its bytes.
    pub fn nodes(&self) -> impl Iterator<Item = (bool, &[u8])> {
        self.nodes_from(0)
    }

    /// Returns the nodes as [`List::nodes`] does, but for the first `n`.
    pub fn nodes_from(&self, n: usize) -> impl Iterator<Item = (bool, &[u8])> {
        let (pack, nodes) = match &self.0 {
            Shape::Pack(pack) => (Some((false, pack.as_bytes())).filter(|_| n == 0), None),
            Shape::Quick(quick) => (None, Some(quick.nodes.range(n.min(quick.nodes.len())..))),
        };
        pack.into_iter().chain(nodes.into_iter().flatten().map(|node| match node {
            Node::Pack(pack) => (false, pack.as_bytes()),
            Node::Plain(text) => (true, &text[..]),
        }))
    }

    /// Returns the number of nodes.
    pub fn node_count(&self) -> usize {
        match &self.0 {
            Shape::Pack(_) => 1,
            Shape::Quick(quick) => quick.nodes.len(),
        }
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            Shape::Pack(pack) => pack.len(),
            Shape::Quick(quick) => quick.len,
        }
    }

    /// Returns whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the word of `OBJECT ENCODING`.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Shape::Pack(_) => "listpack",
            Shape::Quick(_) => "quicklist",
        }
    }

    /// Returns the bytes taken on the heap, slack included.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Shape::Pack(pack) => pack.heap_bytes(),
            Shape::Quick(quick) => {
                let own = block(size_of::<Quick>()) + block(quick.nodes.capacity() * size_of::<Node>());
                quick.nodes.iter().fold(own, |sum, node| match node {
                    Node::Pack(pack) => sum + pack.heap_bytes(),
                    Node::Plain(text) => sum + block(text.len()),
                })
            }
        }
    }

    /// Frees up to `count` nodes of a list that nobody will look into any more. Returns whether some are left.
    pub fn wither(&mut self, count: usize) -> bool {
        let Shape::Quick(quick) = &mut self.0 else { return false };
        quick.nodes.truncate(quick.nodes.len().saturating_sub(count));
        !quick.nodes.is_empty()
    }

    /// Adds `text` at `end`.
    pub fn push(&mut self, end: End, text: &[u8], limit: i32) {
        self.push_all(end, std::iter::once(text), limit);
    }

    /// Adds `texts` at `end`, one after another. Not the same as so many pushes: Redis decides once, before the first,
    /// whether a listpack still does.
    pub fn push_all<'a>(&mut self, end: End, texts: impl Iterator<Item = &'a [u8]> + Clone, limit: i32) {
        let (bytes, count) = texts.clone().fold((0, 0), |(bytes, count), text| (bytes + text.len(), count + 1));
        self.make_room(bytes, count, limit);
        match &mut self.0 {
            Shape::Pack(pack) => texts.for_each(|text| push(pack, end, text)),
            Shape::Quick(quick) => texts.for_each(|text| quick.push(end, text, Limit::of(limit))),
        }
    }

    /// Adds `text` before the first element.
    pub fn push_front(&mut self, text: &[u8], limit: i32) {
        self.push(End::Front, text, limit);
    }

    /// Adds `text` after the last element.
    pub fn push_back(&mut self, text: &[u8], limit: i32) {
        self.push(End::Back, text, limit);
    }

    /// Returns the element at `end`.
    pub fn peek(&self, end: End) -> Option<Elem<'_>> {
        match &self.0 {
            Shape::Pack(pack) => Some(pack.get(edge(pack, end)?)),
            Shape::Quick(quick) => match quick.end_node(end)? {
                Node::Pack(pack) => Some(pack.get(edge(pack, end)?)),
                Node::Plain(text) => Some(Elem::Str(text)),
            },
        }
    }

    /// Returns the first element.
    pub fn front(&self) -> Option<Elem<'_>> {
        self.peek(End::Front)
    }

    /// Returns the last element.
    pub fn back(&self) -> Option<Elem<'_>> {
        self.peek(End::Back)
    }

    /// Removes the element at `end`, which [`peek`](Self::peek) shows without a copy. Returns whether there was one.
    pub fn drop_end(&mut self, end: End, limit: i32) -> bool {
        match &mut self.0 {
            Shape::Pack(pack) => match edge(pack, end) {
                Some(pos) => {
                    pack.remove(pos);
                    true
                }
                None => false,
            },
            Shape::Quick(quick) => {
                let dropped = quick.drop_end(end).is_some();
                self.become_pack_within(limit, 2);
                dropped
            }
        }
    }

    /// Removes the element at `end` and returns its text.
    pub fn pop(&mut self, end: End, limit: i32) -> Option<Vec<u8>> {
        if let Shape::Quick(quick) = &mut self.0
            && let Some(Node::Plain(_)) = quick.end_node(end)
        {
            let text = quick.drop_end(end)?;
            self.become_pack_within(limit, 2);
            return text.map(Vec::from);
        }
        let text = self.peek(end)?.to_vec();
        self.drop_end(end, limit);
        Some(text)
    }

    /// Removes the first element and returns its text.
    pub fn pop_front(&mut self, limit: i32) -> Option<Vec<u8>> {
        self.pop(End::Front, limit)
    }

    /// Removes the last element and returns its text.
    pub fn pop_back(&mut self, limit: i32) -> Option<Vec<u8>> {
        self.pop(End::Back, limit)
    }

    /// Returns the element at `index`, counted from 0, or from the end when negative (-1 is the last).
    pub fn get(&self, index: i64) -> Option<Elem<'_>> {
        match &self.0 {
            Shape::Pack(pack) => Some(pack.get(pack.at(index)?)),
            Shape::Quick(quick) => {
                let (node, within) = quick.locate(index)?;
                match &quick.nodes[node] {
                    Node::Pack(pack) => Some(pack.get(pack.at(within)?)),
                    Node::Plain(text) => Some(Elem::Str(text)),
                }
            }
        }
    }

    /// Puts `text` in the place of the element at `index` (as in [`get`](Self::get)). Returns whether there was one.
    pub fn set(&mut self, index: i64, text: &[u8], limit: i32) -> bool {
        self.make_room(text.len(), 1, limit);
        let done = match &mut self.0 {
            Shape::Pack(pack) => pack.at(index).map(|pos| {
                pack.replace(pos, text);
            }),
            Shape::Quick(quick) => {
                quick.locate(index).map(|(node, within)| quick.replace(node, within, text, Limit::of(limit)))
            }
        };
        if done.is_some() {
            self.become_pack_within(limit, 2);
        }
        done.is_some()
    }

    /// Adds `text` before, or after, the first element that reads `pivot`. Returns whether there is one.
    pub fn insert(&mut self, pivot: &[u8], before: bool, text: &[u8], limit: i32) -> bool {
        self.make_room(text.len(), 1, limit); // even if there is no pivot, as in Redis
        match &mut self.0 {
            Shape::Pack(pack) => match pack.find(pivot, 0, pack.first()) {
                Some(pos) => {
                    if before {
                        pack.insert_before(pos, text)
                    } else {
                        pack.insert_after(pos, text)
                    };
                    true
                }
                None => false,
            },
            Shape::Quick(quick) => match quick.find(pivot) {
                Some((node, pos)) => {
                    quick.insert(node, pos, before, text, Limit::of(limit));
                    true
                }
                None => false,
            },
        }
    }

    /// Removes elements that read `text`: `count` of them from the front, or from the back when negative, or all when 0.
    /// Returns how many.
    pub fn remove(&mut self, count: i64, text: &[u8], limit: i32) -> usize {
        let most = if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
        let end = if count < 0 { End::Back } else { End::Front };
        match &mut self.0 {
            Shape::Pack(pack) => remove_from(pack, end, most, text),
            Shape::Quick(quick) => {
                let removed = quick.remove(end, most, text);
                self.become_pack_within(limit, 2);
                removed
            }
        }
    }

    /// Removes all elements but the `len` from index `start` on. Whole nodes go at once.
    pub fn trim(&mut self, start: usize, len: usize, limit: i32) {
        let before = start.min(self.len());
        let after = (self.len() - before).saturating_sub(len);
        match &mut self.0 {
            Shape::Pack(pack) => {
                cut(pack, End::Back, after);
                cut(pack, End::Front, before);
            }
            Shape::Quick(quick) => {
                quick.cut(End::Back, after);
                quick.cut(End::Front, before);
                self.become_pack_within(limit, 2);
            }
        }
    }

    /// Iterates over up to `count` elements from index `start` on.
    pub fn range(&self, start: usize, count: usize) -> Range<'_> {
        Range::new(self, End::Front, start, count)
    }

    /// Iterates backwards over up to `count` elements, after skipping `skip` at the end: `range_rev(0, 1)` is the last.
    pub fn range_rev(&self, skip: usize, count: usize) -> Range<'_> {
        Range::new(self, End::Back, skip, count)
    }

    /// Iterates over all elements.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, usize::MAX)
    }

    /// Iterates over all elements backwards.
    pub fn iter_rev(&self) -> Range<'_> {
        self.range_rev(0, usize::MAX)
    }

    /// Makes a listpack a quicklist if with `count` more elements of `bytes` bytes of text it is beyond the limit.
    fn make_room(&mut self, bytes: usize, count: usize, limit: i32) {
        let Shape::Pack(pack) = &mut self.0 else { return };
        if !Limit::of(limit).allows(pack.byte_len() + bytes, pack.len() + count) {
            let len = pack.len();
            let nodes = if len == 0 { VecDeque::new() } else { VecDeque::from([Node::Pack(std::mem::take(pack))]) };
            self.0 = Shape::Quick(Box::new(Quick { nodes, len }));
        }
    }

    /// Makes a quicklist of one node a listpack if that has at most the limit divided by `share`.
    fn become_pack_within(&mut self, limit: i32, share: usize) {
        if let Shape::Quick(quick) = &mut self.0
            && quick.nodes.len() == 1
            && let Some(Node::Pack(pack)) = quick.nodes.front_mut()
            && Limit::of(limit).allows_pack(pack, share)
        {
            self.0 = Shape::Pack(std::mem::take(pack));
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = Elem<'a>;
    type IntoIter = Range<'a>;
    fn into_iter(self) -> Range<'a> {
        self.iter()
    }
}

/// Iterates over some elements of a [`List`], in either direction.
#[derive(Clone)]
pub struct Range<'a> {
    /// Where it starts; it moves towards the other end.
    from: End,
    here: Here<'a>,
    rest: vec_deque::Iter<'a, Node>,
    left: usize,
}

/// What is left of the node an iterator is in.
#[derive(Clone)]
enum Here<'a> {
    Pack(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Range<'a> {
    fn new(list: &'a List, from: End, skip: usize, count: usize) -> Self {
        let left = count.min(list.len().saturating_sub(skip));
        let mut range = Range { from, here: Here::Plain(None), rest: Default::default(), left };
        if left == 0 {
            return range;
        }
        match &list.0 {
            Shape::Pack(pack) => range.enter(pack, skip),
            Shape::Quick(quick) => {
                range.rest = quick.nodes.iter();
                let mut skip = skip;
                while let Some(node) = range.next_node() {
                    match node {
                        Node::Pack(pack) if skip < pack.len() => {
                            range.enter(pack, skip);
                            break;
                        }
                        Node::Plain(text) if skip == 0 => {
                            range.here = Here::Plain(Some(text));
                            break;
                        }
                        _ => skip -= node.len(),
                    }
                }
            }
        }
        range
    }

    fn next_node(&mut self) -> Option<&'a Node> {
        match self.from {
            End::Front => self.rest.next(),
            End::Back => self.rest.next_back(),
        }
    }

    fn enter(&mut self, pack: &'a Listpack, skip: usize) {
        let iter = match self.from {
            End::Front => pack.at(skip as i64).map(|pos| pack.iter_from(pos)),
            End::Back => pack.at(-1 - skip as i64).map(|pos| pack.iter_through(pos)),
        };
        self.here = iter.map_or(Here::Plain(None), Here::Pack);
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Elem<'a>;

    fn next(&mut self) -> Option<Elem<'a>> {
        if self.left == 0 {
            return None;
        }
        loop {
            let elem = match (&mut self.here, self.from) {
                (Here::Pack(iter), End::Front) => iter.next(),
                (Here::Pack(iter), End::Back) => iter.next_back(),
                (Here::Plain(text), _) => text.take().map(Elem::Str),
            };
            if elem.is_some() {
                self.left -= 1;
                return elem;
            }
            self.here = match self.next_node()? {
                Node::Pack(pack) => Here::Pack(pack.iter()),
                Node::Plain(text) => Here::Plain(Some(text)),
            };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Range<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::ds::listpack::tests::text;

    const LIMITS: [i32; 8] = [-2, -1, 1, 3, 128, 0, -5, 1000];

    fn check(list: &List, model: &VecDeque<Vec<u8>>, limit: i32) {
        assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(list.iter().count(), model.len());
        assert!(list.iter().zip(model).all(|(e, m)| e.is(m)));
        assert!(list.iter_rev().zip(model.iter().rev()).all(|(e, m)| e.is(m)));
        assert_eq!(list.front().map(Elem::to_vec).as_ref(), model.front());
        assert_eq!(list.back().map(Elem::to_vec).as_ref(), model.back());
        let most = Limit::of(limit);
        for (plain, raw) in list.nodes() {
            if plain {
                assert!(raw.len() > most.bytes);
            } else {
                let pack = Listpack::from_bytes(raw.to_vec()).unwrap();
                // A listpack is measured before an entry's overhead is known; a lone element may fill its node.
                assert!(pack.len() <= 1 || most.allows(pack.byte_len().saturating_sub(10), pack.len()));
                assert!(!pack.is_empty() || model.is_empty());
            }
        }
        let nodes = list.nodes().map(|(plain, raw)| match plain {
            true => Node::Plain(raw.into()),
            false => Node::Pack(Listpack::from_bytes(raw.to_vec()).unwrap()),
        });
        assert!(List::from_nodes(nodes, limit).iter().eq(list.iter()));
    }

    /// Returns an element's text: usually few different ones, so that pivots and victims exist.
    fn some_text(rng: &mut Rng, longest: usize) -> Vec<u8> {
        if rng.below(2) == 0 { rng.below(8).to_string().into_bytes() } else { text(rng, longest) }
    }

    fn step(rng: &mut Rng, list: &mut List, model: &mut VecDeque<Vec<u8>>, limit: i32, longest: usize) {
        let t = some_text(rng, longest);
        let i = rng.below(model.len() + 2);
        let index = if rng.below(2) == 0 { i as i64 } else { i as i64 - model.len() as i64 - 1 };
        let flat = |len: usize| if index < 0 { (index + len as i64) as usize } else { index as usize };
        match rng.below(30) {
            0..=8 => {
                list.push_back(&t, limit);
                model.push_back(t);
            }
            9..=12 => {
                list.push_front(&t, limit);
                model.push_front(t);
            }
            13 => assert_eq!(list.pop_front(limit), model.pop_front()),
            14 => assert_eq!(list.pop_back(limit), model.pop_back()),
            15 => assert_eq!(list.drop_end(End::Back, limit), model.pop_back().is_some()),
            16..=19 => {
                let at = flat(model.len());
                let slot = model.get_mut(at);
                assert_eq!(list.set(index, &t, limit), slot.is_some());
                slot.into_iter().for_each(|slot| slot.clone_from(&t));
            }
            20..=25 => {
                let pivot = model.get(i).cloned().unwrap_or_else(|| b"none".to_vec());
                let before = rng.below(2) == 0;
                let at = model.iter().position(|m| *m == pivot);
                assert_eq!(list.insert(&pivot, before, &t, limit), at.is_some());
                if let Some(at) = at {
                    model.insert(if before { at } else { at + 1 }, t);
                }
            }
            26 => {
                let count = rng.below(7) as i64 - 3;
                let victim = model.get(i).cloned().unwrap_or(t);
                assert_eq!(list.remove(count, &victim, limit), model_remove(model, count, &victim));
            }
            27 => {
                let start = rng.below(3);
                let len = if rng.below(10) == 0 { i } else { model.len().saturating_sub(rng.below(6)) };
                list.trim(start, len, limit);
                model.drain(..start.min(model.len()));
                model.truncate(len);
            }
            _ => {
                let texts: Vec<Vec<u8>> = (0..rng.below(6)).map(|_| some_text(rng, 50)).collect();
                texts.iter().for_each(|t| list.push_all(End::Back, std::iter::once(&t[..]), limit));
                model.extend(texts);
            }
        }
        assert_eq!(list.get(index).map(Elem::to_vec).as_ref(), model.get(flat(model.len())));
        let count = rng.below(10);
        assert!(list.range(i, count).map(Elem::to_vec).eq(model.iter().skip(i).take(count).cloned()));
        assert!(list.range_rev(i, count).map(Elem::to_vec).eq(model.iter().rev().skip(i).take(count).cloned()));
    }

    fn model_remove(model: &mut VecDeque<Vec<u8>>, count: i64, text: &[u8]) -> usize {
        let mut hits: Vec<usize> = (0..model.len()).filter(|i| model[*i] == text).collect();
        if count < 0 {
            hits.reverse();
        }
        if count != 0 {
            hits.truncate(count.unsigned_abs() as usize);
        }
        hits.sort();
        hits.iter().rev().for_each(|i| {
            model.remove(*i);
        });
        hits.len()
    }

    #[test]
    fn a_list_is_a_deque_of_texts_whatever_the_limit() {
        for seed in 0..64 {
            let mut rng = Rng::new(seed);
            let (mut list, mut model) = (List::new(), VecDeque::new());
            let limit = LIMITS[seed as usize % LIMITS.len()];
            let longest = [20, 200, 3000, 20_000][rng.below(4)];
            for _ in 0..400 {
                step(&mut rng, &mut list, &mut model, limit, longest);
                check(&list, &model, limit);
            }
            list.trim(0, 0, limit);
            check(&list, &VecDeque::new(), limit);
        }
    }

    #[test]
    fn the_encoding_follows_count_and_turns_back_at_half_of_it() {
        let mut list = List::new();
        for n in 0..128 {
            list.push_back(n.to_string().as_bytes(), 128);
        }
        assert_eq!(list.encoding(), "listpack");
        list.push_back(b"128", 128);
        assert_eq!((list.encoding(), list.node_count()), ("quicklist", 2));
        while list.len() > 65 {
            list.drop_end(End::Back, 128);
        }
        assert_eq!((list.encoding(), list.node_count()), ("quicklist", 1));
        list.drop_end(End::Front, 128);
        assert_eq!(list.encoding(), "listpack");
        // Two nodes, however small, stay a quicklist; a limit of one element has no half.
        let mut list = List::new();
        list.push_all(End::Back, [&b"a"[..], b"b", b"c"].into_iter(), 2);
        list.remove(0, b"b", 2);
        assert_eq!((list.encoding(), list.node_count(), list.len()), ("quicklist", 2, 2));
        list.remove(0, b"a", 2);
        assert_eq!(list.encoding(), "listpack");
        list.push_back(b"d", 1);
        list.drop_end(End::Back, 1);
        assert_eq!(list.encoding(), "quicklist");
    }

    #[test]
    fn the_encoding_follows_bytes_and_large_elements_live_alone() {
        let mut list = List::new();
        list.push_back(&[b'x'; 8185], -2); // 7 bytes of listpack and 8,185 of text: exactly 8 KB
        assert_eq!(list.encoding(), "listpack");
        let mut list = List::new();
        list.push_back(&[b'x'; 8186], -2);
        assert_eq!((list.encoding(), list.nodes().map(|(plain, _)| plain).collect()), ("quicklist", vec![false]));
        list.push_back(&[b'y'; 8193], -2);
        list.push_back(b"z", -2);
        assert_eq!(list.nodes().map(|(plain, _)| plain).collect::<Vec<_>>(), [false, true, false]);
        assert!(list.set(1, b"small", -2));
        assert_eq!(list.nodes().map(|(plain, _)| plain).collect::<Vec<_>>(), [false, false]);
        assert_eq!(list.pop_front(-2), Some(vec![b'x'; 8186]));
        assert_eq!(list.encoding(), "listpack");
        // Text alone is counted before many are pushed at once, so their overhead may take the listpack past the limit.
        let mut list = List::new();
        list.push_all(End::Back, std::iter::repeat_n(&b"x"[..], 4000), -2);
        assert_eq!(list.encoding(), "listpack");
        list.push_back(b"x", -2);
        assert_eq!(list.encoding(), "quicklist");
    }

    #[test]
    fn inserting_in_the_middle_does_not_leave_crumbs() {
        let (mut list, mut rng) = (List::new(), Rng::new(3));
        for n in 0..3000 {
            list.push_back(format!("element:{n}").as_bytes(), -1);
        }
        for n in 0..3000 {
            let pivot = format!("element:{}", rng.below(3000));
            assert!(list.insert(pivot.as_bytes(), n % 2 == 0, format!("inserted:{n}").as_bytes(), -1));
        }
        let bytes: usize = list.nodes().map(|(_, raw)| raw.len()).sum();
        assert!(list.node_count() * 4096 < bytes * 2, "{} nodes for {bytes} bytes", list.node_count());
    }

    #[test]
    fn nodes_are_the_bytes_of_redis_7() {
        // Rows: what `DUMP` of redis-server 7.0.15 said for `RPUSH` of the texts, without compression: type 18, node count,
        // then for each node its container (2 = packed), length and bytes. The trailer is version 10 and a CRC-64.
        let x64 = [b'x'; 64];
        let ints = "0 127 128 -1 -4096 4095 4096 -32768 32768 -8388608 8388608 2147483647 -2147483649 9223372036854775807 \
                    -9223372036854775808 -0 01";
        let mut all: Vec<&[u8]> = vec![b"a", b""];
        all.extend(ints.split(' ').map(str::as_bytes));
        all.extend([&b"\x00\xff"[..], &x64]);
        let long = format!(
            "12010240a7a70000001500816102800100017f01c08002dfff02d00002cfff02f1001003f1008003f200800004f200008004f3000080\
             0005f3ffffff7f05f4ffffff7fffffffff09f4ffffffffffffff7f09f4000000000000008009822d3003823031038200ff03e040{}\
             42ff0a005f25eda9f04167d7",
            "78".repeat(64)
        );
        let small = "12030210100000000300816102816202816302ff020e0e000000030081640205010601ff02090900000001000701ff0a00c7d8d1c792578afa";
        let inserted = "1203020e0e00000002000701836e657704ff020d0d0000000300060105010401ff020d0d0000000300030102010101ff0a0068a085972dd82bc1";
        let mut list = List::new();
        list.push_all(End::Back, all.into_iter(), -2);
        assert_eq!(dump(&list), long[..long.len() - 20]);
        let mut list = List::new();
        list.push_all(End::Back, "a b c d 5 6 7".split(' ').map(str::as_bytes), 3);
        assert_eq!(dump(&list), small[..small.len() - 20]);
        let mut list = List::new();
        list.push_all(End::Front, "1 2 3 4 5 6 7".split(' ').map(str::as_bytes), 3);
        assert!(list.insert(b"6", true, b"new", 3));
        assert_eq!(dump(&list), inserted[..inserted.len() - 20]);
    }

    /// Returns the payload of `DUMP` in hex, as far as the texts above need it, without the trailer of ten bytes.
    fn dump(list: &List) -> String {
        let mut out = vec![18, list.node_count() as u8];
        for (plain, raw) in list.nodes() {
            out.push(if plain { 1 } else { 2 });
            match raw.len() {
                len @ 0..=63 => out.push(len as u8),
                len => out.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]),
            }
            out.extend_from_slice(raw);
        }
        out.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
