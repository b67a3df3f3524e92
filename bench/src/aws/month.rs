//! Billing months and the text of times in them.

use std::fmt;
use std::str::FromStr;

/// A calendar month, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// Gregorian year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
}

/// Text that is not a month of the form `YYYY-MM`, or not a range of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month `YYYY-MM` or a range `YYYY-MM..YYYY-MM` (both ends included)")]
pub struct MonthError(String);

impl Month {
    /// The month after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// Days since 1970-01-01 of its first day (the civil calendar in closed form, years counted from March).
    #[must_use]
    pub const fn first_day(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year - era * 400;
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// How many days it has.
    #[must_use]
    pub const fn days(self) -> i64 {
        self.next().first_day() - self.first_day()
    }

    /// How many hours it has.
    #[must_use]
    pub const fn hours(self) -> u64 {
        self.days().unsigned_abs() * 24
    }

    /// `YYYYMMDD` of its first day.
    #[must_use]
    pub fn compact(self) -> String {
        format!("{:04}{:02}01", self.year, self.month)
    }

    /// The instant that many hours after its start (up to its end) as `YYYY-MM-DDTHH:00:00Z`.
    #[must_use]
    pub fn hour(self, hour: u64) -> String {
        if hour >= self.hours() {
            let next = self.next();
            return format!("{:04}-{:02}-01T00:00:00Z", next.year, next.month);
        }
        format!("{:04}-{:02}-{:02}T{:02}:00:00Z", self.year, self.month, hour / 24 + 1, hour % 24)
    }

    /// Reads `YYYY-MM..YYYY-MM` (both included) or a single `YYYY-MM`.
    ///
    /// # Errors
    /// When it is neither, or the range runs backwards.
    pub fn parse_range(text: &str) -> Result<Vec<Self>, MonthError> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to): (Self, Self) = (from.parse()?, to.parse()?);
        let months: Vec<Self> =
            std::iter::successors(Some(from), |month| Some(month.next())).take_while(|month| *month <= to).collect();
        if months.is_empty() { Err(MonthError(text.to_owned())) } else { Ok(months) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let error = || MonthError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(error)?;
        if year.len() != 4 || month.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(error());
        }
        let month = Self { year: year.parse().map_err(|_| error())?, month: month.parse().map_err(|_| error())? };
        if (1..=12).contains(&month.month) && month.year >= 1970 { Ok(month) } else { Err(error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn knows_the_calendar() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        assert_eq!(month("1970-01").first_day(), 0);
        assert_eq!(month("2025-10").first_day(), 20_362);
        assert_eq!(month("2024-02").days(), 29);
        assert_eq!(month("2100-02").days(), 28);
        assert_eq!(month("2025-12").hour(743), "2025-12-31T23:00:00Z");
        assert_eq!(month("2025-12").hour(744), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn reads_ranges_and_refuses_the_rest() {
        let range = Month::parse_range("2025-11..2026-02").unwrap();
        assert_eq!(
            range.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["2025-11", "2025-12", "2026-01", "2026-02"]
        );
        for bad in ["2025-13", "2025-1", "2025-02..2025-01", "", "x", "+025-01"] {
            assert!(Month::parse_range(bad).is_err(), "{bad}");
        }
    }
}
