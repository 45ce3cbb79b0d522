//! RDB files of every version written by hand from the public description of the format, with what they hold: a value for each
//! type there is, and pieces to make further files of.

use super::data::Bytes;

/// A value of a type, as a file has it.
pub struct Format {
    /// Its type.
    pub code: u8,
    /// The first version of the format with it; 80 is Valkey's.
    pub since: u32,
    /// What it is, in a word: its key.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What [`super::content_and_encodings`] says of it.
    pub want: String,
}

/// The latest version with files of its own.
pub const LATEST: u32 = 12;
pub const VALKEY: u32 = 80;

/// A time of expiry of fields: in 2033.
pub const FIELD_DUE: u64 = 2_000_000_000_000;

impl Format {
    /// The start of a file of `version`.
    pub fn head(version: u32) -> Bytes {
        if version == VALKEY { Bytes(b"VALKEY080".to_vec()) } else { Bytes::new(version) }
    }

    /// The versions that have it.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        (self.since..=LATEST).chain([VALKEY]).filter(|version| *version != VALKEY || self.code <= 22)
    }

    /// A file of `version` with this value alone.
    pub fn file(&self, version: u32) -> Vec<u8> {
        self.add(Self::head(version)).end(version >= 5)
    }

    /// Adds this value to a file, under its name.
    pub fn add(&self, file: Bytes) -> Bytes {
        file.key(self.code, self.name).raw(&self.bytes)
    }
}

/// A file of `version` with all values that it has, in database 2.
pub fn whole(version: u32) -> Vec<u8> {
    let there = all().into_iter().filter(|format| format.versions().any(|with| with == version));
    there.fold(Format::head(version).raw(&[0xFE, 2]), |file, format| format.add(file)).end(version >= 5)
}

/// A value of each type, and of types with several forms one of each.
pub fn all() -> Vec<Format> {
    let mut all = Vec::new();
    let mut row = |code, since, name, bytes: Bytes, want: &str| {
        all.push(Format { code, since, name, bytes: bytes.0, want: want.to_string() });
    };
    let b = || Bytes(Vec::new());
    row(0, 1, "string", b().string(b"hello"), "None string helloembstr");
    row(0, 1, "int8", b().raw(&[0xC0, 0x9C]), "None string -100int");
    row(0, 1, "int16", b().raw(&[0xC1, 0xD0, 0x8A]), "None string -30000int");
    row(0, 1, "int32", b().raw(&[0xC2, 0, 0x94, 0x35, 0x77]), "None string 2000000000int");
    let lzf = [0xC3, 5, 10, 0, b'a', 0xE0, 0, 0];
    row(0, 1, "lzf", b().raw(&lzf), "None string aaaaaaaaaaembstr");
    row(0, 1, "length of 14 bits", b().raw(&[0x40, 3]).raw(b"abc"), "None string abcembstr");
    row(0, 1, "length of 32 bits", b().raw(&[0x80, 0, 0, 0, 3]).raw(b"abc"), "None string abcembstr");
    row(0, 7, "length of 64 bits", b().raw(&[0x81, 0, 0, 0, 0, 0, 0, 0, 3]).raw(b"abc"), "None string abcembstr");
    row(1, 1, "list", b().raw(&[2]).string(b"a").raw(&[0xC0, 5]), "None list a 5listpack");
    row(2, 1, "set", b().raw(&[2]).string(b"a").raw(&[0xC0, 7]), "None set 7 alistpack");
    row(2, 1, "set of ints", b().raw(&[2]).string(b"12").raw(&[0xC0, 7]), "None set 12 7intset");
    let scores = b().raw(&[3]).string(b"a").raw(b"\x031.5").string(b"top").raw(&[254]).string(b"low").raw(&[255]);
    row(3, 1, "zset", scores, "None zset low=-inf a=1.5 top=inflistpack");
    row(4, 1, "hash", b().raw(&[1]).string(b"f").string(b"v"), "None hash f=v@Nonelistpack");
    let scores = b().raw(&[2]).string(b"a").raw(&1.5f64.to_le_bytes()).string(b"b").raw(&(-0.5f64).to_le_bytes());
    row(5, 8, "zset of doubles", scores, "None zset b=-0.5 a=1.5listpack");
    row(9, 2, "zipmap", b().string(b"\x02\x01f\x01\x02v..\x01g\x00\x00\xFF"), "None hash f=v@None g=@Nonelistpack");
    row(10, 2, "ziplist", b().string(&ziplist(&["a", "12", "c"])), "None list a 12 clistpack");
    row(11, 2, "intset of 16 bits", b().string(&intset(&[-5, 7], 2)), "None set -5 7intset");
    row(11, 2, "intset of 32 bits", b().string(&intset(&[-5, 70_000], 4)), "None set -5 70000intset");
    row(11, 2, "intset of 64 bits", b().string(&intset(&[-5, 1 << 40], 8)), "None set -5 1099511627776intset");
    row(12, 2, "zset ziplist", b().string(&ziplist(&["a", "1", "b", "2.5"])), "None zset a=1.0 b=2.5listpack");
    row(13, 4, "hash ziplist", b().string(&ziplist(&["f", "v", "g", "w"])), "None hash f=v@None g=w@Nonelistpack");
    let nodes = b().raw(&[2]).string(&ziplist(&["a", "b"])).string(&ziplist(&["c"]));
    row(14, 7, "quicklist", nodes, "None list a b cquicklist");
    row(15, 9, "stream", stream(1), "None stream 1-1 3-4 0-0 +2 1-1[f=v] 3-4[g=7] g>1-1/Some(1) 1-1:c@5x2 c(1-1)stream");
    row(16, 10, "hash listpack", b().string(&listpack(&["f", "v", "1", "2"])), "None hash 1=2@None f=v@Nonelistpack");
    row(17, 10, "zset listpack", b().string(&listpack(&["a", "1", "b", "2.5"])), "None zset a=1.0 b=2.5listpack");
    let nodes = b().raw(&[2, 2]).string(&listpack(&["a", "5"])).raw(&[1]).string(&[b'x'; 9000]);
    row(18, 10, "quicklist of listpacks", nodes, &format!("None list a 5 {}quicklist", "x".repeat(9000)));
    let known = "None stream 1-1 3-4 2-0 +9 1-1[f=v] 3-4[g=7] g>1-1/Some(8) 1-1:c@5x2 c(1-1)stream";
    row(19, 10, "stream 2", stream(2), known);
    row(20, 11, "set listpack", b().string(&listpack(&["a", "5"])), "None set 5 alistpack");
    row(21, 11, "stream 3", stream(3), known);
    let due = FIELD_DUE.to_le_bytes();
    let timed = "None hash f=v@Some(2000000000000) g=w@Some(2000000000002) h=x@Nonelistpackex";
    let fields = b().raw(&[3]).string(b"f").string(b"v").raw(&due).string(b"g").string(b"w");
    let fields = fields.raw(&(FIELD_DUE + 2).to_le_bytes()).string(b"h").string(b"x").raw(&[0xFF; 8]);
    row(22, VALKEY, "hash of Valkey", fields, timed);
    let fields = b().raw(&due).raw(&[3, 3]).string(b"g").string(b"w").raw(&[1]).string(b"f").string(b"v");
    row(24, 12, "hash with times", fields.raw(&[0]).string(b"h").string(b"x"), timed);
    let (soon, later) = (FIELD_DUE.to_string(), (FIELD_DUE + 2).to_string());
    let triples = listpack(&["f", "v", &soon, "g", "w", &later, "h", "x", "0"]);
    row(25, 12, "hash listpack with times", b().raw(&due).string(&triples), timed);
    all
}

/// A stream of two entries in two nodes and a group with one pending, as `form` 1 to 3 has it.
fn stream(form: u32) -> Bytes {
    let node = |field: &str, value: &str| listpack(&["1", "0", "1", field, "0", "2", "0", "0", value, "4"]);
    let id = |ms: u64, seq: u64| [ms.to_be_bytes(), seq.to_be_bytes()].concat();
    let mut b = Bytes(vec![2]).string(&id(1, 1)).string(&node("f", "v")).string(&id(3, 4)).string(&node("g", "7"));
    b = b.raw(&[2, 3, 4]);
    if form > 1 {
        // The first id, the largest deleted, and how many were added.
        b = b.raw(&[1, 1, 2, 0, 9]);
    }
    b = b.raw(&[1]).string(b"g").raw(&[1, 1]);
    if form > 1 {
        b = b.raw(&[8]);
    }
    b = b.raw(&[1]).raw(&id(1, 1)).raw(&5u64.to_le_bytes()).raw(&[2]);
    b = b.raw(&[1]).string(b"c").raw(&6u64.to_le_bytes());
    if form > 2 {
        b = b.raw(&5u64.to_le_bytes());
    }
    b.raw(&[1]).raw(&id(1, 1))
}

/// The compact list before Redis 7, of short strings.
pub fn ziplist(elements: &[&str]) -> Vec<u8> {
    let (mut body, mut before, mut last) = (Vec::new(), 0usize, 10);
    for element in elements {
        last = 10 + body.len();
        body.extend_from_slice(&[before as u8, element.len() as u8]);
        body.extend_from_slice(element.as_bytes());
        before = 2 + element.len();
    }
    let mut raw = (11 + body.len() as u32).to_le_bytes().to_vec();
    raw.extend_from_slice(&(last as u32).to_le_bytes());
    raw.extend_from_slice(&(elements.len() as u16).to_le_bytes());
    raw.extend_from_slice(&body);
    raw.push(0xFF);
    raw
}

/// The compact list from Redis 7 on, of short strings, small numbers and numbers of 64 bits.
pub fn listpack(elements: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for element in elements {
        let entry = match element.parse::<i64>() {
            Ok(n @ 0..128) => vec![n as u8],
            Ok(n) => [&[0xF4][..], &n.to_le_bytes()].concat(),
            Err(_) => [&[0x80 | element.len() as u8][..], element.as_bytes()].concat(),
        };
        body.extend_from_slice(&entry);
        body.push(entry.len() as u8);
    }
    let mut raw = (7 + body.len() as u32).to_le_bytes().to_vec();
    raw.extend_from_slice(&(elements.len() as u16).to_le_bytes());
    raw.extend_from_slice(&body);
    raw.push(0xFF);
    raw
}

/// Sorted integers of so many bytes each.
pub fn intset(ints: &[i64], bytes: usize) -> Vec<u8> {
    let mut raw = (bytes as u32).to_le_bytes().to_vec();
    raw.extend_from_slice(&(ints.len() as u32).to_le_bytes());
    ints.iter().for_each(|n| raw.extend_from_slice(&n.to_le_bytes()[..bytes]));
    raw
}

/// The number of a module's type: nine letters and a version.
pub fn module_id(name: &[u8; 9], version: u64) -> [u8; 9] {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let six = |letter: &u8| letters.iter().position(|other| other == letter).expect("a name is of these") as u64;
    let id = name.iter().fold(0, |id, letter| id << 6 | six(letter)) << 10 | version;
    let mut bytes = [0x81; 9];
    bytes[1..].copy_from_slice(&id.to_be_bytes());
    bytes
}
