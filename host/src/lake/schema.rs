//! The three schemas of a table: what a plugin declared, what its files hold, and what the log declares.
//!
//! A table's columns only grow. A column is nullable everywhere, because files from before it existed lack it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake::kernel::{DataType as DeltaType, StructField, StructType};

use super::error::LakeError;
use super::partition::PARTITION_COLUMNS;

/// Whether a column of a table may be declared with this type. The one list of these types is [`file_type`].
pub(crate) fn holds(declared: &DataType) -> bool {
    file_type(declared).is_some()
}

/// The schema of data files for a declared one: everything is nullable, and the children of maps and lists have the
/// names that Parquet prescribes.
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

/// How files hold a declared type; `None` unless Delta, Parquet and SQL all hold it without loss, and the writer takes
/// it.
fn file_type(declared: &DataType) -> Option<DataType> {
    Some(match declared {
        DataType::Utf8
        | DataType::Date32
        | DataType::Int64
        | DataType::Int32
        | DataType::Float64
        | DataType::Boolean => declared.clone(),
        DataType::Decimal128(precision, scale) => {
            let fits = (1..=38).contains(precision) && u8::try_from(*scale).is_ok_and(|scale| scale <= *precision);
            return fits.then(|| declared.clone());
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            return (zone.as_ref() == "UTC").then(|| declared.clone());
        }
        DataType::List(item) => list_of(file_type(item.data_type())?),
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return None };
            let [key, value] = pair.as_ref() else { return None };
            if *key.data_type() != DataType::Utf8 || key.is_nullable() {
                return None;
            }
            map_of(DataType::Utf8, file_type(value.data_type())?)
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
    fn columns_are_nullable_in_files() {
        let files = file_schema("t", &schema(vec![Field::new("a", DataType::Utf8, false)])).unwrap();
        assert_eq!(files.field(0), &Field::new("a", DataType::Utf8, true));
    }

    #[test]
    fn types_that_some_reader_or_the_writer_does_not_take_are_not_held() {
        let time = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
        let map = |key: DataType, nullable| {
            let pair = Fields::from(vec![Field::new("k", key, nullable), Field::new("v", DataType::Utf8, true)]);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair), false)), false)
        };
        let fields = Fields::from(vec![Field::new("a", DataType::Utf8, true)]);
        let list = DataType::new_list(DataType::Decimal128(38, 18), true);
        for held in [time(TimeUnit::Microsecond, Some("UTC")), map(DataType::Utf8, false), list, DataType::Int32] {
            assert!(holds(&held), "{held}");
        }
        let refused = [
            DataType::Int8,
            DataType::Int16,
            DataType::UInt64,
            DataType::Float32,
            DataType::LargeUtf8,
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            DataType::Decimal128(10, 11),
            DataType::Decimal128(38, -2),
            time(TimeUnit::Microsecond, None),
            time(TimeUnit::Nanosecond, Some("UTC")),
            DataType::Struct(fields.clone()),
            DataType::new_list(DataType::Struct(fields), true),
            map(DataType::Int64, false),
            map(DataType::Utf8, true),
        ];
        for refused in refused {
            assert!(!holds(&refused), "{refused}");
        }
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
