//! The rows of one table as two versions made them.
//!
//! A row is known by all of its values that are no numbers; its numbers are compared. Rows that are alike in everything
//! else are added up, so no order and no duplicate can hide a difference of sums.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal256Type, Schema, i256};
use sha2::{Digest, Sha256};

use super::difference::{ColumnChange, TableChange, Values};
use super::differs;
use crate::plugin::manifest::Money;
use crate::report::text_of;

/// Every number is compared as one of these.
const EXACT: DataType = DataType::Decimal256(76, 18);

/// Which columns of a table are compared, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// What tells rows apart.
    pub keys: Vec<String>,
    /// What is compared, with the column that names its currency.
    pub numbers: Vec<(String, Option<String>)>,
}

impl Columns {
    /// Columns of a table that both versions have. Of those with numbers in them, `counts` tells which are compared; the
    /// others, such as ids and dimensions, tell rows apart.
    pub fn of(schema: &Schema, common: impl Fn(&str) -> bool, counts: impl Fn(&str) -> bool, money: &[Money]) -> Self {
        let mut columns = Self { keys: Vec::new(), numbers: Vec::new() };
        for field in schema.fields().iter().filter(|field| common(field.name())) {
            let name = field.name();
            if field.data_type().is_numeric() && counts(name) {
                let currency = money.iter().find(|money| money.column == *name).map(|money| money.currency.clone());
                columns.numbers.push((name.clone(), currency));
            } else {
                columns.keys.push(name.clone());
            }
        }
        columns
    }
}

/// Which of the two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one in use.
    Old,
    /// The one to be tried.
    New,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

/// The rows of a table by what tells them apart.
#[derive(Debug)]
pub struct ComparedRows {
    columns: Columns,
    rows: BTreeMap<[u8; 16], Pair>,
    /// Rows of each side.
    counts: [u64; 2],
    /// Currencies by their place.
    currencies: Vec<Option<String>>,
}

/// What both sides made of one key.
#[derive(Debug, Default)]
struct Pair {
    sides: [Option<Vec<Option<i256>>>; 2],
    /// Of each number, its currency's place.
    currencies: Vec<usize>,
}

/// A number over all rows.
#[derive(Debug, Default)]
struct Total {
    /// Rows in which it differs.
    rows: u64,
    /// Of both sides.
    sums: [Option<i256>; 2],
}

impl ComparedRows {
    /// No rows yet.
    pub fn new(columns: Columns) -> Self {
        Self { columns, rows: BTreeMap::new(), counts: [0, 0], currencies: vec![None] }
    }

    /// Takes rows of one side.
    ///
    /// # Errors
    /// When a column is not there or is no number.
    pub fn take(&mut self, side: Side, batch: &RecordBatch) -> Result<(), String> {
        let column = |name: &String| batch.column_by_name(name).ok_or_else(|| format!("there is no column {name}"));
        let keys = self.columns.keys.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let mut numbers = Vec::with_capacity(self.columns.numbers.len());
        for (name, currency) in &self.columns.numbers {
            let exact = cast(column(name)?, &EXACT).map_err(|error| format!("column {name}: {error}"))?;
            numbers.push((exact, currency.as_ref().map(column).transpose()?));
        }
        for row in 0..batch.num_rows() {
            let key = key_of(&keys, row);
            let mut currencies = Vec::with_capacity(numbers.len());
            for (_, currency) in &numbers {
                let currency = currency.and_then(|currency| text_of(currency.as_ref(), row));
                currencies.push(place(&mut self.currencies, currency));
            }
            let pair = self.rows.entry(key).or_default();
            pair.currencies = currencies;
            let (Some(sums), Some(count)) = (pair.sides.get_mut(side as usize), self.counts.get_mut(side as usize))
            else {
                continue;
            };
            *count += 1;
            let sums = sums.get_or_insert_with(|| vec![None; numbers.len()]);
            for (sum, (exact, _)) in sums.iter_mut().zip(&numbers) {
                let exact = exact.as_primitive::<Decimal256Type>();
                if exact.is_valid(row) {
                    *sum = Some(sum.unwrap_or_default().wrapping_add(exact.value(row)));
                }
            }
        }
        Ok(())
    }

    /// What differs by more than the tolerance; none if nothing does.
    pub fn change(&self, table: &str, tolerance: i256) -> Option<TableChange> {
        let mut change = TableChange {
            table: table.to_owned(),
            rows: self.counts,
            only_old: 0,
            only_new: 0,
            changed: 0,
            columns: Vec::new(),
        };
        // By the number's place and its currency's.
        let mut totals: BTreeMap<(usize, usize), Total> = BTreeMap::new();
        for Pair { sides: [old, new], currencies } in self.rows.values() {
            let mut any = false;
            for (at, currency) in currencies.iter().enumerate() {
                let value = |side: &Option<Vec<Option<i256>>>| side.as_ref()?.get(at).copied().flatten();
                let (old, new) = (value(old), value(new));
                let total = totals.entry((at, *currency)).or_default();
                for (sum, value) in total.sums.iter_mut().zip([old, new]) {
                    *sum = value.map(|value| sum.unwrap_or_default().wrapping_add(value)).or(*sum);
                }
                if differs(old, new, tolerance) {
                    total.rows += 1;
                    any = true;
                }
            }
            // A row without any number worth telling still is a row, where every difference counts.
            match (old, new) {
                (Some(_), None) if any || tolerance == i256::ZERO => change.only_old += 1,
                (None, Some(_)) if any || tolerance == i256::ZERO => change.only_new += 1,
                (Some(_), Some(_)) if any => change.changed += 1,
                _ => {}
            }
        }
        for ((at, currency), Total { rows, sums: [old, new] }) in totals {
            // Many differences that are small enough one by one may add up to one that is not.
            if rows == 0 && !differs(old, new, tolerance) {
                continue;
            }
            let Some((column, _)) = self.columns.numbers.get(at) else { continue };
            let currency = self.currencies.get(currency).cloned().flatten();
            change.columns.push(ColumnChange { column: column.clone(), currency, rows, values: Values::of(old, new) });
        }
        change.columns.sort_by(|a, b| (&a.column, &a.currency).cmp(&(&b.column, &b.currency)));
        let same = change.columns.is_empty() && change.only_old + change.only_new + change.changed == 0;
        (!same).then_some(change)
    }
}

fn place(known: &mut Vec<Option<String>>, currency: Option<String>) -> usize {
    match known.iter().position(|known| *known == currency) {
        Some(at) => at,
        None => {
            known.push(currency);
            known.len() - 1
        }
    }
}

fn key_of(keys: &[&arrow::array::ArrayRef], row: usize) -> [u8; 16] {
    let mut digest = Sha256::new();
    for column in keys {
        // Lengths keep one value's end apart from the next one's beginning.
        match text_of(column.as_ref(), row) {
            Some(text) => {
                digest.update((text.len() as u64 + 1).to_le_bytes());
                digest.update(text.as_bytes());
            }
            None => digest.update(0_u64.to_le_bytes()),
        }
    }
    let mut key = [0; 16];
    key.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    key
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray};

    use super::*;

    const ONE: i128 = 1_000_000_000_000_000_000;

    fn batch(rows: &[(&str, &str, Option<i128>, i64)]) -> RecordBatch {
        let cost = rows.iter().map(|row| row.2).collect::<Vec<_>>();
        let cost = Decimal128Array::from(cost).with_precision_and_scale(38, 18).unwrap();
        RecordBatch::try_from_iter([
            ("team", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
            ("currency", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
            ("cost", Arc::new(cost)),
            ("lines", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3)))),
        ])
        .unwrap()
    }

    fn compared(old: &[(&str, &str, Option<i128>, i64)], new: &[(&str, &str, Option<i128>, i64)]) -> ComparedRows {
        let money = [Money { column: "cost".into(), currency: "currency".into(), total: true }];
        let columns = Columns::of(&batch(old).schema(), |_| true, |_| true, &money);
        assert_eq!(columns.keys, ["team", "currency"]);
        let mut rows = ComparedRows::new(columns);
        rows.take(Side::Old, &batch(old)).unwrap();
        rows.take(Side::New, &batch(new)).unwrap();
        rows
    }

    #[test]
    fn the_same_rows_in_another_order_are_no_change() {
        let (a, b) = (("a", "USD", Some(ONE), 1), ("b", "EUR", None, 2));
        assert_eq!(compared(&[a, b, a], &[a, a, b]).change("t", i256::ZERO), None);
    }

    #[test]
    fn numbers_and_rows_that_differ_are_told_by_currency() {
        let old = [("a", "USD", Some(ONE), 1), ("b", "EUR", Some(ONE), 1), ("c", "EUR", Some(ONE), 1)];
        let new = [("a", "USD", Some(ONE), 1), ("b", "EUR", Some(3 * ONE), 1), ("d", "USD", Some(ONE / 2), 1)];
        let change = compared(&old, &new).change("t", i256::ZERO).unwrap();
        assert_eq!((change.only_old, change.only_new, change.changed, change.rows), (1, 1, 1, [3, 3]));
        let told = change.columns.iter().map(|column| {
            (column.column.as_str(), column.currency.as_deref(), column.rows, column.values.difference.as_str())
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, [("cost", Some("EUR"), 2, "1"), ("cost", Some("USD"), 1, "0.5"), ("lines", None, 2, "0")]);
    }

    #[test]
    fn a_tolerance_holds_for_rows_and_for_what_they_add_up_to() {
        let old: Vec<_> = ["a", "b", "c"].map(|team| (team, "USD", Some(ONE), 1)).to_vec();
        let new: Vec<_> = ["a", "b", "c"].map(|team| (team, "USD", Some(ONE + 10), 1)).to_vec();
        let rows = compared(&old, &new);
        assert_eq!(rows.change("t", i256::from_i128(30)), None);
        let change = rows.change("t", i256::from_i128(29)).unwrap();
        assert_eq!((change.changed, change.columns[0].rows), (0, 0), "no row alone, but all together");
        assert_eq!(rows.change("t", i256::from_i128(9)).unwrap().changed, 3);
    }
}
