//! What rows have in common to be summed.

use super::columns::KEY_TEXTS;

/// Day and the texts of [`KEY_TEXTS`] as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct GroupKey {
    /// Days since 1970-01-01.
    pub(crate) day: i32,
    pub(crate) texts: [u32; KEY_TEXTS.len()],
}
