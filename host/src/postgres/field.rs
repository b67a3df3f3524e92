//! Columns of Arrow as fields of a binary COPY.
//!
//! A column is prepared once per batch, so that writing a row copies bytes and allocates nothing. A dictionary's values
//! are written once and then copied.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    ListArray, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use uuid::Uuid;

use super::definition::ColumnKind;
use super::{json, nested, numeric};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH_MICROSECONDS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// The length of a field that is NULL.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// The type `text` in arrays.
const TEXT_OID: u32 = 25;

/// Why a value cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FieldError {
    /// It is not what the column holds.
    #[error("{0}")]
    Value(String),
    /// Arrow cannot give the column the type it should have.
    #[error("rows have another type than declared: {0}")]
    Type(#[from] ArrowError),
}

/// What had to be changed to be storable.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Replaced {
    /// Values with characters that PostgreSQL cannot hold.
    pub(super) characters: u64,
}

/// One column of a batch.
pub(super) enum Column {
    /// All are NULL.
    Null,
    /// All are this: a field with its length.
    Constant(Vec<u8>),
    /// Each row copies one of some fields, which lie one after another.
    Dictionary {
        fields: Vec<u8>,
        ends: Vec<usize>,
        keys: UInt32Array,
    },
    Text(StringArray),
    Json(StringArray),
    Uuid(StringArray),
    Boolean(BooleanArray),
    Int32(Int32Array),
    Int64(Int64Array),
    Float64(Float64Array),
    Date(Date32Array),
    Decimal(Decimal128Array, i8),
    Timestamp(TimestampMicrosecondArray),
    TextList(ListArray, StringArray),
}

impl Column {
    /// A bigint in every row.
    pub(super) fn constant_int64(value: i64) -> Self {
        Self::Constant(field(&value.to_be_bytes()))
    }

    /// A UUID in every row.
    pub(super) fn constant_uuid(value: Uuid) -> Self {
        Self::Constant(field(value.as_bytes()))
    }

    /// A time in every row, in microseconds since 1970.
    pub(super) fn constant_timestamp(microseconds: i64) -> Self {
        Self::constant_int64(microseconds.saturating_sub(EPOCH_MICROSECONDS))
    }

    /// Prepares a column. Text may come as any of Arrow's text types, or as a dictionary.
    pub(super) fn prepare(kind: ColumnKind, column: &ArrayRef, replaced: &mut Replaced) -> Result<Self, FieldError> {
        if column.null_count() == column.len() {
            return Ok(Self::Null);
        }
        if let Some(dictionary) = column.as_any_dictionary_opt() {
            let values = Self::prepare(kind, dictionary.values(), replaced)?;
            let (mut fields, mut ends) = (Vec::new(), Vec::new());
            for row in 0..dictionary.values().len() {
                values.append(row, &mut fields, replaced)?;
                ends.push(fields.len());
            }
            let keys = cast(dictionary.keys(), &DataType::UInt32)?;
            return Ok(Self::Dictionary { fields, ends, keys: keys.as_primitive().clone() });
        }
        let plain = |wanted: DataType| {
            if *column.data_type() == wanted { Ok(Arc::clone(column)) } else { cast(column, &wanted) }
        };
        Ok(match kind {
            ColumnKind::Text => Self::Text(plain(DataType::Utf8)?.as_string().clone()),
            ColumnKind::Json => Self::Json(plain(DataType::Utf8)?.as_string().clone()),
            ColumnKind::Uuid => Self::Uuid(plain(DataType::Utf8)?.as_string().clone()),
            ColumnKind::Boolean => Self::Boolean(plain(DataType::Boolean)?.as_boolean().clone()),
            ColumnKind::Int32 => Self::Int32(plain(DataType::Int32)?.as_primitive().clone()),
            ColumnKind::Int64 => Self::Int64(plain(DataType::Int64)?.as_primitive().clone()),
            ColumnKind::Float64 => Self::Float64(plain(DataType::Float64)?.as_primitive().clone()),
            ColumnKind::Date => Self::Date(plain(DataType::Date32)?.as_primitive().clone()),
            ColumnKind::Decimal => match column.data_type() {
                DataType::Decimal128(_, scale) => Self::Decimal(column.as_primitive().clone(), *scale),
                other => return Err(FieldError::Value(format!("rows have {other}, and not decimals"))),
            },
            ColumnKind::Timestamp => {
                let zone = match column.data_type() {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                Self::Timestamp(plain(DataType::Timestamp(TimeUnit::Microsecond, zone))?.as_primitive().clone())
            }
            ColumnKind::TextList => {
                let lists = plain(DataType::new_list(DataType::Utf8, true))?.as_list::<i32>().clone();
                let members = lists.values().as_string::<i32>().clone();
                Self::TextList(lists, members)
            }
            ColumnKind::Nested => {
                let texts = (0..column.len()).map(|row| match nested::value(column, row)? {
                    serde_json::Value::Null => Ok(None),
                    value => Ok(Some(value.to_string())),
                });
                Self::Json(texts.collect::<Result<_, ArrowError>>()?)
            }
        })
    }

    /// Appends one row's field.
    #[inline]
    pub(super) fn append(&self, row: usize, out: &mut Vec<u8>, replaced: &mut Replaced) -> Result<(), FieldError> {
        match self {
            Self::Null => out.extend_from_slice(&NULL),
            Self::Constant(field) => out.extend_from_slice(field),
            Self::Dictionary { fields, ends, keys } => append_copy(fields, ends, keys, row, out),
            Self::Text(array) => match value(array, row) {
                Some(text) => append_text(text, out, replaced),
                None => out.extend_from_slice(&NULL),
            },
            Self::Json(array) => match value(array, row) {
                Some(text) => append_json(text, out, replaced),
                None => out.extend_from_slice(&NULL),
            },
            Self::Uuid(array) => match value(array, row) {
                Some(text) => {
                    let uuid = Uuid::try_parse(text).map_err(|_| FieldError::Value(format!("{text:?} is no UUID")))?;
                    append_bytes(uuid.as_bytes(), out);
                }
                None => out.extend_from_slice(&NULL),
            },
            Self::Boolean(array) if array.is_valid(row) => append_bytes(&[u8::from(array.value(row))], out),
            Self::Int32(array) if array.is_valid(row) => append_bytes(&array.value(row).to_be_bytes(), out),
            Self::Int64(array) if array.is_valid(row) => append_bytes(&array.value(row).to_be_bytes(), out),
            Self::Float64(array) if array.is_valid(row) => append_bytes(&array.value(row).to_be_bytes(), out),
            Self::Date(array) if array.is_valid(row) => {
                let day = array.value(row);
                // The two ends mean infinity there.
                let shifted = day.checked_sub(EPOCH_DAYS).filter(|shifted| !matches!(*shifted, i32::MIN | i32::MAX));
                let shifted = shifted.ok_or_else(|| FieldError::Value(format!("day {day} since 1970 is no date")))?;
                append_bytes(&shifted.to_be_bytes(), out);
            }
            Self::Decimal(array, scale) if array.is_valid(row) => numeric::append(array.value(row), *scale, out),
            Self::Timestamp(array) if array.is_valid(row) => {
                let time = array.value(row);
                let shifted = time.checked_sub(EPOCH_MICROSECONDS).filter(|time| !matches!(*time, i64::MIN | i64::MAX));
                let shifted =
                    shifted.ok_or_else(|| FieldError::Value(format!("microsecond {time} since 1970 is no time")))?;
                append_bytes(&shifted.to_be_bytes(), out);
            }
            Self::TextList(lists, members) if lists.is_valid(row) => append_list(lists, members, row, out, replaced),
            _ => out.extend_from_slice(&NULL),
        }
        Ok(())
    }
}

#[inline]
fn value(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// A field with its length.
fn field(bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::with_capacity(4 + bytes.len());
    append_bytes(bytes, &mut field);
    field
}

/// A length as it stands before a field. COPY holds no field that does not fit; the server refuses longer ones.
#[inline]
fn length(bytes: usize) -> [u8; 4] {
    (bytes as i32).to_be_bytes()
}

#[inline]
fn append_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&length(bytes.len()));
    out.extend_from_slice(bytes);
}

#[inline]
fn append_copy(fields: &[u8], ends: &[usize], keys: &UInt32Array, row: usize, out: &mut Vec<u8>) {
    let key = keys.value(row) as usize;
    let end = ends.get(key).copied().filter(|_| keys.is_valid(row));
    let start = key.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
    let field = end.and_then(|end| fields.get(start..end));
    out.extend_from_slice(field.unwrap_or(&NULL));
}

#[inline]
fn append_text(text: &str, out: &mut Vec<u8>, replaced: &mut Replaced) {
    if text.as_bytes().contains(&0) {
        replaced.characters += 1;
        append_bytes(text.replace('\0', "\u{fffd}").as_bytes(), out);
    } else {
        append_bytes(text.as_bytes(), out);
    }
}

#[inline]
fn append_json(text: &str, out: &mut Vec<u8>, replaced: &mut Replaced) {
    /// The version of the binary form, which comes before the text.
    const VERSION: u8 = 1;
    let storable = json::storable(text);
    replaced.characters += u64::from(storable.is_some());
    let text = storable.as_deref().unwrap_or(text);
    out.extend_from_slice(&length(text.len() + 1));
    out.push(VERSION);
    out.extend_from_slice(text.as_bytes());
}

fn append_list(lists: &ListArray, members: &StringArray, row: usize, out: &mut Vec<u8>, replaced: &mut Replaced) {
    let offsets = lists.value_offsets();
    let bound = |at: usize| offsets.get(at).map_or(0, |offset| *offset as usize);
    let (start, end) = (bound(row), bound(row + 1));
    let at = out.len();
    out.extend_from_slice(&NULL);
    let has_null = (start..end).any(|member| members.is_null(member));
    out.extend_from_slice(&i32::from(start < end).to_be_bytes());
    out.extend_from_slice(&i32::from(has_null).to_be_bytes());
    out.extend_from_slice(&TEXT_OID.to_be_bytes());
    if start < end {
        out.extend_from_slice(&length(end - start));
        // Arrays count from one.
        out.extend_from_slice(&1_i32.to_be_bytes());
        for member in start..end {
            match value(members, member) {
                Some(text) => append_text(text, out, replaced),
                None => out.extend_from_slice(&NULL),
            }
        }
    }
    let written = length(out.len() - at - 4);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&written);
    }
}
