//! The parts of the host that untrusted bytes reach first, included by path: what is fuzzed is the code that is shipped, without the
//! hundreds of crates that the rest of the host needs.
#![allow(dead_code, unused_imports, reason = "only some of what is included is called from here")]

#[cfg(feature = "rows")]
pub mod plugin;
#[cfg(feature = "files")]
pub mod source;
