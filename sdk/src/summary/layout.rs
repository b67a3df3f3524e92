//! What a summary's groups are: names of what they have in common, of their sums and of their largest values.

use super::measures::Overflow;
use crate::contract::Failure;
use crate::failure::abort;
use std::hash::{Hash, Hasher};

/// The columns of a summary with `TEXTS` texts, `SUMS` sums and `MAXIMA` largest values to each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Columns of text that groups are told apart by, beside the day.
    pub texts: [&'static str; TEXTS],
    /// Columns that are sums.
    pub sums: [&'static str; SUMS],
    /// Columns that are the largest value of their group.
    pub maxima: [&'static str; MAXIMA],
}

impl<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> Layout<TEXTS, SUMS, MAXIMA> {
    /// The failure of a sum that is too large.
    #[must_use]
    pub fn overflow(&self, overflow: Overflow) -> Failure {
        let column = self.sums.get(overflow.0).copied().unwrap_or("a sum");
        let message = format!(
            "the sum of {column} is too large for 38 digits, 18 of them decimals; look for a wrong amount in the report"
        );
        abort("summary.overflow", message)
    }
}

/// Day and texts, the latter as numbers of an interner, in the order of [`Layout::texts`].
#[derive(Debug, Clone, Copy, Eq)]
pub struct GroupKey<const TEXTS: usize> {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Numbers of texts.
    pub texts: [u32; TEXTS],
}

impl<const TEXTS: usize> PartialEq for GroupKey<TEXTS> {
    /// In line and without a branch: comparing arrays is a call in a guest, and it is done for every row.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let texts = self.texts.iter().zip(&other.texts);
        self.day == other.day && texts.fold(0, |differ, (own, other)| differ | (own ^ other)) == 0
    }
}

impl<const TEXTS: usize> Hash for GroupKey<TEXTS> {
    /// Equal keys have equal words: two texts to a word.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.day.cast_unsigned());
        let (pairs, rest) = self.texts.as_chunks::<2>();
        for [first, second] in pairs {
            state.write_u64(u64::from(*first) << 32 | u64::from(*second));
        }
        rest.iter().for_each(|text| state.write_u32(*text));
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The UTC day of an instant in microseconds, in days since 1970-01-01; `None` beyond what a date holds.
#[must_use]
pub fn day_of(micros: i64) -> Option<i32> {
    i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()
}
