//! The daily summary.

pub mod columns;
