//! However a run is spread over threads, the lake holds the same and errors are the same: one worker takes every file
//! through all stages, many workers give each stage of each file a thread of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use costhost_tests::bucket;
use costhost_tests::program::{Costhost, Ended, plugin};

const ONE_THREAD: &str = "1";
const SPREAD: &str = "8";
const TABLES: [&str; 5] = [
    "line_items",
    "rejects",
    "reporting_awscostentrylineitem_daily_summary",
    "reporting_aws_cost_summary_by_account_p",
    "reporting_awstags_summary",
];

/// A month of two files of a few MiB, with rows and cells in both that cannot be read.
fn spoiled_month(rows: u64) -> (Costhost, PathBuf) {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    super::lifecycle::generate(&bucket, "2026-01..2026-01", rows, 7);
    for file in bucket::files(&bucket, ".csv.gz") {
        bucket::edit_gzip(&file, |text| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let last = lines.len() - 1;
            for at in [1, last / 3, last / 2, last] {
                lines[at] = "too,short".to_owned();
            }
            lines.join("\n")
        });
    }
    (costhost, bucket)
}

/// Every row of a table, in an order of its own.
fn rows(costhost: &Costhost, table: &str) -> Vec<String> {
    let mut rows: Vec<String> =
        costhost.sql(&format!("select * from {table}")).iter().map(ToString::to_string).collect();
    rows.sort();
    rows
}

fn fails(bucket: &Path, workers: &str, prepare: impl Fn(&Costhost)) -> (Costhost, Ended) {
    let costhost = super::costhost();
    prepare(&costhost);
    let ended = costhost.run(&[bucket.to_str().unwrap(), "--source-name", "cur", "--workers", workers]);
    assert_eq!(ended.code, 1, "{}\n{}", ended.out, ended.err);
    (costhost, ended)
}

/// Files in the lake that hold rows, or may have held some.
fn data_files(costhost: &Costhost) -> Vec<PathBuf> {
    let lake = Path::new(costhost.lake());
    if lake.exists() { bucket::files(lake, "").into_iter().filter(|file| is_data(file)).collect() } else { Vec::new() }
}

fn is_data(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_string_lossy();
    name.contains(".parquet") || name.contains('#')
}

#[test]
fn one_thread_and_many_give_the_same_rows_rejects_and_summaries() {
    let (_keep, bucket) = spoiled_month(4_000);
    let lakes = [ONE_THREAD, "2", SPREAD].map(|workers| {
        let costhost = super::costhost();
        let receipt = costhost.receipt(&[bucket.to_str().unwrap(), "--source-name", "cur", "--workers", workers]);
        (costhost, receipt)
    });
    let (one, expected) = &lakes[0];
    assert_eq!((expected["rows"].as_u64(), expected["rejects"].as_u64()), (Some(4_000), Some(8)));
    for (other, receipt) in &lakes[1..] {
        for told in ["rows", "rejects", "totals"] {
            assert_eq!(receipt[told], expected[told], "{told}");
        }
        for table in TABLES {
            let (ours, theirs) = (rows(one, table), rows(other, table));
            assert!(!ours.is_empty(), "{table} is empty, and proves nothing");
            assert!(ours == theirs, "{table} differs");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_fails_the_same_and_leaves_nothing() {
    let (_keep, bucket) = spoiled_month(4_000);
    let file = &bucket::files(&bucket, ".csv.gz")[1];
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() * 9 / 10]).unwrap();
    // The manifest says nothing of sizes; the file itself is found wanting when nearly all of it was read.
    let said = [ONE_THREAD, SPREAD].map(|workers| {
        let (costhost, ended) = fails(&bucket, workers, |_| {});
        assert_eq!(data_files(&costhost), Vec::<PathBuf>::new());
        // What follows tells how long it took, and of which lake.
        ended.out.lines().find(|line| line.contains("FAILED")).expect("a failed month").to_owned()
    });
    assert!(said[0].contains("gzip") && said[0].contains("again"), "{}", said[0]);
    assert_eq!(said[0], said[1]);
}

#[test]
fn a_table_that_cannot_be_written_fails_the_same_and_leaves_nothing() {
    let (_keep, bucket) = spoiled_month(4_000);
    let peaceful = super::costhost();
    peaceful.receipt(&[bucket.to_str().unwrap(), "--source-name", "cur"]);
    let table = "default/aws/line_items";
    let entries = std::fs::read_dir(Path::new(peaceful.lake()).join(table)).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name());
    let source = names.find(|name| name.to_string_lossy().starts_with("source=")).unwrap();
    // Where the partition should be lies a file.
    let block = |costhost: &Costhost| {
        let table = Path::new(costhost.lake()).join(table);
        std::fs::create_dir_all(&table).unwrap();
        std::fs::write(table.join(&source), "in the way").unwrap();
    };
    for workers in [ONE_THREAD, SPREAD] {
        let (costhost, ended) = fails(&bucket, workers, block);
        assert!(ended.out.contains("line_items"), "{}", ended.out);
        assert_eq!(data_files(&costhost), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_run_that_is_stopped_ends_at_once_and_leaves_nothing() {
    let (_keep, bucket) = spoiled_month(60_000);
    for workers in [ONE_THREAD, SPREAD] {
        let costhost = super::costhost();
        let plugin = plugin("aws-cur");
        let args = ["run", "--plugin", &plugin, bucket.to_str().unwrap(), "--workers", workers];
        let mut command = costhost.command(&args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        // A file in the lake says that all stages are at work.
        while data_files(&costhost).is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(), "never began");
            std::thread::sleep(Duration::from_millis(2));
        }
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let status = child.wait().unwrap();
        assert!(!status.success(), "{workers} workers: it came to its end, and proves nothing");
        assert_eq!(data_files(&costhost), Vec::<PathBuf>::new(), "{workers} workers");
    }
}

/// States of this provider fall into shares where they have an odd number of lines: what parts say differs.
#[test]
fn states_that_are_shared_and_states_that_are_not_are_merged_together() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = folder.path().join("bucket/acme");
    std::fs::create_dir_all(&bucket).unwrap();
    for (file, lines) in [(1, 1), (2, 2), (3, 3), (4, 2)] {
        let mut text = "service,day,team,department,project,seats,cost,currency,labels,invoice,colour\n".to_owned();
        for line in 1..=lines {
            text += &format!(
                "Warehouse,2025-10-0{line},Blue,Sales,p{file},1,{file}.000000000000000001,USD,{{}},INV-{file},red\n"
            );
        }
        std::fs::write(bucket.join(format!("tally-2025-10-{file}.csv")), text).unwrap();
    }
    let tally = plugin("tally");
    let loaded = |workers: &str| {
        let costhost = super::costhost();
        let place = folder.path().join("bucket").display().to_string();
        let ended = costhost.call(&["run", "--plugin", &tally, &place, "--source-name", "t", "--workers", workers]);
        assert_eq!(ended.code, 0, "{}\n{}", ended.out, ended.err);
        let tables = ["tally_daily_costs", "tally_bills", "tally_label_costs", "line_items"];
        tables.map(|table| rows(&costhost, &format!("tally.{table}")))
    };
    let alone = loaded(ONE_THREAD);
    assert!(alone[1][0].contains("\"lines\":8"), "{:?}", alone[1]);
    for _ in 0..3 {
        assert_eq!(loaded("4"), alone);
    }
}
