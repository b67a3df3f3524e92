//! The days that an export's folder or manifest names, and the billing period they are of.
//!
//! `20250101-20250131`: both days are in it. Exports to date name the whole month from its first day on.

use costhost_sdk::calendar::Month;
use costhost_sdk::contract::Period;
use costhost_sdk::time;

const DAY: i64 = 86_400;

/// Days since 1970-01-01, both in the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Span {
    /// The span that a folder's name says.
    pub(crate) fn of_folder(name: &str) -> Option<Span> {
        let (first, last) = name.split_once('-')?;
        Span::new(of_digits(first)?, of_digits(last)?)
    }

    /// A span that ends no earlier than it begins.
    pub(crate) fn new(first: i64, last: i64) -> Option<Span> {
        (first <= last).then_some(Span { first, last })
    }

    /// The billing period it is of: a calendar month, of which it names all days or those up to some day; or, for agreements
    /// whose periods begin in the midst of a month, the span itself where it goes to the day before the next one begins.
    pub(crate) fn period(self) -> Option<Period> {
        let (first, last) = (time::civil(self.first), time::civil(self.last));
        if first.2 == 1 {
            return Month::of_day(self.first)
                .filter(|month| Month::of_day(self.last) == Some(*month))
                .map(Month::period);
        }
        let months = |date: (i64, i64, i64)| date.0 * 12 + date.1;
        let next = time::civil(self.last + 1);
        // A period from the 31st on ends with a shorter month's last day but one.
        let whole = months(next) == months(first) + 1 && (next.2 == first.2 || (first.2 > 28 && last.2 >= 27));
        whole.then(|| Period { start: self.first * DAY, end: (self.last + 1) * DAY })
    }
}

fn of_digits(text: &str) -> Option<i64> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse().ok();
    time::days(number(0, 4)?, number(4, 6)?, number(6, 8)?)
}

/// A month folder on a path: the path up to it with a `/`, and its span.
pub(crate) fn month_folder(path: &str) -> Option<(&str, Span)> {
    let mut end = 0;
    let mut found = None;
    for part in path.split_inclusive('/') {
        end += part.len();
        if let Some(span) = part.strip_suffix('/').and_then(Span::of_folder) {
            found = path.get(..end).map(|folder| (folder, span));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(folder: &str) -> Option<(String, String)> {
        let day = |seconds: i64| {
            let (year, month, day) = time::civil(seconds / DAY);
            format!("{year}-{month}-{day}")
        };
        Span::of_folder(folder)?.period().map(|period| (day(period.start), day(period.end)))
    }

    #[test]
    fn the_last_day_is_in_the_span() {
        let of = |start: &str, end: &str| Some((start.to_owned(), end.to_owned()));
        assert_eq!(period("20251001-20251031"), of("2025-10-1", "2025-11-1"));
        assert_eq!(period("20240201-20240229"), of("2024-2-1", "2024-3-1"));
        assert_eq!(period("20251101-20251114"), of("2025-11-1", "2025-12-1"));
        assert_eq!(period("20250119-20250218"), of("2025-1-19", "2025-2-19"));
        assert_eq!(period("20250131-20250227"), of("2025-1-31", "2025-2-28"));
        for folder in ["20250101-20250331", "20250115-20250131", "20250102-20250301", "20250131-20250101"] {
            assert_eq!(period(folder), None, "{folder}");
        }
        for folder in ["20251301-20251331", "2025101-20251031", "20251001_20251031", "20251001-20251032"] {
            assert_eq!(Span::of_folder(folder), None, "{folder}");
        }
    }

    #[test]
    fn month_folders_on_paths() {
        let folder = |path| month_folder(path).map(|(folder, _)| folder);
        assert_eq!(folder("a/b/20251001-20251031/x.csv"), Some("a/b/20251001-20251031/"));
        assert_eq!(folder("20251001-20251031/202510140000/id/part_0_0001.csv"), Some("20251001-20251031/"));
        assert_eq!(folder("a/20251001-20251031"), None);
        assert_eq!(folder("x.csv"), None);
    }
}
