//! Spans of time in the configuration.

use std::time::Duration;

use serde::Deserialize;

/// A span of time, written as `500ms`, `30s`, `5m`, `6h` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

/// Longest span: a schedule has nothing to wait for beyond it, and times stay far from overflow.
const MAX: Duration = Duration::from_secs(366 * 86_400);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a span of time; write for example 30s, 5m or 6h");
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (digits, unit) = text.split_at(split);
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let span = number.checked_mul(milliseconds).map(Duration::from_millis).filter(|span| *span <= MAX);
        span.map(Self).ok_or_else(|| format!("`{text}` is longer than a year"))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        for (text, milliseconds) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("6h", 21_600_000), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(milliseconds))));
        }
        for wrong in ["", "5", "m", "5 m", "-5m", "1.5h", "5w", "367d", "99999999999999999999s"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
