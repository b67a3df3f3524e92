//! AWS Cost and Usage Reports, version 1 (the "legacy" CUR).

pub mod bucket;
mod catalog;
mod charges;
pub mod columns;
mod commitments;
mod file;
mod line;
mod manifest;
pub mod month;
mod tail;
pub mod totals;

pub use bucket::{Compression, Headers, Layout, Settings, generate};
