//! Text columns: as a dictionary while values repeat, as they are when they do not.

use crate::csv::field::unquote;
use crate::dictionary::Dictionary;
use crate::intern::same;
use arrow_array::{ArrayRef, NullArray, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use std::sync::Arc;

/// After so many rows of a batch it is decided whether values repeat. In the first rows nearly every value is new, also
/// of a column with a few thousand values in all; so it is decided late, but early when the last batch had no repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trial(usize);

impl Default for Trial {
    fn default() -> Self {
        Trial(8192)
    }
}

impl Trial {
    /// Whether values do not repeat, after `rows` rows with `distinct` values.
    pub(crate) fn fails(self, rows: usize, distinct: usize) -> bool {
        rows >= self.0 && distinct * 2 > rows
    }

    /// The trial of the next batch.
    pub(crate) fn next(self, failed: bool) -> Trial {
        if failed { Trial(1024) } else { Trial::default() }
    }
}

/// Every so many fields of a block are looked at to see whether neighbours are mostly the same.
pub(crate) const SAMPLE: usize = 16;

/// The code of a null, and of bytes that are not text.
pub(crate) const NULL: u32 = 0;
pub(crate) const BAD: u32 = u32::MAX;

/// A non-empty field of one column: the row within the block, and where its bytes lie.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cell {
    pub(crate) row: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Cell {
    #[inline]
    pub(crate) fn bytes<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        data.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Validity of a column that may be shorter than `rows`: what is missing at its end is null.
pub(crate) fn nulls<T>(rows: usize, values: &[T], valid: impl Fn(&T) -> bool) -> Option<NullBuffer> {
    let mut words = vec![0u64; rows.div_ceil(64)];
    let mut count = 0;
    for (word, values) in words.iter_mut().zip(values.chunks(64)) {
        // Most columns are full for many rows, which is found out many values at a time.
        if values.len() == 64 && values.iter().fold(true, |all, value| all & valid(value)) {
            *word = !0;
        } else {
            *word = values.iter().enumerate().fold(0, |word, (bit, value)| word | u64::from(valid(value)) << bit);
        }
        count += word.count_ones() as usize;
    }
    let valid = || NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, rows));
    (count < rows).then(valid)
}

/// A column of text under construction.
#[derive(Debug, Default)]
pub(crate) struct TextColumn {
    dictionary: Dictionary,
    /// By row; shorter than the batch while only nulls followed.
    codes: Vec<u32>,
    plain: Option<Plain>,
    trial: Trial,
    /// Other code writes here too, or several inputs feed it: it stays a dictionary.
    pub(crate) pinned: bool,
    /// Its dictionary outlives a batch, until [`TextColumn::forget`].
    pub(crate) lasting: bool,
}

/// Values end to end, one a row.
#[derive(Debug, Default)]
struct Plain {
    ends: Vec<i32>,
    valid: Vec<bool>,
    bytes: Vec<u8>,
}

impl Plain {
    fn put(&mut self, row: usize, value: &[u8]) {
        self.skip_to(row);
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as i32);
        self.valid.push(!value.is_empty());
    }

    fn skip_to(&mut self, row: usize) {
        self.ends.resize(row, self.bytes.len() as i32);
        self.valid.resize(row, false);
    }
}

impl TextColumn {
    /// Fields of the next rows; `rows` of the batch come before them. Rows whose field is not text go to `bad`.
    #[inline(never)]
    pub(crate) fn extend(&mut self, rows: usize, data: &[u8], utf8: bool, cells: &[Cell], bad: &mut Vec<u32>) {
        let (Some(first), Some(end)) = (cells.first(), cells.last()) else { return };
        if self.plain.is_none() && !self.pinned && self.trial.fails(rows, self.distinct()) {
            self.leave_dictionary();
        }
        if let Some(plain) = &mut self.plain {
            return extend_plain(plain, &mut self.dictionary.scratch, (rows, data, utf8), cells, bad);
        }
        // Another input of the column may have reached further.
        let reached = self.codes.len().max(rows + end.row as usize + 1);
        self.codes.resize(reached, NULL);
        let slots = self.codes.get_mut(rows..).unwrap_or_default();
        let mut put = |row: u32, code: u32| {
            if code == BAD {
                bad.push(row);
            } else if let Some(slot) = slots.get_mut(row as usize)
                && *slot == NULL
            {
                *slot = code;
            }
        };
        let (mut last_bytes, mut last_code) = (first.bytes(data), self.dictionary.code(first.bytes(data)));
        if cells.iter().skip(1).step_by(SAMPLE).all(|cell| same(cell.bytes(data), last_bytes)) {
            for cell in cells {
                let bytes = cell.bytes(data);
                if !same(bytes, last_bytes) {
                    last_code = self.dictionary.code(bytes);
                    last_bytes = bytes;
                }
                put(cell.row, last_code);
            }
        } else {
            self.dictionary.codes(cells, data, put);
        }
    }

    /// The code of a field, to be given to [`TextColumn::set`].
    pub(crate) fn code(&mut self, raw: &[u8]) -> u32 {
        self.dictionary.code(raw)
    }

    /// The code of a value, to be given to [`TextColumn::slots`].
    pub(crate) fn value_code(&mut self, value: &str) -> u32 {
        self.dictionary.value_code(value)
    }

    /// Values of the next rows by another dictionary's codes, of which 0 is none; `rows` of the batch come before them.
    #[inline(never)]
    pub(crate) fn extend_coded<'a>(&mut self, rows: usize, codes: &[u32], count: usize, text: impl Fn(u32) -> &'a str) {
        if let Some(plain) = &mut self.plain {
            for (row, code) in codes.iter().enumerate().filter(|(_, code)| **code != NULL) {
                plain.put(rows + row, text(*code).as_bytes());
            }
            return;
        }
        let reached = self.codes.len().max(rows + codes.len());
        self.codes.resize(reached, NULL);
        let mut to = vec![BAD; count];
        for (slot, code) in self.codes.get_mut(rows..).unwrap_or_default().iter_mut().zip(codes) {
            let Some(to) = to.get_mut(*code as usize) else { continue };
            if *to == BAD {
                let text = text(*code);
                *to = if text.is_empty() { NULL } else { self.dictionary.value_code(text) };
            }
            if *slot == NULL {
                *slot = *to;
            }
        }
    }

    /// The codes of the next `count` rows.
    pub(crate) fn slots(&mut self, rows: usize, count: usize) -> &mut [u32] {
        let reached = self.codes.len().max(rows + count);
        self.codes.resize(reached, NULL);
        self.codes.get_mut(rows..).unwrap_or_default()
    }

    #[inline(never)]
    fn leave_dictionary(&mut self) {
        let mut plain = Plain::default();
        for (row, code) in self.codes.iter().enumerate() {
            plain.put(row, self.dictionary.value(*code).unwrap_or_default());
        }
        self.plain = Some(plain);
    }

    /// The column of `rows` rows, and a clean start.
    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.trial = self.trial.next(self.plain.is_some());
        let array = match self.plain.take() {
            Some(mut plain) => {
                plain.skip_to(rows);
                let nulls = nulls(rows, &plain.valid, |valid| *valid);
                let offsets: Vec<i32> = std::iter::once(0).chain(plain.ends).collect();
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(StringArray::try_new(offsets, Buffer::from_vec(plain.bytes), nulls)?) as ArrayRef
            }
            None if self.codes.iter().all(|code| *code == NULL) => Arc::new(NullArray::new(rows)),
            None => {
                self.codes.resize(rows, NULL);
                self.dictionary.array(&self.codes)?
            }
        };
        if !self.lasting {
            self.dictionary.clear();
        }
        self.codes.clear();
        Ok(array)
    }

    /// The column of rows whose codes are given by number. Nothing else may have written to it; its dictionary stays.
    pub(crate) fn finish_by_number(&self, codes: &[u32], numbers: &[u32]) -> Result<ArrayRef, ArrowError> {
        self.dictionary.array_by_number(codes, numbers)
    }

    /// Distinct values in the dictionary.
    pub(crate) fn distinct(&self) -> usize {
        self.dictionary.len()
    }

    /// Forgets the values of earlier batches.
    pub(crate) fn forget(&mut self) {
        self.dictionary.clear();
    }
}

fn extend_plain(
    plain: &mut Plain,
    scratch: &mut Vec<u8>,
    (rows, data, utf8): (usize, &[u8], bool),
    cells: &[Cell],
    bad: &mut Vec<u32>,
) {
    for cell in cells {
        let value = unquote(cell.bytes(data), scratch);
        if utf8 || std::str::from_utf8(value).is_ok() {
            plain.put(rows + cell.row as usize, value);
        } else {
            bad.push(cell.row);
        }
    }
}
