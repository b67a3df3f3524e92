//! The whole program on real input, as a user runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod authors;
mod azure;
mod azure_blob;
mod bad_input;
mod cli;
mod concurrent;
mod contract;
mod corpus;
mod crash;
mod fuel;
mod lifecycle;
mod plugin_registry;
mod plugin_store;
mod plugin_try;
mod postgres_aws;
mod postgres_lifecycle;
mod postgres_tally;
mod readers;
mod real_reports;
mod serve;
mod serve_config;
mod serve_swap;
mod summary;
mod verify;
mod workers;

/// The program as cargo built it for these tests.
const PROGRAM: &str = env!("CARGO_BIN_EXE_costhost-under-test");

/// A program on an empty lake.
fn costhost() -> costhost_tests::program::Costhost {
    costhost_tests::program::Costhost::new(PROGRAM)
}
