//! A generator of its own (SplitMix64), because the bytes of a bucket must not change when a crate does.

/// A stream of numbers that its seed alone decides.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// Mixes several numbers into one seed; the order of the parts counts.
#[must_use]
pub fn seed_of(parts: &[u64]) -> u64 {
    let mut state = Random(0x636f_7374_686f_7374);
    for part in parts {
        state.0 ^= *part;
        state.0 = state.next_u64();
    }
    state.0
}

/// So many words of 16 hexadecimal digits.
pub(crate) fn hex(seed: u64, words: u64) -> String {
    (0..words).map(|i| format!("{:016x}", seed_of(&[seed, i]))).collect()
}

/// A UUID that these parts decide.
#[must_use]
pub fn uuid(parts: &[u64]) -> String {
    let digits = hex(seed_of(parts), 2);
    let (mut groups, mut rest) = (Vec::new(), digits.as_str());
    for length in [8, 4, 4, 4, 12] {
        let (group, after) = rest.split_at(length);
        groups.push(group);
        rest = after;
    }
    groups.join("-")
}

impl Random {
    /// A stream for these parts.
    #[must_use]
    pub fn new(parts: &[u64]) -> Self {
        Self(seed_of(parts))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0. Slightly uneven for bounds near 2^64, which none here are.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// Whether something with these chances in ten thousand happens.
    pub fn happens(&mut self, in_ten_thousand: u64) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    /// One of `items`, if there are any.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, seed_of};

    #[test]
    fn streams_never_change() {
        let mut random = Random::new(&[7, 2025, 10]);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        let mut again = Random::new(&[7, 2025, 10]);
        assert_eq!(first, (0..3).map(|_| again.next_u64()).collect::<Vec<_>>());
        assert_ne!(seed_of(&[1, 2]), seed_of(&[2, 1]));
    }

    #[test]
    fn stays_below_its_bound() {
        let mut random = Random::new(&[1]);
        assert!((0..1000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
    }
}
