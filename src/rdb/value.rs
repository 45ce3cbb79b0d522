//! Making values from what a file holds, a piece at a time, so that a large one needs no second copy of its bytes.

use super::cursor::{Cursor, Stop, corrupt};
use super::{NODE_PACKED, NODE_PLAIN, RdbError, kind, module, old, stream};
use crate::ds::hash::Hash;
use crate::ds::intset::IntSet;
use crate::ds::list::{List, Node};
use crate::ds::listpack::{Elem, Listpack, MAX_BYTES};
use crate::ds::set::Set;
use crate::ds::zset::{Change, Zset};
use crate::engine::value::{Limits, Object};
use std::borrow::Cow;

/// What the values are made for.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// Thresholds of the compact encodings.
    pub(super) limits: &'a Limits,
    /// The seed of the hash tables.
    pub(super) seed: u64,
    /// Hash fields that were due before are dropped, ms since the epoch; 0 keeps all.
    pub(super) due_before: u64,
    /// The file is Valkey's, which gives a type another meaning.
    pub(super) valkey: bool,
}

/// The beginning of a value.
pub(super) enum Begun<'a> {
    /// A string; it is complete.
    Text(Cow<'a, [u8]>),
    /// Another value that is complete.
    Object(Object),
    /// Elements follow.
    Build(Build),
}

/// A value that is being made, and how many elements are still to come.
pub(super) struct Build {
    parts: Parts,
    left: u64,
}

enum Parts {
    List(List),
    Nodes(Vec<Node>, Nodes),
    Set(Set),
    Zset(Zset, Scores),
    Hash(Hash, Times),
    Stream(Box<stream::Build>),
}

#[derive(Clone, Copy)]
enum Nodes {
    Ziplists,
    Listpacks,
}

#[derive(Clone, Copy)]
enum Scores {
    Text,
    Binary,
}

/// How times of expiry go with the fields of a hash.
#[derive(Clone, Copy)]
enum Times {
    None,
    /// Before each field its distance from this, plus 1; or 0.
    Since(u64),
    /// Behind each value; or -1.
    Absolute,
}

/// Reads the start of a value of type `code`: all of it, if it is one string in the file.
pub(super) fn begin<'a>(code: u8, cur: &mut Cursor<'a>, to: &Target) -> Result<Begun<'a>, Stop> {
    let elements = |cur: &mut Cursor<'a>, parts: Parts| -> Result<Begun<'a>, Stop> {
        let mut build = Build { parts, left: cur.len()? };
        build.reserve(cur, to);
        Ok(Begun::Build(build))
    };
    let object = match code {
        kind::STRING => return Ok(Begun::Text(cur.string()?)),
        kind::LIST => return elements(cur, Parts::List(List::new())),
        kind::QUICKLIST => return elements(cur, Parts::Nodes(Vec::new(), Nodes::Ziplists)),
        kind::QUICKLIST_2 => return elements(cur, Parts::Nodes(Vec::new(), Nodes::Listpacks)),
        kind::SET => return elements(cur, Parts::Set(Set::new())),
        kind::ZSET => return elements(cur, Parts::Zset(Zset::new(), Scores::Text)),
        kind::ZSET_2 => return elements(cur, Parts::Zset(Zset::new(), Scores::Binary)),
        kind::HASH => return elements(cur, Parts::Hash(Hash::new(), Times::None)),
        kind::VALKEY_HASH_2 if to.valkey => return elements(cur, Parts::Hash(Hash::new(), Times::Absolute)),
        _ if to.valkey && code > kind::VALKEY_HASH_2 => return Err(RdbError::Type(code).into()),
        kind::HASH_TTL_PRE_GA | kind::HASH_LISTPACK_TTL_PRE_GA => {
            return Err(RdbError::PreRelease("a hash with times of expiry").into());
        }
        kind::HASH_TTL => {
            let soonest = cur.u64()?;
            return elements(cur, Parts::Hash(Hash::new(), Times::Since(soonest)));
        }
        kind::SET_INTSET => intset(cur.string()?, to).map(Object::Set),
        kind::SET_LISTPACK => {
            listpack(cur)?.and_then(|p| Set::from_listpack(p, &to.limits.set, to.seed)).map(Object::Set)
        }
        kind::ZSET_LISTPACK => {
            listpack(cur)?.and_then(|p| Zset::from_listpack(p, &to.limits.zset, to.seed)).map(Object::Zset)
        }
        kind::HASH_LISTPACK => {
            listpack(cur)?.and_then(|p| Hash::from_listpack(p, &to.limits.hash, to.seed)).map(Object::Hash)
        }
        kind::HASH_LISTPACK_TTL => {
            cur.u64()?;
            listpack(cur)?.and_then(|p| triples(&p, to)).map(Object::Hash)
        }
        kind::LIST_ZIPLIST => {
            ziplist(&cur.string()?).map(|pack| Object::List(List::from_listpack(pack, to.limits.list)))
        }
        kind::ZSET_ZIPLIST => ziplist(&cur.string()?).and_then(|pack| scored(&pack, to)).map(Object::Zset),
        kind::HASH_ZIPLIST => ziplist(&cur.string()?).and_then(|pack| paired(&pack, to)).map(Object::Hash),
        kind::HASH_ZIPMAP => zipmap(&cur.string()?, to).map(Object::Hash),
        kind::MODULE => return module::read(cur).map(Begun::Object),
        kind::MODULE_PRE_GA => return Err(RdbError::PreRelease("a value of a module").into()),
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => {
            let parts = Parts::Stream(Box::new(stream::Build::begin(code, cur)?));
            return Ok(Begun::Build(Build { parts, left: 1 }));
        }
        _ => return Err(RdbError::Type(code).into()),
    };
    match object {
        Some(object) => Ok(Begun::Object(object)),
        None => corrupt("a compact value is not well formed"),
    }
}

impl Build {
    /// Takes elements as far as the bytes go. Returns whether the value is complete. What is taken stays taken.
    pub(super) fn go_on(&mut self, cur: &mut Cursor, to: &Target) -> Result<bool, Stop> {
        while self.left > 0 {
            let start = cur.at;
            match self.element(cur, to) {
                Ok(done) => self.left -= u64::from(done),
                Err(Stop::More) => {
                    cur.at = start;
                    return Ok(false);
                }
                Err(bad) => return Err(bad),
            }
        }
        Ok(true)
    }

    /// The value; it may be empty.
    pub(super) fn finish(self, to: &Target) -> Object {
        match self.parts {
            Parts::List(list) => Object::List(list),
            Parts::Nodes(nodes, _) => Object::List(List::from_nodes(nodes, to.limits.list)),
            Parts::Set(set) => Object::Set(set),
            Parts::Zset(zset, _) => Object::Zset(zset),
            Parts::Hash(hash, _) => Object::Hash(hash),
            Parts::Stream(build) => Object::Stream(build.finish()),
        }
    }

    /// Makes room, but for no more than the bytes at hand could hold.
    fn reserve(&mut self, cur: &Cursor, to: &Target) {
        let most = |bytes_each: usize| usize::try_from(self.left).unwrap_or(usize::MAX).min(cur.left() / bytes_each);
        match &mut self.parts {
            // All but one have a name: its length and a byte.
            Parts::Set(set) => set.reserve(most(2), &to.limits.set, to.seed),
            Parts::Zset(zset, Scores::Text) => zset.reserve(most(3), &to.limits.zset, to.seed),
            Parts::Zset(zset, Scores::Binary) => zset.reserve(most(10), &to.limits.zset, to.seed),
            Parts::Hash(hash, _) => hash.reserve(most(3), &to.limits.hash, to.seed),
            Parts::List(_) | Parts::Nodes(..) | Parts::Stream(_) => {}
        }
    }

    /// Takes one element: reads all of it before anything is changed. Returns whether it counts as one; a stream does when it
    /// is complete.
    fn element(&mut self, cur: &mut Cursor, to: &Target) -> Result<bool, Stop> {
        let Limits { set: set_limits, zset: zset_limits, hash: hash_limits, list: list_limit, .. } = to.limits;
        match &mut self.parts {
            Parts::List(list) => list.push_back(&cur.string()?, *list_limit),
            Parts::Nodes(nodes, Nodes::Ziplists) => match ziplist(&cur.string()?) {
                Some(pack) => nodes.push(Node::Pack(pack)),
                None => return corrupt("a node of a list"),
            },
            Parts::Nodes(nodes, Nodes::Listpacks) => nodes.push(node(cur)?),
            Parts::Set(set) => {
                if !set.add(&cur.string()?, set_limits, to.seed) {
                    return corrupt("a member of a set comes twice");
                }
            }
            Parts::Zset(zset, scores) => {
                let (member, score) = (cur.string()?, cur.score(matches!(scores, Scores::Binary))?);
                if zset.set(&member, score, zset_limits, to.seed) != Change::Added {
                    return corrupt("a member of a sorted set comes twice");
                }
            }
            Parts::Hash(hash, times) => {
                let distance = if let Times::Since(_) = times { cur.len()? } else { 0 };
                let (field, value) = (cur.string()?, cur.string()?);
                let at = match times {
                    Times::None => None,
                    Times::Since(soonest) => (distance > 0).then(|| soonest.saturating_add(distance - 1)),
                    Times::Absolute => Some(cur.u64()?).filter(|at| *at != u64::MAX),
                };
                if !put_field(hash, &field, &value, at, hash_limits, to) {
                    return corrupt("a field of a hash comes twice, or its time is none");
                }
            }
            Parts::Stream(build) => return build.step(cur),
        }
        Ok(true)
    }
}

/// Times of fields are kept as doubles: those behind this would not come back as they are.
const FIELD_MAX_MS: u64 = 1 << 53;

/// Adds a field unless it is due. Returns false if it is there already, or its time is too far.
fn put_field(
    hash: &mut Hash,
    field: &[u8],
    value: &[u8],
    at: Option<u64>,
    limits: &crate::ds::Limits,
    to: &Target,
) -> bool {
    match at {
        Some(at) if at > FIELD_MAX_MS => return false,
        Some(at) if at < to.due_before => return true,
        _ => {}
    }
    let new = hash.set(field, value, limits, to.seed);
    hash.set_expire(field, at, to.seed);
    new
}

/// Reads a node of a list.
fn node(cur: &mut Cursor) -> Result<Node, Stop> {
    match cur.len()? {
        NODE_PLAIN => match cur.string()? {
            text if text.is_empty() => corrupt("a node of a list"),
            text => Ok(Node::Plain(text.into())),
        },
        NODE_PACKED => match listpack(cur)? {
            Some(pack) => Ok(Node::Pack(pack)),
            None => corrupt("a node of a list"),
        },
        _ => corrupt("unknown kind of node of a list"),
    }
}

fn listpack(cur: &mut Cursor) -> Result<Option<Listpack>, Stop> {
    Ok(Listpack::from_bytes(cur.string()?.into_owned()))
}

fn intset(raw: Cow<[u8]>, to: &Target) -> Option<Set> {
    Some(Set::from_ints(IntSet::from_bytes(raw.into_owned())?, &to.limits.set, to.seed))
}

/// Returns the elements of a ziplist as a listpack.
fn ziplist(raw: &[u8]) -> Option<Listpack> {
    // The same elements take less than twice the bytes, which a listpack can still count.
    (raw.len() <= MAX_BYTES).then_some(())?;
    let mut pack = Listpack::with_capacity(raw.len());
    old::ziplist(raw, |elem| match elem {
        Elem::Int(n) => pack.push_back_int(n),
        Elem::Str(text) => pack.push_back(text),
    })?;
    Some(pack)
}

/// Returns the hash of fields and values in turn.
fn paired(pack: &Listpack, to: &Target) -> Option<Hash> {
    let mut hash = Hash::new();
    let mut elems = pack.iter();
    while let Some(field) = elems.next() {
        let value = elems.next()?;
        let new = field.with(|f| value.with(|v| hash.set(f, v, &to.limits.hash, to.seed)));
        new.then_some(())?;
    }
    Some(hash)
}

fn zipmap(raw: &[u8], to: &Target) -> Option<Hash> {
    let (mut hash, mut all_new) = (Hash::new(), true);
    old::zipmap(raw, |field, value| all_new &= hash.set(field, value, &to.limits.hash, to.seed))?;
    all_new.then_some(hash)
}

/// Returns the sorted set of members and scores in turn.
fn scored(pack: &Listpack, to: &Target) -> Option<Zset> {
    let mut zset = Zset::new();
    let mut elems = pack.iter();
    while let Some(member) = elems.next() {
        let score = match elems.next()? {
            Elem::Int(n) => n as f64,
            Elem::Str(text) => crate::base::num::parse_f64(text)?,
        };
        let change = member.with(|m| zset.set(m, score, &to.limits.zset, to.seed));
        (change == Change::Added).then_some(())?;
    }
    Some(zset)
}

/// Returns the hash of field, value and time of expiry (0: none) in turn.
fn triples(pack: &Listpack, to: &Target) -> Option<Hash> {
    let mut hash = Hash::new();
    let mut elems = pack.iter();
    while let Some(field) = elems.next() {
        let value = elems.next()?;
        let at = u64::try_from(elems.next()?.int()?).ok()?;
        let at = (at > 0).then_some(at);
        let new = field.with(|f| value.with(|v| put_field(&mut hash, f, v, at, &to.limits.hash, to)));
        new.then_some(())?;
    }
    Some(hash)
}
