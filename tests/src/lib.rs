//! What the end-to-end tests need: servers that run in the test's own process.

pub mod s3;
