//! Publishing against a real PostgreSQL server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod access;
mod concurrent;
mod publisher;
mod references;
mod replace;
mod schema;
mod shop;
mod types;
