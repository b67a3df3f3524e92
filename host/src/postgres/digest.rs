//! Short digests: keys of advisory locks, names of indexes, and whether something changed.

use sha2::{Digest as _, Sha256};

/// A digest of parts, each delimited, so that `ab` + `c` differs from `a` + `bc`.
#[derive(Default)]
pub(super) struct Parts(Sha256);

impl Parts {
    /// Adds one part.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// Adds a part that may be absent, which differs from an empty one.
    pub(super) fn add_option(&mut self, part: Option<&[u8]>) {
        self.0.update([u8::from(part.is_some())]);
        self.add(part.unwrap_or_default());
    }

    /// In lower-case hexadecimal digits.
    pub(super) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first `N` bytes, of at most 32.
    pub(super) fn first<const N: usize>(self) -> [u8; N] {
        let bytes: [u8; 32] = self.0.finalize().into();
        let mut first = [0; N];
        first.iter_mut().zip(bytes).for_each(|(first, byte)| *first = byte);
        first
    }

    /// As PostgreSQL wants the key of an advisory lock.
    fn lock_key(self) -> i64 {
        i64::from_be_bytes(self.first())
    }
}

/// The digest of these parts in hexadecimal digits.
pub(super) fn hex(parts: &[&str]) -> String {
    of(parts).hex()
}

/// The key of the advisory lock named by these parts.
pub(super) fn lock_key(parts: &[&str]) -> i64 {
    of(parts).lock_key()
}

fn of(parts: &[&str]) -> Parts {
    let mut digest = Parts::default();
    // Advisory locks are shared by all programs that use the database.
    digest.add(b"costhost");
    for part in parts {
        digest.add(part.as_bytes());
    }
    digest
}
