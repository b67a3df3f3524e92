//! The groups of many keys at once.

use super::super::layout::GroupKey;
use super::{Groups, hash};

impl<const TEXTS: usize, const SUMS: usize, const MAXIMA: usize> Groups<TEXTS, SUMS, MAXIMA> {
    /// Adds the group of each row's key to `found`, as [`Groups::group`] gives it. With thousands of groups each step of a
    /// look-up - to the slot, to the key - waits for memory; here each is done for all keys before the next one, so that
    /// they wait at the same time. The measures of groups are called for too, as they are added to next.
    pub fn find<R: Copy>(&mut self, keys: &[(R, GroupKey<TEXTS>)], found: &mut Vec<(R, u32)>) {
        let begin = found.len();
        found.extend(keys.iter().map(|(row, key)| (*row, hash(key))));
        let own = found.get_mut(begin..).unwrap_or_default();
        own.iter_mut().for_each(|(_, number)| *number = self.by_key.first(*number).unwrap_or(u32::MAX));
        std::hint::black_box(own.iter().fold(0, |touched, (_, group)| touched ^ self.touch(*group)));
        for ((_, group), (_, key)) in own.iter_mut().zip(keys) {
            *group = self.group(key).0;
        }
    }

    /// Reads something of each cache line of a group.
    #[inline]
    fn touch(&self, group: u32) -> u64 {
        let Some((key, measures)) = self.groups.get(group as usize) else { return 0 };
        let line = |touched: u64, value: &i128| touched ^ *value as u64;
        let touched = measures.sums.iter().step_by(64 / size_of::<i128>()).fold(u64::from(measures.present), line);
        measures.maxima.iter().take(1).fold(touched, line) ^ u64::from(key.day.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn many_are_found_as_one_by_one(blocks in proptest::collection::vec(
            proptest::collection::vec((0i32..4, 0u32..40, 0u32..3), 0..300), 0..5)) {
            let (mut many, mut single) = (Groups::<2, 5, 1>::new(), Groups::<2, 5, 1>::new());
            for block in blocks {
                let keys: Vec<_> = block.iter().enumerate().map(|(row, &(day, a, b))| (row, GroupKey { day, texts: [a, b] })).collect();
                let mut found = vec![(usize::MAX, 7)];
                many.find(&keys, &mut found);
                let want = keys.iter().map(|(row, key)| (*row, single.group(key).0));
                prop_assert_eq!(found, std::iter::once((usize::MAX, 7)).chain(want).collect::<Vec<_>>());
            }
        }
    }
}
