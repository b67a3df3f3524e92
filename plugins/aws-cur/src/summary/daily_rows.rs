//! The result: groups as rows of the daily summary.

use super::columns::{Group, KEY_TEXTS, LAYOUT, MARKUPS, MAXIMA, REFERENCES, SUMS, daily_summary_schema};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use costhost_sdk::contract::Failure;
use costhost_sdk::summary::arrays::{amounts, days, key_texts, resource_counts, resources, unbuildable};
use costhost_sdk::summary::measures::Overflow;
use costhost_sdk::summary::product::markup;
use costhost_sdk::summary::texts::Interner;
use std::sync::Arc;

/// Groups as a batch. `percent` is the markup in units of 10^-18.
///
/// # Errors
/// When a markup is too large.
pub(crate) fn batch(groups: &[Group<'_>], interner: &Interner, percent: i128) -> Result<RecordBatch, Failure> {
    let mut columns: Vec<ArrayRef> = vec![days(groups), days(groups)];
    columns.extend((0..KEY_TEXTS.len()).map(|place| key_texts(groups, place, interner)));
    columns.push(resources(groups, interner));
    columns.push(resource_counts(groups));
    for index in 0..MAXIMA.len() {
        columns.push(amounts(groups.iter().map(|group| group.measures.maximum(index)))?);
    }
    for index in 0..SUMS.len() {
        columns.push(amounts(groups.iter().map(|group| group.measures.sum(index)))?);
    }
    for (_, of) in MARKUPS {
        columns.push(markups(groups, of, percent)?);
    }
    for _ in REFERENCES {
        columns.push(Arc::new(Int64Array::new_null(groups.len())));
    }
    RecordBatch::try_new(daily_summary_schema(), columns).map_err(|error| unbuildable(&error))
}

fn markups(groups: &[Group<'_>], of: &str, percent: i128) -> Result<ArrayRef, Failure> {
    let index = SUMS.iter().position(|name| *name == of).unwrap_or_default();
    let of_group = |group: &Group<'_>| match group.measures.sum(index) {
        Some(cost) => markup(cost, percent).map(Some).ok_or_else(|| LAYOUT.overflow(Overflow(index))),
        None => Ok(None),
    };
    amounts(groups.iter().map(of_group).collect::<Result<Vec<_>, _>>()?.into_iter())
}
