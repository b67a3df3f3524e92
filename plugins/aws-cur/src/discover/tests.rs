//! Whole folders, as AWS and its mirrors lay them out.

use super::discover;
use costhost_sdk::calendar::Month;
use costhost_sdk::contract::{Compression, Findings, Form, Period, Report, Request};
use costhost_sdk::testing::DirStorage;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("aws-cur-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn put(&self, path: &str, content: &str) -> &Folder {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn manifest(&self, path: &str, name: &str, account: &str, month: &str, assembly: &str, keys: &[&str]) -> &Folder {
        let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
        self.put(
            path,
            &format!(
                r#"{{"assemblyId":"{assembly}","account":"{account}","compression":"GZIP","reportName":"{name}",
                "columns":[{{"category":"bill","name":"BillType"}}],"bucket":"b",
                "billingPeriod":{{"start":"{month}01T000000.000Z","end":"x"}},"reportKeys":[{}]}}"#,
                keys.join(",")
            ),
        )
    }

    fn find(&self) -> Findings {
        self.below("")
    }

    fn below(&self, folder: &str) -> Findings {
        find(&DirStorage::new(self.0.join(folder)).paged(2), None)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn find(storage: &DirStorage, window: Option<Period>) -> Findings {
    discover(storage, &Request { settings: "{}".to_owned(), window, now: 0 }).unwrap()
}

fn real(folder: &str) -> DirStorage {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/aws");
    // Worktrees of the project lie one folder deeper.
    let data =
        if data.is_dir() { data } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/aws") };
    assert!(data.join(folder).exists(), "the test data of {folder} are not beside the project");
    DirStorage::new(data.join(folder))
}

fn paths(report: &Report) -> Vec<&str> {
    report.files.iter().map(|file| file.path.as_str()).collect()
}

fn month(year: i32, month: u32) -> Period {
    Month::new(year, month).unwrap().period()
}

fn codes(findings: &Findings) -> Vec<&str> {
    findings.problems.iter().map(|problem| problem.failure.code.as_str()).collect()
}

const A: &str = "a1b2";

#[test]
fn create_new_layout_reads_only_the_current_assembly() {
    let folder = Folder::new();
    let key = "top/cur/20250901-20251001/a1b2/cur-1.csv.gz";
    for path in ["top/cur/20250901-20251001/cur-Manifest.json", "top/cur/20250901-20251001/a1b2/cur-Manifest.json"] {
        folder.manifest(path, "cur", "42", "202509", A, &[key]);
    }
    folder.put(key, "rows").put("top/cur/20250901-20251001/old/cur-1.csv.gz", "old rows");
    folder.manifest(
        "top/cur/20250901-20251001/old/cur-Manifest.json",
        "cur",
        "42",
        "202509",
        "old",
        &["top/cur/20250901-20251001/old/cur-1.csv.gz"],
    );
    // The grant may begin anywhere above the file.
    for (grant, path) in [
        ("", key),
        ("top", "cur/20250901-20251001/a1b2/cur-1.csv.gz"),
        ("top/cur", "20250901-20251001/a1b2/cur-1.csv.gz"),
        ("top/cur/20250901-20251001", "a1b2/cur-1.csv.gz"),
    ] {
        let found = folder.below(grant);
        assert_eq!(codes(&found), Vec::<&str>::new(), "{grant}");
        assert_eq!(found.reports.len(), 1, "{grant}");
        let report = &found.reports[0];
        assert_eq!((report.source.as_str(), paths(report), report.period), ("42-cur", vec![path], month(2025, 9)));
        assert!(report.revision.starts_with("a1b2-"));
        assert_eq!(report.files[0].compression, Compression::Gzip);
        assert!(report.labels.contains(&("columns".to_owned(), "bill/BillType".to_owned())));
    }
}

#[test]
fn a_manifest_at_the_top_hides_no_report_below() {
    let folder = Folder::new();
    folder.put("stray-Manifest.json", "{}");
    let key = "daily/20250901-20251001/daily-1.csv.gz";
    folder.manifest("daily/20250901-20251001/daily-Manifest.json", "daily", "42", "202509", A, &[key]).put(key, "rows");
    let found = folder.find();
    assert_eq!((found.reports.len(), codes(&found)), (1, vec!["manifest.no-files"]));
}

#[test]
fn files_without_a_manifest_do_not_replace_a_report_with_one() {
    let folder = Folder::new();
    let key = "cur/20250901-20251001/cur-1.csv.gz";
    folder.manifest("cur/20250901-20251001/cur-Manifest.json", "cur", "42", "202509", A, &[key]).put(key, "rows");
    folder.put("cur/2025-09/again.csv.gz", "rows");
    let found = folder.find();
    assert_eq!((found.reports.len(), codes(&found)), (1, vec!["report.twice"]));
    assert_eq!(paths(&found.reports[0]), [key]);
}

#[test]
fn overwritten_files_make_a_new_revision() {
    let folder = Folder::new();
    let key = "cur/20250901-20251001/cur-1.csv.gz";
    folder.manifest("cur/20250901-20251001/cur-Manifest.json", "cur", "42", "202509", A, &[key]).put(key, "rows");
    let first = folder.find();
    assert_eq!(paths(&first.reports[0]), [key]);
    assert_eq!(first.reports[0].revision, folder.find().reports[0].revision);
    folder.put(key, "more rows");
    assert_ne!(first.reports[0].revision, folder.find().reports[0].revision);
}

#[test]
fn a_leading_slash_an_empty_bucket_and_another_prefix_are_no_matter() {
    let folder = Folder::new();
    folder.manifest(
        "m/cur/20250901-20251001/cur-Manifest.json",
        "cur",
        "42",
        "202509",
        A,
        &["/else/where/cur-1.csv.gz"],
    );
    folder.put("m/cur/20250901-20251001/cur-1.csv.gz", "rows");
    assert_eq!(paths(&folder.find().reports[0]), ["m/cur/20250901-20251001/cur-1.csv.gz"]);
}

#[test]
fn two_mirrors_keep_their_own_files() {
    let folder = Folder::new();
    let key = "cur/20250901-20251001/cur-1.csv.gz";
    for (root, account) in [("", "1"), ("mirror/", "2")] {
        let manifest = format!("{root}cur/20250901-20251001/cur-Manifest.json");
        folder.manifest(&manifest, "cur", account, "202509", A, &[key]).put(&format!("{root}{key}"), account);
    }
    let found = folder.find();
    let sources: Vec<(&str, Vec<&str>)> =
        found.reports.iter().map(|report| (report.source.as_str(), paths(report))).collect();
    assert_eq!(sources, [("1-cur", vec![key]), ("2-cur", vec!["mirror/cur/20250901-20251001/cur-1.csv.gz"])]);
}

#[test]
fn two_mirrors_of_a_report_for_athena_keep_their_own_files() {
    let folder = Folder::new();
    let key = "cur/cur/year=2018/month=9/cur-00001.snappy.parquet";
    for (root, account) in [("", "1"), ("mirror/", "2")] {
        let manifest = format!("{root}cur/20180901-20181001/cur-Manifest.json");
        folder.manifest(&manifest, "cur", account, "201809", A, &[key]).put(&format!("{root}{key}"), account);
    }
    let found = folder.find();
    let sources: Vec<(&str, Vec<&str>)> =
        found.reports.iter().map(|report| (report.source.as_str(), paths(report))).collect();
    assert_eq!(found.problems, []);
    assert_eq!(sources, [("1-cur", vec![key]), ("2-cur", vec![format!("mirror/{key}").as_str()])]);
}

#[test]
fn a_mirror_that_lacks_a_file_does_not_take_another_accounts() {
    let folder = Folder::new();
    let key = "cur/cur/year=2018/month=9/cur-00001.snappy.parquet";
    for (root, account) in [("", "1"), ("mirror/", "2")] {
        folder.manifest(&format!("{root}cur/20180901-20181001/cur-Manifest.json"), "cur", account, "201809", A, &[key]);
    }
    folder.put(key, "1");
    let found = folder.find();
    assert_eq!(found.reports.iter().map(|report| report.source.as_str()).collect::<Vec<_>>(), ["1-cur"]);
    assert_eq!((codes(&found), found.problems[0].source.as_str()), (vec!["manifest.shared-file"], "2-cur"));

    // Nothing tells whose it is.
    let folder = Folder::new();
    folder.put("data/1.csv", "rows");
    for account in ["1", "2"] {
        folder.manifest(&format!("{account}/cur-Manifest.json"), "cur", account, "201809", A, &["data/1.csv"]);
    }
    let found = folder.find();
    assert_eq!((found.reports.len(), codes(&found)), (0, vec!["manifest.shared-file"; 2]));
}

#[test]
fn two_keys_of_one_file_are_told() {
    for keys in [["a/x/cur-1.csv.gz", "b/y/cur-1.csv.gz"], ["cur-1.csv.gz", "cur-1.csv.gz"]] {
        let folder = Folder::new();
        folder.manifest("20250901-20251001/cur-Manifest.json", "cur", "42", "202509", A, &keys);
        folder.put("20250901-20251001/cur-1.csv.gz", "rows");
        let found = folder.find();
        assert_eq!((found.reports.len(), codes(&found)), (0, vec!["manifest.same-file-twice"]), "{keys:?}");
        assert!(found.problems[0].failure.message.contains(keys[1]), "{}", found.problems[0].failure.message);
    }
}

/// A key names many folders in which its file may lie. Reports in those where it does not are reports of their own.
#[test]
fn a_manifest_speaks_only_for_folders_that_hold_its_files() {
    let folder = Folder::new();
    let key = "top/cur/2025-09/cur-1.csv.gz";
    folder.manifest("a/20250901-20251001/cur-Manifest.json", "cur", "42", "202509", A, &[key]);
    folder.put("a/cur/2025-09/cur-1.csv.gz", "rows").put("cur/2025-09/other.csv.gz", "rows");
    let found = folder.find();
    let read: Vec<_> = found.reports.iter().map(|report| (report.source.as_str(), paths(report))).collect();
    assert_eq!(codes(&found), Vec::<&str>::new());
    assert_eq!(read, [("42-cur", vec!["a/cur/2025-09/cur-1.csv.gz"]), ("cur", vec!["cur/2025-09/other.csv.gz"])]);

    // What is there of a delivery that lacks a file is no report.
    let folder = Folder::new();
    folder.manifest("m/cur-Manifest.json", "cur", "42", "202509", A, &["m/d/2025-09/1.csv", "m/d/2025-09/2.csv"]);
    folder.put("m/d/2025-09/2.csv", "rows");
    let found = folder.find();
    assert_eq!((found.reports.len(), codes(&found)), (0, vec!["manifest.missing-file"]));
}

/// Elsewhere the first report of a bucket wins and the others are never seen.
#[test]
fn every_report_below_the_grant_is_found_and_one_that_fails_stops_no_other() {
    let folder = Folder::new();
    let period = "20250901-20251001";
    for name in ["daily", "hourly"] {
        let key = format!("{name}/{period}/{name}-1.csv.gz");
        let manifest = format!("{name}/{period}/{name}-Manifest.json");
        folder.manifest(&manifest, name, "42", "202509", A, &[&key]).put(&key, "rows");
    }
    folder.put(&format!("void/{period}/void-Manifest.json"), "");
    folder.put(&format!("broken/{period}/broken-Manifest.json"), "{\"assemblyId\":");
    folder.manifest(&format!("none/{period}/none-Manifest.json"), "none", "42", "202509", A, &[]);
    folder.manifest(&format!("gone/{period}/gone-Manifest.json"), "gone", "42", "202509", A, &["gone/1.csv.gz"]);
    folder.manifest(&format!("zero/{period}/zero-Manifest.json"), "zero", "42", "202509", A, &["zero/z-1.csv.gz"]);
    folder.put("zero/z-1.csv.gz", "");
    let found = folder.find();
    let names: Vec<&str> = found.reports.iter().map(|report| report.source.as_str()).collect();
    assert_eq!(names, ["42-daily", "42-hourly"]);
    let mut told = codes(&found);
    told.sort_unstable();
    assert_eq!(
        told,
        ["manifest.empty", "manifest.missing-file", "manifest.no-files", "manifest.not-json", "report.empty-file"]
    );
    let missing = found.problems.iter().find(|problem| problem.failure.code == "manifest.missing-file").unwrap();
    assert!(missing.failure.message.contains("gone/1.csv.gz, which does not exist"), "{}", missing.failure.message);
    assert_eq!((missing.source.as_str(), missing.period), ("42-gone", Some(month(2025, 9))));
}

#[test]
fn parquet_for_athena_needs_no_manifest_and_status_files_are_passed_over() {
    let folder = Folder::new();
    folder.put("cur/cur/year=2018/month=9/cur-00001.snappy.parquet", "rows");
    folder.put("cur/cur/year=2018/month=10/cur-00001.snappy.parquet", "rows");
    folder.put("cur/cur/cost_and_usage_data_status/cost_and_usage_data_status.parquet", "state");
    let found = folder.find();
    assert_eq!(found.problems, []);
    let read: Vec<_> = found.reports.iter().map(|report| (report.period, report.source.as_str())).collect();
    assert_eq!(read, [(month(2018, 10), "cur"), (month(2018, 9), "cur")]);
    assert_eq!(found.reports[0].files[0].form, Form::Parquet(vec![]));
    assert_eq!(folder.below("cur/cur").reports[0].source, "");

    // With its manifest the report is found once.
    let key = "cur/cur/year=2018/month=9/cur-00001.snappy.parquet";
    folder.manifest("cur/20180901-20181001/cur-Manifest.json", "cur", "42", "201809", A, &[key]);
    let found = folder.find();
    assert_eq!((found.reports.len(), found.problems.len()), (2, 0));
    assert!(found.reports[1].revision.starts_with("a1b2-"));
}

#[test]
fn data_exports_take_the_newest_execution() {
    let folder = Folder::new();
    let execution = |name: &str, files: &str| {
        let data = format!("x/data/BILLING_PERIOD=2024-09/{name}/x-00001.snappy.parquet");
        folder.put(&data, "rows");
        let manifest = format!(r#"{{"executionId":"{name}","dataFiles":[{}]}}"#, files.replace('@', &data));
        folder.put(&format!("x/metadata/BILLING_PERIOD=2024-09/{name}/x-Manifest.json"), &manifest);
        data
    };
    execution("20240910T0000-e1", r#""s3://other-bucket/p/@""#);
    let newest = execution("20240920T0000-e2", r#"{"s3Uri":"s3://other-bucket/p/@"}"#);
    let found = folder.find();
    assert_eq!(found.problems, []);
    assert_eq!(found.reports.len(), 1);
    assert_eq!((found.reports[0].source.as_str(), paths(&found.reports[0])), ("x", vec![newest.as_str()]));
    let below = folder.below("x");
    assert_eq!(paths(&below.reports[0]), ["data/BILLING_PERIOD=2024-09/20240920T0000-e2/x-00001.snappy.parquet"]);
}

#[test]
fn a_failed_delivery_is_not_loaded_by_looking_at_its_files() {
    let folder = Folder::new();
    folder.put("x/data/BILLING_PERIOD=2024-09/e1/x-00001.csv.gz", "rows");
    folder.put("x/metadata/BILLING_PERIOD=2024-09/e1/x-Manifest.json", r#"{"dataFiles":[]}"#);
    let found = folder.find();
    assert_eq!((found.reports.len(), codes(&found)), (0, vec!["manifest.no-files"]));
}

#[test]
fn plain_files_tell_their_month_by_name_or_content() {
    let folder = Folder::new();
    folder.put("2018-10/a.parquet", "rows").put("2018-10/b.parquet", "rows");
    folder.put("export.csv", "bill/BillingPeriodStartDate,x\n2023-11-01T00:00:00.000Z,1\n");
    folder.put("what.parquet", "rows");
    let found = folder.find();
    let read: Vec<_> = found.reports.iter().map(|report| (report.period, paths(report))).collect();
    assert_eq!(
        read,
        [(month(2023, 11), vec!["export.csv"]), (month(2018, 10), vec!["2018-10/a.parquet", "2018-10/b.parquet"])]
    );
    assert_eq!(codes(&found), ["report.no-period"]);
    assert!(found.problems[0].failure.message.contains("folder such as 2025-01"));
}

#[test]
fn one_file_may_be_the_whole_grant() {
    let folder = Folder::new();
    folder.put("a/2024-01.csv.gz", "rows").put("a/cur-Manifest.json", "{}");
    let found = find(&DirStorage::single(folder.0.clone(), "a/2024-01.csv.gz"), None);
    assert_eq!((found.reports[0].source.as_str(), paths(&found.reports[0])), ("", vec!["a/2024-01.csv.gz"]));
    let found = find(&DirStorage::single(folder.0.clone(), "a/cur-Manifest.json"), None);
    assert_eq!(codes(&found), ["discover.manifest-alone"]);
}

#[test]
fn the_same_rows_in_two_forms_are_not_added_up() {
    let found = find(&real("nise-cur2-like"), None);
    assert_eq!(codes(&found), ["report.twice", "report.twice"]);
    let one = DirStorage::single(real("nise-cur2-like").root(), "October-2025-cur2.parquet");
    assert_eq!(find(&one, None).reports[0].period, month(2025, 10));
}

#[test]
fn the_window_limits_periods() {
    let window = Some(Period { start: month(2025, 11).start, end: month(2025, 12).end });
    let found = find(&real("nise"), window);
    assert_eq!((found.reports.len(), found.reports[0].period), (1, month(2025, 11)));
    let none = find(&real("nise"), Some(month(2020, 1)));
    assert_eq!((none.reports.len(), none.problems.len()), (0, 0));
}

#[test]
fn nothing_at_all_is_told() {
    let folder = Folder::new();
    folder.put("readme.txt", "hello");
    assert_eq!(codes(&folder.find()), ["discover.nothing"]);
}

#[test]
fn folders_with_underscores_are_looked_into_and_what_was_passed_over_is_told() {
    let folder = Folder::new();
    folder.put("_exports/2024-09/a.csv.gz", "rows").put(".trash/2024-08/a.csv.gz", "rows");
    folder.put("_delta_log/2024-07/a.parquet", "rows");
    let found = folder.find();
    assert_eq!(found.problems, []);
    let read: Vec<_> = found.reports.iter().map(|report| (report.source.as_str(), report.period)).collect();
    assert_eq!(read, [("_exports", month(2024, 9))]);

    let folder = Folder::new();
    let deep = "d/".repeat(17);
    folder.put(&format!("{deep}2024-09/a.csv"), "rows").put(".trash/2024-08/a.csv.gz", "rows");
    let found = folder.find();
    assert_eq!(codes(&found), ["discover.nothing"]);
    let message = &found.problems[0].failure.message;
    assert!(message.contains(&format!("(not looked into: .trash/, {deep};")), "{message}");
    // From further down it is found.
    assert_eq!(folder.below("d/d").reports.len(), 1);
}

#[test]
fn real_buckets_are_read() {
    let of = |folder: &str| {
        let found = find(&real(folder), None);
        assert_eq!(found.problems, [], "{folder}");
        found.reports
    };
    let nise = of("nise");
    assert_eq!(nise.len(), 2);
    assert_eq!((nise[0].source.as_str(), nise[0].period), ("111111111111-cur", month(2025, 11)));
    assert_eq!(
        paths(&nise[1]),
        ["reports/cur/20251001-20251101/17fc695a-07a0-4a6e-8822-e8f36c031199/October-2025-cur.csv.gz"]
    );

    let koku = of("cur1-bucket");
    assert_eq!((koku.len(), koku[0].period, koku[0].source.as_str()), (1, month(2018, 8), "6568388779672-koku-local"));
    assert_eq!(of("cur1-bucket/koku-local/20180801-20180901")[0].files.len(), 1);

    let zip = of("cur1-zip");
    assert_eq!((zip[0].period, zip[0].closed, zip[0].files[0].compression), (month(2024, 1), true, Compression::Zip));

    let second = of("cur2-csv");
    assert_eq!((second[0].source.as_str(), second[0].period), ("123456789012-MockTestReportV2", month(2024, 9)));
    assert_eq!(paths(&second[0]), ["mock-cur-v2-bucket/data/BILLING_PERIOD=2024-09/MockTestReportV2-00001.csv.gz"]);
    assert!(second[0].revision.starts_with("test-exec-id-12345-"));

    assert_eq!(of("cur1-parquet/2018-10").len(), 1);
    assert_eq!((of("cur1-parquet")[0].period, of("cur1-parquet")[0].source.as_str()), (month(2018, 10), ""));
    assert_eq!(of("cur1-slash-csv")[0].period, month(2023, 11));
}
