//! Every number of the daily summary, against Python's computation from the same CSV.

use std::collections::BTreeMap;

use costhost_tests::program::{expected, shared};
use serde_json::Value;

const TABLE: &str = "reporting_awscostentrylineitem_daily_summary";
const KEY: [&str; 11] = [
    "usage_start",
    "usage_account_id",
    "product_code",
    "product_family",
    "availability_zone",
    "region",
    "instance_type",
    "unit",
    "tags",
    "cost_category",
    "currency_code",
];
const NUMBERS: [&str; 18] = [
    "usage_amount",
    "normalization_factor",
    "normalized_usage_amount",
    "unblended_rate",
    "unblended_cost",
    "markup_cost",
    "blended_rate",
    "blended_cost",
    "markup_cost_blended",
    "savingsplan_effective_cost",
    "markup_cost_savingsplan",
    "calculated_amortized_cost",
    "markup_cost_amortized",
    "public_on_demand_cost",
    "public_on_demand_rate",
    "amortized_cost",
    "trueup_cost",
    "upfront_cost",
];

fn by_key(rows: Vec<Value>) -> BTreeMap<String, Value> {
    let count = rows.len();
    let key = |row: &Value| KEY.map(|column| row[column].to_string()).join("|");
    let map: BTreeMap<String, Value> = rows.into_iter().map(|row| (key(&row), row)).collect();
    assert_eq!(map.len(), count, "a group key stands twice");
    map
}

#[test]
fn every_column_of_the_daily_summary_is_exact() {
    let costhost = super::costhost();
    costhost.receipt(&[&shared("aws/nise"), "--source-name", "nise", "--markup", "12.5"]);
    for (month, name) in [("10", "nise-2025-10"), ("11", "nise-2025-11")] {
        let ours = by_key(costhost.sql(&format!("select * from {TABLE} where month = '{month}'")));
        let lines = expected("daily_summary.jsonl");
        let all = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let theirs = by_key(all.filter(|row| row["report"] == name).collect());
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "groups of {name}");
        for (key, wanted) in &theirs {
            let row = &ours[key];
            for column in NUMBERS {
                assert_eq!(row[column], wanted.get(column).cloned().unwrap_or(Value::Null), "{column} of {key}");
            }
            assert_eq!(row["usage_end"], wanted["usage_end"]);
            assert_eq!(row["resource_ids"], wanted["resource_ids"], "resource_ids of {key}");
            assert_eq!(row["resource_count"].to_string().trim_matches('"'), wanted["resource_count"].to_string());
            assert!(row["net_unblended_cost"].is_null() && row["net_amortized_cost"].is_null(), "no net columns there");
            assert_eq!(row["source"], "nise/111111111111-cur");
        }
    }
}

#[test]
fn unblended_is_amortized_plus_trueup_plus_upfront_in_a_generated_month() {
    let costhost = super::costhost();
    let bucket = costhost.folder().join("bucket");
    super::lifecycle::generate(&bucket, "2026-01..2026-02", 5_000, 7);
    let receipt = costhost.receipt(&[bucket.to_str().unwrap()]);
    for period in receipt["periods"].as_array().unwrap() {
        let identities = period["identities"].as_array().unwrap();
        assert!(!identities.is_empty());
        assert!(identities.iter().all(|identity| identity["holds"] == true), "{identities:?}");
    }
}

#[test]
fn only_enabled_tag_keys_split_the_summary() {
    let costhost = super::costhost();
    costhost.receipt(&[&shared("aws/nise"), "--source-name", "nise", "--tags", "app"]);
    let tags = costhost.sql(&format!("select distinct tags from {TABLE}"));
    assert!(tags.iter().any(|row| row["tags"].as_str().unwrap().contains("\"app\"")));
    assert!(tags.iter().all(|row| !row["tags"].as_str().unwrap().contains("environment")), "{tags:?}");
    let total = costhost
        .sql(&format!("select sum(cast(unblended_cost as decimal(76,18))) as cost from {TABLE} where month = '10'"));
    assert_eq!(total[0]["cost"], "2189.11620425530128");
}
