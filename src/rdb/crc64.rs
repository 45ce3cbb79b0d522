//! CRC-64 with the polynomial of Jones, reflected: the checksum at the end of RDB files, of DUMP and of log records.

/// The polynomial 0xAD93D23594C935A9, its bits in the other direction.
const POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;

/// The remainder of every byte.
static BYTES: [u64; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut crc, mut bit) = (n as u64, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// Returns the checksum of a few bytes. For many, keep a [`Crc64`].
pub fn crc64(bytes: &[u8]) -> u64 {
    by_bytes(0, bytes)
}

fn by_bytes(crc: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(crc, |crc, byte| BYTES[(crc as u8 ^ byte) as usize] ^ (crc >> 8))
}

/// Tables to take eight bytes in one step ("slicing by 8"). They are worked out when made, in microseconds, because as data
/// they would be the part of the wasm file that compresses worst.
#[derive(Clone)]
pub struct Crc64(Box<[[u64; 256]; 8]>);

impl Default for Crc64 {
    fn default() -> Self {
        let mut tables = Box::new([BYTES; 8]);
        for distance in 1..8 {
            for n in 0..256 {
                let nearer = tables[distance - 1][n];
                tables[distance][n] = BYTES[nearer as u8 as usize] ^ (nearer >> 8);
            }
        }
        Crc64(tables)
    }
}

impl Crc64 {
    /// Returns the checksum of what gave `crc` (0 for nothing) with `bytes` after it.
    pub fn update(&self, mut crc: u64, bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            let word = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
            crc = (0..8).fold(0, |sum, n| sum ^ self.0[7 - n][word[n] as usize]);
        }
        by_bytes(crc, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_check_value_however_the_bytes_are_cut() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let bytes: Vec<u8> = (0..1000u32).map(|n| ((n * n) >> 3) as u8).collect();
        let crc = Crc64::default();
        for cut in [0, 1, 7, 8, 9, 500, 1000] {
            assert_eq!(crc.update(crc.update(0, &bytes[..cut]), &bytes[cut..]), crc64(&bytes));
        }
    }
}
