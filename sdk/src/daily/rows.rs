//! Rows into groups, and groups into rows.

use super::groups::{Group, Groups, Overflow};
use super::{DAY, DailyRule};
use crate::contract::Failure;
use crate::failure::abort;
use crate::settings::TagKeys;
use crate::summary::arrays::{amounts as amount_array, unbuildable};
use crate::summary::columns::{Maps, Numbers, Texts, amounts, column, times};
use crate::summary::layout::day_of;
use crate::summary::objects::Objects;
use crate::summary::texts::Interner;
use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use std::sync::Arc;

/// Adds rows of the input.
pub(super) fn add_rows(
    rule: &DailyRule,
    batch: &RecordBatch,
    groups: &mut Groups,
    objects: &mut Objects,
    tag_keys: &TagKeys,
) -> Result<(), Failure> {
    let days = times(batch, rule.time)?;
    let texts = texts(rule.group_by, batch, &mut groups.interner)?;
    let labels = rule.labels.map(|name| {
        Maps::new(batch, name, &mut groups.interner, |interner, key| {
            if tag_keys.keeps(key) { interner.id(key) } else { objects.left_out(key) }
        })
    });
    let labels = labels.transpose()?;
    let sums = sums(rule, batch)?;
    let mut key = Vec::with_capacity(texts.len() + 2);
    for row in 0..batch.num_rows() {
        let micros = days.get(row).ok_or_else(|| timeless(rule))?;
        key.clear();
        key.push(day_of(micros).ok_or_else(|| timeless(rule))?.cast_unsigned());
        key.extend(texts.iter().map(|texts| texts.id(row)));
        if let Some(labels) = &labels {
            key.push(objects.id(labels, row, &mut groups.interner));
        }
        add(rule, groups, &key, &sums, row)?;
    }
    Ok(())
}

/// Adds rows of the result, as another accumulator saved them.
pub(super) fn add_result(rule: &DailyRule, batch: &RecordBatch, groups: &mut Groups) -> Result<(), Failure> {
    let days = column(batch, DAY)?.as_primitive::<Date32Type>().clone();
    let mut texts = texts(rule.group_by, batch, &mut groups.interner)?;
    if let Some(labels) = rule.labels {
        texts.push(Texts::new(batch, labels, &mut groups.interner)?);
    }
    let sums = sums(rule, batch)?;
    let mut key = Vec::with_capacity(texts.len() + 1);
    for (row, day) in days.values().iter().enumerate() {
        key.clear();
        key.push(day.cast_unsigned());
        key.extend(texts.iter().map(|texts| texts.id(row)));
        add(rule, groups, &key, &sums, row)?;
    }
    Ok(())
}

/// Groups as rows of the result.
pub(super) fn batch(
    rule: &DailyRule,
    schema: &SchemaRef,
    groups: &[&Group],
    interner: &Interner,
) -> Result<RecordBatch, Failure> {
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(Date32Array::from_iter_values(groups.iter().map(|group| group.day())))];
    let places = rule.group_by.len() + usize::from(rule.labels.is_some());
    for place in 0..places {
        let text = |group: &&Group| interner.text(group.text(place));
        columns.push(Arc::new(groups.iter().map(text).collect::<StringArray>()));
    }
    for sum in 0..rule.sums().count() {
        columns.push(amount_array(groups.iter().map(|group| group.sums.get(sum).copied().flatten()))?);
    }
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| unbuildable(&error))
}

fn texts<'a>(names: &[&str], batch: &'a RecordBatch, interner: &mut Interner) -> Result<Vec<Texts<'a>>, Failure> {
    names.iter().map(|name| Texts::new(batch, name, interner)).collect()
}

fn sums<'a>(rule: &DailyRule, batch: &'a RecordBatch) -> Result<Vec<Numbers<'a, i128>>, Failure> {
    rule.sums().map(|name| amounts(batch, name)).collect()
}

fn add(
    rule: &DailyRule,
    groups: &mut Groups,
    key: &[u32],
    sums: &[Numbers<'_, i128>],
    row: usize,
) -> Result<(), Failure> {
    groups.add(key, sums.iter().map(|sum| sum.get(row))).map_err(|Overflow(sum)| rule.overflow(sum))
}

fn timeless(rule: &DailyRule) -> Failure {
    abort("summary.no-day", format!("a row to summarize has no {}, or one beyond what a date holds", rule.time))
}
