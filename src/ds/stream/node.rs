//! A node of a stream: some entries in a listpack, byte for byte as Redis keeps them and RDB carries them.

use super::id::Id;
use crate::ds::listpack::{Elem, Listpack, MAX_BYTES, Pos};

/// Entries that follow each other, in one listpack.
///
/// It begins with the master entry: how many entries are there, how many are marked deleted, the number of fields of the first
/// entry ever, these fields, 0. An entry: flags; its id's distance from the master's, as two numbers; unless its fields are the
/// master's, their number; its fields and values in turn, or the values alone; the number of elements before this one, so that
/// the entry can be found from behind.
#[derive(Clone, Debug)]
pub(super) struct Node(Listpack);

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// What the master entry says.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// Entries that are there.
    pub(super) count: u64,
    /// Entries that are marked deleted.
    pub(super) deleted: u64,
    /// Number of the master's fields.
    fields: usize,
    /// The first of them.
    first_field: Pos,
    /// Where entries begin.
    entries: Pos,
}

/// One entry where it stands.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its id.
    pub id: Id,
    node: &'a Node,
    deleted: bool,
    /// How many fields it has.
    fields: usize,
    /// Where the names of its fields are, if they are the master's.
    names: Option<Pos>,
    /// Where its flags are.
    at: Pos,
    /// Where its fields and values begin.
    data: Pos,
    /// Behind it.
    end: Pos,
}

impl Node {
    /// Returns a node without entries whose master has the fields of `pairs`, with room for `bytes` bytes.
    pub(super) fn new(pairs: &[&[u8]], bytes: usize) -> Self {
        let names: usize = pairs.iter().step_by(2).map(|name| name.len() + 11).sum();
        let mut pack = Listpack::with_capacity(bytes);
        pack.reserve(names + 16);
        pack.extend_with(|tail| {
            tail.int(0);
            tail.int(0);
            tail.int((pairs.len() / 2) as i64);
            pairs.iter().step_by(2).for_each(|name| tail.text(name));
            tail.int(0);
        });
        Node(pack)
    }

    /// Returns a node of what comes from outside, whose first id is `master`, with the last id that is not deleted; or `None` if
    /// anything about it is wrong: it must be as Redis writes it, all in order.
    pub(super) fn checked(pack: Listpack, master: Id) -> Option<(Self, Option<Id>)> {
        if pack.byte_len() > MAX_BYTES + (1 << 20) {
            return None;
        }
        let node = Node(pack);
        let head = node.head()?;
        let (mut walk, mut last) = (Walk { node: &node, master, head, at: head.entries, back: node.0.finish() }, None);
        let (mut count, mut deleted) = (0, 0);
        while walk.at != walk.back {
            let entry = walk.next()?;
            // Ids of deleted entries can be used again, after XSETID: they are behind what is there, but in no order.
            if !entry.is_well_formed() || entry.id < master || last.is_some_and(|last| entry.id <= last) {
                return None;
            }
            if entry.deleted {
                deleted += 1;
            } else {
                (last, count) = (Some(entry.id), count + 1);
            }
        }
        (count + deleted > 0 && (count, deleted) == (head.count, head.deleted)).then_some((node, last))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn byte_len(&self) -> usize {
        self.0.byte_len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Gives back the room kept for more entries.
    pub(super) fn seal(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Returns what the master entry says. `None` only for what is not a node.
    pub(super) fn head(&self) -> Option<Head> {
        let (count, at) = self.int(self.0.start())?;
        let (deleted, at) = self.int(at)?;
        let (fields, first_field) = self.int(at)?;
        let fields = usize::try_from(fields).ok().filter(|n| *n <= self.0.byte_len())?;
        let (end, entries) = self.int(self.0.skip(first_field, fields)?)?;
        (end == 0).then_some(())?;
        Some(Head {
            count: u64::try_from(count).ok()?,
            deleted: u64::try_from(deleted).ok()?,
            fields,
            first_field,
            entries,
        })
    }

    /// How many entries it has, and how many are marked deleted.
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = || {
            let (count, at) = self.int(self.0.start())?;
            Some((count as u64, self.int(at)?.0 as u64))
        };
        counts().unwrap_or_default()
    }

    fn set_counts(&mut self, count: u64, deleted: u64) {
        self.0.replace_int(self.0.start(), count as i64);
        if let Some(at) = self.0.skip(self.0.start(), 1) {
            self.0.replace_int(at, deleted as i64);
        }
    }

    fn int(&self, at: Pos) -> Option<(i64, Pos)> {
        match self.0.step(at)? {
            (Elem::Int(n), next) => Some((n, next)),
            (Elem::Str(_), _) => None,
        }
    }

    /// Adds an entry behind all others; `master` is the node's first id.
    pub(super) fn append(&mut self, master: Id, id: Id, pairs: &[&[u8]]) {
        let same = self.has_fields(pairs);
        let (fields, texts) = (pairs.len() / 2, pairs.iter().map(|text| text.len() + 2).sum::<usize>());
        let (count, _) = self.counts();
        self.0.reserve(texts + 32);
        self.0.replace_int(self.0.start(), count as i64 + 1);
        self.0.extend_with(|tail| {
            tail.int(if same { SAME_FIELDS } else { 0 });
            // Distances wrap: the number within the millisecond can be smaller than the master's.
            tail.int(id.ms.wrapping_sub(master.ms) as i64);
            tail.int(id.seq.wrapping_sub(master.seq) as i64);
            if same {
                pairs.iter().skip(1).step_by(2).for_each(|value| tail.text(value));
                tail.int(fields as i64 + 3);
            } else {
                tail.int(fields as i64);
                pairs.iter().for_each(|text| tail.text(text));
                tail.int(2 * fields as i64 + 4);
            }
        });
    }

    /// Whether the master has the fields of `pairs`, in their order.
    fn has_fields(&self, pairs: &[&[u8]]) -> bool {
        let same = || {
            let (fields, mut at) = self.int(self.0.skip(self.0.start(), 2)?)?;
            if fields != (pairs.len() / 2) as i64 {
                return None;
            }
            for name in pairs.iter().step_by(2) {
                let (elem, next) = self.0.step(at)?;
                elem.is(name).then_some(())?;
                at = next;
            }
            Some(())
        };
        same().is_some()
    }

    /// Iterates over the entries, those marked deleted among them.
    pub(super) fn walk(&self, master: Id) -> Option<Walk<'_>> {
        let head = self.head()?;
        Some(Walk { node: self, master, head, at: head.entries, back: self.0.finish() })
    }

    /// Returns the place of entry `id`, if it is there.
    pub(super) fn find(&self, master: Id, id: Id) -> Option<Entry<'_>> {
        // One of this id can have been deleted before.
        self.walk(master)?.seek(id).find(|entry| !entry.deleted).filter(|entry| entry.id == id)
    }

    /// Returns the last id, of an entry there or deleted.
    pub(super) fn last_id(&self, master: Id) -> Option<Id> {
        self.walk(master)?.next_back().map(|entry| entry.id)
    }

    /// Marks the entry whose flags are at `at` as deleted. Returns how many are left.
    pub(super) fn delete(&mut self, at: Pos) -> u64 {
        self.mark(at);
        let (count, deleted) = self.counts();
        self.set_counts(count - 1, deleted + 1);
        count - 1
    }

    /// Marks the entries that `doomed` says, from the first on, until it says `None`. Returns how many were marked.
    pub(super) fn delete_while(&mut self, master: Id, mut doomed: impl FnMut(Id) -> Option<bool>) -> u64 {
        let mut marked = 0;
        let Some(head) = self.head() else { return 0 };
        let mut at = head.entries;
        while let Some(entry) = (Walk { node: self, master, head, at, back: self.0.finish() }).next() {
            let (flags, end, gone) = (entry.at, entry.end, entry.deleted);
            let Some(delete) = (if gone { Some(false) } else { doomed(entry.id) }) else { break };
            if delete {
                // The flags stay one byte, so `end` stays right.
                self.mark(flags);
                marked += 1;
            }
            at = end;
        }
        if marked > 0 {
            self.set_counts(head.count - marked, head.deleted + marked);
        }
        marked
    }

    fn mark(&mut self, at: Pos) {
        if let Some((flags, _)) = self.int(at) {
            self.0.replace_int(at, flags | DELETED);
        }
    }
}

/// The entries of a node from either end.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    node: &'a Node,
    master: Id,
    head: Head,
    at: Pos,
    back: Pos,
}

impl<'a> Walk<'a> {
    /// The same walk, begun before the first entry that is there and has an id of at least `from`, and behind the last with a
    /// smaller one. Looks from both ends at once, so it takes long only for what is in the middle.
    pub(super) fn seek(mut self, from: Id) -> Self {
        let mut behind = self.back;
        while self.at != behind {
            match self.entry(self.at) {
                Some(entry) if entry.id < from => self.at = entry.end,
                _ => break,
            }
            if self.at == behind {
                break;
            }
            match self.entry_before(behind) {
                Some(entry) if entry.id >= from => behind = entry.at,
                _ => {
                    self.at = behind;
                    break;
                }
            }
        }
        self
    }

    fn entry(&self, at: Pos) -> Option<Entry<'a>> {
        let (node, head) = (self.node, &self.head);
        let (flags, next) = node.int(at)?;
        let (ms, next) = node.int(next)?;
        let (seq, next) = node.int(next)?;
        let id = Id::new(self.master.ms.wrapping_add(ms as u64), self.master.seq.wrapping_add(seq as u64));
        let (fields, names, data, elements) = if flags & SAME_FIELDS != 0 {
            (head.fields, Some(head.first_field), next, head.fields)
        } else {
            let (fields, data) = node.int(next)?;
            let fields = usize::try_from(fields).ok().filter(|n| *n <= node.byte_len())?;
            (fields, None, data, 2 * fields)
        };
        let (_, end) = node.0.step(node.0.skip(data, elements)?)?;
        Some(Entry { id, node, deleted: flags & DELETED != 0, fields, names, at, data, end })
    }

    fn entry_before(&self, end: Pos) -> Option<Entry<'a>> {
        let pack = &self.node.0;
        let mut at = pack.prev(end)?;
        let (elements, _) = self.node.int(at)?;
        for _ in 0..usize::try_from(elements).ok()? {
            at = pack.prev(at)?;
        }
        self.entry(at)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.at == self.back {
            return None;
        }
        let entry = self.entry(self.at)?;
        self.at = entry.end;
        Some(entry)
    }
}

impl DoubleEndedIterator for Walk<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.at == self.back {
            return None;
        }
        let entry = self.entry_before(self.back)?;
        self.back = entry.at;
        Some(entry)
    }
}

impl<'a> Entry<'a> {
    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether it has no field.
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Where its flags are.
    pub(super) fn place(&self) -> Pos {
        self.at
    }

    /// Its fields and their values.
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs { pack: &self.node.0, left: self.fields, names: self.names, data: self.data }
    }

    /// Whether flags and the count at the end are what they must be.
    fn is_well_formed(&self) -> bool {
        let pack = &self.node.0;
        let elements = self.fields as i64 + if self.names.is_some() { 3 } else { self.fields as i64 + 4 };
        let last = pack.prev(self.end).and_then(|at| self.node.int(at));
        let flags = self.node.int(self.at).map(|(flags, _)| flags);
        flags.is_some_and(|flags| (0..4).contains(&flags)) && last.is_some_and(|(n, _)| n == elements)
    }
}

/// The fields of an entry and their values.
pub struct Pairs<'a> {
    pack: &'a Listpack,
    left: usize,
    names: Option<Pos>,
    data: Pos,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Elem<'a>, Elem<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => step(self.pack, names)?,
            None => step(self.pack, &mut self.data)?,
        };
        Some((name, step(self.pack, &mut self.data)?))
    }
}

#[inline]
fn step<'a>(pack: &'a Listpack, at: &mut Pos) -> Option<Elem<'a>> {
    let (elem, next) = pack.step(*at)?;
    *at = next;
    Some(elem)
}
