//! The 80-bit long double of x86, in software: exact parsing, addition and printing, alike on every machine.
//!
//! `INCRBYFLOAT` of a Redis on x86 adds such numbers and prints them with `%.17Lf`; a double would give other digits.

/// A number with a 64-bit mantissa and a 15-bit exponent, or an infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ld80 {
    negative: bool,
    /// The value is `mantissa` × 2^`exponent`; the top bit is set unless the number is zero or subnormal.
    mantissa: u64,
    exponent: i32,
}

/// The exponent of the last mantissa bit of the smallest numbers, and of the largest.
const EXPONENT_MIN: i32 = -16445;
const EXPONENT_MAX: i32 = 16320;
/// The exponent that marks an infinity.
const INFINITE: i32 = i32::MAX;
/// Longer texts are no numbers, as in Redis; so the work is bounded.
const TEXT_MAX: usize = 5 * 1024 - 1;
/// 17 digits after the point.
const SCALE: u128 = 100_000_000_000_000_000;

impl Ld80 {
    /// Returns the number that `text` spells as C's `strtold` reads it: decimal, hexadecimal, `inf`, `infinity`, with a sign.
    /// `None` for anything else: spaces, trailing bytes, `nan`, what is too large, and what is not zero but becomes zero.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Ld80 { negative, mantissa: 0, exponent: INFINITE });
        }
        let (value, zero) = match rest {
            [b'0', b'x' | b'X', rest @ ..] => parse_hex(rest)?,
            _ => parse_decimal(rest)?,
        };
        let lost = value.mantissa == 0 && !zero;
        (value.is_finite() && !lost).then_some(Ld80 { negative, ..value })
    }

    /// Returns `n`, exactly.
    pub fn from_i64(n: i64) -> Self {
        Ld80 { negative: n < 0, ..round(u128::from(n.unsigned_abs()), false, 0) }
    }

    /// Whether this is a number, not an infinity.
    pub fn is_finite(self) -> bool {
        self.exponent != INFINITE
    }

    /// Returns the sum, rounded to nearest, ties to even. An infinity and anything give an infinity.
    pub fn plus(self, other: Self) -> Self {
        if !self.is_finite() || !other.is_finite() {
            return Ld80 { negative: self.negative, mantissa: 0, exponent: INFINITE };
        }
        let (big, small) = match (self.mantissa, other.mantissa) {
            (_, 0) => (self, other),
            (0, _) => (other, self),
            _ if (self.exponent, self.mantissa) >= (other.exponent, other.mantissa) => (self, other),
            _ => (other, self),
        };
        if small.mantissa == 0 {
            let negative = big.negative && (big.mantissa != 0 || small.negative);
            return Ld80 { negative, ..big };
        }
        // 62 bits of room below: what the smaller one loses beyond them only matters as "not exact", which its last bit keeps.
        const ROOM: u32 = 62;
        let wide = u128::from(big.mantissa) << ROOM;
        let narrow = shift_right_sticky(u128::from(small.mantissa) << ROOM, (big.exponent - small.exponent) as u32);
        let exponent = big.exponent - ROOM as i32;
        if big.negative == small.negative {
            return Ld80 { negative: big.negative, ..round(wide + narrow, false, exponent) };
        }
        let difference = wide - narrow;
        Ld80 { negative: big.negative && difference != 0, ..round(difference, false, exponent) }
    }

    /// Returns the difference of two numbers, rounded as the sum is.
    pub fn minus(self, other: Self) -> Self {
        self.plus(Ld80 { negative: !other.negative, ..other })
    }

    /// Whether it is less than another number.
    pub fn is_below(self, other: Self) -> bool {
        let difference = self.minus(other);
        difference.negative && difference.mantissa != 0
    }

    /// Returns the number with 17 digits after the point, rounded to nearest, without trailing zeros and without a lone `-0`.
    pub fn to_text(self) -> String {
        let sign = if self.negative { "-" } else { "" };
        if !self.is_finite() {
            return format!("{sign}inf");
        }
        if self.exponent >= 0 {
            let mut whole = Big::from(u128::from(self.mantissa));
            whole.shift_left(self.exponent as usize);
            return format!("{sign}{}", whole.into_decimal());
        }
        let scaled = shift_right_even(u128::from(self.mantissa) * SCALE, self.exponent.unsigned_abs());
        if scaled == 0 {
            return "0".to_string();
        }
        let text = format!("{sign}{}.{:017}", scaled / SCALE, scaled % SCALE);
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    }
}

/// Returns `m` / 2^`by` with the last bit set if anything was lost.
fn shift_right_sticky(m: u128, by: u32) -> u128 {
    match by {
        0 => m,
        1..=127 => (m >> by) | u128::from(m << (128 - by) != 0),
        _ => u128::from(m != 0),
    }
}

/// Returns `m` / 2^`by`, rounded to nearest, ties to even; `m` is below 2^127 and `by` is not 0.
fn shift_right_even(m: u128, by: u32) -> u128 {
    if by >= 128 {
        return 0;
    }
    let (kept, rest, half) = (m >> by, m & ((1 << by) - 1), 1u128 << (by - 1));
    kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
}

/// Returns `m` × 2^`exponent` as a positive number, rounded to nearest, ties to even; `sticky` says that the true value is a
/// little above `m`, in which case `m` has more than 65 bits.
fn round(m: u128, sticky: bool, exponent: i32) -> Ld80 {
    if m == 0 {
        return Ld80 { negative: false, mantissa: 0, exponent: EXPONENT_MIN };
    }
    let m = m | u128::from(sticky);
    let (m, exponent) = if m >> 127 == 0 { (m, exponent) } else { ((m >> 1) | (m & 1), exponent + 1) };
    let bits = 128 - m.leading_zeros() as i32;
    let drop = (bits - 64).max(EXPONENT_MIN - exponent);
    let kept = if drop <= 0 { m << -drop } else { shift_right_even(m, drop as u32) };
    let (kept, exponent) = if kept >> 64 == 0 { (kept, exponent + drop) } else { (kept >> 1, exponent + drop + 1) };
    if exponent > EXPONENT_MAX {
        return Ld80 { negative: false, mantissa: 0, exponent: INFINITE };
    }
    Ld80 { negative: false, mantissa: kept as u64, exponent }
}

/// Splits `text` into digits without the point, how many of them follow it, and what comes after the number's digits.
fn split_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(Vec<u8>, i64, &[u8])> {
    let whole = text.iter().take_while(|b| is_digit(b)).count();
    let mut digits = text[..whole].to_vec();
    let mut rest = &text[whole..];
    let mut after_point = 0;
    if let [b'.', tail @ ..] = rest {
        after_point = tail.iter().take_while(|b| is_digit(b)).count();
        digits.extend_from_slice(&tail[..after_point]);
        rest = &tail[after_point..];
    }
    (!digits.is_empty()).then_some((digits, after_point as i64, rest))
}

/// Returns the exponent that `rest` spells after `letter`, 0 for an empty `rest`, cut to ±10^9.
fn parse_exponent(rest: &[u8], letter: u8) -> Option<i64> {
    const FAR: i64 = 1_000_000_000;
    let digits = match rest {
        [] => return Some(0),
        [first, rest @ ..] if first.eq_ignore_ascii_case(&letter) => rest,
        _ => return None,
    };
    let (negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |n: i64, d| (n * 10 + i64::from(d - b'0')).min(FAR));
    Some(if negative { -value } else { value })
}

/// Returns the unsigned number of `text`, and whether it is zero as written.
fn parse_decimal(text: &[u8]) -> Option<(Ld80, bool)> {
    let (digits, after_point, rest) = split_digits(text, u8::is_ascii_digit)?;
    let mut power = parse_exponent(rest, b'e')? - after_point;
    let digits = &digits[digits.iter().take_while(|d| **d == b'0').count()..];
    let trimmed = digits.len() - digits.iter().rev().take_while(|d| **d == b'0').count();
    power += (digits.len() - trimmed) as i64;
    let digits = &digits[..trimmed];
    if digits.is_empty() {
        return Some((round(0, false, 0), true));
    }
    // Where the first digit stands decides what is far out of range; the rest is exact work on at most 10^4 digits.
    let magnitude = power + digits.len() as i64;
    if magnitude > 4_940 {
        return Some((round(1, false, EXPONENT_MAX + 64), false));
    }
    if magnitude < -4_960 {
        return Some((round(0, false, 0), false));
    }
    let mut top = Big::from(0);
    for nine in digits.chunks(9) {
        let value = nine.iter().fold(0, |n: u32, d| n * 10 + u32::from(d - b'0'));
        top.multiply_add(10u32.pow(nine.len() as u32), value);
    }
    if power >= 0 {
        top.multiply_power_of_ten(power as usize);
        let (m, sticky, exponent) = top.leading();
        return Some((round(m, sticky, exponent), false));
    }
    let mut bottom = Big::from(1);
    bottom.multiply_power_of_ten(power.unsigned_abs() as usize);
    let (m, sticky, exponent) = divide(top, bottom);
    Some((round(m, sticky, exponent), false))
}

/// Returns `top` / `bottom` as 66 or 67 bits, whether there is a rest, and the exponent.
fn divide(mut top: Big, mut bottom: Big) -> (u128, bool, i32) {
    const BITS: i64 = 66;
    let shift = BITS + bottom.bits() as i64 - top.bits() as i64;
    if shift >= 0 {
        top.shift_left(shift as usize)
    } else {
        bottom.shift_left(shift.unsigned_abs() as usize)
    }
    bottom.shift_left(BITS as usize);
    let mut quotient = 0u128;
    for _ in 0..=BITS {
        quotient <<= 1;
        if top.at_least(&bottom) {
            top.subtract(&bottom);
            quotient |= 1;
        }
        top.shift_left(1);
    }
    (quotient, !top.is_zero(), -shift as i32)
}

/// Returns the unsigned number of `text`, which follows `0x`, and whether it is zero as written.
fn parse_hex(text: &[u8]) -> Option<(Ld80, bool)> {
    let (digits, after_point, rest) = split_digits(text, u8::is_ascii_hexdigit)?;
    let mut exponent = parse_exponent(rest, b'p')? - 4 * after_point;
    let (mut m, mut sticky) = (0u128, false);
    for digit in digits {
        let value = (digit as char).to_digit(16).map_or(0, u128::from);
        if m >> 120 == 0 {
            m = m << 4 | value;
        } else {
            exponent += 4;
            sticky |= value != 0;
        }
    }
    let exponent = exponent.clamp(-40_000, 40_000) as i32;
    Some((round(m, sticky, exponent), m == 0))
}

/// A natural number of any size: 32-bit words, the lowest first, no zero word at the end.
struct Big(Vec<u32>);

impl Big {
    fn from(n: u128) -> Self {
        let mut big = Big((0..4).map(|word| (n >> (32 * word)) as u32).collect());
        big.trim();
        big
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 32 - top.leading_zeros() as usize)
    }

    fn multiply_add(&mut self, factor: u32, add: u32) {
        let mut carry = u64::from(add);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn multiply_power_of_ten(&mut self, power: usize) {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        self.multiply_add(10u32.pow((power % 9) as u32), 0);
    }

    fn shift_left(&mut self, by: usize) {
        if self.is_zero() {
            return;
        }
        let (words, bits) = (by / 32, by % 32);
        if bits > 0 {
            let mut carry = 0;
            for word in &mut self.0 {
                let wide = u64::from(*word) << bits | carry;
                *word = wide as u32;
                carry = wide >> 32;
            }
            self.0.push(carry as u32);
            self.trim();
        }
        self.0.splice(0..0, std::iter::repeat_n(0, words));
    }

    fn at_least(&self, other: &Big) -> bool {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_ge()
    }

    /// Takes `other`, which is not larger, away.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0i64;
        for (n, word) in self.0.iter_mut().enumerate() {
            let difference = i64::from(*word) - i64::from(other.0.get(n).copied().unwrap_or(0)) - borrow;
            *word = difference as u32;
            borrow = i64::from(difference < 0);
        }
        self.trim();
    }

    /// Returns the highest bits (at most 128), whether lower ones are set, and the exponent of the lowest returned.
    fn leading(&self) -> (u128, bool, i32) {
        let low = self.0.len().saturating_sub(4);
        let m = self.0[low..].iter().rev().fold(0u128, |m, word| m << 32 | u128::from(*word));
        (m, self.0[..low].iter().any(|word| *word != 0), low as i32 * 32)
    }

    fn into_decimal(mut self) -> String {
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0u64;
            for word in self.0.iter_mut().rev() {
                let wide = rest << 32 | u64::from(*word);
                *word = (wide / 1_000_000_000) as u32;
                rest = wide % 1_000_000_000;
            }
            self.trim();
            groups.push(rest);
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        Ld80::parse(a.as_bytes()).unwrap().plus(Ld80::parse(b.as_bytes()).unwrap()).to_text()
    }

    #[test]
    fn sums_have_the_digits_of_a_long_double() {
        // Each was answered by redis-server 7.0.15 on x86-64.
        for (a, b, want) in [
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0.1", "0.2", "0.3"),
            ("3", "1.000000000000000005", "4.00000000000000001"),
            ("1", "-1.1", "-0.1"),
            ("0", "-0", "0"),
            ("0", "-1e-30", "0"),
            ("1e20", "0.5", "100000000000000000000"),
            ("0x1p4", "0x.8", "16.5"),
        ] {
            assert_eq!(sum(a, b), want, "{a} + {b}");
        }
        assert_eq!(sum("1e4932", "0").len(), 4933);
        assert_eq!(sum("1e-4950", "0"), "0");
        assert_eq!(Ld80::from_i64(i64::MIN).to_text(), i64::MIN.to_string());
        assert_eq!(Ld80::from_i64(0).to_text(), "0");
    }

    #[test]
    fn texts_that_are_no_numbers() {
        let far = "1".repeat(5_200);
        for bad in
            ["", " 1", "1 ", "nan", "1e", "e5", ".", "0x", "1x", "1e5000", "1e-5000", "--1", "1e99999999999", &far]
        {
            assert_eq!(Ld80::parse(bad.as_bytes()), None, "{bad}");
        }
        for good in ["5.", ".5", "+1", "0e99999999999", "-0", "1e-4950", "0X1P-3", "0x1.8"] {
            assert!(Ld80::parse(good.as_bytes()).is_some_and(Ld80::is_finite), "{good}");
        }
        assert!(Ld80::parse(b"-Infinity").is_some_and(|v| !v.is_finite()));
    }

    #[test]
    fn halves_go_to_even_and_carries_go_up() {
        // 2^64 has 65 bits: odd neighbours are halfway.
        assert_eq!(sum("18446744073709551615", "1"), "18446744073709551616");
        assert_eq!(sum("18446744073709551616", "1"), "18446744073709551616");
        assert_eq!(sum("18446744073709551616", "3"), "18446744073709551620");
        assert_eq!(sum("18446744073709551616", "-18446744073709551615"), "1");
        assert_eq!(sum("18446744073709551617", "0"), "18446744073709551616");
        assert_eq!(sum("18446744073709551617.0000000000000000000000001", "0"), "18446744073709551618");
    }
}
