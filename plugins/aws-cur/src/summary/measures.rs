//! Sums and largest values of one group. Exact: an overflow is a failure, never a wrong number.

use super::columns::{MAXIMA, SUMS};
use costhost_sdk::contract::Failure;
use costhost_sdk::failure::abort;

/// Indexes into [`SUMS`].
pub(crate) mod sum {
    pub(crate) const USAGE: usize = 0;
    pub(crate) const NORMALIZED_USAGE: usize = 1;
    pub(crate) const UNBLENDED: usize = 2;
    pub(crate) const BLENDED: usize = 3;
    pub(crate) const PLAN_EFFECTIVE: usize = 4;
    pub(crate) const ON_DEMAND: usize = 5;
    pub(crate) const CALCULATED: usize = 6;
    pub(crate) const AMORTIZED: usize = 7;
    pub(crate) const TRUEUP: usize = 8;
    pub(crate) const UPFRONT: usize = 9;
    pub(crate) const NET_UNBLENDED: usize = 10;
    pub(crate) const NET_AMORTIZED: usize = 11;
}

/// What 38 digits can hold.
const LARGEST: u128 = 10_u128.pow(38) - 1;

/// Bits of the net sums. Both hold, where a row has no net value, its gross value: they add up in every group.
const NETS: u16 = 1 << sum::NET_UNBLENDED | 1 << sum::NET_AMORTIZED;

/// Sums and largest values; a bit says which of them have had a value at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Measures {
    pub(crate) sums: [i128; SUMS.len()],
    pub(crate) maxima: [i128; MAXIMA.len()],
    /// Bits of the sums, then of the maxima.
    pub(crate) present: u16,
}

impl Measures {
    /// Adds to a sum. `shown` says whether the sum now counts as known.
    #[inline]
    pub(crate) fn add(&mut self, index: usize, value: i128, shown: bool) -> Result<(), Failure> {
        if let Some(sum) = self.sums.get_mut(index) {
            *sum = sum.checked_add(value).ok_or_else(|| overflow(index))?;
        }
        self.present |= u16::from(shown) << index;
        Ok(())
    }

    /// Adds a value, if there is one, to a sum.
    #[inline]
    pub(crate) fn add_known(&mut self, index: usize, value: Option<i128>) -> Result<(), Failure> {
        value.map_or(Ok(()), |value| self.add(index, value, true))
    }

    /// Considers a value, if there is one, as the largest.
    #[inline]
    pub(crate) fn raise(&mut self, index: usize, value: Option<i128>) {
        let (Some(value), Some(largest)) = (value, self.maxima.get_mut(index)) else { return };
        let bit = 1 << (SUMS.len() + index);
        if self.present & bit == 0 || value > *largest {
            *largest = value;
            self.present |= bit;
        }
    }

    /// Adds what another part of the rows gave.
    pub(crate) fn merge(&mut self, other: &Measures) -> Result<(), Failure> {
        for (index, &value) in other.sums.iter().enumerate() {
            self.add(index, value, other.present & (1 << index) != 0)?;
        }
        for index in 0..MAXIMA.len() {
            self.raise(index, other.maximum(index));
        }
        Ok(())
    }

    /// Whether a row of the group had a net value.
    pub(crate) fn has_net(&self) -> bool {
        self.present & NETS != 0
    }

    /// Makes the net sums count as known, or not.
    pub(crate) fn show_net(&mut self, shown: bool) {
        self.present = if shown { self.present | NETS } else { self.present & !NETS };
    }

    /// A sum, if any row had a value for it.
    pub(crate) fn sum(&self, index: usize) -> Option<i128> {
        self.sums.get(index).copied().filter(|_| self.present & (1 << index) != 0)
    }

    /// A largest value, if any row had one.
    pub(crate) fn maximum(&self, index: usize) -> Option<i128> {
        self.maxima.get(index).copied().filter(|_| self.present & (1 << (SUMS.len() + index)) != 0)
    }

    /// Whether every sum fits its column.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.sums.iter().position(|sum| sum.unsigned_abs() > LARGEST) {
            Some(index) => Err(overflow(index)),
            None => Ok(()),
        }
    }
}

/// The failure of a sum that is too large.
pub(crate) fn overflow(index: usize) -> Failure {
    let column = SUMS.get(index).copied().unwrap_or("a sum");
    let message = format!(
        "the sum of {column} is too large for 38 digits, 18 of them decimals; look for a wrong amount in the report"
    );
    abort("summary.overflow", message)
}
