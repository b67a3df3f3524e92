//! Cost reports made from a seed: what `just demo` loads, and what tests and benchmarks run on.
//!
//! The same settings always give the same bytes. Beside each bucket lies `expected.json`, the totals added up from the
//! very integers that were printed, so that a load can be checked against something that never read the files.

pub mod amount;
pub mod aws;
pub mod azure;
pub mod cell;
pub mod error;
pub mod random;
