//! The values of each group become one.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Decimal128Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use arrow::error::ArrowError;

use super::members::Members;
use crate::plugin::manifest::RollupAggregate;

/// What 38 digits can hold.
const LARGEST: u128 = 10_u128.pow(38) - 1;

/// One column of a rollup while rows come in. Groups are known by number.
#[derive(Debug)]
pub(super) enum Aggregator {
    Sum {
        held: DataType,
        sums: Vec<Sum>,
    },
    Largest {
        held: DataType,
        values: Vec<Option<i128>>,
    },
    LastText(Vec<Option<String>>),
    Members(Members),
    CountMembers(Members),
    /// The count of the members that the aggregator of this index collects.
    CountOf(usize),
    /// What it came to.
    Counted(ArrayRef),
}

/// The values of each aggregator that counts another one's members.
pub(super) fn counts(aggregators: &[Aggregator], groups: &[usize]) -> Vec<Option<ArrayRef>> {
    let count = |aggregator: &Aggregator| match aggregator {
        Aggregator::CountOf(other) => match aggregators.get(*other)? {
            Aggregator::Members(members) => Some(members.counts(groups)),
            _ => None,
        },
        _ => None,
    };
    aggregators.iter().map(count).collect()
}

/// A sum, and whether it outgrew 128 bits on the way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    value: Option<i128>,
    overflown: bool,
}

impl Aggregator {
    /// `held` is the type of the column that is made.
    pub(super) fn new(aggregate: RollupAggregate, held: &DataType) -> Result<Self, ArrowError> {
        Ok(match (aggregate, held) {
            (RollupAggregate::Sum, held) => Self::Sum { held: held.clone(), sums: Vec::new() },
            (RollupAggregate::Max, DataType::Utf8) => Self::LastText(Vec::new()),
            (RollupAggregate::Max, held) => Self::Largest { held: held.clone(), values: Vec::new() },
            (RollupAggregate::Members, _) => Self::Members(Members::default()),
            (RollupAggregate::CountMembers, _) => Self::CountMembers(Members::default()),
        })
    }

    /// Takes in a column; `groups` says to which group each row belongs, `count` how many groups there are by now.
    pub(super) fn add(&mut self, column: &ArrayRef, groups: &[usize], count: usize) -> Result<(), ArrowError> {
        match self {
            Self::Sum { sums, .. } => {
                sums.resize(count, Sum::default());
                each_number(column, groups, |group, value| {
                    if let Some(sum) = sums.get_mut(group) {
                        sum.add(value);
                    }
                })
            }
            Self::Largest { values, .. } => {
                values.resize(count, None);
                each_number(column, groups, |group, value| {
                    if let Some(largest) = values.get_mut(group) {
                        *largest = Some(largest.map_or(value, |known| known.max(value)));
                    }
                })
            }
            Self::LastText(values) => {
                values.resize(count, None);
                let texts = column.as_string_opt::<i32>().ok_or_else(|| other_type(column))?;
                for (text, group) in texts.iter().zip(groups) {
                    if let (Some(text), Some(last)) = (text, values.get_mut(*group))
                        && last.as_deref().is_none_or(|last| last < text)
                    {
                        *last = Some(text.to_owned());
                    }
                }
                Ok(())
            }
            Self::Members(members) | Self::CountMembers(members) => members.add(column, groups),
            Self::CountOf(_) | Self::Counted(_) => Ok(()),
        }
    }

    /// The values of these groups, in this order; `None` when a sum does not fit.
    pub(super) fn finish(self, groups: &[usize]) -> Result<Option<ArrayRef>, ArrowError> {
        Ok(match self {
            Self::Sum { held, sums } => {
                let sum = |group: &usize| sums.get(*group).copied().unwrap_or_default();
                if groups.iter().map(sum).any(|sum| !sum.fits(&held)) {
                    return Ok(None);
                }
                Some(numbers(&held, groups.iter().map(|group| sum(group).value))?)
            }
            Self::Largest { held, values } => {
                Some(numbers(&held, groups.iter().map(|group| values.get(*group).copied().flatten()))?)
            }
            Self::LastText(values) => {
                let text = |group: &usize| values.get(*group).and_then(Option::as_deref);
                Some(Arc::new(groups.iter().map(text).collect::<StringArray>()))
            }
            Self::Members(members) => Some(members.lists(groups)),
            Self::CountMembers(members) => Some(members.counts(groups)),
            Self::Counted(counts) => Some(counts),
            // Asked for its values before the members were counted, which nobody does.
            Self::CountOf(_) => None,
        })
    }
}

impl Sum {
    fn add(&mut self, value: i128) {
        match self.value.unwrap_or_default().checked_add(value) {
            Some(sum) => self.value = Some(sum),
            None => self.overflown = true,
        }
    }

    fn fits(self, held: &DataType) -> bool {
        let value = self.value.unwrap_or_default();
        !self.overflown
            && match held {
                DataType::Int64 => i64::try_from(value).is_ok(),
                _ => value.unsigned_abs() <= LARGEST,
            }
    }
}

fn each_number(column: &ArrayRef, groups: &[usize], mut take: impl FnMut(usize, i128)) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>();
            values.iter().zip(groups).for_each(|(value, group)| _ = value.map(|value| take(*group, value)));
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            values.iter().zip(groups).for_each(|(value, group)| _ = value.map(|value| take(*group, value.into())));
        }
        DataType::Null => {}
        _ => return Err(other_type(column)),
    }
    Ok(())
}

fn numbers(held: &DataType, values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, ArrowError> {
    Ok(match held {
        DataType::Decimal128(precision, scale) => {
            Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(*precision, *scale)?)
        }
        _ => {
            let values = values.map(|value| value.and_then(|value| i64::try_from(value).ok()));
            Arc::new(values.collect::<Int64Array>())
        }
    })
}

fn other_type(column: &ArrayRef) -> ArrowError {
    ArrowError::SchemaError(format!("a column of {} cannot be rolled up this way", column.data_type()))
}
