//! The `rejects` table: rows and cells that were set aside, with their place and the money at stake.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::error::LakeError;

/// Name of the table, one per tenant and provider.
pub const REJECTS_TABLE: &str = "rejects";

/// One row or cell that was set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectRow {
    /// The input file, as a path below the source.
    pub file: String,
    /// Data rows before it in the file.
    pub row: Option<i64>,
    /// Offset in the decompressed file.
    pub byte: Option<i64>,
    /// The column, as the input spells it.
    pub column_name: Option<String>,
    /// A stable dotted name.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether the whole row was left out, or one cell became null.
    pub whole_row: bool,
    /// The money the row carries, in units of 10^-18, where it could be read.
    pub amount: Option<i128>,
    /// Its currency.
    pub currency: Option<String>,
}

/// Schema of the `rejects` table, without partition columns.
#[must_use]
pub fn rejects_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("file", DataType::Utf8, true),
        Field::new("row", DataType::Int64, true),
        Field::new("byte", DataType::Int64, true),
        Field::new("column_name", DataType::Utf8, true),
        Field::new("code", DataType::Utf8, true),
        Field::new("message", DataType::Utf8, true),
        Field::new("whole_row", DataType::Boolean, true),
        Field::new("amount", DataType::Decimal128(38, 18), true),
        Field::new("currency", DataType::Utf8, true),
    ]))
}

/// Rows of the `rejects` table, in the order given.
///
/// # Errors
/// When an amount does not fit 38 digits.
pub fn rejects_batch(rows: &[RejectRow]) -> Result<RecordBatch, LakeError> {
    let (mut file, mut column, mut code) = (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut message, mut currency) = (StringBuilder::new(), StringBuilder::new());
    let (mut row, mut byte, mut whole) = (Int64Builder::new(), Int64Builder::new(), BooleanBuilder::new());
    let mut amount = Decimal128Builder::new().with_data_type(DataType::Decimal128(38, 18));
    for reject in rows {
        file.append_value(&reject.file);
        row.append_option(reject.row);
        byte.append_option(reject.byte);
        column.append_option(reject.column_name.as_deref());
        code.append_value(&reject.code);
        message.append_value(&reject.message);
        whole.append_value(reject.whole_row);
        amount.append_option(reject.amount);
        currency.append_option(reject.currency.as_deref());
    }
    let amount = amount.finish();
    amount.validate_decimal_precision(38).map_err(|error| LakeError::arrow(REJECTS_TABLE, error))?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(file.finish()),
        Arc::new(row.finish()),
        Arc::new(byte.finish()),
        Arc::new(column.finish()),
        Arc::new(code.finish()),
        Arc::new(message.finish()),
        Arc::new(whole.finish()),
        Arc::new(amount),
        Arc::new(currency.finish()),
    ];
    RecordBatch::try_new(rejects_schema(), columns).map_err(|error| LakeError::arrow(REJECTS_TABLE, error))
}
