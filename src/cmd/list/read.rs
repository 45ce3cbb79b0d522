//! Lists: commands that only look.

use crate::ds::list::List;
use crate::engine::args::{int, int_within};
use crate::engine::{Args, Ctx, Error, Group, KEY_META, KEY_READ, Outcome, Row, flag};

pub const LLEN: Row = Row {
    name: "LLEN",
    group: Group::List,
    since: "1.0.0",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    keys: KEY_META,
    summary: "Returns the length of a list.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> RPUSH k a b c\n(integer) 3\n> LLEN k\n(integer) 3\n> LLEN missing\n(integer) 0",
    run: llen,
    ..Row::NONE
};

fn llen(c: &mut Ctx) -> Outcome {
    let len = c.ks.get::<List>(c.argv[1])?.map_or(0, List::len);
    c.out.len(len);
    Ok(())
}

pub const LINDEX: Row = Row {
    name: "LINDEX",
    group: Group::List,
    since: "1.0.0",
    arity: 3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the element of a list at an index, counted from the end when negative.",
    complexity: "O(N) where N is the number of nodes before the element, O(1) for the first and the last.",
    syntax: "key index",
    ts: "(key: Key, index: number): string | null",
    example: "> RPUSH k a b c\n(integer) 3\n> LINDEX k 0\n\"a\"\n> LINDEX k -1\n\"c\"\n> LINDEX k 3\n(nil)",
    run: lindex,
    ..Row::NONE
};

fn lindex(c: &mut Ctx) -> Outcome {
    let Some(list) = c.ks.get::<List>(c.argv[1])? else {
        c.out.null();
        return Ok(());
    };
    match list.get(int(c.argv[2])?) {
        Some(elem) => c.out.elem(elem),
        None => c.out.null(),
    }
    Ok(())
}

pub const LRANGE: Row = Row {
    name: "LRANGE",
    group: Group::List,
    since: "1.0.0",
    arity: 4,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the elements of a list from one index to another, both included.",
    complexity: "O(S+N) where S is the number of nodes before the first element and N the number of elements returned.",
    syntax: "key start stop",
    ts: "(key: Key, start: number, stop: number): string[]",
    example: "> RPUSH k a b c d\n(integer) 4\n> LRANGE k 0 1\n1) \"a\"\n2) \"b\"\n> LRANGE k -2 -1\n1) \"c\"\n2) \"d\"\n> LRANGE k 9 10\n(empty array)",
    run: lrange,
    ..Row::NONE
};

fn lrange(c: &mut Ctx) -> Outcome {
    let (start, stop) = (int(c.argv[2])?, int(c.argv[3])?);
    let Some(list) = c.ks.get::<List>(c.argv[1])? else {
        c.out.array(0);
        return Ok(());
    };
    let (start, count) = super::slice(start, stop, list.len());
    c.out.array(count);
    list.range(start, count).for_each(|elem| c.out.elem(elem));
    Ok(())
}

pub const LPOS: Row = Row {
    name: "LPOS",
    group: Group::List,
    since: "6.0.6",
    arity: -3,
    flags: flag::READONLY,
    keys: KEY_READ,
    summary: "Returns the index of an element in a list, or those of several that are equal.",
    complexity: "O(N) where N is the number of elements compared.",
    syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    ts: "(key: Key, element: Value, ...options: Arg[]): number | null | number[]",
    example: "> RPUSH k a b c b d b\n(integer) 6\n> LPOS k b\n(integer) 1\n> LPOS k b RANK -1\n(integer) 5\n> LPOS k b RANK 2 COUNT 0\n1) (integer) 3\n2) (integer) 5\n> LPOS k d MAXLEN 3\n(nil)",
    run: lpos,
    ..Row::NONE
};

struct Search {
    /// The first match that counts, from 1 on, and whether to look from the end.
    rank: u64,
    backwards: bool,
    /// How many to return as an array; 0 is all. `None` returns one, not in an array.
    count: Option<usize>,
    /// How many elements to compare.
    maxlen: usize,
}

fn lpos(c: &mut Ctx) -> Outcome {
    let search = parse_search(c)?;
    let Some(list) = c.ks.get::<List>(c.argv[1])? else {
        match search.count {
            Some(_) => c.out.array(0),
            None => c.out.null(),
        }
        return Ok(());
    };
    let (len, wanted) = (list.len(), c.argv[2]);
    let elems = if search.backwards { list.range_rev(0, search.maxlen) } else { list.range(0, search.maxlen) };
    let index = |n: usize| if search.backwards { len - 1 - n } else { n };
    let skip = usize::try_from(search.rank - 1).unwrap_or(usize::MAX);
    let mut found = elems.enumerate().filter(|(_, e)| e.is(wanted)).skip(skip).map(|(n, _)| index(n));
    let Some(count) = search.count else {
        match found.next() {
            Some(at) => c.out.len(at),
            None => c.out.null(),
        }
        return Ok(());
    };
    let open = c.out.open_array();
    let mut n = 0;
    found.take(if count == 0 { usize::MAX } else { count }).for_each(|at| {
        c.out.len(at);
        n += 1;
    });
    c.out.close(open, n);
    Ok(())
}

fn parse_search(c: &Ctx) -> Result<Search, Error> {
    let mut args = Args::from(c.argv, 3);
    let mut search = Search { rank: 1, backwards: false, count: None, maxlen: usize::MAX };
    let not_negative = |arg, error| int_within(arg, 0..=i64::MAX, error);
    while args.more() {
        if args.left() < 2 {
            return Err(Error::Syntax);
        }
        if args.word("RANK") {
            let rank = args.int()?;
            if rank == i64::MIN {
                return Err(Error::RangeOfLong);
            } else if rank == 0 {
                return Err(Error::RankZero);
            }
            (search.rank, search.backwards) = (rank.unsigned_abs(), rank < 0);
        } else if args.word("COUNT") {
            let count = not_negative(args.next()?, Error::CountNegative)?;
            search.count = Some(usize::try_from(count).unwrap_or(usize::MAX));
        } else if args.word("MAXLEN") {
            let maxlen = not_negative(args.next()?, Error::MaxlenNegative)?;
            search.maxlen = if maxlen == 0 { usize::MAX } else { usize::try_from(maxlen).unwrap_or(usize::MAX) };
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(search)
}
