//! The result: groups as rows of the daily summary.

use super::columns::{Group, GroupKey, KEY_TEXTS, LAYOUT, SUMS, daily_summary_schema, sum};
use arrow_array::{ArrayRef, RecordBatch};
use costhost_sdk::contract::Failure;
use costhost_sdk::summary::arrays::{self, amounts, coded_key_texts, days, resource_counts, resources};
use costhost_sdk::summary::measures::Overflow;
use costhost_sdk::summary::product::markup;
use costhost_sdk::summary::texts::Interner;

/// Whether groups differ in their unit alone: then they stand beside each other, and are one row, with the largest unit.
pub(crate) fn are_one_row(a: &GroupKey, b: &GroupKey) -> bool {
    let texts = |key: &GroupKey| key.texts.into_iter().take(KEY_TEXTS.len());
    a.day == b.day && texts(a).eq(texts(b))
}

/// Rows as a batch. `percent` is the markup in units of 10^-18.
///
/// # Errors
/// When a markup is too large.
pub(crate) fn batch(groups: &[Group<'_>], interner: &Interner, percent: i128) -> Result<RecordBatch, Failure> {
    let mut columns: Vec<ArrayRef> = vec![days(groups), days(groups)];
    // The unit is the text after those of the key.
    for place in 0..=KEY_TEXTS.len() {
        columns.push(coded_key_texts(groups, place, interner)?);
    }
    columns.push(resources(groups, interner));
    columns.push(resource_counts(groups));
    for index in 0..SUMS.len() {
        columns.push(amounts(groups.iter().map(|group| group.measures.sum(index)))?);
    }
    let markup_of = |group: &Group<'_>| match group.measures.sum(sum::PRETAX_COST) {
        Some(cost) => markup(cost, percent).map(Some).ok_or_else(|| LAYOUT.overflow(Overflow(sum::PRETAX_COST))),
        None => Ok(None),
    };
    columns.push(amounts(groups.iter().map(markup_of).collect::<Result<Vec<_>, _>>()?.into_iter())?);
    arrays::batch(&daily_summary_schema(), columns)
}
