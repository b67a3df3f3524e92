//! Columns of Arrow made of groups: for the result, and for saved pieces.

use super::groups::Group;
use super::hash::FastMap;
use super::texts::{Interner, NONE};
use crate::contract::Failure;
use crate::failure::abort;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, ListArray, StringArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::Field;
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

/// Texts by number as a dictionary, each text once: groups share most of theirs. In the order of first use, which does
/// not depend on the order in which the texts got their numbers.
///
/// # Errors
/// When Arrow refuses them; a bug.
pub fn coded_texts(ids: impl Iterator<Item = u32>, interner: &Interner) -> Result<ArrayRef, Failure> {
    let (mut codes, mut distinct) = (FastMap::<u32, i32>::default(), Vec::new());
    let mut code = |id: u32| {
        *codes.entry(id).or_insert_with(|| {
            distinct.push(id);
            i32::try_from(distinct.len() - 1).unwrap_or(i32::MAX)
        })
    };
    let keys: Int32Array = ids.map(|id| (id != NONE).then(|| code(id))).collect();
    let values = StringArray::from_iter_values(distinct.iter().map(|id| interner.text(*id).unwrap_or_default()));
    let texts = DictionaryArray::try_new(keys, Arc::new(values)).map_err(|error| unbuildable(&error))?;
    Ok(Arc::new(texts))
}

/// The resource ids of groups, each id once.
///
/// # Errors
/// When Arrow refuses them; a bug.
pub fn coded_resources<const T: usize, const S: usize, const M: usize>(
    groups: &[Group<'_, T, S, M>],
    interner: &Interner,
) -> Result<ArrayRef, Failure> {
    let ids = coded_texts(groups.iter().flat_map(|group| group.resources.iter().copied()), interner)?;
    let offsets = OffsetBuffer::from_lengths(groups.iter().map(|group| group.resources.len()));
    let member = Arc::new(Field::new_list_field(ids.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(member, offsets, ids, None).map_err(|error| unbuildable(&error))?))
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
