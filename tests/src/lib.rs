//! What the end-to-end tests share: the program on a lake of its own, the data of others, and servers.
#![expect(clippy::expect_used, clippy::panic, reason = "this crate is only test code: a failure ends the test")]

pub mod azurite;
pub mod bucket;
pub mod components;
pub mod flaky;
pub mod oci;
pub mod postgres;
pub mod program;
pub mod recomputed;
pub mod s3;
pub mod service;
pub mod tally;
pub mod tokens;
