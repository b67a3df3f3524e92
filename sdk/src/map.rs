//! Map columns: keys and values of a whole batch as two dictionaries.

use crate::dictionary::Dictionary;
use crate::span::Span;
use arrow_array::{Array, ArrayRef, MapArray, NullArray, StructArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use std::ops::Range;
use std::sync::Arc;

/// A key and a value, as codes of the column's dictionaries.
pub(crate) type Entry = (u32, u32);

/// A column of maps from text to text under construction. A map without entries is null.
#[derive(Debug, Default)]
pub(crate) struct MapColumn {
    pub(crate) keys: Dictionary,
    pub(crate) values: Dictionary,
    /// Whether two inputs may give the same key; the first value that is not empty stands.
    pub(crate) may_repeat: bool,
}

impl MapColumn {
    /// The column of `rows` rows that these spans fill, `Null` when no row has an entry. The dictionaries stay until
    /// [`MapColumn::forget`].
    ///
    /// Spans keep the entries of each run once and the run of each row: only here is it known how narrow codes can be,
    /// and how many there are.
    pub(crate) fn finish(&self, rows: usize, spans: &[&Span]) -> Result<ArrayRef, ArrowError> {
        if self.may_repeat {
            let (entries, ends) = distinct(rows, spans);
            let numbers: Vec<u32> = (0..rows as u32).collect();
            return self.array(rows, &[Part { numbers: &numbers, ends: &ends, entries: &entries }]);
        }
        let parts: Vec<Part<'_>> = spans.iter().map(|span| span.part()).collect();
        self.array(rows, &parts)
    }

    fn array(&self, rows: usize, parts: &[Part<'_>]) -> Result<ArrayRef, ArrowError> {
        let (mut end, mut offsets) = (0, Vec::with_capacity(rows + 1));
        offsets.push(0);
        for row in 0..rows {
            end += parts.iter().map(|part| part.range(row).len()).sum::<usize>();
            offsets.push(end as i32);
        }
        if end == 0 {
            return Ok(Arc::new(NullArray::new(rows)));
        }
        let keys = self.keys.entries_array(rows, end, parts, |entry| entry.0)?;
        let values = self.values.entries_array(rows, end, parts, |entry| entry.1)?;
        let valid = BooleanBuffer::collect_bool(rows, |row| offsets.get(row) != offsets.get(row + 1));
        assemble(keys, values, offsets, NullBuffer::new(valid))
    }

    /// Forgets the keys and values of earlier batches.
    pub(crate) fn forget(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

/// Entries of which rows have many in common: those of one run lie together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    /// By row: its run.
    pub(crate) numbers: &'a [u32],
    /// By run: where its entries end.
    pub(crate) ends: &'a [u32],
    pub(crate) entries: &'a [Entry],
}

impl<'a> Part<'a> {
    fn of_row(&self, row: usize) -> &'a [Entry] {
        self.entries.get(self.range(row)).unwrap_or_default()
    }

    /// Where the entries of a row are.
    #[inline]
    pub(crate) fn range(&self, row: usize) -> Range<usize> {
        let Some(&run) = self.numbers.get(row) else { return 0..0 };
        let end = self.ends.get(run as usize).copied().unwrap_or(0) as usize;
        let begin = (run as usize).checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        (begin as usize).min(end)..end
    }
}

/// The entries of rows to which several inputs may give the same key, and where those of each row end.
fn distinct(rows: usize, spans: &[&Span]) -> (Vec<Entry>, Vec<u32>) {
    let (mut all, mut ends): (Vec<Entry>, Vec<u32>) = (Vec::new(), Vec::with_capacity(rows));
    for row in 0..rows {
        let begin = all.len();
        for entry in spans.iter().flat_map(|span| span.part().of_row(row)) {
            if !all.get(begin..).unwrap_or_default().iter().any(|other| other.0 == entry.0) {
                all.push(*entry);
            }
        }
        ends.push(all.len() as u32);
    }
    (all, ends)
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
