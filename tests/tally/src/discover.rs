//! Finding reports: files named `tally-YYYY-MM.csv`, or in parts `tally-YYYY-MM-*.csv`, plain or gzipped.
//!
//! The folder is the source: a customer of Tally with two contracts keeps their files apart.

use costhost_sdk::contract::{Compression, Failure, Findings, Form, InputFile, Object, Period, Report, StorageError};
use costhost_sdk::failure::retry;
use costhost_sdk::storage::Storage;
use costhost_sdk::time;
use std::collections::BTreeMap;

const MICROS: i64 = 1_000_000;

/// What lies below the granted prefix, one report for each folder and month.
///
/// # Errors
/// When the prefix cannot be listed.
pub fn discover(storage: &dyn Storage, window: Option<Period>) -> Result<Findings, Failure> {
    let mut months: BTreeMap<(String, i64), (Period, Vec<Object>)> = BTreeMap::new();
    for object in storage.list_all("", true).map_err(|error| unlisted(&error))?.objects {
        let (folder, name) = object.path.rsplit_once('/').unwrap_or(("", &object.path));
        let Some(period) = period(name) else { continue };
        if window.is_none_or(|window| period.start < window.end && window.start < period.end) {
            let key = (folder.to_owned(), period.start);
            months.entry(key).or_insert_with(|| (period, Vec::new())).1.push(object);
        }
    }
    let reports = months.into_iter().map(|((source, _), (period, files))| report(source, period, &files)).collect();
    Ok(Findings { reports, problems: Vec::new() })
}

fn report(source: String, period: Period, files: &[Object]) -> Report {
    let revision: Vec<String> = files
        .iter()
        .map(|file| match &file.etag {
            Some(etag) => format!("{}:{}:{etag}", file.path, file.size),
            None => format!("{}:{}:{}", file.path, file.size, file.modified),
        })
        .collect();
    let input = |file: &Object| InputFile {
        path: file.path.clone(),
        compression: if file.path.ends_with(".gz") { Compression::Gzip } else { Compression::None },
        form: Form::Bytes,
        dataset: "usage".to_owned(),
        rows: None,
        bytes: None,
    };
    Report {
        source,
        revision: revision.join(" "),
        delivered: files.iter().map(|file| file.modified).max().unwrap_or_default(),
        period,
        closed: false,
        files: files.iter().map(input).collect(),
        labels: Vec::new(),
    }
}

/// The month that a file's name says.
fn period(name: &str) -> Option<Period> {
    let stem = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".csv")?.strip_prefix("tally-")?;
    let (month, part) = stem.split_at_checked("YYYY-MM".len())?;
    if !(part.is_empty() || part.starts_with('-')) {
        return None;
    }
    let (year, number) = month.split_once('-')?;
    let (year, number) = (year.parse::<u16>().ok()?, number.parse::<u8>().ok()?);
    let next = if number == 12 { (year + 1, 1) } else { (year, number + 1) };
    Some(Period { start: first_day(year, number)?, end: first_day(next.0, next.1)? })
}

/// In seconds.
fn first_day(year: u16, month: u8) -> Option<i64> {
    time::parse(format!("{year:04}-{month:02}-01").as_bytes()).map(|micros| micros / MICROS)
}

fn unlisted(error: &StorageError) -> Failure {
    retry("storage.list", format!("the reports of Tally cannot be listed: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_month() {
        let october = Period { start: 1_759_276_800, end: 1_761_955_200 };
        let span = |name: &str| period(name).map(|period| (period.start, period.end));
        for name in ["tally-2025-10.csv", "tally-2025-10.csv.gz", "tally-2025-10-2.csv"] {
            assert_eq!(span(name), Some((october.start, october.end)), "{name}");
        }
        assert_eq!(span("tally-2025-12.csv").map(|(start, end)| (end - start) / 86_400), Some(31));
        for name in ["tally-2025-13.csv", "tally-2025-00.csv", "tally-2025-100.csv", "2025-10.csv", "tally-2025-10"] {
            assert_eq!(span(name), None, "{name}");
        }
    }
}
