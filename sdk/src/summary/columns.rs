//! The columns of a batch, as the fold reads them: texts as numbers, amounts as integers.
//!
//! Invariant: a dictionary's text is looked up once per batch, never once per row.

use super::objects::Known;
use super::texts::{Interner, NONE};
use crate::contract::Failure;
use crate::failure::abort;
use crate::plan::amount_type;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, StringArray};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, TimeUnit};
use std::cell::{Cell, RefCell};

/// The column of this name.
pub fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Failure> {
    batch.column_by_name(name).ok_or_else(|| {
        abort(
            "summary.missing-column",
            format!("the rows to summarize have no column {name}; this is a bug of the host"),
        )
    })
}

fn mistyped(name: &str, array: &dyn Array) -> Failure {
    let message = format!("column {name} of the rows to summarize has the unexpected type {}", array.data_type());
    abort("summary.wrong-type", message)
}

/// Codes of a dictionary, as narrow as they came.
enum Codes<'a> {
    None,
    Byte(&'a [u8]),
    Short(&'a [u16]),
    Word(&'a [i32]),
    /// Every other width.
    Wide(Vec<u32>),
    /// Plain text has no codes: these are the numbers themselves.
    Numbers(Vec<u32>),
}

/// A text column: a number per row.
pub struct Texts<'a> {
    codes: Codes<'a>,
    nulls: Option<&'a NullBuffer>,
    /// By code.
    ids: Vec<u32>,
}

impl<'a> Texts<'a> {
    /// A column of texts, each numbered by the interner.
    pub fn new(batch: &'a RecordBatch, name: &str, interner: &mut Interner) -> Result<Texts<'a>, Failure> {
        Texts::numbered(name, column(batch, name)?.as_ref(), |values| interner.ids(values))
    }

    /// A column of texts, numbered by `number`.
    pub fn of(batch: &'a RecordBatch, name: &str, number: impl FnMut(&str) -> u32) -> Result<Texts<'a>, Failure> {
        Texts::with(name, column(batch, name)?.as_ref(), number)
    }

    /// Texts, numbered by `number`, which is asked once per text and batch. Null is [`NONE`].
    pub fn with(name: &str, array: &'a dyn Array, number: impl FnMut(&str) -> u32) -> Result<Texts<'a>, Failure> {
        Texts::numbered(name, array, |values| values.iter().map(text_or_none(number)).collect())
    }

    fn numbered(
        name: &str,
        array: &'a dyn Array,
        numbers: impl FnOnce(&StringArray) -> Vec<u32>,
    ) -> Result<Texts<'a>, Failure> {
        let nulls = nulls(array);
        let (codes, values) = match coded(name, array)? {
            (Some(codes), values) => (codes, values),
            (None, None) => (Codes::None, None),
            (None, Some(values)) => {
                return Ok(Texts { codes: Codes::Numbers(numbers(values)), nulls, ids: Vec::new() });
            }
        };
        let ids = values.map_or_else(Vec::new, numbers);
        Ok(Texts { codes, nulls, ids })
    }

    /// Whether no row has a text.
    pub fn is_void(&self) -> bool {
        matches!(self.codes, Codes::None)
    }

    /// The number of a row's text.
    #[inline]
    pub fn id(&self, row: usize) -> u32 {
        if let Codes::Numbers(numbers) = &self.codes {
            return numbers.get(row).copied().unwrap_or(NONE);
        }
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return NONE;
        }
        self.codes.at(row).and_then(|code| self.ids.get(code)).copied().unwrap_or(NONE)
    }

    /// The numbers of these rows' texts, side by side: for many rows much faster than one by one.
    #[inline(never)]
    pub fn ids(&self, rows: std::ops::Range<usize>, out: &mut Vec<u32>) {
        fn look_up<C: Copy>(codes: &[C], ids: &[u32], code: impl Fn(C) -> usize, out: &mut Vec<u32>) {
            out.extend(codes.iter().map(|&c| ids.get(code(c)).copied().unwrap_or(NONE)));
        }
        fn part<'c, C>(codes: &'c [C], rows: &std::ops::Range<usize>) -> &'c [C] {
            codes.get(rows.start.min(codes.len())..rows.end.min(codes.len())).unwrap_or_default()
        }
        out.clear();
        match &self.codes {
            Codes::None => {}
            Codes::Byte(codes) => look_up(part(codes, &rows), &self.ids, usize::from, out),
            Codes::Short(codes) => look_up(part(codes, &rows), &self.ids, usize::from, out),
            Codes::Word(codes) => look_up(part(codes, &rows), &self.ids, |code| code as usize, out),
            Codes::Wide(codes) => look_up(part(codes, &rows), &self.ids, |code| code as usize, out),
            Codes::Numbers(numbers) => out.extend_from_slice(part(numbers, &rows)),
        }
        out.resize(rows.len(), NONE);
        if let Some(nulls) = self.nulls.filter(|_| !matches!(self.codes, Codes::Numbers(_))) {
            clear_nulls(nulls, rows, out);
        }
    }
}

/// Makes the numbers of rows without a text [`NONE`], 64 at a time and without a branch.
fn clear_nulls(nulls: &NullBuffer, rows: std::ops::Range<usize>, out: &mut [u32]) {
    let length = rows.len().min(nulls.len().saturating_sub(rows.start));
    let valid = nulls.inner().slice(rows.start.min(nulls.len()), length);
    let words = valid.bit_chunks();
    for (word, out) in words.iter_padded().zip(out.chunks_mut(64)) {
        for (bit, number) in out.iter_mut().enumerate() {
            *number &= 0u32.wrapping_sub((word >> bit) as u32 & 1);
        }
    }
}

/// A text column of which few rows are looked at: only their texts are numbered, so that the others take no memory.
pub struct LazyTexts<'a> {
    /// `None` for plain text.
    codes: Option<Codes<'a>>,
    nulls: Option<&'a NullBuffer>,
    values: Option<&'a StringArray>,
    /// By code; [`UNSEEN`] at first.
    ids: Vec<Cell<u32>>,
}

const UNSEEN: u32 = u32::MAX;

impl<'a> LazyTexts<'a> {
    fn new(name: &str, array: &'a dyn Array) -> Result<LazyTexts<'a>, Failure> {
        let (codes, values) = coded(name, array)?;
        let distinct = if codes.is_some() { values.map_or(0, Array::len) } else { 0 };
        Ok(LazyTexts { codes, nulls: nulls(array), values, ids: vec![Cell::new(UNSEEN); distinct] })
    }

    /// Whether a row has a text that is not empty.
    pub fn is_given(&self, row: usize) -> bool {
        let Some(values) = self.values else { return false };
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return false;
        }
        let at = self.codes.as_ref().map_or(Some(row), |codes| codes.at(row));
        at.is_some_and(|at| at < values.len() && values.is_valid(at) && !values.value(at).is_empty())
    }

    /// The number of a row's text.
    #[inline]
    pub fn id(&self, row: usize, interner: &mut Interner) -> u32 {
        let Some(values) = self.values else { return NONE };
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return NONE;
        }
        let mut number = |at: usize| if values.is_valid(at) { interner.id(values.value(at)) } else { NONE };
        let Some(codes) = &self.codes else { return number(row) };
        let Some((code, slot)) = codes.at(row).and_then(|code| Some((code, self.ids.get(code)?))) else { return NONE };
        if slot.get() == UNSEEN {
            slot.set(number(code));
        }
        slot.get()
    }
}

fn text_or_none<'a>(mut number: impl FnMut(&str) -> u32) -> impl FnMut(Option<&'a str>) -> u32 {
    move |text| text.map_or(NONE, &mut number)
}

/// Codes and texts of a dictionary; only texts of plain text; no texts where every row is null.
fn coded<'a>(name: &str, array: &'a dyn Array) -> Result<(Option<Codes<'a>>, Option<&'a StringArray>), Failure> {
    if is_void(array) {
        return Ok((None, None));
    }
    let (codes, values) = match array.data_type() {
        DataType::Utf8 => (None, array.as_string_opt::<i32>()),
        DataType::Dictionary(key, _) => {
            let (codes, values) = codes(key, array);
            (Some(codes), values)
        }
        _ => (None, None),
    };
    if values.is_some() { Ok((codes, values)) } else { Err(mistyped(name, array)) }
}

fn codes<'a>(key: &DataType, array: &'a dyn Array) -> (Codes<'a>, Option<&'a StringArray>) {
    fn of<K: ArrowDictionaryKeyType>(array: &dyn Array) -> Option<(&DictionaryArray<K>, Option<&StringArray>)> {
        let array = array.as_dictionary_opt::<K>()?;
        Some((array, array.values().as_string_opt::<i32>()))
    }
    fn wide<'a, K: ArrowDictionaryKeyType>(array: &'a dyn Array) -> (Codes<'a>, Option<&'a StringArray>) {
        of::<K>(array).map_or((Codes::Wide(Vec::new()), None), |(array, values)| {
            let code = |key: &K::Native| u32::try_from(key.as_usize()).unwrap_or(u32::MAX);
            (Codes::Wide(array.keys().values().iter().map(code).collect()), values)
        })
    }
    let none = (Codes::Wide(Vec::new()), None);
    match key {
        DataType::UInt8 => of::<UInt8Type>(array).map_or(none, |(a, values)| (Codes::Byte(a.keys().values()), values)),
        DataType::UInt16 => {
            of::<UInt16Type>(array).map_or(none, |(a, values)| (Codes::Short(a.keys().values()), values))
        }
        DataType::Int32 => of::<Int32Type>(array).map_or(none, |(a, values)| (Codes::Word(a.keys().values()), values)),
        DataType::UInt32 => wide::<UInt32Type>(array),
        DataType::UInt64 => wide::<UInt64Type>(array),
        DataType::Int8 => wide::<Int8Type>(array),
        DataType::Int16 => wide::<Int16Type>(array),
        _ => wide::<Int64Type>(array),
    }
}

/// A column of amounts in units of 10^-18, or of times in microseconds.
pub struct Numbers<'a, T> {
    values: &'a [T],
    nulls: Option<&'a NullBuffer>,
}

impl<T: Copy> Numbers<'_, T> {
    /// The value of a row, if it has one.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> Option<T> {
        let value = self.values.get(row).copied();
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) { None } else { value }
    }
}

fn nulls(array: &dyn Array) -> Option<&NullBuffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0)
}

fn is_void(array: &dyn Array) -> bool {
    array.data_type() == &DataType::Null || array.null_count() == array.len()
}

/// A column of amounts.
pub fn amounts<'a>(batch: &'a RecordBatch, name: &str) -> Result<Numbers<'a, i128>, Failure> {
    let array = column(batch, name)?.as_ref();
    if is_void(array) {
        return Ok(Numbers { values: &[], nulls: None });
    }
    let decimals = array.as_primitive_opt::<Decimal128Type>().filter(|array| array.data_type() == &amount_type());
    let values = decimals.ok_or_else(|| mistyped(name, array))?.values();
    Ok(Numbers { values, nulls: nulls(array) })
}

/// A column of times.
pub fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<Numbers<'a, i64>, Failure> {
    let array = column(batch, name)?.as_ref();
    if is_void(array) {
        return Ok(Numbers { values: &[], nulls: None });
    }
    let utc = matches!(array.data_type(), DataType::Timestamp(TimeUnit::Microsecond, Some(_)));
    let times = array.as_primitive_opt::<TimestampMicrosecondType>().filter(|_| utc);
    Ok(Numbers { values: times.ok_or_else(|| mistyped(name, array))?.values(), nulls: nulls(array) })
}

/// A map column.
pub struct Maps<'a> {
    offsets: &'a [i32],
    nulls: Option<&'a NullBuffer>,
    /// Of all entries.
    pub keys: Texts<'a>,
    /// Of all entries.
    pub values: LazyTexts<'a>,
    /// Objects made of its rows, by the codes of their entries.
    pub(super) objects: RefCell<Known>,
}

impl<'a> Maps<'a> {
    /// A map column, its keys numbered by `number`, its values by the interner when they are asked for.
    pub fn new(
        batch: &'a RecordBatch,
        name: &str,
        interner: &mut Interner,
        mut number: impl FnMut(&mut Interner, &str) -> u32,
    ) -> Result<Maps<'a>, Failure> {
        let array = column(batch, name)?.as_ref();
        if is_void(array) {
            let keys = Texts { codes: Codes::None, nulls: None, ids: Vec::new() };
            let values = LazyTexts { codes: None, nulls: None, values: None, ids: Vec::new() };
            return Ok(Maps { offsets: &[], nulls: None, keys, values, objects: RefCell::default() });
        }
        let maps = array.as_map_opt().ok_or_else(|| mistyped(name, array))?;
        Ok(Maps {
            offsets: maps.value_offsets(),
            nulls: nulls(array),
            keys: Texts::with(name, maps.keys().as_ref(), |text| number(interner, text))?,
            values: LazyTexts::new(name, maps.values().as_ref())?,
            objects: RefCell::default(),
        })
    }

    /// Where a row's entries lie among `keys` and `values`.
    #[inline]
    pub fn entries(&self, row: usize) -> std::ops::Range<usize> {
        let (Some(&from), Some(&to)) = (self.offsets.get(row), self.offsets.get(row + 1)) else { return 0..0 };
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) { 0..0 } else { from as usize..to as usize }
    }

    /// The codes of a row's entries, key and value in one number each; false where entries have none, or may be null.
    #[inline]
    pub(super) fn coded_pairs(&self, row: usize, out: &mut Vec<u64>) -> bool {
        fn pairs<K: Copy + Into<u64>, V: Copy>(keys: &[K], values: &[V], value: impl Fn(V) -> u32, out: &mut Vec<u64>) {
            out.extend(keys.iter().zip(values).map(|(&key, &v)| key.into() << 32 | u64::from(value(v))));
        }
        out.clear();
        let entries = self.entries(row);
        let (Codes::Byte(keys), Some(values), None, None) =
            (&self.keys.codes, &self.values.codes, self.keys.nulls, self.values.nulls)
        else {
            return false;
        };
        let keys = keys.get(entries.clone()).unwrap_or_default();
        match values {
            Codes::Byte(values) => pairs(keys, values.get(entries).unwrap_or_default(), u32::from, out),
            Codes::Short(values) => pairs(keys, values.get(entries).unwrap_or_default(), u32::from, out),
            Codes::Word(values) => pairs(keys, values.get(entries).unwrap_or_default(), |code| code as u32, out),
            _ => return false,
        }
        out.len() == keys.len()
    }

    /// Codes of the keys that have this number.
    pub fn codes_of(&self, number: u32) -> Vec<usize> {
        if matches!(self.keys.codes, Codes::Numbers(_)) {
            return vec![number as usize];
        }
        self.keys.ids.iter().enumerate().filter(|(_, id)| **id == number).map(|(code, _)| code).collect()
    }

    /// The value of the first of a row's entries whose key has one of these codes. Product attributes are many and one
    /// of them is wanted, so keys are compared as they came.
    #[inline]
    pub fn value(&self, row: usize, codes: &[usize], interner: &mut Interner) -> u32 {
        let entries = self.entries(row);
        let first = entries.start;
        let found = codes.iter().find_map(|&code| self.keys.codes.position(entries.clone(), code));
        found.map_or(NONE, |at| self.values.id(first + at, interner))
    }
}

impl Codes<'_> {
    /// The code of a row.
    #[inline]
    fn at(&self, row: usize) -> Option<usize> {
        match self {
            Codes::None => None,
            Codes::Byte(codes) => codes.get(row).map(|&code| usize::from(code)),
            Codes::Short(codes) => codes.get(row).map(|&code| usize::from(code)),
            Codes::Word(codes) => codes.get(row).map(|&code| code as usize),
            Codes::Wide(codes) | Codes::Numbers(codes) => codes.get(row).map(|&code| code as usize),
        }
    }

    /// Where in the range a code stands first, counted from the range's start.
    #[inline]
    fn position(&self, range: std::ops::Range<usize>, code: usize) -> Option<usize> {
        match self {
            Codes::None => None,
            Codes::Byte(codes) => codes.get(range)?.iter().position(|&other| usize::from(other) == code),
            Codes::Short(codes) => codes.get(range)?.iter().position(|&other| usize::from(other) == code),
            Codes::Word(codes) => codes.get(range)?.iter().position(|&other| other as usize == code),
            Codes::Wide(codes) | Codes::Numbers(codes) => {
                codes.get(range)?.iter().position(|&other| other as usize == code)
            }
        }
    }
}
