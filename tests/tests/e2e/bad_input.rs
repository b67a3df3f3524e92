//! Bad input gives an error that says what, where and what to do; what was loaded stays, other periods go on.

use std::path::{Path, PathBuf};
use std::process::Command;

use costhost_tests::bucket;
use costhost_tests::program::{Costhost, Ended, ended, plugin};

/// A bucket of two months, loaded, and then a restated second month that a test spoils.
struct Spoiled {
    costhost: Costhost,
    bucket: PathBuf,
    loaded: Vec<serde_json::Value>,
}

const COUNTS: &str =
    "select month, count(*) as n, sum(line_item_unblended_cost) as cost from line_items group by 1 order by 1";

impl Spoiled {
    fn new() -> Self {
        let costhost = super::costhost();
        let bucket = costhost.folder().join("bucket");
        super::lifecycle::generate(&bucket, "2026-01..2026-02", 300, 1);
        costhost.receipt(&[bucket.to_str().unwrap()]);
        let loaded = costhost.sql(COUNTS);
        std::fs::remove_dir_all(&bucket).unwrap();
        super::lifecycle::generate(&bucket, "2026-01..2026-03", 400, 1);
        Self { costhost, bucket, loaded }
    }

    /// Files of the month that gets spoiled.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let all = bucket::files(&self.bucket, ending);
        let files: Vec<PathBuf> = all.into_iter().filter(|f| f.to_string_lossy().contains("20260201-")).collect();
        assert!(!files.is_empty(), "the generated bucket has changed its layout");
        files
    }

    /// Runs, and checks that the spoiled month failed with all of `says`, kept its rows, and the others were loaded.
    fn fails_saying(&self, says: &[&str]) {
        let ended = self.costhost.run(&[self.bucket.to_str().unwrap()]);
        assert_eq!(ended.code, 1, "{}\n{}", ended.out, ended.err);
        for text in says {
            assert!(ended.out.contains(text), "`{text}` is not said:\n{}", ended.out);
        }
        let now = self.costhost.sql(COUNTS);
        assert_eq!(now.len(), 3, "the other months were loaded: {now:?}");
        assert_eq!(now[1], self.loaded[1], "the spoiled month keeps its rows");
        assert_ne!(now[0], self.loaded[0], "the first month was restated");
    }
}

#[test]
fn a_truncated_gzip_file() {
    let spoiled = Spoiled::new();
    let file = &spoiled.files(".csv.gz")[1];
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    spoiled.fails_saying(&[file.file_name().unwrap().to_str().unwrap(), "gzip", "again"]);
}

#[test]
fn a_manifest_that_lists_an_absent_file() {
    let spoiled = Spoiled::new();
    let file = &spoiled.files(".csv.gz")[0];
    std::fs::remove_file(file).unwrap();
    spoiled.fails_saying(&[file.file_name().unwrap().to_str().unwrap(), "does not exist"]);
}

#[test]
fn an_empty_manifest() {
    let spoiled = Spoiled::new();
    for file in spoiled.files("Manifest.json") {
        std::fs::write(file, "").unwrap();
    }
    spoiled.fails_saying(&["Manifest.json", "empty"]);
}

#[test]
fn a_manifest_that_is_not_json() {
    let spoiled = Spoiled::new();
    for file in spoiled.files("Manifest.json") {
        std::fs::write(file, "{\"assemblyId\": ").unwrap();
    }
    spoiled.fails_saying(&["Manifest.json"]);
}

#[test]
fn a_file_with_the_wrong_header() {
    let spoiled = Spoiled::new();
    let file = &spoiled.files(".csv.gz")[0];
    bucket::edit_gzip(file, |text| text.replacen("lineItem/UnblendedCost", "lineItem/SomethingElse", 1));
    spoiled.fails_saying(&[file.file_name().unwrap().to_str().unwrap(), "line_item_unblended_cost"]);
}

#[test]
fn a_report_without_rows() {
    let spoiled = Spoiled::new();
    for file in spoiled.files(".csv.gz") {
        bucket::edit_gzip(&file, |text| format!("{}\n", text.lines().next().unwrap()));
    }
    spoiled.fails_saying(&["no rows", "--allow-empty"]);
    let ended = spoiled.costhost.run(&[spoiled.bucket.to_str().unwrap(), "--allow-empty"]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert_eq!(spoiled.costhost.sql(COUNTS).len(), 2, "an empty month replaced the rows");
}

#[test]
fn a_zip_that_is_none() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    bucket::copy(costhost_tests::program::shared("aws/cur1-zip/mock-cur-bucket"), &bucket);
    let file = &bucket::files(&bucket, ".zip")[0];
    std::fs::write(file, "not a zip at all").unwrap();
    let ended = costhost.run(&[bucket.to_str().unwrap()]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("MockTestReport-00001.csv.zip") && ended.out.contains("zip"), "{}", ended.out);
}

#[test]
fn bad_cells_and_rows_are_set_aside_with_their_place_and_the_money_at_stake() {
    let costhost = super::costhost();
    let file = costhost.folder().join("2026-05.csv");
    let header = "identity/LineItemId,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,\
                  lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,\
                  lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost";
    let row = |usage: &str, cost: &str| {
        format!(
            "id,2026-05-01T00:00:00Z,2026-06-01T00:00:00Z,111122223333,Usage,2026-05-02T00:00:00Z,\
             2026-05-02T01:00:00Z,AmazonEC2,{usage},USD,{cost}"
        )
    };
    let rows = [header.to_owned(), row("1", "2.5"), row("lots", "1.25"), row("1", "n/a"), "short,row".to_owned()];
    std::fs::write(&file, rows.join("\r\n")).unwrap();
    let path = file.to_str().unwrap();
    let receipt = costhost.receipt(&[path]);
    assert_eq!((receipt["rows"].as_u64(), receipt["rejects"].as_u64()), (Some(4), Some(3)));
    assert_eq!(receipt["totals"]["line_item_unblended_cost"]["USD"], "3.75");
    let rejects = costhost.sql("select * from rejects order by \"row\"");
    assert_eq!(rejects[0]["row"].to_string().trim_matches('"'), "1");
    assert_eq!(rejects[0]["column_name"], "lineItem/UsageAmount");
    assert_eq!(rejects[0]["amount"], "1.25");
    assert_eq!(rejects[0]["whole_row"].to_string().trim_matches('"'), "false");
    assert_eq!(rejects[1]["whole_row"].to_string().trim_matches('"'), "true");
    assert_eq!(rejects.len(), 3);
    assert!(rejects.iter().all(|reject| reject["file"] == "2026-05.csv"), "{rejects:?}");
    assert_eq!(costhost.run(&[path, "--strict", "--force"]).code, 3, "--strict tells of rejects");
}

#[test]
fn a_report_of_which_no_row_can_be_read_replaces_nothing() {
    let spoiled = Spoiled::new();
    for file in spoiled.files(".csv.gz") {
        bucket::edit_gzip(&file, |text| text.replace("2026-02-", "some-day-"));
    }
    spoiled.fails_saying(&["none of the", "rows"]);
}

#[test]
fn a_place_that_does_not_exist() {
    let costhost = super::costhost();
    let ended = costhost.run(&["./nowhere"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("nowhere") && ended.out.contains("does not exist"), "{}\n{}", ended.out, ended.err);
}

#[test]
fn a_folder_without_any_report() {
    let costhost = super::costhost();
    std::fs::create_dir(costhost.folder().join("empty")).unwrap();
    let ended = costhost.run(&["./empty"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("no Cost and Usage Report") && ended.out.contains("empty"), "{}", ended.out);
}

#[test]
fn a_full_disk_leaves_the_lake_as_it_was() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    super::lifecycle::generate(&bucket, "2026-01..2026-01", 300, 1);
    let path = bucket.to_str().unwrap();
    costhost.receipt(&[path]);
    let before = costhost.sql(COUNTS);
    std::fs::remove_dir_all(&bucket).unwrap();
    super::lifecycle::generate(&bucket, "2026-01..2026-01", 30_000, 1);
    let full = run_on_a_small_disk(&costhost, path);
    assert_eq!(full.code, 1, "{}\n{}", full.out, full.err);
    assert!(full.out.contains("No space left on device"), "the cause is told: {}\n{}", full.out, full.err);
    assert_eq!(costhost.sql(COUNTS), before);
    costhost.receipt(&[path]);
    assert_ne!(costhost.sql(COUNTS), before, "with room again, the next run does it");
}

/// A run on a copy of the lake on a disk of 1 MiB, in a mount namespace of its own; the lake is what that left.
fn run_on_a_small_disk(costhost: &Costhost, bucket: &str) -> Ended {
    let run = costhost.command(&["run", "--plugin", &plugin("aws-cur"), bucket]);
    let script = "set -e; mv \"$COSTHOST_LAKE\" \"$COSTHOST_LAKE.kept\"; mkdir \"$COSTHOST_LAKE\"; \
                  mount -t tmpfs -o size=1m tmpfs \"$COSTHOST_LAKE\"; \
                  cp -a \"$COSTHOST_LAKE.kept/.\" \"$COSTHOST_LAKE/\"; \
                  code=0; \"$0\" \"$@\" || code=$?; \
                  rm -rf \"$COSTHOST_LAKE.kept\"; cp -a \"$COSTHOST_LAKE/.\" \"$COSTHOST_LAKE.kept/\"; \
                  umount \"$COSTHOST_LAKE\"; rmdir \"$COSTHOST_LAKE\"; mv \"$COSTHOST_LAKE.kept\" \"$COSTHOST_LAKE\"; exit $code";
    let mut shell = Command::new("unshare");
    shell.args(["--map-root-user", "--mount", "bash", "-c", script]).arg(run.get_program()).args(run.get_args());
    shell.env_clear().envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(run.get_current_dir().unwrap_or(Path::new(".")));
    ended(&mut shell)
}
