//! Map columns: keys and values of a whole batch as two dictionaries.

use crate::text::Dictionary;
use arrow_array::{Array, ArrayRef, MapArray, NullArray, StructArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use std::sync::Arc;

/// A key and a value, as codes of the column's dictionaries.
pub(crate) type Entry = (u32, u32);

/// A column of maps from text to text under construction. A map without entries is null.
#[derive(Debug, Default)]
pub(crate) struct MapColumn {
    pub(crate) keys: Dictionary,
    pub(crate) values: Dictionary,
    entry_keys: Vec<u32>,
    entry_values: Vec<u32>,
    /// By row: where its entries end.
    ends: Vec<i32>,
    /// Whether two inputs may give the same key; the first value that is not empty stands.
    pub(crate) may_repeat: bool,
}

impl MapColumn {
    /// Appends entries to the row in progress.
    #[inline]
    pub(crate) fn add(&mut self, entries: &[Entry]) {
        if self.may_repeat {
            return self.add_distinct(entries);
        }
        self.entry_keys.extend(entries.iter().map(|e| e.0));
        self.entry_values.extend(entries.iter().map(|e| e.1));
    }

    fn add_distinct(&mut self, entries: &[Entry]) {
        let begin = self.ends.last().copied().unwrap_or(0) as usize;
        for (key, value) in entries {
            if !self.entry_keys.get(begin..).unwrap_or_default().contains(key) {
                self.entry_keys.push(*key);
                self.entry_values.push(*value);
            }
        }
    }

    /// Ends the row in progress.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.ends.push(self.entry_keys.len() as i32);
    }

    /// The column of `rows` rows, `Null` when no row has an entry. The dictionaries stay until [`MapColumn::forget`].
    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.entry_keys.is_empty() {
            self.ends.clear();
            return Ok(Arc::new(NullArray::new(rows)));
        }
        self.ends.resize(rows, self.entry_keys.len() as i32);
        let (keys, values) = (self.keys.full_array(&self.entry_keys)?, self.values.full_array(&self.entry_values)?);
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends.iter().copied()).collect();
        let valid = BooleanBuffer::collect_bool(rows, |row| offsets.get(row) != offsets.get(row + 1));
        let array = assemble(keys, values, offsets, NullBuffer::new(valid))?;
        self.entry_keys.clear();
        self.entry_values.clear();
        self.ends.clear();
        Ok(array)
    }

    /// Forgets the keys and values of earlier batches.
    pub(crate) fn forget(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

fn assemble(keys: ArrayRef, values: ArrayRef, offsets: Vec<i32>, nulls: NullBuffer) -> Result<ArrayRef, ArrowError> {
    let fields = entry_fields(keys.data_type().clone(), values.data_type().clone());
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    Ok(Arc::new(MapArray::try_new(field, offsets, entries, nulls, false)?))
}

fn entry_fields(key: DataType, value: DataType) -> Fields {
    Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)])
}

/// The logical type of a map column: text to text.
#[must_use]
pub fn map_type() -> DataType {
    let fields = entry_fields(DataType::Utf8, DataType::Utf8);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields), false)), false)
}
