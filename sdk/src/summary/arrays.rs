//! Columns of Arrow made of groups, for the result.

use super::groups::Group;
use super::hash::FastMap;
use super::texts::{Interner, NONE};
use crate::contract::Failure;
use crate::failure::abort;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{ArrowDictionaryKeyType, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{
    Array as _, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int64Array, PrimitiveArray, RecordBatch,
    StringArray,
};
use arrow_schema::{Field, Schema};
use std::sync::Arc;

/// The days of groups.
#[must_use]
pub fn days<const T: usize, const S: usize, const M: usize>(groups: &[Group<'_, T, S, M>]) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(groups.iter().map(|group| group.key.day)))
}

/// The text at this place of the groups' keys.
#[must_use]
pub fn key_texts<const T: usize, const S: usize, const M: usize>(
    groups: &[Group<'_, T, S, M>],
    place: usize,
    interner: &Interner,
) -> ArrayRef {
    let text = |group: &Group<'_, T, S, M>| interner.text(*group.key.texts.get(place)?);
    Arc::new(groups.iter().map(text).collect::<StringArray>())
}

/// The resource ids of groups.
#[must_use]
pub fn resources<const T: usize, const S: usize, const M: usize>(
    groups: &[Group<'_, T, S, M>],
    interner: &Interner,
) -> ArrayRef {
    let texts = || groups.iter().flat_map(|group| group.resources).filter_map(|id| interner.text(*id));
    let (count, bytes) = texts().fold((0, 0), |(count, bytes), text| (count + 1, bytes + text.len()));
    let mut lists = ListBuilder::with_capacity(StringBuilder::with_capacity(count, bytes), groups.len());
    for group in groups {
        for &resource in group.resources {
            lists.values().append_option(interner.text(resource));
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

/// How many resources groups have.
#[must_use]
pub fn resource_counts<const T: usize, const S: usize, const M: usize>(groups: &[Group<'_, T, S, M>]) -> ArrayRef {
    let count = |group: &Group<'_, T, S, M>| i64::try_from(group.resources.len()).unwrap_or(i64::MAX);
    Arc::new(Int64Array::from_iter_values(groups.iter().map(count)))
}

/// The text at this place of the groups' keys as a dictionary, each text once, with keys as narrow as there are texts:
/// groups share most of theirs. In the order of first use, which does not depend on how texts got their numbers.
///
/// # Errors
/// When Arrow refuses them; a bug.
pub fn coded_key_texts<const T: usize, const S: usize, const M: usize>(
    groups: &[Group<'_, T, S, M>],
    place: usize,
    interner: &Interner,
) -> Result<ArrayRef, Failure> {
    let (mut known, mut distinct) = (FastMap::<u32, u32>::default(), Vec::new());
    // Groups are sorted: the one before mostly has the same text.
    let mut last = (NONE, 0);
    let codes = groups.iter().map(|group| {
        let id = group.key.texts.get(place).copied().unwrap_or(NONE);
        if id == NONE {
            return None;
        }
        if id != last.0 {
            let code = *known.entry(id).or_insert_with(|| {
                distinct.push(id);
                (distinct.len() - 1) as u32
            });
            last = (id, code);
        }
        Some(last.1)
    });
    let codes: Vec<Option<u32>> = codes.collect();
    let texts = StringArray::from_iter_values(distinct.iter().map(|id| interner.text(*id).unwrap_or_default()));
    let narrow = |code: &Option<u32>| code.map(|code| code as u8);
    let short = |code: &Option<u32>| code.map(|code| code as u16);
    match texts.len() {
        0..=0x100 => dictionary::<UInt8Type>(codes.iter().map(narrow).collect(), texts),
        0x101..=0x1_0000 => dictionary::<UInt16Type>(codes.iter().map(short).collect(), texts),
        _ => dictionary::<UInt32Type>(codes.into_iter().collect(), texts),
    }
}

fn dictionary<K: ArrowDictionaryKeyType>(codes: PrimitiveArray<K>, texts: StringArray) -> Result<ArrayRef, Failure> {
    Ok(Arc::new(DictionaryArray::try_new(codes, Arc::new(texts)).map_err(|error| unbuildable(&error))?))
}

/// Rows of this logical schema, text in them plain or as a dictionary.
///
/// # Errors
/// When Arrow refuses them; a bug.
pub fn batch(schema: &Schema, columns: Vec<ArrayRef>) -> Result<RecordBatch, Failure> {
    let sent =
        |(field, column): (&Arc<Field>, &ArrayRef)| field.as_ref().clone().with_data_type(column.data_type().clone());
    let fields: Vec<Field> = schema.fields().iter().zip(&columns).map(sent).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| unbuildable(&error))
}

/// Amounts in units of 10^-18.
///
/// # Errors
/// When Arrow refuses them; a bug.
pub fn amounts(values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, Failure> {
    let array =
        values.collect::<Decimal128Array>().with_precision_and_scale(38, 18).map_err(|error| unbuildable(&error))?;
    Ok(Arc::new(array))
}

/// A batch could not be made of columns that were made for it.
#[must_use]
pub fn unbuildable(error: &dyn std::error::Error) -> Failure {
    abort("summary.batch", format!("the summary's rows cannot be put together: {error}; this is a bug of the plugin"))
}
