//! Reports that others made: row counts and exact totals, computed independently.
//!
//! The totals of the CSV files are Python's:
//!
//! ```text
//! python3 -c "import csv,sys;from decimal import Decimal as D;r=list(csv.DictReader(sys.stdin));\
//! print(len(r),sum(D(x.get('lineItem/UnblendedCost') or x.get('line_item_unblended_cost') or 0) for x in r))" < FILE.csv
//! ```
//!
//! with `x.quantize(D(1).scaleb(-18), ROUND_HALF_EVEN)` and `getcontext().prec = 60` for the Koku file, 132 of whose costs
//! have more than 18 decimals (without: 143227.763678187615017991050).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "tests fail by panicking"
)]

mod support;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use arrow_schema::{DataType, Field, Schema};
use costhost_sdk::contract::{Form, Job, Period};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use support::{Outcome, arrow, csv, csv_of, csv_with, data, job};

const PIECE: usize = 1 << 20;

fn gunzipped(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(&data(path)[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// How many cells of each input column were set aside.
fn bad_cells(outcome: &Outcome) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for reject in &outcome.rejects {
        assert!(!reject.whole_row, "{reject:?}");
        *counts.entry(reject.at.column.clone().unwrap()).or_default() += 1;
    }
    assert_eq!(outcome.uncounted, 0);
    counts
}

/// Checks what holds of every good file, however it is cut.
fn check(bytes: &[u8], rows: u64, unblended: &str) -> Outcome {
    let outcome = csv(bytes, PIECE).unwrap();
    assert_eq!((outcome.rows, outcome.standing() as u64), (rows, rows));
    assert_eq!(outcome.sum("line_item_unblended_cost"), unblended);
    let cut = csv(bytes, bytes.len() / 97 + 1).unwrap();
    assert_eq!(cut.batches, outcome.batches);
    assert_eq!(cut.rejects.len() as u64 + cut.uncounted, outcome.rejects.len() as u64 + outcome.uncounted);
    outcome
}

#[test]
fn anonymized_export() {
    let outcome = check(&data("cur1-slash-csv/anonymized.csv"), 1281, "1.6823086974");
    assert_eq!(outcome.rejects, []);
    let services = outcome.maps("product");
    assert_eq!(services[0].as_ref().unwrap()["product_name"], "AWS CloudTrail");
    assert!(outcome.texts("line_item_legal_entity")[0].as_deref() == Some("Amazon Web Services Canada, Inc."));
    assert_eq!(outcome.texts("identity_line_item_id").iter().flatten().count(), 1281);
}

#[test]
fn koku_bucket() {
    let folder = "cur1-bucket/koku-local/20180801-20180901";
    let file = gunzipped(&format!("{folder}/16e57707-f9e3-49be-8be6-b84e684b5194/koku-local-1.csv.gz"));
    let outcome = check(&file, 13_380, "143227.763678187615017988");
    assert!(outcome.texts("line_item_usage_start_date").iter().all(Option::is_some));
    // The manifest lists 57 of the header's 130 columns.
    let manifest: serde_json::Value =
        serde_json::from_slice(&data(&format!("{folder}/koku-local-Manifest.json"))).unwrap();
    let columns: Vec<String> = manifest["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{}/{}", c["category"].as_str().unwrap(), c["name"].as_str().unwrap()))
        .collect();
    let noted = csv_with(&file, PIECE, &[("columns", &columns.join(","))]).unwrap();
    assert_eq!(noted.notes.len(), 2, "columns and rounded amounts: {:?}", noted.notes);
    assert_eq!(outcome.notes.len(), 1, "rounded amounts: {:?}", outcome.notes);
    // Only 776 rows are of the manifest's period, by Python's count.
    let august = Period { start: 1_533_081_600, end: 1_535_760_000 };
    let delivered = Job { period: august, ..job(Form::Bytes, &[("manifest", "koku-local-Manifest.json")]) };
    let delivered = csv_of(&delivered, &file, PIECE).unwrap();
    assert_eq!(delivered.standing(), 13_380);
    assert!(delivered.notes.iter().any(|note| note.starts_with("12604 rows")), "{:?}", delivered.notes);
}

#[test]
fn zipped_report() {
    let bytes = data("cur1-zip/mock-cur-bucket/20240101-20240131/MockTestReport-00001.csv.zip");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut file = Vec::new();
    archive.by_index(0).unwrap().read_to_end(&mut file).unwrap();
    check(&file, 3, "0.045152");
}

#[test]
fn cur_2_csv() {
    check(
        &gunzipped("cur2-csv/mock-cur-v2-bucket/data/BILLING_PERIOD=2024-09/MockTestReportV2-00001.csv.gz"),
        4,
        "0.108304",
    );
}

const MONTHS: [(&str, &str, u64, &str); 2] = [
    (
        "October-2025",
        "nise/reports/cur/20251001-20251101/17fc695a-07a0-4a6e-8822-e8f36c031199",
        624,
        "2189.11620425530128",
    ),
    (
        "November-2025",
        "nise/reports/cur/20251101-20251201/9a1de644-815e-46d1-bb8f-aa1837f8a88b",
        312,
        "39.4171883704185216",
    ),
];

#[test]
fn both_generations_of_a_month_are_the_same_rows() {
    for (month, folder, rows, total) in MONTHS {
        let first = check(&gunzipped(&format!("{folder}/{month}-cur.csv.gz")), rows, total);
        // nise 5 writes these four columns wrong for some lines: words where numbers belong.
        let words = [
            "pricing/publicOnDemandCost",
            "pricing/publicOnDemandRate",
            "savingsPlan/SavingsPlanEffectiveCost",
            "savingsPlan/SavingsPlanRate",
        ];
        assert_eq!(bad_cells(&first), words.iter().map(|c| ((*c).to_owned(), rows as usize / 13)).collect());
        let second = check(&gunzipped(&format!("nise-cur2-like/{month}-cur2.csv.gz")), rows, total);
        let parquet = parquet(&format!("nise-cur2-like/{month}-cur2.parquet"));
        assert_eq!((parquet.rows, parquet.standing() as u64, parquet.rejects.len()), (rows, rows, 0));
        for column in [
            "line_item_unblended_cost",
            "line_item_usage_amount",
            "savings_plan_savings_plan_effective_cost",
            "reservation_effective_cost",
            "line_item_normalization_factor",
        ] {
            assert_eq!(first.texts(column), second.texts(column), "{month} {column}");
            assert_eq!(first.texts(column), parquet.texts(column), "{month} {column}");
        }
        for column in [
            "line_item_usage_start_date",
            "line_item_line_item_type",
            "line_item_resource_id",
            "savings_plan_savings_plan_a_r_n",
            "reservation_reservation_a_r_n",
            "product_instance_type",
            "product_sku",
        ] {
            assert_eq!(first.texts(column), second.texts(column), "{month} {column}");
            assert_eq!(first.texts(column), parquet.texts(column), "{month} {column}");
        }
        for column in ["resource_tags", "cost_category"] {
            assert_eq!(first.maps(column), second.maps(column), "{month} {column}");
            assert_eq!(first.maps(column), parquet.maps(column), "{month} {column}");
        }
        assert_eq!(second.maps("product"), parquet.maps("product"), "{month}");
        assert!(first.maps("resource_tags").iter().flatten().any(|tags| tags.contains_key("user_environment")));
    }
}

/// Batches of a Parquet file, with texts as they are, or as dictionaries: a host may give either, and a dictionary of a
/// column without values is empty.
fn parquet_as(path: &str, dictionaries: bool) -> Vec<arrow_array::RecordBatch> {
    let mut at = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while !at.join("shared/data/aws").exists() {
        assert!(at.pop(), "../shared/data is not there");
    }
    let file = std::fs::File::open(at.join("shared/data/aws").join(path)).unwrap();
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let mut metadata = ArrowReaderMetadata::load(&file, options.clone()).unwrap();
    if dictionaries {
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let fields: Vec<Field> = metadata
            .schema()
            .fields()
            .iter()
            .map(|f| {
                if f.data_type() == &DataType::Utf8 {
                    f.as_ref().clone().with_data_type(coded.clone())
                } else {
                    f.as_ref().clone()
                }
            })
            .collect();
        let options = options.with_schema(Arc::new(Schema::new(fields)));
        metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap();
    }
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    reader.with_batch_size(20_000).build().unwrap().map(Result::unwrap).collect()
}

/// A Parquet file's rows; the same whichever way the host gives its texts.
fn parquet(path: &str) -> Outcome {
    let outcome = arrow(&parquet_as(path, false)).unwrap();
    let coded = parquet_as(path, true);
    assert!(coded[0].columns().iter().any(|c| matches!(c.data_type(), DataType::Dictionary(..))));
    assert_eq!(arrow(&coded).unwrap().batches, outcome.batches);
    outcome
}

#[test]
fn a_parquet_report_that_aws_wrote() {
    let outcome = parquet("cur1-parquet/2018-10/Oct2018-WorkshopCUR-00001.snappy.parquet");
    assert_eq!(
        (outcome.rows, outcome.standing(), outcome.rejects.len()),
        (119_307, 119_307, 0),
        "{:?}",
        outcome.rejects.first()
    );
    assert_eq!(outcome.sum("line_item_unblended_cost"), "4064.4831315379");
}
