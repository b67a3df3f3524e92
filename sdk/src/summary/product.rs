//! Exact products of amounts, rounded once, half to even at the 18th decimal.

use arrow_buffer::i256;

/// `percent` (in units of 10^-18) of `cost`. `None` when too large.
///
/// It is taken of a group's exact sum, so that it is rounded once and not once per line.
#[must_use]
pub fn markup(cost: i128, percent: i128) -> Option<i128> {
    divided(cost, percent, 10_i128.pow(20))
}

/// `value` times `factor`, both in units of 10^-18. `None` when too large.
#[must_use]
pub fn times(value: i128, factor: i128) -> Option<i128> {
    divided(value, factor, 10_i128.pow(18))
}

/// The product divided by a unit that is even.
fn divided(left: i128, right: i128, unit: i128) -> Option<i128> {
    let product = i256::from_i128(left).checked_mul(i256::from_i128(right))?;
    let whole = i256::from_i128(unit);
    let (quotient, rest) = (product.checked_div(whole)?.to_i128()?, product.checked_rem(whole)?.to_i128()?);
    let away = match rest.unsigned_abs().cmp(&(unit.unsigned_abs() / 2)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    if away { quotient.checked_add(rest.signum()) } else { Some(quotient) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i128 = 10_i128.pow(18);

    #[test]
    fn is_exact_and_rounds_half_to_even() {
        let ten = 10 * ONE;
        assert_eq!(markup(123_456, ten), Some(12_346));
        assert_eq!(markup(5, ten), Some(0));
        assert_eq!(markup(15, ten), Some(2));
        assert_eq!(markup(25, ten), Some(2));
        assert_eq!(markup(-15, ten), Some(-2));
        assert_eq!(markup(-25, ten), Some(-2));
        assert_eq!(markup(-26, ten), Some(-3));
        assert_eq!(markup(10_i128.pow(38) - 1, ten), Some(10_i128.pow(37)));
        assert_eq!(markup(i128::MAX, i128::MAX), None);
    }

    #[test]
    fn factors() {
        assert_eq!(times(7, 10_000 * ONE), Some(70_000));
        assert_eq!(times(-3, ONE / 2), Some(-2));
        assert_eq!(times(5, ONE / 2), Some(2));
        assert_eq!(times(ONE, 0), Some(0));
        assert_eq!(times(i128::MAX, 2 * ONE), None);
    }
}
