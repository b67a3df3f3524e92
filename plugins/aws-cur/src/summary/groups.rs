//! Groups under construction: their measures and their resources.

use super::hash::{FastMap, FastSet};
use super::intern::{Interner, NONE};
use super::key::GroupKey;
use super::measures::Measures;
use costhost_sdk::contract::Failure;

/// Every group so far.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) interner: Interner,
    by_key: FastMap<GroupKey, u32>,
    groups: Vec<(GroupKey, Measures)>,
    /// Group in the upper half, resource in the lower.
    resources: FastSet<u64>,
    last: Option<(GroupKey, u32)>,
    last_resource: u64,
}

impl Groups {
    pub(crate) fn new() -> Groups {
        Groups {
            interner: Interner::new(),
            by_key: FastMap::default(),
            groups: Vec::new(),
            resources: FastSet::default(),
            last: None,
            last_resource: 0,
        }
    }

    /// The group of a key and its measures. Neighbouring rows are often of one group.
    #[inline]
    pub(crate) fn group(&mut self, key: &GroupKey) -> (u32, Option<&mut Measures>) {
        let group = match self.last {
            Some((last, group)) if last == *key => group,
            _ => {
                let next = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
                let group = *self.by_key.entry(*key).or_insert(next);
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
    pub(crate) fn resource(&mut self, group: u32, resource: u32) {
        let pair = u64::from(group) << 32 | u64::from(resource);
        if resource != NONE && pair != self.last_resource {
            self.resources.insert(pair);
            self.last_resource = pair;
        }
    }

    /// The groups in the order of their keys' texts, each with its resources sorted: what rows came first does not show.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub(crate) fn sorted(&self) -> Result<Vec<Group>, Failure> {
        let ranks = self.interner.ranks();
        let rank = |id: u32| ranks.get(id as usize).copied().unwrap_or_default();
        let mut resources: Vec<(u32, u32)> = self.resources.iter().map(|&pair| split(pair)).collect();
        resources.sort_unstable_by_key(|&(group, resource)| (group, rank(resource)));

        let mut groups: Vec<Group> = Vec::with_capacity(self.groups.len());
        let mut rest = resources.as_slice();
        for (index, (key, measures)) in (0_u32..).zip(&self.groups) {
            measures.check()?;
            let (own, others) = rest.split_at(rest.partition_point(|&(group, _)| group <= index));
            let resources = own.iter().map(|&(_, resource)| resource).collect();
            groups.push(Group { key: *key, measures: *measures, resources });
            rest = others;
        }
        groups.sort_unstable_by_key(|group| (group.key.day, group.key.texts.map(rank)));
        Ok(groups)
    }
}

fn split(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// A finished group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) key: GroupKey,
    pub(crate) measures: Measures,
    /// Numbers of resource ids, in byte order of the ids.
    pub(crate) resources: Vec<u32>,
}
