//! Decimals as PostgreSQL's binary NUMERIC, both ways, exactly.
//!
//! A NUMERIC is a sign, digits to the base 10,000, the weight of the first of them (as a power of 10,000), and how many
//! decimals to show. Trailing zeros are shown nowhere: 12.340 arrives as 12.34.

/// How many groups of four digits a value can have: 38 digits, not aligned.
const MAX_GROUPS: usize = 11;
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

/// Appends `value / 10^scale` as a field of a binary COPY: its length, then the number.
pub(super) fn append(value: i128, scale: i8, out: &mut Vec<u8>) {
    let mut groups = Groups::default();
    let magnitude = value.unsigned_abs();
    if scale > 0 {
        let divisor = 10_u128.pow(u32::from(scale.unsigned_abs()));
        let (whole, fraction) = (magnitude / divisor, magnitude % divisor);
        groups.push_fraction(fraction, scale.unsigned_abs());
        groups.push_whole(whole);
    } else {
        groups.push_scaled(magnitude, scale.unsigned_abs());
    }
    groups.write(if value < 0 { NEGATIVE } else { POSITIVE }, out);
}

/// Groups of four digits, the least significant first.
#[derive(Default)]
struct Groups {
    digits: [u16; MAX_GROUPS],
    count: usize,
    /// The power of 10,000 of the first pushed.
    lowest: i16,
}

impl Groups {
    #[inline]
    fn push(&mut self, group: u16) {
        if let Some(place) = self.digits.get_mut(self.count) {
            *place = group;
            self.count += 1;
        }
    }

    /// The digits after the point, of which there are `scale`.
    fn push_fraction(&mut self, fraction: u128, scale: u8) {
        self.lowest = -i16::from(scale.div_ceil(4));
        if fraction == 0 {
            self.lowest = 0;
            return;
        }
        let odd = u32::from(scale % 4);
        let (mut rest, low) = (fraction / 10_u128.pow(odd), fraction % 10_u128.pow(odd));
        let mut pushed = 0;
        if odd > 0 {
            self.push(low as u16 * 10_u16.pow(4 - odd));
            pushed = 1;
        }
        // Division of 64 bits is many times faster, and amounts have 18 decimals.
        if let Ok(mut small) = u64::try_from(rest) {
            for _ in pushed..scale.div_ceil(4) {
                self.push((small % 10_000) as u16);
                small /= 10_000;
            }
            return;
        }
        for _ in pushed..scale.div_ceil(4) {
            self.push((rest % 10_000) as u16);
            rest /= 10_000;
        }
    }

    /// The digits before the point.
    fn push_whole(&mut self, mut whole: u128) {
        while whole > u128::from(u64::MAX) {
            self.push((whole % 10_000) as u16);
            whole /= 10_000;
        }
        let mut whole = whole as u64;
        while whole > 0 {
            self.push((whole % 10_000) as u16);
            whole /= 10_000;
        }
    }

    /// Digits that `zeros` zeros follow.
    fn push_scaled(&mut self, magnitude: u128, zeros: u8) {
        self.lowest = i16::from(zeros / 4);
        let odd = u32::from(zeros % 4);
        let low = 10_u128.pow(4 - odd);
        if odd > 0 {
            self.push((magnitude % low) as u16 * 10_u16.pow(odd));
            self.push_whole(magnitude / low);
        } else {
            self.push_whole(magnitude);
        }
    }

    /// Writes the field, without zeros at either end.
    fn write(&self, sign: u16, out: &mut Vec<u8>) {
        let digits = self.digits.get(..self.count).unwrap_or_default();
        let below = digits.iter().take_while(|digit| **digit == 0).count();
        let above = digits.iter().rev().take_while(|digit| **digit == 0).count();
        let digits =
            if below == digits.len() { &[] } else { digits.get(below..digits.len() - above).unwrap_or_default() };
        let count = digits.len() as u16;
        let weight = if count == 0 { 0 } else { self.lowest + below as i16 + count as i16 - 1 };
        let sign = if count == 0 { POSITIVE } else { sign };
        let shown = match digits.first() {
            Some(last) if weight < count as i16 - 1 => {
                let zeros = [1000, 100, 10].iter().position(|power| last % power == 0).map_or(0, |found| 3 - found);
                4 * (count as i16 - 1 - weight) as u16 - zeros as u16
            }
            _ => 0,
        };
        out.extend_from_slice(&(8 + 2 * i32::from(count)).to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&weight.to_be_bytes());
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&shown.to_be_bytes());
        for digit in digits.iter().rev() {
            out.extend_from_slice(&digit.to_be_bytes());
        }
    }
}

/// Why a NUMERIC does not fit a decimal of 38 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoesNotFit {
    /// It has more decimals than are kept.
    Decimals,
    /// It has too many digits, or is no number.
    Digits,
    /// It is not the binary form of a NUMERIC.
    Form,
}

/// Reads a NUMERIC as a whole number of `10^-scale`.
pub(super) fn read(field: &[u8], scale: u8) -> Result<i128, DoesNotFit> {
    let mut words = field.chunks_exact(2).map(|word| match word {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let mut next = || words.next().ok_or(DoesNotFit::Form);
    let (count, weight, sign, _shown) = (next()?, next()? as i16, next()?, next()?);
    if sign != POSITIVE && sign != NEGATIVE {
        return Err(DoesNotFit::Digits);
    }
    let mut value: i128 = 0;
    for place in 0..i32::from(count) {
        let digit = i128::from(next()?);
        // The digit stands for digit * 10^exponent units.
        let exponent = 4 * (i32::from(weight) - place) + i32::from(scale);
        if digit == 0 {
            continue;
        }
        let units = if exponent >= 0 {
            let power = 10_i128.checked_pow(exponent.unsigned_abs()).ok_or(DoesNotFit::Digits)?;
            digit.checked_mul(power).ok_or(DoesNotFit::Digits)?
        } else {
            let power = 10_i128.checked_pow(exponent.unsigned_abs()).ok_or(DoesNotFit::Decimals)?;
            if digit % power != 0 {
                return Err(DoesNotFit::Decimals);
            }
            digit / power
        };
        value = value.checked_add(units).ok_or(DoesNotFit::Digits)?;
    }
    if value >= 10_i128.pow(38) {
        return Err(DoesNotFit::Digits);
    }
    Ok(if sign == NEGATIVE { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LARGEST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

    fn field(value: i128, scale: i8) -> Vec<u8> {
        let mut out = Vec::new();
        append(value, scale, &mut out);
        assert_eq!(out.len(), 4 + i32::from_be_bytes([out[0], out[1], out[2], out[3]]) as usize);
        out.split_off(4)
    }

    fn words(value: i128, scale: i8) -> Vec<u16> {
        field(value, scale).chunks(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect()
    }

    #[test]
    fn known_forms() {
        assert_eq!(words(0, 18), [0, 0, 0, 0]);
        assert_eq!(words(1, 0), [1, 0, 0, 0, 1]);
        assert_eq!(words(-12_345, 2), [2, 0, NEGATIVE, 2, 123, 4500]);
        assert_eq!(words(12_340_000_000_000_000_000, 18), [2, 0, 0, 2, 12, 3400]);
        assert_eq!(words(1, 18), [1, 0xfffb, 0, 18, 100]);
        assert_eq!(words(10_000, 0), [1, 1, 0, 0, 1]);
        assert_eq!(words(12, -2), [1, 0, 0, 0, 1200]);
        assert_eq!(words(123, -3), [2, 1, 0, 0, 12, 3000]);
        assert_eq!(words(LARGEST, 38)[..4], [10, 0xffff, 0, 38]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(read(&field(1, 19), 18), Err(DoesNotFit::Decimals));
        assert_eq!(read(&field(LARGEST, 0), 18), Err(DoesNotFit::Digits));
        assert_eq!(read(&[0, 0, 0, 0, 0xc0, 0, 0, 0], 18), Err(DoesNotFit::Digits));
        assert_eq!(read(&[0, 1, 0, 0, 0, 0, 0, 0], 18), Err(DoesNotFit::Form));
        assert_eq!(read(&[0], 18), Err(DoesNotFit::Form));
    }

    proptest! {
        #[test]
        fn read_is_the_inverse(value in -LARGEST..=LARGEST, scale in 0_u8..=38) {
            prop_assert_eq!(read(&field(value, scale as i8), scale), Ok(value));
        }

        #[test]
        fn small_values_too(value in any::<i64>(), scale in 0_u8..=38) {
            prop_assert_eq!(read(&field(value.into(), scale as i8), scale), Ok(value.into()));
        }
    }
}
