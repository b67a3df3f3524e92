//! Reports and SQL over small tables, checked down to the last digit.

mod reports;
mod sql;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::{Answer, Format, render};
use crate::plugin::manifest::{Aggregate, Dimension, Measure, ReportDefinition, Unit};

const ONE: i128 = 1_000_000_000_000_000_000;

/// Day (of November 2025, from 1), service, region, tags, currency, cost and usage in 10^-18, unit, resources.
type Row = (
    i32,
    Option<&'static str>,
    &'static str,
    Option<&'static str>,
    &'static str,
    i128,
    i128,
    &'static str,
    &'static [&'static str],
);

const ROWS: [Row; 7] = [
    (1, Some("AmazonEC2"), "us-east-1", Some(r#"{"app":"web"}"#), "USD", ONE + 1, ONE, "Hrs", &["i-1", "i-2"]),
    (1, Some("AmazonEC2"), "eu-west-1", Some(r#"{"app":"db","n":2}"#), "USD", 2 * ONE, ONE, "Hrs", &["i-2"]),
    (2, Some("AmazonS3"), "us-east-1", Some("{}"), "USD", -ONE / 8, ONE / 3, "GB-Mo", &[]),
    (2, None, "us-east-1", None, "USD", 5 * ONE, 0, "Hrs", &["x"]),
    (3, Some("AmazonEC2"), "us-east-1", Some(r#"{"app":"web"}"#), "EUR", 7 * ONE / 2, ONE, "Hrs", &["i-9"]),
    (30, Some("it's; DROP TABLE x --"), "us-east-1", Some(r#"{"a\"'b":"q"}"#), "USD", ONE / 200, 0, "Hrs", &[]),
    (31, Some("AmazonS3"), "us-east-1", Some("not json"), "USD", ONE / 1000, ONE, "GB-Mo", &[]),
];

fn decimals(values: impl Iterator<Item = i128>) -> ArrayRef {
    let values = Decimal128Array::from_iter_values(values).with_precision_and_scale(38, 18);
    Arc::new(values.unwrap())
}

fn costs() -> Arc<dyn TableProvider> {
    costs_of(&ROWS)
}

fn costs_of(rows: &[Row]) -> Arc<dyn TableProvider> {
    let mut resources = ListBuilder::new(StringBuilder::new());
    for row in rows {
        resources.append_value(row.8.iter().map(|id| Some(*id)));
    }
    let regions: DictionaryArray<Int32Type> = rows.iter().map(|row| row.2).collect();
    // 2025-11-01 is day 20,393.
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("usage_start", Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| 20_392 + row.0)))),
        ("product_code", Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>())),
        ("region", Arc::new(regions)),
        ("tags", Arc::new(rows.iter().map(|row| row.3).collect::<StringArray>())),
        ("currency_code", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.4)))),
        ("unblended_cost", decimals(rows.iter().map(|row| row.5))),
        ("usage_amount", decimals(rows.iter().map(|row| row.6))),
        ("unit", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.7)))),
        ("resource_ids", Arc::new(resources.finish())),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, array)| array).collect());
    Arc::new(MemTable::try_new(schema, vec![vec![batch.unwrap()]]).unwrap())
}

fn definition() -> ReportDefinition {
    let dimension = |name: &str, column: &str| Dimension {
        name: name.to_owned(),
        column: column.to_owned(),
        title: name.to_owned(),
    };
    let measure = |name: &str, column: &str, aggregate, unit| Measure {
        name: name.to_owned(),
        column: column.to_owned(),
        title: name.to_owned(),
        aggregate,
        unit,
    };
    let money = || Unit::Currency("currency_code".to_owned());
    ReportDefinition {
        name: "costs".to_owned(),
        title: "Costs".to_owned(),
        table: "daily".to_owned(),
        time: "usage_start".to_owned(),
        dimensions: vec![dimension("service", "product_code"), dimension("region", "region")],
        measures: vec![
            measure("cost", "unblended_cost", Aggregate::Sum, money()),
            measure("highest", "unblended_cost", Aggregate::Max, money()),
            measure("usage", "usage_amount", Aggregate::Sum, Unit::Column("unit".to_owned())),
            measure("resources", "resource_ids", Aggregate::CountDistinct, Unit::None),
            measure("services", "product_code", Aggregate::CountDistinct, Unit::None),
        ],
        clauses: Vec::new(),
        tags: Some("tags".to_owned()),
    }
}

fn text(answer: &Answer, format: Format) -> String {
    let mut out = Vec::new();
    render(answer, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_fixture_spans_what_it_says() {
    let types: Vec<DataType> = costs().schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert!(types.contains(&DataType::Decimal128(38, 18)));
    assert!(types.iter().any(|data_type| matches!(data_type, DataType::Dictionary(_, _))));
}
