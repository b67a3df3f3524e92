//! Exact amounts: integers of 10^-11, the finest that AWS prints.
//!
//! Everything a report holds is computed on these, so totals are exact whatever order they are added in.

use std::fmt::{self, Write};
use std::ops::{Add, AddAssign, Neg, Sub};

/// Digits after the decimal point.
pub const SCALE: u32 = 11;
const ONE: i128 = 10_i128.pow(SCALE);

/// An amount of money, a rate or a quantity, in units of 10^-11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `mantissa` x 10^-`scale`. A scale above 11 is not representable and gives the amount cut off there.
    #[must_use]
    pub const fn new(mantissa: i64, scale: u32) -> Self {
        if scale <= SCALE {
            Self(mantissa as i128 * 10_i128.pow(SCALE - scale))
        } else {
            Self(mantissa as i128 / 10_i128.pow(scale - SCALE))
        }
    }

    /// A whole number.
    #[must_use]
    pub const fn whole(n: i64) -> Self {
        Self::new(n, 0)
    }

    /// The product, rounded half away from zero to 11 places.
    #[must_use]
    pub const fn times(self, other: Self) -> Self {
        let product = self.0 * other.0;
        let half = if product < 0 { -ONE / 2 } else { ONE / 2 };
        Self((product + half) / ONE)
    }

    /// `percent` hundredths of it, rounded toward zero to `places` decimals.
    #[must_use]
    pub const fn percent(self, percent: i64, places: u32) -> Self {
        let step = 10_i128.pow(SCALE - if places > SCALE { SCALE } else { places });
        Self(self.0 * percent as i128 / 100 / step * step)
    }

    /// Writes it as plain decimal text without trailing zeros.
    pub fn write_plain(self, out: &mut String) {
        if self.0 < 0 {
            out.push('-');
        }
        let magnitude = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let (whole, mut fraction) = (magnitude / one, magnitude % one);
        push(out, format_args!("{whole}"));
        if fraction > 0 {
            let mut width = SCALE as usize;
            while fraction.is_multiple_of(10) {
                fraction /= 10;
                width -= 1;
            }
            push(out, format_args!(".{fraction:0width$}"));
        }
    }

    /// Writes it as Java's `BigDecimal` does, which is where AWS's `9.984E-7` comes from: with an exponent when it is
    /// below 10^-6, else plainly.
    pub fn write_scientific(self, out: &mut String) {
        let mut mantissa = self.0.unsigned_abs();
        if mantissa == 0 || mantissa >= 10_u128.pow(SCALE - 6) {
            return self.write_plain(out);
        }
        let mut exponent = -i64::from(SCALE);
        while mantissa.is_multiple_of(10) {
            mantissa /= 10;
            exponent += 1;
        }
        let digits = mantissa.to_string();
        let (first, rest) = digits.split_at(1);
        exponent += rest.len() as i64;
        if self.0 < 0 {
            out.push('-');
        }
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        push(out, format_args!("E{exponent}"));
    }
}

fn push(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a String has no way to fail.
    let _ = out.write_fmt(text);
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_plain(&mut text);
        f.write_str(&text)
    }
}

impl serde::Serialize for Amount {
    /// As decimal text: JSON numbers are floats to most readers.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    fn scientific(amount: Amount) -> String {
        let mut text = String::new();
        amount.write_scientific(&mut text);
        text
    }

    #[test]
    fn prints_without_trailing_zeros() {
        assert_eq!(Amount::new(9_984, 10).to_string(), "0.0000009984");
        assert_eq!(Amount::new(-1_500, 2).to_string(), "-15");
        assert_eq!(Amount::new(-5, 1).to_string(), "-0.5");
        assert_eq!(Amount::ZERO.to_string(), "0");
    }

    #[test]
    fn prints_small_amounts_as_java_does() {
        assert_eq!(scientific(Amount::new(9_984, 10)), "9.984E-7");
        assert_eq!(scientific(Amount::new(181, 10)), "1.81E-8");
        assert_eq!(scientific(Amount::new(-1, 11)), "-1E-11");
        assert_eq!(scientific(Amount::new(1, 6)), "0.000001");
        assert_eq!(scientific(Amount::whole(3)), "3");
    }

    #[test]
    fn multiplies_exactly_and_rounds_half_away() {
        assert_eq!(Amount::new(96, 3).times(Amount::new(15, 1)), Amount::new(144, 3));
        assert_eq!(Amount::new(1, 11).times(Amount::new(5, 1)), Amount::new(1, 11));
        assert_eq!((-Amount::new(1, 11)).times(Amount::new(5, 1)), -Amount::new(1, 11));
        assert_eq!(Amount::new(1_999, 2).percent(10, 2), Amount::new(199, 2));
    }
}
