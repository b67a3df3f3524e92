//! The codes of the page that is being filled, and whether they pay.

use parquet::basic::Encoding;

use super::bits::{put_packed, put_run, width_for};
use super::values::PageValues;

/// A dictionary that takes more than this gets no further page: hardly a value comes again then.
const MAX_DICTIONARY_BYTES: usize = 2 << 20;

/// How a chunk's values are encoded from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// As codes, until the first page is full and shows whether values repeat.
    #[default]
    Undecided,
    /// As codes.
    Dictionary,
    /// One by one.
    Plain,
}

impl Mode {
    /// The mode of a page that is full, by the bytes of its values written one by one, and as a dictionary and codes.
    pub(super) fn of_page(self, plain: usize, coded: usize) -> Self {
        match self {
            Self::Undecided if coded > plain / 10 * 9 => Self::Plain,
            Self::Undecided => Self::Dictionary,
            known => known,
        }
    }

    /// The mode of the next page, by the bytes of the dictionary's values.
    pub(super) fn of_next_page(self, dictionary: usize) -> Self {
        if dictionary > MAX_DICTIONARY_BYTES { Self::Plain } else { self }
    }
}

/// Bytes of `count` codes of a dictionary of `entries` values.
pub(super) fn coded(count: usize, entries: usize) -> usize {
    count * usize::from(width_for(entries)) / 8
}

/// How codes lie in a page.
///
/// In as few bits as they need they are smallest before compression, but zstd sees bytes: where codes come in the same
/// sequences again and again, as those of maps do, or some much more often than others, it makes less of whole bytes.
/// Which it is shows when both are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// In as few bits as the dictionary's last code needs.
    Bits,
    /// In one, two or four bytes.
    Bytes,
}

/// Appends a data page's codes: their width, then one run or one packed stretch.
///
/// `entries` is how many values the dictionary has by now: each page says its own width, so early pages of a growing
/// dictionary are narrow, and no code waits for the end of the row group.
pub(super) fn put_codes(codes: &[u32], entries: usize, packing: Packing, out: &mut Vec<u8>) -> PageValues {
    let encoding = Encoding::RLE_DICTIONARY;
    let bits = width_for(entries);
    if let Some(first) = codes.first().filter(|first| codes.iter().all(|code| code == *first)) {
        out.push(bits);
        put_run(*first, codes.len(), bits, out);
        return PageValues { encoding, packed: false };
    }
    let bytes = bits.div_ceil(8).next_power_of_two() * 8;
    let width = if packing == Packing::Bits { bits } else { bytes };
    out.push(width);
    put_packed(codes, width, out);
    PageValues { encoding, packed: bits != bytes }
}
