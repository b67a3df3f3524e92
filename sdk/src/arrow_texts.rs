//! Columns of Arrow batches as texts: by the codes of a dictionary, or one by one as fields of a file.
//!
//! Invariant: a row's text is the one [`crate::arrow_rows`] writes for it, and nothing where that is empty.

use crate::arrow_rows;
use crate::csv::field::quote;
use crate::intern::{Interner, same};
use crate::text::{Cell, NULL};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::{ArrowNativeType, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};

/// Rows whose fields are taken at once: after so many it can be told whether values repeat.
const WINDOW: usize = 1024;

/// Whether no row of a column has a value.
pub(crate) fn is_void(column: &ArrayRef) -> bool {
    column.data_type() == &DataType::Null || column.null_count() == column.len()
}

/// A column as codes: 0 for nothing, or the number of the value + 1.
#[derive(Debug)]
pub(crate) struct Coded {
    keys: Keys,
    nulls: Option<NullBuffer>,
    values: StringArray,
}

#[derive(Debug)]
enum Keys {
    Byte(ScalarBuffer<u8>),
    Short(ScalarBuffer<u16>),
    Word(ScalarBuffer<i32>),
    /// Codes already.
    Codes(Vec<u32>),
}

impl Coded {
    /// The codes of a dictionary with texts; none for any other column.
    ///
    /// # Errors
    /// When its values have a type that no report has.
    pub(crate) fn of_dictionary(column: &ArrayRef) -> Result<Option<Coded>, ArrowError> {
        let Some(dictionary) = column.as_any_dictionary_opt() else { return Ok(None) };
        let values = match dictionary.values().as_string_opt::<i32>() {
            Some(values) => values.clone(),
            None => rendered(dictionary.values())?,
        };
        let nulls = dictionary.keys().nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        Ok(keys(column).map(|keys| Coded { keys, nulls, values }))
    }

    /// The codes of any column.
    ///
    /// # Errors
    /// When it has a type that no report has.
    pub(crate) fn of(column: &ArrayRef) -> Result<Coded, ArrowError> {
        if let Some(coded) = Coded::of_dictionary(column)? {
            return Ok(coded);
        }
        if let Some(rows) = MapRows::of(column) {
            return Coded::of_map(column, &rows);
        }
        let (mut interner, texts) = (Interner::default(), strings(column)?);
        let (mut codes, mut firsts) = (Vec::with_capacity(texts.len()), Vec::new());
        for row in 0..texts.len() {
            let text = text(&texts, row);
            if text.is_empty() {
                codes.push(NULL);
                continue;
            }
            let (number, new) = interner.intern(text.as_bytes());
            if new {
                firsts.push(row);
            }
            codes.push(number + 1);
        }
        let values = StringArray::from_iter_values(firsts.into_iter().map(|row| texts.value(row)));
        Ok(Coded { keys: Keys::Codes(codes), nulls: None, values })
    }

    /// The codes of a map's texts, each of which is written once.
    fn of_map(column: &ArrayRef, rows: &MapRows<'_>) -> Result<Coded, ArrowError> {
        let (mut interner, mut texts, mut entries) = (Interner::default(), Vec::new(), Vec::new());
        let (cells, mut codes) = (arrow_rows::cells(column)?, Vec::with_capacity(column.len()));
        for row in 0..column.len() {
            if column.is_null(row) {
                codes.push(NULL);
                continue;
            }
            entries.clear();
            rows.write(row, &mut entries);
            let (number, new) = interner.intern(&entries);
            if new {
                let mut text = String::new();
                cells(row, &mut text);
                texts.push(text);
            }
            codes.push(number + 1);
        }
        Ok(Coded { keys: Keys::Codes(codes), nulls: None, values: StringArray::from_iter_values(texts) })
    }

    /// How many codes there may be, that of nothing among them.
    pub(crate) fn count(&self) -> usize {
        self.values.len() + 1
    }

    /// Whether all rows have the same value.
    pub(crate) fn is_constant(&self) -> bool {
        self.nulls.is_none() && self.values.len() == 1 && !matches!(self.keys, Keys::Codes(_))
    }

    /// Whether another column surely has the same codes. Columns that follow from each other often have: readers number
    /// values as they come.
    pub(crate) fn has_codes_of(&self, other: &Coded) -> bool {
        let count = |coded: &Coded| coded.nulls.as_ref().map(NullBuffer::null_count);
        let keys = match (&self.keys, &other.keys) {
            (Keys::Byte(own), Keys::Byte(other)) => same(own, other),
            (Keys::Short(own), Keys::Short(other)) => same(own.inner(), other.inner()),
            _ => false,
        };
        keys && count(self) == count(other) && self.nulls == other.nulls
    }

    /// The text of a code; empty for nothing.
    pub(crate) fn text(&self, code: u32) -> &str {
        (code as usize).checked_sub(1).map_or("", |at| text(&self.values, at))
    }

    /// The code of a row.
    pub(crate) fn code(&self, row: usize) -> u32 {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return NULL;
        }
        match &self.keys {
            Keys::Byte(keys) => keys.get(row).map(|key| u32::from(*key) + 1),
            Keys::Short(keys) => keys.get(row).map(|key| u32::from(*key) + 1),
            Keys::Word(keys) => keys.get(row).map(|key| (*key as u32).wrapping_add(1)),
            Keys::Codes(codes) => codes.get(row).copied(),
        }
        .unwrap_or(NULL)
    }

    /// The codes of all rows.
    pub(crate) fn codes(&self, codes: &mut Vec<u32>) {
        codes.clear();
        match &self.keys {
            Keys::Byte(keys) => codes.extend(keys.iter().map(|key| u32::from(*key) + 1)),
            Keys::Short(keys) => codes.extend(keys.iter().map(|key| u32::from(*key) + 1)),
            Keys::Word(keys) => codes.extend(keys.iter().map(|key| (*key as u32).wrapping_add(1))),
            Keys::Codes(own) => codes.extend_from_slice(own),
        }
        if let Some(nulls) = &self.nulls {
            clear_nulls(codes, nulls);
        }
    }
}

/// The rows of a map from text to text.
struct MapRows<'a> {
    offsets: &'a [i32],
    keys: &'a StringArray,
    values: &'a StringArray,
}

impl<'a> MapRows<'a> {
    fn of(column: &'a ArrayRef) -> Option<MapRows<'a>> {
        let map = column.as_map_opt()?;
        let (keys, values) = (map.keys().as_string_opt()?, map.values().as_string_opt()?);
        Some(MapRows { offsets: map.value_offsets(), keys, values })
    }

    /// Appends bytes that are the same for the same entries only.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let (Some(&begin), Some(&end)) = (self.offsets.get(row), self.offsets.get(row + 1)) else { return };
        out.extend_from_slice(&(end - begin).to_le_bytes());
        let (begin, end) = (begin as usize, end as usize);
        for texts in [self.keys, self.values] {
            let offsets = texts.value_offsets().get(begin..=end).unwrap_or_default();
            for (at, ends) in (begin..).zip(offsets.windows(2)) {
                let [from, to] = ends else { continue };
                // There may be bytes under a null, too.
                let length = ((to - from) as u32) << 1 | u32::from(texts.is_null(at));
                out.extend_from_slice(&length.to_le_bytes());
            }
            // Texts of neighbours lie end to end.
            if let (Some(from), Some(to)) = (offsets.first(), offsets.last()) {
                out.extend_from_slice(texts.values().get(*from as usize..*to as usize).unwrap_or_default());
            }
        }
    }
}

/// By eight bits: all bits of a code where one is set, and none where it is not.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static LANES: [[u32; 8]; 256] = {
    let mut lanes = [[0; 8]; 256];
    let mut at = 0;
    while at < 256 * 8 {
        lanes[at / 8][at % 8] = 0u32.wrapping_sub(((at / 8) >> (at % 8)) as u32 & 1);
        at += 1;
    }
    lanes
};

/// Under a null lies any key. Eight rows at a time, since nulls mostly stand between other values.
fn clear_nulls(codes: &mut [u32], nulls: &NullBuffer) {
    let bits = nulls.inner().bit_chunks();
    let words = bits.iter().chain(std::iter::once(bits.remainder_bits()));
    for (codes, byte) in codes.chunks_mut(8).zip(words.flat_map(u64::to_le_bytes)) {
        if let Some(lanes) = LANES.get(usize::from(byte)) {
            codes.iter_mut().zip(lanes).for_each(|(code, lane)| *code &= lane);
        }
    }
}

fn keys(column: &ArrayRef) -> Option<Keys> {
    let DataType::Dictionary(key, _) = column.data_type() else { return None };
    macro_rules! wide {
        ($kind:ty) => {{
            let keys = column.as_dictionary::<$kind>().keys().values().iter();
            Keys::Codes(keys.map(|key| (key.as_usize() as u32).wrapping_add(1)).collect())
        }};
    }
    Some(match key.as_ref() {
        DataType::UInt8 => Keys::Byte(column.as_dictionary::<UInt8Type>().keys().values().clone()),
        DataType::UInt16 => Keys::Short(column.as_dictionary::<UInt16Type>().keys().values().clone()),
        DataType::Int32 => Keys::Word(column.as_dictionary::<Int32Type>().keys().values().clone()),
        DataType::Int8 => wide!(Int8Type),
        DataType::Int16 => wide!(Int16Type),
        DataType::Int64 => wide!(Int64Type),
        DataType::UInt32 => wide!(UInt32Type),
        DataType::UInt64 => wide!(UInt64Type),
        _ => return None,
    })
}

fn text(texts: &StringArray, at: usize) -> &str {
    if texts.is_null(at) { "" } else { texts.value(at) }
}

/// A column as plain text, null where it has none.
///
/// # Errors
/// When it has a type that no report has.
fn strings(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    column.as_string_opt::<i32>().map_or_else(|| rendered(column), |texts| Ok(texts.clone()))
}

fn rendered(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let (cells, mut text) = (arrow_rows::cells(column)?, String::new());
    let text_of = |row| {
        text.clear();
        cells(row, &mut text);
        text.clone()
    };
    Ok(StringArray::from_iter_values((0..column.len()).map(text_of)))
}

/// Hands a column's texts to `take`, some rows at a time, as fields that stand in a file: how many rows came before them,
/// the bytes, and the fields that are not empty.
///
/// # Errors
/// When the column has a type that no report has.
pub(crate) fn each_window(column: &ArrayRef, mut take: impl FnMut(usize, &[u8], &[Cell])) -> Result<(), ArrowError> {
    let texts = strings(column)?;
    let (data, mut cells, mut quoted) = (texts.values().as_slice(), Vec::new(), Vec::new());
    let mut before = 0;
    while before < texts.len() {
        let window = texts.slice(before, WINDOW.min(texts.len() - before));
        cells.clear();
        let mut has_quotes = false;
        for (row, ends) in (0..).zip(window.value_offsets().windows(2)) {
            let [start, end] = ends else { continue };
            if start != end && window.is_valid(row as usize) {
                has_quotes |= data.get(*start as usize) == Some(&b'"');
                cells.push(Cell { row, start: *start as u32, end: *end as u32 });
            }
        }
        if has_quotes {
            quote_all(data, &mut cells, &mut quoted);
        }
        take(before, if has_quotes { &quoted } else { data }, &cells);
        before += window.len();
    }
    Ok(())
}

/// A field that begins with a quote is read as quoted, so these values have to be.
fn quote_all(data: &[u8], cells: &mut [Cell], quoted: &mut Vec<u8>) {
    quoted.clear();
    for cell in cells {
        let start = quoted.len() as u32;
        quote(cell.bytes(data), quoted);
        (cell.start, cell.end) = (start, quoted.len() as u32);
    }
}
