//! Batches into the pages of a Parquet row group.
//!
//! The stock writer looks every value up again by its text, row by row, to make a dictionary of its own. Here a batch's
//! dictionary is translated into the row group's once, and rows only have their codes translated. In what order to read:
//! [`chunk`] is a column of a row group, [`text`] and [`number`] are its values, [`codes`] says when codes pay, [`bits`],
//! [`levels`] and [`delta`] write what the format prescribes, [`nesting`] is lists and maps.
//!
//! Invariant: memory is the compressed pages of the open row group, its dictionaries, and what does not fill a page yet;
//! it does not grow with the file.

#[cfg(test)]
mod against_stock;
mod bits;
mod boolean;
mod chunk;
mod codes;
mod compress;
mod delta;
mod dictionary;
#[cfg(test)]
mod generated;
mod levels;
mod nesting;
mod number;
mod text;
mod text_range;
mod values;

use std::io::Write;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Schema};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use self::chunk::{Chunk, Shared};
use self::compress::Compressor;
use self::nesting::Slots;
use super::writer::PageCompression;

/// A page ends with this many rows, unless it has no value yet: nulls alone take no room. Also how large plugins make
/// their batches, so that a page is usually filled by one.
pub(super) const PAGE_ROWS: usize = 32 * 1024;
/// A batch's column is taken in by parts if it has more bytes of text or elements than this, so that no page gets much
/// larger.
const PART_WEIGHT: usize = 4 << 20;

/// Encodes one row group after the other.
pub(super) struct RowGroupEncoder {
    /// The chunks of each column of the schema: more than one for maps.
    columns: Vec<Vec<Chunk>>,
    kinds: Vec<DataType>,
    shared: Shared,
}

impl RowGroupEncoder {
    /// For files of this schema. `descriptor` is the same as Parquet.
    ///
    /// # Errors
    /// For types that are not the lake's.
    pub(super) fn new(
        schema: &Schema,
        descriptor: &SchemaDescriptor,
        compression: PageCompression,
    ) -> Result<Self, ParquetError> {
        let mut leaves = descriptor.columns().iter();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let mut chunks = Vec::new();
            for kind in leaf_types(field.data_type()) {
                let column = leaves.next().ok_or_else(|| unlike(field.name()))?;
                chunks.push(Chunk::new(ColumnDescPtr::clone(column), values::values_of(column, kind)?));
            }
            columns.push(chunks);
        }
        let kinds = schema.fields().iter().map(|field| field.data_type().clone()).collect();
        Ok(Self { columns, kinds, shared: Shared::new(Compressor::new(compression)?) })
    }

    /// Takes in rows: one array for each column, at most [`PAGE_ROWS`] long.
    ///
    /// # Errors
    /// For arrays that do not have the column's type, and when a page cannot be compressed.
    pub(super) fn append(&mut self, arrays: &[ArrayRef]) -> Result<(), ParquetError> {
        for ((chunks, kind), array) in self.columns.iter_mut().zip(&self.kinds).zip(arrays) {
            append_column(chunks, kind, array, &mut self.shared)?;
        }
        Ok(())
    }

    /// Bytes held for the row group.
    pub(super) fn memory(&self) -> usize {
        self.columns.iter().flatten().map(Chunk::memory).sum()
    }

    /// Writes the row group and begins the next one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn finish<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for chunk in self.columns.iter_mut().flatten() {
            chunk.finish(&mut group, &mut self.shared)?;
        }
        group.close()?;
        Ok(())
    }
}

/// The types of the columns that a column is in Parquet, in order.
fn leaf_types(kind: &DataType) -> Vec<&DataType> {
    match kind {
        DataType::List(item) => leaf_types(item.data_type()),
        DataType::Map(entries, _) => leaf_types(entries.data_type()),
        DataType::Struct(fields) => fields.iter().flat_map(|field| leaf_types(field.data_type())).collect(),
        leaf => vec![leaf],
    }
}

fn unlike(column: &str) -> ParquetError {
    ParquetError::General(format!("column {column} has other parts in Parquet"))
}

fn append_column(
    chunks: &mut [Chunk],
    kind: &DataType,
    array: &ArrayRef,
    shared: &mut Shared,
) -> Result<(), ParquetError> {
    let rows = array.len();
    let nulls = nulls_of(array);
    if nulls.as_ref().is_some_and(|nulls| nulls.null_count() == rows) {
        return chunks.iter_mut().try_for_each(|chunk| chunk.append_nulls(rows, shared));
    }
    if rows > 1 && weight(array) > PART_WEIGHT {
        append_column(chunks, kind, &array.slice(0, rows / 2), shared)?;
        return append_column(chunks, kind, &array.slice(rows / 2, rows - rows / 2), shared);
    }
    match (kind, chunks) {
        (DataType::List(_) | DataType::Map(..), chunks) => {
            let mut chunks = chunks.iter_mut();
            append_nested(&mut chunks, kind, array, rows, &Slots::rows(rows), shared)
        }
        (_, [chunk]) => chunk.append_rows(array, nulls.as_ref(), shared),
        _ => Err(unlike("?")),
    }
}

/// Walks down lists and maps to the columns of values.
fn append_nested(
    chunks: &mut std::slice::IterMut<'_, Chunk>,
    kind: &DataType,
    array: &ArrayRef,
    rows: usize,
    slots: &Slots,
    shared: &mut Shared,
) -> Result<(), ParquetError> {
    match (kind, array.data_type()) {
        (DataType::List(item), DataType::List(_)) => {
            let list = array.as_list::<i32>();
            let slots = slots.enter(list.offsets(), list.nulls(), item.is_nullable());
            append_nested(chunks, item.data_type(), list.values(), rows, &slots, shared)
        }
        (DataType::Map(entries, _), DataType::Map(..)) => {
            let map = array.as_map();
            let DataType::Struct(pair) = entries.data_type() else { return Err(values::misfit(array)) };
            for (field, child) in pair.iter().zip(map.entries().columns()) {
                let slots = slots.enter(map.offsets(), map.nulls(), field.is_nullable());
                append_nested(chunks, field.data_type(), child, rows, &slots, shared)?;
            }
            Ok(())
        }
        (DataType::List(_) | DataType::Map(..), _) => Err(values::misfit(array)),
        _ => match chunks.next() {
            Some(chunk) => chunk.append_slots(array, rows, slots, nulls_of(array).as_ref(), shared),
            None => Err(unlike("?")),
        },
    }
}

/// The nulls of an array, also those that its dictionary holds.
fn nulls_of(array: &ArrayRef) -> Option<NullBuffer> {
    match array.data_type() {
        DataType::Dictionary(..) | DataType::Null => array.logical_nulls(),
        _ => array.nulls().cloned(),
    }
}

/// Bytes of text or elements of lists.
fn weight(array: &ArrayRef) -> usize {
    let span = |first: Option<&i32>, last: Option<&i32>| {
        first.zip(last).map_or(0, |(first, last)| usize::try_from(last - first).unwrap_or(0))
    };
    match array.data_type() {
        DataType::Utf8 => {
            let offsets = array.as_string::<i32>().offsets();
            span(offsets.first(), offsets.last())
        }
        DataType::List(_) => {
            let offsets = array.as_list::<i32>().offsets();
            span(offsets.first(), offsets.last())
        }
        DataType::Map(..) => {
            let offsets = array.as_map().offsets();
            span(offsets.first(), offsets.last())
        }
        _ => 0,
    }
}
