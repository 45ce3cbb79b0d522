//! The compact encodings before Redis 7: ziplist and zipmap. They are read, never kept or written.

use crate::ds::listpack::Elem;

/// Calls `each` for every element of a ziplist. Returns `None` if anything about it is wrong.
///
/// The format: bytes in all (u32), where the last entry starts (u32), count (u16, 65535: not known); entries; 0xFF. An entry
/// is the size of the one before (one byte, or 254 and a u32), an encoding and its data.
pub(super) fn ziplist<'a>(raw: &'a [u8], mut each: impl FnMut(Elem<'a>)) -> Option<()> {
    let (head, _) = raw.split_first_chunk::<10>()?;
    let total = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let tail = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let count = u16::from_le_bytes([head[8], head[9]]);
    if total as usize != raw.len() {
        return None;
    }
    let (mut at, mut before, mut last, mut seen) = (10, 0usize, 10, 0usize);
    while *raw.get(at)? != 0xFF {
        let (size_before, head) = match raw[at..] {
            [254, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]) as usize, 5),
            [size @ 0..254, ..] => (size as usize, 1),
            _ => return None,
        };
        if size_before != before {
            return None;
        }
        let (elem, size) = ziplist_entry(&raw[at + head..])?;
        each(elem);
        (last, before) = (at, head + size);
        at += before;
        seen += 1;
    }
    let counted = count == u16::MAX || count as usize == seen;
    (at + 1 == raw.len() && tail == last && counted).then_some(())
}

/// Returns the entry that starts `raw`, behind the size of the one before, and the bytes it takes.
fn ziplist_entry(raw: &[u8]) -> Option<(Elem<'_>, usize)> {
    let string = |head: usize, len: usize| Some((Elem::Str(raw.get(head..head.checked_add(len)?)?), head + len));
    let int = |bytes: usize| {
        // Sign-extended by way of the upper end.
        let mut wide = [0; 8];
        wide[8 - bytes..].copy_from_slice(raw.get(1..1 + bytes)?);
        Some((Elem::Int(i64::from_le_bytes(wide) >> (64 - 8 * bytes)), 1 + bytes))
    };
    match *raw.first()? {
        first @ 0..0x40 => string(1, first as usize),
        first @ 0x40..0x80 => string(2, (first as usize & 0x3F) << 8 | *raw.get(1)? as usize),
        0x80 => string(5, u32::from_be_bytes(*raw.get(1..)?.first_chunk()?) as usize),
        0xC0 => int(2),
        0xD0 => int(4),
        0xE0 => int(8),
        0xF0 => int(3),
        0xFE => int(1),
        first @ 0xF1..=0xFD => Some((Elem::Int(i64::from(first & 0x0F) - 1), 1)),
        _ => None,
    }
}

/// Calls `each` for every pair of a zipmap. Returns `None` if anything about it is wrong.
///
/// The format: count (u8, 254 and above: not known); pairs; 0xFF. A pair is the field's length (one byte, or 254 and a u32),
/// the field, the value's length likewise, a byte that says how many unused ones follow the value, the value.
pub(super) fn zipmap<'a>(raw: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
    let (&count, mut rest) = raw.split_first()?;
    let mut seen = 0usize;
    loop {
        if let [0xFF, after @ ..] = rest {
            return (after.is_empty() && (count >= 254 || count as usize == seen)).then_some(());
        }
        let (len, after) = zipmap_length(rest)?;
        let (field, after) = after.split_at_checked(len)?;
        let (len, after) = zipmap_length(after)?;
        let (&unused, after) = after.split_first()?;
        let (value, after) = after.split_at_checked(len)?;
        each(field, value);
        rest = after.get(unused as usize..)?;
        seen += 1;
    }
}

fn zipmap_length(raw: &[u8]) -> Option<(usize, &[u8])> {
    match raw {
        [254, a, b, c, d, rest @ ..] => Some((u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest)),
        [len @ 0..254, rest @ ..] => Some((*len as usize, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(raw: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        ziplist(raw, |elem| all.push(elem.to_vec())).map(|()| all)
    }

    fn pairs(raw: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut all = Vec::new();
        zipmap(raw, |field, value| all.push((field.to_vec(), value.to_vec()))).map(|()| all)
    }

    #[test]
    fn every_kind_of_ziplist_entry_is_read() {
        let long = vec![b'x'; 300];
        let entries: [(&[u8], &[u8]); 9] = [
            (b"\x02hi", b"hi"),
            (b"\xC0\xFE\xFF", b"-2"),
            (b"\xD0\x00\x00\x01\x00", b"65536"),
            (b"\xE0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", b"9223372036854775807"),
            (b"\xF0\x00\x00\x80", b"-8388608"),
            (b"\xFE\x80", b"-128"),
            (b"\xF1", b"0"),
            (b"\xFD", b"12"),
            (&[b"\x41\x2C", &long[..]].concat(), &long),
        ];
        let (mut body, mut before, mut last) = (Vec::new(), 0, 10);
        for (entry, _) in entries {
            last = 10 + body.len();
            body.push(before as u8);
            body.extend_from_slice(entry);
            before = 1 + entry.len();
        }
        // One more, after an entry whose size takes five bytes to say.
        last = last.max(10 + body.len());
        body.extend_from_slice(&[&[254][..], &(before as u32).to_le_bytes(), b"\x80\x00\x00\x00\x01z"].concat());
        let mut raw = (10 + body.len() as u32 + 1).to_le_bytes().to_vec();
        raw.extend_from_slice(&(last as u32).to_le_bytes());
        raw.extend_from_slice(&10u16.to_le_bytes());
        raw.extend_from_slice(&body);
        raw.push(0xFF);
        let want: Vec<Vec<u8>> = entries.iter().map(|(_, text)| text.to_vec()).chain([b"z".to_vec()]).collect();
        assert_eq!(elements(&raw), Some(want));
        for cut in 0..raw.len() {
            assert_eq!(elements(&raw[..cut]), None);
        }
        for at in [0, 4, 8, 10, 11, 14] {
            let mut wrong = raw.clone();
            wrong[at] ^= 0x55;
            assert_eq!(elements(&wrong), None, "{at}");
        }
    }

    #[test]
    fn a_zipmap_is_read() {
        let raw = b"\x02\x01a\x02\x03hiXXX\xFE\x01\x00\x00\x00b\x00\x00\xFF";
        assert_eq!(pairs(raw), Some(vec![(b"a".to_vec(), b"hi".to_vec()), (b"b".to_vec(), b"".to_vec())]));
        for cut in 0..raw.len() {
            assert_eq!(pairs(&raw[..cut]), None);
        }
        assert_eq!(pairs(b"\x01\xFF"), None);
    }
}
