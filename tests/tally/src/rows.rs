//! Between Arrow's arrays and plain values.
//!
//! Text may come plain or as a dictionary with any key, and a column without a value as `Null`: the normalizer and the
//! host choose anew for each batch. Nothing beyond this file knows.

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, Decimal128Array, RecordBatch, StringArray, new_null_array};
use arrow_schema::{ArrowError, DataType, Schema};
use costhost_sdk::contract::Failure;
use costhost_sdk::decimal::{PRECISION, SCALE};
use costhost_sdk::failure::abort;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The values of a text column.
///
/// # Errors
/// When there is no such column.
pub fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<Vec<Option<&'a str>>, Failure> {
    texts_of(column(batch, name)?).ok_or_else(|| foreign(name))
}

/// The values of a column of numbers of any kind: amounts in units of 10^-18, times in microseconds, days since 1970-01-01.
///
/// # Errors
/// When there is no such column.
pub fn numbers<T: ArrowPrimitiveType>(batch: &RecordBatch, name: &str) -> Result<Vec<Option<T::Native>>, Failure> {
    let array = column(batch, name)?;
    if array.data_type() == &DataType::Null {
        return Ok(vec![None; array.len()]);
    }
    array.as_primitive_opt::<T>().map(|numbers| numbers.iter().collect()).ok_or_else(|| foreign(name))
}

/// The values of a column of amounts, in units of 10^-18.
///
/// # Errors
/// When there is no such column.
pub fn amounts(batch: &RecordBatch, name: &str) -> Result<Vec<Option<i128>>, Failure> {
    numbers::<Decimal128Type>(batch, name)
}

/// The values of a column of lists of texts.
///
/// # Errors
/// When there is no such column.
pub fn lists(batch: &RecordBatch, name: &str) -> Result<Vec<Vec<String>>, Failure> {
    let lists = column(batch, name)?.as_list_opt::<i32>().ok_or_else(|| foreign(name))?;
    let members = texts_of(lists.values()).ok_or_else(|| foreign(name))?;
    let own = |ends: &[i32]| match ends {
        [from, to] => members.get(*from as usize..*to as usize).unwrap_or_default(),
        _ => &[],
    };
    Ok(lists
        .value_offsets()
        .windows(2)
        .map(|ends| own(ends).iter().flatten().map(|&t| t.to_owned()).collect())
        .collect())
}

/// The values of a column of maps from text to text, without entries whose value is empty.
///
/// # Errors
/// When there is no such column.
pub fn maps<'a>(batch: &'a RecordBatch, name: &str) -> Result<Vec<BTreeMap<&'a str, &'a str>>, Failure> {
    let array = column(batch, name)?;
    if array.data_type() == &DataType::Null {
        return Ok(vec![BTreeMap::new(); array.len()]);
    }
    let maps = array.as_map_opt().ok_or_else(|| foreign(name))?;
    let (keys, values) = (texts_of(maps.keys()), texts_of(maps.values()));
    let (keys, values) = (keys.ok_or_else(|| foreign(name))?, values.ok_or_else(|| foreign(name))?);
    let entry = |at: usize| {
        let (key, value) = (keys.get(at).copied().flatten()?, values.get(at).copied().flatten()?);
        (!value.is_empty()).then_some((key, value))
    };
    let own = |ends: &[i32]| match ends {
        [from, to] => (*from as usize..*to as usize).filter_map(entry).collect(),
        _ => BTreeMap::new(),
    };
    Ok(maps.value_offsets().windows(2).map(own).collect())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Failure> {
    batch.column_by_name(name).ok_or_else(|| foreign(name))
}

/// None when it is no text.
fn texts_of(array: &ArrayRef) -> Option<Vec<Option<&str>>> {
    match array.data_type() {
        DataType::Null => Some(vec![None; array.len()]),
        DataType::Utf8 => Some(array.as_string_opt::<i32>()?.iter().collect()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary_opt()?;
            let values = texts_of(dictionary.values())?;
            if values.is_empty() {
                return Some(vec![None; array.len()]);
            }
            let value = |(row, key): (usize, usize)| values.get(key).copied().flatten().filter(|_| array.is_valid(row));
            Some(dictionary.normalized_keys().into_iter().enumerate().map(value).collect())
        }
        _ => None,
    }
}

fn foreign(column: &str) -> Failure {
    let message =
        format!("rows given to tally have no column {column} of the declared type: this is a bug of the host");
    abort("summary.foreign-rows", message)
}

/// A text that is not empty.
#[must_use]
pub fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A text column.
pub fn text_array<'a>(texts: impl Iterator<Item = Option<&'a String>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(texts))
}

/// A column of amounts in units of 10^-18.
///
/// # Errors
/// None: the type is a constant.
pub fn amount_array(amounts: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, ArrowError> {
    let amounts = Decimal128Array::from_iter(amounts).with_precision_and_scale(PRECISION as u8, SCALE as i8)?;
    Ok(Arc::new(amounts))
}

/// A column of lists of texts.
pub fn list_array<'a>(lists: impl Iterator<Item = &'a BTreeSet<String>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in lists {
        list.iter().for_each(|member| builder.values().append_value(member));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// A batch of a table. Columns beyond those that are given are left null, for a database to fill.
///
/// # Errors
/// When the columns are not those of the schema; a bug.
pub fn batch(schema: Schema, mut columns: Vec<ArrayRef>) -> Result<RecordBatch, Failure> {
    let rows = columns.first().map_or(0, |column| column.len());
    let missing = schema.fields().iter().skip(columns.len());
    let missing: Vec<ArrayRef> = missing.map(|field| new_null_array(field.data_type(), rows)).collect();
    columns.extend(missing);
    RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| unbuildable(&error))
}

/// The failure of a batch that cannot be put together.
#[must_use]
pub fn unbuildable(error: &ArrowError) -> Failure {
    abort("plugin.bug", format!("daily costs could not be put together ({error}): this is a bug of the plugin"))
}
