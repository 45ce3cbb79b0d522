//! SORT: the elements of a list, set or sorted set in another order, or what other keys say about them.
//!
//! The elements, and the texts they are ordered by, are copied into one buffer first. So looking up a million keys, which may
//! expire some of them, holds no borrow of the sorted value, and nothing is allocated per element.

use crate::base::{num, order};
use crate::ds::list::List;
use crate::ds::listpack::Elem;
use crate::engine::events::{GENERIC, LIST};
use crate::engine::keyspace::Expiry;
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Group, Keyspace, Outcome, Row, Ttl, flag};
use std::cmp::Ordering;
use std::ops::Range;

pub(super) const SORT: Row = Row {
    name: "SORT",
    group: Group::Generic,
    arity: -2,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]; unknown/unknown[RO,ACCESS]; unknown/unknown[OW,UPDATE]",
    summary: "Sorts a list, set or sorted set, by its elements or by other keys, and returns or stores the result.",
    complexity: "O(N+M*log(M)) for N elements, of which M are returned",
    syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
    ts: "(key: Key, ...options: Arg[]): (string | null)[] | number",
    example: "> RPUSH l 3 10 2\n(integer) 3\n> SORT l\n1) \"2\"\n2) \"3\"\n3) \"10\"\n> SORT l ALPHA DESC LIMIT 0 2\n1) \"3\"\n2) \"2\"\n> SET w_2 30\nOK\n> SET w_3 10\nOK\n> SET w_10 20\nOK\n> SORT l BY w_* GET # GET w_*\n1) \"3\"\n2) \"10\"\n3) \"10\"\n4) \"20\"\n5) \"2\"\n6) \"30\"\n> SORT l STORE sorted\n(integer) 3",
    run: |c| sort(c, true),
    ..Row::NONE
};

pub(super) const SORT_RO: Row = Row {
    name: "SORT_RO",
    group: Group::Generic,
    since: "7.0.0",
    arity: -2,
    flags: flag::READONLY,
    keys: "idx:1/range:last=0,step=1,limit=0[RO,ACCESS]; unknown/unknown[RO,ACCESS]",
    summary: "Sorts as SORT does, but cannot store.",
    complexity: "O(N+M*log(M)) for N elements, of which M are returned",
    syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
    ts: "(key: Key, ...options: Arg[]): (string | null)[]",
    example: "> SADD s 3 10 2\n(integer) 3\n> SORT_RO s DESC\n1) \"10\"\n2) \"3\"\n3) \"2\"\n> SORT_RO s STORE x\n(error) ERR syntax error",
    run: |c| sort(c, false),
    ..Row::NONE
};

fn sort(c: &mut Ctx, may_store: bool) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let options = Options::parse(&mut args, may_store, c.reads_all_keys())?;
    let result = Sorting::run(c.ks, key, options)?;
    match result.options.store {
        Some(target) => store(c, &result, target),
        None => {
            let width = result.options.get.len().max(1);
            c.out.array(result.elems.len() * width);
            result.each(c.ks, |value| match value {
                Some(value) => c.out.elem(value),
                None => c.out.null(),
            });
            Ok(())
        }
    }
}

fn store(c: &mut Ctx, result: &Sorting, target: &[u8]) -> Outcome {
    let limit = c.ks.limits.list;
    let mut list = List::new();
    result.each(c.ks, |value| value.unwrap_or(Elem::Str(b"")).with(|text| list.push_back(text, limit)));
    let len = list.len();
    if len > 0 {
        c.ks.set_object(target, Object::List(list), Ttl::Clear);
        c.ks.changed(target, LIST, "sortstore");
        c.ks.dirty += len as u64 - 1;
    } else if c.ks.delete(target) {
        c.ks.changed(target, GENERIC, "del");
    }
    c.out.len(len);
    Ok(())
}

#[derive(Default)]
struct Options<'a> {
    /// The keys or fields to order by.
    by: Option<Pattern<'a>>,
    /// A BY without a place for the element: keep the order there is.
    unsorted: bool,
    get: Vec<Pattern<'a>>,
    /// LIMIT: offset and count; negative counts mean all.
    limit: Option<(i64, i64)>,
    desc: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// Patterns lead to keys that nobody can name before: without `reads_all_keys` there must be none.
    fn parse(args: &mut Args<'a>, may_store: bool, reads_all_keys: bool) -> Result<Self, Error> {
        let mut options = Options::default();
        while args.more() {
            let left = args.left() - 1;
            if args.word("ASC") {
                options.desc = false;
            } else if args.word("DESC") {
                options.desc = true;
            } else if args.word("ALPHA") {
                options.alpha = true;
            } else if left >= 2 && args.word("LIMIT") {
                options.limit = Some((args.int()?, args.int()?));
            } else if may_store && left >= 1 && args.word("STORE") {
                options.store = Some(args.next()?);
            } else if left >= 1 && args.word("BY") {
                let pattern = args.next()?;
                options.unsorted |= !pattern.contains(&b'*');
                if !reads_all_keys && pattern.contains(&b'*') {
                    return Err(Error::SortByDenied);
                }
                options.by = Some(Pattern::parse(pattern));
            } else if left >= 1 && args.word("GET") {
                if !reads_all_keys {
                    return Err(Error::SortGetDenied);
                }
                options.get.push(Pattern::parse(args.next()?));
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    /// Which of `len` sorted elements are wanted.
    fn range(&self, len: usize) -> Range<usize> {
        let Some((offset, count)) = self.limit else { return 0..len };
        let start = usize::try_from(offset.max(0)).unwrap_or(usize::MAX).min(len);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(len)
    }
}

/// Where to look something up about an element.
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// Without `*`: nowhere.
    Nowhere,
    /// The string at the key with the element in the place of `*`, or the field of the hash there.
    Key { before: &'a [u8], after: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    fn parse(text: &'a [u8]) -> Self {
        if text == b"#" {
            return Pattern::Element;
        }
        let Some(star) = text.iter().position(|b| *b == b'*') else { return Pattern::Nowhere };
        let (before, after) = (&text[..star], &text[star + 1..]);
        // An arrow with nothing behind it is part of the key.
        match after.windows(2).position(|two| two == b"->") {
            Some(arrow) if arrow + 2 < after.len() => {
                Pattern::Key { before, after: &after[..arrow], field: Some(&after[arrow + 2..]) }
            }
            _ => Pattern::Key { before, after, field: None },
        }
    }

    /// Returns what is found for `elem`; `key` is room to spell the key in.
    fn look_up<'k>(&self, ks: &'k mut Keyspace, elem: &'k [u8], key: &mut Vec<u8>) -> Option<Elem<'k>> {
        let (before, after, field) = match self {
            Pattern::Element => return Some(Elem::Str(elem)),
            Pattern::Nowhere => return None,
            Pattern::Key { before, after, field } => (before, after, field),
        };
        key.clear();
        for part in [before, elem, after] {
            key.extend_from_slice(part);
        }
        let (now, hides) = (ks.now, ks.expiry == Expiry::Hides);
        let entry = ks.read(key)?;
        match (field, entry.object()) {
            (None, None) => entry.text(),
            (Some(field), Some(Object::Hash(hash))) if !(hides && hash.is_expired(field, now)) => hash.get(field),
            _ => None,
        }
    }
}

/// A piece of [`Sorting::text`].
#[derive(Clone, Copy)]
struct Span {
    at: usize,
    len: usize,
}

/// A sort in progress; in the end, its result.
struct Sorting<'a> {
    options: Options<'a>,
    /// The elements, and the texts they are ordered by, one after the other.
    text: Vec<u8>,
    /// The elements: at first as they came, in the end those wanted, in order.
    elems: Vec<Span>,
    /// They are a set's, whose own order means nothing.
    from_set: bool,
}

impl<'a> Sorting<'a> {
    fn run(ks: &mut Keyspace, key: &[u8], options: Options<'a>) -> Result<Self, Error> {
        let mut sorting = Sorting { options, text: Vec::new(), elems: Vec::new(), from_set: false };
        if let Some(entry) = ks.read(key) {
            sorting.load(entry.object())?;
        }
        if sorting.options.unsorted {
            return Ok(sorting);
        }
        match (&sorting.options.by, sorting.options.alpha) {
            (_, false) => sorting.by_number(ks)?,
            (None, true) => sorting.by_bytes(),
            (Some(_), true) => sorting.by_text(ks),
        }
        Ok(sorting)
    }

    /// Copies the elements; only those wanted, if they are not to be sorted.
    fn load(&mut self, object: Option<&Object>) -> Result<(), Error> {
        self.from_set = matches!(object, Some(Object::Set(_)));
        if self.from_set && self.options.store.is_some() && self.options.unsorted {
            // What is stored must be the same on every copy of the data, and a set has no order.
            (self.options.unsorted, self.options.alpha, self.options.by) = (false, true, None);
        }
        let Options { unsorted, desc, .. } = self.options;
        let len = object.map_or(0, Object::len);
        let Range { start, end } = if unsorted { self.options.range(len) } else { 0..len };
        let (count, desc) = (end - start, desc && unsorted);
        self.elems.reserve(count);
        match object {
            Some(Object::List(list)) if desc => list.range_rev(start, count).for_each(|elem| self.push(elem)),
            Some(Object::List(list)) => list.range(start, count).for_each(|elem| self.push(elem)),
            Some(Object::Zset(zset)) if desc => zset.range_rev(len - end..len - start).for_each(|(m, _)| self.push(m)),
            Some(Object::Zset(zset)) => zset.range(start..end).for_each(|(member, _)| self.push(member)),
            Some(Object::Set(set)) => set.iter().skip(start).take(count).for_each(|member| self.push(member)),
            _ => return Err(Error::WrongType),
        }
        Ok(())
    }

    fn push(&mut self, elem: Elem) {
        let span = self.keep(elem);
        self.elems.push(span);
    }

    fn keep(&mut self, elem: Elem) -> Span {
        let at = self.text.len();
        elem.with(|text| self.text.extend_from_slice(text));
        Span { at, len: self.text.len() - at }
    }

    fn by_number(&mut self, ks: &mut Keyspace) -> Result<(), Error> {
        let mut weighted = Vec::with_capacity(self.elems.len());
        let mut key = Vec::new();
        for span in &self.elems {
            let elem = slice(&self.text, *span);
            let weight = match &self.options.by {
                None => number(Elem::Str(elem)),
                Some(pattern) => pattern.look_up(ks, elem, &mut key).map_or(Some(0.0), number),
            };
            weighted.push((weight.ok_or(Error::ScoresNotFloat)?, *span));
        }
        let (text, desc) = (&self.text, self.options.desc);
        let range = self.options.range(weighted.len());
        let sorted = order::positions(weighted.len(), range, &|a, b| {
            let ((a, x), (b, y)) = (weighted[a], weighted[b]);
            // No number is NaN.
            let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            turn(order.then_with(|| slice(text, x).cmp(slice(text, y))), desc)
        });
        self.elems = sorted.into_iter().map(|at| weighted[at].1).collect();
        Ok(())
    }

    fn by_bytes(&mut self) {
        let (text, desc) = (&self.text, self.options.desc);
        let range = self.options.range(self.elems.len());
        let elems = &self.elems;
        let sorted =
            order::positions(elems.len(), range, &|a, b| turn(slice(text, elems[a]).cmp(slice(text, elems[b])), desc));
        self.elems = sorted.into_iter().map(|at| elems[at]).collect();
    }

    /// Orders by texts found elsewhere. Elements without one come first; those with equal ones stay as they were.
    fn by_text(&mut self, ks: &mut Keyspace) {
        let Some(pattern) = self.options.by.take() else { return };
        let (mut key, mut elem) = (Vec::new(), Vec::new());
        let mut found = Vec::with_capacity(self.elems.len());
        let elems = std::mem::take(&mut self.elems);
        for span in elems {
            elem.clear();
            elem.extend_from_slice(slice(&self.text, span));
            let text = pattern.look_up(ks, &elem, &mut key).map(|text| self.keep(text));
            found.push((text, span));
        }
        let (text, desc, from_set) = (&self.text, self.options.desc, self.from_set);
        let range = self.options.range(found.len());
        let sorted = order::positions(found.len(), range, &|a, b| {
            let ((a, x), (b, y)) = (found[a], found[b]);
            let order = a.map(|a| slice(text, a)).cmp(&b.map(|b| slice(text, b)));
            turn(order, desc).then_with(|| if from_set { slice(text, x).cmp(slice(text, y)) } else { Ordering::Equal })
        });
        self.elems = sorted.into_iter().map(|at| found[at].1).collect();
    }

    /// Passes what is to be returned to `f`: every element, or what every GET finds for it.
    fn each(&self, ks: &mut Keyspace, mut f: impl FnMut(Option<Elem>)) {
        let mut key = Vec::new();
        for span in &self.elems {
            let elem = slice(&self.text, *span);
            if self.options.get.is_empty() {
                f(Some(Elem::Str(elem)));
            }
            for pattern in &self.options.get {
                f(pattern.look_up(ks, elem, &mut key));
            }
        }
    }
}

fn slice(text: &[u8], span: Span) -> &[u8] {
    &text[span.at..span.at + span.len]
}

fn turn(order: Ordering, desc: bool) -> Ordering {
    if desc { order.reverse() } else { order }
}

/// Returns the number a text spells as C's `strtod` reads it: white space before it is skipped, a zero byte ends it, no text at
/// all is 0; NaN and what is too large or too small is none.
fn number(elem: Elem) -> Option<f64> {
    let text = match elem {
        Elem::Int(n) => return Some(n as f64),
        Elem::Str(text) => text,
    };
    if let Some(value) = num::parse_f64(text).filter(|value| value.abs() >= f64::MIN_POSITIVE) {
        return Some(value);
    }
    let text = text.split(|b| *b == 0).next().unwrap_or(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let blanks = text.iter().take_while(|b| matches!(b, b' ' | b'\t'..=b'\r')).count();
    let text = &text[blanks..];
    let value = num::parse_f64(text)?;
    let mantissa = text.split(|b| matches!(b, b'e' | b'E' | b'p' | b'P')).next().unwrap_or(text);
    let spells_zero = !mantissa.iter().any(|b| matches!(b, b'1'..=b'9' | b'a'..=b'f' | b'A'..=b'F'));
    (value.abs() >= f64::MIN_POSITIVE || spells_zero).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_c_reads_them() {
        for (text, want) in [
            ("", Some(0.0)),
            ("0", Some(0.0)),
            ("0e5", Some(0.0)),
            ("-0x0p3", Some(0.0)),
            (" \t12", Some(12.0)),
            ("12\0abc", Some(12.0)),
            ("1e3", Some(1000.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("0x1p4", Some(16.0)),
            (" ", None),
            ("12 ", None),
            ("nan", None),
            ("1e-320", None),
            ("1e-5000", None),
            ("1e999", None),
            ("2x", None),
        ] {
            assert_eq!(number(Elem::Str(text.as_bytes())), want, "{text:?}");
        }
    }

    #[test]
    fn patterns_split_at_star_and_arrow() {
        let parts = |text: &'static str| match Pattern::parse(text.as_bytes()) {
            Pattern::Key { before, after, field } => Some((before, after, field)),
            _ => None,
        };
        assert_eq!(parts("w_*"), Some((&b"w_"[..], &b""[..], None)));
        assert_eq!(parts("w_*x->f"), Some((&b"w_"[..], &b"x"[..], Some(&b"f"[..]))));
        assert_eq!(parts("*->"), Some((&b""[..], &b"->"[..], None)));
        assert_eq!(parts("a->b*"), Some((&b"a->b"[..], &b""[..], None)));
        assert_eq!(parts("none"), None);
    }
}
