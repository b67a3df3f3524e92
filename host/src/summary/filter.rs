//! Which rows a rollup counts.

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{and, or};
use arrow::error::ArrowError;

use super::rollup::{Selection, plain};
use crate::plugin::manifest::{Clause, Condition};

/// The rows for which all clauses hold; `None` when there are no clauses. A missing value fulfills no condition.
pub(super) fn rows(clauses: &[Clause], batch: &RecordBatch) -> Result<Selection, ArrowError> {
    let mut all: Selection = None;
    for clause in clauses {
        let mut any: Selection = None;
        for condition in clause {
            let holds = holding(condition, batch)?;
            any = Some(match any {
                Some(any) => or(&any, &holds)?,
                None => holds,
            });
        }
        let any = any.unwrap_or_else(|| BooleanArray::from(vec![false; batch.num_rows()]));
        all = Some(match all {
            Some(all) => and(&all, &any)?,
            None => any,
        });
    }
    Ok(all)
}

fn holding(condition: &Condition, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    let column = |name: &str| batch.schema_ref().index_of(name).map(|at| batch.column(at));
    match condition {
        Condition::NotNull(name) => {
            let column = column(name)?;
            Ok((0..column.len()).map(|row| Some(column.is_valid(row))).collect())
        }
        Condition::OneOf(name, values) => texts(column(name)?, |text| values.iter().any(|value| value == text)),
        Condition::Contains(name, part) => texts(column(name)?, |text| text.contains(part)),
        Condition::ContainsInAnyCase(name, part) => {
            let part = part.to_lowercase();
            texts(column(name)?, |text| text.to_lowercase().contains(&part))
        }
    }
}

fn texts(column: &ArrayRef, holds: impl Fn(&str) -> bool) -> Result<BooleanArray, ArrowError> {
    let column = plain(column)?;
    let texts = column.as_string_opt::<i32>().ok_or_else(|| {
        ArrowError::SchemaError(format!("a condition on text meets a column of {}", column.data_type()))
    })?;
    Ok(texts.iter().map(|text| Some(text.is_some_and(&holds))).collect())
}
