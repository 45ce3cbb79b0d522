//! The long form of a list: a row of listpacks of bounded size, and of elements too large for one.

use super::listpack::{EMPTY_BYTES, Listpack, Pos};
use std::collections::VecDeque;

/// The nodes of a long list, none empty, and how many elements they have. See [`List`](super::list::List) for the rules.
#[derive(Clone, Debug)]
pub(super) struct Quick {
    pub(super) nodes: VecDeque<Node>,
    pub(super) len: usize,
}

/// A part of a long list.
#[derive(Clone, Debug)]
pub enum Node {
    /// Some elements, at least one.
    Pack(Listpack),
    /// One element too large to share a node.
    Plain(Box<[u8]>),
}

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The head, `LEFT` in commands.
    Front,
    /// The tail, `RIGHT` in commands.
    Back,
}

impl Quick {
    /// Adds `text` at `end`.
    pub(super) fn push(&mut self, end: End, text: &[u8], limit: Limit) {
        self.len += 1;
        match self.end_node_mut(end) {
            Some(Node::Pack(pack)) if limit.takes(pack, text) => return push(pack, end, text),
            Some(Node::Pack(pack)) => pack.shrink_to_fit(), // it is full: give the slack back
            _ => {}
        }
        let node = Node::of(text, limit);
        match end {
            End::Front => self.nodes.push_front(node),
            End::Back => self.nodes.push_back(node),
        }
    }

    /// Removes the element at `end`, if there is one; returns it if it was alone in a plain node.
    pub(super) fn drop_end(&mut self, end: End) -> Option<Option<Box<[u8]>>> {
        self.end_node(end)?;
        self.len -= 1;
        if let Some(Node::Pack(pack)) = self.end_node_mut(end) {
            cut(pack, end, 1);
            if !pack.is_empty() {
                return Some(None);
            }
        }
        match self.drop_node(end)? {
            Node::Plain(text) => Some(Some(text)),
            Node::Pack(_) => Some(None),
        }
    }

    /// Removes `count` elements at `end`; there are so many.
    pub(super) fn cut(&mut self, end: End, count: usize) {
        self.len -= count;
        let mut left = count;
        while left > 0
            && let Some(node) = self.end_node_mut(end)
        {
            let len = node.len();
            match node {
                Node::Pack(pack) if len > left => return cut(pack, end, left),
                _ => self.drop_node(end),
            };
            left -= len;
        }
    }

    /// Returns the node that holds element `index`, and the element's index in it. Walks from the nearer end.
    pub(super) fn locate(&self, index: i64) -> Option<(usize, i64)> {
        let len = i64::try_from(self.len).ok()?;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index <= len / 2 {
            let mut left = index;
            for (i, node) in self.nodes.iter().enumerate() {
                let here = node.len() as i64;
                if left < here {
                    return Some((i, left));
                }
                left -= here;
            }
        } else {
            let mut left = len - index; // 1 is the last element
            for (i, node) in self.nodes.iter().enumerate().rev() {
                let here = node.len() as i64;
                if left <= here {
                    return Some((i, here - left));
                }
                left -= here;
            }
        }
        None
    }

    /// Returns the node, and the position in it unless it is a plain one, of the first element that reads `text`.
    pub(super) fn find(&self, text: &[u8]) -> Option<(usize, Option<Pos>)> {
        self.nodes.iter().enumerate().find_map(|(i, node)| match node {
            Node::Pack(pack) => pack.find(text, 0, pack.first()).map(|pos| (i, Some(pos))),
            Node::Plain(own) => (**own == *text).then_some((i, None)),
        })
    }

    /// Adds `text` beside the element at `pos` of node `at`: there if the node takes it, else at the near edge of the
    /// neighbour if that is next to it, else in a node of its own, for which the node is split if need be.
    pub(super) fn insert(&mut self, at: usize, pos: Option<Pos>, before: bool, text: &[u8], limit: Limit) {
        self.len += 1;
        let edge_reached = match (&mut self.nodes[at], pos) {
            (Node::Pack(pack), Some(pos)) => {
                if limit.takes(pack, text) {
                    if before {
                        pack.insert_before(pos, text)
                    } else {
                        pack.insert_after(pos, text)
                    };
                    return;
                }
                if before { pack.first() == Some(pos) } else { pack.last() == Some(pos) }
            }
            _ => true,
        };
        if edge_reached {
            let (neighbour, end) = if before { (at.wrapping_sub(1), End::Back) } else { (at + 1, End::Front) };
            match self.nodes.get_mut(neighbour) {
                Some(Node::Pack(pack)) if limit.takes(pack, text) => push(pack, end, text),
                _ => self.nodes.insert(if before { at } else { at + 1 }, Node::of(text, limit)),
            }
        } else if let (Node::Pack(pack), Some(pos)) = (&mut self.nodes[at], pos) {
            let cut_at = if before { Some(pos) } else { pack.next(pos) };
            let tail = pack.split_off(cut_at.expect("an element follows: the edge case is above"));
            self.join(at, tail, text, limit);
        }
    }

    /// Puts `text` and then `tail` after node `at`, which they were cut from, using as few nodes as the limit allows.
    fn join(&mut self, at: usize, mut tail: Listpack, text: &[u8], limit: Limit) {
        let mut apart = None;
        match &mut self.nodes[at] {
            Node::Pack(head) if limit.takes(head, text) => head.push_back(text),
            _ if limit.takes(&tail, text) => tail.push_front(text),
            _ => apart = Some(Node::of(text, limit)),
        }
        self.nodes.insert(at + 1, Node::Pack(tail));
        let mut last = at + 1;
        if let Some(node) = apart {
            self.nodes.insert(at + 1, node);
            last += 1;
        }
        self.merge(last, limit);
        if at > 0 {
            self.merge(at - 1, limit);
        }
    }

    /// Makes node `at` and the one after it one, if the limit allows.
    fn merge(&mut self, at: usize, limit: Limit) {
        if let (Some(Node::Pack(left)), Some(Node::Pack(right))) = (self.nodes.get(at), self.nodes.get(at + 1))
            && limit.allows(left.byte_len() + right.byte_len() - EMPTY_BYTES, left.len() + right.len())
            && let Some(Node::Pack(right)) = self.nodes.remove(at + 1)
            && let Some(Node::Pack(left)) = self.nodes.get_mut(at)
        {
            left.append(&right);
        }
    }

    /// Puts `text` in the place of element `within` of node `at`.
    pub(super) fn replace(&mut self, at: usize, within: i64, text: &[u8], limit: Limit) {
        let Node::Pack(pack) = &mut self.nodes[at] else {
            self.nodes[at] = Node::of(text, limit);
            return self.merge_around(at, limit);
        };
        let Some(pos) = pack.at(within) else { return };
        let (old, new) = (pack.entry_size_at(pos), Listpack::entry_size(text));
        if text.len() <= limit.bytes && (new <= old || pack.byte_len() - old + new <= limit.bytes) {
            pack.replace(pos, text);
            return;
        }
        match pack.remove(pos) {
            _ if pack.is_empty() => {
                self.nodes[at] = Node::of(text, limit);
                return self.merge_around(at, limit);
            }
            Some(next) => self.insert(at, Some(next), true, text, limit),
            None => {
                let last = pack.last();
                self.insert(at, last, false, text, limit);
            }
        }
        self.len -= 1; // `insert` counted the element again
    }

    fn merge_around(&mut self, at: usize, limit: Limit) {
        self.merge(at, limit);
        if at > 0 {
            self.merge(at - 1, limit);
        }
    }

    /// Removes up to `most` elements that read `text`, seen from `end`. Returns how many. Nodes left sparse are not merged:
    /// Redis does not, and it would show in the encoding.
    pub(super) fn remove(&mut self, end: End, most: usize, text: &[u8]) -> usize {
        let mut removed = 0;
        for i in 0..self.nodes.len() {
            if removed == most {
                break;
            }
            let at = if end == End::Front { i } else { self.nodes.len() - 1 - i };
            match &mut self.nodes[at] {
                Node::Pack(pack) => removed += remove_from(pack, end, most - removed, text),
                plain => {
                    if matches!(plain, Node::Plain(own) if **own == *text) {
                        *plain = Node::Pack(Listpack::new());
                        removed += 1;
                    }
                }
            }
        }
        if removed > 0 {
            self.nodes.retain(|node| !node.is_empty());
        }
        self.len -= removed;
        removed
    }

    pub(super) fn end_node(&self, end: End) -> Option<&Node> {
        match end {
            End::Front => self.nodes.front(),
            End::Back => self.nodes.back(),
        }
    }

    #[inline]
    fn end_node_mut(&mut self, end: End) -> Option<&mut Node> {
        match end {
            End::Front => self.nodes.front_mut(),
            End::Back => self.nodes.back_mut(),
        }
    }

    fn drop_node(&mut self, end: End) -> Option<Node> {
        match end {
            End::Front => self.nodes.pop_front(),
            End::Back => self.nodes.pop_back(),
        }
    }
}

impl Node {
    fn of(text: &[u8], limit: Limit) -> Self {
        if text.len() > limit.bytes {
            return Node::Plain(text.into());
        }
        let mut pack = Listpack::with_capacity(EMPTY_BYTES + Listpack::entry_size(text));
        pack.push_back(text);
        Node::Pack(pack)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Node::Pack(pack) => pack.len(),
            Node::Plain(_) => 1,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Node::Pack(pack) if pack.is_empty())
    }
}

/// What the setting `list-max-listpack-size` allows a node.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// Also the longest text that can share a node.
    pub(super) bytes: usize,
    /// `usize::MAX` if the setting is one of bytes.
    count: usize,
}

impl Limit {
    pub(super) fn of(setting: i32) -> Self {
        if setting < 0 {
            Limit { bytes: 2048 << setting.unsigned_abs().min(5), count: usize::MAX }
        } else {
            Limit { bytes: 8192, count: setting.max(1) as usize }
        }
    }

    pub(super) fn allows(self, bytes: usize, count: usize) -> bool {
        bytes <= self.bytes && count <= self.count
    }

    /// Returns whether `text` may be added to `pack`. The 8 bytes are Redis's estimate of what an entry takes beside its text.
    fn takes(self, pack: &Listpack, text: &[u8]) -> bool {
        text.len() <= self.bytes && self.allows(pack.byte_len() + text.len() + 8, pack.len() + 1)
    }

    /// Returns whether `pack` has at most the limit divided by `share`.
    pub(super) fn allows_pack(self, pack: &Listpack, share: usize) -> bool {
        if self.count == usize::MAX { pack.byte_len() <= self.bytes / share } else { pack.len() <= self.count / share }
    }
}

/// Returns the position of the element at `end`.
#[inline]
pub(super) fn edge(pack: &Listpack, end: End) -> Option<Pos> {
    match end {
        End::Front => pack.first(),
        End::Back => pack.last(),
    }
}

/// Adds `text` at `end`.
pub(super) fn push(pack: &mut Listpack, end: End, text: &[u8]) {
    match end {
        End::Front => pack.push_front(text),
        End::Back => pack.push_back(text),
    }
}

/// Removes `count` elements at `end`; there are so many.
pub(super) fn cut(pack: &mut Listpack, end: End, count: usize) {
    let from = match end {
        End::Front => pack.first(),
        End::Back => pack.at(-(count as i64)),
    };
    if count > 0
        && let Some(from) = from
    {
        pack.remove_range(from, count);
    }
}

/// Removes up to `most` elements that read `text`, seen from `end`. Returns how many.
pub(super) fn remove_from(pack: &mut Listpack, end: End, most: usize, text: &[u8]) -> usize {
    let (mut removed, mut at) = (0, edge(pack, end));
    match end {
        End::Front => {
            while removed < most
                && let Some(pos) = pack.find(text, 0, at)
            {
                at = pack.remove(pos);
                removed += 1;
            }
        }
        End::Back => {
            while removed < most
                && let Some(pos) = at
            {
                at = pack.prev(pos);
                if pack.get(pos).is(text) {
                    pack.remove(pos);
                    removed += 1;
                }
            }
        }
    }
    removed
}
