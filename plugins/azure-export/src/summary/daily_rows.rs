//! The result: groups as rows of the daily summary.

use super::columns::{Group, KEY_TEXTS, LAYOUT, SUMS, daily_summary_schema, sum};
use arrow_array::{ArrayRef, RecordBatch};
use costhost_sdk::contract::Failure;
use costhost_sdk::summary::arrays::{amounts, days, key_texts, resource_counts, resources, unbuildable};
use costhost_sdk::summary::measures::Overflow;
use costhost_sdk::summary::product::markup;
use costhost_sdk::summary::texts::Interner;

/// Joins the groups that differ in their unit alone, which stand beside each other: one row, with the largest unit.
///
/// # Errors
/// When a sum is too large.
pub(crate) fn joined(groups: Vec<Group>, interner: &Interner) -> Result<Vec<Group>, Overflow> {
    let mut rows: Vec<Group> = Vec::with_capacity(groups.len());
    for group in groups {
        match rows.last_mut() {
            Some(row) if is_one_row(row, &group) => {
                row.key = group.key;
                row.measures.merge(&group.measures)?;
                row.resources.extend(group.resources);
                row.resources.sort_unstable_by_key(|resource| interner.text(*resource));
                row.resources.dedup();
            }
            _ => rows.push(group),
        }
    }
    for row in &rows {
        row.measures.check()?;
    }
    Ok(rows)
}

fn is_one_row(a: &Group, b: &Group) -> bool {
    let texts = |group: &Group| group.key.texts.into_iter().take(KEY_TEXTS.len());
    a.key.day == b.key.day && texts(a).eq(texts(b))
}

/// Rows as a batch. `percent` is the markup in units of 10^-18.
///
/// # Errors
/// When a markup is too large.
pub(crate) fn batch(groups: &[Group], interner: &Interner, percent: i128) -> Result<RecordBatch, Failure> {
    let mut columns: Vec<ArrayRef> = vec![days(groups), days(groups)];
    // The unit is the text after those of the key.
    columns.extend((0..=KEY_TEXTS.len()).map(|place| key_texts(groups, place, interner)));
    columns.push(resources(groups, interner));
    columns.push(resource_counts(groups));
    for index in 0..SUMS.len() {
        columns.push(amounts(groups.iter().map(|group| group.measures.sum(index)))?);
    }
    let markup_of = |group: &Group| match group.measures.sum(sum::PRETAX_COST) {
        Some(cost) => markup(cost, percent).map(Some).ok_or_else(|| LAYOUT.overflow(Overflow(sum::PRETAX_COST))),
        None => Ok(None),
    };
    columns.push(amounts(groups.iter().map(markup_of).collect::<Result<Vec<_>, _>>()?.into_iter())?);
    RecordBatch::try_new(daily_summary_schema(), columns).map_err(|error| unbuildable(&error))
}
