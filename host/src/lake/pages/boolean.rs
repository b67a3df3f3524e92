//! Truth values: one bit each.

use std::ops::Range;

use arrow::array::{ArrayRef, AsArray as _, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::codes::Packing;
use super::values::{PageValues, Scratch, Values, misfit, valid_stretches};

/// The truth values of one chunk.
pub(super) struct BooleanValues {
    page: BooleanBufferBuilder,
    /// Whether the chunk has a false and a true.
    has: (bool, bool),
}

impl Default for BooleanValues {
    fn default() -> Self {
        Self { page: BooleanBufferBuilder::new(0), has: (false, false) }
    }
}

impl Values for BooleanValues {
    fn append(
        &mut self,
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
        ranges: &[Range<usize>],
        _: &mut Scratch,
    ) -> Result<(), ParquetError> {
        let held = array.as_boolean_opt().ok_or_else(|| misfit(array))?.values();
        valid_stretches(nulls, ranges, |stretch| {
            let part = held.slice(stretch.start, stretch.len());
            let trues = part.count_set_bits();
            self.has = (self.has.0 || trues < part.len(), self.has.1 || trues > 0);
            self.page.append_buffer(&part);
        });
        Ok(())
    }

    fn pending(&self) -> (usize, usize) {
        (self.page.len(), self.page.len() / 8)
    }

    fn end_page(&mut self) {}

    fn put_page(&self, _: Packing, out: &mut Vec<u8>) -> PageValues {
        out.extend_from_slice(self.page.as_slice());
        PageValues { encoding: Encoding::PLAIN, packed: false }
    }

    fn next_page(&mut self, _: &mut Scratch) {
        self.page.truncate(0);
    }

    fn put_dictionary(&mut self, _: &mut Vec<u8>) -> Option<usize> {
        None
    }

    fn statistics(&self, nulls: u64) -> Option<Statistics> {
        let (low, high) = match self.has {
            (false, false) => (None, None),
            (falses, trues) => (Some(!falses), Some(trues)),
        };
        Some(Statistics::Boolean(ValueStatistics::new(low, high, None, Some(nulls), false)))
    }

    fn clear(&mut self) {
        self.has = (false, false);
    }

    fn memory(&self) -> usize {
        self.page.capacity() / 8
    }
}
