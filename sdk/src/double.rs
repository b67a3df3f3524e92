//! Doubles as exact decimals, without writing them as text.
//!
//! Invariant: the result is that of [`decimal::from_f64`], the decimal of the shortest text that reads back as the double.

use crate::decimal::{self, Decimal, DecimalError, SCALE};

/// Powers of ten that are exact as doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Doubles from here on have more than 20 digits before the point, also as text.
const TOO_LARGE: f64 = 1e20;

/// The decimal of the shortest text that reads back as this double.
///
/// # Errors
/// For infinities and not-a-number, and for 10^20 and more.
#[inline]
pub(crate) fn decimal(number: f64) -> Result<Decimal, DecimalError> {
    short(number).map_or_else(|| decimal::from_f64(number), Ok)
}

/// Whether a double is an amount: what [`decimal`] would say of it.
#[inline]
pub(crate) fn check(number: f64) -> Result<(), DecimalError> {
    if !number.is_finite() {
        Err(DecimalError::NotANumber)
    } else if number.abs() >= TOO_LARGE {
        Err(DecimalError::TooLarge)
    } else {
        Ok(())
    }
}

/// The decimal of a double that has at most fifteen digits, as nearly every amount.
///
/// Different decimals of fifteen digits are different doubles. So if one of them reads back as the double, it is the only
/// one, and the shortest text is that number. The product below is off by less than a quarter, so rounding finds the
/// digits if there are so few; dividing by an exact power rounds as reading the text does, and proves them.
#[inline]
fn short(number: f64) -> Option<Decimal> {
    let size = number.abs();
    if !(1e-7..1e15).contains(&size) {
        return (size == 0.0).then_some(Decimal { value: 0, rounded: false });
    }
    let binary = (size.to_bits() >> 52) as i32 - 1023;
    // 1233 / 4096 is a little less than the logarithm of 2: the power is right or one too large.
    let mut places = (14 - ((binary * 1233) >> 12)) as usize;
    let mut power = *POWERS.get(places)?;
    if size * power >= 1e15 {
        places = places.checked_sub(1)?;
        power = *POWERS.get(places)?;
    }
    let digits = (size * power).round_ties_even();
    if digits / power != size {
        return None;
    }
    let (value, rounded) = scaled(digits as u64, places)?;
    Some(Decimal { value: if number < 0.0 { -value } else { value }, rounded })
}

/// Digits of which `places` stand after the point, in units of the last place of an amount; whether it was rounded half-even.
#[inline]
fn scaled(digits: u64, places: usize) -> Option<(i128, bool)> {
    let scale = SCALE as usize;
    if places <= scale {
        let factor = 10u64.checked_pow((scale - places) as u32)?;
        // Amounts below 18 fit 64 bits, in which a guest multiplies in one step and not in ten.
        let product = digits.checked_mul(factor).map_or_else(|| i128::from(digits) * i128::from(factor), i128::from);
        return Some((product, false));
    }
    let unit = 10u64.checked_pow((places - scale) as u32)?;
    let (whole, rest) = (digits / unit, digits % unit);
    let up = rest * 2 > unit || (rest * 2 == unit && whole % 2 == 1);
    Some((i128::from(whole + u64::from(up)), rest != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_as_its_text(number: f64) {
        let want = decimal::from_f64(number);
        assert_eq!(decimal(number), want, "{number:e}");
        assert_eq!(check(number), want.map(|_| ()), "{number:e}");
        if let Some(short) = short(number) {
            assert_eq!(Ok(short), want, "{number:e}");
        }
    }

    #[test]
    fn numbers_at_the_edges() {
        let edges =
            [0.0, 1e-7, 1e-18, 1e15, 1e20, 1e22, 5e-324, 0.1 + 0.2, 1.0 / 3.0, 2.5e-18, 3.5e-18, 999999999999999.9];
        for edge in edges.into_iter().chain([f64::MAX, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY]) {
            for number in [edge, -edge, edge.next_up(), edge.next_down()] {
                is_as_its_text(number);
            }
        }
        for power in -22..23 {
            let text = |digits: &str| format!("{digits}e{power}").parse::<f64>().unwrap();
            for digits in
                ["1", "9", "9.99999999999999", "1.23456789012345", "4.5", "1.00000000000005", "5.5000000000001"]
            {
                is_as_its_text(text(digits));
            }
        }
    }

    #[test]
    fn amounts_of_bills_are_short() {
        assert!([0.0116, 4064.0, 0.000_000_2, 123_456.789, 1.0, 17.99, 0.1].iter().all(|n| short(*n).is_some()));
    }

    proptest! {
        #[test]
        fn doubles_of_every_size_are_as_their_text(bits: u64) {
            is_as_its_text(f64::from_bits(bits));
        }

        #[test]
        fn decimals_of_every_length_are_as_their_text(digits in 0u64..100_000_000_000_000_000, cut in 0u32..17, places in 0i32..26) {
            is_as_its_text(format!("{}e-{places}", digits / 10u64.pow(cut)).parse().unwrap());
        }
    }
}
