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

/// A month whose instants of the usual form, `YYYY-MM-DDTHH:mm:ssZ`, are read by whole words: nearly all times of a bill
/// are of one month.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Month {
    /// The text of its year and month, up to the day.
    prefix: u64,
    /// Its first instant, in seconds since the epoch.
    start: i64,
    /// Days it has; none before a month was learned.
    days: u8,
}

impl Month {
    /// Takes the month of this text, if it has the usual form.
    pub(crate) fn learn(&mut self, text: &[u8]) {
        let Some((prefix, _)) = text.split_first_chunk::<8>().filter(|_| text.len() == 20) else { return };
        let date = |day: i64| days(number(text, 0, 4)?, separated(text, 4, b'-', 5)?, day);
        let longest = (28..=31).rev().find(|day| date(*day).is_some());
        if let (Some(start), Some(longest), b'-') = (date(1), longest, prefix[7]) {
            *self = Month { prefix: u64::from_le_bytes(*prefix), start: start * 86_400, days: longest as u8 };
        }
    }

    /// The instant in microseconds, if it is of this month and has the usual form. As [`parse`] reads it.
    #[inline]
    pub(crate) fn instant(self, text: &[u8]) -> Option<i64> {
        const CLOCK: u64 = u64::from_le_bytes(*b"00T00:00");
        const SECONDS: u32 = u32::from_le_bytes(*b":00Z");
        const MARKS: u64 = 0x0000_ff00_00ff_0000;
        let text: &[u8; 20] = text.try_into().ok()?;
        let (prefix, rest) = text.split_first_chunk::<8>()?;
        let (clock, seconds) = rest.split_first_chunk::<8>()?;
        let seconds = u32::from_le_bytes(*seconds.first_chunk()?) ^ SECONDS;
        // Digits become their values, and marks zero, if they are what they should be.
        let clock = u64::from_le_bytes(*clock) ^ CLOCK;
        let above_nine = clock | ((clock & 0x7f7f_7f7f_7f7f_7f7f) + 0x0606_0606_0606_0606);
        let seconds_above_nine = seconds | ((seconds & 0x7f7f_7f7f) + 0x0606_0606);
        let wrong = (above_nine & 0xf0f0_f0f0_f0f0_f0f0)
            | (clock & MARKS)
            | u64::from((seconds_above_nine & 0xf0f0_f0f0) | (seconds & 0xff00_00ff));
        if wrong != 0 || u64::from_le_bytes(*prefix) != self.prefix {
            return None;
        }
        let twos = clock * 10 + (clock >> 8);
        let two = |at: u32| (twos >> (8 * at)) as u8;
        let (day, hour, minute) = (two(0), two(3), two(6));
        let second = (seconds >> 8 & 0xff) * 10 + (seconds >> 16);
        if day == 0 || day > self.days || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some((self.start + i64::from(day - 1) * 86_400 + of_day) * SECOND)
    }
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
    use proptest::prelude::*;

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

    proptest! {
        /// What a month reads is what is read without it, and it reads every text of its own.
        #[test]
        fn months_read_as_one_by_one(
            learned in "20(19|20)-(0[1-9]|1[0-3])-0[0-2]T00:00:00Z",
            text in "20(19|20)-(0[1-9]|1[0-3])-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z|2020-02-2[0-9]T[0-9T:/\u{b}]{8}Z",
        ) {
            let mut month = Month::default();
            prop_assert_eq!(month.instant(text.as_bytes()), None);
            month.learn(learned.as_bytes());
            let found = month.instant(text.as_bytes());
            let own = month.days > 0 && learned.get(..8) == text.get(..8);
            prop_assert_eq!(found, parse(text.as_bytes()).filter(|_| own), "{} after {}", text, learned);
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
