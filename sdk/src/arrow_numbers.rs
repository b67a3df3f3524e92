//! Columns of Arrow batches as amounts and instants.
//!
//! Invariant: a row's value is the one that is read from the text [`crate::arrow_rows`] writes for it. Numbers and times are
//! not written for that.

use crate::arrow_texts::{Coded, each_window};
use crate::decimal::{Decimal, DecimalError, PRECISION, SCALE};
use crate::double;
use crate::number::{Clock, NotATime, amount};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{ArrowError, DataType, TimeUnit};

/// The first and the last instant that has a year of four digits, which is all that text can say.
const FIRST: i64 = -62_167_219_200_000_000;
const LAST: i64 = 253_402_300_799_999_999;
const LIMIT: i128 = 10i128.pow(PRECISION);
const UNIT: i128 = 10i128.pow(SCALE);

/// Hands the instants of all rows that have one to `take`, in microseconds since the epoch.
///
/// # Errors
/// When the column has a type that no report has.
pub(crate) fn each_instant(
    column: &ArrayRef,
    clock: &mut Clock,
    mut take: impl FnMut(usize, Result<i64, NotATime>),
) -> Result<(), ArrowError> {
    let mut micros = |row, micros: i64| {
        take(row, if (FIRST..=LAST).contains(&micros) { Ok(micros) } else { Err(NotATime) });
    };
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            each(column.as_primitive::<TimestampSecondType>(), |row, v| micros(row, v.saturating_mul(1_000_000)));
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            each(column.as_primitive::<TimestampMillisecondType>(), |row, v| micros(row, v.saturating_mul(1_000)));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            each(column.as_primitive::<TimestampMicrosecondType>(), micros);
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            each(column.as_primitive::<TimestampNanosecondType>(), |row, v| micros(row, v.div_euclid(1_000)));
        }
        DataType::Date32 => {
            each(column.as_primitive::<Date32Type>(), |row, v| {
                micros(row, i64::from(v).saturating_mul(86_400_000_000));
            });
        }
        _ => return each_read(column, |raw| clock.instant(raw), take),
    }
    clock.order.plain |= column.null_count() < column.len();
    Ok(())
}

/// Hands the amounts of all rows that have one to `take`.
///
/// # Errors
/// When the column has a type that no report has.
pub(crate) fn each_amount(
    column: &ArrayRef,
    mut take: impl FnMut(usize, Result<Decimal, DecimalError>),
) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Float64 => each(column.as_primitive::<Float64Type>(), |row, v| take(row, double::decimal(v))),
        DataType::Int32 => each(column.as_primitive::<Int32Type>(), |row, v| take(row, Ok(whole(i128::from(v))))),
        DataType::Int64 => each(column.as_primitive::<Int64Type>(), |row, v| take(row, Ok(whole(i128::from(v))))),
        DataType::Decimal128(_, scale @ 0..=18) => {
            let factor = 10i128.pow(SCALE - u32::from(scale.unsigned_abs()));
            each(column.as_primitive::<Decimal128Type>(), |row, v| take(row, scaled(v, factor)));
        }
        _ => return each_read(column, amount, take),
    }
    Ok(())
}

/// Hands the rows whose amount cannot be read to `take`.
///
/// # Errors
/// When the column has a type that no report has.
pub(crate) fn each_bad_amount(column: &ArrayRef, mut take: impl FnMut(usize, DecimalError)) -> Result<(), ArrowError> {
    let mut bad = |row, result: Result<(), DecimalError>| {
        if let Err(error) = result {
            take(row, error);
        }
    };
    match column.data_type() {
        DataType::Float64 => {
            each(column.as_primitive::<Float64Type>(), |row, v| bad(row, double::check(v)));
            Ok(())
        }
        _ => each_amount(column, |row, amount| bad(row, amount.map(|_| ()))),
    }
}

fn whole(value: i128) -> Decimal {
    Decimal { value: value * UNIT, rounded: false }
}

fn scaled(value: i128, factor: i128) -> Result<Decimal, DecimalError> {
    match value.checked_mul(factor) {
        Some(value) if value.unsigned_abs() < LIMIT.unsigned_abs() => Ok(Decimal { value, rounded: false }),
        _ => Err(DecimalError::TooLarge),
    }
}

#[inline]
fn each<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, mut take: impl FnMut(usize, T::Native)) {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => array.values().iter().enumerate().for_each(|(row, value)| take(row, *value)),
        Some(nulls) => {
            for (row, value) in array.values().iter().enumerate() {
                if nulls.is_valid(row) {
                    take(row, *value);
                }
            }
        }
    }
}

/// Reads the texts of a column, those of a dictionary once for each of its values.
fn each_read<T: Copy, E: Copy>(
    column: &ArrayRef,
    mut read: impl FnMut(&[u8]) -> Result<Option<T>, E>,
    mut take: impl FnMut(usize, Result<T, E>),
) -> Result<(), ArrowError> {
    let mut give = |row: usize, value: Result<Option<T>, E>| {
        if let Some(value) = value.transpose() {
            take(row, value);
        }
    };
    let Some(coded) = Coded::of_dictionary(column)? else {
        return each_window(column, |before, data, cells| {
            for cell in cells {
                give(before + cell.row as usize, read(cell.bytes(data)));
            }
        });
    };
    let (mut values, mut raw) = (vec![None; coded.count()], Vec::new());
    for row in 0..column.len() {
        let code = coded.code(row);
        let Some(value) = values.get_mut(code as usize) else { continue };
        let value = *value.get_or_insert_with(|| {
            raw.clear();
            crate::csv::field::quote(coded.text(code).as_bytes(), &mut raw);
            read(&raw)
        });
        give(row, value);
    }
    Ok(())
}
