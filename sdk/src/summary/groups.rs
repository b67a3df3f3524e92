//! Groups under construction: their measures and their resources.

use super::hash::{FastHasher, FastSet};
use super::layout::GroupKey;
use super::measures::{Measures, Overflow};
use super::texts::{Interner, NONE};
use std::hash::{Hash as _, Hasher as _};

/// Every group so far.
#[derive(Debug)]
pub struct Groups<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Texts of keys and resources.
    pub interner: Interner,
    by_key: KeyTable,
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
            by_key: KeyTable::default(),
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
                let group = self.by_key.find_or_add(key, &self.groups);
                if group as usize == self.groups.len() {
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

/// Where the group of each key is. The keys themselves lie beside the measures, which are looked at anyway: with many
/// groups every further place is a wait for memory.
#[derive(Debug, Default)]
struct KeyTable {
    /// Hash in the upper half, group + 1 in the lower; 0 where free. A power of two long, at most half full.
    slots: Vec<u64>,
}

impl KeyTable {
    /// The number of a key's group; that of the next group if it is new.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "slots are masked by the table's length")]
    fn find_or_add<const TEXTS: usize, V>(&mut self, key: &GroupKey<TEXTS>, groups: &[(GroupKey<TEXTS>, V)]) -> u32 {
        if groups.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = hash(key);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (slot_hash, group) = split(self.slots[at]);
            if group == 0 {
                break;
            }
            if slot_hash == hash && groups.get(group as usize - 1).is_some_and(|(other, _)| other == key) {
                return group - 1;
            }
            at = (at + 1) & mask;
        }
        // Memory ends long before four billion groups.
        let next = u32::try_from(groups.len()).unwrap_or(u32::MAX - 1);
        self.slots[at] = u64::from(hash) << 32 | u64::from(next + 1);
        next
    }

    #[expect(clippy::indexing_slicing, reason = "slots are masked by the table's length")]
    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(1024);
        let old = std::mem::replace(&mut self.slots, vec![0; length]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = (slot >> 32) as usize & (length - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (length - 1);
            }
            self.slots[at] = slot;
        }
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
