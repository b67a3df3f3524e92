//! What a bucket adds up to: counted while its rows are written, from the same integers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::columns::Column;
use super::line::Line;
use crate::amount::Amount;

/// Rows and their cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many rows.
    pub rows: u64,
    /// What they add up to.
    pub unblended_cost: Amount,
}

/// The totals of one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CurrencyTotals {
    /// How many rows.
    pub rows: u64,
    /// Sum of `lineItem/UnblendedCost`.
    pub unblended_cost: Amount,
    /// Sum of `lineItem/BlendedCost`.
    pub blended_cost: Amount,
    /// The amortized view: `unblended_cost` = the sum of this and the next two.
    pub amortized_cost: Amount,
    /// What the amortized view books in other months.
    pub trueup_cost: Amount,
    /// Paid at once for commitments.
    pub upfront_cost: Amount,
    /// By `lineItem/ProductCode`.
    pub services: BTreeMap<String, Share>,
    /// By `lineItem/LineItemType`.
    pub line_item_types: BTreeMap<String, Share>,
    /// By `lineItem/UsageAccountId`.
    pub accounts: BTreeMap<String, Share>,
}

/// The totals of one billing month's newest delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MonthTotals {
    /// Data rows in all files.
    pub rows: u64,
    /// By currency.
    pub currencies: BTreeMap<String, CurrencyTotals>,
}

impl MonthTotals {
    /// Counts a row.
    pub(super) fn add(&mut self, line: &Line) {
        self.rows += 1;
        let totals = entry(&mut self.currencies, line.get(Column::CurrencyCode));
        let charge = &line.charge;
        totals.rows += 1;
        totals.unblended_cost += charge.unblended;
        totals.blended_cost += charge.blended.unwrap_or_default();
        totals.amortized_cost += charge.amortized;
        totals.trueup_cost += charge.trueup;
        totals.upfront_cost += charge.upfront;
        let shares = [
            (&mut totals.services, Column::ProductCode),
            (&mut totals.line_item_types, Column::LineItemType),
            (&mut totals.accounts, Column::UsageAccountId),
        ];
        for (map, column) in shares {
            let share = entry(map, line.get(column));
            share.rows += 1;
            share.unblended_cost += charge.unblended;
        }
    }

    /// Adds the totals of other rows of the same month.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for (currency, theirs) in &other.currencies {
            let ours = entry(&mut self.currencies, currency);
            ours.rows += theirs.rows;
            ours.unblended_cost += theirs.unblended_cost;
            ours.blended_cost += theirs.blended_cost;
            ours.amortized_cost += theirs.amortized_cost;
            ours.trueup_cost += theirs.trueup_cost;
            ours.upfront_cost += theirs.upfront_cost;
            merge_shares(&mut ours.services, &theirs.services);
            merge_shares(&mut ours.line_item_types, &theirs.line_item_types);
            merge_shares(&mut ours.accounts, &theirs.accounts);
        }
    }
}

fn merge_shares(ours: &mut BTreeMap<String, Share>, theirs: &BTreeMap<String, Share>) {
    for (name, share) in theirs {
        let entry = entry(ours, name);
        entry.rows += share.rows;
        entry.unblended_cost += share.unblended_cost;
    }
}

/// The entry of `key`, made when it is missing; the key is only copied then.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, key: &str) -> &'a mut T {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), T::default());
    }
    map.entry(key.to_owned()).or_default()
}
