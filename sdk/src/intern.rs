//! Byte strings as small numbers, by the order in which they first came.
//!
//! The hash has a fixed seed: the same input gives the same numbers and the same work on every machine.

mod predictions;

pub(crate) use predictions::Predictions;

/// Which string one may be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guess {
    /// Its number, `u32::MAX` for none; before that, its hash.
    number: u32,
    entry: Entry,
}

/// The place of one string in the arena.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    start: u32,
    end: u32,
}

/// A set of byte strings, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// Hash in the upper half, number + 1 in the lower; 0 where free. A power of two long and at most half full.
    table: Vec<u64>,
    /// How many strings are in the table: those after them were appended.
    listed: usize,
}

const K: u64 = 0x517c_c1b7_2722_0a95;

/// One step of rustc's FxHash.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(K)
}

/// The first and the last eight bytes, which overlap where there are fewer than sixteen: strings of any length are so
/// read by whole words, without a loop over the bytes that are left.
#[inline]
fn outer_words(bytes: &[u8]) -> Option<(u64, u64)> {
    Some((u64::from_le_bytes(*bytes.first_chunk()?), u64::from_le_bytes(*bytes.last_chunk()?)))
}

/// Eight bytes at a time. Long strings go through four lanes side by side: one step waits for the step before it, and
/// the attributes of a product are hundreds of bytes.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let seed = (bytes.len() as u64).wrapping_mul(K);
    let Some((first, last)) = outer_words(bytes) else { return finish(mix(seed, short_word(bytes))) };
    let hash = mix(mix(seed, first), last);
    finish(if bytes.len() <= 16 { hash } else { long_hash(bytes, hash) })
}

#[inline]
fn finish(hash: u64) -> u64 {
    hash ^ hash >> 32
}

#[inline(never)]
fn long_hash(bytes: &[u8], seed: u64) -> u64 {
    let (stripes, rest) = bytes.as_chunks::<32>();
    let (mut a, mut b, mut c, mut d) = (seed, K, !K, !seed);
    for stripe in stripes {
        let [w, x, y, z] = words(stripe);
        (a, b, c, d) = (mix(a, w), mix(b, x), mix(c, y), mix(d, z));
    }
    // The bytes after the last whole word are in the seed.
    let hash = mix(mix(mix(a, b), c), d);
    rest.as_chunks::<8>().0.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)))
}

/// Up to seven bytes as one number, the same only for the same bytes of the same length.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    match bytes {
        [] => 0,
        [a] => u64::from(*a),
        [a, b] => u64::from(*a) | u64::from(*b) << 8,
        [a, b, c, ..] => u64::from(*a) | u64::from(*b) << 8 | u64::from(*c) << 16,
    }
}

/// Whether two byte strings are the same: by words, in line, for strings that are mostly short. What most often tells two
/// of them apart is looked at first.
#[inline(always)]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some((a_first, a_last)), Some((b_first, b_last))) = (outer_words(a), outer_words(b)) else {
        return short_word(a) == short_word(b);
    };
    a_last == b_last && a_first == b_first && (a.len() <= 16 || same_inside(a, b))
}

/// The same for long strings of one length whose first and last words are the same.
#[inline(never)]
fn same_inside(a: &[u8], b: &[u8]) -> bool {
    let ((a_stripes, a_rest), (b_stripes, b_rest)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    for (a, b) in a_stripes.iter().zip(b_stripes) {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (words(a), words(b));
        if (a0 ^ b0) | (a1 ^ b1) | (a2 ^ b2) | (a3 ^ b3) != 0 {
            return false;
        }
    }
    let (a_words, b_words) = (a_rest.as_chunks::<8>().0, b_rest.as_chunks::<8>().0);
    a_words.iter().zip(b_words).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
}

/// The words of a stripe.
#[inline(always)]
fn words(stripe: &[u8; 32]) -> [u64; 4] {
    let [a, b, c, d] = stripe.as_chunks::<8>().0 else { return [0; 4] };
    [a, b, c, d].map(|word| u64::from_le_bytes(*word))
}

impl Interner {
    /// How many strings it holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all its strings.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// The string with this number.
    #[inline]
    pub(crate) fn get(&self, number: usize) -> Option<&[u8]> {
        let entry = self.entries.get(number)?;
        self.arena.get(entry.start as usize..entry.end as usize)
    }

    /// The number of a string, and whether it is new.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the slot is masked by the table's length")]
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> (u32, bool) {
        if self.listed < self.entries.len() {
            self.list();
        }
        if self.entries.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = hash(bytes) as u32;
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.table[at];
            if slot == 0 {
                return (self.add(bytes, at, hash), true);
            }
            let number = slot as u32 - 1;
            if (slot >> 32) as u32 == hash && self.get(number as usize).is_some_and(|known| same(known, bytes)) {
                return (number, false);
            }
            at = (at + 1) & mask;
        }
    }

    /// The first string of this hash, if there is one. Only its bytes tell whether it is the one that is looked for.
    #[inline]
    fn guess(&self, hash: u32) -> Guess {
        let mask = self.table.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        let slot = loop {
            let slot = self.table.get(at).copied().unwrap_or(0);
            if slot == 0 || (slot >> 32) as u32 == hash {
                break slot;
            }
            at = (at + 1) & mask;
        };
        let number = (slot as u32).wrapping_sub(1);
        let entry = self.entries.get(number as usize).copied().unwrap_or_default();
        Guess { number, entry }
    }

    /// Reads a byte of each of the first cache lines of a string, so that all of them are on their way when it is compared.
    #[inline]
    fn touch<const LINES: u32>(&self, entry: Entry) -> u8 {
        let last = entry.end.saturating_sub(1);
        let byte = |line: u32| self.arena.get((entry.start + 64 * line).min(last) as usize).copied();
        (0..LINES).fold(0, |all, line| all ^ byte(line).unwrap_or(0))
    }

    /// The numbers of many strings, of which `string` gives each, and whether each is new; `take` is given them in order.
    ///
    /// With thousands of strings, each step of a look-up - from the hash to the slot, to the entry, to the bytes - waits for
    /// memory. Here each step is done for all strings before the next one, so that they wait at the same time.
    #[inline]
    pub(crate) fn intern_many<'a, T: Copy>(
        &mut self,
        items: &[T],
        string: impl Fn(T) -> &'a [u8],
        guesses: &mut Vec<Guess>,
        mut take: impl FnMut(T, &'a [u8], u32, bool),
    ) {
        guesses.clear();
        guesses.extend(items.iter().map(|item| Guess { number: hash(string(*item)) as u32, ..Guess::default() }));
        guesses.iter_mut().for_each(|guess| *guess = self.guess(guess.number));
        std::hint::black_box(guesses.iter().fold(0, |touched, guess| touched ^ self.touch::<1>(guess.entry)));
        for (item, guess) in items.iter().zip(guesses.iter()) {
            let string = string(*item);
            let known = self.arena.get(guess.entry.start as usize..guess.entry.end as usize);
            if guess.number != u32::MAX && known.is_some_and(|known| same(known, string)) {
                take(*item, string, guess.number, false);
            } else {
                let (number, new) = self.intern(string);
                take(*item, string, number, new);
            }
        }
    }

    #[inline(never)]
    fn add(&mut self, bytes: &[u8], at: usize, hash: u32) -> u32 {
        let number = self.append(bytes);
        self.listed = self.entries.len();
        if let Some(slot) = self.table.get_mut(at) {
            *slot = u64::from(hash) << 32 | u64::from(number + 1);
        }
        number
    }

    /// The number of a string that is known to be new. It is looked up by nobody before the next [`Interner::intern`].
    pub(crate) fn append(&mut self, bytes: &[u8]) -> u32 {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        self.entries.push(Entry { start, end: self.arena.len() as u32 });
        self.entries.len() as u32 - 1
    }

    /// Enters the strings that were appended into the table.
    #[inline(never)]
    #[expect(clippy::indexing_slicing, reason = "the slot is masked by the table's length")]
    fn list(&mut self) {
        while self.entries.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        for number in self.listed..self.entries.len() {
            let hash = hash(self.get(number).unwrap_or_default()) as u32;
            let mut at = hash as usize & mask;
            while self.table[at] != 0 {
                at = (at + 1) & mask;
            }
            self.table[at] = u64::from(hash) << 32 | (number as u64 + 1);
        }
        self.listed = self.entries.len();
    }

    #[inline(never)]
    #[expect(clippy::indexing_slicing, reason = "the slot is masked by the table's length")]
    fn grow(&mut self) {
        let len = (self.table.len() * 2).max(64);
        let old = std::mem::replace(&mut self.table, vec![0; len]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = (slot >> 32) as usize & (len - 1);
            while self.table[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            self.table[at] = slot;
        }
    }

    /// Forgets all strings and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        self.table.fill(0);
        self.listed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn numbers_as_a_hash_map_would(strings in proptest::collection::vec("[ab]{0,9}|a{30,36}[ab]{0,2}", 0..300)) {
            let (mut interner, mut map) = (Interner::default(), HashMap::new());
            for string in &strings {
                let next = map.len() as u32;
                let want = *map.entry(string.clone()).or_insert(next);
                prop_assert_eq!(interner.intern(string.as_bytes()), (want, want == next));
                prop_assert_eq!(interner.get(want as usize), Some(string.as_bytes()));
            }
            prop_assert_eq!(interner.len(), map.len());
        }

        #[test]
        fn appended_strings_are_found(strings in proptest::collection::vec(("[ab]{0,9}|a{30,36}[ab]{0,2}", any::<bool>()), 0..300)) {
            let (mut appended, mut single, mut known) = (Interner::default(), Interner::default(), std::collections::HashSet::new());
            for (string, append) in &strings {
                let want = single.intern(string.as_bytes());
                let found = if known.insert(string) && *append {
                    (appended.append(string.as_bytes()), true)
                } else {
                    appended.intern(string.as_bytes())
                };
                prop_assert_eq!(found, want);
            }
        }

        #[test]
        fn many_are_numbered_as_one_by_one(blocks in proptest::collection::vec(
            proptest::collection::vec("[ab]{0,9}|a{30,36}[ab]{0,2}", 0..100), 0..6)) {
            let (mut many, mut single, mut guesses) = (Interner::default(), Interner::default(), Vec::new());
            for block in &blocks {
                let mut found = Vec::new();
                let items: Vec<usize> = (0..block.len()).collect();
                many.intern_many(&items, |at| block[at].as_bytes(), &mut guesses, |at, string, number, new| {
                    assert_eq!(string, block[at].as_bytes());
                    found.push((number, new));
                });
                let want: Vec<_> = block.iter().map(|string| single.intern(string.as_bytes())).collect();
                prop_assert_eq!(found, want);
            }
        }

        #[test]
        fn same_is_equality(a in proptest::collection::vec(0u8..2, 0..20), b in proptest::collection::vec(0u8..2, 0..20)) {
            prop_assert_eq!(same(&a, &b), a == b);
            prop_assert!(same(&a, &a.clone()));
        }
    }
}
