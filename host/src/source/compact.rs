//! Batches from Parquet as small as they can be sent: dictionaries of the values in the batch, keys as narrow as those
//! allow, and columns without a value as `Null`.
//!
//! A reader of Parquet hands every batch the dictionary of its whole row group, and most columns of a wide report are
//! null. What is sent is copied, checked and held on both sides.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, NullArray, RecordBatch};
use arrow::compute::filter;
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, Field, Int32Type, Schema, UInt8Type, UInt16Type};
use arrow::error::ArrowError;

/// The same rows, made small.
///
/// # Errors
/// When Arrow refuses a column it made itself; a bug.
pub fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(compact_column).collect::<Result<Vec<_>, _>>()?;
    let held = |field: &Field, column: &ArrayRef| {
        let nullable = field.is_nullable() || column.data_type() == &DataType::Null;
        field.clone().with_data_type(column.data_type().clone()).with_nullable(nullable)
    };
    let schema = batch.schema();
    let fields: Vec<Field> = schema.fields().iter().zip(&columns).map(|(field, column)| held(field, column)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn compact_column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !column.is_empty() && column.logical_null_count() == column.len() {
        return Ok(Arc::new(NullArray::new(column.len())));
    }
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => compact_dictionary(dictionary),
        None => Ok(Arc::clone(column)),
    }
}

fn compact_dictionary(dictionary: &DictionaryArray<Int32Type>) -> Result<ArrayRef, ArrowError> {
    let used = dictionary.occupancy();
    let mut places = vec![0_u32; used.len()];
    for (place, old) in (0..).zip(used.set_indices()) {
        if let Some(slot) = places.get_mut(old) {
            *slot = place;
        }
    }
    let count = used.count_set_bits();
    let values = filter(dictionary.values(), &BooleanArray::new(used, None))?;
    match count {
        ..=0x100 => keyed::<UInt8Type>(dictionary, values, |key| place_of(&places, key) as u8),
        0x101..=0x1_0000 => keyed::<UInt16Type>(dictionary, values, |key| place_of(&places, key) as u16),
        _ => keyed::<Int32Type>(dictionary, values, |key| place_of(&places, key) as i32),
    }
}

/// Where a key's value has gone. Under a null lies any key.
fn place_of(places: &[u32], key: i32) -> u32 {
    usize::try_from(key).ok().and_then(|key| places.get(key)).copied().unwrap_or_default()
}

fn keyed<K: ArrowDictionaryKeyType>(
    dictionary: &DictionaryArray<Int32Type>,
    values: ArrayRef,
    key: impl Fn(i32) -> K::Native,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(DictionaryArray::<K>::try_new(dictionary.keys().unary(key), values)?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, StringArray};

    use super::*;

    fn texts(column: &ArrayRef) -> Vec<Option<String>> {
        let values = column.as_any_dictionary();
        let (keys, texts) = (values.normalized_keys(), values.values().as_string::<i32>());
        let text = |row: usize| (!column.is_null(row)).then(|| texts.value(keys[row]).to_owned());
        (0..column.len()).map(text).collect()
    }

    fn coded(keys: Vec<Option<i32>>, values: usize) -> ArrayRef {
        let values = StringArray::from_iter_values((0..values).map(|value| format!("v{value}")));
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(keys), Arc::new(values)))
    }

    fn compacted(column: ArrayRef) -> ArrayRef {
        let schema = Schema::new(vec![Field::new("c", column.data_type().clone(), true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap();
        let batch = compact(&batch).unwrap();
        assert_eq!(batch.schema().field(0).name(), "c");
        Arc::clone(batch.column(0))
    }

    #[test]
    fn only_the_values_of_the_batch_remain() {
        let column = coded(vec![Some(70_000), None, Some(3), Some(70_000)], 100_000);
        let small = compacted(Arc::clone(&column));
        assert_eq!(small.data_type().to_string(), "Dictionary(UInt8, Utf8)");
        assert_eq!(small.as_any_dictionary().values().len(), 2);
        assert_eq!(texts(&small), texts(&column));
        let slice = compacted(column.slice(1, 2));
        assert_eq!(texts(&slice), [None, Some("v3".to_owned())]);
    }

    #[test]
    fn keys_are_as_wide_as_they_have_to_be() {
        for (values, kind) in [(256, "UInt8"), (257, "UInt16"), (65_536, "UInt16"), (65_537, "Int32")] {
            let column = coded((0..values).rev().map(Some).collect(), 70_000);
            let small = compacted(Arc::clone(&column));
            assert_eq!(small.data_type().to_string(), format!("Dictionary({kind}, Utf8)"));
            assert_eq!(texts(&small), texts(&column));
        }
    }

    #[test]
    fn columns_without_a_value_are_null_and_others_stay() {
        for column in [coded(vec![None, None], 0), coded(vec![None, None], 9), Arc::new(Int64Array::new_null(2))] {
            assert_eq!((compacted(Arc::clone(&column)).data_type(), column.len()), (&DataType::Null, 2));
        }
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        assert_eq!(compacted(Arc::clone(&numbers)).as_ref(), numbers.as_ref());
        assert_eq!(compacted(coded(vec![], 0)).len(), 0);
    }
}
