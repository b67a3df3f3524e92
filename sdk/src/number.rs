//! Columns of amounts and of instants.

use crate::arrow_numbers::{each_amount, each_instant};
use crate::date_order::{self, DateOrder};
use crate::intern::{Interner, same};
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
    any: bool,
    /// Rows of the last batch: there may be as many again, and growing step by step copies them all.
    room: usize,
}

impl<T: Copy + Default> Default for Column<T> {
    fn default() -> Self {
        Column { values: Vec::new(), valid: Vec::new(), any: false, room: 0 }
    }
}

impl<T: Copy + Default> Column<T> {
    /// Puts a value where there is none yet.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: T) {
        self.reach(row + 1);
        self.set(row, value);
    }

    /// Makes room for rows up to `end`.
    #[inline]
    fn reach(&mut self, end: usize) {
        if self.values.len() < end {
            self.extend_to(end);
        }
    }

    #[inline(never)]
    fn extend_to(&mut self, end: usize) {
        if self.values.is_empty() {
            self.values.reserve_exact(self.room);
        }
        self.values.resize(end, T::default());
        self.valid.resize(end, false);
    }

    /// Sets the value of a row that there is room for, if it has none yet.
    #[inline]
    fn set(&mut self, row: usize, value: T) {
        if let (Some(slot), Some(valid)) = (self.values.get_mut(row), self.valid.get_mut(row))
            && !*valid
        {
            (*slot, *valid, self.any) = (value, true, true);
        }
    }

    /// Whether it has no value: its column is then sent as `Null`.
    fn is_void(&self) -> bool {
        !self.any
    }

    fn clear(&mut self) {
        self.values.clear();
        self.valid.clear();
        self.any = false;
    }

    fn take(&mut self, rows: usize) -> (ScalarBuffer<T>, Option<arrow_buffer::NullBuffer>)
    where
        T: arrow_buffer::ArrowNativeType,
    {
        let nulls = nulls(rows, &self.valid, |valid| *valid);
        let mut values = std::mem::take(&mut self.values);
        values.resize(rows, T::default());
        self.clear();
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
    /// The rows of a batch's column, up to `end`; `rows` of them came before it.
    ///
    /// # Errors
    /// When the column has a type that no report has.
    pub(crate) fn extend_column(
        &mut self,
        rows: usize,
        end: usize,
        values: &ArrayRef,
        bad: &mut Vec<u32>,
    ) -> Result<(), ArrowError> {
        let Decimals { column, rounded } = self;
        column.reach(end);
        each_amount(values, |row, amount| match amount {
            Ok(amount) => {
                *rounded += u64::from(amount.rounded);
                column.set(rows + row, amount.value);
            }
            Err(_) => bad.push(row as u32),
        })
    }

    #[inline(never)]
    pub(crate) fn extend(&mut self, rows: usize, data: &[u8], cells: &[Cell], bad: &mut Vec<u32>) {
        let Some(last) = cells.last() else { return };
        self.column.reach(rows + last.row as usize + 1);
        for cell in cells {
            let (row, text) = (rows + cell.row as usize, cell.bytes(data));
            if let Some(value) = decimal::parse_usual(text) {
                self.column.set(row, value);
            } else {
                match amount(text) {
                    Ok(Some(amount)) => {
                        self.rounded += u64::from(amount.rounded);
                        self.column.set(row, amount.value);
                    }
                    Ok(None) => {}
                    Err(_) => bad.push(cell.row),
                }
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
            self.column.clear();
            return Ok(Arc::new(NullArray::new(rows)));
        }
        let (values, nulls) = self.column.take(rows);
        let array = Decimal128Array::try_new(values, nulls)?
            .with_precision_and_scale(decimal::PRECISION as u8, decimal::SCALE as i8)?;
        Ok(Arc::new(array))
    }
}

/// A field as an amount: none when it is empty.
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
#[derive(Debug)]
pub(crate) struct Times {
    column: Column<i64>,
    pub(crate) clock: Clock,
}

impl Times {
    pub(crate) fn new(slashed: bool) -> Times {
        Times { column: Column::default(), clock: Clock::new(slashed) }
    }

    /// The rows of a batch's column, up to `end`; `rows` of them came before it.
    ///
    /// # Errors
    /// When the column has a type that no report has.
    pub(crate) fn extend_column(
        &mut self,
        rows: usize,
        end: usize,
        values: &ArrayRef,
        bad: &mut Vec<u32>,
    ) -> Result<(), ArrowError> {
        let Times { column, clock } = self;
        column.reach(end);
        each_instant(values, clock, |row, instant| match instant {
            Ok(instant) => column.set(rows + row, instant),
            Err(NotATime) => bad.push(row as u32),
        })
    }

    #[inline(never)]
    pub(crate) fn extend(&mut self, rows: usize, data: &[u8], cells: &[Cell], bad: &mut Vec<u32>) {
        let Some(last) = cells.last() else { return };
        self.column.reach(rows + last.row as usize + 1);
        for cell in cells {
            match self.clock.instant(cell.bytes(data)) {
                Ok(Some(instant)) => self.column.set(rows + cell.row as usize, instant),
                Ok(None) => {}
                Err(NotATime) => bad.push(cell.row),
            }
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, row: usize, instant: i64) {
        self.column.put(row, instant);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        if self.column.is_void() {
            self.column.clear();
            return Ok(Arc::new(NullArray::new(rows)));
        }
        let (values, nulls) = self.column.take(rows);
        Ok(Arc::new(TimestampMicrosecondArray::try_new(values, nulls)?.with_timezone("UTC")))
    }
}

/// Text that is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotATime;

/// Texts that a clock remembers: a month has 744 hours. Times of finer grain push each other out.
const REMEMBERED: usize = 2048;
/// Longer texts are not remembered.
const LONGEST: usize = 64;

/// Reads instants; remembers what it has read, since rows are of few hours.
#[derive(Debug)]
pub(crate) struct Clock {
    texts: Interner,
    /// By number of the text.
    instants: Vec<Result<Option<i64>, NotATime>>,
    /// The text of the last row: neighbours are often the same.
    last: usize,
    /// Whether dates may be written with slashes.
    slashed: bool,
    /// What its texts say of how they are written.
    pub(crate) order: DateOrder,
    /// The month of the last text of the usual form that was read.
    month: time::Month,
}

impl Clock {
    pub(crate) fn new(slashed: bool) -> Clock {
        let (order, month) = (DateOrder::default(), time::Month::default());
        Clock { texts: Interner::default(), instants: Vec::new(), last: 0, slashed, order, month }
    }

    /// A field as microseconds since the epoch: none when it is empty.
    #[inline]
    pub(crate) fn instant(&mut self, raw: &[u8]) -> Result<Option<i64>, NotATime> {
        if let Some(instant) = self.month.instant(raw) {
            return Ok(Some(instant));
        }
        if !self.texts.get(self.last).is_some_and(|last| same(raw, last)) {
            if raw.len() > LONGEST {
                return self.read(raw);
            }
            let (number, new) = self.texts.intern(raw);
            self.last = number as usize;
            if new {
                self.remember(raw);
            }
        }
        self.instants.get(self.last).copied().unwrap_or(Err(NotATime))
    }

    /// The text is new, and the last one.
    #[inline(never)]
    fn remember(&mut self, raw: &[u8]) {
        if self.instants.len() == REMEMBERED {
            self.texts.clear();
            self.instants.clear();
            self.last = self.texts.intern(raw).0 as usize;
        }
        let instant = self.read(raw);
        self.instants.push(instant);
    }

    #[inline(never)]
    fn read(&mut self, raw: &[u8]) -> Result<Option<i64>, NotATime> {
        let mut scratch = Vec::new();
        let text = unquote(raw, &mut scratch);
        if text.is_empty() { Ok(None) } else { self.time(text).map(Some).ok_or(NotATime) }
    }

    fn time(&mut self, text: &[u8]) -> Option<i64> {
        if self.slashed && text.get(..3).is_some_and(|start| start.contains(&b'/')) {
            return date_order::parse(text, &mut self.order);
        }
        self.order.plain = true;
        self.month.learn(text);
        time::parse(text)
    }
}
