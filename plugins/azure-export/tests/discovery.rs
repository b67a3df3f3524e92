//! Containers as Azure and people fill them: which runs are found, and what is said of the others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use costhost_sdk::contract::{Findings, Report, Request};
use costhost_sdk::testing::DirStorage;
use costhost_sdk::{Plugin, time};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};
use support::{find, read};
use tempfile::TempDir;

const HEADER: &str = "Date,SubscriptionId,MeterCategory,CostInBillingCurrency,BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate\n";

fn rows(day: &str, cost: &str) -> String {
    format!("{HEADER}{day},s,Storage,{cost},EUR,10/01/2025,10/31/2025\n")
}

/// A container on disk.
struct Container(TempDir);

impl Container {
    fn new() -> Container {
        Container(tempfile::tempdir().unwrap())
    }

    /// Puts a file, changed at this time.
    fn put(&self, path: &str, content: &str, modified: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let seconds = time::parse(modified.as_bytes()).unwrap() / 1_000_000;
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap()))
            .unwrap();
    }

    /// Puts a run with a manifest of the version 2024-04-01. Parts are names and contents.
    fn run(&self, folder: &str, kind: &str, submitted: &str, parts: &[(&str, &str)]) {
        for (name, content) in parts {
            self.put(&format!("{folder}/{name}"), content, submitted);
        }
        let blob = |(name, content): &(&str, &str)| json!({"blobName": format!("root/{folder}/{name}"), "byteCount": content.len(), "dataRowCount": content.lines().count() - 1});
        let manifest = json!({
            "manifestVersion": "2024-04-01", "blobCount": parts.len(),
            "exportConfig": {"exportName": "e", "resourceId": "/subscriptions/s/providers/Microsoft.CostManagement/exports/e", "type": kind},
            "deliveryConfig": {"fileFormat": "Csv", "compressionMode": "None"},
            "runInfo": {"runId": folder.rsplit('/').next().unwrap(), "submittedTime": submitted,
                "startDate": "2025-10-01T00:00:00", "endDate": "2025-10-31T00:00:00"},
            "blobs": parts.iter().map(blob).collect::<Vec<Value>>(),
        });
        self.put(&format!("{folder}/manifest.json"), &manifest.to_string(), submitted);
    }

    fn storage(&self) -> DirStorage {
        DirStorage::new(self.0.path()).paged(2)
    }

    fn find(&self) -> Findings {
        find(&self.storage(), "{}", "2025-11-20")
    }

    /// What its only report costs.
    fn costs(&self, report: &Report) -> Vec<Value> {
        read(&self.storage(), report, "{}", 64).unwrap().texts("cost_in_billing_currency")
    }
}

fn codes(found: &Findings) -> Vec<&str> {
    found.problems.iter().map(|problem| problem.failure.code.as_str()).collect()
}

fn only(found: &Findings) -> &Report {
    assert_eq!(codes(found), [""; 0]);
    assert_eq!(found.reports.len(), 1, "{:?}", found.reports);
    &found.reports[0]
}

fn label<'a>(report: &'a Report, name: &str) -> Option<&'a str> {
    report.labels.iter().find(|label| label.0 == name).map(|label| label.1.as_str())
}

#[test]
fn the_newest_run_of_a_month_counts_with_all_its_parts() {
    let container = Container::new();
    container.run(
        "e/20251001-20251031/r1",
        "ActualCost",
        "2025-10-14T01:00:00.1234567Z",
        &[("part_0_0001.csv", &rows("10/13/2025", "1"))],
    );
    let parts = [("part_0_0001.csv", &*rows("10/13/2025", "2")), ("part_1_0001.csv", &*rows("10/14/2025", "3"))];
    container.run("e/20251001-20251031/202510151200/r2", "ActualCost", "2025-10-15T01:00:00.1234567Z", &parts);
    let found = container.find();
    let report = only(&found);
    assert_eq!(report.source, "e");
    assert!(report.revision.starts_with("r2-"));
    assert_eq!(report.delivered, time::parse(b"2025-10-15T01:00:00Z").unwrap() / 1_000_000);
    // The folder's last day is in the period, which ends with it.
    assert_eq!(report.period.end, time::parse(b"2025-11-01").unwrap() / 1_000_000);
    assert_eq!(report.files.iter().map(|file| file.rows).collect::<Vec<_>>(), [Some(1), Some(1)]);
    assert_eq!((label(report, "metric"), label(report, "run")), (Some("actual"), Some("r2")));
    assert_eq!(container.costs(report), ["2", "3"]);
}

#[test]
fn actual_and_amortized_exports_beside_each_other_are_two_sources() {
    let container = Container::new();
    container.run(
        "a/20251001-20251031/r",
        "ActualCost",
        "2025-10-14",
        &[("part_0_0001.csv", &rows("10/13/2025", "1"))],
    );
    container.run(
        "b/20251001-20251031/r",
        "AmortizedCost",
        "2025-10-14",
        &[("part_0_0001.csv", &rows("10/13/2025", "2"))],
    );
    container.run("f/20251001-20251031/r", "FocusCost", "2025-10-14", &[("part_0_0001.csv", "BilledCost\n1\n")]);
    let found = container.find();
    assert_eq!(codes(&found), [""; 0], "a FOCUS export is left to its plugin");
    let told: Vec<_> = found.reports.iter().map(|report| (report.source.as_str(), label(report, "metric"))).collect();
    assert_eq!(told, [("a", Some("actual")), ("b", Some("amortized"))]);
}

#[test]
fn exports_that_are_not_ours_alone_are_a_problem_that_says_so() {
    let container = Container::new();
    container.run("f/20251001-20251031/r", "FocusCost", "2025-10-14", &[("part_0_0001.csv", "BilledCost\n1\n")]);
    let found = container.find();
    assert_eq!(codes(&found), ["discover.other-export"]);
    assert!(found.problems[0].failure.message.contains("focus plugin"), "{}", found.problems[0].failure.message);
    let container = Container::new();
    container.put("focus.csv", "BilledCost,ChargePeriodStart\n1,2025-10-01\n", "2025-10-14");
    assert_eq!(codes(&container.find()), ["discover.other-export"]);
    assert_eq!(codes(&Container::new().find()), ["discover.nothing"]);
}

#[test]
fn a_month_is_exported_again_after_its_end_and_then_closed() {
    let container = Container::new();
    let month = "e/20251001-20251031";
    container.run(
        &format!("{month}/r1"),
        "ActualCost",
        "2025-10-31T03:00:00Z",
        &[("part_0_0001.csv", &rows("10/13/2025", "1"))],
    );
    assert!(!only(&container.find()).closed, "it was never exported after its end");
    container.run(
        &format!("{month}/r2"),
        "ActualCost",
        "2025-11-03T03:00:00Z",
        &[("part_0_0001.csv", &rows("10/13/2025", "2"))],
    );
    let found = container.find();
    assert!(only(&found).closed);
    assert_eq!(container.costs(only(&found)), ["2"]);
    assert!(!only(&find(&container.storage(), "{}", "2025-11-05")).closed, "it may be exported again today");
}

#[test]
fn manifests_that_cannot_be_fulfilled_are_problems() {
    let spoil = |spoil: &dyn Fn(&mut Value)| {
        let container = Container::new();
        container.run(
            "e/20251001-20251031/r",
            "ActualCost",
            "2025-10-14",
            &[("part_0_0001.csv", &rows("10/13/2025", "1"))],
        );
        let path = "e/20251001-20251031/r/manifest.json";
        let mut manifest: Value =
            serde_json::from_str(&fs::read_to_string(container.0.path().join(path)).unwrap()).unwrap();
        spoil(&mut manifest);
        container.put(path, &manifest.to_string(), "2025-10-14");
        let found = container.find();
        assert_eq!(found.reports.len(), 0);
        assert_eq!(found.problems[0].source, "e");
        codes(&found).join(",")
    };
    assert_eq!(spoil(&|manifest| manifest["blobs"][0]["blobName"] = "x/other.csv".into()), "manifest.missing-file");
    assert_eq!(spoil(&|manifest| manifest["blobCount"] = 2.into()), "manifest.blob-count");
    assert_eq!(spoil(&|manifest| manifest["blobs"] = json!({})), "manifest.no-files");
    assert_eq!(spoil(&|manifest| manifest["runInfo"]["endDate"] = "2025-12-31T00:00:00".into()), "report.no-period");
    let twice = |manifest: &mut Value| {
        let blob = manifest["blobs"][0].clone();
        manifest["blobs"] = json!([blob, blob]);
        manifest["blobCount"] = 2.into();
    };
    assert_eq!(spoil(&twice), "manifest.same-file-twice");
}

#[test]
fn a_run_without_blobs_empties_its_month() {
    let container = Container::new();
    container.run("e/20251001-20251031/r", "ActualCost", "2025-10-14", &[]);
    assert_eq!(only(&container.find()).files.len(), 0);
}

#[test]
fn files_below_a_month_with_a_manifest_are_not_runs_of_their_own() {
    let container = Container::new();
    container.run(
        "e/20251001-20251031/r1",
        "ActualCost",
        "2025-10-14",
        &[("part_0_0001.csv", &rows("10/13/2025", "1"))],
    );
    // A run that is still being delivered: its manifest comes last.
    container.put("e/20251001-20251031/r2/part_0_0001.csv", &rows("10/13/2025", "9"), "2025-10-15");
    let found = container.find();
    assert_eq!(container.costs(only(&found)), ["1"]);
}

#[test]
fn without_a_manifest_the_newest_whole_run_counts() {
    let container = Container::new();
    let month = "e/20251001-20251031";
    let ids = ["939d61dc-6eb1-48e2-839a-a6b004e77af5", "f275418c-da2f-466e-9fdf-e1685f53f26c"];
    container.put(&format!("{month}/e_{}.csv", ids[0]), &rows("10/13/2025", "1"), "2025-10-13");
    container.put(&format!("{month}/e_{}.csv", ids[1]), &rows("10/13/2025", "2"), "2025-10-14");
    let found = container.find();
    assert_eq!((only(&found).source.as_str(), container.costs(only(&found))), ("e", vec![Value::from("2")]));
    // A partitioned run in a folder of its own; then one whose second partition is there before the first.
    for (part, cost) in [("part_0_0001", "3"), ("part_1_0001", "4")] {
        container.put(&format!("{month}/{}/{part}.csv", ids[0]), &rows("10/13/2025", cost), "2025-10-15");
    }
    assert_eq!(container.costs(only(&container.find())), ["3", "4"]);
    container.put(&format!("{month}/{}/part_2_0001.csv", ids[1]), &rows("10/13/2025", "9"), "2025-10-16");
    assert_eq!(container.costs(only(&container.find())), ["3", "4"]);
    container.put(&format!("{month}/{}/part_0_0001.csv", ids[1]), "", "2025-10-16");
    assert_eq!(container.costs(only(&container.find())), ["3", "4"], "an empty file was not delivered to its end");
}

#[test]
fn months_that_are_none_and_runs_that_are_not_whole_are_problems() {
    let container = Container::new();
    container.put("e/20250101-20250331/x.csv", &rows("10/13/2025", "1"), "2025-10-13");
    container.put("f/20251001-20251031/part_0_0002.csv", &rows("10/13/2025", "1"), "2025-10-13");
    container.put("g/20251001-20251031/x.csv", &rows("10/13/2025", "1"), "2025-10-13");
    container.put("g/20251001-20251031/x.csv.gz", "not looked into", "2025-10-13");
    let found = container.find();
    assert_eq!(found.reports.len(), 0);
    assert_eq!(codes(&found), ["report.no-period", "report.incomplete", "report.twice"]);
}

#[test]
fn exports_that_lie_beside_each_other_in_a_month_are_not_taken_for_runs_of_one() {
    let container = Container::new();
    let ids = ["939d61dc-6eb1-48e2-839a-a6b004e77af5", "f275418c-da2f-466e-9fdf-e1685f53f26c"];
    let put = |name: &str, cost: &str, day: &str| {
        container.put(&format!("e/20251001-20251031/{name}.csv"), &rows("10/13/2025", cost), day);
    };
    put("actual", "1", "2025-10-13");
    put("amortized", "2", "2025-10-14");
    let found = container.find();
    assert_eq!((found.reports.len(), codes(&found)), (0, vec!["report.several-exports"]));
    let container = Container::new();
    for (name, cost) in [(format!("a_{}", ids[0]), "1"), (format!("b_{}", ids[1]), "2")] {
        container.put(&format!("e/20251001-20251031/{name}.csv"), &rows("10/13/2025", cost), "2025-10-13");
    }
    container.put("e/20251101-20251130/a.csv", &rows("11/13/2025", "3"), "2025-11-13");
    let found = container.find();
    assert_eq!(codes(&found), ["report.several-exports"]);
    assert_eq!(found.reports.len(), 1, "another month of it is not concerned");
}

#[test]
fn focus_exports_without_a_manifest_are_left_alone_too() {
    let container = Container::new();
    container.put("e/20251001-20251031/e.csv", &rows("10/13/2025", "1"), "2025-10-13");
    let focus = "BilledCost,ChargePeriodStart\n1,2025-10-01\n";
    container.put("f/20251001-20251031/f.csv", focus, "2025-10-13");
    assert_eq!(only(&container.find()).source, "e");
    let container = Container::new();
    container.put("f/20251001-20251031/f.csv", focus, "2025-10-13");
    assert_eq!(codes(&container.find()), ["discover.other-export"]);
}

#[test]
fn numbers_of_years_and_months_are_no_partitions() {
    for name in ["costs_2025", "costs_202510", "costs_20251031", "2025-10/costs_2025"] {
        let container = Container::new();
        container.put(&format!("{name}.csv"), &rows("10/13/2025", "1"), "2025-10-13");
        let found = container.find();
        assert_eq!(container.costs(only(&found)), ["1"], "{name}");
    }
}

#[test]
fn windows_keep_other_months_away() {
    let container = Container::new();
    for month in ["20250901-20250930", "20251001-20251031", "20251101-20251130"] {
        container.put(&format!("e/{month}/x.csv"), &rows("10/13/2025", "1"), "2025-10-13");
    }
    let at = |day: &str| time::parse(day.as_bytes()).unwrap() / 1_000_000;
    let window = |start, end| Some(costhost_sdk::contract::Period { start: at(start), end: at(end) });
    let request =
        Request { settings: String::new(), window: window("2025-10-05", "2025-11-01"), now: at("2025-11-20") };
    let found = azure_export::AzureExport::discover(&container.storage(), &request).unwrap();
    assert_eq!(only(&found).files[0].path, "e/20251001-20251031/x.csv");
    let request = Request { window: window("2024-01-01", "2024-02-01"), ..request };
    let found = azure_export::AzureExport::discover(&container.storage(), &request).unwrap();
    assert_eq!((found.reports.len(), codes(&found)), (0, vec![]));
}

#[test]
fn only_listed_files_are_read() {
    let container = Container::new();
    container.put("in/october-1.csv", &rows("10/13/2025", "1"), "2025-10-13");
    container.put("in/october-2.csv", &rows("10/14/2025", "2"), "2025-10-13");
    container.put("in/other.csv", &rows("10/14/2025", "9"), "2025-10-13");
    let listed = |files: &[&str]| {
        let settings = json!({ "files": files }).to_string();
        find(&container.storage(), &settings, "2025-11-20")
    };
    // As paths in the container, and below the grant; one that is listed twice is read once.
    let found = listed(&["container/in/october-1.csv", "/in/october-2.csv", "in/october-2.csv"]);
    assert_eq!((only(&found).source.as_str(), container.costs(only(&found))), ("", vec!["1".into(), "2".into()]));
    assert_eq!(codes(&listed(&["in/october-1.csv", "in/none.csv"])), ["ingress.missing-file"]);
    assert_eq!(listed(&["in/october-1.csv", "in/none.csv"]).reports.len(), 0, "no month is known to be whole");
    container.put("in/amortized.csv", &rows("10/14/2025", "9"), "2025-10-13");
    assert_eq!(codes(&listed(&["in/october-1.csv", "in/amortized.csv"])), ["ingress.both-metrics"]);
}

#[test]
fn one_object_may_be_granted() {
    let container = Container::new();
    container.put("x.csv", &rows("10/13/2025", "1"), "2025-10-13");
    container.put("manifest.json", "{}", "2025-10-13");
    let granted = |file: &str| find(&DirStorage::single(container.0.path(), file), "{}", "2025-11-20");
    let found = granted("x.csv");
    assert_eq!(only(&found).source, "");
    assert_eq!(codes(&granted("manifest.json")), ["discover.manifest-alone"]);
}
