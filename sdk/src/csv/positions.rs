//! A growing list of positions that a whole block's can be added to at once.
//!
//! Invariant: the list is longer than what of it counts, so that a block's positions are written where they belong
//! without asking for room one by one.

/// Positions, each relative to the start of a buffer.
#[derive(Debug)]
pub(super) struct Positions {
    slots: Vec<u32>,
    /// How many of the slots count.
    count: usize,
}

/// Positions that one block may add.
const BLOCK: usize = 64;

impl Positions {
    /// A list of one position.
    pub(super) fn of(first: u32) -> Positions {
        let mut positions = Positions { slots: Vec::new(), count: 0 };
        positions.push(first);
        positions
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        self.slots.get(..self.count).unwrap_or_default()
    }

    pub(super) fn get(&self, at: usize) -> Option<u32> {
        self.as_slice().get(at).copied()
    }

    #[inline]
    pub(super) fn push(&mut self, position: u32) {
        if self.count >= self.slots.len() {
            self.grow();
        }
        if let Some(slot) = self.slots.get_mut(self.count) {
            *slot = position;
            self.count += 1;
        }
    }

    /// Adds `base` + the number of each bit that is set. Eight are written at a time, whether or not so many are left:
    /// most blocks then take one round, and no branch asks how many fields a block has.
    #[inline]
    pub(super) fn push_bits(&mut self, base: u32, mut bits: u64) {
        if self.count + BLOCK > self.slots.len() {
            self.grow();
        }
        let Some(room) = self.slots.get_mut(self.count..).and_then(|rest| rest.first_chunk_mut::<BLOCK>()) else {
            return;
        };
        self.count += bits.count_ones() as usize;
        for eight in room.as_chunks_mut::<8>().0 {
            for slot in eight {
                *slot = base.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
            if bits == 0 {
                break;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.slots.resize((self.slots.len() * 2).max(16 * BLOCK), 0);
    }

    pub(super) fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count);
    }

    /// Forgets the first positions and the first `gone` bytes of the buffer.
    pub(super) fn forget(&mut self, first: usize, gone: u32) {
        let count = self.count.saturating_sub(first);
        self.slots.copy_within(first.min(self.count)..self.count, 0);
        self.count = count;
        self.slots.iter_mut().take(count).for_each(|position| *position = position.wrapping_sub(gone));
    }
}
