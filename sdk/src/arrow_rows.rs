//! Rows of Arrow batches, as a host decodes them from Parquet, as rows of fields.
//!
//! Values become the text that reads back as them, so that one conversion serves every form of a report.

use crate::csv::Writer;
use crate::time;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use std::fmt::Write as _;

/// A batch that can be written row by row.
pub struct Rows {
    columns: Vec<Cells>,
}

/// Appends the text of one value; nothing for a null.
pub(crate) type Cells = Box<dyn Fn(usize, &mut String)>;

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
pub(crate) fn cells(column: &ArrayRef) -> Result<Cells, ArrowError> {
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
            Box::new(move |row, out| {
                time::format(i64::from(array.value(row)).saturating_mul(86_400_000_000), out);
            })
        }
        DataType::Dictionary(key, _) => dictionary(column, key)?,
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

/// Values by key. A dictionary may be empty: then every row is null, and no key is ever looked at.
fn dictionary(column: &ArrayRef, key: &DataType) -> Result<Cells, ArrowError> {
    macro_rules! keyed {
        ($kind:ty) => {{
            let array = column.as_dictionary::<$kind>();
            let (keys, values) = (array.keys().clone(), cells(array.values())?);
            Box::new(move |row, out: &mut String| values(keys.value(row).as_usize(), out))
        }};
    }
    Ok(match key {
        DataType::Int8 => keyed!(Int8Type),
        DataType::Int16 => keyed!(Int16Type),
        DataType::Int32 => keyed!(Int32Type),
        DataType::Int64 => keyed!(Int64Type),
        DataType::UInt8 => keyed!(UInt8Type),
        DataType::UInt16 => keyed!(UInt16Type),
        DataType::UInt32 => keyed!(UInt32Type),
        DataType::UInt64 => keyed!(UInt64Type),
        other => return Err(ArrowError::NotYetImplemented(format!("dictionaries with keys of type {other}"))),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{csv::field::unquote, ipc};
    use arrow_array::{DictionaryArray, NullArray, PrimitiveArray, StringArray, StructArray, new_null_array};
    use arrow_schema::{Field, Fields, Schema};
    use std::sync::Arc;

    /// The texts of a column that came through IPC, as a host sends it.
    fn texts(column: ArrayRef) -> Vec<String> {
        let field = Field::new("c", column.data_type().clone(), true);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap();
        let batch = ipc::decode(&ipc::encode(&batch).unwrap()).unwrap().remove(0);
        let (rows, mut writer) = (Rows::new(&batch).unwrap(), Writer::new());
        (0..batch.num_rows()).for_each(|row| {
            rows.write(row, &mut writer).unwrap();
        });
        let (block, mut scratch) = (writer.block(), Vec::new());
        let text =
            |row| String::from_utf8_lossy(unquote(block.row(row).unwrap().field(0).unwrap(), &mut scratch)).into();
        (0..batch.num_rows()).map(text).collect()
    }

    fn dictionary_of<K: ArrowDictionaryKeyType>(keys: Vec<Option<K::Native>>, values: &[Option<&str>]) -> ArrayRef {
        let keys: PrimitiveArray<K> = keys.into_iter().collect();
        Arc::new(DictionaryArray::new(keys, Arc::new(StringArray::from(values.to_vec()))))
    }

    #[test]
    fn dictionaries_of_every_key_and_without_values() {
        macro_rules! check {
            ($($kind:ty),*) => {$(
                let values = [Some("a"), None, Some("b")];
                let column = dictionary_of::<$kind>(vec![Some(2), None, Some(1), Some(0)], &values);
                assert_eq!(texts(column), ["b", "", "", "a"]);
                assert_eq!(texts(dictionary_of::<$kind>(vec![None, None], &[])), ["", ""]);
            )*};
        }
        check!(Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type);
    }

    #[test]
    fn empty_columns_of_every_type() {
        let text = Arc::new(Field::new("a", DataType::Utf8, true));
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let pair = |value: DataType| {
            let fields = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
        };
        let types = [
            DataType::Null,
            DataType::Boolean,
            DataType::LargeUtf8,
            DataType::Utf8View,
            DataType::Float32,
            DataType::Decimal128(38, 6),
            DataType::Decimal256(76, 6),
            DataType::Date32,
            DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            coded.clone(),
            pair(coded),
            DataType::Struct(Fields::from(vec![text])),
        ];
        for kind in types {
            assert_eq!(texts(new_null_array(&kind, 2)), ["", ""], "{kind}");
        }
        assert_eq!(texts(Arc::new(NullArray::new(1))), [""]);
        let inner = dictionary_of::<Int32Type>(vec![None], &[]);
        let field = Arc::new(Field::new("a", inner.data_type().clone(), true));
        assert_eq!(texts(Arc::new(StructArray::from(vec![(field, inner)]))), [r#"{"a":""}"#]);
    }

    #[test]
    fn types_of_no_report_are_errors() {
        for kind in [DataType::Binary, DataType::Duration(TimeUnit::Second), DataType::FixedSizeBinary(3)] {
            let column = new_null_array(&kind, 1);
            let field = Field::new("c", kind, true);
            let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap();
            assert!(Rows::new(&batch).is_err());
        }
    }

    #[test]
    fn times_out_of_range_do_not_overflow() {
        let days: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![i32::MAX, i32::MIN]));
        let seconds: ArrayRef = Arc::new(arrow_array::TimestampSecondArray::from(vec![i64::MAX, i64::MIN]));
        for column in [days, seconds] {
            assert!(texts(column).iter().all(|text| text.ends_with('Z')));
        }
    }
}
