//! Long strings that come again and again, found by a glance at them.
//!
//! Invariant: a prediction only says what to compare with, so numbers are those of [`Interner::intern`].

use super::{Guess, Interner, K, finish, mix, outer_words, same, short_word, words};

/// Which string came last with some bytes like these. Long strings that come again and again are found by a few of their
/// bytes, and told for certain by comparing them all; only when that fails are all of them hashed.
#[derive(Debug, Default)]
pub(crate) struct Predictions {
    /// What [`glance`] saw in the upper half, number + 1 in the lower; 0 where free. A power of two long.
    slots: Vec<u64>,
    guesses: Vec<Guess>,
}

/// Neighbouring slots that are looked at.
const PROBES: usize = 4;

impl Predictions {
    /// Makes room for predictions of so many strings. What was predicted is forgotten.
    fn reserve(&mut self, strings: usize) {
        if self.slots.len() < strings * 2 || self.slots.is_empty() {
            self.slots = vec![0; (strings * 8).next_power_of_two().max(4096)];
        }
    }

    /// The slots in which what is seen now may be.
    #[inline]
    fn probes(&self, seen: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..PROBES).map(move |probe| (seen as usize).wrapping_add(probe) & mask)
    }

    /// The number of the string that last looked like this; `u32::MAX` for none.
    #[inline]
    fn get(&self, seen: u32) -> u32 {
        for at in self.probes(seen) {
            let slot = self.slots.get(at).copied().unwrap_or(0);
            if slot == 0 || (slot >> 32) as u32 == seen {
                return (slot as u32).wrapping_sub(1);
            }
        }
        u32::MAX
    }

    /// Notes a string that looks like this, if need be in the place of another.
    #[inline(never)]
    fn set(&mut self, seen: u32, number: u32) {
        let fits = |at: &usize| self.slots.get(*at).is_some_and(|slot| *slot == 0 || (*slot >> 32) as u32 == seen);
        let at = self.probes(seen).find(fits).or_else(|| self.probes(seen).next());
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            *slot = u64::from(seen) << 32 | u64::from(number + 1);
        }
    }
}

/// Words of long strings that a prediction goes by are so many bytes apart.
const STRIDE: usize = 32;

/// A number made of the outer words and of some between them.
#[inline]
fn glance(bytes: &[u8]) -> u64 {
    let seed = (bytes.len() as u64).wrapping_mul(K);
    let Some((first, last)) = outer_words(bytes) else { return finish(mix(seed, short_word(bytes))) };
    let stripes = bytes.as_chunks::<STRIDE>().0;
    let sampled = stripes.iter().fold(mix(mix(seed, first), last), |hash, stripe| {
        let [_, _, word, _] = words(stripe);
        mix(hash, word)
    });
    finish(sampled)
}

impl Interner {
    /// The same as [`Interner::intern_many`] for strings that are mostly long and known.
    pub(crate) fn intern_long<'a, T: Copy>(
        &mut self,
        items: &[T],
        string: impl Fn(T) -> &'a [u8],
        predictions: &mut Predictions,
        mut take: impl FnMut(T, u32, bool),
    ) {
        predictions.reserve(self.entries.len());
        let mut guesses = std::mem::take(&mut predictions.guesses);
        guesses.clear();
        // Each step waits for memory that the step before it names, so each is done for all strings before the next one.
        guesses.extend(items.iter().map(|item| Guess { number: glance(string(*item)) as u32, ..Guess::default() }));
        guesses.iter_mut().for_each(|guess| guess.number = predictions.get(guess.number));
        for guess in &mut guesses {
            // A number of before the strings were forgotten may be beyond those of now.
            match self.entries.get(guess.number as usize) {
                Some(entry) => guess.entry = *entry,
                None => guess.number = u32::MAX,
            }
        }
        std::hint::black_box(guesses.iter().fold(0, |touched, guess| touched ^ self.touch::<8>(guess.entry)));
        for (item, guess) in items.iter().zip(guesses.iter()) {
            let string = string(*item);
            let known = self.arena.get(guess.entry.start as usize..guess.entry.end as usize);
            if guess.number != u32::MAX && known.is_some_and(|known| same(known, string)) {
                take(*item, guess.number, false);
            } else {
                let (number, new) = self.intern(string);
                predictions.set(glance(string) as u32, number);
                take(*item, number, new);
            }
        }
        predictions.guesses = guesses;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn long_ones_are_numbered_as_one_by_one(blocks in proptest::collection::vec(
            proptest::collection::vec("[ab]{0,9}|[ab]a{60,64}[ab]a{30}[ab]{0,2}", 0..100), 0..6), forget in any::<bool>()) {
            let (mut many, mut single) = (Interner::default(), Interner::default());
            let mut predictions = Predictions::default();
            for block in &blocks {
                let mut found = Vec::new();
                let items: Vec<usize> = (0..block.len()).collect();
                many.intern_long(&items, |at| block[at].as_bytes(), &mut predictions, |_, number, new| {
                    found.push((number, new));
                });
                let want: Vec<_> = block.iter().map(|string| single.intern(string.as_bytes())).collect();
                prop_assert_eq!(found, want);
                if forget {
                    many.clear();
                    single.clear();
                }
            }
        }
    }
}
