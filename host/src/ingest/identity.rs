//! Sums that a plugin says must agree, checked on every summary it makes.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow::datatypes::i256;
use serde::Serialize;

use super::totals::{Totals, decimal_text};
use crate::plugin::manifest::{Identity, Money};

/// What one identity came to in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityResult {
    /// The identity's name.
    pub name: String,
    /// Empty where rows have none.
    pub currency: String,
    /// Sum of the total column, as exact decimal text.
    pub total: String,
    /// Sum over all parts.
    pub parts: String,
    /// `total - parts`.
    pub residual: String,
    /// Whether the residual is within the tolerance.
    pub holds: bool,
}

/// Checks `identities` over the rows of one unit: one source and billing period.
pub fn check(identities: &[Identity], batches: &[RecordBatch]) -> Vec<IdentityResult> {
    identities.iter().flat_map(|identity| check_one(identity, batches)).collect()
}

fn check_one(identity: &Identity, batches: &[RecordBatch]) -> Vec<IdentityResult> {
    let columns: Vec<Money> = std::iter::once(&identity.total)
        .chain(&identity.parts)
        .map(|column| Money { column: column.clone(), currency: identity.currency.clone(), total: true })
        .collect();
    let mut totals = Totals::default();
    for batch in batches {
        totals.add(&columns, batch);
    }
    let currencies: BTreeSet<&str> = columns.iter().flat_map(|money| totals.currencies(&money.column)).collect();
    let tolerance = i256::from_i128(identity.tolerance);
    currencies
        .into_iter()
        .map(|currency| {
            let sum = |column: &str| totals.get(column, currency).unwrap_or(i256::ZERO);
            let total = sum(&identity.total);
            let parts = identity.parts.iter().fold(i256::ZERO, |parts, column| parts.wrapping_add(sum(column)));
            let residual = total.wrapping_sub(parts);
            IdentityResult {
                name: identity.name.clone(),
                currency: currency.to_owned(),
                total: decimal_text(total),
                parts: decimal_text(parts),
                residual: decimal_text(residual),
                holds: residual.wrapping_abs() <= tolerance,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, StringArray};

    use super::*;

    fn rows(total: &[i128], part_a: &[i128], part_b: &[i128], currency: &[&str]) -> RecordBatch {
        let decimals = |values: &[i128]| -> ArrayRef {
            Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(38, 18).unwrap())
        };
        RecordBatch::try_from_iter([
            ("total", decimals(total)),
            ("a", decimals(part_a)),
            ("b", decimals(part_b)),
            ("currency", Arc::new(StringArray::from(currency.to_vec())) as ArrayRef),
        ])
        .unwrap()
    }

    fn identity(tolerance: i128) -> Identity {
        Identity {
            name: "whole".into(),
            total: "total".into(),
            parts: vec!["a".into(), "b".into()],
            tolerance,
            currency: "currency".into(),
        }
    }

    #[test]
    fn a_residual_in_one_currency_is_not_hidden_by_another() {
        let batch = rows(&[10, 10], &[4, 6], &[5, 5], &["USD", "EUR"]);
        let results = check(&[identity(0)], &[batch]);
        let holds: Vec<(&str, bool)> = results.iter().map(|r| (r.currency.as_str(), r.holds)).collect();
        assert_eq!(holds, [("EUR", false), ("USD", false)]);
    }

    #[test]
    fn a_residual_up_to_the_tolerance_holds() {
        let batch = rows(&[10], &[4], &[5], &["USD"]);
        assert!(check(&[identity(1)], std::slice::from_ref(&batch))[0].holds);
        assert!(!check(&[identity(0)], &[batch])[0].holds);
    }
}
