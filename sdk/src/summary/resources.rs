//! Which resources took part in which groups.
//!
//! Most rows are of a resource of their own, or of one that was seen just before. So pairs are collected as they come, and
//! sorted when there are many: a table of all of them would wait for memory at every row.

use super::texts::{Interner, NONE};

/// Pairs that are collected before they are sorted, at least.
const COLLECTED: usize = 128 << 10;
/// Pairs that are remembered as seen of late; a power of two.
const REMEMBERED: usize = 1 << 12;
/// Groups with more resources than this have theirs sorted by rank: many groups, then, have the same ones.
const FEW: usize = 12;

/// Pairs of group and resource: the group in the upper half, the resource in the lower.
#[derive(Debug, Default)]
pub(super) struct Resources {
    /// Sorted, each once.
    settled: Vec<u64>,
    collected: Vec<u64>,
    remembered: Vec<u64>,
}

impl Resources {
    /// Notes that a resource took part in a group.
    #[inline]
    pub(super) fn note(&mut self, group: u32, resource: u32) {
        if resource == NONE {
            return;
        }
        let pair = u64::from(group) << 32 | u64::from(resource);
        let slot = (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & (REMEMBERED - 1);
        match self.remembered.get_mut(slot) {
            Some(known) if *known == pair => return,
            Some(known) => *known = pair,
            None => self.remembered = vec![0; REMEMBERED],
        }
        self.collected.push(pair);
        if self.collected.len() >= self.settled.len().max(COLLECTED) {
            self.settle();
        }
    }

    #[inline(never)]
    fn settle(&mut self) {
        let mut new = std::mem::take(&mut self.collected);
        new.sort_unstable();
        new.dedup();
        if self.settled.is_empty() {
            self.settled = new;
            return;
        }
        let old = std::mem::take(&mut self.settled);
        self.settled.reserve_exact(old.len() + new.len());
        let mut old = old.into_iter().peekable();
        for pair in new {
            while let Some(before) = old.next_if(|before| *before < pair) {
                self.settled.push(before);
            }
            old.next_if_eq(&pair);
            self.settled.push(pair);
        }
        self.settled.extend(old);
    }

    /// All pairs, by group; in each group by the resource's number.
    pub(super) fn members(&mut self, groups: usize) -> Members {
        if !self.collected.is_empty() {
            self.settle();
        }
        let mut spans = Vec::with_capacity(groups);
        let mut end = 0;
        for group in 0..groups as u64 {
            let (start, rest) = (end, self.settled.get(end..).unwrap_or_default());
            end += rest.iter().take_while(|pair| **pair >> 32 == group).count();
            spans.push((start as u32, end as u32));
        }
        Members { spans, ids: self.settled.iter().map(|pair| *pair as u32).collect() }
    }
}

/// The resources of each group.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// By group: where its resources begin and end among `ids`.
    spans: Vec<(u32, u32)>,
    ids: Vec<u32>,
}

impl Members {
    fn span(&self, group: u32) -> std::ops::Range<usize> {
        let (start, end) = self.spans.get(group as usize).copied().unwrap_or_default();
        start as usize..end as usize
    }

    /// The numbers of a group's resources.
    #[inline]
    pub(super) fn of(&self, group: u32) -> &[u32] {
        self.ids.get(self.span(group)).unwrap_or_default()
    }

    /// Sorts the resources of every group by their texts.
    pub(super) fn sort(&mut self, interner: &Interner) {
        let many = (0..self.spans.len() as u32).map(|group| self.of(group)).filter(|ids| ids.len() > FEW);
        let ranks = interner.ranks(many.flatten().copied());
        for group in 0..self.spans.len() as u32 {
            let span = self.span(group);
            match self.ids.get_mut(span).unwrap_or_default() {
                [] | [_] => {}
                ids if ids.len() > FEW => ids.sort_unstable_by_key(|id| ranks.of(*id)),
                ids => ids.sort_unstable_by(|a, b| interner.compare(*a, *b)),
            }
        }
    }
}

impl Members {
    /// Adds a group's resources to those of another group, both sorted by their texts.
    pub(super) fn join(&mut self, from: u32, to: u32, interner: &Interner) {
        let mut ids = [self.of(from), self.of(to)].concat();
        ids.sort_unstable_by(|a, b| interner.compare(*a, *b));
        ids.dedup();
        let start = self.ids.len() as u32;
        self.ids.append(&mut ids);
        if let Some(span) = self.spans.get_mut(to as usize) {
            *span = (start, self.ids.len() as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn every_pair_is_kept_once(seed in 0_u64..1000, rows in 0_usize..3 * COLLECTED) {
            let (mut resources, mut want) = (Resources::default(), BTreeSet::new());
            let mut state = seed;
            for _ in 0..rows {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (group, resource) = ((state >> 40) as u32 % 500, (state >> 20) as u32 % 400);
                resources.note(group, resource);
                want.extend((resource != NONE).then_some((group, resource)));
            }
            let members = resources.members(500);
            let pairs = (0..500).flat_map(|group| members.of(group).iter().map(move |id| (group, *id)));
            prop_assert!(pairs.eq(want.iter().copied()));
        }
    }
}
