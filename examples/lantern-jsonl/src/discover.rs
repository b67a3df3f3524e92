//! Finding reports: files named `lantern-YYYY-MM.jsonl`, plain or gzipped, one for each contract and month.
//!
//! The folder a file lies in is its source: each contract has one.

use costhost_sdk::calendar::Month;
use costhost_sdk::contract::{Failure, Findings, Object, Period, Report};
use costhost_sdk::delivery::{files, revision, source_name, tree};
use costhost_sdk::failure::retry;
use costhost_sdk::storage::Storage;

/// What lies below the granted prefix.
pub fn discover(storage: &dyn Storage, window: Option<Period>) -> Result<Findings, Failure> {
    let unlisted = |error| {
        retry(
            "storage.list",
            format!("the reports cannot be listed: {}", tree::told(&error)),
        )
    };
    let mut findings = Findings {
        reports: Vec::new(),
        problems: Vec::new(),
    };
    for object in storage.list_all("", true).map_err(unlisted)?.objects {
        if let Some(month) = month(&object.path).filter(|month| month.is_in(window)) {
            findings.reports.push(report(object, month));
        }
    }
    Ok(findings)
}

/// The month that a file's name says.
fn month(path: &str) -> Option<Month> {
    let name = tree::file_name(path);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    Month::of_timestamp(name.strip_prefix("lantern-")?.strip_suffix(".jsonl")?)
}

fn report(object: Object, month: Month) -> Report {
    let folders: Vec<&str> = tree::folder(&object.path)
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    Report {
        source: source_name::of_folders(&folders),
        delivered: object.modified,
        period: month.period(),
        closed: false,
        files: vec![files::input_file(&object.path, "", "charges")],
        labels: Vec::new(),
        // Different whenever the file is.
        revision: revision::revision("", &[object]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use costhost_sdk::testing::DirStorage;

    #[test]
    fn the_sample_is_one_report_of_october() {
        let found = discover(&DirStorage::new("fixtures/sample/input"), None).unwrap();
        let october = Month::new(2025, 10).unwrap().period();
        assert_eq!(found.reports.len(), 1);
        assert_eq!(found.reports[0].period, october);
        assert_eq!(
            month("contract-7/lantern-2025-12.jsonl.gz"),
            Month::new(2025, 12)
        );
        assert_eq!(month("contract-7/notes.jsonl"), None);
    }
}
