//! The distinct texts of each group.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use foldhash::fast::RandomState;

/// Texts by number, and which groups hold which.
#[derive(Debug, Default)]
pub(super) struct Members {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
    /// Group and number of the text.
    pairs: HashSet<(usize, u32), RandomState>,
}

impl Members {
    /// Takes in a text column, or one of lists of texts.
    pub(super) fn add(&mut self, column: &ArrayRef, groups: &[usize]) -> Result<(), ArrowError> {
        let wrong = || ArrowError::SchemaError(format!("a column of {} has no texts as members", column.data_type()));
        match column.data_type() {
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                let numbers = self.numbers_of(lists.values().as_string_opt::<i32>().ok_or_else(wrong)?);
                for (row, group) in groups.iter().enumerate().take(lists.len()) {
                    let (Some(from), Some(to)) = (lists.offsets().get(row), lists.offsets().get(row + 1)) else {
                        continue;
                    };
                    let own = numbers.get(*from as usize..*to as usize).unwrap_or_default();
                    if lists.is_valid(row) {
                        self.pairs.extend(own.iter().flatten().map(|number| (*group, *number)));
                    }
                }
            }
            _ => {
                let numbers = self.numbers_of(column.as_string_opt::<i32>().ok_or_else(wrong)?);
                let pairs = numbers.iter().zip(groups);
                self.pairs.extend(pairs.filter_map(|(number, group)| Some((*group, (*number)?))));
            }
        }
        Ok(())
    }

    fn numbers_of(&mut self, texts: &StringArray) -> Vec<Option<u32>> {
        texts.iter().map(|text| text.map(|text| self.number(text))).collect()
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let (text, number): (Arc<str>, u32) = (text.into(), u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// How many distinct texts each of these groups has.
    pub(super) fn counts(&self, groups: &[usize]) -> ArrayRef {
        let mut counts: HashMap<usize, i64> = HashMap::new();
        self.pairs.iter().for_each(|(group, _)| *counts.entry(*group).or_default() += 1);
        let counts = groups.iter().map(|group| counts.get(group).copied().unwrap_or_default());
        Arc::new(Int64Array::from_iter_values(counts))
    }

    /// The texts of each of these groups, sorted.
    pub(super) fn lists(&self, groups: &[usize]) -> ArrayRef {
        let mut by_group: HashMap<usize, Vec<&str>> = HashMap::new();
        for (group, number) in &self.pairs {
            if let Some(text) = self.texts.get(*number as usize) {
                by_group.entry(*group).or_default().push(text);
            }
        }
        let mut lists = ListBuilder::new(StringBuilder::new());
        for group in groups {
            let mut texts = by_group.remove(group).unwrap_or_default();
            texts.sort_unstable();
            texts.into_iter().for_each(|text| lists.values().append_value(text));
            lists.append(true);
        }
        Arc::new(lists.finish())
    }
}
