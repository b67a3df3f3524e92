//! Decimals against long arithmetic.

use super::*;
use proptest::prelude::*;

fn text(input: &str) -> Result<String, DecimalError> {
    parse(input.as_bytes()).map(|d| format(d.value))
}

#[test]
fn spellings() {
    for (input, want) in [
        ("1E-7", "0.0000001"),
        ("-.5", "-0.5"),
        ("+1", "1"),
        ("1.", "1"),
        ("0.0", "0"),
        ("-0", "0"),
        ("1.5e3", "1500"),
        ("0e99999999999999999999", "0"),
        ("1e-99999999999999999999", "0"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ("000000000000000000000000000000000000000000001.10", "1.1"),
        ("0.0000000000000000005", "0"),
        ("0.0000000000000000015", "0.000000000000000002"),
        ("0.00000000000000000050001", "0.000000000000000001"),
        ("0.00000000000000000004", "0"),
    ] {
        assert_eq!(text(input).as_deref(), Ok(want), "{input}");
    }
    for input in ["", ".", "-", "NaN", "inf", "1,5", "0x1", "1e", "1e+", "e5", "1 ", "1.2.3", "--1", "1e1.5", "١"] {
        assert_eq!(text(input), Err(DecimalError::NotANumber), "{input}");
    }
    for input in ["100000000000000000000", "1e20", "1e999999999999", "99999999999999999999.9999999999999999995"] {
        assert_eq!(text(input), Err(DecimalError::TooLarge), "{input}");
    }
    assert!(parse(b"0.1234567890123456789").unwrap().rounded);
    assert!(!parse(b"0.1234567890123456780").unwrap().rounded);
}

#[test]
fn doubles() {
    for (number, want) in [(0.1 + 0.2, "0.30000000000000004"), (1e-7, "0.0000001"), (-4064.0, "-4064"), (0.0, "0")] {
        assert_eq!(format(from_f64(number).unwrap().value), want);
    }
    assert_eq!(from_f64(f64::NAN), Err(DecimalError::NotANumber));
    assert_eq!(from_f64(f64::INFINITY), Err(DecimalError::NotANumber));
    assert_eq!(from_f64(f64::MAX), Err(DecimalError::TooLarge));
}

/// The same in long arithmetic on digit vectors: scale to an integer count of 10^-40, then round by hand.
fn reference(negative: bool, whole: &str, fraction: &str, exponent: i32) -> Option<(i128, bool)> {
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let mut point = whole.len() as i32 + exponent;
    while point < 0 {
        digits.insert(0, 0);
        point += 1;
    }
    let cut = point as usize + 18;
    while digits.len() < cut {
        digits.push(0);
    }
    let (head, tail) = digits.split_at(cut);
    let mut head = head.to_vec();
    let half = tail.first().is_some_and(|d| *d == 5) && tail[1..].iter().all(|d| *d == 0);
    let odd = head.last().is_some_and(|d| d % 2 == 1);
    if tail.first().is_some_and(|d| *d >= 5) && (!half || odd) {
        let mut i = head.len();
        loop {
            if i == 0 {
                head.insert(0, 1);
                break;
            }
            i -= 1;
            if head[i] < 9 {
                head[i] += 1;
                break;
            }
            head[i] = 0;
        }
    }
    let text: String = head.iter().map(|d| (d + b'0') as char).collect();
    let text = text.trim_start_matches('0');
    if text.len() > 38 {
        return None;
    }
    let value: i128 = if text.is_empty() { 0 } else { text.parse().unwrap() };
    Some((if negative { -value } else { value }, tail.iter().any(|d| *d != 0)))
}

proptest! {
    #[test]
    fn agrees_with_long_arithmetic(negative: bool, whole in "[0-9]{0,24}", fraction in "[0-9]{0,30}", exponent in -30i32..30) {
        prop_assume!(!(whole.is_empty() && fraction.is_empty()));
        let text = format!("{}{whole}.{fraction}e{exponent}", if negative { "-" } else { "" });
        let want = reference(negative, &whole, &fraction, exponent);
        prop_assert_eq!(parse(text.as_bytes()).ok().map(|d| (d.value, d.rounded)), want, "{}", text);
    }

    #[test]
    fn plain_text_agrees_with_long_arithmetic(negative: bool, whole in "[0-9]{0,12}", fraction in "[0-9]{0,12}") {
        prop_assume!(!(whole.is_empty() && fraction.is_empty()));
        let text = format!("{}{whole}.{fraction}", if negative { "-" } else { "" });
        let want = reference(negative, &whole, &fraction, 0);
        prop_assert_eq!(parse(text.as_bytes()).ok().map(|d| (d.value, d.rounded)), want, "{}", text);
    }

    /// What stands next to the digits in ASCII, and what only looks like one to half a byte.
    #[test]
    fn short_text_agrees_with_any_spelling(text in "-?[0-9]{0,9}[./0-9:>?\u{1}]{0,2}[0-9]{0,9}|-?[0-9.]{6,18}|-?[0-9]{0,5}\\.[0-9]{5,12}") {
        let any = parse_any(text.as_bytes());
        for value in [parse_short(text.as_bytes()), parse_usual(text.as_bytes())].into_iter().flatten() {
            prop_assert_eq!(any, Ok(Decimal { value, rounded: false }), "{}", text);
        }
        prop_assert_eq!(parse(text.as_bytes()), any, "{}", text);
    }

    #[test]
    fn format_reads_back(value in -99_999_999_999_999_999_999_999_999_999_999_999_999i128..=99_999_999_999_999_999_999_999_999_999_999_999_999) {
        prop_assert_eq!(parse(format(value).as_bytes()), Ok(Decimal { value, rounded: false }));
    }

    #[test]
    fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = parse(&text);
    }
}
