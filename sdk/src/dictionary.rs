//! Dictionaries of texts under construction, and arrays of their codes.

use crate::csv::field::unquote;
use crate::intern::{Guess, Interner};
use crate::map::{Entry, Part};
use crate::text::{BAD, Cell, NULL, nulls};
use arrow_array::types::{ArrowDictionaryKeyType, Int32Type, UInt8Type, UInt16Type};
use arrow_array::{ArrayRef, DictionaryArray, NullArray, PrimitiveArray, StringArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use std::sync::Arc;

/// Distinct values by the bytes that spell them: quotes are taken off once per spelling, not once per row.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    spellings: Interner,
    /// By number of the spelling.
    codes: Vec<u32>,
    values: Interner,
    /// Whether values may have come otherwise than as a spelling without quotes. Before that every new spelling is a new
    /// value, which need not be looked for.
    mixed: bool,
    pub(crate) scratch: Vec<u8>,
    guesses: Vec<Guess>,
}

impl Dictionary {
    /// The code of a field as it stands in the file: [`NULL`], [`BAD`], or the value's number + 1.
    #[inline]
    pub(crate) fn code(&mut self, raw: &[u8]) -> u32 {
        let (spelling, new) = self.spellings.intern(raw);
        if new {
            let code = new_spelling(raw, &mut self.values, &mut self.mixed, &mut self.scratch);
            self.codes.push(code);
            return code;
        }
        self.codes.get(spelling as usize).copied().unwrap_or(BAD)
    }

    /// The codes of many fields; `take` is given the row of each, and its code.
    pub(crate) fn codes(&mut self, cells: &[Cell], data: &[u8], mut take: impl FnMut(u32, u32)) {
        let Dictionary { spellings, codes, values, mixed, scratch, guesses } = self;
        spellings.intern_many(
            cells,
            |cell| cell.bytes(data),
            guesses,
            |cell, raw, spelling, new| {
                if new {
                    codes.push(new_spelling(raw, values, mixed, scratch));
                }
                take(cell.row, codes.get(spelling as usize).copied().unwrap_or(BAD));
            },
        );
    }

    /// The code of a value.
    pub(crate) fn value_code(&mut self, value: &str) -> u32 {
        self.mixed = true;
        self.values.intern(value.as_bytes()).0 + 1
    }

    /// Distinct values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn value(&self, code: u32) -> Option<&[u8]> {
        self.values.get((code as usize).checked_sub(1)?)
    }

    pub(crate) fn clear(&mut self) {
        self.spellings.clear();
        self.codes.clear();
        self.values.clear();
        self.mixed = false;
    }

    /// An array of these codes, of which any may be [`NULL`].
    pub(crate) fn array(&self, codes: &[u32]) -> Result<ArrayRef, ArrowError> {
        self.coded(codes, nulls(codes.len(), codes, |code| *code != NULL))
    }

    fn coded(&self, codes: &[u32], nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let codes = || codes.iter().map(|code| code.saturating_sub(1));
        let values = self.strings()?;
        Ok(match self.values.len() {
            ..=0x100 => keyed::<UInt8Type>(codes().map(|key| key as u8).collect(), nulls, values)?,
            0x101..=0x1_0000 => keyed::<UInt16Type>(codes().map(|key| key as u16).collect(), nulls, values)?,
            _ => keyed::<Int32Type>(codes().map(|key| key as i32).collect(), nulls, values)?,
        })
    }

    /// The array of rows whose codes are given by number: `codes` has the code of each number, `numbers` that of each row.
    pub(crate) fn array_by_number(&self, codes: &[u32], numbers: &[u32]) -> Result<ArrayRef, ArrowError> {
        let nulls = match nulls_by_number(codes, numbers) {
            Validity::None => return Ok(Arc::new(NullArray::new(numbers.len()))),
            Validity::Some(nulls) => Some(nulls),
            Validity::All => None,
        };
        let values = self.strings()?;
        let key = |code: &u32| code.saturating_sub(1);
        Ok(match self.values.len() {
            ..=0x100 => keyed::<UInt8Type>(by_number(codes, numbers, |code| key(code) as u8), nulls, values)?,
            0x101..=0x1_0000 => keyed::<UInt16Type>(by_number(codes, numbers, |code| key(code) as u16), nulls, values)?,
            _ => keyed::<Int32Type>(by_number(codes, numbers, |code| key(code) as i32), nulls, values)?,
        })
    }

    /// An array of one code of each entry of rows, none of which is [`NULL`]; there are `count` of them.
    pub(crate) fn entries_array(
        &self,
        rows: usize,
        count: usize,
        parts: &[Part<'_>],
        code: impl Fn(&Entry) -> u32,
    ) -> Result<ArrayRef, ArrowError> {
        let values = self.strings()?;
        let key = |entry: &Entry| code(entry).saturating_sub(1);
        Ok(match self.values.len() {
            ..=0x100 => keyed::<UInt8Type>(of_entries(rows, count, parts, |e| key(e) as u8), None, values)?,
            0x101..=0x1_0000 => keyed::<UInt16Type>(of_entries(rows, count, parts, |e| key(e) as u16), None, values)?,
            _ => keyed::<Int32Type>(of_entries(rows, count, parts, |e| key(e) as i32), None, values)?,
        })
    }

    fn strings(&self) -> Result<StringArray, ArrowError> {
        let (mut offsets, mut bytes) =
            (Vec::with_capacity(self.values.len() + 1), Vec::with_capacity(self.values.bytes()));
        offsets.push(0);
        for number in 0..self.values.len() {
            bytes.extend_from_slice(self.values.get(number).unwrap_or_default());
            offsets.push(bytes.len() as i32);
        }
        StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), None)
    }
}

/// Which rows have a value.
enum Validity {
    All,
    Some(NullBuffer),
    None,
}

/// The validity of rows whose codes are given by number.
fn nulls_by_number(codes: &[u32], numbers: &[u32]) -> Validity {
    if codes.iter().all(|code| *code != NULL) {
        return Validity::All;
    }
    let valid: Vec<u8> = codes.iter().map(|code| u8::from(*code != NULL)).collect();
    let (mut words, mut count) = (Vec::with_capacity(numbers.len().div_ceil(64)), 0);
    for numbers in numbers.chunks(64) {
        let bit = |number: &u32| u64::from(valid.get(*number as usize).copied().unwrap_or(0));
        // From the last to the first, so that each bit is shifted by one more.
        let word = numbers.iter().rev().fold(0u64, |word, number| word << 1 | bit(number));
        count += word.count_ones() as usize;
        words.push(word);
    }
    match count {
        0 => Validity::None,
        _ if count == numbers.len() => Validity::All,
        _ => Validity::Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, numbers.len()))),
    }
}

/// What `key` makes of each row's code, worked out once a number.
fn by_number<T: Copy + Default>(codes: &[u32], numbers: &[u32], key: impl Fn(&u32) -> T) -> Vec<T> {
    let keys: Vec<T> = codes.iter().map(key).collect();
    numbers.iter().map(|number| keys.get(*number as usize).copied().unwrap_or_default()).collect()
}

/// The code of bytes that were not seen before.
#[inline(never)]
fn new_spelling(raw: &[u8], values: &mut Interner, mixed: &mut bool, scratch: &mut Vec<u8>) -> u32 {
    *mixed |= raw.first() == Some(&b'"');
    let value = unquote(raw, scratch);
    if value.is_empty() {
        NULL
    } else if std::str::from_utf8(value).is_err() {
        BAD
    } else if *mixed {
        values.intern(value).0 + 1
    } else {
        values.append(value) + 1
    }
}

/// Entries that are copied at once.
const CHUNK: usize = 16;

/// One number of each entry of rows, end to end; there are `count` of them. Numbers are made once a run, and a row's are
/// copied by whole chunks: what is copied too much is written over by the next row's.
fn of_entries<T: Copy + Default>(
    rows: usize,
    count: usize,
    parts: &[Part<'_>],
    number: impl Fn(&Entry) -> T,
) -> Vec<T> {
    let room = || std::iter::repeat_n(T::default(), CHUNK);
    let sources: Vec<Vec<T>> =
        parts.iter().map(|part| part.entries.iter().map(&number).chain(room()).collect()).collect();
    let (mut numbers, mut at) = (vec![T::default(); count + CHUNK], 0);
    for row in 0..rows {
        for (part, source) in parts.iter().zip(&sources) {
            let range = part.range(row);
            for from in range.clone().step_by(CHUNK) {
                let chunk = source.get(from..).and_then(|rest| rest.first_chunk::<CHUNK>());
                let slot = numbers.get_mut(at + from - range.start..).and_then(|rest| rest.first_chunk_mut::<CHUNK>());
                if let (Some(chunk), Some(slot)) = (chunk, slot) {
                    *slot = *chunk;
                }
            }
            at += range.len();
        }
    }
    numbers.truncate(count);
    numbers
}

fn keyed<K: ArrowDictionaryKeyType>(
    keys: Vec<K::Native>,
    nulls: Option<NullBuffer>,
    values: StringArray,
) -> Result<ArrayRef, ArrowError>
where
    K::Native: ArrowNativeType,
{
    let keys = PrimitiveArray::<K>::try_new(ScalarBuffer::from(keys), nulls)?;
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
}
