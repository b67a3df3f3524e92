//! The result: groups as rows of the daily summary.

use super::arrays::{amounts, days, key_texts, resources, unbuildable};
use super::columns::{KEY_TEXTS, MARKUPS, MAXIMA, REFERENCES, SUMS, daily_summary_schema};
use super::groups::Group;
use super::intern::Interner;
use super::markup::markup;
use super::measures::overflow;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use costhost_sdk::contract::Failure;
use std::sync::Arc;

/// Rows of one batch.
pub(crate) const ROWS: usize = 32 * 1024;
/// Resource ids of one batch, beyond which no further group is taken in.
pub(crate) const RESOURCES: usize = 256 * 1024;

/// How many of these groups fit one batch; at least one.
pub(crate) fn fitting(groups: &[Group], rows: usize, most: usize) -> usize {
    let mut resources = 0;
    let fits = |group: &&Group| {
        resources += group.resources.len();
        resources <= most
    };
    groups.iter().take(rows).take_while(fits).count().max(1).min(groups.len())
}

/// Groups as a batch. `percent` is the markup in units of 10^-18.
///
/// # Errors
/// When a markup is too large.
pub(crate) fn batch(groups: &[Group], interner: &Interner, percent: i128) -> Result<RecordBatch, Failure> {
    let mut columns: Vec<ArrayRef> = vec![days(groups), days(groups)];
    columns.extend((0..KEY_TEXTS.len()).map(|place| key_texts(groups, place, interner)));
    columns.push(resources(groups, interner));
    let count = |group: &Group| i64::try_from(group.resources.len()).unwrap_or(i64::MAX);
    columns.push(Arc::new(Int64Array::from_iter_values(groups.iter().map(count))));
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

fn markups(groups: &[Group], of: &str, percent: i128) -> Result<ArrayRef, Failure> {
    let index = SUMS.iter().position(|name| *name == of).unwrap_or_default();
    let of_group = |group: &Group| match group.measures.sum(index) {
        Some(cost) => markup(cost, percent).map(Some).ok_or_else(|| overflow(index)),
        None => Ok(None),
    };
    amounts(groups.iter().map(of_group).collect::<Result<Vec<_>, _>>()?.into_iter())
}
