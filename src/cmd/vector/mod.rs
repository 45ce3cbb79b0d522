//! Vector sets. What replies and errors look like follows the command pages and the list of errors of Redis 8, and where they are
//! silent its published tests.

mod add;
mod element;
mod info;
mod pick;
mod search;

use crate::ds::vector::{MAX_DIM, VectorSet};
use crate::engine::{Args, Error, Group, Row};

/// The family.
pub const ROWS: &[Row] = &[
    add::VADD,
    info::VCARD,
    info::VDIM,
    element::VEMB,
    element::VGETATTR,
    info::VINFO,
    element::VISMEMBER,
    info::VLINKS,
    pick::VRANDMEMBER,
    pick::VRANGE,
    add::VREM,
    add::VSETATTR,
    search::VSIM,
];

/// What all rows have in common: the key at position 1, as module commands declare it.
const VECTOR: Row =
    Row { group: Group::VectorSet, since: "8.0.0", keys: "idx:1/range:last=0,step=1,limit=0[]", ..Row::NONE };

/// Takes a vector: `FP32 <bytes>`, or `VALUES <count>` and so many numbers. Returns `None` if neither word is next. Fails if it has
/// no numbers, too many, or one that is not finite.
fn vector(args: &mut Args) -> Result<Option<Vec<f32>>, Error> {
    let numbers: Option<Vec<f32>> = if args.word("FP32") {
        let bytes = args.next().map_err(|_| Error::VectorInvalid)?;
        let (numbers, rest) = bytes.as_chunks();
        rest.is_empty().then(|| numbers.iter().map(|four| f32::from_le_bytes(*four)).collect())
    } else if args.word("VALUES") {
        let count = args.int().ok().and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= MAX_DIM);
        let words = args.take(count.ok_or(Error::VectorInvalid)?).map_err(|_| Error::VectorInvalid)?;
        words.iter().map(|word| crate::base::num::parse_f64(word).map(|x| x as f32)).collect()
    } else {
        return Ok(None);
    };
    let right = |numbers: &Vec<f32>| (1..=MAX_DIM).contains(&numbers.len()) && numbers.iter().all(|x| x.is_finite());
    numbers.filter(right).map(Some).ok_or(Error::VectorInvalid)
}

/// Fails if a vector of `dim` numbers is not one that clients give to `set`.
fn check_input(set: &VectorSet, dim: usize) -> Result<(), Error> {
    match set.input_dim() {
        Some(input) if input != dim => Err(Error::new(format!(
            "ERR Input dimension mismatch for projection - got {dim} but projection expects {input}"
        ))),
        None if set.dim() != dim => Err(mismatch(set, dim)),
        _ => Ok(()),
    }
}

fn mismatch(set: &VectorSet, dim: usize) -> Error {
    Error::new(format!("ERR Vector dimension mismatch - got {dim} but set has {}", set.dim()))
}
