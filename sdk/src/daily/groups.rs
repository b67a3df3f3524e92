//! Groups under construction. Their order in memory is that of their first rows and never reaches a result.

use crate::decimal::PRECISION;
use crate::summary::hash::FastMap;
use crate::summary::texts::Interner;

/// The first number that has too many digits for an amount.
const LIMIT: u128 = 10_u128.pow(PRECISION);

/// Every group so far.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) interner: Interner,
    by_key: FastMap<Box<[u32]>, usize>,
    groups: Vec<Group>,
    last: Option<usize>,
}

/// A day and texts, and what is added up of them. A sum is none as long as no row has a value.
#[derive(Debug)]
pub(super) struct Group {
    /// The day since 1970-01-01, as bits, then numbers of texts.
    key: Box<[u32]>,
    pub(super) sums: Vec<Option<i128>>,
}

impl Group {
    pub(super) fn day(&self) -> i32 {
        self.key.first().map_or(0, |bits| bits.cast_signed())
    }

    pub(super) fn text(&self, at: usize) -> u32 {
        self.key.get(at + 1).copied().unwrap_or_default()
    }
}

/// The sum of this index is too large.
pub(super) struct Overflow(pub(super) usize);

impl Groups {
    /// Adds values to the group of a key: a day as bits, then numbers of texts. Neighbouring rows are often of one group.
    pub(super) fn add(&mut self, key: &[u32], values: impl Iterator<Item = Option<i128>>) -> Result<(), Overflow> {
        let index = match self.last.filter(|last| self.groups.get(*last).is_some_and(|group| *group.key == *key)) {
            Some(last) => last,
            None => match self.by_key.get(key) {
                Some(&index) => index,
                None => {
                    self.by_key.insert(key.into(), self.groups.len());
                    self.groups.push(Group { key: key.into(), sums: Vec::new() });
                    self.groups.len() - 1
                }
            },
        };
        self.last = Some(index);
        let Some(group) = self.groups.get_mut(index) else { return Ok(()) };
        for (at, value) in values.enumerate() {
            if at == group.sums.len() {
                group.sums.push(None);
            }
            if let (Some(value), Some(sum)) = (value, group.sums.get_mut(at)) {
                let total = sum.unwrap_or(0).checked_add(value).filter(|total| total.unsigned_abs() < LIMIT);
                *sum = Some(total.ok_or(Overflow(at))?);
            }
        }
        Ok(())
    }

    /// The groups by day, then by their texts.
    pub(super) fn sorted(&self) -> Vec<&Group> {
        let ranks = self.interner.ranks(self.groups.iter().flat_map(|group| group.key.iter().skip(1).copied()));
        let mut groups: Vec<&Group> = self.groups.iter().collect();
        groups.sort_by_cached_key(|group| {
            let texts: Vec<u32> = group.key.iter().skip(1).map(|id| ranks.of(*id)).collect();
            (group.day(), texts)
        });
        groups
    }
}
