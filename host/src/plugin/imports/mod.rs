//! The one implementation of each import. What a plugin may do with them is decided here and nowhere else.

pub(super) mod log;
pub(super) mod storage;
