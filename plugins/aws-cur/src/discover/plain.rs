//! Data files without a manifest: their place says which report and month they belong to, or else their content.

use super::DATASET;
use crate::naming::folded;
use costhost_sdk::calendar::{Month, is_time_part};
use costhost_sdk::contract::{Failure, Period, Problem, Report};
use costhost_sdk::delivery::files::{self, input_file};
use costhost_sdk::delivery::head::{self, Records};
use costhost_sdk::delivery::revision::revision;
use costhost_sdk::delivery::source_name;
use costhost_sdk::delivery::tree::folder;
use costhost_sdk::failure::{Place, skip_report};
use costhost_sdk::storage::{Object, Storage};
use std::collections::BTreeMap;

/// Makes reports of files, one per source and month.
pub(crate) fn reports(storage: &dyn Storage, data: Vec<Object>, window: Option<Period>) -> (Vec<Report>, Vec<Problem>) {
    let mut groups: BTreeMap<(String, Month), Vec<Object>> = BTreeMap::new();
    let mut problems = Vec::new();
    for object in data {
        let source = source(&object.path);
        match month(storage, &object) {
            Ok(month) if month.is_in(window) => groups.entry((source, month)).or_default().push(object),
            Ok(_) => {}
            Err(failure) => problems.push(Problem { source, period: None, failure }),
        }
    }
    let mut reports = Vec::new();
    for ((source, month), files) in groups {
        match report(&source, month, newest_delivery(files)) {
            Ok(report) => reports.push(report),
            Err(failure) => problems.push(Problem { source, period: Some(month.period()), failure }),
        }
    }
    (reports, problems)
}

fn report(source: &str, month: Month, files: Vec<Object>) -> Result<Report, Failure> {
    let files = files.into_iter().map(files::filled).collect::<Result<Vec<Object>, Failure>>()?;
    let mut stems = BTreeMap::new();
    for file in &files {
        if let Some(other) = stems.insert(files::stem(&file.path), &file.path) {
            let message = format!(
                "{other} and {} look like the same rows in two forms; grant one of them, or put them into folders of their own",
                file.path
            );
            return Err(skip_report("report.twice", message).in_file(&file.path));
        }
    }
    Ok(Report {
        source: source.to_owned(),
        revision: revision("", &files),
        delivered: files.iter().map(|file| file.modified).max().unwrap_or_default(),
        period: month.period(),
        closed: false,
        files: files.iter().map(|file| input_file(&file.path, "", DATASET)).collect(),
        labels: Vec::new(),
    })
}

/// Folders above the first one that names a time, which is what AWS puts below a report's or export's name. Empty for
/// files at the top of the grant.
pub(crate) fn source(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if let Some(at) = parts.iter().position(|part| is_time_part(part)) {
        parts.truncate(at);
        if parts.last() == Some(&"data") {
            parts.pop();
        }
    }
    // Reports for Athena lie below their name twice.
    parts.dedup();
    source_name::of_folders(&parts)
}

/// Of several assemblies or executions in one period folder only the newest.
fn newest_delivery(files: Vec<Object>) -> Vec<Object> {
    let delivery = |path: &str| {
        let folder = folder(path);
        let parts: Vec<&str> = folder.split_terminator('/').collect();
        let period = parts.iter().rposition(|part| Month::of_folder(part).is_some())?;
        Some(parts.get(period + 1..)?.join("/"))
    };
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for file in &files {
        let Some(delivery) = delivery(&file.path) else { return files };
        let time = newest.entry(delivery).or_insert(file.modified);
        *time = file.modified.max(*time);
    }
    let Some((current, _)) = newest.into_iter().max_by_key(|(name, time)| (*time, name.clone())) else { return files };
    files.into_iter().filter(|file| delivery(&file.path).as_ref() == Some(&current)).collect()
}

fn month(storage: &dyn Storage, object: &Object) -> Result<Month, Failure> {
    if let Some(month) = Month::of_path(&object.path) {
        return Ok(month);
    }
    let unknown = |why: &str| {
        let message = format!(
            "{why}, and neither the name nor the folder of {} says the month; put it into a folder such as 2025-01",
            object.path
        );
        skip_report("report.no-period", message).in_file(&object.path)
    };
    let text = head::of_file(storage, object).map_err(|why| unknown(&why))?;
    month_of_rows(&text).ok_or_else(|| unknown("its first row has no bill/BillingPeriodStartDate"))
}

/// The billing period of the first row of a CSV file.
fn month_of_rows(text: &str) -> Option<Month> {
    let mut records = Records(text);
    let column = records.next()?.iter().position(|name| folded(name) == "billbillingperiodstartdate")?;
    Month::of_timestamp(records.next()?.get(column)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_what_lies_above_a_time() {
        for path in ["x.csv", "2018-10/x.parquet", "year=2018/month=1/x.parquet"] {
            assert_eq!(source(path), "");
        }
        assert_eq!(source("cur/cur/year=2018/month=1/x.parquet"), "cur");
        assert_eq!(source("daily/data/BILLING_PERIOD=2024-09/e1/x.csv.gz"), "daily");
        assert_eq!(source("a-b/20240101-20240201/x.csv.gz"), "a-b");
        assert!(source("a/b/20240101-20240201/x.csv.gz").starts_with("a-b-"));
    }

    #[test]
    fn the_first_row_says_the_month() {
        let text = "a,\"b\n,c\",bill/BillingPeriodStartDate\r\n1,\"2,\n\",2023-11-01T00:00:00.000Z\r\n";
        assert_eq!(month_of_rows(text), Month::new(2023, 11));
        assert_eq!(month_of_rows("x,bill_billing_period_start_date\n1,2024-02-01\n"), Month::new(2024, 2));
        assert_eq!(month_of_rows("bill/BillingPeriodStartDate\n"), None);
        assert_eq!(month_of_rows("a,b\n1,2\n"), None);
    }
}
