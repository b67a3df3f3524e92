//! Billing periods: calendar months, and the many ways in which paths and manifests write them.

use crate::contract::Period;

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
pub struct Month {
    year: i32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The month of this number, from 1 on, of a year from 1970 to 9999.
    #[must_use]
    pub fn new(year: i32, month: u32) -> Option<Month> {
        let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month);
        sound.then_some(Month { year, month })
    }

    /// From its first instant to the first of the next month.
    #[must_use]
    pub fn period(self) -> Period {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Period { start: first_day(self.year, self.month) * DAY, end: first_day(year, month) * DAY }
    }

    /// The month of a day, in days since 1970-01-01.
    #[must_use]
    pub fn of_day(day: i64) -> Option<Month> {
        let (year, month, _) = crate::time::civil(day);
        Month::new(i32::try_from(year).ok()?, u32::try_from(month).ok()?)
    }

    /// Whether it overlaps a half-open window.
    #[must_use]
    pub fn is_in(self, window: Option<Period>) -> bool {
        overlaps(self.period(), window)
    }

    /// The month that a timestamp such as `20250901T000000.000Z`, `2025-09-01T00:00:00Z` or `2025-09` lies in.
    #[must_use]
    pub fn of_timestamp(text: &str) -> Option<Month> {
        let digits: String = text.trim().chars().filter(|&c| c != '-').take(6).collect();
        of_digits(&digits)
    }

    /// The month that a part of a path names: `20250901-20251001`, `BILLING_PERIOD=2025-09`.
    #[must_use]
    pub fn of_folder(part: &str) -> Option<Month> {
        if let Some(value) = key_value(part, "BILLING_PERIOD") {
            return Month::of_timestamp(value);
        }
        let (start, end) = part.split_once('-')?;
        let sound = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        if sound(start) && sound(end) { of_digits(start) } else { None }
    }

    /// The month that a whole path names. What is written as a period goes before words that look like a month, wherever
    /// they stand; of each kind the part nearest the file counts.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Month> {
        Month::of_period_in_path(path)
            .or_else(|| path.rsplit('/').find_map(|part| in_text(part).or_else(|| named(part))))
    }

    /// The month of the part nearest the file that is written as a period: `BILLING_PERIOD=2025-09`,
    /// `20250901-20251001`, or `year=2025` and below it `month=9`.
    #[must_use]
    pub fn of_period_in_path(path: &str) -> Option<Month> {
        let mut parts = path.rsplit('/').peekable();
        while let Some(part) = parts.next() {
            let above = parts.peek().copied().unwrap_or_default();
            let of_year = || {
                let (month, year) = (key_value(part, "month")?, key_value(above, "year")?);
                Month::new(year.parse().ok()?, month.parse().ok()?)
            };
            if let Some(month) = of_year().or_else(|| Month::of_folder(part)) {
                return Some(month);
            }
        }
        None
    }
}

/// Whether a period overlaps a half-open window.
#[must_use]
pub fn overlaps(period: Period, window: Option<Period>) -> bool {
    window.is_none_or(|window| period.start < window.end && window.start < period.end)
}

/// Whether a part of a path says nothing but a time, so that it does not tell one report from another.
#[must_use]
pub fn is_time_part(part: &str) -> bool {
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

/// Of a month found among other words, which may be no month at all: AWS has sent bills since 2006.
fn likely(digits: &str) -> Option<Month> {
    of_digits(digits).filter(|month| (2006..=2100).contains(&month.year))
}

/// `2018-10` or `20181001` anywhere in a name, as words of their own and not in a UUID.
fn in_text(text: &str) -> Option<Month> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find_map(|run| {
        let mut words: Vec<&str> = run.split('-').collect();
        while let Some(at) = words.windows(5).position(is_uuid) {
            words.splice(at..at + 5, [""]);
        }
        let digits = |word: &str, len| word.len() == len && word.bytes().all(|byte| byte.is_ascii_digit());
        words.iter().enumerate().find_map(|(at, word)| {
            if digits(word, 8) {
                return likely(word);
            }
            let next = words.get(at + 1).filter(|next| digits(word, 4) && digits(next, 2))?;
            likely(&format!("{word}{next}"))
        })
    })
}

fn is_uuid(words: &[&str]) -> bool {
    let hex = |(word, len): (&&str, usize)| word.len() == len && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    words.len() == 5 && words.iter().zip([8, 4, 4, 4, 12]).all(hex)
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
            let year = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().filter(|year| year.len() == 4)?;
            if inside { None } else { likely(&format!("{year}{month:02}")) }
        })
    })
}

/// Days from 1970-01-01 to the first of a month.
fn first_day(year: i32, month: u32) -> i64 {
    crate::time::days(i64::from(year), i64::from(month), 1).unwrap_or_default()
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
    fn a_period_goes_before_words_that_look_like_a_month() {
        for (path, want) in [
            ("metadata/BILLING_PERIOD=2024-09/20241003T0112Z-e/x-Manifest.json", month(2024, 9)),
            ("20240901-20241001/2024-10-03/cur-1.csv.gz", month(2024, 9)),
            ("year=2024/month=9/run-2024-10/x.parquet", month(2024, 9)),
            ("BILLING_PERIOD=2024-08/BILLING_PERIOD=2024-09/x.csv", month(2024, 9)),
            ("2024-09/October-export-00001.csv", month(2024, 9)),
            ("2024-09-30/x.csv", month(2024, 9)),
        ] {
            assert_eq!(Month::of_path(path), want, "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_a_month_is_none() {
        for path in [
            "cur/5821-07ab/x.csv",
            "cur/5821-07/x.csv",
            "a2018-10/x.csv",
            "2018-10a/x.csv",
            "20181001-07ab-4c1d-9e2f-0123456789ab/x.csv",
            "cur-1-20181001-0712-2018-1012-012345678901.csv",
            "20241003T0112Z-e/x.csv",
            "oct1999/x.csv",
            "oct2018b/x.csv",
            "month=9/x.csv",
            "year=2018/x.csv",
        ] {
            assert_eq!(Month::of_path(path), None, "{path}");
        }
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
