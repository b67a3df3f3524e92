//! The order of groups by their days and texts.
//!
//! Keys are large and their texts far apart. So the texts of each place are numbered as densely as they are there, and a
//! key becomes one number, which for most summaries has, with the group's own number below it, less than 64 bits.

use super::layout::GroupKey;
use super::texts::{Interner, Ranks};

/// Bits that a key's number may have where 64 are too few; the group's own number stands below it.
const BITS: u32 = 96;

/// The numbers of these groups in the order of their keys' texts.
pub(super) fn order<const TEXTS: usize>(
    groups: &[u32],
    key: impl Fn(u32) -> GroupKey<TEXTS>,
    interner: &Interner,
) -> Vec<u32> {
    let ranks = interner.ranks(groups.iter().flat_map(|group| key(*group).texts));
    let packing = Packing::new(groups.iter().map(|group| key(*group)), &ranks);
    let own = bits_of(groups.iter().copied().max().unwrap_or_default());
    if packing.bits() + own <= u64::BITS {
        let packed =
            groups.iter().map(|group| (packing.number(&key(*group), &ranks) as u64) << own | u64::from(*group));
        let mut packed: Vec<u64> = packed.collect();
        packed.sort_unstable();
        let mask = (1_u64 << own) - 1;
        return packed.into_iter().map(|packed| (packed & mask) as u32).collect();
    }
    if packing.bits() <= BITS {
        let packed = groups.iter().map(|group| packing.number(&key(*group), &ranks) << 32 | u128::from(*group));
        let mut packed: Vec<u128> = packed.collect();
        packed.sort_unstable();
        return packed.into_iter().map(|packed| packed as u32).collect();
    }
    let mut order = groups.to_vec();
    order.sort_unstable_by_key(|group| {
        let key = key(*group);
        (key.day, key.texts.map(|id| ranks.of(id)))
    });
    order
}

/// How keys become numbers.
struct Packing {
    first_day: i32,
    day_bits: u32,
    /// By place of the key: by rank, the place among the texts that are there; and the bits of these.
    places: Vec<(Vec<u32>, u32)>,
}

impl Packing {
    fn new<const TEXTS: usize>(keys: impl Iterator<Item = GroupKey<TEXTS>>, ranks: &Ranks) -> Packing {
        let mut days = (i32::MAX, i32::MIN);
        let mut places = vec![(vec![0_u32; ranks.count() + 1], 0); TEXTS];
        for key in keys {
            days = (days.0.min(key.day), days.1.max(key.day));
            for ((seen, _), id) in places.iter_mut().zip(key.texts) {
                if let Some(seen) = seen.get_mut(ranks.of(id) as usize) {
                    *seen = 1;
                }
            }
        }
        for (seen, bits) in &mut places {
            let mut next = 0;
            for seen in seen.iter_mut() {
                next += std::mem::replace(seen, next);
            }
            *bits = bits_of(next.saturating_sub(1));
        }
        let range = days.1.checked_sub(days.0).map_or(u32::MAX, i32::cast_unsigned);
        Packing { first_day: days.0, day_bits: bits_of(range), places }
    }

    fn bits(&self) -> u32 {
        self.day_bits + self.places.iter().map(|(_, bits)| bits).sum::<u32>()
    }

    #[inline]
    fn number<const TEXTS: usize>(&self, key: &GroupKey<TEXTS>, ranks: &Ranks) -> u128 {
        let day = u128::from(key.day.wrapping_sub(self.first_day).cast_unsigned());
        self.places.iter().zip(key.texts).fold(day, |number, ((dense, bits), id)| {
            number << bits | u128::from(dense.get(ranks.of(id) as usize).copied().unwrap_or_default())
        })
    }
}

/// Bits of numbers up to this one.
fn bits_of(largest: u32) -> u32 {
    u32::BITS - largest.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(keys: &[(i32, [String; 3])]) -> (Vec<u32>, Vec<u32>) {
        let mut interner = Interner::new();
        let coded: Vec<GroupKey<3>> = keys
            .iter()
            .map(|(day, texts)| GroupKey { day: *day, texts: texts.each_ref().map(|text| interner.id(text)) })
            .collect();
        let groups: Vec<u32> = (0..keys.len() as u32).collect();
        let mut want = groups.clone();
        want.sort_by_key(|group| &keys[*group as usize]);
        let ties = |order: Vec<u32>| {
            // Groups have keys of their own; here some are the same, in any order.
            order
                .into_iter()
                .map(|group| {
                    want.iter().position(|other| keys[*other as usize] == keys[group as usize]).unwrap() as u32
                })
                .collect()
        };
        (ties(order(&groups, |group| coded[group as usize], &interner)), ties(want.clone()))
    }

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_their_texts(
            keys in proptest::collection::vec((-3..3, proptest::array::uniform3("[ab]{0,3}|aaaaaaaa[ab]{0,9}")), 0..60)) {
            let (found, want) = sorted(&keys);
            prop_assert_eq!(found, want);
        }

        #[test]
        fn days_far_apart_need_more_bits_than_there_are(
            keys in proptest::collection::vec((i32::MIN..i32::MAX, proptest::array::uniform3("[a-z]{0,3}")), 0..60)) {
            let (found, want) = sorted(&keys);
            prop_assert_eq!(found, want);
        }
    }

    #[test]
    fn large_keys_are_compared_place_by_place() {
        // 32 bits of day and eight times 13 of texts.
        let mut interner = Interner::new();
        let keys: Vec<GroupKey<8>> = (0..5_000_u32)
            .map(|n| {
                let day = if n % 2 == 0 { i32::MIN } else { i32::MAX };
                let texts = std::array::from_fn(|place| {
                    interner.id(&format!("{}", n.wrapping_mul(place as u32 * 2 + 1) % 5_003))
                });
                GroupKey { day, texts }
            })
            .collect();
        let groups: Vec<u32> = (0..keys.len() as u32).collect();
        let found = order(&groups, |group| keys[group as usize], &interner);
        let texts = |group: u32| {
            let key = keys[group as usize];
            (key.day, key.texts.map(|id| interner.text(id).unwrap_or_default()))
        };
        assert!(found.is_sorted_by_key(|group| texts(*group)));
    }
}
