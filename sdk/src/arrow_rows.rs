//! Rows of Arrow batches, as a host decodes them from Parquet, as rows of fields.
//!
//! Values become the text that reads back as them, so that one conversion serves every form of a report.

use crate::csv::Writer;
use crate::time;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use std::fmt::Write as _;

/// A batch that can be written row by row.
pub struct Rows {
    columns: Vec<Cells>,
}

/// Appends the text of one value; nothing for a null.
type Cells = Box<dyn Fn(usize, &mut String)>;

impl Rows {
    /// Looks at the batch's columns.
    ///
    /// # Errors
    /// When a column has a type that no report has.
    pub fn new(batch: &RecordBatch) -> Result<Rows, ArrowError> {
        let columns = batch.columns().iter().map(cells).collect::<Result<_, _>>()?;
        Ok(Rows { columns })
    }

    /// Writes one row. Returns the bytes that wait in the writer.
    ///
    /// # Errors
    /// None so far.
    pub fn write(&self, row: usize, writer: &mut Writer) -> Result<usize, ArrowError> {
        let mut text = String::new();
        for cells in &self.columns {
            text.clear();
            cells(row, &mut text);
            writer.field(text.as_bytes());
        }
        Ok(writer.end_row())
    }
}

/// Appends the text of values of a column that are not null.
fn cells(column: &ArrayRef) -> Result<Cells, ArrowError> {
    let nulls = column.logical_nulls();
    let values = values(column)?;
    Ok(match nulls {
        None => values,
        Some(nulls) => Box::new(move |row, out| {
            if nulls.is_valid(row) {
                values(row, out);
            }
        }),
    })
}

macro_rules! displayed {
    ($column:expr, $kind:ty) => {{
        let array = $column.as_primitive::<$kind>().clone();
        Box::new(move |row, out: &mut String| {
            let _ = write!(out, "{}", array.value(row));
        })
    }};
}

fn values(column: &ArrayRef) -> Result<Cells, ArrowError> {
    Ok(match column.data_type() {
        DataType::Null => Box::new(|_, _| {}),
        DataType::Utf8 => {
            let array = column.as_string::<i32>().clone();
            Box::new(move |row, out| out.push_str(array.value(row)))
        }
        DataType::LargeUtf8 => {
            let array = column.as_string::<i64>().clone();
            Box::new(move |row, out| out.push_str(array.value(row)))
        }
        DataType::Utf8View => {
            let array = column.as_string_view().clone();
            Box::new(move |row, out| out.push_str(array.value(row)))
        }
        DataType::Boolean => {
            let array = column.as_boolean().clone();
            Box::new(move |row, out| out.push_str(if array.value(row) { "true" } else { "false" }))
        }
        DataType::Int8 => displayed!(column, Int8Type),
        DataType::Int16 => displayed!(column, Int16Type),
        DataType::Int32 => displayed!(column, Int32Type),
        DataType::Int64 => displayed!(column, Int64Type),
        DataType::UInt8 => displayed!(column, UInt8Type),
        DataType::UInt16 => displayed!(column, UInt16Type),
        DataType::UInt32 => displayed!(column, UInt32Type),
        DataType::UInt64 => displayed!(column, UInt64Type),
        // The shortest text that reads back; in scientific notation it is short for every double.
        DataType::Float32 => float(column.as_primitive::<Float32Type>().clone()),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().clone()),
        DataType::Decimal128(_, scale) => {
            let (array, scale) = (column.as_primitive::<Decimal128Type>().clone(), *scale);
            Box::new(move |row, out| {
                let _ = write!(out, "{}e{}", array.value(row), -i32::from(scale));
            })
        }
        DataType::Decimal256(_, scale) => {
            let (array, scale) = (column.as_primitive::<Decimal256Type>().clone(), *scale);
            Box::new(move |row, out| {
                let _ = write!(out, "{}e{}", array.value(row), -i32::from(scale));
            })
        }
        DataType::Timestamp(unit, _) => timestamps(column, *unit),
        DataType::Date32 => {
            let array = column.as_primitive::<Date32Type>().clone();
            Box::new(move |row, out| time::format(i64::from(array.value(row)) * 86_400_000_000, out))
        }
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let (keys, values) = (dictionary.normalized_keys(), cells(dictionary.values())?);
            Box::new(move |row, out| {
                if let Some(key) = keys.get(row) {
                    values(*key, out);
                }
            })
        }
        DataType::Map(..) => map(column)?,
        DataType::Struct(_) => structs(column)?,
        other => {
            return Err(ArrowError::NotYetImplemented(format!("columns of type {other} in a report")));
        }
    })
}

fn float<T: ArrowPrimitiveType>(array: arrow_array::PrimitiveArray<T>) -> Cells
where
    T::Native: std::fmt::LowerExp,
{
    Box::new(move |row, out| {
        let _ = write!(out, "{:e}", array.value(row));
    })
}

fn timestamps(column: &ArrayRef, unit: TimeUnit) -> Cells {
    macro_rules! scaled {
        ($kind:ty, $to_micros:expr) => {{
            let array = column.as_primitive::<$kind>().clone();
            Box::new(move |row, out: &mut String| time::format($to_micros(array.value(row)), out))
        }};
    }
    match unit {
        TimeUnit::Second => scaled!(TimestampSecondType, |v: i64| v.saturating_mul(1_000_000)),
        TimeUnit::Millisecond => scaled!(TimestampMillisecondType, |v: i64| v.saturating_mul(1_000)),
        TimeUnit::Microsecond => scaled!(TimestampMicrosecondType, |v: i64| v),
        TimeUnit::Nanosecond => scaled!(TimestampNanosecondType, |v: i64| v.div_euclid(1_000)),
    }
}

/// A map as a JSON object of texts.
fn map(column: &ArrayRef) -> Result<Cells, ArrowError> {
    let array = column.as_map().clone();
    let (keys, present, values) = (cells(array.keys())?, array.values().logical_nulls(), cells(array.values())?);
    Ok(Box::new(move |row, out| {
        let offsets = array.value_offsets();
        let range = offsets.get(row).copied().unwrap_or(0)..offsets.get(row + 1).copied().unwrap_or(0);
        let entries = range.map(|at| at as usize).filter(|at| present.as_ref().is_none_or(|nulls| nulls.is_valid(*at)));
        object(out, entries.map(|at| (&keys, &values, at)));
    }))
}

/// A structure as a JSON object of texts.
fn structs(column: &ArrayRef) -> Result<Cells, ArrowError> {
    let array = column.as_struct();
    let mut members: Vec<(Cells, Cells)> = Vec::new();
    for (name, column) in array.column_names().iter().zip(array.columns()) {
        let name = (*name).to_owned();
        members.push((Box::new(move |_, out| out.push_str(&name)), cells(column)?));
    }
    Ok(Box::new(move |row, out| object(out, members.iter().map(|(name, value)| (name, value, row)))))
}

fn object<'a>(out: &mut String, members: impl Iterator<Item = (&'a Cells, &'a Cells, usize)>) {
    let quoted = |out: &mut String, text: &str| {
        if let Ok(json) = serde_json::to_string(text) {
            out.push_str(&json);
        }
    };
    let (mut text, mut first) = (String::new(), true);
    out.push('{');
    for (key, value, at) in members {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        for (cells, end) in [(key, ":"), (value, "")] {
            text.clear();
            cells(at, &mut text);
            quoted(out, &text);
            out.push_str(end);
        }
    }
    out.push('}');
}
