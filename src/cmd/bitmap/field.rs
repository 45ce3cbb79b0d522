//! BITFIELD: integers of any width at any bit.

use super::{check_offset, grow};
use crate::base::num::parse_i64;
use crate::ds::bits;
use crate::engine::events::STRING;
use crate::engine::{Args, Ctx, Error, Group, KEY_READ, Outcome, Row, flag};

pub(super) const BITFIELD: Row = Row {
    name: "BITFIELD",
    group: Group::Bitmap,
    since: "3.2.0",
    arity: -2,
    flags: flag::WRITE | flag::DENYOOM,
    keys: "idx:1/range:last=0,step=1,limit=0[RW,UPDATE,ACCESS,VARIABLE_FLAGS]",
    summary: "Reads, sets and increments integers of 1 to 64 bits in the string value of a key, several in one call; `u8` at `#3` is the fourth byte. OVERFLOW says what happens to values that do not fit.",
    complexity: "O(1) for each subcommand specified",
    syntax: "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment> ...]",
    ts: "(key: Key, ...operations: Arg[]): (number | null)[]",
    example: "> BITFIELD k SET u8 #1 200 INCRBY i5 100 1 GET u4 8\n1) (integer) 0\n2) (integer) 1\n3) (integer) 12\n> BITFIELD k OVERFLOW SAT INCRBY u8 #1 100 OVERFLOW FAIL INCRBY u8 #1 1\n1) (integer) 255\n2) (nil)",
    run: |c| bitfield(c, false),
    ..Row::NONE
};

pub(super) const BITFIELD_RO: Row = Row {
    name: "BITFIELD_RO",
    group: Group::Bitmap,
    since: "6.0.0",
    arity: -2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_READ,
    summary: "Reads integers of 1 to 64 bits in the string value of a key, as BITFIELD does, without its ways to change them.",
    complexity: "O(1) for each subcommand specified",
    syntax: "key [GET encoding offset [GET encoding offset ...]]",
    ts: "(key: Key, ...operations: Arg[]): number[]",
    example: "> SET k abc\nOK\n> BITFIELD_RO k GET u8 #0 GET i4 8\n1) (integer) 97\n2) (integer) 6\n> BITFIELD_RO k SET u8 0 1\n(error) ERR BITFIELD_RO only supports the GET subcommand",
    run: |c| bitfield(c, true),
    ..Row::NONE
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Sat,
    Fail,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    IncrBy(i64),
}

/// `i5`, `u63`.
#[derive(Clone, Copy)]
struct Encoding {
    signed: bool,
    width: u32,
}

struct Operation {
    action: Action,
    overflow: Overflow,
    encoding: Encoding,
    at: u64,
}

fn bitfield(c: &mut Ctx, read_only: bool) -> Outcome {
    let key = c.argv[1];
    let operations = parse(c)?;
    let end = |op: &Operation| match op.action {
        Action::Get => None,
        _ => Some(op.at + u64::from(op.encoding.width)),
    };
    match operations.iter().filter_map(end).max() {
        None => read(c, key, &operations),
        Some(_) if read_only => Err(Error::BitfieldReadOnly),
        Some(bits) => write(c, key, &operations, bits),
    }
}

fn read(c: &mut Ctx, key: &[u8], operations: &[Operation]) -> Outcome {
    let mut buf = [0; 40];
    let bytes = c.ks.text(key)?.map_or(&b""[..], |text| text.text(&mut buf));
    c.out.array(operations.len());
    for op in operations {
        c.out.int(op.encoding.read(bytes, op.at) as i64);
    }
    Ok(())
}

fn write(c: &mut Ctx, key: &[u8], operations: &[Operation], bits: u64) -> Outcome {
    let len = usize::try_from(bits.div_ceil(8)).map_err(|_| Error::BitOffset)?;
    let grown = grow(c, key, len)?;
    let Some(bytes) = c.ks.raw_text(key)? else { return Ok(()) };
    let mut changes = 0;
    c.out.array(operations.len());
    for op in operations {
        let old = op.encoding.read(bytes, op.at);
        let new = match op.action {
            Action::Get => {
                c.out.int(old as i64);
                continue;
            }
            Action::Set(value) => op.encoding.fit(op.encoding.reading(value), op.overflow),
            Action::IncrBy(by) => op.encoding.fit(old + i128::from(by), op.overflow),
        };
        let Some(new) = new else {
            c.out.null();
            continue;
        };
        bits::set_field(bytes, op.at, op.encoding.width, new as u64);
        changes += u64::from(grown || new != old);
        c.out.int(if let Action::Set(_) = op.action { old as i64 } else { new as i64 });
    }
    // When all fails the string has still been made long enough, which Redis tells nobody: here the log must know.
    if grown || changes > 0 {
        c.ks.changed(key, STRING, "setbit");
        c.ks.dirty += changes.max(1) - 1;
    }
    Ok(())
}

impl Encoding {
    fn parse(arg: &[u8]) -> Result<Self, Error> {
        let (signed, width, most) = match arg {
            [b'i', width @ ..] => (true, width, 64),
            [b'u', width @ ..] => (false, width, 63),
            _ => return Err(Error::BitfieldType),
        };
        let width = parse_i64(width).filter(|width| (1..=most).contains(width)).ok_or(Error::BitfieldType)?;
        Ok(Encoding { signed, width: width as u32 })
    }

    /// The number at bit `at`.
    fn read(self, bytes: &[u8], at: u64) -> i128 {
        self.wrap(i128::from(bits::field(bytes, at, self.width)))
    }

    /// What the value of SET means: without a sign, a negative one is very large.
    fn reading(self, value: i64) -> i128 {
        if self.signed { i128::from(value) } else { i128::from(value as u64) }
    }

    /// The number that the lowest bits of `n` are.
    fn wrap(self, n: i128) -> i128 {
        let unused = 128 - self.width;
        if self.signed { n << unused >> unused } else { ((n as u128) << unused >> unused) as i128 }
    }

    /// What becomes of `n` if it does not fit; nothing if that is a failure.
    fn fit(self, n: i128, overflow: Overflow) -> Option<i128> {
        let (min, max) = if self.signed {
            (-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1)
        } else {
            (0, (1 << self.width) - 1)
        };
        match overflow {
            _ if (min..=max).contains(&n) => Some(n),
            Overflow::Wrap => Some(self.wrap(n)),
            Overflow::Sat => Some(n.clamp(min, max)),
            Overflow::Fail => None,
        }
    }
}

fn parse(c: &Ctx) -> Result<Vec<Operation>, Error> {
    let mut args = c.args();
    args.next()?;
    let (mut operations, mut overflow) = (Vec::new(), Overflow::Wrap);
    while args.more() {
        let left = args.left();
        let action = if left >= 3 && args.word("GET") {
            "GET"
        } else if left >= 4 && args.word("SET") {
            "SET"
        } else if left >= 4 && args.word("INCRBY") {
            "INCRBY"
        } else if left >= 2 && args.word("OVERFLOW") {
            overflow = parse_overflow(&mut args)?;
            continue;
        } else {
            return Err(Error::Syntax);
        };
        let encoding = Encoding::parse(args.next()?)?;
        let at = field_offset(c, args.next()?, encoding.width)?;
        let action = match action {
            "GET" => Action::Get,
            "SET" => Action::Set(args.int()?),
            _ => Action::IncrBy(args.int()?),
        };
        operations.push(Operation { action, overflow, encoding, at });
    }
    Ok(operations)
}

fn parse_overflow(args: &mut Args) -> Result<Overflow, Error> {
    let words = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Sat), ("FAIL", Overflow::Fail)];
    words.into_iter().find(|(word, _)| args.word(word)).map(|(_, overflow)| overflow).ok_or(Error::BitfieldOverflow)
}

/// Returns the bit that `arg` says: `#n` is the start of the nth field of this width.
fn field_offset(c: &Ctx, arg: &[u8], width: u32) -> Result<u64, Error> {
    let at = match arg {
        [b'#', index @ ..] => parse_i64(index).and_then(|index| index.checked_mul(i64::from(width))),
        _ => parse_i64(arg),
    };
    check_offset(c, at)
}
