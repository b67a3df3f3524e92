//! Numbers, dates, times and amounts: dictionary codes where they repeat, one after the other where they do not.

use std::hash::Hash;
use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use parquet::basic::Encoding;
use parquet::data_type::{
    DataType as PhysicalType, DoubleType as DoublePhysical, Int32Type as Int32Physical, Int64Type as Int64Physical,
};
use parquet::errors::ParquetError;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::codes::{Mode, Packing, coded, put_codes};
use super::dictionary::NumberDictionary;
use super::values::{PageValues, Scratch, Values, misfit, valid_blocks};

/// How one Arrow type lies in files.
pub(super) trait Kind: Send {
    /// A value in an array.
    type Native: Copy;
    /// A value in a dictionary.
    type Number: Copy + Eq + Hash + Send;
    /// A value that can be compared.
    type Ordered: Copy + PartialOrd + Send;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [Self::Native]>;
    fn number(&self, native: Self::Native) -> Self::Number;
    /// `None` for what has no part in ranges.
    fn ordered(&self, number: Self::Number) -> Option<Self::Ordered>;
    /// Bytes of a value in a file.
    fn width(&self) -> usize;
    /// Appends values in the PLAIN encoding.
    fn put(&self, numbers: impl Iterator<Item = Self::Number>, out: &mut Vec<u8>);
    /// `None` for types whose range is not kept.
    fn statistics(&self, range: Option<(Self::Ordered, Self::Ordered)>, nulls: u64) -> Option<Statistics>;
}

/// `Int32` and dates.
pub(super) struct Int32s;
/// `Int64` and times.
pub(super) struct Int64s;
/// `Float64`, by its bits.
pub(super) struct Doubles;
/// Decimals of more than 18 digits: the highest byte first, in two's complement.
///
/// They have no range: nobody looks for rows by the range of an amount.
pub(super) struct Decimals {
    /// Bytes that the column's digits need, at most 16.
    pub(super) width: usize,
}
/// Decimals of up to 9 digits.
pub(super) struct DecimalsAsInt32;
/// Decimals of 10 to 18 digits.
pub(super) struct DecimalsAsInt64;

impl Kind for Int32s {
    type Native = i32;
    type Number = i32;
    type Ordered = i32;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [i32]> {
        match array.data_type() {
            DataType::Date32 => array.as_primitive_opt::<Date32Type>().map(|array| array.values().as_ref()),
            _ => array.as_primitive_opt::<Int32Type>().map(|array| array.values().as_ref()),
        }
    }

    fn number(&self, native: i32) -> i32 {
        native
    }

    fn ordered(&self, number: i32) -> Option<i32> {
        Some(number)
    }

    fn width(&self) -> usize {
        4
    }

    fn put(&self, numbers: impl Iterator<Item = i32>, out: &mut Vec<u8>) {
        out.extend(numbers.flat_map(i32::to_le_bytes));
    }

    fn statistics(&self, range: Option<(i32, i32)>, nulls: u64) -> Option<Statistics> {
        Some(Statistics::Int32(signed::<Int32Physical>(range, nulls)))
    }
}

impl Kind for Int64s {
    type Native = i64;
    type Number = i64;
    type Ordered = i64;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [i64]> {
        match array.data_type() {
            DataType::Timestamp(..) => {
                array.as_primitive_opt::<TimestampMicrosecondType>().map(|array| array.values().as_ref())
            }
            _ => array.as_primitive_opt::<Int64Type>().map(|array| array.values().as_ref()),
        }
    }

    fn number(&self, native: i64) -> i64 {
        native
    }

    fn ordered(&self, number: i64) -> Option<i64> {
        Some(number)
    }

    fn width(&self) -> usize {
        8
    }

    fn put(&self, numbers: impl Iterator<Item = i64>, out: &mut Vec<u8>) {
        out.extend(numbers.flat_map(i64::to_le_bytes));
    }

    fn statistics(&self, range: Option<(i64, i64)>, nulls: u64) -> Option<Statistics> {
        Some(Statistics::Int64(signed::<Int64Physical>(range, nulls)))
    }
}

impl Kind for Doubles {
    type Native = f64;
    type Number = u64;
    type Ordered = f64;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [f64]> {
        array.as_primitive_opt::<Float64Type>().map(|array| array.values().as_ref())
    }

    fn number(&self, native: f64) -> u64 {
        native.to_bits()
    }

    fn ordered(&self, number: u64) -> Option<f64> {
        Some(f64::from_bits(number)).filter(|number| !number.is_nan())
    }

    fn width(&self) -> usize {
        8
    }

    fn put(&self, numbers: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
        out.extend(numbers.flat_map(u64::to_le_bytes));
    }

    fn statistics(&self, range: Option<(f64, f64)>, nulls: u64) -> Option<Statistics> {
        // Which zero it is cannot be told from a range: the format wants the outer one.
        let outer =
            |(low, high): (f64, f64)| (if low == 0.0 { -0.0 } else { low }, if high == 0.0 { 0.0 } else { high });
        Some(Statistics::Double(signed::<DoublePhysical>(range.map(outer), nulls)))
    }
}

impl Kind for Decimals {
    type Native = i128;
    type Number = i128;
    type Ordered = i128;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [i128]> {
        decimals(array)
    }

    fn number(&self, native: i128) -> i128 {
        native
    }

    fn ordered(&self, _: i128) -> Option<i128> {
        None
    }

    fn width(&self) -> usize {
        self.width
    }

    fn put(&self, numbers: impl Iterator<Item = i128>, out: &mut Vec<u8>) {
        if self.width == size_of::<i128>() {
            out.extend(numbers.flat_map(i128::to_be_bytes));
            return;
        }
        for number in numbers {
            out.extend_from_slice(number.to_be_bytes().split_at(size_of::<i128>() - self.width).1);
        }
    }

    fn statistics(&self, _: Option<(i128, i128)>, _: u64) -> Option<Statistics> {
        None
    }
}

impl Kind for DecimalsAsInt32 {
    type Native = i128;
    type Number = i32;
    type Ordered = i32;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [i128]> {
        decimals(array)
    }

    fn number(&self, native: i128) -> i32 {
        // No more than nine digits: the lowest four bytes are all of it.
        native as i32
    }

    fn ordered(&self, number: i32) -> Option<i32> {
        Some(number)
    }

    fn width(&self) -> usize {
        4
    }

    fn put(&self, numbers: impl Iterator<Item = i32>, out: &mut Vec<u8>) {
        Int32s.put(numbers, out);
    }

    fn statistics(&self, range: Option<(i32, i32)>, nulls: u64) -> Option<Statistics> {
        Int32s.statistics(range, nulls)
    }
}

impl Kind for DecimalsAsInt64 {
    type Native = i128;
    type Number = i64;
    type Ordered = i64;

    fn natives<'a>(&self, array: &'a ArrayRef) -> Option<&'a [i128]> {
        decimals(array)
    }

    fn number(&self, native: i128) -> i64 {
        // No more than 18 digits: the lowest eight bytes are all of it.
        native as i64
    }

    fn ordered(&self, number: i64) -> Option<i64> {
        Some(number)
    }

    fn width(&self) -> usize {
        8
    }

    fn put(&self, numbers: impl Iterator<Item = i64>, out: &mut Vec<u8>) {
        Int64s.put(numbers, out);
    }

    fn statistics(&self, range: Option<(i64, i64)>, nulls: u64) -> Option<Statistics> {
        Int64s.statistics(range, nulls)
    }
}

fn decimals(array: &ArrayRef) -> Option<&[i128]> {
    array.as_primitive_opt::<Decimal128Type>().map(|array| array.values().as_ref())
}

fn signed<P: PhysicalType>(range: Option<(P::T, P::T)>, nulls: u64) -> ValueStatistics<P::T> {
    let (low, high) = range.unzip();
    ValueStatistics::new(low, high, None, Some(nulls), false).with_backwards_compatible_min_max(true)
}

/// The numbers of one chunk.
pub(super) struct NumberValues<K: Kind> {
    kind: K,
    mode: Mode,
    dictionary: NumberDictionary<K::Number>,
    /// Whether a page refers to the dictionary.
    used: bool,
    /// The page's values, as codes, ..
    codes: Vec<u32>,
    /// .. or one by one.
    plain: Vec<u8>,
    /// Smallest and largest of the values that are not in the dictionary.
    range: Option<(K::Ordered, K::Ordered)>,
}

impl<K: Kind> NumberValues<K> {
    pub(super) fn new(kind: K) -> Self {
        let dictionary = NumberDictionary::default();
        let (codes, plain) = (Vec::new(), Vec::new());
        Self { kind, mode: Mode::Undecided, dictionary, used: false, codes, plain, range: None }
    }
}

/// `range` widened to what `numbers` hold.
fn widened<K: Kind>(
    kind: &K,
    range: Option<(K::Ordered, K::Ordered)>,
    numbers: impl Iterator<Item = K::Number>,
) -> Option<(K::Ordered, K::Ordered)> {
    numbers.filter_map(|number| kind.ordered(number)).fold(range, |range, number| {
        let (low, high) = range.unwrap_or((number, number));
        Some((if number < low { number } else { low }, if number > high { number } else { high }))
    })
}

impl<K: Kind> Values for NumberValues<K> {
    fn append(
        &mut self,
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
        ranges: &[Range<usize>],
        scratch: &mut Scratch,
    ) -> Result<(), ParquetError> {
        let natives = self.kind.natives(array).ok_or_else(|| misfit(array))?;
        if self.mode != Mode::Plain {
            scratch.lend(&mut self.codes);
        }
        valid_blocks(natives, nulls, ranges, |natives| {
            let numbers = natives.iter().map(|native| self.kind.number(*native));
            if self.mode == Mode::Plain {
                self.range = widened(&self.kind, self.range, numbers.clone());
                self.kind.put(numbers, &mut self.plain);
            } else {
                self.codes.extend(numbers.map(|number| self.dictionary.intern(number)));
            }
        });
        Ok(())
    }

    fn pending(&self) -> (usize, usize) {
        (self.codes.len() + self.plain.len() / self.kind.width().max(1), self.codes.len() * 2 + self.plain.len())
    }

    fn end_page(&mut self) {
        if self.codes.is_empty() {
            return;
        }
        let (width, values) = (self.kind.width(), self.dictionary.values());
        let coded = coded(self.codes.len(), values.len()) + values.len() * width;
        // Numbers written one by one compress better than text: their high bytes are alike. A dictionary that saves
        // less than half before compression is larger after it.
        self.mode = self.mode.of_page(self.codes.len() * width / 2, coded);
        if self.mode == Mode::Plain {
            let numbers = self.codes.iter().filter_map(|code| values.get(*code as usize).copied());
            self.range = widened(&self.kind, self.range, numbers.clone());
            self.kind.put(numbers, &mut self.plain);
            self.codes.clear();
        } else {
            self.used = true;
        }
    }

    fn put_page(&self, packing: Packing, out: &mut Vec<u8>) -> PageValues {
        if !self.codes.is_empty() {
            return put_codes(&self.codes, self.dictionary.values().len(), packing, out);
        }
        out.extend_from_slice(&self.plain);
        PageValues { encoding: Encoding::PLAIN, packed: false }
    }

    fn next_page(&mut self, scratch: &mut Scratch) {
        self.plain.clear();
        scratch.take_back(&mut self.codes);
        self.mode = self.mode.of_next_page(self.dictionary.values().len() * self.kind.width());
    }

    fn put_dictionary(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let values = self.dictionary.values();
        self.kind.put(values.iter().copied(), out);
        self.used.then_some(values.len())
    }

    fn statistics(&self, nulls: u64) -> Option<Statistics> {
        let used: &[K::Number] = if self.used { self.dictionary.values() } else { &[] };
        self.kind.statistics(widened(&self.kind, self.range, used.iter().copied()), nulls)
    }

    fn clear(&mut self) {
        self.dictionary.clear();
        (self.mode, self.used, self.range) = (Mode::Undecided, false, None);
    }

    fn memory(&self) -> usize {
        self.dictionary.memory() + self.codes.capacity() * 4 + self.plain.capacity()
    }
}
