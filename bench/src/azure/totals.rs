//! What an export adds up to: counted while its rows are written, from the same integers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::amount::Amount;

/// Rows and their cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many rows.
    pub rows: u64,
    /// Sum of `CostInBillingCurrency`.
    pub cost: Amount,
}

impl Share {
    fn add(&mut self, rows: u64, cost: Amount) {
        self.rows += rows;
        self.cost += cost;
    }
}

/// The totals of one month's newest run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MonthTotals {
    /// Data rows in all files.
    pub rows: u64,
    /// By currency.
    pub currencies: BTreeMap<String, Share>,
    /// By `MeterCategory`.
    pub services: BTreeMap<String, Share>,
    /// By `ChargeType`.
    pub charge_types: BTreeMap<String, Share>,
}

impl MonthTotals {
    /// Counts a row.
    pub(super) fn add(&mut self, currency: &str, service: &str, charge_type: &str, cost: Amount) {
        self.rows += 1;
        let maps =
            [(&mut self.currencies, currency), (&mut self.services, service), (&mut self.charge_types, charge_type)];
        for (map, key) in maps {
            match map.get_mut(key) {
                Some(share) => share.add(1, cost),
                None => map.entry(key.to_owned()).or_default().add(1, cost),
            }
        }
    }

    /// Adds the totals of other rows of the same month.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        let maps = [
            (&mut self.currencies, &other.currencies),
            (&mut self.services, &other.services),
            (&mut self.charge_types, &other.charge_types),
        ];
        for (ours, theirs) in maps {
            for (key, share) in theirs {
                ours.entry(key.clone()).or_default().add(share.rows, share.cost);
            }
        }
    }
}
