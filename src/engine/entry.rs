//! One key with its value in one allocation: an 8-byte head, an expiry if there is one, the key, and a short string's bytes.
//!
//! Layout, every part 8-byte aligned but the bytes: `Head | expire u64? | long key length u64? | word u64? | key | inline value`.
//! A 16-byte key with a 16-byte value takes 40 bytes. The *word* is an integer, or the pointer to a longer string or an object.

use super::value::{Object, Type};
use crate::base::heap::{block, of_vec};
use crate::base::num::parse_i64;
use crate::ds::dict::Keyed;
use crate::ds::listpack::Elem;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Strings up to this length live in the entry; longer ones, and those that grew by `APPEND` or `SETRANGE`, on their own.
const INLINE_MAX: usize = 1024;
/// The longest string whose encoding is called `embstr`.
const EMBSTR_MAX: usize = 44;
/// A key length that says "see the long key length".
const LONG_KEY: u8 = u8::MAX;

/// An owned entry behind one pointer.
pub struct Entry(NonNull<Head>);

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Head {
    /// Bits 0–23 access clock, 24–26 type, 27–28 form, then the flags.
    meta: u32,
    /// The snapshot epoch in which the entry was born or last visited.
    epoch: u8,
    /// Length of the key, or [`LONG_KEY`].
    key_len: u8,
    /// Length of an inline value.
    value_len: u16,
}

const TYPE_SHIFT: u32 = 24;
const FORM_SHIFT: u32 = 27;
const CLOCK_MASK: u32 = (1 << 24) - 1;
const EXPIRES: u32 = 1 << 29;
/// The string is `raw` whatever its length, because it was changed in place.
const RAW: u32 = 1 << 30;
/// All bytes of the string are below 0x80. Never set wrongly; may be unset on ASCII.
const ASCII: u32 = 1 << 31;

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Form {
    Inline = 0,
    Int = 1,
    Heap = 2,
    Object = 3,
}

/// A value on its way into an entry.
pub enum Payload<'a> {
    /// A string as a client sent it; kept as an integer when it spells one.
    Text(&'a [u8]),
    /// An integer.
    Int(i64),
    /// A string that may grow; its encoding is `raw`.
    Raw(Vec<u8>),
    /// Anything else.
    Object(Object),
}

/// A value to look at.
pub enum Value<'a> {
    /// A string or the integer it spells.
    Text(Elem<'a>),
    /// Anything else.
    Object(&'a Object),
}

impl Keyed for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        let head = self.head();
        let at = key_at(head);
        // SAFETY: `new` wrote `key_len` bytes at `key_at`.
        unsafe { std::slice::from_raw_parts(self.base().add(at), self.key_len()) }
    }
}

/// Where the key starts.
#[inline]
fn key_at(head: Head) -> usize {
    word_at(head) + if form(head) == Form::Inline { 0 } else { 8 }
}

/// Where the word starts, if there is one.
#[inline]
fn word_at(head: Head) -> usize {
    8 + if head.meta & EXPIRES != 0 { 8 } else { 0 } + if head.key_len == LONG_KEY { 8 } else { 0 }
}

#[inline]
fn form(head: Head) -> Form {
    match (head.meta >> FORM_SHIFT) & 3 {
        0 => Form::Inline,
        1 => Form::Int,
        2 => Form::Heap,
        _ => Form::Object,
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("keys are at most 512 MB")
}

impl Entry {
    /// Returns a new entry. `expire` in ms since the epoch; `clock` is the 24-bit access clock.
    pub fn new(key: &[u8], value: Payload<'_>, expire: Option<u64>, clock: u32, epoch: u8) -> Self {
        let mut meta = clock & CLOCK_MASK;
        let (kind, form, word, inline): (Type, Form, u64, &[u8]) = match value {
            Payload::Int(n) => (Type::String, Form::Int, n as u64, &[]),
            Payload::Text(text) => match parse_short_int(text) {
                Some(n) => (Type::String, Form::Int, n as u64, &[]),
                None => {
                    if text.is_ascii() {
                        meta |= ASCII;
                    }
                    if text.len() <= INLINE_MAX {
                        (Type::String, Form::Inline, 0, text)
                    } else {
                        (Type::String, Form::Heap, boxed(text.to_vec()), &[])
                    }
                }
            },
            Payload::Raw(text) => {
                meta |= RAW;
                (Type::String, Form::Heap, boxed(text), &[])
            }
            Payload::Object(object) => (object.kind(), Form::Object, boxed(object), &[]),
        };
        meta |= (kind as u32) << TYPE_SHIFT | (form as u32) << FORM_SHIFT;
        if expire.is_some() {
            meta |= EXPIRES;
        }
        let key_len = if key.len() < LONG_KEY as usize { key.len() as u8 } else { LONG_KEY };
        let head = Head { meta, epoch, key_len, value_len: inline.len() as u16 };
        Self::write(head, key, expire, word, inline)
    }

    /// Allocates and fills an entry with these parts, which agree with `head`.
    fn write(head: Head, key: &[u8], expire: Option<u64>, word: u64, inline: &[u8]) -> Self {
        let at = key_at(head);
        let layout = layout(at + key.len() + inline.len());
        // SAFETY: the allocation has room for every part at the offset that `key_at` and `word_at` give for this head.
        unsafe {
            let base = alloc(layout);
            let ptr = NonNull::new(base.cast::<Head>()).unwrap_or_else(|| handle_alloc_error(layout));
            ptr.write(head);
            if let Some(expire) = expire {
                base.add(8).cast::<u64>().write(expire);
            }
            if head.key_len == LONG_KEY {
                base.add(word_at(head) - 8).cast::<u64>().write(key.len() as u64);
            }
            if form(head) != Form::Inline {
                base.add(word_at(head)).cast::<u64>().write(word);
            }
            std::ptr::copy_nonoverlapping(key.as_ptr(), base.add(at), key.len());
            std::ptr::copy_nonoverlapping(inline.as_ptr(), base.add(at + key.len()), inline.len());
            Entry(ptr)
        }
    }

    #[inline]
    fn head(&self) -> Head {
        // SAFETY: the entry is alive and its head initialised.
        unsafe { self.0.read() }
    }

    #[inline]
    fn head_mut(&mut self) -> &mut Head {
        // SAFETY: as above, and `self` is borrowed uniquely.
        unsafe { self.0.as_mut() }
    }

    #[inline]
    fn base(&self) -> *mut u8 {
        self.0.as_ptr().cast()
    }

    #[inline]
    fn key_len(&self) -> usize {
        let head = self.head();
        if head.key_len != LONG_KEY {
            return head.key_len as usize;
        }
        // SAFETY: a long key has its length before the word.
        unsafe { self.base().add(word_at(head) - 8).cast::<u64>().read() as usize }
    }

    fn word(&self) -> u64 {
        let head = self.head();
        debug_assert!(form(head) != Form::Inline);
        // SAFETY: every form but inline has a word.
        unsafe { self.base().add(word_at(head)).cast::<u64>().read() }
    }

    fn word_or_zero(&self) -> u64 {
        if form(self.head()) == Form::Inline { 0 } else { self.word() }
    }

    /// The inline value's bytes; empty in every other form.
    fn inline(&self) -> &[u8] {
        match self.text() {
            Some(Elem::Str(text)) if form(self.head()) == Form::Inline => text,
            _ => &[],
        }
    }

    /// The bytes the entry's own allocation takes.
    #[inline]
    fn size(&self) -> usize {
        let head = self.head();
        key_at(head) + self.key_len() + head.value_len as usize
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self) -> Type {
        match (self.head().meta >> TYPE_SHIFT) & 7 {
            0 => Type::String,
            1 => Type::List,
            2 => Type::Set,
            3 => Type::Zset,
            4 => Type::Hash,
            5 => Type::Stream,
            6 => Type::VectorSet,
            _ => Type::Json,
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'_> {
        match self.text() {
            Some(text) => Value::Text(text),
            // SAFETY: the form says that the word is the pointer `boxed` gave for an Object, owned by this entry.
            None => Value::Object(unsafe { &*(self.word() as usize as *const Object) }),
        }
    }

    /// The string or integer, unless the value is an object.
    #[inline]
    pub fn text(&self) -> Option<Elem<'_>> {
        let head = self.head();
        match form(head) {
            Form::Inline => {
                let at = key_at(head) + self.key_len();
                // SAFETY: `value_len` bytes follow the key.
                Some(Elem::Str(unsafe { std::slice::from_raw_parts(self.base().add(at), head.value_len as usize) }))
            }
            Form::Int => Some(Elem::Int(self.word() as i64)),
            // SAFETY: the form says that the word is the pointer `boxed` gave for a Vec, owned by this entry.
            Form::Heap => Some(Elem::Str(unsafe { &*(self.word() as usize as *const Vec<u8>) })),
            Form::Object => None,
        }
    }

    /// The object, unless the value is a string.
    pub fn object(&self) -> Option<&Object> {
        match self.value() {
            Value::Object(object) => Some(object),
            Value::Text(_) => None,
        }
    }

    /// Frees about `count` parts of a value that nobody will look at any more. Returns whether some are left.
    pub fn wither(&mut self, count: usize) -> bool {
        self.object_mut().is_some_and(|object| object.wither(count))
    }

    /// The object to change, unless the value is a string.
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        if form(self.head()) != Form::Object {
            return None;
        }
        // SAFETY: as in `value`, and `self` is borrowed uniquely.
        Some(unsafe { &mut *(self.word() as usize as *mut Object) })
    }

    /// Whether the value is a string on its own, which can grow.
    pub fn is_heap_text(&self) -> bool {
        form(self.head()) == Form::Heap
    }

    /// The bytes of a string that lives on its own, to change; its encoding becomes `raw`.
    pub fn raw_mut(&mut self) -> Option<&mut Vec<u8>> {
        let head = self.head();
        if form(head) != Form::Heap {
            return None;
        }
        self.head_mut().meta = (head.meta | RAW) & !ASCII;
        // SAFETY: as in `text`, and `self` is borrowed uniquely.
        Some(unsafe { &mut *(self.word() as usize as *mut Vec<u8>) })
    }

    /// Overwrites the value without a new allocation if the new one has the same shape: an integer for an integer, an inline
    /// string for one of the same length. The expiry stays. Returns whether it did.
    pub fn overwrite(&mut self, text: &[u8]) -> bool {
        let head = self.head();
        match (form(head), parse_short_int(text)) {
            (Form::Int, Some(n)) => {
                self.set_int(n);
                true
            }
            (Form::Inline, None) if head.value_len as usize == text.len() => {
                let at = key_at(head) + self.key_len();
                // SAFETY: the inline value has exactly this length.
                unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), self.base().add(at), text.len()) };
                let ascii = if text.is_ascii() { ASCII } else { 0 };
                self.head_mut().meta = (head.meta & !(ASCII | RAW)) | ascii;
                true
            }
            _ => false,
        }
    }

    /// Overwrites an integer in place. Returns whether the value was one.
    pub fn set_int(&mut self, n: i64) -> bool {
        let head = self.head();
        if form(head) != Form::Int {
            return false;
        }
        // SAFETY: an integer has a word.
        unsafe { self.base().add(word_at(head)).cast::<u64>().write(n as u64) };
        true
    }

    /// When the key expires, ms since the epoch.
    #[inline]
    pub fn expire(&self) -> Option<u64> {
        if self.head().meta & EXPIRES == 0 {
            return None;
        }
        // SAFETY: the flag says that an expiry follows the head.
        Some(unsafe { self.base().add(8).cast::<u64>().read() })
    }

    /// Changes the expiry; a new allocation only if there was none before, or is none afterwards.
    pub fn set_expire(&mut self, expire: Option<u64>) {
        let mut head = self.head();
        match expire {
            Some(at) if head.meta & EXPIRES != 0 => {
                // SAFETY: the flag says that an expiry follows the head.
                unsafe { self.base().add(8).cast::<u64>().write(at) };
            }
            None if head.meta & EXPIRES == 0 => {}
            _ => {
                head.meta ^= EXPIRES;
                let moved = Self::write(head, self.key(), expire, self.word_or_zero(), self.inline());
                std::mem::replace(self, moved).free_shell();
            }
        }
    }

    /// Returns the same value under another key.
    #[inline]
    pub fn with_key(self, key: &[u8]) -> Self {
        let mut head = self.head();
        head.key_len = if key.len() < LONG_KEY as usize { key.len() as u8 } else { LONG_KEY };
        let entry = Self::write(head, key, self.expire(), self.word_or_zero(), self.inline());
        self.free_shell();
        entry
    }

    /// Takes the object out, unless the value is a string.
    pub fn into_object(self) -> Option<Object> {
        if form(self.head()) != Form::Object {
            return None;
        }
        // SAFETY: the word is the pointer `boxed` gave for an Object; the shell is freed without dropping it again.
        let object = unsafe { Box::from_raw(self.word() as usize as *mut Object) };
        self.free_shell();
        Some(*object)
    }

    /// Frees the entry's own allocation, leaving what its word points to alone.
    fn free_shell(self) {
        let size = self.size();
        let base = self.base();
        std::mem::forget(self);
        // SAFETY: allocated in `write` with this size; `self` is forgotten, so it is freed once.
        unsafe { dealloc(base, layout(size)) };
    }

    /// The word `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        let head = self.head();
        match self.value() {
            Value::Object(object) => object.encoding(),
            Value::Text(Elem::Int(_)) => "int",
            Value::Text(Elem::Str(s)) if head.meta & RAW == 0 && s.len() <= EMBSTR_MAX => "embstr",
            Value::Text(_) => "raw",
        }
    }

    /// Whether the string is known to be ASCII.
    #[inline]
    pub fn is_ascii(&self) -> bool {
        let head = self.head();
        head.meta & ASCII != 0 || form(head) == Form::Int
    }

    /// The 24-bit access clock: seconds, or the LFU counter.
    pub fn clock(&self) -> u32 {
        self.head().meta & CLOCK_MASK
    }

    /// Sets the access clock.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        let head = self.head_mut();
        head.meta = (head.meta & !CLOCK_MASK) | (clock & CLOCK_MASK);
    }

    /// The snapshot epoch in which the entry was born or last visited.
    pub fn epoch(&self) -> u8 {
        self.head().epoch
    }

    /// Marks the entry as seen in `epoch`.
    pub fn set_epoch(&mut self, epoch: u8) {
        self.head_mut().epoch = epoch;
    }

    /// Bytes on the heap, the value included.
    pub fn heap_bytes(&self) -> usize {
        block(self.size())
            + match self.value() {
                Value::Object(object) => block(size_of::<Object>()) + object.heap_bytes(),
                Value::Text(_) if form(self.head()) == Form::Heap => {
                    // SAFETY: as in `text`.
                    let text = unsafe { &*(self.word() as usize as *const Vec<u8>) };
                    block(size_of::<Vec<u8>>()) + of_vec(text)
                }
                Value::Text(_) => 0,
            }
    }

    /// How many parts have to be freed with the value, about: what makes freeing it at once too long.
    pub fn parts(&self) -> usize {
        self.object().map_or(1, Object::parts)
    }
}

impl Clone for Entry {
    /// A copy that shares nothing: key, value in the same encoding, expiry, access clock, epoch.
    fn clone(&self) -> Self {
        let word = match (form(self.head()), self.value()) {
            (Form::Inline, _) => 0,
            (Form::Heap, Value::Text(Elem::Str(text))) => boxed(text.to_vec()),
            (_, Value::Object(object)) => boxed(object.clone()),
            (_, Value::Text(_)) => self.word(),
        };
        Self::write(self.head(), self.key(), self.expire(), word, self.inline())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let head = self.head();
        // SAFETY: the form says what the word points to; it was made by `boxed` and is dropped once. The shell was
        // allocated in `write` with this size.
        unsafe {
            match form(head) {
                Form::Heap => drop(Box::from_raw(self.word() as usize as *mut Vec<u8>)),
                Form::Object => drop(Box::from_raw(self.word() as usize as *mut Object)),
                Form::Inline | Form::Int => {}
            }
            dealloc(self.base(), layout(self.size()));
        }
    }
}

/// The address of a new box, as a word.
fn boxed<T>(value: T) -> u64 {
    Box::into_raw(Box::new(value)) as usize as u64
}

/// The integer that `text` spells, if it can.
#[inline]
fn parse_short_int(text: &[u8]) -> Option<i64> {
    if text.len() <= 20 { parse_i64(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ds::set::Set;

    #[test]
    fn a_small_pair_takes_forty_bytes() {
        let entry = Entry::new(&[b'k'; 16], Payload::Text(&[b'v'; 16]), None, 0, 0);
        assert_eq!(entry.size(), 40);
    }

    #[test]
    fn every_form_survives_expiry_and_renaming() {
        let long_key = vec![b'k'; 300];
        for key in [&b""[..], b"key", &long_key] {
            for text in [&b""[..], b"-12", b"hello", &[0xff; 50], &vec![b'x'; 5000]] {
                let mut e = Entry::new(key, Payload::Text(text), None, 5, 1);
                for expire in [Some(7), Some(8), None, None, Some(9)] {
                    e.set_expire(expire);
                    assert_eq!((e.key(), e.expire()), (key, expire));
                    assert!(e.text().unwrap().is(text));
                    assert_eq!((e.clock(), e.epoch()), (5, 1));
                }
                let e = e.with_key(b"other");
                assert_eq!((e.key(), e.expire()), (&b"other"[..], Some(9)));
                assert!(e.text().unwrap().is(text));
                assert_eq!(e.is_ascii(), text.is_ascii());
            }
            let mut e = Entry::new(key, Payload::Object(Object::Set(Set::new())), None, 0, 0);
            e.set_expire(Some(1));
            assert_eq!(e.kind(), Type::Set);
            assert!(e.object_mut().is_some());
            assert!(e.into_object().unwrap().is_empty());
        }
    }

    #[test]
    fn overwrites_in_place_only_what_fits() {
        let mut e = Entry::new(b"k", Payload::Text(b"abc"), Some(1), 0, 0);
        assert!(e.overwrite(b"xyz") && !e.overwrite(b"xy") && !e.overwrite(b"123"));
        let mut e = Entry::new(b"k", Payload::Text(b"10"), None, 0, 0);
        assert!(e.overwrite(b"-5") && !e.overwrite(b"x") && e.set_int(7));
        assert!(e.text().unwrap().is(b"7"));
    }
}
