//! Decimal text: trimming and rounding without ever becoming a float.

/// Removes zeros after the point that say nothing: `1.500` -> `1.5`, `2.000` -> `2`, `-0.0` -> `0`.
pub(super) fn trim(text: &str) -> String {
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if trimmed.trim_start_matches(['-', '0']).is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

/// Rounds half-even to `places` decimals and pads with zeros to just as many.
pub(super) fn round(text: &str, places: usize) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (kept, rest) = fraction.split_at(places.min(fraction.len()));
    let mut number: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    number.resize(whole.len() + places, b'0');
    let odd = number.last().is_some_and(|digit| digit % 2 == 1);
    let up = match rest.bytes().next() {
        None | Some(b'0'..=b'4') => false,
        Some(b'5') => odd || rest.bytes().skip(1).any(|digit| digit != b'0'),
        Some(_) => true,
    };
    if up && increment(&mut number) {
        number.insert(0, b'1');
    }
    let split = number.len() - places;
    let text = String::from_utf8_lossy(&number).into_owned();
    let (whole, kept) = text.split_at(split);
    let sign = if text.bytes().all(|digit| digit == b'0') { "" } else { sign };
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{kept}") }
}

/// Adds one to the last digit; true when it carried out of the first.
fn increment(digits: &mut [u8]) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit == b'9' {
            *digit = b'0';
        } else {
            *digit += 1;
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{round, trim};

    #[test]
    fn trims() {
        for (text, trimmed) in [("1.500", "1.5"), ("2.000", "2"), ("100", "100"), ("-0.00", "0"), ("-10.10", "-10.1")] {
            assert_eq!(trim(text), trimmed);
        }
    }

    #[test]
    fn rounds_half_even() {
        for (text, rounded) in [
            ("1.005", "1.00"),
            ("1.015", "1.02"),
            ("1.0050000001", "1.01"),
            ("-9.999", "-10.00"),
            ("0.004", "0.00"),
            ("-0.004", "0.00"),
            ("7", "7.00"),
            ("123456789012345678901234567890.125", "123456789012345678901234567890.12"),
        ] {
            assert_eq!(round(text, 2), rounded, "{text}");
        }
        assert_eq!(round("2.5", 0), "2");
        assert_eq!(round("99.5", 0), "100");
    }
}
