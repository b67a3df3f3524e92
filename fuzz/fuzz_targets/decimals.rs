//! Exact decimals: any text is refused or gives a number that is written and read again without a change.
#![no_main]

use costhost_sdk::decimal::{PRECISION, SCALE, format, from_f64, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(decimal) = parse(text) {
        assert!(decimal.value.unsigned_abs() < 10u128.pow(PRECISION));
        let written = format(decimal.value);
        let again = parse(written.as_bytes()).expect("what is written can be read");
        assert_eq!((again.value, again.rounded), (decimal.value, false), "{written}");
        plain(text, decimal.value, decimal.rounded);
    }
    if let Ok(bytes) = <[u8; 8]>::try_from(text) {
        let number = f64::from_le_bytes(bytes);
        if let Ok(decimal) = from_f64(number)
            && !decimal.rounded
        {
            assert_eq!(format(decimal.value).parse::<f64>().expect("a number"), number, "{number:e}");
        }
    }
});

/// Plain digits, worked out the slow way.
fn plain(text: &[u8], value: i128, rounded: bool) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) || fraction.len() > SCALE as usize {
        return;
    }
    let digits = format!("{whole}{fraction:0<18}");
    let expected: i128 = digits.trim_start_matches('0').parse().unwrap_or(0);
    assert_eq!(value, if text.starts_with('-') { -expected } else { expected }, "{text}");
    assert!(!rounded, "{text}");
}
