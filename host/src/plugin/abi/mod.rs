//! The tracks of the contract that this host speaks, one file each: generated bindings and conversions, no policy.

pub(super) mod v0_1;
