//! Where numbered keys are, by their hashes.
//!
//! The keys themselves lie with whoever numbers them, beside what is looked at anyway: with many keys every further place
//! is a wait for memory.

/// A table of numbers.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Hash in the upper half, number + 1 in the lower; 0 where free. A power of two long, at most half full.
    slots: Vec<u64>,
}

impl Slots {
    /// The number with this hash that `is` the one looked for, or `next` where there is none: it is noted then. Numbers
    /// are given in order, from 0.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "slots are masked by the table's length")]
    pub(super) fn find_or_add(&mut self, hash: u32, next: u32, is: impl Fn(u32) -> bool) -> u32 {
        if next as usize * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            let number = slot as u32 - 1;
            if (slot >> 32) as u32 == hash && is(number) {
                return number;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = u64::from(hash) << 32 | u64::from(next + 1);
        next
    }

    /// The first number with this hash: perhaps the one looked for.
    #[inline]
    pub(super) fn first(&self, hash: u32) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            match self.slots.get(at).copied().unwrap_or(0) {
                0 => return None,
                slot if (slot >> 32) as u32 == hash => return Some(slot as u32 - 1),
                _ => at = (at + 1) & mask,
            }
        }
    }

    #[expect(clippy::indexing_slicing, reason = "slots are masked by the table's length")]
    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(1024);
        let old = std::mem::replace(&mut self.slots, vec![0; length]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = (slot >> 32) as usize & (length - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (length - 1);
            }
            self.slots[at] = slot;
        }
    }
}
