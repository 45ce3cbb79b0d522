//! Random projection: fewer numbers that keep distances, mostly (Achlioptas 2003: signs by chance will do).

/// Returns `dim` sums of the numbers of `vector`, each with signs of its own, which are always the same.
pub(super) fn project(vector: &[f32], dim: usize) -> Vec<f32> {
    let scale = 1.0 / (dim as f64).sqrt();
    (0..dim).map(|row| (signed_sum(vector, row) * scale) as f32).collect()
}

fn signed_sum(vector: &[f32], row: usize) -> f64 {
    let mut sum = 0.0;
    for (n, chunk) in vector.chunks(64).enumerate() {
        let mut signs = mix((row as u64) << 32 | n as u64);
        for x in chunk {
            sum += if signs & 1 == 0 { f64::from(*x) } else { -f64::from(*x) };
            signs >>= 1;
        }
    }
    sum
}

/// SplitMix64's last step: 64 bits by chance for each number.
fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stay_about_what_they_were() {
        let vector: Vec<f32> = (0..1000).map(|n| ((n * 7919) % 23) as f32 - 11.0).collect();
        let length = |v: &[f32]| v.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
        let ratio = length(&project(&vector, 200)) / length(&vector);
        assert!((0.8..1.2).contains(&ratio), "{ratio}");
    }
}
