//! Real files through the normalizer and the summary, against `reference.py`.

use super::rows::{Result, open, pulled};
use crate::normalize::Normalizer;
use crate::summary::DailySummary;
use crate::summary::columns::SUMS;
use costhost_sdk::contract::{Compression, Form, InputFile, Job, Period};
use costhost_sdk::{Accumulate, decimal};
use std::io::Read;
use std::path::{Path, PathBuf};

fn real(file: &str) -> PathBuf {
    let crate_ = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../../..", "../../../.."].map(|up| crate_.join(up).join("shared/data/aws").join(file));
    found.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{file} is not beside the project"))
}

/// The summary of a gzipped file, its normalizer pushed pieces of this size.
fn summary(file: &str, piece: usize) -> Vec<Result> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(real(file)).unwrap()).read_to_end(&mut text).unwrap();
    let mut accumulator = open(r#"{"markup_percent":"10"}"#);
    fold(&text, piece, &mut accumulator);
    pulled(accumulator)
}

/// Folds a CSV file, its normalizer pushed pieces of this size.
pub(super) fn fold(text: &[u8], piece: usize, into: &mut DailySummary) {
    let file = InputFile {
        path: "report.csv".to_owned(),
        compression: Compression::None,
        form: Form::Bytes,
        dataset: "cur".to_owned(),
        rows: None,
        bytes: None,
    };
    let mut normalizer = Normalizer::open(&Job {
        settings: String::new(),
        now: 0,
        source: String::new(),
        revision: String::new(),
        period: Period { start: i64::MIN, end: i64::MAX },
        labels: Vec::new(),
        file,
    })
    .unwrap();
    let mut outputs: Vec<_> = text.chunks(piece).map(|piece| normalizer.push(piece).unwrap()).collect();
    outputs.push(normalizer.finish().unwrap());
    for (_, batch) in outputs.iter().flat_map(|output| &output.batches) {
        into.fold(crate::manifest::LINE_ITEMS, batch).unwrap();
    }
}

/// The digest that `reference.py` makes of every value of every group.
fn digest(rows: &[Result]) -> String {
    let line = |row: &Result| row.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|");
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", lines.join("\n").bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

fn totals(rows: &[Result]) -> Vec<(&'static str, String)> {
    let value =
        |row: &Result, name: &str| row.get(name).map_or(0, |text| decimal::parse(text.as_bytes()).unwrap().value);
    SUMS[..10].iter().map(|name| (*name, decimal::format(rows.iter().map(|row| value(row, name)).sum()))).collect()
}

#[test]
fn a_month_of_nise_is_what_python_makes_of_it() {
    let file = "nise/reports/cur/20251001-20251101/17fc695a-07a0-4a6e-8822-e8f36c031199/October-2025-cur.csv.gz";
    let rows = summary(file, 1000);
    let expected = [
        ("usage_amount", "14619.88988937266736"),
        ("normalized_usage_amount", "0"),
        ("unblended_cost", "2189.11620425530128"),
        ("blended_cost", "2189.11620425530128"),
        ("savingsplan_effective_cost", "8.16"),
        ("public_on_demand_cost", "2221.75620425530128"),
        ("calculated_amortized_cost", "2189.11620425530128"),
        ("amortized_cost", "2189.11620425530128"),
        ("trueup_cost", "0"),
        ("upfront_cost", "0"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(totals(&rows), expected);
    assert_eq!((rows.len(), digest(&rows).as_str()), (32, "a12b145ea7f1d238"));
}

#[test]
fn the_next_month_of_nise_too() {
    let file = "nise/reports/cur/20251101-20251201/9a1de644-815e-46d1-bb8f-aa1837f8a88b/November-2025-cur.csv.gz";
    let rows = summary(file, 1 << 20);
    assert_eq!((rows.len(), digest(&rows).as_str()), (16, "e8e29b332a869c21"));
}

#[test]
fn kokus_own_bucket_too() {
    let file = "cur1-bucket/koku-local/20180801-20180901/16e57707-f9e3-49be-8be6-b84e684b5194/koku-local-1.csv.gz";
    let rows = summary(file, 1 << 16);
    assert_eq!((rows.len(), digest(&rows).as_str()), (5310, "abee44830723426b"));
}
