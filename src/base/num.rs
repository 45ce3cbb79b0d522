//! Numbers as text: strict parsing in, shortest exact formatting out.

/// Room for any integer or float that this module formats.
pub type NumBuf = [u8; 40];

/// Returns the integer that `text` spells in its one canonical form (no `+`, no leading zero, no space), or `None`.
/// So `format(parse(x)) == x`, and a value can be kept as an integer without losing its text.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (digits, negative) = match text {
        [b'-', rest @ ..] => (rest, true),
        _ => (text, false),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut n: u64 = 0;
    for &d in digits {
        if !d.is_ascii_digit() {
            return None;
        }
        n = n * 10 + u64::from(d - b'0'); // 19 digits fit
    }
    if negative { (n <= 1 << 63).then(|| (n as i64).wrapping_neg()) } else { i64::try_from(n).ok() }
}

/// Returns the unsigned integer that `text` spells in canonical form, or `None`.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if text.len() <= 20 => text.iter().try_fold(0u64, |n, &d| {
            if d.is_ascii_digit() { n.checked_mul(10)?.checked_add(u64::from(d - b'0')) } else { None }
        }),
        _ => None,
    }
}

/// Whether all digits before the exponent are zeros.
fn is_written_zero(unsigned: &str) -> bool {
    let (digits, exponent) = match unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
        Some(hex) => (hex, ['p', 'P']),
        None => (unsigned, ['e', 'E']),
    };
    digits.split(exponent).next().unwrap_or_default().bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Returns the float that `text` spells: decimal, `inf`/`infinity` with a sign, hexadecimal (C's `strtod`), any case. `nan`, spaces and
/// trailing bytes give `None`.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    // Small integers are by far the most common score.
    if text.len() <= 15
        && let Some(n) = parse_i64(text)
    {
        return Some(n as f64);
    }
    let s = std::str::from_utf8(text).ok()?;
    let unsigned = s.strip_prefix(['-', '+']).unwrap_or(s);
    let first = *unsigned.as_bytes().first()?;
    let value = if unsigned.len() > 2 && unsigned.as_bytes()[..2].eq_ignore_ascii_case(b"0x") {
        let v = parse_hex_float(&unsigned[2..])?;
        if s.starts_with('-') { -v } else { v }
    } else if first.is_ascii_digit()
        || first == b'.'
        || unsigned.eq_ignore_ascii_case("inf")
        || unsigned.eq_ignore_ascii_case("infinity")
    {
        s.parse::<f64>().ok()?
    } else {
        return None;
    };
    // C reports overflow of a written-out number, and one that is not zero but becomes zero; "inf" itself is fine.
    let written_out = first.is_ascii_digit() || first == b'.';
    let lost = value == 0.0 && !is_written_zero(unsigned);
    if written_out && (value.is_infinite() || lost) { None } else { Some(value) }
}

/// Parses `h.hhhp±d` after the `0x`.
fn parse_hex_float(s: &str) -> Option<f64> {
    let (mantissa, exponent) = match s.find(['p', 'P']) {
        Some(at) => (&s[..at], s[at + 1..].parse::<i32>().ok()?),
        None => (s, 0),
    };
    let (mut value, mut scale, mut digits, mut fraction) = (0f64, 0i32, 0, false);
    for c in mantissa.chars() {
        if c == '.' && !fraction {
            fraction = true;
            continue;
        }
        value = value * 16.0 + f64::from(c.to_digit(16)?);
        digits += 1;
        if fraction {
            scale -= 4;
        }
    }
    (digits > 0).then(|| value * 2f64.powi(scale.saturating_add(exponent)))
}

/// Writes `n` in decimal into `buf` and returns the text.
pub fn fmt_i64(n: i64, buf: &mut NumBuf) -> &[u8] {
    let mut b = itoa::Buffer::new();
    let s = b.format(n).as_bytes();
    buf[..s.len()].copy_from_slice(s);
    &buf[..s.len()]
}

/// Writes `n` to `buf` and returns the text.
#[inline]
pub fn fmt_u64(n: u64, buf: &mut NumBuf) -> &[u8] {
    let mut b = itoa::Buffer::new();
    let s = b.format(n).as_bytes();
    buf[..s.len()].copy_from_slice(s);
    &buf[..s.len()]
}

/// Writes the shortest decimal that reads back as `v`: plain when the exponent is small, scientific otherwise, `inf`,
/// `-inf` and `nan` by name. The boundaries are those of Redis 7.2's `fpconv`.
pub fn fmt_f64(v: f64, buf: &mut NumBuf) -> &[u8] {
    use std::io::Write;
    let mut out = std::io::Cursor::new(&mut buf[..]);
    let fits = "40 bytes hold 17 digits, sign, point and exponent";
    if v.is_nan() {
        out.write_all(b"nan").expect(fits);
    } else if v.is_infinite() {
        out.write_all(if v > 0.0 { b"inf" } else { b"-inf" }).expect(fits);
    } else if v == v.trunc() && v.abs() < 4_503_599_627_370_496.0 {
        if v == 0.0 && v.is_sign_negative() {
            out.write_all(b"-0").expect(fits);
        } else {
            out.write_all(itoa::Buffer::new().format(v as i64).as_bytes()).expect(fits);
        }
    } else {
        // Rust's `{:e}` gives the shortest digits: `d.ddde±x`.
        let mut tmp: NumBuf = [0; 40];
        let mut t = std::io::Cursor::new(&mut tmp[..]);
        write!(t, "{:e}", v.abs()).expect(fits);
        let len = t.position() as usize;
        let text = std::str::from_utf8(&tmp[..len]).expect("Rust formats floats in ASCII");
        let (mantissa, exponent) = text.split_once('e').expect("`{:e}` always writes an exponent");
        let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
        let mut digits = [0u8; 20];
        let mut n = 0;
        for b in mantissa.bytes().filter(|b| *b != b'.') {
            digits[n] = b;
            n += 1;
        }
        let digits = &digits[..n];
        // value = digits × 10^k
        let k = exponent - (n as i32 - 1);
        let magnitude = exponent.abs();
        if v < 0.0 {
            out.write_all(b"-").expect(fits);
        }
        if k >= 0 && magnitude < n as i32 + 7 {
            out.write_all(digits).expect(fits);
            for _ in 0..k {
                out.write_all(b"0").expect(fits);
            }
        } else if k < 0 && (k > -7 || magnitude < 4) {
            if exponent < 0 {
                out.write_all(b"0.").expect(fits);
                for _ in 0..(-exponent - 1) {
                    out.write_all(b"0").expect(fits);
                }
                out.write_all(digits).expect(fits);
            } else {
                let point = exponent as usize + 1;
                out.write_all(&digits[..point]).expect(fits);
                out.write_all(b".").expect(fits);
                out.write_all(&digits[point..]).expect(fits);
            }
        } else {
            out.write_all(&digits[..1]).expect(fits);
            if n > 1 {
                out.write_all(b".").expect(fits);
                out.write_all(&digits[1..]).expect(fits);
            }
            write!(out, "e{}{}", if exponent < 0 { '-' } else { '+' }, magnitude).expect(fits);
        }
    }
    let len = out.position() as usize;
    &buf[..len]
}

/// `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_parse() {
        for good in [0, 1, -1, 42, i64::MAX, i64::MIN, i64::MIN + 1] {
            assert_eq!(parse_i64(good.to_string().as_bytes()), Some(good));
        }
        for bad in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "9223372036854775808",
            "-9223372036854775809",
            "1e3",
            "99999999999999999999",
        ] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn floats_parse_as_c_does() {
        for (text, want) in [
            ("1.5", 1.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("+inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0x1.8p1", -3.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(want), "{text}");
        }
        for bad in ["", "nan", " 1", "1 ", "1.5x", "in", ".", "e5", "0x", "1e400", "--1", "infx"] {
            assert_eq!(parse_f64(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn floats_print_shortest() {
        for (v, want) in [
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (3.0, "3"),
            (1e17, "1e+17"),
            (123456789012345678.0, "123456789012345680"),
            (1e20, "1e+20"),
            (1.25e-7, "1.25e-7"),
            (0.0001, "0.0001"),
            (1.0 / 3.0, "0.3333333333333333"),
            (f64::INFINITY, "inf"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(std::str::from_utf8(fmt_f64(v, &mut [0; 40])).unwrap(), want);
        }
    }
}
