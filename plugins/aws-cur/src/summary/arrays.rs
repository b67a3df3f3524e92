//! Columns of Arrow made of groups: for the result, and for saved pieces.

use super::groups::Group;
use super::intern::Interner;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, Date32Array, Decimal128Array, StringArray};
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::abort;
use std::sync::Arc;

/// The days of groups.
pub(crate) fn days(groups: &[Group]) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(groups.iter().map(|group| group.key.day)))
}

/// The text at this place of the groups' keys.
pub(crate) fn key_texts(groups: &[Group], place: usize, interner: &Interner) -> ArrayRef {
    let text = |group: &Group| interner.text(*group.key.texts.get(place)?).map(str::to_owned);
    Arc::new(groups.iter().map(text).collect::<StringArray>())
}

/// The resource ids of groups.
pub(crate) fn resources(groups: &[Group], interner: &Interner) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for group in groups {
        for &resource in &group.resources {
            lists.values().append_option(interner.text(resource));
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

/// Amounts in units of 10^-18.
pub(crate) fn amounts(values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, Failure> {
    let array =
        values.collect::<Decimal128Array>().with_precision_and_scale(38, 18).map_err(|error| unbuildable(&error))?;
    Ok(Arc::new(array))
}

/// A batch could not be made of columns that were made for it.
pub(crate) fn unbuildable(error: &dyn std::error::Error) -> Failure {
    abort("summary.batch", format!("the summary's rows cannot be put together: {error}; this is a bug of aws-cur"))
}
