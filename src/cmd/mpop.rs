//! What LMPOP and ZMPOP share: `numkeys key… <end> [COUNT count]`, and running or waiting.

use crate::engine::args::{int_within, timeout_ms};
use crate::engine::value::Type;
use crate::engine::{Args, Ctx, Error, Outcome};

/// What to take, and where from.
pub struct MultiPop<'a, E> {
    /// The keys, in the order they are tried.
    pub keys: &'a [&'a [u8]],
    /// The end to take from.
    pub end: E,
    /// At most so many.
    pub count: i64,
}

/// How a family reads the word for an end.
pub type ReadEnd<E> = fn(&[u8]) -> Result<E, Error>;

/// How a family takes from the first key that has something. Returns whether there was one.
pub type Take<E> = fn(&mut Ctx, &MultiPop<E>) -> Result<bool, Error>;

/// LMPOP, ZMPOP: answers null when there is nothing.
pub fn now<E>(c: &mut Ctx, end: ReadEnd<E>, take: Take<E>) -> Outcome {
    let pop = parse(c, 1, end)?;
    if !take(c, &pop)? {
        c.out.null_array();
    }
    Ok(())
}

/// BLMPOP, BZMPOP: waits when there is nothing.
pub fn or_wait<E>(c: &mut Ctx, kind: Type, end: ReadEnd<E>, take: Take<E>) -> Outcome {
    // Redis looks at the timeout last, though it comes first.
    let pop = parse(c, 2, end)?;
    let timeout = timeout_ms(c.argv[1], c.ks.now)?;
    if !take(c, &pop)? {
        c.wait_for(pop.keys, kind, timeout);
    }
    Ok(())
}

fn parse<'a, E>(c: &Ctx<'a>, at: usize, end: ReadEnd<E>) -> Result<MultiPop<'a, E>, Error> {
    let mut args = Args::from(c.argv, at);
    let numkeys = int_within(args.next()?, 1..=i64::MAX, Error::NumkeysNotPositive)?;
    let keys = args.take(usize::try_from(numkeys).unwrap_or(usize::MAX))?;
    let end = end(args.next()?)?;
    let mut count = None;
    while args.more() {
        if count.is_some() || args.left() < 2 || !args.word("COUNT") {
            return Err(Error::Syntax);
        }
        count = Some(int_within(args.next()?, 1..=i64::MAX, Error::CountNotPositive)?);
    }
    Ok(MultiPop { keys, end, count: count.unwrap_or(1) })
}
