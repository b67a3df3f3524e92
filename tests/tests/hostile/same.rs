//! The same input gives the same output on every machine: what WebAssembly leaves open is settled.

use crate::guest::Guest;
use crate::run::{Case, check};

#[test]
fn every_nan_has_the_same_bits() {
    check(&[Case::new("not-a-number", &Guest::named("not-a-number"))]);
}

#[test]
fn memory_ends_at_the_limit_and_nowhere_else() {
    let guest = Guest::named("memory-it-got");
    check(&[
        Case::new("memory-it-got", &guest).with(&["--max-memory", "16MiB"]),
        // A machine with less memory than the limit: an error, and never another result.
        Case::new("memory-the-machine-has-not", &guest).with(&["--max-memory", "4GiB"]).holding(1 << 30),
    ]);
}
