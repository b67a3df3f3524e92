//! Groups under construction: their measures and their resources.

mod many;

use super::chunked::Chunked;
use super::hash::FastHasher;
use super::layout::GroupKey;
use super::measures::{Measures, Overflow};
use super::order::order;
use super::resources::{Members, Resources};
use super::slots::Slots;
use super::texts::Interner;
use std::hash::{Hash as _, Hasher as _};

/// Every group so far.
#[derive(Debug)]
pub struct Groups<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Texts of keys and resources.
    pub interner: Interner,
    by_key: Slots,
    groups: Chunked<(GroupKey<TEXTS>, Measures<SUMS, MAXIMA>)>,
    resources: Resources,
    last: Option<(GroupKey<TEXTS>, u32)>,
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
            groups: Chunked::new(),
            resources: Resources::default(),
            last: None,
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
        self.resources.note(group, resource);
    }

    /// The measures of a group.
    #[inline]
    pub fn measures(&mut self, group: u32) -> Option<&mut Measures<SUMS, MAXIMA>> {
        self.groups.get_mut(group as usize).map(|(_, measures)| measures)
    }

    /// The measures of all groups.
    pub(super) fn all_measures(&mut self) -> impl Iterator<Item = &mut Measures<SUMS, MAXIMA>> {
        self.groups.iter_mut().map(|(_, measures)| measures)
    }

    /// The groups of these days in the order in which they first came, each with its resources by number: nobody reads
    /// them but another accumulator.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub(super) fn unsorted(&mut self, of_day: impl Fn(i32) -> bool) -> Result<Selected, Overflow> {
        Ok(Selected { order: self.checked(of_day)?, members: self.resources.members(self.groups.len()) })
    }

    /// The groups of these days in the order of their keys' texts, each with its resources sorted: what rows came first
    /// does not show.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub(super) fn sorted(&mut self, of_day: impl Fn(i32) -> bool) -> Result<Selected, Overflow> {
        let chosen = self.checked(of_day)?;
        let mut members = self.resources.members(self.groups.len());
        members.sort(&self.interner);
        let none = GroupKey { day: 0, texts: [0; TEXTS] };
        let key = |group: u32| self.groups.get(group as usize).map_or(none, |(key, _)| *key);
        Ok(Selected { order: order(&chosen, key, &self.interner), members })
    }

    fn checked(&self, of_day: impl Fn(i32) -> bool) -> Result<Vec<u32>, Overflow> {
        let mut chosen = Vec::with_capacity(self.groups.len());
        for ((key, measures), group) in self.groups.iter().zip(0_u32..) {
            if of_day(key.day) {
                measures.check()?;
                chosen.push(group);
            }
        }
        Ok(chosen)
    }

    /// Joins selected groups that stand beside each other and of which `are_one` says so, into the last of them.
    ///
    /// # Errors
    /// When a sum does not fit its column.
    pub(super) fn join(
        &mut self,
        selected: &mut Selected,
        are_one: impl Fn(&GroupKey<TEXTS>, &GroupKey<TEXTS>) -> bool,
    ) -> Result<(), Overflow> {
        let mut kept: Vec<u32> = Vec::with_capacity(selected.order.len());
        for &group in &selected.order {
            let before = kept.last().copied().filter(|before| {
                let keys = (self.groups.get(*before as usize), self.groups.get(group as usize));
                matches!(keys, (Some((before, _)), Some((key, _))) if are_one(before, key))
            });
            if let Some(before) = before {
                kept.pop();
                let other = self.groups.get(before as usize).map(|(_, measures)| *measures).unwrap_or_default();
                if let Some(measures) = self.measures(group) {
                    measures.merge(&other)?;
                    measures.check()?;
                }
                selected.members.join(before, group, &self.interner);
            }
            kept.push(group);
        }
        selected.order = kept;
        Ok(())
    }

    /// One of the groups that were selected.
    pub(super) fn get<'a>(&'a self, group: u32, members: &'a Members) -> Option<Group<'a, TEXTS, SUMS, MAXIMA>> {
        let (key, measures) = self.groups.get(group as usize)?;
        Some(Group { key, measures, resources: members.of(group) })
    }
}

#[inline]
fn hash<const TEXTS: usize>(key: &GroupKey<TEXTS>) -> u32 {
    let mut hasher = FastHasher::default();
    key.hash(&mut hasher);
    hasher.finish() as u32
}

/// Groups in an order.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) order: Vec<u32>,
    pub(super) members: Members,
}

/// A finished group.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a, const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> {
    /// Day and texts.
    pub key: &'a GroupKey<TEXTS>,
    /// Sums and largest values.
    pub measures: &'a Measures<SUMS, MAXIMA>,
    /// Numbers of resource ids; in a result in byte order of the ids.
    pub resources: &'a [u32],
}
