//! Exact decimals: text to `Decimal128(38,18)` and back, never through a float.
//!
//! Invariant: what does not fit exactly is either rounded half-even at the 18th place and said to be rounded, or refused.

use std::fmt::Write as _;

/// Digits after the point, the same for every amount in the lake.
pub const SCALE: u32 = 18;
/// Digits in all.
pub const PRECISION: u32 = 38;
/// The first value that has too many digits.
const LIMIT: u128 = 10u128.pow(PRECISION);
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const POWERS: [u64; 19] = {
    let mut powers = [1u64; 19];
    let mut i = 1;
    while i < 19 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// By power of ten: the largest number whose product with it fits 64 bits.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const LIMITS: [u64; 19] = {
    let mut limits = [0u64; 19];
    let mut i = 0;
    while i < 19 {
        limits[i] = u64::MAX / POWERS[i];
        i += 1;
    }
    limits
};

/// A decimal that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// In units of 10^-18.
    pub value: i128,
    /// Whether digits other than zero after the 18th place were rounded away.
    pub rounded: bool,
}

/// Why text is not a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// Not a number in decimal or scientific notation.
    NotANumber,
    /// More than 20 digits before the point.
    TooLarge,
}

impl std::fmt::Display for DecimalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DecimalError::NotANumber => "is not a decimal number",
            DecimalError::TooLarge => "has more than 20 digits before the point",
        })
    }
}

impl std::error::Error for DecimalError {}

/// Reads decimal text: `12`, `-.5`, `1.`, `+1`, `1E-7`.
///
/// # Errors
/// When the text is no such number (`NaN` and `inf` are none), or has more than 20 digits before the point.
pub fn parse(text: &[u8]) -> Result<Decimal, DecimalError> {
    match parse_usual(text).or_else(|| parse_short(text)) {
        Some(value) => Ok(Decimal { value, rounded: false }),
        None => parse_any(text),
    }
}

/// Eight to sixteen plain digits and at most one point among them: nearly every amount in a bill.
#[inline]
pub(crate) fn parse_usual(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (8..=16, Some(first), Some(last)) = (digits.len(), digits.first_chunk(), digits.last_chunk()) else {
        return None;
    };
    let value = parse_sixteen(u64::from_le_bytes(*first), u64::from_le_bytes(*last), digits.len())?;
    Some(if negative { -value } else { value })
}

/// Plain digits with at most one point and at most 18 digits.
fn parse_short(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.len() > 19 {
        return None;
    }
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (digits.get(..point)?, digits.get(point + 1..)?),
        None => (digits, &[][..]),
    };
    let count = whole.len() + fraction.len();
    if count == 0 || count > 18 {
        return None;
    }
    let value = number(whole)? * POWERS.get(fraction.len())? + number(fraction)?;
    let scaled = scaled(value, 18 - fraction.len())?;
    Some(if negative { -scaled } else { scaled })
}

/// Eight to sixteen digits with at most one point among them, `length` bytes in all, by their first and their last eight:
/// without a loop, whatever their number.
#[inline]
fn parse_sixteen(first: u64, last: u64, length: usize) -> Option<i128> {
    // Zeros come before them, so that there are always sixteen. Bytes further on in the text are higher in a word.
    let half = 4 * (16 - length as u32);
    let (high, low) = ((first << half) << half | !((!0 << half) << half) & ZEROS, last);
    let (point, point_in_low) = (points(high), points(low));
    let (high, low, fraction) = match (point, point_in_low) {
        (0, 0) => (high, low, 0),
        (point, 0) => (close(high, point)? | ZERO, low, 15 - point.trailing_zeros() / 8),
        (0, point) => (high << 8 | ZERO, close(low, point)? | high >> 56, 7 - point.trailing_zeros() / 8),
        _ => return None,
    };
    let value = eight_digits(high)? * 100_000_000 + eight_digits(low)?;
    scaled(value, 18 - fraction as usize)
}

/// The top bit of each byte that is a point.
#[inline]
fn points(text: u64) -> u64 {
    const POINTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let zero_where_point = text ^ POINTS;
    !(((zero_where_point & LOW) + LOW) | zero_where_point) & !LOW
}

/// Moves what is before the point over it; the first byte is then free. `None` when there is more than one point.
#[inline]
fn close(text: u64, point: u64) -> Option<u64> {
    if point & point.wrapping_sub(1) != 0 {
        return None;
    }
    // The bits below the point's byte, and those above.
    let below = (point >> 7).wrapping_sub(1);
    let above = !(below | point | (point - (point >> 7)));
    Some(text & above | (text & below) << 8)
}

/// At most 18 digits as a number.
#[inline]
fn number(digits: &[u8]) -> Option<u64> {
    let (eights, rest) = digits.as_chunks::<8>();
    let mut value = 0;
    for eight in eights {
        value = value * 100_000_000 + eight_digits(u64::from_le_bytes(*eight))?;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

const ZERO: u64 = b'0' as u64;
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Eight digits at once: neighbouring digits are joined to numbers of two, those to numbers of four, those to one.
#[inline]
fn eight_digits(text: u64) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    // A digit's upper half is 3, and stays 3 when six is added. A sum that carries into the next byte had no 3 before.
    if text & HIGH != ZEROS || text.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    let digits = text - ZEROS;
    let twos = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// A number below 10^18 times a power of ten up to 10^18. Most products fit 64 bits, in which a guest multiplies in one step
/// and not in ten.
#[inline]
fn scaled(value: u64, power: usize) -> Option<i128> {
    let factor = *POWERS.get(power)?;
    let product =
        if value <= *LIMITS.get(power)? { i128::from(value * factor) } else { i128::from(value) * i128::from(factor) };
    Some(product)
}

/// Any spelling, digit by digit.
#[inline(never)]
fn parse_any(text: &[u8]) -> Result<Decimal, DecimalError> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let split = rest.iter().position(|b| matches!(b, b'e' | b'E'));
    let (mantissa, exponent) = match split {
        Some(at) => (rest.get(..at).unwrap_or_default(), parse_exponent(rest.get(at + 1..).unwrap_or_default())?),
        None => (rest, 0),
    };
    let shape = Shape::of(mantissa)?;
    if shape.significant == 0 {
        return Ok(Decimal { value: 0, rounded: false });
    }
    // The result is the mantissa's digits times 10^shift, so this many of them stay.
    let shift = exponent.saturating_sub(shape.fraction).saturating_add(i64::from(SCALE));
    let kept = shape.significant.saturating_add(shift);
    if kept > i64::from(PRECISION) {
        return Err(DecimalError::TooLarge);
    }
    let (mut value, rounded) = round(mantissa, kept);
    for _ in 0..shift.max(0) {
        value *= 10;
    }
    if value >= LIMIT {
        return Err(DecimalError::TooLarge);
    }
    let value = value as i128;
    Ok(Decimal { value: if negative { -value } else { value }, rounded })
}

/// How many digits a mantissa has.
struct Shape {
    /// From the first digit that is not zero.
    significant: i64,
    /// After the point.
    fraction: i64,
}

impl Shape {
    fn of(mantissa: &[u8]) -> Result<Shape, DecimalError> {
        let (mut digits, mut significant, mut fraction, mut point) = (0i64, 0i64, 0i64, false);
        for &byte in mantissa {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    fraction += i64::from(point);
                    significant += i64::from(significant > 0 || byte != b'0');
                }
                b'.' if !point => point = true,
                _ => return Err(DecimalError::NotANumber),
            }
        }
        if digits == 0 { Err(DecimalError::NotANumber) } else { Ok(Shape { significant, fraction }) }
    }
}

/// The first `kept` significant digits as a number, rounded half-even by those that follow.
fn round(mantissa: &[u8], kept: i64) -> (u128, bool) {
    let digits = mantissa.iter().filter(|b| **b != b'.').skip_while(|b| **b == b'0').map(|b| b - b'0');
    let (mut value, mut first, mut more, mut seen) = (0u128, 0u8, false, 0i64);
    for digit in digits {
        if seen < kept {
            value = value * 10 + u128::from(digit);
        } else if seen == kept {
            first = digit;
        } else {
            more |= digit != 0;
        }
        seen += 1;
    }
    if kept < 0 {
        // Below a tenth of the last place: it rounds to zero.
        return (0, true);
    }
    let up = first > 5 || (first == 5 && (more || value % 2 == 1));
    (value + u128::from(up), first != 0 || more)
}

/// The number after `e`, held within bounds that change no outcome.
fn parse_exponent(text: &[u8]) -> Result<i64, DecimalError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::NotANumber);
    }
    // A row holds less than 2^32 digits, so beyond this an exponent decides alone.
    let value = digits.iter().fold(0i64, |v, d| (v * 10 + i64::from(d - b'0')).min(1 << 40));
    Ok(if negative { -value } else { value })
}

/// The decimal of the shortest text that reads back as this double.
///
/// # Errors
/// For infinities and not-a-number, and for 10^20 and more.
pub fn from_f64(number: f64) -> Result<Decimal, DecimalError> {
    let mut text = Short::default();
    if !number.is_finite() || write!(text, "{number:e}").is_err() {
        return Err(DecimalError::NotANumber);
    }
    parse(text.as_bytes())
}

/// A little text without an allocation; room for any double in scientific notation.
#[derive(Default)]
pub(crate) struct Short {
    bytes: [u8; 32],
    len: usize,
}

impl Short {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl std::fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Plain decimal text without needless zeros.
#[must_use]
pub fn format(value: i128) -> String {
    let unit = 10u128.pow(SCALE);
    let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{fraction:018}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests;
