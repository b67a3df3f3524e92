//! Text: dictionary codes where it repeats, lengths and letters where it does not.

use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, AsArray as _, DictionaryArray, StringArray, downcast_integer};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{ArrowDictionaryKeyType, ArrowNativeType as _, DataType};
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::codes::{Mode, Packing, coded, put_codes};
use super::delta::put_deltas;
use super::dictionary::TextDictionary;
use super::text_range::{lower_bound, upper_bound};
use super::values::{PageValues, Scratch, Values, misfit, valid_blocks, valid_stretches};

/// Stands in a translation for an entry that was not used yet. No dictionary gets as large.
const UNKNOWN: u32 = u32::MAX;

/// The texts of one chunk.
#[derive(Debug, Default)]
pub(super) struct TextValues {
    mode: Mode,
    dictionary: TextDictionary,
    /// Whether a page refers to the dictionary.
    used: bool,
    /// The page's values, as codes, ..
    codes: Vec<u32>,
    /// .. or one by one.
    lengths: Vec<u32>,
    letters: Vec<u8>,
    /// Smallest and largest of the texts that are not in the dictionary.
    range: Option<(Vec<u8>, Vec<u8>)>,
}

impl TextValues {
    fn append_texts(&mut self, texts: &StringArray, nulls: Option<&NullBuffer>, ranges: &[Range<usize>]) {
        valid_stretches(nulls, ranges, |stretch| {
            for at in stretch {
                let text = texts.value(at).as_bytes();
                match self.mode {
                    Mode::Plain => self.push(text),
                    _ => self.codes.push(self.dictionary.intern(text)),
                }
            }
        });
    }

    fn append_keyed<K: ArrowDictionaryKeyType>(
        &mut self,
        array: &DictionaryArray<K>,
        nulls: Option<&NullBuffer>,
        ranges: &[Range<usize>],
        translation: &mut Vec<u32>,
    ) -> Result<(), ParquetError> {
        let held = array.values();
        let texts = held.as_string_opt::<i32>().ok_or_else(|| misfit(held))?;
        let keys: &[K::Native] = array.keys().values();
        translation.clear();
        translation.resize(texts.len(), UNKNOWN);
        valid_blocks(keys, nulls, ranges, |keys| match self.mode {
            Mode::Plain => keys.iter().for_each(|key| self.push(texts.value(key.as_usize()).as_bytes())),
            _ => self.translate(keys, texts, translation),
        });
        Ok(())
    }

    /// Appends the codes of keys of a batch's dictionary.
    ///
    /// A text is looked up once for each batch and not for each row; and only when a row has it, so that what a plugin
    /// sends and does not use reaches no file. Most blocks hold nothing new: looking back at a block is cheaper than
    /// a branch for each row.
    fn translate<N: arrow::datatypes::ArrowNativeType>(
        &mut self,
        keys: &[N],
        texts: &StringArray,
        translation: &mut [u32],
    ) {
        let start = self.codes.len();
        let known: &[u32] = translation;
        self.codes.extend(keys.iter().map(|key| known.get(key.as_usize()).copied().unwrap_or(UNKNOWN)));
        let Some(block) = self.codes.get_mut(start..) else { return };
        if block.iter().fold(0, |highest, code| highest.max(*code)) != UNKNOWN {
            return;
        }
        for (code, key) in block.iter_mut().zip(keys) {
            let Some(known) = translation.get_mut(key.as_usize()) else { continue };
            if *known == UNKNOWN {
                *known = self.dictionary.intern(texts.value(key.as_usize()).as_bytes());
            }
            *code = *known;
        }
    }

    fn push(&mut self, text: &[u8]) {
        self.lengths.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.letters.extend_from_slice(text);
        match &mut self.range {
            Some((low, _)) if text < low.as_slice() => text.clone_into(low),
            Some((_, high)) if text > high.as_slice() => text.clone_into(high),
            Some(_) => {}
            none => *none = Some((text.to_vec(), text.to_vec())),
        }
    }
}

impl Values for TextValues {
    fn append(
        &mut self,
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
        ranges: &[Range<usize>],
        scratch: &mut Scratch,
    ) -> Result<(), ParquetError> {
        if self.mode != Mode::Plain {
            scratch.lend(&mut self.codes);
        }
        match array.data_type() {
            DataType::Utf8 => self.append_texts(array.as_string(), nulls, ranges),
            DataType::LargeUtf8 | DataType::Utf8View => {
                let texts = cast(array, &DataType::Utf8)?;
                self.append_texts(texts.as_string(), nulls, ranges);
            }
            DataType::Dictionary(key, held) if **held == DataType::Utf8 => {
                macro_rules! keyed {
                    ($key:ty) => {
                        self.append_keyed(array.as_dictionary::<$key>(), nulls, ranges, &mut scratch.translation)?
                    };
                }
                downcast_integer! { key.as_ref() => (keyed), _ => return Err(misfit(array)) }
            }
            DataType::Dictionary(key, _) => {
                let small = cast(array, &DataType::Dictionary(key.clone(), Box::new(DataType::Utf8)))?;
                return self.append(&small, nulls, ranges, scratch);
            }
            _ => return Err(misfit(array)),
        }
        Ok(())
    }

    fn pending(&self) -> (usize, usize) {
        (self.codes.len() + self.lengths.len(), self.codes.len() * 2 + self.letters.len())
    }

    fn end_page(&mut self) {
        if self.codes.is_empty() {
            return;
        }
        let dictionary = std::mem::take(&mut self.dictionary);
        let coded = coded(self.codes.len(), dictionary.len()) + dictionary.page().len();
        // Most columns have so few texts that not even empty ones would be smaller.
        let lengths = self.codes.len() * size_of::<u32>();
        let letters = || self.codes.iter().map(|code| dictionary.text(*code).len()).sum::<usize>();
        let plain = if coded < lengths / 2 { lengths } else { lengths + letters() };
        self.mode = self.mode.of_page(plain, coded);
        if self.mode == Mode::Plain {
            let mut codes = std::mem::take(&mut self.codes);
            codes.drain(..).for_each(|code| self.push(dictionary.text(code)));
            self.codes = codes;
        } else {
            self.used = true;
        }
        self.dictionary = dictionary;
    }

    fn put_page(&self, packing: Packing, out: &mut Vec<u8>) -> PageValues {
        if !self.codes.is_empty() {
            return put_codes(&self.codes, self.dictionary.len(), packing, out);
        }
        put_deltas(&self.lengths, out);
        out.extend_from_slice(&self.letters);
        PageValues { encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY, packed: false }
    }

    fn next_page(&mut self, scratch: &mut Scratch) {
        self.lengths.clear();
        self.letters.clear();
        scratch.take_back(&mut self.codes);
        self.mode = self.mode.of_next_page(self.dictionary.page().len());
    }

    fn put_dictionary(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        out.extend_from_slice(self.dictionary.page());
        self.used.then_some(self.dictionary.len())
    }

    fn statistics(&self, nulls: u64) -> Option<Statistics> {
        let used = self.used.then_some(&self.dictionary);
        let plain = self.range.as_ref();
        let texts = || used.into_iter().flat_map(TextDictionary::texts);
        let low = texts().chain(plain.map(|(low, _)| low.as_slice())).min().map(lower_bound);
        let high = texts().chain(plain.map(|(_, high)| high.as_slice())).max().map(upper_bound);
        let exact = |bound: &Option<(Vec<u8>, bool)>| bound.as_ref().is_none_or(|(_, exact)| *exact);
        let (low_exact, high_exact) = (exact(&low), exact(&high));
        let bytes = |bound: Option<(Vec<u8>, bool)>| bound.map(|(bytes, _)| ByteArray::from(bytes));
        let statistics = ValueStatistics::new(bytes(low), bytes(high), None, Some(nulls), false)
            .with_min_is_exact(low_exact)
            .with_max_is_exact(high_exact);
        Some(Statistics::ByteArray(statistics))
    }

    fn clear(&mut self) {
        self.dictionary.clear();
        (self.mode, self.used, self.range) = (Mode::Undecided, false, None);
    }

    fn memory(&self) -> usize {
        self.dictionary.memory() + self.codes.capacity() * 4 + self.lengths.capacity() * 4 + self.letters.capacity()
    }
}
