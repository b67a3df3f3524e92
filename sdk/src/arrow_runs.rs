//! Rows by what several columns say together: rows that agree in all of them have the same number.
//!
//! Invariant: numbers are exact, and given in the order in which rows first need them. Columns of a run mostly follow from
//! each other, so that after the first of them a look at each row tells that nothing is new.

use crate::arrow_texts::Coded;

const UNSEEN: u32 = u32::MAX;

/// Numbers the rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// By row: its number.
    pub(crate) ids: Vec<u32>,
    /// By number: the first row that has it.
    pub(crate) firsts: Vec<u32>,
    /// By number: the code that its rows have in the column at hand.
    expected: Vec<u32>,
    codes: Vec<u32>,
    splits: Splits,
}

impl Runs {
    /// Numbers `rows` rows by these columns.
    pub(crate) fn number<'a>(&mut self, columns: impl Iterator<Item = &'a Coded> + Clone, rows: usize) {
        // The column that tells most rows apart comes first: its codes are numbers already.
        let widest = columns.clone().enumerate().max_by_key(|(_, column)| column.count());
        let mut count = 1;
        self.ids.clear();
        match widest {
            Some((_, column)) => {
                column.codes(&mut self.ids);
                count = column.count();
            }
            None => self.ids.resize(rows, 0),
        }
        let mut told: Vec<&Coded> = widest.iter().map(|(_, column)| *column).collect();
        for (at, column) in columns.enumerate() {
            let tells_more = widest.is_some_and(|(widest, _)| widest != at)
                && !column.is_constant()
                && !told.iter().any(|known| column.has_codes_of(known));
            if tells_more {
                column.codes(&mut self.codes);
                count = self.split(count);
                told.push(column);
            }
        }
        self.renumber(count);
    }

    /// Tells rows of a number apart by the codes at hand. Returns how many numbers there are then.
    fn split(&mut self, count: usize) -> usize {
        self.expected.clear();
        self.expected.resize(count, UNSEEN);
        self.splits.clear(count as u32);
        for (id, code) in self.ids.iter_mut().zip(&self.codes) {
            let Some(expected) = self.expected.get_mut(*id as usize) else { continue };
            if *expected != *code {
                if *expected == UNSEEN {
                    *expected = *code;
                } else {
                    *id = self.splits.number(*id, *code);
                }
            }
        }
        self.splits.next as usize
    }

    /// Gives numbers anew, by the rows that have them first.
    fn renumber(&mut self, count: usize) {
        self.firsts.clear();
        self.expected.clear();
        self.expected.resize(count, UNSEEN);
        for (row, id) in (0..).zip(&mut self.ids) {
            let Some(new) = self.expected.get_mut(*id as usize) else { continue };
            if *new == UNSEEN {
                *new = self.firsts.len() as u32;
                self.firsts.push(row);
            }
            *id = *new;
        }
    }
}

/// Numbers of rows that differ from the first of their number.
#[derive(Debug, Default)]
struct Splits {
    /// Number and code in one, and the new number, `UNSEEN` where free. A power of two long and at most half full.
    table: Vec<(u64, u32)>,
    used: usize,
    next: u32,
}

impl Splits {
    fn clear(&mut self, next: u32) {
        if self.used > 0 {
            self.table.fill((0, UNSEEN));
        }
        (self.used, self.next) = (0, next);
    }

    /// The number of the rows of a number that have this code.
    #[expect(clippy::indexing_slicing, reason = "the slot is masked by the table's length")]
    fn number(&mut self, id: u32, code: u32) -> u32 {
        if self.used * 2 >= self.table.len() {
            self.grow();
        }
        let key = u64::from(id) << 32 | u64::from(code);
        let mask = self.table.len() - 1;
        let mut at = slot(key) & mask;
        loop {
            let (found, number) = self.table[at];
            if number == UNSEEN {
                break;
            }
            if found == key {
                return number;
            }
            at = (at + 1) & mask;
        }
        let number = self.next;
        self.table[at] = (key, number);
        (self.used, self.next) = (self.used + 1, number + 1);
        number
    }

    #[expect(clippy::indexing_slicing, reason = "the slot is masked by the table's length")]
    fn grow(&mut self) {
        let len = (self.table.len() * 2).max(64);
        let old = std::mem::replace(&mut self.table, vec![(0, UNSEEN); len]);
        for (key, number) in old.into_iter().filter(|(_, number)| *number != UNSEEN) {
            let mut at = slot(key) & (len - 1);
            while self.table[at].1 != UNSEEN {
                at = (at + 1) & (len - 1);
            }
            self.table[at] = (key, number);
        }
    }
}

/// The upper half of a product depends on all bits of the key.
#[inline]
fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::UInt8Type;
    use arrow_array::{ArrayRef, DictionaryArray, StringArray};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    proptest! {
        #[test]
        fn numbers_as_a_map_of_rows_would(batches in proptest::collection::vec(
            (1usize..5).prop_flat_map(|columns| proptest::collection::vec(
                proptest::collection::vec("[a-c]{0,2}", columns), 0..120)), 1..4)) {
            let mut runs = Runs::default();
            for rows in batches {
                let plain = |at: usize| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[at]))) };
                // Values are numbered as they come: where they are longer by a letter, codes are the same.
                let coded = |at: usize, end: &str| -> ArrayRef {
                    let texts = rows.iter().map(|row| (!row[at].is_empty()).then(|| format!("{}{end}", row[at])));
                    let texts: Vec<Option<String>> = texts.collect();
                    Arc::new(texts.iter().map(Option::as_deref).collect::<DictionaryArray<UInt8Type>>())
                };
                let columns = (0..rows.first().map_or(0, Vec::len)).flat_map(|at| match at % 3 {
                    0 => vec![coded(at, ""), coded(at, "x")],
                    1 => vec![coded(at, "")],
                    _ => vec![plain(at)],
                });
                let columns: Vec<Coded> = columns.map(|column| Coded::of(&column).unwrap()).collect();
                runs.number(columns.iter(), rows.len());
                let (mut known, mut firsts) = (BTreeMap::new(), Vec::new());
                for (at, row) in rows.iter().enumerate() {
                    let next = known.len() as u32;
                    let want = *known.entry(row.clone()).or_insert(next);
                    if want == next {
                        firsts.push(at as u32);
                    }
                    prop_assert_eq!(runs.ids[at], want);
                }
                prop_assert_eq!(&runs.firsts, &firsts);
            }
        }
    }

    #[test]
    fn without_columns_all_rows_are_the_same() {
        let mut runs = Runs::default();
        runs.number([].iter(), 3);
        assert_eq!((runs.ids, runs.firsts), (vec![0; 3], vec![0]));
    }
}
