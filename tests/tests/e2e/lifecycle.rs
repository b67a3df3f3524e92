//! What happens from run to run: nothing new, restated, older, forced; what `plan` and `sources` tell.

use std::path::Path;

use costhost_bench::aws::bucket::Expected;
use costhost_bench::aws::month::Month;
use costhost_bench::aws::{Compression, Headers, Layout, Settings};
use costhost_tests::bucket;
use serde_json::Value;

/// Writes a bucket with the project's generator and returns what it says its months add up to.
pub(crate) fn generate(folder: &Path, months: &str, rows: u64, seed: u64) -> Expected {
    let settings = Settings {
        out: folder.to_owned(),
        prefix: "cur".to_owned(),
        report: "acme-cur".to_owned(),
        bucket: "acme-billing".to_owned(),
        months: Month::parse_range(months).unwrap(),
        rows,
        files: 2,
        seed,
        accounts: 2,
        currencies: vec!["USD".to_owned()],
        layout: Layout::CreateNew,
        compression: Compression::Gzip,
        headers: Headers::Slash,
        restate: Vec::new(),
    };
    costhost_bench::aws::generate(&settings).unwrap()
}

fn statuses(receipt: &Value) -> Vec<(String, String)> {
    let periods = receipt["periods"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    periods.map(|period| (text(&period["period"]), text(&period["status"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_second_run_with_nothing_new_reads_no_data_file_and_says_so() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    generate(&bucket, "2026-01..2026-02", 500, 1);
    let first = costhost.receipt(&[bucket.to_str().unwrap()]);
    assert_eq!(statuses(&first), pairs(&[("2026-02", "loaded"), ("2026-01", "loaded")]), "newest first");
    // Without read permission on any data file the second run would fail if it opened one. Root may read anyway,
    // so the files are made unreadable as gzip instead, with size and time kept.
    for file in bucket::files(&bucket, ".csv.gz") {
        let (bytes, modified) = (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap());
        std::fs::write(&file, vec![0_u8; bytes.len()]).unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    }
    let ended = costhost.run(&[bucket.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("nothing new"), "{}", ended.out);
}

#[test]
fn a_restated_month_replaces_its_period_and_leaves_the_others() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    generate(&bucket, "2026-01..2026-02", 500, 1);
    costhost.receipt(&[bucket.to_str().unwrap()]);
    let total = |month: &str| {
        let sql = format!(
            "select count(*) as n, sum(line_item_unblended_cost) as cost from line_items where month = '{month}'"
        );
        costhost.sql(&sql)[0].clone()
    };
    let (january, february) = (total("01"), total("02"));
    std::fs::remove_dir_all(&bucket).unwrap();
    generate(&bucket, "2026-01..2026-01", 700, 1);
    let receipt = costhost.receipt(&[bucket.to_str().unwrap()]);
    assert_eq!(statuses(&receipt), pairs(&[("2026-01", "loaded")]));
    assert!(receipt["periods"][0]["why"].as_str().unwrap().contains("replaces"), "{receipt}");
    assert_ne!(total("01"), january);
    assert_eq!(total("02"), february);
    let summary = costhost.sql(
        "select sum(cast(unblended_cost as decimal(76,18))) as cost from \
         reporting_awscostentrylineitem_daily_summary where month = '01'",
    );
    let lines = costhost.sql(
        "select sum(cast(line_item_unblended_cost as decimal(76,18))) as cost from line_items where month = '01' \
         and coalesce(line_item_operation, '') not in ('EKSPod-EC2', 'ECSTask-EC2')",
    );
    assert_eq!(summary, lines, "the summary is of the same delivery");
}

#[test]
fn plan_says_what_would_be_read_and_why_and_the_window_limits_it() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    generate(&bucket, "2026-01..2026-03", 200, 1);
    let path = bucket.to_str().unwrap();
    let plugin = costhost_tests::program::plugin("aws-cur");
    let plan = |extra: &[&str]| -> Vec<(String, String)> {
        let mut args = vec!["plan", "--plugin", &plugin, path, "-o", "json"];
        args.extend_from_slice(extra);
        let ended = costhost.call(&args);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let rows: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(&row["period"]), text(&row["decision"]))).collect()
    };
    assert_eq!(plan(&["--from", "2026-02"]), pairs(&[("2026-03", "new"), ("2026-02", "new")]));
    costhost.receipt(&[path, "--from", "2026-02", "--to", "2026-02"]);
    assert_eq!(plan(&[]), pairs(&[("2026-03", "new"), ("2026-02", "unchanged"), ("2026-01", "new")]));
    assert_eq!(plan(&["--to", "2026-02", "--markup", "5"]), pairs(&[("2026-02", "summarize"), ("2026-01", "new")]));
}

#[test]
fn sources_lists_every_source_and_period_with_its_revision_and_plugin() {
    let costhost = super::costhost();
    costhost.receipt(&[&costhost_tests::program::shared("aws/nise"), "--source-name", "prod"]);
    let ended = costhost.call(&["sources", "-o", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let rows: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
    let periods: Vec<&str> = rows.iter().map(|row| row["period"].as_str().unwrap()).collect();
    assert_eq!(periods, ["2025-10", "2025-11"]);
    assert_eq!(rows[0]["source"], "prod/111111111111-cur");
    assert_eq!(rows[1]["rows"], "312");
    assert!(rows[0]["plugin"].as_str().unwrap().starts_with("aws-cur "), "{rows:?}");
    assert!(rows[1]["revision"].as_str().unwrap().contains("9a1de644"), "{rows:?}");
}

#[test]
fn maintenance_goes_through_every_table_and_keeps_what_is_young() {
    let costhost = super::costhost();
    let nise = costhost_tests::program::shared("aws/nise");
    costhost.receipt(&[&nise, "--source-name", "prod"]);
    costhost.receipt(&[&nise, "--source-name", "prod", "--force"]);
    let count = || costhost.sql("select count(*) as n from aws.line_items")[0]["n"].to_string();
    let before = count();
    assert_eq!(costhost.call(&["maintain", "--retention", "0"]).code, 2, "open queries would lose their files");
    let ended = costhost.call(&["maintain", "--retention", "1", "-o", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let rows: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
    let tables: Vec<&str> = rows.iter().map(|row| row["table"].as_str().unwrap()).collect();
    assert!(["aws.line_items", "aws.loads"].iter().all(|table| tables.contains(table)), "{tables:?}");
    assert!(rows.iter().all(|row| row["data_files"] == "0" && row["problem"] == ""), "{rows:?}");
    let log = Path::new(costhost.lake()).join("default/aws/line_items/_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    assert_eq!(count(), before);
}

#[test]
fn several_reports_below_one_prefix_are_sources_of_their_own() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    bucket::copy(costhost_tests::program::shared("aws/nise"), &bucket);
    bucket::copy(costhost_tests::program::shared("aws/cur1-bucket"), &bucket);
    costhost.receipt(&[bucket.to_str().unwrap(), "--source-name", "all"]);
    let rows = costhost.sql("select source, count(*) as n from line_items group by 1 order by 1");
    let names: Vec<&str> = rows.iter().map(|row| row["source"].as_str().unwrap()).collect();
    assert_eq!(names, ["all/111111111111-cur", "all/6568388779672-koku-local"]);
}

#[test]
fn a_place_with_a_derived_name_does_not_replace_another_of_that_name() {
    let costhost = super::costhost();
    let (a, b) = (costhost.folder().join("a/cur"), costhost.folder().join("b/cur"));
    generate(&a, "2026-01..2026-01", 200, 1);
    generate(&b, "2026-01..2026-01", 300, 1);
    costhost.receipt(&[a.to_str().unwrap()]);
    let ended = costhost.run(&[b.to_str().unwrap()]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("--source-name"), "{}", ended.out);
    assert_eq!(costhost.sql("select count(*) as n from line_items")[0]["n"].to_string().trim_matches('"'), "200");
}
