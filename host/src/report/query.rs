//! What a user asks of a report, and how the options spell it.

use chrono::{Datelike, NaiveDate};

use super::error::ReportError;

/// How long a row's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Resolution {
    /// One row per day.
    Daily,
    /// One row per month.
    Monthly,
    /// No time at all.
    #[default]
    Total,
}

/// A condition on a dimension or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Name of a dimension, or `tag:<key>`.
    pub name: String,
    /// Whether these values are left out instead of kept.
    pub exclude: bool,
    /// Any of these. The empty text and `(none)` stand for a missing value.
    pub values: Vec<String>,
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// A column of the answer.
    pub name: String,
    /// By default measures descend and everything else ascends.
    pub descending: Option<bool>,
}

/// A question to a report. Empty fields take the report's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportQuery {
    /// Names of dimensions, or `tag:<key>`.
    pub group_by: Vec<String>,
    /// Names of measures; empty means the first.
    pub measures: Vec<String>,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day, included.
    pub to: Option<NaiveDate>,
    /// How long a row's time is.
    pub resolution: Resolution,
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// Empty means by time and currency, then the largest first.
    pub order_by: Vec<Order>,
    /// Show so many rows at most. Totals still count all.
    pub limit: Option<usize>,
}

impl std::str::FromStr for Filter {
    type Err = ReportError;

    /// Reads `name=value[,value..]` or `name!=value[,value..]`; `\,` is a comma within a value.
    fn from_str(text: &str) -> Result<Self, ReportError> {
        let error = || ReportError::Option {
            text: text.to_owned(),
            wanted: "a filter: `name=value[,value]` or `name!=value`, with a dimension or `tag:<key>` as name",
        };
        let (name, values) = text.split_once('=').ok_or_else(error)?;
        let (name, exclude) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        if name.is_empty() {
            return Err(error());
        }
        Ok(Self { name: name.to_owned(), exclude, values: split_list(values) })
    }
}

fn split_list(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, values.last_mut()) {
            ('\\', Some(value)) if chars.peek() == Some(&',') => value.extend(chars.next()),
            (',', _) => values.push(String::new()),
            (c, Some(value)) => value.push(c),
            (_, None) => {}
        }
    }
    values
}

impl std::str::FromStr for Order {
    type Err = ReportError;

    /// Reads `name`, `name:asc` or `name:desc`.
    fn from_str(text: &str) -> Result<Self, ReportError> {
        let (name, descending) = match text.rsplit_once(':') {
            Some((name, "asc")) => (name, Some(false)),
            Some((name, "desc")) => (name, Some(true)),
            _ => (text, None),
        };
        if name.is_empty() {
            return Err(ReportError::Option { text: text.to_owned(), wanted: "an order: `name[:asc|:desc]`" });
        }
        Ok(Self { name: name.to_owned(), descending })
    }
}

/// Reads `YYYY-MM-DD`, or `YYYY-MM` as the first day of that month.
///
/// # Errors
/// When it is neither.
pub fn parse_from(text: &str) -> Result<NaiveDate, ReportError> {
    parse_day(text).or_else(|| parse_day(&format!("{text}-01"))).ok_or_else(|| not_a_day(text))
}

/// Reads `YYYY-MM-DD`, or `YYYY-MM` as the last day of that month.
///
/// # Errors
/// When it is neither.
pub fn parse_to(text: &str) -> Result<NaiveDate, ReportError> {
    let last_of_month = || {
        let first = parse_day(&format!("{text}-01"))?;
        let (year, month) = if first.month() == 12 { (first.year() + 1, 1) } else { (first.year(), first.month() + 1) };
        NaiveDate::from_ymd_opt(year, month, 1)?.pred_opt()
    };
    parse_day(text).or_else(last_of_month).ok_or_else(|| not_a_day(text))
}

fn parse_day(text: &str) -> Option<NaiveDate> {
    // chrono would take `2025-1-5` too; a date is spelled in one way only.
    if text.len() == 10 { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None }
}

fn not_a_day(text: &str) -> ReportError {
    ReportError::Option { text: text.to_owned(), wanted: "a day `YYYY-MM-DD` or a month `YYYY-MM`" }
}
