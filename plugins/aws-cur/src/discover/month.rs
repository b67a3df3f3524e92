//! Billing periods: calendar months, and the many ways in which paths and manifests write them.

use costhost_sdk::contract::Period;

const DAY: i64 = 86_400;
const NAMES: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    year: i32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    pub(crate) fn new(year: i32, month: u32) -> Option<Month> {
        let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month);
        sound.then_some(Month { year, month })
    }

    /// From its first instant to the first of the next month.
    pub(crate) fn period(self) -> Period {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Period { start: first_day(self.year, self.month) * DAY, end: first_day(year, month) * DAY }
    }

    /// Whether it overlaps a half-open window.
    pub(crate) fn is_in(self, window: Option<Period>) -> bool {
        let period = self.period();
        window.is_none_or(|window| period.start < window.end && window.start < period.end)
    }

    /// The month that a timestamp such as `20250901T000000.000Z`, `2025-09-01T00:00:00Z` or `2025-09` lies in.
    pub(crate) fn of_timestamp(text: &str) -> Option<Month> {
        let digits: String = text.trim().chars().filter(|&c| c != '-').take(6).collect();
        of_digits(&digits)
    }

    /// The month that a part of a path names: `20250901-20251001`, `BILLING_PERIOD=2025-09`.
    pub(crate) fn of_folder(part: &str) -> Option<Month> {
        if let Some(value) = key_value(part, "BILLING_PERIOD") {
            return Month::of_timestamp(value);
        }
        let (start, end) = part.split_once('-')?;
        let sound = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        if sound(start) && sound(end) { of_digits(start) } else { None }
    }

    /// The month that a whole path names, the part nearest the file first.
    pub(crate) fn of_path(path: &str) -> Option<Month> {
        let parts: Vec<&str> = path.split('/').collect();
        for (index, part) in parts.iter().enumerate().rev() {
            if let Some(month) = key_value(part, "month") {
                let year =
                    index.checked_sub(1).and_then(|index| parts.get(index)).and_then(|part| key_value(part, "year"));
                let month = year.and_then(|year| Month::new(year.parse().ok()?, month.parse().ok()?));
                if month.is_some() {
                    return month;
                }
            }
            let month = Month::of_folder(part).or_else(|| in_text(part)).or_else(|| named(part));
            if month.is_some() {
                return month;
            }
        }
        None
    }
}

/// Whether a part of a path says nothing but a time, so that it does not tell one report from another.
pub(crate) fn is_time_part(part: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    key_value(part, "year").is_some()
        || key_value(part, "month").is_some()
        || Month::of_folder(part).is_some()
        || part
            .split_once('-')
            .is_some_and(|(year, month)| year.len() == 4 && month.len() <= 2 && digits(year) && digits(month))
}

fn key_value<'a>(part: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = part.split_once('=')?;
    name.eq_ignore_ascii_case(key).then_some(value)
}

fn of_digits(digits: &str) -> Option<Month> {
    Month::new(digits.get(..4)?.parse().ok()?, digits.get(4..6)?.parse().ok()?)
}

/// `2018-10` or `20181001-20181101` anywhere in a name, not as a part of a longer number.
fn in_text(text: &str) -> Option<Month> {
    text.split(|c: char| !c.is_ascii_digit() && c != '-').find_map(|run| {
        let mut parts = run.split('-').filter(|part| !part.is_empty());
        let first = parts.next()?;
        if first.len() == 8 {
            return of_digits(first);
        }
        let second = parts.next()?;
        if first.len() == 4 && second.len() == 2 { of_digits(&format!("{first}{second}")) } else { None }
    })
}

/// `October-2025` or `Oct2018` anywhere in a name.
fn named(text: &str) -> Option<Month> {
    let words = text.to_ascii_lowercase();
    (1_u32..).zip(NAMES).find_map(|(month, name)| {
        let short = name.get(..3)?;
        words.match_indices(short).find_map(|(at, _)| {
            let inside = words.get(..at)?.chars().next_back().is_some_and(|c| c.is_ascii_alphabetic());
            let rest = words.get(at..)?;
            let rest = rest.strip_prefix(name).or_else(|| rest.strip_prefix(short))?;
            let rest = rest.strip_prefix(['-', '_', ' ']).unwrap_or(rest);
            let year: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if inside || year.len() != 4 { None } else { Month::new(year.parse().ok()?, month) }
        })
    })
}

/// Days from 1970-01-01 to the first of a month, by the civil calendar.
fn first_day(year: i32, month: u32) -> i64 {
    // Years begin in March, so that the leap day is the last of its year.
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(year: i32, month: u32) -> Option<Month> {
        Month::new(year, month)
    }

    #[test]
    fn months_end_where_the_next_begins() {
        let at = |year, m| Month::new(year, m).unwrap().period();
        assert_eq!(at(1970, 1), Period { start: 0, end: 31 * DAY });
        assert_eq!(at(2024, 2), Period { start: 1_706_745_600, end: 1_709_251_200 });
        assert_eq!(at(2025, 12), Period { start: 1_764_547_200, end: 1_767_225_600 });
        for year in 1970..2100 {
            for m in 1..12 {
                assert_eq!(at(year, m).end, at(year, m + 1).start);
            }
            assert_eq!(at(year, 12).end, at(year + 1, 1).start);
        }
    }

    #[test]
    fn manifests_and_paths_write_months_in_many_ways() {
        assert_eq!(Month::of_timestamp("20250901T000000.000Z"), month(2025, 9));
        assert_eq!(Month::of_timestamp("2025-09-01T00:00:00Z"), month(2025, 9));
        assert_eq!(Month::of_timestamp("2025-09"), month(2025, 9));
        assert_eq!(Month::of_timestamp("soon"), None);
        assert_eq!(Month::of_folder("20240101-20240131"), month(2024, 1));
        assert_eq!(Month::of_folder("20241301-20250101"), None);
        assert_eq!(Month::of_path("cur/cur/year=2018/month=9/cur-00001.snappy.parquet"), month(2018, 9));
        assert_eq!(Month::of_path("x/data/BILLING_PERIOD=2024-09/20240930T1012Z-exec/x-00001.csv.gz"), month(2024, 9));
        assert_eq!(Month::of_path("2018-10/part.parquet"), month(2018, 10));
        assert_eq!(Month::of_path("Oct2018-WorkshopCUR-00001.snappy.parquet"), month(2018, 10));
        assert_eq!(Month::of_path("October-2025-cur2.parquet"), month(2025, 10));
        assert_eq!(Month::of_path("costs_2024-03_v2.csv"), month(2024, 3));
        assert_eq!(Month::of_path("costs-00001.csv"), None);
        assert_eq!(Month::of_path("summary-2024.csv"), None);
    }

    #[test]
    fn windows_are_half_open() {
        let window = |from: (i32, u32), to: (i32, u32)| {
            let at = |(y, m)| Month::new(y, m).unwrap().period().start;
            Some(Period { start: at(from), end: at(to) })
        };
        let may = month(2024, 5).unwrap();
        assert!(may.is_in(None) && may.is_in(window((2024, 5), (2024, 6))));
        assert!(!may.is_in(window((2024, 6), (2024, 7))) && !may.is_in(window((2024, 4), (2024, 5))));
    }
}
