//! Byte strings as small numbers, by the order in which they first came.
//!
//! The hash has a fixed seed: the same input gives the same numbers and the same work on every machine.

/// The place of one string in the arena.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    start: u32,
    end: u32,
}

/// A set of byte strings, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// Number + 1 by hash, 0 where free; a power of two long and at most half full.
    table: Vec<u32>,
}

const K: u64 = 0x517c_c1b7_2722_0a95;

/// One step of rustc's FxHash.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(K)
}

/// Eight bytes at a time. Long strings go through four lanes side by side: one step waits for the step before it, and
/// the attributes of a product are hundreds of bytes.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = (bytes.len() as u64).wrapping_mul(K);
    let (stripes, rest) = bytes.as_chunks::<32>();
    if !stripes.is_empty() {
        hash = stripe_hash(stripes, hash);
    }
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    if !tail.is_empty() {
        hash = mix(hash, short_word(tail));
    }
    hash ^ hash >> 32
}

#[inline]
fn stripe_hash(stripes: &[[u8; 32]], seed: u64) -> u64 {
    let mut lanes = [seed, K, !K, !seed];
    for stripe in stripes {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = mix(*lane, u64::from_le_bytes(*word));
        }
    }
    lanes.into_iter().fold(seed, mix)
}

/// Up to seven bytes as one number.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    if let Some((low, rest)) = bytes.split_first_chunk::<4>() {
        let high = rest.iter().rev().fold(0u64, |word, b| word << 8 | u64::from(*b));
        return u64::from(u32::from_le_bytes(*low)) | high << 32;
    }
    bytes.iter().rev().fold(0, |word, b| word << 8 | u64::from(*b))
}

/// Whether two byte strings are the same: by words, in line, for strings that are mostly short and mostly the same.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let ((a_words, a_tail), (b_words, b_tail)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (x, y) in a_words.iter().zip(b_words) {
        if u64::from_le_bytes(*x) != u64::from_le_bytes(*y) {
            return false;
        }
    }
    short_word(a_tail) == short_word(b_tail)
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
    #[expect(
        clippy::indexing_slicing,
        reason = "the slot is masked by the table's length, numbers come from the table"
    )]
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> (u32, bool) {
        if self.entries.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = hash(bytes) as u32;
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let number = self.table[slot];
            if number == 0 {
                break;
            }
            let entry = self.entries[number as usize - 1];
            if entry.hash == hash && same(&self.arena[entry.start as usize..entry.end as usize], bytes) {
                return (number - 1, false);
            }
            slot = (slot + 1) & mask;
        }
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        self.entries.push(Entry { hash, start, end: self.arena.len() as u32 });
        self.table[slot] = self.entries.len() as u32;
        (self.entries.len() as u32 - 1, true)
    }

    #[expect(clippy::indexing_slicing, reason = "the slot is masked by the table's length")]
    fn grow(&mut self) {
        let len = (self.table.len() * 2).max(64);
        self.table.clear();
        self.table.resize(len, 0);
        for (number, entry) in self.entries.iter().enumerate() {
            let mut slot = entry.hash as usize & (len - 1);
            while self.table[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.table[slot] = number as u32 + 1;
        }
    }

    /// Forgets all strings and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        self.table.fill(0);
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
        fn same_is_equality(a in proptest::collection::vec(0u8..2, 0..20), b in proptest::collection::vec(0u8..2, 0..20)) {
            prop_assert_eq!(same(&a, &b), a == b);
            prop_assert!(same(&a, &a.clone()));
        }
    }
}
