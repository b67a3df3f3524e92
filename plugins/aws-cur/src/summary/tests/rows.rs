//! Line items for tests, written as name and text.

use crate::columns::line_items_schema;
use crate::manifest::{ACCOUNTS, BILLS, DAILY, KEYS};
use crate::summary::DailySummary;
use crate::summary::columns::{DAILY_SUMMARY, daily_summary_schema};
use crate::tables::{aliases_schema, bill_schema};
use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type,
    UInt16Type,
};
use arrow_array::{
    Array, ArrayRef, Decimal128Array, DictionaryArray, MapArray, NullArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use costhost_sdk::contract::{Period, Task};
use costhost_sdk::tag_keys;
use costhost_sdk::{Accumulate, decimal, time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Column and value; maps are written `key=value;key=value`.
pub(super) type Row = Vec<(&'static str, String)>;

/// A row with everything a row must have.
pub(super) fn row(cells: &[(&'static str, &str)]) -> Row {
    let mut row: Row = vec![
        ("line_item_usage_start_date", "2025-01-02T03:00:00Z".to_owned()),
        ("line_item_currency_code", "USD".to_owned()),
    ];
    for (name, value) in cells {
        row.retain(|(known, _)| known != name);
        row.push((name, (*value).to_owned()));
    }
    row
}

/// How texts of a batch are encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coding {
    Plain,
    Byte,
    Short,
    Word,
}

/// Rows as a batch of line items.
pub(super) fn batch(rows: &[Row], coding: Coding) -> RecordBatch {
    let schema = line_items_schema();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema.fields() {
        let cells: Vec<Option<&str>> = rows
            .iter()
            .map(|row| row.iter().find(|(name, _)| name == field.name()).map(|(_, value)| value.as_str()))
            .collect();
        columns.push(match field.data_type() {
            _ if cells.iter().all(Option::is_none) && coding != Coding::Plain => Arc::new(NullArray::new(rows.len())),
            DataType::Utf8 => texts(&cells, coding),
            DataType::Decimal128(..) => {
                let value = |cell: &Option<&str>| cell.map(|text| decimal::parse(text.as_bytes()).unwrap().value);
                let values: Decimal128Array = cells.iter().map(value).collect();
                Arc::new(values.with_precision_and_scale(38, 18).unwrap())
            }
            DataType::Timestamp(..) => {
                let value = |cell: &Option<&str>| cell.map(|text| time::parse(text.as_bytes()).unwrap());
                Arc::new(cells.iter().map(value).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            _ => maps(&cells, coding),
        });
    }
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn texts(cells: &[Option<&str>], coding: Coding) -> ArrayRef {
    fn coded<K: ArrowDictionaryKeyType>(cells: &[Option<&str>]) -> ArrayRef {
        Arc::new(cells.iter().copied().collect::<DictionaryArray<K>>())
    }
    match coding {
        Coding::Plain => Arc::new(cells.iter().copied().collect::<StringArray>()),
        Coding::Byte => coded::<UInt8Type>(cells),
        Coding::Short => coded::<UInt16Type>(cells),
        Coding::Word => coded::<Int32Type>(cells),
    }
}

fn maps(cells: &[Option<&str>], coding: Coding) -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for cell in cells {
        for entry in cell.iter().flat_map(|cell| cell.split(';')).filter(|entry| !entry.is_empty()) {
            let (key, value) = entry.split_once('=').unwrap();
            builder.keys().append_value(key);
            builder.values().append_value(value);
        }
        builder.append(cell.is_some()).unwrap();
    }
    let map = builder.finish();
    if coding == Coding::Plain {
        return Arc::new(map);
    }
    let entries: Vec<ArrayRef> = [map.keys(), map.values()]
        .map(|side| texts(&side.as_string::<i32>().iter().collect::<Vec<_>>(), coding))
        .into();
    let fields = ["keys", "values"]
        .iter()
        .zip(&entries)
        .map(|(name, side)| Field::new(*name, side.data_type().clone(), *name == "values"));
    let entries = StructArray::new(fields.collect(), entries, None);
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Arc::new(MapArray::new(field, map.offsets().clone(), entries, map.nulls().cloned(), false))
}

/// An accumulator with these settings.
pub(super) fn open(settings: &str) -> DailySummary {
    open_in(settings, Period { start: 0, end: 1 })
}

/// One for a unit of this period.
pub(super) fn open_in(settings: &str, period: Period) -> DailySummary {
    let task = Task {
        summary: DAILY_SUMMARY.to_owned(),
        settings: settings.to_owned(),
        now: 0,
        source: String::new(),
        period,
    };
    DailySummary::open(&task).unwrap()
}

/// A row of the result: every column that is not null, as text.
pub(super) type Result = BTreeMap<String, String>;

/// The whole daily summary.
pub(super) fn pulled(accumulator: DailySummary) -> Vec<Result> {
    table(crate::manifest::DAILY, &everything(accumulator))
}

/// The rows of one table.
pub(super) fn table(table: u32, rows: &[(u32, Result)]) -> Vec<Result> {
    rows.iter().filter(|(of, _)| *of == table).map(|(_, row)| row.clone()).collect()
}

/// Rows of all tables, each with its table.
pub(super) fn everything(mut accumulator: DailySummary) -> Vec<(u32, Result)> {
    accumulator.complete().unwrap();
    let mut rows = Vec::new();
    while let Some((table, batch)) = accumulator.pull().unwrap() {
        let declared = match table {
            DAILY => daily_summary_schema(),
            BILLS => bill_schema(),
            KEYS => tag_keys::schema(),
            ACCOUNTS => aliases_schema(),
            other => panic!("rows of table {other}"),
        };
        assert_eq!(batch.schema(), declared);
        rows.extend((0..batch.num_rows()).map(|row| (table, result(&batch, row))));
    }
    rows
}

fn result(batch: &RecordBatch, row: usize) -> Result {
    let schema = batch.schema();
    let known = schema.fields().iter().zip(batch.columns()).filter(|(_, column)| !column.is_null(row));
    known.map(|(field, column)| (field.name().clone(), text(column, row))).collect()
}

fn text(column: &ArrayRef, row: usize) -> String {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row).to_string(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(row);
            list.as_string::<i32>().iter().map(|id| id.unwrap().to_owned()).collect::<Vec<_>>().join(",")
        }
        _ => decimal::format(column.as_primitive::<Decimal128Type>().value(row)),
    }
}

/// The result of folding rows at once.
pub(super) fn folded(settings: &str, rows: &[Row]) -> Vec<Result> {
    let mut accumulator = open(settings);
    accumulator.update(&batch(rows, Coding::Byte)).unwrap();
    pulled(accumulator)
}

/// The only row of the result of one line.
pub(super) fn line(cells: &[(&'static str, &str)]) -> Result {
    let mut result = folded("", &[row(cells)]);
    assert_eq!(result.len(), 1);
    result.remove(0)
}
