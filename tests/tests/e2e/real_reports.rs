//! Every shape of report that others made comes out with the row counts and exact totals that Python computes from it.

use costhost_tests::program::{expected, shared};
use serde_json::Value;

/// Loads `path` and compares what is in the lake with `totals.json`, under the names the expectation has there, in the
/// order of the lake's periods.
fn check(path: &str, expectations: &[&str]) -> Value {
    let costhost = super::costhost();
    let receipt = costhost.receipt(&[&shared(path), "--source-name", "test"]);
    let rows = costhost.sql(
        "select year, month, count(*) as n, sum(cast(line_item_unblended_cost as decimal(76,18))) as unblended, \
         sum(cast(line_item_blended_cost as decimal(76,18))) as blended, \
         sum(cast(line_item_usage_amount as decimal(76,18))) as usage from line_items group by 1, 2 order by 1, 2",
    );
    assert_eq!(rows.len(), expectations.len(), "periods of {path}: {rows:?}");
    let all: Value = serde_json::from_str(&expected("totals.json")).unwrap();
    for (row, name) in rows.iter().zip(expectations) {
        let wanted = &all[*name];
        assert_eq!(row["n"].to_string().trim_matches('"'), wanted["rows"].to_string(), "rows of {name}");
        for column in ["unblended", "blended", "usage"] {
            assert_eq!(row[column], wanted[column], "{column} of {name}");
        }
    }
    receipt
}

#[test]
fn the_parquet_report_that_aws_wrote_in_2018_10() {
    let receipt = check("aws/cur1-parquet", &["cur1-parquet"]);
    assert_eq!(receipt["rows"], 119_307);
    assert_eq!(receipt["totals"]["line_item_unblended_cost"]["USD"], "4064.4831315379");
}

#[test]
fn the_anonymized_csv_with_half_its_costs_in_scientific_notation() {
    check("aws/cur1-slash-csv/anonymized.csv", &["cur1-slash-csv"]);
}

#[test]
fn the_bucket_whose_report_keys_begin_with_a_slash_and_whose_costs_have_20_decimals() {
    let receipt = check("aws/cur1-bucket", &["cur1-bucket"]);
    let notes = receipt["periods"][0]["notes"].to_string();
    assert!(notes.contains("manifest"), "the header's surplus over the manifest is reported: {notes}");
}

#[test]
fn the_zip_bucket() {
    check("aws/cur1-zip/mock-cur-bucket", &["cur1-zip"]);
}

#[test]
fn the_data_export_bucket() {
    check("aws/cur2-csv/mock-cur-v2-bucket", &["cur2-csv"]);
}

#[test]
fn the_generated_bucket_of_two_months() {
    let receipt = check("aws/nise", &["nise-2025-10", "nise-2025-11"]);
    // The generator shifts four words into number columns of 48 rows: each is set aside, none becomes a 0.
    let october = receipt["periods"].as_array().unwrap().iter().find(|p| p["period"] == "2025-10").unwrap();
    assert_eq!(october["rejects"], 192);
}

#[test]
fn cur_2_as_csv_and_as_parquet_give_what_version_1_gives() {
    check("aws/nise-cur2-like/October-2025-cur2.csv.gz", &["nise-cur2-2025-10-csv"]);
    check("aws/nise-cur2-like/November-2025-cur2.csv.gz", &["nise-cur2-2025-11-csv"]);
    check("aws/nise-cur2-like/October-2025-cur2.parquet", &["nise-cur2-2025-10-parquet"]);
    check("aws/nise-cur2-like/November-2025-cur2.parquet", &["nise-cur2-2025-11-parquet"]);
}
