//! One bad guest per promise of `docs/security.md`, run by the program itself, with the text it is refused with.
//!
//! `tests/hostile/README.md` is the table of guests; the texts lie beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod archives;
mod bitflips;
mod guest;
mod identifiers;
mod image;
mod loading;
mod output;
mod paths;
mod resources;
mod run;
mod same;
mod table;
mod values;
