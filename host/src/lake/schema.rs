//! The three schemas of a table: what a plugin declared, what its files hold, and what the log declares.
//!
//! A table's columns only grow. A column is nullable everywhere, because files from before it existed lack it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake::kernel::{DataType as DeltaType, StructField, StructType};

use super::error::LakeError;
use super::partition::PARTITION_COLUMNS;

/// The schema of data files for a declared one: text is `Utf8` however it was declared, everything is nullable, and
/// the children of maps and lists have the names that Parquet prescribes.
///
/// # Errors
/// For types the lake does not hold, duplicate names and the names of partition columns.
pub(crate) fn file_schema(table: &str, declared: &Schema) -> Result<SchemaRef, LakeError> {
    let mut fields: Vec<Field> = Vec::with_capacity(declared.fields().len());
    for field in declared.fields() {
        let bad = |reason: &str| LakeError::Schema {
            table: table.to_owned(),
            column: field.name().clone(),
            reason: reason.to_owned(),
        };
        if PARTITION_COLUMNS.contains(&field.name().as_str()) {
            return Err(bad("the host adds this column itself; the plugin must use another name"));
        }
        if fields.iter().any(|known| known.name() == field.name()) {
            return Err(bad("it is declared twice"));
        }
        let held = file_type(field.data_type()).ok_or_else(|| bad("the lake does not hold columns of this type"))?;
        fields.push(Field::new(field.name(), held, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn file_type(declared: &DataType) -> Option<DataType> {
    Some(match declared {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, values) => match file_type(values)? {
            DataType::Utf8 => DataType::Utf8,
            _ => return None,
        },
        DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::Date32 | DataType::Int64 | DataType::Int32 | DataType::Float64 | DataType::Boolean => {
            declared.clone()
        }
        DataType::List(item) => list_of(file_type(item.data_type())?),
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return None };
            let [key, value] = pair.as_ref() else { return None };
            map_of(file_type(key.data_type())?, file_type(value.data_type())?)
        }
        _ => return None,
    })
}

pub(crate) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", item, true)))
}

pub(crate) fn map_of(key: DataType, value: DataType) -> DataType {
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(map_pair(key, value)), false)), false)
}

pub(crate) fn map_pair(key: DataType, value: DataType) -> Fields {
    Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)])
}

/// The log's schema: the columns of the files, then the partition columns.
pub(crate) fn table_schema(table: &str, files: &Schema) -> Result<StructType, LakeError> {
    let partition = PARTITION_COLUMNS.iter().map(|name| Field::new(*name, DataType::Utf8, true));
    let all: Vec<Field> = files.fields().iter().map(|field| field.as_ref().clone()).chain(partition).collect();
    let kernel: Result<StructType, _> = (&Schema::new(all)).try_into_kernel();
    kernel.map_err(|error| LakeError::arrow(table, error))
}

/// What to declare so that `wanted` can be stored too: `None` when `current` has all of it.
///
/// # Errors
/// When a column is there with another type: rows of both cannot lie in one table.
pub(crate) fn grow(table: &str, current: &StructType, wanted: &StructType) -> Result<Option<StructType>, LakeError> {
    let mut added: Vec<StructField> = Vec::new();
    for field in wanted.fields() {
        match current.field(field.name()) {
            None => added.push(field.clone()),
            Some(there) if same_type(there.data_type(), field.data_type()) => {}
            Some(there) => {
                return Err(LakeError::Schema {
                    table: table.to_owned(),
                    column: field.name().clone(),
                    reason: format!(
                        "the table holds it as {} and this plugin declares {}; load with the plugin version that \
                         wrote the table, or into another lake",
                        there.data_type(),
                        field.data_type()
                    ),
                });
            }
        }
    }
    if added.is_empty() {
        return Ok(None);
    }
    let all = current.fields().cloned().chain(added);
    StructType::try_new(all).map(Some).map_err(|error| LakeError::delta("extending", table, error.into()))
}

/// Whether values may be null inside lists and maps differs between writers and does not matter here.
fn same_type(a: &DeltaType, b: &DeltaType) -> bool {
    match (a, b) {
        (DeltaType::Array(a), DeltaType::Array(b)) => same_type(a.element_type(), b.element_type()),
        (DeltaType::Map(a), DeltaType::Map(b)) => {
            same_type(a.key_type(), b.key_type()) && same_type(a.value_type(), b.value_type())
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: Vec<Field>) -> Schema {
        Schema::new(fields)
    }

    #[test]
    fn dictionaries_are_declared_as_text() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let files = file_schema("t", &schema(vec![Field::new("a", dictionary, false)])).unwrap();
        assert_eq!(files.field(0).data_type(), &DataType::Utf8);
        assert!(files.field(0).is_nullable());
    }

    #[test]
    fn reserved_names_and_foreign_types_are_refused() {
        let reserved = schema(vec![Field::new("year", DataType::Int64, true)]);
        assert!(file_schema("t", &reserved).is_err());
        let foreign = schema(vec![Field::new("a", DataType::Duration(TimeUnit::Second), true)]);
        assert!(file_schema("t", &foreign).is_err());
    }

    #[test]
    fn tables_grow_but_never_change_a_type() {
        let old = table_schema("t", &schema(vec![Field::new("a", DataType::Int64, true)])).unwrap();
        let more = schema(vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)]);
        let grown = grow("t", &old, &table_schema("t", &more).unwrap()).unwrap().unwrap();
        let names: Vec<&str> = grown.fields().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "source", "year", "month", "b"]);
        assert!(grow("t", &grown, &old).unwrap().is_none());
        let other = table_schema("t", &schema(vec![Field::new("a", DataType::Utf8, true)])).unwrap();
        assert!(grow("t", &old, &other).unwrap_err().to_string().contains("\"a\""));
    }
}
