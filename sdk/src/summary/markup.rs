//! Markup: a percentage on top of a group's cost.

use arrow_buffer::i256;

/// `percent` (in units of 10^-18) of `cost`, rounded half to even at the 18th decimal. `None` when too large.
///
/// It is taken of the group's exact sum, so that it is rounded once and not once per line.
#[must_use]
pub fn markup(cost: i128, percent: i128) -> Option<i128> {
    let product = i256::from_i128(cost).checked_mul(i256::from_i128(percent))?;
    let unit = i256::from_i128(10_i128.pow(20));
    let (quotient, rest) = (product.checked_div(unit)?.to_i128()?, product.checked_rem(unit)?.to_i128()?);
    let half = 10_u128.pow(20) / 2;
    let away = match rest.unsigned_abs().cmp(&half) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    if away { quotient.checked_add(rest.signum()) } else { Some(quotient) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exact_and_rounds_half_to_even() {
        let ten = 10 * 10_i128.pow(18);
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
}
