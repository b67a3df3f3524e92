//! Sums and largest values of one group. Exact: an overflow is an error, never a wrong number.

/// What 38 digits can hold.
const LARGEST: u128 = 10_u128.pow(38) - 1;

/// The sum of this index is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow(pub usize);

impl std::fmt::Display for Overflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sum {} is too large for 38 digits", self.0)
    }
}

impl std::error::Error for Overflow {}

/// Sums and largest values; a bit says which of them have had a value at all. At most 32 in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measures<const SUMS: usize, const MAXIMA: usize> {
    /// In units of 10^-18.
    pub sums: [i128; SUMS],
    /// In units of 10^-18.
    pub maxima: [i128; MAXIMA],
    /// Bits of the sums, then of the maxima.
    pub present: u32,
}

impl<const SUMS: usize, const MAXIMA: usize> Default for Measures<SUMS, MAXIMA> {
    fn default() -> Self {
        const { assert!(SUMS + MAXIMA <= 32, "`present` has a bit for each") }
        Measures { sums: [0; SUMS], maxima: [0; MAXIMA], present: 0 }
    }
}

impl<const SUMS: usize, const MAXIMA: usize> Measures<SUMS, MAXIMA> {
    /// Adds to a sum. `shown` says whether the sum now counts as known.
    ///
    /// # Errors
    /// When the sum is too large.
    #[inline]
    pub fn add(&mut self, index: usize, value: i128, shown: bool) -> Result<(), Overflow> {
        if let Some(sum) = self.sums.get_mut(index) {
            *sum = sum.checked_add(value).ok_or(Overflow(index))?;
        }
        self.present |= u32::from(shown) << index;
        Ok(())
    }

    /// Adds a value, if there is one, to a sum.
    ///
    /// # Errors
    /// When the sum is too large.
    #[inline]
    pub fn add_known(&mut self, index: usize, value: Option<i128>) -> Result<(), Overflow> {
        value.map_or(Ok(()), |value| self.add(index, value, true))
    }

    /// Considers a value, if there is one, as the largest.
    #[inline]
    pub fn raise(&mut self, index: usize, value: Option<i128>) {
        let (Some(value), Some(largest)) = (value, self.maxima.get_mut(index)) else { return };
        let bit = 1 << (SUMS + index);
        if self.present & bit == 0 || value > *largest {
            *largest = value;
            self.present |= bit;
        }
    }

    /// Adds what another part of the rows gave.
    ///
    /// # Errors
    /// When a sum is too large.
    pub fn merge(&mut self, other: &Measures<SUMS, MAXIMA>) -> Result<(), Overflow> {
        for (index, &value) in other.sums.iter().enumerate() {
            self.add(index, value, other.present & (1 << index) != 0)?;
        }
        for index in 0..MAXIMA {
            self.raise(index, other.maximum(index));
        }
        Ok(())
    }

    /// A sum, if any row had a value for it.
    #[must_use]
    pub fn sum(&self, index: usize) -> Option<i128> {
        self.sums.get(index).copied().filter(|_| self.present & (1 << index) != 0)
    }

    /// A largest value, if any row had one.
    #[must_use]
    pub fn maximum(&self, index: usize) -> Option<i128> {
        self.maxima.get(index).copied().filter(|_| self.present & (1 << (SUMS + index)) != 0)
    }

    /// Whether every sum fits its column.
    ///
    /// # Errors
    /// When one does not.
    pub fn check(&self) -> Result<(), Overflow> {
        match self.sums.iter().position(|sum| sum.unsigned_abs() > LARGEST) {
            Some(index) => Err(Overflow(index)),
            None => Ok(()),
        }
    }
}
