//! Vectors as they are kept: of length one, as floats, as bytes or as bits, and how far apart two of them are.
//!
//! Sums run in a fixed number of lanes, so that compilers make vector instructions of them and every machine gets the same result,
//! to the last bit: a follower must build the same graph.

/// How the numbers of a vector are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quant {
    /// As 32-bit floats.
    None,
    /// As integers of 8 bits, scaled by the greatest.
    Q8,
    /// By their signs alone.
    Bin,
}

impl Quant {
    /// The word `VINFO` and `VEMB` answer.
    pub fn name(self) -> &'static str {
        match self {
            Quant::None => "f32",
            Quant::Q8 => "int8",
            Quant::Bin => "bin",
        }
    }

    /// A number for it in what is saved.
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Quant::None, Quant::Q8, Quant::Bin].get(usize::from(code)).copied()
    }
}

/// The numbers of all vectors of a set, one after the other.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Floats(Vec<f32>),
    Bytes(Vec<i8>),
    Bits(Vec<u64>),
}

/// One vector on its own, in the form of a set.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Numbers {
    Floats(Vec<f32>),
    Bytes(Vec<i8>),
    Bits(Vec<u64>),
}

/// A vector in the form of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    pub(super) numbers: Numbers,
    /// The greatest of the numbers before they were made bytes.
    pub(super) range: f32,
    /// The length it had before it was made one.
    pub(super) l2: f32,
}

impl Packed {
    /// Returns `vector` in the form of `quant`. Its numbers must be finite.
    pub fn new(vector: &[f32], quant: Quant) -> Self {
        let sum: f64 = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        let l2 = sum.sqrt().min(f64::from(f32::MAX)) as f32;
        let unit: Vec<f32> = vector.iter().map(|x| if l2 > 0.0 { x / l2 } else { 0.0 }).collect();
        let range = unit.iter().fold(0f32, |most, x| most.max(x.abs()));
        let numbers = match quant {
            Quant::None => Numbers::Floats(unit),
            Quant::Q8 => {
                let scale = if range > 0.0 { 127.0 / range } else { 0.0 };
                Numbers::Bytes(unit.iter().map(|x| (x * scale).round() as i8).collect())
            }
            Quant::Bin => {
                let word =
                    |chunk: &[f32]| (0..chunk.len()).filter(|n| chunk[*n] > 0.0).fold(0, |word, n| word | 1 << n);
                Numbers::Bits(unit.chunks(64).map(word).collect())
            }
        };
        Packed { numbers, range: if quant == Quant::Q8 { range } else { 0.0 }, l2 }
    }

    /// A view of it.
    pub(super) fn view(&self) -> View<'_> {
        match &self.numbers {
            Numbers::Floats(v) => View::Floats(v),
            Numbers::Bytes(v) => View::Bytes(v, self.range),
            Numbers::Bits(v) => View::Bits(v),
        }
    }
}

/// A vector wherever it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum View<'v> {
    Floats(&'v [f32]),
    Bytes(&'v [i8], f32),
    Bits(&'v [u64]),
}

impl View<'_> {
    /// How far apart two vectors of one form are: 0 in one direction, 2 in opposite ones.
    pub(super) fn distance(self, other: View, dim: usize) -> f32 {
        match (self, other) {
            (View::Floats(a), View::Floats(b)) => 1.0 - dot(a, b),
            (View::Bytes(a, x), View::Bytes(b, y)) => 1.0 - dot_bytes(a, b) as f32 * (x / 127.0) * (y / 127.0),
            (View::Bits(a), View::Bits(b)) => 2.0 * differing_bits(a, b) as f32 / dim as f32,
            _ => 2.0,
        }
    }

    /// Number `n` of the vector of length one.
    pub(super) fn get(self, n: usize) -> f32 {
        match self {
            View::Floats(v) => v[n],
            View::Bytes(v, range) => f32::from(v[n]) * range / 127.0,
            View::Bits(v) if v[n / 64] >> (n % 64) & 1 == 1 => 1.0,
            View::Bits(_) => -1.0,
        }
    }

    /// The bytes of the numbers.
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            View::Floats(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            View::Bytes(v, _) => v.iter().map(|x| *x as u8).collect(),
            View::Bits(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
}

const LANES: usize = 16;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for n in 0..LANES {
            sums[n] += x[n] * y[n];
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn dot_bytes(a: &[i8], b: &[i8]) -> i32 {
    // Exact: 65536 products of 127² fit 31 bits.
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

fn differing_bits(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(x, y)| (x ^ y).count_ones()).sum()
}

impl Store {
    pub(super) fn new(quant: Quant) -> Self {
        match quant {
            Quant::None => Store::Floats(Vec::new()),
            Quant::Q8 => Store::Bytes(Vec::new()),
            Quant::Bin => Store::Bits(Vec::new()),
        }
    }

    pub(super) fn quant(&self) -> Quant {
        match self {
            Store::Floats(_) => Quant::None,
            Store::Bytes(_) => Quant::Q8,
            Store::Bits(_) => Quant::Bin,
        }
    }

    /// How many numbers of the store a vector takes.
    fn width(&self, dim: usize) -> usize {
        if let Store::Bits(_) = self { dim.div_ceil(64) } else { dim }
    }

    /// How many bytes a vector takes.
    pub(super) fn vector_bytes(&self, dim: usize) -> usize {
        match self {
            Store::Floats(_) => 4 * dim,
            Store::Bytes(_) => dim,
            Store::Bits(_) => 8 * dim.div_ceil(64),
        }
    }

    /// The vector in slot `slot`; `range` is kept elsewhere.
    #[inline]
    pub(super) fn get(&self, slot: u32, dim: usize, range: f32) -> View<'_> {
        let width = self.width(dim);
        let (from, to) = (slot as usize * width, (slot as usize + 1) * width);
        match self {
            Store::Floats(v) => View::Floats(&v[from..to]),
            Store::Bytes(v) => View::Bytes(&v[from..to], range),
            Store::Bits(v) => View::Bits(&v[from..to]),
        }
    }

    /// Puts a vector into slot `slot`, which is one that is there or the next.
    pub(super) fn set(&mut self, slot: u32, dim: usize, vector: &Packed) {
        let width = self.width(dim);
        let (from, to) = (slot as usize * width, (slot as usize + 1) * width);
        match (self, &vector.numbers) {
            (Store::Floats(v), Numbers::Floats(new)) => place(v, from, to, new),
            (Store::Bytes(v), Numbers::Bytes(new)) => place(v, from, to, new),
            (Store::Bits(v), Numbers::Bits(new)) => place(v, from, to, new),
            _ => debug_assert!(false, "a vector is made in the form of its set"),
        }
    }

    /// Reads a vector of this form from `bytes`.
    pub(super) fn read(&self, bytes: &[u8]) -> Numbers {
        match self {
            Store::Floats(_) => Numbers::Floats(bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()),
            Store::Bytes(_) => Numbers::Bytes(bytes.iter().map(|x| *x as i8).collect()),
            Store::Bits(_) => Numbers::Bits(bytes.as_chunks().0.iter().map(|x| u64::from_le_bytes(*x)).collect()),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Store::Floats(v) => v.capacity() * 4,
            Store::Bytes(v) => v.capacity(),
            Store::Bits(v) => v.capacity() * 8,
        }
    }
}

fn place<T: Copy + Default>(store: &mut Vec<T>, from: usize, to: usize, new: &[T]) {
    if store.len() < to {
        store.resize(to, T::default());
    }
    store[from..to].copy_from_slice(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_finds_the_same_direction_near_and_the_opposite_far() {
        let vector: Vec<f32> = (0..100).map(|n| ((n * 37) % 19) as f32 - 9.0).collect();
        let opposite: Vec<f32> = vector.iter().map(|x| -x * 3.0).collect();
        for (quant, error) in [(Quant::None, 1e-5), (Quant::Q8, 0.02), (Quant::Bin, 0.3)] {
            let (a, b) = (Packed::new(&vector, quant), Packed::new(&opposite, quant));
            assert!(a.view().distance(a.view(), 100).abs() < error, "{quant:?}");
            assert!((a.view().distance(b.view(), 100) - 2.0).abs() < error, "{quant:?}");
        }
        let packed = Packed::new(&[1.0, 4.32, 0.0, 0.05, -2.9], Quant::Bin);
        assert_eq!((0..5).map(|n| packed.view().get(n)).collect::<Vec<_>>(), [1.0, 1.0, -1.0, 1.0, -1.0]);
        assert_eq!(Packed::new(&[0.0; 3], Quant::Q8).l2, 0.0);
        assert!(Packed::new(&[f32::MAX; 3], Quant::None).l2.is_finite());
    }
}
