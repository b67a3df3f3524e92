//! Columns of amounts and of instants.

use crate::date_order::{self, DateOrder};
use crate::text::{Cell, nulls};
use crate::{csv::field::unquote, decimal, time};
use arrow_array::{ArrayRef, Decimal128Array, NullArray, TimestampMicrosecondArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::ArrowError;
use std::sync::Arc;

/// A column of values of fixed width under construction.
#[derive(Debug)]
pub(crate) struct Column<T> {
    /// By row; shorter than the batch while only nulls followed.
    values: Vec<T>,
    valid: Vec<bool>,
    /// Rows of the last batch: there may be as many again, and growing step by step copies them all.
    room: usize,
}

impl<T: Copy + Default> Default for Column<T> {
    fn default() -> Self {
        Column { values: Vec::new(), valid: Vec::new(), room: 0 }
    }
}

impl<T: Copy + Default> Column<T> {
    /// Puts a value where there is none yet.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: T) {
        if self.values.len() <= row {
            if self.values.is_empty() {
                self.values.reserve_exact(self.room);
            }
            self.values.resize(row + 1, T::default());
            self.valid.resize(row + 1, false);
        }
        if let (Some(slot), Some(valid)) = (self.values.get_mut(row), self.valid.get_mut(row))
            && !*valid
        {
            (*slot, *valid) = (value, true);
        }
    }

    /// Whether it has no value: its column is then sent as `Null`.
    fn is_void(&self) -> bool {
        self.values.is_empty()
    }

    fn take(&mut self, rows: usize) -> (ScalarBuffer<T>, Option<arrow_buffer::NullBuffer>)
    where
        T: arrow_buffer::ArrowNativeType,
    {
        let nulls = nulls(rows, &self.valid, |valid| *valid);
        let mut values = std::mem::take(&mut self.values);
        values.resize(rows, T::default());
        self.valid.clear();
        self.room = rows;
        (ScalarBuffer::from(values), nulls)
    }
}

/// Amounts.
#[derive(Debug, Default)]
pub(crate) struct Decimals {
    column: Column<i128>,
    /// Values whose 19th decimal was rounded away.
    pub(crate) rounded: u64,
}

impl Decimals {
    pub(crate) fn extend(&mut self, rows: usize, data: &[u8], cells: &[Cell], bad: &mut Vec<u32>) {
        for cell in cells {
            match amount(cell.bytes(data)) {
                Ok(Some(amount)) => self.put(rows + cell.row as usize, amount),
                Ok(None) => {}
                Err(_) => bad.push(cell.row),
            }
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, row: usize, amount: decimal::Decimal) {
        self.rounded += u64::from(amount.rounded);
        self.column.put(row, amount.value);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.column.is_void() {
            return Ok(Arc::new(NullArray::new(rows)));
        }
        let (values, nulls) = self.column.take(rows);
        let array = Decimal128Array::try_new(values, nulls)?
            .with_precision_and_scale(decimal::PRECISION as u8, decimal::SCALE as i8)?;
        Ok(Arc::new(array))
    }
}

/// A field as an amount: none when it is empty.
#[inline]
pub(crate) fn amount(raw: &[u8]) -> Result<Option<decimal::Decimal>, decimal::DecimalError> {
    if raw.first() == Some(&b'"') {
        return quoted_amount(raw);
    }
    if raw.is_empty() { Ok(None) } else { decimal::parse(raw).map(Some) }
}

#[inline(never)]
fn quoted_amount(raw: &[u8]) -> Result<Option<decimal::Decimal>, decimal::DecimalError> {
    let mut scratch = Vec::new();
    let text = unquote(raw, &mut scratch);
    if text.is_empty() { Ok(None) } else { decimal::parse(text).map(Some) }
}

/// Instants.
#[derive(Debug, Default)]
pub(crate) struct Times {
    column: Column<i64>,
    /// Whether dates may be written with slashes.
    slashed: bool,
    /// What its values say of how they are written.
    pub(crate) order: DateOrder,
}

impl Times {
    pub(crate) fn new(slashed: bool) -> Times {
        Times { slashed, ..Times::default() }
    }

    pub(crate) fn extend(&mut self, rows: usize, data: &[u8], cells: &[Cell], bad: &mut Vec<u32>) {
        let mut clock = Clock::new(self.slashed);
        for cell in cells {
            match clock.instant(cell.bytes(data)) {
                Ok(Some(instant)) => self.put(rows + cell.row as usize, instant),
                Ok(None) => {}
                Err(NotATime) => bad.push(cell.row),
            }
        }
        self.order.merge(clock.order);
    }

    #[inline]
    pub(crate) fn put(&mut self, row: usize, instant: i64) {
        self.column.put(row, instant);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.column.is_void() {
            return Ok(Arc::new(NullArray::new(rows)));
        }
        let (values, nulls) = self.column.take(rows);
        Ok(Arc::new(TimestampMicrosecondArray::try_new(values, nulls)?.with_timezone("UTC")))
    }
}

/// Text that is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotATime;

/// Reads instants; remembers the last one, since neighbours are often the same.
#[derive(Debug)]
pub(crate) struct Clock<'a> {
    last: &'a [u8],
    instant: Option<i64>,
    slashed: bool,
    pub(crate) order: DateOrder,
}

impl<'a> Clock<'a> {
    pub(crate) fn new(slashed: bool) -> Clock<'a> {
        Clock { last: &[], instant: None, slashed, order: DateOrder::default() }
    }

    /// A field as microseconds since the epoch: none when it is empty.
    #[inline]
    pub(crate) fn instant(&mut self, raw: &'a [u8]) -> Result<Option<i64>, NotATime> {
        if !crate::intern::same(raw, self.last) {
            let mut scratch = Vec::new();
            let text = unquote(raw, &mut scratch);
            self.instant = if text.is_empty() { None } else { Some(self.time(text).ok_or(NotATime)?) };
            self.last = raw;
        }
        Ok(self.instant)
    }

    fn time(&mut self, text: &[u8]) -> Option<i64> {
        if self.slashed && text.get(..3).is_some_and(|start| start.contains(&b'/')) {
            return date_order::parse(text, &mut self.order);
        }
        self.order.plain = true;
        time::parse(text)
    }
}
