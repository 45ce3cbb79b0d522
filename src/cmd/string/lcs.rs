//! LCS: the longest common subsequence of two strings.

use crate::engine::{Ctx, Error, Group, Outcome, Reply, Row, flag};

pub(super) const LCS: Row = Row {
    name: "LCS",
    group: Group::String,
    since: "7.0.0",
    arity: -3,
    flags: flag::READONLY,
    keys: "idx:1/range:last=1,step=1,limit=0[RO,ACCESS]",
    summary: "Finds the longest common subsequence of two strings: itself, its length, or where its pieces are.",
    complexity: "O(N*M) where N and M are the lengths of the strings",
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    ts: "(key1: Key, key2: Key, ...options: Arg[]): string | number | { matches: unknown[]; len: number }",
    example: "> MSET a ohmytext b mynewtext\nOK\n> LCS a b\n\"mytext\"\n> LCS a b LEN\n(integer) 6\n> LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN\n1) \"matches\"\n2) 1) 1) 1) (integer) 4\n         2) (integer) 7\n      2) 1) (integer) 5\n         2) (integer) 8\n      3) (integer) 4\n3) \"len\"\n4) (integer) 6",
    run: lcs,
    ..Row::NONE
};

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    min_match_len: u64,
    with_match_len: bool,
}

/// A run of bytes that both strings have: where it starts in each, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    a: usize,
    b: usize,
    len: usize,
}

fn lcs(c: &mut Ctx) -> Outcome {
    let a = text_of(c, c.argv[1])?;
    let b = text_of(c, c.argv[2])?;
    let options = parse(c)?;
    // Redis keeps four bytes a cell and refuses what does not fit; this table has one bit, the same refusal bounds the time.
    let cells = (a.len() as u64 + 1).checked_mul(b.len() as u64 + 1).and_then(|n| n.checked_mul(4));
    if cells.is_none_or(|bytes| bytes > c.server.config.proto_max_bulk_len as u64) {
        return Err(Error::LcsMemory);
    }
    let table = Table::new(&a, &b).ok_or(Error::LcsNoMemory)?;
    if options.len {
        c.out.len(table.len as usize);
    } else if options.idx {
        let wanted: Vec<Run> =
            table.runs(&a, &b).into_iter().filter(|run| run.len as u64 >= options.min_match_len).collect();
        reply_runs(c.out, &wanted, table.len, options.with_match_len);
    } else {
        let pieces: Vec<&[u8]> = table.runs(&a, &b).iter().rev().map(|run| &a[run.a..run.a + run.len]).collect();
        c.out.bulk(&pieces.concat());
    }
    Ok(())
}

/// Returns a copy of the string at `key`, empty for a missing one. Fails if it holds another type.
fn text_of(c: &mut Ctx, key: &[u8]) -> Result<Vec<u8>, Error> {
    match c.ks.text(key) {
        Ok(text) => Ok(text.map_or_else(Vec::new, |text| text.to_vec())),
        Err(_) => Err(Error::LcsNotStrings),
    }
}

fn parse(c: &Ctx) -> Result<Options, Error> {
    let mut args = c.args();
    args.take(2)?;
    let mut options = Options::default();
    while args.more() {
        if args.word("IDX") {
            options.idx = true;
        } else if args.word("LEN") {
            options.len = true;
        } else if args.word("WITHMATCHLEN") {
            options.with_match_len = true;
        } else if args.left() >= 2 && args.word("MINMATCHLEN") {
            options.min_match_len = args.int()?.max(0) as u64;
        } else {
            return Err(Error::Syntax);
        }
    }
    if options.idx && options.len { Err(Error::LcsBoth) } else { Ok(options) }
}

fn reply_runs(out: &mut Reply, runs: &[Run], len: u32, with_match_len: bool) {
    out.map(2);
    out.bulk(b"matches");
    out.array(runs.len());
    for run in runs {
        out.array(2 + usize::from(with_match_len));
        for start in [run.a, run.b] {
            out.array(2);
            out.len(start);
            out.len(start + run.len - 1);
        }
        if with_match_len {
            out.len(run.len);
        }
    }
    out.bulk(b"len");
    out.len(len as usize);
}

/// Which way leads from each pair of prefixes to their longest common subsequence.
struct Table {
    /// A bit for each (i, j): shortening `a` by its last byte keeps more than shortening `b`.
    up: Vec<u64>,
    width: usize,
    /// The length of the longest common subsequence.
    len: u32,
}

impl Table {
    /// Returns the table, or `None` if there is no memory for it.
    fn new(a: &[u8], b: &[u8]) -> Option<Self> {
        let width = b.len() + 1;
        let words = ((a.len() + 1) * width).div_ceil(64);
        let mut up = Vec::new();
        up.try_reserve_exact(words).ok()?;
        up.resize(words, 0u64);
        // Two rows of lengths are enough, because the way back only needs the bits.
        let (mut above, mut row) = (vec![0u32; width], vec![0u32; width]);
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                row[j + 1] = if x == y { above[j] + 1 } else { above[j + 1].max(row[j]) };
                let bit = (i + 1) * width + j + 1;
                up[bit / 64] |= u64::from(above[j + 1] > row[j]) << (bit % 64);
            }
            std::mem::swap(&mut above, &mut row);
        }
        Some(Table { up, width, len: above[b.len()] })
    }

    /// Returns the runs of the subsequence, the last one first.
    fn runs(&self, a: &[u8], b: &[u8]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                match runs.last_mut().filter(|run| run.a == i && run.b == j) {
                    Some(run) => *run = Run { a: i - 1, b: j - 1, len: run.len + 1 },
                    None => runs.push(Run { a: i - 1, b: j - 1, len: 1 }),
                }
                (i, j) = (i - 1, j - 1);
            } else {
                let bit = i * self.width + j;
                if self.up[bit / 64] >> (bit % 64) & 1 == 1 { i -= 1 } else { j -= 1 }
            }
        }
        runs
    }
}
