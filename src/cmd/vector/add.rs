//! Adding, changing and removing elements.

use super::{VECTOR, check_input, mismatch, vector};
use crate::ds::vector::{MAX_PROJECTION, Quant, VectorSet};
use crate::engine::events::MODULE;
use crate::engine::value::Object;
use crate::engine::{Args, Ctx, Error, Outcome, Row, Ttl, flag};

pub(super) const VADD: Row = Row {
    name: "VADD",
    arity: -5,
    flags: flag::WRITE | flag::DENYOOM,
    summary: "Adds an element with its vector to a vector set, or gives it another vector. Returns whether it is new.",
    complexity: "O(log(N)) where N is the number of elements",
    syntax: "key [REDUCE dim] <FP32 vector | VALUES num value [value ...]> element [CAS] [NOQUANT | Q8 | BIN] [EF build-exploration-factor] [SETATTR attributes] [M numlinks]",
    ts: "(key: Key, ...args: Arg[]): number",
    example: r#"> VADD points VALUES 2 1 1 a
(integer) 1
> VADD points VALUES 2 1 0.5 b SETATTR '{"year":1950}'
(integer) 1
> VADD points VALUES 2 -1 1 a
(integer) 0
> VADD points VALUES 3 1 2 3 c
(error) ERR Vector dimension mismatch - got 3 but set has 2
> VCARD points
(integer) 2"#,
    differs: "CAS changes nothing: there are no threads. The product of both dimensions of REDUCE is limited to 2^26.",
    run: vadd,
    ..VECTOR
};

/// What follows the element.
struct Options<'a> {
    quant: Quant,
    ef: usize,
    m: usize,
    attribute: Option<&'a [u8]>,
}

fn vadd(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let key = args.next()?;
    let reduced = if args.word("REDUCE") { Some(args.int().map_err(|_| Error::VectorInvalid)?) } else { None };
    let numbers = vector(&mut args)?.ok_or(Error::VectorInvalid)?;
    let dim = numbers.len();
    let reduced = match reduced {
        Some(reduced) => {
            let within = usize::try_from(reduced).ok().filter(|reduced| (1..=dim).contains(reduced));
            Some(within.filter(|reduced| reduced * dim <= MAX_PROJECTION).ok_or(Error::VectorInvalid)?)
        }
        None => None,
    };
    let element = args.next().map_err(|_| Error::VectorInvalid)?;
    let options = options(&mut args)?;
    let there = match c.ks.look::<VectorSet>(key)? {
        Some(set) => {
            check(set, dim, reduced, &options)?;
            true
        }
        None => false,
    };
    if !there {
        let set = VectorSet::shaped(reduced.unwrap_or(dim), reduced.map(|_| dim), options.m, options.quant);
        // It is never seen empty: the element follows.
        c.ks.put(key, crate::engine::entry::Payload::Object(Object::VectorSet(set)), Ttl::Clear);
    }
    let set = c.ks.get_or_new::<VectorSet>(key)?;
    let packed = set.pack(&numbers);
    let new = set.set(element, &packed, options.ef);
    if let Some(text) = options.attribute {
        set.set_attribute(element, text);
    }
    c.ks.changed(key, MODULE, "vadd");
    c.out.bool(new);
    Ok(())
}

fn options<'a>(args: &mut Args<'a>) -> Result<Options<'a>, Error> {
    let mut options = Options { quant: Quant::Q8, ef: 200, m: 16, attribute: None };
    while args.more() {
        if args.word("CAS") {
        } else if args.word("NOQUANT") {
            options.quant = Quant::None;
        } else if args.word("BIN") {
            options.quant = Quant::Bin;
        } else if args.word("Q8") {
            options.quant = Quant::Q8;
        } else if args.left() >= 2 && args.word("EF") {
            options.ef = within(args, 1..=1_000_000, Error::VectorEf)?;
        } else if args.left() >= 2 && args.word("M") {
            options.m = within(args, 4..=4096, Error::VectorM)?;
        } else if args.left() >= 2 && args.word("SETATTR") {
            options.attribute = Some(args.next()?);
        } else {
            return Err(Error::VectorOption);
        }
    }
    Ok(options)
}

/// Takes an integer within `range`. Fails with `error` in every other case.
pub(super) fn within(args: &mut Args, range: std::ops::RangeInclusive<i64>, error: Error) -> Result<usize, Error> {
    let number = crate::engine::args::int_within(args.next()?, range, error.clone())?;
    usize::try_from(number).map_err(|_| error)
}

/// Fails if the set was made otherwise than the options say.
fn check(set: &VectorSet, dim: usize, reduced: Option<usize>, options: &Options) -> Outcome {
    if set.quant() != options.quant {
        return Err(Error::VectorQuant);
    }
    if set.m() != options.m {
        return Err(Error::VectorOtherM);
    }
    match (set.input_dim(), reduced) {
        (None, _) if set.dim() != dim => Err(mismatch(set, dim)),
        (Some(_), reduced) if reduced != Some(set.dim()) => Err(mismatch(set, dim)),
        (None, Some(_)) => Err(Error::VectorNoProjection),
        _ => check_input(set, dim),
    }
}

pub(super) const VREM: Row = Row {
    name: "VREM",
    arity: 3,
    flags: flag::WRITE,
    summary: "Removes an element from a vector set. Returns whether it was there.",
    complexity: "O(log(N)) where N is the number of elements",
    syntax: "key element",
    ts: "(key: Key, element: Value): number",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VREM points a\n(integer) 1\n> VREM points a\n(integer) 0\n> EXISTS points\n(integer) 0",
    run: vrem,
    ..VECTOR
};

fn vrem(c: &mut Ctx) -> Outcome {
    let (key, element) = (c.argv[1], c.argv[2]);
    let there = c.ks.look::<VectorSet>(key)?.is_some_and(|set| set.contains(element));
    if there && let Some(set) = c.ks.get_mut::<VectorSet>(key)? {
        set.remove(element);
        c.ks.changed(key, MODULE, "vrem");
        c.ks.delete_if_empty(key);
    }
    c.out.bool(there);
    Ok(())
}

pub(super) const VSETATTR: Row = Row {
    name: "VSETATTR",
    arity: 4,
    flags: flag::WRITE | flag::FAST,
    summary: "Gives an element of a vector set attributes, a JSON object for FILTER; an empty string takes them away. Returns whether it is there.",
    complexity: "O(1)",
    syntax: "key element attributes",
    ts: "(key: Key, element: Value, attributes: string): number",
    example: r#"> VADD points VALUES 2 1 1 a
(integer) 1
> VSETATTR points a '{"year":1950}'
(integer) 1
> VGETATTR points a
"{\"year\":1950}"
> VSETATTR points a ''
(integer) 1
> VGETATTR points a
(nil)
> VSETATTR points b '{}'
(integer) 0"#,
    run: vsetattr,
    ..VECTOR
};

fn vsetattr(c: &mut Ctx) -> Outcome {
    let [key, element, text] = c.argv[1..] else { return Err(Error::arity(c.name())) };
    let there = c.ks.look::<VectorSet>(key)?.is_some_and(|set| set.contains(element));
    if there && let Some(set) = c.ks.get_mut::<VectorSet>(key)? {
        set.set_attribute(element, text);
        c.ks.changed(key, MODULE, "vsetattr");
    }
    c.out.bool(there);
    Ok(())
}
