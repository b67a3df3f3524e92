//! Bringing a batch's columns into the shape of the files, without copying text.
//!
//! A plugin may send text as `Utf8`, as a dictionary with any key, or as `Null`, and choose anew for every batch, also
//! inside maps and lists. The encoders of pages take all of these as long as nulls are only where the schema has them,
//! which is what is checked here.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, ListArray, MapArray, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

use super::schema::map_pair;

/// `array` as a column of type `wanted`, where text may stay dictionary-encoded.
pub(crate) fn fit(wanted: &DataType, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match (wanted, array.data_type()) {
        (DataType::List(_) | DataType::Map(..), DataType::Null) => Ok(new_null_array(wanted, array.len())),
        (_, DataType::Null) => Ok(Arc::clone(array)),
        (DataType::Utf8, held) if is_text(held) => Ok(Arc::clone(array)),
        (DataType::Timestamp(unit, _), DataType::Timestamp(held, Some(_))) if unit == held => Ok(Arc::clone(array)),
        (DataType::List(item), DataType::List(_)) => fit_list(item.data_type(), array.as_list::<i32>()),
        (DataType::Map(entries, _), DataType::Map(..)) => fit_map(entries.data_type(), array.as_map()),
        (wanted, held) if wanted == held => Ok(Arc::clone(array)),
        (wanted, held) => Err(ArrowError::SchemaError(format!("expected {wanted}, found {held}"))),
    }
}

fn is_text(held: &DataType) -> bool {
    match held {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => {
            matches!(values.as_ref(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    }
}

fn fit_list(item: &DataType, list: &ListArray) -> Result<ArrayRef, ArrowError> {
    let values = fit(item, list.values())?;
    let field = Arc::new(Field::new("element", values.data_type().clone(), true));
    let list = ListArray::try_new(field, list.offsets().clone(), values, list.nulls().cloned())?;
    Ok(Arc::new(list))
}

fn fit_map(entries: &DataType, map: &MapArray) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(pair) = entries else {
        return Err(ArrowError::SchemaError("a map's entries must be key and value".to_owned()));
    };
    let [key, value] = pair.as_ref() else {
        return Err(ArrowError::SchemaError("a map's entries must be key and value".to_owned()));
    };
    let keys = fit(key.data_type(), map.keys())?;
    let values = fit(value.data_type(), map.values())?;
    let fields = map_pair(keys.data_type().clone(), values.data_type().clone());
    let entries = StructArray::try_new(fields, vec![keys, values], None)?;
    let field = Arc::new(Field::new("key_value", entries.data_type().clone(), false));
    let map = MapArray::try_new(field, map.offsets().clone(), entries, map.nulls().cloned(), false)?;
    Ok(Arc::new(map))
}
