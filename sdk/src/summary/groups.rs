//! Groups under construction: their measures and their resources.

mod many;

use super::hash::{FastHasher, FastSet};
use super::layout::GroupKey;
use super::measures::{Measures, Overflow};
use super::slots::Slots;
use super::texts::{Interner, NONE};
use std::hash::{Hash as _, Hasher as _};

/// Every group so far.
#[derive(Debug)]
pub struct Groups<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Texts of keys and resources.
    pub interner: Interner,
    by_key: Slots,
    groups: Vec<(GroupKey<TEXTS>, Measures<SUMS, MAXIMA>)>,
    /// Group in the upper half, resource in the lower.
    resources: FastSet<u64>,
    last: Option<(GroupKey<TEXTS>, u32)>,
    last_resource: u64,
}

impl<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> Default for Groups<TEXTS, SUMS, MAXIMA> {
    fn default() -> Self {
        Groups::new()
    }
}

impl<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> Groups<TEXTS, SUMS, MAXIMA> {
    /// No group.
    #[must_use]
    pub fn new() -> Self {
        Groups {
            interner: Interner::new(),
            by_key: Slots::default(),
            groups: Vec::new(),
            resources: FastSet::default(),
            last: None,
            last_resource: 0,
        }
    }

    /// The group of a key and its measures. Neighbouring rows are often of one group.
    #[inline]
    pub fn group(&mut self, key: &GroupKey<TEXTS>) -> (u32, Option<&mut Measures<SUMS, MAXIMA>>) {
        let group = match self.last {
            Some((last, group)) if last == *key => group,
            _ => {
                let (groups, hash) = (&self.groups, hash(key));
                let is = |group: u32| groups.get(group as usize).is_some_and(|(other, _)| other == key);
                // Memory ends long before four billion groups.
                let next = u32::try_from(groups.len()).unwrap_or(u32::MAX - 1);
                let group = self.by_key.find_or_add(hash, next, is);
                if group == next {
                    self.groups.push((*key, Measures::default()));
                }
                self.last = Some((*key, group));
                group
            }
        };
        (group, self.groups.get_mut(group as usize).map(|(_, measures)| measures))
    }

    /// Notes that a resource took part in a group.
    #[inline]
    pub fn resource(&mut self, group: u32, resource: u32) {
        let pair = u64::from(group) << 32 | u64::from(resource);
        if resource != NONE && pair != self.last_resource {
            self.resources.insert(pair);
            self.last_resource = pair;
        }
    }

    /// The measures of a group.
    #[inline]
    pub fn measures(&mut self, group: u32) -> Option<&mut Measures<SUMS, MAXIMA>> {
        self.groups.get_mut(group as usize).map(|(_, measures)| measures)
    }

    /// The groups in the order of their keys' texts, each with its resources sorted: what rows came first does not show.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub fn sorted(&self) -> Result<Vec<Group<TEXTS, SUMS, MAXIMA>>, Overflow> {
        let ranks = self.interner.ranks();
        let mut texts = vec![NONE; ranks.len()];
        for (id, rank) in (0_u32..).zip(&ranks) {
            if let Some(text) = texts.get_mut(*rank as usize) {
                *text = id;
            }
        }
        let of = |table: &[u32], at: u32| table.get(at as usize).copied().unwrap_or_default();
        self.in_order(|id| of(&ranks, id), |rank| of(&texts, rank))
    }

    /// The groups in the order of the numbers of their keys' texts, each with its resources by number: nobody reads them but
    /// another accumulator, and comparing texts takes long.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub fn by_number(&self) -> Result<Vec<Group<TEXTS, SUMS, MAXIMA>>, Overflow> {
        self.in_order(|id| id, |id| id)
    }

    /// The groups by the ranks of their texts; `text` is the text of a rank. Groups are large, so it is their keys that are
    /// sorted.
    fn in_order(
        &self,
        rank: impl Fn(u32) -> u32,
        text: impl Fn(u32) -> u32,
    ) -> Result<Vec<Group<TEXTS, SUMS, MAXIMA>>, Overflow> {
        let ranked = |&pair: &u64| pair >> 32 << 32 | u64::from(rank(pair as u32));
        let mut resources: Vec<u64> = self.resources.iter().map(ranked).collect();
        resources.sort_unstable();
        let keys = self.groups.iter().map(|(key, _)| (key.day, key.texts.map(&rank)));
        let mut order: Vec<_> = keys.zip(0_u32..).collect();
        order.sort_unstable();

        let mut groups = Vec::with_capacity(self.groups.len());
        for (_, group) in order {
            let Some((key, measures)) = self.groups.get(group as usize) else { continue };
            measures.check()?;
            let from = resources.partition_point(|pair| split(*pair).0 < group);
            let own = resources.get(from..).unwrap_or_default().iter().take_while(|pair| split(**pair).0 == group);
            let resources = own.map(|pair| text(*pair as u32)).collect();
            groups.push(Group { key: *key, measures: *measures, resources });
        }
        Ok(groups)
    }
}

#[inline]
fn hash<const TEXTS: usize>(key: &GroupKey<TEXTS>) -> u32 {
    let mut hasher = FastHasher::default();
    key.hash(&mut hasher);
    hasher.finish() as u32
}

fn split(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// A finished group.
#[derive(Debug, Clone)]
pub struct Group<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Day and texts.
    pub key: GroupKey<TEXTS>,
    /// Sums and largest values.
    pub measures: Measures<SUMS, MAXIMA>,
    /// Numbers of resource ids, in byte order of the ids.
    pub resources: Vec<u32>,
}
