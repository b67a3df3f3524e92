//! What a column chunk needs to know about its values: take them in, put them on pages, say their range.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use parquet::basic::{Encoding, Type};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

use super::boolean::BooleanValues;
use super::codes::Packing;
use super::number::{Decimals, DecimalsAsInt32, DecimalsAsInt64, Doubles, Int32s, Int64s, NumberValues};
use super::text::TextValues;

/// Memory that all columns of a file use in turn.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The row group's code of each entry of a batch's dictionary.
    pub(super) translation: Vec<u32>,
    codes: Vec<u32>,
}

impl Scratch {
    /// Room for a page's codes. A page that one batch fills needs it only for a moment, so most columns share it.
    pub(super) fn lend(&mut self, codes: &mut Vec<u32>) {
        if codes.capacity() == 0 {
            *codes = std::mem::take(&mut self.codes);
        }
    }

    /// Takes the room back.
    pub(super) fn take_back(&mut self, codes: &mut Vec<u32>) {
        codes.clear();
        if self.codes.capacity() < codes.capacity() {
            self.codes = std::mem::take(codes);
        } else {
            *codes = Vec::new();
        }
    }
}

/// How a page's values were written.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageValues {
    pub(super) encoding: Encoding,
    /// Whether another packing would have made a difference.
    pub(super) packed: bool,
}

/// The values of one column chunk.
pub(super) trait Values: Send {
    /// Takes in the values of `ranges` of `array` that are not null. `nulls` are the array's logical ones.
    ///
    /// # Errors
    /// For an array of another type.
    fn append(
        &mut self,
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
        ranges: &[Range<usize>],
        scratch: &mut Scratch,
    ) -> Result<(), ParquetError>;

    /// Values and, roughly, bytes of the page that is being filled.
    fn pending(&self) -> (usize, usize);

    /// Decides how the page's values are written.
    fn end_page(&mut self);

    /// Appends the page's values to `out`, as often as it is called.
    fn put_page(&self, packing: Packing, out: &mut Vec<u8>) -> PageValues;

    /// Begins the next page.
    fn next_page(&mut self, scratch: &mut Scratch);

    /// Appends the dictionary page's content to `out` and returns how many values it has; `None` if no page uses it.
    fn put_dictionary(&mut self, out: &mut Vec<u8>) -> Option<usize>;

    /// Smallest and largest value of the chunk, for types whose range is kept.
    fn statistics(&self, nulls: u64) -> Option<Statistics>;

    /// Forgets the chunk and keeps the memory.
    fn clear(&mut self);

    /// Bytes held.
    fn memory(&self) -> usize;
}

/// The encoder for a column.
///
/// # Errors
/// For physical types that no type of the lake maps to.
pub(super) fn values_of(
    column: &ColumnDescriptor,
    declared: &arrow::datatypes::DataType,
) -> Result<Box<dyn Values>, ParquetError> {
    let decimal = matches!(declared, arrow::datatypes::DataType::Decimal128(..));
    Ok(match column.physical_type() {
        Type::BYTE_ARRAY => Box::new(TextValues::default()),
        Type::BOOLEAN => Box::new(BooleanValues::default()),
        Type::INT32 if decimal => Box::new(NumberValues::new(DecimalsAsInt32)),
        Type::INT32 => Box::new(NumberValues::new(Int32s)),
        Type::INT64 if decimal => Box::new(NumberValues::new(DecimalsAsInt64)),
        Type::INT64 => Box::new(NumberValues::new(Int64s)),
        Type::DOUBLE => Box::new(NumberValues::new(Doubles)),
        Type::FIXED_LEN_BYTE_ARRAY if decimal => {
            let width = usize::try_from(column.type_length()).unwrap_or(size_of::<i128>());
            Box::new(NumberValues::new(Decimals { width: width.min(size_of::<i128>()) }))
        }
        other => return Err(ParquetError::NYI(format!("a column of {declared} as {other}"))),
    })
}

/// Calls `take` with each stretch of `ranges` in which nothing is null.
pub(super) fn valid_stretches(nulls: Option<&NullBuffer>, ranges: &[Range<usize>], mut take: impl FnMut(Range<usize>)) {
    for range in ranges {
        match nulls {
            Some(nulls) if nulls.null_count() > 0 => {
                let part = nulls.slice(range.start, range.len());
                part.valid_slices().for_each(|(start, end)| take(range.start + start..range.start + end));
            }
            _ => take(range.clone()),
        }
    }
}

/// Values that are looked at in one go.
const BLOCK: usize = 1024;

/// Calls `take` with all of `ranges` of `values` that is not null, in order, in blocks of at most [`BLOCK`].
///
/// Nulls that lie anywhere make short stretches, which cost more than the copy of what is between them.
pub(super) fn valid_blocks<T: Copy>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    ranges: &[Range<usize>],
    mut take: impl FnMut(&[T]),
) {
    let mut block = Vec::new();
    for range in ranges {
        let values = values.get(range.clone()).unwrap_or_default();
        let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else {
            values.chunks(BLOCK).for_each(&mut take);
            continue;
        };
        block.reserve(BLOCK);
        for at in nulls.slice(range.start, range.len()).valid_indices() {
            block.extend(values.get(at).copied());
            if block.len() == BLOCK {
                take(&block);
                block.clear();
            }
        }
    }
    if !block.is_empty() {
        take(&block);
    }
}

/// What is said when an array does not have the column's type.
pub(super) fn misfit(array: &ArrayRef) -> ParquetError {
    ParquetError::ArrowError(format!("an array of {} does not fit the column", array.data_type()))
}
