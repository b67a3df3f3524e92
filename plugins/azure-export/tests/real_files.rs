//! Real exports, found, read and summarized, against what Python's decimals make of the same text.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use costhost_sdk::contract::Report;
use costhost_sdk::testing::DirStorage;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use support::{data, expected, find, read, summary};

const SETTINGS: &str = r#"{"markup_percent":"10"}"#;

/// Every report of the shared data by the path of its file.
fn reports() -> (DirStorage, BTreeMap<String, Report>) {
    let storage = DirStorage::new(data());
    let found = find(&storage, SETTINGS, "2026-01-10");
    let reports = found.reports.into_iter().map(|report| (report.files[0].path.clone(), report)).collect();
    (storage, reports)
}

#[test]
fn every_export_that_can_be_loaded_is_found_and_the_others_say_why() {
    let storage = DirStorage::new(data());
    let found = find(&storage, SETTINGS, "2026-01-10");
    let totals: Map<String, Value> = serde_json::from_str(&expected("azure_totals.json")).unwrap();
    let mut paths: Vec<&str> = found.reports.iter().map(|report| report.files[0].path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, totals.keys().map(String::as_str).collect::<Vec<_>>());
    let mut sources: Vec<&str> = found.reports.iter().map(|report| report.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    // The two months of one export are of one source; files beside each other are not.
    assert_eq!(sources.len(), 6, "{sources:?}");
    let told: BTreeMap<&str, &str> = found
        .problems
        .iter()
        .map(|problem| (problem.failure.path.as_deref().unwrap(), problem.failure.code.as_str()))
        .collect();
    let want = [
        ("azure_ea_norows_ftk.csv", "report.no-period"),
        ("headersets_BOM.csv", "input.legacy-schema"),
        ("headersets_PayAsYouGo.csv", "input.legacy-schema"),
        ("values_Template.csv", "input.legacy-schema"),
    ];
    assert_eq!(told, want.into());
}

/// A row as text, its columns by name.
fn sorted(row: Map<String, Value>) -> String {
    serde_json::to_string(&row.into_iter().collect::<BTreeMap<String, Value>>()).unwrap()
}

#[test]
fn every_column_of_the_daily_summary_is_what_was_computed_independently() {
    let (storage, reports) = reports();
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in expected("azure_daily_summary.jsonl").lines() {
        let mut row: Map<String, Value> = serde_json::from_str(line).unwrap();
        let file = row.remove("file").unwrap().as_str().unwrap().to_owned();
        wanted.entry(file).or_default().push(sorted(row));
    }
    assert_eq!(wanted.len(), 7);
    for (path, mut want) in wanted {
        let outcome = read(&storage, &reports[&path], SETTINGS, 4096).unwrap();
        assert_eq!(outcome.rejects, [], "{path}");
        let [rows, bills, _] = summary(&outcome, SETTINGS);
        let mut found: Vec<String> = rows.into_iter().map(sorted).collect();
        found.sort_unstable();
        want.sort_unstable();
        assert_eq!(found, want, "{path}");
        assert_eq!(bills.len(), 1);
    }
}

/// Microsoft's own amortized export has costs with 28 decimals: rounded half-even at the 18th, counted, never refused.
#[test]
fn costs_with_too_many_decimals_are_rounded_and_counted() {
    let (storage, reports) = reports();
    let outcome = read(&storage, &reports["azure_ea_amortized_small_ftk.csv"], SETTINGS, 1 << 20).unwrap();
    assert_eq!(outcome.notes, ["3 amounts have more than 18 decimals and were rounded half-even"]);
    assert_eq!(outcome.texts("metric"), vec![Value::from("amortized"); 28]);
}

#[test]
fn any_cut_gives_the_same_rows() {
    let (storage, reports) = reports();
    for report in reports.values() {
        let whole = read(&storage, report, SETTINGS, 1 << 20).unwrap();
        for size in [1, 7, 4099] {
            let cut = read(&storage, report, SETTINGS, size).unwrap();
            assert_eq!((cut.batches, cut.rows), (whole.batches.clone(), whole.rows), "{} {size}", report.source);
        }
    }
}
