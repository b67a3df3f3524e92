//! Two versions of a plugin side by side: what they declare, and the numbers they make of the same reports.
//!
//! Plugins are pure functions of their input, so a difference between two versions on the same bytes is a difference
//! between the versions, and nothing else. Both work into lakes of their own, which are gone afterwards.

pub mod difference;
pub mod groups;
pub mod manifests;
pub mod rows;
pub mod trial;

pub use difference::Difference;
pub use trial::{CompareError, Months, Trial};

use arrow::datatypes::i256;

use crate::ingest::totals::parse_decimal_exact;

/// The largest difference that still counts as none, in units of 10^-18.
///
/// # Errors
/// When the text is no plain number, or negative.
pub fn tolerance(text: &str) -> Result<i256, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.len() <= 38;
    let number = parse_decimal_exact(text).filter(|_| plain && !text.is_empty());
    number.ok_or_else(|| format!("`{text}` is not an amount; write a plain number such as 0.01"))
}

/// Whether two values are told as different. Without a tolerance, no value and zero are two things.
pub(crate) fn differs(old: Option<i256>, new: Option<i256>, tolerance: i256) -> bool {
    if old == new {
        return false;
    }
    let difference = new.unwrap_or(i256::ZERO).wrapping_sub(old.unwrap_or(i256::ZERO));
    difference.wrapping_abs() > tolerance || (difference == i256::ZERO && tolerance == i256::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_a_plain_amount() {
        assert_eq!(tolerance("0.01"), Ok(i256::from_i128(10_000_000_000_000_000)));
        assert_eq!(tolerance("0"), Ok(i256::ZERO));
        for wrong in ["", "-1", "1e3", "ten", "+1", "1,5"] {
            assert!(tolerance(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_value_is_zero_where_differences_are_tolerated() {
        let (one, zero) = (Some(i256::ONE), Some(i256::ZERO));
        assert!(differs(None, zero, i256::ZERO) && !differs(None, zero, i256::ONE));
        assert!(differs(one, None, i256::ZERO) && !differs(one, None, i256::ONE) && !differs(one, one, i256::ZERO));
    }
}
