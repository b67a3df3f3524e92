//! AWS Cost and Usage Reports: CUR v1 and CUR 2.0, as CSV and Parquet, into line items and daily summaries.
//!
//! Natively this is a library; for wasm32 it is the component.

pub mod columns;
pub mod discover;
pub mod manifest;
pub mod normalize;
mod reports;
pub mod settings;
pub mod summary;
