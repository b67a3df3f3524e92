//! UTC instants from the timestamp spellings of billing files.

use std::fmt::Write as _;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// Reads a timestamp as microseconds since 1970-01-01T00:00:00Z.
///
/// Accepted: `YYYY-MM-DD`, then optionally `T` or a space and `HH:mm[:ss[.fraction]]`, then optionally `Z`, ` UTC` or an
/// offset (`+00:00`, `-0530`). Without a zone it is UTC. Digits after the sixth of a fraction are dropped.
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let date = days(number(text, 0, 4)?, separated(text, 4, b'-', 5)?, separated(text, 7, b'-', 8)?)? * 86_400;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(date * SECOND);
    }
    if !matches!(rest.first(), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let (hour, minute) = (number(rest, 1, 2)?, separated(rest, 3, b':', 4)?);
    let mut second = 0;
    let mut rest = rest.get(6..)?;
    let mut micros = 0;
    if rest.first() == Some(&b':') {
        second = number(rest, 1, 2)?;
        rest = rest.get(3..)?;
        if rest.first() == Some(&b'.') {
            (micros, rest) = fraction(rest.get(1..)?)?;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((date + hour * 3600 + minute * 60 + second - offset(rest)?) * SECOND + micros)
}

/// `len` digits at `at`.
fn number(text: &[u8], at: usize, len: usize) -> Option<i64> {
    let mut value = 0;
    for byte in text.get(at..at + len)? {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

/// Two digits at `at`, after the separator that has to stand at `mark`.
fn separated(text: &[u8], mark: usize, separator: u8, at: usize) -> Option<i64> {
    if text.get(mark) == Some(&separator) { number(text, at, 2) } else { None }
}

/// Digits after the point as microseconds, and what follows them.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if len == 0 || len > 9 {
        return None;
    }
    let micros = number(text, 0, len.min(6))? * 10i64.pow(6 - len.min(6) as u32);
    Some((micros, text.get(len..)?))
}

/// Seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        [] | b"Z" | b"z" | b" UTC" => Some(0),
        [sign @ (b'+' | b'-'), clock @ ..] => {
            let (hours, minutes) = match clock.len() {
                2 => (number(clock, 0, 2)?, 0),
                4 => (number(clock, 0, 2)?, number(clock, 2, 2)?),
                5 => (number(clock, 0, 2)?, separated(clock, 2, b':', 3)?),
                _ => return None,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// Days since 1970-01-01 of a day in the Gregorian calendar, if there is such a day.
#[must_use]
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Years that begin in March put the leap day last; eras of 400 years are all alike.
    let year = year - i64::from(month <= 2);
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468)
}

/// Year, month and day of so many days since 1970-01-01.
#[must_use]
pub fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    let march = (5 * in_year + 2) / 153;
    let (month, day) = ((march + 2) % 12 + 1, in_year - (153 * march + 2) / 5 + 1);
    (era * 400 + of_era + i64::from(month <= 2), month, day)
}

/// Appends microseconds since the epoch as `YYYY-MM-DDTHH:mm:ss.ffffffZ`.
pub fn format(micros: i64, out: &mut String) {
    let (seconds, micros) = (micros.div_euclid(SECOND), micros.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let second = 1_540_957_804;
        for (text, want) in [
            ("2018-10-31T03:50:04Z", second * SECOND),
            ("2018-10-31T03:50:04.000Z", second * SECOND),
            ("2018-10-31 03:50:04", second * SECOND),
            ("2018-10-31 03:50:04.123", second * SECOND + 123_000),
            ("2018-10-31 03:50:04.123456789", second * SECOND + 123_456),
            ("2018-10-31 03:50:04+00:00", second * SECOND),
            ("2018-10-31 05:50:04+02:00", second * SECOND),
            ("2018-10-30T22:20:04-0530", second * SECOND),
            ("2018-10-31 03:50:04 UTC", second * SECOND),
            ("2018-10-31T03:50", (second - 4) * SECOND),
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59Z", -SECOND),
            ("2000-02-29", 951_782_400 * SECOND),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(want), "{text}");
        }
        for text in [
            "",
            "2018",
            "2018-13-01",
            "2018-02-29",
            "2018-10-31T",
            "2018-10-31T24:00:00Z",
            "2018-10-31T03:60:00Z",
            "2018-10-31X03:50:04",
            "2018-10-31T03:50:04.Z",
            "2018-10-31T03:50:04ZZ",
            "31/10/2018",
            "2018-1-1",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn format_reads_back() {
        for micros in (-3_000_000_000_000_000i64..5_000_000_000_000_000).step_by(7_654_321_987_654) {
            let mut text = String::new();
            format(micros, &mut text);
            assert_eq!(parse(text.as_bytes()), Some(micros), "{text}");
        }
    }

    #[test]
    fn days_count_on() {
        let mut want = days(1890, 1, 1).unwrap();
        for year in 1890..2110 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = days(year, month, day) {
                        assert_eq!(civil(found), (year, month, day));
                        assert_eq!(found, want, "{year}-{month}-{day}");
                        want += 1;
                    }
                }
            }
        }
        assert_eq!(days(1970, 1, 1), Some(0));
    }
}
