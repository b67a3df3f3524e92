//! The probe's tables as Arrow IPC.

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int8Type;
use arrow_array::{Array, ArrayRef, Decimal128Array, NullArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema, TimeUnit};

/// A whole unit of a decimal with 18 places.
const UNIT: i128 = 1_000_000_000_000_000_000;

/// One line of input.
pub(crate) struct Line {
    /// Before the comma.
    pub(crate) account: String,
    /// After it, in units of 10^-18.
    pub(crate) amount: i128,
}

impl Line {
    /// A line, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (account, amount) = text.split_once(',')?;
        Some(Self { account: account.into(), amount: amount.trim().parse::<i128>().ok()?.checked_mul(UNIT)? })
    }
}

fn decimal() -> DataType {
    DataType::Decimal128(38, 18)
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Table 0.
pub(crate) fn line_schema() -> Schema {
    Schema::new(vec![
        Field::new("account", DataType::Utf8, false),
        Field::new("amount", decimal(), false),
        Field::new("currency", DataType::Utf8, false),
        Field::new("at", time(), false),
        Field::new("note", DataType::Utf8, true),
    ])
}

/// Table 1.
pub(crate) fn total_schema() -> Schema {
    Schema::new(vec![
        Field::new("account", DataType::Utf8, false),
        Field::new("amount", decimal(), false),
        Field::new("currency", DataType::Utf8, false),
    ])
}

/// A stream without batches.
pub(crate) fn empty(schema: &Schema) -> Vec<u8> {
    stream(schema, &[])
}

/// One batch of lines: accounts as a narrow dictionary, notes as nulls.
pub(crate) fn lines(lines: &[Line]) -> Vec<u8> {
    let mut accounts = StringDictionaryBuilder::<Int8Type>::new();
    lines.iter().for_each(|line| accounts.append_value(&line.account));
    let accounts: ArrayRef = Arc::new(accounts.finish());
    let columns: Vec<ArrayRef> = vec![
        accounts,
        amounts(lines.iter().map(|line| line.amount)),
        Arc::new(StringArray::from_iter_values(lines.iter().map(|_| "USD"))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(lines.iter().map(|_| 0)).with_timezone("UTC")),
        Arc::new(NullArray::new(lines.len())),
    ];
    batch(&line_schema(), columns)
}

/// One batch of totals.
pub(crate) fn totals<'a>(totals: impl Iterator<Item = (&'a String, &'a i128)> + Clone) -> Vec<u8> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(totals.clone().map(|(account, _)| account))),
        amounts(totals.clone().map(|(_, amount)| *amount)),
        Arc::new(StringArray::from_iter_values(totals.map(|_| "USD"))),
    ];
    batch(&total_schema(), columns)
}

/// A batch under a schema whose types follow the arrays.
pub(crate) fn batch(schema: &Schema, columns: Vec<ArrayRef>) -> Vec<u8> {
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> = fields
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), field.is_nullable()))
        .collect();
    let schema = Schema::new(fields);
    let batch = RecordBatch::try_new(Arc::new(schema.clone()), columns);
    stream(&schema, &batch.into_iter().collect::<Vec<_>>())
}

fn amounts(amounts: impl Iterator<Item = i128>) -> ArrayRef {
    let amounts = Decimal128Array::from_iter_values(amounts).with_precision_and_scale(38, 18);
    amounts.map_or_else(|_| Arc::new(NullArray::new(0)) as ArrayRef, |amounts| Arc::new(amounts) as ArrayRef)
}

fn stream(schema: &Schema, batches: &[RecordBatch]) -> Vec<u8> {
    let written = StreamWriter::try_new(Vec::new(), schema).and_then(|mut writer| {
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.into_inner()
    });
    written.unwrap_or_default()
}
