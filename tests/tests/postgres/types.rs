//! Every type arrives exactly and comes back as the lake has it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    LargeStringArray, ListBuilder, MapBuilder, RecordBatch, StringArray, StringBuilder, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use costhost::plugin::manifest::TableRole;
use costhost::postgres::definition::{ColumnKind, DatabaseDefinition};
use costhost::postgres::{Database, Days, UnitRows};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::shop::{JANUARY, ONE, Place, daily, definition, publish, rows, table, texts, unit};

fn types() -> DatabaseDefinition {
    use ColumnKind::{Boolean, Date, Decimal, Float64, Int32, Int64, Json, Nested, Text, TextList, Timestamp, Uuid};
    let columns = [
        ("a_text", Text),
        ("a_json", Json),
        ("a_uuid", Uuid),
        ("a_boolean", Boolean),
        ("an_int32", Int32),
        ("an_int64", Int64),
        ("a_float", Float64),
        ("a_date", Date),
        ("a_decimal", Decimal),
        ("a_time", Timestamp),
        ("a_list", TextList),
        ("a_map", Nested),
        // A word of SQL.
        ("select", Text),
    ];
    DatabaseDefinition { tables: vec![table("types", TableRole::Summary, &columns)], lookups: vec![], ..definition() }
}

async fn publish_types(database: &Database, batches: Vec<RecordBatch>) -> Vec<String> {
    let rows = UnitRows { tables: vec![("types".into(), batches)], ..rows("l", 0, 0, 0) };
    let read = || async { Ok::<_, std::convert::Infallible>(rows.clone()) };
    database.publish(&types(), &unit("north", 1), read).await.unwrap().notes
}

async fn place() -> Place {
    let place = Place::empty().await;
    place.database.migrate(&types()).await.unwrap();
    place
}

fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, values)| (*name, Arc::clone(values), true)))
        .unwrap()
}

fn one_of_each() -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a,b"), None, Some("{\"}"), Some("")]);
    lists.append_value([None::<&str>; 0]);
    lists.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for (key, value) in [("zone", Some("x\"y")), ("aisle", None)] {
        map.keys().append_value(key);
        map.values().append_option(value);
    }
    map.append(true).unwrap();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let time = TimestampMicrosecondArray::from(vec![Some(1_735_689_600_123_456), Some(-1), None]).with_timezone("UTC");
    let decimal = Decimal128Array::from(vec![Some(-12_340_000_000_000_000_001), Some(0), None]);
    batch(&[
        ("a_text", Arc::new(StringArray::from(vec![Some("tab\there\\N"), Some(""), None]))),
        ("a_json", Arc::new(StringArray::from(vec![Some(r#"{"aa":"1","b":[1.50,null]}"#), Some("{}"), None]))),
        ("a_uuid", Arc::new(StringArray::from(vec![Some("67e55044-10b1-426f-9247-bb680e5fe0c8"), None, None]))),
        ("a_boolean", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("an_int32", Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(7), None]))),
        ("an_int64", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(-7), None]))),
        ("a_float", Arc::new(Float64Array::from(vec![Some(0.1), Some(-1.5e300), None]))),
        ("a_date", Arc::new(Date32Array::from(vec![Some(JANUARY), Some(-1), None]))),
        ("a_decimal", Arc::new(decimal.with_precision_and_scale(38, 18).unwrap())),
        ("a_time", Arc::new(time)),
        ("a_list", Arc::new(lists.finish())),
        ("a_map", Arc::new(map.finish())),
        ("select", Arc::new(StringArray::from(vec![Some("x"), None, None]))),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_and_comes_back() {
    let place = place().await;
    let sent = one_of_each();
    assert_eq!(publish_types(&place.database, vec![sent.clone()]).await, [""; 0]);
    let shown = place.sql(
        "SELECT a_text, a_json, a_uuid, a_boolean, an_int32, an_int64, a_float, a_date, a_decimal, a_time AT TIME ZONE 'UTC',
             a_list, a_map, \"select\", source_uuid IS NOT NULL, cost_entry_bill_id
         FROM types WHERE an_int64 > 0",
    );
    assert_eq!(
        shown,
        r#"tab	here\N|{"b": [1.50, null], "aa": "1"}|67e55044-10b1-426f-9247-bb680e5fe0c8|t|-2147483648|9223372036854775807|0.1|2025-01-01|-12.340000000000000001|2025-01-01 00:00:00.123456|{"a,b",NULL,"{\"}",""}|{"zone": "x\"y", "aisle": null}|x|t|5001"#
    );
    let types = types();
    let names: Vec<&str> = sent.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    let back = place.database.scan(&types.tables[0], &names, Days::default()).await.unwrap();
    let [back] = back.as_slice() else { panic!("{back:?}") };
    for (name, values) in names.iter().zip(sent.columns()) {
        let found = back.column_by_name(name).unwrap();
        if *name == "a_map" {
            let maps = StringArray::from(vec![Some(r#"{"aisle":null,"zone":"x\"y"}"#), Some("{}"), None]);
            assert_eq!(found.to_data(), maps.to_data(), "{name}");
        } else {
            assert_eq!(found.data_type(), values.data_type(), "{name}");
            assert_eq!(format!("{found:?}"), format!("{values:?}"), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_any_encoding_is_the_same() {
    let place = place().await;
    let words = vec![Some("one"), None, Some("zwölf"), Some("one")];
    let numbers = arrow::compute::cast(
        &arrow::array::PrimitiveArray::<Float64Type>::from(vec![Some(0.5), None, Some(2.0), Some(0.5)]),
        &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Float64)),
    )
    .unwrap();
    let forms: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(words.clone())),
        Arc::new(LargeStringArray::from(words.clone())),
        Arc::new(StringViewArray::from(words.clone())),
        Arc::new(words.iter().copied().collect::<arrow::array::DictionaryArray<Int32Type>>()),
        Arc::new(words.iter().copied().collect::<arrow::array::DictionaryArray<arrow::datatypes::UInt8Type>>()),
    ];
    let batches: Vec<_> =
        forms.into_iter().map(|words| batch(&[("a_text", words), ("a_float", Arc::clone(&numbers))])).collect();
    publish_types(&place.database, batches).await;
    let counts = place.sql("SELECT a_text, a_float, count(*) FROM types GROUP BY 1, 2 ORDER BY 1 NULLS LAST");
    assert_eq!(counts, "one|0.5|10\nzwölf|2|5\n||5");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_cannot_hold_is_replaced_and_said() {
    let place = place().await;
    let notes = publish_types(
        &place.database,
        vec![batch(&[
            ("a_text", texts(&["a\0b", "c"])),
            ("a_json", texts(&[r#"{"k":"\u0000\ud800"}"#, r#"{"k":"\\u0000"}"#])),
        ])],
    )
    .await;
    assert_eq!(
        place.sql("SELECT a_text, a_json FROM types ORDER BY 1"),
        "a\u{fffd}b|{\"k\": \"\u{fffd}\u{fffd}\"}\nc|{\"k\": \"\\\\u0000\"}"
    );
    assert_eq!(
        notes,
        ["table public.types: 2 values held NUL or half characters, which PostgreSQL cannot; U+FFFD stands for them"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_be_written_say_where() {
    let place = place().await;
    let cases: [(&str, ArrayRef, &str); 4] = [
        ("a_uuid", texts(&["not one"]), "table types, column a_uuid: \"not one\" is no UUID"),
        (
            "a_date",
            Arc::new(Date32Array::from(vec![i32::MIN])),
            "table types, column a_date: day -2147483648 since 1970 is no date",
        ),
        ("a_json", texts(&["{broken"]), "invalid input syntax for type json (SQLSTATE 22P02)"),
        ("a_decimal", texts(&["1"]), "table types, column a_decimal: rows have Utf8, and not decimals"),
    ];
    for (name, values, want) in cases {
        let rows = UnitRows { tables: vec![("types".into(), vec![batch(&[(name, values)])])], ..rows("l", 0, 0, 0) };
        let read = || async { Ok::<_, std::convert::Infallible>(rows.clone()) };
        let error = place.database.publish(&types(), &unit("north", 1), read).await.unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    assert_eq!(place.sql("SELECT count(*) FROM types"), "0");
}

/// A decimal as PostgreSQL should show it, made by moving digits.
fn decimal_text(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[test]
fn decimals_are_exact() {
    const LARGEST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(place());
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    // Any number of digits is as likely as any other.
    let value = (-LARGEST..=LARGEST, 0_u32..38).prop_map(|(value, fewer)| value / 10_i128.pow(fewer));
    let strategy = (
        proptest::collection::vec(
            prop_oneof![1 => Just(0), 1 => Just(LARGEST), 1 => Just(-LARGEST), 30 => value],
            1..200,
        ),
        0_i8..=38,
    );
    let done = runner.run(&strategy, |(values, scale)| {
        let column = Decimal128Array::from(values.clone()).with_precision_and_scale(38, scale).unwrap();
        let numbers = Int64Array::from_iter_values(0..values.len() as i64);
        let sent = batch(&[("an_int64", Arc::new(numbers)), ("a_decimal", Arc::new(column))]);
        let notes = runtime.block_on(publish_types(&place.database, vec![sent.clone()]));
        prop_assert!(notes.is_empty());
        let shown = place.sql("SELECT a_decimal FROM types ORDER BY an_int64");
        let want: Vec<String> = values.iter().map(|value| decimal_text(*value, scale as usize)).collect();
        prop_assert_eq!(shown.lines().collect::<Vec<_>>(), want);
        if scale == 18 {
            let back =
                runtime.block_on(place.database.scan(&types().tables[0], &["an_int64", "a_decimal"], Days::default()));
            prop_assert_eq!(back.unwrap(), vec![sent]);
        }
        Ok(())
    });
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_that_the_lake_cannot_hold_are_an_error() {
    let place = place().await;
    for (value, want) in
        [("1.0000000000000000001", "more than 18 decimals"), ("'NaN'", "no number"), ("1e20", "more than 20 digits")]
    {
        place.sql(&format!("TRUNCATE types; INSERT INTO types (a_decimal) VALUES ({value})"));
        let error =
            place.database.scan(&types().tables[0], &["a_decimal"], Days::default()).await.unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    place.sql("TRUNCATE types; INSERT INTO types (a_decimal) VALUES (1e19), (0.10)");
    place.database.scan(&types().tables[0], &["a_decimal"], Days::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_reads_the_days_that_are_asked_for() {
    let place = Place::new().await;
    publish(&place.database, &unit("north", 1), rows("l", JANUARY, 20_000, ONE)).await;
    let definition = definition();
    let shop = definition.table("shop_daily").unwrap();
    let all =
        place.database.scan(shop, &["day", "supplier", "cost", "tags", "articles"], Days::default()).await.unwrap();
    assert_eq!(all.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    let sent = daily(JANUARY, 20_000, ONE);
    let sorted = |batches: &[RecordBatch]| {
        let mut lines: Vec<String> = Vec::new();
        for batch in batches {
            let batch = batch.project(&[0, 1, 2, 3, 4]).unwrap();
            let text = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap().to_string();
            lines.extend(text.lines().skip(3).filter(|line| line.starts_with("| ")).map(|line| line.replace(' ', "")));
        }
        lines.sort();
        lines
    };
    assert_eq!(sorted(&all), sorted(&[sent]));
    let days = Days { from: Some(JANUARY + 1), until: Some(JANUARY + 3) };
    let some = place.database.scan(shop, &["day"], days).await.unwrap();
    assert_eq!(some.iter().map(RecordBatch::num_rows).sum::<usize>(), 1292);
    let none = place.database.scan(shop, &["day"], Days { from: Some(JANUARY + 400), until: None }).await.unwrap();
    assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    let error = place.database.scan(shop, &["x\"; drop table y"], Days::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "table public.shop_daily: it has no column \"x\\\"; drop table y\"");
}
