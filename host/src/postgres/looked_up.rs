//! What the rows of one publication were looked up by, kept with its record.
//!
//! A change of reference tables that none of these keys meets leaves the publication as it should be. Keys are kept as
//! digests: they may be long, and may hold what a database cannot.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::digest::Parts;

/// Of how many keys of one lookup digests are kept.
const MAX_KEYS: usize = 100_000;
/// Bytes of a key's digest.
pub(super) const KEY_DIGEST: usize = 16;

/// The distinct keys that rows were looked up by, of each lookup by its place.
#[derive(Debug, Default)]
pub(super) struct LookedUp(BTreeMap<usize, HashSet<Vec<u8>>>);

impl LookedUp {
    /// Those of one lookup.
    pub(super) fn of(&mut self, lookup: usize) -> &mut HashSet<Vec<u8>> {
        self.0.entry(lookup).or_default()
    }

    /// Remembers a key, while they are not too many.
    pub(super) fn add(seen: &mut HashSet<Vec<u8>>, key: &[u8]) {
        if !seen.contains(key) && seen.len() <= MAX_KEYS {
            seen.insert(key.to_vec());
        }
    }

    /// The digests of the keys of each of `lookups` lookups, sorted and one after the other. None when they are too many.
    pub(super) fn digests(&self, lookups: usize) -> Option<Vec<Vec<u8>>> {
        if self.0.values().any(|keys| keys.len() > MAX_KEYS) {
            return None;
        }
        let sorted = |lookup| {
            let keys: BTreeSet<_> = self.0.get(&lookup).into_iter().flatten().map(|key| key_digest(key)).collect();
            keys.into_iter().flatten().collect()
        };
        Some((0..lookups).map(sorted).collect())
    }
}

/// What stands for a key.
pub(super) fn key_digest(key: &[u8]) -> [u8; KEY_DIGEST] {
    let mut digest = Parts::default();
    digest.add(key);
    digest.first()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_of_distinct_keys_in_one_order() {
        let digests = |keys: &[&str]| {
            let mut looked_up = LookedUp::default();
            for key in keys {
                LookedUp::add(looked_up.of(1), key.as_bytes());
            }
            looked_up.digests(2).unwrap()
        };
        assert_eq!(digests(&["a", "b", "a"]), digests(&["b", "a"]));
        assert_ne!(digests(&["a"]), digests(&["b"]));
        assert_eq!(digests(&["a", "b"]).iter().map(Vec::len).collect::<Vec<_>>(), [0, 2 * KEY_DIGEST]);
    }

    #[test]
    fn too_many_keys_are_not_kept() {
        let mut looked_up = LookedUp::default();
        for key in 0..MAX_KEYS {
            LookedUp::add(looked_up.of(0), &key.to_be_bytes());
        }
        assert_eq!(looked_up.digests(1).map(|keys| keys[0].len()), Some(MAX_KEYS * KEY_DIGEST));
        for key in 0..MAX_KEYS + 10 {
            LookedUp::add(looked_up.of(0), &key.to_be_bytes());
        }
        assert_eq!(looked_up.of(0).len(), MAX_KEYS + 1);
        assert_eq!(looked_up.digests(1), None);
    }
}
