//! The numbers of declared reports as two versions made them: by the dimensions people know, such as account and service.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal256Type, i256};

use super::difference::{GroupChange, Values};
use super::differs;
use crate::plugin::manifest::ReportDefinition;
use crate::report::{Answer, ReportError, ReportQuery, Resolution, text_of};

/// Dimensions that are asked for first: the everyday names that the contract suggests.
const USUAL: [&str; 2] = ["account", "service"];

/// The dimensions that a report is compared by: those that were asked for and it has, else the usual ones, else its
/// first two.
pub fn dimensions(report: &ReportDefinition, asked: &[String]) -> Vec<String> {
    let has = |name: &str| report.dimensions.iter().any(|dimension| dimension.name == name);
    if !asked.is_empty() {
        return asked.iter().filter(|name| has(name)).cloned().collect();
    }
    let usual: Vec<String> = USUAL.iter().filter(|name| has(name)).map(|name| (*name).to_owned()).collect();
    if usual.is_empty() {
        report.dimensions.iter().take(2).map(|dimension| dimension.name.clone()).collect()
    } else {
        usual
    }
}

/// The question that both versions are asked: every measure that both have, by these dimensions.
pub fn query(dimensions: &[String], measures: &[String]) -> ReportQuery {
    ReportQuery {
        group_by: dimensions.to_vec(),
        measures: measures.to_vec(),
        resolution: Resolution::Total,
        ..ReportQuery::default()
    }
}

/// Numbers of a report by what they are grouped by.
type Groups = BTreeMap<Vec<Option<String>>, Vec<Option<i256>>>;

/// What differs between two answers to one question, the largest difference first.
///
/// # Errors
/// When a measure is no number.
pub fn changes(
    report: &str,
    measures: &[String],
    old: &Answer,
    new: &Answer,
    tolerance: i256,
) -> Result<Vec<GroupChange>, ReportError> {
    let (old_groups, new_groups) = (groups(old, measures.len())?, groups(new, measures.len())?);
    let names: Vec<&str> = old.columns.iter().map(|column| column.name.as_str()).collect();
    let none = vec![None; measures.len()];
    let mut changes = Vec::new();
    let keys = old_groups.keys().chain(new_groups.keys().filter(|key| !old_groups.contains_key(*key)));
    for key in keys {
        let (old, new) = (old_groups.get(key).unwrap_or(&none), new_groups.get(key).unwrap_or(&none));
        for (measure, (old, new)) in measures.iter().zip(old.iter().zip(new)) {
            if differs(*old, *new, tolerance) {
                let by = names.iter().zip(key).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                let change = GroupChange {
                    report: report.to_owned(),
                    measure: measure.clone(),
                    by,
                    values: Values::of(*old, *new),
                };
                let size = new.unwrap_or_default().wrapping_sub(old.unwrap_or_default()).wrapping_abs();
                changes.push((size, change));
            }
        }
    }
    changes.sort_by(|(a, left), (b, right)| {
        b.cmp(a).then_with(|| (&left.measure, &left.by).cmp(&(&right.measure, &right.by)))
    });
    Ok(changes.into_iter().map(|(_, change)| change).collect())
}

fn groups(answer: &Answer, measures: usize) -> Result<Groups, ReportError> {
    let mut groups = Groups::new();
    for batch in &answer.rows {
        let keys = batch.num_columns().saturating_sub(measures);
        let (keys, numbers) = batch.columns().split_at(keys);
        let numbers = numbers.iter().map(|column| cast(column, &DataType::Decimal256(76, 18)));
        let numbers = numbers.collect::<Result<Vec<_>, _>>().map_err(|error| ReportError::Read(error.into()))?;
        for row in 0..batch.num_rows() {
            let key = keys.iter().map(|column| text_of(column.as_ref(), row)).collect();
            let value = |column: &arrow::array::ArrayRef| {
                let column = column.as_primitive::<Decimal256Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            groups.insert(key, numbers.iter().map(value).collect());
        }
    }
    Ok(groups)
}
