//! Rows and cells set aside, within bounds.

pub use crate::bindings::costhost::provider::types::{Position, Reject};

/// Rejects that travel with one outcome; more are only counted.
pub const CARRIED: usize = 2_000;

/// Collects rejects.
#[derive(Debug, Default)]
pub struct Rejects {
    carried: Vec<Reject>,
    uncounted: u64,
}

impl Rejects {
    /// Adds one. It is made only when there is room for it.
    pub fn add(&mut self, make: impl FnOnce() -> Reject) {
        if self.carried.len() < CARRIED { self.carried.push(make()) } else { self.uncounted += 1 }
    }

    /// Whether more are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.carried.len() >= CARRIED
    }

    /// Counts one that there is no room for.
    pub(crate) fn count_one(&mut self) {
        self.uncounted += 1;
    }

    /// Takes what was collected: the rejects, and how many more there were.
    pub fn take(&mut self) -> (Vec<Reject>, u64) {
        (std::mem::take(&mut self.carried), std::mem::take(&mut self.uncounted))
    }
}
