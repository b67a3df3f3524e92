//! Map columns: keys and values of a whole batch as two dictionaries.

use crate::span::Span;
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
            let entries = distinct(rows, spans);
            return self.array(&entries.ends, || entries.entries.chunks(entries.entries.len().max(1)));
        }
        let of_row = |row: usize| spans.iter().map(move |span| span.entries_of_row(row));
        let mut end = 0;
        let ends: Vec<i32> = (0..rows)
            .map(|row| {
                end += of_row(row).map(<[Entry]>::len).sum::<usize>();
                end as i32
            })
            .collect();
        self.array(&ends, || (0..rows).flat_map(of_row))
    }

    fn array<'a, I: Iterator<Item = &'a [Entry]>>(
        &self,
        ends: &[i32],
        entries: impl Fn() -> I,
    ) -> Result<ArrayRef, ArrowError> {
        let count = ends.last().copied().unwrap_or(0) as usize;
        if count == 0 {
            return Ok(Arc::new(NullArray::new(ends.len())));
        }
        let keys = self.keys.entries_array(count, entries(), |entry| entry.0)?;
        let values = self.values.entries_array(count, entries(), |entry| entry.1)?;
        let offsets: Vec<i32> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let valid = BooleanBuffer::collect_bool(ends.len(), |row| offsets.get(row) != offsets.get(row + 1));
        assemble(keys, values, offsets, NullBuffer::new(valid))
    }

    /// Forgets the keys and values of earlier batches.
    pub(crate) fn forget(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

/// Entries of rows to which several inputs may give the same key.
struct Distinct {
    entries: Vec<Entry>,
    /// By row: where its entries end.
    ends: Vec<i32>,
}

fn distinct(rows: usize, spans: &[&Span]) -> Distinct {
    let mut all = Distinct { entries: Vec::new(), ends: Vec::with_capacity(rows) };
    for row in 0..rows {
        let begin = all.entries.len();
        for entry in spans.iter().flat_map(|span| span.entries_of_row(row)) {
            if !all.entries.get(begin..).unwrap_or_default().iter().any(|other| other.0 == entry.0) {
                all.entries.push(*entry);
            }
        }
        all.ends.push(all.entries.len() as i32);
    }
    all
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
