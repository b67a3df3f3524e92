//! Values of any type as JSON: maps and lists for `jsonb`, and rows of reference tables.

use arrow::array::{Array, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

/// One value of a column. Maps are objects, lists are arrays, numbers other than integers are their exact text, times are
/// ISO texts. NUL, which no text of PostgreSQL may have, is U+FFFD.
///
/// # Errors
/// When arrow cannot write the type.
pub(super) fn value(column: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    match column.data_type() {
        DataType::Dictionary(_, values) => value(&cast(&column.slice(row, 1), values)?, 0),
        DataType::Boolean => Ok(Value::Bool(column.as_boolean().value(row))),
        DataType::Int32 | DataType::Int64 => {
            let number = cast(&column.slice(row, 1), &DataType::Int64)?;
            Ok(Value::from(number.as_primitive::<arrow::datatypes::Int64Type>().value(0)))
        }
        DataType::List(_) => elements(&column.as_list::<i32>().value(row)),
        DataType::LargeList(_) => elements(&column.as_list::<i64>().value(row)),
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let mut members = Map::new();
            for entry in 0..entries.len() {
                members.insert(text(entries.column(0), entry)?, value(entries.column(1), entry)?);
            }
            members.sort_keys();
            Ok(Value::Object(members))
        }
        _ => Ok(Value::String(text(column, row)?)),
    }
}

fn elements(list: &dyn Array) -> Result<Value, ArrowError> {
    (0..list.len()).map(|element| value(list, element)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn text(column: &dyn Array, row: usize) -> Result<String, ArrowError> {
    let text = ArrayFormatter::try_new(column, &FormatOptions::default())?.value(row).try_to_string()?;
    Ok(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text })
}
