//! Rows coming from a plugin: nothing is used before it has been checked in full.
//!
//! First the frames ([`super::ipc_frames`]), then the schema against the declared one, then every value by Arrow's own
//! validation, which is never skipped. What passes keeps the encoding it came in; only `Null` columns, which few readers
//! know, get the declared type.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::imports::log::printable;
use super::ipc_frames;
use super::null_columns::{self, NullColumns};

/// Longest problem that is shown; Arrow's own messages may quote a whole schema.
const MAX_PROBLEM: usize = 600;

/// Reads values of one instance.
#[derive(Debug, Default)]
pub(super) struct Intake {
    nulls: NullColumns,
}

impl Intake {
    /// The batches of one IPC value, each holding to the declared schema.
    pub(super) fn read(&mut self, bytes: Vec<u8>, declared: &SchemaRef) -> Result<Vec<RecordBatch>, String> {
        guarded(|| {
            let sent = ipc_frames::check(&bytes)?;
            let schema = Arc::new(fit(declared, &sent)?);
            let batches = decode(bytes)?;
            batches.into_iter().map(|batch| self.accept(batch, &schema)).collect()
        })
    }

    fn accept(&mut self, batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, String> {
        let rows = batch.num_rows();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (column, field) in batch.columns().iter().zip(schema.fields()) {
            if column.data_type() == &DataType::Null {
                columns.push(self.nulls.column(field, rows)?);
                continue;
            }
            check_values(column, field)?;
            columns.push(Arc::clone(column));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| error.to_string())
    }
}

/// The schema of a stream without batches, as a manifest declares one.
pub(super) fn read_schema(bytes: &[u8]) -> Result<Schema, String> {
    guarded(|| {
        let schema = ipc_frames::check(bytes)?;
        if decode(bytes.to_vec())?.is_empty() { Ok(schema) } else { Err("a schema with rows".to_owned()) }
    })
}

/// Writes batches of one schema as an IPC stream, the form in which a plugin is given rows.
///
/// # Errors
/// When a batch does not have this schema.
pub fn encode_ipc(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

/// Arrow's reader panics on some malformed input; that is the plugin's fault and must not take the host down.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|problem| printable(&problem, MAX_PROBLEM)),
        Err(_) => Err("malformed Arrow data".to_owned()),
    }
}

fn decode(bytes: Vec<u8>) -> Result<Vec<RecordBatch>, String> {
    let mut buffer = Buffer::from_vec(bytes);
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    while let Some(batch) = decoder.decode(&mut buffer).map_err(|error| error.to_string())? {
        batches.push(batch);
    }
    decoder.finish().map_err(|error| error.to_string())?;
    Ok(batches)
}

/// The schema that accepted batches get: declared names and nullability, sent encodings.
fn fit(declared: &Schema, sent: &Schema) -> Result<Schema, String> {
    let count = declared.fields().len();
    if sent.fields().len() != count {
        return Err(format!("{} columns were sent and {count} are declared", sent.fields().len()));
    }
    let mut fields = Vec::with_capacity(count);
    for (index, (declared, sent)) in declared.fields().iter().zip(sent.fields()).enumerate() {
        if declared.name() != sent.name() {
            return Err(format!("column {index} is `{}` and is declared as `{}`", sent.name(), declared.name()));
        }
        let taken = match (declared.data_type(), sent.data_type()) {
            (declared_type, DataType::Null) => null_columns::held_as(declared_type),
            (declared_type, sent_type) if fits(declared_type, sent_type) => sent_type.clone(),
            (declared_type, sent_type) => {
                let name = declared.name();
                return Err(format!("column `{name}` was sent as {sent_type} and is declared as {declared_type}"));
            }
        };
        fields.push(
            Field::new(declared.name(), taken, declared.is_nullable()).with_metadata(declared.metadata().clone()),
        );
    }
    Ok(Schema::new_with_metadata(fields, declared.metadata().clone()))
}

/// Whether a sent type stands for a declared one: the same, but that text may be a dictionary. `Null` is looked at before.
fn fits(declared: &DataType, sent: &DataType) -> bool {
    let child = |declared: &Field, sent: &Field| {
        declared.name() == sent.name()
            && declared.is_nullable() == sent.is_nullable()
            && fits(declared.data_type(), sent.data_type())
    };
    match (declared, sent) {
        (DataType::Utf8, DataType::Dictionary(key, value)) => key.is_integer() && **value == DataType::Utf8,
        (DataType::List(declared), DataType::List(sent)) => child(declared, sent),
        (DataType::Map(declared, declared_sorted), DataType::Map(sent, sent_sorted)) => {
            declared_sorted == sent_sorted && child(declared, sent)
        }
        (DataType::Struct(declared), DataType::Struct(sent)) => {
            declared.len() == sent.len() && declared.iter().zip(sent).all(|(declared, sent)| child(declared, sent))
        }
        _ => declared == sent,
    }
}

/// What Arrow's validation leaves open: nulls where none are allowed, and decimals beyond their precision.
fn check_values(column: &ArrayRef, field: &Field) -> Result<(), String> {
    if !field.is_nullable() && column.logical_null_count() > 0 {
        return Err(format!("column `{}` holds nulls and is declared without", field.name()));
    }
    match column.data_type() {
        DataType::Decimal128(precision, _) => column
            .as_primitive::<Decimal128Type>()
            .validate_decimal_precision(*precision)
            .map_err(|_| format!("column `{}` holds a number beyond its {precision} digits", field.name())),
        DataType::List(item) => check_values(column.as_list::<i32>().values(), item),
        DataType::Map(_, _) => {
            let map = column.as_map();
            map.entries()
                .columns()
                .iter()
                .zip(map.entries().fields())
                .try_for_each(|(child, field)| check_values(child, field))
        }
        DataType::Struct(fields) => {
            // A null struct may hold anything in its children, so only their values are looked at, not their nulls.
            let children = column.as_struct().columns().iter().zip(fields);
            children.into_iter().try_for_each(|(child, field)| {
                check_values(child, &Field::new(field.name(), field.data_type().clone(), true))
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
